"""Coded probes: operands from whose answers the index map of an unknown convolution can be read.

One operand is switched on at one position, for all of its free channels at once; the other holds a code of its own in
every element. So every element of the answer is one product by 1: it is the code of the element that was read, or 0
for padding. That is deterministic for any linear subject, and exact in every format.

    forward, transposed     the weight is on at (channel within the group, *k), the input is coded
    gradient by the input   the weight is on at (channel within the group, *k), grad_output is coded
    gradient by the weight  grad_output is on at (example, *o), the input is coded

A second set codes the free channels of what is switched on, with ones in the other operand: it shows which slice of it
every channel of the answer uses. A last probe codes the bias alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from conv_oracle.auditing.operands.formats import DTYPES
from conv_oracle.geometry import Shape
from conv_oracle.index_map import terms
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

LARGEST_CODE = 2**20
DISTINCT = 10_000
"""How many codes there are per element, so that a sum of several elements is hardly ever a code."""

Index = tuple[int, ...]


@dataclass(frozen=True)
class Probe:
    """The operands of one call, and what its answer shows.

    operands: by name, float64 or complex128. reveals: 'elements' that are read, 'slices' that are used, or 'bias'.
    position: what is switched on. round: the digit of the codes, where they need several calls.
    """

    operands: Mapping[str, Array]
    reveals: str
    position: Index
    round: int


@dataclass(frozen=True)
class Departure:
    """One element of a result that is not made from the element that the formula reads.

    returns: the name of the result; result: the element's index. operand: the operand that is read.
    through: the other factor of the product; position: its index, without the free channel.
    read, formula: the index that was read, and that of the formula; None is padding, or no bias; a string is the value
    itself, where it is the code of no single element.
    """

    returns: str
    result: Index
    operand: str
    through: str
    position: Index
    read: Index | str | None
    formula: Index | None

    def __str__(self) -> str:
        verb = "adds" if self.operand == "bias" else "reads"
        through = f" through {self.through} at {list(self.position)}" if self.position else ""
        return (
            f"{self.returns}{list(self.result)} {verb} {_said(self.operand, self.read)}{through}; "
            f"the formula {verb} {_said(self.operand, self.formula)}"
        )


@dataclass(frozen=True)
class _Roles:
    """Which operand is coded, which is switched on, and the places of both and of the result in a term (i, k, o)."""

    coded: str
    switched: str
    at: tuple[int, int, int]
    grouped: int
    """Channels per group along the axis of the switched operand that is not free; 0 where that is not its first."""


def count(problem: Problem) -> int:
    """How many probes read the whole index map of a problem."""
    positions = math.prod(_positions(problem))
    return positions * (_rounds(problem, _elements(problem)) + _rounds(problem, _free(problem))) + (
        _rounds(problem, problem.out_channels) if problem.bias else 0
    )


def at_most(problem: Problem, most: int) -> bool:
    """Whether at most so many probes read the whole index map: each position takes two or more."""
    return 2 * math.prod(_positions(problem)) <= most and count(problem) <= most


def probes(problem: Problem) -> list[Probe]:
    """The probes that read the whole index map of a problem: of both sets, and of the bias."""
    roles, shapes = _roles(problem), problem.operand_shapes
    dtype = np.complex128 if DTYPES[problem.dtype].kind == "c" else np.float64
    blank = {name: np.zeros(shape, dtype) for name, shape in shapes.items()}
    elements = _codes(problem, _elements(problem)).reshape(-1, *shapes[roles.coded])
    channels = _codes(problem, _free(problem))
    made = []
    for position in np.ndindex(*_positions(problem)):
        on = np.zeros(shapes[roles.switched], dtype)
        on[_where(problem, roles, position)] = 1
        for number, code in enumerate(elements):
            made.append(
                Probe({**blank, roles.coded: code.astype(dtype), roles.switched: on}, "elements", position, number)
            )
        ones = np.ones(shapes[roles.coded], dtype)
        for number, code in enumerate(channels):
            slices = on * _along(problem, roles, code)
            made.append(Probe({**blank, roles.coded: ones, roles.switched: slices}, "slices", position, number))
    if problem.bias:
        biases = _codes(problem, problem.out_channels)
        made += [Probe({**blank, "bias": code.astype(dtype)}, "bias", (), number) for number, code in enumerate(biases)]
    return made


def departures(problem: Problem, asked: Sequence[Probe], answers: Sequence[Array]) -> Iterator[Departure]:
    """Where the index map that the answers show is not the formula's. answers: of `asked`, in the same order."""
    roles = _roles(problem)
    formula = _formula(problem)
    shape = problem.operand_shapes[roles.coded]
    for (reveals, position), numbers in _gathered(asked, answers).items():
        size = {"elements": math.prod(shape), "slices": _free(problem), "bias": problem.out_channels}[reveals]
        meaning = {tuple(code): number for number, code in enumerate(_codes(problem, size).T.tolist())}
        for result in np.ndindex(*numbers.shape[1:]):
            code = tuple(numbers[(slice(None), *result)].tolist())
            element = formula.get((position, result))
            if reveals == "elements":
                read = _element(code, meaning, shape)
                wanted, operand = element and element[0], roles.coded
            elif reveals == "slices":
                read = _element(code, meaning, (size,))
                wanted, operand = element and (element[1],), f"slice of {roles.switched}"
            else:
                read, wanted, operand = _element(code, meaning, (size,)), (result[-problem.dimensions - 1],), "bias"
            if read != wanted:
                yield Departure(problem.operation.returns, result, operand, roles.switched, position, read, wanted)


