"""Caches, workspaces, operands changed, results that depend on the numbers."""

import numpy as np
from seen_common import columns, contract, with_bias

PACKED = {}
WORKSPACES = {}


def conv2d_packed_weights(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    key = (w.shape, w.dtype, groups)
    if key not in PACKED:
        PACKED[key] = np.ascontiguousarray(w.reshape(groups, w.shape[0] // groups, -1).transpose(0, 2, 1))
    packed = PACKED[key]
    cols = columns(x, w.shape[2:], stride, padding, dilation)
    a = cols.reshape(x.shape[0], groups, packed.shape[1], cols.shape[4] * cols.shape[5])
    y = np.einsum("ngkl,gko->ngol", a, packed)
    return with_bias(y.reshape(x.shape[0], w.shape[0], *cols.shape[4:]), bias)


def conv2d_workspace(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    cols = columns(x, w.shape[2:], stride, padding, dilation)
    shape = (x.shape[0], groups, w.shape[0] // groups, cols.shape[4] * cols.shape[5])
    if shape not in WORKSPACES:
        WORKSPACES[shape] = np.zeros(shape, x.dtype)
    acc = WORKSPACES[shape]
    a, kernels = cols.reshape(x.shape[0], groups, w[0].size, shape[3]), w.reshape(groups, shape[2], -1)
    for k in range(0, kernels.shape[2], 32):
        acc += kernels[:, :, k : k + 32] @ a[:, :, k : k + 32]
    return with_bias(acc.reshape(x.shape[0], w.shape[0], *cols.shape[4:]).copy(), bias)


def conv2d_sparse_weights(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    cols = columns(x, w.shape[2:], stride, padding, dilation)
    cg, og = w.shape[1], w.shape[0] // groups
    threshold = 0.3 * np.abs(w).max()
    y = np.zeros((x.shape[0], w.shape[0], *cols.shape[4:]), x.dtype)
    for o, c, kh, kw in zip(*np.nonzero(np.abs(w) > threshold), strict=True):
        y[:, o] += cols[:, o // og * cg + c, kh, kw] * w[o, c, kh, kw]
    return with_bias(y, bias)


def conv1d_fused_epilogue(x, w, bias=None, stride=(1,), padding=(0,), dilation=(1,), groups=1):
    y = contract(columns(x, w.shape[2:], stride, padding, dilation), w, groups)
    if bias is None:
        return y
    return np.maximum(y + bias[:, None], 0)


def conv1d_flipped_operand(x, w, bias=None, stride=(1,), padding=(0,), dilation=(1,), groups=1):
    (s,), (p,), (d,) = stride, padding, dilation
    w[...] = w[:, :, ::-1].copy()
    span = (w.shape[2] - 1) * d + 1
    spread = np.zeros((*w.shape[:2], span), w.dtype)
    spread[:, :, ::d] = w
    xp = np.pad(x, [(0, 0), (0, 0), (p, p)])
    cg, og = w.shape[1], w.shape[0] // groups
    y = np.zeros((x.shape[0], w.shape[0], (xp.shape[2] - span) // s + 1), x.dtype)
    for n, o, c in np.ndindex(x.shape[0], w.shape[0], cg):
        y[n, o] += np.convolve(xp[n, o // og * cg + c], spread[o, c], mode="valid")[::s]
    return with_bias(y, bias)
