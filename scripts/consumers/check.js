// Checks a convolution in plain JavaScript, and three broken ones, on the golden vectors: node check.js [fixtures]
"use strict";
const path = require("path");
const { open } = require("./vectors.js");

const set = open(process.argv[2] || path.join(__dirname, "..", "..", "fixtures"));
const product = (sizes) => sizes.reduce((a, b) => a * b, 1);

// A convolution of one's own: y, and with a dy its gradients. `fault` names what is broken in it, if anything is.

function outputShape(p, biasLength) {
  const transposed = p.operation.startsWith("conv_transpose");
  const [first, second, ...kernel] = p.weight_shape;
  const size = p.input_shape.slice(-kernel.length);
  const [channels, outputs] = transposed ? [first, second * p.groups] : [second * p.groups, first];
  const extra = p.output_padding || kernel.map(() => 0);
  const most = { reflect: (i) => i - 1, circular: (i) => i }[p.padding_mode] || (() => Infinity);
  const ask = (rule, holds) => { if (!holds) throw new Error(rule); };
  ask("groups divide the channels", p.groups > 0 && first % p.groups === 0);
  ask("channels match", p.input_shape[p.input_shape.length - kernel.length - 1] === channels);
  ask("bias has one number per output channel", biasLength === undefined || biasLength === outputs);
  ask("stride and dilation are 1 or more", Math.min(...p.stride, ...p.dilation, ...size) > 0);
  ask("padding is 0 or more, and fits its mode", p.pads && p.pads.every((pair, a) =>
    Math.min(...pair) >= 0 && Math.max(...pair) <= most(size[a])));
  ask("output_padding is below stride or dilation", extra.every((o, a) =>
    o >= 0 && (o === 0 || o < Math.max(p.stride[a], p.dilation[a]))));
  const axes = kernel.map((k, a) => {
    const [pads, span] = [p.pads[a][0] + p.pads[a][1], p.dilation[a] * (k - 1) + 1];
    return transposed ? (size[a] - 1) * p.stride[a] - pads + span + extra[a]
      : Math.floor((size[a] + pads - span) / p.stride[a]) + 1;
  });
  ask("there is an output", Math.min(...axes) > 0);
  return [...p.input_shape.slice(0, -kernel.length - 1), outputs, ...axes];
}

function inside(position, size, mode) {
  if (position >= 0 && position < size) return position;
  if (mode === "replicate") return Math.min(Math.max(position, 0), size - 1);
  if (mode === "circular") return ((position % size) + size) % size;
  const folded = Math.abs(position) % Math.max(1, 2 * (size - 1));
  return mode === "reflect" ? Math.min(folded, 2 * (size - 1) - folded) : -1;
}

// Which elements a window reads: [input, weight, output] of a convolution, in flat places; transposed, output and input.
function* terms(p, inputs, outputs, fault) {
  const [first, per, ...kernel] = p.weight_shape;
  const [i, o] = [inputs.slice(-kernel.length), outputs.slice(-kernel.length)];
  const taps = [];
  for (let window = 0; window < product(o); window++) {
    for (let tap = 0; tap < product(kernel); tap++) {
      let [place, unit, w, t, out] = [0, 1, window, tap, false];
      for (let a = kernel.length - 1; a >= 0; a--) {
        const k = fault === "kernel-flipped" ? kernel[a] - 1 - (t % kernel[a]) : t % kernel[a];
        const dilation = fault === "dilation-ignored" ? 1 : p.dilation[a];
        const at = inside((w % o[a]) * p.stride[a] + k * dilation - p.pads[a][0], i[a], p.padding_mode);
        out = out || at < 0;
        place += at * unit;
        [unit, w, t] = [unit * i[a], Math.floor(w / o[a]), Math.floor(t / kernel[a])];
      }
      if (!out) taps.push([place, tap, window]);
    }
  }
  for (let n = 0; n < (inputs.length > kernel.length + 1 ? inputs[0] : 1); n++) {
    for (let m = 0; m < first; m++) {
      for (let c = 0; c < per; c++) {
        const group = fault === "group-offset-wrong" ? 0 : Math.floor(m / (first / p.groups));
        for (const [place, tap, window] of taps) {
          yield [((n * p.groups + group) * per + c) * product(i) + place, (m * per + c) * product(kernel) + tap,
            (n * first + m) * product(o) + window];
        }
      }
    }
  }
}

