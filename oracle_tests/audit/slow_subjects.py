"""Convolutions whose first calls take long, as compilers make them; and some that never end."""

import time

from faulty_subjects import right

SECONDS = 0.8
SEEN = set()


def compiles_once(x, w, bias=None, **geometry):
    """The first call of a process is slow."""
    if not SEEN:
        time.sleep(SECONDS)
    SEEN.add(None)
    return right(x, w, bias, **geometry)


def compiles_each_shape(x, w, bias=None, **geometry):
    """The first call of each shape is slow."""
    if (x.shape, w.shape) not in SEEN:
        time.sleep(SECONDS / 2)
    SEEN.add((x.shape, w.shape))
    return right(x, w, bias, **geometry)


def hangs_when_repeated(x, w, bias=None, **geometry):
    """Every call of a shape but the first is slow."""
    key = x.shape, w.shape, str(geometry)
    if key in SEEN:
        time.sleep(SECONDS)
    SEEN.add(key)
    return right(x, w, bias, **geometry)


def never_ends(*_, **__):
    time.sleep(600)
