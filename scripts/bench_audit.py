"""How many calls an audit makes and compares per second, and where the time goes.

Audits torch.nn.functional.conv2d on the small problems of level `standard`, through the sandbox and with every
comparison, and prints, per dtype: calls per second from the first answer on; calls per second of PyTorch alone, in one
process, in the same run; the CPU time per call in the workers and in the audit; and the latter by task. Series that end
PyTorch itself are left out, see `ends_pytorch`.
"""

from __future__ import annotations

import os
import resource
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import click
import torch
from rich.console import Console
from rich.table import Table

from conv_oracle.auditing import LEVELS
from conv_oracle.auditing.judging import Ask, Asking, Ledger, judge
from conv_oracle.auditing.problems import problems
from conv_oracle.auditing.sandbox import Binding, Sandbox, Series, Subject
from conv_oracle.auditing.targets import ORDER
from conv_oracle.operation import operation
from conv_oracle.problem import Problem

TARGET = "torch.nn.functional:conv2d"
MOST_MULTIPLY_ADDS = 20_000
"""A small problem."""
WARM = 64
"""Series per worker before the clock starts."""
STANDARD = LEVELS["standard"]


@dataclass(frozen=True)
class Measured:
    """One run: calls, seconds, CPU seconds of the workers and of the audit, and those of the audit by task."""

    calls: int
    seconds: float
    workers: float
    audit: float
    tasks: Mapping[str, float]


def small_problems(count: int, dtype: str) -> list[Problem]:
    """The first small problems of the level, in its order."""
    listed = [p for p in problems(operation("conv2d"), STANDARD) if 0 < p.multiply_adds <= MOST_MULTIPLY_ADDS]
    return [replace(problem, dtype=dtype) for problem in listed[:count]]


def ends_pytorch(ask: Ask) -> bool:
    """Whether these are several groups in channels_last: on some, PyTorch 2.13.0 ends by a segmentation fault."""
    return ask.problem.groups > 1 and "channels_last" in ask.forms.values()


def binding() -> Binding:
    """How torch.nn.functional.conv2d is called."""
    order = ORDER["conv"]
    return Binding(order[:3], {name: name for name in order[3:]})


def measured(listed: list[Problem], jobs: int, *, by_task: bool = False) -> Measured:
    """Call and judge every problem as an audit does. Raises ClickException where an answer is wrong."""
    asking, bound = Asking(1, STANDARD.missed, STANDARD.draws, "torch"), binding()
    ledger = Ledger(STANDARD)
    tasks: defaultdict[str, float] = defaultdict(float)

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            begun = time.process_time()
            try:
                return function(*args, **options)
            finally:
                tasks[name] += time.process_time() - begun

        return call if by_task else function

    draw = timed("draw the operands", lambda problem, turn: list(asking.asks(problem, turn, guarded=False)))
    write = timed("lay out the calls", lambda ask: bound.series(ask.draws, ask.steps, ask.gradients))
    compare = timed("compute the truth and compare", judge)
    note = timed("record", ledger.note)

    def series() -> Iterator[tuple[Ask, Series]]:
        for turn, problem in enumerate(listed):
            for ask in draw(problem, turn):
                if not ends_pytorch(ask):
                    yield ask, write(ask)

    before = _children()
    with Sandbox(Subject(TARGET, "torch"), jobs) as sandbox:
        sandbox.introduce()
        for _ in sandbox.ask(islice(series(), WARM * jobs)):
            pass
        tasks.clear()
        begun, used = time.perf_counter(), time.process_time()
        for ask, answers in sandbox.ask(series()):
            note(ask, compare(ask, answers))
        seconds, audit = time.perf_counter() - begun, time.process_time() - used
    if ledger.worst or ledger.doubted:
        named = [f"{kept.problem}: {symptom.kind}" for symptom, kept in ledger.worst.items()]
        raise click.ClickException(f"an answer was wrong, so the rate would mean nothing: {', '.join(named)}")
    if by_task:
        tasks["pipes, processes and the rest"] = audit - sum(tasks.values())
    return Measured(ledger.calls, seconds, _children() - before, audit, tasks)


def alone(listed: list[Problem]) -> float:
    """Seconds per call of PyTorch alone, on fresh shapes: one call of each problem, the operands there already."""
    ready: list[dict[str, Any]] = []
    for problem in listed:
        kind = getattr(torch, problem.dtype)
        operands = {name: torch.ones(shape, dtype=kind) for name, shape in problem.operand_shapes.items()}
        padding = problem.padding if isinstance(problem.padding, str) else [before for before, _ in problem.padding]
        geometry = {"stride": problem.stride, "padding": padding, "dilation": problem.dilation}
        ready.append({**operands, **geometry, "groups": problem.groups})
    for arguments in ready[:WARM]:
        torch.nn.functional.conv2d(**arguments)
    begun = time.perf_counter()
    for arguments in ready:
        torch.nn.functional.conv2d(**arguments)
    return (time.perf_counter() - begun) / len(ready)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@click.command()
@click.option(
    "--dtype", "dtypes", multiple=True, default=("float32", "float64"), help="The operands' dtype; repeatable."
)
@click.option("--jobs", default=min(2, os.cpu_count() or 1), show_default=True)
@click.option("--count", default=2000, show_default=True, help="Problems per run.")
@click.option("--repeats", default=3, show_default=True, help="Runs; the fastest counts.")
def main(dtypes: tuple[str, ...], jobs: int, count: int, repeats: int) -> None:
    """Print calls per second and where the time goes."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    console = Console()
    table = Table(title=f"{TARGET}, {jobs} workers, {os.cpu_count()} cores, {count} small problems")
    for heading in ("dtype", "calls", "calls/s", "PyTorch alone", "of it", "workers, CPU", "audit, CPU"):
        table.add_column(heading, justify="left" if heading == "dtype" else "right")
    where: defaultdict[str, float] = defaultdict(float)
    calls = 0
    for dtype in dtypes:
        listed = small_problems(count, dtype)
        with console.status(f"asking {dtype}"):
            least = alone(listed)
            loading = measured(listed[:1], jobs).workers
            best = min((measured(listed, jobs) for _ in range(repeats)), key=lambda run: run.seconds)
            split = measured(listed, jobs, by_task=True)
        for name, seconds in split.tasks.items():
            where[name] += seconds
        calls += split.calls
        rate = best.calls / best.seconds
        workers = max(best.workers - loading, 0) / best.calls
        table.add_row(
            dtype,
            f"{best.calls:,}",
            f"{rate:,.0f}",
            f"{1 / least:,.0f}/s",
            f"{rate * least:.0%}",
            f"{workers * 1e6:.0f} us",
            f"{best.audit / best.calls * 1e6:.0f} us",
        )
    console.print(table)
    parts = Table(title="the audit's own CPU time per call, by task")
    parts.add_column("task")
    parts.add_column("us", justify="right")
    for name, seconds in sorted(where.items(), key=lambda item: -item[1]):
        parts.add_row(name, f"{seconds / calls * 1e6:.0f}")
    console.print(parts)


if __name__ == "__main__":
    main()
