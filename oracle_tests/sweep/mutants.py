"""Planted faults: ways of computing that are wrong in one thing, and the part of the suite that each must not survive.

They enter where a real fault would: in the index map's tables, its terms, a contraction, or an operation.
"""

# A fault takes what the right function takes, and forgets some of it.
# ruff: noqa: ARG002, ARG005

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import numpy as np

from conv_oracle import index_map
from conv_oracle.formulas import contraction, definition
from conv_oracle.geometry import Geometry
from conv_oracle.index_map import OUTSIDE, Table, axis_table, terms
from conv_oracle.passes import Array, DoubleBackward, Passes
from conv_oracle.truth import fast


@dataclass(frozen=True)
class Mutant:
    """A fault, the way of computing that has it, and the part that kills it."""

    name: str
    killer: str
    passes: Passes


# The index map's tables: the definition with a wrong axis_table


def _tabled(fault: Callable[..., Table]) -> Passes:
    return _definition_with(lambda: patch.object(index_map, "axis_table", fault))


def _definition_with(fault: Callable[[], Any]) -> Passes:
    def broken(contract: Callable[..., Array]) -> Callable[..., Array]:
        def contraction(first: Array, second: Array, geometry: Geometry) -> Array:
            with fault():
                return contract(first, second, geometry)

        return contraction

    return Passes(*map(broken, (definition.to_output, definition.to_input, definition.to_weight)))


def _edited(edit: Callable[..., Table]) -> Passes:
    """`edit(table, input_size, setting)` of the right table."""
    return _tabled(lambda i, o, k, **setting: edit(axis_table(i, o, k, **setting), i, setting))


def _set_up(change: Callable[[int, int, int, dict[str, Any]], dict[str, Any]]) -> Passes:
    """The right table of a changed setting."""
    return _tabled(lambda i, o, k, **setting: axis_table(i, o, k, **(setting | change(i, o, k, setting))))


def _clipped(table: Table, size: int, setting: dict[str, Any]) -> Table:
    del setting
    return np.where(table >= size, OUTSIDE, table)


def _last_tap_dropped(table: Table, size: int, setting: dict[str, Any]) -> Table:
    del size, setting
    return np.where(np.arange(table.shape[1]) == table.shape[1] - 1, OUTSIDE, table)


def _first_row_dropped(table: Table, size: int, setting: dict[str, Any]) -> Table:
    del size, setting
    return np.where((np.arange(len(table)) == 0)[:, None], OUTSIDE, table)


def _last_row_repeats(table: Table, size: int, setting: dict[str, Any]) -> Table:
    del size, setting
    return table[np.maximum(0, np.minimum(np.arange(len(table)), len(table) - 2))]


def _border_lost(table: Table, size: int, setting: dict[str, Any]) -> Table:
    return np.where(table == size - 1, OUTSIDE, table) if setting["before"] else table


def _wraps_before(table: Table, size: int, setting: dict[str, Any]) -> Table:
    """A negative position that is taken as an index from the end, as Python and NumPy take it."""
    o, k = np.indices(table.shape)
    position = o * setting["stride"] + k * setting["dilation"] - setting["before"]
    wraps = (position < 0) & (position >= -size) & (setting["padding_mode"] == "zeros")
    return np.where(wraps, position + size, table)


def _symmetric(table: Table, size: int, setting: dict[str, Any]) -> Table:
    """Reflection that repeats the border element."""
    if setting["padding_mode"] != "reflect":
        return table
    o, k = np.indices(table.shape)
    position = o * setting["stride"] + k * setting["dilation"] - setting["before"]
    return np.where(position < 0, -1 - position, np.where(position >= size, 2 * size - 1 - position, position))


def _end_anchored(i: int, o: int, k: int, setting: dict[str, Any]) -> dict[str, Any]:
    """The stride's remainder is skipped at the start instead of at the end."""
    over = (i + 2 * setting["before"] - setting["dilation"] * (k - 1) - 1) % setting["stride"]
    return {"before": setting["before"] - over} if setting["padding_mode"] == "zeros" and o else {}


