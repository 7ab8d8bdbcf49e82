// The arithmetic of convolution on flat arrays: sizes, the index map, every pass, and the notation of a problem.
// Without a page around it, Node runs it on the golden vectors.
"use strict";

const Convolution = (() => {
  // What has no answer: the rule that it breaks, and the values that are said with it.
  class Refusal extends Error {
    constructor(rule, values = {}) {
      super(`${rule} ${JSON.stringify(values)}`);
      this.rule = rule;
      this.values = values;
    }
  }

  const ask = (holds, rule, values) => {
    if (!holds) throw new Refusal(rule, values);
  };
  const product = (sizes) => sizes.reduce((a, b) => a * b, 1);
  const range = (count) => Array.from({ length: count }, (_, i) => i);
  const span = (kernel, dilation) => dilation * (kernel - 1) + 1;
  const OUTSIDE = -1;

  // S11, both ways, of one axis.
  function outputSize({ size, kernel, stride, before, after, dilation }) {
    return Math.floor((size + before + after - span(kernel, dilation)) / stride) + 1;
  }

  function transposedSize({ size, kernel, stride, before, after, extra, dilation }) {
    return (size - 1) * stride - before - after + span(kernel, dilation) + extra;
  }

  // Where a position is read: itself, what the padding mode puts in its place, or OUTSIDE.
  function read(position, size, mode) {
    if (position >= 0 && position < size) return position;
    if (mode === "replicate") return Math.min(Math.max(position, 0), size - 1);
    if (mode === "circular") return ((position % size) + size) % size;
    if (mode !== "reflect") return OUTSIDE;
    const folded = Math.abs(position) % Math.max(1, 2 * (size - 1));
    return Math.min(folded, 2 * (size - 1) - folded);
  }

  // table[o][k] = o * stride + k * dilation - before, as it is read.
  function axisTable({ size, outputs, kernel, stride, before, dilation, mode }) {
    return range(outputs).map((o) => range(kernel).map((k) => read(o * stride + k * dilation - before, size, mode)));
  }

  // (before, after) of each axis, from numbers or words.
  function pads(p, kernel) {
    if (p.padding === "valid") return kernel.map(() => [0, 0]);
    if (p.padding !== "same") return p.pads;
    ask(
      p.stride.every((s) => s === 1),
      "same_stride",
      { stride: p.stride },
    );
    return kernel.map((k, a) => {
      const total = p.dilation[a] * (k - 1);
      return [Math.floor(total / 2), total - Math.floor(total / 2)];
    });
  }

  function checkAxis(axis, { size, kernel, stride, before, after, dilation, extra, mode }, transposed) {
    ask(Math.min(size, kernel, stride, dilation) > 0, "positive", { axis, size, kernel, stride, dilation });
    ask(Math.min(before, after, extra) >= 0, "not_negative", { axis, before, after, extra });
    const most = { reflect: size - 1, circular: size }[mode];
    ask(most === undefined || Math.max(before, after) <= most, "mode", { axis, mode, size, before, after, most });
    if (transposed) {
      ask(extra === 0 || extra < Math.max(stride, dilation), "output_padding", { axis, extra, stride, dilation });
      ask(transposedSize({ size, kernel, stride, before, after, extra, dilation }) > 0, "no_output", {
        axis,
        size,
        before,
        after,
      });
    } else {
      ask(span(kernel, dilation) <= size + before + after, "kernel_fits", {
        axis,
        kernel,
        dilation,
        span: span(kernel, dilation),
        padded: size + before + after,
      });
    }
  }

  // A problem with its sizes, as `geometry` of conv_oracle: the map runs from the input side to the output side, and a
  // transposed convolution reads it backwards.
  function geometry(p) {
    const transposed = p.operation.startsWith("conv_transpose");
    const [first, per, ...kernel] = p.weight_shape;
    const axes = kernel.length;
    const batched = p.input_shape.length === axes + 2;
    ask(batched || p.input_shape.length === axes + 1, "axes", { input: p.input_shape, weight: p.weight_shape });
    ask(p.groups > 0 && first >= p.groups && first % p.groups === 0, "groups", { groups: p.groups, weight: first });
    const size = p.input_shape.slice(-axes);
    const channels = p.input_shape[p.input_shape.length - axes - 1];
    const due = transposed ? first : per * p.groups;
    ask(channels === due, "channels", { channels, due, groups: p.groups });
    const padding = pads(p, kernel);
    const mode = p.padding_mode || "zeros";
    const extras = p.output_padding || kernel.map(() => 0);
    ask(!transposed || (mode === "zeros" && typeof p.padding !== "string"), "transposed_padding", {
      padding: p.padding,
      mode,
    });
    ask(transposed || Math.max(...extras) === 0, "output_padding_forward", {});
    const each = kernel.map((k, a) => ({
      size: size[a],
      kernel: k,
      stride: p.stride[a],
      dilation: p.dilation[a],
      before: padding[a][0],
      after: padding[a][1],
      extra: extras[a],
      mode,
    }));
    each.forEach((axis, a) => checkAxis(a, axis, transposed));
    const result = each.map((axis) => (transposed ? transposedSize(axis) : outputSize(axis)));
    const [inside, outside] = transposed ? [result, size] : [size, result];
    const tables = each.map((axis, a) => axisTable({ ...axis, size: inside[a], outputs: outside[a] }));
    const outputs = transposed ? per * p.groups : first;
    const lead = p.input_shape.slice(0, -axes - 1);
    return {
      transposed,
      axes: each,
      tables,
      groups: p.groups,
      batch: batched ? p.input_shape[0] : 1,
      first,
      per,
      inside,
      outside,
      kernel,
      output_shape: [...lead, outputs, ...result],
      out_channels: outputs,
    };
  }

  // Every product of a convolution: the flat places (of the input side, of the weight, of the output side) it pairs.
  function* terms(g) {
    const reads = [];
    for (let o = 0; o < product(g.outside); o++) {
      for (let k = 0; k < product(g.kernel); k++) {
        let [at, unit, window, tap, out] = [0, 1, o, k, false];
        for (let a = g.kernel.length - 1; a >= 0; a--) {
          const i = g.tables[a][window % g.outside[a]][tap % g.kernel[a]];
          out = out || i === OUTSIDE;
          at += i * unit;
          unit *= g.inside[a];
          window = Math.floor(window / g.outside[a]);
          tap = Math.floor(tap / g.kernel[a]);
        }
        if (!out) reads.push([at, k, o]);
      }
    }
    for (let n = 0; n < g.batch; n++) {
      for (let m = 0; m < g.first; m++) {
        for (let c = 0; c < g.per; c++) {
          const channel = Math.floor(m / (g.first / g.groups)) * g.per + c;
          for (const [i, k, o] of reads) {
            yield [
              (n * g.groups * g.per + channel) * product(g.inside) + i,
              (m * g.per + c) * product(g.kernel) + k,
              (n * g.first + m) * product(g.outside) + o,
            ];
          }
        }
      }
    }
  }

  // y, and where dy is given dx, dw and db: the gradients of the sum of dy * y.
  function passes(p, { x, w, b, dy }) {
    const g = geometry(p);
    const places = product(g.output_shape.slice(-g.kernel.length));
    ask(!b || b.length === g.out_channels, "bias", { length: b && b.length, due: g.out_channels });
    ask(!dy || dy.length === product(g.output_shape), "cotangent", {
      length: dy && dy.length,
      due: product(g.output_shape),
    });
    const [y, dx, dw, db] = [product(g.output_shape), x.length, w.length, g.out_channels].map((n) =>
      new Array(n).fill(0),
    );
    y.forEach((_, t) => {
      const channel = Math.floor(t / places) % g.out_channels;
      if (b) y[t] += b[channel];
      if (dy) db[channel] += dy[t];
    });
    for (const [i, k, o] of terms(g)) {
      const [from, to] = g.transposed ? [o, i] : [i, o];
      y[to] += w[k] * x[from];
      if (dy) {
        dx[from] += w[k] * dy[to];
        dw[k] += x[from] * dy[to];
      }
    }
    return dy ? { y, dx, dw, db } : { y };
  }

  // S4 and S6 in mode full: h(i) = sum of f(a) g(i - a), or of f(a) g(i + a); `start` is the i of the first element.
  function slide(f, g, sign) {
    const start = sign < 0 ? 0 : 1 - f.length;
    const values = range(f.length + g.length - 1).map((o) => {
      const i = start + o;
      return f.reduce((sum, value, a) => sum + value * (g[i + sign * a] ?? 0), 0);
    });
    return { start, values };
  }

  // The operands of the golden vectors: small integers without 0, from a name.
  function operand(name, count, limit) {
    let seed = 2166136261;
    for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 16777619) >>> 0;
    return range(count).map((index) => {
      let h = (seed + Math.imul(index + 1, 2654435769)) >>> 0;
      h = Math.imul(h ^ (h >>> 16), 2246822507) >>> 0;
      h = Math.imul(h ^ (h >>> 13), 3266489909) >>> 0;
      const v = ((h ^ (h >>> 16)) >>> 0) % (2 * limit);
      return v < limit ? v - limit : v - limit + 1;
    });
  }

  // The notation of conv_oracle, `conv2d x1x2x5x6 w3x2x2x3 s2,1 p1:2,0`, to parameters and back.
  const MODES = ["zeros", "reflect", "replicate", "circular"];
  const DTYPE = /^(b?float|complex|u?int)\d+$|^float8_\w+$|^object$/;

  function numbers(word, text) {
    const found = text.split(",").map((part) => (/^-?\d+$/.test(part) ? Number(part) : NaN));
    ask(!found.some(Number.isNaN), "notation_numbers", { word });
    return found;
  }

  function spread(name, values, axes) {
    ask(values.length === 1 || values.length === axes, "notation_axes", { name, axes });
    return values.length === 1 ? new Array(axes).fill(values[0]) : values;
  }

  function sides(word, text) {
    return text.split(",").map((part) => {
      const pair = numbers(word, part.replace(":", ","));
      ask(pair.length <= 2, "notation_numbers", { word });
      return [pair[0], pair[pair.length - 1]];
    });
  }

  function parse(text) {
    const [operation, input, weight, ...options] = text.trim().split(/\s+/);
    const named = /^conv(_transpose)?([123])d(_input|_weight)?$/.exec(operation);
    ask(named && /^x\d+(x\d+)*$/.test(input || "") && /^w\d+(x\d+)*$/.test(weight || ""), "notation", {
      text: text.trim(),
    });
    const axes = Number(named[2]);
    const shape = (word) => word.slice(1).split("x").map(Number);
    ask(shape(weight).length === axes + 2, "notation_weight", { operation, weight, due: axes + 2 });
    const p = {
      operation,
      input_shape: shape(input),
      weight_shape: shape(weight),
      stride: [1],
      padding: 0,
      pads: [[0, 0]],
      dilation: [1],
      groups: 1,
      bias: false,
      output_padding: [0],
      padding_mode: "zeros",
      dtype: "float64",
    };
    for (const word of options) {
      const rest = word.slice(1);
      if (word === "bias") p.bias = true;
      else if (MODES.includes(word)) p.padding_mode = word;
      else if (DTYPE.test(word)) p.dtype = word;
      else if (word === "psame" || word === "pvalid") p.padding = rest;
      else if (word[0] === "g") [p.groups] = numbers(word, rest);
      else if (word[0] === "s") p.stride = numbers(word, rest);
      else if (word[0] === "d") p.dilation = numbers(word, rest);
      else if (word[0] === "o") p.output_padding = numbers(word, rest);
      else if (word[0] === "p") p.pads = sides(word, rest);
      else throw new Refusal("notation_word", { word });
    }
    for (const name of ["stride", "pads", "dilation", "output_padding"]) p[name] = spread(name, p[name], axes);
    return p;
  }

  function notation(p) {
    const words = [p.operation, `x${p.input_shape.join("x")}`, `w${p.weight_shape.join("x")}`];
    const side = ([before, after]) => (before === after ? `${before}` : `${before}:${after}`);
    const each = (letter, values, usual) => {
      if (values.every((value) => value === usual)) return;
      words.push(letter + (new Set(values).size === 1 ? values[0] : values.join(",")));
    };
    each("s", p.stride.map(String), "1");
    if (typeof p.padding === "string") words.push(`p${p.padding}`);
    else each("p", p.pads.map(side), "0");
    each("o", p.output_padding.map(String), "0");
    each("d", p.dilation.map(String), "1");
    each("g", [String(p.groups)], "1");
    if (p.padding_mode !== "zeros") words.push(p.padding_mode);
    if (p.bias) words.push("bias");
    return words.join(" ");
  }

  return {
    Refusal,
    OUTSIDE,
    product,
    range,
    span,
    outputSize,
    transposedSize,
    read,
    axisTable,
    geometry,
    terms,
    passes,
    slide,
    operand,
    parse,
    notation,
  };
})();

if (typeof module !== "undefined") module.exports = Convolution;
