"""What a confined subject may write to: the part of `--confine` that is decided before its processes start."""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conv_oracle.errors import TargetError

LEAST_ABI = 4
"""The version of Landlock from which it restricts writing, truncating and TCP: Linux 6.7."""

CACHES = ("TMPDIR", "XDG_CACHE_HOME", "TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR")
"""Where libraries look for a place to write to."""

DEVICES = ("null", "zero", "full", "random", "urandom", "shm", "kfd", "dri", "nvidia*")
"""What is written to in /dev and keeps nothing, shared memory, and accelerators."""


@dataclass(frozen=True)
class Confinement:
    """library: the directory that the launcher imports landlock from. temporary: the directory made for the subject."""

    library: str
    temporary: str

    @property
    def writable(self) -> list[str]:
        """All that may be written to."""
        return [self.temporary, *(str(path) for name in DEVICES for path in sorted(Path("/dev").glob(name)))]

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that lead to the temporary directory."""
        return dict.fromkeys(CACHES, self.temporary)


def confinement() -> Confinement:
    """A confinement with a new temporary directory. Raises TargetError where the kernel or the library lacks it."""
    if sys.platform != "linux":
        raise TargetError(f"--confine needs Linux 6.7 or newer: platform={sys.platform!r}; no --confine would fit")
    try:
        landlock: Any = importlib.import_module("landlock")
    except ImportError:
        raise TargetError(
            "--confine needs the library landlock: it is not installed; pip install 'conv-oracle[confine]' would fit"
        ) from None
    try:
        version = int(landlock.landlock_abi_version())
    except OSError as error:
        raise TargetError(f"--confine needs Landlock in the kernel: {error.strerror}; no --confine would fit") from None
    if version < LEAST_ABI:
        raise TargetError(f"--confine needs Linux 6.7 or newer: landlock={version}; {LEAST_ABI} would fit")
    library = str(Path(landlock.__file__).resolve().parent.parent)
    return Confinement(library, tempfile.mkdtemp(prefix="confined-"))
