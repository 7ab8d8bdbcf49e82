"""The shape arithmetic against PyTorch: what it computes, what it refuses, and what the refusals say."""

from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from conv_oracle.errors import GeometryError, OperandError
from conv_oracle.formulas import conv1d, conv1d_input, conv1d_weight, conv2d, conv_bias, definition
from conv_oracle.geometry import (
    conv_geometry,
    conv_output_size,
    conv_transpose_geometry,
    conv_transpose_output_size,
    same_padding,
)

REFUSED = (RuntimeError, TypeError, ValueError, IndexError)


def zeros(*shape):
    return torch.zeros(shape, dtype=torch.float64)


def outcome(call):
    """The shape that a call gives, or None where it refuses."""
    try:
        return tuple(call())
    except REFUSED:
        return None


@pytest.mark.parametrize("transposed", [False, True], ids=["conv", "conv_transpose"])
@pytest.mark.parametrize("kernel", range(6))
def test_every_small_axis_is_sized_or_refused_as_torch_does(transposed, kernel):
    """All sizes 0..6, strides 0..3, paddings -1..kernel + 1, dilations 0..3, output paddings 0..3, batches 0 and 1."""
    compared = refused = 0
    for size, stride, padding, dilation, batch in product(range(7), range(4), range(-1, kernel + 2), range(4), (0, 1)):
        for extra in range(4) if transposed else (0,):
            parameters = {"stride": stride, "padding": padding, "dilation": dilation}
            x, w = zeros(batch, 2, size), zeros(2, 2, kernel)
            if transposed:
                parameters["output_padding"] = extra
                ours = outcome(lambda: conv_transpose_geometry(x.shape, w.shape, **parameters).input_shape)
                theirs = outcome(lambda: F.conv_transpose1d(x, w, **parameters).shape)
            else:
                ours = outcome(lambda: conv_geometry(x.shape, w.shape, **parameters).output_shape)
                theirs = outcome(lambda: F.conv1d(x, w, **parameters).shape)
            if batch == 0 and (dilation == 0 or extra >= max(stride, dilation)):
                theirs = None  # the stated exception: PyTorch does not look where nothing is computed
            assert ours == theirs, (size, kernel, parameters, batch)
            compared += 1
            refused += ours is None
    assert 0 < refused <= compared


@pytest.mark.parametrize("transposed", [False, True], ids=["conv", "conv_transpose"])
def test_every_small_choice_of_channels_and_groups_is_judged_as_torch_does(transposed):
    """Channels 0..6, weights 0..6 by 0..4, groups -1..4. A convolution of no input channels is the stated exception."""
    accepted = 0
    for channels, first, second, groups in product(range(7), range(7), range(5), range(-1, 5)):
        x, w = zeros(1, channels, 5), zeros(first, second, 2)
        if transposed:
            ours = outcome(lambda: conv_transpose_geometry(x.shape, w.shape, groups=groups).input_shape)
            theirs = outcome(lambda: F.conv_transpose1d(x, w, groups=groups).shape)
        else:
            ours = outcome(lambda: conv_geometry(x.shape, w.shape, groups=groups).output_shape)
            theirs = outcome(lambda: F.conv1d(x, w, groups=groups).shape)
            if channels == 0 and theirs is not None:
                assert theirs[1] == 0
                theirs = (1, first, 4)
        assert ours == theirs, (channels, first, second, groups)
        accepted += ours is not None
    assert accepted > 10


@pytest.mark.parametrize(
    "parameters",
    [
        {"stride": (2,)},
        {"stride": [1, 2]},
        {"stride": (2, 2, 2)},
        {"stride": ()},
        {"stride": True},
        {"stride": 1.0},
        {"stride": np.int64(2)},
        {"padding": (1,)},
        {"padding": [0, 2]},
        {"padding": "same"},
        {"padding": "valid"},
        {"padding": "valid", "stride": 2},
        {"padding": "same", "stride": 2},
        {"padding": "same", "stride": (1, 2)},
        {"padding": "SAME"},
        {"padding": ""},
        {"padding": -1},
        {"padding": (0, -1)},
        {"dilation": (2,)},
        {"dilation": (1, 2)},
        {"dilation": 0},
        {"dilation": (1, 0)},
        {"groups": 0},
    ],
    ids=str,
)
def test_parameters_are_taken_or_refused_as_torch_does(parameters):
    x, w = np.zeros((1, 1, 7, 6)), np.zeros((1, 1, 2, 3))
    assert outcome(lambda: conv2d(x, w, **parameters).shape) == outcome(
        lambda: F.conv2d(torch.tensor(x), torch.tensor(w), **parameters).shape
    )


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_padding_modes_reach_as_far_as_torch_pads(mode):
    for size, before, after, batch in product(range(1, 6), range(7), range(7), (0, 1)):
        ours = outcome(
            lambda: (
                conv_geometry((batch, 1, size), (1, 1, 1), padding=((before, after),), padding_mode=mode).output_shape
            )
        )
        theirs = outcome(lambda: F.pad(zeros(batch, 1, size), (before, after), mode=mode).shape)
        assert ours == theirs, (size, before, after, batch)


