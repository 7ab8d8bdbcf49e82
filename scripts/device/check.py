"""Check the audit on a CUDA device: subjects that are right there and subjects that are not, expected beside found.

Every audit is a command of its own, so that it can be ended: all of them take at most eight minutes, and what is left
is told. Without a device it says so in one line, and exits with 0.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
SEED = 20_261_130
MOST_SECONDS = 480.0
LEAST_SECONDS = 30.0
"""None is begun with less time left."""

VERDICTS = (0, 1, 3)
OPTIONS = (
    "--op",
    "conv2d",
    "--arrays",
    "torch",
    "--level",
    "quick",
    "--seconds",
    "6",
    "--seed",
    str(SEED),
    "--fail-fast",
)

WRONG = ("wrong-value", "varies", "stale-answer")
ASKED = "import torch; print(torch.cuda.get_device_name(0) if torch.cuda.is_available() else '')"


@dataclass(frozen=True)
class Check:
    """One subject on the device.

    target: file:function of this folder. expected: the verdict. kinds: one of them must be found; fault: a finding must
    have this name. anywhere: whether it can be tried without a device. more: other words of the command.
    """

    said: str
    target: str
    expected: str = "conforms"
    kinds: tuple[str, ...] = ()
    fault: str = ""
    anywhere: bool = True
    more: tuple[str, ...] = ()

    def holds(self, verdict: Mapping[str, Any]) -> bool:
        """Whether the JSON of a verdict is the expected one."""
        named = not self.fault or self.fault in {one["fault"] for one in verdict["findings"]}
        seen = not self.kinds or bool({*self.kinds} & {one["kind"] for one in verdict["findings"]})
        return verdict["verdict"] == self.expected and named and seen

    @property
    def wanted(self) -> str:
        """What is expected, as text."""
        return f"{self.expected}{': ' if self.fault or self.kinds else ''}{self.fault or ' or '.join(self.kinds)}"


def checks() -> Iterator[Check]:
    """Every check, what is right first."""
    for dtype in ("float32", "float64", "float16", "bfloat16"):
        yield Check(f"PyTorch, {dtype}, TF32 off", "eager:without_tf32", more=("--dtype", dtype))
    for dtype in ("float64", "float16", "bfloat16"):
        yield Check(f"PyTorch, {dtype}, TF32 on", "eager:with_tf32", more=("--dtype", dtype))
    tf32 = {"expected": "faulty", "fault": "reduced-precision-operands", "anywhere": False}
    yield Check("PyTorch, float32, TF32 on", "eager:with_tf32", **tf32)  # type: ignore[arg-type]
    yield Check("the same, --arithmetic tf32", "eager:with_tf32", more=("--arithmetic", "tf32"))
    yield Check("PyTorch, channels_last", "eager:channels_last")
    yield Check("Triton", "triton_kernels:right")
    yield Check("Triton, a mask off by one", "triton_kernels:unmasked", "faulty", WRONG)
    yield Check("Triton, a race of programs", "triton_kernels:races", "faulty", WRONG, anywhere=False)
    yield Check("a race of streams", "eager:races_on_streams", "faulty", WRONG, anywhere=False)
    lost = ("raised", "crashed")
    yield Check("illegal memory access", "triton_kernels:writes_far_away", "faulty", lost, anywhere=False)
    short = ("--timeout", "4", "--compile-timeout", "8")
    yield Check("a hang", "eager:hangs", "faulty", ("hung",), anywhere=False, more=short)
    memory = ("out-of-memory", "raised")
    yield Check("device memory exhausted", "eager:exhausts_memory", "faulty", memory, anywhere=False)


def device_of(python: str) -> str:
    """The name of the first CUDA device that an interpreter's PyTorch sees; '' where there is none."""
    try:
        asked = subprocess.run([python, "-c", ASKED], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip().splitlines()[-1] if asked.returncode == 0 and asked.stdout.strip() else ""


def found(check: Check, device: str, python: str, seconds: float) -> tuple[bool, str]:
    """(whether the audit says what is expected, what it says), within so many seconds."""
    file, _, name = check.target.partition(":")
    words = [sys.executable, "-m", "conv_oracle", "audit", f"{HERE / file}.py:{name}", "--json", "-", *OPTIONS]
    words += ["--device", device, "--python", python, *check.more]
    try:
        asked = subprocess.run(words, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return False, f"no verdict within {seconds:.0f} s"
    if asked.returncode not in VERDICTS:
        return False, (asked.stderr.strip().splitlines() or ["nothing"])[-1]
    verdict = json.loads(asked.stdout)
    told = ", ".join(dict.fromkeys(f"{one['fault']} ({one['kind']})" for one in verdict["findings"]))
    told = told or (verdict["scope"]["essential"] or {}).get("help", "")
    return check.holds(verdict), f"{verdict['verdict']}{': ' if told else ''}{told}"


@click.command()
@click.option("--python", default=sys.executable, metavar="PATH", help="The interpreter that has PyTorch with CUDA.")
@click.option("--device", default="cuda:0", show_default=True, help="The device; cpu tries what needs none.")
@click.option("--only", default="", metavar="TEXT", help="Only the checks whose name has this text.")
@click.option("--most", default=MOST_SECONDS, show_default=True, type=click.FloatRange(0), help="Seconds, in all.")
def main(python: str, device: str, only: str, most: float) -> None:
    """Audit subjects on a device, and print what is expected beside what is found."""
    end, console = time.monotonic() + most, Console()
    name = "cpu" if device == "cpu" else device_of(python)
    if not name:
        click.echo("check_device: no CUDA device that this PyTorch sees, so there is nothing to check")
        return
    listed = [one for one in checks() if only in one.said and (device != "cpu" or one.anywhere)]
    table = Table(title=f"the audit on {name}")
    for heading in ("subject", "expected", "found", "seconds", ""):
        table.add_column(heading, justify="right" if heading == "seconds" else "left")
    failed = left = 0
    for check in listed:
        began = time.monotonic()
        if end - began < LEAST_SECONDS:
            left += 1
            table.add_row(check.said, check.wanted, "not asked: the time is over", "", "")
            continue
        holds, told = found(check, device, python, end - began)
        failed += not holds
        table.add_row(check.said, check.wanted, told, f"{time.monotonic() - began:.0f}", "" if holds else "DIFFERS")
        console.print(f"{check.said}: {told}", style="dim", highlight=False, markup=False)
    console.print(table)
    console.print(f"{len(listed) - failed - left} as expected, {failed} not, {left} not asked")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
