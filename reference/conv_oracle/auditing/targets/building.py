"""A source file in C, C++ or CUDA becomes a shared library, in a private temporary directory."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from conv_oracle.errors import SubjectError, TargetError

COMPILERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    ".c": ("CC", ("cc", "gcc", "clang")),
    ".cc": ("CXX", ("c++", "g++", "clang++")),
    ".cpp": ("CXX", ("c++", "g++", "clang++")),
    ".cxx": ("CXX", ("c++", "g++", "clang++")),
    ".cu": ("NVCC", ("nvcc",)),
}
"""By a source's ending, the variable that names its compiler, and what is looked for on PATH."""

SANITIZED = ("-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined")
ASAN_OPTIONS = "detect_leaks=0:handle_segv=0:handle_sigbus=0:handle_abort=0:allocator_may_return_null=1"
"""Leaks are Python's own; a guard page's fault is told by who put it there."""

SECONDS = 300
DEVICES = """
import ctypes
cuda, count = ctypes.CDLL("libcuda.so.1"), ctypes.c_int()
raise SystemExit(bool(cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count)) or not count.value))
"""


@dataclass(frozen=True)
class Built:
    """A library, and what the environment of its process must hold."""

    library: Path
    environment: Mapping[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def built(source: Path, *, sanitize: bool) -> Iterator[Built]:
    """A shared library of a source, which is gone when the context ends. Raises TargetError where there is none."""
    words = compiler(source)
    cuda = source.suffix == ".cu"
    if cuda and not has_device():
        raise TargetError(f"CUDA source needs a CUDA device: target={str(source)!r}; a machine with one would fit")
    if cuda and sanitize:
        raise TargetError(f"--sanitize is for C and C++: target={str(source)!r}; no --sanitize would fit")
    position = ("-Xcompiler", "-fPIC") if cuda else ("-fPIC",)
    openmp = (*(("-Xcompiler",) if cuda else ()), "-fopenmp") if _has_openmp(source) else ()
    with tempfile.TemporaryDirectory(prefix="conv-oracle-") as directory:
        library = Path(directory) / f"{source.stem}.so"
        given = [*words, "-O2", "-shared", *position, *openmp, *(SANITIZED if sanitize else ()), str(source)]
        _run([*given, "-o", str(library), *(() if cuda else ("-lm",))], source)
        yield Built(library, _sanitizers(words, source) if sanitize else {})


def preprocessed(source: Path) -> str:
    """The text of a source with its macros expanded. Raises TargetError where it cannot be."""
    return _run([*compiler(source), "-E", str(source)], source)


def compiler(source: Path) -> Sequence[str]:
    """The command of the compiler for a source. Raises TargetError where there is none."""
    variable, names = COMPILERS[source.suffix]
    said = shlex.split(os.environ.get(variable, ""))
    found = next((path for name in (said[:1] or names) if (path := shutil.which(name))), None)
    if found is None:
        looked = f"{variable}={said[0]!r}" if said else f"{', '.join(names)} on PATH"
        raise TargetError(
            f"a {source.suffix} file needs a compiler: {looked} is not there; installing one, or {variable}=COMMAND in "
            "the environment, would fit"
        )
    return [found, *said[1:]]


def has_device() -> bool:
    """Whether there is a CUDA device; asked in a process of its own, as the driver starts threads."""
    asked = subprocess.run([sys.executable, "-I", "-c", DEVICES], capture_output=True, check=False)  # noqa: S603
    return asked.returncode == 0


def _run(words: Sequence[str], source: Path) -> str:
    """What a compiler prints. Raises TargetError with its first error."""
    try:
        done = subprocess.run(  # noqa: S603 - the user's compiler
            words,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TargetError(
            f"the target must compile: target={str(source)!r}; {words[0]} cannot be run: {error}"
        ) from None
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        wrong = [line for line in lines if re.search(r"\b(error|undefined reference)\b", line)]
        first = (wrong or lines or [f"exit code {done.returncode}"])[0]
        raise SubjectError(f"the target must compile: target={str(source)!r}; {Path(words[0]).name} says {first}")
    return done.stdout


def _has_openmp(source: Path) -> bool:
    text = source.read_text(encoding="utf-8", errors="replace")
    return bool(re.search(r"^\s*#\s*(include\s*<omp\.h>|pragma\s+omp\b)", text, re.MULTILINE))


def _sanitizers(words: Sequence[str], source: Path) -> dict[str, str]:
    """What lets a library with sanitizers run in an interpreter without. Raises TargetError where that is not there."""
    name = "libasan.so"
    runtime = Path(_run([*words, f"-print-file-name={name}"], source).strip())
    if not runtime.is_absolute() or not runtime.is_file():
        raise TargetError(f"--sanitize needs the sanitizers' runtime: {words[0]} has no {name}; CC=gcc would fit")
    before = os.environ.get("LD_PRELOAD", "")
    return {
        "LD_PRELOAD": f"{runtime.resolve()}{f':{before}' if before else ''}",
        "ASAN_OPTIONS": ASAN_OPTIONS,
        "UBSAN_OPTIONS": "print_stacktrace=0",
    }
