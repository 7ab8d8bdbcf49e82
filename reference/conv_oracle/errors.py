"""One exception type per kind of mistake. Every message reads: the rule, then name=value, then what would fit."""

from __future__ import annotations

import difflib
from collections.abc import Sequence


def near(name: str, known: Sequence[str]) -> str:
    """What somebody may have meant by a name that is not known: the three closest, or the first three."""
    return ", ".join(difflib.get_close_matches(name, known, 3, 0.3) or known[:3])


class ConvOracleError(Exception):
    """Base of every error that conv-oracle raises about what it was given."""


class GeometryError(ConvOracleError, ValueError):
    """A shape or a parameter that no convolution has."""


class OperandError(ConvOracleError, TypeError):
    """An operand that is not an array of numbers."""


class TargetError(ConvOracleError):
    """There is nothing to audit: the target, or an option, does not fit."""


class SubjectError(TargetError):
    """The target is there and its options fit, and yet nothing can be audited: it does not load, compile or answer."""


class NotationError(ConvOracleError, ValueError):
    """A line that is not the notation of a problem."""


class CampaignError(ConvOracleError):
    """A campaign cannot begin or go on: its jobs, its database or its scheduler do not fit."""
