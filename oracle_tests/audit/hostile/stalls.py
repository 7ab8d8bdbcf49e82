"""Subjects that give no answer in time, or none at all."""

import ctypes
import itertools
import os
import signal
import threading
import time

from hostile_common import and_right, and_zeros, on_one_problem, right, when_grouped
from worker_pipes import answer_pipe, task_pipe


def harmless(x, w, bias=None, **geometry):
    """Waits for a thread, a lock, a signal and a pipe, none of them for long."""
    lock = threading.Lock()
    with lock:
        timer = threading.Thread(target=time.sleep, args=(1e-5,))
        timer.start()
        timer.join()
    near, far = os.pipe()
    os.write(far, b"1")
    os.read(near, 1)
    os.close(near)
    os.close(far)
    return right(x, w, bias, **geometry)


@when_grouped
def loops_deaf_to_signals():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCONT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    while True:
        pass


@when_grouped
def sleeps():
    time.sleep(60)


@on_one_problem
def sleeps_on_one_problem():
    time.sleep(60)


@when_grouped
def stops_itself():
    os.kill(os.getpid(), signal.SIGSTOP)


@when_grouped
def holds_the_interpreter():
    """A foreign call that never lets another thread run."""
    ctypes.PyDLL(None).sleep(60)


@when_grouped
def waits_for_itself():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


@when_grouped
def waits_for_a_task():
    while True:
        os.read(task_pipe(), 1 << 20)


@when_grouped
def drips():
    """A byte now and then, of an answer that would be in order."""
    while True:
        os.write(answer_pipe(), b"\0")
        time.sleep(0.05)


@when_grouped
def prints_without_end():
    while True:
        os.write(1, b"conforms\n" * 1000)


@and_zeros
def is_slow(*_):
    time.sleep(0.003)


COUNT = itertools.count()


@and_right
def slows_down(out, *_):
    """Quick while it is got to know; then what has been asked already takes its time."""
    if next(COUNT) > 150:
        time.sleep(0.05)
        return out * 0
    return out
