// S4 and S6 side by side: the kernel slides turned round, or as it is; then what exchanging the two makes of each.
"use strict";

(() => {
  const integers = (said) => {
    const found = said
      .trim()
      .split(/[\s,]+/)
      .map((part) => part.replace("−", "-"));
    if (found.length > 6 || !found.every((part) => /^-?\d{1,3}$/.test(part)))
      throw new Convolution.Refusal("sequence_numbers", { text: said });
    return found.map(Number);
  };

  const OPERATIONS = {
    conv: { sign: -1, name: "convolution", mark: "∗" },
    corr: { sign: 1, name: "correlation", mark: "⋆" },
  };

  Gallery.picture("sequences", ({ state, width, figure }) => {
    const { say, svg, number, factor, row, text, canvas, fitting, limit } = Gallery;
    const [f, g] = [integers(state.f), integers(state.g)];
    const steps = f.length + g.length - 1;
    const chosen = Math.min(limit(figure, "i", 0, steps - 1), steps - 1);
    const room = g.length + 2 * (f.length - 1);
    const columns = Math.max(room, steps + 1.6, 4.5);
    const beside = width > 560;
    const size = fitting(beside ? width / 2 - 16 : width, columns, 40);
    const block = 5 * size + 80;
    const products = [];

    const half = ({ sign, name, mark }, key, x, top) => {
      const { start, values } = Convolution.slide(f, g, sign);
      const exchanged = Convolution.slide(g, f, sign).values;
      const i = start + chosen;
      const placed = f.map((value, a) => ({ value, at: i + sign * a, a }));
      const left = (at) => (at + f.length - 1) * size;
      const inside = placed.filter(({ at }) => at >= 0 && at < g.length);
      const terms = inside.map(({ value, at }) => `${factor(value)}·${factor(g[at])}`);
      products.push(`[f${mark}g](${number(i)}) = ${terms.join(" + ") || 0} = ${number(values[chosen])}`);
      const shifted = top + 3 * (size + 4) + 24;
      return svg(
        "g",
        { transform: `translate(${x} 0)` },
        text(0, top + 8, say(name), { anchor: "start", cls: "label" }),
        ...placed.map(({ value, at, a }) =>
          Gallery.cell(left(at), top + 22, size, value, { cls: "kernel", title: `f(${a})` }),
        ),
        row(g, {
          x: left(0),
          y: top + 26 + size,
          size,
          cls: (at) => `input ${inside.some((one) => one.at === at) ? "chosen" : ""}`,
        }),
        ...inside.map(({ value, at }) =>
          Gallery.cell(left(at), top + 30 + 2 * size, size, value * g[at], { cls: "product" }),
        ),
        text(0, shifted + size / 2, `f${mark}g`, { anchor: "start", cls: "label" }),
        row(
          values.map((value, o) => (o <= chosen ? value : undefined)),
          { x: 1.6 * size, y: shifted, size, cls: (o) => `output ${o === chosen ? "chosen" : ""}`, out: key },
        ),
        text(0, shifted + size * 1.5 + 4, `g${mark}f`, { anchor: "start", cls: "label" }),
        row(exchanged, { x: 1.6 * size, y: shifted + size + 4, size, cls: "output", out: `${key}Exchanged` }),
        text(
          1.6 * size,
          shifted + 2 * size + 16,
          values.every((value, o) => value === exchanged[o]) ? `f${mark}g = g${mark}f` : `f${mark}g ≠ g${mark}f`,
          { anchor: "start", out: `${key}Equal` },
        ),
      );
    };

    const drawn = canvas(
      beside ? 2 * columns * size + 32 : columns * size,
      (beside ? 1 : 2) * block,
      half(OPERATIONS.conv, "conv", 0, 0),
      half(OPERATIONS.corr, "corr", beside ? columns * size + 32 : 0, beside ? 0 : block),
    );
    return { drawn, sentence: products.join("; ") };
  });
})();
