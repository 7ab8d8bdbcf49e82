"""What PyTorch is known to round on its way, on numbers that fit a line; and gradcheck beside our own rule."""

import numpy as np
import pytest
import torch
from library_implementations import known
from simulated_arithmetic import ARITHMETICS, bits, part_of, terms

from conv_oracle.auditing.rounding.allowed import ALLOWED, DEFAULT
from conv_oracle.auditing.rounding.carriers import Pass
from conv_oracle.auditing.rounding.data import suites
from conv_oracle.auditing.rounding.kinds import DENSE
from conv_oracle.auditing.rounding.ladder import measured
from conv_oracle.auditing.rounding.measures import sample
from conv_oracle.auditing.rounding.probes import probes
from conv_oracle.problem import parse

F = torch.nn.functional


@pytest.mark.parametrize(("dtype", "big", "rest"), [(torch.float16, 512.0, 0.375), (torch.bfloat16, 512.0, 0.75)])
def test_images_are_summed_in_16_bits_without_onednn(dtype, big, rest):
    """dw = 512 + rest - 512, two images: the sum of the first is stored in 16 bits, and rest is rounded there."""
    x = torch.tensor([[[big, rest]], [[-big, 0.0]]], dtype=dtype)
    w = torch.ones(1, 1, 1, dtype=dtype, requires_grad=True)
    with torch.backends.mkldnn.flags(enabled=False):
        (dw,) = torch.autograd.grad(F.conv1d(x, w), w, torch.ones_like(x))
    first = float(torch.tensor(big + rest, dtype=dtype))
    assert first - big != rest
    assert dw.item() == first - big


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_tap_that_no_output_reads_is_left_unwritten_in_bfloat16_at_most(dtype):
    """The middle of three: outputs read inputs -2, 0 and 0, 2 of one. Its gradient is 0; oneDNN returns old memory."""
    given = parse("conv1d x1x32x1 w32x32x3 s2 p2 bfloat16")
    x, w = (torch.ones(shape, dtype=dtype) for shape in (given.input_shape, given.weight_shape))
    wrong = set()
    for _ in range(20):
        y = F.conv1d(x, w.requires_grad_(), stride=2, padding=2)
        freed = [torch.full(given.weight_shape, 7, dtype=dtype) for _ in range(8)]
        del freed
        (dw,) = torch.autograd.grad(y, w, torch.ones_like(y))
        assert (dw[..., [0, 2]] == 1).all()
        wrong |= {"unread"} if (dw[..., 1] != 0).any() else set()
    assert dtype == torch.bfloat16 or not wrong
    assert known("torch bfloat16, eager", "grad_weight", given, "unclassified")
    read = parse("conv1d x1x32x3 w32x32x3 s2 p2 bfloat16")
    assert not known("torch bfloat16, eager", "grad_weight", read, "unclassified")
    assert known("torch float16, eager", "grad_weight", read, "partial-sums")
    assert not known("torch float16, eager", "grad_weight", read, "unclassified")


def weight_gradient_of(of, answer, seed=3):
    rng = np.random.default_rng(seed)
    every = [*suites(of, rng), *probes(of, rng)]
    return measured(of, [sample(of, one, answer(one.operands)) for one in every])


def test_tf32_in_a_gradient_over_100000_terms_is_caught_where_bounds_on_dense_data_pass_it():
    of = Pass(parse("conv1d_weight x4x1x25002 w4x1x3 float32"), "grad_weight")
    tf32 = ARITHMETICS["tf32"]
    dense = next(one for one in suites(of, np.random.default_rng(1)) if one.kind is DENSE)
    s = sample(of, dense, part_of(of, dense.operands, tf32))
    n = of.rows_and_columns[1]
    assert n == 100_000
    scaled = s.error / (s.magnitude * 2.0**-24)
    assert (scaled <= n).all(), "the deterministic bound passes it"
    assert (scaled**2).sum() <= 0.4 * n * len(scaled), "and so does a rule like TOSA's"
    found = weight_gradient_of(of, lambda given: part_of(of, given, tf32))
    assert not ALLOWED[DEFAULT].holds(found)
    assert (found.name, found.detail) == ("reduced-inputs", "TF32")


def scaled(left, right):
    return (left * right).sum(axis=1) * (1 + 9e-4)


def in_float32(left, right):
    with np.errstate(over="ignore", invalid="ignore"):
        return (left.astype(np.float32) * right.astype(np.float32)).sum(axis=1, dtype=np.float32).astype(np.float64)


def from_tf32(left, right):
    return (bits(11)(left) * bits(11)(right)).sum(axis=1)


@pytest.mark.parametrize("wrong", [scaled, in_float32, from_tf32])
def test_what_gradcheck_passes_is_caught(wrong):
    """A weight gradient scaled by 1 + 9e-4, made in float32, made from TF32 operands: of a float64 convolution."""
    of = Pass(parse("conv1d_weight x2x2x9 w4x2x3 p1 float64"), "grad_weight")

    class Convolution(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            ctx.save_for_backward(x, w)
            return F.conv1d(x, w, padding=1)

        @staticmethod
        def backward(ctx, dy):
            x, w = ctx.saved_tensors
            dx = torch.nn.grad.conv1d_input(x.shape, w, dy, padding=1)
            return dx, torch.from_numpy(answer({"input": x.detach().numpy(), "grad_output": dy.detach().numpy()}))

    def answer(operands):
        left, right, shape = terms(of.alone, {name: operands[name] for name in of.alone.operand_shapes})
        return wrong(left, right).reshape(shape)

    generator = torch.Generator().manual_seed(0)
    x, w = (torch.randn(shape, dtype=torch.float64, generator=generator) for shape in ((2, 2, 9), (4, 2, 3)))
    x, w = x.requires_grad_(), w.requires_grad_()
    assert torch.autograd.gradcheck(Convolution.apply, (x, w))
    assert not ALLOWED[DEFAULT].holds(weight_gradient_of(of, answer))
