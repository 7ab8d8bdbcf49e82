"""Subjects that take more memory than they are allowed. The tests allow them little."""

import os
import time

import numpy as np
from hostile_common import and_right, right, when_grouped

KEPT = []


def harmless(x, w, bias=None, **geometry):
    """A large workspace, touched, and given back."""
    workspace = np.ones(1 << 20)
    return right(x, w, bias, **geometry) * workspace[-1]


@when_grouped
def hoards():
    while True:
        KEPT.append(np.ones(1 << 20))
        time.sleep(0.001)


@when_grouped
def hoards_in_its_children():
    """Each little, all together too much."""
    for _ in range(16):
        if not os.fork():
            KEPT.append(np.ones(1 << 22))
            time.sleep(30)
            os._exit(0)
    time.sleep(30)


@and_right
def forgets_nothing(out, *_):
    """A little more at every call."""
    KEPT.append(np.ones(1 << 18))
    return out


@when_grouped
def asks_for_more_than_there_is():
    np.empty(1 << 46)


@and_right
def returns_an_enormous_array(*_):
    """It takes no memory until it is read."""
    return np.zeros((1 << 20, 1 << 16))


@and_right
def returns_an_enormous_view(out, *_):
    return np.broadcast_to(out.ravel()[:1], (1 << 20, 1 << 20))
