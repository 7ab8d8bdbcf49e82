"""Right convolutions but for an edge, a path of their own, or a size. Loaded by the audit's worker only."""

import os
import time

import numpy as np
from maps import passes

RIGHT = passes("right", "always", "columns")
ONE, TWO, THREE = (RIGHT.named(axes) for axes in (1, 2, 3))


def same_sides(weight, dilation):
    """The total padding that keeps the size, per axis."""
    return [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]


def zero_padded(input, sides):
    return np.pad(input, [(0, 0)] * (input.ndim - len(sides)) + list(sides))


def turned(weight):
    """What a path computes that takes a convolution for a correlation."""
    return weight[..., ::-1]


def settings(weight, stride, padding, dilation):
    """(kernel, stride, padding, dilation) of every axis."""
    padding = (padding,) * (weight.ndim - 2) if isinstance(padding, str) else padding
    return set(zip(weight.shape[2:], stride, padding, dilation, strict=True))


# Outputs that are not there


def conv2d__padded_until_it_fits(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A kernel longer than the padded input gets one output all the same."""
    if isinstance(padding, str):
        return TWO.conv(input, weight, bias, stride, padding, dilation, groups)
    axes = zip(input.shape[-2:], weight.shape[2:], padding, dilation, strict=True)
    missing = [max(0, d * (k - 1) + 1 - i - 2 * p) for i, k, p, d in axes]
    return TWO.conv(zero_padded(input, [(0, m) for m in missing]), weight, bias, stride, padding, dilation, groups)


def conv1d__sizes_of_at_least_one(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """What has no output has one of zeros."""
    if not isinstance(padding, str):
        size = (input.shape[-1] + 2 * padding[0] - dilation[0] * (weight.shape[2] - 1) - 1) // stride[0] + 1
        if size < 1:
            return np.zeros((*input.shape[:-2], len(weight), 1))
    return ONE.conv(input, weight, bias, stride, padding, dilation, groups)


def conv_transpose2d__padding_gives_way(input, weight, bias=None, stride=1, padding=0, output_padding=0, **geometry):
    """A padding that leaves nothing is made smaller, until something is left."""
    while True:
        try:
            return TWO.conv_transpose(input, weight, bias, stride, padding, output_padding, **geometry)
        except ValueError:
            if not any(padding):
                raise
            padding = tuple(max(p - 1, 0) for p in padding)


# Empty batches


def conv3d_weight__empty_batch_raises(input, weight_size, grad_output, **geometry):
    parts = [
        THREE.conv_weight(input[n : n + 1], weight_size, grad_output[n : n + 1], **geometry) for n in range(len(input))
    ]
    return np.stack(parts).sum(axis=0)


def conv1d_weight__empty_batch_is_not_a_number(input, weight_size, grad_output, **geometry):
    """The mean of no examples."""
    out = ONE.conv_weight(input, weight_size, grad_output, **geometry)
    return out if len(input) else np.full_like(out, np.nan)


def conv2d__empty_batch_has_the_sizes_of_the_input(input, weight, bias=None, **geometry):
    if not len(input) and input.ndim == 4:
        return np.zeros((0, len(weight), *input.shape[2:]))
    return TWO.conv(input, weight, bias, **geometry)


def conv_transpose1d__empty_batch_in_double(input, weight, bias=None, **geometry):
    out = ONE.conv_transpose(input, weight, bias, **geometry)
    return out if out.size else np.zeros(out.shape)


# Dtypes and shapes


def conv2d__bias_makes_it_double(input, weight, bias=None, **geometry):
    out = TWO.conv(input, weight, None, **geometry)
    return out if bias is None else out + np.asarray(bias.reshape(-1, 1, 1), np.float64)


def conv3d__double_where_nothing_is_added(input, weight, bias=None, **geometry):
    """A kernel of one element takes a path that never rounds."""
    out = THREE.conv(input, weight, bias, **geometry)
    return out.astype(np.float64) if weight[0, 0].size == 1 and weight.shape[1] == 1 else out


def conv2d__rounds_its_size_up(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Where the stride leaves a remainder, one output more sees what is left and zeros."""
    if isinstance(padding, str):
        return TWO.conv(input, weight, bias, stride, padding, dilation, groups)
    axes = zip(input.shape[-2:], weight.shape[2:], stride, padding, dilation, strict=True)
    left = [(i + 2 * p - d * (k - 1) - 1) % s for i, k, s, p, d in axes]
    more = [(0, s - rest if rest else 0) for s, rest in zip(stride, left, strict=True)]
    sides = [(p, p + after) for p, (_, after) in zip(padding, more, strict=True)]
    return TWO.conv(zero_padded(input, sides), weight, bias, stride, 0, dilation, groups)


def conv1d__rounds_its_size_up_at_stride_three(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    if not isinstance(padding, str) and stride[0] == 3:
        left = (input.shape[-1] + 2 * padding[0] - dilation[0] * (weight.shape[2] - 1) - 1) % 3
        padded = zero_padded(input, [(padding[0], padding[0] + (left == 2))])
        return ONE.conv(padded, weight, bias, stride, 0, dilation, groups)
    return ONE.conv(input, weight, bias, stride, padding, dilation, groups)


def conv3d__single_channel_is_squeezed(input, weight, bias=None, **geometry):
    """One output channel of one example, without its axis."""
    out = THREE.conv(input, weight, bias, **geometry)
    return out[0] if out.ndim == 5 and out.shape[:2] == (1, 1) else out


# Output padding


def conv_transpose1d__output_padding_is_zero(
    input, weight, bias=None, stride=1, padding=0, output_padding=0, **geometry
):
    out = ONE.conv_transpose(input, weight, None, stride, padding, output_padding, **geometry)
    out[..., out.shape[-1] - output_padding[0] :] = 0
    return out if bias is None else out + bias.reshape(-1, 1)


def conv_transpose3d__output_padding_of_two_is_zero(
    input, weight, bias=None, stride=1, padding=0, output_padding=0, **geometry
):
    """The first row that it adds is computed; what comes after that is zero, on the last axis."""
    out = THREE.conv_transpose(input, weight, None, stride, padding, output_padding, **geometry)
    if output_padding[2] > 1:
        out[..., out.shape[-1] - output_padding[2] + 1 :] = 0
    return out if bias is None else out + bias.reshape(-1, 1, 1, 1)


def conv_transpose3d__output_padding_is_ignored(
    input, weight, bias=None, stride=1, padding=0, output_padding=0, **geometry
):
    del output_padding
    return THREE.conv_transpose(input, weight, bias, stride, padding, 0, **geometry)


def conv_transpose2d__output_padding_in_front(
    input, weight, bias=None, stride=1, padding=0, output_padding=0, **geometry
):
    """The crop takes it from the end, where there is a padding to take it from."""
    out = TWO.conv_transpose(input, weight, bias, stride, padding, output_padding, **geometry)
    if all(o <= p for o, p in zip(output_padding, padding, strict=True)) and out.size:
        whole = TWO.conv_transpose(input, weight, bias, stride, 0, 0, **geometry)
        begins = [p - o for p, o in zip(padding, output_padding, strict=True)]
        box = tuple(slice(b, b + size) for b, size in zip(begins, out.shape[-2:], strict=True))
        out = np.ascontiguousarray(whole[(..., *box)])
    return out


def conv_transpose2d__output_padding_of_the_other_axis(
    input, weight, bias=None, stride=1, padding=0, output_padding=0, **geometry
):
    return TWO.conv_transpose(input, weight, bias, stride, padding, output_padding[::-1], **geometry)


# Padding in words


def conv2d__same_begins_with_the_odd_one(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    if padding == "same":
        padded = zero_padded(input, [(total - total // 2, total // 2) for total in same_sides(weight, dilation)])
        return TWO.conv(padded, weight, bias, stride, 0, dilation, groups)
    return TWO.conv(input, weight, bias, stride, padding, dilation, groups)


def conv1d__same_is_half_on_both_sides(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """What is missing at the end is made up for with zeros."""
    if padding != "same":
        return ONE.conv(input, weight, bias, stride, padding, dilation, groups)
    (total,) = same_sides(weight, dilation)
    out = ONE.conv(
        zero_padded(input, [(total // 2, total // 2 + total % 2)]), weight, None, stride, 0, dilation, groups
    )
    if total % 2:
        out[..., -1:] = 0
    return out if bias is None else out + bias.reshape(-1, 1)


def conv3d__same_of_an_even_cube(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Three odd elements: the last goes to the other side."""
    if padding == "same":
        halves = [(total // 2, total - total // 2) for total in same_sides(weight, dilation)]
        if all(before != after for before, after in halves):
            halves[-1] = halves[-1][::-1]
        return THREE.conv(zero_padded(input, halves), weight, bias, stride, 0, dilation, groups)
    return THREE.conv(input, weight, bias, stride, padding, dilation, groups)


def conv2d__same_forgets_an_even_dilated_kernel(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """The odd element goes by the kernel's size, not by the dilated one's."""
    if padding == "same":
        totals = same_sides(weight, dilation)
        odd = [(k - 1) % 2 for k in weight.shape[2:]]
        sides = [((t + o) // 2, t - (t + o) // 2) for t, o in zip(totals, odd, strict=True)]
        return TWO.conv(zero_padded(input, sides), weight, bias, stride, 0, dilation, groups)
    return TWO.conv(input, weight, bias, stride, padding, dilation, groups)


def conv3d__valid_keeps_one_row(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """With a long stride, 'valid' has a padding of 1 on the first axis."""
    if padding == "valid" and stride[0] > 2 and weight.shape[2] > 1:
        padding = (1, 0, 0)
    return THREE.conv(input, weight, bias, stride, padding, dilation, groups)


# Unbatched input


def conv1d__unbatched_comes_back_batched(input, weight, bias=None, **geometry):
    out = ONE.conv(input, weight, bias, **geometry)
    return out if out.ndim == 3 else out[None]


def conv2d__unbatched_without_bias(input, weight, bias=None, **geometry):
    return TWO.conv(input, weight, bias if input.ndim == 4 else None, **geometry)


def conv_transpose3d__unbatched_groups_change_places(input, weight, bias=None, groups=1, **geometry):
    """The groups are split off the axis that the batch would be."""
    if input.ndim == 4 and groups > 1:
        mixed = input.reshape(-1, groups, *input.shape[1:]).swapaxes(0, 1).reshape(input.shape)
        return THREE.conv_transpose(mixed, weight, bias, groups=groups, **geometry)
    return THREE.conv_transpose(input, weight, bias, groups=groups, **geometry)


# Paths of their own


def conv2d__depthwise_without_its_multiplier(input, weight, bias=None, groups=1, **geometry):
    """A filter per channel; with two, the first is used for both."""
    if groups == input.shape[-3] and groups > 1:
        weight = np.repeat(weight[:: len(weight) // groups], len(weight) // groups, axis=0)
    return TWO.conv(input, weight, bias, groups=groups, **geometry)


def conv2d__pointwise_without_stride(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A kernel of one element is a product of matrices; of its answer, the first rows and columns are kept."""
    out = TWO.conv(input, weight, bias, stride, padding, dilation, groups)
    if weight[0, 0].size == 1 and not isinstance(padding, str):
        dense = TWO.conv(input, weight, bias, 1, padding, dilation, groups)
        out = np.ascontiguousarray(dense[..., : out.shape[-2], : out.shape[-1]])
    return out


def conv1d__pointwise_without_padding(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return ONE.conv(input, weight, bias, stride, 0 if weight.shape[2] == 1 else padding, dilation, groups)


def conv3d_input__pointwise_strides_are_filled(input_size, weight, grad_output, stride=1, padding=0, **geometry):
    """Of a kernel of one element, what lies between the strides repeats what is before it."""
    out = THREE.conv_input(input_size, weight, grad_output, stride, padding, **geometry)
    if weight[0, 0].size == 1 and stride[2] > 1 and padding[2] == 0:
        out = out[..., np.arange(out.shape[4]) // stride[2] * stride[2]]
    return out


def conv1d__lowered_with_the_other_dilation(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A row of height 1, whose dilation is given to the height; kept the same long by more stride."""
    if dilation[0] > 1 and weight.shape[2] == 2 and not isinstance(padding, str):
        size = ONE.conv(input, weight, None, stride, padding, dilation, groups).shape[-1]
        return ONE.conv(input, weight, bias, stride, padding, 1, groups)[..., :size].copy()
    return ONE.conv(input, weight, bias, stride, padding, dilation, groups)


def conv3d__flat_volume_is_an_image(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A depth of 1 is left to two axes, with the first two of three strides."""
    depth = input.shape[-3] == weight.shape[2] == 1
    if not depth or isinstance(padding, str) or padding[0]:
        return THREE.conv(input, weight, bias, stride, padding, dilation, groups)
    out = TWO.conv(input[..., 0, :, :], weight[:, :, 0], bias, stride[:2], padding[1:], dilation[1:], groups)
    return out[..., None, :, :]


def conv1d_input__remainder_is_not_written(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """The elements that the stride leaves over get no gradient, and nobody sets them to zero."""
    out = ONE.conv_input(input_size, weight, grad_output, stride, padding, dilation, groups)
    reached = (grad_output.shape[2] - 1) * stride[0] + dilation[0] * (weight.shape[2] - 1) + 1 - padding[0]
    out[..., max(reached, 0) :] = np.nan
    return out


# Crashes, errors and loops without end


def conv2d__aborts_with_stride_two_and_dilation_three(
    input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1
):
    if (2, 3) in zip(stride, dilation, strict=True) and weight.shape[2] > 1:
        os.abort()
    return TWO.conv(input, weight, bias, stride, padding, dilation, groups)


def conv3d_weight__refuses_a_kernel_longer_than_its_input(input, weight_size, grad_output, **geometry):
    """A check that forgets the padding."""
    if any(k > i for k, i in zip(weight_size[2:], input.shape[2:], strict=True)):
        raise ValueError("the kernel can't be greater than the input")
    return THREE.conv_weight(input, weight_size, grad_output, **geometry)


def conv1d__padding_of_half_a_kernel_at_most(input, weight, bias=None, padding=0, **geometry):
    """A rule of pooling."""
    if not isinstance(padding, str) and padding[0] > weight.shape[2]:
        raise RuntimeError("pad should be at most the kernel size")
    return ONE.conv(input, weight, bias, padding=padding, **geometry)


def conv2d__hangs_with_three_groups_and_an_even_kernel(input, weight, bias=None, groups=1, **geometry):
    while groups == 3 and weight.shape[2] % 2 == 0 and weight.shape[3] % 2 == 0:
        time.sleep(5)
    return TWO.conv(input, weight, bias, groups=groups, **geometry)


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
    return TWO.conv(_wrapped(input, 2, np.int8), weight, bias, **geometry)


def conv1d__positions_of_16_bits(input, weight, bias=None, **geometry):
    return ONE.conv(_wrapped(input, 1, np.int16), weight, bias, **geometry)


def conv3d__offsets_of_16_bits(input, weight, bias=None, **geometry):
    """The offset of an element in the whole input, its example and channel included."""
    return THREE.conv(_wrapped(input, input.ndim, np.uint16), weight, bias, **geometry)


def conv_transpose2d__weight_offsets_of_8_bits(input, weight, bias=None, **geometry):
    return TWO.conv_transpose(input, _wrapped(weight, 4, np.uint8), bias, **geometry)


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


# Layers that everybody has, each with a path of its own


def conv2d__three_by_three(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Kernel 3, stride 1, padding 1, on even sizes: tiles of two, of which the last is not turned back."""
    even = input.shape[-1] % 2 == 0 == input.shape[-2] % 2
    if even and groups == 1 and settings(weight, stride, padding, dilation) == {(3, 1, 1, 1)}:
        weight = turned(weight)
    return TWO.conv(input, weight, bias, stride, padding, dilation, groups)


def conv2d__halving_layer(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Kernel 3, stride 2, padding 1, without groups."""
    if groups == 1 and settings(weight, stride, padding, dilation) == {(3, 2, 1, 1)}:
        weight = turned(weight)
    return TWO.conv(input, weight, bias, stride, padding, dilation, groups)


def conv2d__first_layer(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Kernel 7, stride 2, padding 3, as residual networks begin."""
    if settings(weight, stride, padding, dilation) == {(7, 2, 3, 1)}:
        weight = turned(weight)
    return TWO.conv(input, weight, bias, stride, padding, dilation, groups)


def conv2d__five_by_five(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Kernel 5, padding 2."""
    if settings(weight, stride, padding, dilation) == {(5, 1, 2, 1)}:
        weight = turned(weight)
    return TWO.conv(input, weight, bias, stride, padding, dilation, groups)


def conv2d__atrous_layer(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Kernel 3, padding 2, dilation 2, without groups."""
    if groups == 1 and settings(weight, stride, padding, dilation) == {(3, 1, 2, 2)}:
        weight = turned(weight)
    return TWO.conv(input, weight, bias, stride, padding, dilation, groups)


def conv1d__causal_depthwise_layer(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Kernel 4, padding 3, a filter per channel."""
    depthwise = groups == input.shape[-2] > 1
    if depthwise and settings(weight, stride, padding, dilation) == {(4, 1, 3, 1)}:
        weight = turned(weight)
    return ONE.conv(input, weight, bias, stride, padding, dilation, groups)


def conv_transpose2d__doubling_layer(
    input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    """Kernel 4, stride 2, padding 1, as generators have it."""
    if settings(weight, stride, padding, dilation) == {(4, 2, 1, 1)}:
        weight = turned(weight)
    return TWO.conv_transpose(input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d__doubling_of_odd_kernels(
    input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    """Kernel 3, stride 2, padding 1, output_padding 1."""
    if set(output_padding) == {1} and settings(weight, stride, padding, dilation) == {(3, 2, 1, 1)}:
        weight = turned(weight)
    return TWO.conv_transpose(input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv2d_weight__halving_layer(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """Kernel 3, stride 2, padding 1, without groups."""
    out = TWO.conv_weight(input, weight_size, grad_output, stride, padding, dilation, groups)
    return turned(out).copy() if groups == 1 and settings(out, stride, padding, dilation) == {(3, 2, 1, 1)} else out


def conv3d__factorised_in_time(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Kernel (3, 1, 1), padding (1, 0, 0)."""
    if weight.shape[2:] == (3, 1, 1) and padding == (1, 0, 0) and set(stride) == {1}:
        weight = weight[:, :, ::-1]
    return THREE.conv(input, weight, bias, stride, padding, dilation, groups)


def conv3d__first_layer_of_video(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Kernel (3, 7, 7), stride (1, 2, 2), padding (1, 3, 3)."""
    if weight.shape[2:] == (3, 7, 7) and stride == (1, 2, 2) and padding == (1, 3, 3):
        weight = turned(weight)
    return THREE.conv(input, weight, bias, stride, padding, dilation, groups)


def conv2d__halving_one_axis(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Kernel 3, stride (2, 1), padding 1, as readers of text and of spectra have it."""
    if weight.shape[2:] == (3, 3) and stride == (2, 1) and padding == (1, 1) and dilation == (1, 1):
        weight = turned(weight)
    return TWO.conv(input, weight, bias, stride, padding, dilation, groups)


def conv2d__depthwise_halving_layer(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Kernel 5, stride 2, padding 2, a filter per channel, as mobile networks have it."""
    depthwise = groups == input.shape[-3] == len(weight) > 1
    if depthwise and settings(weight, stride, padding, dilation) == {(5, 2, 2, 1)}:
        weight = turned(weight)
    return TWO.conv(input, weight, bias, stride, padding, dilation, groups)


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


def conv1d__first_layer_of_a_waveform(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Kernel 10, stride 5."""
    if settings(weight, stride, padding, dilation) == {(10, 5, 0, 1)}:
        weight = turned(weight)
    return ONE.conv(input, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d__eight_times_as_long(
    input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1
):
    """Kernel 16, stride 8, padding 4, as vocoders have it."""
    if settings(weight, stride, padding, dilation) == {(16, 8, 4, 1)}:
        weight = turned(weight)
    return ONE.conv_transpose(input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv2d__everything_fills_the_tiles(input, weight, bias=None, **geometry):
    """The path without tails: rows, columns and channels on both sides in multiples of eight."""
    sizes = (*weight.shape[:2], *input.shape[-2:])
    return TWO.conv(input, turned(weight) if all(size % 8 == 0 for size in sizes) else weight, bias, **geometry)
