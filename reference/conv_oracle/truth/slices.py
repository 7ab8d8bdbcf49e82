"""An error-free splitting: operands cut into slices of few bits, whose contractions are exact in float64 (Ozaki).

In units of powers of two that are larger than |x| and |w|,

    x = sum X_i 2^-b(i+1),   w = sum W_j 2^-b(j+1),   X, W integers of at most b bits,   n 2^2b <= 2^53

so that a contraction of X_i and W_j sums n integers exactly, in any order. Those with i + j < L are made exactly, and
added as integers; what they leave is

    sum over i < L of  X_i 2^-b(i+1) * (w beyond its first L - i slices)  +  (x beyond its first L slices) * w

and is summed in float64. It is 2^-bL times smaller than the whole, and so is the error of its sum. L = 0 is a plain
contraction. Where nothing is left, the sum is exact, be it zero or a midpoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from conv_oracle.passes import Array
from conv_oracle.truth.contraction import most_drawn, to_input, to_output, to_weight
from conv_oracle.truth.formats import two_sum
from conv_oracle.truth.sums import Product, Sums, count, in_blocks, largest_of

UNIT = 2.0**-53
CACHED = 1 << 13
"""Outputs whose levels are added together."""

BLOCK = 512
"""Terms that one contraction sums, where blocks are to be had."""

MOST = 24
"""Levels after which outputs are summed one by one."""

LOWEST = -900
"""The binary exponent, of a scaled operand, from which on down bits may be lost."""

NEAR = 64
"""Operands whose largest binary exponent is not beyond this are taken as they are; others are scaled to below 1."""

SQUARED = 2.0**-450
"""More than the roundings of a term may come to whose factors have squares that underflow."""


class Splitting:
    """The sums of one `Sums` by levels, kept from level to level."""

    def __init__(self, sums: Sums) -> None:
        """Scale the operands."""
        self.sums = sums
        firsts = [p.first for p in sums.products]
        seconds = [p.second for p in sums.products]
        terms = max(1, sum(count(product) for product in sums.products))
        self.terms = terms + (sums.constant is not None)
        self.bits = (53 - (terms - 1).bit_length()) // 2
        first, second = _top(firsts), _top(seconds)
        if sums.constant is not None and sums.constant.any():
            first = max(first, _top([sums.constant]) - second)
        scales = [0 if abs(top) <= NEAR else top for top in (first, second)]
        self.exponent = sum(scales)
        """Of what the sums are in units of."""
        self.top = first + second - self.exponent
        """Of the unit of the slices' products, in those units."""
        self.firsts = [_Sliced(a, scales[0], first - scales[0], self.bits) for a in firsts]
        self.seconds = [_Sliced(b, scales[1], second - scales[1], self.bits) for b in seconds]
        self.lossy = any(s.lossy for s in (*self.firsts, *self.seconds))
        self.constant = None if sums.constant is None else np.ldexp(sums.constant, -self.exponent)
        if self.constant is not None:
            self.lossy |= bool((np.ldexp(self.constant, self.exponent) != sums.constant).any())
        self.levels: list[Array] = []

    def sum(self, level: int) -> tuple[Array, Array | None, Array | float]:
        """(high, low, error): |exact - (high + low)| <= error, in units of 2^exponent, after that many exact levels.

        No low is zeros. high = RN(high + low).
        """
        while len(self.levels) < level:
            self.levels.append(self._exact(len(self.levels)))
        shape = self.sums.products[0].shape
        left, bound = self._left(level)
        if not level and self.constant is None:
            return np.zeros(shape) if left is None else left, None, bound
        arrays = [None if a is None else a.reshape(-1) for a in (left, self._spread_constant(shape))]
        levels = [a.reshape(-1) for a in self.levels[:level]]
        high, low, lost = (np.empty(shape) for _ in range(3))
        flat = high.reshape(-1), low.reshape(-1), lost.reshape(-1)
        for start in range(0, high.size, CACHED):
            some = slice(start, start + CACHED)
            first, last = ([] if a is None else [a[some]] for a in arrays)
            parts = [*first, *_digits([a[some] for a in levels], self.bits, self.top), *last]
            for target, made in zip(flat, _added(parts), strict=True):
                target[some] = made
        return high, low, (bound + lost) * (1 + 2.0**-40) if lost.any() else bound

    def _spread_constant(self, shape: tuple[int, ...]) -> Array | None:
        return None if self.constant is None else np.broadcast_to(self.constant, shape)

    def _exact(self, level: int) -> Array:
        """The integers of one level."""
        total = np.zeros(self.sums.products[0].shape, np.int64)
        for product, x, w in zip(self.sums.products, self.firsts, self.seconds, strict=True):
            for i in range(level + 1):
                one, other = x.slice(i), w.slice(level - i)
                if one is not None and other is not None:
                    total += product.compute(one, other).astype(np.int64)
        return total

    def _left(self, level: int) -> tuple[Array | None, Array | float]:
        """(what the exact levels leave, its error bound). None where nothing is left."""
        if level == 0:
            return self._plain()
        total, size = None, 0.0
        for product, x, w in zip(self.sums.products, self.firsts, self.seconds, strict=True):
            pairs = [(x.part(i), w.left(level - i)) for i in range(level)] + [(x.left(level), w.left(0))]
            for one, other in pairs:
                if one is None or other is None:
                    continue
                made = product.compute(one, other)
                total = made if total is None else total + made
                size += count(product) * largest_of(one) * largest_of(other)
        lost = self.terms * 2.0**-850 if self.lossy else 0.0
        if total is None:
            return None, lost
        growth = (self.terms + len(self.firsts) * (level + 1) + 4) * UNIT
        return total, growth / (1 - growth) * size * (1 + 2.0**-40) + self.terms * 2.0**-1060 + lost

    def _plain(self) -> tuple[Array | None, Array | float]:
        """The same before any level: a contraction in blocks, so that a term passes few roundings."""
        total, longest, blocks = None, 0, 0
        for product, x, w in zip(self.sums.products, self.firsts, self.seconds, strict=True):
            one, other = x.left(0), w.left(0)
            if one is None or other is None:
                continue
            for block in in_blocks(replace(product, first=one, second=other), BLOCK):
                made = block.compute(block.first, block.second)
                if total is None:
                    total = made
                else:
                    total += made
                longest, blocks = max(longest, count(block)), blocks + 1
        lost = self.terms * 2.0**-850 if self.lossy else 0.0
        if total is None:
            return None, lost
        if self.exact:
            return total, 0.0
        growth = (longest + blocks + 4) * UNIT
        factor, below = growth / (1 - growth) * (1 + 2.0**-40), self.terms * SQUARED + lost
        error = self._magnitude()
        error *= factor * (1 + 2.0**-20)
        error += below
        return total, error

    def absolute(self) -> Array:
        """The sum of the terms' absolute values, to a few units in the last place, or less where they underflow."""
        total = np.zeros(self.sums.products[0].shape)
        for product, x, w in zip(self.sums.products, self.firsts, self.seconds, strict=True):
            one, other = x.left(0), w.left(0)
            if one is not None and other is not None:
                total += product.compute(np.abs(one), np.abs(other))
        return total if self.constant is None else total + np.abs(self.constant)

    def _magnitude(self) -> Array:
        """The sum of absolute values or more, by Cauchy and Schwarz: the cost is that of one channel."""
        total: Array | None = None
        for product, x, w in zip(self.sums.products, self.firsts, self.seconds, strict=True):
            one, other = x.left(0), w.left(0)
            if one is not None and other is not None:
                part = _norms(product, one, other)
                total = part if total is None else total + part
        return np.zeros(self.sums.products[0].shape) if total is None else total

    def empty(self) -> Array:
        """Where no product is other than zero, so that the sum is the constant, if scaling has kept that."""
        total = np.zeros(self.sums.products[0].shape)
        for product in self.sums.products:
            total += product.compute(*((a != 0).astype(np.float64) for a in (product.first, product.second)))
        kept = self.constant is None or np.ldexp(self.constant, self.exponent) == self.sums.constant
        return np.asarray((total == 0) & kept)

    @cached_property
    def end(self) -> int:
        """The level that leaves nothing, or one beyond `MOST`."""
        pairs = zip(self.firsts, self.seconds, strict=True)
        return min(MOST + 1, max(x.count(MOST + 1) + w.count(MOST + 1) - 1 for x, w in pairs))

    def level_for(self, error: float) -> int:
        """A level whose error should be about that; at most five."""
        if not 0 < error < np.inf:
            return 1
        whole = self.top + 2 * (self.terms - 1).bit_length() - 56
        return int(np.clip(np.ceil((whole - np.log2(error)) / self.bits), 1, 5))

    def contractions(self, level: int, target: int) -> int:
        """How many it takes to go from one level to another, at most."""
        return sum(range(level + 1, target + 1)) + (target + 1 if target < MOST else 0)

    def ended(self, level: int) -> bool:
        """Whether that many levels leave nothing."""
        return level > MOST or all(
            x.left(level) is None and all(x.slice(i) is None or w.left(level - i) is None for i in range(level))
            for x, w in zip(self.firsts, self.seconds, strict=True)
        )

    @cached_property
    def exact(self) -> bool:
        """Whether one float64 contraction is exact: the operands' bits, and those of the count, fit."""
        room = 53 - (self.terms - 1).bit_length()
        return not self.lossy and all(
            max(s.length(step) for s in self.firsts) + max(s.length(step) for s in self.seconds) <= room
            for step in (1009, 1)
        )


