"""How each part of the answer is rounded, as a verdict says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conv_oracle.auditing.rounding.allowed import Allowed
from conv_oracle.auditing.rounding.classes import (
    BIAS_AFTER,
    CLASSES,
    FAST,
    TRUNCATED_SUMS,
    Beside,
    ClassName,
    Measured,
    working_precision,
)


@dataclass(frozen=True, kw_only=True)
class Rounding:
    """How one part of the answer is rounded in one dtype: the coarsest class that was measured on it.

    name, said: the class, and it in words. allowed: whether all that was measured is.
    ratio: the largest error over the bound of the class, or, of a class without one, over that of sums in the working
    precision; infinite where an answer is not finite.
    where: the problem, the data suite or probe, and the index of the output that is nearest to the bound, or shows the
    class.
    terms: the fewest and the most that were summed. problems, outputs: so many were measured.
    growth: of a fast algorithm, the error in units of its norms; else 0.
    properties: what is no fault either way: subnormal numbers, when a bias is added, the order of summation.
    sums: of each layer, for sums of about each length, the error nearest to the bound of sums in the working precision.
    """

    part: str
    dtype: str
    name: ClassName
    said: str
    allowed: bool
    ratio: float
    where: str
    terms: tuple[int, int]
    problems: int
    outputs: int
    growth: float
    properties: tuple[str, ...] = ()
    sums: tuple[Beside, ...] = ()

    @property
    def bounded(self) -> bool:
        """Whether the class has a bound of its own, which `ratio` is relative to."""
        return CLASSES[self.name].bounded

    @property
    def shown(self) -> bool:
        """Whether `where` is what shows the class, and not what is nearest to its bound."""
        return CLASSES[self.name].rank > FAST.rank

    @property
    def working(self) -> str:
        """The working precision: float64 for float64 and complex128, else float32."""
        return working_precision([self.dtype])


def summary(
    measured: Sequence[Measured], allowed: Allowed, orders: Mapping[tuple[str, str], str]
) -> tuple[Rounding, ...]:
    """Per part and dtype the coarsest class, and where it is nearest to its bound.

    orders: by part and dtype, the order of a short sum in words, where it is known.
    """
    groups: dict[tuple[str, str], list[Measured]] = {}
    for one in measured:
        groups.setdefault((one.of.returned, one.of.problem.dtype), []).append(one)
    return tuple(
        _summed(part, dtype, group, allowed, orders.get((part, dtype), "")) for (part, dtype), group in groups.items()
    )


def _summed(part: str, dtype: str, group: Sequence[Measured], allowed: Allowed, order: str) -> Rounding:
    rank = max(one.rank for one in group)
    worst = max((one for one in group if one.rank == rank), key=lambda one: one.ratio)
    terms = [one.of.rows_and_columns[1] for one in group]
    flushes = {word for one in group for word in one.flushes}
    properties = sorted(flushes) if rank <= TRUNCATED_SUMS.rank else []
    where = ""
    if worst.evidence is not None:
        where = f"{worst.of.problem}, {worst.evidence.kind.name}, at {worst.evidence.index(worst.place)}"
    late = any(one.bias_after for one in group) and rank != BIAS_AFTER.rank
    properties = [*(["a bias is added after the sum was rounded"] if late else []), *properties]
    return Rounding(
        part=part,
        dtype=dtype,
        name=worst.name,
        said=worst.said,
        allowed=all(allowed.holds(one) for one in group),
        ratio=worst.ratio,
        where=where,
        terms=(min(terms), max(terms)),
        problems=len(group),
        outputs=sum(one.outputs for one in group),
        growth=worst.growth,
        properties=(*([order] if order else []), *properties),
        sums=tuple(beside for one in group for beside in one.beside),
    )
