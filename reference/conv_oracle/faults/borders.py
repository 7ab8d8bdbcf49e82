"""Faults of the input's border: where the window starts, what padding holds, and what is read beyond the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from conv_oracle.faults.axes import along, axis_name, comma_along, comma_along_each, together_and_alone
from conv_oracle.faults.edits import (
    RIGHT,
    Edit,
    Operands,
    Setting,
    bias_column,
    products_reaching,
    settings_of,
    without_sums,
)
from conv_oracle.faults.fault import Fault, Variant
from conv_oracle.geometry import Geometry
from conv_oracle.index_map import OUTSIDE
from conv_oracle.operation import Operation
from conv_oracle.passes import Array
from conv_oracle.problem import Problem


def _half(side: int) -> Callable[[Problem], Problem]:
    def change(p: Problem) -> Problem:
        if isinstance(p.padding, str):
            return p
        return replace(p, padding=tuple((b, 0) if side == 0 else (0, a) for b, a in p.padding))

    return change


def _ways_to_pad_one_side(op: Operation) -> Iterator[Variant]:
    def all_before(settings: list[Setting], g: Geometry) -> None:
        for setting, sides in zip(settings, g.padding, strict=True):
            setting["before"] = sum(sides)

    yield Variant("all of it before the input", Edit(settings=(all_before,)))
    if op.forward:
        yield Variant("only the half before the input", Edit(parameters=(_half(0),)))
        yield Variant("only the half after the input", Edit(parameters=(_half(1),)))


PADDING_ON_ONE_SIDE = Fault(
    slug="padding-on-one-side",
    title="the padding is put on one side",
    right=RIGHT,
    broken="all of the padding before the input, or half of it before or after the input and none on the other side",
    reveals="padding 1 and a kernel that is not constant",
    hides="padding 0",
    bugs=("apache/tvm#6236", "PaddlePaddle/Paddle#26921"),
    variants=_ways_to_pad_one_side,
    parameters=("padding",),
)


def _sides_exchanged(axes: tuple[int, ...]) -> Edit:
    """The sides that numbers give; those of 'same' are the next fault's."""

    def change(p: Problem) -> Problem:
        if isinstance(p.padding, str):
            return p
        return replace(p, padding=tuple(s[::-1] if axis in axes else s for axis, s in enumerate(p.padding)))

    return Edit(parameters=(change,))


def _ways_to_exchange_sides(op: Operation) -> Iterator[Variant]:
    for axes in together_and_alone(op.axes):
        yield Variant(along(axes, op.axes), _sides_exchanged(axes), continues=True)


PADDING_SIDES_EXCHANGED = Fault(
    slug="padding-sides-exchanged",
    title="the padding before and the padding after the input are exchanged",
    right=RIGHT,
    broken="y[o] = sum x[o*stride + k*dilation - after] w[k]",
    reveals="other padding before than after",
    hides="as much before as after, which is all that most signatures can say",
    variants=_ways_to_exchange_sides,
    parameters=("padding",),
)


def _moved(by: int, axes: tuple[int, ...], *, odd_same: bool = False) -> Edit:
    def change(settings: list[Setting], g: Geometry) -> None:
        for axis in axes:
            before, after = g.padding[axis]
            if not odd_same or before != after:
                settings[axis]["before"] += by

    return Edit(settings=(change,))


def _ways_to_pad_same_wrongly(op: Operation) -> Iterator[Variant]:
    if op.transposed or not op.forward:
        return
    for axes in together_and_alone(op.axes):
        yield Variant(along(axes, op.axes), _moved(1, axes, odd_same=True), continues=True)

    def halved(p: Problem) -> Problem:
        return replace(p, padding=tuple((b, b) for b, _ in p.geometry.padding)) if p.padding == "same" else p

    def ends_empty(p: Problem, given: Operands, found: Array) -> Array:
        odd = [p.padding == "same" and before != after for before, after in p.geometry.padding]
        return without_sums(found, given, [slice(-1, None) if last else slice(0) for last in odd])

    yield Variant("it is left out, and there is one output too few", Edit(parameters=(halved,)))
    yield Variant("it is left out, and the last output is never written", Edit(answer=(ends_empty,)))


