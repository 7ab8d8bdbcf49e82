"""Special values: where a NaN and an infinity must arrive, where they must not, and what the largest number becomes.

An element of an operand is poisoned, all else is small integers. Of every output it is known whether it reads that
element, and with which factor f:

    it reads a NaN                          NaN
    it reads an infinity, f is not 0        an infinity of the product's sign, or NaN
    it reads an infinity, f is 0            NaN
    it does not read it                     finite
    the element meets padding               either: 0 * NaN, or the tap is skipped

The last has no agreed answer. A weight at a tap that lies in padding, and a number that meets the zeros which stand
between or around another operand's elements, may be multiplied with that zero or skipped, element by element, inside
one tensor. It concerns the carrier, whose elements are multiplied with an operand that is padded, and both operands of
a gradient by the weight: a transposed convolution that inserts zeros into its input pads that one.

What they leave behind is asked as well: after calls on NaN alone, and on infinities alone, ordinary numbers must be
answered as ever.

An infinity that is read may become NaN: a compensated sum makes inf - inf of it, a kernel that works in blocks and
fills them up with zeros makes 0 * inf. An exception on special values is a refusal.

Of float8 only NaN is asked, and the largest number times 1: not every format has an infinity, and where it has one, a
conversion to it may stop at the largest number.

Not judged either: the sign of zero, a NaN's payload, and where an infinity goes in a fast algorithm, which mixes
numbers by its nature. Of a complex number it is only judged whether it is finite, as infinity times a complex number
has no agreed components.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from conv_oracle.auditing.operands import DTYPES, float8
from conv_oracle.auditing.rounding.carriers import Pass
from conv_oracle.auditing.rounding.data import chosen, operands, stored
from conv_oracle.auditing.rounding.measures import shape_of
from conv_oracle.geometry import Shape
from conv_oracle.operation import Operation
from conv_oracle.passes import Array
from conv_oracle.problem import Problem, problem
from conv_oracle.space import solvable
from conv_oracle.truth import fast
from conv_oracle.truth.formats import FORMATS

LARGEST = {**float8.LARGEST, **{name: form.largest for name, form in FORMATS.items()}}
POISONS = (np.nan, np.inf, -np.inf)
EACH = 2
"""So many elements of every operand are poisoned with each."""

EVERY = "every operand"
SOME_ZEROS, FEW_GROUPS = 0.4, 2


@dataclass(frozen=True, kw_only=True)
class Poisoned:
    """Operands with special values, and what every output may be.

    operand, index, value: the one element that is special; all are, where the operand is EVERY. Without an operand,
    products of the largest number and `value`, 1 or 2, are asked.
    expected: of every output, in the part's shape. free: a mask, where any answer is right.
    before: of ordinary numbers, what the call before was given.
    """

    operands: Mapping[str, Array]
    expected: Array
    free: Array
    value: float
    operand: str = ""
    index: tuple[int, ...] = ()
    before: str = ""

    @property
    def largest(self) -> bool:
        """Whether the ends of the format's range are asked."""
        return not self.operand and not self.before

    @property
    def said(self) -> str:
        """What is special, in words."""
        if self.before:
            return f"after a call on {self.before}"
        if self.largest:
            return f"largest number times {self.value:g}"
        return f"{self.operand}[{', '.join(map(str, self.index))}] = {self.value}"


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One output that special values spoil.

    fault: its name in the catalogue; text: it in words. index, got, expected: the first output that is wrong, of
    `differing`.
    """

    of: Pass
    fault: str
    text: str
    operands: Mapping[str, Array]
    index: tuple[int, ...]
    got: float
    expected: float
    differing: int
    after: bool = False

    @property
    def condition(self) -> str:
        """When it shows."""
        return "only after special values" if self.after else "only with special values"


def special_problems(op: Operation, dtype: str) -> list[Problem]:
    """Small problems: one with padding, a stride with a remainder, dilation, groups and a bias; others.

    A plain one, a depthwise one, one of many groups, and one of many groups whose one channel becomes two.
    """
    d, three = op.axes, (3, 3, 3)[: op.axes]
    doubled = (12, 2) if op.transposed else (24, 1)
    listed = [
        problem(
            op,
            (2, 4, *(5, 7, 6)[:d]),
            (4, 2, *(3, 2, 2)[:d]),
            stride=(2, 1, 2)[:d],
            padding=(1, 1, 1)[:d],
            dilation=(1, 2, 1)[:d],
            groups=2,
            bias=op.forward,
            dtype=dtype,
        ),
        problem(
            op, (2, 8, *(6, 6, 5)[:d]), (8, 8, *three), padding=1, bias=op.forward and not op.transposed, dtype=dtype
        ),
        problem(op, (2, 6, *(5, 6, 3)[:d]), (6, 1, *three), padding=1, groups=6, bias=op.forward, dtype=dtype),
        problem(op, (2, 16, *(5, 3, 4)[:d]), (16, 2, *three), stride=2, padding=1, groups=8, dtype=dtype),
        problem(op, (1, 12, *(4, 5, 3)[:d]), (*doubled, *three), padding=1, groups=12, bias=op.forward, dtype=dtype),
    ]
    return [one for one in listed if solvable(one)]


def poisoned(of: Pass, rng: np.random.Generator) -> Iterator[Poisoned]:
    """For a pass: special values throughout and what comes after, one in every operand, and the ends of the range."""
    short = DTYPES[of.problem.dtype].short
    ordinary = _ordinary(of, "what was asked before", rng.spawn(1)[0])
    yield ordinary
    for poison in POISONS[: 1 if short else 2]:
        yield _flooded(of, poison)
        yield replace(ordinary, before=f"{poison} alone")
    names = (
        [of.carrier] if of.of_bias else [of.carrier, of.other, *(["bias"] if "bias" in of.alone.operand_shapes else [])]
    )
    for name in names:
        for poison in POISONS[: 1 if short else None]:
            for _ in range(EACH):
                yield _poisoned(of, name, poison, rng)
    if of.component == of.problem.dtype and not of.of_bias:
        for factor in (1.0, 2.0)[: 1 if of.wider or short else None]:
            yield _largest(of, factor, rng)


def violations(of: Pass, one: Poisoned, got: Array, *, mixes: bool, exact: bool = False) -> Violation | None:
    """What an answer has wrong; None where nothing is.

    got: the part's array as it was returned. mixes: whether it comes of a fast algorithm, of which less is judged.
    exact: whether sums of small integers are exact, so that all of an ordinary call is judged.
    """
    answer = got.reshape(shape_of(of))
    if answer.dtype.kind == "c":
        wrong = np.isfinite(answer) != np.isfinite(one.expected)
    else:
        with np.errstate(invalid="ignore"):
            same = (answer == one.expected) | (np.isnan(answer) & np.isnan(one.expected))
        whole = one.largest or (bool(one.before) and exact)
        wrong = ~same & (~np.isfinite(answer) | ~np.isfinite(one.expected) | whole)
    wrong &= ~(one.free | (np.isinf(one.expected) & np.isnan(answer)))
    if mixes and not one.before:
        wrong &= np.isnan(one.expected) & np.isfinite(answer)
    if not wrong.any():
        return None
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    came, wanted = answer[index], one.expected[index]
    fault, text = _left_behind(one, came) if one.before else _named(one, came, wanted)
    return Violation(
        of=of,
        fault=fault,
        text=text,
        operands=one.operands,
        index=index,
        got=came,
        expected=wanted,
        differing=int(wrong.sum()),
        after=bool(one.before),
    )


def _left_behind(one: Poisoned, came: float) -> tuple[str, str]:
    """(the fault, it in words) of ordinary numbers that were answered wrongly."""
    return (
        "stale-cache",
        f"{one.said}: the answer to ordinary numbers is {'wrong' if np.isfinite(came) else 'not finite'}",
    )


def _named(one: Poisoned, came: float, wanted: float) -> tuple[str, str]:
    """(the fault, it in words) of an output that came in place of the one that was wanted."""
    where = one.said
    if one.largest:
        if np.isinf(wanted):
            return "saturates", f"{where}: the result is beyond the format, and is not infinite"
        return "spurious-overflow", f"{where}: the largest number is not what it was"
    if np.isfinite(wanted):
        return "reads-outside-support", f"{where}: an output that does not read it is not finite"
    if np.isfinite(came):
        return "nonfinite-dropped", f"{where}: an output that reads it is finite"
    if np.isinf(wanted):
        return "infinity-changed", f"{where}: an output that reads it is infinite with the other sign"
    return "nonfinite-dropped", f"{where}: infinity times 0 is no NaN"


def _flooded(of: Pass, poison: float) -> Poisoned:
    """The same special value throughout; any answer is right."""
    given = {name: np.full(shape, poison) for name, shape in of.asked.items()}
    shape = shape_of(of)
    return Poisoned(operands=given, expected=np.zeros(shape), free=np.ones(shape, bool), value=poison, operand=EVERY)


def _ordinary(of: Pass, before: str, rng: np.random.Generator) -> Poisoned:
    """Numbers of which none is special: 1, -1 and 0, whose sums have few bits."""
    given = {name: np.sign(array) for name, array in _integers(of, rng).items()}
    expected = _computed(of, given)
    return Poisoned(operands=given, expected=expected, free=np.zeros(expected.shape, bool), value=0.0, before=before)


def _poisoned(of: Pass, name: str, poison: float, rng: np.random.Generator) -> Poisoned:
    given = _integers(of, rng)
    place = int(rng.integers(given[name].size))
    given[name].flat[place] = 0
    clean = _computed(of, given)
    indicator = {other: np.zeros_like(array) for other, array in given.items()}
    indicator[name].flat[place] = 1
    ones = {other: indicator[name] if other == name else np.ones_like(array) for other, array in given.items()}
    factors = {other: indicator[name] if other == name else array for other, array in given.items()}
    for others in (ones, factors):
        if name != "bias" and "bias" in others:
            others["bias"] = indicator["bias"]
        if name == "bias":
            others[of.other] = indicator[of.other]
    reads, factor = _computed(of, ones) != 0, _computed(of, factors)
    with np.errstate(invalid="ignore"):
        arrives = np.where(reads, poison * factor, 0.0)
    expected = np.where(reads, arrives, clean)
    free = _meeting_padding(of, name, place) & ~reads
    given[name].flat[place] = poison
    index = tuple(int(i) for i in np.unravel_index(place, given[name].shape))
    return Poisoned(operands=given, expected=expected, free=free, value=poison, operand=name, index=index)


def _meeting_padding(of: Pass, name: str, place: int) -> Array:
    """The outputs whose products an element may be multiplied with zeros of padding for, or of insertion.

    The carrier is multiplied with an operand that is padded. Of a gradient by the weight either operand may be padded:
    it is a correlation of two arrays of positions.
    """
    shape = shape_of(of)
    if of.of_bias or name not in (of.carrier, of.other) or (name == of.other and of.part != "grad_weight"):
        return np.zeros(shape, bool)
    marked = np.zeros(of.shapes[name])
    marked.flat[place] = 1
    if name == of.other:
        return _columns(marked.sum(axis=tuple(axis for axis in range(marked.ndim) if axis != 1)) != 0, shape)
    row = np.asarray(of.rows(marked).any(axis=1))
    after = len(shape) - 1 if of.part == "grad_weight" else of.problem.dimensions
    return np.broadcast_to(row.reshape(-1, *(1,) * after), shape)


def _columns(channels: Array, shape: Shape) -> Array:
    """The elements of a weight's gradient, of this shape, that belong to channels of its second axis, of all groups."""
    of_groups = channels.reshape(-1, shape[1])
    within = shape[0] // len(of_groups)
    rows = np.repeat(of_groups, within, axis=0)
    return np.broadcast_to(rows.reshape(*rows.shape, *(1,) * (len(shape) - 2)), shape)


