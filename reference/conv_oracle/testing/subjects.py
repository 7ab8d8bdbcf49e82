"""The target that an object of the running process is: it is loaded anew, in a process of its own, by its name."""

from __future__ import annotations

import inspect
import operator
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from conv_oracle.errors import TargetError

FIT = "a function at the top of a module, or its name as 'path/to/file.py:name', would fit"


@dataclass(frozen=True)
class Named:
    """A target, and the folder in which its process looks for its package; '' where a file is named."""

    target: str
    folder: str = ""


def target_of(subject: object, op: str | None = None) -> Named:
    """The target that finds an object again: a function, a class, a method, or what a module has under a name.

    A text is a target already. Of a module, op names what is meant: `kernels` with op 'conv2d' is `kernels.conv2d`.
    Raises TargetError for what another process cannot find by a name: lambdas, closures, functions in functions,
    objects that no module holds, what is defined in `__main__` or in a notebook, and names that mean another object.
    """
    if isinstance(subject, str | os.PathLike):
        return Named(os.fspath(subject))
    if isinstance(subject, ModuleType):
        if op is None or not hasattr(subject, op):
            raise TargetError(
                f"of a module, op names the function that is meant: op={op!r} with subject={subject.__name__}; "
                "a function of it, or its name as op, would fit"
            )
        return _target(subject, op)
    module, name = _module_and_name(subject)
    if module.__name__ == "__main__":
        raise TargetError(
            f"a subject is loaded anew in a process of its own, and __main__ runs only here: subject={name}; {FIT}"
        )
    return _target(module, name)


def _module_and_name(subject: object) -> tuple[ModuleType, str]:
    """The module that holds an object, and its name there. Raises TargetError where none does."""
    bound = getattr(subject, "__self__", None)
    if inspect.ismethod(subject) and not isinstance(bound, type):
        module, name = _module_and_name(bound)
        return module, f"{name}.{subject.__name__}"
    name = str(getattr(subject, "__qualname__", ""))
    told = name or f"<{type(subject).__qualname__} object>"
    if "<lambda>" in name or "<locals>" in name:
        kind = "a lambda" if "<lambda>" in name else "made inside a function, whose variables no other process has"
        raise TargetError(f"a subject is found again by its name in a module: subject={told} is {kind}; {FIT}")
    own = sys.modules.get(getattr(subject, "__module__", None) or "")
    if own and name and _at(own, name) == subject:
        return own, name
    for held_by, held_as in _holders(subject):
        return held_by, held_as
    if own and name and not isinstance(_at(own, name), _Missing):
        raise TargetError(
            f"a subject is found again by its name in a module: subject={told}, but that name means another object in "
            f"{own.__name__}; the name of a variable there that holds it, or 'path/to/file.py:name', would fit"
        )
    raise TargetError(f"a subject is found again by its name in a module: subject={told}, which none holds; {FIT}")


class _Missing:
    """What a module has under a name that it has not."""


def _at(module: ModuleType, name: str) -> object:
    """What a module has under a name with dots."""
    try:
        found: object = operator.attrgetter(name)(module)
    except AttributeError:
        return _Missing()
    return found


def _holders(subject: object) -> Iterator[tuple[ModuleType, str]]:
    """The modules that hold an object as a variable, and its name there; `__main__` last: it is of this process."""
    for module in sorted(sys.modules.values(), key=lambda module: module is sys.modules["__main__"]):
        for name, value in list(getattr(module, "__dict__", {}).items()):
            if value is subject and name.isidentifier() and getattr(module, "__file__", None):
                yield module, name


def _target(module: ModuleType, name: str) -> Named:
    """The target of a name in a module: of its file; in a package, or without a source, of the module."""
    file = getattr(module, "__file__", None)
    if file is None or not file.endswith(".py"):
        return Named(f"{module.__name__}:{name}")
    path = Path(file).absolute()
    top = path.parent
    while (top / "__init__.py").is_file():
        top = top.parent
    if top == path.parent:
        here = Path.cwd()
        return Named(f"{path.relative_to(here) if path.is_relative_to(here) else path}:{name}")
    parts = path.relative_to(top).with_suffix("").parts
    return Named(f"{'.'.join(parts[:-1] if parts[-1] == '__init__' else parts)}:{name}", str(top))
