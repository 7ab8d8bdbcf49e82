"""One cause is one finding: what follows from it is told under it, or after it; and gradients of a call are read."""

from dataclasses import replace
from pathlib import Path

import pytest

from audit.brief import BRIEF, OF_ROUNDING
from conv_oracle.auditing import audit
from conv_oracle.auditing.diagnosis.findings import folded, in_order
from conv_oracle.auditing.finding import Diagnosis, Evidence, Finding
from conv_oracle.faults import CATALOGUE
from conv_oracle.problem import parse

PLACE = Path(__file__).parent


def finding(kind, fault, condition="", problems=3):
    said = Diagnosis.of_fault(CATALOGUE[fault])
    problem = parse("conv2d x1x1x4x4 w1x1x2x2 float64")
    return Finding(
        kind=kind,
        problem=problem,
        summary=said.title,
        condition=condition,
        problems=problems,
        asked=9,
        evidence=Evidence(call="f()"),
        fault=fault,
        diagnosis=said,
    )


STALE = finding("stale-answer", "stale-cache", "only with an input that is changed in place")
VARIES = finding("varies", "varies", problems=8)
SPECIAL = finding("special-value", "nonfinite-dropped", "only with special values", 6)
DEPENDS = finding("wrong-value", "depends-on-values", "only with wide values")
FLIPPED = finding("wrong-value", "kernel-flipped")


def test_equal_calls_that_differ_are_told_under_the_state_that_is_left_behind():
    (one,) = folded(in_order([VARIES, STALE]))
    assert one.fault == "stale-cache"
    assert one.diagnosis.also == (VARIES.diagnosis.title,)


def test_where_no_answer_is_an_earlier_one_equal_calls_differ_by_themselves():
    assert folded(in_order([VARIES, FLIPPED])) == (VARIES, FLIPPED)


def test_what_state_returns_where_no_output_exists_is_told_under_it():
    invented = finding("accepted-but-invalid", "stale-cache", "where no output exists")
    (one,) = folded((STALE, invented))
    assert one.kind == "stale-answer"
    assert folded((FLIPPED, invented)) == (FLIPPED, invented)


def test_special_values_are_told_under_wrong_products_and_after_what_depends_on_values():
    (one,) = folded(in_order([SPECIAL, FLIPPED]))
    assert one.diagnosis.also == (SPECIAL.diagnosis.title,)
    assert folded(in_order([SPECIAL, DEPENDS])) == (DEPENDS, SPECIAL)
    assert folded(in_order([SPECIAL, VARIES])) == in_order([SPECIAL, VARIES])


def test_what_is_wrong_without_a_bias_is_told_under_a_gradient_that_needs_it():
    partial = finding("wrong-value", "partial-gradients-wrong", "only with gradients by weight only")
    without, within = (
        finding("wrong-value", "result-scaled", said, 400) for said in ("where no bias", "where stride > 1")
    )
    (one,) = folded(in_order([partial, without]))
    assert one.fault == "partial-gradients-wrong"
    assert one.diagnosis.also == (without.diagnosis.title,)
    assert folded(in_order([partial, within])) == (within, partial)


HALF = """
import sys; sys.path.insert(0, {place!r})
import numpy as np
from faulty_subjects import right
def conv2d(x, w, bias=None, **geometry):
    y = 0
    for a in range(w.shape[2]):
        for b in range(w.shape[3]):
            tap = np.zeros_like(w)
            tap[:, :, a, b] = w[:, :, a, b]
            y = (y + right(x, tap, None, **geometry).astype(np.float16)).astype(np.float16)
    y = y.astype(x.dtype)
    return y if bias is None else y + bias.reshape(-1, 1, 1)
"""
READS_FEW_BITS = """
import sys; sys.path.insert(0, {place!r})
import numpy as np
from faulty_subjects import right
def conv2d(x, w, bias=None, **geometry):
    return right(x.astype(np.float16).astype(x.dtype), w.astype(np.float16).astype(w.dtype), bias, **geometry)
"""


