#!/usr/bin/env python3
"""Time the fast form against PyTorch's float64, SciPy and the onnx reference evaluator, on layers that people run.

Every side has a process of its own and the same number of threads; the sides take turns, computation by computation,
so that other load on the machine affects them alike, and the fastest of each counts. Values are compared before
anything is timed: the operands are small integers, so all must be equal. Exit code 1 when they are not.
"""

from __future__ import annotations

import json
import math
import os
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from conv_oracle.truth.pool import VARIABLE

LAYERS = {
    "audio k9": "conv1d x8x64x4000 w64x64x9 p4 float64",
    "audio stem k10/5": "conv1d x2x1x80000 w256x1x10 s5 float64",
    "audio dilated k3": "conv1d x4x64x8000 w128x64x3 p8 d8 float64",
    "stem 7x7/2": "conv2d x2x3x224x224 w64x3x7x7 s2 p3 float64",
    "3x3 at 56": "conv2d x4x64x56x56 w64x64x3x3 p1 float64",
    "3x3 at 14": "conv2d x8x256x14x14 w256x256x3x3 p1 float64",
    "3x3 at 7": "conv2d x8x512x7x7 w512x512x3x3 p1 float64",
    "3x3 small images": "conv2d x64x32x8x8 w32x32x3x3 p1 float64",
    "5x5": "conv2d x64x6x14x14 w16x6x5x5 float64",
    "1x1": "conv2d x4x256x56x56 w64x256x1x1 float64",
    "1x1/2": "conv2d x4x256x28x28 w512x256x1x1 s2 float64",
    "3x3/2": "conv2d x4x64x56x56 w128x64x3x3 s2 p1 float64",
    "3x3 dilated": "conv2d x2x128x28x28 w128x128x3x3 p2 d2 float64",
    "grouped 32": "conv2d x4x128x28x28 w128x4x3x3 p1 g32 float64",
    "depthwise 3x3": "conv2d x4x128x56x56 w128x1x3x3 p1 g128 float64",
    "depthwise 3x3/2": "conv2d x4x128x56x56 w128x1x3x3 s2 p1 g128 float64",
    "depthwise 7x7": "conv2d x8x256x7x7 w256x1x7x7 p3 g256 float64",
    "multiplier 2, 5x5": "conv2d x2x64x28x28 w128x1x5x5 p2 g64 float64",
    "transposed 4x4/2": "conv_transpose2d x4x128x16x16 w128x64x4x4 s2 p1 float64",
    "transposed 2x2/2": "conv_transpose2d x2x64x56x56 w64x32x2x2 s2 float64",
    "transposed k16/8": "conv_transpose1d x4x64x500 w64x32x16 s8 p4 float64",
    "3x3x3": "conv3d x2x32x12x28x28 w32x32x3x3x3 p1 float64",
    "video stem 3x7x7": "conv3d x1x3x16x64x64 w32x3x3x7x7 s1,2,2 p1,3,3 float64",
}
OPERATIONS = ("forward", "input", "weight")
WORKER = Path(__file__).resolve().parent / "bench_worker.py"
SMALLEST = "conv2d x1x1x3x3 w1x1x3x3 float64"
PEERS = ("scipy", "onnx")
SPARE_BYTES = 16 << 20
MEAN = 0.9
SLOWEST = 2.5


@dataclass(frozen=True)
class Row:
    """One operation on one layer: the fastest seconds by side, and the peak bytes by side."""

    layer: str
    operation: str
    seconds: dict[str, float]
    peak: dict[str, int]

    @property
    def ratios(self) -> dict[str, float]:
        """Our time over every side's."""
        return {side: self.seconds["ours"] / seconds for side, seconds in self.seconds.items()}

    @property
    def lean(self) -> bool:
        """Whether our peak is at most the larger of three times PyTorch's and PyTorch's and 16 MiB."""
        return self.peak["ours"] <= max(3 * self.peak["torch"], self.peak["torch"] + SPARE_BYTES)


