"""The classes of arithmetic, from exact to coarse, and what is measured of one pass of a problem.

    correctly-rounded            every answer is the exact sum, rounded once
    wide                         within one rounding of the result: sums in float64, or as good
    any-order                    sums in the working precision, in any order (float32; float64 for float64)
    bias-after-rounding          the same, rounded to the result's format before the bias is added
    fast                         Winograd, FFT, Strassen and the like: numbers mix that an output does not read
    truncated-sums               the same sums, truncated: twice the unit
    truncated-result             the result alone is not rounded to nearest
    reduced-inputs               operands lose bits as they are read (TF32, bfloat16, float16, two bfloat16 numbers)
    partial-sums                 sums are rounded to few bits in between, and exact enough within a block
    low-precision-accumulation   the accumulator has few bits: ordinary numbers are no further off than that explains
    narrow-result                sums are rounded to the format of the operands, and stored in a wider one
    unclassified                 none of these

`ladder` decides which one it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from conv_oracle.auditing.operands import DTYPES
from conv_oracle.auditing.rounding.carriers import Pass
from conv_oracle.auditing.rounding.measures import Sample
from conv_oracle.auditing.rounding.reductions import Reduced

ClassName = Literal[
    "correctly-rounded",
    "wide",
    "any-order",
    "bias-after-rounding",
    "fast",
    "truncated-sums",
    "truncated-result",
    "reduced-inputs",
    "partial-sums",
    "low-precision-accumulation",
    "narrow-result",
    "unclassified",
]
Algorithm = Literal["Winograd-like", "FFT-like", "Winograd- or FFT-like", "Strassen-like"]
BY_BLOCKS: Algorithm = "Strassen-like"


@dataclass(frozen=True, kw_only=True)
class ArithmeticClass:
    """One class of arithmetic.

    said: it in words, with places for the working precision, what operands are reduced to, the algorithm, the bits of
    sums, and the formats of the operands and of the result.
    fault: the catalogue's name of it, where it is not allowed.
    bounded: whether it has a bound of its own; else errors are told in units of that of sums in the working precision.
    """

    name: ClassName
    said: str
    fault: str
    bounded: bool = True

    @property
    def rank(self) -> int:
        """Its place on the ladder."""
        return LADDER.index(self)


INACCURATE = "fast-algorithm-inaccurate"
"""The fault of a fast algorithm that is beyond its bound, and so in no class."""

CORRECTLY_ROUNDED = ArithmeticClass(name="correctly-rounded", said="correctly rounded", fault="rounding-beyond-bound")
WIDE = ArithmeticClass(
    name="wide", said="a wide accumulator: within one rounding of the result", fault="rounding-beyond-bound"
)
ANY_ORDER = ArithmeticClass(name="any-order", said="sums in {working}, in any order", fault="rounding-beyond-bound")
BIAS_AFTER = ArithmeticClass(
    name="bias-after-rounding",
    said="sums in {working}, in any order; a bias is added after the rounding to {format}",
    fault="rounding-beyond-bound",
)
FAST = ArithmeticClass(
    name="fast", said="a fast algorithm ({algorithm}), within its own bound", fault="fast-algorithm-used"
)
TRUNCATED_SUMS = ArithmeticClass(
    name="truncated-sums", said="sums in {working} that are truncated, not rounded", fault="accumulation-truncated"
)
TRUNCATED_RESULT = ArithmeticClass(
    name="truncated-result", said="a result that is truncated, not rounded", fault="result-truncated"
)
REDUCED_INPUTS = ArithmeticClass(
    name="reduced-inputs", said="operands reduced to {operands}", fault="reduced-precision-operands"
)
PARTIAL_SUMS = ArithmeticClass(
    name="partial-sums", said="partial sums rounded to {sums} bits", fault="partial-sums-rounded", bounded=False
)
LOW_PRECISION = ArithmeticClass(
    name="low-precision-accumulation", said="sums in {sums} bits", fault="low-precision-accumulation", bounded=False
)
NARROW_RESULT = ArithmeticClass(
    name="narrow-result",
    said="a result in {format} that was rounded to {operand}",
    fault="precision-lost",
    bounded=False,
)
UNCLASSIFIED = ArithmeticClass(
    name="unclassified", said="no known class of arithmetic", fault="rounding-beyond-bound", bounded=False
)
LADDER = (
    CORRECTLY_ROUNDED,
    WIDE,
    ANY_ORDER,
    BIAS_AFTER,
    FAST,
    TRUNCATED_SUMS,
    TRUNCATED_RESULT,
    REDUCED_INPUTS,
    PARTIAL_SUMS,
    LOW_PRECISION,
    NARROW_RESULT,
    UNCLASSIFIED,
)
"""From exact to coarse."""

CLASSES: dict[ClassName, ArithmeticClass] = {one.name: one for one in LADDER}


@dataclass(frozen=True, kw_only=True)
class Beside:
    """An error beside the bound of sums in the working precision, in any order.

    Both are in units of u A: the unit of the working precision times the sum of the absolute values that are summed.
    terms: how many these are. The error is infinite where the answer is not finite.
    """

    terms: int
    error: float
    bound: float


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The class of one pass of one problem.

    inputs, sums: the bits that operands and sums keep, where a probe could tell, else infinite. reduced: what operands
    are reduced to, where that is the class. algorithm: the kind of a fast one.
    ratio: the largest error over the bound of the class (of one without a bound, that of sums in the working
    precision); `evidence` and `place` say where, or what shows the class.
    growth: of a fast algorithm, the error over its bound, times the growth that is allowed, most_growth: so many units
    of its norms, those of its sums apart; else 0.
    bias_after: whether a bias is added to a sum that was rounded. flushes: what becomes of subnormal numbers, where
    they are not kept. outputs: so many numbers were compared. beside: for sums of about
    each length, the error that is nearest to the bound of plain sums.
    """

    of: Pass
    arithmetic: ArithmeticClass
    inputs: float
    sums: float
    ratio: float
    evidence: Sample | None
    place: int
    reduced: Reduced | None = None
    algorithm: Algorithm | None = None
    growth: float = 0.0
    most_growth: float = 0.0
    bias_after: bool = False
    flushes: tuple[str, ...] = ()
    outputs: int = 0
    beside: tuple[Beside, ...] = ()

    @property
    def name(self) -> ClassName:
        """The class's."""
        return self.arithmetic.name

    @property
    def bits(self) -> int:
        """Those of the working precision."""
        return self.of.bits

    @property
    def rank(self) -> int:
        """The class's place on the ladder."""
        return self.arithmetic.rank

    @property
    def inaccurate(self) -> bool:
        """Whether it is a fast algorithm beyond the bound of its kind."""
        return self.arithmetic is UNCLASSIFIED and self.growth > 0

    @property
    def fast(self) -> bool:
        """Whether it is a fast algorithm, within its bound or not."""
        return self.arithmetic is FAST or self.inaccurate

    @property
    def fault(self) -> str:
        """What the catalogue calls it, where it is not allowed."""
        return INACCURATE if self.inaccurate else self.arithmetic.fault

    @property
    def said(self) -> str:
        """The class in words."""
        return self.arithmetic.said.format(
            working=working_precision([self.of.problem.dtype]),
            operands=self.reduced.said if self.reduced else "",
            algorithm=self.algorithm,
            format=self.of.format,
            operand=self.of.component,
            sums=f"{self.sums:.0f}",
        )

    @property
    def variety(self) -> str:
        """What sets arithmetics of one class apart: the operands' format, or the algorithm, where it is known."""
        if self.inaccurate:
            return "a fast algorithm beyond its bound"
        return self.algorithm or (self.reduced.format if self.reduced else "")

    @property
    def detail(self) -> str:
        """What the class says besides its name: the variety, or the bits of operands or of sums."""
        if self.reduced:
            return self.reduced.said
        if self.arithmetic in (PARTIAL_SUMS, LOW_PRECISION):
            return f"{self.sums:.0f} bits"
        return self.variety


def working_precision(dtypes: Iterable[str]) -> str:
    """The format in which sums of operands of these dtypes are made, in words: float64 for float64 and complex128."""
    names = list(dict.fromkeys(dtypes))
    wide = [name for name in names if DTYPES[name].bits == DTYPES["float64"].bits]
    if not wide:
        return "float32"
    return "float64" if wide == names else f"float32 (float64 for {' and '.join(wide)})"
