"""Audit the libraries that have an adapter, each in the interpreter where it is, and print what comes of it.

`scripts/prove_adapters.py jax=~/jax/bin/python scipy=` audits these two, SciPy in this interpreter.
The table is the one of reference/targets_libraries.md.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from conv_oracle.adapters import ADAPTERS
from conv_oracle.auditing import Verdict, audit
from conv_oracle.errors import TargetError

SEED = 20_261_130
PACKAGES = {"paddle": "paddlepaddle", "tensorflow": "tensorflow tensorflow-cpu", "mlx": "mlx mlx-cpu"}
PACKAGES |= {"opencv": "opencv-python-headless opencv-python"}
"""The names under which a library is installed, where they are not its own."""

FORWARD = ("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
GRADIENTS = ("conv1d_input", "conv2d_input", "conv3d_input", "conv1d_weight", "conv2d_weight", "conv3d_weight")
OPERATIONS = {
    **dict.fromkeys(("jax", "mlx", "paddle", "tensorflow", "tinygrad"), (*FORWARD, *GRADIENTS)),
    **dict.fromkeys(("keras", "onnx", "onnxruntime"), FORWARD),
    "opencv": (*FORWARD, "conv2d_filter2D"),
    "scipy": (*FORWARD, "conv2d_correlate2d", "conv2d_ndimage", *GRADIENTS[:3]),
}
"""The functions of each adapter."""


@dataclass(frozen=True)
class Row:
    """One audit: of which library, in which version, what was said of it, and the findings."""

    library: str
    version: str
    function: str
    verdict: str
    findings: tuple[str, ...]

    @property
    def line(self) -> str:
        """The row of a table in Markdown."""
        return f"| {self.library} {self.version} | {self.function} | {self.verdict} | {'; '.join(self.findings)} |"


def rows(library: str, python: str, functions: Sequence[str], level: str, seconds: float | None) -> Iterator[Row]:
    """The audits of a library's functions, in float32."""
    version = installed(library, python)
    for function in functions:
        target, dtypes = f"{library}:{function}", ("float32",)
        try:
            verdict = audit(target, level=level, seconds=seconds, dtypes=dtypes, python=python, seed=SEED)
        except TargetError as error:
            yield Row(library, version, function, "cannot be audited", (str(error),))
        else:
            yield Row(library, version, function, verdict.verdict, tuple(told(verdict)))


def told(verdict: Verdict) -> Iterator[str]:
    """Each finding: its fault or kind, its smallest problem; of no verdict, the reason."""
    for finding in verdict.findings:
        yield f"{finding.fault or finding.kind}: `{finding.problem}`"
    if verdict.verdict == "no-verdict":
        known = verdict.scope.essential
        yield f"{known.right} of {known.planned} essential problems answered" if known else "too little was compared"


def installed(library: str, python: str) -> str:
    """The version of a library where an interpreter finds it; '' where it does not."""
    program = (
        "import importlib.metadata as m, sys\n"
        "found = [d.version for n in sys.argv[1:] for d in m.distributions(name=n)]\n"
        "print(found[0] if found else '')"
    )
    names = PACKAGES.get(library, library).split()
    return subprocess.run([python, "-c", program, *names], capture_output=True, text=True, check=True).stdout.strip()


def python_of(path: str) -> str:
    """The interpreter at a path; this one where there is none."""
    return str(Path(path).expanduser()) if path else sys.executable


@click.command()
@click.argument("libraries", nargs=-1, required=True, metavar="LIBRARY=PYTHON...")
@click.option("--level", default="quick", show_default=True)
@click.option("--seconds", type=float, help="The time for the level's problems, in place of the level's own.")
@click.option("--only", multiple=True, metavar="FUNCTION", help="Of each library, these functions alone; repeatable.")
def main(libraries: Sequence[str], level: str, seconds: float | None, only: Sequence[str]) -> None:
    """Audit libraries, each as its short name and the interpreter that has it; none is this one."""
    asked = [(one.partition("=")[0], python_of(one.partition("=")[2])) for one in libraries]
    for library, _ in asked:
        if library not in ADAPTERS:
            raise click.UsageError(f"a library is one of {', '.join(ADAPTERS)}: library={library!r}; jax= would fit")
    listed = {library: [one for one in OPERATIONS[library] if one in only or not only] for library, _ in asked}
    print("| library | operation | verdict | findings |\n|---|---|---|---|")
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("audits", total=sum(map(len, listed.values())))
        for library, python in asked:
            for row in rows(library, python, listed[library], level, seconds):
                print(row.line, flush=True)
                progress.advance(task)


if __name__ == "__main__":
    main()
