"""The catalogue: every fault is told whole, and every way to have it is wrong somewhere, and right elsewhere."""

import re
from dataclasses import fields, replace

import numpy as np
import pytest

from conv_oracle.auditing.level import LEVELS
from conv_oracle.auditing.problems import edges, problems
from conv_oracle.faults import CATALOGUE, DEPARTURES, Edit, Fault, Variant, rare_variants, title_of, variants
from conv_oracle.operation import operation, torch_operations
from conv_oracle.problem import parse
from conv_oracle.report.explain import example, explained
from conv_oracle.truth import fast

OPS = list(torch_operations())

SPECIAL = (
    "{} x17x1{} w1x1{}",
    "{} x1030x1{} w1x1{}",
    "{} x65537x1{} w1x1{}",
    "{} x2x40{} w40x40{}",
)
"""What most small problems are not: large batches, and channels beyond a vector."""


def drawn(problem, scale=1.0):
    rng = np.random.default_rng(len(problem.notation))
    found = {}
    for name, shape in problem.operand_shapes.items():
        values = rng.integers(0, 256, shape) if problem.dtype == "uint8" else rng.integers(-9, 10, shape) * scale
        if values.size == 1:  # zero shows nothing
            values = values + 10 * (values == 0)
        found[name] = values + 1j * rng.integers(-9, 10, shape) if problem.complex_valued else values
    return found


def varied(op):
    """Problems of an operation on which its faults can show: small, special, complex, with large and tiny numbers."""
    small = [p for p in (*problems(op, LEVELS["quick"])[:120], *edges(op, LEVELS["quick"])) if p.multiply_adds < 3000]
    listed = list(small)
    d, forward = op.axes, op.of_forward
    for notation in SPECIAL:
        special = parse(notation.format(forward, "x1" * d, "x1" * d))
        listed.append(replace(special, operation=op))
    square = parse(f"{forward} x2x3{'x5' * d} w3x3{'x3' * d}")
    listed += [replace(square, operation=op, dtype=dtype) for dtype in ("float64", "complex128", "uint8")]
    cube = parse(f"{forward} x2x5{'x5' * d} w5x5{'x3' * d} p1")
    listed.append(replace(cube, operation=op))
    sides = parse(f"{forward} x1x1{'x4' * d} w1x1{'x2' * d} p{','.join(['0:1'] * d)}")
    listed.append(replace(sides, operation=op))
    listed += [] if op.transposed else [replace(sides, operation=op, padding_mode="reflect")]
    for problem in listed:
        yield problem, drawn(problem)
    large = max(small, key=lambda problem: problem.multiply_adds)
    for scale in (1e6, 1e5 / 3, 1e-9, 0.0007):
        yield large, drawn(large, scale)


@pytest.mark.parametrize("op", OPS, ids=str)
def test_nothing_edited_is_the_right_convolution(op):
    for problem, operands in varied(op):
        answer = Edit().answered(problem, operands)
        if problem.dtype == "float64" and float(max(np.abs(o).max(initial=0) for o in operands.values())) == 9:
            assert np.array_equal(answer, problem.compute(fast, operands)), problem


def can_show(op, variant):
    """Whether an operation takes an operand that a way concerns; groups and kernels all of them have."""
    return not variant.concerns or {*op.operands, "bias", "groups", "kernel_size"} & set(variant.concerns)


@pytest.mark.parametrize("op", OPS, ids=str)
@pytest.mark.sampled(3)
def test_every_way_to_have_a_fault_shows_somewhere(op):
    cases = list(varied(op))
    truths = [problem.compute(fast, operands) for problem, operands in cases]
    silent = []
    for fault, variant in variants(op):
        if variant.edit.within:
            continue
        for (problem, operands), truth in zip(cases, truths, strict=True):
            answer = variant.edit.answered(problem, operands)
            if answer is not None and not np.array_equal(answer, truth):
                break
        else:
            if can_show(op, variant):
                silent.append((fault.slug, variant.said))
    assert silent == []


def test_two_edits_are_one_after_the_other():
    ways = {(fault.slug, variant.said): variant.edit for fault, variant in variants(operation("conv2d"))}
    flip, bias = ways["kernel-flipped", "along the width"], ways["bias-wrong", "it is not added"]
    problem = parse("conv2d x2x2x5x6 w3x2x2x3 p1 bias")
    operands = drawn(problem)
    both = flip.then(bias).answered(problem, operands)
    flipped = {**operands, "weight": operands["weight"][..., ::-1], "bias": operands["bias"] * 0}
    assert np.array_equal(both, problem.compute(fast, flipped))
    assert np.array_equal(bias.then(flip).answered(problem, operands), both)


def test_an_edit_that_cannot_be_computed_has_no_answer():
    ways = {(fault.slug, variant.said): variant.edit for fault, variant in variants(operation("conv2d"))}
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
    assert "below" not in f"{fault.broken} {fault.reveals} {fault.hides} {fault.damages}", "explain shows nothing below"
    if any(entry is fault for op in ("conv2d", "conv_transpose2d") for entry, _ in variants(operation(op))):
        assert example(fault) is not None


