"""Convolutions that are made for some layers, as kernels for a GPU are, and refuse all others in their own ways."""

import numpy as np
from plainly import correlated, each


def channels_by_four(x, w, bias=None, stride=1, padding=0):
    """Vector loads of four channels."""
    assert x.shape[1] % 4 == 0, "C must be a multiple of 4"
    assert w.shape[0] % 4 == 0, "K must be a multiple of 4"
    return correlated(x, w, bias, stride, padding)


def conv1d_channels_by_eight(x, w, bias=None, stride=1, padding=0, dilation=1):
    """Fragments of 8 input and 16 output channels."""
    if w.shape[1] % 8 or w.shape[0] % 16:
        raise ValueError(f"in_channels % 8 and out_channels % 16 must be 0, got {w.shape[1]} and {w.shape[0]}")
    return correlated(x, w, bias, stride, padding, dilation)


BT = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], np.float64)
G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], np.float64)
AT = np.array([[1, 1, 1, 0], [0, 1, -1, -1]], np.float64)


def winograd(x, w, bias=None, padding=0):
    """F(2x2, 3x3): 3x3 alone, tiles of 2 by 2 outputs, the last ones cut."""
    if w.shape[2:] != (3, 3):
        raise NotImplementedError(f"only 3x3 kernels, got {w.shape[2:]}")
    ph, pw = each(padding, 2)
    n, _, h, width = x.shape
    oh, ow = h + 2 * ph - 2, width + 2 * pw - 2
    if min(oh, ow) < 1:
        raise ValueError("image smaller than the kernel")
    x = np.pad(x, ((0, 0), (0, 0), (ph, ph + oh % 2), (pw, pw + ow % 2)))
    tiles = np.lib.stride_tricks.sliding_window_view(x, (4, 4), (2, 3))[:, :, ::2, ::2]
    U = np.einsum("ai,mcij,bj->mcab", G, w, G)
    V = np.einsum("ai,nchwij,bj->nchwab", BT, tiles, BT)
    M = np.einsum("mcab,nchwab->nmhwab", U, V)
    Y = np.einsum("ia,nmhwab,jb->nmhiwj", AT, M, AT)
    Y = Y.reshape(n, len(w), 2 * Y.shape[2], 2 * Y.shape[4])[:, :, :oh, :ow]
    return Y.copy() if bias is None else Y + bias[:, None, None]


MAX_KERNEL = 7


def kernels_up_to_seven(x, w, bias=None, stride=1, padding=0, dilation=1):
    """The weights of a larger kernel do not fit the constant memory."""
    if max(w.shape[2:]) > MAX_KERNEL:
        raise RuntimeError(f"kernel size {max(w.shape[2:])} exceeds MAX_KERNEL={MAX_KERNEL}")
    return correlated(x, w, bias, stride, padding, dilation)


def strides_of_one_and_two(x, w, bias=None, stride=(1, 1), padding=(0, 0)):
    """Two kernels, one for each stride, for both axes alike."""
    sh, sw = stride
    if sh != sw or sh > 2:
        raise NotImplementedError(f"stride {stride} is not supported")
    return correlated(x, w, bias, stride, padding)


