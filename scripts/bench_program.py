"""How many calls of a program an audit makes and compares per second, beside those of a Python function.

Audits the right conv2d of scripts/servers in JavaScript, and that of scripts/example in Python, on the same small
problems of level `standard`: through the sandbox and with every comparison. Exits with 1 where the program is called
less often than 1,000 times per second, or where an answer is wrong.
"""

from __future__ import annotations

import sys
import time
from itertools import islice
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from conv_oracle.auditing import LEVELS
from conv_oracle.auditing.judging import Asking, Ledger, judge
from conv_oracle.auditing.problems import problems
from conv_oracle.auditing.sandbox import Binding, Sandbox, Subject
from conv_oracle.auditing.targets import ORDER, commanded
from conv_oracle.operation import operation
from conv_oracle.problem import Problem

SCRIPTS = Path(__file__).parent
OPERATION = operation("conv2d")
STANDARD = LEVELS["standard"]
MOST_MULTIPLY_ADDS = 2_000
"""A small problem: what is measured is the way to the program and back."""
WARM = 64
"""Series before the clock starts."""
LEAST = 1_000
"""The calls of a program per second that an audit has to make."""


def rate(subject: Subject, listed: list[Problem], jobs: int) -> float:
    """Calls per second, as an audit makes and judges them. Raises ClickException where an answer is wrong."""
    asking, ledger, order = Asking(1, STANDARD.missed, STANDARD.draws, "numpy"), Ledger(STANDARD), ORDER["conv"]
    bound = Binding(order[:3], {name: name for name in order[3:]})
    asks = (ask for turn, problem in enumerate(listed) for ask in asking.asks(problem, turn, guarded=False))
    series = ((ask, bound.series(ask.draws, ask.steps)) for ask in asks)
    with Sandbox(subject, jobs) as sandbox:
        sandbox.introduce()
        for _ in sandbox.ask(islice(series, WARM * jobs)):
            pass
        begun = time.perf_counter()
        for ask, answers in sandbox.ask(series):
            ledger.note(ask, judge(ask, answers))
        seconds = time.perf_counter() - begun
    if ledger.first_failure or ledger.doubted:
        raise click.ClickException("an answer was wrong, so the rate would mean nothing")
    return ledger.calls / seconds


@click.command()
@click.option("--command", default=f"node {SCRIPTS / 'servers' / 'conv.js'}", show_default=True)
@click.option("--jobs", default=1, show_default=True)
@click.option("--count", default=1000, show_default=True, help="Problems per run.")
@click.option("--repeats", default=3, show_default=True, help="Runs; the fastest counts.")
def main(command: str, jobs: int, count: int, repeats: int) -> None:
    """Print calls per second of the program, and of the function in Python."""
    listed = [p for p in problems(OPERATION, STANDARD) if 0 < p.multiply_adds <= MOST_MULTIPLY_ADDS][:count]
    making = commanded(command, OPERATION, ("float64",))
    subjects = {
        command: Subject(command, "numpy", making=making),
        "scripts/example/conforming.py:conv2d": Subject(f"{SCRIPTS / 'example' / 'conforming.py'}:conv2d", "numpy"),
    }
    console, rates = Console(), dict[str, float]()
    for name, subject in subjects.items():
        with console.status(f"asking {name}"):
            rates[name] = max(rate(subject, listed, jobs) for _ in range(repeats))
    table = Table(title=f"conv2d, {jobs} workers, {len(listed)} small problems")
    table.add_column("subject")
    table.add_column("calls/s", justify="right")
    for name, found in rates.items():
        table.add_row(name, f"{found:,.0f}")
    console.print(table)
    sys.exit(int(rates[command] < LEAST))


if __name__ == "__main__":
    main()
