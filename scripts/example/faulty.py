"""A convolution in NumPy, as one writes it by hand. One line is wrong; an audit finds the problems that show it."""

import numpy as np


def pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """One number per axis."""
    return (value, value) if isinstance(value, int) else value


def conv2d(
    x: np.ndarray,
    w: np.ndarray,
    bias: np.ndarray | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
) -> np.ndarray:
    """The convolution of x (N, C, H, W) with w (M, C / groups, KH, KW)."""
    (sh, sw), (ph, pw), (dh, dw) = pair(stride), pair(padding), pair(dilation)
    n, c, h, width = x.shape
    m, c_group, kh, kw = w.shape
    out_h = (h + 2 * ph - dh * (kh - 1) - 1) // sh + 1
    out_w = (width + 2 * pw - dw * (kw - 1) - 1) // sw + 1
    if out_h < 1 or out_w < 1 or dh < 1 or dw < 1:
        raise ValueError("no output: the kernel is larger than the padded input")

    x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    columns = np.empty((n, c, kh, kw, out_h, out_w), dtype=x.dtype)
    for i in range(kh):
        for j in range(kw):
            columns[:, :, i, kw - 1 - j] = x[:, :, i * dh :: sh, j * dw :: sw][:, :, :out_h, :out_w]

    columns = columns.reshape(n, groups, c_group * kh * kw, out_h * out_w)
    kernels = w.reshape(groups, m // groups, c_group * kh * kw)
    out = (kernels @ columns).reshape(n, m, out_h, out_w)
    return out if bias is None else out + bias.reshape(-1, 1, 1)
