// What every picture is made with: shapes, controls that redraw, words. A picture gives its shapes and one sentence.
"use strict";

const Gallery = (() => {
  const words = JSON.parse(document.getElementById("words").textContent);
  const pictures = {};
  const NAMESPACE = "http://www.w3.org/2000/svg";

  const say = (key, values = {}) => {
    if (!(key in words)) throw new Error(`no word: ${key}`);
    return words[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
  };

  // A number as people read it: at most `decimals` of them, a true minus.
  const number = (value, decimals = 5) => {
    const text = Number.isInteger(value) ? String(value) : String(Number(value.toFixed(decimals)));
    return text.replace("-", "−");
  };

  // A factor of a product: in brackets where it is negative.
  const factor = (value) => (value < 0 ? `(${number(value)})` : number(value));

  function svg(tag, attributes = {}, ...children) {
    const element = document.createElementNS(NAMESPACE, tag);
    for (const [name, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  const text = (x, y, said, { cls = "", anchor = "middle", size, out } = {}) =>
    svg(
      "text",
      {
        x,
        y,
        class: cls,
        "text-anchor": anchor,
        "dominant-baseline": "central",
        "data-out": out,
        style: size && `font-size:${size}px`,
      },
      String(said),
    );
  const line = (x1, y1, x2, y2, cls = "arrow") => svg("line", { x1, y1, x2, y2, class: cls });

  // A box with a number in it; `out` names the result that it shows.
  function cell(x, y, size, value, { cls = "", out, height = size, title } = {}) {
    const box = svg(
      "g",
      {},
      svg("rect", { x: x + 1, y: y + 1, width: size - 2, height: height - 2, rx: 3, class: `cell ${cls}` }),
    );
    const said = value === undefined ? "" : typeof value === "number" ? number(value, 2) : value;
    if (said !== "")
      box.append(
        text(x + size / 2, y + height / 2, said, {
          out,
          size: Math.min(14, (1.5 * size) / Math.max(1.8, said.length)),
        }),
      );
    if (title) box.append(svg("title", {}, title));
    return box;
  }

  // Numbers side by side. `cls` and `out` are for all, or functions of the place.
  function row(values, { x = 0, y = 0, size, cls = "", out, height } = {}) {
    const of = (one, i) => (typeof one === "function" ? one(i) : one);
    return svg(
      "g",
      {},
      ...values.map((value, i) => cell(x + i * size, y, size, value, { cls: of(cls, i), out: of(out, i), height })),
    );
  }

  function grid(rows, { x = 0, y = 0, size, cls = "", out } = {}) {
    const of = (one, r, c) => (typeof one === "function" ? one(r, c) : one);
    return svg(
      "g",
      {},
      ...rows.map((values, r) =>
        row(values, { x, y: y + r * size, size, cls: (c) => of(cls, r, c), out: (c) => of(out, r, c) }),
      ),
    );
  }

  const canvas = (width, height, ...children) =>
    svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img" }, ...children);

  const path = (points, cls) =>
    svg("path", {
      class: cls,
      d: points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join(""),
    });

  // The size of a cell such that so many fit beside each other.
  const fitting = (width, count, most = 38, margin = 0) =>
    Math.max(14, Math.min(most, Math.floor((width - margin) / count)));

  const value = (input) =>
    input.type === "range" ? Number(input.value) : input.type === "checkbox" ? input.checked : input.value;

  const control = (figure, name) => figure.querySelector(`[name="${name}"]`);

  // Give a slider other ends; it stays inside of them.
  function limit(figure, name, low, high) {
    const slider = control(figure, name);
    slider.min = low;
    slider.max = Math.max(low, high);
    const label = slider.parentElement.querySelector("output");
    if (label) label.textContent = number(Number(slider.value));
    return Number(slider.value);
  }

  function refused(error) {
    const values = Object.fromEntries(
      Object.entries(error.values).map(([name, one]) => [name, Array.isArray(one) ? one.join("×") : one]),
    );
    return say(error.rule, values);
  }

  function mount(figure) {
    const data = JSON.parse(figure.querySelector("script").textContent);
    const place = figure.querySelector(".canvas");
    const said = figure.querySelector(".said");
    const inputs = [...figure.querySelectorAll(".controls [name]")];
    const draw = pictures[figure.dataset.picture];
    const redraw = () => {
      for (const input of inputs) {
        const label = input.type === "range" && input.parentElement.querySelector("output");
        if (label) label.textContent = number(Number(input.value));
      }
      const state = Object.fromEntries(inputs.map((input) => [input.name, value(input)]));
      const width = Math.max(260, Math.min(760, place.clientWidth));
      try {
        const { drawn, sentence } = draw({ state, data, width, figure, redraw });
        if (drawn) {
          drawn.setAttribute("aria-label", sentence);
          place.replaceChildren(drawn);
        }
        said.textContent = sentence;
        said.classList.remove("refusal");
      } catch (error) {
        if (!(error instanceof Convolution.Refusal)) throw error;
        place.replaceChildren();
        said.textContent = say("refused", { why: refused(error) });
        said.classList.add("refusal");
      }
    };
    for (const input of inputs) input.addEventListener(input.type === "file" ? "change" : "input", redraw);
    for (const button of figure.querySelectorAll("[data-play]"))
      play(button, control(figure, button.dataset.play), redraw);
    let before = place.clientWidth;
    new ResizeObserver(() => {
      if (place.clientWidth !== before) {
        before = place.clientWidth;
        redraw();
      }
    }).observe(place);
    redraw();
  }

  // A button that moves a slider from end to end, until it is pressed again.
  function play(button, slider, redraw) {
    let timer = null;
    const stop = () => {
      clearInterval(timer);
      timer = null;
      button.setAttribute("aria-pressed", "false");
    };
    button.addEventListener("click", () => {
      if (timer) return stop();
      button.setAttribute("aria-pressed", "true");
      if (Number(slider.value) >= Number(slider.max)) slider.value = slider.min;
      timer = setInterval(
        () => {
          if (Number(slider.value) >= Number(slider.max)) return stop();
          slider.value = Number(slider.value) + Number(slider.step);
          redraw();
        },
        Math.max(60, 5000 / ((slider.max - slider.min) / slider.step)),
      );
    });
    slider.addEventListener("input", stop);
  }

  return {
    say,
    number,
    factor,
    svg,
    text,
    line,
    cell,
    row,
    grid,
    canvas,
    path,
    fitting,
    limit,
    refused,
    control,
    picture: (name, draw) => {
      pictures[name] = draw;
    },
    start: () => document.querySelectorAll("figure[data-picture]").forEach(mount),
  };
})();
