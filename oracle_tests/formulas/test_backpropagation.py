"""S14, S15: the gradients as printed, with symbols, against torch autograd, and as convolutions again."""

from fractions import Fraction

import numpy as np
import pytest
import sympy
import torch

from conv_oracle.errors import GeometryError
from conv_oracle.formulas import (
    banded_layer,
    conv_input,
    conv_weight,
    convolve,
    cross_correlate,
    input_gradient,
    weight_gradient,
)

LENGTHS = [(n, K) for n in range(1, 9) for K in range(1, n + 1)]


def integers(shape, seed):
    return np.random.default_rng(seed).integers(-9, 10, shape)


def letters(name, count):
    return sympy.symbols(f"{name}_1:{count + 1}")


def test_the_worked_example_of_the_input_gradient():
    W, delta = letters("W", 3), letters("delta", 5)
    gradient = input_gradient(W, delta)
    assert gradient[3 - 1] == delta[0] * W[2] + delta[1] * W[1] + delta[2] * W[0]
    assert gradient[1 - 1] == delta[0] * W[0]


def test_the_worked_example_of_the_weight_gradient():
    x, delta = letters("x", 5), letters("delta", 3)
    gradient = weight_gradient(x, delta)
    assert gradient[1 - 1] == delta[0] * x[0] + delta[1] * x[1] + delta[2] * x[2]
    assert gradient[3 - 1] == delta[0] * x[2] + delta[1] * x[3] + delta[2] * x[4]


def test_the_gradients_have_the_dtype_of_the_operands():
    short, long = integers(2, 1).astype(np.int8), integers(5, 2).astype(np.int8)
    assert input_gradient(short, long).dtype == weight_gradient(long, short).dtype == np.int8
    assert input_gradient(short, long * 1.0).dtype == weight_gradient(long * 1.0, short).dtype == np.float64


def test_both_are_the_derivatives_of_the_loss_by_the_chain_rule_alone():
    n, K = 7, 3
    x, W = letters("x", n), letters("W", K)
    h = banded_layer(W, x)
    slots = letters("h", len(h))
    loss = sum(slot**3 * (m + 2) + slot * slots[0] for m, slot in enumerate(slots))  # any L of h will do
    values = dict(zip(slots, h, strict=True))
    delta = [sympy.diff(loss, slot).subs(values) for slot in slots]
    whole = loss.subs(values)
    for m, gradient in enumerate(input_gradient(W, delta)):
        assert sympy.expand(sympy.diff(whole, x[m]) - gradient) == 0
    for i, gradient in enumerate(weight_gradient(x, delta)):
        assert sympy.expand(sympy.diff(whole, W[i]) - gradient) == 0


@pytest.mark.parametrize(("n", "K"), LENGTHS)
def test_both_are_those_of_torch(n, K):
    x, W = (torch.tensor(integers(size, size), dtype=torch.float64, requires_grad=True) for size in (n, K))
    h = torch.conv1d(x[None], W[None, None])[0]
    delta = integers(len(h), 7)
    dx, dW = torch.autograd.grad(h, [x, W], torch.tensor(delta, dtype=torch.float64))
    assert np.array_equal(input_gradient(W.detach(), delta), dx)
    assert np.array_equal(weight_gradient(x.detach(), delta), dW)


@pytest.mark.parametrize(("n", "K"), LENGTHS)
def test_the_derivative_of_a_convolution_is_a_convolution(n, K):
    x, W, delta = integers(n, 1), integers(K, 2), integers(n - K + 1, 3)
    dx, dW = input_gradient(W, delta), weight_gradient(x, delta)
    assert np.array_equal(dx, convolve(delta, W))
    assert np.array_equal(dW, cross_correlate(delta, x, "valid"))
    assert np.array_equal(dx, conv_input((1, n), W[None, None], delta[None])[0])
    assert np.array_equal(dW, conv_weight(x[None], (1, 1, K), delta[None])[0, 0])
    padded = np.pad(delta, K - 1)
    assert np.array_equal(dx, banded_layer(W[::-1], padded)), "the full convolution: the kernel turned round"


def test_a_gradient_that_forgets_to_turn_the_kernel_is_caught():
    W, delta = integers(3, 2), integers(5, 3)
    assert not np.array_equal(banded_layer(W, np.pad(delta, 2)), input_gradient(W, delta))
    assert not np.array_equal(convolve(delta, integers(7, 1), "valid"), weight_gradient(integers(7, 1), delta))


def test_complex_operands_are_conjugated_by_the_caller():
    x, W = integers(6, 1) + 1j * integers(6, 2), integers(3, 3) + 1j * integers(3, 4)
    delta = integers(4, 5) + 1j * integers(4, 6)
    operands = [torch.tensor(a, requires_grad=True) for a in (x, W)]
    h = torch.conv1d(operands[0][None], operands[1][None, None])[0]
    dx, dW = torch.autograd.grad(h, operands, torch.tensor(delta))
    assert np.array_equal(input_gradient(W.conj(), delta), dx.numpy())
    assert np.array_equal(weight_gradient(x.conj(), delta), dW.numpy())
    assert not np.array_equal(input_gradient(W, delta), dx.numpy())


def test_any_number_will_do():
    thirds = [Fraction(n, 3) for n in (1, 2, 5)]
    assert input_gradient(thirds, [Fraction(1, 2)]).tolist() == [Fraction(n, 6) for n in (1, 2, 5)]
    assert weight_gradient(np.array([1, 2, 3], np.int8), np.array([100, 100], np.int8)).tolist() == [44, -12]


def test_what_is_refused():
    with pytest.raises(GeometryError, match="the kernel must fit"):
        weight_gradient([1, 2], [1, 2, 3])
    with pytest.raises(GeometryError, match="a sequence has one axis"):
        input_gradient([[1]], [1])
    with pytest.raises(GeometryError, match="at least one element"):
        input_gradient([], [1])
