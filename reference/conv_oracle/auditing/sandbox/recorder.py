"""The convolutions of a user's model, recorded in a process of its own: the audit's side of recording.py."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import time
from typing import Any

from conv_oracle.auditing.sandbox.confinement import confinement
from conv_oracle.auditing.sandbox.frames import printable
from conv_oracle.auditing.sandbox.processes import Process, source
from conv_oracle.auditing.sandbox.workers import Subject, spawned
from conv_oracle.errors import TargetError

MOST_RECORDED_BYTES = 1 << 20
LOOKED_AT_EVERY = 0.1


def recorded_layers(target: str, subject: Subject) -> list[str]:
    """The notation of every convolution that one forward pass of a model calls.

    target: `file.py:name` or `package.module:name` of a function without arguments that returns (model, inputs), or a
    model with example_input_array. subject: its interpreter, limits and confinement apply.
    Raises TargetError where the model cannot be run, in one line.
    """
    confined = confinement() if subject.confine else None
    answers, answering = os.pipe()
    printed, printing = os.pipe()
    script = f"{source('targets/loading', 'sandbox/recording')}\nmain({target!r}, {answering})\n"
    try:
        process = spawned(subject, script, (answering,), printing, confined)
    except TargetError:
        os.close(answers)
        os.close(printed)
        raise
    finally:
        os.close(answering)
        os.close(printing)
    try:
        said, output, trouble = _said(process, answers, printed, subject.limits.loading_seconds)
    finally:
        process.end()
        os.close(answers)
        os.close(printed)
        if confined:
            shutil.rmtree(confined.temporary, ignore_errors=True)
    return _checked(target, said, trouble or output)


def _said(process: Process, answers: int, printed: int, seconds: float) -> tuple[bytes, str, str]:
    """(what was written, the last line that was printed, what went wrong) until the pipe is closed or time is over."""
    said, output, trouble = b"", b"", ""
    end = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for descriptor in (answers, printed):
            os.set_blocking(descriptor, False)
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map() and not trouble:
            for key, _ in selector.select(LOOKED_AT_EVERY):
                part = os.read(key.fd, 1 << 16)
                if not part:
                    selector.unregister(key.fd)
                elif key.fd == answers:
                    said += part
                else:
                    output = (output + part)[-(1 << 16) :]
            if answers not in selector.get_map():
                break
            if time.monotonic() > end:
                trouble = f"no forward pass within {seconds:g} s"
            elif len(said) > MOST_RECORDED_BYTES:
                trouble = "it wrote more than layers"
            elif held := process.trouble():
                trouble = held[1]
        with contextlib.suppress(BlockingIOError):
            output += os.read(printed, 1 << 16)
    lines = [line for line in output.decode(errors="replace").splitlines() if line.strip()]
    return said, lines[-1] if lines else "the process ended without an answer", trouble


def _checked(target: str, said: bytes, trouble: str) -> list[str]:
    """The notations that were written; they are not trusted."""
    try:
        answer: Any = json.loads(said)
        layers = answer["layers"]
        if isinstance(layers, list) and all(isinstance(one, str) for one in layers):
            return layers
    except KeyError:
        trouble = str(answer["error"]) if "error" in answer else trouble
    except (ValueError, TypeError, RecursionError):
        pass
    raise TargetError(
        f"a model must run once: layers={target!r}; {printable(trouble)}; "
        "a function that returns (model, inputs), in the interpreter of --python, would fit"
    )
