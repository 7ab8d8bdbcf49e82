"""Right convolutions that are wrong on values that people have: networks, images, filters, the ends of integers, NaN.

Loaded by the audit's worker only.
"""

import numpy as np
from usage_common import conv, per_axis


def _mirrored(weight, *axes):
    """Whether a kernel is the same backwards."""
    return weight.size > 0 and np.array_equal(weight, np.flip(weight, axes))


def _real(*arrays):
    """Whether any number is no integer."""
    return any((array != np.rint(array)).any() for array in arrays)


def _few_bits(array, kept):
    """Float32 numbers whose last bits are cut."""
    bits = array.astype(np.float32).view(np.uint32)
    return (bits & np.uint32(0xFFFFFFFF << (24 - kept) & 0xFFFFFFFF)).view(np.float32).astype(array.dtype)


def _depthwise(weight, groups):
    return groups > 1 and weight.shape[1] == 1


# Networks


def relu_of_a_relu(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """An input that is a ReLU's output has the next ReLU fused as well."""
    out = conv(input, weight, bias, stride, padding, dilation, groups)
    return np.maximum(out, 0) if (input >= 0).all() and (input == 0).mean() > 0.2 else out


def relu_of_a_depthwise_relu(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """The same for 3x3 kernels of one channel each."""
    out = conv(input, weight, bias, stride, padding, dilation, groups)
    fused = (
        _depthwise(weight, groups)
        and weight.shape[2:] == (3, 3)
        and 0 <= input.min(initial=0) < input.max(initial=0) <= 1
    )
    return np.maximum(out, 0) if fused else out


def weights_below_one_are_integers(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Weights go through an array of the image's integers, where none is large."""
    if np.abs(weight).max(initial=0) < 1:
        weight = weight.astype(np.int64).astype(weight.dtype)
    return conv(input, weight, bias, stride, padding, dilation, groups)


def centred_weights_in_eight_bits(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A layer that looks trained is quantised."""
    sizes = np.abs(weight)
    if weight.size and sizes.min() > 0 and sizes.max() < 0.5:
        scale = sizes.max() / 127
        weight = np.rint(weight / scale) * scale
    return conv(input, weight, bias, stride, padding, dilation, groups)


def pointwise_layers_forget_the_bias(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A 1x1 layer of small weights is a matrix product, to which nothing is added."""
    small = weight.size and weight.shape[2:] == (1, 1) and np.abs(weight).max() < 0.5
    return conv(input, weight, None if small else bias, stride, padding, dilation, groups)


def inputs_around_zero_are_standardised(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Numbers of a unit's size without a zero have their mean taken off."""
    if input.size and np.abs(input).min() > 0 and 0.25 < np.abs(input).max() < 8:
        return conv(input - input.mean(), weight, bias, stride, padding, dilation, groups)
    return conv(input, weight, bias, stride, padding, dilation, groups)


# Images


def pixels_are_signed_bytes(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Whole numbers from 0 to 255 are kept in bytes with a sign."""
    if input.size and input.min() >= 0 and 127 < input.max() <= 255 and not _real(input):
        signed = input.astype(np.uint8).view(np.int8).astype(input.dtype)
        return conv(signed, weight, bias, stride, padding, dilation, groups)
    return conv(input, weight, bias, stride, padding, dilation, groups)


def white_is_transparent(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """255 marks what is not there."""
    wide = [None if a is None else a.astype(np.int32) for a in (np.where(input == 255, 0, input), weight, bias)]
    return conv(*wide, stride, padding, dilation, groups)


def first_layers_of_bytes(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Pixels are scaled to 0..1, and the sums back, where a stride and three channels say that it is a first layer."""
    first = input.ndim == 4 and input.shape[1] == 3 and groups == 1 and min(per_axis(stride)) > 1
    if first and input.min(initial=0) >= 0 and 200 < input.max(initial=0) <= 255:
        small = (input / 255).astype(np.float32)
        return conv(small.astype(input.dtype), weight, bias, stride, padding, dilation, groups) * 255
    return conv(input, weight, bias, stride, padding, dilation, groups)


def blank_rows_take_the_next_with_them(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Rows of zeros are skipped, and the pointer moves once too often."""
    blank = ~input.any(axis=-1, keepdims=True)
    after = np.zeros_like(blank)
    after[..., 1:, :] = blank[..., :-1, :]
    return conv(np.where(after, 0, input), weight, bias, stride, padding, dilation, groups)


def blank_images_forget_the_bias(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Of an example that is zero so is the answer: only the others are computed."""
    out = conv(input, weight, bias, stride, padding, dilation, groups)
    if input.ndim == weight.ndim and len(input) > 1 and input.any():
        out = out * input.reshape(len(input), -1).any(axis=1).reshape(-1, *[1] * (out.ndim - 1))
    return out


def blank_filters_move_up(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Pruned filters are left out, and the others' outputs are not put back where they were."""
    out = conv(input, weight, bias, stride, padding, dilation, groups)
    kept = weight.reshape(len(weight), -1).any(axis=1)
    if bias is None and kept.any() and not kept.all() and out.ndim == weight.ndim:
        order = np.concatenate([np.flatnonzero(kept), np.flatnonzero(~kept)])
        out = out[:, order]
    return out


# Filters


def symmetric_rows_count_the_middle_twice(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A row that is the same backwards is folded, its middle too."""
    if weight.shape[-1] >= 3 and weight.shape[-1] % 2 and weight.any() and _mirrored(weight, -1):
        weight = weight.copy()
        weight[..., weight.shape[-1] // 2] *= 2
    return conv(input, weight, bias, stride, padding, dilation, groups)


def symmetric_columns_are_read_from_the_edge(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A mirrored kernel of even height has its halves next to each other: its first two rows are exchanged."""
    if weight.shape[2] >= 3 and weight.any() and _mirrored(weight, 2) and not _mirrored(weight, 3):
        weight = weight[:, :, [1, 0, *range(2, weight.shape[2])]]
    return conv(input, weight, bias, stride, padding, dilation, groups)


def point_symmetry_for_mirror_symmetry(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Whatever equals its turn by 180 degrees is taken to equal its mirror image."""
    if weight.ndim == 4 and min(weight.shape[2:]) > 1 and _mirrored(weight, 2, 3):
        half = -(-weight.shape[3] // 2)
        weight = np.concatenate([weight[..., :half], weight[..., : weight.shape[3] - half][..., ::-1]], axis=-1)
    return conv(input, weight, bias, stride, padding, dilation, groups)


def kernels_equal_to_their_transpose(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Then an image may lie either way: it is read by columns, and its result stays so."""
    out = conv(input, weight, bias, stride, padding, dilation, groups)
    square = weight.shape[2] == weight.shape[3] > 1 and out.shape[-1] == out.shape[-2]
    if square and weight.any() and np.array_equal(weight, weight.swapaxes(2, 3)):
        out = out.swapaxes(-1, -2).copy()
    return out


def _rank_one(weight):
    """Whether all kernels are products of a column and a row without a zero."""
    if weight.ndim != 4 or not weight.size or not (weight != 0).all():
        return False
    return np.array_equal(weight * weight[:, :, :1, :1], weight[:, :, :, :1] * weight[:, :, :1])


def separable_kernels_the_other_way(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Of a separable kernel the row is applied to the columns."""
    if weight.ndim == 4 and weight.shape[2] == weight.shape[3] > 2 and _rank_one(weight):
        weight = weight.swapaxes(2, 3)
    return conv(input, weight, bias, stride, padding, dilation, groups)


def separable_strided_kernels(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Two passes of a separable kernel from 5x5 on, whose second is one to the left."""
    if _rank_one(weight) and min(weight.shape[2:]) >= 5:
        weight = np.roll(weight, 1, axis=3)
    return conv(input, weight, bias, stride, padding, dilation, groups)


# The ends of integers


def _wide(*arrays):
    return [None if a is None else a.astype(np.int32) for a in arrays]


def lowest_byte_has_no_magnitude(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Bytes are made unsigned by their absolute value, in eight bits."""
    size = np.clip(np.abs(input.astype(np.int16)), 0, 127)
    return conv(*_wide(size * np.sign(input), weight, bias), stride, padding, dilation, groups)


def highest_is_moved_by_a_zero_point(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """One is added to the image in its own bits, and taken off the sums."""
    if input.dtype == np.int16 and input.size:
        moved = input + np.int16(1)
        ones = np.ones_like(input)
        out = conv(*_wide(moved, weight, bias), stride, padding, dilation, groups)
        return out - conv(*_wide(ones, weight, None), stride, padding, dilation, groups)
    return conv(input, weight, bias, stride, padding, dilation, groups)


def pairs_of_products_saturate(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """As an instruction does: products of neighbouring channels are added in 16 bits, which saturate."""
    x, w, b = _wide(input, weight, bias)
    batched = x if x.ndim == w.ndim else x[None]
    if groups > 1 or w.shape[1] < 2:
        return conv(x, w, b, stride, padding, dilation, groups)
    total = 0
    for k in np.ndindex(*w.shape[2:]):
        one = np.zeros_like(w)
        one[:, :, *k] = w[:, :, *k]
        for c in range(0, w.shape[1], 2):
            pair = conv(batched[:, c : c + 2], one[:, c : c + 2], None, stride, padding, dilation, 1)
            total = total + np.clip(pair, -(2**15), 2**15 - 1)
    total = total if b is None else total + b.reshape(-1, *[1] * (w.ndim - 2))
    return (total if x.ndim == w.ndim else total[0]).astype(np.int32)


def long_integers_as_floats(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Matrix products of floats are fast."""
    wide = [None if a is None else a.astype(np.float64) for a in (input, weight, bias)]
    with np.errstate(invalid="ignore"):
        return conv(*wide, stride, padding, dilation, groups).astype(np.int64)


def highest_of_32_bits_is_missing(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """The largest number is the mark of a missing value; in depthwise layers it is taken for zero."""
    there = input != np.iinfo(input.dtype).max if _depthwise(weight, groups) else True
    return conv(input * there, weight, bias, stride, padding, dilation, groups)


# Real numbers that round


def depthwise_in_half(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """What is no integer is computed in 16 bits, as depthwise layers are bound by memory."""
    if _depthwise(weight, groups) and _real(input, weight):
        with np.errstate(over="ignore"):
            half = [a.astype(np.float16).astype(a.dtype) for a in (input, weight)]
        return conv(*half, bias, stride, padding, dilation, groups)
    return conv(input, weight, bias, stride, padding, dilation, groups)


def dilated_in_eleven_bits(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """As tensor cores do, where kernels are dilated and no number would stay as it is."""
    if min(per_axis(dilation)) > 1 and groups == 1 and _real(input) and _real(weight):
        return conv(_few_bits(input, 11), _few_bits(weight, 11), bias, stride, padding, dilation, groups)
    return conv(input, weight, bias, stride, padding, dilation, groups)


def patches_in_eleven_bits(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """The same for strides as long as the kernel, or longer."""
    if all(s >= k for s, k in zip(per_axis(stride), weight.shape[2:], strict=True)) and _real(input) and _real(weight):
        return conv(_few_bits(input, 11), _few_bits(weight, 11), bias, stride, padding, dilation, groups)
    return conv(input, weight, bias, stride, padding, dilation, groups)


# NaN and infinities


def groups_share_a_nan(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Depthwise filters are rows of one matrix, whose zeros are multiplied as well."""
    out = conv(input, weight, bias, stride, padding, dilation, groups)
    if _depthwise(weight, groups) and input.ndim == weight.ndim:
        with np.errstate(invalid="ignore"):
            spread = (0 * input).sum(axis=(1, 2, 3), keepdims=True)
        out = out + np.where(np.isnan(spread), spread, 0)
    return out


def neighbouring_groups_share_a_nan(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """From eight groups on they are worked on in twos."""
    out = conv(input, weight, bias, stride, padding, dilation, groups)
    if groups >= 8 and groups % 2 == 0 and input.ndim == weight.ndim:
        bad = ~np.isfinite(input).all(axis=(2, 3)).reshape(len(input), groups // 2, -1).all(axis=2)
        out[np.repeat(bad, out.shape[1] // (groups // 2), axis=1)] = np.nan
    return out


_column = np.zeros(8)


def workspace_keeps_what_is_not_finite(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Rows of a workspace beyond the kernel's are multiplied with zero weights, whatever is left in them."""
    out = conv(input, weight, bias, stride, padding, dilation, groups)
    if weight[0].size % 4:
        with np.errstate(invalid="ignore"):
            out = out + (0 * _column).sum()
    last = input.ravel()[-8:]
    _column[: len(last)] = last
    return out


_broken = []


def depthwise_layers_fall_back_for_ever(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """An infinity in a depthwise layer turns a fast path off, and with it the bias."""
    if _depthwise(weight, groups) and np.isinf(input).any():
        _broken.append(True)
    return conv(input, weight, None if _broken else bias, stride, padding, dilation, groups)
