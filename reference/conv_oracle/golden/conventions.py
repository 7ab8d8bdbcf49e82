"""The answers that are right by one convention or another, where PyTorch's does not settle it for everyone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from conv_oracle.formulas import definition
from conv_oracle.formulas.discrete import convolution_positions, convolve, correlation_lags, cross_correlate
from conv_oracle.geometry import Pair, conv_output_size, conv_transpose_output_size, kernel_span, same_padding
from conv_oracle.passes import Array
from conv_oracle.problem import Problem


@dataclass(frozen=True)
class Convention:
    """One way to answer a problem: another problem (None: a refusal), perhaps with another weight."""

    comment: str
    problem: Callable[[Problem], Problem | None] = lambda problem: problem
    weight: Callable[[Array], Array] = lambda weight: weight
    empty: bool = False

    def output_shape(self, problem: Problem) -> tuple[int, ...] | None:
        """The shape of this convention's answer, None for a refusal."""
        if self.empty:
            return _empty_shape(problem)
        other = self.problem(problem)
        return None if other is None else other.output_shape

    def answer(self, problem: Problem, operands: Mapping[str, Array]) -> Array | None:
        """This convention's answer for the operands, None for a refusal."""
        if self.empty:
            return np.zeros(_empty_shape(problem), np.int64)
        other = self.problem(problem)
        if other is None:
            return None
        return other.compute(definition, {**operands, "weight": self.weight(operands["weight"])})


def _one_sided(problem: Problem, *, odd_after: bool) -> Problem:
    """'same' with any stride: the least padding that gives ceil(I / stride) outputs, split in halves."""
    pairs = []
    for i, k, s, d in zip(
        problem.input_shape[-problem.dimensions :],
        problem.weight_shape[2:],
        problem.stride,
        problem.dilation,
        strict=True,
    ):
        total = max(0, (-(-i // s) - 1) * s + kernel_span(k, d) - i)
        pairs.append((total // 2, total - total // 2) if odd_after else (total - total // 2, total // 2))
    return replace(problem, padding=tuple(pairs))


def _as_at_stride_one(problem: Problem) -> Problem:
    pairs: tuple[Pair, ...] = tuple(map(same_padding, problem.weight_shape[2:], problem.dilation))
    return replace(problem, padding=pairs)


def _flipped(weight: Array) -> Array:
    return np.flip(weight, axis=tuple(range(2, weight.ndim)))


def _empty_shape(problem: Problem) -> tuple[int, ...]:
    """(N, M, *O) where the size's formula has no output on some axis: none there."""
    size = problem.input_shape[-problem.dimensions :]
    sides = [(0, 0)] * problem.dimensions if isinstance(problem.padding, str) else problem.padding
    axes = zip(size, problem.weight_shape[2:], problem.stride, sides, problem.dilation, strict=True)
    if problem.transposed:
        lengths = [
            conv_transpose_output_size(i, k, s, before, after, extra, d)
            for (i, k, s, (before, after), d), extra in zip(axes, problem.output_padding, strict=True)
        ]
        channels = problem.weight_shape[1] * problem.groups
    else:
        lengths = [conv_output_size(i, k, s, before, after, d) for i, k, s, (before, after), d in axes]
        channels = problem.weight_shape[0]
    return (*problem.input_shape[: -problem.dimensions - 1], channels, *(max(0, length) for length in lengths))


CONVENTIONS: dict[str, Convention] = {
    "refused": Convention("No answer, but a refusal.", lambda _: None),
    "empty": Convention("An array without elements, a size below zero counted as zero.", empty=True),
    "correlation": Convention("The kernel as it is: PyTorch, ONNX and all of deep learning."),
    "convolution": Convention("The kernel flipped on every axis: the mathematician's.", weight=_flipped),
    "conjugated-correlation": Convention("The weight conjugated: numpy.correlate, scipy.signal.", weight=np.conjugate),
    "same-upper": Convention(
        "The odd zero goes after: PyTorch at stride 1, TensorFlow, ONNX SAME_UPPER.",
        lambda problem: _one_sided(problem, odd_after=True),
    ),
    "same-lower": Convention(
        "The odd zero goes before: ONNX SAME_LOWER.", lambda problem: _one_sided(problem, odd_after=False)
    ),
    "same-at-stride-one": Convention(
        "Padded as at stride 1, then every stride-th output: half the kernel on each side.", _as_at_stride_one
    ),
}

Combine = Callable[[Sequence[int], Sequence[int], str], tuple[Array, int]]


@dataclass(frozen=True)
class SequenceConvention:
    """One way to combine two sequences: the result, and the position of its first element."""

    comment: str
    combine: Combine


def combine(operation: str) -> Combine:
    """The definition of `convolve` or `cross_correlate`, with the position of the first element."""
    form, positions = {
        "convolve": (convolve, convolution_positions),
        "cross_correlate": (cross_correlate, correlation_lags),
    }[operation]

    def combined(f: Sequence[int], g: Sequence[int], mode: str) -> tuple[Array, int]:
        result = form(np.array(f, np.int64), np.array(g, np.int64), mode)
        return result, positions((len(f),), (len(g),), mode)[0].start

    return combined


def _middle(length: Callable[[int, int], int], *, rounded_up: bool) -> Combine:
    def combined(f: Sequence[int], g: Sequence[int], mode: str) -> tuple[Array, int]:
        del mode
        full: Array = convolve(np.array(f, np.int64), np.array(g, np.int64))
        size = length(len(f), len(g))
        start = (full.size - size + rounded_up) // 2
        return full[start : start + size], start

    return combined


def _exchanged(f: Sequence[int], g: Sequence[int], mode: str) -> tuple[Array, int]:
    return combine("cross_correlate")(g, f, mode)


SEQUENCE_CONVENTIONS: dict[str, SequenceConvention] = {
    "middle-rounded-down": SequenceConvention("NumPy and SciPy.", _middle(max, rounded_up=False)),
    "middle-rounded-up": SequenceConvention("MATLAB.", _middle(max, rounded_up=True)),
    "as-long-as-the-longer": SequenceConvention("NumPy.", _middle(max, rounded_up=False)),
    "as-long-as-the-first": SequenceConvention("SciPy.", _middle(lambda n, _: n, rounded_up=False)),
    "first-slides": SequenceConvention("The lecture note's: the sum of f(a) g(i + a).", combine("cross_correlate")),
    "second-slides": SequenceConvention("numpy.correlate: the sum of f(i + a) g(a).", _exchanged),
}
