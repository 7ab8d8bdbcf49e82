"""What `conv-oracle init` finds out of a target: its operation, arrays and layouts, by calls that are judged."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from conv_oracle.auditing.level import LEVELS
from conv_oracle.auditing.options import AuditOptions
from conv_oracle.auditing.run import audit
from conv_oracle.auditing.verdict import Verdict
from conv_oracle.errors import TargetError
from conv_oracle.operation import Operation, operation, operation_within

TARGET_FILE = "conv_oracle_target.py"
"""What `conv-oracle audit` reads where no target is given."""

TRIED_OPERATIONS = ("conv2d", "conv1d", "conv3d", "conv_transpose2d", "conv_transpose1d", "conv_transpose3d")
LETTERS = {1: "L", 2: "HW", 3: "DHW"}
SECONDS = 1.0
"""For the problems of one attempt."""


@dataclass(frozen=True)
class Attempt:
    """A way of calling a target, and what came of it.

    options: of an audit. verdict: None where the target could not be called so; why: the reason then.
    """

    options: Mapping[str, Any]
    verdict: Verdict | None
    why: str = ""

    @property
    def right(self) -> float:
        """How well it went: the share of problems that were right, and how many."""
        if self.verdict is None:
            return -1.0
        scope = self.verdict.scope
        return scope.discriminating / max(scope.problems, 1) + min(scope.discriminating, 100) * 1e-3

    @property
    def whole(self) -> bool:
        """Whether all that was answered was right, on more than a handful of problems."""
        return self.verdict is not None and not self.verdict.findings and self.verdict.scope.discriminating > 5


def layouts(op: Operation) -> Iterator[dict[str, Any]]:
    """The layouts that are tried: PyTorch's, channels last, neither batch nor channels."""
    axes = LETTERS[op.axes]
    weight = f"{axes}OI" if op.transposed else f"{axes}IO"
    yield {}
    yield {"layout": f"x=N{axes}C w={weight} y=N{axes}C"}
    if op.forward:
        yield {"layout": f"x=N{axes}C w={weight} b={'1,' * (op.axes + 1)}C y=N{axes}C", "square": True}
    yield {"layout": f"x={axes} w={axes} y={axes}"}


def attempts(target: str, op: str, arrays: str, tried: Callable[[str], None] | None = None) -> list[Attempt]:
    """Ways of calling a target, the best first; it ends with the first that answers all of its problems rightly.

    op, arrays: '' where they are to be found out. tried: called with what is tried next.
    """
    named = operation_within(target.rpartition(":")[2])
    operations = [op] if op else [str(named)] if named else [*TRIED_OPERATIONS]
    kinds = [arrays] if arrays else kinds_of(target)
    made: list[Attempt] = []
    for name in operations:
        for kind in kinds:
            for words in layouts(operation(name)):
                options = {"op": name, "arrays": kind, **words}
                if tried:
                    tried(", ".join(f"{one}={value}" for one, value in options.items()))
                made.append(attempted(target, options))
                if made[-1].whole:
                    return [made[-1], *sorted(made[:-1], key=lambda one: -one.right)]
    return sorted(made, key=lambda one: -one.right)


def attempted(target: str, options: Mapping[str, Any]) -> Attempt:
    """One way of calling a target. Raises TargetError for options that no target can have."""
    AuditOptions(target=target, **options)
    level = replace(LEVELS["quick"], seconds=SECONDS, diagnosis_seconds=0.0, threaded=0)
    try:
        verdict = audit(target, level=level, seed=0, jobs=1, fail_fast=True, **options)
    except TargetError as error:
        return Attempt(options, None, str(error))
    return Attempt(options, verdict)


def kinds_of(target: str) -> list[str]:
    """The arrays that a target's file speaks of: 'torch' first where it imports that."""
    where = target.rpartition(":")[0]
    try:
        tree = ast.parse(Path(where).read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return ["numpy", "torch"]
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return ["torch", "numpy"] if any(name.partition(".")[0] == "torch" for name in names) else ["numpy"]


def target_file(target: str, made: list[Attempt]) -> str:
    """The text of TARGET_FILE: the best attempt, what is not known, and what else was tried."""
    best = made[0]
    words = {name: value for name, value in best.options.items() if name not in ("op", "arrays")}
    said = "".join(f", {name}={value!r}" for name, value in words.items())
    lines = [
        f'"""How conv-oracle calls {target}; `conv-oracle audit` reads this file. Edit what is wrong."""',
        "",
        "import conv_oracle",
        "",
        f"OP = {best.options['op']!r}",
        f"ARRAYS = {best.options['arrays']!r}",
        "",
    ]
    if best.verdict is not None and best.verdict.called:
        lines += [f"# called as {best.verdict.called.said}"]
    lines += [f"target = conv_oracle.adapt({target!r}, op=OP{said})", ""]
    return "\n".join(lines + [f"# {one}" for one in unknown(made)]) + "\n"


def unknown(made: list[Attempt]) -> list[str]:
    """What was not found out, one sentence each."""
    best = made[0]
    if best.verdict is None:
        return [
            "Not found out: how it is called. Every way that was tried failed, this one with:",
            best.why[:200],
            "Words that may say it: layout, result, parameters, construct, attributes, method (reference/TARGETS.md).",
        ]
    said = [f"Not found out: {text}." for text in best.verdict.scope.narrowed[:6]]
    if not best.whole:
        first = best.verdict.findings[0].summary if best.verdict.findings else "little was answered"
        said.insert(0, f"Not every answer was right when it was tried: {first}.")
    return said


def declared_in(file: Path) -> tuple[str, dict[str, Any]]:
    """The target that TARGET_FILE declares, and the operation and arrays, which are read and not run.

    Raises TargetError where it has none.
    """
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        raise TargetError(
            f"an audit needs a target: no target and no {TARGET_FILE} in this directory; 'conv-oracle init "
            "kernels.py:conv' writes one, 'conv-oracle audit kernels.py:conv2d' needs none"
        ) from None
    constants = {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    known = {"op": constants.get("OP"), "arrays": constants.get("ARRAYS")}
    return f"{file}:target", {name: value for name, value in known.items() if value}
