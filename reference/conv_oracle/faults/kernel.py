"""Faults of the kernel along its axes: flipped, transposed, an element short."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import reduce
from itertools import combinations

from conv_oracle.faults.axes import axis_name
from conv_oracle.faults.edits import RIGHT, Edit, Operands, without_reads
from conv_oracle.faults.fault import Fault, Variant
from conv_oracle.geometry import Geometry
from conv_oracle.operation import Operation
from conv_oracle.passes import Array
from conv_oracle.problem import Problem


def _flipped(axes: tuple[int, ...]) -> Edit:
    def change(tables: list[Array], _: Geometry) -> None:
        for axis in axes:
            tables[axis] = tables[axis][:, ::-1]

    return Edit(tables=(change,))


def _ways_to_flip(op: Operation) -> Iterator[Variant]:
    d = op.axes
    yield Variant("along every axis" if d > 1 else "", _flipped(tuple(range(d))), continues=True)
    for size in range(1, d):
        for axes in combinations(range(d), size):
            names = " and ".join(axis_name(a, d) for a in axes)
            yield Variant(f"along {names}", _flipped(axes), continues=True)


FLIPPED = Fault(
    slug="kernel-flipped",
    title="the kernel is read backwards",
    right=RIGHT,
    broken="y[o] = sum x[o*stride + k*dilation - padding] w[K-1-k]",
    reveals="any kernel that is not its own mirror image: w = [1, 2]",
    hides="symmetric and constant kernels, and 1x1",
    bugs=("bonsai-rx/bonsai#1761", "imagej/imagej-ops#611", "PTB-MR/mrpro#811"),
    variants=_ways_to_flip,
)


def _transposed(a: int, b: int) -> Edit:
    """The kernel with two axes exchanged, and a result that has its shape."""

    def swapped(p: Problem) -> Problem:
        w = list(p.weight_shape)
        w[2 + a], w[2 + b] = w[2 + b], w[2 + a]
        return replace(p, weight_shape=tuple(w))

    def operands(_: Problem, given: Operands) -> Operands:
        return {**given, "weight": given["weight"].swapaxes(2 + a, 2 + b)} if "weight" in given else given

    return Edit(parameters=(swapped,), operands=(operands,))


def _result_transposed(a: int, b: int) -> Edit:
    return Edit(answer=(lambda _, __, found: found.swapaxes(2 + a, 2 + b),))


def _transposed_in_memory(a: int, b: int) -> Edit:
    def operands(_: Problem, given: Operands) -> Operands:
        w = given["weight"]
        shape = list(w.shape)
        shape[2 + a], shape[2 + b] = shape[2 + b], shape[2 + a]
        return {**given, "weight": w.reshape(shape).swapaxes(2 + a, 2 + b)}

    return Edit(operands=(operands,))


def _ways_to_exchange_axes(op: Operation) -> Iterator[Variant]:
    for a, b in combinations(range(op.axes), 2):
        said, whole = f"{axis_name(a, op.axes)} and {axis_name(b, op.axes)}", _transposed(a, b)
        yield Variant(said, whole.then(_result_transposed(a, b)) if op.by_weight else whole)
        if not op.by_weight:
            yield Variant(f"{said}, by misreading its memory", _transposed_in_memory(a, b), ("weight",))


AXES_EXCHANGED = Fault(
    slug="kernel-axes-exchanged",
    title="the kernel's axes are exchanged",
    right="y[i, j] = sum x[i + k, j + l] w[k, l]",
    broken="y[i, j] = sum x[i + k, j + l] w[l, k]",
    reveals="a kernel that is not its own transpose",
    hides="kernels that are; 1-D",
    bugs=("mlpack/mlpack#3376", "kornia/kornia#709", "robertknight/rten#1399"),
    variants=_ways_to_exchange_axes,
)


def _ways_to_drop_an_element(op: Operation) -> Iterator[Variant]:
    for axis in range(op.axes):
        for at, said in ((-1, "last"), (0, "first")):
            yield Variant(f"the {said} one along {axis_name(axis, op.axes)}", without_reads(axis, taps=at))
    if op.axes > 1:
        every = reduce(Edit.then, (without_reads(axis, taps=-1) for axis in range(op.axes)))
        yield Variant("the last one along every axis", every)


ELEMENT_DROPPED = Fault(
    slug="kernel-element-dropped",
    title="a kernel element is never used",
    right=RIGHT,
    broken="the sum over k ends one early, or starts one late",
    reveals="a kernel longer than 1 without zeros",
    hides="1x1 kernels, where a loop still runs once",
    variants=_ways_to_drop_an_element,
)
