"""Faults of channels: which of them a group reads, in which order, and which are left out of the sum."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from conv_oracle.faults.axes import RARE_TILES, TILES
from conv_oracle.faults.edits import Edit, Operands, bias_column
from conv_oracle.faults.fault import Fault, Variant
from conv_oracle.geometry import Geometry
from conv_oracle.index_map import OUTSIDE
from conv_oracle.operation import Operation
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

RIGHT = "y[m] = sum over c < C / groups of x[first(m) + c] w[m, c], first(m) = m // (M / groups) * (C / groups)"


def _channels(change: Callable[[Array, Geometry], Array]) -> Edit:
    return Edit(channels=(lambda channels, g: change(channels.copy(), g) if channels.size else channels,))


def _per(g: Geometry) -> int:
    return g.in_channels_per_group


def _last(g: Geometry) -> int:
    return g.in_channels - g.in_channels_per_group


def _weight_groups_reversed(p: Problem, given: Operands) -> Operands:
    w = given["weight"]
    return {**given, "weight": w.reshape(p.groups, -1, *w.shape[1:])[::-1].reshape(w.shape)}


def _ways_to_offset_groups(op: Operation) -> Iterator[Variant]:
    groups = ("groups",)
    yield Variant("every group reads the first group's", _channels(lambda c, g: c % _per(g)), groups)
    yield Variant("every group reads the last group's", _channels(lambda c, g: c % _per(g) + _last(g)), groups)
    yield Variant(
        "the groups are read in reverse order",
        _channels(lambda c, g: c % _per(g) + _last(g) - c // _per(g) * _per(g)),
        groups,
    )
    if not op.by_weight:
        said = "the groups of the weight are read in reverse order"
        yield Variant(said, Edit(operands=(_weight_groups_reversed,)), ("weight",))


GROUP_OFFSET_WRONG = Fault(
    slug="group-offset-wrong",
    title="the groups read the wrong input channels",
    right=RIGHT,
    broken="first(m) = 0, or of another group",
    reveals="groups 2: x one-hot in the last channel",
    hides="groups 1",
    bugs=("pytorch/pytorch#19912", "webmachinelearning/webnn-baseline#51", "openxla/xla#49123"),
    variants=_ways_to_offset_groups,
    parameters=("groups",),
)


Order = Callable[[int, int], Array]
"""(channels, groups) -> the channel that is put at each place."""


def _interleave(*, inverse: bool) -> Order:
    def order(channels: int, groups: int) -> Array:
        found: Array = np.arange(channels).reshape(groups, -1).T.ravel()
        return np.argsort(found) if inverse else found

    return order


def _reordered(order: Order, *, keeps_bias: bool) -> Callable[[Problem, Operands, Array], Array]:
    """The result's channels in another order; those of the bias in the right one, where it is added later."""

    def answer(p: Problem, given: Operands, found: Array) -> Array:
        axis = 0 if p.operation.by_weight else found.ndim - p.dimensions - 1
        moved = order(found.shape[axis], p.groups)
        if not keeps_bias or "bias" not in given:
            return found.take(moved, axis)
        column = bias_column(given, p.dimensions)
        whole: Array = (found - column).take(moved, axis) + column
        return whole

    return answer


def _weight_rows(order: Order) -> Callable[[Problem, Operands], Operands]:
    def operands(p: Problem, given: Operands) -> Operands:
        w = given.get("weight")
        return given if w is None else {**given, "weight": w[order(len(w), p.groups)]}

    return operands


