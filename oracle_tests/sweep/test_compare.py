"""The comparison helpers must be able to fail: each case is a pair that differs in one way, each mutant misses one."""

# A fault takes what the right function takes, and forgets some of it.
# ruff: noqa: ARG001, ARG002, ARG005

from fractions import Fraction

import numpy as np
import pytest

from conv_oracle.passes import Passes
from conv_oracle.problem import parse
from conv_oracle.truth import fast
from sweep.algebra import same
from sweep.check import check_problems
from sweep.compare import beyond_bound, difference
from sweep.tally import Tally

THREE = np.array([[1.0, -2.0, 3.0], [4.0, 5.0, -6.0]])


def _with(index, value):
    array = THREE.copy()
    array[index] = value
    return array


class Subclass(np.ndarray):
    """An array whose comparison says what it likes."""

    def __eq__(self, other):
        return np.True_

    __hash__ = None


DIFFERENT = {
    "first element": (_with((0, 0), 9), THREE),
    "last element": (_with((1, 2), 9), THREE),
    "sign": (-THREE, THREE),
    "two exchanged": (_with((0, 0), -2.0) + _with((0, 1), 1.0) - THREE, THREE),
    "NaN in both": (_with((0, 1), np.nan), _with((0, 1), np.nan)),
    "NaN got": (_with((0, 1), np.nan), THREE),
    "last bit": (_with((0, 0), np.nextafter(1.0, 2)), THREE),
    "dtype": (THREE.astype(np.float32), THREE),
    "integers for floats": (THREE.astype(np.int64), THREE),
    "broadcast row": (np.ones((1, 3)), np.ones((2, 3))),
    "broadcast number": (np.array(1.0), np.ones((2, 3))),
    "as many elsewhere": (THREE.reshape(3, 2), THREE),
    "empty for full": (np.empty((0, 3)), THREE),
    "empty of another shape": (np.empty((0, 3)), np.empty((0, 2))),
    "imaginary part": (THREE + 1j, THREE + 0j),
    "scalar": (np.array(2.0), np.array(3.0)),
    "a list": (THREE.tolist(), THREE),
    "nothing": (None, THREE),
    "an array that lies": (_with((0, 0), 9).view(Subclass), THREE),
}


def comparison_part(compare):
    """What every exact comparison must do."""
    assert compare(THREE.copy(), THREE) is None
    assert compare(np.empty((0, 2)), np.empty((0, 2))) is None
    missed = [name for name, (got, expected) in DIFFERENT.items() if not compare(got, expected)]
    assert not missed, f"called equal: {', '.join(missed)}"


def _says(equal):
    """A comparison from a predicate; where that raises, it has not called anything equal."""

    def compare(*arguments):
        try:
            return None if equal(*arguments) else "differs"
        except (AttributeError, TypeError, ValueError):
            return "differs"

    return compare


