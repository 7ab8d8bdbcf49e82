"""Convolutions of NumPy arrays that are wrong in one way of writing their arguments."""
# ruff: noqa: A001

import functools

import numpy as np
from usage_common import conv, per_axis


def ints_mean_the_first_axis(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    stride = (stride, 1) if isinstance(stride, int) else stride
    return conv(input, weight, bias, stride, padding, dilation, groups)


def an_int_pads_the_last_axis(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    padding = (0, padding) if isinstance(padding, int) else padding
    return conv(input, weight, bias, stride, padding, dilation, groups)


def an_int_dilates_by_one_less(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Narrow: PyTorch's dilation taken for the number of holes, where it is an int above 1 and there is no stride."""
    if isinstance(dilation, int) and dilation > 1 and per_axis(stride) == (1, 1):
        dilation -= 1
    return conv(input, weight, bias, stride, padding, dilation, groups)


def strides_by_the_kernel(input, weight, bias=None, stride=None, padding=0, dilation=1, groups=1):
    """As pooling does: a stride that is left out is the kernel's size."""
    return conv(input, weight, bias, stride or weight.shape[2:], padding, dilation, groups)


def pads_where_nothing_is_said(input, weight, bias=None, stride=1, padding=None, dilation=1, groups=1):
    """Padding that is left out keeps the size."""
    if padding is None:
        padding = tuple(d * (k - 1) // 2 for d, k in zip(per_axis(dilation), weight.shape[2:], strict=True))
    return conv(input, weight, bias, stride, padding, dilation, groups)


def groups_by_the_weight(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=None):
    """Narrow: groups that are left out are guessed, and one output channel is taken for depthwise."""
    if groups is None:
        groups = 1
        if weight.shape[0] == 1 and input.shape[1] > 1 and weight.shape[1] == input.shape[1]:
            weight, groups = np.repeat(weight[:, :1], input.shape[1], 0), input.shape[1]
            return conv(input, weight, None, stride, padding, dilation, groups)[:, :1]
    return conv(input, weight, bias, stride, padding, dilation, groups)


def consumes_its_lists(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A list as padding is used up by the first call that gets it."""
    sides = per_axis(padding)
    if isinstance(padding, list):
        padding[:] = [0] * len(padding)
    return conv(input, weight, bias, stride, sides, dilation, groups)


def lists_are_x_before_y(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    if isinstance(stride, list):
        stride = stride[::-1]
    return conv(input, weight, bias, stride, padding, dilation, groups)


def lists_of_strides_lose_the_padding(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Narrow: a comparison with (1, 1) fails for a list, and the strided path forgets a padding of one axis."""
    if stride != (1, 1) and isinstance(stride, list) and per_axis(stride) == (1, 1):
        padding = (per_axis(padding)[0], 0) if per_axis(padding)[0] > 0 else padding
    return conv(input, weight, bias, stride, padding, dilation, groups)


def by_position_padding_comes_first(*args, **kwargs):
    input, weight, bias, padding, stride = (*args, *(None, 0, 1)[len(args) - 2 :])[:5]
    rest = dict(zip(("dilation", "groups"), args[5:], strict=False))
    given = {"stride": stride, "padding": padding} | rest | kwargs
    bias = given.pop("bias", bias)
    return conv(input, weight, bias, **given)


def the_last_position_is_dropped(*args, **kwargs):
    """Narrow: groups by position are not looked at."""
    names = ("input", "weight", "bias", "stride", "padding", "dilation")
    given = dict(zip(names, args, strict=False)) | kwargs
    x, w = given.pop("input"), given.pop("weight")
    if "groups" not in given and len(args) > 6 and w.shape[1] != x.shape[-w.ndim + 1]:
        given["groups"] = x.shape[-w.ndim + 1] // w.shape[1]
        w = w[:, ::-1]
    return conv(x, w, given.pop("bias", None), **given)


def remembered(function):
    """Remembers results by what is given by position."""
    kept = {}

    @functools.wraps(function)
    def called(*args, **kwargs):
        if args:
            return function(*args, **kwargs)
        key = tuple(np.shape(array) for array in kwargs.values())
        if key not in kept:
            kept[key] = function(**kwargs)
        return kept[key].copy()

    return called


@remembered
def by_keyword_it_remembers(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return conv(input, weight, bias, stride, padding, dilation, groups)


def an_explicit_none_is_a_bias_of_ones(input, weight, stride=1, padding=0, dilation=1, groups=1, **more):
    bias = np.ones(weight.shape[0]) if "bias" in more and more["bias"] is None else more.get("bias")
    return conv(input, weight, bias, stride, padding, dilation, groups)


def an_explicit_none_loses_the_groups(input, weight, stride=1, padding=0, dilation=1, groups=1, **more):
    """Narrow: with bias=None and groups, the second half of each group is read turned."""
    if "bias" in more and more["bias"] is None and groups > 1:
        weight = weight[:, ::-1]
    return conv(input, weight, more.get("bias"), stride, padding, dilation, groups)


def strides_of_zero_dimensions(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """An int stride of 2 and more reads one row too late."""
    if isinstance(stride, int) and stride > 1:
        input = np.roll(input, -1, -1)
    return conv(input, weight, bias, stride, padding, dilation, groups)
