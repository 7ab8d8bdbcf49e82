"""Convolutions whose first calls take long, as they compile or tune, and some of which every call does."""

import time

import numpy as np
from plainly import correlated

PLANS = {}


def _plan(key):
    """An index of taps for this shape, after some thinking."""
    time.sleep(0.3)
    shape, kernel, stride, padding = key
    sizes = tuple((i + 2 * padding - k) // stride + 1 for i, k in zip(shape[2:], kernel[2:], strict=True))
    return sizes, list(np.ndindex(*kernel[2:]))


def plan_per_shape(x, w, bias=None, stride=1, padding=0):
    """A plan per shape, which takes 0.3 s."""
    key = (x.shape, w.shape, stride, padding)
    if key not in PLANS:
        PLANS[key] = _plan(key)
    (oh, ow), taps = PLANS[key]
    if min(oh, ow) < 1:
        raise ValueError("no output")
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    y = np.zeros((len(x), len(w), oh, ow), x.dtype)
    for i, j in taps:
        read = x[:, :, i : i + stride * (oh - 1) + 1 : stride, j : j + stride * (ow - 1) + 1 : stride]
        y += np.einsum("nchw,mc->nmhw", read, w[:, :, i, j])
    return y if bias is None else y + bias[:, None, None]


class Compiled:
    """A function that is compiled at its first call of a process."""

    def __init__(self, seconds):
        self.seconds, self.ready = seconds, False

    def __call__(self, x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
        if not self.ready:
            time.sleep(self.seconds)
            self.ready = True
        return correlated(x, w, bias, stride, padding, dilation, groups)


three_seconds = Compiled(3)
twelve_seconds = Compiled(12)


def slow(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """0.05 s a call."""
    time.sleep(0.05)
    return correlated(x, w, bias, stride, padding, dilation, groups)


def very_slow(x, w, bias=None, stride=1, padding=0):
    """0.2 s a call: a simulator."""
    time.sleep(0.2)
    return correlated(x, w, bias, stride, padding)
