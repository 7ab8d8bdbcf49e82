"""Subjects that lay hands on the worker's descriptors."""

import contextlib
import fcntl
import os
import struct
import threading
import time
from pathlib import Path

import numpy as np
from hostile_common import and_right, and_zeros, on_one_problem, right, when_grouped
from worker_pipes import FRAME, answer_pipe, asked, frame, launchers, returned, task_pipe, worker_frame

F_SETPIPE_SZ = 1031


def harmless(x, w, bias=None, **geometry):
    """Opens, writes, duplicates and closes descriptors of its own; looks at the others."""
    near, far = os.pipe()
    second = os.dup(far)
    os.write(second, b'{"outcome": "returned"}')
    for descriptor in (near, far, second):
        os.close(descriptor)
    os.fstat(answer_pipe())
    return right(x, w, bias, **geometry)


@when_grouped
def closes_everything():
    os.closerange(0, 64)


@when_grouped
def writes_garbage_everywhere():
    for descriptor in range(64):
        with contextlib.suppress(OSError):
            os.write(descriptor, b"\xff" * 40)


@on_one_problem
def writes_garbage_on_one_problem():
    os.write(answer_pipe(), b"\xff" * 40)


@and_zeros
def forges_every_answer(*_):
    """Says that nothing is wrong, in a frame of its own, and then gives an answer as well."""
    os.write(answer_pipe(), frame(asked(), {"outcome": "conforms", "verdict": "conforms"}))


@and_right
def answers_twice(out, *_):
    os.write(answer_pipe(), frame(asked(), *returned(out)))
    return out


@and_zeros
def answers_before_the_call(out, *_):
    """The answer to this call and to the next, before either is due."""
    number = asked()
    os.write(answer_pipe(), frame(number, *returned(out)) + frame(number + 1, *returned(out)))
    time.sleep(0.001)


@and_zeros
def answers_all_that_can_be_asked(out, *_):
    number = asked()
    os.write(answer_pipe(), b"".join(frame(number + later, *returned(out)) for later in range(100)))


@and_zeros
def refuses_in_frames_of_its_own(*_):
    """And ends before its own answer could come."""
    os.write(answer_pipe(), frame(asked(), {"outcome": "raised", "types": ["NotImplementedError"], "mutated": False}))
    os._exit(0)


@when_grouped
def announces_more_than_it_sends():
    os.write(answer_pipe(), FRAME.pack(asked(), 100, 0))
    time.sleep(30)


@when_grouped
def announces_too_much():
    os.write(answer_pipe(), FRAME.pack(asked(), 1 << 30, 1 << 60))


@when_grouped
def writes_json_that_hurts():
    deep, long = b"[" * 60000, b'{"outcome": "returned", "parts": [["float64", [' + b"9" * 50000 + b"]]]}"
    texts = (deep, long, b'{"outcome": "returned", "parts": 7}', b"\xff\xfe", b'{"outcome": NaN}', b"null")
    number = asked()
    os.write(answer_pipe(), b"".join(frame(number + more, text) for more, text in enumerate(texts)))


HEADERS = [
    {"outcome": "returned", "parts": [["float64", [-1]]], "mutated": False},
    {"outcome": "returned", "parts": [["object", [1]]], "mutated": False},
    {"outcome": "returned", "parts": [], "mutated": False},
    {"outcome": "returned", "parts": [["float64", [-1, -1]]], "mutated": False},
    {"outcome": "returned", "parts": [["float64", [0, 10**30]]], "mutated": False},
    {"outcome": "returned", "parts": [["float64", []]] * 16, "mutated": False},
    {"outcome": "raised", "types": [], "message": "\ud800\x1b[2J", "place": [[]]},
    {"outcome": "not-an-array", "type": {"conforms": 1}},
    {"outcome": "returned", "parts": [["float64", [10**300]]], "mutated": False},
]


@and_zeros
def sends_headers_that_mean_nothing(*_):
    """And stays in step: it takes over from the worker, and answers everything in turn."""
    number = asked()
    while True:
        os.write(answer_pipe(), frame(number, HEADERS[number % len(HEADERS)]))
        number += 1
        time.sleep(0.001)


@when_grouped
def lays_nothing_over_its_answers():
    os.dup2(os.open(os.devnull, os.O_WRONLY), answer_pipe())


@when_grouped
def exchanges_its_pipes():
    second = os.dup(task_pipe())
    os.dup2(answer_pipe(), task_pipe())
    os.dup2(second, answer_pipe())


@when_grouped
def takes_tasks_ahead():
    os.set_blocking(task_pipe(), False)
    with contextlib.suppress(OSError):
        while os.read(task_pipe(), 1 << 20):
            pass


@when_grouped
def steals_its_own_answers():
    """A pipe can be opened at its other end."""
    near = os.open(f"/proc/self/fd/{answer_pipe()}", os.O_RDONLY)

    def steal():
        while os.read(near, 1 << 16):
            pass

    threading.Thread(target=steal, daemon=True).start()
    time.sleep(0.01)


@when_grouped
def narrows_its_pipes():
    """Narrow pipes are slow and no more; that one of them does not wait breaks the worker."""
    for descriptor in (task_pipe(), answer_pipe()):
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, F_SETPIPE_SZ, 4096)
        os.set_blocking(descriptor, False)


@and_zeros
def serves_zeros_in_place_of_the_worker(*_):
    """Reads the tasks itself, and answers them all."""
    descriptor, rest = answer_pipe(), worker_frame().f_locals["series"]
    begin = asked()
    for one in rest:
        for step in range(len(one["steps"])):
            if one["number"] + step >= begin:
                shape = (1, one["args"][1]["operand"], 2, 2)
                os.write(descriptor, frame(one["number"] + step, *returned(np.zeros(shape))))
    while True:
        header, payload = struct.unpack("<IQ", os.read(task_pipe(), 12))
        series = worker_frame().f_globals["_loads"](worker_frame().f_globals["read_exactly"](task_pipe(), header))
        worker_frame().f_globals["read_exactly"](task_pipe(), payload)
        for one in series:
            for step in range(len(one["steps"])):
                os.write(descriptor, frame(one["number"] + step, *returned(np.zeros((1, 1, 1, 1)))))


@when_grouped
def holds_its_launchers_pipes_open():
    """A launcher ends when the audit closes its pipe: here it stays open."""
    for entry in [entry for launcher in launchers() for entry in Path(f"/proc/{launcher}/fd").iterdir()]:
        with contextlib.suppress(OSError):
            if str(entry.readlink()).startswith("pipe:"):
                os.open(entry, os.O_WRONLY | os.O_NONBLOCK)
    time.sleep(30)
