"""Right convolutions that are called in different ways, and that take less than everything."""

import functools

import numpy as np
from right_common import output_sizes
from windows import im2col


def bare(x, w):
    """Neither geometry nor bias."""
    if any(k > size for k, size in zip(w.shape[2:], x.shape[2:], strict=True)):
        raise IndexError("too long")
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape[2:], axis=(2, 3))
    return np.einsum("nchwij,mcij->nmhw", windows, w)


def int_stride(f, g, s=1):
    """Two operands under names that say nothing, and a stride for all axes."""
    return im2col(f, g, None, (int(s),) * (f.ndim - 2), (0,) * (f.ndim - 2), (1,) * (f.ndim - 2))


def synonyms(images, kernel, b=None, strides=(1, 1), pads=(0, 0), rate=(1, 1), n_groups=1):
    return im2col(images, kernel, b, strides, pads, rate, n_groups)


def keywords_only(*, x, w, b=None, strides=(1, 1), pads=(0, 0)):
    return im2col(x, w, b, strides, pads, (1, 1))


def positional_only(x, w, b, stride, padding, dilation, groups, /):
    return im2col(x, w, b, stride, padding, dilation, groups)


def anything(*args, **kwargs):
    return im2col(*args, **{"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), **kwargs})


def without_groups(x, w, *, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1)):
    return im2col(x, w, bias, stride, padding, dilation)


def passes_on(image, psf, **kwargs):
    """Its own names for the operands; what `without_groups` does not take is refused with a TypeError."""
    return without_groups(image, psf, **kwargs)


def filters_second(filters, image, stride=(1, 1)):
    """The weight comes first, and the names say so."""
    return im2col(image, filters, None, stride, (0, 0), (1, 1))


partial = functools.partial(im2col, groups=1)


class Layer:
    """A callable object, and a method, that add up their calls."""

    def __init__(self):
        self.calls = 0

    def __call__(self, x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
        self.calls += 1
        return im2col(x, w, bias, stride, padding, dilation, groups)

    def forward(self, x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
        return self(x, w, bias, stride, padding, dilation, groups)

    @classmethod
    def of_class(cls, x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
        return cls()(x, w, bias, stride, padding, dilation, groups)


layer = Layer()


def counted(function):
    """A decorator that keeps the signature and nothing else."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        wrapper.calls += 1
        return function(*args, **kwargs)

    wrapper.calls = 0
    return wrapper


@counted
def decorated(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    return im2col(x, w, bias, stride, padding, dilation, groups)


def needs_a_bias(x, w, b, stride=(1, 1), padding=(0, 0)):
    return im2col(x, w, None, stride, padding, (1, 1)) + b[:, None, None]


def words(x, w, bias=None, stride=(1, 1), padding="valid", dilation=(1, 1), groups=1):
    """Paddings in words, with PyTorch's side for the odd element; and an unbatched input."""
    if x.ndim == 3:
        return words(x[None], w, bias, stride, padding, dilation, groups)[0]
    if padding == "same":
        if max(stride) > 1:
            raise ValueError("same is for stride 1")
        totals = [d * (k - 1) for d, k in zip(dilation, w.shape[2:], strict=True)]
        x = np.pad(x, ((0, 0), (0, 0), *((t // 2, t - t // 2) for t in totals)))
    elif isinstance(padding, str) and padding != "valid":
        raise ValueError("same or valid")
    return im2col(x, w, bias, stride, (0, 0) if isinstance(padding, str) else padding, dilation, groups)


def refuses_dilation(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    if dilation != (1, 1):
        raise NotImplementedError("no dilation")
    return im2col(x, w, bias, stride, padding, dilation, groups)


class UnsupportedError(Exception):
    """A library's own refusal."""


def refuses_in_its_own_words(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    if groups > 1 or bias is not None:
        raise UnsupportedError("neither groups nor a bias")
    return im2col(x, w, bias, stride, padding, dilation, groups)


def needs_a_batch(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    if x.ndim != 4 or isinstance(padding, str):
        raise ValueError("four axes and a padding in numbers")
    return im2col(x, w, bias, stride, padding, dilation, groups)


def only_small_kernels(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    """What hand-written kernels often are: 1x1 and 3x3, strides 1 and 2."""
    if w.shape[2:] not in ((1, 1), (3, 3)) or not set(stride) <= {1, 2}:
        raise NotImplementedError(f"1x1 and 3x3 with stride 1 and 2: {w.shape=}, {stride=}")
    return im2col(x, w, bias, stride, padding, dilation, groups)


def depthwise_only(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    if groups != x.shape[1]:
        raise NotImplementedError("a group for every channel")
    return im2col(x, w, bias, stride, padding, dilation, groups)


def nothing_that_is_asked(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    """Right, but made for layers that no audit asks."""
    if x.shape[1] < 1 << 16:
        raise NotImplementedError("at least 65,536 channels")
    return im2col(x, w, bias, stride, padding, dilation, groups)


def empty_without_output(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    """An empty array where there is no output; an unbatched input is refused."""
    if x.ndim != w.ndim:
        raise ValueError("the input has a batch")
    try:
        output_sizes(x, w, stride, padding, dilation)
    except ValueError:
        return np.empty((len(x), len(w), 0, 0), x.dtype)
    return im2col(x, w, bias, stride, padding, dilation, groups)
