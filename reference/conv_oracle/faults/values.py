"""Faults that are no index map: what is done to numbers on their way."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from conv_oracle.faults.edits import Edit, Operands
from conv_oracle.faults.fault import Fault, Variant
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

Change = Callable[[Array], Array]


def _answers(change: Change, said: str) -> Variant:
    return Variant(said, Edit(answer=(lambda _, __, found: change(found),)))


def _operand(names: tuple[str, ...], change: Change, said: str) -> Variant:
    def operands(_: Problem, given: Operands) -> Operands:
        return {name: change(array) if name in names else array for name, array in given.items()}

    return Variant(said, Edit(operands=(operands,)))


EVERY = ("input", "weight", "grad_output")


def _clip(least: float, most: float) -> Change:
    return lambda y: np.clip(y.real, least, most).astype(y.dtype)


def _wrap(half: float) -> Change:
    return lambda y: np.where(np.abs(y) < half, y, (y.real + half) % (2 * half) - half)


def _before_bias(change: Change) -> Callable[[Problem, Operands, Array], Array]:
    def answer(p: Problem, given: Operands, found: Array) -> Array:
        column = given["bias"].reshape(-1, *(1,) * p.dimensions) if "bias" in given else 0
        return change(found - column) + column

    return answer


def _without_small(least: float) -> Change:
    return lambda x: np.where(np.abs(x) < least, 0, x)


def _in(dtype: type) -> Change:
    return lambda x: _through(x, dtype)


def _to_decimals(digits: int) -> Change:
    def change(y: Array) -> Array:
        rounded: Array = np.round(y, digits)
        return rounded

    return change


def _activation(*_: object) -> Iterator[Variant]:
    yield _answers(lambda y: np.maximum(y.real, 0), "negative results become 0")
    yield _answers(np.abs, "results lose their sign")
    yield _answers(lambda y: np.minimum(y.real, 0), "positive results become 0")
    yield _answers(lambda y: np.where(y.real < 0, 0.01 * y, y), "negative results are scaled by 0.01")


def _clamped(*_: object) -> Iterator[Variant]:
    for most in (6.0, 1.0, 127.0, 128.0, 255.0, 1e3, 1e4, 32767.0, 65504.0, 1e5, 1e6):
        yield _answers(_clip(-most, most), f"to +-{most:g}")
    for least, most in ((0.0, 6.0), (-128.0, 127.0), (0.0, 255.0), (-32768.0, 32767.0)):
        yield _answers(_clip(least, most), f"to {least:g} ... {most:g}")


def _integers(op: str, _: int) -> Iterator[Variant]:
    for bits in (8, 16, 32):
        yield _answers(_wrap(2.0 ** (bits - 1)), f"the sum wraps at {bits} bits")
        if not op.endswith(("_input", "_weight")):
            yield Variant(
                f"the sum wraps at {bits} bits, before the bias", Edit(answer=(_before_bias(_wrap(2.0 ** (bits - 1))),))
            )

    def saturated(p: Problem, _: Operands, found: Array) -> Array:
        if np.dtype(_storage(p)).kind not in "iu":
            return found
        limits = np.iinfo(_storage(p))
        stopped: Array = np.clip(found.real, limits.min, limits.max)
        return stopped

    yield Variant("the sum stops at the largest of its format", Edit(answer=(saturated,)))
    for name in EVERY:

        def signed(p: Problem, given: Operands, name: str = name) -> Operands:
            kind = np.dtype(_storage(p))
            if kind.kind != "u" or name not in given:
                return given
            x, half = given[name], 2.0 ** (8 * kind.itemsize - 1)
            return {**given, name: np.where(x >= half, x - 2 * half, x)}

        yield Variant(f"{name}, which has no sign, is read with one", Edit(operands=(signed,)))


def _storage(p: Problem) -> str:
    """The problem's dtype, as NumPy has it."""
    return "float32" if p.dtype == "bfloat16" or p.dtype.startswith("float8") else p.dtype


def _skipped(op: str, _: int) -> Iterator[Variant]:
    for name in EVERY[: 2 if not op.endswith(("_input", "_weight")) else 3]:
        for least in (1e-8, 1e-6, 1e-4, 1e-3, 1e-2, 0.5, 1.0):
            yield _operand((name,), _without_small(least), f"{name} of less than {least:g}")


def _signs(*_: object) -> Iterator[Variant]:
    for name in EVERY:
        yield _operand((name,), np.abs, f"{name} loses its sign")
        yield _operand((name,), lambda x: np.maximum(x.real, 0), f"negative {name} counts as 0")


FEW_BITS = {"10 bits, as TF32 has": 13, "7 bits, as bfloat16 has": 16}
"""Mantissas, and how many bits of float32's they lack."""


