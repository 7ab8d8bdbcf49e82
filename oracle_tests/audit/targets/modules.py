"""PyTorch's modules and functions in styles of other projects; the name of each faulty one says what is wrong."""

import torch
from torch.nn import functional


class OwnConv(torch.nn.Module):
    """A module with a weight of its own."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True):
        """Random weights."""
        super().__init__()
        size = (kernel_size,) * 2 if isinstance(kernel_size, int) else tuple(kernel_size)
        self.weight = torch.nn.Parameter(torch.randn(out_channels, in_channels // groups, *size))
        self.bias = torch.nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.given = (stride, padding, dilation, groups)

    def forward(self, x):
        """The output."""
        return functional.conv2d(x, self.weight, self.bias, *self.given)


class OwnConvDilationIgnored(OwnConv):
    """The same, without its dilation."""

    def forward(self, x):
        """The output."""
        stride, padding, _, groups = self.given
        return functional.conv2d(x, self.weight, self.bias, stride, padding, 1, groups)


class ModelNew(torch.nn.Module):
    """KernelBench: torch.nn's arguments, the convolution inside."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1, bias: bool = False):
        """The layer."""
        super().__init__()
        self.conv2d = torch.nn.Conv2d(in_channels, out_channels, kernel_size, stride=stride, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The output."""
        return self.conv2d(x)


class ModelNewTileOf8(ModelNew):
    """The same, whose output channels beyond the last whole tile of 8 are not computed."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The output."""
        y = self.conv2d(x)
        whole = y.shape[1] // 8 * 8 or y.shape[1]
        return torch.cat([y[:, :whole], torch.zeros_like(y[:, whole:])], dim=1)


class Function(torch.autograd.Function):
    """A function with a backward of its own."""

    @staticmethod
    def forward(ctx, input, weight, bias, stride, padding):
        """The output."""
        ctx.save_for_backward(input, weight)
        ctx.given = (stride, padding)
        return functional.conv2d(input, weight, bias, stride, padding)

    @staticmethod
    def backward(ctx, grad):
        """The three gradients."""
        x, weight = ctx.saved_tensors
        dx = torch.nn.grad.conv2d_input(x.shape, weight, grad, *ctx.given)
        dw = torch.nn.grad.conv2d_weight(x, weight.shape, grad, *ctx.given)
        return dx, dw, grad.sum((0, 2, 3)) if ctx.needs_input_grad[2] else None, None, None


class FunctionOfItsFirstExample(Function):
    """The same, whose weight gradient is that of the first example."""

    @staticmethod
    def backward(ctx, grad):
        """The three gradients."""
        x, weight = ctx.saved_tensors
        dx = torch.nn.grad.conv2d_input(x.shape, weight, grad, *ctx.given)
        dw = torch.nn.grad.conv2d_weight(x[:1], weight.shape, grad[:1].contiguous(), *ctx.given)
        return dx, dw, grad.sum((0, 2, 3)) if ctx.needs_input_grad[2] else None, None, None


def convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups):
    """aten's nine arguments."""
    return torch.ops.aten.convolution(
        input, weight, bias, list(stride), list(padding), list(dilation), transposed, list(output_padding), groups
    )


def convolution_groups_reversed(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups):
    """The same, which gives the groups the input channels in reverse."""
    n, c = input.shape[:2]
    turned = input.reshape(n, groups, c // groups, *input.shape[2:]).flip(1).reshape(input.shape)
    return convolution(turned, weight, bias, stride, padding, dilation, transposed, output_padding, groups)


def custom_kernel(data):
    """GPU MODE: one tuple, the last of which is written into."""
    x, w, out = data
    out[...] = functional.conv2d(x, w)
    return out


def custom_kernel_misses_the_last_column(data):
    """The same by the names of the task's own files, without the last column."""
    input_tensor, kernel, output = data
    output[..., :-1] = functional.conv2d(input_tensor, kernel)[..., :-1]
    return output


MADE = torch.nn.Conv2d(3, 4, 3, stride=2, padding=1)
"""A layer whose parameters are fixed."""


class Narrow(torch.nn.Conv2d):
    """A layer that is wrong on odd widths."""

    def forward(self, x):
        """The output."""
        return super().forward(x.flip(-1) if x.shape[-1] % 2 else x)


MADE_WRONG_ON_ODD_WIDTHS = Narrow(3, 4, 3, stride=2, padding=1)


def _two(value):
    return (value, value) if isinstance(value, int) else tuple(value)


class ZeroInserting(torch.nn.Module):
    """A transposed convolution that puts zeros between the inputs, and pads them."""

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, bias=True):
        """Weights of zeros."""
        super().__init__()
        self.kernel, self.stride, self.padding = (_two(one) for one in (kernel_size, stride, padding))
        self.weight = torch.nn.Parameter(torch.zeros(in_channels, out_channels, *self.kernel))
        self.bias = torch.nn.Parameter(torch.zeros(out_channels)) if bias else None

    def forward(self, x):
        """The plain convolution of what was spread, with the kernel turned round."""
        (s, t), (p, q), (k, m) = self.stride, self.padding, self.kernel
        spread = x.new_zeros(*x.shape[:2], (x.shape[2] - 1) * s + 1, (x.shape[3] - 1) * t + 1)
        spread[:, :, ::s, ::t] = x
        padded = functional.pad(spread, (m - 1, m - 1, k - 1, k - 1))
        windows = padded.unfold(2, k, 1).unfold(3, m, 1)
        y = torch.einsum("nchwij,coij->nohw", windows, self.turned())
        y = y[:, :, p : y.shape[2] - p, q : y.shape[3] - q]
        return y if self.bias is None else y + self.bias.view(1, -1, 1, 1)

    def turned(self):
        """The kernel, read backwards."""
        return self.weight.flip(2, 3)


class ZeroInsertingAsItIs(ZeroInserting):
    """The kernel is not turned round."""

    def turned(self):
        """The kernel as it is stored."""
        return self.weight
