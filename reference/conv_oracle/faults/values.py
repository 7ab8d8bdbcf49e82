"""Faults that are no index map: what is done to numbers on their way."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from conv_oracle.faults.edits import Edit, Operands, bias_column
from conv_oracle.faults.fault import Fault, Variant
from conv_oracle.operation import Operation
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

Change = Callable[[Array], Array]

EVERY = ("input", "weight", "grad_output")


def _result(change: Change) -> Edit:
    return Edit(answer=(lambda _, __, found: change(found),))


def _result_before_bias(change: Change) -> Edit:
    def answer(p: Problem, given: Operands, found: Array) -> Array:
        column = bias_column(given, p.dimensions) if "bias" in given else 0
        return change(found - column) + column

    return Edit(answer=(answer,))


def _operands(names: tuple[str, ...], change: Change) -> Edit:
    def operands(_: Problem, given: Operands) -> Operands:
        return {name: change(array) if name in names else array for name, array in given.items()}

    return Edit(operands=(operands,))


def _ways_to_scale(_: Operation) -> Iterator[Variant]:
    def divided(divisor: Callable[[Problem], int]) -> Edit:
        return Edit(answer=(lambda p, _, found: found / max(divisor(p), 1),))

    def times(factor: Callable[[Problem], int]) -> Edit:
        return Edit(answer=(lambda p, _, found: found * factor(p),))

    yield Variant("divided by the batch size", divided(lambda p: p.geometry.batch))
    outputs = divided(lambda p: p.geometry.batch * math.prod(p.output_shape[-p.dimensions :]))
    yield Variant("divided by the number of output positions", outputs)
    kernel_size = divided(lambda p: math.prod(p.weight_shape[2:]))
    yield Variant("divided by the number of kernel elements", kernel_size, ("kernel_size",))
    yield Variant("divided by the number of groups", divided(lambda p: p.groups), ("groups",))
    yield Variant("divided by 2", divided(lambda _: 2))
    yield Variant("doubled", times(lambda _: 2))
    yield Variant("negated", times(lambda _: -1))
    yield Variant("all zero", times(lambda _: 0))
    yield Variant("multiplied by the number of groups", times(lambda p: p.groups), ("groups",))


RESULT_SCALED = Fault(
    slug="result-scaled",
    title="the result is a multiple of the right one",
    right="y = sum x w",
    broken="y = a sum x w: divided by N, doubled, negated, zero",
    reveals="any problem with more than one example",
    hides="batch 1",
    bugs=("sebgao/cTensor#3", "LBANN/lbann#1022"),
    variants=_ways_to_scale,
    in_a_sum=True,
)


def _ways_to_activate(_: Operation) -> Iterator[Variant]:
    yield Variant("negative results become 0", _result(lambda y: np.maximum(y.real, 0)))
    yield Variant("results lose their sign", _result(np.abs))
    yield Variant("positive results become 0", _result(lambda y: np.minimum(y.real, 0)))
    yield Variant("negative results are multiplied by 0.01", _result(lambda y: np.where(y.real < 0, 0.01 * y, y)))


ACTIVATION_FUSED = Fault(
    slug="activation-fused",
    title="the result passes through an activation function",
    right="y = sum x w",
    broken="y = max(0, sum x w), or |sum x w|",
    reveals="operands of both signs",
    hides="results of one sign",
    bugs=("tensorflow/tensorflow#58149", "tensorflow/tfjs#2507"),
    variants=_ways_to_activate,
    in_a_sum=True,
)


def _clip(least: float, most: float) -> Edit:
    return _result(lambda y: np.clip(y.real, least, most).astype(y.dtype))


def _ways_to_clamp(_: Operation) -> Iterator[Variant]:
    for most in (6.0, 1.0, 127.0, 128.0, 255.0, 1e3, 1e4, 32767.0, 65504.0, 1e5, 1e6):
        yield Variant(f"to +-{most:g}", _clip(-most, most), continues=True)
    for least, most in ((0.0, 6.0), (-128.0, 127.0), (0.0, 255.0), (-32768.0, 32767.0)):
        yield Variant(f"to {least:g} ... {most:g}", _clip(least, most), continues=True)


RESULT_CLAMPED = Fault(
    slug="result-clamped",
    title="the result is clamped",
    right="y = sum x w",
    broken="y = min(max(sum x w, a), b)",
    reveals="large operands",
    hides="results within the bounds",
    bugs=("tensorflow/tfjs#2507",),
    variants=_ways_to_clamp,
    in_a_sum=True,
)


def _wrap(bits: int) -> Change:
    half = 2.0 ** (bits - 1)
    return lambda y: np.where(np.abs(y) < half, y, (y.real + half) % (2 * half) - half)


def _storage(p: Problem) -> np.dtype[np.generic]:
    """The problem's dtype, as NumPy has it; float32 for those that it lacks, none of which is an integer."""
    try:
        return np.dtype(p.dtype)
    except TypeError:
        return np.dtype("float32")


