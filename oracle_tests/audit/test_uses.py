"""The ways in which people call: what is passed, what a worker makes of it, and the scripts that show it."""

from pathlib import Path

import numpy as np
import pytest

from audit.brief import BRIEF
from audit.finding_script import run_script
from audit.usage.registry import SUBJECTS
from conv_oracle.auditing import USES, audit
from conv_oracle.auditing.judging import Asking, judge
from conv_oracle.auditing.judging.using import aliased, used
from conv_oracle.auditing.operands import expected
from conv_oracle.auditing.sandbox import Binding, Sandbox, Subject, bindings, uses_of
from conv_oracle.auditing.sandbox.bindings import without
from conv_oracle.auditing.sandbox.uses import workspaces
from conv_oracle.operation import operation
from conv_oracle.problem import parse
from conv_oracle.report import script

CONV2D = operation("conv2d")
OWN = [("input", "POSITIONAL_OR_KEYWORD", False), ("weight", "POSITIONAL_OR_KEYWORD", False)]
PYTORCHS = [
    *OWN,
    *((name, "POSITIONAL_OR_KEYWORD", True) for name in ("bias", "stride", "padding", "dilation", "groups")),
]
EQUAL = parse("conv2d x2x4x5x6 w6x2x3x2 s2 p1 g2 float64")
UNEQUAL = parse("conv2d x2x4x5x6 w6x4x3x2 s2,1 d1,2 bias float64")
X, W, B = ({"operand": number} for number in range(3))


def called(form, problem=EQUAL, signature=PYTORCHS):
    args, kwargs, _ = bindings(signature, CONV2D)[0].arguments(problem, form)
    return args, kwargs


def test_forms_write_the_same_call():
    rest = {"stride": (2, 2), "padding": [1, 1], "dilation": (1, 1), "groups": 2}
    assert called("plain") == ([X, W], rest)
    assert called("ints") == ([X, W], {"stride": 2, "padding": 1, "dilation": 1, "groups": 2})
    lists = {"stride": {"list": [2, 2]}, "padding": {"list": [1, 1]}, "dilation": {"list": [1, 1]}, "groups": 2}
    assert called("lists") == ([X, W], lists)
    assert called("defaults") == ([X, W], {"stride": (2, 2), "padding": [1, 1], "groups": 2})
    assert called("positions") == ([X, W, None, (2, 2), [1, 1], (1, 1), 2], {})
    assert called("keywords") == ([], {"input": X, "weight": W, **rest})
    assert called("none") == ([X, W], {**rest, "bias": None})
    assert called("none", UNEQUAL) == called("plain", UNEQUAL)


def test_ints_are_passed_where_the_axes_agree():
    assert called("ints", UNEQUAL)[1] == {"bias": B, "stride": (2, 1), "padding": 0, "dilation": (1, 2), "groups": 1}


def test_by_position_ends_at_what_is_not_pytorchs():
    signature = [*OWN, ("b", "POSITIONAL_OR_KEYWORD", True), ("mode", "POSITIONAL_OR_KEYWORD", True)]
    signature.append(("stride", "POSITIONAL_OR_KEYWORD", True))
    binding = bindings(signature, CONV2D)[0]
    args, kwargs, _ = binding.arguments(parse("conv2d x2x4x5x6 w6x4x3x2 s2,1 bias float64"), "positions")
    assert (args, kwargs) == ([X, W, B], {"stride": (2, 1)})


def test_only_what_has_pytorchs_name_is_left_out():
    signature = [*OWN, ("stride", "POSITIONAL_OR_KEYWORD", True), ("pad", "POSITIONAL_OR_KEYWORD", True)]
    binding = bindings(signature, CONV2D)[0]
    assert binding.arguments(parse("conv2d x1x1x4x4 w1x1x3x3"), "defaults")[1] == {"pad": [0, 0]}
    assert without(binding, "stride").defaulted == frozenset()


def test_a_parameter_without_a_default_is_never_left_out():
    signature = [*OWN, ("stride", "POSITIONAL_OR_KEYWORD", False)]
    problem = parse("conv2d x1x1x4x4 w1x1x3x3")
    assert bindings(signature, CONV2D)[0].arguments(problem, "defaults")[1] == {"stride": (1, 1)}


def test_a_function_of_any_arguments_is_called_by_position_as_pytorchs_is():
    wild = [("args", "VAR_POSITIONAL", False), ("kwargs", "VAR_KEYWORD", False)]
    assert called("positions", signature=wild) == ([X, W, None, (2, 2), [1, 1], (1, 1), 2], {})


def asks_of(names, arrays="numpy", gradients=None, signature=PYTORCHS):
    asking = Asking(1, 1e-2, 2, arrays, gradients=gradients)
    binding = bindings(signature, CONV2D)[0]
    for said in names:
        for problem in (EQUAL, UNEQUAL, parse("conv2d x1x2x4x4 w3x2x3x3 float64")):
            if (ask := used(asking, binding, USES[said], problem, guarded=False)) is not None:
                yield binding, ask


