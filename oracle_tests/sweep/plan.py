"""The plan of the sweep: which problems each test node holds. Names first, problems when a node runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

from conv_oracle.operation import FAMILIES, Family
from conv_oracle.problem import Problem
from conv_oracle.space import (
    BATCHES,
    CHANNELS,
    DILATIONS,
    KERNELS,
    SIZES,
    STRIDES,
    AxisSetting,
    Channels,
    compose,
    covering_problems,
    one_axis_problems,
    solvable,
)


@dataclass(frozen=True)
class Node:
    """Some hundreds or thousands of problems under one name."""

    name: str
    problems: Callable[[], Iterator[Problem]]
    onednn: bool = False
    large: bool = False
    """Whether the fast form is told to treat every problem as a large one, and to work in small blocks."""


def nodes() -> list[Node]:
    """The whole sweep against torch, the long nodes first so that the workers end together."""
    return [*_lopsided(), *_covering(), *_modes(), *_one_axis()]


def _one_axis() -> Iterator[Node]:
    for family in reversed(FAMILIES):
        for dtype, patterns, batches in (
            ("float64", CHANNELS, (*BATCHES, None)),
            ("float32", CHANNELS, BATCHES),
            ("float32", CHANNELS[:3], (None,)),
            # torch makes a complex convolution of three real ones.
            ("complex128", CHANNELS[2:3], (1,)),
            ("complex64", CHANNELS[4:5], (2,) if family == "conv" else ()),
        ):
            for pattern, batch in product(patterns, batches):
                # oneDNN builds primitives for every shape, a millisecond of them: it gets one pattern, one way.
                onednn = (family, dtype, pattern, batch) == ("conv", "float32", CHANNELS[4], 2)
                large = dtype == "float32" and (pattern == CHANNELS[3] or (pattern, batch) == (CHANNELS[7], 3))
                how = f"{'-onednn' * onednn}{'-large' * large}"
                yield Node(
                    f"one-axis-{family}-{dtype}-{_title(pattern)}-{_batch(batch)}{how}",
                    lambda family=family, dtype=dtype, pattern=pattern, batch=batch: one_axis_problems(
                        family, channels=[pattern], batches=[batch], dtype=dtype
                    ),
                    onednn,
                    large,
                )


def _lopsided() -> Iterator[Node]:
    """Every padding on one axis that differs between its sides."""
    for family, pattern, batch in product(reversed(FAMILIES), (CHANNELS[3], CHANNELS[7]), (1, 2)):
        if family == "conv" or batch == 2:
            yield Node(
                f"asymmetric-{family}-{_title(pattern)}-{_batch(batch)}",
                lambda family=family, pattern=pattern, batch=batch: one_axis_with_padding(
                    family, pattern, batch, "zeros", lambda before, after: before != after
                ),
            )


def _modes() -> Iterator[Node]:
    """Every padding mode on one axis, with every padding on either side."""
    for mode, pattern in product(("reflect", "replicate", "circular"), (CHANNELS[1], CHANNELS[3], CHANNELS[7])):
        yield Node(
            f"mode-{mode}-{_title(pattern)}",
            lambda mode=mode, pattern=pattern: one_axis_with_padding(
                "conv", pattern, 2, mode, lambda before, after: before + after > 0
            ),
        )


def _covering() -> Iterator[Node]:
    for dimensions, family, dtype in product((3, 2, 1), FAMILIES, ("complex64", "complex128", "float32", "float64")):
        large = dtype == "float64" or (dtype == "complex64" and dimensions < 3)
        yield Node(
            f"covering-{family}{dimensions}d-{dtype}{'-large' * large}",
            lambda family=family, dimensions=dimensions, dtype=dtype: covering_problems(
                family, dimensions, wider=True, dtype=dtype
            ),
            onednn=dtype == "float32",
            large=large,
        )


def one_axis_with_padding(
    family: Family, pattern: Channels, batch: int, mode: str, wanted: Callable[[int, int], bool]
) -> Iterator[Problem]:
    """Every setting of one axis whose (before, after) is wanted and has a solution."""
    for size, kernel, stride, dilation in product(SIZES, KERNELS, STRIDES, DILATIONS):
        for before, after in product(range(kernel + 2), repeat=2):
            if wanted(before, after):
                for extra in range(max(stride, dilation) if family == "conv_transpose" else 1):
                    axis = AxisSetting(size, kernel, stride, (before, after), dilation, extra)
                    problem = compose(family, [axis], pattern, batch, padding_mode=mode)
                    if solvable(problem):
                        yield problem


def _title(pattern: Channels) -> str:
    return f"{pattern.inputs}to{pattern.outputs}g{pattern.groups}"


def _batch(batch: int | None) -> str:
    return "unbatched" if batch is None else f"batch{batch}"
