"""All convolutions that are wrong only as people use them: in a way of calling, in memory, on values, on sizes."""

from __future__ import annotations

from audit.usage.entry import Usage

SUBJECTS: tuple[Usage, ...] = ()
