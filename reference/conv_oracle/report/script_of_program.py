"""The lines of a script that start a program, and make a function of it by the protocol of reference/PROTOCOL.md."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from conv_oracle.auditing import DEFAULTS, ORDER
from conv_oracle.operation import Operation


def program_as_subject(command: str, op: Operation) -> Iterator[str]:
    """The lines that define `subject`, for a script that imports json, subprocess and NumPy as np."""
    given = {name: DEFAULTS.get(name) for name in ORDER[op.nd_name]}
    yield f"program = subprocess.Popen({shlex.split(command)!r}, stdin=-1, stdout=-1, cwd={str(Path.cwd())!r})"
    yield "def ask(line, data=b''):"
    yield "    program.stdin.write(json.dumps(line).encode() + b'\\n' + data)"
    yield "    program.stdin.flush()"
    yield "    return json.loads(program.stdout.readline())"
    yield "ask({'protocol': 1})"
    yield "def subject(*args, **named):"
    yield f"    given = {given}"
    yield "    given |= {**dict(zip(given, args)), **named}"
    yield "    arrays = [value for value in given.values() if isinstance(value, np.ndarray)]"
    yield "    line = {name: getattr(value, 'shape', value) for name, value in given.items()}"
    yield f"    line |= {{n: [v] * {op.axes} for n, v in line.items() if isinstance(v, int) and n != 'groups'}}"
    yield "    data = b''.join(array.tobytes() for array in arrays)"
    yield f"    line |= {{'operation': {op.name!r}, 'dtype': arrays[0].dtype.name, 'bytes': len(data)}}"
    yield "    answer = ask(line, data)"
    yield "    return np.frombuffer(program.stdout.read(answer['bytes']), answer['dtype']).reshape(answer['shape'])"
