"""Complex numbers: PyTorch's products, made of three or of four, are within the bound; reduced components are not."""

import numpy as np
import pytest
from library_implementations import by_scipy, by_torch
from simulated_arithmetic import bits

from conv_oracle.auditing.rounding.allowed import ALLOWED, DEFAULT
from conv_oracle.auditing.rounding.data import suites
from conv_oracle.auditing.rounding.ladder import measured
from conv_oracle.auditing.rounding.measures import sample
from conv_oracle.auditing.rounding.plan import of_problem
from conv_oracle.auditing.rounding.probes import probes
from conv_oracle.problem import parse

TORCH = by_torch()


def in_tf32(of, operands):
    kept = bits(11)
    return TORCH(of, {name: kept(array.real) + 1j * kept(array.imag) for name, array in operands.items()})


def class_of(of, answer):
    rng = np.random.default_rng(2)
    return measured(of, [sample(of, one, answer(of, one.operands)) for one in (*suites(of, rng), *probes(of, rng))])


@pytest.mark.parametrize("notation", ["conv1d x2x8x12 w8x8x3 p1 bias {}", "conv_transpose2d x1x8x4x5 w8x4x3x2 s2,1 {}"])
def test_pytorch_is_right_and_tf32_is_caught(notation):
    for dtype in ("complex64", "complex128"):
        for of in of_problem(parse(notation.format(dtype)), gradients=True):
            assert class_of(of, TORCH).name in ("any-order", "wide", "correctly-rounded"), (str(of.problem), of.part)
            found = class_of(of, in_tf32)
            assert not ALLOWED[DEFAULT].holds(found)
            assert (found.name, found.reduced.known.name) == ("reduced-inputs", "TF32")


def test_a_small_transform_is_no_truncation():
    """Errors of a little more than sums in any order have, and no number that is seen to be mixed with others."""
    for dtype in ("float32", "float64"):
        (of,) = of_problem(parse(f"conv2d x3x16x7x1 w8x8x1x2 s2,3 p2 d2 g2 {dtype}"), gradients=False)
        assert ALLOWED[DEFAULT].holds(class_of(of, by_scipy("fft")))
