"""Faults of the outputs: how many there are, and which of them, or which of their products, are left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from conv_oracle.faults.axes import RARE_TILES, TILES, axis_name, comma_along, together_and_alone
from conv_oracle.faults.edits import RIGHT, Edit, Operands, without_reads
from conv_oracle.faults.fault import Fault, Variant
from conv_oracle.geometry import Geometry
from conv_oracle.index_map import OUTSIDE
from conv_oracle.operation import Operation
from conv_oracle.passes import Array
from conv_oracle.problem import Problem


def _ways_not_to_write(op: Operation) -> Iterator[Variant]:
    for axis in range(op.axes):
        for at, said in ((-1, "last"), (0, "first")):
            yield Variant(f"the {said} ones along {axis_name(axis, op.axes)}", without_reads(axis, outputs=at))


NOT_WRITTEN = Fault(
    slug="output-not-written",
    title="some outputs are never written",
    right=RIGHT,
    broken="the loop over o ends one early, or starts one late",
    reveals="any problem",
    hides="",
    bugs=("pytorch/pytorch#25101",),
    variants=_ways_not_to_write,
    in_a_sum=True,
)


def _ways_to_drop_one_product(_: Operation) -> Iterator[Variant]:
    names = {0: "first", -1: "last", None: "middle"}
    for output, tap in [(o, t) for o in names for t in names]:

        def change(positions: Array, _: Geometry, output: int | None = output, tap: int | None = tap) -> None:
            if positions.size:
                rows, columns = positions.shape
                positions[rows // 2 if output is None else output, columns // 2 if tap is None else tap] = OUTSIDE

        said = f"that of the {names[output]} output position with the {names[tap]} kernel element"
        yield Variant(said, Edit(positions=(change,)))


ONE_PRODUCT_DROPPED = Fault(
    slug="one-product-dropped",
    title="one product is left out",
    right=RIGHT,
    broken="one pair of position and kernel element is skipped",
    reveals="an input and a kernel without zeros",
    hides="problems where that element is padding",
    variants=_ways_to_drop_one_product,
    in_a_sum=True,
)


def _ways_to_drop_a_tail(op: Operation, tiles: Sequence[int] = TILES[1:]) -> Iterator[Variant]:
    for axis in range(op.axes):
        for tile in tiles:

            def change(tables: list[Array], g: Geometry, axis: int = axis, tile: int = tile) -> None:
                tables[axis][g.output_size[axis] // tile * tile :] = OUTSIDE

            yield Variant(f"those beyond a multiple of {tile} along {axis_name(axis, op.axes)}", Edit(tables=(change,)))


TILE_TAIL_DROPPED = Fault(
    slug="tile-tail-dropped",
    title="outputs after the last full tile are never written",
    right=RIGHT,
    broken="o runs to the last multiple of the tile",
    reveals="an extent that is no multiple of the tile",
    hides="multiples of the tile",
    bugs=("Tencent/ncnn#1891", "ROCm/MIOpen#100", "tenstorrent/tt-metal#44792"),
    variants=_ways_to_drop_a_tail,
    rare=lambda op: _ways_to_drop_a_tail(op, RARE_TILES),
    in_a_sum=True,
)


Size = Callable[[int, int, int, int], int]
"""(padded input, kernel, dilation, stride) -> outputs."""

WRONG_SIZES: Mapping[str, Size] = {
    "rounded up instead of down": lambda i, k, d, s: -(-(i - d * (k - 1) - 1) // s) + 1,
    "without the dilation": lambda i, k, _, s: (i - k) // s + 1,
    "with a kernel that spans d K": lambda i, k, d, s: (i - d * k) // s + 1,
    "with a kernel that spans d K - 1": lambda i, k, d, s: (i - max(d * k - 1, k)) // s + 1,
    "one too small": lambda i, k, d, s: (i - d * (k - 1) - 1) // s,
    "one too large": lambda i, k, d, s: (i - d * (k - 1) - 1) // s + 2,
}


def _ways_to_get_the_size_wrong(op: Operation) -> Iterator[Variant]:
    if not op.forward:
        return
    if op.transposed:
        for by, said in ((1, "one too small"), (-1, "one too large")):
            yield Variant(said, Edit(parameters=(_cropped(by),)))
        return
    for said, size in WRONG_SIZES.items():
        for axes in together_and_alone(op.axes):
            yield Variant(f"{said}{comma_along(axes, op.axes)}", _sized(size, axes))


def _sized(size: Size, axes: tuple[int, ...]) -> Edit:
    """Outputs that are too many read zeros beyond the padding; those that are too few are the first ones."""

    def wanted(p: Problem) -> list[int]:
        g = p.geometry
        steps = zip(g.input_size, g.padding, g.kernel_size, g.dilation, g.stride, g.output_size, strict=True)
        return [
            size(i + sum(sides), k, d, s) if axis in axes else o for axis, (i, sides, k, d, s, o) in enumerate(steps)
        ]

    def more(p: Problem) -> Problem:
        added = [max(n - o, 0) * s for n, o, s in zip(wanted(p), p.geometry.output_size, p.stride, strict=True)]
        return replace(p, padding=tuple((b, a + more) for (b, a), more in zip(p.geometry.padding, added, strict=True)))

    def fewer(p: Problem, _: Operands, found: Array) -> Array:
        for axis, n in enumerate(wanted(p), found.ndim - p.dimensions):
            found = found.take(np.arange(min(max(n, 0), found.shape[axis])), axis)
        return found

    return Edit(parameters=(more,), answer=(fewer,))


def _cropped(by: int) -> Callable[[Problem], Problem]:
    """A transposed convolution with so much more cropped from the end of every axis."""
    return lambda p: replace(p, padding=tuple((b, a + by) for b, a in p.geometry.padding))


SIZE_FORMULA_WRONG = Fault(
    slug="size-formula-wrong",
    title="the output size is computed wrongly",
    right="O = floor((I + p + q - d (K - 1) - 1) / s) + 1",
    broken="rounded up, or one more, or one less",
    reveals="a size that leaves a remainder: I = 6, K = 3, s = 2",
    hides="sizes without a remainder",
    bugs=("microsoft/onnxruntime#23403", "tensorflow/tensorflow#57128", "meta-pytorch/opacus#245"),
    variants=_ways_to_get_the_size_wrong,
)
