"""Right subjects as people write them: each is right by itself, and refuses as it is said to; no audit takes part."""

import sys
import time
import zlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from audit.direct_calls import (
    as_array,
    as_operand,
    assert_equal,
    call_subject,
    compare_gradients,
    exact_operands,
    load_subject,
    silenced,
    terms_of,
    with_cotangents,
)
from audit.right.people.entry import HERE
from audit.right.people.registry import SUBJECTS
from conv_oracle.problem import parse, problem
from conv_oracle.space import solvable
from conv_oracle.truth import fast

RANDOM = 60
"""How many problems near those that it supports are asked, of each subject."""

FEWEST = 12
"""How many of these each subject answers."""

FORMS = {"numpy": ("transposed", "sliced", "reversed", "read-only"), "torch": ("transposed", "sliced")}
DEFAULTS = {"stride": 1, "padding": (0, 0), "dilation": 1, "output_padding": 0}


def name_of(entry):
    return entry.name


every = pytest.mark.parametrize("entry", SUBJECTS, ids=name_of)
answering = pytest.mark.parametrize("entry", [entry for entry in SUBJECTS if entry.supports], ids=name_of)


@pytest.fixture(autouse=True)
def _beside_each_other(monkeypatch):
    """The modules of subjects import each other, as in the worker of an audit."""
    monkeypatch.syspath_prepend(str(HERE))


@pytest.fixture(autouse=True)
def slept(monkeypatch):
    """What subjects would have slept, in seconds."""
    told = []
    monkeypatch.setattr(time, "sleep", told.append)
    return told


def loaded(entry):
    """Its function; TorchScript tells of its age."""
    with silenced():
        return load_subject(entry.target)


def outcome(entry, subject, asked, *, form="", rng=None):
    """'right', or the name of the exception. Raises AssertionError for a wrong answer, or where an operand changes."""
    rng = rng or np.random.default_rng(3)
    shapes, terms = asked.operand_shapes, 100
    if solvable(asked):
        shapes, terms = (with_cotangents(asked) if entry.gradients else shapes), 2 * terms_of(asked)
    values = exact_operands(shapes, terms, asked.dtype, rng, small=entry.arithmetic == "inexact")
    operands = {name: formed(as_operand(entry, value, asked.dtype), form) for name, value in values.items()}
    forward = {name: operands[name] for name in asked.operand_shapes}
    with silenced():
        try:
            answer = call_subject(entry, subject, asked, forward)
        except Exception as error:
            return type(error).__name__
        if not solvable(asked):
            assert 0 in answer.shape, (entry.name, str(asked), answer.shape)
            return "right"
        assert_equal(entry, asked, answer, asked.compute(fast, values))
        for name, operand in forward.items():
            assert np.array_equal(as_array(operand)[1], values[name]), (entry.name, str(asked), name)
        if entry.gradients:
            compare_gradients(entry, subject, asked, values, operands, twice=True)
    return "right"


def formed(operand, form):
    """The same numbers, lying in memory in another way."""
    if form == "read-only":
        operand.flags.writeable = False
    if form == "transposed":
        axes = tuple(reversed(range(operand.ndim)))
        if isinstance(operand, np.ndarray):
            return np.ascontiguousarray(operand.transpose(axes)).transpose(axes)
        return operand.permute(axes).contiguous().permute(axes)
    if form == "sliced":
        twice = operand.repeat(2, -1) if isinstance(operand, np.ndarray) else operand.repeat_interleave(2, -1)
        return twice[..., ::2]
    return operand[..., ::-1].copy()[..., ::-1] if form == "reversed" else operand


