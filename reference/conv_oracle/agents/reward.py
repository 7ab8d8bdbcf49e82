"""A verdict as a reward for reinforcement learning, and for any other loop that keeps what is right."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from conv_oracle.agents.feedback import feedback, quoted
from conv_oracle.auditing import DEFAULTS, AuditOptions, Verdict, audit
from conv_oracle.errors import SubjectError, TargetError

PARAMETERS = (*DEFAULTS, "bias", "batch")
"""What an answer may be told to take."""

USUAL = {**{name: str(value) for name, value in DEFAULTS.items()}, "bias": "none", "batch": "1"}
"""The value of each parameter that exercises nothing of it."""

MOST_OF_AN_ERROR = 400
"""Characters, of at most four bytes each."""


@dataclass(frozen=True, kw_only=True)
class Reward:
    """What a loop makes of one answer.

    reward: 1.0 for one that conforms, else 0.0. mask_sample: whether nothing was learned of the answer, so that a loop
    must leave it out, and not take 0.0 for its reward. failure_kind: '' for one that conforms; the kind of the first
    finding ('wrong-value', 'crashed', ...); or one of

        not-loadable         it does not load, compile or answer a single call
        too-little-answered  it refuses so much that there is no verdict
        narrow               it conforms, and leaves out a parameter that it needs
        too-slow             it, or the machine, was too slow for a verdict: masked
        harness              an error of the audit or of its machine: masked
        not-asked            the options do not fit: masked

    feedback: at most 2,048 bytes for whoever has to mend the answer.
    """

    reward: float
    mask_sample: bool
    failure_kind: str
    feedback: str


def reward(outcome: Verdict | BaseException, *, needs: Collection[str] = ()) -> Reward:
    """The reward of a verdict, or of the exception that an audit ended with.

    outcome: what `audit` returned or raised. needs: the parameters that an answer must take to be of use, of
    'stride', 'padding', 'output_padding', 'dilation', 'groups', 'bias' and 'batch': what a function does not take
    narrows its scope and is no fault, so that a loop would else learn to leave things out.

    There is no partial reward: a share of right problems is earned by guessing, too.

    A lack of a verdict is the answer's own fault where it refused what it must answer. Where the essential problems
    were not even asked in time, it is not known who was slow, the answer or a busy machine: the sample is masked, and
    `seconds` or a quieter machine would tell. A call that hangs is a finding, and no lack of one; so is more memory
    than a worker may hold. A masked sample teaches nothing, for good or ill: there is nothing to gain by being masked.

    Raises TargetError for a name in `needs` that is no parameter.
    """
    for name in needs:
        if name not in PARAMETERS:
            raise TargetError(f"needs names parameters: needs={name!r}; {', '.join(PARAMETERS)} would fit")
    if isinstance(outcome, BaseException):
        return _of_exception(outcome)
    said = feedback(outcome)
    if outcome.verdict == "faulty":
        return Reward(reward=0.0, mask_sample=False, failure_kind=outcome.findings[0].kind, feedback=said)
    if outcome.verdict == "no-verdict":
        kind = _why_no_verdict(outcome)
        return Reward(reward=0.0, mask_sample=kind in ("harness", "too-slow"), failure_kind=kind, feedback=said)
    lacking = [name for name in needs if not _takes(outcome, name)]
    if lacking:
        told = f"too narrow: {', '.join(lacking)} must be taken, and answered rightly\n"
        return Reward(reward=0.0, mask_sample=False, failure_kind="narrow", feedback=told)
    return Reward(reward=1.0, mask_sample=False, failure_kind="", feedback=said)


def rewarded(target: str = "", *, needs: Collection[str] = (), **options: Any) -> Reward:
    """Audit a target and give its reward; whatever is wrong with it, nothing is raised.

    target, options: those of `audit`; level 'quick' and fail_fast are the defaults here. needs: that of `reward`.
    Raises TargetError for options that do not fit, as every answer would be masked, and for a name in `needs`.
    """
    reward(TargetError(""), needs=needs)
    chosen = {"level": "quick", "fail_fast": True, **options}
    outcome: Verdict | Exception
    try:
        AuditOptions(target=target, **chosen)
        outcome = audit(target, **chosen)
    except SubjectError as error:
        outcome = error
    except TargetError:
        raise
    except Exception as error:
        outcome = error
    return reward(outcome, needs=needs)


def _of_exception(error: BaseException) -> Reward:
    kind = "not-loadable" if isinstance(error, SubjectError) else "not-asked"
    kind, named = (kind, "") if isinstance(error, TargetError) else ("harness", f"{type(error).__name__}: ")
    said = f"{kind}: {quoted(named + str(error), MOST_OF_AN_ERROR)}\n"
    return Reward(reward=0.0, mask_sample=kind != "not-loadable", failure_kind=kind, feedback=said)


def _why_no_verdict(verdict: Verdict) -> str:
    scope = verdict.scope
    if scope.harness:
        return "harness"
    late = scope.essential.unasked > 0 if scope.essential else bool(scope.truncated)
    return "too-slow" if late else "too-little-answered"


def _takes(verdict: Verdict, name: str) -> bool:
    """Whether a value of a parameter beyond its usual one was answered rightly."""
    rows = [row for row in verdict.scope.exercised if row.parameter == name]
    return any(row.compared and row.value not in (USUAL[name], "none") for row in rows)
