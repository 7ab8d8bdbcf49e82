"""Guard pages: a byte beside an operand is seen on either side, all else ends as before, nobody right is accused."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audit.brief import BRIEF
from audit.usage.registry_guard import GUARD
from conv_oracle.auditing import audit
from conv_oracle.auditing.judging import Ask, Asking, Judgement, Ledger, judge
from conv_oracle.auditing.operands import draw
from conv_oracle.auditing.sandbox import Guard, Sandbox, Subject, bindings, guarded
from conv_oracle.auditing.sandbox.adapters import numpy_adapter, torch_adapter
from conv_oracle.auditing.sandbox.frames import Answer
from conv_oracle.auditing.sandbox.performing import apart
from conv_oracle.operation import operation
from conv_oracle.problem import parse

HERE = Path(__file__).parent
SUBJECTS = HERE / "guarded_subjects.py"
SIZE = 40
PROBLEM = parse("conv2d x2x4x7x9 w6x2x3x2 s2,3 g2 bias float32")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="guard pages are asked for on Linux alone")

PROGRAM = """
import ctypes, faulthandler, os, signal, sys, time
sys.path.insert(0, {folder!r})
import guarded
watch = guarded.Watch({report})
memory = guarded.guarded(bytes({size}), {side!r})
with watch.on():
    watch.memories.append(("input", memory))
    {body}
    print(watch.written(), flush=True)
{after}
"""


def ended(body, side="behind", report="lambda name, place: print(name, place, flush=True)", after=""):
    """(exit code, what was printed) of a program with SIZE bytes of memory, called `memory`."""
    folder = str(Path(guarded.__file__).parent)
    text = PROGRAM.format(folder=folder, size=SIZE, side=side, body=body, report=report, after=after)
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout.strip()


def reads(offset):
    return f"ctypes.string_at(memory.address + {offset}, 1)"


def writes(offset):
    return f"ctypes.memset(memory.address + {offset}, memory.data[0] ^ 7, 1)"


@pytest.mark.parametrize("touches", [reads, writes])
@pytest.mark.parametrize(
    ("side", "offset", "place"),
    [
        ("behind", SIZE, ("behind", 0)),
        ("behind", SIZE + guarded.GUARD - 1, ("behind", guarded.GUARD - 1)),
        ("before", -1, ("before", -1)),
        ("before", -guarded.GUARD, ("before", -guarded.GUARD)),
        ("behind", SIZE - guarded.PAGE - 1, ("before", SIZE - guarded.PAGE - 1)),
        ("before", guarded.PAGE, ("behind", guarded.PAGE - SIZE)),
    ],
)
def test_a_byte_beside_memory_ends_the_process_and_is_told(touches, side, offset, place):
    assert ended(touches(offset), side) == (1, f"input {place}")


@pytest.mark.parametrize("side", ["before", "behind"])
@pytest.mark.parametrize("touches", [reads, writes])
@pytest.mark.parametrize("offset", [0, SIZE - 1])
def test_the_memory_itself_may_be_touched(touches, side, offset):
    assert ended(touches(offset), side) == (0, "None")


@pytest.mark.parametrize(
    ("side", "offset", "place"),
    [("behind", -1, ("before", -1)), ("behind", -9, ("before", -9)), ("before", SIZE, ("behind", 0))],
)
def test_a_write_on_the_other_side_changes_the_pattern(side, offset, place):
    assert ended(writes(offset), side) == (0, str(("input", place)))
    assert ended(reads(offset), side) == (0, "None")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("ctypes.string_at(0)", -signal.SIGSEGV),
        ("os.kill(os.getpid(), signal.SIGSEGV)", -signal.SIGSEGV),
        ("os.kill(os.getpid(), signal.SIGBUS)", -signal.SIGBUS),
        ("os.abort()", -signal.SIGABRT),
        ("os._exit(7)", 7),
    ],
)
def test_what_is_no_fault_beside_memory_ends_as_before(body, code):
    assert ended(body) == (code, "")


def test_a_handler_of_the_subject_gets_its_own_faults_and_stays():
    assert ended(f"faulthandler.enable(sys.stdout); {reads(SIZE)}")[0] == -signal.SIGSEGV
    own = "own = ctypes.CFUNCTYPE(None, ctypes.c_int)(lambda _: os._exit(9)); ctypes.CDLL(None).signal(11, own)"
    assert ended(own, after="os.kill(os.getpid(), 11)") == (9, "None")
    assert ended("pass", after="os.kill(os.getpid(), 11)") == (-signal.SIGSEGV, "None")


@pytest.mark.parametrize(
    ("report", "code"),
    [
        ("lambda *_: time.sleep(60)", -signal.SIGALRM),
        ("lambda *_: 1 / 0", 1),
        ("lambda *_: ctypes.string_at(0)", -signal.SIGSEGV),
    ],
)
def test_a_report_that_fails_or_hangs_ends_the_process_all_the_same(report, code):
    began = time.monotonic()
    assert ended(reads(SIZE), report=report)[0] == code
    assert time.monotonic() - began < 20


def test_a_fault_in_a_thread_is_told():
    body = f"import threading; one = threading.Thread(target=lambda: {reads(SIZE)}); one.start(); one.join()"
    assert ended(body) == (1, "input ('behind', 0)")


@pytest.mark.parametrize("side", ["before", "behind"])
@pytest.mark.parametrize("size", [1, 4, SIZE, guarded.PAGE - 4, guarded.PAGE, guarded.PAGE + 4])
def test_an_output_that_is_given_lies_between_guard_pages_too(side, size):
    """As a subject gets it that writes into an array of its caller's."""
    given = guarded.guarded(bytes(size), side)
    out = np.ndarray((size,), "u1", given.data)
    out[:] = 255
    edge = given.address + (size if side == "behind" else 0)
    assert edge % guarded.PAGE == 0
    assert given.address == out.ctypes.data
    assert given.data == bytes([255]) * size
    assert given.written() is None