def readings(
    problem: Problem, asked: Sequence[Probe], answers: Sequence[Array]
) -> tuple[dict[tuple[Index, Index], Index], dict[tuple[Index, Index], Index]]:
    """(position switched on, index of the result) to the index of the coded element: as read, and by the formula."""
    roles = _roles(problem)
    shape = problem.operand_shapes[roles.coded]
    meaning = {tuple(code): number for number, code in enumerate(_codes(problem, math.prod(shape)).T.tolist())}
    seen: dict[tuple[Index, Index], Index] = {}
    for (reveals, position), numbers in _gathered(asked, answers).items():
        for result in np.ndindex(*numbers.shape[1:]) if reveals == "elements" else ():
            element = _element(tuple(numbers[(slice(None), *result)].tolist()), meaning, shape)
            if isinstance(element, tuple):
                seen[position, result] = element
    return seen, {key: element for key, (element, _) in _formula(problem).items()}


def coded_operand(problem: Problem) -> tuple[str, str]:
    """The names of the operand that is coded, and of the one that is switched on."""
    roles = _roles(problem)
    return roles.coded, roles.switched


def roles_of(problem: Problem) -> dict[str, int]:
    """Which of the map's input, weight and output, 0 to 2, each operand is, and the result."""
    roles = _roles(problem)
    return dict(zip((roles.coded, roles.switched, problem.operation.returns), roles.at, strict=True))


def reads(problem: Problem, asked: Sequence[Probe], answers: Sequence[Array]) -> Iterator[tuple[Index, Index, Index]]:
    """Every single element that was read, as (i, k, o): indices of the map's input, weight and output."""
    at = _roles(problem).at
    for (position, result), element in readings(problem, asked, answers)[0].items():
        places: list[Index] = [(), (), ()]
        for place, index in zip(at, (element, position, result), strict=True):
            places[place] = index
        yield places[0], places[1], places[2]


def _gathered(asked: Sequence[Probe], answers: Sequence[Array]) -> dict[tuple[str, Index], Array]:
    """The answers, the rounds of each question along the first axis; of complex numbers the real part."""
    found: dict[tuple[str, Index], list[Array]] = {}
    for probe, answer in zip(asked, answers, strict=True):
        found.setdefault((probe.reveals, probe.position), []).append(np.asarray(answer).real)
    return {key: np.stack(rounds).astype(np.float64) for key, rounds in found.items()}


def _element(code: tuple[float, ...], meaning: Mapping[tuple[float, ...], int], shape: Shape) -> Index | str | None:
    if not any(code):
        return None
    number = meaning.get(code)
    if number is None:
        return " ".join(f"{value:g}" for value in code)
    return tuple(int(i) for i in np.unravel_index(number, shape))


def _roles(problem: Problem) -> _Roles:
    g = problem.geometry
    if problem.operation.by_weight:
        at = (2, 0, 1) if problem.transposed else (0, 2, 1)
        return _Roles("input", "grad_output", at, 0)
    coded = "grad_output" if problem.operation.by_input else "input"
    spreads = not problem.operation.gathers
    at = (2, 1, 0) if spreads else (0, 1, 2)
    return _Roles(coded, "weight", at, g.out_channels_per_group if spreads else 0)


