"""Special values: what arrives, what must not, and what has no agreed answer; each check is seen to fail."""

import numpy as np
import pytest
import torch
from library_implementations import by_torch
from simulated_arithmetic import terms

from conv_oracle.auditing.rounding import plan
from conv_oracle.auditing.rounding.special import poisoned, special_problems, violations
from conv_oracle.operation import operation

OPS = [f"{family}{d}d" for family in ("conv", "conv_transpose") for d in (1, 2, 3)]
RNG = 5


def plain(left, right):
    return (left * right).sum(axis=1)


def skips_zeros(left, right):
    """Products with a zero weight are not made."""
    return np.where(right == 0, 0, left * right).sum(axis=1)


def drops_nan(left, right):
    return np.nansum(left * right, axis=1)


def saturates(left, right):
    most = np.finfo(np.float32).max
    return np.clip((left * right).sum(axis=1), -most, most)


def overflows(left, right):
    """Scaled up and down again."""
    return ((left * np.float32(4)) * right).astype(np.float32).sum(axis=1) / 4


def reads_more(left, right):
    """The whole input, times zero."""
    return (left * right).sum(axis=1) + 0 * left.sum()


def loses_the_sign(left, right):
    """Of infinities alone."""
    found = (left * right).sum(axis=1)
    return np.where(np.isinf(found), np.inf, found)


def compensates(left, right):
    """inf - inf on its way, as in a compensated sum: NaN, which is right as well."""
    products = left * right
    return (products - products[:, :1]).sum(axis=1) + products[:, 0] * products.shape[1]


def kahan(left, right):
    """Each sum corrected by what the one before has lost: of an infinite sum, inf - inf."""
    total, lost = (np.zeros(len(left), np.float32) for _ in range(2))
    for column in (left * right).T:
        y = column - lost
        new = total + y
        lost, total = (new - total) - y, new
    return total


def found(add, notation_op="conv2d", part="output"):
    """The faults that a way of summing shows on the forward pass."""
    names = set()
    for problem in special_problems(operation(notation_op), "float32"):
        for of in plan.of_problem(problem, gradients=False):
            for one in poisoned(of, np.random.default_rng(RNG)):
                with np.errstate(all="ignore"):
                    operands = {n: one.operands[n] for n in of.alone.operand_shapes}
                    left, right, shape = terms(of.alone, operands)
                    y = add(left.astype(np.float32), right.astype(np.float32)).astype(np.float32).reshape(shape)
                    if problem.bias:
                        y = y + operands["bias"].reshape(-1, *(1,) * problem.dimensions).astype(np.float32)
                violation = violations(of, one, y.astype(np.float64), mixes=False)
                names |= {violation.fault} if violation else set()
    assert part == "output"
    return names


@pytest.mark.parametrize("op", ["conv1d", "conv2d", "conv3d", "conv_transpose2d", "conv2d_input", "conv2d_weight"])
def test_plain_sums_are_right(op):
    """Padding is multiplied with zero here: 0 * NaN in padding has no agreed answer, and is not judged."""
    assert found(plain, op) == set()


def test_an_infinity_may_become_nan():
    assert "infinity-changed" not in found(compensates)
    assert found(kahan) == set()


@pytest.mark.parametrize(
    ("add", "fault"),
    [
        (skips_zeros, "nonfinite-dropped"),
        (drops_nan, "nonfinite-dropped"),
        (saturates, "saturates"),
        (overflows, "spurious-overflow"),
        (reads_more, "reads-outside-support"),
        (loses_the_sign, "infinity-changed"),
    ],
)
def test_each_fault_is_named(add, fault):
    assert fault in found(add)


def test_a_weight_in_padding_may_be_multiplied_with_zero_or_skipped():
    """Both are right, element by element: a mixture of the two answers is."""
    problem, *_ = special_problems(operation("conv2d"), "float32")
    (of,) = plan.of_problem(problem, gradients=False)
    told = [one for one in poisoned(of, np.random.default_rng(RNG)) if one.operand == "weight"]
    assert any(one.free.any() for one in told)
    for one in told:
        for poison in (np.nan, 0.0):
            mixed = np.where(one.free, poison, one.expected)
            assert violations(of, one, mixed, mixes=False) is None
        wrong = np.where(one.free | ~np.isfinite(one.expected), one.expected, np.nan)
        assert violations(of, one, wrong, mixes=False).fault == "reads-outside-support"


