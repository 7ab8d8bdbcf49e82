"""SciPy as a subject: scipy.signal's direct sums over pairs of channels. What SciPy has no word for is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal

Array = NDArray[Any]
Size = tuple[int, ...]


def correlate(image: Array, kernel: Array, mode: str) -> Array:
    """scipy.signal.correlate, which conjugates its second operand."""
    return signal.correlate(image, kernel.conj(), mode, method="direct")  # type: ignore[no-any-return]


def convolve(image: Array, kernel: Array, mode: str) -> Array:
    """scipy.signal.convolve."""
    return signal.convolve(image, kernel, mode, method="direct")  # type: ignore[no-any-return]


def correlate2d(image: Array, kernel: Array, mode: str) -> Array:
    """scipy.signal.correlate2d, which conjugates too."""
    return signal.correlate2d(image, kernel.conj(), mode)  # type: ignore[no-any-return]


def over_channels(pair: Callable[[Array, Array, str], Array], x: Array, kernels: Array, mode: str) -> Array:
    """y[n, m] = sum over c of pair(x[n, c], kernels[m, c])."""
    if not len(x):
        raise NotImplementedError("SciPy has no batches, and none of size 0")
    return np.stack([[sum(pair(c, k, mode) for c, k in zip(n, m, strict=True)) for m in kernels] for n in x])


def mode_of(x: Array, w: Array, padding: str | Size, full: Size, none: Size) -> str:
    """SciPy's word for this padding. Where the kernel is the larger operand it swaps them: that is refused."""
    if padding == full:
        return "full"
    fits = all(k <= size for k, size in zip(w.shape[2:], x.shape[2:], strict=True))
    if fits and padding in (none, "valid"):
        return "valid"
    if fits and padding == "same" and all(k % 2 for k in w.shape[2:]):
        return "same"
    raise NotImplementedError(f"SciPy pads for full, same or valid: padding={padding}")


def conv2d(x: Array, w: Array, *, padding: str | Size = (0, 0)) -> Array:
    """The convolution of deep learning is scipy.signal.correlate."""
    zero = (0,) * (w.ndim - 2)
    full = tuple(k - 1 for k in w.shape[2:])
    return over_channels(correlate, x, w, mode_of(x, w, padding, full, zero))


def conv2d_correlate2d(x: Array, w: Array, *, padding: str | Size = (0, 0)) -> Array:
    """The same by scipy.signal.correlate2d."""
    full = tuple(k - 1 for k in w.shape[2:])
    return over_channels(correlate2d, x, w, mode_of(x, w, padding, full, (0, 0)))


def conv_transpose2d(x: Array, w: Array, *, padding: Size = (0, 0)) -> Array:
    """The transposed convolution of stride 1 is scipy.signal.convolve; padding cuts off what 'full' has."""
    zero = (0,) * (w.ndim - 2)
    cut = tuple(k - 1 for k in w.shape[2:])
    return over_channels(convolve, x, w.swapaxes(0, 1), mode_of(x, w, padding, zero, cut))


conv1d = conv3d = conv2d
conv_transpose1d = conv_transpose3d = conv_transpose2d
