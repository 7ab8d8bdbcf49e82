"""Operation: which convolution is computed, and which array it returns. The only place that reads its name.

    conv2d  conv_transpose2d            the forward result             torch.nn.functional
    conv2d_input  conv2d_weight         a gradient of conv2d           torch.nn.grad

The gradients of a transposed convolution have names of the same form, for implementations that compute them
separately; PyTorch has no function for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Literal, get_args

from conv_oracle.errors import NotationError

Family = Literal["conv", "conv_transpose"]
Result = Literal["output", "grad_input", "grad_weight"]

FAMILIES: tuple[Family, ...] = get_args(Family)
MOST_AXES = 9

_NAME = re.compile(r"(conv|conv_transpose)([1-9])d(?:_(input|weight))?")
_WITHIN = re.compile(r"conv(_?transpose)?([123])d(_input|_weight)?")

OPERANDS: dict[Result, tuple[str, ...]] = {
    "output": ("input", "weight"),
    "grad_input": ("weight", "grad_output"),
    "grad_weight": ("input", "grad_output"),
}
"""The arrays that an operation always takes, in PyTorch's order; a forward one takes a bias besides."""


@dataclass(frozen=True)
class Operation:
    """A convolution or a transposed one, on 1 to 9 spatial axes, and the array that it returns.

    returns: 'output', or the gradient of it by the input or by the weight, for a given grad_output.
    """

    family: Family
    axes: int
    returns: Result = "output"

    @cached_property
    def name(self) -> str:
        """PyTorch's name: 'conv2d', 'conv_transpose1d', 'conv3d_weight'."""
        return f"{self.family}{self.axes}d{self._suffix}"

    @cached_property
    def nd_name(self) -> str:
        """The name of the form for any number of axes: 'conv', 'conv_transpose', 'conv_weight'."""
        return f"{self.family}{self._suffix}"

    @property
    def transposed(self) -> bool:
        """Whether the index map is read from its output side to its input side."""
        return self.family == "conv_transpose"

    @property
    def forward(self) -> bool:
        """Whether the output itself is computed, and no gradient of it."""
        return self.returns == "output"

    @property
    def by_input(self) -> bool:
        """Whether the gradient by the input is computed."""
        return self.returns == "grad_input"

    @property
    def by_weight(self) -> bool:
        """Whether the gradient by the weight is computed."""
        return self.returns == "grad_weight"

    @property
    def gathers(self) -> bool:
        """Whether each element of the result reads windows of an image; else products are scattered into windows.

        A convolution and the input gradient of a transposed one gather; a weight gradient sums over positions, and is
        neither.
        """
        return not self.by_weight and self.transposed == self.by_input

    @property
    def operands(self) -> tuple[str, ...]:
        """The arrays that it always takes, by PyTorch's names and in its order."""
        return OPERANDS[self.returns]

    @property
    def of_forward(self) -> Operation:
        """The forward operation of the same family."""
        return self if self.forward else replace(self, returns="output")

    def gradient(self, result: Result) -> Operation:
        """The operation that computes a gradient of this family; of 'output', the forward one."""
        return replace(self, returns=result)

    @property
    def _suffix(self) -> str:
        return self.returns.removeprefix("grad").removeprefix("output")

    def __str__(self) -> str:
        return self.name


@lru_cache
def operation(name: str | Operation) -> Operation:
    """The operation with this name, such as 'conv2d_weight'. Raises NotationError where there is none."""
    if isinstance(name, Operation):
        return name
    match = _NAME.fullmatch(name)
    if match is None:
        raise NotationError(
            f"an operation is conv or conv_transpose, 1d to {MOST_AXES}d, then optionally _input or _weight: "
            f"operation={name!r}; 'conv2d' or 'conv2d_weight' would fit"
        )
    returns: Result = f"grad_{match[3]}" if match[3] else "output"  # type: ignore[assignment]
    return Operation(match[1], int(match[2]), returns)  # type: ignore[arg-type]


def operation_within(text: str) -> Operation | None:
    """The operation that a function's name contains, in any case: `my_Conv2d`, `convtranspose1d_fast`; None if none."""
    match = _WITHIN.search(text.lower())
    if match is None:
        return None
    return operation(f"conv{'_transpose' if match[1] else ''}{match[2]}d{match[3] or ''}")


def torch_operations() -> Iterator[Operation]:
    """The operations that PyTorch has a function for, on one to three axes."""
    for family, result in (
        ("conv", "output"),
        ("conv_transpose", "output"),
        ("conv", "grad_input"),
        ("conv", "grad_weight"),
    ):
        for axes in (1, 2, 3):
            yield Operation(family, axes, result)  # type: ignore[arg-type]
