// S11: one axis of the index map, and the map of the channels, following their sliders; forward and transposed are the
// same drawing, read two ways.
"use strict";

const CHANNELS = 4;
const CHANNEL = 2;

Gallery.picture("indexmap", ({ state, width, figure }) => {
  const { say, svg, number, cell, line, text, canvas, fitting, limit } = Gallery;
  const { I, K, s, p, q, d, extra, mode, groups, transposed } = state;
  if (CHANNELS % groups)
    throw new Convolution.Refusal("groups_channels", { groups, channels: CHANNELS, outputs: CHANNELS });
  const per = CHANNELS / groups;
  const geometry = Convolution.geometry({
    operation: transposed ? "conv_transpose1d" : "conv1d",
    input_shape: [CHANNELS, I],
    weight_shape: [CHANNELS, per, K],
    stride: [s],
    padding: p,
    pads: [[p, q]],
    dilation: [d],
    groups,
    output_padding: [transposed ? extra : 0],
    padding_mode: mode,
  });
  const [inside, windows] = [geometry.inside[0], geometry.outside[0]];
  const result = geometry.output_shape[1];
  const table = geometry.tables[0];
  const chosen = Math.min(limit(figure, "o", 0, result - 1), result - 1);
  const size = fitting(width, Math.max(inside + p + q, windows), 40);
  const whole = Math.max(240, Math.max(inside + p + q, windows) * size);
  const [top, bottom] = [22, 160];
  const label = bottom + size + 14;
  const below2 = label + 26;
  const inner = (i) => (whole - (inside + p + q) * size) / 2 + (i + p) * size;
  const outer = (o) => (whole - windows * size) / 2 + o * size;
  const belongs = (o, i) => (transposed ? i === chosen : o === chosen);
  const edges = table.flatMap((row, o) => row.map((i, k) => ({ o, k, i, raw: o * s + k * d - p })));
  const drawnEdges = [...edges]
    .sort((a, b) => belongs(a.o, a.i) - belongs(b.o, b.i))
    .map(({ o, i, raw }) =>
      line(inner(raw) + size / 2, bottom, outer(o) + size / 2, top + size, `arrow ${belongs(o, i) ? "chosen" : ""}`),
    );
  const taps = edges
    .filter(({ o, i }) => belongs(o, i))
    .map(({ o, k, raw }) => {
      const [x1, x2] = [inner(raw) + size / 2, outer(o) + size / 2];
      return text(x1 + 0.3 * (x2 - x1) + 9, bottom - 0.3 * (bottom - top - size), `w${k}`, { size: 12 });
    });
  const read = new Set(edges.map(({ i }) => i));
  const marked = new Set(edges.filter(({ o, i }) => belongs(o, i)).map(({ o, i }) => (transposed ? o : i)));
  const places = Convolution.range(inside + p + q).map((at) => at - p);
  const [above, below] = transposed ? ["input", "output"] : ["output", "input"];
  const sameGroup = (m, c) => Math.floor(m / per) === Math.floor(c / per);
  const column = (c) => (whole - CHANNELS * size) / 2 + c * size;
  const channels = Convolution.range(CHANNELS);
  const ofChannel = channels.filter((c) => sameGroup(CHANNEL, c));
  const channelMap = [
    text(2, below2, say("channels_map"), { anchor: "start", cls: "label" }),
    ...channels
      .flatMap((m) => channels.filter((c) => sameGroup(m, c)).map((c) => ({ m, c })))
      .sort((a, b) => (a.m === CHANNEL) - (b.m === CHANNEL))
      .map(({ m, c }) =>
        line(
          column(c) + size / 2,
          below2 + 60 + size,
          column(m) + size / 2,
          below2 + 14 + size,
          `arrow ${m === CHANNEL ? "chosen" : ""}`,
        ),
      ),
    ...channels.map((m) => cell(column(m), below2 + 14, size, m, { cls: `output ${m === CHANNEL ? "chosen" : ""}` })),
    ...channels.map((c) =>
      cell(column(c), below2 + 60 + size, size, c, {
        cls: `input ${ofChannel.includes(c) ? "chosen" : ""}`,
        out: ofChannel.includes(c) ? "channels" : undefined,
      }),
    ),
  ];
  const drawn = canvas(
    whole,
    below2 + 64 + 2 * size,
    ...channelMap,
    text(2, 9, say(above), { anchor: "start", cls: "label" }),
    text(2, label, say(below), { anchor: "start", cls: "label" }),
    ...drawnEdges,
    ...taps,
    ...Convolution.range(windows).map((o) =>
      cell(outer(o), top, size, o, {
        cls: `${above} ${(transposed ? marked.has(o) : o === chosen) ? "chosen" : ""}`,
        out: transposed ? undefined : "o",
      }),
    ),
    ...places.map((i) => {
      const real = i >= 0 && i < inside;
      const shown = real ? i : Convolution.read(i, inside, mode);
      const mark = (transposed ? i === chosen : real && marked.has(i)) ? "chosen" : "";
      return cell(inner(i), bottom, size, shown < 0 ? "0" : shown, {
        cls: real ? `${below} ${mark} ${read.has(i) || transposed ? "" : "off"}` : "ghost",
        out: real && transposed ? "o" : undefined,
      });
    }),
  );
  const mine = edges.filter(({ o, i }) => belongs(o, i));
  const reads =
    mine.map(({ o, k, i }) => (transposed ? number(o) : i < 0 ? say("padding_at", { k }) : number(i))).join(", ") ||
    say("nothing");
  const formula = transposed
    ? `(${I}−1)·${s} − ${p} − ${q} + ${d}·(${K}−1) + ${extra} + 1 = ${result}`
    : `⌊(${I} + ${p} + ${q} − ${d}·(${K}−1) − 1) / ${s}⌋ + 1 = ${result}`;
  const unread = transposed ? 0 : Convolution.range(inside).filter((i) => !read.has(i)).length;
  const sentence = [
    `${say("size", { size: formula })}`,
    say(transposed ? "reaches" : "reads", { o: chosen, reads }),
    ...(unread ? [say("unread", { count: unread })] : []),
    say("channel_reads", { m: CHANNEL, channels: ofChannel.join(", ") }),
  ].join("; ");
  return { drawn, sentence };
});
