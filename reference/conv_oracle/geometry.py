"""The shape arithmetic of convolution: the only place that computes a size or validates a parameter.

A `Geometry` describes the *index map* between an input side (N, C, *I) and an output side (N, M, *O), through
a weight (M, C / groups, *K). A convolution goes from the input side to the output side; a transposed
convolution with the same weight goes back. Both are built here and carry the same type, so whatever is written for a
geometry serves both.

What is refused is what PyTorch 2.13 refuses, and what PyTorch accepts is accepted, with these exceptions:
an input of no channels gives outputs that equal the bias (PyTorch gives an output of no channels);
a `grad_output` of the wrong batch is refused (PyTorch's `conv*_weight` reads past it); and an empty batch excuses
neither a dilation of 0 nor an output_padding that is too large (PyTorch does not look where nothing is computed).
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, SupportsIndex, TypeGuard, get_args

from conv_oracle.errors import GeometryError

PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]
PADDING_MODES: tuple[PaddingMode, ...] = get_args(PaddingMode)

Shape = tuple[int, ...]
_INTS = {int}
Pair = tuple[int, int]
IntOrTuple = SupportsIndex | Sequence[SupportsIndex]
Padding = str | IntOrTuple | Sequence[Sequence[SupportsIndex]]
"""An int for all axes, one int per axis, one (before, after) pair per axis, 'same' or 'valid'."""


@dataclass(frozen=True)
class Geometry:
    """The sizes of one convolution, canonical: one entry per axis, every one checked.

    `padding` is (before, after) per axis. `output_size` is a field, for a transposed convolution may
    leave rows of its larger side that no position reads (`output_padding`).
    """

    batch: int
    in_channels: int
    out_channels: int
    groups: int
    input_size: Shape
    output_size: Shape
    kernel_size: Shape
    stride: Shape
    padding: tuple[Pair, ...]
    dilation: Shape
    padding_mode: PaddingMode = "zeros"
    batched: bool = True

    @property
    def dimensions(self) -> int:
        """The number of spatial axes."""
        return len(self.kernel_size)

    @property
    def in_channels_per_group(self) -> int:
        """Channels that one output channel reads: C / groups."""
        return self.in_channels // self.groups

    @property
    def out_channels_per_group(self) -> int:
        """Output channels that read the same input channels: M / groups."""
        return self.out_channels // self.groups

    @property
    def input_shape(self) -> Shape:
        """(N, C, *I)."""
        return (self.batch, self.in_channels, *self.input_size)

    @property
    def weight_shape(self) -> Shape:
        """(M, C / groups, *K)."""
        return (self.out_channels, self.in_channels_per_group, *self.kernel_size)

    @property
    def output_shape(self) -> Shape:
        """(N, M, *O)."""
        return (self.batch, self.out_channels, *self.output_size)

    def as_given(self, shape: Shape) -> Shape:
        """A batched shape as the caller writes it: without the batch when the problem is unbatched."""
        return shape if self.batched else shape[1:]


def kernel_span(kernel: int, dilation: int) -> int:
    """Input elements from a kernel's first tap to its last: dilation * (kernel - 1) + 1."""
    return dilation * (kernel - 1) + 1


def conv_output_size(size: int, kernel: int, stride: int, before: int, after: int, dilation: int) -> int:
    """S11: O = floor((I + before + after - dilation * (K - 1) - 1) / stride) + 1; I - K + 1 by default.

    Zero or less where the kernel does not fit.
    """
    return (size + before + after - kernel_span(kernel, dilation)) // stride + 1


def conv_transpose_output_size(
    size: int, kernel: int, stride: int, before: int, after: int, output_padding: int, dilation: int
) -> int:
    """S11 backwards: O = (I - 1) * stride - before - after + dilation * (K - 1) + output_padding + 1."""
    return (size - 1) * stride - before - after + kernel_span(kernel, dilation) + output_padding


def same_padding(kernel: int, dilation: int) -> Pair:
    """The (before, after) that keeps the size at stride 1; the odd element goes after, as in PyTorch."""
    total = dilation * (kernel - 1)
    return total // 2, total - total // 2


def conv_geometry(
    input_shape: Sequence[SupportsIndex],
    weight_shape: Sequence[SupportsIndex],
    *,
    stride: IntOrTuple = 1,
    padding: Padding = 0,
    dilation: IntOrTuple = 1,
    groups: SupportsIndex = 1,
    padding_mode: str = "zeros",
) -> Geometry:
    """The geometry of a convolution of input (N, C, *I) or (C, *I) with weight (M, C / groups, *K).

    Raises GeometryError for every combination that has no output.
    """
    shape = _shape("input_shape", input_shape)
    weight = _weight_shape(weight_shape)
    axes = len(weight) - 2
    steps = _per_axis("stride", stride, axes, least=1)
    return _conv_geometry(
        shape,
        weight,
        steps,
        _padding(padding, weight[2:], steps, dilation := _per_axis("dilation", dilation, axes, least=1)),
        dilation,
        _integer("groups", groups, least=1),
        _padding_mode(padding_mode),
    )


