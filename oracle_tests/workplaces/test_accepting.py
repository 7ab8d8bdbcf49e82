"""What is ignored does not decide, is kept, and hides no more than was tested; what no longer shows is told."""

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from audit.brief import HURRIED
from conv_oracle.accepting import Baseline, Choice, Known, accept, baseline_text, read_baseline, stale
from conv_oracle.auditing import Ignored, audit
from conv_oracle.auditing.support import otherwise
from conv_oracle.cli import main
from conv_oracle.errors import TargetError
from conv_oracle.report import document
from workplaces.conftest import EXAMPLE

OTHER = "bias-wrong"


def known(**changed):
    given = {"target": "faulty.py:conv2d", "op": "conv2d", "fault": "kernel-flipped", "reason": "as in 1998"}
    return Known(**{**given, **changed})


def test_what_is_ignored_does_not_decide_and_is_kept(faulty):
    accepted = accept(faulty, Choice(ignore=("kernel-flipped",)))
    assert (faulty.verdict, accepted.verdict, accepted.exit_code) == ("faulty", "conforms", 0)
    assert accepted.ignored == (Ignored(finding=faulty.findings[0], reason="by --ignore"),)
    assert not accepted.findings
    told = json.loads(json.dumps(document(accepted)))
    assert told["ignored"][0]["finding"]["fault"] == "kernel-flipped"
    schema = json.loads((EXAMPLE.parents[1] / "reference/conv_oracle/report/verdict.schema.json").read_text())
    jsonschema.validate(told, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**told, "ignored": [{"finding": told["ignored"][0]["finding"]}]}, schema)


def test_what_is_not_ignored_decides(faulty):
    assert accept(faulty, Choice(ignore=(OTHER,))) is faulty
    second = replace(faulty.findings[0], fault=OTHER)
    both = accept(replace(faulty, findings=(*faulty.findings, second)), Choice(ignore=("kernel-flipped",)))
    assert (both.verdict, both.findings, len(both.ignored)) == ("faulty", (second,), 1)


def test_only_what_is_selected_decides(faulty):
    assert accept(faulty, Choice(select=("kernel-flipped",))) is faulty
    (ignored,) = accept(faulty, Choice(select=(OTHER,))).ignored
    assert ignored.reason == "not selected"


def test_kinds_are_names_too(faulty):
    unnamed = replace(faulty, findings=(replace(faulty.findings[0], fault=None),))
    assert accept(unnamed, Choice(ignore=("wrong-value",))).verdict == "conforms"
    assert accept(unnamed, Choice(ignore=("kernel-flipped",))) is unnamed


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ignore": ("kernel-fliped",)}, "ignore='kernel-fliped'; kernel-flipped"),
        ({"select": "kernel-flipped"}, "select is a list of names"),
        ({"expected": {"no-such": "why"}}, "expected_faults='no-such'"),
        ({"expected": {"kernel-flipped": " "}}, "a fault is expected for a reason"),
    ],
)
def test_a_wrong_choice_is_told(given, said):
    with pytest.raises(TargetError, match=said):
        Choice(**given)


def changed(verdict, *, explained=None, **essential):
    """A faulty verdict of which less was explained, or answered."""
    finding = verdict.findings[0]
    if explained is not None:
        finding = replace(finding, diagnosis=replace(finding.diagnosis, explained=explained))
    needed = replace(verdict.scope.essential, **essential)
    return (finding,), replace(verdict.scope, essential=needed)


def test_no_more_is_claimed_than_was_tested(faulty):
    needed = faulty.scope.essential
    assert needed.missing
    assert needed.wrong == needed.missing
    assert len(needed.wrong) > needed.planned / 2
    assert otherwise(*changed(faulty)) == "conforms"
    found, scope = changed(faulty)
    assert otherwise(found, replace(scope, harness=("out of memory",))) == "no-verdict"
    assert otherwise(*changed(faulty, wrong=needed.wrong[1:])) == "no-verdict"  # one was not asked
    assert otherwise(*changed(faulty, explained=1)) == "no-verdict"  # too many that nothing explains
    few = {"missing": needed.missing[:2], "wrong": needed.missing[:2]}
    assert otherwise(*changed(faulty, explained=1, **few)) == "conforms"
    assert otherwise(*changed(faulty, explained=1, **few, excused=17)) == "no-verdict"
    found, scope = changed(faulty, explained=0, **few)
    assert otherwise(found, replace(scope, discriminating=0)) == "no-verdict"


@pytest.mark.slow
def test_one_wrong_answer_that_the_fault_does_not_explain_is_another_finding():
    """Two faults at once: ignoring one leaves the other."""
    level = replace(HURRIED, seconds=9.0, diagnosis_seconds=9.0)
    verdict = audit(f"{Path(__file__).parent}/two_faults.py:conv2d", level=level, seed=1)
    found = [one.fault for one in verdict.findings]
    assert len(found) == 2
    assert "bias-wrong" in found
    for name in found:
        accepted = accept(verdict, Choice(ignore=(name,)))
        assert (accepted.verdict, [one.fault for one in accepted.findings]) == (
            "faulty",
            [one for one in found if one != name],
        )