def _largest(of: Pass, factor: float, rng: np.random.Generator) -> Poisoned:
    """One term per output, the largest number times a factor."""
    one = chosen(of, rng, 1)
    most = LARGEST[of.problem.dtype]
    other = most * rng.choice((-1.0, 1.0), of.shapes[of.other])
    given = operands(of, one * factor, other, rng, biased=False)
    unit = {name: np.sign(array) if name == of.other else array for name, array in given.items()}
    sign = _computed(of, unit) / factor
    terms = _computed(of, {name: np.abs(array) != 0 for name, array in given.items()})
    with np.errstate(invalid="ignore"):
        expected = np.where(terms == 1, sign * (most if factor == 1 else np.inf), 0.0)
    return Poisoned(operands=given, expected=expected, free=terms > 1, value=factor)


def _integers(of: Pass, rng: np.random.Generator) -> dict[str, Array]:
    """Small ones, of which some are zero.

    None in many groups: their sums are short, and a matrix times a vector, as BLAS makes it, skips zeros.
    """
    dtype, zeros = of.problem.dtype, SOME_ZEROS if of.problem.groups <= FEW_GROUPS else 0.0
    found: dict[str, Array] = {}
    for name, shape in of.asked.items():
        whole = rng.integers(1, 4, shape) * rng.choice((-1.0, 1.0), shape) * (rng.random(shape) >= zeros)
        found[name] = stored(whole + 0j if DTYPES[dtype].kind == "c" else whole, dtype)
    return found


def _computed(of: Pass, given: Mapping[str, Array]) -> Array:
    real = {name: array.real.astype(np.float64) for name, array in given.items()}
    if of.of_bias:
        return fast.conv_bias(real["grad_output"], dimensions=of.problem.dimensions)
    alone = replace(of.alone, dtype="float64")
    return alone.compute(fast, {name: real[name] for name in alone.operand_shapes})
