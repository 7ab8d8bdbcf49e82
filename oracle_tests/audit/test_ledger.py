"""The ledger keeps each judgement in its place: every symptom with all problems that show it."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from audit.brief import BRIEF
from conv_oracle.auditing import LEVELS
from conv_oracle.auditing.diagnosis.conditions import REMAINDER, _said, discriminates, learned, measures
from conv_oracle.auditing.diagnosis.diagnosing import Diagnosed
from conv_oracle.auditing.diagnosis.evidence import number
from conv_oracle.auditing.diagnosis.findings import _only_with, _told_apart, _where, _without_duplicates
from conv_oracle.auditing.finding import Diagnosis, Evidence, Finding
from conv_oracle.auditing.judging import (
    AFTER_REFUSAL,
    CODED,
    FIRST_CALL,
    PLAIN,
    ROUNDING,
    SPECIAL,
    Ask,
    Judgement,
    Ledger,
    Observation,
    Symptom,
)
from conv_oracle.auditing.judging.circumstance import SCALED, of_gradients, of_layouts, of_style
from conv_oracle.auditing.operands import STYLES, draw, forms
from conv_oracle.faults import CATALOGUE
from conv_oracle.problem import parse

SMALL, LARGE = parse("conv2d x1x1x4x4 w1x1x2x2"), parse("conv2d x2x1x9x9 w3x1x3x3")
WRONG = Judgement("wrong", "wrong-value", "wrong", largest=1e9, got=np.ones(4), expected=np.zeros(4))
VARIES = Judgement("wrong", "varies", "varies", largest=1e9, got=np.ones(4), expected=np.zeros(4))


def ask(problem, circumstance=PLAIN):
    draws = draw(problem, problem.operand_shapes, 3, np.random.default_rng(0), guarded=True)
    return Ask(draws, [("call", 0)], circumstance)


def test_a_symptom_has_all_its_problems_whatever_else_is_wrong_with_them():
    """A problem whose first wrong answer was another kind's is counted as well."""
    ledger = Ledger(BRIEF)
    for problem in (SMALL, LARGE):
        ledger.note(ask(problem), [WRONG])
        ledger.note(ask(problem), [VARIES])
    ledger.note(ask(SMALL, FIRST_CALL), [WRONG])
    assert ledger.failing(Symptom("varies", "", PLAIN)) == [SMALL, LARGE]
    assert ledger.failing(Symptom("wrong-value", "", PLAIN)) == [SMALL, LARGE]
    assert ledger.failing(Symptom("wrong-value", "", FIRST_CALL)) == [SMALL]
    assert ledger.failing(Symptom("crashed", "", PLAIN)) == []
    assert ledger.worst[Symptom("varies", "", PLAIN)].problem == SMALL
    assert ledger.counts["failed"] == 3


@pytest.mark.parametrize(
    ("kind", "budget"),
    [
        ("hung", "most_hung"),
        ("crashed", "most_crashed"),
        ("out-of-memory", "most_out_of_memory"),
        ("malformed", "most_malformed"),
    ],
)
def test_what_costs_a_process_ends_the_asking_after_as_many_as_the_level_allows(kind, budget):
    ledger = Ledger(replace(LEVELS["quick"], **{budget: 3}))
    problems = [parse(f"conv2d x1x1x{size}x4 w1x1x2x2") for size in range(4, 7)]
    for count, problem in enumerate(problems, 1):
        assert not ledger.enough(0.0)
        ledger.note(ask(problem), [Judgement("wrong", kind, kind)])
        assert ledger.enough(ledger.first_failure[0]) == (count == 3)


def test_the_seconds_and_calls_after_the_first_failure_are_the_levels():
    ledger = Ledger(replace(LEVELS["quick"], more_calls=2, least_seconds=1.0, most_seconds=5.0))
    ledger.note(ask(SMALL), [WRONG])
    since = ledger.first_failure[0]
    assert not ledger.enough(since + 4.9)
    assert ledger.enough(since + 5.1)
    for _ in range(3):
        ledger.note(ask(SMALL), [Judgement("right", outputs=1)])
    assert not ledger.enough(since + 0.9)
    assert ledger.enough(since + 1.1)


def test_a_journal_restores_every_circumstance():
    every = [PLAIN, SCALED, FIRST_CALL, AFTER_REFUSAL, CODED, ROUNDING, SPECIAL, *map(of_style, dict.fromkeys(STYLES))]
    every += [of_layouts({"input": form, "weight": form}) for form in forms("numpy")]
    every += [of_gradients(by) for by in combinations(("input", "weight", "bias"), 2)]
    assert len({at.said for at in every}) == len(every), "no two read alike"
    ledger, again = Ledger(BRIEF), Ledger(BRIEF)
    for circumstance in every:
        ledger.note(ask(SMALL, circumstance), [Judgement("right", outputs=1, returned="float64")])
    again.restore(ledger.written())
    assert list(ledger.records) == [(SMALL, at) for at in every]
    assert [at.said for _, at in again.records] == [at.said for at in every]
    assert again.compared == ledger.compared
    assert again.passing(FIRST_CALL) == [SMALL]


