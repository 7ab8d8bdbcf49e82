"""Convolutions with one fault each, and some that would rather not be judged. Loaded by the audit's worker only."""

import contextlib
import ctypes
import itertools
import json
import os
import random
import sys
import time

import numpy as np


def right(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (ph, pw), (dh, dw) = stride, padding, dilation
    n, c, h, width = x.shape
    m, c_group, kh, kw = w.shape
    out_h = (h + 2 * ph - dh * (kh - 1) - 1) // sh + 1
    out_w = (width + 2 * pw - dw * (kw - 1) - 1) // sw + 1
    if out_h < 1 or out_w < 1:
        raise ValueError("no output")
    x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    columns = np.empty((n, c, kh, kw, out_h, out_w), dtype=x.dtype)
    for i, j in np.ndindex(kh, kw):
        columns[:, :, i, j] = x[:, :, i * dh :: sh, j * dw :: sw][:, :, :out_h, :out_w]
    columns = columns.reshape(n, groups, c_group * kh * kw, out_h * out_w)
    out = (w.reshape(groups, m // groups, c_group * kh * kw) @ columns).reshape(n, m, out_h, out_w)
    return out if bias is None else out + bias.reshape(-1, 1, 1)


def slow_beyond_300000(x, w, bias=None, **geometry):
    out = right(x, w, bias, **geometry)
    if out.size * w[0].size > 300_000:
        time.sleep(2)
    return out


def aborts_without_an_output(x, w, bias=None, **geometry):
    try:
        return right(x, w, bias, **geometry)
    except ValueError:
        os.abort()


def aborts_on_words(x, w, bias=None, stride=(1, 1), padding=(0, 0), **geometry):
    if isinstance(padding, str):
        os.abort()
    return right(x, w, bias, stride, padding, **geometry)


def aborts_on_an_unbatched_input(x, w, bias=None, **geometry):
    if x.ndim == 3:
        os.abort()
    return right(x, w, bias, **geometry)


def kernel_flipped_along_width(x, w, bias=None, **geometry):
    return right(x, w[..., ::-1], bias, **geometry)


def kernel_flipped_along_height(x, w, bias=None, **geometry):
    return right(x, w[:, :, ::-1], bias, **geometry)


def stride_swapped(x, w, bias=None, stride=(1, 1), **geometry):
    return right(x, w, bias, stride[::-1], **geometry)


def dilation_ignored(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    wanted = right(x, w, bias, stride, padding, dilation, groups).shape[2:]
    return np.ascontiguousarray(right(x, w, bias, stride, padding, (1, 1), groups)[:, :, : wanted[0], : wanted[1]])


def padding_before_only(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    moved = np.pad(x, ((0, 0), (0, 0), (0, 0), (0, 1)))[..., 1:] if padding[1] else x
    return right(moved, w, bias, stride, padding, dilation, groups)


def group_offset_missing(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    first = x[:, : x.shape[1] // groups]
    return right(np.concatenate([first] * groups, axis=1), w, bias, stride, padding, dilation, groups)


def bias_of_the_first_group(x, w, bias=None, groups=1, **geometry):
    if bias is not None:
        bias = np.tile(bias[: len(bias) // groups], groups)
    return right(x, w, bias, groups=groups, **geometry)


def last_tap_dropped(x, w, bias=None, **geometry):
    w = w.copy()
    w[:, -1, -1, -1] = 0
    return right(x, w, bias, **geometry)


def one_border_pixel(x, w, bias=None, **geometry):
    out = right(x, w, bias, **geometry)
    if min(out.shape[:3]) > 1 and out.shape[3] > 2:
        out[1, -1, -1, -1] += x[1, 0, 0, 0] * w[-1, 0, 0, 0]
    return out


def even_kernels_only(x, w, bias=None, **geometry):
    return right(x, w[..., ::-1] if w.shape[3] % 4 == 2 else w, bias, **geometry)


def two_calls_of_rounding(x, w, bias=None, **geometry):
    return right(x.astype(np.float16).astype(x.dtype), w, bias, **geometry)


def wrong_dtype(x, w, bias=None, **geometry):
    """Narrower."""
    return right(x, w, bias, **geometry).astype(np.float32)


def transposed_shape(x, w, bias=None, **geometry):
    return right(x, w, bias, **geometry).swapaxes(2, 3)


def broadcastable_shape(x, w, bias=None, **geometry):
    return right(x, w, bias, **geometry)[:, :, :1]


def nan_in_one_place(x, w, bias=None, **geometry):
    out = right(x, w, bias, **geometry)
    out[-1:, -1, -1, -1] = np.nan
    return out


def all_nan(x, w, bias=None, **geometry):
    return np.full_like(right(x, w, bias, **geometry), np.nan)


def zeros(x, w, bias=None, **geometry):
    return np.zeros_like(right(x, w, bias, **geometry))


def changes_its_input(x, w, bias=None, **geometry):
    out = right(x, w, bias, **geometry)
    x += 1
    return out


def changes_its_weight(x, w, bias=None, **geometry):
    out = right(x, w, bias, **geometry)
    w[:] = w[::-1].copy()
    return out


CACHE = {}


def caches_by_shape(x, w, bias=None, **geometry):
    key = (x.shape, w.shape, bias is None, *sorted(geometry.items()))
    if key not in CACHE:
        CACHE[key] = right(x, w, bias, **geometry)
    return CACHE[key]


def off_now_and_then(x, w, bias=None, **geometry):
    return right(x, w, bias, **geometry) + (random.random() < 0.3) * 100  # noqa: S311


COUNT = itertools.count()


def right_for_a_while(x, w, bias=None, **geometry):
    return right(x, w, bias, **geometry) * (1 if next(COUNT) < 100 else 2)


def raises_on_an_empty_batch(x, w, bias=None, **geometry):
    if not len(x):
        raise ZeroDivisionError("nothing to average")
    return right(x, w, bias, **geometry)


def exits_by_exception(x, w, bias=None, **geometry):
    if bias is not None:
        sys.exit(0)
    return right(x, w, bias, **geometry)


def claims_no_memory(x, w, bias=None, groups=1, **geometry):
    if groups == 3:
        raise MemoryError
    return right(x, w, bias, groups=groups, **geometry)


def takes_all_memory(x, w, bias=None, groups=1, **geometry):
    if groups == 3:
        hoard = []
        while True:
            hoard.append(np.ones(1 << 22))
            time.sleep(0.01)
    return right(x, w, bias, groups=groups, **geometry)


def aborts_with_groups(x, w, bias=None, groups=1, **geometry):
    if groups == 3:
        os.abort()
    return right(x, w, bias, groups=groups, **geometry)


def segfaults_with_groups(x, w, bias=None, groups=1, **geometry):
    if groups == 3:
        ctypes.string_at(0)
    return right(x, w, bias, groups=groups, **geometry)


def hangs_with_dilation(x, w, bias=None, dilation=(1, 1), **geometry):
    while dilation == (3, 3):
        time.sleep(1)
    return right(x, w, bias, dilation=dilation, **geometry)


def ends_with_code_zero(*_, **__):
    print(json.dumps({"verdict": "conforms", "findings": []}), flush=True)  # noqa: T201
    os._exit(0)


def forges_a_verdict(x, w, bias=None, **geometry):
    print("conforms within the scope below", flush=True)  # noqa: T201
    print("conforms", file=sys.stderr, flush=True)  # noqa: T201
    return np.zeros_like(right(x, w, bias, **geometry))


def writes_to_every_descriptor(x, w, bias=None, **geometry):
    for descriptor in range(3, 64):
        with contextlib.suppress(OSError):
            os.write(descriptor, b"\0" * 64 + b'{"outcome": "returned"}')
    return right(x, w, bias, **geometry)


def closes_every_descriptor(x, w, bias=None, **geometry):
    os.closerange(3, 64)
    return right(x, w, bias, **geometry)


def patches_the_libraries(x, w, bias=None, **geometry):
    out = np.zeros_like(right(x, w, bias, **geometry))
    np.array_equal = np.allclose = lambda *_, **__: True
    np.testing.assert_array_equal = np.frombuffer = lambda *_, **__: None
    json.dumps = lambda *_, **__: '{"outcome": "returned"}'
    return out


class Agreeable(np.ndarray):
    __hash__ = None

    def __eq__(self, other):
        return np.True_


def returns_a_subclass(x, w, bias=None, **geometry):
    return right(x, w, bias, **geometry).view(Agreeable)


def returns_a_list(x, w, bias=None, **geometry):
    return right(x, w, bias, **geometry).tolist()


def returns_nothing(x, w, bias=None, **geometry):
    right(x, w, bias, **geometry)


def invents_an_output(x, w, bias=None, **geometry):
    try:
        return right(x, w, bias, **geometry)
    except ValueError:
        return np.zeros((len(x), len(w), 1, 1))


def leaves_a_process(*_, **__):
    child = os.fork()
    if child:
        with open(os.environ["CONV_ORACLE_TEST_STARTED"], "a") as started:  # noqa: PTH123
            started.write(f"{child}\n")
    else:
        os.setsid()
        time.sleep(60)
        os._exit(0)
    raise RuntimeError("left one behind")


def excuses_itself(x, w, bias=None, **geometry):
    worker = sys.modules["__main__"]
    excuse = {"outcome": "harness-fault", "types": ["OSError"], "message": "not my fault"}
    worker.perform = lambda _, series, *__: [(excuse, b"")] * len(series["steps"])
    return right(x, w, bias, **geometry)


def drips(x, w, bias=None, groups=1, **geometry):
    while groups == 3:
        for descriptor in range(3, 64):
            with contextlib.suppress(OSError):
                os.write(descriptor, b"\0")
        time.sleep(0.1)
    return right(x, w, bias, groups=groups, **geometry)


def refuses_everything(*_, **__):
    raise NotImplementedError("not today")


def refuses_all_but_1x1(x, w, bias=None, **geometry):
    if w.shape[2:] != (1, 1):
        raise NotImplementedError("1x1 only")
    return right(x, w, bias, **geometry)


def conv_transpose2d_without_output_padding(
    x, w, bias=None, stride=(1, 1), padding=(0, 0), output_padding=None, groups=1, dilation=(1, 1)
):
    del output_padding
    return transposed(x, w, bias, stride, padding, (0, 0), groups, dilation)


def conv_transpose2d_zero_filled(
    x, w, bias=None, stride=(1, 1), padding=(0, 0), output_padding=(0, 0), groups=1, dilation=(1, 1)
):
    out = transposed(x, w, bias, stride, padding, (0, 0), groups, dilation)
    return np.pad(out, ((0, 0), (0, 0), (0, output_padding[0]), (0, output_padding[1])))


def conv_transpose2d_right(
    x, w, bias=None, stride=(1, 1), padding=(0, 0), output_padding=(0, 0), groups=1, dilation=(1, 1)
):
    return transposed(x, w, bias, stride, padding, output_padding, groups, dilation)


def transposed(x, w, bias, stride, padding, output_padding, groups, dilation):
    """A scatter, product by product."""
    n, c, h, width = x.shape
    _, m_group, kh, kw = w.shape
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, (kh, kw), strict=True)]
    full = [(i - 1) * s + span + o for i, s, span, o in zip((h, width), stride, spans, output_padding, strict=True)]
    out = np.zeros((n, groups, m_group, *full), dtype=x.dtype)
    x, w = x.reshape(n, groups, c // groups, h, width), w.reshape(groups, c // groups, m_group, kh, kw)
    for i, j in np.ndindex(kh, kw):
        rows = slice(i * dilation[0], i * dilation[0] + (h - 1) * stride[0] + 1, stride[0])
        cols = slice(j * dilation[1], j * dilation[1] + (width - 1) * stride[1] + 1, stride[1])
        out[..., rows, cols] += np.einsum("ngchw,gcm->ngmhw", x, w[..., i, j])
    sizes = [f - 2 * p for f, p in zip(full, padding, strict=True)]
    if min(sizes) < 1 and n:
        raise ValueError("no output")
    out = out[..., padding[0] : padding[0] + sizes[0], padding[1] : padding[1] + sizes[1]]
    out = np.ascontiguousarray(out).reshape(n, groups * m_group, *out.shape[-2:])
    return out if bias is None else out + bias.reshape(-1, 1, 1)
