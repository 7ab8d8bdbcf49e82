"""Right convolutions that behave unusually: in what they return, print, keep and import, and in what they run in."""

import functools
import hashlib
import sys
import tempfile
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool

import numpy as np
from right_common import output_sizes, zero_padded
from windows import im2col


def fortran_order(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return np.asfortranarray(im2col(input, weight, bias, stride, padding, dilation, groups))


def read_only(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    out = im2col(input, weight, bias, stride, padding, dilation, groups)
    out.flags.writeable = False
    return out


def negative_strides(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    out = im2col(input, weight, bias, stride, padding, dilation, groups)
    back = (slice(None, None, -1),) * out.ndim
    return out[back].copy()[back]


def every_other_element(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A view with gaps, full of another number."""
    out = im2col(input, weight, bias, stride, padding, dilation, groups)
    wide = np.full(tuple(2 * size for size in out.shape), 7, out.dtype)
    view = wide[(slice(None, None, 2),) * out.ndim]
    view[:] = out
    return view


def broadcast(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Equal examples, or equal output channels, are computed once and come back as views of stride 0."""
    shape = (len(input), len(weight), *output_sizes(input, weight, stride, padding, dilation))
    if len(input) > 1 and all(one.tobytes() == input[0].tobytes() for one in input):
        one = im2col(input[:1], weight, bias, stride, padding, dilation, groups)
        return np.broadcast_to(one, shape)
    if groups == 1 and bias is None and all(one.tobytes() == weight[0].tobytes() for one in weight):
        one = im2col(input, weight[:1], None, stride, padding, dilation)
        return np.broadcast_to(one, shape)
    if not weight.any() and bias is None:
        return np.broadcast_to(np.zeros((), input.dtype), shape)
    return im2col(input, weight, bias, stride, padding, dilation, groups)


def noisy(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    print("computing", input.shape, flush=True)  # noqa: T201
    print('{"outcome": "returned"}' * 50, file=sys.stderr, flush=True)  # noqa: T201
    warnings.warn(f"this may take a while: {weight.shape}", RuntimeWarning, stacklevel=2)
    return im2col(input, weight, bias, stride, padding, dilation, groups)


def imports_late(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    from scipy.signal import correlate  # noqa: PLC0415

    sizes = output_sizes(input, weight, stride, padding, dilation)
    x, w = (
        zero_padded(input, padding),
        np.zeros(
            (*weight.shape[:2], *(1 + d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True))),
            weight.dtype,
        ),
    )
    w[(..., *(slice(None, None, d) for d in dilation))] = weight
    out = np.zeros((len(x), len(w), *sizes), input.dtype)
    reads, writes = weight.shape[1], len(weight) // groups
    for n, m in np.ndindex(out.shape[:2]):
        mine = x[n, m // writes * reads : (m // writes + 1) * reads]
        out[n, m] = correlate(mine, w[m], "valid", "direct")[0][tuple(slice(None, None, s) for s in stride)]
    return out if bias is None else out + bias.reshape(-1, *(1,) * len(stride))


REMEMBERED = {}


def remembers(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A cache with everything in its key, which keeps and gives copies."""
    arrays = [array for array in (input, weight, bias) if array is not None]
    parts = [f"{array.dtype} {array.shape}".encode() + array.tobytes() for array in arrays]
    key = hashlib.sha256(repr((stride, padding, dilation, groups)).encode() + b"|".join(parts)).digest()
    if key not in REMEMBERED:
        if len(REMEMBERED) > 64:
            REMEMBERED.clear()
        REMEMBERED[key] = im2col(input, weight, bias, stride, padding, dilation, groups)
    return REMEMBERED[key].copy()


@functools.lru_cache(maxsize=32)
def plan(sizes, kernel, stride, dilation):
    """Flat positions of all reads: a function of the geometry alone."""
    table = np.zeros((1, 1), np.int64)
    for size, out, k, s, d in zip(*sizes, kernel, stride, dilation, strict=True):
        axis = np.arange(out)[:, None] * s + np.arange(k) * d
        table = (table[:, None, :, None] * size + axis[None, :, None, :]).reshape(len(table) * out, -1)
    return table


def planned(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Plans are kept per geometry."""
    sizes = output_sizes(input, weight, stride, padding, dilation)
    x = zero_padded(input, padding)
    table = plan((x.shape[2:], sizes), weight.shape[2:], tuple(stride), tuple(dilation))
    reads = x.reshape(len(x), x.shape[1], int(np.prod(x.shape[2:])))[:, :, table]
    reads = reads.reshape(len(x), groups, weight.shape[1], *table.shape)
    w = weight.reshape(groups, len(weight) // groups, weight.shape[1], -1)
    out = np.einsum("ngcok,gmck->ngmo", reads, w).reshape(len(x), len(weight), *sizes)
    return out if bias is None else out + bias.reshape(-1, *(1,) * len(stride))


SCRATCH = threading.local()


def reuses_its_workspace(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A workspace that grows and is never freed, of which no part is ever returned."""
    sizes = output_sizes(input, weight, stride, padding, dilation)
    shape = (*input.shape[:2], *(i + 2 * p for i, p in zip(input.shape[2:], padding, strict=True)))
    count = int(np.prod(shape))
    held = getattr(SCRATCH, str(input.dtype), None)
    if held is None or len(held) < count:
        held = np.full(2 * count + 1, 99, input.dtype)
        setattr(SCRATCH, str(input.dtype), held)
    x = held[:count].reshape(shape)
    x[...] = 0
    x[(..., *(slice(p, p + i) for p, i in zip(padding, input.shape[2:], strict=True)))] = input
    out = im2col(x, weight, bias, stride, (0,) * len(sizes), dilation, groups)
    x[...] = 99
    return out


def in_threads(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """An example each."""
    output_sizes(input, weight, stride, padding, dilation)
    with ThreadPoolExecutor(3) as pool:
        parts = pool.map(lambda x: im2col(x[None], weight, bias, stride, padding, dilation, groups), input)
    parts = list(parts)
    return np.concatenate(parts) if parts else im2col(input, weight, bias, stride, padding, dilation, groups)


POOL = []


def in_a_pool_that_stays(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A pool of threads that is made once; each computes some output channels, all into one array."""
    sizes = output_sizes(input, weight, stride, padding, dilation)
    if not POOL:
        POOL.append(ThreadPool(2))
    out = np.empty((len(input), len(weight), *sizes), input.dtype)
    reads, writes = weight.shape[1], len(weight) // groups

    def one(m):
        x = input[:, m // writes * reads : (m // writes + 1) * reads]
        mine = None if bias is None else bias[m : m + 1]
        out[:, m : m + 1] = im2col(x, weight[m : m + 1], mine, stride, padding, dilation)

    POOL[0].map(one, range(len(weight)))
    return out


def through_a_file(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """The padded input lies in a file in memory, which is gone afterwards."""
    sizes = output_sizes(input, weight, stride, padding, dilation)
    if not input.size:
        return np.empty((len(input), len(weight), *sizes), input.dtype)
    padded = zero_padded(input, padding)
    with tempfile.TemporaryFile() as file:
        x = np.memmap(file, padded.dtype, "w+", shape=padded.shape)
        x[...] = padded
        out = np.array(im2col(x, weight, bias, stride, (0,) * len(sizes), dilation, groups))
        del x
    return out


def blocks_of_four(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Tiles of 4 of everything, the tails included: what a tiled kernel does when it is right."""
    sizes = output_sizes(input, weight, stride, padding, dilation)
    x = zero_padded(input, padding)
    reads, writes, tile = weight.shape[1], len(weight) // groups, 4
    out = np.zeros((len(x), len(weight), *sizes), input.dtype)
    for first in range(0, sizes[-1], tile):
        last = min(first + tile, sizes[-1])
        span = (last - first - 1) * stride[-1] + dilation[-1] * (weight.shape[-1] - 1) + 1
        part = x[..., first * stride[-1] : first * stride[-1] + span]
        for m in range(0, len(weight), tile):
            for channel in range(m, min(m + tile, len(weight))):
                begin = channel // writes * reads
                for c in range(0, reads, tile):
                    mine = weight[channel : channel + 1, c : c + tile]
                    block = part[:, begin + c : begin + min(c + tile, reads)]
                    out[:, channel : channel + 1, ..., first:last] += im2col(
                        block, mine, None, stride, (0,) * len(sizes), dilation
                    )
    return out if bias is None else out + bias.reshape(-1, *(1,) * len(sizes))


def wide_integers(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Sums of small integers come back as int64."""
    wide = [None if array is None else array.astype(np.int64) for array in (input, weight, bias)]
    return im2col(*wide, stride, padding, dilation, groups)


def int32_sums(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """What quantised kernels return: int32."""
    wide = [None if array is None else array.astype(np.int32) for array in (input, weight, bias)]
    return im2col(*wide, stride, padding, dilation, groups)


def guards_its_operands(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Writes into its operands and puts everything back; copies what is read-only."""
    x = input if input.flags.writeable and min(input.strides, default=1) > 0 else input.copy()
    before = x.copy()
    x *= 2
    x[...] = before
    return im2col(x, weight, bias, stride, padding, dilation, groups)