COMPARISON_MUTANTS = {
    "the shape only": lambda g, e: np.shape(g) == e.shape,
    "broadcasts": lambda g, e: type(g) is np.ndarray and g.dtype == e.dtype and bool(np.all(g == e)),
    "NaN equals NaN": lambda g, e: not difference(np.nan_to_num(g) if type(g) is np.ndarray else g, np.nan_to_num(e)),
    "ignores the sign": lambda g, e: difference(np.abs(g) if type(g) is np.ndarray else g, np.abs(e)) is None,
    "drops the result": lambda g, e: bool(difference(g, e)) or True,
    "compares to itself": lambda g, e: difference(e, e) is None or g is None,
    "ignores the dtype": lambda g, e: type(g) is np.ndarray and difference(g.astype(e.dtype), e) is None,
    "the first element only": lambda g, e: np.ravel(g)[:1].tolist() == e.ravel()[:1].tolist(),
    "any instead of all": lambda g, e: np.shape(g) == e.shape and bool(np.any(g == e) or not e.size),
    "a tolerance": lambda g, e: (
        type(g) is np.ndarray and (g.shape, g.dtype) == (e.shape, e.dtype) and bool(np.all(np.abs(g - e) <= 1e-6))
    ),
    "the sum": lambda g, e: (
        type(g) is np.ndarray and (g.shape, g.dtype) == (e.shape, e.dtype) and bool(np.sum(g) == np.sum(e))
    ),
    "flattens": lambda g, e: type(g) is np.ndarray and g.dtype == e.dtype and np.array_equal(g.ravel(), e.ravel()),
    "the real part": lambda g, e: (
        type(g) is np.ndarray and (g.shape, g.dtype) == (e.shape, e.dtype) and np.array_equal(g.real, e.real)
    ),
    "asks the array": lambda g, e: (
        isinstance(g, np.ndarray) and (g.shape, g.dtype) == (e.shape, e.dtype) and bool((g == e).all())
    ),
    "turns into an array": lambda g, e: (
        difference(np.asarray(g, dtype=type(e.flat[0]) if e.size else float), e) is None
    ),
    "where the difference exceeds nothing": lambda g, e: (
        type(g) is np.ndarray and (g.shape, g.dtype) == (e.shape, e.dtype) and not np.any(np.abs(g - e) > 0)
    ),
}


def test_difference():
    comparison_part(difference)


@pytest.mark.parametrize("mutant", COMPARISON_MUTANTS)
def test_comparison_mutant_is_killed(mutant):
    with pytest.raises(AssertionError, match="called equal"):
        comparison_part(_says(COMPARISON_MUTANTS[mutant]))


# The bound


def _fractions(values):
    return np.array([Fraction(v) for v in np.ravel(values)], dtype=object).reshape(np.shape(values))


EXACT = _fractions([1.0, -2.0, 4.0])
BOUND = _fractions([0.5, 0.25, 0.0])
BEYOND = {
    "above": ([1.75, -2.0, 4.0], EXACT, BOUND),
    "below": ([0.25, -2.0, 4.0], EXACT, BOUND),
    "a bound of zero": ([1.0, -2.0, np.nextafter(4.0, 5)], EXACT, BOUND),
    "just beyond": ([1.0, np.nextafter(-2.25, -3), 4.0], EXACT, BOUND),
    "NaN": ([np.nan, -2.0, 4.0], EXACT, BOUND),
    "infinite": ([np.inf, -2.0, 4.0], EXACT, BOUND),
    "shape": ([1.0], EXACT, BOUND),
    "one bound for all": ([1.0, -2.0, 4.0], EXACT, _fractions([9.0])),
}


def bound_part(compare):
    """What every comparison by a bound must do."""
    assert compare(np.array([1.5, -2.25, 4.0]), EXACT, BOUND) is None
    missed = [name for name, (got, expected, bound) in BEYOND.items() if not compare(np.array(got), expected, bound)]
    assert not missed, f"called within the bound: {', '.join(missed)}"


def _floats(*arrays):
    return [np.asarray(array, dtype=np.float64) for array in arrays]


BOUND_MUTANTS = {
    "NaN passes": lambda g, e, b: not np.any(np.abs(np.subtract(*_floats(g, e))) > _floats(b)[0]),
    "one-sided": lambda g, e, b: not np.any(~(np.subtract(*_floats(g, e)) <= _floats(b)[0])),
    "the other side": lambda g, e, b: not np.any(~(np.subtract(*_floats(e, g)) <= _floats(b)[0])),
    "the largest bound for all": lambda g, e, b: bool(np.all(np.abs(np.subtract(*_floats(g, e))) <= max(b))),
    "relative": lambda g, e, b: bool(np.all(np.abs(np.subtract(*_floats(g, e))) <= 0.6 * np.abs(_floats(e)[0]))),
}


def test_beyond_bound():
    bound_part(beyond_bound)


