"""The options of an audit, from the command line, from a program or from a replay."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import os
import re
import secrets
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, get_args

from conv_oracle.adapters import shipped
from conv_oracle.auditing.checked import check, listed, typed
from conv_oracle.auditing.level import LEVELS, Level
from conv_oracle.auditing.operands import DTYPES
from conv_oracle.auditing.problems import layer, options_of_model
from conv_oracle.auditing.rounding import ALLOWED, DEFAULT
from conv_oracle.auditing.sandbox import Limits
from conv_oracle.auditing.targets import (
    Making,
    Native,
    Words,
    commanded,
    is_model,
    is_native,
    making,
    onnx_making,
    operation_in,
    understood,
)
from conv_oracle.errors import TargetError
from conv_oracle.operation import Operation, operation, operation_within, torch_operations
from conv_oracle.problem import Problem
from conv_oracle.version import __version__

OPERATIONS = tuple(map(str, torch_operations()))
"""The names of the operations that can be audited."""

ARRAYS: Mapping[str, str] = {"numpy": "float64", "torch": "float32"}
"""The kinds of arrays, and the default dtype of each."""

MOST_JOBS = 256
DEFAULT_MEMORY = Limits().memory_bytes
BESIDES = 512 << 20
"""The bytes that a process needs besides its arrays."""

_MEMORY = re.compile(r"(\d+(?:\.\d+)?) ?(?:([KMGT])i?B?)?")
OnEdges = Literal["tell", "fault"]
"""What problems on edges do: they are told, or they decide."""

PACE = ("jobs", "seed", "timeout", "compile_timeout")
"""Options that do not decide what is tested."""


SINGLE: Mapping[str, type | tuple[type, ...]] = {
    "target": str,
    "command": str,
    "op": (Operation, str, type(None)),
    "arrays": str,
    "device": str,
    "gradients": bool,
    "transforms": bool,
    "level": (Level, str),
    "arithmetic": str,
    "strict_arguments": bool,
    "edges": str,
    "fail_fast": bool,
    "seconds": (Real, type(None)),
    "fix": str,
    "layers": (str, os.PathLike),
    "jobs": (Integral, type(None)),
    "seed": (Integral, type(None)),
    "timeout": (Real, type(None)),
    "memory": (Integral, str, type(None)),
    "compile_timeout": (Real, type(None)),
    "python": (str, os.PathLike, type(None)),
    "limits": Limits,
    "confine": bool,
    **{one.name: bool if one.type == "bool" else str for one in dataclasses.fields(Words)},
    "prototype": str,
    "roles": str,
    "sanitize": bool,
}
LISTS: Mapping[str, type | tuple[type, ...]] = {
    "dtypes": str,
    "refusals": str,
    "source": (str, os.PathLike),
    "only": Problem,
}
"""The types that each option takes, and those of the entries of lists."""


@dataclass(frozen=True, kw_only=True)
class AuditOptions(Words):
    """What is audited, and how. The fields of Words besides say how the target is called, where it is not recognised.

    target: `package.module:name`, `path/to/file.py:name`, a library's as `jax:conv2d`, `model.onnx`, or a function of
        a source in C, C++ or CUDA or of a shared library, `conv.c:conv2d` and `libconv.so:conv2d`; of a command, that.
    command: in place of a target, what starts a program in any language that answers by reference/PROTOCOL.md.
    op: one of OPERATIONS, or an Operation; inferred from the target's name by default.
    arrays: 'numpy' or 'torch', the arrays that the subject takes and returns.
    dtypes: the operands' dtypes by their NumPy names; by default float64 for NumPy, float32 for torch, and of a C
        function what its prototype says.
    device: the device of torch's operands, such as 'cpu' or 'cuda:0'.
    gradients: whether the gradients and the double backward that torch.autograd computes are audited too.
    transforms: whether torch.func's vmap and jvp (forward mode) of the subject are audited too.
    level: 'quick', 'standard', 'exhaustive', 'fixtures', or a Level of your own.
    refusals: names of exception types that mean "not supported", besides NotImplementedError.
    source: source files whose integer constants are tried as sizes, besides the target's own file.
    arithmetic: the coarsest rounding that is allowed, a key of ALLOWED.
    strict_arguments: whether accepting an invalid argument is a fault, not a warning.
    edges: 'tell' or 'fault': whether what PyTorch takes, and the subject refuses or answers otherwise, is a fault where
        conventions differ: an empty batch, an unbatched input, padding as a word, invalid arguments.
    fail_fast: whether to stop soon after the first wrong answer.
    seconds: the time for the level's problems, in place of the level's own.
    fix: a layer whose parameters are fixed, as a problem's notation without operation and input: 'w4x3x3x3 s2 p1'.
    layers: the user's own layers, asked at their real size besides the level's problems: a text file with a problem's
        notation a line, 'model.onnx', or 'file.py:make_model', a function that returns (model, inputs).
    jobs: concurrent worker processes, at least 1; by default 1 at quick, 2 at standard, one per core at exhaustive.
    seed: the integer that all operands derive from; random by default.
    timeout: the time limit of one call, in seconds; positive and finite; by default 10, at level large 300.
    memory: what a worker and its descendants may hold, in bytes or as text such as '8GiB'; 4 GiB by default. It bounds
        the arrays of level large.
    compile_timeout: that of the first call of a process, or of a shape in it, as it may compile; by default as long as
        loading may take, limits.loading_seconds. A first call never has less than timeout.
    python: the Python interpreter that runs the subject; '' is this one.
    only: problems to test instead of the level's, each many times, with every memory layout and kind of values.
    limits: memory, processes and files of one worker.
    confine: whether the subject may write only to a temporary directory, shared memory and devices, and not use TCP.
    prototype: that of a library's function, in C; a source file has its own.
    roles: what parameters of a C function are, where their names do not say it: 'k=out_channels kernel=3'.
    sanitize: whether a source is compiled with the address and undefined-behaviour sanitizers.

    Raises TargetError for an option that is invalid, alone or with the others.
    """

    target: str = ""
    command: str = ""
    op: Operation = None  # type: ignore[assignment] # inferred
    arrays: str = "numpy"
    dtypes: tuple[str, ...] = ()
    device: str = "cpu"
    gradients: bool = False
    transforms: bool = False
    level: Level = LEVELS["standard"]
    refusals: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    arithmetic: str = DEFAULT
    strict_arguments: bool = False
    edges: OnEdges = "tell"
    fail_fast: bool = False
    seconds: float | None = None
    fix: str = ""
    layers: str = ""
    jobs: int = None  # type: ignore[assignment] # chosen by level
    seed: int = None  # type: ignore[assignment] # drawn
    timeout: float = None  # type: ignore[assignment] # chosen by level
    memory: int = None  # type: ignore[assignment] # that of limits
    compile_timeout: float | None = None
    python: str = ""
    only: tuple[Problem, ...] = ()
    limits: Limits = field(default_factory=Limits)
    confine: bool = False
    prototype: str = ""
    roles: str = ""
    sanitize: bool = False

    def __post_init__(self) -> None:
        """Converts each option from what users write, and checks it."""
        made: dict[str, Any] = {name: listed(name, getattr(self, name), kind) for name, kind in LISTS.items()}
        for name, kind in SINGLE.items():
            typed(name, getattr(self, name), kind)
        check("arrays", self.arrays, tuple(ARRAYS))
        made["target"] = _target(self.target, self.command)
        is_file = is_model(made["target"]) and not self.command
        of_model = options_of_model(made["target"], self.op, self.fix, made["dtypes"]) if is_file else {}
        made |= of_model or {"op": _operation(made["target"], self.op, self.command)}
        made |= {"level": _level(self.level, self.seconds)}
        made |= {"source": tuple(map(str, self.source)), "python": os.fspath(self.python or "")}
        made["layers"] = os.fspath(self.layers)
        native = self._native(made["op"])
        default = native.dtype if native else ARRAYS[self.arrays]
        made["dtypes"] = tuple(dict.fromkeys(made["dtypes"])) or (default,)
        if native and native.source:  # whose constants are sizes at which it may branch
            made["source"] = tuple(dict.fromkeys((*made["source"], str(native.source))))
        made["jobs"] = _jobs(made["level"]) if self.jobs is None else int(self.jobs)
        made["seed"] = secrets.randbits(48) if self.seed is None else int(self.seed)
        made["timeout"] = made["level"].call_seconds if self.timeout is None else self.timeout
        made["memory"] = self.limits.memory_bytes if self.memory is None else _bytes(self.memory)
        held = {"memory_bytes": made["memory"], "file_bytes": max(self.limits.file_bytes, made["memory"])}
        made["limits"] = replace(self.limits, **held)
        for name, value in made.items():
            object.__setattr__(self, name, value)
        self._fit()

    @property
    def function(self) -> str:
        """What calls of the subject are written as."""
        name = "layer" if is_model(self.target) else self.target.rpartition(":")[2]
        return self.op.name if self.command else name

    @property
    def loaded(self) -> str:
        """The target as the subject's process loads it: the file of an adapter, where it is one that is shipped."""
        return shipped(self.target)

    @property
    def making(self) -> Making:
        """How the target becomes a function with PyTorch's arguments. Raises TargetError where it cannot."""
        if not self.command:
            return replace(onnx_making(self.target, self.op) or making(self, self.op), named=self.function)
        if self.said:
            raise TargetError(
                f"a command is asked by the protocol: command={self.command!r} with {', '.join(self.said)}; "
                "the command alone would fit"
            )
        return commanded(self.command, self.op, self.dtypes)

    @property
    def native(self) -> Native | None:
        """The C function that the target is, as it is understood; None where it is none."""
        return self._native(self.op)

    def digest(self, source: bytes, planned: Iterable[Problem]) -> str:
        """The hash that identifies an interrupted audit: of its options, planned problems and the target's source.

        source: its bytes, besides which those of a model's file are read.
        """
        model = Path(self.target).read_bytes() if is_model(self.target) and not self.command else b""
        told = {field.name: str(getattr(self, field.name)) for field in dataclasses.fields(self)}
        told["version"] = __version__
        asked = [sorted((name, value) for name, value in told.items() if name not in PACE), [str(p) for p in planned]]
        return hashlib.sha256(source + model + repr(asked).encode()).hexdigest()

    def _fit(self) -> None:
        """Raises TargetError for an option that is invalid, alone or with the others."""
        _ = self.making
        check("arithmetic", self.arithmetic, tuple(ALLOWED))
        check("edges", self.edges, get_args(OnEdges))
        if self.layers and self.only:
            raise TargetError(
                f"layers are asked besides a level's problems, not besides given ones: layers={self.layers!r} with "
                f"only={', '.join(map(str, self.only))!r}; one of the two would fit"
            )
        if self.fix:
            layer(self.op, self.fix)
        for dtype in (*self.dtypes, *(problem.dtype for problem in self.only)):
            check("dtype", dtype, tuple(DTYPES))
        for problem in self.only:
            check("op", problem.operation.name, (self.op.name,))
        self._fit_numbers()
        if self.arrays != "torch" and self.device != "cpu":
            raise TargetError(
                f"a device other than cpu needs torch's arrays: device={self.device!r} with "
                f"arrays={self.arrays!r}; arrays='torch' would fit"
            )
        if self.command and self.arrays != "numpy":
            raise TargetError(f"a command takes NumPy's arrays: arrays={self.arrays!r}; arrays='numpy' would fit")
        if self.level.name == "large":
            self._fit_large()
        if self.gradients:
            self._fit_gradients()
        if self.transforms:
            self._fit_transforms()
        if sys.platform not in ("linux", "darwin"):
            raise TargetError(f"an audit runs on Linux or macOS: platform={sys.platform!r}")

    def _native(self, op: Operation) -> Native | None:
        if not self.command and is_native(self.target):
            if self.arrays != "numpy":
                raise TargetError(f"a C function takes NumPy's arrays: arrays={self.arrays!r}; 'numpy' would fit")
            if self.said:
                raise TargetError(
                    f"a C function is described by its prototype and roles: {', '.join(self.said)} is for Python "
                    f"functions: target={self.target!r}; --roles would fit"
                )
            return understood(self.target, op, self.prototype, self.roles)
        for name in ("prototype", "roles", "sanitize"):
            if value := getattr(self, name):
                raise TargetError(
                    f"{name} is for functions of C sources and shared libraries: {name}={value!r} with "
                    f"target={self.target!r}; conv.c:conv2d or libconv.so:conv2d would fit"
                )
        return None

    def _fit_numbers(self) -> None:
        if not 0 < self.timeout < math.inf:
            raise TargetError(f"timeout must be positive and finite: timeout={self.timeout}; 10 would fit")
        if self.compile_timeout is not None and not 0 < self.compile_timeout < math.inf:
            raise TargetError(
                f"compile_timeout must be positive and finite: compile_timeout={self.compile_timeout}; 120 would fit"
            )
        if not 1 <= self.jobs <= MOST_JOBS:
            raise TargetError(f"jobs must be from 1 to {MOST_JOBS}: jobs={self.jobs}; 1 would fit")
        if self.seed < 0:
            raise TargetError(f"seed must be at least 0: seed={self.seed}; 0 would fit")

    def _fit_transforms(self) -> None:
        if self.arrays != "torch" or not self.op.forward:
            raise TargetError(
                f"transforms need torch's arrays and a forward operation: arrays={self.arrays!r} with "
                f"op={self.op.name!r}; arrays='torch' with op={self.op.of_forward.name!r} would fit"
            )

    def _fit_large(self) -> None:
        least = (1 << self.level.bits) + (1 << self.level.bits - 5) + BESIDES
        if self.memory < least:
            raise TargetError(
                f"level large needs the memory of an array of 2^{self.level.bits} bytes and of a process: "
                f"memory={self.memory}; '{math.ceil(least / 2**30)}GiB' would fit"
            )
        for name in ("gradients", "transforms", "fix", "layers"):
            value = getattr(self, name)
            if value:
                raise TargetError(f"level large has calls and layers of its own: {name}={value!r}; no {name} would fit")

    def _fit_gradients(self) -> None:
        if self.arrays != "torch" and not self.backward:
            raise TargetError(
                f"gradients need torch.autograd, or a backward function: arrays={self.arrays!r}; arrays='torch' would "
                "fit, or backward='conv_backward(dy, cache) -> dx, dw, db'"
            )
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


