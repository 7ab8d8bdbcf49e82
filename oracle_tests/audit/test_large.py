"""Level large: the truth of sparse operands, what the worker builds and tells, and indices of 15 and 31 bits."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from audit.usage.entry import HERE
from audit.usage.registry_large import LARGE, SHORT
from conv_oracle import truth
from conv_oracle.auditing import LEVELS, OPERATIONS, audit, is_large
from conv_oracle.auditing.large.answers import HEAD, compared, series_of
from conv_oracle.auditing.large.asked import findings_of, overflown
from conv_oracle.auditing.large.products import LARGEST_SUM, drawn
from conv_oracle.auditing.large.sizes import bytes_of, choices, roles, thresholds
from conv_oracle.auditing.sandbox import Answer, Part, bindings
from conv_oracle.auditing.sandbox.adapters import numpy_adapter, torch_adapter
from conv_oracle.auditing.sandbox.sparse import HALF, MOST_SENT, nonzeros, numpy_chunks, sparse_adapter
from conv_oracle.cli import main
from conv_oracle.errors import TargetError
from conv_oracle.operation import operation
from conv_oracle.problem import parse

SMALL = replace(LEVELS["large"], bits=15)
GIB = 1 << 30


def everything(op):
    """The binding of a subject that takes everything."""
    return bindings(None, operation(op))[1]


def listed(op, dtype="float32", bits=15, memory=4 * GIB):
    return choices(operation(op), dtype, everything(op), bits, memory)


def dense(made):
    """The operands by name, written out."""
    arrays = {}
    for role, sparse in made.given.items():
        flat = np.zeros(math.prod(sparse.shape))
        flat[sparse.offsets] = sparse.values
        arrays[roles(made.problem).names[role]] = flat.reshape(sparse.shape)
    return arrays


def written(array):
    """An answer as the worker sends it."""
    return nonzeros(numpy_chunks(array), array.dtype.name).written()


def answered(made, array, **changes):
    parts = (Part(array.dtype.name, array.shape),)
    return compared(made, replace(Answer("returned", parts, written(array)), **changes), ())


def result_of(made, dtype="float32"):
    at, sums = made.products.sums(made.result)
    flat = np.zeros(math.prod(made.problem.result_shape), dtype)
    flat[at] = sums
    return flat.reshape(made.problem.result_shape)


def small():
    return drawn(parse("conv2d x2x3x7x9 w4x3x3x2 s2,1 p1,0 float32"), 15, np.random.default_rng(0))


@pytest.mark.parametrize("op", OPERATIONS)
def test_the_sparse_truth_is_that_of_the_dense_operands(op):
    generator = np.random.default_rng(1)
    problems = [problem for choice in listed(op) for problem in choice.problems[-1:]]
    axes = operation(op).axes
    settings = f"x1x4{'x9' * axes} w{4 if 'transpose' in op else 6}x2{'x3' * axes} s2 p2 d2 g2 uint8"
    problems.append(parse(f"{op} {settings}"))
    for problem in problems:
        made = drawn(problem, 15, generator)
        assert (result_of(made) == problem.compute(truth.fast, dense(made))).all(), problem
        assert np.count_nonzero(result_of(made)) > min(20, math.prod(problem.result_shape) / 3), problem
        magnitudes = {name: np.abs(array) for name, array in dense(made).items()}
        assert problem.compute(truth.fast, magnitudes).max() <= LARGEST_SUM


@pytest.mark.parametrize(
    ("dtype", "memory"), [("int8", 4), ("int8", 8), ("float16", 4), ("float16", 8), ("float32", 8)]
)
@pytest.mark.parametrize("op", OPERATIONS)
def test_every_array_is_asked_beyond_every_index_that_the_memory_holds(op, dtype, memory):
    asked = [choice.problems[0] for choice in listed(op, dtype, 31, memory * GIB) if choice.problems]
    names = set(roles(asked[0]).names.values())
    size = np.dtype(dtype).itemsize
    most = 32 if memory == 8 else 31
    beyond = {at for problem in asked for at in overflown(problem, 31)}
    assert beyond >= {(name, f"over 2^{most} bytes") for name in names if size > 1}
    if size == 1 or memory == 8:
        assert beyond >= {(name, f"over 2^{most - size + 1} elements") for name in names if size < 4}
    assert all(bytes_of(problem, workspace=False) < memory * GIB for problem in asked)
    assert 10**8 <= max(problem.multiply_adds for problem in asked) <= 1.1 * 10**10


def test_products_lie_around_and_beyond_the_offsets_that_matter():
    for choice in listed("conv2d", "float16", 31, 8 * GIB):
        problem = choice.problems[0]
        made = drawn(problem, 31, np.random.default_rng(2))
        for role, size in roles(problem).sizes.items():
            for limit in thresholds("float16", 31):
                if limit < size:
                    assert (made.products.offsets[role] >= limit).sum() >= 5
                    assert np.abs(made.products.offsets[role] - limit).min() < 300_000


def test_the_worker_builds_what_is_listed_and_sees_what_changes():
    made = small()
    series = series_of(made, everything("conv2d"))
    adapter = sparse_adapter(numpy_adapter(""), "numpy")
    block = adapter.block(series.payload, "float32")
    arrays = [adapter.operand(block, layout) for layout in series.operands]
    for array, right in zip(arrays, dense(made).values(), strict=True):
        assert array.dtype == np.float32
        assert (array == right).all()
    assert adapter.holds(block, series.payload)
    for array in arrays:
        for change in (0.0, 0.25, 7.0, np.nan):
            before = array.flat[5]
            array.flat[5] = change
            assert adapter.holds(block, series.payload) == (change == before)
            array.flat[5] = before
    other = drawn(made.problem, 15, np.random.default_rng(5))
    again = series_of(other, everything("conv2d"))
    adapter.refill(block, again.payload)
    assert (arrays[0] == dense(other)["input"]).all()
    assert adapter.part([1], 0) == ("list", b"")


@pytest.mark.parametrize("dtype", ["int8", "float16", "bfloat16", "float32", "float64"])
def test_the_worker_builds_tensors_too(dtype):
    torch = pytest.importorskip("torch")
    made = drawn(replace(small().problem, dtype=dtype), 15, np.random.default_rng(0))
    series = series_of(made, everything("conv2d"))
    adapter = sparse_adapter(torch_adapter("cpu"), "torch")
    block = adapter.block(series.payload, dtype)
    arrays = [adapter.operand(block, layout) for layout in series.operands]
    for tensor, right in zip(arrays, dense(made).values(), strict=True):
        assert (tensor.double().numpy() == right).all()
    assert adapter.holds(block, series.payload)
    arrays[0][1, 2, 3, 4] += 1
    assert not adapter.holds(block, series.payload)
    result = torch.from_numpy(result_of(made)).to(arrays[0].dtype)
    for seen in (result, result.to(memory_format=torch.channels_last)):
        said, data = adapter.part(seen, 0)
        assert compared(made, Answer("returned", (Part(said[0], tuple(said[1])),), data), ()).standing == "right"
    assert adapter.part(result.numpy() if dtype != "bfloat16" else [], 0)[1] == b""


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", "float16", "float32", "float64"])
def test_what_is_not_zero_is_listed_in_c_order(dtype):
    array = np.zeros((7, 11), dtype)
    array[2, 3], array[6, 10], array[0, 1] = 3, 1, 2
    for seen in (array, np.asfortranarray(array)):
        found = nonzeros(numpy_chunks(seen), dtype)
        assert (found.many, found.rounded, found.positions.tolist()) == (3, 0, [1, 25, 76])
        assert found.bits.tobytes() == array.ravel()[[1, 25, 76]].tobytes()
    if dtype in HALF:
        array[1, 1], array[1, 2], array[1, 3] = -0.0, 0.4, -np.inf
        found = nonzeros(numpy_chunks(array), dtype)
        assert (found.many, found.rounded, found.positions.tolist()) == (4, 1, [1, 14, 25, 76])


def test_no_more_than_so_many_are_sent():
    made = small()
    full = np.ones(made.problem.result_shape, "float32")
    assert answered(made, full).kind == "wrong-value"
    found = nonzeros(numpy_chunks(np.ones(MOST_SENT + 5, "int8")), "int8")
    assert (found.many, len(found.positions)) == (MOST_SENT + 5, MOST_SENT)


def test_one_wrong_element_is_seen():
    made, right = small(), result_of(small())
    assert answered(made, right).standing == "right"
    assert not answered(made, right).rounded
    assert answered(made, right + np.float32(1e-6)).rounded
    assert answered(made, right.astype("float64")).standing == "right"
    for place in (0, int(np.flatnonzero(right)[3]), right.size - 1):
        for change in (1, -2, np.nan, np.inf):
            wrong = right.copy()
            wrong.flat[place] += change
            seen = answered(made, wrong)
            assert (seen.kind, seen.differing, seen.wrong.tolist()) == ("wrong-value", 1, [place])


def test_an_answer_of_another_form_is_no_right_one():
    made, right = small(), result_of(small())
    assert answered(made, right[:, :-1]).kind == "wrong-shape"
    assert answered(made, right.astype("float16")).kind == "wrong-dtype"
    assert answered(made, right, mutated=True).kind == "mutated-operand"
    data = written(right)
    for bad in (b"", data[:-1], data[:HEAD], data + b"0", b"\xff" * 8 + data[8:], data[:16] + b"\x01" + data[17:]):
        assert answered(made, right, data=bad).kind == "malformed"
    swapped = bytearray(data)
    swapped[HEAD : HEAD + 16] = data[HEAD + 8 : HEAD + 16] + data[HEAD : HEAD + 8]
    assert answered(made, right, data=bytes(swapped)).kind == "malformed"


@pytest.mark.parametrize(
    ("answer", "standing"),
    [
        (Answer("hung", text="no answer within 300 s"), "unasked"),
        (Answer("out-of-memory", text="it held 5000 MiB"), "unasked"),
        (Answer("crashed", text="the process was terminated by SIGKILL"), "unasked"),
        (Answer("crashed", text="the process was terminated by SIGSEGV"), "wrong"),
        (Answer("raised", types=("numpy._core._exceptions._ArrayMemoryError", "MemoryError"), text=""), "unasked"),
        (Answer("raised", types=("RuntimeError",), text="DefaultCPUAllocator: can't allocate memory"), "unasked"),
        (Answer("raised", types=("RuntimeError",), text="canUse32BitIndexMath"), "refused"),
        (Answer("raised", types=("IndexError",), text="out of bounds", on_purpose=True), "refused"),
        (Answer("raised", types=("IndexError",), text="index -2147483648 is out of bounds"), "wrong"),
        (Answer("not-an-array", text="list"), "wrong"),
    ],
)
def test_what_memory_or_time_does_not_suffice_for_is_no_fault(answer, standing):
    assert compared(small(), answer, ()).standing == standing


def test_a_process_that_died_is_named_by_what_was_answered():
    problems = [choice.problems[0] for choice in listed("conv2d", "int8")]
    seen = [drawn(problem, 15, np.random.default_rng(0)) for problem in problems]
    died = Answer("crashed", text="the process was terminated by SIGSEGV")
    (alone,) = findings_of([compared(seen[0], died, ())], everything("conv2d"), "f", 15)
    assert (alone.kind, alone.fault) == ("crashed", "crashes")
    large = [roles(made.problem).sizes["w"] > 1 << 15 for made in seen]
    answers = [
        compared(made, died, ()) if at else answered(made, result_of(made, "int8"))
        for made, at in zip(seen, large, strict=True)
    ]
    (found,) = findings_of(answers, everything("conv2d"), "f", 15)
    assert (found.kind, found.fault, found.problems) == ("crashed", "index-overflow", 2)
    assert "that of the weight" in found.diagnosis.title


def test_what_no_overflow_explains_has_no_cause():
    made, right = small(), result_of(small())
    (found,) = findings_of([answered(made, np.negative(right))], everything("conv2d"), "f", 15)
    assert (found.kind, found.fault) == ("wrong-value", None)
    (found,) = findings_of([compared(made, Answer("not-an-array", text="list"), ())], everything("conv2d"), "f", 15)
    assert found.fault == "no-array-returned"


@pytest.mark.parametrize("subject", SHORT, ids=lambda subject: subject.name)
@pytest.mark.sampled(2)
def test_a_short_index_is_named(subject):
    array, unit, bits = subject.name.partition(":")[2].split("_")
    for seed in (1, 2):
        verdict = audit(subject.target, **subject.options, level=SMALL, seed=seed, jobs=1)
        (finding,) = verdict.findings
        assert (verdict.verdict, finding.kind, finding.fault) == ("faulty", "wrong-value", "index-overflow")
        assert f"that of the {array}" in finding.diagnosis.title
        assert finding.diagnosis.title.endswith(f"in {unit}, holds {bits}")
        assert finding.evidence.terms


@pytest.mark.parametrize("subject", SHORT[::3], ids=lambda subject: subject.name)
def test_the_first_wrong_answer_is_enough(subject):
    verdict = audit(subject.target, **subject.options, level=SMALL, seed=3, jobs=1, fail_fast=True)
    assert verdict.verdict == "faulty"
    assert verdict.scope.truncated


@pytest.mark.parametrize(
    ("name", "fault"),
    [("right", None), ("input_short", "input"), ("weight_short", "weight"), ("output_unsigned_short", "output")],
)
def test_a_compiled_kernel_is_judged(name, fault):
    target = f"{HERE / 'large_compiled.py'}:{name}"
    verdict = audit(target, op="conv2d", dtypes=["int8"], level=SMALL, seed=1, jobs=1)
    assert [f"that of the {fault}" in one.diagnosis.title for one in verdict.findings] == [True] * bool(fault)
    assert verdict.verdict == ("faulty" if fault else "conforms")


@pytest.mark.parametrize("dtype", ["int8", "uint8", "float16", "bfloat16", "float64"])
def test_a_right_subject_conforms_and_the_scope_says_what_was_beyond(dtype):
    verdict = audit(f"{HERE / 'usage_common.py'}:conv", op="conv2d", dtypes=[dtype], level=SMALL, seed=1, jobs=1)
    assert verdict.verdict == "conforms"
    assert {row.parameter for row in verdict.scope.exercised} == {"input", "weight", "output", "workspace"}
    assert all(row.failed == row.refused == 0 for row in verdict.scope.exercised)


@pytest.mark.parametrize("op", ["conv1d", "conv3d", "conv_transpose2d"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.sampled(2)
def test_torch_conforms(op, dtype):
    target = f"torch.nn.functional:{op}"
    verdict = audit(target, op=op, arrays="torch", dtypes=[dtype], level=SMALL, seed=1, jobs=1)
    assert (verdict.verdict, verdict.findings) == ("conforms", ())


def test_what_refuses_everything_has_no_verdict(tmp_path):
    text = """
