"""`Geometry`: the sizes of one convolution, every one checked, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import SupportsIndex

from conv_oracle.errors import GeometryError
from conv_oracle.geometry.parameters import (
    IntOrTuple,
    Padding,
    PaddingMode,
    canonical_int,
    canonical_mode,
    canonical_padding,
    canonical_shape,
    canonical_weight_shape,
    per_axis,
)
from conv_oracle.geometry.sizes import Pair, Shape, conv_output_size, conv_transpose_output_size, kernel_span


@dataclass(frozen=True)
class Geometry:
    """The sizes of one convolution, canonical: one entry per axis, every one checked. Build it by `conv_geometry`.

    batch, in_channels, out_channels and groups are N, C, M and the groups; input_size, output_size and kernel_size are
    I, O and K, without channels, on the side that a convolution reads, on that which it writes, and of the weight.
    stride and dilation are in elements; padding is (before, after) per axis, filled as padding_mode says.
    output_size is a field, for a transposed convolution may leave rows of its larger side that no position reads
    (`output_padding`). batched is False where the caller's operands have no batch axis; batch is then 1.
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
        """A batched `shape` as the caller writes it: without the batch when the problem is unbatched."""
        return shape if self.batched else shape[1:]


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
    """The geometry of a convolution   (S11).

    input_shape   (N, C, *I), or (C, *I) without a batch
    weight_shape  (M, C / groups, *K); its length gives the number of axes
    stride        elements between neighbouring windows, 1 or more: an int, or one per axis
    padding       elements before and after: an int, one int or one (before, after) pair per axis, 'same' or 'valid'
    dilation      elements between neighbouring taps, 1 or more: an int, or one per axis
    groups        divides C and M
    padding_mode  what fills the padding, one of PADDING_MODES

    Raises GeometryError for every combination that has no output.
    """
    shape = canonical_shape("input_shape", input_shape)
    weight = canonical_weight_shape(weight_shape)
    axes = len(weight) - 2
    steps = per_axis("stride", stride, axes, least=1)
    return _conv_geometry(
        shape,
        weight,
        steps,
        canonical_padding(padding, weight[2:], steps, dilation := per_axis("dilation", dilation, axes, least=1)),
        dilation,
        canonical_int("groups", groups, least=1),
        canonical_mode(padding_mode),
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
    """The geometry whose output side is the input of a transposed convolution, and whose input side its result   (S11).

    input_shape     (N, C_in, *I), or (C_in, *I) without a batch
    weight_shape    (C_in, C_out / groups, *K): the same array as for the convolution that goes the other way
    output_padding  elements more at the end, fewer than the stride or the dilation: an int, or one per axis

    stride, padding (no string), groups and dilation are those of `conv_geometry`.
    Raises GeometryError for every combination that has no output.
    """
    shape = canonical_shape("input_shape", input_shape)
    weight = canonical_weight_shape(weight_shape)
    axes = len(weight) - 2
    if isinstance(padding, str):
        raise GeometryError(f"a transposed convolution takes numeric padding: padding={padding!r}; 0 would fit")
    steps = per_axis("stride", stride, axes, least=1)
    return _conv_transpose_geometry(
        shape,
        weight,
        steps,
        canonical_padding(padding, weight[2:], steps, dilation := per_axis("dilation", dilation, axes, least=1)),
        per_axis("output_padding", output_padding, axes, least=0),
        canonical_int("groups", groups, least=1),
        dilation,
    )


def check_shape(name: str, shape: Sequence[int], expected: Shape, why: str) -> None:
    """Raise GeometryError where the shape of the operand `name` is not the expected one; why says what it must do."""
    if tuple(shape) != expected:
        raise GeometryError(f"{name} must {why}: {name}.shape={tuple(shape)}; {expected} would fit")


def check_bias(shape: Sequence[int], channels: int) -> None:
    """Raise GeometryError where a bias of this shape is not one number per output channel, of `channels`."""
    check_shape("bias", shape, (channels,), "have one number per output channel")


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
            f"the input must have groups * weight.shape[1] channels: channels={channels}, "
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
            raise GeometryError(_empty_axis(shape, axis))
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
            f"the input must have weight.shape[0] channels: channels={channels}, weight_shape={weight}; "
            f"an input of {weight[0]} channels would fit"
        )
    if weight[1] == 0:
        raise GeometryError(
            f"a transposed convolution has at least one output channel per group: weight_shape={weight}; "
            "1 or more at index 1 would fit"
        )
    axes = enumerate(zip(size, weight[2:], stride, padding, output_padding, dilation, strict=True))
    output = tuple(_transposed_size(shape, batch, axis, *of_axis) for axis, of_axis in axes)
    return Geometry(
        batch,
        weight[1] * groups,
        channels,
        groups,
        output,
        size,
        weight[2:],
        stride,
        padding,
        dilation,
        batched=batched,
    )


def _transposed_size(
    shape: Shape, batch: int, axis: int, i: int, k: int, s: int, padding: Pair, output_padding: int, d: int
) -> int:
    """The size of a transposed convolution's result on one axis. An empty batch forgives it 0."""
    before, after = padding
    if output_padding >= max(s, d):
        raise GeometryError(
            f"output_padding must be smaller than the stride or the dilation: output_padding={output_padding}, "
            f"stride={s}, dilation={d} on axis {axis}; 0 to {max(s, d) - 1} would fit"
        )
    if i == 0 and batch > 0:
        raise GeometryError(_empty_axis(shape, axis))
    o = conv_transpose_output_size(i, k, s, before, after, output_padding, d)
    if o < (1 if batch > 0 else 0):
        raise GeometryError(
            f"the output must have an element: size {i}, kernel {k}, stride {s}, padding {before}+{after}, "
            f"output_padding {output_padding} and dilation {d} give {o} on axis {axis}; a total padding of "
            f"{before + after + o - 1} or less would fit"
        )
    return o


def _sides(shape: Shape, weight: Shape) -> tuple[bool, int, int, Shape]:
    """(batched, batch, channels, size) of an input that goes with this weight."""
    axes = len(weight) - 2
    if len(shape) not in (axes + 1, axes + 2):
        raise GeometryError(
            f"an input has an optional batch, channels and {axes} spatial axes: input_shape={shape}, "
            f"weight_shape={weight}; {axes + 1} or {axes + 2} sizes would fit"
        )
    batched = len(shape) == axes + 2
    batch, channels, *size = shape if batched else (1, *shape)
    return batched, batch, channels, tuple(size)


def _check_weight(weight: Shape, groups: int) -> None:
    if weight[0] < groups or weight[0] % groups:
        raise GeometryError(
            f"groups must divide weight.shape[0], and be no larger: groups={groups}, "
            f"weight_shape={weight}; {max(groups, weight[0] + -weight[0] % groups)} at index 0 would fit"
        )


def _check_mode(mode: PaddingMode, axis: int, size: int, before: int, after: int) -> None:
    """Refuse what a padding mode cannot take from the input: the limits of torch.nn.functional.pad."""
    if mode == "zeros":
        return
    widest = max(before, after)
    most = {"reflect": size - 1, "replicate": widest if size else 0, "circular": size}[mode]
    if widest > most or size == 0:
        raise GeometryError(
            f"padding_mode {mode!r} pads with the input's own elements: size {size}, padding {before}+{after} "
            f"on axis {axis}; {f'at most {most} on a side' if size else 'a size of 1 or more'} would fit"
        )


def _empty_axis(shape: Shape, axis: int) -> str:
    return f"an empty axis needs an empty batch: input_shape={shape} on axis {axis}; 1 or more would fit"
