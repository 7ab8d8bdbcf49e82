"""Convolutions of tensors as people write them: unfold, modules, autograd functions, TorchScript, transforms."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call


def unfold_and_matmul(x, w, bias=None, stride=1, padding=0, dilation=1):
    """F.unfold, the weight as a matrix, and view; square settings or pairs, as F.unfold takes them."""
    n, _, h, width = x.shape
    pair = torch.nn.modules.utils._pair
    (sh, sw), (ph, pw), (dh, dw) = pair(stride), pair(padding), pair(dilation)
    oh = (h + 2 * ph - dh * (w.shape[2] - 1) - 1) // sh + 1
    ow = (width + 2 * pw - dw * (w.shape[3] - 1) - 1) // sw + 1
    cols = F.unfold(x, w.shape[2:], dilation, padding, stride)
    out = (w.reshape(w.shape[0], -1) @ cols).view(n, -1, oh, ow)
    return out if bias is None else out + bias.view(1, -1, 1, 1)


def tensor_unfold(x, w, stride=1):
    """Tensor.unfold along both axes, and einsum; it wants a contiguous image."""
    assert x.is_contiguous(), "x must be contiguous"
    patches = x.unfold(2, w.shape[2], stride).unfold(3, w.shape[3], stride)
    return torch.einsum("nchwij,ocij->nohw", patches, w)


class HandWritten(torch.autograd.Function):
    """A convolution with its own backward pass, which is made of convolutions."""

    @staticmethod
    def forward(ctx, x, w, bias, stride, padding):
        """One int each."""
        ctx.save_for_backward(x, w)
        ctx.stride, ctx.padding, ctx.has_bias = stride, padding, bias is not None
        return F.conv2d(x, w, bias, stride, padding)

    @staticmethod
    def backward(ctx, dy):
        """By input, weight and bias."""
        x, w = ctx.saved_tensors
        extra = [
            size + 2 * ctx.padding - (k + (o - 1) * ctx.stride)
            for size, k, o in zip(x.shape[2:], w.shape[2:], dy.shape[2:], strict=True)
        ]
        dx = F.conv_transpose2d(dy, w, None, ctx.stride, ctx.padding, extra)
        turned, cotangent = x.transpose(0, 1), dy.transpose(0, 1)
        dw = F.conv2d(turned, cotangent, None, 1, ctx.padding, ctx.stride)
        dw = dw[:, :, : w.shape[2], : w.shape[3]].transpose(0, 1)
        return dx, dw, dy.sum((0, 2, 3)) if ctx.has_bias else None, None, None


def hand_written(x, w, bias=None, stride=1, padding=0):
    """autograd.Function.apply, which takes no keywords; a batch of at least one."""
    if not isinstance(stride, int) or not isinstance(padding, int):
        raise TypeError("ints")
    if x.dim() != 4 or len(x) == 0:
        raise ValueError("a batch")
    return HandWritten.apply(x, w, bias, stride, padding)


def as_function_of_a_module(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    """nn.Conv2d on the meta device, called with these parameters instead of its own."""
    layer = nn.Conv2d(
        w.shape[1] * groups, w.shape[0], w.shape[2:], stride, padding, dilation, groups, bias is not None, device="meta"
    )
    return functional_call(layer, {"weight": w} if bias is None else {"weight": w, "bias": bias}, (x,))


MODULES = {}


def conv1d_kept_module(x, w, bias, stride=1, padding=0):
    """nn.Conv1d, kept by its settings and dtype, with its weights copied in."""
    key = (*w.shape, stride, padding, w.dtype)
    if key not in MODULES:
        MODULES[key] = nn.Conv1d(w.shape[1], w.shape[0], w.shape[2], stride, padding, dtype=w.dtype).eval()
    layer = MODULES[key]
    with torch.no_grad():
        layer.weight.copy_(w)
        layer.bias.copy_(bias)
        return layer(x)


def toeplitz(x, w):
    """A matrix with a row per output element, with its zeros."""
    n, c, h, width = x.shape
    m, _, kh, kw = w.shape
    oh, ow = h - kh + 1, width - kw + 1
    matrix = w.new_zeros(m, oh, ow, c, h, width)
    for i in range(oh):
        for j in range(ow):
            matrix[:, i, j, :, i : i + kh, j : j + kw] = w
    return (x.reshape(n, c * h * width) @ matrix.reshape(m * oh * ow, c * h * width).T).view(n, m, oh, ow)


def conv1d_spectral(x, w, bias=None, padding=0):
    """torch.fft on a padded signal; a batch of at least one."""
    p = padding if isinstance(padding, int) else padding[0]
    if x.dim() != 3 or x.numel() == 0:
        raise RuntimeError("conv1d_spectral needs a batch of signals")
    length = x.shape[2] + 2 * p
    if length < w.shape[2]:
        raise RuntimeError("kernel longer than signal")
    product = torch.fft.rfft(F.pad(x, (p, p)))[:, None] * torch.fft.rfft(w, length).conj()[None]
    y = torch.fft.irfft(product.sum(2), length)[..., : length - w.shape[2] + 1]
    return y if bias is None else y + bias[:, None]


def into_a_buffer(x, w, bias=None, stride=1, padding=0):
    """The image is copied into zeros in place, and the taps are added in place."""
    n, c, h, width = x.shape
    m, _, kh, kw = w.shape
    buffer = torch.zeros(n, c, h + 2 * padding, width + 2 * padding, dtype=x.dtype)
    buffer[:, :, padding : padding + h, padding : padding + width] = x
    oh, ow = (h + 2 * padding - kh) // stride + 1, (width + 2 * padding - kw) // stride + 1
    out = torch.zeros(n, m, oh, ow, dtype=x.dtype)
    for i in range(kh):
        for j in range(kw):
            piece = buffer[:, :, i : i + stride * (oh - 1) + 1 : stride, j : j + stride * (ow - 1) + 1 : stride]
            out += torch.einsum("nchw,mc->nmhw", piece, w[:, :, i, j])
    if bias is not None:
        out += bias.view(1, -1, 1, 1)
    return out


def checks_like_an_extension(x, w, bias=None, stride=1, padding=0):
    """TORCH_CHECK: on the CPU, float32, contiguous, 4 axes."""
    for name, tensor in (("x", x), ("w", w)):
        if tensor.device.type != "cpu":
            raise RuntimeError(f"{name} must be a CPU tensor")
        if tensor.dtype != torch.float32:
            raise RuntimeError(f"{name} must be float32, got {tensor.dtype}")
        if not tensor.is_contiguous():
            raise RuntimeError(f"{name} must be contiguous")
        if tensor.dim() != 4:
            raise RuntimeError(f"{name} must have 4 dimensions")
    return F.conv2d(x, w, bias, stride, padding)


@torch.jit.script
def _scripted(x: torch.Tensor, w: torch.Tensor, bias: torch.Tensor, stride: int, padding: int) -> torch.Tensor:
    p = F.pad(x, [padding, padding, padding, padding])
    oh = (p.size(2) - w.size(2)) // stride + 1
    ow = (p.size(3) - w.size(3)) // stride + 1
    out = torch.zeros([p.size(0), w.size(0), oh, ow], dtype=x.dtype)
    for i in range(w.size(2)):
        for j in range(w.size(3)):
            piece = p[:, :, i : i + stride * (oh - 1) + 1 : stride, j : j + stride * (ow - 1) + 1 : stride]
            out = out + torch.einsum("nchw,mc->nmhw", piece, w[:, :, i, j])
    return out + bias.view(1, -1, 1, 1)


def scripted(x, w, bias, stride=1, padding=0):
    """TorchScript is optimised at its first calls, and takes what its types say."""
    return _scripted(x, w, bias, stride, padding)


def conv_transpose2d_fold(x, w, bias=None, stride=1, padding=0):
    """F.fold of the columns; one int each."""
    n, _, h, width = x.shape
    kernel = tuple(w.shape[2:])
    sizes = [(i - 1) * stride - 2 * padding + k for i, k in zip((h, width), kernel, strict=True)]
    cols = w.reshape(w.shape[0], -1).T @ x.reshape(n, w.shape[0], h * width)
    y = F.fold(cols, sizes, kernel, padding=padding, stride=stride)
    return y if bias is None else y + bias.view(1, -1, 1, 1)


def conv_transpose1d_no_output_padding(x, w, bias=None, stride=1, padding=0, output_padding=0, groups=1):
    """torch's own, for what a deployment supports."""
    if output_padding not in (0, (0,), [0]):
        raise ValueError("output_padding is not supported by this backend")
    return F.conv_transpose1d(x, w, bias, stride, padding, 0, groups)