SAME_PADS_THE_WRONG_SIDE = Fault(
    slug="same-pads-the-wrong-side",
    title="where the padding of 'same' is odd, the extra element is on the wrong side",
    right="before = total // 2: the extra element is after the input, as in PyTorch",
    broken="before = total - total // 2",
    reveals="padding='same' with an even kernel and an odd dilation",
    hides="odd kernels",
    bugs=("keras-team/keras#22876", "FluxML/Flux.jl#1605", "tensorflow/tensorflow#24151"),
    variants=_ways_to_pad_same_wrongly,
)


def _input_moved(by: int, axis: int, dimensions: int) -> Edit:
    def operands(_: Problem, given: Operands) -> Operands:
        x = given["input"]
        place = x.ndim - dimensions + axis
        moved = np.roll(x, by, place)
        lost = [slice(None)] * x.ndim
        lost[place] = slice(0, 1) if by > 0 else slice(-1, None)
        moved[tuple(lost)] = 0
        return {**given, "input": moved}

    return Edit(operands=(operands,))


AMOUNTS: dict[Callable[[Setting, int], int], str] = {
    lambda setting, _: setting["stride"] - 1: "stride - 1 elements",
    lambda setting, _: setting["stride"] // 2: "half a stride",
    lambda setting, _: setting["dilation"]: "one dilation",
    lambda _, kernel: kernel // 2: "half a kernel",
    lambda _, kernel: kernel - 1: "kernel size - 1 elements",
}


def _moved_by(amount: Callable[[Setting, int], int], sign: int) -> Edit:
    def change(settings: list[Setting], g: Geometry) -> None:
        for setting, kernel in zip(settings, g.kernel_size, strict=True):
            setting["before"] += sign * amount(setting, kernel)

    return Edit(settings=(change,))


def _ways_to_start_elsewhere(op: Operation) -> Iterator[Variant]:
    d = op.axes
    for axis in range(d) if not op.by_input else ():
        for by, where in ((-1, "start"), (1, "end")):
            said = f"the input is shifted towards its {where} along {axis_name(axis, d)}, and a zero moves in"
            yield Variant(said, _input_moved(by, axis, d), ("input",))
    for amount, said in AMOUNTS.items():
        for sign, way in ((-1, "late"), (1, "early")):
            yield Variant(f"{said} too {way}", _moved_by(amount, sign))
    for by, said in ((-1, "one element too late"), (1, "one element too early")):
        for axes in together_and_alone(d):
            yield Variant(f"{said}{comma_along_each(axes, d)}", _moved(by, axes))


ORIGIN_SHIFTED = Fault(
    slug="origin-shifted",
    title="the window starts in the wrong place",
    right=RIGHT,
    broken="y[o] = sum x[o*stride + k*dilation - padding +- 1] w[k]",
    reveals="any input that is not constant",
    hides="constant inputs, away from the border",
    bugs=("apple/coremltools#2324", "cupy/cupy#3525"),
    variants=_ways_to_start_elsewhere,
)


def _whole(p: Problem) -> Problem:
    """The padded input as an input, and no padding."""
    g = p.geometry
    size = [i + before + after for i, (before, after) in zip(g.input_size, g.padding, strict=True)]
    return replace(p, input_shape=(*p.input_shape[: -p.dimensions], *size), padding=((0, 0),) * p.dimensions)


def _filled(p: Problem, given: Operands) -> Operands:
    x = given["input"]
    sides = [(0, 0)] * (x.ndim - p.dimensions) + list(p.geometry.padding)
    return {**given, "input": np.pad(x, sides, constant_values=x.real.min()) if x.size else np.pad(x, sides)}


def _renormalised(p: Problem, given: Operands, found: Array) -> Array:
    """As a partial convolution: times the products that there could be, over those that there are."""
    bias = bias_column(given, p.dimensions)
    whole: Array = (found - bias) * int(np.prod(p.weight_shape[1:])) / np.maximum(products_reaching(p), 1) + bias
    return whole


