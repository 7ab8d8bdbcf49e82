"""Convolutions in every arithmetic: each sums the products of a pass, term by term, in a way of its own.

`computed(problem, operands, arithmetic)` is the pass as that arithmetic gives it. The terms of all outputs are gathered
by the index map, so that one definition serves every operation; the order of the terms is channels first, then taps.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import ml_dtypes
import numpy as np
from fast_algorithms import FFT, fft, fft_covers, winograd, winograd_covers
from strassen import halves, positions, strassen, winograd_form
from strassen import passes as by_blocks

from conv_oracle.passes import Passes
from conv_oracle.truth import fast

F32, F64 = np.float32, np.float64
FLOAT8 = {name: getattr(ml_dtypes, name) for name in ("float8_e4m3fn", "float8_e5m2")}
STORED = {"float32": F32, "float64": F64, "float16": np.float16, "bfloat16": ml_dtypes.bfloat16, **FLOAT8}
COMPLEX = {"complex64": "float32", "complex128": "float64"}
"""The format of components: a complex sum is made of two real ones, of four products to a term."""


def kept(x, bits, *, how="nearest"):
    """x with so many bits of significand, rounded to nearest even, to nearest away from zero, or cut."""
    m, e = np.frexp(np.asarray(x, F64))
    scaled = m * 2.0**bits
    rounds = {"nearest": np.rint, "cut": np.trunc, "away": lambda v: np.trunc(v + np.copysign(0.5, v))}
    return np.ldexp(rounds[how](scaled), e - bits)


def terms(problem, operands):
    """(left, right, shape): the factors of every output's terms, (outputs, terms) each."""
    g = problem.geometry
    groups, cg, mg = g.groups, g.in_channels_per_group, g.out_channels_per_group
    read = positions(g)
    operation, transposed = problem.operation, problem.transposed
    taps, outs = read.shape[1], read.shape[0]
    size = math.prod(g.input_size)
    n = g.batch
    if operation.by_weight:
        wide, narrow = ("grad_output", "input") if transposed else ("input", "grad_output")
        x = _padded(operands[wide].reshape(n, groups, cg, size))
        y = operands[narrow].reshape(n, groups, mg, outs)
        left = np.broadcast_to(x[:, :, None][..., read], (n, groups, mg, cg, outs, taps))
        right = np.broadcast_to(y[:, :, :, None, :, None], left.shape)
        order = (1, 2, 3, 5, 0, 4)
        return _flat(left, order, 4), _flat(right, order, 4), g.weight_shape
    w = operands["weight"].reshape(groups, mg, cg, taps)
    if transposed == operation.by_input:
        name = "grad_output" if operation.by_input else "input"
        x = _padded(operands[name].reshape(n, groups, cg, size))
        left = np.broadcast_to(x[:, :, None][..., read], (n, groups, mg, cg, outs, taps))
        right = np.broadcast_to(w[None, :, :, :, None, :], left.shape)
        order = (0, 1, 2, 4, 3, 5)
        return _flat(left, order, 4), _flat(right, order, 4), g.as_given(g.output_shape)
    name = "grad_output" if operation.by_input else "input"
    inverse = np.full((size, taps), outs)
    o, k = np.nonzero(read != size)
    inverse[read[o, k], k] = o
    y = _padded(operands[name].reshape(n, groups, mg, outs))
    left = np.broadcast_to(y[:, :, :, None][..., inverse], (n, groups, mg, cg, size, taps))
    right = np.broadcast_to(w[None, :, :, :, None, :], left.shape)
    order = (0, 1, 3, 4, 2, 5)
    return _flat(left, order, 4), _flat(right, order, 4), g.as_given(g.input_shape)


def _padded(x):
    """One zero more at the end: what padding reads."""
    return np.concatenate([x, np.zeros((*x.shape[:-1], 1), x.dtype)], axis=-1)


def _flat(array, order, outputs):
    array = array.transpose(order)
    return array.reshape(math.prod(array.shape[:outputs]), -1)