def _narrow(*_: object) -> Iterator[Variant]:
    for name in ("float16", "float32"):
        yield Variant(f"the sums are made in {name}", Edit(within=name))
    for name, lacking in FEW_BITS.items():
        for how in ("cut", "rounded"):
            change = _mantissa(lacking, rounds=how == "rounded")
            for operand in EVERY:
                yield _operand((operand,), change, f"{operand} {how} to {name}")
            yield _operand(EVERY, change, f"the operands {how} to {name}")
            yield _answers(change, f"the result {how} to {name}")
    for name, dtype in (("float16", np.float16), ("float32", np.float32)):
        for operand in EVERY:
            yield _operand((operand,), _in(dtype), f"{operand} in {name}")
        yield _operand(EVERY, _in(dtype), f"the operands in {name}")
        yield _answers(_in(dtype), f"the result in {name}")
    for operand in EVERY:
        yield _operand((operand,), _quantised, f"{operand} in 8 bits, scaled by its largest")
    for digits in (0, 1, 2, 3, 4, 5, 6):
        yield _answers(_to_decimals(digits), f"the result to {digits} decimals")


def _quantised(x: Array) -> Array:
    scale = float(np.abs(x.real).max(initial=0.0)) / 127 or 1.0
    quantised: Array = np.rint(x.real / scale) * scale
    return quantised


def _through(x: Array, dtype: type) -> Array:
    if x.dtype.kind == "c":
        return _through(x.real, dtype) + 1j * _through(x.imag, dtype)
    with np.errstate(over="ignore"):
        return x.astype(dtype).astype(x.dtype)


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


def _conjugated(*_: object) -> Iterator[Variant]:
    for name in EVERY:
        yield _operand((name,), np.conj, f"of {name}")
    yield _answers(np.conj, "of the result")
    yield _answers(lambda y: y.real.astype(y.dtype), "the result's imaginary part is dropped")
    for name in EVERY:
        yield _operand((name,), lambda x: x.real.astype(x.dtype), f"the imaginary part of {name} is dropped")


VALUES = (
    Fault(
        slug="activation-fused",
        title="the result passes through an activation",
        kind="stale_cache",
        right="y = sum x w",
        broken="y = max(0, sum x w), or |sum x w|",
        reveals="operands of both signs",
        hides="results of one sign",
        bugs=("tensorflow/tensorflow#58149", "tensorflow/tfjs#2507"),
        variants=_activation,
        in_a_sum=True,
    ),
    Fault(
        slug="result-clamped",
        title="the result is clamped",
        kind="quantised_zero_point",
        right="y = sum x w",
        broken="y = min(max(sum x w, a), b)",
        reveals="large operands",
        hides="results within the bounds",
        bugs=("tensorflow/tfjs#2507",),
        variants=_clamped,
        in_a_sum=True,
    ),
    Fault(
        slug="integer-overflow",
        title="integers have too few bits",
        kind="int_overflow",
        right="y = sum x w",
        broken="y = sum x w modulo 2^bits, or at most 2^bits - 1",
        reveals="large operands",
        hides="small results",
        bugs=("pytorch/executorch#20655",),
        variants=_integers,
        in_a_sum=True,
    ),
    Fault(
        slug="small-values-skipped",
        title="small numbers are taken as zero",
        kind="nonfinite",
        right="every product counts",
        broken="those of |x| < t are skipped",
        reveals="operands scaled by 2^-20",
        hides="numbers of usual size",
        bugs=("ROCm/rocm-libraries#11938",),
        variants=_skipped,
        in_a_sum=True,
    ),
    Fault(
        slug="sign-lost",
        title="an operand loses its sign",
        kind="kernel_specific",
        right="y = sum x w",
        broken="y = sum |x| w",
        reveals="operands of both signs",
        hides="positive operands",
        bugs=(),
        variants=_signs,
        in_a_sum=True,
    ),
    Fault(
        slug="precision-lost",
        title="numbers are rounded to a narrower format",
        kind="low_precision_accum",
        right="operands and results keep their format",
        broken="x passes through float16, or the result is rounded to decimals",
        reveals="integers beyond 2^11 (float16) or 2^24 (float32)",
        hides="small integers",
        bugs=("ROCm/composable_kernel#671", "ROCm/rocm-libraries#12322"),
        variants=_narrow,
        like_rounding=True,
        in_a_sum=True,
    ),
    Fault(
        slug="conjugation-wrong",
        title="a complex operand is conjugated, or loses a part",
        kind="complex_conj",
        right="y = sum x w; dx = sum conj(w) dy",
        broken="y = sum conj(x) w",
        reveals="complex operands",
        hides="real ones",
        bugs=("scipy/scipy#5954", "FluxML/Flux.jl#1876"),
        variants=_conjugated,
        in_a_sum=True,
    ),
)
