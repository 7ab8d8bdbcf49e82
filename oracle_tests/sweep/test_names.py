"""PyTorch's names with PyTorch's positional arguments, ours and the definition's, against PyTorch."""

from itertools import islice

import pytest
import torch

import conv_oracle
from conv_oracle import formulas
from conv_oracle.operation import FAMILIES
from conv_oracle.space import covering_problems
from sweep.compare import difference
from sweep.operands import make_case

MODULES = (conv_oracle, formulas)


def positional(p):
    """Stride, padding ... in PyTorch's order."""
    padding = p.padding if isinstance(p.padding, str) else tuple(before for before, _ in p.padding)
    if p.transposed:
        return p.stride, padding, p.output_padding, p.groups, p.dilation
    return p.stride, padding, p.dilation, p.groups


def some_problems(family, dimensions):
    problems = (p for p in covering_problems(family, dimensions) if p.multiply_adds <= 500)
    return islice(problems, 0, None, 12)


@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize("family", FAMILIES)
def test_functional_forms(family, dimensions, seed):
    torch.backends.mkldnn.enabled = False
    name = f"{family}{dimensions}d"
    for problem in some_problems(family, dimensions):
        case = make_case(problem, seed)
        arguments = (case.input, case.weight, case.bias if problem.bias else None)
        tensors = (None if array is None else torch.from_numpy(array) for array in arguments)
        expected = getattr(torch.nn.functional, name)(*tensors, *positional(problem)).numpy()
        for module in MODULES:
            found = difference(getattr(module, name)(*arguments, *positional(problem)), expected)
            assert found is None, f"{module.__name__}.{name}, {problem}: {found}"


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_gradient_forms(dimensions, seed):
    torch.backends.mkldnn.enabled = False
    for problem in some_problems("conv", dimensions):
        if isinstance(problem.padding, str) or len(problem.input_shape) == dimensions + 1:
            continue
        case, parameters = make_case(problem, seed), positional(problem)
        x, w, dy = map(torch.from_numpy, (case.input, case.weight, case.grad_output))
        by_input = getattr(torch.nn.grad, f"conv{dimensions}d_input")(x.shape, w, dy, *parameters).numpy()
        by_weight = getattr(torch.nn.grad, f"conv{dimensions}d_weight")(x, w.shape, dy, *parameters).numpy()
        for module in MODULES:
            dx = getattr(module, f"conv{dimensions}d_input")(x.shape, case.weight, case.grad_output, *parameters)
            dw = getattr(module, f"conv{dimensions}d_weight")(case.input, w.shape, case.grad_output, *parameters)
            assert difference(dx, by_input) is None, f"{module.__name__}: {problem}"
            assert difference(dw, by_weight) is None, f"{module.__name__}: {problem}"