def _mode(wrong: dict[str, str]) -> Callable[..., dict[str, Any]]:
    return lambda i, o, k, setting: {"padding_mode": wrong.get(setting["padding_mode"], setting["padding_mode"])}


# The terms: the definition with wrong channel pairs


def _terms(fault: Callable[[Geometry], Iterator[Any]]) -> Passes:
    return _definition_with(lambda: patch.object(contraction, "terms", fault))


def _channels(pair: Callable[[int, int, Geometry], int]) -> Passes:
    """Terms whose input channel is pair(m, c, geometry)."""

    def fault(g: Geometry) -> Iterator[Any]:
        for (n, _, *i), (m, c, *k), y in terms(g):
            yield (n, pair(m, c, g) % g.in_channels, *i), (m, c, *k), y

    return _terms(fault)


def _repeated_term(g: Geometry) -> Iterator[Any]:
    once = list(terms(g))
    return iter([*once, *once[-1:]])


def _missing_term(g: Geometry) -> Iterator[Any]:
    return iter(list(terms(g))[:-1])


# The geometry a contraction gets: the fast form with two axes or two parameters exchanged


def _geometry(change: Callable[[Geometry], dict[str, Any]], of: Passes = definition) -> Passes:
    def broken(contract: Callable[..., Array]) -> Callable[..., Array]:
        return lambda a, b, g: contract(a, b, replace(g, **change(g)))

    return Passes(*map(broken, (of.to_output, of.to_input, of.to_weight)))


def _shifted_padding(g: Geometry) -> dict[str, Any]:
    return {"padding": tuple((after, before) for before, after in g.padding)}


# One contraction wrong


def _contraction(**wrong: Callable[[Array, Array, Geometry], Array]) -> Passes:
    return replace(fast, **wrong)


def _flip(array: Array) -> Array:
    return np.ascontiguousarray(np.flip(array, tuple(range(2, array.ndim))))


def _leak(array: Array) -> Array:
    """A result whose second example holds a bit of the first."""
    if len(array) > 1:
        array = array.copy()
        array[1] += array[0]
    return array


def _clamped(array: Array) -> Array:
    return np.clip(array, -100, 100) if array.dtype.kind == "f" else array


def _first_example(x: Array, y: Array, g: Geometry) -> Array:
    return fast.to_weight(x[:1], y[:1], replace(g, batch=min(1, g.batch)))


def _swapped_axes(array: Array) -> Array:
    return array.swapaxes(-1, -2).reshape(array.shape) if array.ndim > 3 else array


# One operation wrong


