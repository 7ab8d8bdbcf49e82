// S12: who reads whom among the channels, and the numbers of the chosen output channel.
"use strict";

Gallery.picture("channels", ({ state, width, figure }) => {
  const { say, svg, number, row, cell, line, text, canvas, fitting, limit } = Gallery;
  const { C, M, groups } = state;
  if (C % groups || M % groups) throw new Convolution.Refusal("groups_channels", { groups, channels: C, outputs: M });
  const m = Math.min(limit(figure, "m", 0, M - 1), M - 1);
  const per = C / groups;
  const first = Math.floor(m / (M / groups)) * per;
  const mine = (c) => c >= first && c < first + per;
  const x = Convolution.range(C).map((c) => Convolution.range(5).map((i) => ((c + 1) * (i + 2)) % 7));
  const w = Convolution.range(M).map((o) =>
    Convolution.range(per).map((c) => Convolution.range(3).map((k) => ((o + 2 * c + 3 * k) % 5) - 2)),
  );
  const { y } = Convolution.passes(
    {
      operation: "conv1d",
      input_shape: [C, 5],
      weight_shape: [M, per, 3],
      stride: [1],
      padding: 0,
      pads: [[0, 0]],
      dilation: [1],
      groups,
    },
    { x: x.flat(), w: w.flat(2) },
  );
  const size = fitting(width, 13.5, 34);
  const gap = 4;
  const height = Math.max(C, M, per + 1) * (size + gap) + 24;
  const middle = 6.2 * size;
  const right = 10.4 * size;
  const top = (i) => 22 + i * (size + gap);
  const kernel = (c) => top(first + c);
  const drawn = canvas(
    13.5 * size,
    height,
    text(0, 9, say("input"), { anchor: "start", cls: "label" }),
    text(middle, 9, `w[${m}]`, { anchor: "start", cls: "label" }),
    text(right, 9, say("output"), { anchor: "start", cls: "label" }),
    ...Convolution.range(per).flatMap((c) => [
      line(5 * size, top(first + c) + size / 2, middle, kernel(c) + size / 2, "arrow chosen"),
      line(middle + 3 * size, kernel(c) + size / 2, right, top(m) + size / 2, "arrow chosen"),
    ]),
    ...x.map((values, c) => row(values, { y: top(c), size, cls: `input ${mine(c) ? "chosen" : "off"}` })),
    ...w[m].map((values, c) => row(values, { x: middle, y: kernel(c), size, cls: "kernel" })),
    ...Convolution.range(M).map((o) =>
      row(y.slice(3 * o, 3 * o + 3), {
        x: right,
        y: top(o),
        size,
        cls: `output ${o === m ? "chosen" : "off"}`,
        out: o === m ? "y" : undefined,
      }),
    ),
  );
  const shape = [M, per, 3];
  const read = Convolution.range(per)
    .map((c) => first + c)
    .join(", ");
  return {
    drawn,
    sentence: [
      say("channel_reads", { m, channels: read }),
      say("weight_shape", { shape: shape.join(", "), count: Convolution.product(shape) }),
    ].join("; "),
  };
});
