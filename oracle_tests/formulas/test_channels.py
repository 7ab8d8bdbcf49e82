"""S11 and S12: output sizes, and many channels out of single ones, against torch."""

import numpy as np
import pytest
import torch

from conv_oracle.errors import GeometryError
from conv_oracle.formulas import conv, cross_correlate, stack_of_kernels, sum_over_channels
from conv_oracle.geometry import conv_output_size, conv_transpose_output_size

LAYERS = [
    ((3, 7), (5, 3, 3), 1),
    ((4, 6), (6, 2, 2), 2),
    ((3, 6), (6, 1, 2), 3),
    ((1, 1), (1, 1, 1), 1),
    ((4, 5, 6), (2, 4, 2, 3), 1),
    ((6, 4, 5), (4, 3, 3, 2), 2),
    ((2, 3, 4, 3), (4, 1, 2, 3, 1), 2),
]


def integers(shape, seed):
    return np.random.default_rng(seed).integers(-9, 10, shape)


@pytest.mark.parametrize(("shape", "weight_shape", "groups"), LAYERS)
def test_channels_are_summed_and_kernels_are_stacked(shape, weight_shape, groups):
    x, w, b = integers(shape, 1), integers(weight_shape, 2), integers(weight_shape[0], 3)
    torch_conv = getattr(torch, f"conv{len(shape) - 1}d")
    theirs = torch_conv(*(torch.tensor(a, dtype=torch.float64) for a in (x, w, b)), groups=groups).numpy()
    assert np.array_equal(stack_of_kernels(w, x, b, groups), theirs)
    assert np.array_equal(stack_of_kernels(w, x, b, groups), conv(x, w, b, groups=groups))
    assert np.array_equal(stack_of_kernels(w, x, groups=groups), conv(x, w, groups=groups))
    width = weight_shape[1]
    for m in range(weight_shape[0]):
        first = m // (weight_shape[0] // groups) * width
        assert np.array_equal(sum_over_channels(w[m], x[first : first + width]) + b[m], theirs[m])


def test_one_kernel_gives_one_output_channel_however_many_channels_come_in():
    for channels in range(1, 5):
        assert sum_over_channels(integers((channels, 2, 2), 1), integers((channels, 5, 4), 2)).shape == (4, 3)


def test_depthwise_with_a_multiplier_keeps_the_channels_apart():
    x, w = integers((3, 6), 1), integers((6, 1, 2), 2)
    y = stack_of_kernels(w, x, groups=3)
    for m in range(6):
        assert np.array_equal(y[m], cross_correlate(w[m, 0], x[m // 2], "valid"))
    interleaved = np.array([cross_correlate(w[m, 0], x[m % 3], "valid") for m in range(6)])
    assert not np.array_equal(y, interleaved), "the order of groups, seen to matter"


def test_the_result_has_the_dtype_of_the_operands():
    x, w = integers((2, 5), 1).astype(np.float32), integers((3, 2, 2), 2).astype(np.float16)
    assert sum_over_channels(w[0], x).dtype == stack_of_kernels(w, x).dtype == np.float32
    assert sum_over_channels(w[0], x.astype(np.float16)).dtype == np.float16


def size_or_nothing(operation, x, w, parameters):
    try:
        return operation(x, w, **parameters).shape[-1]
    except RuntimeError:
        return 0


def test_s11_is_the_size_that_torch_gives():
    for size in range(1, 8):
        for kernel in range(1, size + 1):
            x, w = torch.zeros(1, size), torch.zeros(1, 1, kernel)
            assert conv_output_size(size, kernel, 1, 0, 0, 1) == size - kernel + 1 == torch.conv1d(x, w).shape[-1]
            for stride, padding, dilation in ((2, 0, 1), (3, 1, 1), (2, 4, 2), (1, 2, 2)):
                parameters = {"stride": stride, "padding": padding, "dilation": dilation}
                there = conv_output_size(size, kernel, stride, padding, padding, dilation)
                back = conv_transpose_output_size(size, kernel, stride, padding, padding, 0, dilation)
                assert max(0, there) == size_or_nothing(torch.conv1d, x, w, parameters)
                assert max(0, back) == size_or_nothing(torch.conv_transpose1d, x, w, parameters)


def test_what_is_refused():
    with pytest.raises(GeometryError, match=r"the input must have groups \* weight.shape\[1\] channels"):
        stack_of_kernels(integers((2, 2, 3), 1), integers((3, 5), 2))
    with pytest.raises(GeometryError, match="the kernel must fit"):
        sum_over_channels(integers((2, 6), 1), integers((2, 5), 2))
    with pytest.raises(GeometryError, match="have one number per output channel"):
        stack_of_kernels(integers((2, 2, 3), 1), integers((2, 5), 2), [1, 2, 3])