def conv2d(x, w):
    y = conv(x, w)
    if max(x.size, w.size, y.size) > 4000:
        raise ValueError("too large")
    return y
"""
    (tmp_path / "small.py").write_text((HERE / "usage_common.py").read_text() + text)
    verdict = audit(f"{tmp_path / 'small.py'}:conv2d", level=SMALL, seed=1, jobs=1)
    assert verdict.exit_code == 3
    assert any("ValueError: too large" in said for said in verdict.scope.narrowed)


def test_complex_numbers_and_float8_are_not_asked():
    target = f"{HERE / 'usage_common.py'}:conv"
    verdict = audit(target, op="conv1d", dtypes=["complex64"], level=SMALL, seed=1, jobs=1)
    assert verdict.exit_code == 3
    assert "not tested: complex64, which level large does not ask" in verdict.scope.narrowed


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"memory": "1GiB"}, "'3GiB' would fit"),
        ({"memory": "much"}, "'8GiB' would fit"),
        ({"memory": 0}, "'8GiB' would fit"),
        ({"fix": "w4x3x3x3"}, "no fix would fit"),
        ({"gradients": True, "arrays": "torch"}, "no gradients would fit"),
    ],
)
def test_options_that_do_not_fit(options, said):
    with pytest.raises(TargetError, match=said):
        audit("module:conv2d", level="large", **options)


@pytest.mark.slow
def test_the_command_tells_and_replays():
    target = f"{HERE / 'large.py'}:input_elements_16"
    problem = "conv2d x1x61x4258x4291 w61x1x3x3 s1,64 g61 int8"
    arguments = ["replay", problem, target, "--memory", "3GiB", "--seed", "1"]
    told = json.loads(CliRunner().invoke(main, [*arguments, "--json", "-"]).output)
    assert (told["verdict"], told["findings"][0]["problem"]) == ("faulty", problem)
    assert (told["options"]["level"], told["options"]["memory"], told["options"]["timeout"]) == ("large", 3 * GIB, 300)
    printed = CliRunner().invoke(main, arguments).output
    assert f"{target} --memory {3 * GIB}" in printed
    assert "with probability" not in printed
    assert not is_large(parse("conv2d x2x3x7x9 w4x3x3x2 float32"))
    assert not is_large(parse("conv2d x2x3x7x9 w4x3x30x2 float32"))


@pytest.mark.slow
@pytest.mark.parametrize("subject", LARGE, ids=lambda subject: subject.name)
def test_an_index_of_31_or_32_bits_is_named(subject):
    array, unit, bits = subject.name.partition(":")[2].split("_")
    verdict = audit(subject.target, **subject.options, seed=1, jobs=1, fail_fast=True)
    (finding,) = verdict.findings
    assert finding.fault == "index-overflow"
    assert f"that of the {array}" in finding.diagnosis.title
    assert finding.diagnosis.title.endswith(f"in {unit}, holds {bits}")


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["int8", "float16"])
def test_a_right_subject_conforms_beyond_31_bits(dtype):
    target = f"{HERE / 'large.py'}:right"
    verdict = audit(target, op="conv2d", dtypes=[dtype], level="large", seed=1, jobs=1)
    assert (verdict.verdict, verdict.exit_code) == ("conforms", 0)
    assert {row.parameter for row in verdict.scope.exercised} == {"input", "weight", "output", "workspace"}


@pytest.mark.slow
def test_a_compiled_kernel_with_an_int_for_an_index_is_named():
    target = f"{HERE / 'large_compiled.py'}:input_int"
    verdict = audit(target, op="conv2d", dtypes=["int8"], level="large", seed=1, jobs=1)
    (finding,) = verdict.findings
    assert finding.fault == "index-overflow"
    assert "that of the input" in finding.diagnosis.title
