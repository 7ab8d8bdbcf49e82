// S7: the input is moved, and the output moves along; with a stride only by multiples of it, and not at zero padding.
"use strict";

Gallery.picture("moving", ({ state, data, width }) => {
  const { say, row, text, canvas, fitting } = Gallery;
  const { x, w } = data;
  const { b, stride, mode } = state;
  const roll = (values, steps) =>
    values.map((_, i) => values[(((i - steps) % values.length) + values.length) % values.length]);
  const layer = (input) =>
    Convolution.passes(
      {
        operation: "conv1d",
        input_shape: [1, input.length],
        weight_shape: [1, 1, w.length],
        stride: [stride],
        padding: 1,
        pads: [[1, 1]],
        dilation: [1],
        groups: 1,
        padding_mode: mode,
      },
      { x: input, w },
    ).y;
  const moved = roll(x, b);
  const [was, now] = [layer(x), layer(moved)];
  const follows = b % stride === 0;
  const due = follows ? roll(was, b / stride) : [];
  const wrong = due.filter((value, o) => value !== now[o]).length;
  const size = fitting(width, x.length, 40);
  const lines = [
    [say("input"), x, () => "input"],
    [say("moved_input"), moved, (i) => `input ${x[i] !== moved[i] ? "chosen" : ""}`],
    [say("output"), was, () => "output"],
    [say("output_of_moved"), now, (o) => `output ${follows && due[o] === now[o] ? "" : "chosen"}`],
  ];
  const names = [undefined, "moved", "y", "yMoved"];
  const drawn = canvas(
    x.length * size,
    4 * (size + 26),
    ...lines.flatMap(([name, values, cls], k) => [
      text(2, k * (size + 26) + 9, name, { anchor: "start", cls: "label" }),
      row(values, { y: k * (size + 26) + 19, size, cls, out: names[k] }),
    ]),
  );
  const said = { b, steps: b / stride, stride, wrong };
  return { drawn, sentence: say(!follows ? "not_multiple" : wrong ? "edges" : "follows", said) };
});