def conv_transpose_geometry(
    input_shape: Sequence[SupportsIndex],
    weight_shape: Sequence[SupportsIndex],
    *,
    stride: IntOrTuple = 1,
    padding: Padding = 0,
    output_padding: IntOrTuple = 0,
    groups: SupportsIndex = 1,
    dilation: IntOrTuple = 1,
) -> Geometry:
    """The geometry whose output side is the input (N, C_in, *I) or (C_in, *I) of a transposed convolution.

    weight is (C_in, C_out / groups, *K): the same array as the weight of the convolution that goes the other way.
    Raises GeometryError for every combination that has no output.
    """
    shape = _shape("input_shape", input_shape)
    weight = _weight_shape(weight_shape)
    axes = len(weight) - 2
    if isinstance(padding, str):
        raise GeometryError(f"a transposed convolution takes its padding in numbers: padding={padding!r}; 0 would fit")
    steps = _per_axis("stride", stride, axes, least=1)
    return _conv_transpose_geometry(
        shape,
        weight,
        steps,
        _padding(padding, weight[2:], steps, dilation := _per_axis("dilation", dilation, axes, least=1)),
        _per_axis("output_padding", output_padding, axes, least=0),
        _integer("groups", groups, least=1),
        dilation,
    )


def per_axis_padding(padding: IntOrTuple, axes: int) -> Shape:
    """PyTorch's numeric padding: an int, or one per axis, the same on both sides."""
    return _per_axis("padding", padding, axes, least=0)


def check_shape(name: str, shape: Sequence[int], expected: Shape, why: str) -> None:
    """Refuse an operand whose shape is not the one that the others fix."""
    if tuple(shape) != expected:
        raise GeometryError(f"{name} must be {why}: {name}.shape={tuple(shape)}; {expected} would fit")


def check_bias(shape: Sequence[int], channels: int) -> None:
    """Refuse a bias that is not one number per output channel."""
    check_shape("bias", shape, (channels,), "one number per output channel")


@lru_cache(maxsize=4096)
def _conv_geometry(
    shape: Shape,
    weight: Shape,
    stride: Shape,
    padding: tuple[Pair, ...],
    dilation: Shape,
    groups: int,
    mode: PaddingMode,
) -> Geometry:
    batched, batch, channels, size = _sides(shape, weight)
    _check_weight(weight, groups)
    if channels != weight[1] * groups:
        raise GeometryError(
            f"the input's channels are groups times the weight's second size: channels={channels}, "
            f"groups={groups}, weight_shape={weight}; an input of {weight[1] * groups} channels would fit"
        )
    output = []
    for axis, (i, k, s, (before, after), d) in enumerate(zip(size, weight[2:], stride, padding, dilation, strict=True)):
        _check_mode(mode, axis, i, before, after)
        if (span := kernel_span(k, d)) > i + before + after:
            raise GeometryError(
                f"the kernel must fit into the padded input: kernel {k} with dilation {d} spans {span}, "
                f"but the padded input is {i + before + after} long on axis {axis} (input {i}, padding "
                f"{before}+{after}); an input of {max(1, span - before - after)} or more would fit"
            )
        if i == 0 and batch > 0 and channels > 0:
            raise GeometryError(
                f"an axis of no elements needs a batch of 0: input_shape={shape} on axis {axis}; 1 or more would fit"
            )
        output.append(conv_output_size(i, k, s, before, after, d))
    return Geometry(
        batch, channels, weight[0], groups, size, tuple(output), weight[2:], stride, padding, dilation, mode, batched
    )


@lru_cache(maxsize=4096)
def _conv_transpose_geometry(
    shape: Shape,
    weight: Shape,
    stride: Shape,
    padding: tuple[Pair, ...],
    output_padding: Shape,
    groups: int,
    dilation: Shape,
) -> Geometry:
    batched, batch, channels, size = _sides(shape, weight)
    _check_weight(weight, groups)
    if channels != weight[0]:
        raise GeometryError(
            f"the input's channels are the weight's first size: channels={channels}, weight_shape={weight}; "
            f"an input of {weight[0]} channels would fit"
        )
    if weight[1] == 0:
        raise GeometryError(
            f"a transposed convolution has at least one output channel per group: weight_shape={weight}; "
            "1 or more at index 1 would fit"
        )
    output = []
    for axis, (i, k, s, (before, after), extra, d) in enumerate(
        zip(size, weight[2:], stride, padding, output_padding, dilation, strict=True)
    ):
        if extra >= max(s, d):
            raise GeometryError(
                f"output_padding must be smaller than the stride or the dilation: output_padding={extra}, stride={s}, "
                f"dilation={d} on axis {axis}; 0 to {max(s, d) - 1} would fit"
            )
        if i == 0 and batch > 0:
            raise GeometryError(
                f"an axis of no elements needs a batch of 0: input_shape={shape} on axis {axis}; 1 or more would fit"
            )
        o = conv_transpose_output_size(i, k, s, before, after, extra, d)
        if o < (1 if batch > 0 else 0):
            raise GeometryError(
                f"the output must have an element: size {i}, kernel {k}, stride {s}, padding {before}+{after}, "
                f"output_padding {extra} and dilation {d} give {o} on axis {axis}; a total padding of "
                f"{before + after + o - 1} or less would fit"
            )
        output.append(o)
    return Geometry(
        batch,
        weight[1] * groups,
        channels,
        groups,
        tuple(output),
        size,
        weight[2:],
        stride,
        padding,
        dilation,
        batched=batched,
    )


