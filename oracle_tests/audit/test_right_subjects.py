"""Right subjects in many styles: each is right by itself, and an audit finds nothing on any."""

import contextlib
import importlib
import importlib.util
import io
import math
import sys
import warnings
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audit.right.registry import CONV, HERE, INPUT, SUBJECTS, TRANSPOSED, WEIGHT
from conv_oracle.auditing import audit
from conv_oracle.auditing.levels import LEVELS
from conv_oracle.problem import parse
from conv_oracle.space import CHANNELS, AxisSetting, compose, solvable
from conv_oracle.truth import fast

PROBLEMS = 24
BITS = {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8, "complex128": 51, "complex64": 22}
"""Integers up to 2 to so many bits are exact."""

OPERATIONS = (*CONV, *TRANSPOSED, *INPUT, *WEIGHT)
ORDER = {
    "conv": ("input", "weight", "bias", "stride", "padding", "dilation", "groups"),
    "conv_transpose": ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation"),
    "conv_input": ("input_size", "weight", "grad_output", "stride", "padding", "dilation", "groups"),
    "conv_weight": ("input", "weight_size", "grad_output", "stride", "padding", "dilation", "groups"),
}
REFUSED = ("NotImplementedError", "UnsupportedError")


def ids(entry):
    return entry.name


def loaded(target):
    """The subject, in this process; its module sees those beside it, as it does in the audit's worker."""
    where, _, name = target.rpartition(":")
    if where.endswith(".py"):
        stem = Path(where).stem
        module = sys.modules.get(stem) or importlib.import_module(stem)
    else:
        module = importlib.import_module(where)
    found = module
    for part in name.split("."):
        found = getattr(found, part)
    return found


@pytest.fixture(autouse=True)
def _beside_each_other(monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))


def random_problem(entry, rng, dtype):
    """A problem inside what the entry takes; sizes, kernels and the rest differ between the axes."""
    family = "conv_transpose" if "transpose" in entry.op else "conv"
    axes = int(entry.op.removeprefix(family)[0])
    largest, takes = 7 if axes < 3 else 5, entry.takes
    operands = entry.op.endswith(("_input", "_weight"))

    def setting():
        kernel, stride, dilation = int(rng.integers(1, 5 if axes < 3 else 4)), rng.integers(1, 4), rng.integers(1, 4)
        stride = int(stride) if "stride" in takes else 1
        dilation = int(dilation) if "dilation" in takes else 1
        padding = int(rng.integers(0, kernel + 1)) if "padding" in takes else 0
        extra = int(rng.integers(0, max(stride, dilation))) if "output_padding" in takes else 0
        return AxisSetting(int(rng.integers(1, largest + 1)), kernel, stride, (padding, padding), dilation, extra)

    settings = [setting() for _ in range(axes)]
    if entry.plain:
        common = {name: getattr(settings[0], name) for name in ("stride", "padding", "dilation")}
        settings = [replace(one, **common) for one in settings]
    channels = CHANNELS[rng.integers(len(CHANNELS))]
    if "groups" not in takes:
        channels = channels._replace(groups=1)
    batch = (1, 2, 2, 3, 3, 0, None if "unbatched" in takes else 2)[rng.integers(7)]
    word = ("same", "valid", None, None)[rng.integers(4)] if "same" in takes else None
    bias = "bias" in takes and not operands and (entry.needs_bias or bool(rng.integers(2)))
    made = compose(family, settings, channels, batch, padding=word, bias=bias, dtype=dtype)
    return replace(made, operation=entry.op)


def problems(entry):
    """As many as one likes; the same in every run."""
    rng = np.random.default_rng(zlib.crc32(entry.name.encode()))
    while True:
        candidate = random_problem(entry, rng, entry.dtypes[rng.integers(len(entry.dtypes))])
        if solvable(candidate):
            yield candidate


