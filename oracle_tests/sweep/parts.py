"""The suite in named parts, each a few seconds long and able to run on any way of computing.

A part asserts what the suite asserts, on a slice of the same space. It is what a planted fault must not survive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import partial
from itertools import islice

import numpy as np

from conv_oracle.formulas import definition
from conv_oracle.passes import Passes
from conv_oracle.problem import Problem, parse
from conv_oracle.space import CHANNELS, covering_problems, one_axis_problems
from sweep.answers import answers
from sweep.check import assert_same, check_problems, checked_answers
from sweep.identities import RELATIONS, Relation
from sweep.operands import make_case
from sweep.tally import Tally

SEED = 7
Part = Callable[[Passes], None]


def against_torch(problems: Callable[[], Iterable[Problem]], passes: Passes, *, double: bool = False) -> None:
    """Every pass of some problems equals torch's."""
    check_problems(problems(), passes, seed=SEED, tally=Tally(), definition_every=0, double=double)


def identity(relation: Relation, passes: Passes) -> None:
    """One of the relations, on ten random problems."""
    random = np.random.default_rng(SEED)
    for _ in range(10):
        relation(passes, random)


def against_definition(passes: Passes) -> None:
    """Every pass, double backward too, equals the definition's on integers."""
    for problem in islice(covering_problems("conv", 1, wider=True), 0, None, 40):
        case = make_case(problem, SEED, double=True)
        assert_same(case, checked_answers(passes, case, SEED), answers(definition, case), "the definition", SEED)


def against_fractions(passes: Passes) -> None:
    """Float results of operands that are thirds and sevenths of integers, scaled back, equal the Fractions' sums."""
    for problem in islice(covering_problems("conv", 1, wider=True), 0, None, 60):
        case = make_case(problem, SEED, double=False)
        as_fractions = partial(np.vectorize, otypes=[object])
        x = as_fractions(lambda value: Fraction(int(value), 3))(case.input) if case.input.size else case.input
        w = as_fractions(lambda value: Fraction(int(value), 7))(case.weight)
        exact = definition.conv(x, w, **problem.parameters)
        got = passes.conv(case.input, case.weight, **problem.parameters)
        assert got.shape == exact.shape, f"{problem}: got shape {got.shape}, expected {exact.shape}"
        wrong = [n for n, (g, e) in enumerate(zip(got.flat, exact.flat, strict=True)) if Fraction(float(g)) != 21 * e]
        assert not wrong, f"{problem}: {len(wrong)} of {got.size} differ from the Fractions, first at {wrong[0]}"


def integers_wrap(passes: Passes) -> None:
    """Results of integer operands are the Python integers' modulo 2^bits."""
    random = np.random.default_rng(SEED)
    line = "conv2d x2x4x5x6 w6x2x3x2 s2,1 p1 g2"
    for dtype in ("int8", "uint8", "int16", "int32", "int64", "uint64"):
        case = make_case(parse(line), SEED, double=False)
        limits = np.iinfo(dtype)
        x = random.integers(limits.min, limits.max, case.input.shape, dtype=dtype, endpoint=True)
        w = random.integers(limits.min, limits.max, case.weight.shape, dtype=dtype, endpoint=True)
        exact = definition.conv(x.astype(object), w.astype(object), **case.problem.parameters)
        got = passes.conv(x, w, **case.problem.parameters)
        assert got.dtype == x.dtype, f"{line} {dtype}: got dtype {got.dtype}"
        wrong = [int(g) for g, e in zip(got.flat, exact.flat, strict=True) if (int(g) - e) % 2**limits.bits]
        assert not wrong, f"{line} {dtype}: {len(wrong)} of {got.size} differ modulo 2^{limits.bits}"


def _every(step: int, problems: Iterator[Problem]) -> Iterator[Problem]:
    return islice(problems, 0, None, step)


def _covering(family: str, dimensions: int, wanted: Callable[[Problem], bool], step: int = 1) -> Iterator[Problem]:
    problems = covering_problems(family, dimensions, wider=True)
    return _every(step, (problem for problem in problems if wanted(problem)))


PARTS: dict[str, Part] = {
    "torch: one axis": partial(
        against_torch, lambda: _every(23, one_axis_problems("conv", channels=CHANNELS[3:8:4], batches=(2,)))
    ),
    "torch: one axis, transposed": partial(
        against_torch, lambda: _every(61, one_axis_problems("conv_transpose", channels=CHANNELS[3:8:4], batches=(2,)))
    ),
    "torch: two axes": partial(
        against_torch, lambda: _covering("conv", 2, lambda p: p.padding_mode == "zeros" and p.padding != "same", 9)
    ),
    "torch: two axes, transposed": partial(
        against_torch, lambda: _covering("conv_transpose", 2, lambda p: p.multiply_adds < 2000, 5)
    ),
    "torch: three axes": partial(against_torch, lambda: _covering("conv", 3, lambda p: p.multiply_adds < 2000, 13)),
    "torch: 'same' and 'valid'": partial(
        against_torch, lambda: _covering("conv", 2, lambda p: isinstance(p.padding, str), 16)
    ),
    **{
        f"torch: padding {mode}": partial(
            against_torch, lambda mode=mode: _covering("conv", 1, lambda p: p.padding_mode == mode)
        )
        for mode in ("reflect", "replicate", "circular")
    },
    "torch: asymmetric padding": partial(
        against_torch,
        lambda: _covering(
            "conv", 1, lambda p: any(isinstance(pair, tuple) and pair[0] != pair[1] for pair in p.padding)
        ),
    ),
    "torch: bias": partial(against_torch, lambda: _covering("conv", 2, lambda p: p.bias and p.multiply_adds < 500, 9)),
    "torch: empty and unbatched": partial(
        against_torch,
        lambda: _covering("conv", 1, lambda p: len(p.input_shape) == 2 or p.input_shape[0] == 0, 4),
    ),
    "torch: double backward": partial(
        against_torch,
        lambda: _every(53, one_axis_problems("conv", channels=CHANNELS[3:8:4], batches=(2,))),
        double=True,
    ),
    "torch: double backward, transposed": partial(
        against_torch,
        lambda: _every(199, one_axis_problems("conv_transpose", channels=CHANNELS[3:8:4], batches=(2,))),
        double=True,
    ),
    "torch: complex": partial(
        against_torch,
        lambda: _every(83, one_axis_problems("conv", channels=CHANNELS[3:4], batches=(2,), dtype="complex128")),
    ),
    "torch: complex, transposed": partial(
        against_torch,
        lambda: _every(
            199, one_axis_problems("conv_transpose", channels=CHANNELS[3:4], batches=(2,), dtype="complex128")
        ),
    ),
    "torch: float32": partial(
        against_torch, lambda: _every(83, one_axis_problems("conv", channels=CHANNELS[3:4], dtype="float32"))
    ),
    "definition": against_definition,
    "Fractions": against_fractions,
    "integers wrap": integers_wrap,
    **{f"identity: {relation.__name__}": partial(identity, relation) for relation in RELATIONS},
}
