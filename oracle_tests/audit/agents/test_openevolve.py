"""OpenEvolve's evaluator: metrics as a dict of floats, and as its own type where it is what runs."""

import importlib.util
import shutil
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType

import pytest

from audit.brief import BRIEF
from conv_oracle.agents.openevolve import NotJudgedError, evaluator, share_right
from conv_oracle.errors import TargetError

EXAMPLES = Path(__file__).parents[3] / "scripts" / "example"
EVALUATOR = """
from audit.brief import HURRIED
from conv_oracle.agents.openevolve import evaluator

evaluate = evaluator("conv2d", level=HURRIED, seed=1)
"""


def program(tmp_path, source):
    """A program under the sort of name that OpenEvolve gives it: a temporary file."""
    path = tmp_path / "tmpk3_x1.py"
    shutil.copy(source, path)
    return str(path)


def test_an_evaluators_file_gives_metrics_for_a_wrong_and_a_right_program(tmp_path):
    (tmp_path / "evaluator.py").write_text(EVALUATOR)
    spec = importlib.util.spec_from_file_location("evaluation_module", tmp_path / "evaluator.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    wrong = module.evaluate(program(tmp_path, EXAMPLES / "faulty.py"))
    right = module.evaluate(program(tmp_path, EXAMPLES / "conforming.py"))
    assert right == {"combined_score": 1.0, "conforms": 1.0, "share_right": 1.0}
    assert set(wrong) == set(right)
    assert wrong["conforms"] == 0.0
    assert 0 < wrong["combined_score"] == wrong["share_right"] / 2 < 0.5
    assert all(type(value) is float for value in (*wrong.values(), *right.values()))


def test_where_openevolve_runs_the_feedback_is_an_artifact(tmp_path, monkeypatch):
    @dataclass
    class EvaluationResult:
        metrics: dict
        artifacts: dict = field(default_factory=dict)

    theirs = ModuleType("openevolve.evaluation_result")
    theirs.EvaluationResult = EvaluationResult
    monkeypatch.setitem(sys.modules, theirs.__name__, theirs)
    (tmp_path / "broken.py").write_text("def conv2d(:\n")
    made = evaluator("conv2d", level=BRIEF)(str(tmp_path / "broken.py"))
    assert isinstance(made, EvaluationResult)
    assert made.metrics == {"combined_score": 0.0, "conforms": 0.0, "share_right": 0.0}
    assert made.artifacts["failure_kind"] == "not-loadable"
    assert "SyntaxError" in made.artifacts["feedback"]


def test_what_is_masked_is_raised_so_that_it_is_tried_again(monkeypatch, right):
    late = replace(right.scope, essential=replace(right.scope.essential, missing=("conv2d x1 w1",), unasked=1))
    verdict = replace(right, verdict="no-verdict", scope=late)
    monkeypatch.setattr(sys.modules[evaluator.__module__], "audit", lambda *_, **__: verdict)
    with pytest.raises(NotJudgedError, match="no verdict"):
        evaluator("conv2d")("program.py")


def test_options_that_do_not_fit_are_no_score_of_a_program(tmp_path):
    with pytest.raises(TargetError, match="needs='strides'"):
        evaluator("conv2d", needs=["strides"])
    (tmp_path / "mine.py").write_text("")
    with pytest.raises(TargetError, match="level='swift'"):
        evaluator("conv2d", level="swift")(str(tmp_path / "mine.py"))


def test_a_share_of_nothing_is_none(right):
    assert share_right(right) == 1.0
    assert share_right(replace(right, scope=replace(right.scope, exercised=()))) == 0.0