def _saturated(p: Problem, _: Operands, found: Array) -> Array:
    if _storage(p).kind not in "iu":
        return found
    limits = np.iinfo(p.dtype)
    stopped: Array = np.clip(found.real, limits.min, limits.max)
    return stopped


def _read_as_signed(name: str) -> Edit:
    def operands(p: Problem, given: Operands) -> Operands:
        kind = _storage(p)
        if kind.kind != "u" or name not in given:
            return given
        x, half = given[name], 2.0 ** (8 * kind.itemsize - 1)
        return {**given, name: np.where(x >= half, x - 2 * half, x)}

    return Edit(operands=(operands,))


def _ways_to_overflow(op: Operation) -> Iterator[Variant]:
    for bits in (8, 16, 32):
        yield Variant(f"the sum wraps at {bits} bits", _result(_wrap(bits)))
        if op.forward:
            yield Variant(f"the sum wraps at {bits} bits, before the bias is added", _result_before_bias(_wrap(bits)))
    yield Variant("the sum saturates at the largest number of its format", Edit(answer=(_saturated,)))
    for name in EVERY:
        yield Variant(f"{name}, which is unsigned, is read as signed", _read_as_signed(name), (name,))


INTEGER_OVERFLOW = Fault(
    slug="integer-overflow",
    title="integers overflow, or lose their signedness",
    right="y = sum x w",
    broken="y = sum x w modulo 2^bits, or at most 2^bits - 1",
    reveals="large operands",
    hides="small results",
    bugs=("pytorch/executorch#20655",),
    variants=_ways_to_overflow,
    in_a_sum=True,
)


def _without_small(least: float) -> Change:
    return lambda x: np.where(np.abs(x) < least, 0, x)


def _ways_to_skip(op: Operation) -> Iterator[Variant]:
    for name in EVERY[:2] if op.forward else EVERY:
        for least in (1e-8, 1e-6, 1e-4, 1e-3, 1e-2, 0.5, 1.0):
            yield Variant(f"{name} below {least:g} in magnitude", _operands((name,), _without_small(least)), (name,))


SMALL_VALUES_SKIPPED = Fault(
    slug="small-values-skipped",
    title="small numbers are treated as zero",
    right="every product counts",
    broken="those of |x| < t are skipped",
    reveals="operands scaled by 2^-20",
    hides="numbers of ordinary magnitude",
    bugs=("ROCm/rocm-libraries#11938",),
    variants=_ways_to_skip,
    in_a_sum=True,
)


def _ways_to_lose_the_sign(_: Operation) -> Iterator[Variant]:
    for name in EVERY:
        yield Variant(f"{name} is replaced by its magnitude", _operands((name,), np.abs), (name,))
        yield Variant(
            f"negative values of {name} count as 0", _operands((name,), lambda x: np.maximum(x.real, 0)), (name,)
        )


SIGN_LOST = Fault(
    slug="sign-lost",
    title="an operand loses its sign",
    right="y = sum x w",
    broken="y = sum |x| w",
    reveals="operands of both signs",
    hides="positive operands",
    variants=_ways_to_lose_the_sign,
    in_a_sum=True,
)


MANTISSAS = {"10 mantissa bits, as in TF32": 13, "7 mantissa bits, as in bfloat16": 16}
"""How many of float32's bits they lack."""


