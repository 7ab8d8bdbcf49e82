// S10: a window on one, two or three axes; the elementwise product, summed.
"use strict";

Gallery.picture("windows", ({ state, data, width, figure }) => {
  const { say, svg, number, factor, grid, text, canvas, fitting, limit } = Gallery;
  const { kernel, image, y } = data.windows[Number(state.axes) - 1];
  const cube = (array) => (state.axes === "3" ? array : state.axes === "2" ? [array] : [[array]]);
  const [k, x, result] = [cube(kernel), cube(image), cube(y)];
  const sizes = [result.length, result[0].length, result[0][0].length];
  const last = Convolution.product(sizes) - 1;
  const flat = Math.min(limit(figure, "at", 0, last), last);
  const [d, r, c] = [Math.floor(flat / (sizes[1] * sizes[2])), Math.floor(flat / sizes[2]) % sizes[1], flat % sizes[2]];
  const inside = (s, i, j) =>
    s >= d && s < d + k.length && i >= r && i < r + k[0].length && j >= c && j < c + k[0][0].length;
  const size = fitting(width, x.length * (x[0][0].length + 0.5), 40);
  const step = (columns) => (columns + 0.5) * size;
  const slices = (cubes, top, cls, out, columns = cubes[0][0].length) =>
    cubes.map((rows, s) =>
      svg(
        "g",
        {},
        text(s * step(columns) + 2, top + 8, cubes.length > 1 ? say("slices", { d: s }) : "", {
          anchor: "start",
          cls: "label",
          size: 12,
        }),
        grid(rows, {
          x: s * step(columns),
          y: top + 18,
          size,
          cls: (i, j) => cls(s, i, j),
          out: (i, j) => out && out(s, i, j),
        }),
      ),
    );
  const tall = (rows) => rows * size + 34;
  const second = tall(x[0].length);
  const third = second + tall(k[0].length);
  const drawn = canvas(
    Math.max(x.length * step(x[0][0].length), 160),
    third + tall(sizes[1]) + 22,
    ...slices(x, 0, (s, i, j) => `input ${inside(s, i, j) ? "chosen" : ""}`),
    text(2, second, say("of_kernel"), { anchor: "start", cls: "label" }),
    ...slices(k, second + 8, () => "kernel"),
    text(2, third + 12, say("output"), { anchor: "start", cls: "label" }),
    ...slices(
      result,
      third + 20,
      (s, i, j) => `output ${s === d && i === r && j === c ? "chosen" : ""}`,
      (s, i, j) => (s === d && i === r && j === c ? "y" : undefined),
    ),
  );
  const terms = k.flatMap((rows, s) =>
    rows.flatMap((values, i) => values.map((value, j) => `${factor(value)}·${factor(x[d + s][r + i][c + j])}`)),
  );
  const sum = k.reduce(
    (all, rows, s) =>
      all +
      rows.reduce(
        (part, values, i) => part + values.reduce((one, value, j) => one + value * x[d + s][r + i][c + j], 0),
        0,
      ),
    0,
  );
  const place = `(${[d, r, c].slice(3 - Number(state.axes)).join(", ")})`;
  return { drawn, sentence: say("window", { at: place, sum: `${terms.join(" + ")} = ${number(sum)}` }) };
});