@pytest.mark.parametrize(
    ("source", "names"),
    [
        (HALF, {"low-precision-accumulation", "partial-sums-rounded"}),
        (READS_FEW_BITS, {"reduced-precision-operands"}),
    ],
    ids=["sums", "operands"],
)
def test_an_accumulator_of_few_bits_is_one_finding_and_not_its_operands(source, names, tmp_path):
    (tmp_path / "few.py").write_text(source.format(place=str(PLACE)))
    level = replace(OF_ROUNDING, most_seconds=5.0, rounding=6.0)  # however busy the machine is
    verdict = audit(f"{tmp_path}/few.py:conv2d", level=level, seed=1, dtypes=("float32",))
    found = [one for one in verdict.findings if one.kind == "rounding"]
    assert len(found) == 1, [one.diagnosis.title for one in found]
    assert found[0].fault in names


BACKWARD = """
import torch
import torch.nn.functional as F
from torch.nn.grad import conv2d_input, conv2d_weight
class Own(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, bias, where):
        ctx.save_for_backward(x, w)
        ctx.where = where
        return F.conv2d(x, w, bias, *where)
    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        b = dy.sum((0, 2, 3)) if ctx.needs_input_grad[2] else None
        {backward}
        return to_x, to_w, b, None
def conv2d(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return Own.apply(x, w, bias, (stride, padding, dilation, groups))
"""
OF_GRADIENTS = {
    "input": (
        "turned = w[(torch.arange(len(w)) + 1) % len(w)]; "
        "to_x = conv2d_input(x.shape, turned, dy, *ctx.where); to_w = conv2d_weight(x, w.shape, dy, *ctx.where)",
        "weight-slice-misread",
        "(m + 1) % M",
    ),
    "weight": (
        "to_x = conv2d_input(x.shape, w, dy, *ctx.where); to_w = conv2d_weight(x, w.shape, dy, *ctx.where); "
        "to_w[5:6] = 0",
        "terms-dropped output-not-written",
        "those with m",
    ),
}


@pytest.mark.parametrize("operand", ["input", pytest.param("weight", marks=pytest.mark.slow)])
def test_a_gradient_of_a_call_is_read_and_described(operand, tmp_path):
    backward, names, said = OF_GRADIENTS[operand]
    (tmp_path / "own.py").write_text(BACKWARD.format(backward=backward))
    level = replace(BRIEF, diagnosis_seconds=30.0)  # however busy the machine is
    verdict = audit(f"{tmp_path}/own.py:conv2d", level=level, seed=1, arrays="torch", gradients=True)
    one = verdict.findings[0]
    assert one.evidence.part == f"grad_{operand}"
    assert one.fault in names.split()
    assert said in one.diagnosis.title


REMEMBERS = """
import sys; sys.path.insert(0, {place!r})
from faulty_subjects import right
KEPT = {{}}
def conv2d(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    kept = KEPT.setdefault((x.shape, w.shape, w.dtype), w.copy())
    kept = {otherwise}
    return right(x, kept, bias, stride=stride, padding=padding, dilation=dilation, groups=groups)
"""


@pytest.mark.parametrize("otherwise", ["kept", "kept[..., ::-1].copy()"], ids=["stale", "stale-and-flipped"])
def test_what_earlier_calls_leave_behind_is_one_finding_and_hides_no_other(otherwise, tmp_path):
    (tmp_path / "kept.py").write_text(REMEMBERS.format(place=str(PLACE), otherwise=otherwise))
    level = replace(BRIEF, diagnosis_seconds=20.0)  # however busy the machine is
    verdict = audit(f"{tmp_path}/kept.py:conv2d", level=level, seed=1)
    names = [one.fault for one in verdict.findings]
    assert names.count("stale-cache") == 1, names
    assert ("kernel-flipped" in names) == (otherwise != "kept"), names
    assert otherwise != "kept" or names == ["stale-cache"]


IN_C_ORDER = """
import sys; sys.path.insert(0, {place!r})
from faulty_subjects import right
def conv2d(x, w, bias=None, **geometry):
    return right(x, w.ravel(order="K").reshape(w.shape), bias, **geometry)
"""


def test_memory_that_is_misread_is_one_finding_in_whatever_layout(tmp_path):
    (tmp_path / "order.py").write_text(IN_C_ORDER.format(place=str(PLACE)))
    (one,) = audit(f"{tmp_path}/order.py:conv2d", level=BRIEF, seed=1).findings
    assert one.fault == "strides-ignored"
    assert one.condition.startswith("only with ")
