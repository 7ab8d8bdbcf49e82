"""Binary floating-point formats, and rounding to them once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from conv_oracle.errors import OperandError
from conv_oracle.passes import Array


@dataclass(frozen=True)
class Format:
    """A binary floating-point format: unit roundoff, smallest subnormal, largest number."""

    unit: float
    smallest: float
    largest: float

    @property
    def bits(self) -> int:
        """Of a significand, the leading one included."""
        return 1 - int(np.frexp(self.unit)[1])

    @property
    def smallest_normal(self) -> float:
        """Below it, numbers are subnormal."""
        return self.smallest / (2 * self.unit)


FORMATS = {
    "float64": Format(2.0**-53, 2.0**-1074, float(np.finfo(np.float64).max)),
    "float32": Format(2.0**-24, 2.0**-149, (2 - 2.0**-23) * 2.0**127),
    "float16": Format(2.0**-11, 2.0**-24, 65504.0),
    "bfloat16": Format(2.0**-8, 2.0**-133, (2 - 2.0**-7) * 2.0**127),
    "tf32": Format(2.0**-11, 2.0**-136, (2 - 2.0**-10) * 2.0**127),
}
COMPONENT = {"complex128": "float64", "complex64": "float32"}


def format_of(dtype: str) -> Format:
    """The format of a dtype, or of a complex dtype's components. Raises OperandError for any other."""
    component = COMPONENT.get(dtype, dtype)
    if component not in FORMATS:
        raise OperandError(f"a bound needs a floating-point dtype: dtype={dtype}; {', '.join(FORMATS)} would fit")
    return FORMATS[component]


def two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """(s, e) with s = RN(a + b) and s + e = a + b exactly, in the absence of overflow (Knuth)."""
    s = a + b
    part = s - a
    return s, (a - (s - part)) + (b - part)


def nearest(high: Array, low: Array | None, exponent: int | Array, form: Format) -> Array:
    """(high + low) 2^exponent rounded once to a format, ties to even: float64 that the format holds, or inf.

    high = RN(high + low) as float64; no low is zeros. Underflow is gradual.

    A midpoint of the format is a float64 number, unless the format keeps all 53 bits, and rounding is monotonic. So
    high lies on the same side of every midpoint as the sum, or on it, and there the sign of low decides.
    """
    if not isinstance(exponent, int) or abs(exponent) > 1000:
        return _nearest(high, np.zeros_like(high) if low is None else low, exponent, form)
    with np.errstate(over="ignore", under="ignore"):
        value = high * 2.0**exponent
        if low is None and form.bits == 24:
            return value.astype(np.float32).astype(np.float64)
    size = np.abs(value)
    special = (size < 2 * form.smallest_normal) & (high != 0) | (size > form.largest / 2)
    drop = 53 - form.bits
    if drop:
        pattern = value.view(np.int64)
        kept = pattern >> drop
        if low is not None:
            special |= (pattern == (kept << drop) + (1 << (drop - 1))) & (low != 0)
        kept &= 1
        kept += pattern
        kept += (1 << (drop - 1)) - 1
        kept &= -1 << drop
        value = kept.view(np.float64)
    if special.any():
        rest = np.zeros(np.count_nonzero(special)) if low is None else low[special]
        value[special] = _nearest(high[special], rest, exponent, form)
    return value


def _nearest(high: Array, low: Array, exponent: int | Array, form: Format) -> Array:
    """The same for every number, by its quantum."""
    mantissa, power = np.frexp(high)
    power = power + exponent
    quantum = np.maximum(power - form.bits, round(float(np.log2(form.smallest))))
    with np.errstate(under="ignore"):
        units = np.ldexp(mantissa, power - quantum)
    below = np.floor(units)
    on_midpoint = (units - below == 0.5) & (low != 0)
    whole = np.where(on_midpoint, below + (low > 0), np.rint(units))
    with np.errstate(over="ignore"):
        result: Array = np.ldexp(whole, quantum)
    return np.where(np.abs(result) > form.largest, np.copysign(np.inf, high), result)