def _ways_to_interleave(_: Operation) -> Iterator[Variant]:
    groups = ("groups",)
    yield Variant("the input's", _channels(lambda c, g: c % _per(g) * g.groups + c // _per(g)), groups)
    yield Variant(
        "the output's",
        _channels(lambda c, g: c[np.argsort(np.arange(g.out_channels) % g.groups, kind="stable")]),
        groups,
    )
    yield Variant(
        "the output's, by the inverse order",
        _channels(lambda c, g: np.arange(g.out_channels)[:, None] % g.groups * _per(g) + c % _per(g)),
        groups,
    )
    for inverse, way in ((False, ""), (True, ", by the inverse order")):
        for keeps, bias in ((False, ""), (True, ", before the bias is added")):
            edit = Edit(answer=(_reordered(_interleave(inverse=inverse), keeps_bias=keeps),))
            yield Variant(f"the result's{way}{bias}", edit, groups)
        yield Variant(f"the weight's{way}", Edit(operands=(_weight_rows(_interleave(inverse=inverse)),)), ("weight",))


GROUPS_INTERLEAVED = Fault(
    slug="groups-interleaved",
    title="the channels of the groups are interleaved",
    right=RIGHT,
    broken="m belongs to group m % groups, or c to group c % groups",
    reveals="groups 2 and two channels per group",
    hides="depthwise without multiplier, groups 1",
    bugs=("uxlfoundation/oneDNN#352",),
    variants=_ways_to_interleave,
    parameters=("groups",),
)


def _filters(p: Problem) -> int:
    """The filters per channel of a depthwise convolution; 1 of any other."""
    rows, columns = p.weight_shape[0] // p.groups, p.weight_shape[1]
    inputs, outputs = (rows, columns) if p.transposed else (columns, rows)
    return outputs if inputs == 1 < p.groups else 1


def _filters_changed(change: Callable[[Array], Array]) -> Edit:
    """The weight of a depthwise convolution with several filters per channel, (C, filters, *K), changed."""

    def operands(p: Problem, given: Operands) -> Operands:
        if _filters(p) == 1:
            return given
        w = given["weight"]
        return {**given, "weight": change(w.reshape(p.groups, -1, *w.shape[2:])).reshape(w.shape)}

    return Edit(operands=(operands,))


def _results_reordered(p: Problem, given: Operands, found: Array) -> Array:
    return _reordered(_interleave(inverse=False), keeps_bias=True)(p, given, found) if _filters(p) > 1 else found


def _ways_to_mix_filters(op: Operation) -> Iterator[Variant]:
    if not op.by_weight:
        first = _filters_changed(lambda w: np.repeat(w[:, :1], w.shape[1], axis=1))
        yield Variant("the first filter of a channel is used for all of that channel's", first, ("weight",))
        elsewhere = _filters_changed(
            lambda w: w.reshape(w.shape[1], w.shape[0], *w.shape[2:]).swapaxes(0, 1),
        )
        yield Variant("filter q of channel c is read at q * C + c", elsewhere, ("weight",))
    if not op.by_input:
        yield Variant("the result of filter q of channel c is at q * C + c", Edit(answer=(_results_reordered,)))


DEPTHWISE_FILTERS_MIXED = Fault(
    slug="depthwise-filters-mixed",
    title="the filters of a depthwise convolution are mixed up",
    right="y[c * Q + q] = sum x[c] w[c * Q + q], with Q filters per channel",
    broken="w[c * Q], w[q * C + c], or y[q * C + c]",
    reveals="x of 2 channels, 1x1 filters 1, 2, 3, 4, groups 2",
    hides="one filter per channel, groups 1",
    bugs=("alibaba/MNN#532", "ARM-software/ComputeLibrary#553"),
    variants=_ways_to_mix_filters,
)


def _backwards(channels: int, _: int) -> Array:
    found: Array = np.arange(channels)[::-1]
    return found


def _ways_to_reverse(_: Operation) -> Iterator[Variant]:
    yield Variant("the input's, within a group", _channels(lambda c, _: c[:, ::-1]), ("input",))
    yield Variant("the output's", _channels(lambda c, _: c[::-1]), ("groups",))
    yield Variant("the result's", Edit(answer=(_reordered(_backwards, keeps_bias=False),)))


REVERSED = Fault(
    slug="channels-reversed",
    title="the channels are in reverse order",
    right=RIGHT,
    broken="c runs backwards, or m does",
    reveals="two channels per group",
    hides="one channel per group",
    variants=_ways_to_reverse,
    in_a_sum=True,
)


def _dropped(rows: int | slice, columns: int | slice) -> Edit:
    def change(channels: Array, _: Geometry) -> Array:
        channels[rows, columns] = OUTSIDE
        return channels

    return _channels(change)


def _ways_to_drop_a_channel(_: Operation) -> Iterator[Variant]:
    whole = slice(None)
    yield Variant("the last input channel of every group", _dropped(whole, -1), ("input",))
    yield Variant("the first input channel of every group", _dropped(whole, 0), ("input",))
    yield Variant("the last output channel", _dropped(-1, whole))
    yield Variant("the last input channel of the last output channel", _dropped(-1, -1), ("input",))
    yield Variant("the first pair of channels", _dropped(0, 0))


DROPPED = Fault(
    slug="channel-dropped",
    title="a channel is left out of the sum",
    right=RIGHT,
    broken="c < C / groups - 1",
    reveals="any problem",
    hides="",
    bugs=("onnx/onnx#8446",),
    variants=_ways_to_drop_a_channel,
    in_a_sum=True,
)


def _ways_to_drop_a_tail(_: Operation, tiles: Sequence[int] = TILES) -> Iterator[Variant]:
    for tile in tiles:

        def inputs(channels: Array, g: Geometry, tile: int = tile) -> Array:
            channels[:, _per(g) // tile * tile :] = OUTSIDE
            return channels

        def outputs(channels: Array, g: Geometry, tile: int = tile) -> Array:
            channels[g.out_channels // tile * tile :] = OUTSIDE
            return channels

        yield Variant(f"input channels beyond a multiple of {tile}", _channels(inputs), ("input",))
        yield Variant(f"output channels beyond a multiple of {tile}", _channels(outputs))


TAIL_DROPPED = Fault(
    slug="channel-tail-dropped",
    title="channels after the last full vector are left out",
    right=RIGHT,
    broken="c runs to the last multiple of the vector length",
    reveals="channels that are no multiple of 4 to 32",
    hides="multiples of the vector length, as in most layers",
    bugs=("microsoft/onnxruntime#27749", "pytorch/pytorch#50042", "modular/modular#6248"),
    variants=_ways_to_drop_a_tail,
    rare=lambda op: _ways_to_drop_a_tail(op, RARE_TILES),
    in_a_sum=True,
)


def _whole_examples(tile: int) -> Edit:
    def operands(p: Problem, given: Operands) -> Operands:
        if not p.batched:
            return given
        x = given["input"].copy()
        x[len(x) // tile * tile :] = 0
        return {**given, "input": x}

    return Edit(operands=(operands,))


def _whole_terms(tile: int) -> Edit:
    """The weight, zero for the terms of every sum beyond a multiple: rows of it, or its groups' columns."""

    def operands(p: Problem, given: Operands) -> Operands:
        w = given["weight"].copy()
        if p.operation.gathers:
            rows = w.reshape(len(w), math.prod(w.shape[1:]))
            rows[:, rows.shape[1] // tile * tile :] = 0
        else:
            per = w.shape[0] // p.groups
            by_output = w.reshape(p.groups, per, w.shape[1], -1).swapaxes(1, 2)
            length = per * by_output.shape[3]
            kept = by_output.reshape(p.groups, w.shape[1], length).copy()
            kept[:, :, length // tile * tile :] = 0
            w = kept.reshape(by_output.shape).swapaxes(1, 2).reshape(w.shape)
        return {**given, "weight": w}

    return Edit(operands=(operands,))


def _ways_to_drop_the_end(op: Operation, tiles: Sequence[int] = TILES) -> Iterator[Variant]:
    for tile in tiles:
        if op.by_weight:
            yield Variant(f"examples beyond a multiple of {tile}", _whole_examples(tile))
        else:
            yield Variant(f"products beyond a multiple of {tile}", _whole_terms(tile))


REDUCTION_TAIL_DROPPED = Fault(
    slug="reduction-tail-dropped",
    title="the end of every sum is left out",
    right=RIGHT,
    broken="the products of a sum after the last full block are skipped",
    reveals="C / groups * K that is no multiple of the block",
    hides="multiples of the block",
    bugs=("ggml-org/ggml#1532", "ROCm/rocm-libraries#9446"),
    variants=_ways_to_drop_the_end,
    rare=lambda op: _ways_to_drop_the_end(op, RARE_TILES),
)
