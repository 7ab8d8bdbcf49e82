"""A function of a C, C++ or CUDA source or of a shared library, and what makes a subject of it."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conv_oracle.auditing.targets.building import COMPILERS, Built, built, preprocessed
from conv_oracle.auditing.targets.making import Making
from conv_oracle.auditing.targets.prototype import Prototype, definition, prototype
from conv_oracle.auditing.targets.roles import Reading, Said, read, said_roles
from conv_oracle.errors import TargetError
from conv_oracle.operation import Operation

LIBRARIES = (".so", ".dylib")
FILES = ("names", "facts", "native")
SPARE_BYTES = 8
"""The bytes that a workspace without a type has for an element."""

_SIZES = {
    name: size
    for size, names in {1: "int8 uint8", 2: "int16 uint16 float16 bfloat16"}.items()
    for name in names.split()
}
_SIZES |= {"float32": 4, "int32": 4, "uint32": 4, "complex128": 16}


@dataclass(frozen=True)
class Native:
    """A function of a library or a source, as it is understood. dtype: of its operands."""

    file: Path
    prototype: Prototype
    reading: Reading
    said: Said
    op: Operation

    @property
    def dtype(self) -> str:
        """The dtype of its first operand."""
        wanted = self.op.operands[0]
        return next(one.kind for one in self.prototype.parameters if self.reading.roles[one.name] == wanted)

    @property
    def source(self) -> Path | None:
        """The source file; None of a library."""
        return self.file if self.file.suffix in COMPILERS else None

    def told(self) -> tuple[str, ...]:
        """How the function is understood, one sentence each."""
        roles = ", ".join(f"{name}={'NULL' if role is None else role}" for name, role in self.reading.roles.items())
        lines = [f"called as {self.prototype.text}, with {roles}"]
        lines += [f"made for {role}={value}, which it is not told" for role, value in self.reading.fixed.items()]
        if "bias" in self.reading.roles.values():
            lines.append(
                "without a bias, NULL is passed" if self._optional_bias() else "without a bias, zeros are passed"
            )
        lines.append("arguments that contradict each other are refused for it: it is told every number once")
        return tuple(lines)

    def words(self, library: Path, *, sanitized: bool) -> dict[str, Any]:
        """What the maker needs to know."""
        parts = self.prototype.parameters
        roles: dict[str, Any] = {**self.reading.roles}
        of = {role: one for one in parts if isinstance(role := roles[one.name], str)}
        workspace = of.get("workspace")
        result = of.get(self.op.returns)
        listed = [(one.name, "result" if one is result else roles[one.name], one.kind, one.pointer) for one in parts]
        return {
            "library": str(library.resolve()),
            "function": self.prototype.name,
            "operation": self.op.nd_name,
            "axes": self.op.axes,
            "parameters": listed,
            "sizes": self._sizes(),
            "fixed": dict(self.reading.fixed),
            "result": self.op.returns,
            "result_dtype": result.kind if result else self.prototype.returns,
            "result_type": "c_void_p" if self.prototype.returns_pointer else self.prototype.returns,
            "returns": self._returns(),
            "optional_bias": self._optional_bias(),
            "zeroed": self.said.zeroed,
            "workspace": self.said.workspace,
            "workspace_itemsize": _SIZES.get(workspace.kind, 8) if workspace else 1,
            "workspace_spare": SPARE_BYTES if workspace and " void *" in f" {workspace.text}" else 1,
            "sanitized": sanitized,
        }

    def _sizes(self) -> dict[str, str]:
        """The roles that the size of the workspace is said in, by the words that it uses."""
        roles = {name: role for name, role in self.reading.roles.items() if isinstance(role, str)}
        return {word: roles.get(word, word) for word in re.findall(r"[A-Za-z_]\w*", self.said.workspace)}

    def _returns(self) -> str:
        if self.said.returns or not self.prototype.returns:
            return self.said.returns
        if self.prototype.returns_pointer:
            return "ignored" if self.op.returns in self.reading.roles.values() else "output"
        return "status"

    def _optional_bias(self) -> bool:
        named = [name for name, role in self.reading.roles.items() if role == "bias"]
        return self.said.optional_bias or any(map(self.prototype.tests_for_null, named))


def is_native(target: str) -> bool:
    """Whether a target names a function of a library, or of a source in C, C++ or CUDA."""
    return Path(target.rpartition(":")[0]).suffix in (*LIBRARIES, *COMPILERS) or ".so." in Path(target).name


def understood(target: str, op: Operation, prototype_text: str = "", roles: str = "") -> Native:
    """How the function of a target is called. Raises TargetError where that is not clear.

    prototype_text: its prototype; read from the source where there is one. roles: as in --roles.
    """
    where, _, name = target.rpartition(":")
    file = Path(where)
    if op.axes not in (1, 2, 3):
        raise TargetError(f"a C function has one to three axes: op={op.name!r}; conv2d would fit")
    if not file.is_file():
        raise TargetError(f"the target's file must exist: file={where!r}")
    stamp = file.stat().st_mtime_ns
    return _understood(file, stamp, name, op, prototype_text, roles)


@functools.lru_cache(maxsize=32)
def _understood(file: Path, _: int, name: str, op: Operation, text: str, roles: str) -> Native:
    head, body, typedefs = text, "", ""
    if not text and file.suffix in COMPILERS:
        head, body, typedefs = definition(preprocessed(file), name)
    elif not text:
        raise TargetError(
            f"a shared library does not say how its functions are called: target={f'{file}:{name}'!r}; --prototype "
            f"'void {name}(const float *x, const float *w, float *y, int n, ...)' would fit"
        )
    found = prototype(head, name, typedefs, body)
    said = said_roles(roles, found, op)
    native = Native(file, found, read(found, op, said), said, op)
    _check(native)
    return native


def _check(native: Native) -> None:
    """Raises TargetError for a result whose meaning is open, or whose type is not one of arrays."""
    found, said = native.prototype, native.said
    if found.returns == "c_bool" and not said.returns:
        raise TargetError(
            f"what a bool means must be said: {found.text}; --roles 'return=success', 'return=status' (false where all "
            "went well) or 'return=ignored' would fit"
        )
    if said.returns in ("output", "owned_output") and not found.returns_pointer:
        raise TargetError(f"a returned output is a pointer: {found.text}; --roles 'return=status' would fit")


@contextlib.contextmanager
def making_of(native: Native, *, sanitize: bool = False) -> Iterator[Making]:
    """What makes the subject, while its library is there. Raises TargetError where it cannot be built."""
    with contextlib.ExitStack() as stack:
        source = native.source
        if source is None and sanitize:
            raise TargetError(
                f"--sanitize is for a source: target={str(native.file)!r} is compiled; the source file would fit"
            )
        one = stack.enter_context(built(source, sanitize=sanitize)) if source else Built(native.file)
        words: Mapping[str, Any] = native.words(one.library, sanitized=sanitize)
        yield Making("native_function", FILES, words, native.told(), environment=one.environment)
