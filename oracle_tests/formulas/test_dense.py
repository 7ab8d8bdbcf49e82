"""S1, S2: the dense layer, and any convolution as one, against torch and against the definition."""

from fractions import Fraction
from functools import partial

import numpy as np
import pytest
import sympy
import torch

from conv_oracle.errors import GeometryError
from conv_oracle.formulas import (
    band_matrix,
    banded_layer,
    conv,
    conv_input,
    conv_transpose,
    convolution_matrix,
    cross_correlate,
    dense_layer,
    parameter_counts,
)
from conv_oracle.formulas.dense import logistic, relu
from conv_oracle.geometry import conv_geometry, kernel_span

LAYERS = [
    ((1, 7), (1, 1, 3), {}),
    ((4, 9), (6, 2, 3), {"stride": 2, "padding": 1, "dilation": 2, "groups": 2}),
    ((2, 5), (3, 2, 3), {"padding": ((2, 1),)}),
    ((2, 4), (2, 2, 2), {"padding": "same"}),
    ((2, 5), (2, 2, 3), {"padding": 2, "padding_mode": "reflect"}),
    ((2, 3), (2, 2, 4), {"padding": 3, "padding_mode": "circular"}),
    ((1, 2), (1, 1, 5), {"padding": 4, "padding_mode": "replicate"}),
    ((2, 4, 5), (4, 1, 2, 3), {"groups": 2, "stride": (2, 1), "padding": (0, 1)}),
    ((2, 3, 4, 2), (3, 2, 2, 1, 2), {"dilation": (1, 2, 1), "padding": (1, 0, 1)}),
    ((1, 2, 3, 2, 2), (2, 1, 1, 2, 2, 1), {"stride": (1, 1, 1, 2)}),
]


def integers(shape, seed):
    return np.random.default_rng(seed).integers(-9, 10, shape)


def test_s1_is_torch_linear():
    W, x = integers((4, 6), 1), integers(6, 2)
    theirs = torch.nn.functional.linear(torch.tensor(x), torch.tensor(W)).numpy()
    assert np.array_equal(dense_layer(W, x), theirs)
    assert np.array_equal(dense_layer(W, x, relu), torch.relu(torch.tensor(theirs)).numpy())
    assert not np.array_equal(dense_layer(W, x, relu), theirs)


def test_s2_is_torch_conv1d():
    V, x = integers(3, 1), integers(8, 2)
    theirs = torch.conv1d(torch.tensor(x)[None], torch.tensor(V)[None, None])[0].numpy()
    assert np.array_equal(banded_layer(V, x), theirs)
    assert np.array_equal(banded_layer(V, x), cross_correlate(V, x, "valid"))
    assert np.array_equal(banded_layer(V, x, relu), np.maximum(theirs, 0))
    assert not np.array_equal(banded_layer(V[::-1], x), theirs)


def test_an_activation_is_any_function():
    sigma = sympy.Function("sigma")
    W, x = sympy.symbols("W1:7"), sympy.symbols("x1:4")
    h = dense_layer(np.array(W).reshape(2, 3), x, sigma)
    assert h[1] == sigma(W[3] * x[0] + W[4] * x[1] + W[5] * x[2])
    assert logistic(0) == 0.5
    for z in (-1000.0, -1.5, 2.25, 1000.0):
        assert 0 <= logistic(z) <= 1
        # 1/(1+e^-z) and e^z/(1+e^z) have 4 roundings at the most, of a C library's two ulps each.
        assert abs(logistic(z) + logistic(-z) - 1) <= 8 * 2.0**-53


def test_s2_uses_its_letter_p_for_the_length_of_the_kernel():
    V, x = sympy.symbols("V1:4"), sympy.symbols("x1:7")
    h = banded_layer(V, x)
    assert len(h) == len(x) - len(V) + 1 == 4
    assert h[1] == V[0] * x[1] + V[1] * x[2] + V[2] * x[3]

    def s2(p, i):
        return sum(V[j - 1] * x[i + j - 1 - 1] for j in range(1, p + 1))

    assert [s2(len(V), i) for i in range(1, 5)] == h.tolist()
    with pytest.raises(IndexError):  # p the input's length, as in S1: there are not so many weights
        s2(len(x), 1)


def test_s2_is_s1_with_a_band_of_shared_weights():
    V, x = sympy.symbols("V1:4"), sympy.symbols("x1:7")
    W = band_matrix(V, 6)
    assert W.tolist() == [
        [*V, 0, 0, 0],
        [0, *V, 0, 0],
        [0, 0, *V, 0],
        [0, 0, 0, *V],
    ]
    assert dense_layer(W, x).tolist() == banded_layer(V, x).tolist()
    numbers = integers(4, 3)
    assert np.array_equal(band_matrix(numbers, 9), convolution_matrix(numbers[None, None], (1, 9)))
    assert band_matrix(numbers.astype(np.int8), 9).dtype == np.int8


