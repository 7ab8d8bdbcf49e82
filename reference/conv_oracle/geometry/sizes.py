"""The sizes of one axis, as formulas of ints   (S11). Nothing is checked here: `checked` does that."""

from __future__ import annotations

Shape = tuple[int, ...]
Pair = tuple[int, int]


def kernel_span(kernel: int, dilation: int) -> int:
    """Input elements from a kernel's first tap to its last: dilation * (kernel - 1) + 1.

    kernel is the number of taps and dilation the distance between neighbours, in elements.
    """
    return dilation * (kernel - 1) + 1


def conv_output_size(size: int, kernel: int, stride: int, before: int, after: int, dilation: int) -> int:
    """S11: O = floor((I + before + after - dilation * (K - 1) - 1) / stride) + 1; I - K + 1 by default.

    size is I and kernel is K; before and after are the padding. All are elements of one axis.
    Zero or less where the kernel does not fit.
    """
    return (size + before + after - kernel_span(kernel, dilation)) // stride + 1


def conv_transpose_output_size(
    size: int, kernel: int, stride: int, before: int, after: int, output_padding: int, dilation: int
) -> int:
    """S11 backwards: O = (I - 1) * stride - before - after + dilation * (K - 1) + output_padding + 1.

    Arguments are those of `conv_output_size`; output_padding lengthens the end. Zero or less where nothing is left.
    """
    return (size - 1) * stride - before - after + kernel_span(kernel, dilation) + output_padding


def same_padding(kernel: int, dilation: int) -> Pair:
    """The (before, after) that keeps the size at stride 1: dilation * (kernel - 1) in all.

    kernel taps, dilation elements apart; the odd element goes after, as in PyTorch.
    """
    total = dilation * (kernel - 1)
    return total // 2, total - total // 2
