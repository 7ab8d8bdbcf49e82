"""Convolutions that a judge may be unfair to, or may let pass: refusals, edges, layers, costs. For the worker only."""

import os
import time

import numpy as np
from faulty_subjects import right

CALLS = []


# Refusals that come and go


def five_calls_then_no_more(x, w, bias=None, **geometry):
    CALLS.append(0)
    if len(CALLS) > 5:
        raise NotImplementedError("no more")
    return right(x, w, bias, **geometry)


def refuses_after_three_hundred_calls(x, w, bias=None, **geometry):
    CALLS.append(0)
    if len(CALLS) > 300:
        raise NotImplementedError("no more")
    return right(x, w, bias, **geometry)


def refuses_some_values(x, w, bias=None, **geometry):
    if x.sum() > 20:
        raise NotImplementedError("values beyond the range")
    return right(x, w, bias, **geometry)


def refuses_what_it_has_seen(x, w, bias=None, **geometry):
    """The second call of a shape is refused."""
    key = x.shape, w.shape, str(geometry)
    if key in CALLS:
        raise NotImplementedError("seen before")
    CALLS.append(key)
    return right(x, w, bias, **geometry)


def refuses_dilation_each_time(x, w, bias=None, dilation=(1, 1), **geometry):
    if max(dilation) > 1:
        raise NotImplementedError("dilation")
    return right(x, w, bias, dilation=dilation, **geometry)


# Narrow ones


def strided_layer(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    """4 filters of 3x3x3, stride 2, padding 1, and nothing else."""
    if w.shape != (4, 3, 3, 3) or tuple(stride) != (2, 2) or tuple(padding) != (1, 1):
        raise NotImplementedError("another layer")
    return right(x, w, bias, (2, 2), (1, 1))


def strided_layer_wrong_for_odd_widths(x, w, bias=None, **geometry):
    y = strided_layer(x, w, bias, **geometry)
    if x.shape[3] % 2:
        y[..., -1] = 0
    return y


def strided_layer_wrong_for_long_rows(x, w, bias=None, **geometry):
    y = strided_layer(x, w, bias, **geometry)
    y[..., 16:] = 0
    return y


def baked(x, w):
    """A layer of stride 2 and padding 1 that takes neither as an argument."""
    return right(x, w, None, (2, 2), (1, 1))


def refuses_nearly_everything(x, w, bias=None, **geometry):
    if w.shape[2:] != (5, 3) or x.shape[0] != 2:
        raise NotImplementedError
    return right(x, w, bias, **geometry)


# Behind refusals


def depthwise_alone_and_reversed(x, w, bias=None, groups=1, **geometry):
    if groups != x.shape[1] or len(w) != groups:
        raise ValueError("depthwise only")
    return right(x[:, ::-1], w, bias, groups=groups, **geometry)


def by_three(x, w, bias=None, **geometry):
    if x.shape[1] % 3 or len(w) % 3:
        raise ValueError("channels must be multiples of 3")
    return right(x, w, bias, **geometry)


def by_three_and_zero_without_groups(x, w, bias=None, groups=1, **geometry):
    y = by_three(x, w, bias, groups=groups, **geometry)
    return y * (groups > 1)


def dilation_for_same_padding_alone_and_ignored(x, w, bias=None, padding=(0, 0), dilation=(1, 1), **geometry):
    if max(dilation) > 1:
        if tuple(padding) != tuple(dilation):
            raise ValueError("dilation needs padding = dilation")
        dilation = padding = (1, 1)
    return right(x, w, bias, padding=padding, dilation=dilation, **geometry)


def bias_refused_at_first_and_doubled_later(x, w, bias=None, **geometry):
    CALLS.append(0)
    if bias is not None and len(CALLS) <= 60:
        raise ValueError("no bias yet")
    return right(x, w, None if bias is None else 2 * bias, **geometry)


def unequal_kernels_refused_at_first_and_flipped_later(x, w, bias=None, **geometry):
    CALLS.append(0)
    if w.shape[2] != w.shape[3]:
        if len(CALLS) <= 60:
            raise ValueError("square kernels only")
        w = w[..., ::-1]
    return right(x, w, bias, **geometry)


def at_most_six_thousand_numbers(x, w, bias=None, **geometry):
    if x.size + w.size > 6000:
        raise ValueError("out of workspace")
    return right(x, w, bias, **geometry)


# Slow ones


def slow_and_wrong_with_groups(x, w, bias=None, groups=1, **geometry):
    time.sleep(0.2)
    return right(x, w, bias, groups=groups, **geometry) * (1 if groups == 1 else 2)


# Edges


def no_batch_is_wrong(x, w, bias=None, **geometry):
    """An unbatched input is taken for one channel of many examples."""
    if x.ndim == 3:
        return np.zeros((len(w), *(1 for _ in x.shape[1:])))
    return right(x, w, bias, **geometry)


def an_empty_batch_raises(x, w, bias=None, **geometry):
    y = right(x, w, bias, **geometry)
    return y.reshape(len(x), len(w), y[0, 0].shape[0], -1)


def aborts_on_an_empty_batch(x, w, bias=None, **geometry):
    if not len(x):
        os.abort()
    return right(x, w, bias, **geometry)


def old_memory_on_an_unbatched_input(x, w, bias=None, **geometry):
    if x.ndim == 3:
        y = right(x[None], w, bias, **geometry)[0]
        return y + len(CALLS) * (CALLS.append(0) is None)
    return right(x, w, bias, **geometry)


def invents_an_output(x, w, bias=None, **geometry):
    try:
        return right(x, w, bias, **geometry)
    except ValueError:
        return np.ones((len(x), len(w), 1, 1))


# Several faults at once


def aborts_with_strides_and_swaps_groups(x, w, bias=None, stride=(1, 1), groups=1, **geometry):
    """Two faults: the process dies with stride 3 on both axes, and grouped outputs change places."""
    if tuple(stride) == (3, 3):
        os.abort()
    y = right(x, w, bias, stride=stride, groups=groups, **geometry)
    return y[:, ::-1].copy() if groups == 2 else y


def two_faults_of_values(x, w, bias=None, dilation=(1, 1), groups=1, **geometry):
    """Dilation 3 is taken for 2 on the last axis; a kernel of three groups is flipped."""
    w = w[..., ::-1] if groups == 3 else w
    return right(x, w, bias, dilation=(dilation[0], min(dilation[1], 2)), groups=groups, **geometry)


# How they are called


def stride_as_an_area(x, w, stride=1):
    """Takes stride=(2, 2) without complaint, for 4: meant is one int."""
    s = int(np.prod(stride))
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], (2, 3))[:, :, ::s, ::s]
    return np.einsum("ncijuv,ocuv->noij", windows, w)


def needs_its_none(x, w, bias, stride=(1, 1)):
    """The bias has no default, and may be None."""
    return right(x, w, bias, stride)


def ends_badly(x, w):  # noqa: ARG001
    raise ZeroDivisionError("always")


def wants_tensors(x, w):  # noqa: ARG001
    return x.unsqueeze(0)


def lacks_a_module(x, w):  # noqa: ARG001
    import no_such_module_at_all  # noqa: F401, PLC0415


def single_precision_alone(x, w):
    if x.dtype != np.float32:
        raise TypeError("expected float32")
    return right(x, w)
