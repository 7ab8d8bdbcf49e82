"""What the modules of this folder share."""

import numpy as np


def each(value, axes):
    """An int for every axis, or one value per axis, as a tuple of ints."""
    return (int(value),) * axes if np.ndim(value) == 0 else tuple(map(int, value))


def plan(x, weight, stride, padding, dilation):
    """Stride, padding, dilation and the output's size, each a tuple with one entry per axis."""
    axes = weight.ndim - 2
    stride, padding, dilation = each(stride, axes), each(padding, axes), each(dilation, axes)
    sizes = tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(x.shape[2:], weight.shape[2:], stride, padding, dilation, strict=True)
    )
    return stride, padding, dilation, sizes


def surrounded(x, padding):
    """Zeros around the spatial axes; a copy always."""
    wide = np.zeros((*x.shape[:2], *(n + 2 * p for n, p in zip(x.shape[2:], padding, strict=True))), x.dtype)
    wide[(..., *(slice(p, p + n) for n, p in zip(x.shape[2:], padding, strict=True)))] = x
    return wide


def under(tap, sizes, stride, dilation):
    """An index: what a tap sees of a padded input."""
    starts = [t * d for t, d in zip(tap, dilation, strict=True)]
    return (..., *(slice(a, a + (n - 1) * s + 1, s) for a, n, s in zip(starts, sizes, stride, strict=True)))


def mixed(part, kernel, groups):
    """What one tap adds: (N, C, ...) by (M, C/groups) is (N, M, ...)."""
    n, c = part.shape[:2]
    split = part.reshape(n, groups, c // groups, *part.shape[2:])
    product = np.einsum("ngc...,gmc->ngm...", split, kernel.reshape(groups, len(kernel) // groups, c // groups))
    return product.reshape(n, len(kernel), *part.shape[2:])


def biased(out, bias):
    """With a bias per channel, where there is one."""
    if bias is not None:
        out += bias.reshape(-1, *[1] * (out.ndim - 2))
    return out


def by_taps(padded, weight, sizes, stride, dilation, groups):
    """A convolution of what is padded already, without a bias."""
    out = np.zeros((len(padded), len(weight), *sizes), padded.dtype)
    for tap in np.ndindex(*weight.shape[2:]):
        out += mixed(padded[under(tap, sizes, stride, dilation)], weight[(..., *tap)], groups)
    return out