@pytest.mark.parametrize("mutant", BOUND_MUTANTS)
def test_bound_mutant_is_killed(mutant):
    with np.errstate(invalid="ignore"), pytest.raises(AssertionError, match="called within"):
        bound_part(_says(BOUND_MUTANTS[mutant]))


# The relations' own comparison, which also takes bare numbers


@pytest.mark.parametrize(
    ("got", "expected"),
    [(1, 2), (1.0, np.nan), (np.array([1, 2]), np.array([1, 3])), (np.ones(2), np.ones(1)), (1, np.ones(1))],
)
def test_same_can_fail(got, expected):
    with pytest.raises(AssertionError):
        same(got, expected, "x = y")


# The checker: every pass is looked at


def _wrong(method):
    """The fast form with one wrong number in one operation's result."""

    def operation(self, *arguments, **parameters):
        result = getattr(fast, method)(*arguments, **parameters)
        result.flat[-1] += 1
        return result

    return type("Wrong", (Passes,), {method: operation})(fast.to_output, fast.to_input, fast.to_weight)


def _wrong_double(method, field):
    def operation(self, *arguments, **parameters):
        by = getattr(fast, method)(*arguments, **parameters)
        getattr(by, field).flat[-1] += 1
        return by

    return type("Wrong", (Passes,), {method: operation})(fast.to_output, fast.to_input, fast.to_weight)


CONV = "conv2d x2x4x5x6 w6x2x3x2 s2,1 p1 g2 bias float32"
CONV_TRANSPOSE = "conv_transpose2d x2x4x3x4 w4x3x3x2 s2,1 p1 g2 bias float32"
CHECKED = [
    ("forward", CONV, _wrong("conv")),
    ("input gradient", CONV, _wrong("conv_input")),
    ("weight gradient", CONV, _wrong("conv_weight")),
    ("bias gradient", CONV, _wrong("conv_bias")),
    ("forward", CONV_TRANSPOSE, _wrong("conv_transpose")),
    ("input gradient", CONV_TRANSPOSE, _wrong("conv_transpose_input")),
    ("weight gradient", CONV_TRANSPOSE, _wrong("conv_transpose_weight")),
    *((f"double backward by {field}", CONV, _wrong_double("conv_double_backward", field))
      for field in ("input", "weight", "grad_output")),
    *((f"double backward by {field}", CONV_TRANSPOSE, _wrong_double("conv_transpose_double_backward", field))
      for field in ("input", "weight", "grad_output")),
]  # fmt: skip


@pytest.mark.parametrize(("what", "line", "passes"), CHECKED)
def test_checker_looks_at_every_pass(what, line, passes, seed):
    with pytest.raises(AssertionError, match=f"{what} differs from torch") as caught:
        check_problems([parse(line)], passes, seed=seed, tally=Tally(), double=True)
    message = str(caught.value)
    assert line in message
    assert "first at" in message
    assert f"repeat: python -m pytest oracle_tests/sweep -n 0 --seed {seed} --problem '{line}'" in message


def test_checker_reports_what_we_raise(seed):
    class Raises(Passes):
        def conv_weight(self, *arguments, **parameters):
            raise IndexError("beyond the end")

    with pytest.raises(AssertionError, match="raised IndexError: beyond the end"):
        check_problems([parse(CONV)], Raises(fast.to_output, fast.to_input, fast.to_weight), seed=seed, tally=Tally())


def test_checker_sees_a_write_into_the_operands(seed):
    class Writes(Passes):
        def conv_bias(self, grad_output, *, dimensions):
            result = fast.conv_bias(grad_output, dimensions=dimensions)
            grad_output.flat[0] += 1
            writes.append(grad_output)
            return result

    writes = []
    with pytest.raises(AssertionError, match=r"wrote into the operands|differs from torch"):
        check_problems([parse(CONV)], Writes(fast.to_output, fast.to_input, fast.to_weight), seed=seed, tally=Tally())
    for array in writes:
        array.flat[0] -= 1