@pytest.mark.parametrize("op", ["conv2d", "conv_transpose2d"])
@pytest.mark.parametrize("operand", ["input", "grad_output"])
def test_either_operand_of_a_weight_gradient_may_meet_padding(op, operand):
    """A transposed convolution that inserts zeros pads its input; other channels are not concerned."""
    problem = next(one for one in special_problems(operation(op), "float32") if one.groups == 2)
    (of,) = [one for one in plan.of_problem(problem, gradients=True) if one.part == "grad_weight" and not one.second]
    told = [one for one in poisoned(of, np.random.default_rng(RNG)) if one.operand == operand and np.isnan(one.value)]
    assert told
    for one in told:
        channel, weight = one.index[1], one.expected
        of_first = (operand == "input") == of.problem.transposed
        size = weight.shape[0 if of_first else 1]
        meets = np.zeros(weight.shape, bool)
        if of_first:
            meets[channel] = True
        else:
            rows = weight.shape[0] // 2
            meets[channel // size * rows : (channel // size + 1) * rows, channel % size] = True
        assert np.array_equal(one.free | np.isnan(one.expected), meets)
        assert violations(of, one, np.where(meets, np.nan, one.expected), mixes=False) is None
        wrong = np.where(meets, one.expected, np.nan)
        assert violations(of, one, wrong, mixes=False).fault == "reads-outside-support"


@pytest.mark.parametrize(("exact", "answer"), [(False, np.nan), (True, np.nan), (True, 5.0)])
def test_what_special_values_leave_behind_is_told(exact, answer):
    """Ordinary numbers after a call on NaN alone: not finite, or, where sums are exact, wrong."""
    problem, *_ = special_problems(operation("conv2d"), "float32")
    (of,) = plan.of_problem(problem, gradients=False)
    every = list(poisoned(of, np.random.default_rng(RNG)))
    assert [one.said for one in every if one.before] == [
        f"after a call on {what}" for what in ("what was asked before", "nan alone", "inf alone")
    ]
    for one in every:
        if one.before:
            assert violations(of, one, one.expected, mixes=False, exact=True) is None
            wrong = one.expected.copy()
            wrong[0, 0, 0, 0] += answer
            told = violations(of, one, wrong, mixes=False, exact=exact)
            assert (told.fault, told.condition) == ("stale-cache", "only after special values")
            near = violations(of, one, one.expected + 2.0**-9, mixes=False, exact=False)
            assert near is None
        elif one.operand == "every operand":
            assert violations(of, one, np.full(one.expected.shape, 7.0), mixes=False) is None


@pytest.mark.parametrize("op", ["conv1d", "conv2d", "conv_transpose2d", "conv2d_weight"])
def test_layers_of_many_groups_are_asked_without_zeros(op):
    """A matrix times a vector, which a product of one channel is to BLAS, skips the zeros of the vector."""
    grouped = [p for p in special_problems(operation(op), "float64") if p.groups > 2]
    assert {p.groups for p in grouped} == {6, 8, 12}
    for problem in grouped:
        (of,) = plan.of_problem(problem, gradients=False)
        for one in poisoned(of, np.random.default_rng(RNG)):
            if one.operand and one.operand != "every operand":
                zero = {name: np.argwhere(array == 0).tolist() for name, array in one.operands.items()}
                assert not any(zero.values())


DTYPES = ("float32", "float64", "bfloat16", "float16", "complex64")


@pytest.mark.parametrize(
    ("op", "dtype"), [("conv1d", "bfloat16"), ("conv2d", "float32"), ("conv_transpose1d", "float64")]
)
def test_pytorch_is_right(op, dtype):
    check_pytorch(op, dtype)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("op", OPS)
def test_pytorch_is_right_in_every_pass_and_dtype(op, dtype):
    check_pytorch(op, dtype)


def check_pytorch(op, dtype):
    answer, compared = by_torch(), 0
    for problem in special_problems(operation(op), dtype):
        for of in plan.of_problem(problem, gradients=True):
            for one in poisoned(of, np.random.default_rng(RNG)):
                violation = violations(of, one, answer(of, one.operands), mixes=False)
                assert violation is None, (str(problem), violation)
                compared += 1
    assert compared > 50


def test_an_infinite_gradient_of_pytorch_in_bfloat16_becomes_nan():
    """Why NaN is right where an infinity is read: kernels in blocks fill up with zeros."""
    x = torch.ones(1, 1, 5, dtype=torch.bfloat16)
    w = torch.ones(1, 1, 3, dtype=torch.bfloat16, requires_grad=True)
    y = torch.nn.functional.conv1d(x, w, stride=2, padding=1)
    dy = torch.tensor([[[1.0, 1.0, float("inf")]]], dtype=torch.bfloat16)
    (dw,) = torch.autograd.grad(y, w, dy)
    assert not torch.isfinite(dw[0, 0, :2]).any()