function convolution(p, { x, w, b, dy }, fault) {
  const parts = p.dtype === "complex64" ? 2 : 1;
  const shape = outputShape(p, b && b.length / parts);
  if (dy && dy.length !== product(shape) * parts) throw new Error("grad_output is as large as the output");
  const axes = p.weight_shape.length - 2;
  const [channels, places] = [shape[shape.length - axes - 1], product(shape.slice(-axes))];
  const [y, dx, dw, db] = [shape, p.input_shape, p.weight_shape, [channels]].map((s) => new Float64Array(product(s) * parts));
  const add = (to, t, left, l, right, r, sign) => { // with sign -1 the conjugate of left
    if (parts === 1) return void (to[t] += left[l] * right[r]);
    to[2 * t] += left[2 * l] * right[2 * r] - sign * left[2 * l + 1] * right[2 * r + 1];
    to[2 * t + 1] += left[2 * l] * right[2 * r + 1] + sign * left[2 * l + 1] * right[2 * r];
  };
  for (let t = 0; t < y.length; t++) {
    const channel = (Math.floor(t / parts / places) % channels) * parts + (t % parts);
    if (b) y[t] += b[channel];
    if (dy) db[channel] += dy[t];
  }
  const transposed = p.operation.startsWith("conv_transpose");
  for (const [i, k, o] of transposed ? terms(p, shape, p.input_shape, fault) : terms(p, p.input_shape, shape, fault)) {
    const [from, to] = transposed ? [o, i] : [i, o];
    add(y, to, w, k, x, from, 1);
    if (dy) { add(dx, from, w, k, dy, to, -1); add(dw, k, x, from, dy, to, -1); }
  }
  return { y, dx, dw, db };
}

const equal = (one, other) => one.length === other.length && one.every((value, t) => value === other[t]);
const answer = (...question) => { try { return convolution(...question); } catch (error) { return error; } };
let failed = false;
for (const fault of ["", "kernel-flipped", "dilation-ignored", "group-offset-wrong"]) {
  let [compared, wrong, surprises] = [0, 0, []];
  for (const family of ["conv", "conv_transpose", "conv_input", "conv_weight", "conv_bias"]) {
    const arrays = set.arrays(family);
    for (const c of set.cases(family)) {
      const own = (key) => arrays[`${c.id}/${key}`];
      const operands = Object.fromEntries(["x", "w", "b", "dy"].filter((name) => c.operands[name]).map((name) =>
        [name, own(name) || new Float32Array(product(c.operands[name].shape))]));
      const got = answer({ ...c.parameters, ...(c.result === "invalid" && { input_shape: c.operands.x.shape }) }, operands, fault);
      for (const [name, flags] of Object.entries(c.flags)) {
        const right = !(got instanceof Error) && equal(got[name], own(name));
        compared += 1;
        wrong += !right;
        if (right === ((flags[fault] || "0")[0] === "1")) surprises.push(`${c.id}: ${name} is ${right ? "right" : "wrong"}`);
      }
      const allowed = (c.alternatives || []).map(({ convention }) => own(`${convention}/y`));
      if (c.result === "acceptable" && !fault && !allowed.some((y) => y ? got.y && equal(got.y, y) : got instanceof Error)) {
        surprises.push(`${c.id}: no allowed answer`);
      }
      if (c.result === "invalid" && !fault && !(got instanceof Error)) surprises.push(`${c.id}: not refused`);
    }
  }
  for (const c of fault ? [] : set.cases("output_size").filter(({ result }) => result === "valid")) {
    if (String(outputShape(c.parameters)) !== String(c.outputShape)) surprises.push(`${c.id}: another size`);
  }
  failed = failed || surprises.length > 0;
  const said = surprises.length ? surprises.slice(0, 5).join("; ") : fault ? "those that are flagged" : "none";
  console.log(`${fault || "right"}: ${compared} results compared, ${wrong} wrong: ${said}`);
}
process.exit(failed ? 1 : 0);
