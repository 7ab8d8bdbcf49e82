"""Programs with one mistake each: the servers of scripts/servers, with one piece of their text in place of another."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

SERVERS = Path(__file__).resolve().parents[3] / "scripts" / "servers"

COMPILERS = {
    ".c": ["cc", "-O2", "-std=c99", "-Wall", "-Wextra", "-Werror"],
    ".rs": ["rustc", "--edition", "2021", "-O"],
}
INTERPRETERS = {".js": "node", ".py": sys.executable}


@dataclass(frozen=True)
class Planted:
    """A server with one mistake. named: the fault of the catalogue that it is; broken: what stands in right's place."""

    server: str
    named: str
    right: str
    broken: str


WRONG = (
    Planted("conv.js", "kernel-flipped", "k2 * D[2] - P[2]", "(K[2] - 1 - k2) * D[2] - P[2]"),
    Planted("conv.c", "group-offset-wrong", "m / (M / g) * C + c", "c"),
    Planted("conv.rs", "dilation-ignored", "kernel[a] * dilation[a] - padding[a];", "kernel[a] - padding[a];"),
    Planted("conv.py", "bias-wrong", "b[m] if b", "b[0] if b"),
)
"""One wrong index in each language."""

_TRIED = "        try:\n"
_WRITTEN = 'json.dumps(answer).encode() + b"\\n" + data'


def _does(what: str, named: str, where: str = "ask['groups'] > 1") -> Planted:
    """A server that does something before it answers some problems, by default those with groups."""
    return Planted("conv.py", named, _TRIED, f"{_TRIED}            if {where}:\n                {what}\n")


MISBEHAVING = {
    "ends": _does("sys.exit(3)", "crashes"),
    "is killed": _does("__import__('os').abort()", "crashes"),
    "hangs": _does("__import__('time').sleep(60)", "hangs"),
    "tells an error": _does("raise ValueError('thirteen')", "raises", "ask['bytes'] % 13 == 0"),
    "prints": _does("print('two groups', flush=True)", "protocol-corrupted"),
    "closes its output": _does("__import__('os').close(1), __import__('time').sleep(60)", "protocol-corrupted"),
    "says too few bytes": Planted("conv.py", "protocol-corrupted", '"bytes": len(data)}', '"bytes": len(data) - 4}'),
    "says no number of bytes": Planted("conv.py", "protocol-corrupted", '"bytes": len(data)}', '"bytes": -1}'),
    "writes too few bytes": Planted("conv.py", "hangs", _WRITTEN, f"{_WRITTEN}[:-1]"),
    "writes too many bytes": Planted("conv.py", "protocol-corrupted", _WRITTEN, f"{_WRITTEN} + data[:1]"),
    "writes no line": Planted("conv.py", "protocol-corrupted", _WRITTEN, f"({_WRITTEN} if not data else bytes(99999))"),
    "names no dtype": Planted("conv.py", "protocol-corrupted", '{"dtype": ask["dtype"]', '{"dtype": "float31"'),
    "has a shape of text": Planted("conv.py", "protocol-corrupted", '"shape": shape', '"shape": "2, 3"'),
}
"""What a program may do besides wrong numbers, and the fault that it is."""

SAID = {
    "ends": ("crashed", "exit code 3"),
    "is killed": ("crashed", "the process was terminated by SIGABRT"),
    "hangs": ("hung", "no answer within 0.5 s"),
    "tells an error": ("raised", "thirteen"),
    "prints": ("malformed", "wrote b'two groups\\n', which is no JSON object; for people there is standard error"),
    "closes its output": ("malformed", "closed a pipe of its own while it kept running"),
    "says too few bytes": ("malformed", "float64 of shape (1, 2, 2, 2) takes 64 bytes: bytes=60"),
    "says no number of bytes": ("malformed", "an answer has a number of bytes: bytes=-1"),
    "writes too few bytes": ("hung", "no answer within 0.5 s"),
    "writes too many bytes": ("malformed", "wrote b'\\x00', which nobody asked for"),
    "writes no line": ("malformed", "wrote more than 65536 bytes without the end of a line"),
    "names no dtype": ("malformed", "an answer has the name of a dtype: dtype='float31'"),
    "has a shape of text": ("malformed", "an answer has a shape, a list of sizes: shape='2, 3'"),
}
"""The outcome of the call in which that shows, and what is said of it."""


def command(source: Path, folder: Path) -> str:
    """What starts a server; one that is compiled, is so in this folder. Skips where the language is not here."""
    tool = INTERPRETERS.get(source.suffix) or COMPILERS[source.suffix][0]
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    if source.suffix in INTERPRETERS:
        return f"{tool} {source}"
    program = folder / "program"
    subprocess.run([*COMPILERS[source.suffix], source, "-o", program], check=True, cwd=folder)
    return str(program)


def planted(one: Planted, folder: Path) -> str:
    """The command of a server with this mistake."""
    text = (SERVERS / one.server).read_text(encoding="utf-8")
    assert text.count(one.right) == 1, one
    (folder / one.server).write_text(text.replace(one.right, one.broken), encoding="utf-8")
    return command(folder / one.server, folder)
