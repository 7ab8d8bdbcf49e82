"""The definition against torch: dtypes, exact fractions, operands without a batch, elements or channels."""

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
import torch

from conv_oracle.formulas import definition
from conv_oracle.geometry import PADDING_MODES
from formulas.against_torch import disagreements, integers


@pytest.mark.parametrize("name", ["conv", "conv_transpose"])
def test_fractions_give_what_integers_give(name):
    parameters = {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2), "groups": 2}
    for padding_mode in PADDING_MODES if name == "conv" else ("zeros",):
        if name == "conv":
            parameters["padding_mode"] = padding_mode
        x, w, b = integers((2, 4, 4, 5), 1, int), integers((4, 2, 2, 3), 2, int), integers(4, 3, int)
        exact = [array * Fraction(1, divisor) for array, divisor in ((x, 3), (w, 7), (b, 21))]
        y = getattr(definition, name)(x, w, b, **parameters)
        rational = getattr(definition, name)(*exact, **parameters)
        assert rational.dtype == object
        assert np.array_equal(rational * 21, y)
        dy = integers(y.shape, 4, int)
        dx = getattr(definition, f"{name}_input")(x.shape, w, dy, **parameters)
        dw = getattr(definition, f"{name}_weight")(x, w.shape, dy, **parameters)
        assert dx.dtype == dw.dtype == np.int64
        fifth = dy * Fraction(1, 5)
        assert np.array_equal(getattr(definition, f"{name}_input")(x.shape, exact[1], fifth, **parameters) * 35, dx)
        assert np.array_equal(getattr(definition, f"{name}_weight")(exact[0], w.shape, fifth, **parameters) * 15, dw)


DTYPES = [np.int8, np.uint8, np.int16, np.int32, np.int64, np.uint64, np.float16, np.float32, np.float64, np.complex64,
          np.complex128, object, ml_dtypes.bfloat16]  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: np.dtype(dtype).name)
def test_the_result_has_the_dtype_of_the_operands(dtype):
    x, w, b = (integers(shape, seed, int) for shape, seed in (((1, 2, 5), 1), ((2, 2, 3), 2), (2, 3)))
    for operation in (definition.conv, definition.conv_transpose):
        result = operation(*(array.astype(dtype) for array in (x, w, b)))
        assert result.dtype == dtype
        assert np.array_equal(result, operation(x, w, b).astype(dtype))


def test_a_sum_of_bfloat16_is_rounded_once():
    x, w = np.array([[[256, 1, 1]]], ml_dtypes.bfloat16), np.ones((1, 1, 3), ml_dtypes.bfloat16)
    assert float(definition.conv(x, w).item()) == 258, "256 + 1 is 256 in bfloat16, and so once more"


@pytest.mark.parametrize(("dtype", "bits"), [(np.int8, 8), (np.uint8, 8), (np.int16, 16), (np.uint64, 64)])
def test_integers_wrap_as_their_dtype_does(dtype, bits):
    limits = np.iinfo(dtype)
    x, w = np.full((1, 3, 4), limits.max, dtype), np.full((1, 3, 2), limits.max - 1, dtype)
    wide = int(limits.max) * (int(limits.max) - 1) * 6
    wrapped = (wide - int(limits.min)) % 2**bits + int(limits.min)
    assert definition.conv(x, w).tolist() == [[[wrapped] * 3]]
    assert wrapped != wide
    witness = torch.conv1d(torch.tensor(x.astype(np.int64)), torch.tensor(w.astype(np.int64)))
    if bits < 32:
        assert np.array_equal(definition.conv(x, w), witness.numpy().astype(dtype))
    else:
        assert np.array_equal(definition.conv(x, w), witness.numpy().astype(np.uint64)), "int64 wraps too"


@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize("name", ["conv", "conv_transpose"])
def test_an_unbatched_input(name, dimensions):
    x, w, b = integers((2, *(4, 3, 3)[:dimensions]), 1), integers((2, 2, *(2, 3, 1)[:dimensions]), 2), integers(2, 3)
    witness = getattr(torch.nn.functional, f"{name}{dimensions}d")
    assert disagreements(definition, witness, x, w, b, transposed=name == "conv_transpose") == []
    assert getattr(definition, name)(x, w, b).ndim == dimensions + 1


@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize("name", ["conv", "conv_transpose"])
def test_an_empty_batch(name, dimensions):
    x = integers((0, 2, *(4, 3, 3)[:dimensions]), 1)
    w, b = integers((2, 2, *(2, 3, 1)[:dimensions]), 2), integers(2, 3)
    witness = getattr(torch.nn.functional, f"{name}{dimensions}d")
    theirs = witness(*(torch.tensor(a) for a in (x, w, b)))
    y = getattr(definition, name)(x, w, b)
    assert y.shape == tuple(theirs.shape)
    assert getattr(definition, f"{name}_input")(x.shape, w, y).shape == x.shape
    dw = getattr(definition, f"{name}_weight")(x, w.shape, y)
    assert np.array_equal(dw, np.zeros(w.shape))
    assert definition.conv_bias(y, dimensions=dimensions).tolist() == [0, 0]


def test_an_empty_axis_in_an_empty_batch():
    x, w = np.zeros((0, 2, 0)), np.zeros((3, 2, 2))
    theirs = torch.conv1d(torch.tensor(x), torch.tensor(w), padding=1)
    assert definition.conv(x, w, padding=1).shape == tuple(theirs.shape)


def test_no_channels_leave_the_bias():
    x, w, b = np.zeros((2, 0, 4)), np.zeros((3, 0, 2)), np.array([5.0, 6.0, 7.0])
    y = definition.conv(x, w, b)
    assert y.shape == (2, 3, 3)
    assert np.array_equal(y, np.broadcast_to(b[:, None], y.shape))
    assert definition.conv_input(x.shape, w, y).shape == x.shape
    assert definition.conv_weight(x, w.shape, y).shape == w.shape


def test_numpy_scalars_lists_and_strides_are_operands_too():
    w = integers((2, 4, 6), 2)[:, ::2, ::-2]
    x = integers((6, 2, 1), 1).transpose(2, 1, 0)
    expected = torch.conv1d(torch.tensor(x.copy()), torch.tensor(w.copy()), stride=2).numpy()
    assert np.array_equal(definition.conv(x, w, stride=np.int64(2)), expected)
    assert np.array_equal(definition.conv(x.tolist(), w.tolist(), stride=[2]), expected)
