// The playground: any problem, its index map, sizes, values and gradients; its state is the page's address.
"use strict";

(() => {
  const MOST = 200000;
  const OPERANDS = ["x", "w", "b", "dy"];
  const FIELDS = [
    "operation",
    "input_shape",
    "weight_shape",
    "stride",
    "padding",
    "dilation",
    "output_padding",
    "groups",
    "padding_mode",
    "bias",
  ];
  const RESULTS = { x: "dx", w: "dw", b: "db", dy: "y" };

  // The line of notation that the fields say.
  function fromFields(get) {
    const sizes = (text) =>
      text
        .trim()
        .split(/[\s,x×()]+/)
        .filter(Boolean)
        .join("x");
    const list = (letter, text, usual) =>
      text.trim() === "" || text.trim() === usual ? [] : [letter + text.trim().replace(/\s+/g, "")];
    return [
      get("operation").value,
      `x${sizes(get("input_shape").value)}`,
      `w${sizes(get("weight_shape").value)}`,
      ...list("s", get("stride").value, "1"),
      ...list("p", get("padding").value, "0"),
      ...list("o", get("output_padding").value, "0"),
      ...list("d", get("dilation").value, "1"),
      ...list("g", get("groups").value, "1"),
      ...(get("padding_mode").value === "zeros" ? [] : [get("padding_mode").value]),
      ...(get("bias").checked ? ["bias"] : []),
    ].join(" ");
  }

  function toFields(get, p) {
    const side = ([before, after]) => (before === after ? `${before}` : `${before}:${after}`);
    const short = (values) => (new Set(values).size === 1 ? `${values[0]}` : values.join(","));
    get("operation").value = p.operation.replace(/_(input|weight)$/, "");
    get("input_shape").value = p.input_shape.join(", ");
    get("weight_shape").value = p.weight_shape.join(", ");
    get("stride").value = short(p.stride);
    get("padding").value = typeof p.padding === "string" ? p.padding : short(p.pads.map(side));
    get("dilation").value = short(p.dilation);
    get("output_padding").value = short(p.output_padding);
    get("groups").value = p.groups;
    get("padding_mode").value = p.padding_mode;
    get("bias").checked = p.bias;
  }

  const numbers = (name, text, due) => {
    const found =
      text.trim() === ""
        ? []
        : text
            .trim()
            .split(/[\s,]+/)
            .map((part) => Number(part.replace("−", "-")));
    if (found.length !== due || found.some((value) => !Number.isFinite(value))) {
      throw new Convolution.Refusal("values_numbers", { name, due, text: text.trim().slice(0, 60) });
    }
    return found;
  };

  // The address after #: the notation, and the values that were typed.
  function address(line, typed) {
    return [
      line,
      ...Object.entries(typed).map(
        ([name, text]) =>
          `${name}=${text
            .trim()
            .split(/[\s,]+/)
            .join(",")}`,
      ),
    ]
      .map(encodeURIComponent)
      .join(";");
  }

  function ofAddress(hash) {
    const [line, ...rest] = hash.replace(/^#/, "").split(";").map(decodeURIComponent);
    return {
      line,
      typed: Object.fromEntries(
        rest.map((part) => [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1).replaceAll(",", " ")]),
      ),
    };
  }

  function block(title, content, out) {
    const element = document.createElement("section");
    const heading = Object.assign(document.createElement("h3"), { textContent: title });
    const body = Object.assign(document.createElement("pre"), { textContent: content, tabIndex: 0 });
    if (out) body.dataset.out = out;
    element.append(heading, body);
    return element;
  }

  // An array as rows of numbers, a blank line between matrices.
  function printed(values, shape) {
    const columns = shape[shape.length - 1] || 1;
    const rows = shape.length > 1 ? shape[shape.length - 2] : 1;
    const wide = Math.max(...values.map((value) => Gallery.number(value, 4).length), 1);
    const lines = [];
    for (let at = 0; at < values.length; at += columns) {
      if (at && rows > 1 && at % (columns * rows) === 0) lines.push("");
      lines.push(
        values
          .slice(at, at + columns)
          .map((value) => Gallery.number(value, 4).padStart(wide))
          .join(" "),
      );
    }
    return lines.join("\n");
  }

  function formula({ size, kernel, stride, before, after, dilation, extra }, transposed) {
    return transposed
      ? `(${size} − 1)·${stride} − ${before} − ${after} + ${dilation}·(${kernel} − 1) + ${extra} + 1`
      : `⌊(${size} + ${before} + ${after} − ${dilation}·(${kernel} − 1) − 1) / ${stride}⌋ + 1`;
  }

  function tables(g) {
    const { say } = Gallery;
    return g.tables.map((table, axis) => {
      const shown = (i) => (i < 0 ? "·" : String(i));
      const wide = Math.max(2, String(g.inside[axis]).length + 1);
      const rows = table.map(
        (row, o) => `${String(o).padStart(3)} │ ${row.map((i) => shown(i).padStart(wide)).join("")}`,
      );
      return block(say("table", { axis }), rows.join("\n"), `table${axis}`);
    });
  }

  const remembered = new WeakMap();

  Gallery.picture("playground", ({ figure, redraw }) => {
    const { say } = Gallery;
    const get = (name) => Gallery.control(figure, name);
    let memory = remembered.get(figure);
    if (!memory) {
      memory = { typed: {}, fields: null, line: null, values: {}, edited: null };
      remembered.set(figure, memory);
      figure.addEventListener(
        "input",
        ({ target }) => {
          memory.edited = target.name;
        },
        true,
      );
      window.addEventListener("hashchange", () => {
        if (location.hash !== memory.hash) {
          memory.fromAddress = true;
          redraw();
        }
      });
      memory.fromAddress = location.hash.length > 1;
    }
    if (memory.fromAddress) {
      const { line, typed } = ofAddress(location.hash);
      get("notation").value = line;
      memory.typed = typed;
      memory.line = line;
      memory.fromAddress = false;
    } else if (FIELDS.includes(memory.edited)) {
      get("notation").value = fromFields(get);
    } else if (OPERANDS.includes(memory.edited)) {
      memory.typed[memory.edited] = get(memory.edited).value;
    }
    const line = get("notation").value;
    if (memory.line !== null && line !== memory.line) memory.typed = {};
    memory.line = line;
    const edited = memory.edited;
    memory.edited = null;

    const p = Convolution.parse(line);
    if (!FIELDS.includes(edited)) toFields(get, p);
    const g = Convolution.geometry(p);
    const count = g.batch * g.first * g.per * Convolution.product(g.kernel) * Convolution.product(g.outside);
    if (count > MOST) throw new Convolution.Refusal("too_large", { most: MOST, count });
    const shapes = { x: p.input_shape, w: p.weight_shape, b: [g.out_channels], dy: g.output_shape };
    const operands = {};
    for (const name of OPERANDS) {
      const due = Convolution.product(shapes[name]);
      if (!(name in memory.typed))
        memory.values[name] = Convolution.operand(`${Convolution.notation(p)}/${name}`, due, 4);
      if (name !== edited) get(name).value = memory.typed[name] ?? memory.values[name].join(" ");
      get(name).disabled = name === "b" && !p.bias;
      if (name !== "b" || p.bias) operands[name] = numbers(name, get(name).value, due);
    }
    memory.hash = `#${address(Convolution.notation(p), memory.typed)}`;
    history.replaceState(null, "", memory.hash);
    const results = Convolution.passes(p, operands);
    const sizes = g.axes.map(
      (axis, a) =>
        `${say("size_formula", { axis: a })}: ${formula(axis, g.transposed)} = ${g.output_shape.at(a - g.axes.length)}`,
    );
    const show = (name, shape) =>
      block(say("shape", { name, shape: shape.join(", ") }), printed(results[name], shape), name);
    figure.querySelector(".canvas").replaceChildren(
      ...OPERANDS.slice()
        .reverse()
        .map((name) => show(RESULTS[name], shapes[name])),
      ...tables(g),
    );
    return { sentence: sizes.join("; ") + (g.transposed ? ` ${say("input_side")}` : "") };
  });
})();
