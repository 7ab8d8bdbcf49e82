"""Right convolutions that misread how an operand lies in memory. Loaded by the audit's worker only."""

import numpy as np
from maps import passes

RIGHT = passes("right", "always", "columns")
ONE, TWO, THREE = (RIGHT.named(axes) for axes in (1, 2, 3))


def steps(array):
    """An array's strides, counted in numbers."""
    return [step // array.itemsize for step in array.strides]


def packed(shape):
    """The strides of C order."""
    return [int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))]


def read(array, strides, shift=0):
    """What lies where these strides point to from the array's first number on, around the end of its block.

    A kernel would read beyond its block; that ends in a crash or not, and is not what is planted here.
    """
    if array.base is None or not array.size:
        return array
    block = np.frombuffer(array.base, array.dtype)
    start = (array.__array_interface__["data"][0] - block.__array_interface__["data"][0]) // array.itemsize
    places = np.full(array.shape, start + shift)
    for size, step, axis in zip(array.shape, strides, range(array.ndim), strict=True):
        places += np.arange(size).reshape(-1, *(1,) * (array.ndim - 1 - axis)) * step
    return block[places % len(block)]


def in_c_order(array):
    return read(array, packed(array.shape))


# Strides that are ignored


def conv2d__input_in_c_order(input, weight, bias=None, **geometry):
    return TWO.conv(in_c_order(input), weight, bias, **geometry)


def conv1d__weight_in_c_order(input, weight, bias=None, **geometry):
    return ONE.conv(input, in_c_order(weight), bias, **geometry)


def conv_transpose1d__bias_in_c_order(input, weight, bias=None, **geometry):
    return ONE.conv_transpose(input, weight, bias if bias is None else in_c_order(bias), **geometry)


def conv2d_input__cotangent_in_c_order(input_size, weight, grad_output, **geometry):
    return TWO.conv_input(input_size, weight, in_c_order(grad_output), **geometry)


def conv3d_weight__cotangent_in_c_order(input, weight_size, grad_output, **geometry):
    return THREE.conv_weight(input, weight_size, in_c_order(grad_output), **geometry)


def conv3d__input_in_the_order_of_memory(input, weight, bias=None, **geometry):
    """What lies first is read first: right for C order and for reversed rows alone."""
    return THREE.conv(input.ravel(order="K").reshape(input.shape), weight, bias, **geometry)


def conv_transpose2d__rows_without_gaps(input, weight, bias=None, **geometry):
    """The last axis has stride 1, whatever it says."""
    return TWO.conv_transpose(read(input, [*steps(input)[:-1], 1]), weight, bias, **geometry)


def conv2d__examples_without_gaps(input, weight, bias=None, **geometry):
    """The next example begins C * H * W further on."""
    return TWO.conv(read(input, [packed(input.shape)[0], *steps(input)[1:]]), weight, bias, **geometry)


def conv1d_input__examples_of_the_cotangent(input_size, weight, grad_output, **geometry):
    """The cotangent's examples are M * O apart, but for a single channel."""
    if grad_output.shape[1] > 1:
        grad_output = read(grad_output, [packed(grad_output.shape)[0], *steps(grad_output)[1:]])
    return ONE.conv_input(input_size, weight, grad_output, **geometry)


def conv2d__channels_without_gaps_in_groups(input, weight, bias=None, groups=1, **geometry):
    """A group's first channel is found by H * W, on the path of groups alone."""
    strides = steps(input)
    if groups > 1:
        strides[-3] = packed(input.shape)[-3]
    return TWO.conv(read(input, strides), weight, bias, groups=groups, **geometry)


def conv3d__depthwise_weight_in_c_order(input, weight, bias=None, groups=1, **geometry):
    """Filters of one channel are read as they lie."""
    if weight.shape[1] == 1 and groups > 1:
        weight = in_c_order(weight)
    return THREE.conv(input, weight, bias, groups=groups, **geometry)


def conv1d_weight__input_of_a_single_example(input, weight_size, grad_output, **geometry):
    """One example is passed on by its pointer."""
    return ONE.conv_weight(in_c_order(input) if len(input) == 1 else input, weight_size, grad_output, **geometry)


# Strides of a special kind


def conv1d__negative_strides_are_positive(input, weight, bias=None, **geometry):
    return ONE.conv(read(input, [abs(step) for step in steps(input)]), weight, bias, **geometry)


def conv2d__negative_strides_of_the_weight(input, weight, bias=None, **geometry):
    """Unsigned strides, as numbers of 32 bits are cast, end at the block's other side."""
    return TWO.conv(input, read(weight, [step % 2**32 for step in steps(weight)]), bias, **geometry)


def conv3d__stride_zero_is_one(input, weight, bias=None, **geometry):
    """An expanded axis is walked."""
    return THREE.conv(read(input, [step or 1 for step in steps(input)]), weight, bias, **geometry)