def test_an_observation_is_its_ask_its_step_and_its_judgement():
    one = Observation(ask(LARGE, FIRST_CALL), 0, WRONG)
    assert (one.problem, one.block, one.circumstance) == (LARGE, 0, FIRST_CALL)
    assert one.judged(kind="varies").judgement == replace(WRONG, kind="varies")
    assert one.truth.shape == LARGE.output_shape


def test_a_condition_that_right_answers_meet_as_often_is_not_said():
    failing = [parse(f"conv2d x1x{c}x4x4 w{c}x{c}x2x2 s2") for c in range(1, 10)]
    noise = [parse(f"conv2d x1x{c}x5x4 w{c}x{c}x2x2 s2") for c in range(1, 30)]
    condition, _ = learned(failing, [parse("conv2d x1x1x4x4 w1x1x2x2")])
    assert condition.said
    for false_matches, said in (
        (len(noise), "on 9 of 38 problems"),
        (1, f"where {condition.said}; also met by 1 problem found right"),
    ):
        one = Diagnosed(None, condition, false_matches, tuple(failing), 38)
        assert _where(one, (PLAIN,), noise).startswith(said)
    assert discriminates(0, 1)
    assert discriminates(10, 43)
    assert not discriminates(136, 43)


STATEMENTS = {
    ("batch", "> 16"): "batch > 16",
    ("kernel 1", "> 3"): "kernel > 3 on axis 1",
    ("input 0", "% 8 != 0"): "input size % 8 != 0 on axis 0",
    ("the largest output", "= 9"): "the largest output size = 9",
    ("the smallest stride", "< 2"): "the smallest stride < 2",
    ("stride - kernel", "> 0"): "stride - kernel > 0",
    ("reduction", "> 512"): "reduction length > 512",
    (REMAINDER, "= 1"): "(input + padding - kernel span) % stride = 1",
}


@pytest.mark.parametrize(("name", "relation"), STATEMENTS)
def test_a_condition_on_a_measure_reads_as_a_sentence(name, relation):
    assert _said(name, relation) == STATEMENTS[name, relation]


def test_no_two_measures_read_alike():
    every = measures(parse("conv3d x2x4x7x9x5 w6x2x3x2x1 g2"))
    assert len({_said(name, "= 1") for name in every}) == len(every)


def test_a_circumstance_reads_as_a_phrase():
    values, layout = of_style("sparse"), of_layouts({"input": "transposed", "weight": "Fortran order"})
    assert _only_with((PLAIN,), "everywhere") == "everywhere"
    assert _only_with((FIRST_CALL,), "everywhere") == "only as the first call of a process; everywhere"
    told = "only with sparse values; with transposed input, weight in Fortran order; everywhere"
    assert _only_with((values, layout), "everywhere") == told


def finding(slug, condition, kind="varies"):
    return Finding(
        kind=kind,
        problem=SMALL,
        summary="",
        condition=condition,
        problems=1,
        asked=1,
        evidence=Evidence(call=""),
        fault=slug,
        diagnosis=Diagnosis.of_fault(CATALOGUE[slug]),
    )


def test_one_fault_of_state_is_one_finding():
    cache = [finding("stale-cache", place) for place in ("", "only with sparse values", "with stride > 1")]
    assert _without_duplicates(cache) == cache[:1]
    told = finding("stale-cache", "", "stale-answer")
    assert _without_duplicates([*cache, told]) == _without_duplicates([told, *cache]) == [told]
    others = [finding("raises", place, "raised") for place in ("with stride > 1", "with groups > 1")]
    assert _without_duplicates([*cache, *others]) == [cache[0], *others]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.float64(3.0), "3"),
        (np.float64(-(2.0**53)), "-9007199254740992"),
        (np.float64(1e218), "1e+218"),
        (np.float32(1.5), "1.5"),
        (complex(1e300, 1), "(1e+300+1j)"),
        (complex(2, -1), "2-1j"),
        (np.int64(10**18), "1000000000000000000"),
    ],
)
def test_a_number_is_as_short_as_it_is_exact(value, said):
    assert number(value) == said


def test_a_circumstance_is_apart_only_where_plain_calls_are_right():
    """A problem that was asked coded, and not yet plainly, says nothing of its own where plain calls are wrong."""
    coded = Symptom("wrong-value", "", CODED)
    for plain, apart in ((WRONG, False), (Judgement("right", outputs=1), True), (None, False)):
        ledger = Ledger(BRIEF)
        ledger.note(ask(LARGE), [WRONG])
        if plain:
            ledger.note(ask(SMALL), [plain])
        ledger.note(ask(SMALL, CODED), [WRONG])
        assert ([coded] in _told_apart(ledger)) == apart
    alone = Ledger(BRIEF)
    alone.note(ask(SMALL, CODED), [WRONG])
    assert _told_apart(alone) == [[coded]]
