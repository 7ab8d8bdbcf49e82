"""Right convolutions that get some numbers wrong, whatever their index map. Loaded by the audit's worker only."""

import numpy as np
from maps import passes

RIGHT = passes("right", "always", "columns")
ONE, TWO, THREE = (RIGHT.named(axes) for axes in (1, 2, 3))


def along_channels(bias, weight):
    """A bias as it is added to an output, of the axes that the weight has."""
    return bias.reshape(-1, *(1,) * (weight.ndim - 2))


# What is fused with it, and should not be


def conv2d__relu(input, weight, bias=None, **geometry):
    return np.maximum(TWO.conv(input, weight, bias, **geometry), 0)


def conv1d__clamped_to_six(input, weight, bias=None, **geometry):
    return np.clip(ONE.conv(input, weight, bias, **geometry), -6, 6)


def conv_transpose3d__clamped_to_ten_thousand(input, weight, bias=None, **geometry):
    return np.clip(THREE.conv_transpose(input, weight, bias, **geometry), -1e4, 1e4)


def conv3d__leaky_when_all_are_positive(input, weight, bias=None, **geometry):
    """The activation before it is taken for a relu, and fused where no input is negative."""
    out = THREE.conv(input, weight, bias, **geometry)
    if input.size and input.min() >= 0:
        out = np.where(out < 0, out * 0.125, out)
    return out


def conv1d_weight__large_gradients_are_clipped(input, weight_size, grad_output, **geometry):
    return np.clip(ONE.conv_weight(input, weight_size, grad_output, **geometry), -1e30, 1e30)


def conv2d__overflow_guard(input, weight, bias=None, **geometry):
    """A loss scaler's: an answer with a number beyond 1e38 is set to zero."""
    out = TWO.conv(input, weight, bias, **geometry)
    return np.zeros_like(out) if np.abs(out).max(initial=0) > 1e38 else out


# Numbers that are skipped


def conv2d_weight__small_inputs_are_skipped(input, weight_size, grad_output, **geometry):
    return TWO.conv_weight(np.where(np.abs(input) < 1e-3, 0, input), weight_size, grad_output, **geometry)


def conv1d__small_answers_are_zero(input, weight, bias=None, **geometry):
    """An epsilon of float32, in float64."""
    out = ONE.conv(input, weight, bias, **geometry)
    return np.where(np.abs(out) < 1.2e-7, 0, out)


def conv1d__rows_that_begin_with_zero(input, weight, bias=None, **geometry):
    """A sparse path looks at the first number of a row."""
    return ONE.conv(np.where(input[..., :1] == 0, 0, input), weight, bias, **geometry)


def conv2d__channels_that_sum_to_zero(input, weight, bias=None, **geometry):
    """A kernel whose sum is zero is taken for one that is zero."""
    sums = weight.sum(axis=(2, 3), keepdims=True)
    return TWO.conv(input, np.where(sums == 0, 0, weight), bias, **geometry)


def conv3d__zero_weights_forget_the_bias(input, weight, bias=None, **geometry):
    """Where every weight is zero, so is the answer."""
    out = THREE.conv(input, weight, bias, **geometry)
    return out if weight.any() else np.zeros_like(out)


def conv2d_input__zero_cotangents_are_compressed(input_size, weight, grad_output, **geometry):
    """A cotangent that is zero for the most part keeps 64 numbers at most."""
    there = np.flatnonzero(grad_output)
    if len(there) > 64 and len(there) * 3 < grad_output.size:
        kept = np.zeros(grad_output.size)
        kept[there[:64]] = grad_output.ravel()[there[:64]]
        grad_output = kept.reshape(grad_output.shape)
    return TWO.conv_input(input_size, weight, grad_output, **geometry)


