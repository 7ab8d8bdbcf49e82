"""The parameters of a convolution as a caller may write them, made canonical: ints, one entry per axis.

What is canonical already costs a look and no copy, for this is done in every call.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import Any, Literal, SupportsIndex, TypeGuard, get_args

from conv_oracle.errors import GeometryError
from conv_oracle.geometry.sizes import Pair, Shape, same_padding

PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]
PADDING_MODES: tuple[PaddingMode, ...] = get_args(PaddingMode)

IntOrTuple = SupportsIndex | Sequence[SupportsIndex]
"""An int for all axes, or one int per axis."""

Padding = str | IntOrTuple | Sequence[Sequence[SupportsIndex]]
"""An int for all axes, one int per axis, one (before, after) pair per axis, 'same' or 'valid'."""

_INTS = {int}


def per_axis_padding(padding: IntOrTuple, axes: int) -> Shape:
    """PyTorch's numeric padding, the same on both sides: one int per axis.

    padding is an int for all `axes` spatial axes, or a sequence of one or of `axes` ints, in elements, 0 or more.
    Raises GeometryError for anything else.
    """
    return per_axis("padding", padding, axes, least=0)


def canonical_mode(mode: str) -> PaddingMode:
    """The padding mode of this name, one of PADDING_MODES. Raises GeometryError for any other."""
    for known in PADDING_MODES:
        if mode == known:
            return known
    raise GeometryError(f"padding_mode is one of {', '.join(PADDING_MODES)}: padding_mode={mode!r}; 'zeros' would fit")


def canonical_padding(padding: Padding, kernel: Shape, stride: Shape, dilation: Shape) -> tuple[Pair, ...]:
    """(before, after) per axis, of any form that `Padding` has. Raises GeometryError for any other."""
    axes = len(kernel)
    if isinstance(padding, str):
        if padding == "valid":
            return ((0, 0),) * axes
        if padding != "same":
            raise GeometryError(f"a string padding is 'same' or 'valid': padding={padding!r}; 'same' would fit")
        if any(s != 1 for s in stride):
            raise GeometryError(f"padding='same' keeps the size only at stride 1: stride={stride}; 1 would fit")
        return tuple(same_padding(k, d) for k, d in zip(kernel, dilation, strict=True))
    if _canonical(padding, 0) and len(padding) == axes:
        return tuple([(p, p) for p in padding])
    if type(padding) is tuple and len(padding) == axes and all(_canonical(p, 0) and len(p) == 2 for p in padding):
        return padding
    entries = _entries(padding)
    if entries is not None and any(_entries(entry) is not None for entry in entries):
        pairs = [_entries(entry) for entry in entries]
        if len(pairs) != axes or any(pair is None or len(pair) != 2 for pair in pairs):
            raise GeometryError(
                f"padding in pairs is one (before, after) per axis: padding={padding!r}; {((0, 0),) * axes} would fit"
            )
        return tuple([(_side(pair[0]), _side(pair[1])) for pair in pairs if pair])
    return tuple((p, p) for p in per_axis("padding", padding, axes, least=0))


def _side(padding: Any) -> int:
    return canonical_int("padding", padding, least=0)


def per_axis(name: str, value: Any, axes: int, *, least: int) -> Shape:
    """One int per axis from an int, a sequence of one, or a sequence of `axes` ints.

    Raises GeometryError, with this name of the parameter, for anything else and for an int below `least`.
    """
    if type(value) is int and value >= least:
        return (value,) * axes
    if _canonical(value, least) and len(value) == axes:
        return value
    entries = _entries(value)
    if entries is None:
        return (canonical_int(name, value, least=least),) * axes
    if len(entries) not in (1, axes):
        raise GeometryError(
            f"{name} is one int, or one per axis: {name}={value!r}, {axes} spatial axes; {(least,) * axes} would fit"
        )
    integers = tuple(canonical_int(name, entry, least=least) for entry in entries)
    return integers * axes if len(integers) == 1 else integers


def _canonical(value: Any, least: int) -> TypeGuard[Shape]:
    """Whether this is a tuple of ints already, none below `least`: most are, and nothing is left to do."""
    return type(value) is tuple and set(map(type, value)) == _INTS and min(value) >= least


def _entries(value: Any) -> list[Any] | None:
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str | bytes) else None


def canonical_int(name: str, value: Any, *, least: int) -> int:
    """An int of any type that is one (NumPy's, but no bool). Raises GeometryError for others, and below `least`."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise GeometryError(f"{name} is an int, {least} or more: {name}={value!r}; {least} would fit")
    index = operator.index(value)
    if index < least:
        raise GeometryError(f"{name} is {least} or more: {name}={index}; {least} would fit")
    return index


def canonical_shape(name: str, shape: Sequence[SupportsIndex]) -> Shape:
    """A tuple of ints, none below 0. Raises GeometryError for anything else."""
    return shape if _canonical(shape, 0) else tuple(canonical_int(name, size, least=0) for size in shape)


def canonical_weight_shape(shape: Sequence[SupportsIndex]) -> Shape:
    """The sizes of a weight: two of channels, then 1 or more per spatial axis. Raises GeometryError for others."""
    weight = canonical_shape("weight_shape", shape)
    if len(weight) < 3:
        raise GeometryError(
            f"a weight has two channel sizes and at least one spatial axis: weight_shape={weight}; "
            "(out_channels, in_channels / groups, kernel) would fit"
        )
    if 0 in weight[2:]:
        raise GeometryError(f"a kernel has at least one element per axis: weight_shape={weight}; 1 would fit")
    return weight
