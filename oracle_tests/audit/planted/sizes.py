"""Right convolutions but at certain sizes: those of tiles and constants, of few-bit indices, and sizes in a relation.

Loaded by the audit's worker only.
"""

import numpy as np
from planted_common import ONE, THREE, TWO, settings, turned

# Sizes, as constants of the source have them

TILE = 12
BLOCK_K = 40


def conv1d__many_output_channels(input, weight, bias=None, **geometry):
    out = ONE.conv(input, weight, bias, **geometry)
    if len(weight) > 48:
        out[..., 48:, -1:] = 0
    return out


def conv2d__width_of_twenty(input, weight, bias=None, **geometry):
    return TWO.conv(input, turned(weight) if input.shape[-1] == 20 else weight, bias, **geometry)


def conv3d__tail_of_a_tile(input, weight, bias=None, **geometry):
    out = THREE.conv(input, weight, bias, **geometry)
    if out.shape[-1] > TILE:
        out[..., out.shape[-1] // TILE * TILE :] = 0
    return out


def conv2d__tail_of_the_reduction(input, weight, bias=None, **geometry):
    """Products are summed in blocks; a last block that is not full is left out."""
    if weight[0].size > BLOCK_K:
        weight = weight.reshape(len(weight), -1).copy().reshape(weight.shape)
        weight.reshape(len(weight), -1)[:, weight[0].size // BLOCK_K * BLOCK_K :] = 0
    return TWO.conv(input, weight, bias, **geometry)


def conv2d_weight__tail_of_the_examples(input, weight_size, grad_output, **geometry):
    """Examples beyond the last twenty-four of them are left out."""
    whole = len(input) // 24 * 24 or len(input)
    return TWO.conv_weight(input[:whole], weight_size, grad_output[:whole], **geometry)


def conv_transpose1d__more_than_a_hundred_examples(input, weight, bias=None, **geometry):
    """Of the catalogue's own kind (batch-offset-wrong)."""
    out = ONE.conv_transpose(input, weight, bias, **geometry)
    if input.ndim == 3:
        out[100:] = out[:1]
    return out


def conv2d_input__rows_beyond_forty(input_size, weight, grad_output, **geometry):
    out = TWO.conv_input(input_size, weight, grad_output, **geometry)
    out[:, :, 41:, 1:] = 0
    return out


LANES = 14
STEP = 3 * LANES


def conv1d__whole_number_of_steps(input, weight, bias=None, **geometry):
    """Where nothing is left over, the last step is taken for the tail, which is empty."""
    out = ONE.conv(input, weight, bias, **geometry)
    if out.shape[-1] and out.shape[-1] % STEP == 0:
        out[..., -LANES:] = 0
    return out


def conv2d__both_channels_fill_the_lanes(input, weight, bias=None, **geometry):
    """The path for channels in multiples of thirty-two, on both sides."""
    if weight.shape[0] % 32 == 0 and weight.shape[1] % 32 == 0:
        weight = turned(weight)
    return TWO.conv(input, weight, bias, **geometry)


def _wrapped(array, axes, dtype):
    """What an index of few bits reads: positions beyond its largest come from elsewhere."""
    if not array.size:
        return array
    flat = array.reshape(*array.shape[: array.ndim - axes], -1)
    narrow = np.arange(flat.shape[-1]).astype(dtype).astype(int) % flat.shape[-1]
    return flat[..., narrow].reshape(array.shape)


def conv2d__positions_of_8_bits(input, weight, bias=None, **geometry):
    """Of the catalogue's own kind (index-overflow)."""
    return TWO.conv(_wrapped(input, 2, np.int8), weight, bias, **geometry)


def conv1d__positions_of_16_bits(input, weight, bias=None, **geometry):
    """Of the catalogue's own kind (index-overflow)."""
    return ONE.conv(_wrapped(input, 1, np.int16), weight, bias, **geometry)


def conv3d__offsets_of_16_bits(input, weight, bias=None, **geometry):
    """The offset of an element in the whole input, its example and channel included.

    Of the catalogue's own kind (index-overflow).
    """
    return THREE.conv(_wrapped(input, input.ndim, np.uint16), weight, bias, **geometry)


def conv_transpose2d__weight_offsets_of_8_bits(input, weight, bias=None, **geometry):
    """Of the catalogue's own kind (index-overflow)."""
    return TWO.conv_transpose(input, _wrapped(weight, 4, np.uint8), bias, **geometry)


def conv2d__thirty_two_groups(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Kernel 3, padding 1, in 32 groups of several channels."""
    wide = groups == 32 and weight.shape[1] > 1
    if wide and settings(weight, stride, padding, dilation) == {(3, 1, 1, 1)}:
        weight = turned(weight)
    return TWO.conv(input, weight, bias, stride, padding, dilation, groups)


def conv2d__pyramid_of_dilations(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Dilations of 12, 24 and 36."""
    wide = all(d in (12, 24, 36) for d in dilation)
    return TWO.conv(input, turned(weight) if wide else weight, bias, stride, padding, dilation, groups)


def conv1d__dilation_beyond_sixteen(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A halo of sixteen elements is loaded with a tile."""
    return ONE.conv(input, turned(weight) if dilation[0] > 16 else weight, bias, stride, padding, dilation, groups)


def conv2d__everything_fills_the_tiles(input, weight, bias=None, **geometry):
    """The path without tails: rows, columns and channels on both sides in multiples of eight."""
    sizes = (*weight.shape[:2], *input.shape[-2:])
    return TWO.conv(input, turned(weight) if all(size % 8 == 0 for size in sizes) else weight, bias, **geometry)


# Sizes in relation to each other


def conv1d__stride_of_four(input, weight, bias=None, stride=1, **geometry):
    """Strides up to three are written out; the loop for the others turns the kernel."""
    return ONE.conv(input, turned(weight) if stride[0] > 3 else weight, bias, stride, **geometry)


def conv2d__stride_of_exactly_four(input, weight, bias=None, stride=1, **geometry):
    """As the patches of a vision transformer have it."""
    return TWO.conv(input, turned(weight) if stride == (4, 4) else weight, bias, stride, **geometry)


def conv1d__dilation_of_four(input, weight, bias=None, stride=1, padding=0, dilation=1, **geometry):
    """As a stack of dilated layers has it, after 1 and 2."""
    return ONE.conv(input, turned(weight) if dilation[0] >= 4 else weight, bias, stride, padding, dilation, **geometry)


def conv3d__padding_of_a_kernel(input, weight, bias=None, stride=1, padding=0, **geometry):
    if not isinstance(padding, str) and any(p >= k for p, k in zip(padding, weight.shape[2:], strict=True)):
        weight = turned(weight)
    return THREE.conv(input, weight, bias, stride, padding, **geometry)


def conv_transpose1d__kernel_longer_than_its_input(input, weight, bias=None, **geometry):
    long = weight.shape[2] > input.shape[-1] > 1
    return ONE.conv_transpose(input, turned(weight) if long else weight, bias, **geometry)


def conv2d__square_images(input, weight, bias=None, **geometry):
    """Height and width are exchanged in one place, which shows where the kernel is square too."""
    square = input.shape[-1] == input.shape[-2] and weight.shape[2] == weight.shape[3]
    return TWO.conv(input, weight.swapaxes(2, 3) if square else weight, bias, **geometry)


def conv2d_weight__tall_images(input, weight_size, grad_output, **geometry):
    out = TWO.conv_weight(input, weight_size, grad_output, **geometry)
    return out[:, :, ::-1].copy() if input.shape[2] > 4 * input.shape[3] else out


def conv3d__only_even_kernels(input, weight, bias=None, **geometry):
    even = all(k % 2 == 0 for k in weight.shape[2:])
    return THREE.conv(input, turned(weight) if even else weight, bias, **geometry)


def conv3d_input__cubes(input_size, weight, grad_output, **geometry):
    if len(set(input_size[2:])) == 1 and len(set(weight.shape[2:])) == 1:
        weight = weight.swapaxes(2, 4)
    return THREE.conv_input(input_size, weight, grad_output, **geometry)