def conv2d_weight__expanded_cotangent_counts_once(input, weight_size, grad_output, **geometry):
    """Examples that are one and the same memory are reduced first, and not multiplied again."""
    if grad_output.strides[0] == 0 and len(grad_output) > 1:
        grad_output = np.concatenate([grad_output[:1], np.zeros_like(grad_output[1:])])
    return TWO.conv_weight(input, weight_size, grad_output, **geometry)


def conv3d__fortran_order_of_long_axes(input, weight, bias=None, **geometry):
    """Fortran order is told by its flag where C order cannot be meant, and then taken for C order."""
    misread = input.flags.f_contiguous and min(input.shape) > 1
    return THREE.conv(in_c_order(input) if misread else input, weight, bias, **geometry)


def conv2d__fortran_order_of_the_weight(input, weight, bias=None, **geometry):
    """A Fortran weight is taken for one whose rows and columns are exchanged."""
    if weight.flags.f_contiguous and not weight.flags.c_contiguous:
        strides = steps(weight)
        weight = read(weight, [*strides[:2], strides[3], strides[2]])
    return TWO.conv(input, weight, bias, **geometry)


def conv_transpose3d__aligned_loads(input, weight, bias=None, **geometry):
    """A load of two numbers begins at an even one."""
    odd = input.__array_interface__["data"][0] // input.itemsize % 2
    return THREE.conv_transpose(read(input, steps(input), -odd), weight, bias, **geometry)


def conv2d__layout_guessed_from_the_sizes(input, weight, bias=None, **geometry):
    """As many rows and columns as channels: taken for channels last."""
    misread = input.ndim == 4 and len(set(input.shape[1:])) == 1
    return TWO.conv(input.transpose(0, 3, 1, 2) if misread else input, weight, bias, **geometry)


def conv2d__layout_guessed_from_the_strides(input, weight, bias=None, **geometry):
    """Where the channels are the fastest axis, the columns are taken for the next one, and not the rows."""
    strides = steps(input)
    if input.ndim == 4 and strides[1] == 1 and 1 != strides[3] > strides[2]:
        strides = [*strides[:2], strides[3], strides[2]]
    return TWO.conv(read(input, strides), weight, bias, **geometry)


# Memory that is not ours to write


def conv_transpose2d__wants_to_write_its_weight(input, weight, bias=None, groups=1, **geometry):
    """The weights of groups are packed where they lie."""
    if groups > 1 and not weight.flags.writeable:
        raise ValueError("assignment destination is read-only")
    return TWO.conv_transpose(input, weight, bias, groups=groups, **geometry)


# Tensors


def _torch():
    import torch  # noqa: PLC0415 - the other subjects need no torch

    return torch


def _stored(tensor):
    """All that lies in the tensor's memory, as one row."""
    torch = _torch()
    return torch.empty(0, dtype=tensor.dtype).set_(tensor.untyped_storage())


def _taken(tensor, strides, offset):
    """What lies there in the tensor's memory, around its end."""
    torch = _torch()
    places = torch.full(tensor.shape, offset)
    for axis, (size, step) in enumerate(zip(tensor.shape, strides, strict=True)):
        places = places + torch.arange(size).reshape(-1, *(1,) * (tensor.ndim - 1 - axis)) * step
    stored = _stored(tensor)
    return stored[places % len(stored)]


def conv1d__tensor_without_its_offset(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """The storage's pointer in place of the tensor's."""
    x = _taken(input, input.stride(), 0)
    return _torch().nn.functional.conv1d(x, weight, bias, stride, padding, dilation, groups)


def conv2d__tensor_channels_last_is_not_turned_back(
    input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1
):
    """The result lies with its channels last, and is described as if it did not."""
    torch = _torch()
    out = torch.nn.functional.conv2d(input, weight, bias, stride, padding, dilation, groups)
    if input.ndim == 4 and not input.is_contiguous() and input.is_contiguous(memory_format=torch.channels_last):
        out = out.permute(0, 2, 3, 1).reshape(out.shape)
    return out


def conv3d__tensor_weight_in_memory_order(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A weight without gaps is taken as it lies, whatever its order."""
    torch = _torch()
    if sorted(weight.stride(), reverse=True)[0] < weight.numel() and 0 not in weight.stride():
        weight = _taken(weight, packed(tuple(weight.shape)), weight.storage_offset())
    return torch.nn.functional.conv3d(input, weight, bias, stride, padding, dilation, groups)


def conv_transpose2d__tensor_expanded_weight(
    input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    """Stride 0 is replaced by what C order has."""
    strides = [step or full for step, full in zip(weight.stride(), packed(tuple(weight.shape)), strict=True)]
    weight = _taken(weight, strides, weight.storage_offset())
    return _torch().nn.functional.conv_transpose2d(
        input, weight, bias, stride, padding, output_padding, groups, dilation
    )
