// S1: one row of the matrix meets the whole input.
"use strict";

Gallery.picture("dense", ({ state, data, width }) => {
  const { number, factor, row, grid, text, canvas, fitting } = Gallery;
  const { W, x, z, h } = data;
  const chosen = state.i - 1;
  const size = fitting(width, x.length + 4, 44, 40);
  const left = (W[0].length + 0.6) * size;
  const drawn = canvas(
    left + 4 * size,
    (x.length + 1) * size + 14,
    ...["W", "x", "z", "h"].map((name, i) =>
      text([W[0].length / 2, 0, 0, 0][i] * size + (i && left + (i - 0.5) * size + (i - 1) * 0.4 * size), 10, name, {
        cls: "label",
      }),
    ),
    grid(W, { y: 22, size, cls: (r) => `kernel ${r === chosen ? "chosen" : "off"}` }),
    grid(
      x.map((value) => [value]),
      { x: left, y: 22, size, cls: () => "input chosen" },
    ),
    grid(
      z.map((value) => [value]),
      {
        x: left + 1.4 * size,
        y: 22,
        size,
        cls: (r) => `output ${r === chosen ? "chosen" : "off"}`,
        out: (r) => (r === chosen ? "z" : undefined),
      },
    ),
    grid(
      h.map((value) => [value]),
      {
        x: left + 2.8 * size,
        y: 22,
        size,
        cls: (r) => `output ${r === chosen ? "chosen" : "off"}`,
        out: (r) => (r === chosen ? "h" : undefined),
      },
    ),
  );
  const sum = x.map((value, j) => `${factor(W[chosen][j])}·${factor(value)}`).join(" + ");
  return { drawn, sentence: `z${state.i} = ${sum} = ${number(z[chosen])}, h${state.i} = ${number(h[chosen])}` };
});
