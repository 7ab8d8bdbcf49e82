"""A module that takes its time to load, and says so."""

import time

from windows import im2col

print("loading the tables")  # noqa: T201
time.sleep(2.0)


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return im2col(input, weight, bias, stride, padding, dilation, groups)


def sleeps(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """A fiftieth of a second a call: a level's list is not finished."""
    time.sleep(0.02)
    return im2col(input, weight, bias, stride, padding, dilation, groups)
