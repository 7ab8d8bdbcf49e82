"""The whole computation of a subject on one problem: every product that each element of the result is a sum of.

One operand is 1 at a single element and 0 elsewhere; the other holds powers of eight, one per element, so that each
element of the answer is a number whose digits in base eight are the coefficients of its products. A few random draws
then tell whether the answer is that sum at all: where it is not, the subject is not linear, or remembers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from conv_oracle.auditing.operands import DTYPES, roles_of
from conv_oracle.index_map import terms
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

DIGIT_BITS = 3
BASE, LEAST_DIGIT = 1 << DIGIT_BITS, -3
"""Coefficients from LEAST_DIGIT to LEAST_DIGIT + BASE - 1 are read at once; others, and fractions, one by one."""

MOST_CALLS, FEWEST_ON = 700, 6
MOST_NUMBERS = 6_000_000
TRIALS = 3


Operands = Mapping[str, Array]
Answers = Callable[[Problem, Sequence[Operands]], Sequence[Array] | None]
"""Real answers to a problem on operands by name, float64; None where one is not an array of the result's shape."""


@dataclass(frozen=True)
class Terms:
    """Products as rows of indices. places: (terms, 3, 2 + axes), of i, k and o in the index map; times: coefficients.

    i is (example, channel, *position) of what the kernel runs over, k is (row, channel within the group, *tap) of the
    weight, and o is (example, channel, *position) of what has one element per position of the kernel.
    """

    places: Array
    times: Array


@dataclass(frozen=True)
class Computation:
    """What a subject computes on a problem, and what the formula does.

    read, right: the products. whole: whether all elements of both operands were tried. linear: whether random operands
    gave the sums of these products. biases: for a problem with a bias, (channel of the bias, example, channel,
    *position) of coefficients.
    """

    problem: Problem
    read: Terms
    right: Terms
    whole: bool
    linear: bool
    biases: Array | None


