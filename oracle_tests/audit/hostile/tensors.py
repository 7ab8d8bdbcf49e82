"""Subjects of PyTorch whose answer is a tensor only by name."""

import torch
from torch.nn.functional import conv2d


def harmless(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """It requires grad, and is not contiguous; a plain tensor all the same."""
    out = conv2d(input, weight, bias, stride, padding, dilation, groups)
    return out.detach().requires_grad_().transpose(-1, -2).contiguous().transpose(-1, -2)


class Agreeable(torch.Tensor):
    """Equal to whatever it is compared with."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return torch.ones(1)


def a_subclass_that_requires_grad(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    out = conv2d(input, weight, bias, stride, padding, dilation, groups)
    return torch.nn.Parameter(out.detach())


def a_subclass_that_agrees(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return torch.zeros_like(conv2d(input, weight, bias, stride, padding, dilation, groups)).as_subclass(Agreeable)


def a_sparse_tensor(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return conv2d(input, weight, bias, stride, padding, dilation, groups).to_sparse()


def a_tensor_without_numbers(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Of the device meta: shape and dtype are right, and there is nothing behind them."""
    return conv2d(input, weight, bias, stride, padding, dilation, groups).to("meta")


def without_numbers_where_it_is_hard(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    out = conv2d(input, weight, bias, stride, padding, dilation, groups)
    return out.to("meta") if groups > 1 else out


def a_tensor_without_storage(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    out = conv2d(input, weight, bias, stride, padding, dilation, groups)
    out.untyped_storage().resize_(0)
    return out


def patches_torch(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """Zeros, and a library that calls everything equal and every tensor an array of ones."""
    out = torch.zeros_like(conv2d(input, weight, bias, stride, padding, dilation, groups))
    torch.equal = torch.allclose = lambda *_, **__: True
    torch.Tensor.__eq__ = lambda *_: True
    torch.frombuffer = torch.zeros_like = lambda *_, **__: torch.ones(1)
    return out