def _positions(problem: Problem) -> Shape:
    """The positions at which an operand is switched on."""
    roles, g = _roles(problem), problem.geometry
    if roles.switched == "grad_output":
        batch = (g.batch,) if problem.batched else ()
        return (*batch, *problem.output_shape[-problem.dimensions :])
    return (roles.grouped or problem.weight_shape[1], *problem.weight_shape[2:])


def _where(problem: Problem, roles: _Roles, position: Index) -> tuple[slice | int, ...]:
    """The elements of the switched operand that a position means: one per free channel."""
    if roles.switched == "grad_output":
        batch, spatial = position[: -problem.dimensions], position[-problem.dimensions :]
        return (*batch, slice(None), *spatial)
    channel, *kernel = position
    if roles.grouped:
        return (slice(channel, None, roles.grouped), slice(None), *kernel)
    return (slice(None), channel, *kernel)


def _place(problem: Problem, roles: _Roles, index: Index) -> tuple[Index, int]:
    """The position that an element of the switched operand belongs to, and its free channel."""
    if roles.switched == "grad_output":
        axis = len(index) - problem.dimensions - 1
        return (*index[:axis], *index[axis + 1 :]), index[axis]
    if roles.grouped:
        return (index[0] % roles.grouped, *index[2:]), index[1]
    return index[1:], index[0]


def _along(problem: Problem, roles: _Roles, code: Array) -> Array:
    """The codes of the free channels, along their axis of the switched operand."""
    shape = problem.operand_shapes[roles.switched]
    axis = len(shape) - problem.dimensions - 1 if roles.switched == "grad_output" else int(roles.grouped > 0)
    return code.reshape([-1 if number == axis else 1 for number in range(len(shape))])


def _free(problem: Problem) -> int:
    """The free channels of the switched operand."""
    roles = _roles(problem)
    if roles.switched == "grad_output":
        return problem.out_channels
    return problem.weight_shape[1 if roles.grouped else 0]


def _elements(problem: Problem) -> int:
    return math.prod(problem.operand_shapes[_roles(problem).coded])


def _formula(problem: Problem) -> dict[tuple[Index, Index], tuple[Index, int]]:
    """(position, index of the result) to (element read, free channel used), by the definition's index map."""
    roles = _roles(problem)
    found = {}
    for triple in terms(problem.geometry):
        coded, switched, result = (triple[at] if at == 1 or problem.batched else triple[at][1:] for at in roles.at)
        position, channel = _place(problem, roles, switched)
        found[position, result] = coded, channel
    return found


def _rounds(problem: Problem, size: int) -> int:
    """How many digits distinguish `size` elements."""
    return max(1, math.ceil(math.log(max(size, 1) * DISTINCT) / math.log(len(_alphabet(problem.dtype)))))


def _codes(problem: Problem, size: int) -> Array:
    """(rounds, size) of codes: different for every element, never 0, and the same on every call."""
    return _codes_of(problem.dtype, _rounds(problem, size), size)


@lru_cache(maxsize=256)
def _codes_of(dtype: str, rounds: int, size: int) -> Array:
    """`_codes`, which nobody writes into: it is kept for the problems that need the same."""
    letters = _alphabet(dtype)
    rng = np.random.default_rng([size, rounds])
    number = rng.choice(min(len(letters) ** rounds, 2**62), size, replace=False, shuffle=True) if size else np.zeros(0)
    made = np.array([letters[(number // len(letters) ** turn % len(letters)).astype(int)] for turn in range(rounds)])
    made.flags.writeable = False
    return made


@lru_cache
def _alphabet(dtype: str) -> Array:
    """The non-zero integers that a format holds exactly, up to LARGEST_CODE in magnitude."""
    kind = DTYPES[dtype]
    most = min(LARGEST_CODE, int(np.iinfo(kind.storage).max) if kind.kind in "iu" else 2**kind.bits)
    upwards = np.arange(1.0, most + 1)
    return upwards if kind.kind == "u" else np.concatenate([-upwards[::-1], upwards])


def _said(operand: str, element: Index | str | None) -> str:
    if element is None:
        return "nothing" if operand == "bias" else "padding"
    return f"{operand}{list(element)}" if isinstance(element, tuple) else f"no single element ({element})"
