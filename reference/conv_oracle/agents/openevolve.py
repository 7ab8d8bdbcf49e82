"""OpenEvolve: `evaluate(program_path)`, which gives a program's metrics, and its feedback as an artifact.

An evaluator's file is two lines:

    from conv_oracle.agents.openevolve import evaluator
    evaluate = evaluator("conv2d")

Speed is not measured here: a `combined_score` of 1.0 says that there is something whose speed is worth measuring.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from typing import Any

from conv_oracle.agents.reward import Reward, reward
from conv_oracle.auditing import Verdict, audit
from conv_oracle.errors import ConvOracleError, SubjectError, TargetError

MOST_OF_A_FAULTY_ONE = 0.5
"""The score of a program that is right nearly everywhere: selection needs a slope, and right is still apart."""


class NotJudgedError(ConvOracleError):
    """A program that could not be judged, by no fault of its own: OpenEvolve tries it again."""


def evaluator(op: str, *, function: str = "", needs: Collection[str] = (), **options: Any) -> Callable[[str], Any]:
    """The function `evaluate(program_path)` of an evaluator's file.

    op: the operation. function: what a program calls it; op by default. needs: the parameters that a program must take,
    as `reward` has them. options: others of `audit`; the level is quick by default.

    It returns the metrics, a dict of floats: `combined_score` (1.0 where it conforms, else at most 0.5 by the share of
    problems that were right), `conforms` (1.0 or 0.0) and `share_right`. Where OpenEvolve runs it, they come as its
    EvaluationResult, whose artifacts are `feedback` and `failure_kind`: what its prompts show to the model.
    It raises NotJudgedError where a sample is to be masked, which OpenEvolve has no word for.
    """
    chosen = {"op": op, "level": "quick", **options}
    reward(TargetError(""), needs=needs)

    def evaluate(program_path: str) -> Any:
        """The metrics of a program, and its feedback."""
        target = f"{program_path}:{function or op}"
        try:
            outcome: Verdict | SubjectError = audit(target, **chosen)
        except SubjectError as error:
            outcome = error
        made = reward(outcome, needs=needs)
        if made.mask_sample:
            raise NotJudgedError(made.feedback.strip())
        share = share_right(outcome) if isinstance(outcome, Verdict) else 0.0
        return _result(made, share)

    return evaluate


def share_right(verdict: Verdict) -> float:
    """The share of the problems that were answered rightly, of those that were asked."""
    rows = [row for row in verdict.scope.exercised if row.parameter == "stride"]
    right = sum(row.compared for row in rows)
    asked = right + sum(row.failed + row.refused for row in rows)
    return right / asked if asked else 0.0


def _result(made: Reward, share: float) -> Any:
    """The metrics; as OpenEvolve's own type, where its evaluator is what runs here."""
    score = made.reward or MOST_OF_A_FAULTY_ONE * share
    metrics = {"combined_score": score, "conforms": made.reward, "share_right": share}
    theirs = sys.modules.get("openevolve.evaluation_result")
    if theirs is None:
        return metrics
    artifacts = {"feedback": made.feedback, "failure_kind": made.failure_kind}
    return theirs.EvaluationResult(metrics=metrics, artifacts=artifacts)