MODES = {
    "replicate": "the border value is replicated",
    "reflect": "the input is reflected",
    "circular": "values of the opposite end are read",
}


def _ways_to_fill_the_padding(op: Operation) -> Iterator[Variant]:
    if op.transposed:
        return
    for mode, said in MODES.items():
        for axes in together_and_alone(op.axes):

            def change(settings: list[Setting], _: Geometry, mode: str = mode, axes: tuple[int, ...] = axes) -> None:
                for axis in axes:
                    settings[axis]["padding_mode"] = mode

            yield Variant(f"{said}{comma_along(axes, op.axes)}", Edit(settings=(change,)))
    if op.forward:
        yield Variant("the smallest value of the input is read", Edit(parameters=(_whole,), operands=(_filled,)))
        yield Variant(
            "the sum is rescaled by the share of its products that lie inside the input", Edit(answer=(_renormalised,))
        )


PADDING_IS_NOT_ZERO = Fault(
    slug="padding-is-not-zero",
    title="the padding does not count as zero",
    right="x is 0 outside its box",
    broken="x outside its box is the border, the reflection or the opposite end",
    reveals="padding 1 and an input without zeros at its border",
    hides="padding 0",
    bugs=("imagej/imagej-ops#628", "pytorch/pytorch#20981"),
    variants=_ways_to_fill_the_padding,
    parameters=("padding",),
)


def _edge_repeated(axes: tuple[int, ...]) -> Edit:
    def change(tables: list[Array], g: Geometry) -> None:
        for axis in axes if g.padding_mode == "reflect" else ():
            setting, size = settings_of(g)[axis], g.input_size[axis]
            o, k = np.indices(tables[axis].shape)
            folded = (o * setting["stride"] + k * setting["dilation"] - setting["before"]) % (2 * size)
            tables[axis] = np.minimum(folded, 2 * size - 1 - folded)

    return Edit(tables=(change,))


def _ways_to_repeat_the_edge(op: Operation) -> Iterator[Variant]:
    for axes in together_and_alone(op.axes) if not op.transposed else ():
        yield Variant(along(axes, op.axes), _edge_repeated(axes), continues=True)


REFLECTION_REPEATS_THE_EDGE = Fault(
    slug="reflection-repeats-the-edge",
    title="padding that reflects repeats the edge",
    right="x[-1] is x[1], in the padding mode 'reflect'",
    broken="x[-1] is x[0], as in NumPy's mode 'symmetric'",
    reveals="the padding mode 'reflect'",
    hides="padding with zeros",
    variants=_ways_to_repeat_the_edge,
    parameters=("padding_mode",),
)


def _from_the_other_end(axes: tuple[int, ...]) -> Edit:
    def change(tables: list[Array], g: Geometry) -> None:
        for axis in axes:
            setting, size = settings_of(g)[axis], g.input_size[axis]
            o, k = np.indices(tables[axis].shape)
            position = o * setting["stride"] + k * setting["dilation"] - setting["before"]
            tables[axis] = np.where((position < 0) & (position >= -size), position + size, tables[axis])

    return Edit(tables=(change,))


def _into_the_next_row(positions: Array, g: Geometry) -> None:
    """Columns beyond the last axis are read from the neighbouring row."""
    whole = _flat_positions(g)
    inside = (whole >= 0) & (whole < int(np.prod(g.input_size)))
    positions[:] = np.where(inside, whole, OUTSIDE)


def _flat_positions(g: Geometry) -> Array:
    """Flat positions without any bound but those of the first axis."""
    flat = np.zeros((1, 1), dtype=int)
    sizes = zip(settings_of(g), g.output_size, g.kernel_size, g.input_size, strict=True)
    for setting, outputs, taps, size in sizes:
        o, k = np.indices((outputs, taps))
        table = o * setting["stride"] + k * setting["dilation"] - setting["before"]
        shape = (len(flat) * outputs, flat.shape[1] * taps)
        flat = (flat[:, None, :, None] * size + table[None, :, None, :]).reshape(shape)
    return flat


