"""Faults of the parameters: one axis's value on another, a value that is ignored or misread, two that are exchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any

from conv_oracle.faults.axes import axis_name, together_and_alone
from conv_oracle.faults.edits import RIGHT, Edit, Setting
from conv_oracle.faults.fault import Fault, Variant, Ways
from conv_oracle.geometry import Geometry
from conv_oracle.operation import Operation
from conv_oracle.problem import Problem

Values = Callable[[list[Any]], list[Any]]
"""A parameter's values per axis, and what they become."""

PARAMETERS = ("stride", "padding", "dilation", "output_padding")
SETTINGS = {"stride": "stride", "padding": "before", "dilation": "dilation"}
"""What a table's setting calls a parameter."""

IN_READS, THROUGHOUT = "when reading, but not in the output size", "throughout"


def _has(op: Operation, name: str) -> bool:
    return name in (PARAMETERS if op.transposed else PARAMETERS[:3])


def _changed(name: str, values: Values, op: Operation, said: str = "", *, continues: bool = True) -> Iterator[Variant]:
    """A parameter's values per axis, changed in what is read, and changed throughout, the result's size with it."""

    def throughout(p: Problem) -> Problem:
        given = getattr(p, name)
        changed: dict[str, Any] = {name: tuple(values(list(given)))} if not isinstance(given, str) else {}
        return replace(p, **changed)

    def reads(settings: list[Setting], _: Geometry) -> None:
        key = SETTINGS[name]
        for setting, value in zip(settings, values([s[key] for s in settings]), strict=True):
            setting[key] = value

    if name in SETTINGS:
        yield Variant(f"{said}{IN_READS}", Edit(settings=(reads,)), continues=continues)
    if op.forward:
        yield Variant(f"{said}{THROUGHOUT}", Edit(parameters=(throughout,)), continues=continues)


def _swapped(a: int, b: int) -> Values:
    def change(values: list[Any]) -> list[Any]:
        values[a], values[b] = values[b], values[a]
        return values

    return change


def _rotated(by: int) -> Values:
    return lambda values: values[-by:] + values[:-by]


def _padded_by_sides(order: int) -> Callable[[Problem], Problem]:
    def change(p: Problem) -> Problem:
        sides = p.geometry.padding
        if isinstance(p.padding, str) or any(before != after for before, after in sides):
            return p
        before, after = (side for side, _ in sides[::order])
        return replace(p, padding=((before, after),) * 2)

    return change


def _ways_to_exchange_axes(name: str) -> Ways:
    def ways(op: Operation) -> Iterator[Variant]:
        d = op.axes
        if not _has(op, name):
            return
        for by, said in ((1, "before"), (-1, "after")) if d > 2 else ():
            yield from _changed(
                name, _rotated(by), op, f"each axis takes that of the axis {said} it, ", continues=False
            )
        if name == "padding" and d == 2 and op.forward:
            for order, said in ((1, "(before, after)"), (-1, "(after, before)")):
                edit = Edit(parameters=(_padded_by_sides(order),))
                yield Variant(f"the two values are read as {said} of every axis", edit)
        for a, b in combinations(range(d), 2):
            between = f"between {axis_name(a, d)} and {axis_name(b, d)}, " if d > 2 else ""
            yield from _changed(name, _swapped(a, b), op, between)

    return ways


AXES_EXCHANGED = tuple(
    Fault(
        slug=f"{name.replace('_', '-')}-axes-exchanged",
        title=f"the {name} values of the axes are exchanged",
        right=RIGHT,
        broken=f"the {name} of one axis is used on another",
        reveals=f"a {name} that differs between the axes",
        hides="equal values, as most tests have; 1-D",
        bugs=bugs,
        variants=_ways_to_exchange_axes(name),
        parameters=(name,),
    )
    for name, bugs in (
        ("stride", ("apache/mxnet#2365", "mlpack/mlpack#3146", "autogluon/autogluon#438")),
        ("padding", ("pytorch/pytorch#37844", "tensorflow/tensorflow#24151", "DingXiaoH/DiverseBranchBlock#26")),
        ("dilation", ("deeplearning4j/nd4j#2457", "tinygrad/tinygrad#17805", "Tencent/ncnn#1494")),
        ("output_padding", ("mila-iqia/myia#338",)),
    )
)


def _repeated(axis: int) -> Values:
    return lambda values: [values[axis]] * len(values)


def _ways_to_use_one_for_all(name: str) -> Ways:
    def ways(op: Operation) -> Iterator[Variant]:
        if _has(op, name) and op.axes > 1:
            for axis in (0, op.axes - 1):
                said = f"that of {axis_name(axis, op.axes)}, "
                yield from _changed(name, _repeated(axis), op, said, continues=False)

    return ways


