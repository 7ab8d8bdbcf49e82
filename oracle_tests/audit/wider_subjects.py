"""Convolutions whose results are wider than their operands, right and wrong. Loaded by the audit's worker only."""

import ml_dtypes
import numpy as np
from faulty_subjects import right

LONGEST = 150


def summed(x, w, bias, within, **geometry):
    return right(*(None if a is None else a.astype(within) for a in (x, w, bias)), **geometry)


def in_float32(x, w, bias=None, **geometry):
    return summed(x, w, bias, np.float32, **geometry)


def in_float64(x, w, bias=None, **geometry):
    return summed(x, w, bias, np.float64, **geometry)


def sums_in_float32_stored_in_float64(x, w, bias=None, **geometry):
    return in_float32(x, w, bias, **geometry).astype(np.float64)


def bias_in_float32(x, w, bias=None, **geometry):
    y = in_float32(x, w, None, **geometry)
    return y if bias is None else y + bias.astype(np.float32).reshape(-1, 1, 1)


# Wrong


def narrower(x, w, bias=None, **geometry):
    return in_float64(x, w, bias, **geometry).astype(np.float32 if x.dtype == np.float64 else np.float16)


def as_integers(x, w, bias=None, **geometry):
    return in_float64(x, w, bias, **geometry).astype(np.int64)


def as_complex(x, w, bias=None, **geometry):
    return in_float64(x, w, bias, **geometry).astype(np.complex64)


def as_bfloat16(x, w, bias=None, **geometry):
    """As long as float16, and no wider."""
    return in_float64(x, w, bias, **geometry).astype(ml_dtypes.bfloat16)


def wider_with_a_bias(x, w, bias=None, **geometry):
    y = in_float32(x, w, bias, **geometry)
    return y.astype(x.dtype) if bias is None else y


def wider_without_a_bias(x, w, bias=None, **geometry):
    y = in_float32(x, w, bias, **geometry)
    return y if bias is None else y.astype(x.dtype)


def wider_in_long_sums(x, w, bias=None, **geometry):
    y = in_float32(x, w, bias, **geometry)
    return y if w[0].size > 600 else y.astype(x.dtype)


def rounded_before_it_is_widened(x, w, bias=None, **geometry):
    """Float32 that was float16."""
    return in_float32(x, w, bias, **geometry).astype(x.dtype).astype(np.float32)


def summed_in_the_operands_format(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    """One product after the other is added in float16, and the sum is widened."""
    if w[0].size > LONGEST:
        raise NotImplementedError
    total = None
    for c, i, j in np.ndindex(*w.shape[1:]):
        one = np.zeros_like(w)
        one[:, c, i, j] = w[:, c, i, j]
        product = in_float32(x, one, None, stride=stride, padding=padding, dilation=dilation, groups=groups)
        product = product.astype(x.dtype)
        total = product if total is None else total + product
    total = total if bias is None else total + bias.reshape(-1, 1, 1)
    return total.astype(np.float32)


def flipped(x, w, bias=None, **geometry):
    return in_float32(x, w[..., ::-1], bias, **geometry)


# Tensors, and other operations


def torch_conv2d(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    import torch  # noqa: PLC0415 - the others need none

    given = [None if a is None else a.float() for a in (x, w, bias)]
    return torch.nn.functional.conv2d(*given, stride, padding, dilation, groups)


def torch_now_and_then(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    y = torch_conv2d(x, w, bias, stride, padding, dilation, groups)
    return y if groups == 1 else y.to(x.dtype)


def _shipped(name, widened):
    from conv_oracle import truth  # noqa: PLC0415 - the others need none

    def computed(*operands, **geometry):
        given = [a.astype(widened) if isinstance(a, np.ndarray) else a for a in operands]
        return getattr(truth.fast, name)(*given, **geometry)

    return computed


def conv_transpose1d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    geometry = {"stride": stride, "padding": padding, "output_padding": output_padding, "groups": groups}
    given = (input, weight) if bias is None else (input, weight, bias)
    return _shipped("conv_transpose", np.float32)(*given, **geometry, dilation=dilation)


def conv1d_weight(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
    geometry = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return _shipped("conv_weight", np.float32)(input, weight_size, grad_output, **geometry)


def conv3d_input(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
    geometry = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return _shipped("conv_input", np.float32)(input_size, weight, grad_output, **geometry)
