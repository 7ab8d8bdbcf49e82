"""The verdict on recorded answers: that of an audit, and no more than was recorded."""

import json
import shutil

import numpy as np
import pytest

from audit.brief import BRIEF
from audit.offline.answering import answer, answered, right, small
from audit.offline.conftest import TINY
from audit.planted.registry import PLANTS
from conv_oracle.auditing import LEVELS, Choices, audit, export, grade
from conv_oracle.auditing.targets.loading import load
from conv_oracle.operation import operation

pytestmark = pytest.mark.usefixtures("tiny")

PLANTED = (
    "maps:conv2d__flip_last__always__gather",
    "maps:conv2d__padding_side__always__taps",
    "maps:conv2d__wraps_around__always__taps",
    "maps:conv2d__groups_interleaved__always__taps",
    "maps:conv2d__last_channel_dropped__always__taps",
    "maps:conv2d__one_corner_tap__always__taps",
    "values:conv2d__relu",
    "values:conv2d__bias_twice",
)
MORE_PLANTED = ("maps:conv2d__last_column_dropped__always__taps", "values:conv2d__pads_with_the_smallest")
RIGHT = [Choices(op="conv_transpose1d", dtypes=("float32",), arrays="safetensors")]
MORE_RIGHT = [
    Choices(op="conv1d", dtypes=("float8_e4m3fn",), parameters=("stride",)),
    Choices(op="conv1d_weight", dtypes=("bfloat16",), arrays="safetensors"),
    Choices(op="conv2d_input", dtypes=("complex64",)),
    Choices(op="conv1d", dtypes=("bfloat16", "int16")),
    Choices(op="conv2d", fix="w4x3x3x3 s2 p1"),
]


def plant_named(name):
    return next(plant for plant in PLANTS if plant.name == name)


def lines(verdict):
    return [*verdict.scope.notes, *verdict.scope.narrowed]


@pytest.fixture(scope="module")
def graded(conforming):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(LEVELS, "quick", TINY)
        return grade(conforming)


def test_right_answers_conform(graded, conforming):
    needed = graded.scope.essential
    assert (graded.verdict, graded.exit_code, graded.findings) == ("conforms", 0, ())
    assert needed.right + needed.excused == needed.planned > 16
    assert graded.recorded == str(conforming)


def test_the_scope_says_what_was_not_seen(graded):
    for what in ("state between calls", "memory layouts", "isolation", "nothing could be asked again"):
        assert any(what in line for line in lines(graded))
    assert graded.scope.most_calls == 0
    assert not any("layout" in one.value or "guard pages" in one.value for one in graded.scope.exercised)


@pytest.mark.parametrize(
    "choices",
    [*RIGHT, *(pytest.param(one, marks=pytest.mark.slow) for one in MORE_RIGHT)],
    ids=lambda one: f"{one.op}-{'-'.join(one.dtypes)}-{one.fix}",
)
def test_right_answers_of_every_kind_conform(choices, tmp_path):
    export(tmp_path / "it", choices, seed=2)
    answer(tmp_path / "it", small(right(choices.op)))
    part = operation(choices.op).returns
    verdict = grade(tmp_path / "it")
    assert (verdict.verdict, verdict.findings) == ("conforms", ())
    rounded = [dtype for dtype in choices.dtypes if "int" not in dtype]
    assert [(one.part, one.dtype, one.allowed) for one in verdict.rounding] == [(part, d, True) for d in rounded]


@pytest.mark.parametrize("name", PLANTED)
@pytest.mark.sampled(3)
def test_a_planted_fault_is_found_and_named(name, real, tmp_path):
    plant = plant_named(name)
    verdict = grade(answered(real, tmp_path / "it", small(load(plant.target), 3_000)))
    assert verdict.verdict == "faulty"
    assert verdict.findings[0].fault in plant.named


@pytest.mark.slow
@pytest.mark.parametrize("name", [*PLANTED, *MORE_PLANTED])
def test_it_is_named_as_in_an_audit(name, tmp_path, monkeypatch):
    plant = plant_named(name)
    monkeypatch.setitem(LEVELS, "quick", BRIEF)
    export(tmp_path / "exported", Choices(op="conv2d", dtypes=("float64",)), seed=1)
    recorded = grade(answered(tmp_path / "exported", tmp_path / "it", plant.target))
    live = audit(plant.target, **plant.options, level="quick", seed=1)
    assert {one.fault for one in recorded.findings} == {one.fault for one in live.findings}


