"""The data suites: operands on which a way of rounding shows.

Dense random data says little about precision: its bound grows with the number of terms and the error with the root of
it, so that 11-bit inputs pass from about a thousand terms on. With three terms per output the bound is sharp, however
long the reduction is. Each suite is there for a kind of arithmetic that the others let pass:

    sparse        three terms per output: inputs of fewer bits, truncation
    spread        the same with widely varying exponents: what is relative to the largest number, not to each
    contrast      three terms, and huge numbers at one position: whatever mixes numbers that an output does not read
    spot          three terms, and one nonzero per image: the growth of fast algorithms, whatever the image's size
    dense         many terms of both signs, as in use
    trained       weights of the size that initialisers give, and normal inputs
    activations   the same on the positive half of those inputs: what is done for ordinary layers alone
    positive      terms of one sign: sums that stagnate, errors with a bias
    cancelling    pairs that cancel but for a small rest
    big-first     one large term, then small ones
    integers      every partial sum is exact in the accumulator that is allowed
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from conv_oracle.auditing.operands import DTYPES, float8, from_bytes, to_bytes
from conv_oracle.auditing.rounding.carriers import Pass
from conv_oracle.auditing.rounding.kinds import (
    ACTIVATIONS,
    BIG_FIRST,
    CANCELLING,
    CONTRAST,
    DENSE,
    INTEGERS,
    POSITIVE,
    SPARSE,
    SPOT,
    SPREAD,
    TRAINED,
    SuiteKind,
)
from conv_oracle.passes import Array

FEW = 3
"""Terms per output in the sparse suites."""

LEAST_WEIGHT = 2.0**-6
"""The largest weight of long sums: a 64th of it is a normal number in 16 bits."""


@dataclass(frozen=True)
class Suite:
    """One set of operands of a pass: float64 or complex128 arrays, of values that the problem's dtype holds."""

    kind: SuiteKind
    operands: Mapping[str, Array]

    @property
    def name(self) -> str:
        """Its kind's."""
        return self.kind.name


@dataclass(frozen=True)
class Scale:
    """Exponents that a format has room for.

    spread: up to 2 to this, either way, of each operand; huge and tiny: of the contrast, no tiny one being zero.
    """

    spread: int
    huge: int
    tiny: int | None


SCALES: Mapping[str, Scale] = {
    "float8_e4m3fn": Scale(2, 4, None),
    "float8_e5m2": Scale(4, 11, None),
    "float16": Scale(3, 11, None),
    "bfloat16": Scale(20, 40, -40),
    "float32": Scale(20, 40, -40),
    "float64": Scale(60, 200, -200),
}

BUDGET: Mapping[str, float] = {"float16": 60000.0, **float8.LARGEST}
"""Sums of integers are no larger, in a format of few exponents."""


def scale_of(of: Pass) -> Scale:
    """The exponents for a pass."""
    return SCALES[of.component]


def suites(of: Pass, rng: np.random.Generator) -> Iterator[Suite]:
    """Every suite of a pass, the most telling first; what is drawn of `rng` depends on the order."""
    makers: dict[SuiteKind, Callable[[Pass, np.random.Generator], tuple[Array, Array]]] = {
        SPARSE: _sparse,
        CONTRAST: _contrast,
        SPOT: _spot,
        POSITIVE: _positive,
        SPREAD: _spread,
        DENSE: _dense,
        INTEGERS: _integers,
        CANCELLING: _cancelling,
        BIG_FIRST: _big_first,
    }
    for kind, make in makers.items():
        rows, other = make(of, rng)
        yield Suite(kind, operands(of, rows, other, rng))
    if not DTYPES[of.problem.dtype].short:  # small weights are no numbers of so few exponents
        apart = rng.spawn(1)[0]
        for kind, make in ((TRAINED, _trained), (ACTIVATIONS, _activations)):
            rows, other = make(of, apart)
            yield Suite(kind, operands(of, rows, other, apart))