def _padded_in_memory(p: Problem) -> Problem:
    """The last axis as long as its padding makes it, and without any."""
    *others, (before, after) = p.geometry.padding
    return replace(p, input_shape=(*p.input_shape[:-1], p.input_shape[-1] + before + after), padding=(*others, (0, 0)))


def _beside(p: Problem, given: Operands) -> Operands:
    """Padding on the last axis holds what C order puts there: the neighbouring row, channel or example."""
    x = given["input"]
    (before, after), size = p.geometry.padding[-1], x.shape[-1]
    rows = np.arange(x.size // max(size, 1))[:, None]
    places = rows * size + np.arange(-before, size + after)
    there = (places >= 0) & (places < x.size)
    found = np.where(there, x.ravel().take(places, mode="clip"), 0) if x.size else np.zeros(places.shape)
    return {**given, "input": found.reshape(*x.shape[:-1], size + before + after)}


def _ways_to_read_around(op: Operation) -> Iterator[Variant]:
    for axes in together_and_alone(op.axes):
        said = f"from its opposite end{comma_along_each(axes, op.axes)}"
        yield Variant(said, _from_the_other_end(axes), continues=True)
    if op.axes > 1:
        yield Variant("from the neighbouring row", Edit(positions=(_into_the_next_row,)), continues=True)
    if op.forward and not op.transposed:
        edit = Edit(parameters=(_padded_in_memory,), operands=(_beside,))
        yield Variant("from what is adjacent in memory", edit, continues=True)


READS_AROUND_THE_BORDER = Fault(
    slug="reads-around-the-border",
    title="positions outside the input are read",
    right="x is 0 outside its box",
    broken="x[-1] is x[I - 1], as a negative index has it, or the next row's",
    reveals="padding 1",
    hides="padding 0",
    bugs=("openxla/xla#48713", "tensorflow/tfjs#7605"),
    variants=_ways_to_read_around,
)


def _ways_to_leave_the_border_unread(op: Operation) -> Iterator[Variant]:
    for axis in range(op.axes):
        for last, said in ((True, "last"), (False, "first")):

            def change(tables: list[Array], g: Geometry, axis: int = axis, last: bool = last) -> None:
                place = g.input_size[axis] - 1 if last else 0
                tables[axis][tables[axis] == place] = OUTSIDE

            yield Variant(f"the {said} elements along {axis_name(axis, op.axes)}", Edit(tables=(change,)))


INPUT_BORDER_UNREAD = Fault(
    slug="input-border-unread",
    title="the input's border is never read",
    right="0 <= i < I",
    broken="0 < i < I, or 0 <= i < I - 1",
    reveals="any input without zeros at its border",
    hides="",
    bugs=("BVLC/caffe#298",),
    variants=_ways_to_leave_the_border_unread,
)


def _ways_to_pad_in_another_mode(op: Operation) -> Iterator[Variant]:
    if op.transposed or not op.forward:
        return

    def full(p: Problem) -> Problem:
        spans = [d * (k - 1) for d, k in zip(p.dilation, p.weight_shape[2:], strict=True)]
        return replace(p, padding=tuple((s, s) for s in spans))

    def none(p: Problem) -> Problem:
        return replace(p, padding=((0, 0),) * p.dimensions)

    yield Variant("'full'", Edit(parameters=(full,)))
    yield Variant("'valid'", Edit(parameters=(none,)))


PADDING_OF_ANOTHER_MODE = Fault(
    slug="padding-of-another-mode",
    title="the padding is that of another mode",
    right="p elements on each side",
    broken="d (K - 1) elements on each side, as in mode 'full', or none, as in 'valid'",
    reveals="a padding other than the mode's",
    hides="",
    bugs=("dotnet/TorchSharp#496",),
    variants=_ways_to_pad_in_another_mode,
    parameters=("padding",),
)
