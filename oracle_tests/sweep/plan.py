"""The plan of the sweep: which problems each test node holds. Names first, problems when a node runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

from conv_oracle.problem import Problem
from conv_oracle.space import (
    BATCHES,
    CHANNELS,
    DILATIONS,
    FAMILIES,
    KERNELS,
    SIZES,
    STRIDES,
    AxisSetting,
    Channels,
    Family,
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


def nodes() -> list[Node]:
    """The whole sweep against torch, the long nodes first so that the workers end together."""
    return [*_covering(), *_one_axis(reversed(FAMILIES)), *_lopsided(), *_modes()]


def _one_axis(families: Iterator[Family]) -> Iterator[Node]:
    for family in families:
        for dtype, patterns, batches in (
            ("float64", CHANNELS, (*BATCHES, None)),
            ("float32", CHANNELS, BATCHES),
            ("complex128", CHANNELS[3:4], (2,)),
            ("complex128", CHANNELS[7:8], (1,)),
            ("complex64", CHANNELS[1:2], (3,)),
            ("complex64", CHANNELS[4:5], (None,)),
        ):
            for pattern, batch in product(patterns, batches):
                # oneDNN builds a primitive per shape, 0.1 ms each: it gets one pattern.
                onednn = dtype == "float32" and pattern == CHANNELS[4] and batch == 2
                yield Node(
                    f"one-axis-{family}-{dtype}-{_title(pattern)}-{_batch(batch)}{'-onednn' * onednn}",
                    lambda family=family, dtype=dtype, pattern=pattern, batch=batch: one_axis_problems(
                        family, channels=[pattern], batches=[batch], dtype=dtype
                    ),
                    onednn,
                )


def _lopsided() -> Iterator[Node]:
    """Every padding on one axis that differs between its sides."""
    for family, pattern, batch in product(FAMILIES, (CHANNELS[3], CHANNELS[7]), (1, 2)):
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
    for dimensions, family, dtype in product(
        (3, 2, 1), FAMILIES, ("complex64", "complex128", "float32", "float64")
    ):
        yield Node(
            f"covering-{family}{dimensions}d-{dtype}",
            lambda family=family, dimensions=dimensions, dtype=dtype: covering_problems(
                family, dimensions, wider=True, dtype=dtype
            ),
            onednn=dtype == "float32" or (dtype == "complex64" and dimensions == 2),
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