def operands(of: Pass, rows: Array, other: Array, rng: np.random.Generator, *, biased: bool = True) -> dict[str, Array]:
    """All operands of the problem: the carrier from its rows, a bias as large as a usual factor, the rest at random."""
    dtype = of.problem.dtype
    given = {of.carrier: of.placed(rows), of.other: other}
    for name, shape in of.asked.items():
        if name not in given:
            given[name] = significands(rng, shape, dtype)
            if name == "bias":
                given[name] = given[name] * np.median(np.abs(other)) if biased and other.size else 0 * given[name]
    return {name: stored(given[name], dtype) for name in of.asked}


def stored(array: Array, dtype: str) -> Array:
    """The values that a format keeps, as float64 or complex128."""
    kind = DTYPES[dtype]
    wide = np.complex128 if kind.kind == "c" else np.float64
    if kind.bits == 53:
        return array.astype(wide)
    with np.errstate(over="ignore", invalid="ignore"):
        return from_bytes(to_bytes(array if kind.kind == "c" else array.real, kind), kind, array.shape).astype(wide)


def significands(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
    """Numbers of full length between 1 and 2 in absolute value, of either sign."""
    if DTYPES[dtype].kind == "c":
        return _real(rng, shape) + 1j * _real(rng, shape)
    return stored(_real(rng, shape), dtype)


def _real(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    drawn: Array = rng.uniform(1, 2, shape) * rng.choice((-1.0, 1.0), shape)
    return drawn


def chosen(of: Pass, rng: np.random.Generator, most: int = FEW) -> Array:
    """A mask of rows with so many terms each, at random places."""
    rows, columns = of.rows_and_columns
    mask = np.zeros((rows, columns), bool)
    places = rng.integers(0, max(columns, 1), (rows, min(most, columns)))
    mask[np.arange(rows)[:, None], places] = True
    return mask


def _other(of: Pass, rng: np.random.Generator) -> Array:
    return significands(rng, of.shapes[of.other], of.problem.dtype)


def _sparse(of: Pass, rng: np.random.Generator) -> tuple[Array, Array]:
    mask = chosen(of, rng)
    return significands(rng, mask.shape, of.problem.dtype) * mask, _other(of, rng)


def _spread(of: Pass, rng: np.random.Generator) -> tuple[Array, Array]:
    rows, other = _sparse(of, rng)
    most = scale_of(of).spread
    return (array * 2.0 ** rng.integers(-most, most + 1, array.shape) for array in (rows, other))  # type: ignore[return-value]


def _contrast(of: Pass, rng: np.random.Generator) -> tuple[Array, Array]:
    rows, other = _sparse(of, rng)
    scale = scale_of(of)
    spots = np.zeros(other.shape, bool)
    spots.reshape(*other.shape[: -of.problem.dimensions], -1)[..., :1] = True
    tiny = (2.0**scale.tiny if scale.tiny else 0.0) * (rng.random(other.shape) < 0.5)
    return rows, other * np.where(spots, 2.0**scale.huge, tiny)


def _spot(of: Pass, rng: np.random.Generator) -> tuple[Array, Array]:
    rows, other = _sparse(of, rng)
    d = of.problem.dimensions
    spots = np.zeros((*other.shape[:-d], math.prod(other.shape[-d:])), bool)
    np.put_along_axis(spots, rng.integers(0, max(1, spots.shape[-1]), (*spots.shape[:-1], 1)), True, axis=-1)
    return rows, other * spots.reshape(other.shape)


ROOM: Mapping[str, int] = {"float16": 4, "float8_e4m3fn": 6, "float8_e5m2": 10}
"""So many terms, as a power of two, are within a format of few exponents."""


def _shrunk(of: Pass) -> tuple[float, float]:
    """What keeps long sums of a format with few exponents within it: factors of the rows and of the other operand."""
    dtype = of.problem.dtype
    if dtype not in ROOM:
        return 1.0, 1.0
    power = max(0, math.ceil(math.log2(max(1, of.rows_and_columns[1]))) - ROOM[dtype])
    share = power // 2 if DTYPES[dtype].short else 0
    return 2.0 ** (share - power), 2.0**-share


def _dense(of: Pass, rng: np.random.Generator) -> tuple[Array, Array]:
    shape, other = of.rows_and_columns, of.shapes[of.other]
    first, second = _shrunk(of)
    parts = [rng.standard_normal(shape) * first**0.5, rng.standard_normal(other) * second**0.5]
    if DTYPES[of.problem.dtype].kind == "c":
        parts = [part + 1j * rng.standard_normal(part.shape) for part in parts]
    return parts[0], parts[1]


def _trained(of: Pass, rng: np.random.Generator) -> tuple[Array, Array]:
    """Weights up to 1 / sqrt(n) for n terms, as initialisers give them, but below 1/2 and above 2^-6 of the largest."""
    shape, other = of.rows_and_columns, rng.standard_normal(of.shapes[of.other])
    most = max(min(0.499, 1 / math.sqrt(max(1, shape[1]))), LEAST_WEIGHT)
    rows = rng.uniform(most / 64, most, shape) * rng.choice((-1.0, 1.0), shape)
    if DTYPES[of.problem.dtype].kind == "c":
        return rows + 1j * rng.permuted(rows), other + 1j * rng.standard_normal(other.shape)
    return rows, other


def _activations(of: Pass, rng: np.random.Generator) -> tuple[Array, Array]:
    rows, other = _trained(of, rng)
    return rows, np.maximum(other.real, 0)


def _positive(of: Pass, rng: np.random.Generator) -> tuple[Array, Array]:
    first, second = _shrunk(of)
    rows = np.abs(significands(rng, of.rows_and_columns, of.problem.dtype)) * first
    return rows, np.abs(_other(of, rng)) * second


def _cancelling(of: Pass, rng: np.random.Generator) -> tuple[Array, Array]:
    """V and -v at random places, 2^-8 of a term besides, and the same number throughout the other operand."""
    rows, columns = of.rows_and_columns
    values = significands(rng, (rows, columns // 2), of.problem.dtype)
    laid = np.concatenate([values, -values, np.zeros((rows, columns % 2))], axis=1)
    laid = rng.permuted(laid, axis=1)
    laid[:, :1] += significands(rng, (rows, 1), of.problem.dtype) * 2.0**-8
    first, second = _shrunk(of)
    return laid * first, np.full(of.shapes[of.other], significands(rng, (), of.problem.dtype) * second)


def _big_first(of: Pass, rng: np.random.Generator) -> tuple[Array, Array]:
    complex_ = DTYPES[of.problem.dtype].kind == "c"
    rows: Array = rng.standard_normal(of.rows_and_columns).astype(np.complex128 if complex_ else np.float64)
    rows[:, :1] = 16 * significands(rng, (len(rows), 1), of.problem.dtype)
    first, second = _shrunk(of)
    return rows * first, (1 + rng.random(of.shapes[of.other])) * second


def _integers(of: Pass, rng: np.random.Generator) -> tuple[Array, Array]:
    """Of one sign in the carrier, so that sums grow to the accumulator's bits."""
    columns = max(1, of.rows_and_columns[1])
    budget = min(2.0**of.bits, BUDGET.get(of.problem.dtype, math.inf))
    most = min(int(math.sqrt(budget / (4 * columns))), 2**7)
    if most < 1:
        mask = chosen(of, rng, int(budget // 4))
        return mask * 1.0, np.ones(of.shapes[of.other])
    least = most // 2
    return rng.integers(least, most + 1, of.rows_and_columns) * 1.0, (
        rng.integers(least, most + 1, of.shapes[of.other]) * rng.choice((-1, 1, 1, 1), of.shapes[of.other]) * 1.0
    )
