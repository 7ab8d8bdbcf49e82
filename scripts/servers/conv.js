// A convolution in JavaScript, asked by conv-oracle: conv-oracle audit --command 'node conv.js' --op conv2d
"use strict";
const fs = require("fs");
const KINDS = { float32: Float32Array, float64: Float64Array };
const FORMS = ["conv_d", "conv_transpose_d", "conv_d_input", "conv_d_weight"];
const OPERATIONS = FORMS.flatMap((form) => ["1d", "2d", "3d"].map((axes) => form.replace("_d", axes)));
const chunk = Buffer.alloc(1 << 18);
let held = Buffer.alloc(0);                                     // what has come and is not taken yet

function read() {
    const count = fs.readSync(0, chunk);
    if (count === 0) process.exit(0);                           // the audit is over
    held = Buffer.concat([held, chunk.subarray(0, count)]);
}
function taken(count) {
    while (held.length < count) read();
    const part = held.subarray(0, count);
    held = held.subarray(count);
    return part;
}
function line() {
    while (held.indexOf(10) < 0) read();
    return JSON.parse(taken(held.indexOf(10) + 1));
}
function write(answer, array = new Uint8Array(0)) {
    fs.writeFileSync(1, Buffer.concat([Buffer.from(`${JSON.stringify(answer)}\n`), new Uint8Array(array.buffer)]));
}
const must = (rule, message) => { if (!rule) throw new Error(message); };
const three = (list, one) => [...Array(3 - list.length).fill(one), ...list];
const size = (shape) => shape.reduce((product, one) => product * one, 1);

// y[n, m, o] = sum over c, k of x[n, c, o*stride + k*dilation - padding] * w[m, c, k]; the result is one of the three
function convolved(ask, given) {
    const transposed = ask.operation.startsWith("conv_transpose"), g = ask.groups, input = ask.input || ask.input_size;
    const S = three(ask.stride, 1), P = three(ask.padding, 0), D = three(ask.dilation, 1);
    const E = three(ask.output_padding || [], 0), W = ask.weight || ask.weight_size, [M, C] = W;
    const K = three(W.slice(2), 1), known = three(input.slice(2), 1), axes = ask.stride.length;
    must(Math.min(...S, ...D, ...K, g) > 0 && Math.min(...P, ...E) >= 0 && M % g === 0, "a parameter is invalid");
    must(E.every((e, a) => e === 0 || e < Math.max(S[a], D[a])), "output_padding is less than stride or dilation");
    const O = transposed ? known : known.map((i, a) => Math.floor((i + 2 * P[a] - D[a] * (K[a] - 1) - 1) / S[a]) + 1);
    const I = transposed ? O.map((o, a) => (o - 1) * S[a] - 2 * P[a] + D[a] * (K[a] - 1) + E[a] + 1) : known;
    const N = input[0], X = [N, C * g, ...I.slice(3 - axes)], Y = [N, M, ...O.slice(3 - axes)];
    must(Math.min(...I, ...O) > 0 && `${input}` === `${transposed ? Y : X}`, "sizes or channels do not fit");
    const shape = ask.weight_size ? W : ask.input_size || transposed ? X : Y, result = new Float64Array(size(shape));
    must(`${ask.grad_output || Y}` === `${Y}` && (ask.bias || shape.slice(1))[0] === shape[1], "shapes do not fit");
    const inner = size(shape.slice(2));
    if (ask.bias) result.forEach((_, at) => { result[at] = given.bias[Math.floor(at / inner) % shape[1]]; });
    const x = shape === X ? result : given.input, w = shape === W ? result : given.weight;
    const y = shape === Y ? result : transposed ? given.input : given.grad_output;
    for (let n = 0; n < N; n++) for (let m = 0; m < M; m++) for (let c = 0; c < C; c++) {
        const image = (n * C * g + Math.floor(m / (M / g)) * C + c) * I[0], kernel = (m * C + c) * K[0];
        for (let k0 = 0; k0 < K[0]; k0++) for (let k1 = 0; k1 < K[1]; k1++) for (let k2 = 0; k2 < K[2]; k2++)
            for (let o0 = 0; o0 < O[0]; o0++) for (let o1 = 0; o1 < O[1]; o1++) for (let o2 = 0; o2 < O[2]; o2++) {
                const i0 = o0 * S[0] + k0 * D[0] - P[0], i1 = o1 * S[1] + k1 * D[1] - P[1];
                const i2 = o2 * S[2] + k2 * D[2] - P[2], at = (((n * M + m) * O[0] + o0) * O[1] + o1) * O[2] + o2;
                if (i0 < 0 || i1 < 0 || i2 < 0 || i0 >= I[0] || i1 >= I[1] || i2 >= I[2]) continue;
                const a = ((image + i0) * I[1] + i1) * I[2] + i2, b = ((kernel + k0) * K[1] + k1) * K[2] + k2;
                if (shape === Y) y[at] += x[a] * w[b];
                else if (shape === X) x[a] += w[b] * y[at];
                else w[b] += x[a] * y[at];
            }
    }
    return [shape, KINDS[ask.dtype].from(result)];
}
function answered(ask) {
    const given = {}, data = new Uint8Array(taken(ask.bytes)).buffer;
    let from = 0;
    for (const name of ["input", "weight", "bias", "grad_output"].filter((one) => ask[one])) {
        given[name] = new KINDS[ask.dtype](data, from, size(ask[name]));
        from += given[name].byteLength;
    }
    try {
        const [shape, result] = convolved(ask, given);
        write({ dtype: ask.dtype, shape, bytes: result.byteLength }, result);
    } catch (error) {
        write({ error: error.message });
    }
}
for (let ask = line(); ; ask = line())
    if (ask.protocol) write({ protocol: 1, operations: OPERATIONS, dtypes: Object.keys(KINDS) }); else answered(ask);
