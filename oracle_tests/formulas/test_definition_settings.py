"""The definition against torch: output padding, padding modes and sides, string padding, four axes."""

from functools import partial

import numpy as np
import pytest
import torch

from conv_oracle.errors import GeometryError
from conv_oracle.formulas import definition
from conv_oracle.geometry import PADDING_MODES
from formulas.against_torch import as_torch, disagreements, integers, padded_convolution


@pytest.mark.parametrize("output_padding", [0, 1, 2])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (3, 1), (1, 2), (2, 3)])
def test_output_padding(output_padding, stride, dilation):
    x, w, b = integers((2, 4, 3, 2), 1), integers((4, 3, 2, 3), 2), integers(6, 3)
    arguments = {"stride": stride, "padding": (0, 1), "dilation": dilation, "groups": 2}
    arguments["output_padding"] = (output_padding, 0)
    if output_padding >= max(stride, dilation):
        with pytest.raises(RuntimeError, match="output padding must be smaller"):
            torch.conv_transpose2d(*as_torch(x, w, b), **arguments)
        with pytest.raises(GeometryError, match="output_padding must be smaller than the stride or the dilation"):
            definition.conv_transpose(x, w, b, **arguments)
    else:
        witness = partial(torch.nn.functional.conv_transpose2d, **arguments)
        assert disagreements(definition, witness, x, w, b, transposed=True, **arguments) == []


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("padding_mode", PADDING_MODES)
@pytest.mark.parametrize("padding", [((0, 1),), ((2, 0),), ((2, 1), (0, 2)), ((1, 0), (0, 1), (1, 1))])
def test_padding_modes_and_sides(padding_mode, padding, dtype):
    axes = len(padding)
    for stride, dilation in ((1, 1), (2, 1), (1, 2)):
        shape, kernel = (2, 4, *(4, 5, 3)[:axes]), (2, 3, 2)[:axes]
        x, w, b = integers(shape, 1, dtype), integers((2, 2, *kernel), 2, dtype), integers(2, 3, dtype)
        witness = padded_convolution(axes, padding_mode, padding, stride=stride, dilation=dilation, groups=2)
        parameters = {"stride": stride, "padding": padding, "dilation": dilation, "groups": 2}
        parameters["padding_mode"] = padding_mode
        assert disagreements(definition, witness, x, w, b, **parameters) == []


@pytest.mark.parametrize("padding_mode", PADDING_MODES)
def test_padding_modes_at_their_limits(padding_mode):
    most = {"zeros": 6, "reflect": 2, "replicate": 6, "circular": 3}[padding_mode]
    x, w, b = integers((1, 1, 3), 1), integers((1, 1, 4), 2), integers(1, 3)
    padding = ((most, most),)
    witness = padded_convolution(1, padding_mode, padding)
    assert disagreements(definition, witness, x, w, b, padding=padding, padding_mode=padding_mode) == []
    if padding_mode in ("reflect", "circular"):
        with pytest.raises(RuntimeError, match=r"[Pp]adding"):
            padded_convolution(1, padding_mode, ((most + 1, 0),))(*as_torch(x, w, b))
        with pytest.raises(GeometryError, match="pads with the input's own elements"):
            definition.conv(x, w, b, padding=((most + 1, 0),), padding_mode=padding_mode)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kernel", [(1,), (2,), (3,), (2, 3), (4, 2), (2, 1, 2)])
def test_padding_in_words(padding, kernel):
    axes = len(kernel)
    for dilation in (1, 2):
        x, w, b = integers((2, 2, *(8, 7, 4)[:axes]), 1), integers((3, 2, *kernel), 2), integers(3, 3)
        parameters = {"padding": padding, "dilation": dilation}
        witness = partial(getattr(torch.nn.functional, f"conv{axes}d"), **parameters)
        assert disagreements(definition, witness, x, w, b, **parameters) == []


def four_axes(x, w, stride, padding, dilation, groups):
    """A convolution on four axes, as a sum over the first kernel axis of torch's on three."""
    s, p, d = stride[0], padding[0], dilation[0]
    x = torch.nn.functional.pad(x, [0] * 6 + [p, p])
    rest = {"stride": stride[1:], "padding": padding[1:], "dilation": dilation[1:], "groups": groups}
    count = (x.shape[2] - d * (w.shape[2] - 1) - 1) // s + 1
    return torch.stack(
        [
            sum(torch.conv3d(x[:, :, o * s + k * d], w[:, :, k], **rest) for k in range(w.shape[2]))
            for o in range(count)
        ],
        dim=2,
    )


@pytest.mark.parametrize(
    ("shape", "weight_shape", "parameters"),
    [
        ((2, 2, 3, 2, 3, 2), (3, 2, 2, 1, 2, 2), {"stride": (1, 2, 1, 1)}),
        ((1, 4, 4, 3, 2, 3), (4, 2, 2, 2, 1, 3), {"padding": (1, 0, 1, 1), "groups": 2, "stride": (2, 1, 1, 2)}),
        ((1, 2, 5, 3, 2, 1), (2, 1, 3, 2, 2, 1), {"dilation": (2, 1, 1, 3), "padding": (0, 1, 0, 0), "groups": 2}),
    ],
)
def test_four_axes_are_three_and_one(shape, weight_shape, parameters):
    parameters = {"stride": (1,) * 4, "padding": (0,) * 4, "dilation": (1,) * 4, "groups": 1} | parameters
    x, w = integers(shape, 1), integers(weight_shape, 2)
    b = integers(weight_shape[0], 3)

    def witness(x, w, b):
        return four_axes(x, w, **parameters) + b.reshape(-1, 1, 1, 1, 1)

    assert disagreements(definition, witness, x, w, b, **parameters) == []
    # The transposed convolution is the adjoint: the gradient of this one by its input, taken of any operand.
    operand = integers(definition.conv(x, w, **parameters).shape, 8)
    (tx, tw) = as_torch(x, w)
    (back,) = torch.autograd.grad(four_axes(tx, tw, **parameters), tx, torch.tensor(operand))
    span = [d * (k - 1) + 1 for d, k in zip(parameters["dilation"], weight_shape[2:], strict=True)]
    sizes = zip(shape[2:], parameters["padding"], span, parameters["stride"], strict=True)
    unread = [(i + 2 * p - reach) % s for i, p, reach, s in sizes]
    assert np.array_equal(definition.conv_transpose(operand, w, output_padding=unread, **parameters), back.numpy())