def _target(target: str, command: str) -> str:
    """What the report calls the subject. Raises TargetError where both are given."""
    if command and target not in ("", command):
        raise TargetError(
            f"one subject is audited: target={target!r} with command={command!r}; one of the two would fit"
        )
    return command or target


def _operation(target: str, op: Operation | str | None, command: str) -> Operation:
    if command:
        if op is not None:
            check("op", str(op), OPERATIONS)
        return operation_in(command) if op is None else operation(op)
    where, colon, name = target.rpartition(":")
    if not colon or not where or not name:
        raise TargetError(
            f"a target is package.module:name or path/to/file.py:name: target={target!r}; "
            "'my_package.kernels:conv2d', 'kernels.py:conv2d' or 'conv.c:conv2d' would fit"
        )
    if where.endswith(".py") and not Path(where).is_file():
        raise TargetError(f"the target's file must exist: file={where!r}")
    if op is None:
        if (named := operation_within(name)) is None:
            raise TargetError(
                f"the operation cannot be inferred from the name: name={name!r}; --op {OPERATIONS[1]} would fit"
            )
        return named
    check("op", str(op), OPERATIONS)
    return operation(op)


def _level(level: Level | str, seconds: float | None) -> Level:
    if not isinstance(level, Level):
        check("level", level, tuple(LEVELS))
        level = LEVELS[level]
    if seconds is None:
        return level
    if not 0 < seconds < math.inf:
        raise TargetError(f"seconds must be positive and finite: seconds={seconds}; 60 would fit")
    return replace(level, seconds=float(seconds))


def _jobs(level: Level) -> int:
    cores = os.cpu_count() or 1
    return {"quick": 1, "large": 1, "exhaustive": cores}.get(level.name, min(2, cores))


def _bytes(memory: int | str) -> int:
    """A number of bytes, as an int or as text. Raises TargetError for what is none."""
    match = _MEMORY.fullmatch(str(memory))
    found = int(float(match[1]) * 1024 ** (1 + "KMGT".index(match[2]) if match[2] else 0)) if match else 0
    if found < 1:
        raise TargetError(
            f"memory is a number of bytes, or of KiB, MiB, GiB or TiB: memory={memory!r}; '8GiB' would fit"
        )
    return found