def neighbour(entry, rng):
    """A problem that differs in one to three things from one that it supports; None where it cannot be asked."""
    notations = entry.supports or tuple(notation for notation, _ in entry.refuses)
    near = parse(notations[rng.integers(len(notations))])
    axes, groups, transposed = near.dimensions, near.groups, near.transposed
    reads, writes = near.geometry.in_channels, near.out_channels
    batch = near.input_shape[: 1 if near.batched else 0]
    sizes, kernels = near.input_shape[-axes:], near.weight_shape[-axes:]
    given = {name: getattr(near, name) for name in ("stride", "padding", "dilation", "output_padding", "bias")}

    def some(name, least, most):
        if name in entry.plain:
            return (int(rng.integers(least, most)),) * axes
        return tuple(int(one) for one in rng.integers(least, most, axes))

    changes = rng.choice(
        ["batch", "channels", "size", "kernel", "bias", "groups", *DEFAULTS], rng.integers(1, 4), False
    )
    for change in changes:
        match change:
            case "batch":
                batch = ((), (0,), (1,), (2,), (3,))[rng.integers(5)]
            case "channels":
                scale = int(rng.integers(1, 4))
                reads, writes = (
                    (reads * scale, writes) if rng.integers(2) else (int(rng.integers(1, 9)), writes * scale)
                )
            case "size":
                sizes = tuple(max(1, size + int(rng.integers(-4, 5))) for size in sizes)
            case "kernel":
                kernels = some("kernel", 1, 6) if rng.integers(2) else (int(rng.integers(1, 6)),) * axes
            case "bias":
                given["bias"] = not given["bias"]
            case "groups":
                groups = (1, 2, reads)[rng.integers(3)]
            case "padding":
                given["padding"] = ("same", "valid", *[some("padding", 0, 3)] * 4)[rng.integers(6)]
            case _:
                least = DEFAULTS[change]
                given[change] = some(change, least, least + 3)
    if reads % groups or writes % groups:
        return None
    channels = (reads, writes // groups) if transposed else (writes, reads // groups)
    shapes = (*batch, reads, *sizes), (*channels, *kernels)
    made = problem(near.operation, *shapes, groups=groups, dtype=near.dtype, **given)
    return made if expressible(entry, made) else None


def expressible(entry, asked):
    """Whether the subject's parameters can say this problem, in the way that it wants them."""
    word = isinstance(asked.padding, str)
    if not asked.operation.forward and not (asked.batched and not word and solvable(asked)):
        return False
    if word and (asked.transposed or "padding" not in entry.takes):
        return False
    for name, default in DEFAULTS.items():
        values = () if word and name == "padding" else getattr(asked, name)
        if name not in entry.takes and set(values) - {default}:
            return False
        if name in entry.plain and len(set(values)) > 1:
            return False
    groups, bias = asked.groups == 1 or "groups" in entry.takes, not asked.bias or "bias" in entry.takes
    return groups and bias and (asked.bias or not entry.needs_bias)


@answering
def test_it_answers_what_it_supports_however_it_lies_in_memory(entry):
    subject = loaded(entry)
    for notation in entry.supports:
        asked = parse(notation)
        assert solvable(asked)
        assert expressible(entry, asked), notation
        assert outcome(entry, subject, asked) == "right", notation
        for form in FORMS[entry.arrays] if 0 not in asked.input_shape else ():
            assert outcome(entry, subject, asked, form=form) == entry.forms.get(form, "right"), (notation, form)


@every
def test_it_refuses_in_its_own_way(entry):
    subject = loaded(entry)
    for notation, exception in entry.refuses:
        assert expressible(entry, parse(notation)), notation
        assert outcome(entry, subject, parse(notation)) == exception, notation


@answering
def test_near_what_it_supports_it_is_right_or_refuses_in_these_ways(entry):
    """Where a problem has no solution, it refuses too, or its answer is empty."""
    rng = np.random.default_rng(zlib.crc32(entry.name.encode()))
    subject = loaded(entry)
    answered, tried = 0, 0
    while tried < RANDOM:
        if (asked := neighbour(entry, rng)) is None:
            continue
        came = outcome(entry, subject, asked, rng=rng)
        assert came in {"right", *entry.raises}, (str(asked), came)
        answered += came == "right"
        tried += 1
    assert answered >= FEWEST


@answering
def test_numbers_per_axis_are_passed_as_it_is_said(entry):
    """Tuples to what wants ints, and ints to what may want tuples: right, or the exception."""
    named = {name for name in ("stride", "padding", "dilation") if name in entry.takes}
    even = [parse(one) for one in entry.supports if all(len(set(getattr(parse(one), name))) == 1 for name in named)]
    if not named or not even:
        assert not entry.tuples
        return
    turned = replace(entry, plain=frozenset() if entry.plain else frozenset(named))
    wanted = (entry.tuples if entry.plain else entry.ints) or "right"
    assert outcome(turned, loaded(entry), even[0]) == wanted


@every
def test_it_sleeps_as_long_as_it_is_said(entry, slept):
    """In a process of its own it would; here its module is loaded anew."""
    sys.modules.pop(Path(entry.target.rpartition(":")[0]).stem, None)
    asked = next(iter((*entry.supports, *(notation for notation, _ in entry.refuses))))
    outcome(entry, loaded(entry), parse(asked))
    assert max(slept, default=0.0) == entry.seconds


def of_name(name):
    return next(entry for entry in SUBJECTS if entry.name == name)


def test_a_wrong_answer_and_an_undeclared_refusal_are_seen():
    """Each differs from a right subject in one thing."""
    entry = of_name("array_demands:nothing_but_data as conv2d")
    right = loaded(entry)
    asked = parse(entry.supports[0])
    assert outcome(entry, right, asked) == "right"

    def writes(x, w):
        answer = right(x, w)
        x[...] = 0
        return answer

    for wrong in (
        lambda x, w: right(x, w[..., ::-1]),
        lambda x, w: right(x, w)[..., 1:],
        lambda x, w: right(x, w).astype(np.float32),
        lambda x, w: right(x, w) + (w.shape[-1] == 2),
        writes,
    ):
        with pytest.raises(AssertionError):
            outcome(entry, wrong, asked)
    too_long = parse("conv2d x2x3x2x2 w4x3x5x5")
    with pytest.raises(AssertionError):
        outcome(entry, lambda *_: np.zeros((2, 4, 1, 1)), too_long)
    assert outcome(entry, lambda *_: {}[0], asked) not in {"right", *entry.raises}
    assert right(*(np.ones(shape) for shape in asked.operand_shapes.values())).shape == asked.output_shape


@pytest.mark.parametrize("form", FORMS["numpy"])
def test_a_form_is_another_way_to_lie_in_memory(form):
    array = np.arange(24.0).reshape(2, 3, 4)
    other = formed(array.copy(), form)
    assert np.array_equal(other, array)
    assert (other.strides, other.flags.writeable) != (array.strides, True)


def test_a_neighbour_is_no_problem_that_the_subject_cannot_be_asked():
    bare = of_name("array_demands:nothing_but_data as conv2d")
    for said in ("s2", "p1", "d2", "bias", "psame"):
        assert not expressible(bare, parse(f"conv2d x2x3x8x9 w4x3x3x2 {said}"))
    ints = of_name("course_code:naive as conv2d")
    assert not expressible(ints, parse("conv2d x2x3x8x9 w4x3x3x2 s2,1 bias"))
    assert not expressible(ints, parse("conv2d x2x3x8x9 w4x3x3x2 s2"))
    assert expressible(ints, parse("conv2d x2x3x8x9 w4x3x3x2 s2 bias"))


def test_a_verdict_holds_that_accuses_of_nothing():
    entry, finite = of_name("course_code:naive as conv2d"), of_name("fast_forms:conv1d_toeplitz as conv1d")
    found = SimpleNamespace(verdict="faulty", findings=[SimpleNamespace(fault="kernel-flipped")])
    spread = SimpleNamespace(verdict="faulty", findings=[SimpleNamespace(fault="reads-outside-support")])
    clean = SimpleNamespace(verdict="conforms", findings=[])
    assert entry.holds(clean)
    assert not entry.holds(found)
    assert not entry.holds(spread)
    assert not entry.holds(SimpleNamespace(verdict="no-verdict", findings=[]))
    assert finite.holds(spread)
    assert not finite.holds(found)


def test_many_ways_of_writing_and_refusing():
    assert len({entry.name for entry in SUBJECTS}) == len(SUBJECTS)
    assert len({entry.target for entry in SUBJECTS}) >= 80
    assert sum(entry.arrays == "torch" for entry in SUBJECTS) >= 12
    assert sum(entry.gradients for entry in SUBJECTS) >= 3
    kinds = {"conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv2d_input", "conv2d_weight"}
    assert {entry.op for entry in SUBJECTS} >= kinds
    raised = {exception for entry in SUBJECTS for exception in entry.raises}
    assert raised >= {"AssertionError", "ValueError", "NotImplementedError", "TypeError", "RuntimeError", "IndexError"}