class _SameOddBefore(Passes):
    def conv(self, input, weight, bias=None, **parameters):
        if parameters.get("padding") == "same":
            spans = [d * (k - 1) for d, k in zip(parameters["dilation"], weight.shape[2:], strict=True)]
            parameters["padding"] = [(t - t // 2, t // 2) for t in spans]
        return super().conv(input, weight, bias, **parameters)


class _NoBias(Passes):
    def conv(self, input, weight, bias=None, **parameters):
        del bias
        return super().conv(input, weight, **parameters)


class _BiasPerGroup(Passes):
    def conv(self, input, weight, bias=None, **parameters):
        if bias is not None:
            per_group = len(bias) // parameters["groups"]
            bias = np.tile(bias[:per_group], parameters["groups"])
        return super().conv(input, weight, bias, **parameters)


class _BiasReversed(Passes):
    def conv(self, input, weight, bias=None, **parameters):
        return super().conv(input, weight, None if bias is None else bias[::-1], **parameters)


class _BiasMean(Passes):
    def conv_bias(self, grad_output, *, dimensions):
        total = super().conv_bias(grad_output, dimensions=dimensions)
        return total / np.asarray(grad_output.dtype.type(max(1, grad_output.size // max(1, len(total)))))


class _BiasOfFirstExample(Passes):
    def conv_bias(self, grad_output, *, dimensions):
        one = grad_output[:1] if grad_output.ndim == dimensions + 2 else grad_output
        return super().conv_bias(one, dimensions=dimensions)


class _NoConjugateInput(Passes):
    def conv_input(self, input_size, weight, grad_output, **parameters):
        return super().conv_input(input_size, np.conjugate(weight), grad_output, **parameters)


class _NoConjugateWeight(Passes):
    def conv_weight(self, input, weight_size, grad_output, **parameters):
        return super().conv_weight(np.conjugate(input), weight_size, grad_output, **parameters)


class _TransposeConjugates(Passes):
    def conv_transpose(self, input, weight, bias=None, **parameters):
        return super().conv_transpose(input, np.conjugate(weight), bias, **parameters)


class _TransposeFlips(Passes):
    def conv_transpose(self, input, weight, bias=None, **parameters):
        return super().conv_transpose(input, _flip(weight), bias, **parameters)


class _OutputPaddingIgnored(Passes):
    def conv_transpose(self, input, weight, bias=None, **parameters):
        return super().conv_transpose(input, weight, bias, **(parameters | {"output_padding": 0}))


class _OutputPaddingBefore(Passes):
    """The right size, but the rows that output_padding adds come first."""

    def conv_transpose(self, input, weight, bias=None, **parameters):
        y = super().conv_transpose(input, weight, bias, **parameters)
        axes = tuple(range(-len(parameters["stride"]), 0))
        return np.roll(y, parameters["output_padding"], axes)


class _DoubleTermsExchanged(Passes):
    """The operands where their cotangents belong."""

    def conv_double_backward(self, input, weight, grad_output, vx, vw, vb=None, **parameters):
        by = super().conv_double_backward(input, weight, grad_output, vx, vw, vb, **parameters)
        return by._replace(
            input=super().conv_input(input.shape, weight, grad_output, **parameters),
            weight=super().conv_weight(input, weight.shape, grad_output, **parameters),
        )


class _DoubleTermMissing(Passes):
    def conv_double_backward(self, input, weight, grad_output, vx, vw, vb=None, **parameters):
        by = super().conv_double_backward(input, weight, grad_output, vx, vw, vb, **parameters)
        return by._replace(grad_output=self.conv(vx, weight, vb, **parameters))


class _DoubleBiasMissing(Passes):
    def conv_double_backward(self, input, weight, grad_output, vx, vw, vb=None, **parameters):
        return super().conv_double_backward(input, weight, grad_output, vx, vw, None, **parameters)


class _DoubleTransposedMissing(Passes):
    def conv_transpose_double_backward(self, input, weight, grad_output, vx, vw, vb=None, **parameters):
        by = super().conv_transpose_double_backward(input, weight, grad_output, vx, vw, vb, **parameters)
        return DoubleBackward(by.input, by.weight, self.conv_transpose(input, vw, vb, **parameters))


class _Wide(Passes):
    def conv(self, input, weight, bias=None, **parameters):
        return super().conv(input, weight, bias, **parameters).astype(np.result_type(weight, np.float64))


class _Saturates(Passes):
    def conv(self, input, weight, bias=None, **parameters):
        result = super().conv(input, weight, bias, **parameters)
        if result.dtype.kind not in "iu":
            return result
        limits = np.iinfo(result.dtype)
        exact = definition.conv(input.astype(object), weight.astype(object), **parameters)
        return np.clip(exact, limits.min, limits.max).astype(result.dtype)


class _AlwaysBatched(Passes):
    def conv(self, input, weight, bias=None, **parameters):
        result = super().conv(input, weight, bias, **parameters)
        return result if result.ndim == weight.ndim else result[None]


class _EmptyBatchRefused(Passes):
    def conv(self, input, weight, bias=None, **parameters):
        if 0 in input.shape:
            raise ValueError("an empty batch")
        return super().conv(input, weight, bias, **parameters)


def _with(operations: type[Passes]) -> Passes:
    return operations(fast.to_output, fast.to_input, fast.to_weight)


MUTANTS: tuple[Mutant, ...] = (
    Mutant("kernel flipped", "identity: z_evaluation", _edited(lambda t, i, s: t[:, ::-1])),
    Mutant("kernel flipped in the tables", "identity: impulse", _edited(lambda t, i, s: t[:, ::-1])),
    Mutant("stride and dilation exchanged", "torch: one axis",
           _set_up(lambda i, o, k, s: {"stride": s["dilation"], "dilation": s["stride"]})),
    Mutant("stride ignored", "identity: stride_subsamples", _set_up(lambda i, o, k, s: {"stride": 1})),
    Mutant("dilation ignored", "identity: dilation_stuffs_zeros", _set_up(lambda i, o, k, s: {"dilation": 1})),
    Mutant("padding ignored", "identity: padding_is_explicit", _set_up(lambda i, o, k, s: {"before": 0})),
    Mutant("padding of one more", "torch: one axis", _set_up(lambda i, o, k, s: {"before": s["before"] + 1})),
    Mutant("padding scaled by the dilation", "torch: one axis",
           _set_up(lambda i, o, k, s: {"before": s["before"] * s["dilation"]})),
    Mutant("padding scaled by the stride", "torch: one axis, transposed",
           _set_up(lambda i, o, k, s: {"before": s["before"] * s["stride"]})),
    Mutant("kernel centred, as for 'same'", "torch: 'same' and 'valid'",
           _set_up(lambda i, o, k, s: {"before": s["dilation"] * k // 2})),
    Mutant("reads start one late", "identity: associates", _edited(lambda t, i, s: _clipped(t + 1, i, s))),
    Mutant("remainder skipped at the start", "torch: one axis", _set_up(_end_anchored)),
    Mutant("last tap dropped", "torch: one axis", _edited(_last_tap_dropped)),
    Mutant("first output empty", "torch: one axis, transposed", _edited(_first_row_dropped)),
    Mutant("last output repeats the one before", "torch: two axes", _edited(_last_row_repeats)),
    Mutant("last input element unread", "torch: two axes", _edited(_border_lost)),
    Mutant("negative positions wrap", "torch: one axis", _edited(_wraps_before)),
    Mutant("reflect as replicate", "torch: padding reflect", _set_up(_mode({"reflect": "replicate"}))),
    Mutant("reflect repeats the border", "torch: padding reflect", _edited(_symmetric)),
    Mutant("replicate as reflect", "torch: padding replicate", _set_up(_mode({"replicate": "reflect"}))),
    Mutant("circular as replicate", "torch: padding circular", _set_up(_mode({"circular": "replicate"}))),
    Mutant("modes as zeros", "identity: shifts", _set_up(lambda i, o, k, s: {"padding_mode": "zeros"})),
    Mutant("group offset missing", "identity: groups_are_blocks", _channels(lambda m, c, g: c)),
    Mutant("groups interleaved", "torch: one axis", _channels(lambda m, c, g: m % g.groups + c * g.groups)),
    Mutant("channels interleaved", "torch: two axes",
           _channels(lambda m, c, g: m // g.out_channels_per_group + c * g.groups)),
    Mutant("channels reversed in a group", "torch: one axis",
           _channels(lambda m, c, g: m // g.out_channels_per_group * g.in_channels_per_group
                     + g.in_channels_per_group - 1 - c)),
    Mutant("group of an output channel by modulus", "torch: one axis, transposed",
           _channels(lambda m, c, g: m % g.groups * g.in_channels_per_group + c)),
    Mutant("one term twice", "identity: channels_add", _terms(_repeated_term)),
    Mutant("one term missing", "definition", _terms(_missing_term)),
    Mutant("stride of the other axis", "torch: two axes", _geometry(lambda g: {"stride": g.stride[::-1]})),
    Mutant("dilation of the other axis", "torch: two axes, transposed",
           _geometry(lambda g: {"dilation": g.dilation[::-1]})),
    Mutant("padding of the other axis", "torch: three axes", _geometry(lambda g: {"padding": g.padding[::-1]})),
    Mutant("padding sides exchanged", "torch: asymmetric padding", _geometry(_shifted_padding)),
    Mutant("flipped in the fast form, all passes alike", "identity: z_evaluation_transposed",
           Passes(lambda x, w, g: fast.to_output(x, _flip(w), g), lambda w, y, g: fast.to_input(_flip(w), y, g),
                  lambda x, y, g: _flip(fast.to_weight(x, y, g)))),
    Mutant("forward alone flipped", "identity: adjoint",
           _contraction(to_output=lambda x, w, g: fast.to_output(x, _flip(w), g))),
    Mutant("input gradient alone flipped", "identity: transposed_is_the_adjoint",
           _contraction(to_input=lambda w, y, g: fast.to_input(_flip(w), y, g))),
    Mutant("weight gradient alone flipped", "identity: finite_differences",
           _contraction(to_weight=lambda x, y, g: _flip(fast.to_weight(x, y, g)))),
    Mutant("kernel axes transposed", "torch: two axes",
           _contraction(to_output=lambda x, w, g: fast.to_output(x, _swapped_axes(w), g))),
    Mutant("axes of the weight gradient transposed", "torch: three axes",
           _contraction(to_weight=lambda x, y, g: _swapped_axes(fast.to_weight(x, y, g)))),
    Mutant("examples leak forward", "identity: batch_splits",
           _contraction(to_output=lambda x, w, g: _leak(fast.to_output(x, w, g)))),
    Mutant("examples leak backward", "torch: one axis",
           _contraction(to_input=lambda w, y, g: _leak(fast.to_input(w, y, g)))),
    Mutant("weight gradient of the first example", "torch: one axis", _contraction(to_weight=_first_example)),
    Mutant("results clamped", "identity: sign_and_scale",
           _contraction(to_output=lambda x, w, g: _clamped(fast.to_output(x, w, g)))),
    Mutant("negative results dropped", "identity: sign_and_scale",
           _contraction(to_output=lambda x, w, g: np.maximum(fast.to_output(x, w, g).real, 0))),
    Mutant("results rounded to 4", "Fractions",
           _contraction(to_output=lambda x, w, g: fast.to_output(x, w, g) // 4 * 4)),
    Mutant("kernel flipped in the fast form", "identity: commutes",
           _contraction(to_output=lambda x, w, g: fast.to_output(x, _flip(w), g))),
    Mutant("odd element of 'same' before", "identity: same_keeps_the_size", _with(_SameOddBefore)),
    Mutant("odd element of 'same' before, to torch", "torch: 'same' and 'valid'", _with(_SameOddBefore)),
    Mutant("bias forgotten", "torch: bias", _with(_NoBias)),
    Mutant("bias per group", "torch: bias", _with(_BiasPerGroup)),
    Mutant("bias reversed", "torch: bias", _with(_BiasReversed)),
    Mutant("bias gradient a mean", "torch: bias", _with(_BiasMean)),
    Mutant("bias gradient of the first example", "torch: bias", _with(_BiasOfFirstExample)),
    Mutant("conjugate missing by input", "torch: complex", _with(_NoConjugateInput)),
    Mutant("conjugate missing by weight", "identity: adjoint", _with(_NoConjugateWeight)),
    Mutant("transposed with a conjugate", "torch: complex, transposed", _with(_TransposeConjugates)),
    Mutant("transposed with a flip", "torch: two axes, transposed", _with(_TransposeFlips)),
    Mutant("output_padding ignored", "torch: one axis, transposed", _with(_OutputPaddingIgnored)),
    Mutant("output_padding before", "torch: one axis, transposed", _with(_OutputPaddingBefore)),
    Mutant("double backward with the operands, not their cotangents", "torch: double backward",
           _with(_DoubleTermsExchanged)),
    Mutant("double backward lacks conv(x, vw)", "identity: double_backward_differences", _with(_DoubleTermMissing)),
    Mutant("double backward lacks vb", "torch: double backward", _with(_DoubleBiasMissing)),
    Mutant("transposed double backward lacks a term", "torch: double backward, transposed",
           _with(_DoubleTransposedMissing)),
    Mutant("result in float64", "torch: float32", _with(_Wide)),
    Mutant("integers saturate", "integers wrap", _with(_Saturates)),
    Mutant("result always batched", "torch: empty and unbatched", _with(_AlwaysBatched)),
    Mutant("empty batch refused", "torch: empty and unbatched", _with(_EmptyBatchRefused)),
)  # fmt: skip
