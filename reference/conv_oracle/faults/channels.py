"""Faults of what is summed and what it is put next to: channels, groups, the batch, the bias."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from conv_oracle.faults.axes import RARE_TILES, TILES, reached
from conv_oracle.faults.edits import Edit, Operands
from conv_oracle.faults.fault import Fault, Variant
from conv_oracle.geometry import Geometry
from conv_oracle.index_map import OUTSIDE
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

RIGHT = "y[m] = sum over c < C / groups of x[first(m) + c] w[m, c], first(m) = m // (M / groups) * (C / groups)"


def _channels(change: Callable[[Array, Geometry], Array]) -> Edit:
    return Edit(channels=(lambda channels, g: change(channels.copy(), g) if channels.size else channels,))


def _group_offset(op: str, _: int) -> Iterator[Variant]:
    yield Variant("every group reads the first", _channels(lambda c, g: c % g.in_channels_per_group))
    yield Variant("every group reads the last", _channels(lambda c, g: c % g.in_channels_per_group + _last(g)))
    yield Variant(
        "the groups are read in reverse",
        _channels(lambda c, g: c % g.in_channels_per_group + _last(g) - c // g.in_channels_per_group * _per(g)),
    )

    def weights(p: Problem, given: Operands) -> Operands:
        w = given["weight"]
        return {**given, "weight": w.reshape(p.groups, -1, *w.shape[1:])[::-1].reshape(w.shape)}

    if not op.endswith("_weight"):
        yield Variant("the groups of the weight are taken in reverse", Edit(operands=(weights,)))


def _per(g: Geometry) -> int:
    return g.in_channels_per_group


def _last(g: Geometry) -> int:
    return g.in_channels - g.in_channels_per_group


def _interleaved(*_: object) -> Iterator[Variant]:
    yield Variant("the input's", _channels(lambda c, g: c % _per(g) * g.groups + c // _per(g)))
    yield Variant(
        "the output's", _channels(lambda c, g: c[np.argsort(np.arange(g.out_channels) % g.groups, kind="stable")])
    )
    yield Variant(
        "the output's, the other way",
        _channels(lambda c, g: np.arange(g.out_channels)[:, None] % g.groups * _per(g) + c % _per(g)),
    )

    for inverse, way in ((False, ""), (True, ", the other way")):
        for keeps, bias in ((False, ""), (True, ", before the bias")):
            edit = Edit(answer=(_reordered(_interleave(inverse=inverse), keeps_bias=keeps),))
            yield Variant(f"the result's{way}{bias}", edit)
        yield Variant(f"the weight's{way}", Edit(operands=(_weight_rows(_interleave(inverse=inverse)),)))


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
        column = given["bias"].reshape(-1, *(1,) * p.dimensions)
        whole: Array = (found - column).take(moved, axis) + column
        return whole

    return answer


def _weight_rows(order: Order) -> Callable[[Problem, Operands], Operands]:
    def operands(p: Problem, given: Operands) -> Operands:
        w = given.get("weight")
        return given if w is None else {**given, "weight": w[order(len(w), p.groups)]}

    return operands


def _multiplier(op: str, _: int) -> Iterator[Variant]:
    """Faults of what only a depthwise convolution with several filters per channel has."""

    def filters(change: Callable[[Array], Array], said: str) -> Variant:
        def operands(p: Problem, given: Operands) -> Operands:
            if _filters(p) == 1:
                return given
            w = given["weight"]
            return {**given, "weight": change(w.reshape(p.groups, -1, *w.shape[2:])).reshape(w.shape)}

        return Variant(said, Edit(operands=(operands,)))

    def answer(p: Problem, given: Operands, found: Array) -> Array:
        return _reordered(_interleave(inverse=False), keeps_bias=True)(p, given, found) if _filters(p) > 1 else found

    if not op.endswith("_weight"):
        yield filters(lambda w: np.repeat(w[:, :1], w.shape[1], axis=1), "the first one of a channel is used for all")
        yield filters(
            lambda w: w.reshape(w.shape[1], w.shape[0], *w.shape[2:]).swapaxes(0, 1),
            "that of channel c and number q is looked for at q * C + c",
        )
    if not op.endswith("_input"):
        yield Variant("that of channel c and number q answers at q * C + c", Edit(answer=(answer,)))


def _filters(p: Problem) -> int:
    """The filters per channel of a depthwise convolution; 1 of any other."""
    rows, columns = p.weight_shape[0] // p.groups, p.weight_shape[1]
    inputs, outputs = (rows, columns) if p.transposed else (columns, rows)
    return outputs if inputs == 1 < p.groups else 1


def _order(*_: object) -> Iterator[Variant]:
    yield Variant("the input's, within a group", _channels(lambda c, _: c[:, ::-1]))
    yield Variant("the output's", _channels(lambda c, _: c[::-1]))
    yield Variant("the result's", Edit(answer=(_reordered(_backwards, keeps_bias=False),)))


def _backwards(channels: int, _: int) -> Array:
    found: Array = np.arange(channels)[::-1]
    return found


def _dropped(rows: object, columns: object) -> Edit:
    def change(channels: Array, _: Geometry) -> Array:
        channels[rows, columns] = OUTSIDE  # type: ignore[index]
        return channels

    return _channels(change)


def _channel_dropped(*_: object) -> Iterator[Variant]:
    whole = slice(None)
    yield Variant("the last input channel of every group", _dropped(whole, -1))
    yield Variant("the first input channel of every group", _dropped(whole, 0))
    yield Variant("the last output channel", _dropped(-1, whole))
    yield Variant("the last input channel of the last output channel", _dropped(-1, -1))
    yield Variant("the first pair of channels", _dropped(0, 0))


def _channel_tail(_: str, __: int, tiles: Sequence[int] = TILES) -> Iterator[Variant]:
    for tile in tiles:

        def inputs(channels: Array, g: Geometry, tile: int = tile) -> Array:
            channels[:, _per(g) // tile * tile :] = OUTSIDE
            return channels

        def outputs(channels: Array, g: Geometry, tile: int = tile) -> Array:
            channels[g.out_channels // tile * tile :] = OUTSIDE
            return channels

        yield Variant(f"input channels beyond a multiple of {tile}", _channels(inputs))
        yield Variant(f"output channels beyond a multiple of {tile}", _channels(outputs))


def _reduction_tail(op: str, _: int, tiles: Sequence[int] = TILES) -> Iterator[Variant]:
    if op.endswith("_weight"):
        for tile in tiles:
            yield Variant(f"examples beyond a multiple of {tile}", Edit(operands=(_whole_examples(tile),)))
        return
    for tile in tiles:

        def operands(p: Problem, given: Operands, tile: int = tile) -> Operands:
            w = given["weight"].copy()
            if p.transposed != p.operation.by_input:
                per = w.shape[0] // p.groups
                by_output = w.reshape(p.groups, per, w.shape[1], -1).swapaxes(1, 2)
                length = per * by_output.shape[3]
                kept = by_output.reshape(p.groups, w.shape[1], length).copy()
                kept[:, :, length // tile * tile :] = 0
                w = kept.reshape(by_output.shape).swapaxes(1, 2).reshape(w.shape)
            else:
                rows = w.reshape(len(w), math.prod(w.shape[1:]))
                rows[:, rows.shape[1] // tile * tile :] = 0
            return {**given, "weight": w}

        yield Variant(f"terms beyond a multiple of {tile}", Edit(operands=(operands,)))


def _whole_examples(tile: int) -> Callable[[Problem, Operands], Operands]:
    def operands(p: Problem, given: Operands) -> Operands:
        if not p.batched:
            return given
        x = given["input"].copy()
        x[len(x) // tile * tile :] = 0
        return {**given, "input": x}

    return operands


def _weight_exchanged(op: str, _: int) -> Iterator[Variant]:
    def operands(_: Problem, given: Operands) -> Operands:
        w = given["weight"]
        return {**given, "weight": w.swapaxes(0, 1)} if w.shape[0] == w.shape[1] else given

    def relaid(_: Problem, given: Operands) -> Operands:
        w = given["weight"]
        return {**given, "weight": w.reshape(w.shape[1], w.shape[0], *w.shape[2:]).swapaxes(0, 1)}

    def kernel_first(_: Problem, given: Operands) -> Operands:
        w = given["weight"]
        read = w.reshape(w.shape[0], math.prod(w.shape[2:]), w.shape[1]).swapaxes(1, 2)
        return {**given, "weight": read.reshape(w.shape)}

    def channels_first(_: Problem, given: Operands) -> Operands:
        w = given["weight"]
        read = w.reshape(w.shape[0], w.shape[1], math.prod(w.shape[2:])).swapaxes(1, 2)
        return {**given, "weight": read.reshape(w.shape)}

    if not op.endswith("_weight"):
        yield Variant("it is read as (out, *K, in) in memory", Edit(operands=(kernel_first,)))
        yield Variant("it is laid out as (out, *K, in)", Edit(operands=(channels_first,)))
        yield Variant("its first two axes are exchanged", Edit(operands=(operands,)))
        yield Variant("it is read as (in, out) in memory", Edit(operands=(relaid,)))


def _main(op: str) -> str:
    return "grad_output" if op.endswith("_input") else "input"


def _zero(which: Callable[[int], int | slice], said: str) -> Variant:
    """Examples that are zero, told by the size of the batch."""

    def answer(p: Problem, _: Operands, found: Array) -> Array:
        found = found.copy()
        if p.batched and len(found):
            found[which(len(found))] = 0
        return found

    return Variant(said, Edit(answer=(answer,)))


def _beyond(most: int) -> Callable[[int], slice]:
    return lambda _: slice(most, None)


def _after_whole(tile: int) -> Callable[[int], slice]:
    return lambda batch: slice(batch // tile * tile, None)


def _batch(op: str, _: int) -> Iterator[Variant]:
    name = _main(op)

    def first(p: Problem, given: Operands) -> Operands:
        if not p.batched or not len(given[name]):
            return given
        return {**given, name: np.repeat(given[name][:1], len(given[name]), axis=0)}

    if op.endswith("_weight"):
        for others, said in ((slice(1, None), "only the first counts"), (slice(None, -1), "only the last counts")):

            def some(_: Problem, given: Operands, place: slice = others) -> Operands:
                x = given["input"].copy()
                x[place] = 0
                return {**given, "input": x}

            yield Variant(said, Edit(operands=(some,)))
        yield Variant("the first one's input for all", Edit(operands=(first,)))
        return
    yield Variant("all get that of the first", Edit(operands=(first,)))

    def relaid(p: Problem, _: Operands, found: Array) -> Array:
        return found.swapaxes(0, 1).reshape(found.shape) if p.batched else found

    yield Variant("the result is laid out as (channels, examples)", Edit(answer=(relaid,)))
    for tile in TILES[1:]:
        yield _zero(_after_whole(tile), f"those beyond a multiple of {tile} are zero")
    yield _zero(lambda _: -1, "the last is zero")
    yield _zero(lambda _: slice(1, None), "all but the first are zero")
    yield _zero(lambda _: 0, "the first is zero")
    for most in (65535, 65536, 1024, 128, 32, 16):
        yield _zero(_beyond(most), f"those beyond {most} are zero")


def _batch_beyond(op: str, _: int) -> Iterator[Variant]:
    if not op.endswith("_weight"):
        for most in (*RARE_TILES, *range(65, 140), 255, 256, 257, 512, 2048, 4096):
            yield _of_first(_beyond(most), f"those beyond {most} get that of the first")


def _of_first(which: Callable[[int], int | slice], said: str) -> Variant:
    def answer(p: Problem, _: Operands, found: Array) -> Array:
        found = found.copy()
        if p.batched and len(found):
            found[which(len(found))] = found[0]
        return found

    return Variant(said, Edit(answer=(answer,)))


def _layout(op: str, d: int) -> Iterator[Variant]:
    read = {"_input": ("grad_output",), "_weight": ("input", "grad_output")}.get(op[op.rfind("_") :], ("input",))
    for name in read:

        def in_memory(_: Problem, given: Operands, name: str = name) -> Operands:
            x = given[name]
            lead, (channels, *size) = x.shape[: -d - 1], x.shape[-d - 1 :]
            return {**given, name: np.moveaxis(x.reshape(*lead, *size, channels), -1, -d - 1)}

        def turned(_: Problem, given: Operands, name: str = name) -> Operands:
            alike = len(set(given[name].shape[-d - 1 :])) == 1
            return {**given, name: np.moveaxis(given[name], -1, -d - 1)} if alike else given

        yield Variant(f"the memory of {name} is read so", Edit(operands=(in_memory,)))
        yield Variant(f"{name} is taken for such, where all its sizes are equal", Edit(operands=(turned,)))

    def channels_last(p: Problem, _: Operands, found: Array) -> Array:
        return np.moveaxis(found, -p.dimensions - 1, -1).reshape(found.shape)

    if not op.endswith("_weight"):
        yield Variant("the result is written so", Edit(answer=(channels_last,)))


def _index_of_few_bits(op: str, d: int) -> Iterator[Variant]:
    kinds = {"int8": "8 bits with a sign", "uint8": "8 bits", "int16": "16 bits with a sign", "uint16": "16 bits"}
    for name in ("input", "weight", "grad_output"):
        if name in PASSIVE.get(op[op.rfind("_") :], ("grad_output",)):
            continue
        for axes, of in ((d, "a channel"), (None, "the whole")):
            for kind, said in kinds.items():

                def operands(
                    _: Problem, given: Operands, name: str = name, axes: int | None = axes, k: str = kind
                ) -> Operands:
                    return {**given, name: _wrapped(given[name], axes, k)}

                yield Variant(f"that of a number in {of} of {name} has {said}", Edit(operands=(operands,)))


PASSIVE = {"_input": ("input",), "_weight": ("weight",)}
"""What a gradient does not take."""


def _wrapped(array: Array, axes: int | None, kind: str) -> Array:
    """What an index of few bits reads: positions beyond its largest come from elsewhere."""
    if not array.size:
        return array
    flat = array.reshape(*array.shape[: array.ndim - axes] if axes else (), -1)
    narrow = np.arange(flat.shape[-1]).astype(kind).astype(int) % flat.shape[-1]
    read: Array = flat[..., narrow].reshape(array.shape)
    return read


def _unbatched(op: str, _: int) -> Iterator[Variant]:
    if op.endswith(("_input", "_weight")):
        return

    def no_bias(p: Problem, given: Operands) -> Operands:
        return given if p.batched or "bias" not in given else {**given, "bias": given["bias"] * 0}

    def split(p: Problem, given: Operands) -> Operands:
        x = given["input"]
        if p.batched or p.groups == 1:
            return given
        mixed = x.reshape(-1, p.groups, *x.shape[1:]).swapaxes(0, 1).reshape(x.shape)
        return {**given, "input": mixed}

    yield Variant("it gets no bias", Edit(operands=(no_bias,)))
    yield Variant("its channels are split into groups as a batch would be", Edit(operands=(split,)))
    yield Variant("its result has a batch", Edit(answer=(lambda p, _, found: found if p.batched else found[None],)))


def _scaled(*_: object) -> Iterator[Variant]:
    def over(divisor: Callable[[Problem], int], said: str) -> Variant:
        return Variant(f"divided by {said}", Edit(answer=(lambda p, _, found: found / max(divisor(p), 1),)))

    def times(factor: Callable[[Problem], int], said: str) -> Variant:
        return Variant(said, Edit(answer=(lambda p, _, found: found * factor(p),)))

    yield over(lambda p: p.geometry.batch, "the batch")
    yield over(lambda p: p.geometry.batch * math.prod(p.output_shape[-p.dimensions :]), "all outputs")
    yield over(lambda p: math.prod(p.weight_shape[2:]), "the kernel's size")
    yield over(lambda p: p.groups, "the groups")
    yield over(lambda _: 2, "2")
    yield times(lambda _: 2, "doubled")
    yield times(lambda _: -1, "negated")
    yield times(lambda _: 0, "all zero")
    yield times(lambda p: p.groups, "times the groups")


def _bias(change: Callable[[Problem, Array], Array], said: str) -> Variant:
    def operands(p: Problem, given: Operands) -> Operands:
        return {**given, "bias": change(p, given["bias"])} if "bias" in given else given

    return Variant(said, Edit(operands=(operands,)))


def _of_group(p: Problem, b: Array) -> Array:
    return np.tile(b[: max(len(b) // p.groups, 1)], p.groups) if p.groups > 1 else b


def _terms(p: Problem) -> int:
    inputs = p.weight_shape[0] // p.groups if p.transposed else p.weight_shape[1]
    return inputs * math.prod(p.weight_shape[2:])


def _biases(op: str, _: int) -> Iterator[Variant]:
    if op.endswith(("_input", "_weight")):
        return
    yield _bias(lambda _, b: b * 0, "it is not added")
    yield _bias(_of_group, "every group gets the first group's")
    yield _bias(lambda _, b: b * 0 + b[:1], "every channel gets the first one's")
    yield _bias(lambda _, b: b * 2, "it is added twice")
    yield _bias(lambda p, b: b * math.prod(p.weight_shape[2:]), "it is added once per kernel element")
    yield _bias(lambda p, b: b * _terms(p), "it is added once per product")
    yield _bias(
        lambda p, b: b * (p.weight_shape[0] // p.groups if p.transposed else p.weight_shape[1]),
        "it is added once per input channel",
    )
    yield _bias(lambda p, b: b * p.groups, "it is added once per group")
    yield _bias(lambda _, b: b[::-1], "it is read backwards")
    yield _bias(lambda _, b: np.roll(b, -1), "it is read one channel late")
    yield _bias(lambda _, b: np.roll(b, 1), "it is read one channel early")
    yield _bias(lambda _, b: -b, "it is subtracted")
    yield _bias(
        lambda p, b: np.where(np.arange(len(b)) < max(len(b) // p.groups, 1), b, 0), "only the first group gets it"
    )
    yield _bias(lambda _, b: np.where(np.arange(len(b)) == 0, b, 0), "only the first channel gets it")
    yield _bias(lambda _, b: np.where(np.arange(len(b)) < len(b) - 1, b, 0), "the last channel gets none")
    yield _bias(
        lambda _, b: np.concatenate([b[:-1], b[-2:-1] if len(b) > 1 else b]), "the last channel gets the one before"
    )

    def places(keep: Callable[[Problem, tuple[int, ...]], Array], said: str) -> Variant:
        def answer(p: Problem, given: Operands, found: Array) -> Array:
            if "bias" not in given:
                return found
            column = given["bias"].reshape(-1, *(1,) * p.dimensions)
            return found - np.where(keep(p, found.shape), 0, column)

        return Variant(said, Edit(answer=(answer,)))

    def first_example(p: Problem, shape: tuple[int, ...]) -> Array:
        lead = (np.arange(shape[0]) == 0) if p.batched else np.ones(1, bool)
        return lead.reshape(-1, *(1,) * (p.dimensions + 1)) if p.batched else lead

    def first_place(p: Problem, shape: tuple[int, ...]) -> Array:
        keep = np.zeros(shape[-p.dimensions :], bool)
        keep[(0,) * p.dimensions] = True
        return keep

    yield places(lambda p, _: reached(p) > 0, "what no product reaches gets none")
    yield places(first_example, "only the first example gets it")
    yield places(first_place, "only the first position gets it")


CHANNELS = (
    Fault(
        slug="group-offset-wrong",
        title="the groups read the wrong input channels",
        kind="group_offset",
        right=RIGHT,
        broken="first(m) = 0, or of another group",
        reveals="groups 2: x one-hot in the last channel",
        hides="groups 1",
        bugs=("pytorch/pytorch#19912", "webmachinelearning/webnn-baseline#51", "openxla/xla#49123"),
        variants=_group_offset,
        parameters=("groups",),
    ),
    Fault(
        slug="groups-interleaved",
        title="the channels of the groups are interleaved",
        kind="group_offset",
        right=RIGHT,
        broken="m belongs to group m % groups, or c to group c % groups",
        reveals="groups 2 and two channels per group",
        hides="depthwise without multiplier, groups 1",
        bugs=("uxlfoundation/oneDNN#352",),
        variants=_interleaved,
        parameters=("groups",),
    ),
    Fault(
        slug="depthwise-filters-mixed",
        title="the filters of a depthwise convolution are mixed up",
        kind="depth_multiplier",
        right="y[c * q + j] = sum x[c] w[c * q + j], with q filters per channel",
        broken="w[c * q], w[j * C + c], or y[j * C + c]",
        reveals="x of 2 channels, 1x1 filters 1, 2, 3, 4, groups 2",
        hides="one filter per channel, groups 1",
        bugs=("alibaba/MNN#532", "ARM-software/ComputeLibrary#553"),
        variants=_multiplier,
    ),
    Fault(
        slug="channels-reversed",
        title="the channels are read in reverse",
        kind="group_offset",
        right=RIGHT,
        broken="c runs backwards, or m does",
        reveals="two channels per group",
        hides="one channel per group",
        bugs=(),
        variants=_order,
        in_a_sum=True,
    ),
    Fault(
        slug="channel-dropped",
        title="a channel is left out of the sum",
        kind="tail_tile",
        right=RIGHT,
        broken="c < C / groups - 1",
        reveals="any problem",
        hides="",
        bugs=("onnx/onnx#8446",),
        variants=_channel_dropped,
        in_a_sum=True,
    ),
    Fault(
        slug="channel-tail-dropped",
        title="channels beyond the last whole vector are left out",
        kind="tail_tile",
        right=RIGHT,
        broken="c runs to the last multiple of the vector",
        reveals="channels that are no multiple of 4 to 32",
        hides="multiples of the vector, as most layers have",
        bugs=("microsoft/onnxruntime#27749", "pytorch/pytorch#50042", "modular/modular#6248"),
        variants=_channel_tail,
        rare=lambda op, d: _channel_tail(op, d, RARE_TILES),
        in_a_sum=True,
    ),
    Fault(
        slug="reduction-tail-dropped",
        title="the end of every sum is left out",
        kind="tail_tile",
        right=RIGHT,
        broken="the products of a sum beyond the last whole block are skipped",
        reveals="C / groups * K that is no multiple of the block",
        hides="multiples of the block",
        bugs=("ggml-org/ggml#1532", "ROCm/rocm-libraries#9446"),
        variants=_reduction_tail,
        rare=lambda op, d: _reduction_tail(op, d, RARE_TILES),
    ),
    Fault(
        slug="weight-channels-exchanged",
        title="the weight's channels are exchanged",
        kind="transposed_semantics",
        right="w is (out, in / groups, *K), of a transposed convolution (in, out / groups, *K)",
        broken="w is read as (in, out, *K)",
        reveals="as many input channels as output channels, w not symmetric",
        hides="different numbers of channels, which do not fit at all",
        bugs=("apache/tvm#9336", "lcy0604/CTRNet#10"),
        variants=_weight_exchanged,
    ),
    Fault(
        slug="batch-offset-wrong",
        title="examples of the batch are mixed up or left out",
        kind="accumulate_contract",
        right="y[n] depends on x[n]",
        broken="y[n] depends on x[0], or stays empty",
        reveals="batch 2 with different examples",
        hides="batch 1",
        bugs=("BVLC/caffe#3095", "tensorflow/tensorflow#9870", "ggml-org/ggml#993"),
        variants=_batch,
        rare=_batch_beyond,
        in_a_sum=True,
    ),
    Fault(
        slug="unbatched-mishandled",
        title="an input without a batch is not treated as the only example of one",
        kind="one_d_lowering",
        right="x (C, *I) gives y (M, *O), which is that of x[None] without its batch",
        broken="the channels are taken for a batch, the bias is left out, or y keeps the batch",
        reveals="x without a batch, with a bias and groups",
        hides="a batch, as most callers have",
        bugs=("pytorch/pytorch#185352", "flagos-ai/FlagGems#1776"),
        variants=_unbatched,
    ),
    Fault(
        slug="index-overflow",
        title="an index has too few bits",
        kind="int_overflow",
        right="element i lies at offset i",
        broken="at i modulo 2^bits, or before the beginning",
        reveals="more elements than the index counts: 128, 256, 32768 or 65536",
        hides="small arrays, as most tests have",
        bugs=("pytorch/pytorch#44109", "pytorch/pytorch#117736"),
        rare=_index_of_few_bits,
    ),
    Fault(
        slug="layout-misread",
        title="the channels are taken for the last axis",
        kind="layout_ambiguity",
        right="x is (N, C, *I), y is (N, M, *O)",
        broken="x is read, or y is written, as (N, *I, C)",
        reveals="x of (1, 4, 4, 4) with a ramp",
        hides="one channel",
        bugs=("huggingface/candle#3405", "ravin-d-27/PyDeepFlow#85"),
        variants=_layout,
    ),
    Fault(
        slug="result-scaled",
        title="the result is a multiple of the right one",
        kind="accumulate_contract",
        right="y = sum x w",
        broken="y = a sum x w: divided by N, doubled, negated, zero",
        reveals="any problem with more than one example",
        hides="batch 1",
        bugs=("sebgao/cTensor#3", "LBANN/lbann#1022"),
        variants=_scaled,
        in_a_sum=True,
    ),
    Fault(
        slug="bias-wrong",
        title="the bias is added wrongly",
        kind="bias",
        right="y[m] = bias[m] + sum x w, once",
        broken="another channel's bias, none, or more than once",
        reveals="x = 0, bias = [1, 10, 100, 1000], groups 2",
        hides="bias 0, one channel",
        bugs=("robertknight/rten#1408", "kraiskil/onnx2c#40", "huggingface/candle#1732"),
        variants=_biases,
    ),
)
