"""The whole computation of a subject is read as it is, and what departs in it is described by the shortest formula."""

from dataclasses import replace

import numpy as np
import pytest

from conv_oracle.auditing import LEVELS
from conv_oracle.auditing.problems import problems
from conv_oracle.auditing.reading import computation, described
from conv_oracle.auditing.reading.comparisons import telling
from conv_oracle.auditing.reading.departures import parted
from conv_oracle.auditing.reading.expressions import Bank
from conv_oracle.operation import torch_operations
from conv_oracle.problem import parse
from conv_oracle.truth import fast

PROBLEMS = (
    "conv2d x2x4x6x7 w6x2x3x2 s2,1 p1,2 d1,2 g2 bias float64",
    "conv2d x3x3x5x9 w4x3x2x3 s1,3 p2,1 d2,1 bias float64",
    "conv2d x2x6x7x4 w3x2x1x3 s3,2 p0,1 d1 g3 float64",
    "conv2d x3x2x8x5 w5x2x3x1 s2,3 p1,0 d3,2 float64",
    "conv2d x1x8x4x6 w8x2x2x2 s1,2 p1 d2,1 g4 bias float64",
    "conv2d x4x5x6x5 w2x5x3x3 s1 p2,3 d1,2 bias float64",
)

FURTHER = (
    "conv2d x2x8x3x5 w4x4x2x2 s1 p1 g2 float64",
    "conv2d x3x5x4x3 w2x5x2x2 s1 p1 float64",
    "conv2d x2x9x2x3 w3x3x1x2 s1,2 p0,2 g3 float64",
    "conv2d x2x2x7x3 w4x1x4x1 s2,1 p2,0 g2 float64",
)
"""For what needs several relations of the sizes."""


def answers(compute):
    """What a function of (problem, operands) answers."""
    return lambda problem, operands: [np.asarray(compute(problem, one)).real.astype(float) for one in operands]


def right(problem, operands):
    return problem.compute(fast, operands)


def description(compute, notations=PROBLEMS):
    read = [computation(parse(notation), answers(compute)) for notation in notations]
    return described([one for one in read if one is not None])


def few(op, number):
    fitting = [p for p in problems(op, LEVELS["quick"]) if 0 < p.multiply_adds <= 900 and p.geometry.batch]
    return fitting[:: max(1, len(fitting) // number)]


@pytest.mark.parametrize("op", [*torch_operations()], ids=str)
def test_what_is_right_is_read_as_the_formula(op):
    read = [one for problem in few(op, 14) if (one := computation(problem, answers(right))) is not None]
    assert len(read) > 10
    for one in read:
        part = parted(one)
        assert one.linear, one.problem
        assert not part.wrong.any(), one.problem
        assert not part.missing.any(), one.problem
        assert (part.times == 1).all(), one.problem
        assert len(part.read) == len(part.right), one.problem
    assert described(read) == ()


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "int8", "uint8", "int64", "complex64"])
def test_every_format_is_read(dtype):
    one = computation(replace(parse("conv2d x2x2x3x4 w2x2x2x2 p1 bias float64"), dtype=dtype), answers(right))
    assert one.linear
    assert described([one]) == ()


def with_operand(name, change):
    """The convolution of changed operands."""
    return lambda problem, given: right(problem, {**given, name: change(problem, given[name])})


def with_result(change):
    return lambda problem, given: change(problem, right(problem, given))


def with_parameters(**changes):
    """The convolution with parameters of its own, cut or filled to the size that it should have."""

    def compute(problem, given):
        values = {name: change(getattr(problem, name)) for name, change in changes.items()}
        found = np.zeros(problem.result_shape)
        other = right(replace(problem, **values), given)
        size = [min(a, b) for a, b in zip(found.shape, other.shape, strict=True)]
        at = tuple(map(slice, size))
        found[at] = other[at]
        return found

    return compute


def one_group(problem, given):
    """Every group reads the channels of the first."""
    per_group = problem.input_shape[1] // problem.groups
    first = given["input"][:, :per_group]
    return right(problem, {**given, "input": np.concatenate([first] * problem.groups, axis=1)})


def clamped(problem, given):
    pad = [(0, 0), (0, 0), *problem.padding]
    inside = replace(problem, padding=((0, 0), (0, 0)))
    padded = np.pad(given["input"], pad, mode="edge")
    return right(replace(inside, input_shape=padded.shape), {**given, "input": padded})


def lacking(problem, given):
    """The last tap of the width is left out where the row of the output is odd."""
    whole, cut = right(problem, given), given["weight"].copy()
    cut[..., -1] = 0
    part = right(problem, {**given, "weight": cut})
    whole[:, :, 1::2] = part[:, :, 1::2]
    return whole


def rows_against_the_width(problem, given):
    """Products with rows of the input beyond its width are left out: a mask with the extents exchanged."""
    x = given["input"].copy()
    x[:, :, x.shape[3] :] = 0
    return right(problem, {**given, "input": x})


