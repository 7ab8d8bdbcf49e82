// S2: the matrix of a dense layer beside the band of a convolution, and the weights that each stores.
"use strict";

Gallery.picture("band", ({ state, width }) => {
  const { say, svg, text, canvas, fitting, number } = Gallery;
  const { n } = state;
  const p = Math.min(state.p, n);
  const rows = n - p + 1;
  const beside = width > 560;
  const size = fitting(beside ? width / 2 - 20 : width, n, 26);
  const matrix = (x, y, cls, title) =>
    svg(
      "g",
      {},
      text(x + (n * size) / 2, y + 8, title, { cls: "label" }),
      ...Convolution.range(rows * n).map((at) => {
        const [i, j] = [Math.floor(at / n), at % n];
        return svg("rect", {
          x: x + j * size + 1,
          y: y + 20 + i * size + 1,
          width: size - 2,
          height: size - 2,
          rx: 2,
          class: `cell ${cls(i, j)}`,
        });
      }),
      ...(cls === banded
        ? Convolution.range(rows * p).map((at) => {
            const [i, j] = [Math.floor(at / p), at % p];
            return text(x + (i + j + 0.5) * size, y + 20 + (i + 0.5) * size, j + 1, { size: Math.min(13, size * 0.6) });
          })
        : []),
    );
  const dense = () => "kernel";
  const banded = (i, j) => (j >= i && j < i + p ? `tint${j - i}` : "ghost");
  const height = rows * size + 26;
  const drawn = canvas(
    beside ? 2 * n * size + 40 : n * size,
    beside ? height : 2 * height + 10,
    matrix(0, 0, dense, say("dense")),
    matrix(beside ? n * size + 40 : 0, beside ? 0 : height + 10, banded, say("band")),
  );
  const counts = { dense: rows * n, local: rows * p, shared: p };
  const sentence = [
    say("dense_counts", { count: counts.dense }),
    say("band_counts", counts),
    ...(p < state.p ? [say("clipped", { p: number(p) })] : []),
  ].join("; ");
  return { drawn, sentence };
});
