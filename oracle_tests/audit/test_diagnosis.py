"""Findings are named by what explains them, under the condition that they hold under, and repeat in a fresh process."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from audit.brief import BRIEF
from audit.finding_script import run_script
from audit.planted.registry import PLANTS
from conv_oracle.auditing import audit
from conv_oracle.auditing.diagnosis.conditions import learned, measures
from conv_oracle.auditing.diagnosis.diagnosing import _holds_a_number
from conv_oracle.auditing.diagnosis.explaining import case_of
from conv_oracle.auditing.judging import Ask, Judgement, Observation
from conv_oracle.auditing.operands import draw, exact_radius, expected
from conv_oracle.cli import main
from conv_oracle.faults import CATALOGUE, rare_variants, variants
from conv_oracle.problem import parse
from conv_oracle.report import ScriptError, markdown, script

HERE = Path(__file__).parent
FAULTY = HERE / "faulty_subjects.py"

NAMED = {
    "maps:conv2d__flip_last__always__gather": (
        "kernel-flipped",
        "along the width",
        "on every problem that can show it",
    ),
    "maps:conv1d__flip_last__even_kernel__gather": ("kernel-flipped", "", "an even kernel"),
    "maps:conv2d__origin_late__out_channels_not_8__columns": (
        "origin-shifted",
        "along the width",
        "groups > 1",
    ),
    "maps:conv_transpose2d__stride_swapped__always__columns": (
        "stride-axes-exchanged",
        "when reading",
        "on every problem that can show it",
    ),
    "maps:conv2d_input__tail_of_four__always__taps": (
        "channel-tail-dropped",
        "a multiple of 4",
        "on every problem that can show it",
    ),
}


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.sampled(2)
def test_a_fault_is_named_with_its_way_and_condition(name):
    plant = next(plant for plant in PLANTS if plant.name == name)
    verdict = audit(plant.target, **plant.options, level=BRIEF, jobs=1, seed=1, timeout=2.0, compile_timeout=2.0)
    (finding,) = verdict.findings
    fault, said, where = NAMED[name]
    assert finding.fault == fault
    assert said in finding.diagnosis.title
    assert where in finding.condition
    assert finding.diagnosis.explained == finding.diagnosis.of > 0
    assert finding.problem.multiply_adds <= 16


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "uint64"])
@pytest.mark.parametrize("notation", ["conv2d x2x4x5x6 w6x2x3x2 s2 p1 g2 bias", "conv2d_weight x2x4x5x6 w6x2x3x2 g2"])
def test_every_fault_is_computed_at_the_ends_of_integers(notation, dtype):
    """Where they wrap, whatever a fault multiplies or subtracts: nothing is raised, and one of its own is found."""
    problem = parse(f"{notation} {dtype}")
    radius, rng = exact_radius(problem), np.random.default_rng(1)
    draws = draw(problem, problem.operand_shapes, radius, rng, styles=["extreme"])
    ask, right = Ask(draws, [("call", 0), ("call", 1)]), expected(problem, draws)[problem.operation.returns][1]
    got = (-right.astype(np.int64)).astype(dtype)
    judgement = Judgement("wrong", "wrong-value", got=got, expected=right, returned=dtype)
    case = case_of(Observation(ask, 1, judgement), inexact=False)
    known = [*variants(problem.operation), *rare_variants(problem.operation)]
    found = {fault.slug for fault, variant in known if case.is_answer_of(variant.edit)}
    assert found & {"sign-lost", "result-scaled"}


@pytest.mark.parametrize(
    ("held", "bias", "written"),
    [("zeros", "", False), ("nan", "", False), ("a part of the sum", "", True), ("a part of the sum", " bias", False)],
)
def test_an_output_that_holds_a_number_was_written(held, bias, written):
    """Whatever was read of it: with a bias alone in it, nothing is known."""
    problem = parse(f"conv2d x1x2x4x4 w2x2x2x2{bias} float64")
    draws = draw(problem, problem.operand_shapes, exact_radius(problem), np.random.default_rng(1))
    ask, right = Ask(draws, [("call", 0)]), expected(problem, draws)[problem.operation.returns][0]
    got = right.copy()
    got[0, 0, 0] = {"zeros": 0.0, "nan": np.nan, "a part of the sum": right[0, 0, 0] + 3}[held]
    judgement = Judgement("wrong", "wrong-value", got=got, expected=right, returned="float64")
    assert _holds_a_number(case_of(Observation(ask, 0, judgement), inexact=False)) == written


TWO = """
import sys; sys.path.insert(0, {place!r})
from faulty_subjects import right
def conv2d(x, w, bias=None, groups=1, **geometry):
    if groups > 1:
        w = w[..., ::-1]
    return right(x, w, None if bias is None else 2 * bias, groups=groups, **geometry)
