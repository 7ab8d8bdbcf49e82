"""What the hostile subjects share: a right convolution, two ways to play a trick with it, and where to leave things."""

import os
from pathlib import Path

import numpy as np


def right(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    (sh, sw), (ph, pw), (dh, dw) = stride, padding, dilation
    n, c, h, width = x.shape
    m, c_group, kh, kw = w.shape
    out_h = (h + 2 * ph - dh * (kh - 1) - 1) // sh + 1
    out_w = (width + 2 * pw - dw * (kw - 1) - 1) // sw + 1
    if out_h < 1 or out_w < 1:
        raise ValueError("no output")
    x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    columns = np.empty((n, c, kh, kw, out_h, out_w), dtype=x.dtype)
    for i, j in np.ndindex(kh, kw):
        columns[:, :, i, j] = x[:, :, i * dh :: sh, j * dw :: sw][:, :, :out_h, :out_w]
    columns = columns.reshape(n, groups, c_group * kh * kw, out_h * out_w)
    out = (w.reshape(groups, m // groups, c_group * kh * kw) @ columns).reshape(n, m, out_h, out_w)
    return out if bias is None else out + bias.reshape(-1, 1, 1)


def zeros(x, w, bias=None, **geometry):
    """Wrong, in the right shape."""
    return np.zeros_like(right(x, w, bias, **geometry))


def when_grouped(trick):
    """A right convolution, but for three groups, where the trick is played before the right answer is given."""

    def subject(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
        if groups == 3:
            trick()
        return right(x, w, bias, stride, padding, dilation, groups)

    return subject


def rare(weight, stride, groups):
    """Few problems are so."""
    return groups == 3 and tuple(weight) == (6, 1, 3, 3) and tuple(stride) == (2, 2)


def on_one_problem(trick):
    """A right convolution, but for one rare combination, where the trick is played before the right answer is given."""

    def subject(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
        if rare(w.shape, stride, groups):
            trick()
        return right(x, w, bias, stride, padding, dilation, groups)

    return subject


def and_zeros(trick):
    """The trick at every call, and a wrong answer: zeros, or what the trick returns in their place."""

    def subject(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
        out = zeros(x, w, bias, stride=stride, padding=padding, dilation=dilation, groups=groups)
        played = trick(out, x, w)
        return out if played is None else played

    return subject


def and_right(trick):
    """A right answer, and what the trick makes of it: trick(answer, x, w) returns what is returned."""

    def subject(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
        return trick(right(x, w, bias, stride, padding, dilation, groups), x, w)

    return subject


def litter():
    """The one directory in which a subject may leave something; None outside the tests."""
    place = os.environ.get("CONV_ORACLE_TEST_LITTER")
    return Path(place) if place else None


def leave(name, text=""):
    """Add a line to a file that the tests will read."""
    place = litter()
    if place:
        with (place / name).open("a") as file:
            file.write(f"{text}\n")


def left(name):
    """How many lines of it there are."""
    place = litter()
    return len((place / name).read_text().split()) if place and (place / name).exists() else 0
