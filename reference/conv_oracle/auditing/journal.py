"""The journal of a long audit, so that it can continue where it was interrupted.

The subject runs with the user's rights and can write any file of the user. So a journal is signed with a key that is in
no file, no command line and no environment, and it is read before the subject runs: a forged journal is refused.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conv_oracle.auditing.files import replace_file
from conv_oracle.errors import TargetError

SIGNATURE_BYTES = 64


@dataclass(frozen=True)
class Journal:
    """A signed file in a directory. key: the secret that it is signed with and found by, in hexadecimal."""

    directory: Path
    key: str

    @classmethod
    def new(cls, directory: Path) -> Journal:
        """A new journal with a random key, not written yet."""
        return cls(directory, secrets.token_hex(16))

    @property
    def file(self) -> Path:
        """The file; its name is a hash and does not reveal the key."""
        return self.directory / f"{hashlib.sha256(b'name' + self.key.encode()).hexdigest()[:32]}.json"

    def write(self, state: dict[str, Any]) -> None:
        """Replace the file atomically by a state that JSON can hold. Raises OSError."""
        body = json.dumps(state).encode()
        self.directory.mkdir(parents=True, exist_ok=True)
        replace_file(self.file, self._signature(body) + body)

    def read(self) -> dict[str, Any]:
        """The last state. Raises TargetError where it is missing, or forged.

        To be called before a subject runs, which could put another file in its place.
        """
        try:
            whole = self.file.read_bytes()
        except OSError:
            raise TargetError(
                "--resume takes the key of an interrupted audit: there is no journal of this key; "
                "the key that the audit printed would fit"
            ) from None
        signature, body = whole[:SIGNATURE_BYTES], whole[SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._signature(body)):
            raise TargetError(f"a journal must be signed with its key: file={self.file.name!r} is not")
        state: dict[str, Any] = json.loads(body)
        return state

    def remove(self) -> None:
        """Delete the file, as the audit is over."""
        with contextlib.suppress(OSError):
            self.file.unlink()

    def _signature(self, body: bytes) -> bytes:
        return hmac.new(self.key.encode(), body, hashlib.sha256).hexdigest().encode()