"""


@pytest.mark.slow
def test_two_faults_at_once_are_both_found(tmp_path):
    (tmp_path / "two.py").write_text(TWO.format(place=str(HERE)))
    level = replace(BRIEF, diagnosis_seconds=30.0)  # however busy the machine is
    verdict = audit(f"{tmp_path}/two.py:conv2d", level=level, seed=1)
    names = {finding.fault for finding in verdict.findings}
    assert {"kernel-flipped", "bias-wrong"} <= names


UNKNOWN = """
import sys; sys.path.insert(0, {place!r})
from faulty_subjects import right
def conv2d(x, w, bias=None, groups=1, **geometry):
    y = right(x, w, bias, groups=groups, **geometry)
    return y + 3 * y[..., ::-1] if groups > 1 and w.shape[3] > 1 else y
"""


def test_what_no_fault_of_the_catalogue_explains_is_read_and_located(tmp_path):
    (tmp_path / "unknown.py").write_text(UNKNOWN.format(place=str(HERE)))
    level = replace(BRIEF, diagnosis_seconds=30.0)  # however busy the machine is
    verdict = audit(f"{tmp_path}/unknown.py:conv2d", level=level, seed=1)
    (finding,) = [one for one in verdict.findings if one.fault == "terms-added"]
    assert "groups > 1" in finding.condition
    assert "kernel > 1 on axis 1" in finding.condition
    assert finding.evidence.reads


BY_NATURE = {
    "output-not-written": "y[:, 3:, -1:] = 0",
    "bias-wrong": "y += 0 if bias is None else (bias * bias).reshape(-1, 1, 1)",
    "depends-on-values": "y += x[..., :1, :1].sum() > 0",
}


@pytest.mark.parametrize("fault", BY_NATURE)
def test_what_no_entry_explains_is_named_by_what_its_numbers_are(fault, tmp_path):
    edit = f"y = right(x, w, bias, groups=groups, **geometry); {BY_NATURE[fault]}; return y"
    whole = TWO.partition("    if groups")[0].format(place=str(HERE)) + f"    {edit}\n"
    (tmp_path / "odd.py").write_text(whole)
    verdict = audit(f"{tmp_path}/odd.py:conv2d", level=BRIEF, seed=1)
    assert verdict.findings[0].fault == fault


BY_KIND = {
    "changes_its_weight": "operand-changed",
    "caches_by_shape": "stale-cache",
    "off_now_and_then": "varies",
    "raises_on_an_empty_batch": "empty-batch-refused",
    "aborts_with_groups": "crashes",
    "hangs_with_dilation": "hangs",
    "wrong_dtype": "wrong-result-dtype",
    "returns_a_list": "no-array-returned",
    "invents_an_output": "output-invented",
}


@pytest.mark.parametrize(("name", "fault"), BY_KIND.items())
@pytest.mark.sampled(4)
def test_what_no_answer_shows_is_named_by_its_kind(name, fault):
    verdict = audit(
        f"{FAULTY}:{name}", op="conv2d", level=BRIEF, edges="fault", timeout=0.7, compile_timeout=0.7, seed=3
    )
    assert fault in {finding.fault for finding in verdict.findings}
    assert all(finding.fault in CATALOGUE for finding in verdict.findings)


# Conditions


def condition_of(failing, passing):
    return learned([parse(line) for line in failing], [parse(line) for line in passing])


def test_a_condition_is_the_simplest_that_parts_them():
    failing = [f"conv2d x{n}x4x5x6 w6x2x2x3 g2" for n in (17, 20, 33)]
    passing = [f"conv2d x{n}x4x5x6 w6x2x2x3 g2" for n in (1, 2, 16)]
    condition, innocent = condition_of(failing, passing)
    assert (condition.said, innocent) == ("batch > 16", 0)
    assert not condition.holds(parse("conv2d x16x1x5x5 w1x1x2x2"))
    assert condition.holds(parse("conv2d x99x1x5x5 w1x1x2x2"))


def test_a_condition_may_be_a_remainder_or_a_pair():
    failing = [f"conv1d x1x{c}x5 w{c}x1x2 g{c}" for c in (3, 9, 12, 17)]
    passing = [f"conv1d x1x{c}x5 w{c}x1x2 g{c}" for c in (8, 16, 24)] + ["conv1d x1x9x5 w9x9x2", "conv1d x1x3x5 w3x3x2"]
    condition, innocent = condition_of(failing, passing)
    assert innocent == 0
    assert "% 8 != 0" in condition.said
    assert " and " in condition.said


def test_where_nothing_parts_them_the_innocent_are_counted():
    lines = ["conv1d x1x2x5 w3x2x2", "conv1d x2x2x6 w3x2x2"]
    condition, innocent = condition_of(lines, [line.replace("x5", "x6") for line in lines])
    assert innocent > 0 or condition.said


def test_measures_are_those_of_a_problem():
    found = measures(parse("conv2d x2x4x7x9 w6x2x3x2 s2,3 p1:2,0:3 d2,1 g2"))
    assert (found["batch"], found["stride 1"], found["the largest padding"], found["reduction"]) == (2, 3, 3, 12)


# Repeating


def finding_of(name, **options):
    verdict = audit(f"{FAULTY}:{name}", op="conv2d", level=BRIEF, timeout=0.7, compile_timeout=0.7, seed=3, **options)
    return verdict, verdict.findings[0]


SCRIPTED = (
    "kernel_flipped_along_width",
    "bias_of_the_first_group",
    "wrong_dtype",
    "stride_swapped",
    "returns_a_list",
    "changes_its_weight",
    "caches_by_shape",
    "invents_an_output",
)


@pytest.mark.parametrize("name", SCRIPTED)
@pytest.mark.sampled(2)
def test_a_script_shows_the_fault_without_us(name, tmp_path):
    verdict, finding = finding_of(name)
    text = script(finding, verdict)
    done = run_script(text, tmp_path)
    assert done.returncode == 1
    assert "Error" in done.stderr
    done = run_script(text.replace(f".{name}\n", ".right\n"), tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_script_of_many_numbers_has_the_calls_with_their_memory(tmp_path):
    """As where 65,537 examples are needed: a reader is not shown them."""
    verdict, finding = finding_of("kernel_flipped_along_width")
    text = script(replace(finding, evidence=replace(finding.evidence, operands={})), verdict)
    assert "MEMORY = [[" in text
    assert "AssertionError" in run_script(text, tmp_path).stderr
    done = run_script(text.replace(".kernel_flipped_along_width\n", ".right\n"), tmp_path)
    assert done.returncode == 0, done.stderr


WIDER = """
import sys; sys.path.insert(0, {place!r})
from faulty_subjects import right

