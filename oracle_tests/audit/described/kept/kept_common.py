"""What the functions of this folder share: sizes, padding, one tap of the kernel, masked loads and stores."""

import numpy as np


def tup(value, n):
    """One entry per axis."""
    return (int(value),) * n if np.isscalar(value) else tuple(int(v) for v in value)


def out_size(size, kernel, stride, padding, dilation):
    """The output's extent along each axis."""
    rows = zip(size, kernel, stride, padding, dilation, strict=True)
    return tuple((h + 2 * p - d * (k - 1) - 1) // s + 1 for h, k, s, p, d in rows)


def padded(x, padding):
    """Zeros around the last axes."""
    return np.pad(x, [(0, 0), (0, 0)] + [(p, p) for p in padding])


def pad_or_crop(x, before, after):
    """Zeros before and after each of the last axes; negative amounts crop."""
    grown = np.pad(x, [(0, 0), (0, 0)] + [(max(b, 0), max(a, 0)) for b, a in zip(before, after, strict=True)])
    cuts = [slice(max(-b, 0), n - max(-a, 0)) for b, a, n in zip(before, after, grown.shape[2:], strict=True)]
    return grown[(slice(None), slice(None), *cuts)]


def mix(values, tap, groups):
    """(N, C, ...) times one tap of the weight (OC, C/groups): (N, OC, ...)."""
    n, c = values.shape[:2]
    split = values.reshape(n, groups, c // groups, *values.shape[2:])
    mixed = np.einsum("ngc...,goc->ngo...", split, tap.reshape(groups, -1, tap.shape[1]))
    return mixed.reshape(n, tap.shape[0], *values.shape[2:])


def mix_back(values, tap, groups):
    """(N, IC, ...) times one tap (IC, OC/groups) of a transposed convolution: (N, OC, ...)."""
    n, c = values.shape[:2]
    split = values.reshape(n, groups, c // groups, *values.shape[2:])
    mixed = np.einsum("ngi...,gio->ngo...", split, tap.reshape(groups, -1, tap.shape[1]))
    return mixed.reshape(n, groups * tap.shape[1], *values.shape[2:])


def taps(kernel):
    """Every index of the kernel."""
    return np.ndindex(*kernel)


def window(tap, out, stride, dilation):
    """The slices of a padded input that meet one tap."""
    rows = zip(tap, out, stride, dilation, strict=True)
    return tuple(slice(k * d, k * d + s * (o - 1) + 1, s) for k, o, s, d in rows)


def add_bias(out, bias):
    """The bias of each output channel."""
    return out if bias is None else out + bias.reshape(1, -1, *[1] * (out.ndim - 2))


def direct(x, w, stride, padding, dilation, groups):
    """A convolution without bias, tap by tap."""
    out = out_size(x.shape[2:], w.shape[2:], stride, padding, dilation)
    xp = padded(x, padding)
    y = np.zeros((x.shape[0], w.shape[0], *out), x.dtype)
    for tap in taps(w.shape[2:]):
        y += mix(xp[(..., *window(tap, out, stride, dilation))], w[(..., *tap)], groups)
    return y


def load(flat, offsets, mask):
    """Elements of a flat array, zero where masked off or outside of the memory."""
    mask = mask & (offsets >= 0) & (offsets < flat.size)
    return np.where(mask, flat[np.clip(offsets, 0, flat.size - 1)], 0).astype(flat.dtype)


def store(flat, offsets, values, mask):
    """Stores where the mask holds and memory is."""
    mask = mask & (offsets >= 0) & (offsets < flat.size)
    flat[offsets[mask]] = values[mask]


def cdiv(a, b):
    """Division rounded up."""
    return -(-a // b)
