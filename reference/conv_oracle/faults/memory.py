"""Faults of where a number lies in memory: the order of the axes, channels last, an index of too few bits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from conv_oracle.faults.edits import Edit, Operands
from conv_oracle.faults.fault import Fault, Variant
from conv_oracle.operation import Operation
from conv_oracle.passes import Array
from conv_oracle.problem import Problem


def _weight(change: Callable[[Array], Array]) -> Edit:
    return Edit(operands=(lambda _, given: {**given, "weight": change(given["weight"])},))


def _read_kernel_first(w: Array) -> Array:
    return w.reshape(w.shape[0], math.prod(w.shape[2:]), w.shape[1]).swapaxes(1, 2).reshape(w.shape)


def _written_kernel_first(w: Array) -> Array:
    return w.reshape(w.shape[0], w.shape[1], math.prod(w.shape[2:])).swapaxes(1, 2).reshape(w.shape)


def _exchanged(w: Array) -> Array:
    return w.swapaxes(0, 1) if w.shape[0] == w.shape[1] else w


def _read_exchanged(w: Array) -> Array:
    return w.reshape(w.shape[1], w.shape[0], *w.shape[2:]).swapaxes(0, 1)


def _ways_to_exchange_channels(op: Operation) -> Iterator[Variant]:
    if not op.by_weight:
        weight = ("weight",)
        yield Variant("its memory is read as (out, *K, in)", _weight(_read_kernel_first), weight)
        yield Variant(
            "it is copied to (out, *K, in), and that is read as (out, in, *K)", _weight(_written_kernel_first), weight
        )
        yield Variant("its first two axes are exchanged", _weight(_exchanged), weight)
        yield Variant("its memory is read as (in, out, *K)", _weight(_read_exchanged), weight)


WEIGHT_CHANNELS_EXCHANGED = Fault(
    slug="weight-channels-exchanged",
    title="the weight's channel axes are misread",
    right="w is (out, in / groups, *K), of a transposed convolution (in, out / groups, *K)",
    broken="w is read as (in, out, *K) or (out, *K, in)",
    reveals="as many input channels as output channels, w not symmetric",
    hides="different numbers of channels, which do not fit at all",
    bugs=("apache/tvm#9336", "lcy0604/CTRNet#10"),
    variants=_ways_to_exchange_channels,
)


def _wrapped(array: Array, axes: int | None, kind: str) -> Array:
    """What an index of few bits reads: positions beyond its largest come from elsewhere."""
    if not array.size:
        return array
    flat = array.reshape(*array.shape[: array.ndim - axes] if axes else (), -1)
    narrow = np.arange(flat.shape[-1]).astype(kind).astype(int) % flat.shape[-1]
    read: Array = flat[..., narrow].reshape(array.shape)
    return read


def _ways_to_overflow(op: Operation) -> Iterator[Variant]:
    for name in op.operands:
        for axes, of in ((op.axes, "within a channel"), (None, "into the whole")):
            for kind in ("int8", "uint8", "int16", "uint16"):

                def operands(
                    _: Problem, given: Operands, name: str = name, axes: int | None = axes, kind: str = kind
                ) -> Operands:
                    return {**given, name: _wrapped(given[name], axes, kind)}

                yield Variant(f"the index {of} of {name} is {kind}", Edit(operands=(operands,)), (name,))


INDEX_OVERFLOW = Fault(
    slug="index-overflow",
    title="an index has too few bits",
    right="element i lies at offset i",
    broken="at i modulo 2^bits, or before the beginning",
    reveals="more elements than the index counts: 128, 256, 32768 or 65536; 2^31 or 2^32 at level large",
    hides="small arrays, as most tests have",
    bugs=("pytorch/pytorch#44109", "pytorch/pytorch#117736"),
    rare=_ways_to_overflow,
)


def _read_as_channels_last(name: str, axes: int) -> Edit:
    def operands(_: Problem, given: Operands) -> Operands:
        x = given[name]
        lead, (channels, *size) = x.shape[: -axes - 1], x.shape[-axes - 1 :]
        return {**given, name: np.moveaxis(x.reshape(*lead, *size, channels), -1, -axes - 1)}

    return Edit(operands=(operands,))


def _taken_for_channels_last(name: str, axes: int) -> Edit:
    def operands(_: Problem, given: Operands) -> Operands:
        alike = len(set(given[name].shape[-axes - 1 :])) == 1
        return {**given, name: np.moveaxis(given[name], -1, -axes - 1)} if alike else given

    return Edit(operands=(operands,))


def _written_as_channels_last(p: Problem, _: Operands, found: Array) -> Array:
    return np.moveaxis(found, -p.dimensions - 1, -1).reshape(found.shape)


def _ways_to_misread_the_layout(op: Operation) -> Iterator[Variant]:
    for name in (name for name in op.operands if name != "weight"):
        in_memory, alike = _read_as_channels_last(name, op.axes), _taken_for_channels_last(name, op.axes)
        yield Variant(f"for the memory of {name}", in_memory, (name,), continues=True)
        yield Variant(f"for {name}, where its channels and sizes are all equal", alike, (name,), continues=True)
    if not op.by_weight:
        yield Variant("for the result", Edit(answer=(_written_as_channels_last,)), continues=True)


LAYOUT_MISREAD = Fault(
    slug="layout-misread",
    title="a channels-last layout is assumed",
    right="x is (N, C, *I), y is (N, M, *O)",
    broken="x is read, or y is written, as (N, *I, C)",
    reveals="x of (1, 4, 4, 4) with a ramp",
    hides="one channel",
    bugs=("huggingface/candle#3405", "ravin-d-27/PyDeepFlow#85"),
    variants=_ways_to_misread_the_layout,
)