def whole(x, w, bias=None, **geometry):
    return right(x.astype("int32"), w.astype("int32"), None if bias is None else bias.astype("int32"), **geometry)

def flipped(x, w, bias=None, **geometry):
    return whole(x, w[..., ::-1] if w.shape[1] > 60 else w, bias, **geometry)
"""


def test_a_script_expects_integers_as_wide_as_they_come_back(tmp_path):
    """Sums of 122 products are beyond int8, which wraps them, and within int32."""
    (tmp_path / "wider.py").write_text(WIDER.format(place=str(HERE)))
    target = f"{tmp_path}/wider.py:flipped"
    verdict = audit(target, op="conv2d", dtypes=["int8"], only=[parse("conv2d x1x61x4x4 w1x61x3x3 int8")], seed=3)
    (finding,) = verdict.findings
    text = script(replace(finding, evidence=replace(finding.evidence, operands={})), verdict)
    assert "AssertionError" in run_script(text, tmp_path).stderr
    assert run_script(text.replace(".flipped\n", ".whole\n"), tmp_path).returncode == 0


PLANTED = (
    pytest.param("layouts:conv1d__weight_in_c_order", marks=pytest.mark.slow),
    "layouts:conv2d__negative_strides_of_the_weight",
    "layouts:conv_transpose2d__wants_to_write_its_weight",
    "states:conv3d__answer_is_the_workspace",
    "values:conv1d__conjugated_weight",
    pytest.param("gradients:conv1d__second_term_has_the_wrong_sign", marks=pytest.mark.slow),
)


@pytest.mark.parametrize("name", PLANTED)
@pytest.mark.sampled(2)
def test_a_script_has_the_memory_and_the_steps_of_the_audit(name, tmp_path):
    plant = next(plant for plant in PLANTS if plant.name == name)
    verdict = audit(plant.target, **plant.options, level=BRIEF, jobs=1, timeout=2.0, compile_timeout=2.0, seed=1)
    finding = verdict.findings[0]
    assert finding.evidence.repetition is not None
    done = run_script(script(finding, verdict), tmp_path)
    assert done.returncode == 1
    assert "Error" in done.stderr


REMEMBERS = """
import sys; sys.path.insert(0, {place!r})
from faulty_subjects import right
DILATIONS = {{}}
def conv2d(x, w, bias=None, stride=(1, 1), padding=(0, 0), dilation=(1, 1), groups=1):
    key = (x.shape, w.shape, stride, padding, groups)
    return right(x, w, bias, stride, padding, {used}, groups)