@pytest.mark.parametrize(("shape", "weight_shape", "parameters"), LAYERS)
@pytest.mark.parametrize("dtype", [np.int64, np.complex128, object])
def test_every_convolution_is_a_matrix(shape, weight_shape, parameters, dtype):
    x, w = integers(shape, 1).astype(dtype), integers(weight_shape, 2).astype(dtype)
    if dtype is np.complex128:
        x, w = x + 1j * integers(shape, 3), w + 1j * integers(weight_shape, 4)
    if dtype is object:
        x, w = x * Fraction(1, 3), w * Fraction(2, 7)
    y = conv(x, w, **parameters)
    matrix = convolution_matrix(w, shape, **parameters)
    assert np.array_equal(matrix @ x.reshape(-1), y.reshape(-1))
    dy = integers(y.shape, 5).astype(dtype)
    assert np.array_equal(matrix.conj().T @ dy.reshape(-1), conv_input(shape, w, dy, **parameters).reshape(-1))


@pytest.mark.parametrize(
    ("shape", "weight_shape", "parameters"), [row for row in LAYERS if "padding_mode" not in row[2]]
)
def test_the_transposed_convolution_is_the_transposed_matrix(shape, weight_shape, parameters):
    w = integers(weight_shape, 2)
    geometry = conv_geometry(shape, weight_shape, **parameters)
    dy = integers(geometry.output_shape[1:], 5)
    spans = (kernel_span(k, d) for k, d in zip(geometry.kernel_size, geometry.dilation, strict=True))
    unread = [
        (i + sum(p) - span) % s
        for i, p, span, s in zip(geometry.input_size, geometry.padding, spans, geometry.stride, strict=True)
    ]
    explicit = parameters | {"padding": geometry.padding, "output_padding": unread}
    flat = convolution_matrix(w, shape, **parameters).T @ dy.reshape(-1)
    assert np.array_equal(flat.reshape(shape), conv_transpose(dy, w, **explicit))


def test_the_matrix_is_the_jacobian_of_torch():
    shape, weight_shape, parameters = LAYERS[1]
    w = integers(weight_shape, 2).astype(float)
    layer = partial(torch.conv1d, weight=torch.tensor(w), **parameters)
    jacobian = torch.autograd.functional.jacobian(layer, torch.zeros(shape, dtype=torch.float64))
    matrix = convolution_matrix(w, shape, **parameters)
    assert np.array_equal(matrix, jacobian.reshape(matrix.shape).numpy())


def test_the_parameters_side_by_side():
    counts = parameter_counts((1, 1, 3), (1, 8))
    assert (counts.dense, counts.local, counts.shared) == (6 * 8, 6 * 3, 3)
    counts = parameter_counts((4, 1, 2, 3), (2, 4, 5), groups=2)
    assert (counts.dense, counts.local, counts.shared) == ((4 * 3 * 3) * (2 * 4 * 5), (4 * 3 * 3) * 6, 4 * 6)
    layer = torch.nn.Conv2d(2, 4, (2, 3), groups=2, bias=False)
    assert counts.shared == sum(p.numel() for p in layer.parameters())
    assert counts.dense == sum(p.numel() for p in torch.nn.Linear(40, 36, bias=False).parameters())
    assert counts.local == np.count_nonzero(convolution_matrix(np.ones((4, 1, 2, 3)), (2, 4, 5), groups=2))
    # Circular padding of 3 on a size of 3: each of 6 outputs has 4 taps on 3 elements.
    counts = parameter_counts((1, 1, 4), (1, 3), padding=3, padding_mode="circular")
    assert (counts.dense, counts.local, counts.shared) == (6 * 3, 6 * 3, 4)


def test_what_is_refused():
    with pytest.raises(GeometryError, match=r"a matrix and a vector: W.shape=\(2,\)"):
        dense_layer([1, 2], [1, 2])
    with pytest.raises(GeometryError, match=r"as long as a row of W: x.shape=\(3,\); \(2,\) would fit"):
        dense_layer([[1, 2]], [1, 2, 3])
    with pytest.raises(GeometryError, match="the kernel must fit"):
        banded_layer([1, 2, 3], [1, 2])
    with pytest.raises(GeometryError, match=r"a sequence has one axis: V.shape=\(1, 2\); \(2,\) would fit"):
        band_matrix([[1, 2]], 4)
    with pytest.raises(GeometryError, match="one example, without a batch"):
        convolution_matrix([[[1, 2]]], (1, 1, 5))