def depthwise(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A thread block per channel."""
    if groups != x.shape[1] or w.shape[1] != 1:
        raise ValueError(f"depthwise only: groups={groups}, channels={x.shape[1]}")
    return correlated(x, w, bias, stride, padding, dilation, groups)


def pointwise(x, w, bias=None):
    """1x1 alone: a product of matrices."""
    assert w.shape[2:] == (1, 1), "this is a 1x1 convolution"
    n, c, h, width = x.shape
    y = np.matmul(w[:, :, 0, 0], x.reshape(n, c, h * width)).reshape(n, len(w), h, width)
    return y if bias is None else y + bias[:, None, None]


def one_example(x, w, bias=None, stride=1, padding=0):
    """Batch 1 alone, as for inference."""
    if x.shape[0] != 1:
        raise NotImplementedError("batch size must be 1")
    return correlated(x, w, bias, stride, padding)


def one_channel(image, kernel):
    """One channel in, one out: a filter of a grey image."""
    n, channels, h, w = image.shape
    out_channels, _, kh, kw = kernel.shape
    if channels != 1 or out_channels != 1:
        raise ValueError("grayscale images only")
    if kh > h or kw > w:
        raise ValueError("the kernel is larger than the image")
    out = np.zeros((n, 1, h - kh + 1, w - kw + 1), image.dtype)
    for i in range(kh):
        for j in range(kw):
            out += kernel[0, 0, i, j] * image[:, :, i : i + h - kh + 1, j : j + w - kw + 1]
    return out


def even_outputs(x, w, bias=None, stride=1, padding=0):
    """Two outputs a thread in either direction."""
    (sh, sw), (ph, pw) = each(stride, 2), each(padding, 2)
    oh = (x.shape[2] + 2 * ph - w.shape[2]) // sh + 1
    ow = (x.shape[3] + 2 * pw - w.shape[3]) // sw + 1
    assert oh % 2 == 0, f"the output must be even, got {oh}x{ow}"
    assert ow % 2 == 0, f"the output must be even, got {oh}x{ow}"
    return correlated(x, w, bias, stride, padding)


def padding_below_kernel(x, w, bias=None, stride=1, padding=0):
    """A whole kernel in the padding is refused."""
    if any(p >= k for p, k in zip(each(padding, 2), w.shape[2:], strict=True)):
        raise ValueError("padding must be smaller than the kernel")
    return correlated(x, w, bias, stride, padding)


def nothing_padded(x, w, bias=None, stride=1, padding=0, dilation=1):
    """The parameter is there for the signature's sake."""
    if padding not in (0, (0,) * (w.ndim - 2), [0] * (w.ndim - 2), "valid"):
        raise NotImplementedError("padding: pad the input yourself")
    return correlated(x, w, bias, stride, 0, dilation)


def dilation_asserted(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Dilation 1 alone, by an assert."""
    assert set(each(dilation, w.ndim - 2)) == {1}, "dilated convolutions are not supported"
    return correlated(x, w, bias, stride, padding, 1, groups)


def one_group_or_all(x, w, bias=None, stride=1, padding=0, groups=1):
    """Dense or depthwise, and nothing between."""
    if groups not in (1, x.shape[1]):
        raise RuntimeError(f"groups must be 1 or {x.shape[1]}, got {groups}")
    return correlated(x, w, bias, stride, padding, 1, groups)


def groups_of_two_channels(x, w, bias=None, stride=1, padding=0, groups=1):
    """Every group has an even number of channels on both sides, as pairs are loaded together."""
    assert x.shape[1] // groups % 2 == 0
    assert len(w) // groups % 2 == 0
    return correlated(x, w, bias, stride, padding, 1, groups)


def image_at_least_the_kernel(x, w, bias=None, stride=1, padding=0):
    """The kernel must fit the image before the padding."""
    if any(i < k for i, k in zip(x.shape[2:], w.shape[2:], strict=True)):
        raise ValueError("image smaller than kernel")
    return correlated(x, w, bias, stride, padding)


def width_by_four(x, w, bias=None, stride=1, padding=0):
    """Aligned rows."""
    if x.shape[-1] % 4:
        raise ValueError("row length must be a multiple of 4")
    return correlated(x, w, bias, stride, padding)


def _direct(x, w, stride, padding):
    return correlated(x, w, None, stride, padding)


def _one_by_one(x, w, stride, padding):
    y = np.tensordot(w[:, :, 0, 0], x[:, :, ::stride, ::stride], (1, 1)).swapaxes(0, 1)
    return np.pad(y, ((0, 0), (0, 0), (padding, padding), (padding, padding)))


KERNELS = {(1, 1): _one_by_one, (3, 1): _direct, (3, 2): _direct, (5, 1): _direct}


def looked_up(x, w, stride=1, padding=0):
    """A table by (kernel, stride): a KeyError for all that it has not."""
    if w.shape[2] != w.shape[3]:
        raise KeyError(w.shape[2:])
    if x.ndim != 4:
        raise ValueError("4 axes")
    return KERNELS[w.shape[2], stride](x, w, stride, padding)


def patches(x, w, bias=None, stride=(1, 1)):
    """The stride is the kernel: an embedding of patches, by a reshape."""
    kh, kw = w.shape[2:]
    if tuple(stride) != (kh, kw):
        raise ValueError("stride must equal the kernel size")
    n, c, h, width = x.shape
    if h % kh or width % kw:
        raise ValueError("image not divisible into patches")
    cut = x.reshape(n, c, h // kh, kh, width // kw, kw)
    y = np.einsum("nchiwj,mcij->nmhw", cut, w)
    return y if bias is None else y + bias[:, None, None]


def threads_of_a_block(x, w, bias=None, stride=1, padding=0):
    """One thread per output of an image, 64 at most."""
    y = correlated(x, w, bias, stride, padding)
    if y.shape[2] * y.shape[3] > 64:
        raise RuntimeError("too many resources requested for launch")
    return y


def conv3d_without_padding(x, w, bias=None, stride=1):
    """Videos of one example, cubic kernels."""
    assert x.ndim == 5, "NCDHW"
    assert x.shape[0] == 1, "one video at a time"
    assert len(set(w.shape[2:])) == 1, "cubic kernels"
    return correlated(x, w, bias, stride)


def conv_transpose2d_stride_two(x, w, bias=None, stride=1, padding=0, output_padding=0):
    """The upsampling layer of a decoder: kernel 4, stride 2, padding 1, by four ordinary 2x2 convolutions."""
    if w.shape[2:] != (4, 4) or each(stride, 2) != (2, 2) or each(padding, 2) != (1, 1):
        raise NotImplementedError("kernel 4, stride 2, padding 1")
    if each(output_padding, 2) != (0, 0):
        raise NotImplementedError("output_padding is not supported")
    n, _, h, width = x.shape
    y = np.zeros((n, w.shape[1], 2 * h, 2 * width), x.dtype)
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    for a in range(2):
        for b in range(2):
            taps = w[:, :, 3 - a :: -2, 3 - b :: -2].swapaxes(0, 1)
            y[:, :, a::2, b::2] = correlated(padded[:, :, a : a + h + 1, b : b + width + 1], taps)
    return y if bias is None else y + bias[:, None, None]
