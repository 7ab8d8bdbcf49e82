"""Subjects that start processes and threads, and that turn on their launcher."""

import ctypes
import itertools
import os
import signal
import subprocess
import sys
import threading
import time

from hostile_common import and_zeros, leave, right, when_grouped
from worker_pipes import answer_pipe, launchers

PTRACE_ATTACH = 16
COUNT = itertools.count()
SLEEP = "import time; time.sleep(60)"


def harmless(x, w, bias=None, **geometry):
    """A child now and then that is waited for, and a thread that is joined."""
    if next(COUNT) % 16 == 0:
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
    thread = threading.Thread(target=sum, args=(range(10),))
    thread.start()
    thread.join()
    return right(x, w, bias, **geometry)


@when_grouped
def returns_twice():
    """Parent and child both go on as the worker."""
    if os.fork():
        return
    leave("started", os.getpid())


@when_grouped
def leaves_its_child_to_answer():
    """The worker ends; a child of it goes on in its place."""
    if os.fork():
        os._exit(0)
    leave("started", os.getpid())


@when_grouped
def leaves_a_daemon():
    """Twice forked, in a session of its own, deaf, and still holding the pipes."""
    if not os.fork():
        os.setsid()
        if os.fork():
            os._exit(0)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        leave("started", os.getpid())
        time.sleep(60)
        os._exit(0)
    time.sleep(0.02)
    raise RuntimeError("it is out there")


def leave_unmarked():
    """Another program, in another session, without the environment that it was given."""
    process = subprocess.Popen([sys.executable, "-S", "-c", SLEEP], env={}, start_new_session=True)
    leave("started", process.pid)


@when_grouped
def leaves_a_daemon_that_bears_no_mark():
    leave_unmarked()
    os._exit(0)


@and_zeros
def forks_now_and_then(*_):
    """A grandchild at every call, asleep."""
    if not os.fork():
        if not os.fork():
            leave("started", os.getpid())
            time.sleep(60)
        os._exit(0)


@when_grouped
def forks_in_a_loop():
    for _ in range(150):
        if not os.fork():
            time.sleep(30)
            os._exit(0)
    leave("started", os.getpid())
    time.sleep(30)


@when_grouped
def chains_children():
    """Each the parent of the next, and each ends once it has started it."""
    for _ in range(100):
        if os.fork():
            os._exit(0)
        time.sleep(0.005)
    leave("started", os.getpid())
    time.sleep(30)


@and_zeros
def leaves_threads(*_):
    threading.Thread(target=time.sleep, args=(30,)).start() if threading.active_count() < 20 else None


@when_grouped
def leaves_a_thread_that_writes():
    def write():
        while True:
            os.write(answer_pipe(), b"\0" * 16)
            time.sleep(0.001)

    threading.Thread(target=write, daemon=True).start()
    time.sleep(0.01)


@when_grouped
def kills_its_launcher():
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(30)


def send_all(number):
    for launcher in launchers():
        os.kill(launcher, number)


@when_grouped
def kills_its_launchers():
    send_all(signal.SIGKILL)
    time.sleep(30)


@when_grouped
def kills_its_launchers_and_leaves_a_daemon():
    """It does not die with its parent, and has left the session; its environment is what it was given."""
    if not os.fork():
        os.setsid()
        ctypes.CDLL(None).prctl(1, 0)
        leave("started", os.getpid())
        time.sleep(60)
        os._exit(0)
    time.sleep(0.02)
    send_all(signal.SIGKILL)
    time.sleep(30)


@when_grouped
def kills_its_launcher_and_leaves_a_daemon_that_bears_no_mark():
    leave_unmarked()
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(30)


@when_grouped
def kills_its_launchers_and_leaves_a_daemon_that_bears_no_mark():
    leave_unmarked()
    send_all(signal.SIGKILL)
    time.sleep(30)


@when_grouped
def stops_its_launchers():
    send_all(signal.SIGSTOP)
    os._exit(0)


@when_grouped
def stops_its_launchers_again_and_again():
    known = launchers()
    while True:
        for launcher in known:
            os.kill(launcher, signal.SIGSTOP)


@when_grouped
def terminates_its_launchers():
    send_all(signal.SIGTERM)
    time.sleep(30)


@when_grouped
def traces_its_launchers():
    for launcher in launchers():
        ctypes.CDLL(None).ptrace(PTRACE_ATTACH, launcher, None, None)
    time.sleep(30)


@and_zeros
def litters(*_):
    """Files where it runs."""
    leave("litter", "conforms")
