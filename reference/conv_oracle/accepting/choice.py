"""Which findings decide: a verdict and a choice give a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from conv_oracle.accepting.baseline import Baseline
from conv_oracle.accepting.names import check_name
from conv_oracle.auditing import Finding, Ignored, Verdict
from conv_oracle.errors import TargetError


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which findings decide, by the names of their faults, or by their kinds.

    select: those that decide alone; all where it is empty. ignore: those that do not. expected: why each of those that
    are expected is accepted. baseline: findings that are known.
    Raises TargetError for a name that no finding has, and for a reason that is empty.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    expected: Mapping[str, str] = field(default_factory=dict)
    baseline: Baseline = field(default_factory=Baseline)

    def __post_init__(self) -> None:
        """Check every name, and every reason."""
        for option, names in (("select", self.select), ("ignore", self.ignore), ("expected_faults", self.expected)):
            if isinstance(names, str):
                raise TargetError(f"{option} is a list of names: {option}={names!r}; [{names!r}] would fit")
            for name in names:
                check_name(option, name)
        for name, reason in self.expected.items():
            if not isinstance(reason, str) or not reason.strip():
                raise TargetError(
                    f"a fault is expected for a reason: expected_faults={{{name!r}: {reason!r}}}; "
                    f"{{{name!r}: 'mirrored on purpose, see issue 12'}} would fit"
                )


def accept(verdict: Verdict, choice: Choice) -> Verdict:
    """The verdict in which the findings that a choice leaves out do not decide; they are kept as ignored.

    Where none is left, it is what the audit says of the subject besides them: no more than was tested.
    """
    reasons = [(finding, _reason(finding, verdict, choice)) for finding in verdict.findings]
    ignored = tuple(Ignored(finding=finding, reason=reason) for finding, reason in reasons if reason)
    left = tuple(finding for finding, reason in reasons if not reason)
    if not ignored:
        return verdict
    status = verdict.verdict if left else verdict.otherwise
    return replace(verdict, verdict=status, findings=left, ignored=(*verdict.ignored, *ignored))


def stale(verdict: Verdict, choice: Choice) -> tuple[str, ...]:
    """What is expected, or known, and no longer shows, in words; of an accepted verdict.

    Nothing is said where there is no verdict, nor where the audit stopped at the first wrong answer.
    """
    found = [*verdict.findings, *(one.finding for one in verdict.ignored)]
    if verdict.verdict == "no-verdict" or (verdict.options.fail_fast and found):
        return ()
    names = {finding.name for finding in found}
    known = choice.baseline.of(verdict)
    return (
        *(f"{name} (expected: {reason})" for name, reason in choice.expected.items() if name not in names),
        *(f"{one.said}, of the baseline" for one in known if not any(map(one.is_same, found))),
    )


def _reason(finding: Finding, verdict: Verdict, choice: Choice) -> str:
    """Why a finding does not decide; '' where it does."""
    if finding.name in choice.expected:
        return f"expected: {choice.expected[finding.name]}"
    if finding.name in choice.ignore:
        return "by --ignore"
    known: Iterable[str] = (one.reason for one in choice.baseline.of(verdict) if one.is_same(finding))
    if reason := next(iter(known), ""):
        return f"baseline: {reason}"
    return "not selected" if choice.select and finding.name not in choice.select else ""