def partial(problem, given):
    """One tap in three input channels is left out."""
    cut = given["weight"].copy()
    cut[:, 2::3, 0] = 0
    return right(problem, {**given, "weight": cut})


def twice(problem, given):
    return right(problem, given) + right(
        replace(problem, bias=False), {**given, "input": first_channel(given["input"])}
    )


def first_channel(x):
    only = np.zeros_like(x)
    only[:, :1] = x[:, :1]
    return only


def found_at(extents):
    """An array as it is read from memory with these extents: zero beyond its end."""

    def change(problem, x):
        at = sum(index * extent for index, extent in zip(np.indices(x.shape), extents(problem, *x.shape), strict=True))
        return np.where(at < x.size, x.ravel()[np.minimum(at, x.size - 1)], 0)

    return change


def with_the_last_row_for_the_first(problem, given):
    """The first row of the kernel meets the row of the input that the last one meets."""
    cut, first = given["weight"].copy(), np.zeros_like(given["weight"])
    cut[:, :, 0], first[:, :, -1] = 0, given["weight"][:, :, 0]
    bare = {"input": given["input"], "weight": first}
    return right(problem, {**given, "weight": cut}) + right(replace(problem, bias=False), bare)


def without_the_left(problem, given):
    """Sums that begin in the padding on the left are left out; their bias is not."""
    bias = given["bias"][:, None, None] if problem.bias else 0
    begins = np.arange(problem.result_shape[3]) * problem.stride[1] - problem.padding[1][0]
    return np.where(begins < 0, bias, right(problem, given))


def moved_by_the_padding(problem, given):
    return right(replace(problem, padding=tuple((0, 2 * a) for a, _ in problem.padding)), given)


def examples_within_channels(_, x):
    return x.swapaxes(0, 1).reshape(x.shape)


def with_channels_in_turn(problem, w):
    """The rows of the weight of all groups lie in turn."""
    return w.reshape(problem.groups, -1, *w.shape[1:]).swapaxes(0, 1).reshape(w.shape)