def computation(problem: Problem, answers: Answers, most: int = MOST_CALLS, bits: int = 53) -> Computation | None:
    """The computation of what gives these answers; None where it is too long, or the answers are no such arrays.

    most: how many calls may be made, twice where coefficients are read one by one. Where all elements would take more,
    a part of them is tried. bits: of the integers that are known to be exact, where these are fewer than the dtype's.
    """
    if DTYPES[problem.dtype].short or not problem.multiply_adds:
        return None
    first = _read(problem, answers, digits=max(1, min(bits, _bits(problem)) // DIGIT_BITS), most=min(most, MOST_CALLS))
    if first is not None and first.linear:
        return first
    return _read(problem, answers, digits=1, most=2 * min(most, MOST_CALLS)) or first


def needed(problem: Problem, digits: int = 0) -> int:
    """The fewest calls that read all of a problem. digits: labels in a call; by default as many as the dtype holds."""
    one, two = (math.prod(shape) for name, shape in problem.operand_shapes.items() if name != "bias")
    digits = digits or max(1, _bits(problem) // DIGIT_BITS)
    return min(one * -(-two // digits), two * -(-one // digits))


def _bits(problem: Problem) -> int:
    """Those of the integers that the dtype holds exactly."""
    kind = DTYPES[problem.dtype]
    return min(kind.bits, int(np.iinfo(kind.storage).max).bit_length()) if kind.kind in "iu" else kind.bits


@dataclass(frozen=True)
class _Probing:
    """How a problem is probed. on: flat indices at which the operand `single` is 1; labels: those of the other one."""

    single: str
    other: str
    on: Array
    labels: Sequence[Array]

    @property
    def calls(self) -> int:
        return len(self.on) * len(self.labels)


def _probing(problem: Problem, digits: int, most: int) -> _Probing | None:
    """The fewest calls that read all, or as much of one operand as `most` calls read."""
    sizes = {name: math.prod(shape) for name, shape in problem.operand_shapes.items() if name != "bias"}
    one, two = sizes
    single, other = min(((one, two), (two, one)), key=lambda pair: sizes[pair[0]] * -(-sizes[pair[1]] // digits))
    chunks = -(-sizes[other] // digits)
    on = np.arange(sizes[single])
    if len(on) * chunks > most:
        kept = most // max(chunks, 1)
        if kept < FEWEST_ON:
            return None
        ends = np.unique(np.linspace(0, len(on) - 1, kept // 2).astype(int))
        rest = np.random.default_rng(len(on)).permutation(np.setdiff1d(on, ends))
        on = np.sort(np.concatenate([ends, rest[: kept - len(ends)]]))
    order = np.random.default_rng(sizes[other]).permutation(sizes[other])
    return _Probing(single, other, on, [order[start : start + digits] for start in range(0, sizes[other], digits)])


def _read(problem: Problem, answers: Answers, *, digits: int, most: int) -> Computation | None:
    probing = _probing(problem, digits, most)
    if probing is None or not probing.calls:
        return None
    shapes = problem.operand_shapes
    numbers = sum(map(math.prod, shapes.values())) + math.prod(problem.result_shape)
    if numbers * probing.calls > MOST_NUMBERS:
        return None
    operands = [*_of_products(problem, probing), *_of_biases(problem, digits), *_random(problem, probing)]
    came = answers(problem, operands)
    if came is None:
        return None
    products, rest = came[: probing.calls], came[probing.calls :]
    read, whole_numbers = _decoded(problem, probing, products, digits)
    biases = _decoded_biases(problem, rest[1 : -TRIALS - 1], digits) if problem.bias else None
    if biases is not None:
        summed = np.tensordot(operands[-TRIALS - 1]["bias"].real, biases, 1) + rest[0]
        biases = biases if np.array_equal(summed.reshape(problem.result_shape), rest[-TRIALS - 1]) else None
    right = _formula(problem, probing)
    linear = whole_numbers and all(
        _is_sum(problem, read, one, answer - rest[0])
        for one, answer in zip(operands[-TRIALS:], came[-TRIALS:], strict=True)
    )
    whole = len(probing.on) == math.prod(shapes[probing.single])
    return Computation(problem, read, right, whole, linear, biases)


def _blank(problem: Problem) -> dict[str, Array]:
    wide = np.complex128 if DTYPES[problem.dtype].kind == "c" else np.float64
    return {name: np.zeros(shape, wide) for name, shape in problem.operand_shapes.items()}


def _of_products(problem: Problem, probing: _Probing) -> Iterator[dict[str, Array]]:
    for place in probing.on:
        for chunk in probing.labels:
            made = _blank(problem)
            made[probing.single].flat[place] = 1
            made[probing.other].flat[chunk] = float(BASE) ** np.arange(len(chunk))
            yield made


def _of_biases(problem: Problem, digits: int) -> Iterator[dict[str, Array]]:
    """Zeros, and then the bias alone: powers of eight, and small integers that must give the sum of what was read."""
    yield _blank(problem)
    if problem.bias:
        for start in range(0, problem.out_channels, digits):
            made = _blank(problem)
            chunk = made["bias"][start : start + digits]
            chunk[:] = float(BASE) ** np.arange(len(chunk))
            yield made
        made = _blank(problem)
        made["bias"][:] = np.random.default_rng(problem.out_channels).integers(1, 4, problem.out_channels)
        yield made


def _random(problem: Problem, probing: _Probing) -> Iterator[dict[str, Array]]:
    """Small integers, where the operand that is switched on was."""
    rng = np.random.default_rng(TRIALS)
    least = 0 if DTYPES[problem.dtype].kind == "u" else -1
    for _ in range(TRIALS):
        made = _blank(problem)
        made[probing.single].flat[probing.on] = rng.integers(least, 2, len(probing.on))
        made[probing.other].flat[:] = rng.integers(least, 2, made[probing.other].size)
        yield made


def _decoded(problem: Problem, probing: _Probing, answers: Sequence[Array], digits: int) -> tuple[Terms, bool]:
    """The products that the answers show, and whether every number was a whole one of such digits."""
    numbers = np.stack(answers).reshape(len(answers), -1)
    single, other, result = ([], [], [])  # type: tuple[list[Array], list[Array], list[Array]]
    times, clean = list[Array](), True
    on = np.repeat(probing.on, len(probing.labels))
    rest = numbers
    for digit in range(digits):
        if digits == 1:
            value, rest = numbers, np.zeros_like(numbers)
        else:
            whole = np.rint(np.where(np.isfinite(rest), rest, 0))
            value = (whole - LEAST_DIGIT) % BASE + LEAST_DIGIT
            rest = (rest - value) / BASE
        label = np.array([chunk[digit] if digit < len(chunk) else -1 for chunk in probing.labels])
        label = np.tile(label, len(probing.on))
        rows, columns = np.nonzero((value != 0) & (label >= 0)[:, None])
        clean &= not value[label < 0].any()
        single.append(on[rows])
        other.append(label[rows])
        result.append(columns)
        times.append(value[rows, columns])
    clean &= bool(np.isfinite(numbers).all()) and not rest.any()
    flat = {probing.single: np.concatenate(single), probing.other: np.concatenate(other)}
    flat[problem.operation.returns] = np.concatenate(result)
    return Terms(_places(problem, flat), np.concatenate(times)), clean


def _decoded_biases(problem: Problem, answers: Sequence[Array], digits: int) -> Array:
    """(channel of the bias, example, channel, *position) of coefficients."""
    found = list[Array]()
    for answer in answers:
        rest = answer if problem.batched else answer[None]
        for _ in range(digits):
            value = rest if digits == 1 else (np.rint(rest) - LEAST_DIGIT) % BASE + LEAST_DIGIT
            rest = (rest - value) / BASE
            found.append(value)
    return np.stack(found[: problem.out_channels])


def _places(problem: Problem, flat: Mapping[str, Array]) -> Array:
    """Flat indices by operand and result as (terms, 3, 2 + axes): of i, k and o."""
    found = np.zeros((len(next(iter(flat.values()))), 3, 2 + problem.dimensions), np.int64)
    shapes = {**problem.operand_shapes, problem.operation.returns: problem.result_shape}
    for name, place in roles_of(problem).items():
        index = np.stack(np.unravel_index(flat[name], shapes[name]), axis=-1)
        found[:, place, found.shape[2] - index.shape[1] :] = index
    return found


def _formula(problem: Problem, probing: _Probing) -> Terms:
    """The products of the formula, as far as they were probed."""
    places = np.array(list(terms(problem.geometry)), dtype=np.int64).reshape(-1, 3, 2 + problem.dimensions)
    flat = _flat(problem, places, probing.single)
    places = places[np.isin(flat, probing.on)]
    return Terms(places, np.ones(len(places)))


def _flat(problem: Problem, places: Array, name: str) -> Array:
    """The flat index of an operand, or the result, in each term."""
    shape = {**problem.operand_shapes, problem.operation.returns: problem.result_shape}[name]
    index = places[:, roles_of(problem)[name]]
    return np.asarray(np.ravel_multi_index(tuple(index[:, index.shape[1] - len(shape) :].T), shape))


def _is_sum(problem: Problem, read: Terms, operands: Operands, answer: Array) -> bool:
    """Whether an answer is the sum of these products: exactly, or where their coefficients are no integers as rounded.

    A sum of n numbers is computed with an error of at most n u times the sum of their magnitudes (Higham 2002, 4.4).
    """
    found = _sum(problem, read, operands)
    if (read.times == np.rint(read.times)).all():
        return bool(np.array_equal(found, answer))
    sizes = {name: np.abs(operand) for name, operand in operands.items()}
    most = _sum(problem, replace(read, times=np.abs(read.times)), sizes)
    unit = 2.0 ** (1 - min(_bits(problem), 53))
    return bool((np.abs(found - answer) <= unit * (len(read.times) + 2) * most).all())


def _sum(problem: Problem, read: Terms, operands: Operands) -> Array:
    """The result of these products on operands."""
    one, two = (name for name in operands if name != "bias")
    factors = [operands[name].real.ravel()[_flat(problem, read.places, name)] for name in (one, two)]
    result: Array = np.zeros(math.prod(problem.result_shape))
    np.add.at(result, _flat(problem, read.places, problem.operation.returns), read.times * factors[0] * factors[1])
    summed: Array = result.reshape(problem.result_shape)
    return summed