def drawn(shapes, terms, dtype, rng, *, small):
    """Integers whose sums are exact; integer formats get all that they hold, and wrap."""
    if dtype in BITS:
        bits = BITS[dtype] if dtype not in ("float16", "bfloat16") else 15
        radius = 8 if small else min(math.isqrt(2**bits // (max(1, terms) + 1)), 2 ** BITS[dtype], 1 << 20)
        assert radius >= 2
        values = {name: rng.integers(-radius, radius + 1, shape).astype(np.float64) for name, shape in shapes.items()}
        if dtype.startswith("complex"):
            values = {name: v + 1j * rng.integers(-radius, radius + 1, v.shape) for name, v in values.items()}
        return values
    least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
    return {name: rng.integers(least, most, shape, dtype=dtype, endpoint=True) for name, shape in shapes.items()}


def terms_of(problem):
    """At most so many products are in one sum, of any pass."""
    g = problem.geometry
    channels = max(g.in_channels_per_group, g.out_channels_per_group)
    return max(channels * math.prod(g.kernel_size), g.batch * math.prod(g.output_size))


def numpy_dtype(name):
    return np.dtype(getattr(importlib.import_module("ml_dtypes"), name) if name == "bfloat16" else name)


def as_operand(entry, array, dtype):
    if entry.arrays == "numpy":
        return array.astype(numpy_dtype(dtype))
    torch = importlib.import_module("torch")
    return torch.from_numpy(np.ascontiguousarray(array)).to(getattr(torch, dtype))


def as_array(answer):
    """What was returned as (dtype's name, NumPy array in a wide format)."""
    if isinstance(answer, np.ndarray):
        assert type(answer) is np.ndarray
        wide = answer.astype(np.float64) if answer.dtype.kind in "fV" else answer
        return answer.dtype.name, wide
    plain = answer.detach().resolve_conj().resolve_neg()
    name = str(plain.dtype).removeprefix("torch.")
    return name, (plain.double() if plain.dtype.is_floating_point else plain).numpy()


def in_wide(values):
    """Integers that wrap do so in 64 bits first: what is modulo 2^64 is modulo less."""
    return values.astype(np.int64) if values.dtype.kind in "iu" else values


def called(entry, subject, problem, operands):
    """A call as the entry says that it is called."""
    given = {"input_size": problem.input_shape, "weight_size": problem.weight_shape, "groups": problem.groups}
    given |= {name: getattr(problem, name) for name in ("stride", "dilation", "output_padding")}
    word = isinstance(problem.padding, str)
    given["padding"] = problem.padding if word else tuple(before for before, _ in problem.padding)
    given |= {name: given[name][0] for name in entry.plain}
    given |= {"bias": None} | operands
    order = ORDER[problem.family]
    first = order[:3] if order[2] == "grad_output" else order[:2]
    if entry.by_position:
        return subject(*(given[name] for name in order))
    rest = [name for name in order if name not in first and name in entry.takes]
    if not problem.bias:
        rest = [name for name in rest if name != "bias"]
    keywords = {entry.names.get(name, name): given[name] for name in rest}
    if entry.by_keyword:
        return subject(**{entry.names.get(name, name): given[name] for name in first}, **keywords)
    return subject(*(given[name] for name in first), **keywords)


def assert_equal(entry, problem, answer, truth, part=""):
    """Bit for bit; or the right integers, where the arithmetic is not exact; or modulo 2^bits."""
    dtype, got = as_array(answer)
    whole = np.dtype(numpy_dtype(problem.dtype)).kind in "iu"
    if not whole:
        assert dtype == problem.dtype, (entry.name, str(problem), part)
    assert got.shape == truth.shape, (entry.name, str(problem), part)
    if whole:
        assert np.dtype(dtype).itemsize >= np.dtype(problem.dtype).itemsize
        wanted = truth.astype(np.int64).astype(got.dtype)
        if np.dtype(dtype).itemsize == np.dtype(problem.dtype).itemsize:
            wanted = wanted.astype(problem.dtype)
    elif problem.dtype.startswith("complex"):
        wanted = truth.astype(problem.dtype)
    else:
        wanted = truth.astype(np.float32).astype(numpy_dtype(problem.dtype)) if len(problem.dtype) > 7 else truth
        wanted = wanted.astype(numpy_dtype(problem.dtype)).astype(np.float64)
    if entry.arithmetic == "inexact":
        assert np.abs(got - truth).max(initial=0.0) < 0.1, (entry.name, str(problem))
        got = np.rint(got)
    assert np.array_equal(got, wanted), (entry.name, str(problem), part)


def quietly():
    stack = contextlib.ExitStack()
    stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
    stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
    stack.enter_context(warnings.catch_warnings())
    warnings.simplefilter("ignore")
    return stack


@pytest.mark.parametrize("entry", [entry for entry in SUBJECTS if not entry.known], ids=ids)
def test_a_right_subject_is_right_by_itself(entry):
    """By the truth's fast form, which the sweep has proved against PyTorch; no audit takes part."""
    rng = np.random.default_rng(7)
    compared = 0
    with quietly():
        subject = loaded(entry.target)
        for tried, problem in enumerate(problems(entry)):
            if compared == PROBLEMS or tried == 20 * PROBLEMS:
                break
            shapes = problem.operand_shapes
            if entry.gradients:
                shapes = shapes | {"grad_output": problem.output_shape}
                shapes |= {f"grad_grad_{name}": problem.operand_shapes[name] for name in problem.operand_shapes}
            terms = 2 * terms_of(problem) if entry.gradients else terms_of(problem)
            values = drawn(shapes, terms, problem.dtype, rng, small=entry.arithmetic == "inexact")
            operands = {name: as_operand(entry, value, problem.dtype) for name, value in values.items()}
            copies = {name: as_operand(entry, value, problem.dtype) for name, value in values.items()}
            if entry.gradients:
                compare_gradients(entry, subject, problem, values, operands)
                compared += 1
                continue
            try:
                answer = called(entry, subject, problem, operands)
            except Exception as error:
                if type(error).__name__ not in REFUSED:
                    raise AssertionError(f"{entry.name}: {problem}") from error
                continue
            assert_equal(entry, problem, answer, problem.compute(fast, {n: in_wide(v) for n, v in values.items()}))
            for name, copy in copies.items():
                assert np.array_equal(as_array(operands[name])[1], as_array(copy)[1])
            compared += 1
    assert compared == 0 if entry.expected == "no-verdict" else compared > PROBLEMS / 2


def compare_gradients(entry, subject, problem, values, operands):
    """Forward, gradients by every operand, and the double backward where there is one."""
    torch = importlib.import_module("torch")
    names = [name for name in ("input", "weight", "bias") if name in problem.operand_shapes]
    sources = [operands[name].requires_grad_() for name in names]
    forward = {name: operands[name] for name in names}
    output = called(entry, subject, problem, forward)
    assert_equal(entry, problem, output, problem.compute(fast, values))
    cotangent = operands["grad_output"].requires_grad_()
    twice = not entry.limit
    first = torch.autograd.grad(output, sources, cotangent, create_graph=twice)
    x, w, dy = values["input"], values["weight"], values["grad_output"]
    by_input = fast.conv_transpose_input if problem.transposed else fast.conv_input
    by_weight = fast.conv_transpose_weight if problem.transposed else fast.conv_weight
    again = fast.conv_transpose_double_backward if problem.transposed else fast.conv_double_backward
    truths = [
        by_input(x.shape, w, dy, **problem.parameters),
        by_weight(x, w.shape, dy, **problem.parameters),
        fast.conv_bias(dy, dimensions=problem.dimensions),
    ]
    for name, found, truth in zip(names, first, truths, strict=False):
        assert_equal(entry, problem, found, truth, f"gradient by {name}")
    if not twice:
        return
    seconds = [operands[f"grad_grad_{name}"] for name in names]
    found = torch.autograd.grad(first, [cotangent, *sources[:2]], seconds, allow_unused=True, materialize_grads=True)
    cotangents = [values[f"grad_grad_{name}"] for name in names]
    truth = again(x, w, dy, *cotangents, **problem.parameters)
    for name, got in zip(("grad_output", "input", "weight"), found, strict=True):
        assert_equal(entry, problem, got, getattr(truth, name), f"double backward by {name}")


NO_OUTPUT = {
    "conv": "{op} x2x3{sizes} w2x3{kernels}",
    "conv_transpose": "{op} x2x3{sizes} w3x2{kernels} p3",
}


@pytest.mark.parametrize("entry", [e for e in SUBJECTS if e.op in (*CONV, *TRANSPOSED)], ids=ids)
def test_a_right_subject_invents_no_output(entry):
    """A kernel longer than the input on one axis, and padding that eats the whole output."""
    family = "conv_transpose" if "transpose" in entry.op else "conv"
    axes = int(entry.op.removeprefix(family)[0])
    sizes, kernels = (("x3" * axes, "x5" + "x2" * (axes - 1)), ("x2" * axes, "x2" * axes))[family == "conv_transpose"]
    impossible = parse(NO_OUTPUT[family].format(op=entry.op, sizes=sizes, kernels=kernels))
    assert not solvable(impossible)
    impossible = replace(impossible, dtype=entry.dtypes[0], bias=False)
    shapes = {"input": impossible.input_shape, "weight": impossible.weight_shape}
    operands = {name: as_operand(entry, np.ones(shape), entry.dtypes[0]) for name, shape in shapes.items()}
    if entry.needs_bias:
        operands["bias"] = as_operand(entry, np.ones(impossible.weight_shape[0]), entry.dtypes[0])
        impossible = replace(impossible, bias=True)
    with quietly():
        subject = loaded(entry.target)
        try:
            answer = called(entry, subject, impossible, operands)
        except Exception:
            return
    assert 0 in answer.shape


def test_there_are_enough_of_them_and_they_cover_every_operation():
    assert len({entry.target for entry in SUBJECTS}) >= 40
    assert len({entry.name for entry in SUBJECTS}) == len(SUBJECTS)
    assert {entry.op for entry in SUBJECTS} == set(OPERATIONS)
    assert {dtype for entry in SUBJECTS for dtype in entry.dtypes} >= {*BITS, "int8", "int16", "int32", "int64"}


def test_a_wrong_subject_is_not_right_by_itself():
    """The comparison can fail: each of these differs in one thing."""
    entry = next(entry for entry in SUBJECTS if entry.name == "windows:im2col as conv2d")
    problem = parse("conv2d x2x4x7x9 w6x2x3x2 s2,3 p1,2 d2,1 g2 float64")
    rng = np.random.default_rng(1)
    values = drawn(problem.operand_shapes, terms_of(problem), "float64", rng, small=False)
    right = called(entry, loaded(entry.target), problem, values)
    truth = problem.compute(fast, values)
    assert_equal(entry, problem, right, truth)
    off_by_one = right.copy()
    off_by_one[-1, -1, -1, -1] += 1
    for wrong in (off_by_one, right.astype(np.float32), right[:, :, :1], right.swapaxes(2, 3)):
        with pytest.raises(AssertionError):
            assert_equal(entry, problem, wrong, truth)


# The audit


SAMPLE = (
    "windows:strided_tensordot as conv3d",
    "transforms:winograd_4 as conv2d",
    "transforms:fft as conv1d",
    "transposed_and_gradients:conv_transpose_scattered as conv_transpose2d",
    "transposed_and_gradients:conv_input_full as conv1d_input",
    "transposed_and_gradients:conv_weight_windows as conv1d_weight",
    "behaviour:broadcast as conv2d",
    "behaviour:remembers as conv2d",
    "behaviour:guards_its_operands as conv2d",
    "signatures:needs_a_bias as conv2d",
)
"""The cheap and telling ones, for the default run."""


def assert_no_finding(entry, verdict):
    """Nothing is found but what is known of the library; and the scope says what was not asked."""
    findings = entry.unexplained(verdict)
    assert findings == [], (
        f"{entry.name}, seed {verdict.seed}: {[(f.kind, str(f.problem), f.condition, f.evidence) for f in findings]}"
    )
    if verdict.findings:
        return
    assert verdict.verdict == entry.expected
    if entry.expected == "conforms":
        assert any(entry.limit in line for line in verdict.scope.narrowed) or not entry.limit
        assert verdict.scope.discriminating > 0
        assert verdict.arithmetic in ("exact", entry.arithmetic)


def audited(name, **options):
    entry = next(entry for entry in SUBJECTS if entry.name == name)
    return entry, audit(entry.target, **{**entry.options, "level": "quick", **options})


@pytest.mark.parametrize("name", SAMPLE)
def test_an_audit_finds_nothing(name):
    assert_no_finding(*audited(name))


@pytest.mark.slow
@pytest.mark.parametrize("entry", SUBJECTS, ids=ids)
def test_a_standard_audit_finds_nothing(entry):
    assert_no_finding(entry, audit(entry.target, **entry.options, level="standard"))


def test_words_and_an_unbatched_input_are_asked_where_they_are_taken():
    _, verdict = audited("signatures:words as conv2d")
    asked = {(row.parameter, row.value): row.compared for row in verdict.scope.exercised}
    assert asked["padding", "same"] > 5
    assert asked["padding", "valid"] > 5
    assert asked["batch", "none"] > 5


def test_a_refusal_narrows_the_scope_and_another_exception_is_a_finding():
    entry, verdict = audited("signatures:refuses_in_its_own_words as conv2d")
    assert_no_finding(entry, verdict)
    assert verdict.scope.discriminating < verdict.scope.problems
    _, verdict = audited("signatures:refuses_in_its_own_words as conv2d", refusals=())
    assert {finding.kind for finding in verdict.findings} == {"raised"}


def test_a_subject_that_refuses_all_that_is_asked_gets_no_verdict():
    entry, verdict = audited("signatures:nothing_that_is_asked as conv2d")
    assert_no_finding(entry, verdict)


@pytest.mark.parametrize("dtype", ["float32", "complex64", "int8", "uint16", "int64"])
def test_dtypes_that_numpy_sums_exactly(dtype):
    assert audited("signatures:layer as conv2d", dtypes=[dtype])[1].verdict == "conforms"


def test_integers_may_come_back_wider():
    assert audited("behaviour:wide_integers as conv2d", dtypes=["int8"])[1].verdict == "conforms"


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_inexact_arithmetic_is_no_index_fault_and_is_said(dtype):
    entry, verdict = audited("transforms:fft as conv2d", dtypes=[dtype])
    assert_no_finding(entry, verdict)
    assert verdict.arithmetic == "inexact"
    assert [one.name for one in verdict.rounding] == ["fast"]


@pytest.mark.slow
def test_a_slow_subject_gets_as_far_as_the_deadline_allows(monkeypatch):
    monkeypatch.setitem(LEVELS, "quick", replace(LEVELS["quick"], seconds=0.7))
    _, verdict = audited("slow_import:sleeps as conv2d")
    assert verdict.verdict == "conforms"
    assert verdict.scope.problems < verdict.scope.planned
    assert "stopped at the level's 0.7 s" in verdict.scope.truncated


def test_several_workers_and_one_agree():
    (_, one), (_, two) = (
        audited("signatures:layer as conv2d", dtypes=["float64"], jobs=jobs, seed=5) for jobs in (1, 2)
    )
    assert one.scope.outputs == two.scope.outputs
    assert one.scope.missed == two.scope.missed
    assert "subject's numpy" in one.versions


@pytest.mark.slow
def test_a_known_defect_explains_its_own_finding_and_no_other():
    entry, verdict = audited("with_scipy:image_correlate as conv2d")
    assert verdict.verdict == "faulty"
    assert_no_finding(entry, verdict)
    with pytest.raises(AssertionError):
        assert_no_finding(replace(entry, known=()), verdict)
