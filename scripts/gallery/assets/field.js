// Locality: what one output depends on, layer by layer, read off the index map.
"use strict";

Gallery.picture("field", ({ state, width, figure }) => {
  const { say, svg, text, line, canvas, limit } = Gallery;
  const { layers, K, s } = state;
  const o = limit(figure, "o", 0, 3);
  const levels = [new Set([o])];
  const widths = [o + 1];
  for (let layer = 0; layer < layers; layer++) {
    const outputs = Math.max(...levels[layer]) + 1;
    const size = (outputs - 1) * s + K;
    const table = Convolution.axisTable({ size, outputs, kernel: K, stride: s, before: 0, dilation: 1, mode: "zeros" });
    levels.push(new Set([...levels[layer]].flatMap((place) => table[place])));
    widths.push(size);
  }
  const most = Math.max(...widths, 6);
  const size = Math.max(6, Math.min(30, width / most));
  const rise = 62;
  const left = (level, i) => (most * size - widths[level] * size) / 2 + i * size;
  const boxes = levels.flatMap((read, level) =>
    Convolution.range(widths[level]).map((i) =>
      svg("rect", {
        x: left(level, i) + 1,
        y: level * rise + 20,
        width: size - 2,
        height: 24,
        rx: 3,
        "data-out": level === layers && read.has(i) ? "field" : undefined,
        class: `cell ${level === layers ? "input" : "output"} ${read.has(i) ? "chosen" : "off"}`,
      }),
    ),
  );
  const lines = levels
    .slice(0, -1)
    .flatMap((read, level) =>
      [...read].flatMap((place) =>
        Convolution.range(K).map((k) =>
          line(
            left(level, place) + size / 2,
            level * rise + 44,
            left(level + 1, place * s + k) + size / 2,
            (level + 1) * rise + 20,
            "arrow",
          ),
        ),
      ),
    );
  const field = [...levels[layers]].sort((a, b) => a - b);
  const drawn = canvas(
    most * size,
    layers * rise + 54,
    text(2, 9, say("output"), { anchor: "start", cls: "label" }),
    ...lines,
    ...boxes,
  );
  return { drawn, sentence: say("field", { first: field[0], last: field[field.length - 1], count: field.length }) };
});
