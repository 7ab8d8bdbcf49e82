"""Where the worker's pipes are: its stack tells, and the number of the answer."""

import json
import os
import struct
import sys
from pathlib import Path

FRAME = struct.Struct("<IIQ")


def task_pipe():
    """The descriptor that the worker reads its tasks from."""
    return worker_frame().f_locals["tasks"]


def answer_pipe():
    """The descriptor that the worker writes its answers to."""
    return PIPES[0]


def launchers():
    """The processes above the worker that are there to end it, the outermost first."""
    found, process = [], os.getppid()
    while Path(f"/proc/{process}/cmdline").read_text().split("\0")[1:4] == ["-I", "-S", "-"]:
        found.insert(0, process)
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    return found


def worker_frame():
    """The frame of the worker's main()."""
    frame = sys._getframe()
    while frame.f_code.co_name != "main":
        frame = frame.f_back
    return frame


PIPES = [worker_frame().f_locals["answers"]]  # before a thread asks, whose stack does not tell
SEEN = [-1]


def asked():
    """The number of the answer that is waited for: a series begins with a call, and all of its calls come here."""
    known = worker_frame().f_locals
    number = known["one"]["number"]
    first, SEEN[0] = SEEN[0] != number, number
    return number if first else number + known["step"] + 1


def frame(number, header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return FRAME.pack(number, len(text), len(data)) + text + data


def returned(array):
    """The header and the bytes of an array, as an honest worker sends them."""
    part = [array.dtype.name, list(array.shape)]
    return {"outcome": "returned", "parts": [part], "mutated": False}, array.tobytes()