def header(notation_or_problem, side):
    draws = draw(notation_or_problem, notation_or_problem.operand_shapes, 3, np.random.default_rng(0), uniform=2)
    binding = bindings(None, operation("conv2d"))[0]
    series = binding.series(draws, [("call", 0)])
    guard = Guard(side, tuple(draws.places), 4)
    return draws, json.loads(json.dumps(replace(series, guard=guard).header(1))), series


@pytest.mark.parametrize("adapter", [numpy_adapter, torch_adapter])
@pytest.mark.parametrize("side", ["before", "behind"])
def test_each_operand_lies_alone_against_a_page(adapter, side):
    if adapter is torch_adapter:
        pytest.importorskip("torch")
    draws, sent, series = header(PROBLEM, side)
    watched = []
    own = apart(adapter("cpu"), sent, watched)
    first, second = series.payload[: series.size], series.payload[series.size :]
    block = own.block(first, "float32")
    arrays = [own.operand(block, layout) for layout in sent["operands"]]
    assert [name for name, _ in watched] == ["input", "weight", "bias"]
    for number, data in enumerate((first, second)):
        if number:
            own.refill(block, data)
        assert own.holds(block, data)
        for array, name in zip(arrays, draws.places, strict=True):
            assert np.array_equal(np.asarray(array), draws.operands(number)[name])
    for array, (_, memory) in zip(arrays, watched, strict=True):
        at = array.ctypes.data if adapter is numpy_adapter else array.data_ptr()
        assert at == memory.address
        assert (at + (len(memory.data) if side == "behind" else 0)) % guarded.PAGE == 0
    arrays[1][0, 0, 0, 0] += 1
    assert not own.holds(block, second)


def answers(function, sides, arrays="numpy"):
    """The answers to one call a side, each followed by a plain one."""
    draws = draw(PROBLEM, PROBLEM.operand_shapes, 3, np.random.default_rng(0))
    with Sandbox(Subject(f"{SUBJECTS}:{function}", arrays)) as sandbox:
        binding = bindings(sandbox.introduce().signature, operation("conv2d"))[0]
        plain = binding.series(draws, [("call", 0)])
        beside = [replace(plain, guard=Guard(side, tuple(draws.places), 4)) for side in sides]
        listed = [one for guard in beside for one in (guard, plain)]
        got = dict(sandbox.ask(enumerate(listed)))
    return [got[number] for number in range(len(listed))]


def test_one_byte_too_many_costs_its_own_call_and_is_named():
    before, plain, behind, last = answers("reads_behind_its_bias", ["before", "behind"])
    (told,) = behind
    assert told.outcome == "out-of-bounds"
    assert told.text == "memory behind bias was read or written, at offset +0 bytes from its end"
    assert told.place == "behind bias"
    assert [one.outcome for one in (*before, *plain, *last)] == ["returned"] * 3
    judged = judge(Ask(draw(PROBLEM, PROBLEM.operand_shapes, 3, np.random.default_rng(0)), [("call", 0)]), behind)
    assert [(one.standing, one.kind, one.cause) for one in judged] == [("wrong", "out-of-bounds", "behind bias")]


def test_a_write_that_ends_nothing_is_told_too():
    (told,), (plain,) = answers("writes_before_its_weight", ["behind"])
    assert told.outcome == "out-of-bounds"
    assert told.text == "memory before weight was written, at offset -1 bytes from its beginning"
    assert plain.outcome == "returned"


def test_a_result_that_is_a_view_over_the_edge_is_told():
    (told,), _ = answers("returns_a_view_over_the_edge", ["behind"])
    assert told.place == "behind input"


def test_a_fault_elsewhere_is_a_crash():
    (told,), (plain,) = answers("dies_elsewhere", ["behind"])
    assert (told.outcome, told.text) == ("crashed", "the process was terminated by SIGSEGV")
    assert plain.outcome == "crashed"


