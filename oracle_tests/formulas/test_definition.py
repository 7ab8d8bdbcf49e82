"""The definition: the three contractions of the index map against torch and its autograd, and planted faults."""

from dataclasses import replace
from functools import partial
from itertools import cycle, islice, product

import numpy as np
import pytest
import torch

from conv_oracle import formulas
from conv_oracle.errors import GeometryError
from conv_oracle.formulas import definition
from conv_oracle.index_map import terms
from conv_oracle.passes import Passes
from formulas.against_torch import as_torch, disagreements, integers

CHANNELS = [(1, 1, 1), (2, 3, 1), (3, 2, 1), (4, 6, 2), (3, 3, 3), (2, 4, 2)]
"""(input channels, output channels, groups); the last is depthwise with a multiplier."""


def more_axes(dimensions, count, seed, *, transposed=False):
    """Random problems whose axes all differ, on the smallest sizes that have an output or a little more."""
    rng, channels = np.random.default_rng(seed), cycle(CHANNELS)
    for _ in range(count):
        c, m, g = next(channels)
        kernel, dilation = rng.integers(1, 4, dimensions), rng.integers(1, 3, dimensions)
        stride, padding = rng.integers(1, 4, dimensions), rng.integers(0, 3, dimensions)
        short = dilation * (kernel - 1) + 1 - 2 * padding
        least = 1 - np.minimum(0, short - 1) // stride if transposed else np.maximum(1, short)
        size = least + rng.integers(0, 4 if dimensions < 3 else 2, dimensions)
        parameters = {"stride": stride, "padding": padding, "dilation": dilation}
        yield (
            (2, m if transposed else c, *size.tolist()),
            (m, c // g, *kernel.tolist()),
            {name: tuple(value.tolist()) for name, value in parameters.items()} | {"groups": g},
        )


def one_axis(transposed):
    """Small sizes, kernels, strides, paddings and dilations, all of them; channels in turn."""
    channels = cycle(CHANNELS)
    for size, kernel, stride, dilation in product((1, 2, 3, 5, 6), (1, 2, 3), (1, 2, 3), (1, 2)):
        for padding in range(kernel + 1):
            c, m, g = next(channels)
            shape = (1 + (size + kernel + padding) % 2, m if transposed else c, size)
            parameters = {"stride": stride, "padding": padding, "dilation": dilation, "groups": g}
            yield shape, (m, c // g, kernel), parameters


def grid(dimensions, transposed):
    if dimensions == 1:
        return one_axis(transposed)
    return more_axes(dimensions, 30 if dimensions == 2 else 12, dimensions, transposed=transposed)


def swept(passes, dimensions, dtype, *, transposed, stop_at_first=False, every=1):
    """Every disagreement on the grid with the problem it is on, and how many problems were compared."""
    found, compared = [], 0
    name = "conv_transpose" if transposed else "conv"
    torch_form = getattr(torch.nn.functional, f"{name}{dimensions}d")
    for shape, weight_shape, parameters in islice(grid(dimensions, transposed), None, None, every):
        x, w = integers(shape, 1, dtype), integers(weight_shape, 2, dtype)
        b = integers(weight_shape[1] * parameters["groups"] if transposed else weight_shape[0], 3, dtype)
        witness = partial(torch_form, **parameters)
        try:
            witness(*as_torch(x, w, b))
        except RuntimeError:
            with pytest.raises(GeometryError):
                getattr(definition, name)(x, w, b, **parameters)
            continue
        compared += 1
        wrong = disagreements(passes, witness, x, w, b, transposed=transposed, **parameters)
        found += [(shape, weight_shape, parameters, wrong)] if wrong else []
        if found and stop_at_first:
            break
    return found, compared


@pytest.mark.parametrize("transposed", [False, True], ids=["conv", "conv_transpose"])
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_every_pass_is_that_of_torch(dimensions, dtype, transposed):
    every = 2 if dtype is np.complex128 and dimensions == 1 else 1
    found, compared = swept(definition, dimensions, dtype, transposed=transposed, every=every)
    assert found == []
    assert compared >= {1: 150 // every, 2: 30, 3: 12}[dimensions]


def contraction_of(change):
    """The three contractions over terms that `change` has tampered with."""

    def contract(first, second, shape, pick):
        result = np.full(shape, 0, dtype=object)
        for a, b, c in pick:
            result[c] += first.astype(object)[a] * second.astype(object)[b]
        return result

    def changed(geometry):
        return filter(None, (change(i, k, o, geometry) for i, k, o in terms(geometry)))

    return Passes(
        lambda x, w, g: contract(x, w, g.output_shape, ((i, k, o) for i, k, o in changed(g))),
        lambda w, y, g: contract(w, y, g.input_shape, ((k, o, i) for i, k, o in changed(g))),
        lambda x, y, g: contract(x, y, g.weight_shape, ((i, o, k) for i, k, o in changed(g))),
    )


FAULTS = {
    "kernel-flipped": lambda i, k, o, g: (
        i, (*k[:2], *(size - 1 - at for at, size in zip(k[2:], g.kernel_size, strict=True))), o),
    "last-tap-dropped": lambda i, k, o, g: None if k[2] == g.kernel_size[0] - 1 > 0 else (i, k, o),
    "group-offset-missing": lambda i, k, o, _g: ((i[0], k[1], *i[2:]), k, o),
    "input-one-late": lambda i, k, o, g: ((*i[:2], (i[2] + 1) % g.input_size[0], *i[3:]), k, o),
    "batch-leak": lambda i, k, o, _g: ((0, *i[1:]), k, o),
    "last-output-missing": lambda i, k, o, g: None if o[-1] == g.output_size[-1] - 1 else (i, k, o),
    "channels-reversed": lambda i, k, o, g: (i, (k[0], g.weight_shape[1] - 1 - k[1], *k[2:]), o),
}  # fmt: skip


@pytest.mark.parametrize("transposed", [False, True], ids=["conv", "conv_transpose"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault, transposed):
    found, _ = swept(contraction_of(FAULTS[fault]), 1, np.float64, transposed=transposed, stop_at_first=True)
    assert found


@pytest.mark.parametrize("transposed", [False, True], ids=["conv", "conv_transpose"])
@pytest.mark.parametrize("contraction", ["to_output", "to_input", "to_weight"])
def test_a_fault_in_one_contraction_is_caught_in_its_own_pass(contraction, transposed):
    flipped = getattr(contraction_of(FAULTS["kernel-flipped"]), contraction)
    passes = replace(definition, **{contraction: flipped})
    found, _ = swept(passes, 2, np.float64, transposed=transposed, stop_at_first=True)
    there, back = ("dx", "y") if transposed else ("y", "dx")
    spoiled = {"to_output": there, "to_input": back, "to_weight": "dw"}[contraction]
    assert spoiled in found[0][-1]
    assert {"y", "dx", "dw"} & set(found[0][-1]) == {spoiled}


def test_the_planting_itself_does_no_harm():
    untouched = contraction_of(lambda i, k, o, _g: (i, k, o))
    assert swept(untouched, 2, np.float64, transposed=False) == ([], 30)


def test_a_missing_conjugate_is_caught():
    x, w = integers((1, 2, 5), 1, np.complex128), integers((3, 2, 2), 2, np.complex128)
    dy = integers((1, 3, 4), 3, np.complex128)
    tx, tw = as_torch(x, w)
    dx, dw = torch.autograd.grad(torch.conv1d(tx, tw), [tx, tw], torch.tensor(dy))
    assert np.array_equal(formulas.conv1d_input(x.shape, w, dy), dx.numpy())
    assert np.array_equal(formulas.conv1d_weight(x, w.shape, dy), dw.numpy())
    assert not np.array_equal(formulas.conv1d_input(x.shape, w.conj(), dy), dx.numpy())
    assert not np.array_equal(formulas.conv1d_weight(x.conj(), w.shape, dy), dw.numpy())


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_the_named_forms_are_those_of_torch(dimensions):
    for shape, weight_shape, parameters in more_axes(dimensions, 6, 11):
        x, w, b = integers(shape, 1), integers(weight_shape, 2), integers(weight_shape[0], 3)
        arguments = [parameters[word] for word in ("stride", "padding", "dilation", "groups")]
        tx, tw, tb = (torch.tensor(a) for a in (x, w, b))
        y = getattr(torch.nn.functional, f"conv{dimensions}d")(tx, tw, tb, *arguments)
        dy = integers(tuple(y.shape), 4)
        by_input = getattr(torch.nn.grad, f"conv{dimensions}d_input")(shape, tw, torch.tensor(dy), *arguments)
        by_weight = getattr(torch.nn.grad, f"conv{dimensions}d_weight")(tx, weight_shape, torch.tensor(dy), *arguments)
        assert np.array_equal(getattr(formulas, f"conv{dimensions}d")(x, w, b, *arguments), y)
        assert np.array_equal(getattr(formulas, f"conv{dimensions}d_input")(shape, w, dy, *arguments), by_input)
        assert np.array_equal(
            getattr(formulas, f"conv{dimensions}d_weight")(x, weight_shape, dy, *arguments), by_weight
        )
