"""Ways to compute with a right index map that are wrong in one contraction, or in one operation."""

# A fault takes what the right function takes, and forgets some of it.
# ruff: noqa: ARG002

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from conv_oracle.formulas import definition
from conv_oracle.geometry import Geometry
from conv_oracle.passes import Array, DoubleBackward, Passes
from conv_oracle.truth import fast

# One contraction wrong


def with_contraction(**wrong: Callable[[Array, Array, Geometry], Array]) -> Passes:
    return replace(fast, **wrong)


def flipped(array: Array) -> Array:
    return np.ascontiguousarray(np.flip(array, tuple(range(2, array.ndim))))


def leak(array: Array) -> Array:
    """A result whose second example holds a bit of the first."""
    if len(array) > 1:
        array = array.copy()
        array[1] += array[0]
    return array


def clamped(array: Array) -> Array:
    return np.clip(array, -100, 100) if array.dtype.kind == "f" else array


def first_example(x: Array, y: Array, g: Geometry) -> Array:
    return fast.to_weight(x[:1], y[:1], replace(g, batch=min(1, g.batch)))


def swapped_axes(array: Array) -> Array:
    return array.swapaxes(-1, -2).reshape(array.shape) if array.ndim > 3 else array


# One operation wrong


class SameOddBefore(Passes):
    def conv(self, input, weight, bias=None, **parameters):
        if parameters.get("padding") == "same":
            spans = [d * (k - 1) for d, k in zip(parameters["dilation"], weight.shape[2:], strict=True)]
            parameters["padding"] = [(t - t // 2, t // 2) for t in spans]
        return super().conv(input, weight, bias, **parameters)


class NoBias(Passes):
    def conv(self, input, weight, bias=None, **parameters):
        del bias
        return super().conv(input, weight, **parameters)


class BiasPerGroup(Passes):
    def conv(self, input, weight, bias=None, **parameters):
        if bias is not None:
            per_group = len(bias) // parameters["groups"]
            bias = np.tile(bias[:per_group], parameters["groups"])
        return super().conv(input, weight, bias, **parameters)


class BiasReversed(Passes):
    def conv(self, input, weight, bias=None, **parameters):
        return super().conv(input, weight, None if bias is None else bias[::-1], **parameters)


class BiasMean(Passes):
    def conv_bias(self, grad_output, *, dimensions):
        total = super().conv_bias(grad_output, dimensions=dimensions)
        return total / np.asarray(grad_output.dtype.type(max(1, grad_output.size // max(1, len(total)))))


class BiasOfFirstExample(Passes):
    def conv_bias(self, grad_output, *, dimensions):
        one = grad_output[:1] if grad_output.ndim == dimensions + 2 else grad_output
        return super().conv_bias(one, dimensions=dimensions)


class NoConjugateInput(Passes):
    def conv_input(self, input_size, weight, grad_output, **parameters):
        return super().conv_input(input_size, np.conjugate(weight), grad_output, **parameters)


class NoConjugateWeight(Passes):
    def conv_weight(self, input, weight_size, grad_output, **parameters):
        return super().conv_weight(np.conjugate(input), weight_size, grad_output, **parameters)


class TransposeConjugates(Passes):
    def conv_transpose(self, input, weight, bias=None, **parameters):
        return super().conv_transpose(input, np.conjugate(weight), bias, **parameters)


class TransposeFlips(Passes):
    def conv_transpose(self, input, weight, bias=None, **parameters):
        return super().conv_transpose(input, flipped(weight), bias, **parameters)


class OutputPaddingIgnored(Passes):
    def conv_transpose(self, input, weight, bias=None, **parameters):
        return super().conv_transpose(input, weight, bias, **(parameters | {"output_padding": 0}))


class OutputPaddingBefore(Passes):
    """The right size, but the rows that output_padding adds come first."""

    def conv_transpose(self, input, weight, bias=None, **parameters):
        y = super().conv_transpose(input, weight, bias, **parameters)
        axes = tuple(range(-len(parameters["stride"]), 0))
        return np.roll(y, parameters["output_padding"], axes)


class DoubleTermsExchanged(Passes):
    """The operands where their cotangents belong."""

    def conv_double_backward(self, input, weight, grad_output, vx, vw, vb=None, **parameters):
        by = super().conv_double_backward(input, weight, grad_output, vx, vw, vb, **parameters)
        return by._replace(
            input=super().conv_input(input.shape, weight, grad_output, **parameters),
            weight=super().conv_weight(input, weight.shape, grad_output, **parameters),
        )


class DoubleTermMissing(Passes):
    def conv_double_backward(self, input, weight, grad_output, vx, vw, vb=None, **parameters):
        by = super().conv_double_backward(input, weight, grad_output, vx, vw, vb, **parameters)
        return by._replace(grad_output=self.conv(vx, weight, vb, **parameters))


class DoubleBiasMissing(Passes):
    def conv_double_backward(self, input, weight, grad_output, vx, vw, vb=None, **parameters):
        return super().conv_double_backward(input, weight, grad_output, vx, vw, None, **parameters)


class DoubleTransposedMissing(Passes):
    def conv_transpose_double_backward(self, input, weight, grad_output, vx, vw, vb=None, **parameters):
        by = super().conv_transpose_double_backward(input, weight, grad_output, vx, vw, vb, **parameters)
        return DoubleBackward(by.input, by.weight, self.conv_transpose(input, vw, vb, **parameters))


class Wide(Passes):
    def conv(self, input, weight, bias=None, **parameters):
        return super().conv(input, weight, bias, **parameters).astype(np.result_type(weight, np.float64))


class Saturates(Passes):
    def conv(self, input, weight, bias=None, **parameters):
        result = super().conv(input, weight, bias, **parameters)
        if result.dtype.kind not in "iu":
            return result
        limits = np.iinfo(result.dtype)
        exact = definition.conv(input.astype(object), weight.astype(object), **parameters)
        return np.clip(exact, limits.min, limits.max).astype(result.dtype)


class AlwaysBatched(Passes):
    def conv(self, input, weight, bias=None, **parameters):
        result = super().conv(input, weight, bias, **parameters)
        return result if result.ndim == weight.ndim else result[None]


class EmptyBatchRefused(Passes):
    def conv(self, input, weight, bias=None, **parameters):
        if 0 in input.shape:
            raise ValueError("an empty batch")
        return super().conv(input, weight, bias, **parameters)


def with_operations(operations: type[Passes]) -> Passes:
    return operations(fast.to_output, fast.to_input, fast.to_weight)