@pytest.mark.parametrize("arrays", ["numpy", "torch"])
def test_a_right_subject_answers_rightly_in_every_use(arrays):
    gradients = None if arrays == "numpy" else False
    whole = dict.fromkeys(uses_of(arrays, gradients=arrays == "torch", transforms=arrays == "torch"))
    target = f"{Path(__file__).parent / 'usage' / 'usage_common.py'}:conv"
    subject = Subject(target if arrays == "numpy" else "torch.nn.functional:conv2d", arrays)
    seen = set()
    with Sandbox(subject) as sandbox:
        series = [
            (ask, binding.series(ask.draws, ask.steps, ask.gradients, ask.use, ask.earlier))
            for binding, ask in asks_of([use.said for use in whole], arrays, gradients, sandbox.introduce().signature)
        ]
        for ask, answers in sandbox.ask(series):
            judged = judge(ask, answers)
            assert {one.standing for one in judged} == {"right"}, (ask.use, [one.text for one in judged])
            assert len(answers) == len(ask.steps)
            seen.add(ask.use)
    assert seen == set(whole)


def test_the_truth_of_one_array_as_input_and_weight():
    ((_, ask), *_) = asks_of(["one array as input and weight"])
    operands = ask.draws.operands(0)
    assert np.array_equal(operands["input"], operands["weight"])
    x = operands["input"]
    problem = ask.problem
    padded = np.pad(x, [(0, 0), (0, 0), *problem.padding])
    first = (padded[0, :, : x.shape[2], : x.shape[3]] * x[0]).sum()
    assert expected(problem, ask.draws)["output"][0][0, 0, 0, 0] == first


def test_input_and_weight_of_one_shape():
    assert aliased(EQUAL).input_shape == aliased(EQUAL).weight_shape
    transposed = aliased(parse("conv_transpose2d x2x4x5x6 w4x3x3x2 g2 float64"))
    assert transposed.input_shape == transposed.weight_shape == (3, 3, 3, 2)


def test_in_place_changes_are_of_the_end_too():
    ((_, ask), *_) = asks_of(["a weight and an input that are changed in place"])
    first, weight, end, image = (ask.draws.operands(number) for number in range(4))
    assert (first["weight"] != weight["weight"]).sum() > 1
    assert (first["weight"] != end["weight"]).sum() == 1
    assert first["weight"].ravel()[-1] != end["weight"].ravel()[-1]
    assert (first["input"] != image["input"]).sum() == 1
    assert np.array_equal(first["input"], weight["input"])


def test_workspaces_of_a_convolution():
    sizes = workspaces(parse("conv2d x2x3x5x6 w4x3x3x2 p1 float64"))
    padded, columns = 7 * 8, 3 * 6 * 5 * 7
    assert {2 * 3 * 5 * 6, padded, 3 * padded, columns, 2 * columns, 4 * 3 * 3 * 2, 2 * 4 * 5 * 7} <= set(sizes)


@pytest.mark.parametrize("edges", ["tell", "fault"])
@pytest.mark.sampled(2)
def test_a_workspace_of_all_threads_is_told_and_decides_for_libraries_alone(edges):
    target = f"{Path(__file__).parent / 'usage' / 'memory.py'}:one_workspace_for_all_threads"
    verdict = audit(target, op="conv2d", level=BRIEF, jobs=1, seed=1, edges=edges)
    assert verdict.verdict == ("conforms" if edges == "tell" else "faulty")
    told = [line for line in verdict.scope.narrowed if "with several threads at once are not supported" in line]
    assert len(told) == (edges == "tell")


def test_rare_uses_have_fewer_turns():
    turns = uses_of("numpy", gradients=False, transforms=False)
    said = [use.said for use in turns]
    assert said.count("a call in a forked process") == 1
    assert said.count("plain ints") > 1
    assert not any(use.who != "all" for use in turns)
    assert not any(use.around == "fork" for use in uses_of("torch", gradients=False, transforms=False, device="cuda:0"))


SHOWN = (
    "calls:ints_mean_the_first_axis",
    "calls:pads_where_nothing_is_said",
    "memory:packed_by_the_object",
    "memory:a_plan_by_the_weight",
    "memory:one_array_twice",
    "memory:in_other_threads_nothing_is_set",
    "memory:in_a_forked_process",
    "tensors:parameters_are_transposed",
    "tensors:without_gradients_it_folds_the_bias",
    "tensors:a_weight_that_requires_grad_is_rounded",
    "tensors:with_threads_rows_are_lost",
    "tensors:a_second_backward_is_scaled",
    "tensors:its_rules_for_transforms_are_wrong",
)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (number % 3 > 0)) for number, name in enumerate(SHOWN)]
)
@pytest.mark.sampled(4)
def test_a_script_shows_what_is_wrong_in_a_use(name, tmp_path):
    subject = next(one for one in SUBJECTS if one.name == name)
    limits = {"timeout": 4.0, "compile_timeout": 8.0}
    verdict = audit(subject.target, **subject.options, level=BRIEF, jobs=1, seed=1, fail_fast=True, **limits)
    assert verdict.verdict == "faulty"
    text = script(verdict.findings[0], verdict)
    assert "AssertionError" in run_script(text, tmp_path).stderr, text


def test_a_binding_without_a_signature_is_called_as_a_c_function():
    assert isinstance(bindings(None, CONV2D)[0], Binding)
    assert bindings(None, CONV2D)[0].arguments(EQUAL, "defaults")[1] == {
        "stride": (2, 2),
        "padding": [1, 1],
        "groups": 2,
    }
