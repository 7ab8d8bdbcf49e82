"""Right convolutions but for an edge: an empty output or batch, a dtype, 'same', unbatched input, a refusal or a crash.

Loaded by the audit's worker only.
"""

import os
import time

import numpy as np
from planted_common import ONE, THREE, TWO, zero_padded


def same_sides(weight, dilation):
    """The total padding that keeps the size, per axis."""
    return [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]


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


def conv1d_input__remainder_is_not_written(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    """The elements that the stride leaves over get no gradient, and nobody sets them to zero."""
    out = ONE.conv_input(input_size, weight, grad_output, stride, padding, dilation, groups)
    reached = (grad_output.shape[2] - 1) * stride[0] + dilation[0] * (weight.shape[2] - 1) + 1 - padding[0]
    out[..., max(reached, 0) :] = np.nan
    return out


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
    """Of the catalogue's own kind (unbatched-mishandled)."""
    out = ONE.conv(input, weight, bias, **geometry)
    return out if out.ndim == 3 else out[None]


def conv2d__unbatched_without_bias(input, weight, bias=None, **geometry):
    """Of the catalogue's own kind (unbatched-mishandled)."""
    return TWO.conv(input, weight, bias if input.ndim == 4 else None, **geometry)


def conv_transpose3d__unbatched_groups_change_places(input, weight, bias=None, groups=1, **geometry):
    """The groups are split off the axis that the batch would be. Of the catalogue's own kind (unbatched-mishandled)."""
    if input.ndim == 4 and groups > 1:
        mixed = input.reshape(-1, groups, *input.shape[1:]).swapaxes(0, 1).reshape(input.shape)
        return THREE.conv_transpose(mixed, weight, bias, groups=groups, **geometry)
    return THREE.conv_transpose(input, weight, bias, groups=groups, **geometry)


# Crashes, errors and loops without end


def conv2d__aborts_with_stride_two_and_dilation_three(
    input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1
):
    if (2, 3) in zip(stride, dilation, strict=True) and weight.shape[2] > 1:
        os.abort()
    return TWO.conv(input, weight, bias, stride, padding, dilation, groups)


def conv2d__hangs_with_three_groups_and_an_even_kernel(input, weight, bias=None, groups=1, **geometry):
    while groups == 3 and weight.shape[2] % 2 == 0 and weight.shape[3] % 2 == 0:
        time.sleep(5)
    return TWO.conv(input, weight, bias, groups=groups, **geometry)