COVERED_BY = {
    "accumulate_contract": "batch-offset-wrong result-scaled partial-gradients-wrong",
    "arg_mixup": "padding-of-another-mode",
    "axis_swapped": "kernel-axes-exchanged stride-axes-exchanged padding-axes-exchanged dilation-axes-exchanged "
    "output-padding-axes-exchanged stride-of-one-axis-for-all padding-of-one-axis-for-all dilation-of-one-axis-for-all",
    "bias": "bias-wrong",
    "complex_conj": "conjugation-wrong",
    "depth_multiplier": "depthwise-filters-mixed",
    "dilation_mishandled": "dilation-ignored dilation-applied-twice dilation-counts-holes",
    "double_backward": "double-backward-wrong",
    "empty_tensor": "empty-batch-refused",
    "fast_algorithm": "fast-algorithm-inaccurate fast-algorithm-used depends-on-values",
    "group_offset": "group-offset-wrong groups-interleaved channels-reversed",
    "input_mutated": "operand-changed",
    "int_overflow": "index-overflow integer-overflow",
    "kernel_flip": "kernel-flipped",
    "kernel_gt_input": "output-invented",
    "kernel_specific": "sign-lost raises crashes unknown",
    "layout_ambiguity": "layout-misread no-array-returned",
    "low_precision_accum": "precision-lost low-precision-accumulation partial-sums-rounded accumulation-truncated "
    "result-truncated rounding-beyond-bound",
    "meta_mismatch": "wrong-result-dtype wrong-result-shape",
    "nonfinite": "small-values-skipped nonfinite-dropped reads-outside-support infinity-changed saturates "
    "spurious-overflow",
    "one_d_lowering": "unbatched-mishandled",
    "output_padding": "output-padding-mishandled",
    "padding_mode": "padding-is-not-zero reflection-repeats-the-edge",
    "quantised_zero_point": "result-clamped",
    "race_or_hang": "varies hangs refuses-inconsistently",
    "same_pad_side": "padding-ignored padding-on-one-side padding-sides-exchanged same-pads-the-wrong-side "
    "origin-shifted",
    "stale_cache": "activation-fused stale-cache workspace-returned",
    "stride_dilation_swap": "stride-and-dilation-exchanged",
    "stride_remainder": "stride-ignored size-formula-wrong",
    "strides_ignored": "strides-ignored",
    "tail_tile": "kernel-element-dropped output-not-written input-border-unread one-product-dropped tile-tail-dropped "
    "channel-dropped channel-tail-dropped reduction-tail-dropped",
    "tf32_silent": "reduced-precision-operands",
    "transposed_semantics": "overlaps-overwritten transposed-padding-misread weight-channels-exchanged",
    "uninit_or_oob": "reads-around-the-border memory-overrun memory-exhausted protocol-corrupted",
}
"""The classes of bugs that convolutions had in public trackers, and the entries of the catalogue that each is about."""


def test_every_class_of_real_bugs_has_entries_and_every_entry_a_class():
    read = {fault.slug for fault in DEPARTURES}  # kinds of departures, of which the bugs of any class may be one
    assert {slug for slugs in COVERED_BY.values() for slug in slugs.split()} == set(CATALOGUE) - read


@pytest.mark.parametrize("op", OPS, ids=str)
def test_the_ways_of_a_fault_are_told_apart_by_their_words(op):
    titles = [(fault.slug, title_of(fault, variant)) for fault, variant in (*variants(op), *rare_variants(op))]
    assert len(set(titles)) == len(titles)


def test_a_way_continues_the_title_or_stands_after_a_colon():
    fault = Fault(slug="a-b", title="it is wrong", right="a", broken="b", reveals="c", hides="d")
    assert title_of(fault, Variant("along the width", Edit(), continues=True)) == "it is wrong along the width"
    assert title_of(fault, Variant("it is negated", Edit())) == "it is wrong: it is negated"
    assert title_of(fault, Variant("", Edit())) == title_of(fault, Variant("", Edit(), continues=True)) == "it is wrong"


@pytest.mark.parametrize("op", OPS, ids=str)
def test_what_a_way_concerns_is_what_its_edit_changes(op):
    """Of the ways that change operands alone, on problems of which every operand is there."""
    cases = [(problem, operands) for problem, operands in varied(op) if problem.multiply_adds < 300]
    for fault, variant in variants(op):
        edit = variant.edit
        if not edit.operands or edit.changes_map or edit.answer or not variant.concerns:
            continue
        changed = set()
        for problem, operands in cases:
            (change,) = edit.operands
            try:
                given = change(problem, operands)
            except (ValueError, IndexError):
                continue
            changed |= {name for name in operands if not np.array_equal(given[name], operands[name])}
        assert changed <= set(variant.concerns), (fault.slug, variant.said)


def test_an_example_shows_a_fault_that_is_there():
    """The numbers and shapes that `explain` prints as broken: never the right ones, and never those of rounding."""
    for fault in CATALOGUE.values():
        shown = example(fault)
        if shown is not None:
            assert shown.right.shape != shown.broken.shape or (shown.right != shown.broken).any(), fault.slug
            assert np.array_equal(shown.right, shown.problem.compute(fast, shown.operands)), fault.slug
            assert np.array_equal(shown.right, Edit().answered(shown.problem, shown.operands)), fault.slug
    assert example(CATALOGUE["unbatched-mishandled"]).problem.batched is False
    assert example(CATALOGUE["crashes"]) is None


def test_shapes_are_printed_where_they_differ():
    fault = CATALOGUE["size-formula-wrong"]
    shown, table = example(fault), list(explained(fault))[5]
    labels, said = (list(column.cells) for column in table.columns)
    assert labels == ["input", "weight", "right", "broken"]
    assert str(said[2]).startswith(str(shown.right.shape))
    assert str(said[3]).startswith(str(shown.broken.shape))
