"""Subjects in every arithmetic, for whole audits: `conv2d__tf32` sums conv2d as ARITHMETICS["tf32"] does.

A name has the letters and digits of the arithmetic's name, and _ for all else. `torch_conv2d__tf32` is the same for
tensors, with gradients made in that arithmetic; of `twice_conv2d__tf32` only the double backward is in that arithmetic,
and all else is PyTorch's.
"""

import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from simulated_arithmetic import ARITHMETICS, STORED, bias_gradient, computed

from conv_oracle.problem import problem


def slug(name):
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


BY_SLUG = {slug(name): arithmetic for name, arithmetic in ARITHMETICS.items()}


def wide(array):
    array = np.asarray(array)
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)


def asked(op, x, w, dtype, geometry, *, bias=False):
    return problem(op, x, w, bias=bias, dtype=dtype, **geometry)


def answered(of, operands, arithmetic):
    return computed(of, operands, arithmetic).astype(STORED.get(of.dtype, of.dtype))


def with_signature(convolution, transposed):
    """PyTorch's parameters, in its order, for a function of operands and of a geometry by name."""
    if transposed:

        def forward(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
            geometry = {"stride": stride, "padding": padding, "output_padding": output_padding}
            return convolution(input, weight, bias, {**geometry, "groups": groups, "dilation": dilation})

        return forward

    def forward(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
        geometry = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        return convolution(input, weight, bias, geometry)

    return forward


def for_numpy(op, arithmetic):
    def by_input(input_size, weight, grad_output, stride=1, padding=0, dilation=1, groups=1):
        geometry = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        of = asked(op, input_size, weight.shape, weight.dtype.name, geometry)
        return answered(of, {"weight": wide(weight), "grad_output": wide(grad_output)}, arithmetic)

    def by_weight(input, weight_size, grad_output, stride=1, padding=0, dilation=1, groups=1):
        geometry = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        of = asked(op, input.shape, weight_size, input.dtype.name, geometry)
        return answered(of, {"input": wide(input), "grad_output": wide(grad_output)}, arithmetic)

    def convolution(x, weight, bias, geometry):
        of = asked(op, x.shape, weight.shape, x.dtype.name, geometry, bias=bias is not None)
        operands = {"input": wide(x), "weight": wide(weight)}
        return answered(of, operands | ({"bias": wide(bias)} if of.bias else {}), arithmetic)

    if op.endswith("_input"):
        return by_input
    return by_weight if op.endswith("_weight") else with_signature(convolution, op.startswith("conv_transpose"))


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
            x, weight = ctx.saved_tensors
            of, dy = ctx.of, array(grad_output)
            given = {"input": array(x), "weight": array(weight), "grad_output": dy}
            found = []
            for wanted, side in zip(ctx.needs_input_grad, ("input", "weight"), strict=False):
                alone = replace(of, operation=of.operation.gradient(f"grad_{side}"), bias=False)
                operands = {name: given[name] for name in alone.operand_shapes}
                found.append(computed(alone, operands, arithmetic) if wanted else None)
            found.append(bias_gradient(of, dy, arithmetic) if of.bias else None)
            return *(None if f is None else torch.from_numpy(f).to(grad_output.dtype) for f in found), None

    def convolution(x, weight, bias, geometry):
        dtype = str(x.dtype).removeprefix("torch.")
        of = asked(op, x.shape, weight.shape, dtype, geometry, bias=bias is not None)
        return Convolution.apply(x, weight, bias, of)

    return with_signature(convolution, op.startswith("conv_transpose"))


def for_double_backward(op, arithmetic):
    import torch  # noqa: PLC0415 - the others need none

    plain = getattr(torch.nn.functional, op)

    def summed(of, result, **operands):
        alone = replace(of, operation=of.operation.gradient(result))
        wide = {name: tensor.detach().to(torch.float64).numpy() for name, tensor in operands.items()}
        return torch.from_numpy(computed(alone, wide, arithmetic)).to(next(iter(operands.values())).dtype)

    class Gradients(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, weight, dy, geometry):
            ctx.save_for_backward(x, weight, dy)
            ctx.geometry = geometry
            x, weight = (tensor.detach().requires_grad_() for tensor in (x, weight))
            with torch.enable_grad():
                return torch.autograd.grad(plain(x, weight, **geometry), (x, weight), dy)

        @staticmethod
        def backward(ctx, by_input, by_weight):
            x, weight, dy = ctx.saved_tensors
            of = asked(op, x.shape, weight.shape, str(x.dtype).removeprefix("torch."), ctx.geometry)
            again = summed(of, "output", input=by_input, weight=weight) + summed(
                of, "output", input=x, weight=by_weight
            )
            second = summed(of, "grad_weight", input=by_input, grad_output=dy)
            return summed(of, "grad_input", weight=by_weight, grad_output=dy), second, again, None

    class Convolution(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, weight, geometry):
            ctx.save_for_backward(x, weight)
            ctx.geometry = geometry
            return plain(x, weight, **geometry)

        @staticmethod
        def backward(ctx, dy):
            return *Gradients.apply(*ctx.saved_tensors, dy, ctx.geometry), None

    def convolution(x, weight, bias, geometry):
        made = Convolution.apply(x, weight, geometry)
        return made if bias is None else made + bias.reshape(-1, *(1,) * (weight.ndim - 2))

    return with_signature(convolution, op.startswith("conv_transpose"))


def conv1d_coarse_and_wrong_from_four_taps(input, weight, bias=None, **geometry):
    """Operands in TF32 everywhere, and besides, with four taps and more, an output is added to its neighbour."""
    y = for_numpy("conv1d", BY_SLUG["tf32"])(input, weight, bias, **geometry)
    if weight.shape[2] >= 4:
        y[..., 1:2] += y[..., :1]
    return y


def torch_conv1d_with_a_coarse_gradient_by_the_bias(input, weight, bias=None, **geometry):
    """All is PyTorch's, but for a cotangent in bfloat16 in the gradient by the bias."""
    import torch  # noqa: PLC0415 - the others need none

    class Added(torch.autograd.Function):
        @staticmethod
        def forward(_, y, bias):
            return y + bias.reshape(-1, 1)

        @staticmethod
        def backward(_, dy):
            summed = dy.to(torch.bfloat16).to(dy.dtype).sum([axis for axis in range(dy.ndim) if axis != dy.ndim - 2])
            return dy, summed

    y = torch.nn.functional.conv1d(input, weight, **geometry)
    return y if bias is None else Added.apply(y, bias)


def __getattr__(name):
    op, found, arithmetic = name.partition("__")
    if not found or arithmetic not in BY_SLUG:
        raise AttributeError(name)
    kind, _, plain = op.partition("_")
    makers = {"torch": for_torch, "twice": for_double_backward}
    return makers[kind](plain, BY_SLUG[arithmetic]) if kind in makers else for_numpy(op, BY_SLUG[arithmetic])