def test_what_no_longer_shows_is_told(faulty, conforming):
    choice = Choice(expected={"kernel-flipped": "mirrored"}, baseline=Baseline(folder=EXAMPLE, known=(known(),)))
    assert stale(accept(faulty, choice), choice) == ()
    assert stale(conforming, choice) == ("kernel-flipped (expected: mirrored)",)  # the baseline's is of another target
    own = Choice(baseline=Baseline(folder=EXAMPLE, known=(known(target="conforming.py:conv2d", condition="ever"),)))
    assert stale(conforming, own) == ("kernel-flipped of conforming.py:conv2d as conv2d (ever), of the baseline",)
    assert stale(replace(conforming, verdict="no-verdict"), own) == ()
    stopped = replace(faulty, options=replace(faulty.options, fail_fast=True))
    assert stale(stopped, Choice(expected={OTHER: "why"})) == ()


def test_a_baseline_knows_its_findings_alone(faulty, tmp_path):
    baseline = Baseline(folder=EXAMPLE, known=(known(condition=faulty.findings[0].condition),))
    (ignored,) = accept(faulty, Choice(baseline=baseline)).ignored
    assert ignored.reason == "baseline: as in 1998"
    others = (known(target="other.py:conv2d"), known(op="conv1d"), known(fault=OTHER), known(condition="with groups"))
    assert accept(faulty, Choice(baseline=Baseline(folder=EXAMPLE, known=others))) is faulty
    elsewhere = Baseline(folder=tmp_path, known=(known(),))
    assert accept(faulty, Choice(baseline=elsewhere)) is faulty


def test_a_baseline_is_read_as_it_was_written(faulty, conforming, tmp_path):
    file = EXAMPLE / "baseline.json"
    kept = Baseline(folder=EXAMPLE, known=(known(), known(target="other.py:f"), known(fault=OTHER)))
    text = baseline_text(faulty, kept)
    assert [one["fault"] + one["target"] for one in json.loads(text)["findings"]] == [
        "kernel-flippedfaulty.py:conv2d",  # with the reason that it had; that of another fault, not found, is gone
        "kernel-flippedother.py:f",
    ]
    assert json.loads(text)["findings"][0]["reason"] == "as in 1998"
    (tmp_path / file.name).write_text(text)
    read = read_baseline(tmp_path / file.name)
    assert (read.folder, read.known) == (tmp_path, (known(), known(target="other.py:f")))
    assert json.loads(baseline_text(conforming, Baseline(folder=EXAMPLE)))["findings"] == []
    toml = tmp_path / "known.toml"
    toml.write_text("baseline = 1\n[[findings]]\n" + "".join(f'{k} = "{v}"\n' for k, v in vars(known()).items()))
    assert read_baseline(toml).known == (known(),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "a baseline is JSON"),
        ("[]", "has format 1"),
        ('{"baseline": 2, "findings": []}', "has format 1"),
        ('{"baseline": 1, "findings": [3]}', "finding 1 of file="),
        ('{"baseline": 1, "findings": [{"fault": "kernel-flipped"}]}', "has the texts target, op, fault"),
        (json.dumps({"baseline": 1, "findings": [{**vars(known()), "fault": "kernel-fliped"}]}), "kernel-flipped"),
        (json.dumps({"baseline": 1, "findings": [{**vars(known()), "reason": ""}]}), "has a reason"),
        (json.dumps({"baseline": 1, "findings": [{**vars(known()), "line": "3"}]}), "has the texts"),
    ],
)
def test_a_file_that_is_no_baseline_is_told(tmp_path, text, said):
    (tmp_path / "b.json").write_text(text)
    with pytest.raises(TargetError, match=said):
        read_baseline(tmp_path / "b.json")


def test_a_baseline_that_is_not_there_is_told(tmp_path):
    with pytest.raises(TargetError, match=r"can be read.*No such file"):
        read_baseline(tmp_path / "b.json")


def run(*words):
    return CliRunner().invoke(main, ["audit", "--level", "fixtures", "--seed", "1", *map(str, words)])


def test_the_command_takes_and_writes_a_baseline(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kernels.py").write_text((EXAMPLE / "faulty.py").read_text())
    first = run("kernels.py:conv2d", "--write-baseline", "known.json")
    assert first.exit_code == 1
    (entry,) = json.loads((tmp_path / "known.json").read_text())["findings"]
    assert (entry["target"], entry["fault"]) == ("kernels.py:conv2d", "kernel-flipped")
    again = run("kernels.py:conv2d", "--baseline", "known.json", "--json", "verdict.json")
    assert again.exit_code == 0
    assert "conforms within the scope below, but for 1 finding ignored" in again.stdout
    assert "ignored kernel-flipped: the kernel is read backwards along the width (baseline: known when" in again.stdout
    assert json.loads((tmp_path / "verdict.json").read_text())["ignored"][0]["reason"].startswith("baseline: known")
    (tmp_path / "kernels.py").write_text((EXAMPLE / "conforming.py").read_text())
    right = run("kernels.py:conv2d", "--baseline", "known.json", "--write-baseline", "known.json")
    assert right.exit_code == 0
    assert "it no longer shows: kernel-flipped of kernels.py:conv2d as conv2d" in right.stderr
    assert json.loads((tmp_path / "known.json").read_text())["findings"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--ignore", "kernel-fliped"], "kernel-flipped"),
        (["--baseline", "none.json"], "a baseline is a file that can be read"),
        (["--write-baseline", "known.toml"], "'known.json' would fit"),
        (["--write-baseline", "none/known.json"], "directory='none' is missing"),
        (["--write-baseline", "known.json", "--fail-fast"], "a baseline is of a whole audit"),
    ],
)
def test_a_wrong_option_is_one_line_and_exit_code_2(words, said):
    result = run(f"{EXAMPLE}/faulty.py:conv2d", *words)
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert said in result.output
