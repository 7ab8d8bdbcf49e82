"""The options of an audit: made once, from the command, from a program or from a replay."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import os
import secrets
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conv_oracle.auditing.level import LEVELS, Level
from conv_oracle.auditing.operands import DTYPES
from conv_oracle.auditing.rounding import ALLOWED, DEFAULT
from conv_oracle.auditing.sandbox import Limits
from conv_oracle.errors import TargetError
from conv_oracle.operation import Operation, operation, operation_within, torch_operations
from conv_oracle.problem import Problem

OPERATIONS = tuple(map(str, torch_operations()))
"""The names of what can be audited."""

ARRAYS: Mapping[str, str] = {"numpy": "float64", "torch": "float32"}
"""The kinds of arrays, and the dtype that is asked of each by default."""

PACE = ("jobs", "seed", "timeout")
"""Options that do not decide what is asked."""


@dataclass(frozen=True, kw_only=True)
class AuditOptions:
    """What is audited, and how.

    target: `package.module:name` or `path/to/file.py:name`.
    op: one of OPERATIONS, or an Operation; inferred from the target's name by default.
    arrays: 'numpy' or 'torch', what the subject computes on.
    dtypes: of the operands, by NumPy's names; by default float64 of NumPy and float32 of torch.
    device: where torch's operands are, 'cpu' or 'cuda:0'.
    gradients: whether torch.autograd's gradients and double backward of the subject are audited with it.
    level: 'quick', 'standard', 'exhaustive', 'fixtures', or a Level of one's own.
    refusals: exception types, by name, that say "not supported", besides NotImplementedError.
    source: files besides the target's own whose constants are asked as sizes.
    arithmetic: the coarsest rounding that is allowed, one of ALLOWED.
    strict_arguments: whether accepting an invalid argument is a fault, not a warning.
    jobs: processes that run the subject at a time; by default 1 at quick, 2 at standard, one per core at exhaustive.
    seed: what the operands follow from; drawn by default.
    timeout: seconds that one call may take.
    python: the interpreter in which the subject runs; '' is this one.
    only: these problems in place of the level's, each asked in every way, many times over.
    limits: what the processes of one worker may hold together.

    Raises TargetError where an option does not fit, or not the others.
    """

    target: str
    op: Operation = None  # type: ignore[assignment] # inferred
    arrays: str = "numpy"
    dtypes: tuple[str, ...] = ()
    device: str = "cpu"
    gradients: bool = False
    level: Level = LEVELS["standard"]
    refusals: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    arithmetic: str = DEFAULT
    strict_arguments: bool = False
    jobs: int = None  # type: ignore[assignment] # chosen by level
    seed: int = None  # type: ignore[assignment] # drawn
    timeout: float = 10.0
    python: str = ""
    only: tuple[Problem, ...] = ()
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        """Takes each option as people write it, and makes it what it is."""
        _check("arrays", self.arrays, tuple(ARRAYS))
        made: dict[str, Any] = {"op": _operation(self.target, self.op), "level": _level(self.level)}
        made |= {name: tuple(getattr(self, name)) for name in ("dtypes", "refusals", "only")}
        made |= {"source": tuple(map(str, self.source)), "python": self.python or ""}
        made["dtypes"] = made["dtypes"] or (ARRAYS[self.arrays],)
        made["jobs"] = _jobs(made["level"]) if self.jobs is None else self.jobs
        made["seed"] = secrets.randbits(48) if self.seed is None else self.seed
        for name, value in made.items():
            object.__setattr__(self, name, value)
        self._fit()

    @property
    def function(self) -> str:
        """The subject's name within its module."""
        return self.target.rpartition(":")[2]

    def digest(self, source: bytes, planned: Iterable[Problem]) -> str:
        """What an interrupted audit is known by: what is asked, and the target's source."""
        told = {field.name: str(getattr(self, field.name)) for field in dataclasses.fields(self)}
        asked = [sorted((name, value) for name, value in told.items() if name not in PACE), [str(p) for p in planned]]
        return hashlib.sha256(source + repr(asked).encode()).hexdigest()

    def _fit(self) -> None:
        """Raises TargetError for an option that does not fit, or not the others."""
        _check("arithmetic", self.arithmetic, tuple(ALLOWED))
        for dtype in (*self.dtypes, *(problem.dtype for problem in self.only)):
            _check("dtype", dtype, tuple(DTYPES))
        for problem in self.only:
            _check("op", problem.operation.name, (self.op.name,))
        if not 0 < self.timeout < math.inf:
            raise TargetError(f"timeout must be positive and finite: timeout={self.timeout}; 10 would fit")
        if self.jobs < 1:
            raise TargetError(f"jobs must be at least 1: jobs={self.jobs}; 1 would fit")
        if self.arrays != "torch" and self.device != "cpu":
            raise TargetError(
                f"a device other than cpu needs torch's arrays: device={self.device!r} with "
                f"arrays={self.arrays!r}; arrays='torch' would fit"
            )
        if self.gradients:
            self._fit_gradients()
        if sys.platform not in ("linux", "darwin"):
            raise TargetError(f"an audit runs on Linux or macOS: platform={sys.platform!r}")

    def _fit_gradients(self) -> None:
        if self.arrays != "torch":
            raise TargetError(f"gradients need torch.autograd: arrays={self.arrays!r}; 'torch' would fit")
        if not self.op.forward:
            raise TargetError(
                f"gradients need a forward operation: op={self.op.name!r}; {self.op.of_forward.name!r} would fit"
            )
        for dtype in self.dtypes:
            if DTYPES[dtype].kind in "iu":
                raise TargetError(
                    f"gradients need a floating-point or complex dtype: dtype={dtype!r}; 'float64' would fit"
                )
            if DTYPES[dtype].short:
                raise TargetError(f"gradients are not audited in float8: dtype={dtype!r}; 'bfloat16' would fit")


def _operation(target: str, op: Operation | str | None) -> Operation:
    where, colon, name = target.rpartition(":")
    if not colon or not where or not name:
        raise TargetError(
            f"a target is package.module:name or path/to/file.py:name: target={target!r}; "
            "'my_package.kernels:conv2d' or 'kernels.py:conv2d' would fit"
        )
    if where.endswith(".py") and not Path(where).is_file():
        raise TargetError(f"the target's file must exist: file={where!r}")
    if op is None:
        if (named := operation_within(name)) is None:
            raise TargetError(
                f"the operation cannot be inferred from the name: name={name!r}; --op {OPERATIONS[1]} would fit"
            )
        return named
    _check("op", str(op), OPERATIONS)
    return operation(op)


def _level(level: Level | str) -> Level:
    if isinstance(level, Level):
        return level
    _check("level", level, tuple(LEVELS))
    return LEVELS[level]


def _jobs(level: Level) -> int:
    cores = os.cpu_count() or 1
    return {"quick": 1, "exhaustive": cores}.get(level.name, min(2, cores))


def _check(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise TargetError(f"{name} is one of {', '.join(known)}: {name}={value!r}; {known[0]} would fit")