@dataclass
class _Sliced:
    """An operand in units of 2^exponent, there below 2^top, and its slices as far as they were asked for."""

    given: Array
    exponent: int
    top: int
    bits: int
    slices: list[Array] = field(default_factory=list)
    lefts: list[Array | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        with np.errstate(under="ignore"):
            scaled = _times(self.given, -self.exponent) if self.exponent else self.given
        self.lefts.append(scaled if scaled.any() else None)

    @property
    def lossy(self) -> bool:
        """Whether scaling may have lost bits of an element."""
        scaled = self.lefts[0]
        if scaled is None or not self.exponent:
            return scaled is None and bool(np.any(self.given))
        return bool(((np.abs(scaled) < 2.0**LOWEST) & (self.given != 0)).any())

    def length(self, step: int = 1) -> int:
        """How many bits there are from 2^top down to the last that is set, in every step-th element."""
        if self.lefts[0] is None:
            return 0
        mantissa, power = np.frexp(self.lefts[0].reshape(-1)[::step])
        whole = np.ldexp(mantissa, 53).astype(np.int64)
        _, trailing = np.frexp((whole & -whole).astype(np.float64))
        return self.top - int((power - 53 + trailing - 1).min(initial=self.top, where=whole != 0))

    def count(self, most: int) -> int:
        """How many slices there are, at least one and at most so many."""
        self._cut(most)
        return max(1, len(self.slices))

    def slice(self, i: int) -> Array | None:
        """X_i, integers."""
        self._cut(i + 1)
        return self.slices[i] if i < len(self.slices) else None

    def part(self, i: int) -> Array | None:
        """X_i 2^-b(i+1), in units of 2^exponent."""
        whole = self.slice(i)
        return None if whole is None else whole * 2.0 ** (self.top - self.bits * (i + 1))

    def left(self, i: int) -> Array | None:
        """What the first i slices leave."""
        self._cut(i)
        return self.lefts[i] if i < len(self.lefts) else None

    def _cut(self, slices: int) -> None:
        while len(self.slices) < slices and self.lefts[-1] is not None:
            left, at = self.lefts[-1], self.bits * (len(self.slices) + 1) - self.top
            whole = np.rint(_times(left, at))
            left = left - _times(whole, -at)
            self.slices.append(whole)
            self.lefts.append(left if left.any() else None)


def _norms(product: Product, first: Array, second: Array) -> Array:
    """|first| |second| over what every output reads, in the 2-norm, rounded up."""
    g = product.geometry
    groups, rows, channels = g.groups, g.out_channels_per_group, g.in_channels_per_group
    norms: Array
    if product.contract is to_output:
        one = replace(g, in_channels=groups, out_channels=groups)
        x = _square_sums("ngci->ngi", first, g.batch, groups, channels).reshape(one.input_shape)
        read = to_output(x, np.ones(one.weight_shape), one)
        norms = np.sqrt(_square_sums("gmk->gm", second, groups, rows)).reshape(groups, rows, *(1,) * g.dimensions)
        norms = np.sqrt(read)[:, :, None] * norms
    elif product.contract is to_input:
        one = replace(g, in_channels=groups, out_channels=groups)
        y = _square_sums("ngmo->ngo", second, g.batch, groups, rows).reshape(one.output_shape)
        read = to_input(np.ones(one.weight_shape), y, one)
        norms = np.sqrt(most_drawn(g) * _square_sums("gmck->gc", first, groups, rows, channels))
        norms = np.sqrt(read)[:, :, None] * norms.reshape(groups, channels, *(1,) * g.dimensions)
    else:
        one = replace(g, out_channels=groups)
        read = to_weight(first * first, np.ones(one.output_shape), one).reshape(groups, 1, channels, *g.kernel_size)
        norms = np.sqrt(_square_sums("ngmo->gm", second, g.batch, groups, rows))
        norms = np.sqrt(read) * norms.reshape(groups, rows, *(1,) * (g.dimensions + 1))
    return norms.reshape(product.shape)


def _square_sums(axes: str, a: Array, *split: int) -> Array:
    """The squares of an array, split into such axes and one that is left, summed over those that are not kept."""
    given, kept = axes.split("->")
    parts = a.reshape(*split, -1)
    total: Array = np.einsum(f"{given},{given}->{kept}", parts, parts)
    return total


def _times(a: Array, exponent: int) -> Array:
    """The array times 2^exponent: a product where the power is a number, which is several times faster than ldexp."""
    result: Array = a * 2.0**exponent if abs(exponent) <= 1000 else np.ldexp(a, exponent)
    return result


def _top(arrays: Sequence[Array]) -> int:
    """The least e with |a| < 2^e for all."""
    largest = max((largest_of(a) for a in arrays), default=0.0)
    return int(np.frexp(largest)[1]) if largest else 0


def _added(parts: list[Array]) -> tuple[Array, Array, Array | float]:
    """(high, low, what was lost at most) of their sum."""
    high, low, lost = parts[0], np.zeros_like(parts[0]), np.zeros_like(parts[0])
    for number, part in enumerate(parts[1:]):
        high, carried = two_sum(high, part)
        if number:
            low, rest = two_sum(low, carried)
            lost += np.abs(rest)
        else:
            low = carried
    return (*two_sum(high, low), lost)


def _digits(levels: list[Array], bits: int, top: int) -> list[Array]:
    """The levels as float64 numbers of at most 2^bits units each, the smallest first: carried, they do not cancel."""
    digits, carry = [], None
    half = 1 << (bits - 1)
    for level in range(len(levels) - 1, -1, -1):
        total = levels[level] if carry is None else levels[level] + carry
        carry = (total + half) >> bits
        digits.append((total - (carry << bits)) * 2.0 ** (top - bits * (level + 2)))
    if carry is not None:
        digits.append(carry * 2.0 ** (top - bits))
    return digits