@pytest.mark.parametrize(
    ("subject", "kind"),
    [
        (lambda *a, **k: right("conv2d")(*a, **k)[..., :-1], "wrong-shape"),
        (lambda *a, **k: right("conv2d")(*a, **k).astype(np.int16), "wrong-dtype"),
        (lambda *_, **__: None, "raised"),
    ],
    ids=["shape", "dtype", "none"],
)
@pytest.mark.usefixtures("hasty")
def test_what_is_not_the_result_is_found(subject, kind, exported, tmp_path):
    verdict = grade(answered(exported, tmp_path / "it", small(subject)))
    assert (verdict.verdict, verdict.findings[0].kind) == ("faulty", kind)


def test_coarse_rounding_is_found(line, tmp_path):
    def halved(*args, **rest):
        return right("conv1d")(*args, **rest).astype(np.float32).astype(np.float64)

    verdict = grade(answered(line, tmp_path / "it", small(halved)))
    assert verdict.verdict == "faulty"
    assert {one.kind for one in verdict.findings} == {"rounding"}


def test_a_spoilt_special_value_is_found(line, tmp_path):
    def without(*args, **rest):
        found = right("conv1d")(*args, **rest)
        return np.where(np.isnan(found), 0, found)

    verdict = grade(answered(line, tmp_path / "it", small(without)))
    assert [one.fault for one in verdict.findings] == ["nonfinite-dropped"]


def test_what_is_refused_every_time_is_no_fault(exported, tmp_path):
    def ungrouped(*args, groups=1, **rest):
        if groups > 1:
            raise NotImplementedError("groups")
        return right("conv2d")(*args, **rest)

    verdict = grade(answered(exported, tmp_path / "it", small(ungrouped)))
    assert verdict.verdict == "conforms"
    assert verdict.scope.essential.excused > 0
    assert any("NotImplementedError: groups" in line for line in lines(verdict))


def test_what_is_refused_at_random_has_no_verdict(exported, tmp_path):
    def moody(image, *args, **rest):
        if int(abs(image).sum()) % 3 == 0:
            raise NotImplementedError("not now")
        return right("conv2d")(image, *args, **rest)

    verdict = grade(answered(exported, tmp_path / "it", small(moody)))
    assert (verdict.verdict, verdict.exit_code) == ("no-verdict", 3)


def test_an_invented_output_is_found(exported, tmp_path):
    def inventive(*args, **rest):
        try:
            return right("conv2d")(*args, **rest)
        except ValueError:
            return np.ones((1, 1, 1, 1))

    verdict = grade(answered(exported, tmp_path / "it", small(inventive)))
    assert [one.kind for one in verdict.findings] == ["accepted-but-invalid"]


@pytest.mark.usefixtures("hasty")
def test_results_of_a_problem_may_differ_in_shape(exported, tmp_path):
    calls = iter(range(10**6))

    def uneven(*args, **rest):
        return right("conv2d")(*args, **rest)[..., next(calls) % 2 :]

    directory = answered(exported, tmp_path / "it", small(uneven))
    assert list((directory / "results").glob("p*.1.npy"))
    assert grade(directory).findings[0].kind == "wrong-shape"


def test_what_is_missing_gives_no_verdict(conforming, tmp_path):
    directory = shutil.copytree(conforming, tmp_path / "it")
    problems = json.loads((directory / "index.json").read_text())["problems"]
    for one in problems[100:103]:
        (directory / one["answer"]["file"]).unlink()
    verdict = grade(directory)
    assert (verdict.verdict, verdict.exit_code) == ("no-verdict", 3)
    assert verdict.scope.truncated == f"3 of {len(problems)} problems have no answer yet"


def test_nothing_is_claimed_of_what_was_not_answered(exported):
    verdict = grade(exported)
    assert (verdict.verdict, verdict.findings, verdict.scope.edges) == ("no-verdict", (), ())
    assert (verdict.scope.calls, verdict.scope.outputs, verdict.scope.problems) == (0, 0, 0)
    assert "have no answer yet" in verdict.scope.essential.help


def test_operands_need_not_be_there_any_more(conforming, tmp_path):
    directory = shutil.copytree(conforming, tmp_path / "it")
    shutil.rmtree(directory / "operands")
    assert grade(directory).verdict == "conforms"
