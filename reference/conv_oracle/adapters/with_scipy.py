"""SciPy: the direct sums of scipy.signal and scipy.ndimage over pairs of channels; other paddings are refused.

conv2d is scipy.signal.correlate, conv_transpose2d scipy.signal.convolve; conv2d_correlate2d and conv2d_ndimage are the
same by scipy.signal.correlate2d and scipy.ndimage.correlate. The gradient by the input is scipy.signal.convolve again.

Known in 1.17.1: scipy.ndimage.correlate leaves out every weight of at most 2.2e-16 in magnitude, and with it what it
multiplies, NaN included.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal

Array = NDArray[Any]
Size = int | str | Sequence[int]
Pair = Callable[[Array, Array, str], Array]


def conv(input: Array, weight: Array, *, padding: Size = 0) -> Array:
    """scipy.signal.correlate, which conjugates its second operand."""
    return _correlated(lambda x, w, mode: signal.correlate(x, w.conj(), mode, method="direct"), input, weight, padding)


def conv2d_correlate2d(input: Array, weight: Array, *, padding: Size = 0) -> Array:
    """scipy.signal.correlate2d, which conjugates too."""
    return _correlated(lambda x, w, mode: signal.correlate2d(x, w.conj(), mode), input, weight, padding)


def conv2d_ndimage(input: Array, weight: Array, *, padding: Size = 0) -> Array:
    """scipy.ndimage.correlate with zeros around the image: as large as the image, so the kernel is odd."""
    if padding != "same" and padding not in (middle := [k // 2 for k in weight.shape[2:]], tuple(middle)):
        raise NotImplementedError(f"scipy.ndimage has 'same' alone: padding={padding}")
    _odd(weight)
    return _over_channels(lambda x, w, _: ndimage.correlate(x, w, mode="constant"), input, weight, "same")


def conv_transpose(input: Array, weight: Array, *, padding: Size = 0) -> Array:
    """scipy.signal.convolve; padding cuts off what 'full' has."""
    zero, cut = (0,) * (weight.ndim - 2), tuple(k - 1 for k in weight.shape[2:])
    mode = _mode(input, weight, _each(padding, weight.ndim - 2), zero, cut)
    return _over_channels(_convolve, input, weight.swapaxes(0, 1), mode)


def conv_input(input_size: Sequence[int], weight: Array, grad_output: Array, *, padding: Size = 0) -> Array:
    """scipy.signal.convolve of the cotangent with the conjugated kernel."""
    zero, cut = (0,) * (weight.ndim - 2), tuple(k - 1 for k in weight.shape[2:])
    mode = _mode(grad_output, weight, _each(padding, weight.ndim - 2), zero, cut)
    gradient = _over_channels(_convolve, grad_output, weight.conj().swapaxes(0, 1), mode)
    if gradient.shape != tuple(input_size):
        raise ValueError(f"a gradient of shape {gradient.shape} for an input of {tuple(input_size)}")
    return gradient


conv1d = conv2d = conv3d = conv
conv_transpose1d = conv_transpose2d = conv_transpose3d = conv_transpose
conv1d_input = conv2d_input = conv3d_input = conv_input


def _convolve(x: Array, w: Array, mode: str) -> Array:
    return signal.convolve(x, w, mode, method="direct")  # type: ignore[no-any-return]


def _correlated(pair: Pair, x: Array, w: Array, padding: Size) -> Array:
    zero, full = (0,) * (w.ndim - 2), tuple(k - 1 for k in w.shape[2:])
    return _over_channels(pair, x, w, _mode(x, w, _each(padding, w.ndim - 2), full, zero))


def _over_channels(pair: Pair, x: Array, kernels: Array, mode: str) -> Array:
    """y[n, m] = sum over c of pair(x[n, c], kernels[m, c])."""
    if x.ndim != kernels.ndim or not len(x):
        raise NotImplementedError("SciPy has no batches: one that is not there, or of size 0, has no meaning")
    return np.stack([[sum(pair(c, k, mode) for c, k in zip(n, m, strict=True)) for m in kernels] for n in x])


def _mode(x: Array, w: Array, padding: str | tuple[int, ...], full: tuple[int, ...], none: tuple[int, ...]) -> str:
    """SciPy's word for this padding. Where the kernel is the larger operand it swaps them: that is refused."""
    if padding == full:
        return "full"
    fits = all(k <= size for k, size in zip(w.shape[2:], x.shape[2:], strict=True))
    if fits and padding in (none, "valid"):
        return "valid"
    if fits and padding == "same":
        _odd(w)
        return "same"
    raise NotImplementedError(f"SciPy pads for full, same or valid: padding={padding}")


def _odd(w: Array) -> None:
    if not all(k % 2 for k in w.shape[2:]):
        raise NotImplementedError(f"'same' of an even kernel is another one in SciPy: kernel={w.shape[2:]}")


def _each(value: Size, axes: int) -> str | tuple[int, ...]:
    return value if isinstance(value, str) else (value,) * axes if isinstance(value, int) else tuple(value)