def _sides(shape: Shape, weight: Shape) -> tuple[bool, int, int, Shape]:
    """(batched, batch, channels, size) of an input that goes with this weight."""
    axes = len(weight) - 2
    if len(shape) not in (axes + 1, axes + 2):
        raise GeometryError(
            f"an input has its channels, its {axes} spatial axes and perhaps a batch in front: input_shape={shape}, "
            f"weight_shape={weight}; {axes + 1} or {axes + 2} sizes would fit"
        )
    batched = len(shape) == axes + 2
    batch, channels, *size = shape if batched else (1, *shape)
    return batched, batch, channels, tuple(size)


def _check_weight(weight: Shape, groups: int) -> None:
    if weight[0] < groups or weight[0] % groups:
        raise GeometryError(
            f"groups must divide the weight's first size, which is at least groups: groups={groups}, "
            f"weight_shape={weight}; {max(groups, weight[0] + -weight[0] % groups)} at index 0 would fit"
        )


def _check_mode(mode: PaddingMode, axis: int, size: int, before: int, after: int) -> None:
    """Refuse what a padding mode cannot draw from the input: the limits of torch.nn.functional.pad."""
    if mode == "zeros":
        return
    widest = max(before, after)
    most = {"reflect": size - 1, "replicate": widest if size else 0, "circular": size}[mode]
    if widest > most or size == 0:
        raise GeometryError(
            f"padding_mode {mode!r} pads from the input itself: size {size}, padding {before}+{after} on axis {axis}; "
            f"{f'at most {most} on a side' if size else 'a size of 1 or more'} would fit"
        )


def _padding_mode(mode: str) -> PaddingMode:
    for known in PADDING_MODES:
        if mode == known:
            return known
    raise GeometryError(f"padding_mode is one of {', '.join(PADDING_MODES)}: padding_mode={mode!r}; 'zeros' would fit")


def _padding(padding: Padding, kernel: Shape, stride: Shape, dilation: Shape) -> tuple[Pair, ...]:
    axes = len(kernel)
    if isinstance(padding, str):
        if padding == "valid":
            return ((0, 0),) * axes
        if padding != "same":
            raise GeometryError(f"a padding in words is 'same' or 'valid': padding={padding!r}; 'same' would fit")
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
        return tuple(
            (_integer("padding", pair[0], least=0), _integer("padding", pair[1], least=0)) for pair in pairs if pair
        )
    return tuple((p, p) for p in _per_axis("padding", padding, axes, least=0))


def _per_axis(name: str, value: Any, axes: int, *, least: int) -> Shape:
    """One int per axis from an int, a sequence of one, or a sequence of `axes` ints."""
    if type(value) is int and value >= least:
        return (value,) * axes
    if _canonical(value, least) and len(value) == axes:
        return value
    entries = _entries(value)
    if entries is None:
        return (_integer(name, value, least=least),) * axes
    if len(entries) not in (1, axes):
        raise GeometryError(
            f"{name} is one int, or one per axis: {name}={value!r}, {axes} spatial axes; {(least,) * axes} would fit"
        )
    integers = tuple(_integer(name, entry, least=least) for entry in entries)
    return integers * axes if len(integers) == 1 else integers


def _canonical(value: Any, least: int) -> TypeGuard[Shape]:
    """Whether this is a tuple of ints already, none below `least`: most are, and nothing is left to do."""
    return type(value) is tuple and set(map(type, value)) == _INTS and min(value) >= least


def _entries(value: Any) -> list[Any] | None:
    return list(value) if isinstance(value, Iterable) and not isinstance(value, str | bytes) else None


def _integer(name: str, value: Any, *, least: int) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise GeometryError(f"{name} is an int, {least} or more: {name}={value!r}; {least} would fit")
    integer = operator.index(value)
    if integer < least:
        raise GeometryError(f"{name} is {least} or more: {name}={integer}; {least} would fit")
    return integer


def _shape(name: str, shape: Sequence[SupportsIndex]) -> Shape:
    return shape if _canonical(shape, 0) else tuple(_integer(name, size, least=0) for size in shape)


def _weight_shape(shape: Sequence[SupportsIndex]) -> Shape:
    weight = _shape("weight_shape", shape)
    if len(weight) < 3:
        raise GeometryError(
            f"a weight has two channel sizes and at least one spatial axis: weight_shape={weight}; "
            "(out_channels, in_channels / groups, kernel) would fit"
        )
    if 0 in weight[2:]:
        raise GeometryError(f"a kernel has at least one element per axis: weight_shape={weight}; 1 would fit")
    return weight