def test_same_padding_has_torchs_side():
    for kernel, dilation in product(range(1, 8), range(1, 4)):
        before, after = same_padding(kernel, dilation)
        impulse = torch.zeros(1, 1, 41, dtype=torch.float64)
        impulse[0, 0, 20] = 1
        y = F.conv1d(
            impulse, torch.arange(1, kernel + 1, dtype=torch.float64)[None, None], padding="same", dilation=dilation
        )
        first = 20 - int(torch.nonzero(y[0, 0])[-1, 0])
        assert (before, after) == (-first, dilation * (kernel - 1) + first)


def test_the_two_sizes_are_inverse():
    """A transposed convolution gives back the size that the convolution read, when output_padding is the remainder."""
    for size, kernel, stride, padding, dilation in product(
        range(1, 12), range(1, 5), range(1, 4), range(4), range(1, 4)
    ):
        o = conv_output_size(size, kernel, stride, padding, padding, dilation)
        if o >= 1:
            remainder = (size + 2 * padding - dilation * (kernel - 1) - 1) % stride
            assert conv_transpose_output_size(o, kernel, stride, padding, padding, remainder, dilation) == size


MESSAGES = [
    (
        lambda: conv_geometry((1, 1, 5), (1, 1, 5), padding=1, dilation=2),
        "the kernel must fit into the padded input: kernel 5 with dilation 2 spans 9, but the padded input is 7 long "
        "on axis 0 (input 5, padding 1+1); an input of 7 or more would fit",
    ),
    (
        lambda: conv_geometry((1, 3, 5), (4, 1, 2), groups=2),
        "the input must have groups * weight.shape[1] channels: channels=3, groups=2, weight_shape=(4, 1, 2); "
        "an input of 2 channels would fit",
    ),
    (
        lambda: conv_geometry((1, 4, 5), (3, 2, 2), groups=2),
        "groups must divide weight.shape[0], and be no larger: groups=2, weight_shape=(3, 2, 2); "
        "4 at index 0 would fit",
    ),
    (lambda: conv_geometry((1, 1, 5), (1, 1, 2), stride=0), "stride is 1 or more: stride=0; 1 would fit"),
    (lambda: conv_geometry((1, 1, 5), (1, 1, 2), stride=1.5), "stride is an int, 1 or more: stride=1.5; 1 would fit"),
    (
        lambda: conv_geometry((1, 1, 5), (1, 1, 2), dilation=(1, 2)),
        "dilation is one int, or one per axis: dilation=(1, 2), 1 spatial axes; (1,) would fit",
    ),
    (
        lambda: conv_geometry((1, 1, 5), (1, 1, 2), padding="full"),
        "a string padding is 'same' or 'valid': padding='full'; 'same' would fit",
    ),
    (
        lambda: conv_geometry((1, 1, 5), (1, 1, 2), padding="same", stride=2),
        "padding='same' keeps the size only at stride 1: stride=(2,); 1 would fit",
    ),
    (
        lambda: conv_geometry((1, 1, 5, 5), (1, 1, 2, 2), padding=((1, 2), (1,))),
        "padding in pairs is one (before, after) per axis: padding=((1, 2), (1,)); ((0, 0), (0, 0)) would fit",
    ),
    (
        lambda: conv_geometry((1, 1, 5), (1, 1, 2), padding_mode="mirror"),
        "padding_mode is one of zeros, reflect, replicate, circular: padding_mode='mirror'; 'zeros' would fit",
    ),
    (
        lambda: conv_geometry((1, 1, 3), (1, 1, 2), padding=3, padding_mode="reflect"),
        "padding_mode 'reflect' pads with the input's own elements: size 3, padding 3+3 on axis 0; "
        "at most 2 on a side would fit",
    ),
    (
        lambda: conv_geometry((1, 1, 1, 5), (1, 1, 2)),
        "an input has an optional batch, channels and 1 spatial axes: input_shape=(1, 1, 1, 5), "
        "weight_shape=(1, 1, 2); 2 or 3 sizes would fit",
    ),
    (
        lambda: conv_geometry((1, 5), (1, 1)),
        "a weight has two channel sizes and at least one spatial axis: weight_shape=(1, 1); "
        "(out_channels, in_channels / groups, kernel) would fit",
    ),
    (
        lambda: conv_geometry((1, 1, 5), (1, 1, 0)),
        "a kernel has at least one element per axis: weight_shape=(1, 1, 0); 1 would fit",
    ),
    (
        lambda: conv_geometry((1, 1, 0), (1, 1, 1), padding=1),
        "an empty axis needs an empty batch: input_shape=(1, 1, 0) on axis 0; 1 or more would fit",
    ),
    (
        lambda: conv_transpose_geometry((1, 2, 5), (2, 3, 2), stride=2, output_padding=2),
        "output_padding must be smaller than the stride or the dilation: output_padding=2, stride=2, dilation=1 on "
        "axis 0; 0 to 1 would fit",
    ),
    (
        lambda: conv_transpose_geometry((1, 2, 1), (2, 3, 2), padding=2),
        "the output must have an element: size 1, kernel 2, stride 1, padding 2+2, output_padding 0 and dilation 1 "
        "give -2 on axis 0; a total padding of 1 or less would fit",
    ),
    (
        lambda: conv_transpose_geometry((1, 2, 1), (2, 3, 2), padding="same"),
        "a transposed convolution takes numeric padding: padding='same'; 0 would fit",
    ),
    (
        lambda: conv_transpose_geometry((1, 3, 4), (2, 3, 2)),
        "the input must have weight.shape[0] channels: channels=3, weight_shape=(2, 3, 2); "
        "an input of 2 channels would fit",
    ),
    (
        lambda: conv_transpose_geometry((1, 2, 4), (2, 0, 2)),
        "a transposed convolution has at least one output channel per group: weight_shape=(2, 0, 2); "
        "1 or more at index 1 would fit",
    ),
    (
        lambda: conv1d(np.zeros((1, 2, 5)), np.zeros((3, 2, 1)), np.zeros((3, 1))),
        "bias must have one number per output channel: bias.shape=(3, 1); (3,) would fit",
    ),
    (
        lambda: conv1d_input((1, 2, 5), np.zeros((3, 2, 2)), np.zeros((1, 3, 5))),
        "grad_output must have the output's shape: grad_output.shape=(1, 3, 5); (1, 3, 4) would fit",
    ),
    (
        lambda: conv1d_input((2, 5), np.zeros((3, 2, 2)), np.zeros((3, 4))),
        "PyTorch's gradients take a batched input: input_size=(2, 5); 3 sizes would fit, or the N-D form",
    ),
    (
        lambda: conv1d_weight(np.zeros((1, 2, 5)), (3, 2, 2), np.zeros((1, 3, 5)), padding="same"),
        "PyTorch's gradients take numeric padding: padding='same'; 0 would fit",
    ),
    (
        lambda: conv1d(np.zeros((1, 2, 5, 5)), np.zeros((3, 2, 2, 2))),
        "a weight of 1 spatial axes has 3 sizes: weight_shape=(3, 2, 2, 2); conv2d would fit",
    ),
    (
        lambda: conv1d(np.zeros((1, 2, 5)), np.zeros((3, 2, 2)), padding=((1, 2),)),
        "padding is an int, 0 or more: padding=(1, 2); 0 would fit",
    ),
    (
        lambda: conv_bias(np.zeros((1, 2, 3, 4)), dimensions=1),
        "grad_output has an optional batch, channels and 1 spatial axes: grad_output.shape=(1, 2, 3, 4); "
        "2 or 3 sizes would fit",
    ),
    (
        lambda: definition.conv_double_backward(
            np.zeros((1, 1, 3)), np.zeros((1, 1, 2)), np.zeros((1, 1, 2)), np.zeros((1, 1, 4)), np.zeros((1, 1, 2))
        ),
        "grad_grad_input must have the input's shape: grad_grad_input.shape=(1, 1, 4); (1, 1, 3) would fit",
    ),
]


@pytest.mark.parametrize(("call", "message"), MESSAGES, ids=[message.split(":")[0][:50] for _, message in MESSAGES])
def test_a_refusal_says_the_rule_the_value_and_what_would_fit(call, message):
    with pytest.raises(GeometryError) as refusal:
        call()
    assert str(refusal.value) == message


@pytest.mark.parametrize("operand", [np.zeros((1, 1, 3), dtype=bool), np.full((1, 1, 3), "a")], ids=["bool", "text"])
def test_what_is_not_numbers_is_refused(operand):
    with pytest.raises(OperandError, match="an operand is an array of numbers: input"):
        conv1d(operand, np.zeros((1, 1, 1)))


def test_torch_reads_past_a_grad_output_of_another_batch_and_we_refuse():
    """The second stated exception: conv1d_weight of torch takes 2 cotangents for 1 example."""
    x, dy = np.ones((1, 2, 5)), np.ones((2, 3, 4))
    assert torch.nn.grad.conv1d_weight(torch.tensor(x), (3, 2, 2), torch.tensor(dy)).shape == (3, 2, 2)
    with pytest.raises(GeometryError, match="grad_output must have the output's shape"):
        conv1d_weight(x, (3, 2, 2), dy)