"""


@pytest.mark.slow
def test_what_has_to_be_asked_first_is_found_and_repeated(tmp_path):
    """A table that is kept without its dilation: wrong only after another problem of the same shapes."""
    file, place = tmp_path / "remembers.py", str(HERE)
    file.write_text(REMEMBERS.format(place=place, used="DILATIONS.setdefault(key, dilation)"))
    asked = [parse(f"conv2d x2x2x5x6 w3x2x1x{k} {d}") for k in (2, 1) for d in ("", "d1,2", "d2,1")]
    verdict = audit(f"{file}:conv2d", only=asked, seed=1)
    finding = verdict.findings[0]
    assert finding.fault == "stale-cache"
    (earlier,) = finding.before
    assert earlier.problem.weight_shape == finding.problem.weight_shape
    assert earlier.problem.dilation != finding.problem.dilation
    document = json.loads(json.dumps(asdict(finding.evidence.repetition)))
    assert document["steps"]
    replayed = CliRunner().invoke(main, ["replay", f"{earlier.problem}; {finding.problem}", f"{file}:conv2d"])
    assert replayed.exit_code == 1, replayed.output
    assert CliRunner().invoke(main, ["replay", str(finding.problem), f"{file}:conv2d"]).exit_code == 0
    text = script(finding, verdict)
    assert run_script(text, tmp_path).returncode == 1
    file.write_text(REMEMBERS.format(place=place, used="dilation"))
    assert run_script(text, tmp_path).returncode == 0


@pytest.mark.usefixtures("quick_is_brief")
def test_a_replay_repeats_a_finding_from_its_line_and_from_the_document(tmp_path):
    file, shown, report = tmp_path / "v.json", tmp_path / "shows.py", tmp_path / "v.md"
    target = f"{FAULTY}:kernel_flipped_along_width"
    words = ["audit", target, "--op", "conv2d", "--level", "quick", "--json", str(file), "--markdown", str(report)]
    assert CliRunner().invoke(main, words).exit_code == 1
    finding = json.loads(file.read_text())["findings"][0]
    for words in ([finding["problem"], target], [str(file)]):
        result = CliRunner().invoke(main, ["replay", *words, "--script", str(shown)])
        assert result.exit_code == 1, result.output
        assert "kernel-flipped: the kernel is read backwards" in result.output
        assert shown.exists()
    assert f"conv-oracle replay '{finding['problem']}' {target}" in report.read_text()
    assert CliRunner().invoke(main, ["replay", finding["problem"], f"{FAULTY}:right"]).exit_code == 0


def test_a_replay_repeats_a_state_and_an_invented_output():
    result = CliRunner().invoke(main, ["replay", "conv2d x1x1x1x1 w1x1x1x1", f"{FAULTY}:caches_by_shape"])
    assert result.exit_code == 1
    assert "stale-cache" in result.output
    result = CliRunner().invoke(main, ["replay", "conv2d x1x1x2x2 w1x1x3x3", f"{FAULTY}:invents_an_output"])
    assert result.exit_code == 1
    assert "output-invented" in result.output


REFUSED = [
    (["conv2d x1 nonsense", "x.py:f"], "conv2d"),
    (["no_such_file.json"], "file='no_such_file.json' cannot be read"),
    (["conv2d x1x1x2x2 w1x1x1x1", "no_such_module_at_all:conv2d"], "ModuleNotFoundError"),
]


@pytest.mark.parametrize(("words", "says"), REFUSED)
def test_a_replay_that_cannot_be_is_one_line_and_exit_code_2(words, says):
    result = CliRunner().invoke(main, ["replay", *words])
    assert result.exit_code == 2
    assert says in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_a_document_without_the_finding_is_refused(tmp_path):
    (tmp_path / "v.json").write_text('{"findings": []}')
    result = CliRunner().invoke(main, ["replay", str(tmp_path / "v.json")])
    assert result.exit_code == 2
    assert "must have finding 1" in result.output


def test_a_script_needs_the_numbers_of_its_calls():
    verdict, finding = finding_of("kernel_flipped_along_width")
    bare = replace(finding, evidence=replace(finding.evidence, operands={}, repetition=None))
    with pytest.raises(ScriptError, match="no short script shows this finding: problem='conv2d x1x1x1x2"):
        script(bare, verdict)
    assert "(none: no short script shows this finding" in markdown(replace(verdict, findings=(bare,)))


def test_explain_lists_the_catalogue_and_helps_with_a_name():
    whole = CliRunner().invoke(main, ["explain"])
    assert whole.exit_code == 0
    assert all(slug in whole.output for slug in CATALOGUE)
    one = CliRunner().invoke(main, ["explain", "kernel-flipped"])
    assert "w[K-1-k]" in one.output
    assert not any(line.endswith(" ") for line in one.output.splitlines())
    assert "right   [140 40 -200]" in one.output
    wrong = CliRunner().invoke(main, ["explain", "kernel-fliped"])
    assert wrong.exit_code == 2
    assert "kernel-flipped" in wrong.output
