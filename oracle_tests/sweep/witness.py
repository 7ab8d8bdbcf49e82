"""The witness: what torch's functional forms and its autograd answer, many problems to one call of the engine.

torch is code under test too. Nothing here decides who is right; see `check` and `isolated`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import ml_dtypes
import numpy as np
import torch
import torch.nn.functional as F

from conv_oracle.passes import DoubleBackward
from conv_oracle.problem import Problem
from sweep.answers import Answers
from sweep.operands import Array, Case

torch.set_num_threads(1)

VERSION = f"torch {torch.__version__.split('+')[0]}"

_CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_CONV_TRANSPOSE = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
_CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}


def torch_answers(
    cases: Sequence[Case], *, onednn: bool, channels_last: bool = False, nnpack: bool = False
) -> list[Answers]:
    """torch's answers to the cases, in order. A problem that torch refuses raises what torch raises.

    NNPACK is off unless it is the one asked: its transforms round even products of small integers.
    """
    torch.backends.mkldnn.enabled = onednn
    torch.backends.nnpack.set_flags(nnpack)
    return _answers(cases, channels_last)


def accepts(problem: Problem, *, onednn: bool) -> bool:
    """Whether torch gives the forward result of a problem at all."""
    torch.backends.mkldnn.enabled = onednn
    x, w = (
        torch.ones(shape, dtype=getattr(torch, problem.dtype)) for shape in (problem.input_shape, problem.weight_shape)
    )
    try:
        _forward(problem, x, w, None)
    except RuntimeError:
        return False
    return True


def _answers(cases: Sequence[Case], channels_last: bool) -> list[Answers]:
    leaves, outputs, cotangents = [], [], []
    for case in cases:
        x, w, b = _leaf(case.input, channels_last), _leaf(case.weight, channels_last), _leaf(case.bias)
        y = _forward(case.problem, x, w, b if case.problem.bias else None)
        outputs.append(y)
        if not case.problem.bias:
            y = y + b.reshape(-1, *(1,) * case.problem.dimensions)
        leaves.append((x, w, b))
        cotangents.append((y, _tensor(case.grad_output)))
    once = [n for n, case in enumerate(cases) if not case.double]
    twice = [n for n, case in enumerate(cases) if case.double]
    gradients: dict[int, tuple[torch.Tensor, ...]] = {}
    doubles: dict[int, DoubleBackward] = {}
    if once:
        flat = torch.autograd.grad(
            [cotangents[n][0] for n in once],
            list(chain.from_iterable(leaves[n] for n in once)),
            [cotangents[n][1] for n in once],
        )
        gradients |= {n: flat[3 * i : 3 * i + 3] for i, n in enumerate(once)}
    if twice:
        dys = [cotangents[n][1].requires_grad_() for n in twice]
        flat = torch.autograd.grad(
            [cotangents[n][0] for n in twice],
            list(chain.from_iterable(leaves[n] for n in twice)),
            dys,
            create_graph=True,
        )
        gradients |= {n: flat[3 * i : 3 * i + 3] for i, n in enumerate(twice)}
        by = torch.autograd.grad(
            flat,
            list(chain.from_iterable((*leaves[n][:2], dy) for n, dy in zip(twice, dys, strict=True))),
            list(chain.from_iterable(_second_cotangents(cases[n]) for n in twice)),
            materialize_grads=True,  # torch leaves an operand out of the second graph when the batch is empty
        )
        doubles |= {n: DoubleBackward(*map(_array, by[3 * i : 3 * i + 3])) for i, n in enumerate(twice)}
    return [
        Answers(_array(y), *map(_array, gradients[n]), doubles.get(n))  # type: ignore[arg-type]
        for n, y in enumerate(outputs)
    ]


def _forward(p: Problem, x: torch.Tensor, w: torch.Tensor, b: torch.Tensor | None) -> torch.Tensor:
    if p.transposed:
        if all(before == after for before, after in p.padding):
            padding = [before for before, _ in p.padding]
            return _CONV_TRANSPOSE[p.dimensions](x, w, b, p.stride, padding, p.output_padding, p.groups, p.dilation)
        y = _CONV_TRANSPOSE[p.dimensions](x, w, b, p.stride, 0, p.output_padding, p.groups, p.dilation)
        for axis, (before, after) in enumerate(p.padding, start=-p.dimensions):
            y = y.narrow(axis, before, y.shape[axis] - before - after)
        return y
    conv = _CONV[p.dimensions]
    if isinstance(p.padding, str):
        return conv(x, w, b, p.stride, p.padding, p.dilation, p.groups)
    if p.padding_mode == "zeros" and all(before == after for before, after in p.padding):
        return conv(x, w, b, p.stride, [before for before, _ in p.padding], p.dilation, p.groups)
    sides = list(chain.from_iterable(reversed(p.padding)))
    batched = x if x.ndim == p.dimensions + 2 else x.unsqueeze(0)
    padded = F.pad(batched, sides, mode="constant" if p.padding_mode == "zeros" else p.padding_mode)
    return conv(padded.reshape(*x.shape[: -p.dimensions], *padded.shape[2:]), w, b, p.stride, 0, p.dilation, p.groups)


def _second_cotangents(case: Case) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    # A problem without a bias has a gradient by it here, but no cotangent of that gradient.
    bias = case.grad_grad_bias if case.problem.bias else np.zeros_like(case.grad_grad_bias)
    return _tensor(case.grad_grad_input), _tensor(case.grad_grad_weight), _tensor(bias)


def _leaf(array: Array, channels_last: bool = False) -> torch.Tensor:
    tensor = _tensor(array)
    if channels_last and tensor.ndim in _CHANNELS_LAST:
        tensor = tensor.contiguous(memory_format=_CHANNELS_LAST[tensor.ndim])
    return tensor.requires_grad_()


def _tensor(array: Array) -> torch.Tensor:
    if array.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def _array(tensor: torch.Tensor) -> Array:
    tensor = tensor.detach()
    if tensor.is_conj():
        tensor = tensor.resolve_conj()
    if tensor.dtype == torch.bfloat16:
        return tensor.contiguous().view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return tensor.numpy()
