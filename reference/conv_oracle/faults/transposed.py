"""Faults of transposed convolutions and input gradients: overlaps, output_padding, a padding that is cropped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from conv_oracle.faults.edits import Edit, Operands, bias_column, without_sums
from conv_oracle.faults.fault import Fault, Variant
from conv_oracle.geometry import Geometry
from conv_oracle.index_map import OUTSIDE
from conv_oracle.operation import Operation
from conv_oracle.passes import Array
from conv_oracle.problem import Problem


def _only_the_last(order: Callable[[Array], Array]) -> Edit:
    """Of the products that meet in one place, the last by an order of all of them."""

    def change(positions: Array, g: Geometry) -> None:
        last = np.full(int(np.prod(g.input_size)) + 1, OUTSIDE)
        turn = order(np.arange(positions.size).reshape(positions.shape))
        np.maximum.at(last, positions, turn)  # OUTSIDE is -1, the last place, which is nobody's
        positions[turn != last[positions]] = OUTSIDE

    return Edit(positions=(change,))


def _ways_to_overwrite(op: Operation) -> Iterator[Variant]:
    if not (op.transposed or op.by_input):
        return
    by_tap = _only_the_last(lambda number: number % number.shape[1] * len(number) + number // number.shape[1])
    yield Variant("that of the last kernel element remains", by_tap)
    yield Variant("that of the last position remains", _only_the_last(lambda number: number))


OVERLAPS_OVERWRITTEN = Fault(
    slug="overlaps-overwritten",
    title="where windows overlap, one product overwrites the others",
    right="x[i] = sum w[k] y[o] over all o, k with o*stride + k*dilation - padding = i",
    broken="x[i] = w[k] y[o] of the last such o, k",
    reveals="a kernel longer than the stride",
    hides="kernels that are no longer than the stride",
    variants=_ways_to_overwrite,
)


def _without(p: Problem) -> Problem:
    return replace(p, output_padding=(0,) * p.dimensions)


def _sides(p: Problem, found: Array, side: int) -> list[tuple[int, int]]:
    """What output_padding adds to each axis, behind (1) or in front (0)."""
    lead = [(0, 0)] * (found.ndim - p.dimensions)
    return [*lead, *((0, o) if side else (o, 0) for o in p.output_padding)]


def _with_zeros(side: int) -> Edit:
    def answer(p: Problem, _: Operands, found: Array) -> Array:
        return np.pad(found, _sides(p, found, side))

    return Edit(parameters=(_without,), answer=(answer,))


def _with_the_bias(p: Problem, given: Operands, found: Array) -> Array:
    column = bias_column(given, p.dimensions)
    whole: Array = np.pad(found - column, _sides(p, found, 1)) + column
    return whole


def _without_products(kept: int) -> Edit:
    """The elements that output_padding adds, all but so many of them, get no product."""

    def empty(p: Problem, given: Operands, found: Array) -> Array:
        sizes = zip(found.shape[-p.dimensions :], p.output_padding, strict=True)
        return without_sums(found, given, [slice(size - max(o - kept, 0), None) for size, o in sizes])

    return Edit(answer=(empty,))


def _in_front(p: Problem) -> Problem:
    extra = zip(p.geometry.padding, p.output_padding, strict=True)
    return replace(p, padding=tuple((b - o, a + o) for (b, a), o in extra))


def _grad_output_without_what_it_adds(p: Problem, given: Operands) -> Operands:
    """grad_output, zero where output_padding added to the result."""
    sizes = zip(p.output_shape[-p.dimensions :], p.output_padding, strict=True)
    places = [slice(size - extra, None) for size, extra in sizes]
    return {**given, "grad_output": without_sums(given["grad_output"], {}, places)}


def _ways_to_mishandle_output_padding(op: Operation) -> Iterator[Variant]:
    if not op.transposed:
        return
    if not op.forward:
        edit = Edit(operands=(_grad_output_without_what_it_adds,))
        yield Variant("a gradient leaves out the elements that it adds", edit, ("grad_output",))
        return
    yield Variant("it is ignored, and the result is too small", Edit(parameters=(_without,)))
    yield Variant("the elements that it adds are zero", _with_zeros(1))
    yield Variant(
        "the elements that it adds are the bias alone", Edit(parameters=(_without,), answer=(_with_the_bias,))
    )
    yield Variant("it adds zeros in front", _with_zeros(0))
    yield Variant("the elements that it adds get no product", _without_products(0))
    yield Variant("the elements that it adds get no product, but for the first", _without_products(1))
    yield Variant("it is taken from what the padding crops in front", Edit(parameters=(_in_front,)))


OUTPUT_PADDING_MISHANDLED = Fault(
    slug="output-padding-mishandled",
    title="output_padding is applied wrongly",
    right="the result has (I-1)s - p - q + d(K-1) + o + 1 elements, and each gets its whole sum",
    broken="the last o elements are missing, zero, or in front",
    reveals="stride 3, padding 1, output_padding 1",
    hides="output_padding 0",
    bugs=("mila-iqia/myia#338", "NVIDIA-AI-IOT/torch2trt#734", "pytorch/pytorch#98129"),
    variants=_ways_to_mishandle_output_padding,
    parameters=("output_padding",),
)


def _not_cropped(p: Problem) -> Problem:
    return replace(p, padding=((0, 0),) * p.dimensions)


def _padded(p: Problem, given: Operands) -> Operands:
    x = given["input"]
    lead = [(0, 0)] * (x.ndim - p.dimensions)
    return {**given, "input": np.pad(x, [*lead, *p.geometry.padding])}


def _grown(p: Problem) -> Problem:
    x = p.input_shape
    lead = len(x) - p.dimensions
    sizes = [i + sum(sides) for i, sides in zip(x[lead:], p.geometry.padding, strict=True)]
    return replace(p, input_shape=(*x[:lead], *sizes), padding=((0, 0),) * p.dimensions)


def _ways_to_misread_padding(op: Operation) -> Iterator[Variant]:
    if op.transposed and op.forward:
        yield Variant("it is not cropped from the result", Edit(parameters=(_not_cropped,)))
        yield Variant("it is put around the input", Edit(parameters=(_grown,), operands=(_padded,)))


PADDING_MISREAD = Fault(
    slug="transposed-padding-misread",
    title="the padding of a transposed convolution is treated as that of a convolution",
    right="the padding is cropped from the result",
    broken="it is put around the input, or nowhere",
    reveals="padding 1",
    hides="padding 0",
    bugs=("Samsung/TICO#420", "PINTO0309/onnx2tf#56"),
    variants=_ways_to_misread_padding,
    parameters=("padding",),
)
