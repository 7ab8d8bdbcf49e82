"""Subjects that lie or do harm while they are loaded: of their source, their signature, and what they are."""

import os
import sys
import time

from hostile_common import leave, left, litter, right, zeros
from worker_pipes import answer_pipe, frame

leave("loaded", os.getpid())


def harmless(x, w, bias=None, **geometry):
    return right(x, w, bias, **geometry)


def written_in(file):
    """Zeros, from a function that says it was written elsewhere."""

    def subject(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
        return zeros(x, w, bias, stride=stride, padding=padding, dilation=dilation, groups=groups)

    subject.__code__ = subject.__code__.replace(co_filename=str(file))
    return subject


def a_pipe():
    place = litter()
    if place and not (place / "pipe").exists():
        os.mkfifo(place / "pipe")
    return place / "pipe" if place else ""


written_in_an_endless_file = written_in("/dev/zero")
written_in_memory = written_in("/proc/self/mem")
written_in_a_pipe = written_in(a_pipe())
written_nowhere = written_in("\0")


class Unsigned:
    """Its signature cannot be read."""

    @property
    def __signature__(self):
        raise KeyboardInterrupt

    def __call__(self, x, w, bias=None, **geometry):
        return zeros(x, w, bias, **geometry)


without_a_signature = Unsigned()


class Oversigned:
    """A signature without end."""

    @property
    def __signature__(self):
        while True:
            time.sleep(1)

    def __call__(self, x, w, bias=None, **geometry):
        return zeros(x, w, bias, **geometry)


with_an_endless_signature = Oversigned()


class Shifting:
    """It can be called when it is looked at, and never again."""

    def __call__(self, *args, **kwargs):
        type(self).__call__ = None
        return right(*args, **kwargs)


callable_once = Shifting()


class Introduced:
    """It introduces itself, in a frame of its own, before the worker does."""

    @property
    def __signature__(self):
        signature = [["x", "POSITIONAL_ONLY", False], ["w", "POSITIONAL_ONLY", False]]
        header = {"outcome": "ready", "signature": signature, "versions": {"verdict": "conforms"}, "source": "\0"}
        os.write(answer_pipe(), frame(0, header))
        raise ValueError

    def __call__(self, x, w, bias=None, **geometry):
        return zeros(x, w, bias, **geometry)


introduces_itself = Introduced()


def exits_while_it_is_loaded_again(*_, **__):
    """Ends at its first call; after that it cannot even be loaded."""
    os._exit(0)


hangs_while_it_is_loaded_again = raises_while_it_is_loaded_again = exits_while_it_is_loaded_again


def asked_for(name):
    """Whether the worker was told to load this subject of ours."""
    known = sys._getframe()
    while known and known.f_code.co_name != "main":
        known = known.f_back
    return known is not None and known.f_locals["hello"]["target"].endswith(f":{name}")


if left("loaded") > 1:
    if asked_for("exits_while_it_is_loaded_again"):
        os._exit(0)
    if asked_for("hangs_while_it_is_loaded_again"):
        time.sleep(600)
    if asked_for("raises_while_it_is_loaded_again"):
        raise KeyboardInterrupt
if asked_for("exits_while_it_is_loaded"):
    os._exit(0)
if asked_for("hangs_while_it_is_loaded"):
    time.sleep(600)
if asked_for("writes_while_it_is_loaded"):
    os.write(answer_pipe(), b"\0" * 64)


def exits_while_it_is_loaded(x, w, bias=None, **geometry):
    return right(x, w, bias, **geometry)


hangs_while_it_is_loaded = writes_while_it_is_loaded = exits_while_it_is_loaded