def _mantissa(lacking: int, *, rounds: bool) -> Change:
    def change(x: Array) -> Array:
        if x.dtype.kind == "c":
            return change(x.real.copy()) + 1j * change(x.imag.copy())
        bits = x.astype(np.float32).view(np.uint32)
        if rounds:
            bits = bits + (1 << lacking - 1) - 1 + (bits >> lacking & 1)
        kept = bits >> lacking << lacking
        return kept.astype(np.uint32).view(np.float32).astype(x.dtype)

    return change


def _through(x: Array, dtype: type) -> Array:
    if x.dtype.kind == "c":
        return _through(x.real, dtype) + 1j * _through(x.imag, dtype)
    with np.errstate(over="ignore"):
        return x.astype(dtype).astype(x.dtype)


def _in(dtype: type) -> Change:
    return lambda x: _through(x, dtype)


def _quantised(x: Array) -> Array:
    scale = float(np.abs(x.real).max(initial=0.0)) / 127 or 1.0
    quantised: Array = np.rint(x.real / scale) * scale
    return quantised


def _to_decimals(digits: int) -> Change:
    def change(y: Array) -> Array:
        rounded: Array = np.round(y, digits)
        return rounded

    return change


def _each_and_all(change: Change, how: str) -> Iterator[Variant]:
    """An operand at a time, all of them, the result."""
    for name in EVERY:
        yield Variant(f"{name} {how}", _operands((name,), change), (name,))
    yield Variant(f"the operands {how}", _operands(EVERY, change), EVERY)
    yield Variant(f"the result {how}", _result(change))


def _ways_to_lose_precision(_: Operation) -> Iterator[Variant]:
    for name in ("float16", "float32"):
        yield Variant(f"the sums are accumulated in {name}", Edit(within=name))
    for bits, lacking in MANTISSAS.items():
        yield from _each_and_all(_mantissa(lacking, rounds=False), f"truncated to {bits}")
        yield from _each_and_all(_mantissa(lacking, rounds=True), f"rounded to {bits}")
    for dtype in (np.float16, np.float32):
        yield from _each_and_all(_in(dtype), f"rounded to {dtype.__name__}")
    for name in EVERY:
        said = f"{name} quantised to 8 bits, scaled by its largest magnitude"
        yield Variant(said, _operands((name,), _quantised), (name,))
    for digits in (0, 1, 2, 3, 4, 5, 6):
        yield Variant(f"the result rounded to {digits} decimal{'s' * (digits != 1)}", _result(_to_decimals(digits)))


PRECISION_LOST = Fault(
    slug="precision-lost",
    title="precision is lost",
    right="operands and results keep their format",
    broken="x passes through float16, or the result is rounded to decimals",
    reveals="integers beyond 2^11 (float16) or 2^24 (float32)",
    hides="small integers",
    bugs=("ROCm/composable_kernel#671", "ROCm/rocm-libraries#12322"),
    variants=_ways_to_lose_precision,
    like_rounding=True,
    in_a_sum=True,
)


def _real(x: Array) -> Array:
    return x.real.astype(x.dtype)


def _ways_to_conjugate(_: Operation) -> Iterator[Variant]:
    for name in EVERY:
        said = f"{name} is conjugated, or its conjugation is missing"
        yield Variant(said, _operands((name,), np.conj), (name,))
    yield Variant("the result is conjugated", _result(np.conj))
    yield Variant("the imaginary part of the result is dropped", _result(_real))
    for name in EVERY:
        yield Variant(f"the imaginary part of {name} is dropped", _operands((name,), _real), (name,))


CONJUGATION_WRONG = Fault(
    slug="conjugation-wrong",
    title="complex conjugation is wrong, or an imaginary part is lost",
    right="y = sum x w; dx = sum conj(w) dy",
    broken="y = sum conj(x) w",
    reveals="complex operands",
    hides="real ones",
    bugs=("scipy/scipy#5954", "FluxML/Flux.jl#1876"),
    variants=_ways_to_conjugate,
    in_a_sum=True,
)
