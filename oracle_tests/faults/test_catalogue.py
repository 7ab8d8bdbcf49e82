"""The catalogue: every fault is told whole, and every way to have it is wrong somewhere, and right elsewhere."""

import re
from dataclasses import fields, replace

import numpy as np
import pytest

from conv_oracle.auditing.problems import problems
from conv_oracle.faults import CATALOGUE, Edit, variants
from conv_oracle.faults.edits import NOTHING
from conv_oracle.problem import parse
from conv_oracle.report.explain import example, explained
from conv_oracle.truth import fast

OPS = [f"{family}{d}d" for family in ("conv", "conv_transpose") for d in (1, 2, 3)]
OPS += [f"conv{d}d_{side}" for d in (1, 2, 3) for side in ("input", "weight")]

SPECIAL = (
    "conv{}d x17x1{} w1x1{}",
    "conv{}d x1030x1{} w1x1{}",
    "conv{}d x65537x1{} w1x1{}",
    "conv{}d x2x40{} w40x40{}",
)
"""What most small problems are not: large batches, and channels beyond a vector."""


def drawn(problem, scale=1.0):
    rng = np.random.default_rng(len(problem.notation))
    found = {}
    for name, shape in problem.operand_shapes.items():
        values = rng.integers(0, 256, shape) if problem.dtype == "uint8" else rng.integers(-9, 10, shape) * scale
        found[name] = values * (1 + 2j) if problem.dtype.startswith("complex") else values
    return found


def varied(op):
    """Problems of an operation on which its faults can show: small, special, complex, with large and tiny numbers."""
    listed = [p for p in problems(op, "quick") if p.multiply_adds < 3000][:90]
    d = listed[0].dimensions
    family = "conv_transpose" if op.startswith("conv_transpose") else "conv"
    for notation in SPECIAL:
        special = parse(notation.format(d, "x1" * d, "x1" * d).replace(f"conv{d}d", f"{family}{d}d"))
        listed.append(replace(special, operation=op))
    square = parse(f"{family}{d}d x2x3{'x5' * d} w3x3{'x3' * d}")
    listed += [replace(square, operation=op, dtype=dtype) for dtype in ("float64", "complex128", "uint8")]
    cube = parse(f"{family}{d}d x2x5{'x5' * d} w5x5{'x3' * d} p1")
    listed.append(replace(cube, operation=op))
    for problem in listed:
        yield problem, drawn(problem)
    large = max(listed[:90], key=lambda problem: problem.multiply_adds)
    for scale in (1e6, 1e5 / 3, 1e-9, 0.0007):
        yield large, drawn(large, scale)


@pytest.mark.parametrize("op", OPS)
def test_nothing_edited_is_the_right_convolution(op):
    for problem, operands in varied(op):
        answer = NOTHING.answered(problem, operands)
        if problem.dtype == "float64" and float(max(np.abs(o).max(initial=0) for o in operands.values())) == 9:
            assert np.array_equal(answer, problem.compute(fast, operands)), problem


NOT_HERE = {"weight": "_weight", "grad_output": "", "input": "_input"}
"""An operand that an operation lacks: faults of it cannot show."""


def cannot_show(op, said):
    lacking = {"grad_output"} if "_" not in op or op.startswith("conv_transpose") else {op.rpartition("_")[2]}
    lacking -= {"transpose1d", "transpose2d", "transpose3d"}
    return any(word in said for word in lacking)


@pytest.mark.parametrize("op", OPS)
def test_every_way_to_have_a_fault_shows_somewhere(op):
    cases = list(varied(op))
    truths = [problem.compute(fast, operands) for problem, operands in cases]
    silent = []
    for fault, variant in variants(op, cases[0][0].dimensions):
        if variant.edit.within:
            continue
        for (problem, operands), truth in zip(cases, truths, strict=True):
            answer = variant.edit.answered(problem, operands)
            if answer is not None and not np.array_equal(answer, truth):
                break
        else:
            if not cannot_show(op, variant.said):
                silent.append((fault.slug, variant.said))
    assert silent == []


def test_two_edits_are_one_after_the_other():
    ways = {(fault.slug, variant.said): variant.edit for fault, variant in variants("conv2d", 2)}
    flip, bias = ways["kernel-flipped", "along the width"], ways["bias-wrong", "it is not added"]
    problem = parse("conv2d x2x2x5x6 w3x2x2x3 p1 bias")
    operands = drawn(problem)
    both = flip.then(bias).answered(problem, operands)
    flipped = {**operands, "weight": operands["weight"][..., ::-1], "bias": operands["bias"] * 0}
    assert np.array_equal(both, problem.compute(fast, flipped))
    assert np.array_equal(bias.then(flip).answered(problem, operands), both)


def test_an_edit_that_cannot_be_computed_has_no_answer():
    ways = {(fault.slug, variant.said): variant.edit for fault, variant in variants("conv2d", 2)}
    problem = parse("conv2d x1x1x2x9 w1x1x2x2 s1,9 d1,8")
    edit = ways["dilation-axes-exchanged", "throughout"]
    assert edit.answered(problem, drawn(problem)) is None


def test_an_edit_has_the_steps_that_its_docstring_tells():
    told = re.findall(r"^    (\w+)  +\(", Edit.__doc__, re.MULTILINE)
    assert [*told, "within"] == [field.name for field in fields(Edit)]


@pytest.mark.parametrize("fault", CATALOGUE.values(), ids=lambda fault: fault.slug)
def test_every_entry_is_whole(fault):
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", fault.slug)
    assert fault.title
    assert fault.right
    assert fault.broken
    assert fault.reveals
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+#\d+", bug) for bug in fault.bugs)
    assert list(explained(fault))
    if any(entry is fault for op in ("conv2d", "conv_transpose2d") for entry, _ in variants(op, 2)):
        assert example(fault) is not None


CLASSES = {
    "group_offset", "axis_swapped", "same_pad_side", "tail_tile", "int_overflow", "strides_ignored", "output_padding",
    "low_precision_accum", "dilation_mishandled", "kernel_specific", "transposed_semantics", "empty_tensor",
    "stride_remainder", "kernel_flip", "kernel_gt_input", "layout_ambiguity", "nonfinite", "race_or_hang",
    "stale_cache", "bias", "fast_algorithm", "uninit_or_oob", "accumulate_contract", "meta_mismatch", "padding_mode",
    "arg_mixup", "double_backward", "quantised_zero_point", "complex_conj", "stride_dilation_swap", "input_mutated",
    "depth_multiplier", "one_d_lowering",
}  # fmt: skip
"""Of the classes of real bugs, those that concern our operations."""


def test_every_class_of_real_bugs_has_an_entry():
    assert {fault.kind for fault in CATALOGUE.values()} >= CLASSES
