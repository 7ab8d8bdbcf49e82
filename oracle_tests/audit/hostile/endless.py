"""Subjects that take their time and that die, at every moment of their life; all are wrong besides."""

import atexit
import contextlib
import ctypes
import itertools
import os
import resource
import signal
import subprocess
import sys
import threading
import time

import numpy as np
from hostile_common import leave, left, zeros
from worker_pipes import answer_pipe

LONG = 60
COUNT = itertools.count()
sys.setrecursionlimit(1 << 21)


def at_every_call(trick):
    """Wrong, after the trick."""

    def subject(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
        trick()
        return zeros(x, w, bias, stride=stride, padding=padding, dilation=dilation, groups=groups)

    return subject


def loaded_again():
    """Whether another process has loaded this subject before."""
    leave("loads", "1")
    return left("loads") > 1


def recurs(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    return recurs(x, w, bias, stride, padding, dilation, groups)


def recurs_whatever_is_raised(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    try:
        return recurs_whatever_is_raised(x, w, bias, stride, padding, dilation, groups)
    except:  # noqa: E722 - the point
        return recurs_whatever_is_raised(x, w, bias, stride, padding, dilation, groups)


def recurs_through_numpy(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    return np.vectorize(lambda _: recurs_through_numpy(x, w, bias, stride, padding, dilation, groups))(x)


def recurs_through_numpy_whatever_is_raised(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    with contextlib.suppress(BaseException):
        return np.vectorize(lambda _: recurs_through_numpy_whatever_is_raised(x, w, bias))(x)
    return recurs_through_numpy_whatever_is_raised(x, w, bias, stride, padding, dilation, groups)


class Layer:
    """Calls itself by a descriptor, so that C frames and Python's take turns."""

    def __call__(self, *args, **kwargs):
        return self(*args, **kwargs)


def recurs_through_a_class(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    return Layer()(x, w, bias, stride, padding, dilation, groups)


def sleeps_on_some_shapes(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    if x.shape[-1] % 3 == 0:
        time.sleep(LONG)
    return zeros(x, w, bias, stride=stride, padding=padding, dilation=dilation, groups=groups)


@at_every_call
def is_slow_at_every_call():
    time.sleep(0.15)


@at_every_call
def is_slow_at_first():
    if not next(COUNT):
        time.sleep(0.25)


@at_every_call
def dies_at_its_seventh_call():
    if next(COUNT) == 6:
        os._exit(3)


@at_every_call
def dies_at_its_second_call():
    if next(COUNT) == 1:
        os.kill(os.getpid(), signal.SIGKILL)


@at_every_call
def fills_memory():
    held = []
    while True:
        held.append(np.ones(1 << 20))


@at_every_call
def forks_and_forks():
    for _ in range(30):
        if not os.fork():
            time.sleep(LONG)
            os._exit(0)
    leave("started", os.getpid())
    time.sleep(LONG)


@at_every_call
def spawns_daemons():
    process = subprocess.Popen([sys.executable, "-S", "-c", f"import time; time.sleep({LONG})"], start_new_session=True)
    leave("started", process.pid)


@at_every_call
def stops_itself():
    os.kill(os.getpid(), signal.SIGSTOP)


@at_every_call
def stops_all_that_it_started():
    if not os.fork():
        os.kill(os.getpid(), signal.SIGSTOP)
    os.kill(os.getppid(), signal.SIGSTOP)


@at_every_call
def exits_in_a_thread():
    threading.Timer(0.05, os._exit, [0]).start()
    time.sleep(LONG)


@at_every_call
def closes_its_pipe_and_stays():
    os.close(answer_pipe())
    time.sleep(LONG)


@at_every_call
def writes_slowly():
    while True:
        os.write(answer_pipe(), b"\1")
        time.sleep(0.02)


@at_every_call
def prints_and_prints():
    while True:
        os.write(2, b"x" * 65536)


@at_every_call
def ignores_every_signal():
    for number in range(1, 32):
        with contextlib.suppress(OSError):
            signal.signal(number, signal.SIG_IGN)
    time.sleep(LONG)


@at_every_call
def hangs_in_c():
    ctypes.PyDLL(None).sleep(LONG)


class Sticky(np.ndarray):
    """Hangs when it is let go."""

    def __del__(self):
        time.sleep(LONG)


def hangs_in_a_destructor(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    out = zeros(x, w, bias, stride=stride, padding=padding, dilation=dilation, groups=groups)
    return np.asarray(out.view(Sticky))


@at_every_call
def hangs_at_its_exit():
    atexit.register(time.sleep, LONG)
    sys.exit(0)


@at_every_call
def hangs_at_its_exit_after_dying():
    """The parent has gone; a thread that nobody waits for is still there."""
    threading.Thread(target=time.sleep, args=(LONG,), daemon=False).start()
    os.close(answer_pipe())
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    atexit.register(time.sleep, LONG)
    sys.exit(0)


@at_every_call
def lets_the_kernel_end_it():
    resource.setrlimit(resource.RLIMIT_CPU, (1, 1))
    while True:
        pass