def sequential(dtype):
    """One accumulator of a format: a product is rounded, then the sum."""
    return lambda p: np.add.reduce(np.ascontiguousarray(p.T).astype(dtype), axis=0, dtype=dtype).astype(F64)


def fused(p):
    """float32 with fused multiply-add: float64 holds a sum of two float32 numbers and a product well enough."""
    total = np.zeros(len(p))
    for column in p.T:
        total = (total + column).astype(F32).astype(F64)
    return total


def pairwise(p):
    p = p.astype(F32)
    while p.shape[1] > 1:
        rest = p[:, p.shape[1] // 2 * 2 :]
        p = np.concatenate([p[:, 0 : p.shape[1] - 1 : 2] + p[:, 1::2], rest], axis=1)
    return p[:, 0].astype(F64)


def blocked(lanes=8, block=128):
    """Lanes of a vector within a block, blocks one after the other."""

    def add(p):
        p = np.pad(p, ((0, 0), (0, -p.shape[1] % (lanes * block)))).astype(F32)
        parts = p.reshape(len(p), -1, block, lanes)
        return sequential(F32)(sequential_axes(parts))

    def sequential_axes(parts):
        inner = np.add.reduce(np.moveaxis(parts, 2, 0).copy(), axis=0, dtype=F32)
        out = inner[..., 0]
        for lane in range(1, inner.shape[-1]):
            out = out + inner[..., lane]
        return out.astype(F64)

    return add


def kahan(p):
    total, lost = np.zeros(len(p), F32), np.zeros(len(p), F32)
    for column in p.astype(F32).T:
        y = column - lost
        new = total + y
        lost = (new - total) - y
        total = new
    return total.astype(F64)


def wide(p):
    return p.sum(axis=1)


def truncating(p):
    """float32 sums, and products, cut towards zero."""
    total = np.zeros(len(p))
    for column in kept(p, 24, how="cut").T:
        new = total + column
        back = new - total
        error = (total - (new - back)) + (column - back)
        cut = kept(new, 24, how="cut")
        over = (cut == new) & (error * np.sign(new) < 0)
        total = np.where(over, np.nextafter(cut.astype(F32), F32(0)).astype(F64), cut)
    return total


def partial(dtype, every):
    """Sums in float32 of so many terms at a time, carried on in a narrower format."""

    def add(p):
        p = np.pad(p, ((0, 0), (0, -p.shape[1] % every)))
        blocks = p.reshape(len(p), -1, every)
        inner = np.add.reduce(np.moveaxis(blocks, 2, 0).astype(F32), axis=0, dtype=F32)
        return sequential(dtype)(inner.astype(F64))

    return add


def beyond(least, add):
    """Another way of summing for more than so many terms."""
    return lambda p: add(p) if p.shape[1] > least else sequential(F32)(p)


def as_is(left, right):
    return left * right


def reduced(round_):
    return lambda left, right: round_(left) * round_(right)


def one_reduced(round_):
    return lambda left, right: left * round_(right)


def split(left, right):
    """bfloat16 twice: high and low halves, without the product of the low ones."""
    (a, b), (c, d) = ((kept(x, 8), kept(x - kept(x, 8), 8)) for x in (left, right))
    return np.concatenate([a * c, a * d, b * c], axis=1)


def half(x):
    with np.errstate(over="ignore"):
        return x.astype(np.float16).astype(F64)


def bits(number, how="nearest"):
    return lambda x: kept(x, number, how=how)


def biased(problem):
    return problem.bias


IN_FLOAT32 = sequential(F32)


@dataclass(frozen=True)
class Arithmetic:
    """How products are made and added; `passes` in place of both for a fast algorithm. `measured`: its class.

    bias_last: whether the sum of products is stored before the bias is added.
    """

    measured: str
    add: Callable = IN_FLOAT32
    multiply: Callable = as_is
    passes: Passes | None = None
    dtypes: tuple[str, ...] = ("float32",)
    least: int = 0
    covers: Callable = lambda _: True
    bias_last: bool = False

    def class_of(self, problem, terms):
        """What it is on a problem: what is not covered is summed in float32."""
        return self.measured if self.covers(problem) and terms >= self.least else "any-order"


SIXTEEN = ("float16", "bfloat16")
SINGLE = ("float32", "complex64")
DOUBLE = ("float64", "complex128")
ANY = (*SINGLE, *SIXTEEN)
ARITHMETICS = {
    "sequential": Arithmetic("any-order", dtypes=ANY),
    "pairwise": Arithmetic("any-order", pairwise, dtypes=ANY),
    "blocked": Arithmetic("any-order", blocked(), dtypes=ANY),
    "fused": Arithmetic("any-order", fused),
    "kahan": Arithmetic("any-order", kahan, dtypes=ANY),
    "wide": Arithmetic("wide", wide, dtypes=ANY),
    "sequential float64": Arithmetic("any-order", sequential(F64), dtypes=DOUBLE),
    "tf32": Arithmetic("reduced-inputs", multiply=reduced(bits(11)), dtypes=SINGLE),
    "tf32 cut": Arithmetic("reduced-inputs", multiply=reduced(bits(11, "cut")), dtypes=SINGLE),
    "tf32 away": Arithmetic("reduced-inputs", multiply=reduced(bits(11, "away"))),
    "tf32 in one operand": Arithmetic("reduced-inputs", multiply=one_reduced(bits(11))),
    "bf16 inputs": Arithmetic("reduced-inputs", multiply=reduced(bits(8)), dtypes=SINGLE),
    "bf16 inputs of float16": Arithmetic("reduced-inputs", multiply=reduced(bits(8)), dtypes=("float16",)),
    "fp16 inputs": Arithmetic("reduced-inputs", multiply=reduced(half)),
    "bf16x2": Arithmetic("reduced-inputs", multiply=split, dtypes=SINGLE),
    "float32 inputs of float64": Arithmetic("reduced-inputs", wide, reduced(bits(24)), dtypes=DOUBLE),
    "fp16 sums": Arithmetic("low-precision-accumulation", sequential(np.float16), dtypes=(*SINGLE, "float16")),
    "bf16 sums": Arithmetic("low-precision-accumulation", sequential(ml_dtypes.bfloat16), dtypes=(*SINGLE, "bfloat16")),
    "float32 sums of float64": Arithmetic("low-precision-accumulation", sequential(F32), dtypes=DOUBLE),
    "fp16 sums beyond 512": Arithmetic(
        "low-precision-accumulation", beyond(512, sequential(np.float16)), dtypes=("float32", "float16"), least=513
    ),
    "bf16 sums beyond 512": Arithmetic(
        "low-precision-accumulation",
        beyond(512, sequential(ml_dtypes.bfloat16)),
        dtypes=("float32", "bfloat16"),
        least=513,
    ),
    "truncating": Arithmetic("truncated-sums", truncating, dtypes=ANY),
    "cut results": Arithmetic("truncated-result", lambda p: kept(p.sum(axis=1), 24, how="cut")),
    "cut results of bfloat16": Arithmetic(
        "truncated-result", lambda p: kept(p.sum(axis=1), 8, how="cut"), dtypes=("bfloat16",)
    ),
    "bias after rounding": Arithmetic("bias-after-rounding", dtypes=SIXTEEN, covers=biased, bias_last=True),
    "bias after rounding, wide": Arithmetic("bias-after-rounding", wide, dtypes=SIXTEEN, covers=biased, bias_last=True),
    "fp16 partial sums": Arithmetic("partial-sums", partial(np.float16, 72), dtypes=("float16",), least=144),
    "bf16 partial sums": Arithmetic("partial-sums", partial(ml_dtypes.bfloat16, 72), dtypes=("bfloat16",), least=144),
    "Winograd F(2,3)": Arithmetic("fast", passes=winograd(2), covers=winograd_covers),
    "Winograd F(4,3)": Arithmetic("fast", passes=winograd(4), covers=winograd_covers),
    "Winograd F(6,3)": Arithmetic("fast", passes=winograd(6), covers=winograd_covers),
    "FFT in float32": Arithmetic("fast", passes=FFT["float32"], covers=fft_covers),
    "FFT in float64": Arithmetic("fast", passes=FFT["float64"], covers=fft_covers),
    "Winograd F(2,3) of TF32": Arithmetic("unclassified", passes=winograd(2, bits(11)), covers=winograd_covers),
    "Winograd F(4,3) of TF32": Arithmetic("unclassified", passes=winograd(4, bits(11)), covers=winograd_covers),
    "Strassen": Arithmetic("fast", passes=by_blocks(strassen, 2), covers=halves),
    "Strassen of float64": Arithmetic("fast", passes=by_blocks(strassen, 1, F64), dtypes=("float64",), covers=halves),
    "Winograd's form of Strassen": Arithmetic("fast", passes=by_blocks(winograd_form, 3), covers=halves),
    "Strassen of TF32": Arithmetic("unclassified", passes=by_blocks(strassen, 2, F32, bits(11)), covers=halves),
    "Strassen of float32": Arithmetic(
        "unclassified", passes=by_blocks(strassen, 1, F64, bits(24)), dtypes=("float64",), covers=halves
    ),
    "FFT of bf16 inputs": Arithmetic("unclassified", passes=fft("float32", bits(8)), covers=fft_covers),
}


def computed(problem, operands, arithmetic, wider=""):
    """The result on operands of float64, or complex128, that the problem's dtype holds, as that, or as a wider one."""
    if arithmetic.passes is not None:
        given = {name: array.astype(STORED[problem.dtype]) for name, array in operands.items()}
        return problem.compute(arithmetic.passes, given).astype(F64)
    operands = {name: operands[name] for name in problem.operand_shapes}
    if any(array.size == 0 for array in operands.values()):
        return _stored(problem.compute(fast, operands), problem.dtype)
    if not problem.operation.forward:  # a gradient multiplies with conjugates
        operands = {name: array if name == "grad_output" else array.conj() for name, array in operands.items()}
    left, right, shape = terms(problem, operands)
    last = np.zeros((len(left), 0))
    if problem.bias:
        view = [1] * len(shape)
        view[int(problem.batched)] = shape[int(problem.batched)]
        last = np.broadcast_to(operands["bias"].reshape(view), shape).reshape(-1, 1)
    return _summed(left, right, last, wider or problem.dtype, arithmetic).reshape(shape)


def bias_gradient(problem, grad_output, arithmetic):
    axis = 1 if problem.batched else 0
    rows = np.moveaxis(grad_output, axis, 0).reshape(grad_output.shape[axis], -1)
    return _summed(rows, np.ones_like(rows), np.zeros((len(rows), 0)), problem.dtype, arithmetic)


def _summed(left, right, last, dtype, arithmetic):
    """The sums of the products of (outputs, terms) factors and of what is added last, in the format of results."""

    def add(*products, constant):
        with np.errstate(over="ignore", invalid="ignore"):
            made = [arithmetic.multiply(*factors) for factors in products]
            form = COMPLEX.get(dtype, dtype)
            if arithmetic.bias_last:
                return _stored(_stored(arithmetic.add(np.concatenate(made, axis=1)), form) + constant.sum(axis=1), form)
            return _stored(arithmetic.add(np.concatenate([*made, constant], axis=1)), form)

    if dtype not in COMPLEX:
        return add((left, right), constant=last)
    real = add((left.real, right.real), (-left.imag, right.imag), constant=last.real)
    imaginary = add((left.real, right.imag), (left.imag, right.real), constant=last.imag)
    return np.stack([real, imaginary], axis=-1).view(np.complex128)[..., 0]


def _stored(array, dtype):
    if dtype in COMPLEX:
        return array.astype(dtype).astype(np.complex128)
    with np.errstate(over="ignore", invalid="ignore"):
        return array.astype(STORED[dtype]).astype(F64)


def part_of(of, operands, arithmetic):
    """A pass of `carriers.Pass`."""
    if of.of_bias:
        return bias_gradient(of.problem, operands["grad_output"], arithmetic)
    alone = of.alone
    return computed(alone, {name: operands[name] for name in alone.operand_shapes}, arithmetic, of.wider)


__all__ = ["ARITHMETICS", "Arithmetic", "computed", "part_of", "replace"]
