"""Files that are there whole or not at all, whatever else runs with the user's rights."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

STREAMS = stat.S_ISCHR, stat.S_ISFIFO, stat.S_ISSOCK
OF_THE_SYSTEM = Path("/dev"), Path("/dev/fd"), Path("/proc/self/fd")
"""Where a link leads to a device, and is nobody's trick: /dev/stdout."""


@dataclass(frozen=True)
class Destination:
    """Where something will be written. stream: whether that is a device or a pipe, which is written to, not replaced.

    It is looked at before a subject runs, which may lay a link or a pipe there meanwhile: those are replaced.
    """

    path: Path
    stream: bool

    @classmethod
    def of(cls, path: Path) -> Destination:
        """What is at a path now."""
        try:
            mode = path.lstat().st_mode
        except OSError:
            return cls(path, stream=False)
        of_the_system = stat.S_ISLNK(mode) and path.absolute().parent in OF_THE_SYSTEM
        return cls(path, stream=of_the_system or any(kind(mode) for kind in STREAMS))

    def write(self, data: bytes) -> None:
        """Write all of it. Raises OSError, and then leaves nothing half-written in a file."""
        if not self.stream:
            replace_file(self.path, data)
            return
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_NOCTTY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "wb") as file:
            os.set_blocking(descriptor, True)
            file.write(data)


def replace_file(path: Path, data: bytes) -> None:
    """Put a file with this content at a path, at once, in the place of what is there; a link is not followed.

    It is created beside it, exclusively, with a name that cannot be known before. Raises OSError.
    """
    descriptor, beside = tempfile.mkstemp(prefix=".", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o666 & ~_umask())
            file.write(data)
        Path(beside).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(beside).unlink()
        raise


def _umask() -> int:
    """The rights that new files lack."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
