"""The witness in a process of its own: for half precision and channels_last, where torch has been known to crash.

A crash, a hang or an exception costs the block it happens in; the block is halved until the one problem is known.
"""

from __future__ import annotations

import json
import os
import pickle
import re
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from conv_oracle.passes import Passes
from conv_oracle.problem import Problem, parse
from sweep.answers import Answers
from sweep.check import DEFINITION_EVERY, assert_same, blocks, check_definition, checked_answers
from sweep.compare import difference
from sweep.operands import Case, make_case, numpy_dtype
from sweep.tally import Tally
from sweep.witness import VERSION, torch_answers

PATIENCE = 60.0
"""Seconds that a block of problems may take, before torch is said to hang."""


@dataclass(frozen=True)
class Run:
    """How torch is asked, and under which seed."""

    seed: int
    onednn: bool = True
    channels_last: bool = False
    nnpack: bool = False

    def __str__(self) -> str:
        return (
            f"oneDNN {'on' if self.onednn else 'off'}{', channels_last' * self.channels_last}{', NNPACK' * self.nnpack}"
        )


class _StoppedError(Exception):
    """The child process ended, or was ended, before it answered."""


class Child:
    """A process that answers blocks of problems, started again when it dies. `program` stands in for torch in tests."""

    def __init__(self, program: Sequence[str] = (sys.executable, "-m", "sweep.isolated")) -> None:
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    def answers(self, cases: Sequence[Case], run: Run) -> list[Answers | str]:
        """The answer to each case, or how torch failed on it."""
        try:
            return self._ask([(case.notation, case.double) for case in cases], run)
        except _StoppedError as stopped:
            self.stop()
            if len(cases) == 1:
                return [str(stopped)]
            middle = len(cases) // 2
            return self.answers(cases[:middle], run) + self.answers(cases[middle:], run)

    def stop(self) -> None:
        """End the process; the next question starts another."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _ask(self, questions: list[tuple[str, bool]], run: Run) -> list[Answers | str]:
        process = self._started()
        hung = threading.Event()
        patience = threading.Timer(PATIENCE, lambda: (hung.set(), process.kill()))
        patience.start()
        try:
            _send(process.stdin, (questions, run))  # type: ignore[arg-type]
            return _receive(process.stdout)  # type: ignore[arg-type,no-any-return]
        except (BrokenPipeError, EOFError):
            status = process.wait()
            how = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
            raise _StoppedError("hung" if hung.is_set() else f"crashed with {how}") from None
        finally:
            patience.cancel()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            paths = [str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
            self._process = subprocess.Popen(
                self._program,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
            )
            _receive(self._process.stdout)  # type: ignore[arg-type]
        return self._process


@cache
def shared_child() -> Child:
    """One child for all the nodes of a process: torch takes seconds to start."""
    return Child()


@dataclass(frozen=True)
class KnownFault:
    """A fault of a witness: whose, how it was asked, on which problem, what it did, and why that is not ours."""

    witness: str
    run: Run
    example: str
    what: str
    covers: str
    cause: str

    def explains(self, notation: str, run: Run, what: str) -> bool:
        """Whether it is what was seen: by the witness and the way of asking, words of the notation, and the answer."""
        return (
            self.witness == VERSION
            and str(self.run) == str(run)
            and self.what in what
            and re.search(self.covers, notation) is not None
        )


@cache
def known_faults() -> tuple[KnownFault, ...]:
    """The committed list, with the version that each was seen in."""
    text = Path(__file__).with_name("known_witness_faults.json").read_text(encoding="utf-8")
    return tuple(KnownFault(**(entry | {"run": Run(**entry["run"])})) for entry in json.loads(text))


def check_isolated(problems: Iterable[Problem], passes: Passes, run: Run, tally: Tally, child: Child) -> None:
    """Assert equality as `check_problems` does; a fault of torch's goes into the tally, and fails nothing."""
    flags = ("oneDNN",) * run.onednn + ("channels_last",) * run.channels_last
    for cases in blocks(make_case(problem, run.seed) for problem in problems):
        for case, theirs in zip(cases, child.answers(cases, run), strict=True):
            ours = checked_answers(passes, case, run.seed)
            fault = theirs if isinstance(theirs, str) else against_itself(case, ours, theirs)
            if fault:
                tally.faults.append(_described(case, run, fault))
            else:
                outputs = assert_same(case, ours, theirs, VERSION, run.seed)  # type: ignore[arg-type]
                tally.problem(case.problem, outputs, double=case.double, flags=flags)
            if case.key // 16 % DEFINITION_EVERY == 0:
                check_definition(case, ours, run.seed, tally)


def _described(case: Case, run: Run, fault: str) -> tuple[bool, str]:
    for known in known_faults():
        if known.explains(case.notation, run, fault):
            return True, known.cause
    return False, f"{VERSION}, {run}: {case.notation}: {fault}"


def against_itself(case: Case, ours: Answers, theirs: Answers) -> str | None:
    """What torch answers wrongly by its own double precision on contiguous operands; None if nothing, or not proved.

    A witness that contradicts itself where its other answer is ours is at fault, not we.
    """
    named = zip(theirs.named(), ours.named(), strict=True)
    wrong = [
        (n, name, found) for n, ((name, got), (_, expected)) in enumerate(named) if (found := difference(got, expected))
    ]
    if not wrong:
        return None
    dtype = numpy_dtype(case.problem.dtype)
    wide = "complex128" if dtype.kind == "c" else "float64"
    operands = {field.name: getattr(case, field.name) for field in fields(case)}
    arrays = {name: value.astype(wide) for name, value in operands.items() if isinstance(value, np.ndarray)}
    plain = replace(case, problem=replace(case.problem, dtype=wide), **arrays)
    (reference,) = torch_answers([plain], onednn=False)
    expected = [array.astype(dtype) for _, array in reference.named()]
    mine = [array for _, array in ours.named()]
    if any(difference(mine[n], expected[n]) for n, _, _ in wrong):
        return None
    return "; ".join(f"wrong {name}, {found}" for _, name, found in wrong)


def _send(stream: BinaryIO, value: Any) -> None:
    data = pickle.dumps(value, protocol=5)
    stream.write(struct.pack("<q", len(data)))
    stream.write(data)
    stream.flush()


def _receive(stream: BinaryIO) -> Any:
    head = stream.read(8)
    if len(head) < 8:
        raise EOFError
    (size,) = struct.unpack("<q", head)
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return pickle.loads(data)  # noqa: S301 (from the process that we started)


def _answer(questions: list[tuple[str, bool]], run: Run) -> list[Answers | str]:
    cases = [make_case(parse(notation), run.seed, double=double) for notation, double in questions]
    try:
        return torch_answers(cases, onednn=run.onednn, channels_last=run.channels_last, nnpack=run.nnpack)
    except Exception as error:
        if len(cases) > 1:
            return [answer for question in questions for answer in _answer([question], run)]
        return [f"raised {type(error).__name__}: {str(error).splitlines()[0]}"]


def main() -> None:
    """Answer blocks until the parent is gone."""
    source, sink = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _send(sink, "ready")
    while True:
        try:
            questions, run = _receive(source)
        except EOFError:
            return
        _send(sink, _answer(questions, run))


if __name__ == "__main__":
    # Under its own name, so that what is pickled here is what the parent knows.
    from sweep import isolated

    isolated.main()