WRONG = {
    "example": (
        with_operand("input", lambda _, x: np.broadcast_to(x[:1], x.shape)),
        "example-misread",
        "example: 0, should be n",
    ),
    "slice": (
        with_operand("weight", lambda _, w: w[np.arange(len(w)) % 2]),
        "weight-slice-misread",
        "weight slice: m % 2, should be m",
    ),
    "group": (one_group, "input-channel-misread", "input channel: c, should be g*C/groups + c"),
    "offset of examples": (
        with_operand("input", found_at(lambda p, _, c, h, w: (c // p.groups * h * w, h * w, w, 1))),
        "example-misread",
        "offset in input: n*C/groups*I[0]*I[1], should be n*C*I[0]*I[1]",
    ),
    "offset of rows": (
        with_operand("input", found_at(lambda _, __, c, h, w: (c * h * w, h * w, h, 1))),
        "position-misread",
        "offset in input: position[0]*I[0], should be position[0]*I[1]",
    ),
    "offset in the weight": (
        with_operand("weight", found_at(lambda _, __, ___, h, w: (h * w, h * w, w, 1))),
        "weight-slice-misread",
        "offset in weight: ",
    ),
    "examples within channels": (with_operand("input", examples_within_channels), "example-misread", ""),
    "interleaved": (
        with_operand("weight", with_channels_in_turn),
        "groups-interleaved",
        "weight slice: ",
    ),
    "last row for the first": (with_the_last_row_for_the_first, "position-misread", "where k[0] = 0"),
    "sums of the left, with a bias": (without_the_left, "terms-dropped", "o[1] < padding[1]"),
    "moved by the padding": (moved_by_the_padding, "position-misread", "position: "),
    "kernel": (
        with_operand("weight", lambda _, w: w[..., ::-1]),
        "kernel-flipped",
        "kernel element on axis 1: K - 1 - k, should be k",
    ),
    "stride": (
        with_parameters(stride=lambda s: s[::-1]),
        "position-misread",
        "on axis 0: stride[1]*o + dilation*k - padding, should be o*stride + k*dilation - padding",
    ),
    "padding": (
        with_parameters(padding=lambda p: tuple((a + 1, b + 1) for a, b in p)),
        "origin-shifted",
        "position: stride*o + dilation*k - (padding + 1), should be",
    ),
    "padding twice": (
        with_parameters(padding=lambda p: tuple((2 * a, 2 * b) for a, b in p)),
        "position-misread",
        "should be o*stride + k*dilation - padding",
    ),
    "kernel axes": (
        with_operand("weight", lambda _, w: w.swapaxes(2, 3) if w.shape[2] == w.shape[3] else w),
        "kernel-axes-exchanged",
        "kernel element on axis 0: k[1], should be k",
    ),
    "border": (clamped, "padding-is-not-zero", "clamped(o*stride + k*dilation - padding)"),
    "place": (
        with_result(lambda _, y: y[:, ::-1, ::-1]),
        "output-misplaced",
        "output[n, m, o[0], o[1]] holds output[n, M - 1 - m, ",
    ),
    "unwritten": (
        with_result(lambda _, y: np.where(np.arange(y.shape[3]) < y.shape[3] // 2 * 2, y, 0)),
        "output-not-written",
        "those with o[1]",
    ),
    "mask": (rows_against_the_width, "terms-dropped", "i[0] >= I[1]"),
    "partial": (partial, "terms-dropped", ""),
    "dropped": (lacking, "terms-dropped", "k[1]"),
    "twice": (twice, "terms-repeated", "2 times, where channel = 0"),
    "scaled": (
        with_result(lambda p, y: y / p.input_shape[0]),
        "result-scaled",
        "divided by N",
    ),
    "bias": (
        lambda p, given: right(p, {**given, "bias": np.roll(given["bias"], 1)} if p.bias else given),
        "bias-wrong",
        "should be m",
    ),
    "bias twice": (
        lambda p, given: right(p, {**given, "bias": 2 * given["bias"]} if p.bias else given),
        "bias-wrong",
        "2 times",
    ),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.sampled(2)
def test_what_departs_is_described_by_its_formula(name):
    compute, slug, said = WRONG[name]
    listed = PROBLEMS + FURTHER * name.startswith("offset")
    notations = listed if "bias" in name else [one.replace(" bias", "") for one in listed]
    (found,) = description(compute, notations)
    assert (found.slug, said in found.said) == (slug, True), found


def test_a_bias_that_is_wrong_as_the_whole_result_is_scaled_is_no_fault_of_its_own():
    (found,) = description(with_result(lambda p, y: y / p.input_shape[0]))
    assert found.slug == "result-scaled"


def test_wrong_products_and_a_wrong_bias_are_two():
    def compute(problem, given):
        flipped = {**given, "weight": given["weight"][..., ::-1, ::-1]}
        return right(problem, {**flipped, "bias": 2 * given["bias"]} if problem.bias else flipped)

    found = {one.slug: one.said for one in description(compute)}
    assert found.keys() == {"kernel-flipped", "bias-wrong"}
    assert "2 times" in found["bias-wrong"]


def test_what_is_no_sum_of_products_is_not_described():
    assert description(with_result(lambda _, y: np.abs(y))) == ()


def test_a_layer_that_is_too_long_is_read_in_part_or_not_at_all():
    large = parse("conv2d x2x64x8x8 w64x64x3x3 p1 float64")
    assert computation(large, answers(right)) is None
    part = computation(parse("conv2d x1x16x5x5 w8x16x3x3 p1 float64"), answers(right))
    assert not part.whole
    assert described([part]) == ()


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("a", "a"),
        ("a % 3", "a % 3"),
        ("np.minimum(a, b - 1)", "min(b - 1, a)"),
        ("a*b + c", "a*b + c"),
        ("a*b - c*c + b*c", None),
    ],
)
def test_the_shortest_expression_is_found_and_holds_everywhere(formula, said):
    rng = np.random.default_rng(1)
    known = {name: rng.integers(1, 30, 200) for name in "abc"}
    target = eval(formula, {"np": np}, known)  # noqa: S307
    found = Bank.of(known, (0, 1, 2, 3)).giving(target)
    assert np.array_equal(found.on({**known, "1": np.ones(200, int), "3": np.full(200, 3)}), target)
    assert said is None or found.said == said


def test_where_no_short_expression_is_there_none_is_invented():
    rng = np.random.default_rng(3)
    known = {name: rng.integers(1, 30, 200) for name in "abc"}
    assert Bank.of(known, (0, 1, 2, 3)).giving(rng.integers(0, 9, 200)) is None


@pytest.mark.parametrize(
    ("truth", "said"),
    [
        ("o == size - 1", "o = size - 1"),
        ("o % 2 == 1", "o % 2"),
        ("o >= size // 4 * 4", "o >= size - size % 4"),
        ("(o == 0) | (o == size - 1)", " or "),
        ("(o > 1) & (size > 9)", " and "),
    ],
)
def test_the_shortest_comparison_is_found(truth, said):
    rng = np.random.default_rng(2)
    size = rng.integers(5, 15, 300)
    known = {"o": rng.integers(0, 100, 300) % size, "size": size}
    labels = eval(truth, {}, known)  # noqa: S307
    found = telling(labels, {"o": known["o"]}, {"size": size}, (0, 1, 2, 4, 10))
    assert said in found.said


def test_a_comparison_that_is_not_there_is_not_invented():
    rng = np.random.default_rng(4)
    known = {"o": rng.integers(0, 9, 300), "size": rng.integers(5, 15, 300)}
    assert telling(rng.integers(0, 2, 300) == 1, {"o": known["o"]}, {"size": known["size"]}, (0, 1, 2)) is None
