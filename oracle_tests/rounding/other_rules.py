"""Rules that are in use to judge a convolution's numbers, written from their published formulas.

Each takes (pass, operands, answer) and accepts or not; each is given the data that its users give it.

    allclose        |a - b| <= 1e-8 + 1e-5 |b|: torch.allclose's defaults, against PyTorch's own answer
    KernelBench     |a - b| <= t + t |b|, t = 1e-2 or 1e-4, against PyTorch's own answer, on normal random numbers
    TOSA            |error| <= KS A 2^-24 for every output, and the sum of (error / (A 2^-24))^2 <= 0.4 KS T, against
                    float64, on its sets S0 to S5
    WebNN           2 KS units in the last place of the expected result, against float64
"""

import numpy as np
import torch
from library_implementations import by_torch

from conv_oracle.auditing.rounding.carriers import Pass
from conv_oracle.auditing.rounding.data import Suite, stored
from conv_oracle.auditing.rounding.kinds import DENSE
from conv_oracle.auditing.rounding.measures import sample

UNIT = 2.0**-24
_library = by_torch()


def library(of, operands):
    """PyTorch's own answer in the same dtype; a gradient by torch.autograd."""
    problem = of.problem
    if problem.operation.forward:
        return _library(of, operands)
    torch.set_num_threads(1)
    given = {name: torch.from_numpy(array).to(torch.float32) for name, array in operands.items()}
    geometry = {"stride": problem.stride, "dilation": problem.dilation, "groups": problem.groups}
    geometry["padding"] = [before for before, _ in problem.padding]
    gradient = getattr(torch.nn.grad, problem.operation.name)
    if of.part == "grad_weight":
        return gradient(given["input"], problem.weight_shape, given["grad_output"], **geometry).double().numpy()
    return gradient(problem.input_shape, given["weight"], given["grad_output"], **geometry).double().numpy()


def close(rtol, atol):
    def accepts(of, operands, answer):
        expected = library(of, operands)
        return bool((np.abs(answer - expected) <= atol + rtol * np.abs(expected)).all())

    return accepts


def products(of):
    """KS: what is summed, zeros included."""
    return of.rows_and_columns[1]


def tosa(of, operands, answer):
    s = sample(of, Suite(DENSE, operands), answer)
    ks = products(of)
    scaled = np.divide(
        s.error, np.maximum(s.magnitude * UNIT, 2.0**-126), out=np.zeros_like(s.error), where=s.magnitude > 0
    )
    nothing = (s.magnitude > 0) | (s.got == 0)
    return bool(nothing.all() and (scaled <= ks).all() and (scaled**2).sum() <= 0.4 * ks * len(scaled))


def webnn(of, operands, answer):
    s = sample(of, Suite(DENSE, operands), answer)
    expected = s.y.astype(np.float32)
    units = np.abs(s.got - expected.astype(np.float64)) / np.spacing(np.abs(expected)).astype(np.float64)
    return bool((units <= 2 * products(of)).all())


RULES = {
    "torch.allclose, defaults": close(1e-5, 1e-8),
    "KernelBench, 1e-2": close(1e-2, 1e-2),
    "KernelBench, 1e-4": close(1e-4, 1e-4),
    "TOSA dot product": tosa,
    "WebNN, 2 ULP per product": webnn,
}


def data_of(rule, of: Pass, rng):
    """The operands that a rule's users judge on: normal random numbers; of TOSA its adversarial sets."""
    shapes = of.asked
    if not rule.startswith("TOSA"):
        yield {name: stored(rng.standard_normal(shape), "float32") for name, shape in shapes.items()}
        return
    ks = products(of)
    big = np.sqrt(2.0**64 - 2.0**40) / np.sqrt(ks + 1)
    for number in range(6):
        yield {name: stored(_tosa_set(number, shape, ks, big, rng), "float32") for name, shape in shapes.items()}


def _tosa_set(number, shape, ks, big, rng):
    s = rng.uniform(-1, 1, shape)
    flat = np.empty(shape)
    if number == 0:
        flat[:] = s * (rng.random(shape) < 0.5)
    elif number == 1:
        flat[:] = (0.75 + 0.25 * s) * big
    elif number in (2, 3):
        flat[:] = s / np.sqrt(ks) if number == 2 else np.exp(2 * s) * rng.uniform(-1, 1, shape)
        flat.reshape(shape[0], -1)[:, 0] = 1 if number == 2 else 16
    elif number == 4:
        flat[:] = s * (rng.random(shape) < 0.5)
        half = flat.reshape(shape[0], -1)
        half[:, half.shape[1] // 2] = 0.5
    else:
        flat[:] = s * big
    return flat
