// What a kernel makes of a wave, and of every frequency. The gains are conv_oracle's, from when the site was built.
"use strict";

Gallery.picture("frequency", ({ state, data, width }) => {
  const { say, svg, number, canvas, path, text, line } = Gallery;
  const { taps, divisor, gains } = data.lines[state.kernel];
  const { parts } = data;
  const theta = (Math.PI * state.part) / parts;
  const count = 25;
  const wave = Convolution.range(count + taps.length - 1).map((n) => Math.cos(theta * (n - 1)));
  const out = Convolution.range(count).map((n) => taps.reduce((sum, tap, k) => sum + tap * wave[n + k], 0) / divisor);
  const across = (n) => 14 + (n / (count - 1)) * (width - 28);
  const most = Math.max(1, ...gains, ...out.map(Math.abs));
  const up = (value) => 100 - (value / most) * 74;
  const along = (part) => 34 + (part / parts) * (width - 60);
  const top = Math.max(1, ...gains);
  const down = (value) => 370 - (value / top) * 130;
  const points = (values) => values.map((value, n) => [across(n), up(value)]);
  const dots = (values, cls) =>
    values.map((value, n) => svg("circle", { cx: across(n), cy: up(value), r: 3, class: cls }));
  const gain = gains[state.part];
  const drawn = canvas(
    width,
    412,
    line(across(0), up(0), across(count - 1), up(0), "axis"),
    path(points(wave.slice(1, count + 1)), "curve input"),
    path(points(out), "curve kernel"),
    ...dots(out, "dot"),
    text(14, 10, say("wave_in"), { anchor: "start", cls: "label" }),
    text(width - 14, 10, say("wave_out"), { anchor: "end", cls: "label" }),
    line(along(0), down(0), along(parts), down(0), "axis"),
    line(along(0), down(0), along(0), down(top), "axis"),
    line(along(0), down(1), along(parts), down(1), "arrow"),
    text(along(0) - 12, down(1), "1", { cls: "label" }),
    path(
      gains.map((value, part) => [along(part), down(value)]),
      "curve output",
    ),
    svg("circle", { cx: along(state.part), cy: down(gain), r: 6, class: "dot" }),
    text(Math.min(Math.max(along(state.part), 60), width - 60), down(gain) - 16, number(gain, 4), { out: "gain" }),
    text(along(parts / 2), down(0) + 20, say("theta"), { cls: "label" }),
    text(along(0) - 12, down(top) - 14, say("factor"), { cls: "label", anchor: "start" }),
  );
  return { drawn, sentence: say("response", { theta: `${state.part}π/${parts}`, gain: number(gain, 4) }) };
});
