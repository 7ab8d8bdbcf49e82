"""Subjects in every arithmetic, for whole audits: `subjects.py:conv2d__tf32` sums conv2d as ARITHMETICS["tf32"] does.

A word of an arithmetic's name is told by letters and digits alone. `torch_conv2d__tf32` is the same for tensors, with
gradients made in that arithmetic.
"""

import re
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from simulated import ARITHMETICS, STORED, bias_gradient, computed

from conv_oracle.problem import problem


def slug(name):
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


BY_SLUG = {slug(name): arithmetic for name, arithmetic in ARITHMETICS.items()}


def wide(array):
    return np.asarray(array).astype(np.float64)


def asked(op, x, w, dtype, bias=False, **geometry):
    return problem(op, x, w, bias=bias, dtype=dtype, **geometry)


def answered(of, operands, arithmetic):
    return computed(of, operands, arithmetic).astype(STORED[of.dtype])


def for_numpy(op, arithmetic):
    if op.endswith("_input"):

        def by_input(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
            of = asked(op, input_size, weight.shape, weight.dtype.name, stride=stride, padding=padding, dilation=dilation, groups=groups)  # fmt: skip
            return answered(of, {"weight": wide(weight), "grad_output": wide(grad_output)}, arithmetic)

        return by_input
    if op.endswith("_weight"):

        def by_weight(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
            of = asked(op, input.shape, weight_size, input.dtype.name, stride=stride, padding=padding, dilation=dilation, groups=groups)  # fmt: skip
            return answered(of, {"input": wide(input), "grad_output": wide(grad_output)}, arithmetic)

        return by_weight

    def forward(input, weight, bias=None, **geometry):
        of = asked(op, input.shape, weight.shape, input.dtype.name, bias=bias is not None, **geometry)
        operands = {"input": wide(input), "weight": wide(weight)}
        return answered(of, operands | ({"bias": wide(bias)} if of.bias else {}), arithmetic)

    if op.startswith("conv_transpose"):
        return lambda input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1: forward(
            input, weight, bias, stride=stride, padding=padding, output_padding=output_padding, groups=groups, dilation=dilation
        )  # fmt: skip
    return lambda input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1: forward(
        input, weight, bias, stride=stride, padding=padding, dilation=dilation, groups=groups
    )


def for_torch(op, arithmetic):
    import torch  # noqa: PLC0415 - the others need none

    def array(tensor):
        return tensor.detach().to(torch.float64).numpy()

    class Convolution(torch.autograd.Function):
        @staticmethod
        def forward(ctx, input, weight, bias, of):
            ctx.save_for_backward(input, weight)
            ctx.of = of
            operands = {"input": array(input), "weight": array(weight)}
            operands |= {"bias": array(bias)} if of.bias else {}
            return torch.from_numpy(computed(of, operands, arithmetic)).to(input.dtype)

        @staticmethod
        def backward(ctx, grad_output):
            input, weight = ctx.saved_tensors
            of, dy = ctx.of, array(grad_output)
            given = {"input": array(input), "weight": array(weight), "grad_output": dy}
            found = []
            for number, side in enumerate(("input", "weight")):
                alone = problem(
                    f"{of.operation}_{side}", of.input_shape, of.weight_shape, stride=of.stride, padding=of.padding,
                    output_padding=of.output_padding, dilation=of.dilation, groups=of.groups, dtype=of.dtype,
                )  # fmt: skip
                wanted = ctx.needs_input_grad[number]
                found.append(
                    computed(alone, {n: given[n] for n in alone.operand_shapes}, arithmetic) if wanted else None
                )
            found.append(bias_gradient(of, dy, arithmetic) if of.bias else None)
            return *(None if f is None else torch.from_numpy(f).to(grad_output.dtype) for f in found), None

    def convolution(input, weight, bias=None, **geometry):
        dtype = str(input.dtype).removeprefix("torch.")
        of = asked(op, input.shape, weight.shape, dtype, bias=bias is not None, **geometry)
        return Convolution.apply(input, weight, bias, of)

    if op.startswith("conv_transpose"):
        return lambda input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1: convolution(
            input, weight, bias, stride=stride, padding=padding, output_padding=output_padding, groups=groups, dilation=dilation
        )  # fmt: skip
    return lambda input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1: convolution(
        input, weight, bias, stride=stride, padding=padding, dilation=dilation, groups=groups
    )


def __getattr__(name):
    op, found, arithmetic = name.partition("__")
    if not found or arithmetic not in BY_SLUG:
        raise AttributeError(name)
    make = for_torch if op.startswith("torch_") else for_numpy
    return make(op.removeprefix("torch_"), BY_SLUG[arithmetic])
