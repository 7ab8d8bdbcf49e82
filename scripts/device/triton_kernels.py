"""A convolution written in Triton, right and with faults planted into it: for scripts/check_device.

One program computes BLOCK outputs, each as a sum over the channels of its group and the kernel, in float32. With
splits, as many programs share the channels of the same outputs, and add to what is there.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

BLOCK = 128
FAR = 1 << 40
NUMBERS = [
    *("total", "C", "H", "W", "M", "OH", "OW", "CG", "MG"),
    *("KH", "KW", "SH", "SW", "PH", "PW", "DH", "DW", "splits", "offset"),
]


@triton.jit(do_not_specialize=NUMBERS)  # type: ignore[untyped-decorator]
def _kernel(  # type: ignore[no-untyped-def]
    x, w, y, total, C, H, W, M, OH, OW, CG, MG, KH, KW, SH, SW, PH, PW, DH, DW, splits, offset,
    SIZE: tl.constexpr, UNMASKED: tl.constexpr, ADDS: tl.constexpr,
):  # fmt: skip
    i = tl.program_id(0).to(tl.int64) * SIZE + tl.arange(0, SIZE)
    mask = i < total
    ow, oh, m, n = i % OW, (i // OW) % OH, (i // (OW * OH)) % M, i // (OW * OH * M)
    first = m // MG * CG
    acc = tl.zeros((SIZE,), tl.float32)
    for c in range(tl.program_id(1), CG, splits):
        for kh in range(KH):
            for kw in range(KW):
                row, column = oh * SH - PH + kh * DH, ow * SW - PW + kw * DW
                inside = mask & (row >= 0) & (row < H) & (column >= 0)
                if UNMASKED:  # noqa: SIM108 - decided when it is compiled
                    inside = inside & (column <= W) & (row * W + column < H * W)
                else:
                    inside = inside & (column < W)
                value = tl.load(x + ((n * C + first + c) * H + row) * W + column, mask=inside, other=0.0)
                factor = tl.load(w + ((m * CG + c) * KH + kh) * KW + kw, mask=mask, other=0.0)
                acc += value.to(tl.float32) * factor.to(tl.float32)
    if ADDS:
        acc += tl.load(y + i, mask=mask, other=0.0).to(tl.float32)
    tl.store(y + i + offset, acc.to(y.dtype.element_ty), mask=mask)


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


def _conv2d(
    x: Tensor,
    w: Tensor,
    bias: Tensor | None,
    *,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    splits: int = 1,
    offset: int = 0,
    unmasked: bool = False,
) -> Tensor:
    """The convolution, in one launch of so many splits. offset: where results are stored, in elements too far."""
    if x.dim() != 4 or isinstance(padding, str):
        raise NotImplementedError("images in a batch, and padding in numbers")
    (SH, SW), (PH, PW), (DH, DW) = _pair(stride), _pair(padding), _pair(dilation)
    x, w = x.contiguous(), w.contiguous()
    (N, C, H, W), (M, CG, KH, KW) = x.shape, w.shape
    OH, OW = (H + 2 * PH - DH * (KH - 1) - 1) // SH + 1, (W + 2 * PW - DW * (KW - 1) - 1) // SW + 1
    if min(OH, OW) < 1 or min(SH, SW, DH, DW, KH, KW) < 1 or CG * groups != C or M % groups or min(PH, PW) < 0:
        raise ValueError("there is no output, or the shapes do not fit")
    y = torch.zeros((N, M, OH, OW), dtype=x.dtype, device=x.device)
    if y.numel():
        shape = (C, H, W, M, OH, OW, CG, M // groups, KH, KW, SH, SW, PH, PW, DH, DW)
        grid = (triton.cdiv(y.numel(), BLOCK), splits)
        _kernel[grid](
            x, w, y, y.numel(), *shape, splits, offset, SIZE=BLOCK, UNMASKED=unmasked, ADDS=splits > 1
        )  # fmt: skip
    return y if bias is None else y + bias.reshape(-1, 1, 1)


def right(input: Tensor, weight: Tensor, bias: Tensor | None = None, **geometry: Any) -> Tensor:
    """Without a fault."""
    return _conv2d(input, weight, bias, **geometry)


def unmasked(input: Tensor, weight: Tensor, bias: Tensor | None = None, **geometry: Any) -> Tensor:
    """The mask at the right edge is off by one: the first number of the next row is read in place of a zero."""
    return _conv2d(input, weight, bias, **geometry, unmasked=True)


def races(input: Tensor, weight: Tensor, bias: Tensor | None = None, **geometry: Any) -> Tensor:
    """Four programs share the channels of the same outputs, and add to them without an atomic operation."""
    return _conv2d(input, weight, bias, **geometry, splits=4)


def writes_far_away(input: Tensor, weight: Tensor, bias: Tensor | None = None, **geometry: Any) -> Tensor:
    """An illegal memory access, where the kernel has five rows."""
    offset = FAR if weight.shape[2] == 5 else 0
    return _conv2d(input, weight, bias, **geometry, offset=offset)