def test_a_right_one_is_answered_on_both_sides():
    for told in answers("right", ["before", "behind"]):
        assert [(one.outcome, one.mutated) for one in told] == [("returned", False)]


@pytest.mark.parametrize("name", ["guard:weight_by_eight", "guard_tensors:one_behind_weight"])
@pytest.mark.sampled(2)
def test_an_audit_names_the_operand_and_the_side(name):
    subject = next(one for one in GUARD if one.name == name)
    if subject.arrays == "torch":
        pytest.importorskip("torch")
    verdict = audit(subject.target, **subject.options, level=BRIEF, jobs=1, seed=1, fail_fast=True)
    found = [one for one in verdict.findings if one.kind == "out-of-bounds"]
    assert [(one.fault, one.diagnosis.title.rpartition(": ")[2]) for one in found] == [
        ("memory-overrun", "behind weight")
    ]
    assert "at offset +0 bytes from its end" in found[0].evidence.text
    assert found[0].condition.startswith("only with guard pages behind the operands")
    assert not {one.kind for one in verdict.findings} & {"crashed", "hung"}


def test_who_takes_aligned_operands_alone_is_told_and_not_accused():
    verdict = audit(f"{SUBJECTS}:wants_sixteen_bytes", op="conv2d", dtypes=("float32",), level=BRIEF, jobs=1, seed=1)
    assert verdict.verdict == "conforms"
    assert any("aligned to their elements alone are not supported" in text for text in verdict.scope.narrowed)


@pytest.mark.parametrize(
    ("target", "arrays"), [(f"{SUBJECTS}:right", "numpy"), ("torch.nn.functional:conv2d", "torch")]
)
@pytest.mark.sampled(2)
def test_what_is_right_is_asked_on_both_sides_and_conforms(target, arrays):
    if arrays == "torch":
        pytest.importorskip("torch")
    verdict = audit(target, op="conv2d", arrays=arrays, dtypes=("float32",), level=BRIEF, jobs=1, seed=1)
    assert verdict.verdict == "conforms"
    asked = {row.value: row for row in verdict.scope.exercised if row.parameter == "operands"}
    for side in ("before", "behind"):
        assert asked[f"guard pages {side} the operands"].compared > 10
    assert not any("was not watched" in text for text in verdict.scope.narrowed)


def guards_of(turns=5, **options):
    asking = Asking(0, 1e-2, 2, "torch", **options)
    notation = "conv2d x2x4x7x9 w6x4x3x2 bias float32"
    return [
        ask.guard for turn in range(turns) for ask in asking.asks(parse(notation), turn, guarded=False) if ask.guard
    ]


def test_one_problem_in_five_is_asked_on_both_sides():
    assert guards_of(guards=True) == ["before", "behind"]
    assert guards_of(10, guards=True, slow=True) == []
    assert guards_of(50, guards=True, slow=True) == ["before", "behind"]
    assert guards_of(guards=True, gradients=False) == ["before", "behind"]
    assert guards_of() == []


@pytest.mark.parametrize(
    ("notation", "gradients", "sides"),
    [
        ("conv2d x2x4x7x9 w6x4x3x2 bfloat16", None, 2),
        ("conv2d x2x4x7x9 w6x4x3x2 bfloat16", False, 0),
        ("conv2d_weight x2x4x7x9 w6x4x3x2 bfloat16", None, 0),
        ("conv2d_weight x2x4x7x9 w6x4x3x2 float32", None, 2),
        ("conv2d x2x64x32x32 w64x64x3x3 float32", None, 0),
        ("conv2d x0x4x7x9 w6x4x3x2 float32", None, 0),
    ],
)
def test_where_guard_pages_are_not_fair_or_not_cheap_there_are_none(notation, gradients, sides):
    asking = Asking(0, 1e-2, 2, "torch", guards=True, gradients=gradients)
    asks = list(asking.asks(parse(notation), 2, guarded=False))
    assert sum(ask.guard is not None for ask in asks) == sides


def test_after_some_lost_processes_nothing_lies_against_guard_pages_any_more():
    ledger = Ledger(BRIEF)
    ask = next(a for a in Asking(0, 1e-2, 2, "numpy", guards=True).asks(PROBLEM, 2, guarded=False) if a.guard)
    lost = judge(ask, [Answer("out-of-bounds", text="told", place="behind input")])
    for count in range(BRIEF.most_crashed):
        assert ledger.guards, count
        ledger.note(ask, lost)
    assert not ledger.guards
    assert ledger.costly() == {}, "problems are left out for it"
    assert all(isinstance(one, Judgement) for one in lost)


def test_a_process_holds_no_memory_that_nobody_refers_to():
    before = len(Path("/proc/self/maps").read_text().splitlines())
    for _ in range(200):
        guarded.guarded(bytes(SIZE), "behind")
    assert len(Path("/proc/self/maps").read_text().splitlines()) < before + 50