class Side:
    """A worker process."""

    def __init__(self, name: str, threads: int) -> None:
        """Start it, with that many threads in all."""
        self.name = name
        libraries = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        blas = 1 if name == "ours" else threads  # ours shares the work out itself, above a BLAS of one thread
        environment = os.environ | dict.fromkeys(libraries, str(blas)) | {VARIABLE: str(threads)}
        self.process = subprocess.Popen(
            [sys.executable, str(WORKER), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
            encoding="utf-8",
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        """Its answer. Raises ClickException when the process is gone."""
        requests, answers = self.process.stdin, self.process.stdout
        if requests is None or answers is None:
            raise click.ClickException(f"the process of {self.name} has no pipes")
        requests.write(json.dumps(request) + "\n")
        requests.flush()
        self.process.send_signal(signal.SIGCONT)
        answer = answers.readline()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP)  # idle threads may spin, and would slow the next side down
        if not answer:
            raise click.ClickException(f"the process of {self.name} ended with {self.process.wait()} on {request}")
        return json.loads(answer)  # type: ignore[no-any-return]


@contextmanager
def sides(names: list[str], threads: int) -> Iterator[list[Side]]:
    """Worker processes, ended at the end."""
    started = [Side(name, threads) for name in names]
    try:
        yield started
    finally:
        for side in started:
            side.process.kill()
            side.process.wait()


def measure(layer: str, operation: str, workers: list[Side], seconds: float) -> Row:
    """Compare the values, then let the sides take turns for about so many seconds each."""
    able = [side for side in workers if not side.ask(problem=LAYERS[layer], operation=operation)]
    values = {side.name: side.ask(compute="digest")["digest"] for side in able}
    for name, digest in values.items():
        if digest != values["ours"]:
            raise click.ClickException(f"{name} and ours differ on the {operation} of {LAYERS[layer]}")
    fastest = {side.name: math.inf for side in able}
    spent = dict.fromkeys(fastest, 0.0)
    while min(spent["ours"], spent["torch"]) < seconds:
        for side in able:
            if spent[side.name] < seconds:
                once = side.ask(compute="seconds")["seconds"]
                fastest[side.name] = min(fastest[side.name], once)
                spent[side.name] += once
    return Row(layer, operation, fastest, {})


def with_peaks(row: Row, threads: int) -> Row:
    """The row with peak memory: of the first computation of this size in a fresh process, libraries loaded."""
    peaks = {}
    for name in ("ours", "torch"):
        with sides([name], threads) as (side,):
            side.ask(problem=SMALLEST, operation=row.operation)
            side.ask(compute="digest")
            side.ask(problem=LAYERS[row.layer], operation=row.operation)
            peaks[name] = side.ask(compute="peak")["peak"]
    return replace(row, peak=peaks)


def table(rows: list[Row], threads: int) -> Table:
    """One row for each layer, three columns for each operation, and the peers of the forward pass."""
    found = Table(title=f"{threads} thread{'s' * (threads > 1)} on each side; ratios below 1 are faster than PyTorch")
    found.add_column("layer", no_wrap=True)
    for operation in OPERATIONS:
        for name in (f"{operation}\nms", "/torch", "MiB\n/torch"):
            found.add_column(name, justify="right")
    for peer in PEERS:
        found.add_column(f"/{peer}", justify="right")
    by_layer = {layer: [row for row in rows if row.layer == layer] for layer in LAYERS}
    for layer, operations in by_layer.items():
        cells = []
        for row in operations:
            memory = f"{row.peak['ours'] / 2**20:.0f}/{row.peak['torch'] / 2**20:.0f}" if row.peak else ""
            slow, fat = row.ratios["torch"] > SLOWEST, row.peak and not row.lean
            cells += [
                f"{row.seconds['ours'] * 1e3:.2f}",
                f"[red]{row.ratios['torch']:.2f}[/]" if slow else f"{row.ratios['torch']:.2f}",
                f"[red]{memory}[/]" if fat else memory,
            ]
        peers = [operations[0].ratios.get(peer) for peer in PEERS] if operations else []
        if operations:
            found.add_row(layer, *cells, *("" if ratio is None else f"{ratio:.3f}" for ratio in peers))
    return found


def summary(runs: dict[int, list[Row]]) -> Table:
    """The means, the worst row, the peers and the memory of every run: each with what was to be reached."""
    found = Table(title="time over PyTorch's, and how many times as fast as the peers")
    found.add_column("")
    for threads in runs:
        found.add_column(f"{threads} thread{'s' * (threads > 1)}", justify="right")
    found.add_column("to reach", justify="right")
    every = list(runs.values())
    for name in OPERATIONS:
        means = (mean(row.ratios["torch"] for row in rows if row.operation == name) for rows in every)
        found.add_row(f"/torch, geometric mean, {name}", *(f"{value:.3f}" for value in means))
    whole = (mean(row.ratios["torch"] for row in rows) for rows in every)
    found.add_row("/torch, geometric mean, all", *(f"{value:.3f}" for value in whole), f"{MEAN}")
    worst = [max(rows, key=lambda row: row.ratios["torch"]) for rows in every]
    cells = (f"{row.ratios['torch']:.2f}\n{row.operation}, {row.layer}" for row in worst)
    found.add_row("/torch, worst row", *cells, f"{SLOWEST}")
    for peer in PEERS:
        faster = [[1 / row.ratios[peer] for row in rows if peer in row.ratios] for rows in every]
        count = max(map(len, faster))
        for kind, of in (("geometric", mean), ("arithmetic", statistics.fmean)):
            cells = (f"{of(ratios):.1f} x" if ratios else "" for ratios in faster)
            reach = "10 x" if peer == "onnx" else ""
            found.add_row(f"{peer}, {kind} mean, {count} layers", *cells, reach)
    measured = [[row for row in rows if row.peak] for rows in every]
    cells = (f"{sum(row.lean for row in rows)} of {len(rows)} rows" if rows else "" for rows in measured)
    found.add_row("peak at most max(3 x torch, torch + 16 MiB)", *cells, "all")
    return found


def mean(ratios: Iterable[float]) -> float:
    """The geometric mean."""
    return statistics.geometric_mean(ratios)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--threads",
    "counts",
    multiple=True,
    default=(1, 2),
    type=click.IntRange(min=1),
    help="Threads of each side; repeatable.",
)
@click.option("--layer", "chosen", multiple=True, help="Only layers whose name contains this; repeatable.")
@click.option("--seconds", default=0.15, show_default=True, help="Time to spend on each side of each row.")
@click.option("--peers/--no-peers", default=True, help="Also time SciPy and onnx, in the first run.")
@click.option("--memory/--no-memory", default=True, help="Also measure peak memory, in the first run.")
@click.option("--json", "target", type=click.Path(path_type=Path), help="Also write the rows to this file, as JSON.")
def bench(
    *, counts: tuple[int, ...], chosen: tuple[str, ...], seconds: float, peers: bool, memory: bool, target: Path | None
) -> None:
    """Time the fast form against PyTorch's float64, SciPy and the onnx reference evaluator."""
    layers = [layer for layer in LAYERS if not chosen or any(part in layer for part in chosen)]
    if not layers:
        raise click.BadParameter(f"no layer has {' or '.join(chosen)} in its name; {next(iter(LAYERS))} would fit")
    console, every, runs = Console(width=max(140, Console().width)), [], {}
    for run, threads in enumerate(counts):
        rows = []
        names = ["ours", "torch", *(PEERS if peers and run == 0 else ())]
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
        with sides(names, threads) as workers, Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task("", total=len(layers) * len(OPERATIONS))
            for layer, operation in product(layers, OPERATIONS):
                progress.update(task, description=f"threads {threads}, {operation} of {layer}")
                row = measure(layer, operation, workers, seconds)
                rows.append(with_peaks(row, threads) if memory and run == 0 else row)
                progress.advance(task)
        console.print(table(rows, threads))
        runs[threads] = rows
        every += [asdict(row) | {"threads": threads} for row in rows]
    console.print(summary(runs))
    if target is not None:
        target.write_text(json.dumps(every, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    """The command, with its errors in one line each."""
    try:
        bench.main(prog_name="bench_reference", standalone_mode=False)
    except click.UsageError as error:
        print(f"bench_reference: {error.format_message()}", file=sys.stderr)
        return 2
    except click.ClickException as error:
        print(f"bench_reference: {error.format_message()}", file=sys.stderr)
        return 1
    except click.Abort:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
