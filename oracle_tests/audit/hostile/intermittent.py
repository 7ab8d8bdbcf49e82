"""Subjects that are right on some calls or problems, and wrong on others."""

import itertools
import os
import random
import sys
import threading
import time

import numpy as np
from hostile_common import and_right, leave, left, right

STARTED = time.monotonic()
COUNT = itertools.count()
FIRST = {}
SHAPES = set()
LAST = []
leave("loaded", os.getpid())


def harmless(x, w, bias=None, **geometry):
    """Counts, times, remembers, draws lots, and lets nothing hang on it."""
    next(COUNT)
    FIRST[x.shape] = time.monotonic() - STARTED, random.random()  # noqa: S311
    return right(x, w, bias, **geometry)


@and_right
def right_for_100_calls(out, *_):
    return out if next(COUNT) < 100 else out + 1


@and_right
def right_for_a_moment(out, *_):
    return out if time.monotonic() - STARTED < 0.05 else out + 1


@and_right
def right_on_small_problems(out, _, w):
    return out if out.size * w[0].size < 5000 else out + 1


@and_right
def right_on_short_reductions(out, _, w):
    return out if w[0].size < 100 else out + 1


@and_right
def right_the_second_time(out, x, w):
    """Equal operands in a row get a right answer."""
    key = x.tobytes() + w.tobytes()
    known, LAST[:] = key in LAST, [key]
    return out if known else out + 1


@and_right
def right_the_first_time(out, x, w):
    """Of every problem only the first call is right."""
    key = x.shape, w.shape, out.shape
    known = key in SHAPES
    SHAPES.add(key)
    return out + 1 if known else out


@and_right
def remembers_the_first_answer(out, x, w):
    return FIRST.setdefault((x.shape, w.shape, out.shape), out)


@and_right
def wrong_in_the_second_process(out, *_):
    return out * 0 if left("loaded") == 2 else out


@and_right
def slightly_wrong_in_the_second_process(out, *_):
    return out + 1 if left("loaded") == 2 else out


@and_right
def slightly_wrong_at_the_end(out, *_):
    """Off by one, when most has been asked."""
    return out + 1 if next(COUNT) > 500 else out


@and_right
def hides_behind_the_deadline(out, *_):
    """Off by one; and slow, so that nobody has the time to ask again."""
    if next(COUNT) < 100:
        return out
    time.sleep(0.03)
    return out + 1


@and_right
def hides_among_the_questions(out, *_):
    """Off by one for a few calls; then so slow that what is asked again is still unanswered at the deadline."""
    count = next(COUNT)
    if count > 150:
        time.sleep(0.1)
    return out + 1 if 100 <= count < 106 else out


@and_right
def wrong_once_in_fifty(out, *_):
    return out + 1 if random.random() < 0.02 else out  # noqa: S311


@and_right
def wrong_once(out, *_):
    """At one call of all."""
    if next(COUNT) < 100 or LAST or not out.size:
        return out
    LAST.append(True)
    return out + 1


@and_right
def right_where_pytest_is(out, *_):
    return out if "pytest" in sys.modules else out + 1


@and_right
def right_for_small_numbers(out, x, *_):
    return out if np.abs(x).max(initial=0) < 1e6 else out * 0


@and_right
def changes_its_operands_later(out, x, *_):
    """By a thread, while the next calls are made."""

    def change():
        for _ in range(200):
            if x.flags.writeable:
                x[...] = x + 1
            time.sleep(1e-4)

    threading.Thread(target=change, daemon=True).start()
    return out


@and_right
def changes_its_answer_later(out, *_):
    def change():
        for _ in range(200):
            out[...] = 0
            time.sleep(1e-4)

    threading.Thread(target=change, daemon=True).start()
    return out


@and_right
def changes_the_operands_of_the_call_before(out, x, w):
    for operand in LAST:
        if operand.flags.writeable:
            operand[...] = 7
    LAST[:] = [x, w]
    return out


@and_right
def hangs_on_its_operands(out, x, w):
    """The last call's operands, if they are there still: new values in old memory are not seen."""
    key = id(x), x.ctypes.data, x.shape, w.shape, out.shape
    return FIRST.setdefault(key, out)