OF_ONE_AXIS_FOR_ALL = tuple(
    Fault(
        slug=f"{name}-of-one-axis-for-all",
        title=f"the {name} of one axis is used for all of them",
        right=RIGHT,
        broken=f"{name}[0] on every axis, or {name}[-1]",
        reveals=f"a {name} that differs between the axes",
        hides="equal values; 1-D",
        bugs=bugs,
        variants=_ways_to_use_one_for_all(name),
        parameters=(name,),
    )
    for name, bugs in (
        ("stride", ("PaddlePaddle/Paddle#20997", "apache/mxnet#4704")),
        ("padding", ()),
        ("dilation", ("tensorflow/tensorflow#55799",)),
    )
)


def _ways_to_ignore(name: str, default: int) -> Ways:
    def ways(op: Operation) -> Iterator[Variant]:
        for axes in together_and_alone(op.axes):

            def values(given: list[Any], axes: tuple[int, ...] = axes) -> list[Any]:
                neutral = (default, default) if given and isinstance(given[0], tuple) else default
                return [neutral if a in axes else value for a, value in enumerate(given)]

            said = f"along {axis_name(axes[0], op.axes)} only, " if len(axes) < op.axes else ""
            yield from _changed(name, values, op, said)

    return ways


STRIDE_IGNORED = Fault(
    slug="stride-ignored",
    title="the stride is ignored",
    right=RIGHT,
    broken="y[o] = sum x[o + k*dilation - padding] w[k]",
    reveals="stride 2, and more than one output",
    hides="stride 1, and single outputs",
    bugs=("tinygrad/tinygrad#823",),
    variants=_ways_to_ignore("stride", 1),
    parameters=("stride",),
)

DILATION_IGNORED = Fault(
    slug="dilation-ignored",
    title="the dilation is ignored",
    right=RIGHT,
    broken="y[o] = sum x[o*stride + k - padding] w[k]",
    reveals="dilation 2 and a kernel longer than 1",
    hides="dilation 1, 1x1 kernels",
    bugs=("tensorflow/tensorflow#18454", "tensorflow/tensorflow#21598", "AlexeyAB/darknet#4836"),
    variants=_ways_to_ignore("dilation", 1),
    parameters=("dilation",),
)

PADDING_IGNORED = Fault(
    slug="padding-ignored",
    title="the padding is ignored",
    right=RIGHT,
    broken="y[o] = sum x[o*stride + k*dilation] w[k]",
    reveals="padding 1",
    hides="padding 0",
    bugs=("microsoft/onnxruntime#4698", "pytorch/pytorch#29712"),
    variants=_ways_to_ignore("padding", 0),
    parameters=("padding",),
)


def _ways_to_change_dilation(change: Callable[[int], int]) -> Ways:
    return lambda op: _changed("dilation", lambda given: list(map(change, given)), op)


DILATION_APPLIED_TWICE = Fault(
    slug="dilation-applied-twice",
    title="the dilation is applied twice",
    right=RIGHT,
    broken="y[o] = sum x[o*stride + k*dilation^2 - padding] w[k]",
    reveals="dilation 2 and a kernel longer than 1",
    hides="dilation 1, 1x1 kernels",
    bugs=("root-project/root#22474",),
    variants=_ways_to_change_dilation(lambda d: d * d),
    parameters=("dilation",),
)

DILATION_COUNTS_HOLES = Fault(
    slug="dilation-counts-holes",
    title="the dilation is taken as the number of holes between kernel elements",
    right=RIGHT,
    broken="y[o] = sum x[o*stride + k*(dilation + 1) - padding] w[k]",
    reveals="any kernel longer than 1",
    hides="1x1 kernels",
    variants=_ways_to_change_dilation(lambda d: d + 1),
    parameters=("dilation",),
)


def _ways_to_exchange_stride_and_dilation(op: Operation) -> Iterator[Variant]:
    def throughout(p: Problem) -> Problem:
        return replace(p, stride=p.dilation, dilation=p.stride)

    def reads(settings: list[Setting], _: Geometry) -> None:
        for setting in settings:
            setting["stride"], setting["dilation"] = setting["dilation"], setting["stride"]

    yield Variant(IN_READS, Edit(settings=(reads,)), continues=True)
    if op.forward:
        yield Variant(THROUGHOUT, Edit(parameters=(throughout,)), continues=True)


STRIDE_AND_DILATION_EXCHANGED = Fault(
    slug="stride-and-dilation-exchanged",
    title="stride and dilation are exchanged",
    right=RIGHT,
    broken="y[o] = sum x[o*dilation + k*stride - padding] w[k]",
    reveals="stride 2 with dilation 1 or 3",
    hides="equal values",
    bugs=("huggingface/candle#2337", "iree-org/iree-turbine#1223"),
    variants=_ways_to_exchange_stride_and_dilation,
    parameters=("stride", "dilation"),
)
