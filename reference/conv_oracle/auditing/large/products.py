"""Sparse operands, and the products that their nonzero elements make: all that the result can be made of.

An operand of gigabytes is zero but for some hundred elements: first, last and random ones, and those around the offsets
at which an index of some bits overflows, in every array and in the workspace. They are drawn as whole products, an
element of the image, of the weight and of the output that belong together, so that each is read. The truth is the sum
over all products of two nonzero elements, by the index map  i = o*stride + k*dilation - padding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from conv_oracle.auditing.large.sizes import result_role, roles, thresholds
from conv_oracle.auditing.operands import DTYPES
from conv_oracle.geometry import Geometry, Shape
from conv_oracle.problem import Problem

Numbers = npt.NDArray[np.int64]

LARGEST_SUM = 127
"""The largest sum of absolute values: every format holds every partial sum."""

LARGEST_VALUE = 3
AROUND = (-2, -1, 0, 1, 2)
NEAR, NEARLY = 8, 300
"""So many elements more are drawn, so near to an offset."""

BEYOND, ANYWHERE = 16, 12
FULL = 200
"""How many are drawn beyond an offset, and anywhere; and anywhere of arrays that no index is too short for."""


@dataclass(frozen=True)
class Sparse:
    """An array of which most is zero: the offsets of its nonzero elements in C order, ascending, and their values."""

    shape: Shape
    offsets: Numbers
    values: Numbers


@dataclass(frozen=True)
class Products:
    """All products of two nonzero elements: per role the offset of each, and their values."""

    offsets: Mapping[str, Numbers]
    values: Numbers

    def sums(self, role: str) -> tuple[Numbers, Numbers]:
        """The offsets of the result, ascending, that any product contributes to, and the sums there."""
        at, which = np.unique(self.offsets[role], return_inverse=True)
        sums = np.zeros(len(at), np.int64)
        np.add.at(sums, which, self.values)
        return at, sums


@dataclass(frozen=True)
class Drawn:
    """A problem, its operands by role, and their products. result: the role of what is returned."""

    problem: Problem
    given: Mapping[str, Sparse]
    products: Products
    result: str


def drawn(asked: Problem, bits: int, generator: np.random.Generator) -> Drawn:
    """Operands around the offsets that matter, so small that every partial sum is exact in every format."""
    result = result_role(asked)
    wholes = _joined([_completed(asked, role, at, generator) for role, at in _offsets(asked, bits, generator).items()])
    largest, signed = LARGEST_VALUE, DTYPES[asked.dtype].kind != "u"
    while True:
        given = {
            role: _valued(roles(asked).shapes[role], wholes[role], largest, generator, signed=signed)
            for role in "xwy"
            if role != result
        }
        products = contracted(asked, given)
        _, sums = Products(products.offsets, np.abs(products.values)).sums(result)
        if sums.max(initial=0) <= LARGEST_SUM:
            return Drawn(asked, given, products, result)
        if largest > 1:
            largest -= 1
        else:
            wholes = {role: at[::2] for role, at in wholes.items()}


def _valued(shape: Shape, at: Numbers, largest: int, generator: np.random.Generator, *, signed: bool) -> Sparse:
    offsets = np.unique(at)
    values = generator.integers(1, largest + 1, len(offsets))
    return Sparse(shape, offsets, values * generator.choice((-1, 1), len(offsets)) if signed else values)


def _offsets(asked: Problem, bits: int, generator: np.random.Generator) -> dict[str, Numbers]:
    """Offsets of each array, and of the workspace in both layouts, that are to be part of a product."""
    sizes, limits = roles(asked).sizes, thresholds(asked.dtype, bits)
    small = max(sizes.values()) <= min(limits)
    chosen = {}
    for role, size in sizes.items():
        parts = [np.arange(2), size - 1 - np.arange(2), generator.integers(0, size, FULL if small else ANYWHERE)]
        for limit in (one for one in limits if one < size):
            parts += [limit + np.array(AROUND), limit + generator.integers(-NEARLY, NEARLY, NEAR)]
            parts += [generator.integers(limit, size, BEYOND)]
        chosen[role] = np.clip(np.concatenate(parts), 0, size - 1)
    return chosen


def _joined(wholes: Sequence[Mapping[str, Numbers]]) -> dict[str, Numbers]:
    return {role: np.concatenate([one[role] for one in wholes]) for role in wholes[0]}


def _completed(asked: Problem, role: str, at: Numbers, generator: np.random.Generator) -> dict[str, Numbers]:
    """Products that each have one of these elements, or one close by where it is not read: offsets in x, w and y."""
    g, count, d = asked.geometry, len(at), asked.dimensions
    index = dict(zip(_letters(role, d), np.unravel_index(at, roles(asked).shapes[role]), strict=True))
    sizes = {"n": g.batch, "m": g.out_channels, "c": g.in_channels_per_group}
    sizes |= {f"k{axis}": size for axis, size in enumerate(g.kernel_size)}
    sizes |= {f"o{axis}": size for axis, size in enumerate(g.output_size)}
    for letter, size in sizes.items():
        if letter not in index:
            index[letter] = generator.integers(0, size, count)
    if "channel" in index:
        group, index["c"] = np.divmod(index["channel"], g.in_channels_per_group)
        index["m"] = group * g.out_channels_per_group + index["m"] % g.out_channels_per_group
    if role == "x":
        for axis, (s, (p, _), dilation) in enumerate(zip(g.stride, g.padding, g.dilation, strict=True)):
            nearest = np.rint((index[f"i{axis}"] + p - index[f"k{axis}"] * dilation) / s).astype(np.int64)
            index[f"o{axis}"] = np.clip(nearest, 0, g.output_size[axis] - 1)
    inside = np.ones(count, bool)
    for axis, (s, (p, _), dilation) in enumerate(zip(g.stride, g.padding, g.dilation, strict=True)):
        index[f"i{axis}"] = index[f"o{axis}"] * s + index[f"k{axis}"] * dilation - p
        inside &= (index[f"i{axis}"] >= 0) & (index[f"i{axis}"] < g.input_size[axis])
    index["channel"] = index["m"] // g.out_channels_per_group * g.in_channels_per_group + index["c"]
    return {one: _raveled(asked, one, index)[inside] for one in "xwy"}


def _letters(role: str, d: int) -> tuple[str, ...]:
    """What each axis of an array runs over."""
    i, k, o = (tuple(f"{letter}{axis}" for axis in range(d)) for letter in "iko")
    return {
        "x": ("n", "channel", *i),
        "w": ("m", "c", *k),
        "y": ("n", "m", *o),
        "ko": ("channel", *k, *o),
        "ok": (*o, "channel", *k),
    }[role]


def _raveled(asked: Problem, role: str, index: Mapping[str, Numbers]) -> Numbers:
    """Offsets in C order, in 64 bits."""
    flat = np.zeros((), np.int64)
    for letter, size in zip(_letters(role, asked.dimensions), roles(asked).shapes[role], strict=True):
        flat = flat * size + index[letter]
    return flat


def contracted(asked: Problem, given: Mapping[str, Sparse]) -> Products:
    """The products of every two nonzero elements of both operands that the index map pairs."""
    d, g = asked.dimensions, asked.geometry
    a, b = given.values()
    pairs = np.indices((len(a.offsets), len(b.offsets))).reshape(2, -1)
    index = {"a": pairs[0], "b": pairs[1]}
    for name, (role, operand) in zip("ab", given.items(), strict=True):
        places = np.unravel_index(operand.offsets[index[name]], operand.shape)
        own = dict(zip(_letters(role, d), places, strict=True))
        meet = np.ones(len(index[name]), bool)
        for letter in own.keys() & index.keys():
            meet &= own[letter] == index[letter]
        index = _kept(meet, index | own)
    index = _of_one_group(g, index)
    for axis in range(d):
        index = _on_axis(g, axis, index)
    values = a.values[index["a"]] * b.values[index["b"]]
    return Products({role: _raveled(asked, role, index) for role in roles(asked).shapes}, values)


Index = dict[str, Numbers]
"""By letter, the index of every pair on one axis: n, m, c, channel, and i, k and o of every spatial one."""


def _of_one_group(g: Geometry, index: Index) -> Index:
    """The pairs whose channels meet: channel = group(m) * (C / groups) + c."""
    first = index["m"] // g.out_channels_per_group * g.in_channels_per_group
    if "channel" not in index:
        return index | {"channel": first + index["c"]}
    if "c" in index:
        return _kept(index["channel"] == first + index["c"], index)
    c = index["channel"] - first
    return _kept((c >= 0) & (c < g.in_channels_per_group), index | {"c": c})


def _on_axis(g: Geometry, axis: int, index: Index) -> Index:
    """The pairs that meet on one axis, with the third of i, k and o: i = o*stride + k*dilation - padding."""
    i, k, o = f"i{axis}", f"k{axis}", f"o{axis}"
    s, d, (p, _) = g.stride[axis], g.dilation[axis], g.padding[axis]
    if i not in index:
        third, size, value = i, g.input_size[axis], index[o] * s + index[k] * d - p
        rest = np.zeros_like(value)
    elif o not in index:
        third, size, (value, rest) = o, g.output_size[axis], np.divmod(index[i] + p - index[k] * d, s)
    else:
        third, size, (value, rest) = k, g.kernel_size[axis], np.divmod(index[i] + p - index[o] * s, d)
    return _kept((rest == 0) & (value >= 0) & (value < size), index | {third: value})


def _kept(mask: npt.NDArray[np.bool_], index: Index) -> Index:
    return {letter: at[mask] for letter, at in index.items()}
