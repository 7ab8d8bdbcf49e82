"""The one-line notation: what is printed is parsed back, and what means nothing is refused by name."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conv_oracle.errors import GeometryError, NotationError
from conv_oracle.formulas import definition
from conv_oracle.geometry import PADDING_MODES
from conv_oracle.problem import Problem, parse, problem

FAMILIES = [f"{kind}{{}}d{suffix}" for kind in ("conv", "conv_transpose") for suffix in ("", "_input", "_weight")]


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    axes = draw(st.integers(1, 4))
    per_axis = st.one_of(st.integers(-1, 12), st.lists(st.integers(-1, 12), min_size=axes, max_size=axes))
    sides = st.tuples(st.integers(-1, 9), st.integers(-1, 9))
    return problem(
        draw(st.sampled_from(FAMILIES)).format(axes),
        draw(st.lists(st.integers(0, 40), min_size=axes + 1, max_size=axes + 2)),
        draw(st.lists(st.integers(0, 40), min_size=axes + 2, max_size=axes + 2)),
        stride=draw(per_axis),
        padding=draw(
            st.one_of(per_axis, st.lists(sides, min_size=axes, max_size=axes), st.sampled_from(["same", "valid"]))
        ),
        output_padding=draw(per_axis),
        dilation=draw(per_axis),
        groups=draw(st.integers(0, 9)),
        padding_mode=draw(st.sampled_from(PADDING_MODES)),
        bias=draw(st.booleans()),
        dtype=draw(st.sampled_from(["float64", "float32", "bfloat16", "int8", "complex64", "object"])),
    )


@given(problems())
def test_every_problem_is_read_back_from_its_notation(one: Problem):
    assert parse(str(one)) == one
    assert str(parse(str(one))) == str(one)


def test_the_notation_of_the_readme_means_what_it_says():
    one = parse("conv2d x2x4x7x9 w6x2x3x2 s2,3 p1:2,0:3 d2,1 g2 bias float32")
    assert one == problem(
        "conv2d", (2, 4, 7, 9), (6, 2, 3, 2), stride=(2, 3), padding=((1, 2), (0, 3)), dilation=(2, 1), groups=2,
        bias=True, dtype="float32",
    )  # fmt: skip
    assert one.geometry.output_shape == one.output_shape == (2, 6, 3, 4)
    assert one.operand_shapes == {"input": (2, 4, 7, 9), "weight": (6, 2, 3, 2), "bias": (6,)}
    assert one.multiply_adds == 2 * 6 * 2 * 3 * 2 * 3 * 4


@pytest.mark.parametrize("family", FAMILIES)
def test_every_operation_computes_what_its_operand_shapes_say(family):
    one = parse(f"{family.format(1)} x2x4x5 w4x2x3 s2 g2")
    operands = {name: _counting(shape) for name, shape in one.operand_shapes.items()}
    expected = {"_input": one.input_shape, "_weight": one.weight_shape}.get(
        family[family.index("}d") + 2 :], one.output_shape
    )
    assert one.compute(definition, operands).shape == expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "a problem is an operation, x and the input's shape, w and the weight's shape"),
        ("conv2d w1x1x1x1 x1x1x1x1", "a problem is an operation, x and the input's shape, w and the weight's shape"),
        ("convolve x1x1x5 w1x1x2", "operation='convolve'"),
        ("conv2d x1x1x5 w1x1x2", "the weight of conv2d has 4 dimensions: w=1x1x2; w1x1x1x1 would fit"),
        ("conv1d x1xax5 w1x1x2", "a shape is sizes joined by x: 'x1xax5'"),
        ("conv1d x1x1x5 w1x1x2 q3", "'q3'"),
        ("conv1d x1x1x5 w1x1x2 s1,2", "stride is one number, or one per axis: stride=(1, 2); 1 entries would fit"),
        ("conv1d x1x1x5 w1x1x2 sx", "a parameter is a letter and numbers: 'sx'; s1 would fit"),
        ("conv1d x1x1x5 w1x1x2 p1:2:3", "a parameter is a letter and numbers: 'p1:2:3'; p1 would fit"),
        ("conv1d x1x1x5 w1x1x2 s1:2", "a parameter is a letter and numbers: 's1:2'; s1 would fit"),
        ("conv1d x1x1x5 w1x1x2 g1,2", "a parameter is a letter and numbers: 'g1,2'; g1 would fit"),
        ("conv1d x1x1x5 w1x1x2 s1 s2", "a parameter is given once: 's2'"),
        ("conv1d x1x1x5 w1x1x2 float32 float64", "a parameter is given once: 'float64'"),
        ("conv1d x1x1x5 w1x1x2 mirror", "'mirror'"),
    ],
)
def test_a_line_that_means_nothing_is_refused_by_its_word(line, message):
    with pytest.raises(NotationError) as refusal:
        parse(line)
    assert message in str(refusal.value)


def test_a_problem_without_a_solution_has_a_notation_but_no_geometry():
    one = parse("conv1d x1x1x3 w1x1x5")
    with pytest.raises(GeometryError, match="the kernel must fit"):
        _ = one.geometry


def _counting(shape):
    return np.arange(1, 1 + int(np.prod(shape))).reshape(shape)
