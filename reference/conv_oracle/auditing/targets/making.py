"""How a target becomes a function with PyTorch's arguments, in the process of the subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Making:
    """What makes the subject, in its process.

    maker: the name of a function (target, words) -> the subject, in one of the files or in the worker's own. files: of
    this room, joined to the worker's text in this order; each is self-contained. words: what the maker needs to know,
    for JSON. told: what a reader of the report should know of it, one sentence each. named: what its calls are written
    as; by default the target's name in its module. source: its file, where its process does not know. environment: what
    its process has besides.
    """

    maker: str
    files: tuple[str, ...]
    words: Mapping[str, Any] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    named: str = ""
    source: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


PLAIN = Making("callable_at", ("loading",))
"""A Python function, called as it is."""
