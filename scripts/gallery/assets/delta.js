// S14 and S15: the edges of a layer; what comes back along those of one input, or of one weight.
"use strict";

Gallery.picture("delta", ({ state, data, width }) => {
  const { number, factor, svg, cell, text, canvas, fitting } = Gallery;
  const { x, W, delta, by } = data;
  const chosen = state.chosen - 1;
  const size = fitting(width, x.length * 1.7, 54);
  const gap = 0.7 * size;
  const [high, low] = [26, 26 + 3.4 * size];
  const at = (i) => i * (size + gap);
  const shift = ((W.length - 1) * (size + gap)) / 2;
  const dashes = ["", "9 4", "2 4"];
  const edges = delta.flatMap((_, i) => W.map((weight, j) => ({ i, j, m: i + j, weight })));
  const mine = ({ j, m }) => (by === "input" ? m === chosen : j === chosen);
  const ordered = [...edges].sort((a, b) => mine(a) - mine(b));
  const shapes = ordered.flatMap((edge) => {
    const { i, j, m } = edge;
    const [x1, y1, x2, y2] = [at(m) + size / 2, low, at(i) + shift + size / 2, high + size];
    const along = 0.3 + 0.2 * j;
    return [
      svg("line", { x1, y1, x2, y2, class: `arrow ${mine(edge) ? "chosen" : ""}`, "stroke-dasharray": dashes[j % 3] }),
      ...(mine(edge) ? [text(x1 + (x2 - x1) * along + 12, y1 + (y2 - y1) * along, `W${j + 1}`, { size: 13 })] : []),
    ];
  });
  const parts = edges.filter(mine).sort((a, b) => a.i - b.i);
  const sum = parts.reduce((all, { i, j, m }) => all + delta[i] * (by === "input" ? W[j] : x[m]), 0);
  const letters = parts.map(({ i, j, m }) => `δ${i + 1}·${by === "input" ? `W${j + 1}` : `x${m + 1}`}`).join(" + ");
  const other = ({ j, m }) => (by === "input" ? W[j] : x[m]);
  const numbers = parts.map((edge) => `${factor(delta[edge.i])}·${factor(other(edge))}`).join(" + ");
  const drawn = canvas(
    at(x.length) - gap + 2,
    low + size + 50,
    text(2, 10, `δ = ∂L/∂h`, { anchor: "start", cls: "label" }),
    ...shapes,
    ...delta.map((value, i) =>
      cell(at(i) + shift, high, size, value, {
        cls: `error ${parts.some((edge) => edge.i === i) ? "chosen" : ""}`,
        title: `δ${i + 1}`,
      }),
    ),
    ...x.map((value, m) =>
      cell(at(m), low, size, value, {
        cls: `input ${parts.some((edge) => edge.m === m) ? "chosen" : ""}`,
        title: `x${m + 1}`,
      }),
    ),
    ...x.map((_, m) => text(at(m) + size / 2, low + size + 12, `x${m + 1}`, { cls: "label" })),
    text(2, low + size + 36, `W = [${W.map((value) => number(value)).join(", ")}]`, { anchor: "start", cls: "label" }),
    text(at(x.length) - gap, low + size + 36, `∂L/∂${by === "input" ? "x" : "W"}${chosen + 1} = ${number(sum)}`, {
      anchor: "end",
      out: "gradient",
    }),
  );
  return {
    drawn,
    sentence: `∂L/∂${by === "input" ? "x" : "W"}${chosen + 1} = ${letters} = ${numbers} = ${number(sum)}`,
  };
});
