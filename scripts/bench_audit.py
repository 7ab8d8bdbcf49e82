"""How many calls an audit makes and compares per second, and where the time goes.

Prints calls per second of small conv2d problems of level `standard` on torch.nn.functional.conv2d, sandbox included,
from the first answer on; the CPU time of a call in the worker and in the parent; and the parent's, by what it does. For
comparison, what torch alone takes for the same calls, in one process and without anything around them.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from conv_oracle.auditing import asking as asking_module
from conv_oracle.auditing import judge as judge_module
from conv_oracle.auditing.asking import Ask, Asking
from conv_oracle.auditing.binding import ORDER, Binding
from conv_oracle.auditing.frames import Series
from conv_oracle.auditing.ledger import Ledger
from conv_oracle.auditing.levels import LEVELS, problems
from conv_oracle.auditing.sandbox import Sandbox, Subject
from conv_oracle.problem import Problem
from dataclasses import replace

TARGET = "torch.nn.functional:conv2d"
MOST_MULTIPLY_ADDS = 20_000
"""A small problem."""


@dataclass(frozen=True)
class Measured:
    """One run: calls, seconds, CPU seconds of the workers and of the parent, and the parent's seconds by task."""

    calls: int
    problems: int
    seconds: float
    workers: float
    parent: float
    tasks: Counter[str]


def measured(dtype: str, jobs: int, listed: list[Problem], *, split: bool) -> Measured:
    """Ask every problem once, and judge the answers."""
    asking = Asking(1, LEVELS["standard"].survival, LEVELS["standard"].draws, "torch")
    binding = Binding(ORDER["conv"][:3], {name: name for name in ORDER["conv"][3:]}, words=frozenset({"same", "valid"}))
    ledger, tasks = Ledger(), Counter[str]()

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            begun = time.perf_counter()
            try:
                return function(*args, **options)
            finally:
                tasks[name] += time.perf_counter() - begun

        return call if split else function

    def series() -> Iterator[tuple[Ask, Series]]:
        make = timed("write the calls", binding.series)
        for turn, problem in enumerate(listed):
            asks = timed("draw operands", lambda p, t: list(asking.asks(p, t, guarded=False)))(problem, turn)
            for ask in asks:
                yield ask, make(ask.draws, ask.steps)

    truth = judge_module.expected
    judge_module.expected = timed("truth", truth)
    judged, noted = timed("truth and comparison", judge_module.judge), timed("write down", ledger.note)
    try:
        with Sandbox(Subject(TARGET, "torch"), jobs) as sandbox:
            sandbox.introduce()
            warm = asking.plain(listed[0], 1, guarded=False)
            for _ in sandbox.ask([(None, binding.series(warm.draws, warm.steps))] * 64 * jobs):
                pass
            begun, before = time.perf_counter(), time.process_time()
            for ask, answers in sandbox.ask(series()):
                noted(ask, judged(ask, answers))
            seconds, parent = time.perf_counter() - begun, time.process_time() - before
            workers = sum(sandbox.cpu_seconds()) if hasattr(sandbox, "cpu_seconds") else float("nan")
    finally:
        judge_module.expected = truth
    if ledger.first_failure or ledger.doubted:
        raise click.ClickException("the subject was found faulty: a rate of faulty calls says nothing")
    return Measured(ledger.calls, len(listed), seconds, workers, parent, tasks)
