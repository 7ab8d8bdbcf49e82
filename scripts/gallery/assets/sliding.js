// S3, S5, S8, S13: one function stays, the other slides; their product is filled, and the result is drawn as it goes.
// All values are conv_oracle's, sampled when the site was built.
"use strict";

Gallery.picture("sliding", ({ state, data, width, figure }) => {
  const { say, svg, number, canvas, path, text, line, limit } = Gallery;
  const { low, high, fine, step, f, g, y, turned, names, slope } = data.pairs[state.which];
  const x = Math.min(Math.max(limit(figure, "x", low, high), low), high);
  const at = Math.round((x - low) / step);
  const half = 170;
  const across = (z) => 30 + ((z - low) / (high - low)) * (width - 40);
  const scale = (values, top) => {
    const most = Math.max(1, ...values);
    return (value) => top + 26 + (1 - value / most) * (half - 56);
  };
  const reach = high - low;
  // Both limits of each place, the left one first; turned round, they change sides.
  const other = f.map((_, at2) => {
    const [k, side] = [Math.floor(at2 / 2), at2 % 2];
    const z = low + k * fine;
    const place = Math.round(((turned ? x - z : x + z) + reach) / fine);
    return g[2 * place + (turned ? 1 - side : side)] ?? 0;
  });
  const up = scale([...f, ...other], 0);
  const down = scale(y, half);
  const curve = (values, height) => values.map((value, k) => [across(low + Math.floor(k / 2) * fine), height(value)]);
  const area = curve(
    f.map((value, k) => value * other[k]),
    up,
  );
  const result = y.map((value, k) => [across(low + k * step), down(value)]);
  const axis = (base) => [
    line(across(low), base, across(high), base, "axis"),
    ...Convolution.range(Math.floor(high - low) + 1).map((k) =>
      text(across(low + k), base + 14, number(low + k), { cls: "label", size: 12 }),
    ),
  ];
  const [px, py] = result[at];
  const tangent = slope && [-0.6, 0.6].map((dx) => [across(x + dx), down(y[at] + dx * slope[at])]);
  const drawn = canvas(
    width,
    2 * half,
    ...axis(up(0)),
    ...axis(down(0)),
    path([[across(low), up(0)], ...area, [across(high), up(0)]], "area"),
    path(curve(f, up), "curve input"),
    path(curve(other, up), "curve kernel"),
    line(across(x), up(0), across(x), down(0), "arrow"),
    path(result, "curve output faint"),
    path(result.slice(0, at + 1), "curve output"),
    ...(tangent ? [path(tangent, "curve slope")] : []),
    svg("circle", { cx: px, cy: py, r: 5, class: "dot" }),
    text(34, 8, `${names[0]}(z)`, { anchor: "start", cls: "label" }),
    text(width - 8, 8, `${names[1]}(${turned ? "x − z" : "x + z"})`, { anchor: "end", cls: "label" }),
    text(34, half + 6, say("result"), { anchor: "start", cls: "label" }),
    text(Math.min(Math.max(px, 70), width - 70), py - 14, number(y[at]), { out: "y" }),
  );
  const said = say("at", { x: number(x), y: number(y[at]) });
  return { drawn, sentence: slope ? `${said}, ${say("slope", { slope: number(slope[at]) })}` : said };
});
