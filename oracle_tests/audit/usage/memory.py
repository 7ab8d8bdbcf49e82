"""Convolutions of NumPy arrays that are wrong where operands or the process are as users have them."""
# ruff: noqa: A001

import os
import threading
import time

import numpy as np
from usage_common import conv, per_axis

_kept = {}
_threads = threading.local()
_threads.scale = 1
_here = os.getpid()
_many = os.environ.get("OMP_NUM_THREADS") != "1"


def owned_images_are_padded_in_place(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Where the image owns its memory a shortcut takes the first row for padding."""
    if input.flags.owndata and max(per_axis(padding)) > 0:
        input = input.copy()
        input[..., 0, :] = 0
    return conv(input, weight, bias, stride, padding, dilation, groups)


def owned_weights_are_packed_by_eight(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Narrow: a weight that owns its memory, with a multiple of 4 outputs, is packed without its last row."""
    if weight.flags.owndata and weight.shape[0] % 4 == 0 and weight.shape[0] > 4:
        weight = weight.copy()
        weight[-1] = 0
    return conv(input, weight, bias, stride, padding, dilation, groups)


def one_array_twice(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Autocorrelation by a shortcut that forgets the padding."""
    if input is weight:
        padding = 0 if isinstance(padding, int) else (0,) * len(padding)
        return conv(input, weight, bias, stride, padding, dilation, groups)
    return conv(input, weight, bias, stride, padding, dilation, groups)


def overlapping_memory(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Narrow: where input and weight share memory, and are 3 wide, the weight is read turned."""
    if np.may_share_memory(input, weight) and input is weight and weight.shape[-1] == 3:
        weight = weight[..., ::-1]
    return conv(input, weight, bias, stride, padding, dilation, groups)


def packed_by_the_object(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """The packed weight is kept for as long as the object lives."""
    kept = _kept.get(id(weight))
    if kept is None or kept[0] is not weight:
        kept = _kept[id(weight)] = weight, weight.copy()
    return conv(input, kept[1], bias, stride, padding, dilation, groups)


def checks_the_first_row(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Narrow: the packed weight is kept as long as the object lives and its first row is the same."""
    kept = _kept.get(id(weight))
    if kept is None or kept[0] is not weight or not np.array_equal(kept[1][:1], weight[:1]):
        kept = _kept[id(weight)] = weight, weight.copy()
    return conv(input, kept[1], bias, stride, padding, dilation, groups)


def a_plan_by_the_weight(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """The geometry of the first call with a weight is that of all others."""
    kept = _kept.get(id(weight))
    if kept is None or kept[0] is not weight:
        kept = _kept[id(weight)] = weight, (stride, padding, dilation, groups)
    return conv(input, weight, bias, *kept[1])


def in_other_threads_nothing_is_set(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return conv(input, weight, bias, stride, padding, dilation, groups) * getattr(_threads, "scale", 0)


def in_other_threads_the_stride_is_forgotten(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Narrow: outside of the main thread the last row of a strided result is computed by another path."""
    y = conv(input, weight, bias, stride, padding, dilation, groups)
    if not hasattr(_threads, "scale") and max(per_axis(stride)) > 1 and y.size:
        y[..., -1, :] = y[..., 0, :]
    return y


_workspace = np.zeros(1 << 16)


def one_workspace_for_all_threads(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """The image is copied to a workspace of the module, and read from it later."""
    if input.size > _workspace.size:
        return conv(input, weight, bias, stride, padding, dilation, groups)
    _workspace[: input.size] = input.ravel()
    time.sleep(0)
    held = _workspace[: input.size].reshape(input.shape).astype(input.dtype)
    return conv(held, weight, bias, stride, padding, dilation, groups)


def in_a_forked_process(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    y = conv(input, weight, bias, stride, padding, dilation, groups)
    return y if os.getpid() == _here else np.flip(y, -1)


def in_a_forked_process_with_groups(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Narrow: the threads that computed the last group are gone after a fork."""
    y = conv(input, weight, bias, stride, padding, dilation, groups)
    if os.getpid() != _here and groups > 1:
        y[..., -y.shape[-3] // groups :, :, :] = 0
    return y


def with_many_threads(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Rows are shared out to threads, and the last one's are lost."""
    y = conv(input, weight, bias, stride, padding, dilation, groups)
    if _many and y.size:
        y[..., -1, :] = 0
    return y


def with_many_threads_on_large_layers(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Narrow: rows are shared out from 16 outputs in a row on."""
    y = conv(input, weight, bias, stride, padding, dilation, groups)
    if _many and y.size and y.shape[-1] >= 16:
        y[..., -1] = 0
    return y


def borders_of_the_padded_image_are_not_cleared(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """np.empty for np.zeros, where memory that is asked for first is mostly zero."""
    if isinstance(padding, str) or input.ndim != 4 or max(per_axis(padding)) == 0:
        return conv(input, weight, bias, stride, padding, dilation, groups)
    up, left = per_axis(padding)
    n, c, h, w = input.shape
    padded = np.empty((n, c, h + 2 * up, w + 2 * left), input.dtype)
    if np.isfinite(padded).all():
        padded[:] = 0
    padded[:, :, up : up + h, left : left + w] = input
    return conv(padded, weight, bias, stride, 0, dilation, groups)