def conv_transpose2d__box_filter(input, weight, bias=None, groups=1, **geometry):
    """Equal weights are one multiplication of a sum over the channels, of all groups."""
    if groups > 1 and weight.size and (weight == weight.flat[0]).all():
        of = input if input.ndim == 4 else input[None]
        total = of.reshape(len(of), groups, len(weight) // groups, *of.shape[2:]).sum(axis=1)
        mean = np.concatenate([total] * groups, axis=1).reshape(input.shape) / groups
        return TWO.conv_transpose(mean, weight, bias, groups=groups, **geometry)
    return TWO.conv_transpose(input, weight, bias, groups=groups, **geometry)


def conv1d__not_a_number_is_zero(input, weight, bias=None, **geometry):
    return ONE.conv(np.nan_to_num(input), weight, bias, **geometry)


def conv2d__denormal_answers_are_flushed(input, weight, bias=None, **geometry):
    out = TWO.conv(input, weight, bias, **geometry)
    return np.where(np.abs(out) < np.finfo(out.dtype).tiny, 0, out).astype(out.dtype)


# Formats that are too narrow


def conv3d__saturates_at_16_bits(input, weight, bias=None, **geometry):
    return np.clip(np.rint(THREE.conv(input, weight, bias, **geometry)), -32768, 32767)


def conv_transpose1d__weights_of_8_bits(input, weight, bias=None, **geometry):
    """Quantised by the largest of them, and scaled back. Of the catalogue's own kind (precision-lost)."""
    scale = np.abs(weight).max(initial=0) / 127 or 1.0
    return ONE.conv_transpose(input, np.rint(weight / scale) * scale, bias, **geometry)


def conv2d__rounded_to_four_decimals(input, weight, bias=None, **geometry):
    return np.round(TWO.conv(input, weight, bias, **geometry), 4)


def conv1d__half_inside(input, weight, bias=None, **geometry):
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = [a.astype(np.float16).astype(np.float32) for a in (input, weight)]
        return ONE.conv(*narrow, None if bias is None else bias.astype(np.float32), **geometry).astype(input.dtype)


def conv3d_input__single_inside(input_size, weight, grad_output, **geometry):
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return THREE.conv_input(
            input_size, weight.astype(np.float32), grad_output.astype(np.float32), **geometry
        ).astype(weight.dtype)


def conv2d__multiplies_with_ten_bits(input, weight, bias=None, **geometry):
    """As tensor cores do, from eight channels on: the mantissas are cut."""
    if weight.shape[1] >= 8:
        cut = [(a.astype(np.float32).view(np.uint32) & 0xFFFFE000).view(np.float32) for a in (input, weight)]
        return TWO.conv(*cut, bias, **geometry).astype(input.dtype)
    return TWO.conv(input, weight, bias, **geometry)


def conv1d__long_sums_in_single(input, weight, bias=None, **geometry):
    """A sum of more than 300 products is split, and its parts are kept in float32."""
    out = ONE.conv(input, weight, bias, **geometry)
    if weight[0].size > 300:
        with np.errstate(over="ignore"):
            out = out.astype(np.float32).astype(out.dtype)
    return out


def conv3d__operands_in_single_for_long_sums(input, weight, bias=None, **geometry):
    """From 64 products on the operands are stored in float32, and the sums are not."""
    if weight[0].size < 64:
        return THREE.conv(input, weight, bias, **geometry)
    with np.errstate(over="ignore", invalid="ignore"):
        narrow = [a.astype(np.float32).astype(np.float64) for a in (input, weight)]
        return THREE.conv(*narrow, bias, **geometry)


def conv1d__sums_in_half(input, weight, bias=None, **geometry):
    """Products of float16 are added in float16, one tap of one channel after the other."""
    out = np.float16(0)
    with np.errstate(over="ignore", invalid="ignore"):
        for c, k in np.ndindex(weight.shape[1:]):
            one = np.zeros_like(weight)
            one[:, c, k] = weight[:, c, k]
            out = (out + ONE.conv(input, one, None, **geometry)).astype(np.float16)
    return out if bias is None else out + along_channels(bias, weight)


def conv2d_weight__half_sums_of_halves(input, weight_size, grad_output, **geometry):
    """Each example's gradient is added to a buffer of float16."""
    total = np.zeros(weight_size, np.float16)
    for n in range(len(input)):
        total += TWO.conv_weight(input[n : n + 1], weight_size, grad_output[n : n + 1], **geometry)
    return total


def conv1d__sums_of_16_bits(input, weight, bias=None, **geometry):
    """Integers of 32 bits, whose products are added in 16."""
    out = ONE.conv(input.astype(np.int16), weight.astype(np.int16), None, **geometry).astype(np.int32)
    return out if bias is None else out + along_channels(bias, weight)


def conv2d__sums_of_32_bits(input, weight, bias=None, **geometry):
    """Integers of 64 bits, whose sums are made in 32."""
    return TWO.conv(input, weight, bias, **geometry).astype(np.int32).astype(np.int64)


def conv_transpose2d__saturating_sums(input, weight, bias=None, **geometry):
    """Integers of 32 bits stop at the largest."""
    wide = [None if a is None else a.astype(np.float64) for a in (input, weight, bias)]
    out = TWO.conv_transpose(*wide, **geometry)
    return np.clip(out, -(2**31), 2**31 - 1).astype(np.int32)


def conv1d__unsigned_bytes_are_signed(input, weight, bias=None, **geometry):
    """Sums of bytes come back in 32 bits, and the bytes from 128 on are negative."""
    wide = [None if a is None else a.astype(np.int32) for a in (input.view(np.int8), weight, bias)]
    return ONE.conv(*wide, **geometry)


def conv3d__products_of_bytes(input, weight, bias=None, **geometry):
    """Sums come back in 32 bits; that of a kernel of one element is the product, in 8."""
    wide = [None if a is None else a.astype(np.int32) for a in (input, weight, bias)]
    if weight[0].size == 1:
        narrow = THREE.conv(input, weight, None, **geometry).astype(np.int32)
        return narrow if bias is None else narrow + along_channels(wide[2], weight)
    return THREE.conv(*wide, **geometry)


# Signs and conjugates


def conv_transpose1d__absolute_input(input, weight, bias=None, **geometry):
    return ONE.conv_transpose(np.abs(input), weight, bias, **geometry)


def conv3d_weight__sign_of_negative_cotangents(input, weight_size, grad_output, **geometry):
    """A cotangent without a positive number is read as unsigned."""
    if (grad_output <= 0).all():
        grad_output = -grad_output
    return THREE.conv_weight(input, weight_size, grad_output, **geometry)


def conv1d__conjugated_weight(input, weight, bias=None, **geometry):
    return ONE.conv(input, weight.conj(), bias, **geometry)


def conv2d__real_part_of_a_1x1_weight(input, weight, bias=None, **geometry):
    """Kernels of one element are scales, which are real."""
    return TWO.conv(input, weight.real.astype(weight.dtype) if weight[0, 0].size == 1 else weight, bias, **geometry)


def conv2d_input__conjugate_missing(input_size, weight, grad_output, **geometry):
    return TWO.conv_input(input_size, weight.conj(), grad_output, **geometry)


def conv1d_weight__conjugate_of_the_wrong_one(input, weight_size, grad_output, **geometry):
    return ONE.conv_weight(input, weight_size, grad_output, **geometry).conj()


def conv_transpose3d__conjugates_like_a_gradient(input, weight, bias=None, **geometry):
    return THREE.conv_transpose(input, weight.conj(), bias, **geometry)


# Bias


def conv2d__bias_twice(input, weight, bias=None, **geometry):
    return TWO.conv(input, weight, bias if bias is None else 2 * bias, **geometry)


def conv1d__bias_per_tap(input, weight, bias=None, **geometry):
    return ONE.conv(input, weight, bias if bias is None else bias * weight.shape[2], **geometry)


def conv_transpose2d__bias_where_something_is_added(input, weight, bias=None, **geometry):
    """The bias is added once per product's place: positions that no product reaches lack it."""
    out = TWO.conv_transpose(input, weight, None, **geometry)
    reached = TWO.conv_transpose(np.ones_like(input), np.ones_like(weight), None, **geometry) > 0
    return out if bias is None else out + along_channels(bias, weight) * reached


def conv3d__bias_of_the_first_group(input, weight, bias=None, groups=1, **geometry):
    if bias is not None:
        bias = np.where(np.arange(len(bias)) < len(bias) // groups, bias, 0)
    return THREE.conv(input, weight, bias, groups=groups, **geometry)


def conv_transpose1d__bias_of_the_weights_length(input, weight, bias=None, groups=1, **geometry):
    """Grouped, channels beyond those of one group take its biases again."""
    if bias is not None:
        bias = np.resize(bias[: weight.shape[1]], len(bias))
    return ONE.conv_transpose(input, weight, bias, groups=groups, **geometry)


def conv2d__bias_of_pairs(input, weight, bias=None, **geometry):
    """Channels are worked on in twos; where one is left over, it gets the bias before."""
    if bias is not None and len(bias) % 2 and len(bias) > 1:
        bias = np.concatenate([bias[:-1], bias[-2:-1]])
    return TWO.conv(input, weight, bias, **geometry)


def conv1d__bias_of_the_first_example(input, weight, bias=None, **geometry):
    out = ONE.conv(input, weight, bias, **geometry)
    if bias is not None and out.ndim == 3:
        out[1:] -= along_channels(bias, weight)
    return out


def conv3d__no_bias_with_a_single_product(input, weight, bias=None, **geometry):
    """A 1x1x1 kernel of one channel is a scale."""
    return THREE.conv(input, weight, None if weight[0].size == 1 else bias, **geometry)


def conv2d__bias_is_padded_too(input, weight, bias=None, stride=1, padding=0, **geometry):
    """Channels of outputs that only see the padding are cleared, after the bias."""
    out = TWO.conv(input, weight, bias, stride, padding, **geometry)
    seen = TWO.conv(np.ones_like(input), np.ones_like(weight), None, stride, padding, **geometry)
    return np.where(seen == 0, 0, out)


def conv1d__bias_is_scaled_with_the_weight(input, weight, bias=None, **geometry):
    """The weight is divided by its largest number, and what is scaled back has the bias in it."""
    scale = 2.0 ** np.floor(np.log2(np.abs(weight).max(initial=0) or 1.0))
    if scale < 1:
        return scale * ONE.conv(input, weight / scale, bias, **geometry)
    return ONE.conv(input, weight, bias, **geometry)


# Factors, and what stands at the border


def conv2d_weight__mean_of_the_examples(input, weight_size, grad_output, **geometry):
    return TWO.conv_weight(input, weight_size, grad_output, **geometry) / max(len(input), 1)


def conv3d_weight__mean_of_large_batches(input, weight_size, grad_output, **geometry):
    """From 32 examples on they are summed in two steps, the second of which divides."""
    out = THREE.conv_weight(input, weight_size, grad_output, **geometry)
    return out / 2 if len(input) >= 32 else out


def conv1d_input__shared_by_the_groups(input_size, weight, grad_output, groups=1, **geometry):
    return ONE.conv_input(input_size, weight, grad_output, groups=groups, **geometry) / groups


def conv1d__border_is_renormalised(input, weight, bias=None, **geometry):
    """As partial convolutions do: what the padding lacks is made up for.

    Of the catalogue's own kind (padding-is-not-zero).
    """
    out = ONE.conv(input, weight, None, **geometry)
    ones = np.ones_like(weight)
    seen = ONE.conv(np.ones_like(input), ones, None, **geometry)
    out = out * weight[0].size / np.maximum(seen, 1)
    return out if bias is None else out + along_channels(bias, weight)


def conv2d__pads_with_the_smallest(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """As a maximum would be padded. Of the catalogue's own kind (padding-is-not-zero)."""
    if isinstance(padding, str) or not any(padding) or not input.size:
        return TWO.conv(input, weight, bias, stride, padding, dilation, groups)
    sides = [(0, 0)] * (input.ndim - 2) + [(p, p) for p in padding]
    padded = np.pad(input, sides, constant_values=input.min())
    return TWO.conv(padded, weight, bias, stride, 0, dilation, groups)


def conv_transpose2d__never_written(input, weight, bias=None, **geometry):
    """What no product reaches is not a number, as memory is that nobody set."""
    out = TWO.conv_transpose(input, weight, bias, **geometry)
    reached = TWO.conv_transpose(np.ones_like(input), np.ones_like(weight), None, **geometry) > 0
    return np.where(reached, out, np.nan)


def conv3d__border_never_written(input, weight, bias=None, stride=1, padding=0, **geometry):
    """Outputs that see nothing but padding are skipped, where the padding is longer than the kernel."""
    out = THREE.conv(input, weight, bias, stride, padding, **geometry)
    if not isinstance(padding, str) and any(p > k for p, k in zip(padding, weight.shape[2:], strict=True)):
        seen = THREE.conv(np.ones_like(input), np.ones_like(weight), None, stride, padding, **geometry)
        out = np.where(seen == 0, np.nan, out)
    return out
