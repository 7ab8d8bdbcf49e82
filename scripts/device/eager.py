"""PyTorch's own convolution on a device, and what is planted into it: for scripts/check_device."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

FOREVER = 1 << 50
"""Cycles of a device that does nothing: days."""


def without_tf32(input: Tensor, weight: Tensor, bias: Tensor | None = None, **geometry: Any) -> Any:
    """Every operand with all of its bits."""
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    return functional.conv2d(input, weight, bias, **geometry)


def with_tf32(input: Tensor, weight: Tensor, bias: Tensor | None = None, **geometry: Any) -> Any:
    """As PyTorch does by default: operands of 11 bits in float32."""
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
    return functional.conv2d(input, weight, bias, **geometry)


def channels_last(input: Tensor, weight: Tensor, bias: Tensor | None = None, **geometry: Any) -> Any:
    """With the channels innermost in memory, where a library has other kernels."""
    if input.dim() == 4:
        input, weight = (one.contiguous(memory_format=torch.channels_last) for one in (input, weight))  # noqa: A001
    return without_tf32(input, weight, bias, **geometry)


def races_on_streams(input: Tensor, weight: Tensor, bias: Tensor | None = None, **geometry: Any) -> Any:
    """The result is copied on a stream that nobody waits for, where there is more than one image."""
    y = without_tf32(input, weight, bias, **geometry)
    if len(y) < 2:
        return y
    late, side = torch.zeros_like(y), torch.cuda.Stream()  # type: ignore[no-untyped-call]
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        torch.cuda._sleep(50_000_000)  # type: ignore[no-untyped-call] # noqa: SLF001 - keeps the device busy
        late.copy_(y)
    return late


def hangs(input: Tensor, weight: Tensor, bias: Tensor | None = None, **geometry: Any) -> Any:
    """The device never ends, where the kernel has five rows."""
    if weight.shape[2] == 5:
        torch.cuda._sleep(FOREVER)  # type: ignore[no-untyped-call] # noqa: SLF001
    return without_tf32(input, weight, bias, **geometry)


def exhausts_memory(input: Tensor, weight: Tensor, bias: Tensor | None = None, **geometry: Any) -> Any:
    """A workspace of 16 TiB, where there are groups and images of five rows or more."""
    if geometry.get("groups", 1) > 1 and input.shape[-2] >= 5:
        torch.empty(1 << 44, dtype=torch.uint8, device=input.device)
    return without_tf32(input, weight, bias, **geometry)
