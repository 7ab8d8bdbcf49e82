"""Faults of the batch: examples that are mixed up, left out, or not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from conv_oracle.faults.axes import RARE_TILES, TILES
from conv_oracle.faults.edits import Edit, Operands
from conv_oracle.faults.fault import Fault, Variant
from conv_oracle.operation import Operation
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

Examples = Callable[[int], int | slice]
"""Some examples of a batch, by its size."""


def _beyond(most: int) -> Examples:
    return lambda _: slice(most, None)


def _after_whole(tile: int) -> Examples:
    return lambda batch: slice(batch // tile * tile, None)


def _zero(which: Examples) -> Edit:
    """Some examples' results are zero."""

    def answer(p: Problem, _: Operands, found: Array) -> Array:
        found = found.copy()
        if p.batched and len(found):
            found[which(len(found))] = 0
        return found

    return Edit(answer=(answer,))


def _of_the_first(which: Examples) -> Edit:
    """Some examples get the result of the first."""

    def answer(p: Problem, _: Operands, found: Array) -> Array:
        found = found.copy()
        if p.batched and len(found):
            found[which(len(found))] = found[0]
        return found

    return Edit(answer=(answer,))


def _first_for_all(name: str) -> Edit:
    """Every example of an operand is the first one."""

    def operands(p: Problem, given: Operands) -> Operands:
        if not p.batched or not len(given[name]):
            return given
        return {**given, name: np.repeat(given[name][:1], len(given[name]), axis=0)}

    return Edit(operands=(operands,))


def _not_counted(others: slice) -> Edit:
    """Some examples' input is zero: they count for nothing in a weight gradient."""

    def operands(_: Problem, given: Operands) -> Operands:
        x = given["input"].copy()
        x[others] = 0
        return {**given, "input": x}

    return Edit(operands=(operands,))


def _channels_first(p: Problem, _: Operands, found: Array) -> Array:
    return found.swapaxes(0, 1).reshape(found.shape) if p.batched else found


def _ways_to_mix_examples(op: Operation) -> Iterator[Variant]:
    if op.by_weight:
        yield Variant("only the first one counts", _not_counted(slice(1, None)))
        yield Variant("only the last one counts", _not_counted(slice(None, -1)))
        yield Variant("the input of the first is used for all", _first_for_all("input"), ("input",))
        return
    yield Variant("all get the result of the first", _first_for_all("grad_output" if op.by_input else "input"))
    yield Variant("the result is laid out as (channels, examples)", Edit(answer=(_channels_first,)))
    for tile in TILES[1:]:
        yield Variant(f"those beyond a multiple of {tile} are zero", _zero(_after_whole(tile)))
    yield Variant("the last one is zero", _zero(lambda _: -1))
    yield Variant("all but the first are zero", _zero(lambda _: slice(1, None)))
    yield Variant("the first one is zero", _zero(lambda _: 0))
    for most in (65535, 65536, 1024, 128, 32, 16):
        yield Variant(f"those beyond {most} are zero", _zero(_beyond(most)))


def _rare_ways_to_mix_examples(op: Operation) -> Iterator[Variant]:
    if not op.by_weight:
        for most in (*RARE_TILES, *range(65, 140), 255, 256, 257, 512, 2048, 4096):
            yield Variant(f"those beyond {most} get the result of the first", _of_the_first(_beyond(most)))


BATCH_OFFSET_WRONG = Fault(
    slug="batch-offset-wrong",
    title="examples of the batch are mixed up or left out",
    right="y[n] depends on x[n]",
    broken="y[n] depends on x[0], or stays empty",
    reveals="batch 2 with different examples",
    hides="batch 1",
    bugs=("BVLC/caffe#3095", "tensorflow/tensorflow#9870", "ggml-org/ggml#993"),
    variants=_ways_to_mix_examples,
    rare=_rare_ways_to_mix_examples,
    in_a_sum=True,
)


def _no_bias(p: Problem, given: Operands) -> Operands:
    return given if p.batched or "bias" not in given else {**given, "bias": given["bias"] * 0}


def _interleaved(p: Problem, given: Operands) -> Operands:
    x = given["input"]
    if p.batched or p.groups == 1:
        return given
    mixed = x.reshape(-1, p.groups, *x.shape[1:]).swapaxes(0, 1).reshape(x.shape)
    return {**given, "input": mixed}


def _with_a_batch(p: Problem, _: Operands, found: Array) -> Array:
    return found if p.batched else found[None]


def _ways_to_mishandle_unbatched(op: Operation) -> Iterator[Variant]:
    if op.forward:
        yield Variant("it gets no bias", Edit(operands=(_no_bias,)), ("bias",))
        yield Variant("its channels are interleaved across the groups", Edit(operands=(_interleaved,)))
        yield Variant("its result has a batch axis", Edit(answer=(_with_a_batch,)))


UNBATCHED_MISHANDLED = Fault(
    slug="unbatched-mishandled",
    title="an unbatched input is not treated as a batch of one",
    right="x (C, *I) gives y (M, *O), which is that of x[None] without its batch",
    broken="the channels are taken for a batch, the bias is left out, or y keeps the batch",
    reveals="x without a batch, with a bias and groups",
    hides="a batch, as most callers have",
    bugs=("pytorch/pytorch#185352", "flagos-ai/FlagGems#1776"),
    variants=_ways_to_mishandle_unbatched,
)
