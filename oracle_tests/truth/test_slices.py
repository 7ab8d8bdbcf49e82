"""The splitting: its error bound holds at every level, and a splitting with a fault does not keep it."""

from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np
import pytest

from conv_oracle.problem import parse
from conv_oracle.truth import slices
from conv_oracle.truth.slices import Splitting
from conv_oracle.truth.sums import Sums, in_blocks, of_problem
from truth.exact import exact
from truth.operand_kinds import KINDS, PROBLEMS, operands

LEVELS = (0, 1, 2, 4)
LONG = [  # so many terms that a slice has no bit to spare
    "conv1d x1x96x6 w2x96x3 p1",
    "conv1d_weight x3x2x131 w2x2x2",
    "conv1d_input x1x2x4 w90x2x3 p1",
]


def sums_of(notation: str, dtype: str, kind: str, seed: int) -> Iterator[tuple[Sums, list[Fraction]]]:
    problem = parse(f"{notation} {dtype}")
    given = operands(problem, seed, kind)
    for sums, values in zip(of_problem(problem, given), exact(problem, given), strict=True):
        yield sums, list(values.flat)


def beyond(splitting: Splitting, values: list[Fraction], level: int) -> int:
    """How many outputs are farther from the exact result than the splitting says."""
    high, low, error = splitting.sum(level)
    scale = Fraction(2) ** splitting.exponent
    low = np.zeros_like(high) if low is None else low
    given = zip(high.flat, low.flat, np.broadcast_to(error, high.shape).flat, values, strict=True)
    return sum(
        abs((Fraction(float(h)) + Fraction(float(r))) * scale - v) > Fraction(float(e)) * scale for h, r, e, v in given
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("notation", [*PROBLEMS, *LONG])
def test_the_error_of_every_level_is_within_its_bound(notation: str, dtype: str) -> None:
    for seed, kind in enumerate(KINDS):
        for sums, values in sums_of(notation, dtype, kind, seed):
            splitting = Splitting(sums)
            assert [beyond(splitting, values, level) for level in LEVELS] == [0] * len(LEVELS), kind


def planted(
    monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None], levels: tuple[int, ...]
) -> int:
    plant(monkeypatch)
    found = 0
    for seed, kind in enumerate(KINDS):
        for notation in [PROBLEMS[0], PROBLEMS[6], *LONG]:
            for sums, values in sums_of(notation, "float64", kind, seed):
                splitting = Splitting(sums)
                found += sum(beyond(splitting, values, level) for level in levels)
    return found


def without_the_error_of_the_plain_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Splitting._plain
    monkeypatch.setattr(Splitting, "_plain", lambda self: (plain(self)[0], 0.0))


def without_the_error_of_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    left = Splitting._left
    monkeypatch.setattr(Splitting, "_left", lambda self, level: (left(self, level)[0], 0.0))


def without_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Splitting, "_left", lambda *_: (None, 0.0))


def with_slices_too_long_for_the_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    scaled = Splitting.__init__

    def longer(self: Splitting, sums: Sums) -> None:
        scaled(self, sums)
        self.bits += 3
        for sliced in (*self.firsts, *self.seconds):
            sliced.bits += 3

    monkeypatch.setattr(Splitting, "__init__", longer)


def with_one_pair_of_slices_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    exact_level = Splitting._exact
    monkeypatch.setattr(
        Splitting,
        "_exact",
        lambda self, level: exact_level(self, level) if level else np.zeros_like(exact_level(self, 0)),
    )


def with_a_block_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "BLOCK", 64)
    monkeypatch.setattr(slices, "in_blocks", lambda product, terms: in_blocks(product, terms)[:1])


def without_what_the_constant_rounds_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "two_sum", lambda a, b: (a + b, np.zeros_like(a + b)))


@pytest.mark.parametrize(
    ("plant", "levels"),
    [
        (without_the_error_of_the_plain_sum, (0,)),
        (without_the_error_of_what_is_left, (1, 2)),
        (without_what_is_left, (1, 2)),
        (with_slices_too_long_for_the_sum, (2, 4)),
        (with_one_pair_of_slices_forgotten, (1, 2)),
        (with_a_block_forgotten, (0,)),
        (without_what_the_constant_rounds_to, (2,)),
    ],
)
def test_a_splitting_with_a_fault_breaks_its_bound(
    monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None], levels: tuple[int, ...]
) -> None:
    assert planted(monkeypatch, plant, levels) > 0


def test_the_bound_holds_where_one_element_is_read_often_through_one_kernel_element() -> None:
    """Cauchy and Schwarz count a kernel element once for every time that it is drawn on."""
    problem = parse("conv1d_input x1x1x2 w1x1x1 p8 replicate float32")
    given = {"weight": np.ones((1, 1, 1)), "grad_output": np.ones(problem.output_shape)}
    (sums,) = of_problem(problem, given)
    splitting = Splitting(sums)
    assert (np.ldexp(splitting._magnitude(), splitting.exponent) >= 9).all()


def test_the_bound_holds_where_squares_underflow() -> None:
    problem = parse("conv1d x1x400x2 w1x400x1 float64")
    random = np.random.default_rng(1)
    x, w = random.standard_normal((1, 400, 2)), random.standard_normal((1, 400, 1))
    x[..., 0] *= 2.0**-600
    given = {"input": x, "weight": w}
    (sums,) = of_problem(problem, given)
    splitting = Splitting(sums)
    assert [beyond(splitting, list(exact(problem, given)[0].flat), level) for level in LEVELS] == [0] * len(LEVELS)
