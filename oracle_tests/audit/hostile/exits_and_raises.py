"""Subjects that end the call, or the process: by exit, by signal, by any exception, by becoming another program."""

import contextlib
import ctypes
import os
import resource
import signal
import sys
import threading

from hostile_common import on_one_problem, right, when_grouped


def harmless(x, w, bias=None, **geometry):
    """Exceptions of the same make, caught at home; a thread and an alarm that end in time."""
    for kind in (SystemExit, KeyboardInterrupt, GeneratorExit, RecursionError, Untellable):
        with contextlib.suppress(kind):
            raise kind
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    return right(x, w, bias, **geometry)


@when_grouped
def exits_with_zero():
    os._exit(0)


@when_grouped
def exits_with_one():
    os._exit(1)


@when_grouped
def aborts():
    os.abort()


@when_grouped
def kills_itself():
    os.kill(os.getpid(), signal.SIGKILL)


@when_grouped
def terminates_itself():
    os.kill(os.getpid(), signal.SIGTERM)


@when_grouped
def segfaults():
    ctypes.string_at(0)


@on_one_problem
def segfaults_on_one_problem():
    ctypes.string_at(0)


@when_grouped
def raises_system_exit():
    sys.exit(0)


@when_grouped
def raises_keyboard_interrupt():
    raise KeyboardInterrupt


@when_grouped
def raises_generator_exit():
    raise GeneratorExit


@when_grouped
def raises_stop_iteration():
    raise StopIteration


class Untellable(BaseException):
    """Its message raises, and so does its traceback."""

    def __str__(self):
        raise self

    def __repr__(self):
        raise self


@when_grouped
def raises_what_cannot_be_told():
    raise Untellable


class Nameless(type):
    @property
    def __mro__(cls):
        raise KeyboardInterrupt


class FatalError(Exception, metaclass=Nameless):
    """To ask for its bases is to be interrupted."""


@when_grouped
def raises_what_raises_again():
    raise FatalError


class EndlessError(Exception):
    """Its traceback has no last frame."""

    @property
    def __traceback__(self):
        return self

    @property
    def tb_next(self):
        return self


@when_grouped
def raises_with_an_endless_traceback():
    raise EndlessError


@when_grouped
def recurs_without_end():
    def again():
        return again()

    again()


@when_grouped
def overflows_the_stack():
    """By C frames, which no limit of Python's counts."""
    resource.setrlimit(resource.RLIMIT_STACK, (1 << 20, 1 << 20))
    sys.setrecursionlimit(1 << 30)

    class Deep:
        def __getattr__(self, name):
            return getattr(self, name + "x"[:0])

    _ = Deep().bottom


@when_grouped
def becomes_another_program():
    os.execv(sys.executable, [sys.executable, "-S", "-c", "print('conforms')"])  # noqa: S606


@when_grouped
def becomes_a_sleeping_program():
    os.execv(sys.executable, [sys.executable, "-S", "-c", "import time; time.sleep(60)"])  # noqa: S606


def alarmed(*_):
    raise TimeoutError("somewhere in the worker")


@when_grouped
def raises_after_its_return():
    signal.signal(signal.SIGALRM, alarmed)
    signal.setitimer(signal.ITIMER_REAL, 0.0005)


@when_grouped
def exits_after_its_return():
    threading.Timer(0.0005, os._exit, [0]).start()
