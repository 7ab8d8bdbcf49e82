"""Problem: one convolution to compute, and its one-line notation.

    conv2d x2x4x7x9 w6x2x3x2 s2,3 p1:2,0:3 d2,1 g2 bias float32

x and w are the shapes of the convolution's input and weight, in every operation: a gradient by the input takes x as a
size, a gradient by the weight takes w as a size, and both get a grad_output of the shape that x and w give.
Then, where they differ from PyTorch's default: s stride, p padding (before:after, one number for both, 'same' or
'valid'), o output_padding, d dilation, g groups, a padding mode, `bias`, and the dtype. One number stands for all axes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from conv_oracle.errors import NotationError
from conv_oracle.geometry import PADDING_MODES, Geometry, Pair, Shape, conv_geometry, conv_transpose_geometry
from conv_oracle.operation import Operation
from conv_oracle.operation import operation as operation_of
from conv_oracle.passes import Array, Passes

_PARAMETER = re.compile(r"([spodg])(.+)")
_DTYPE = re.compile(r"(?:b?float|complex|u?int)\d+|float8_e4m3fn|float8_e5m2|object")


@dataclass(frozen=True)
class Problem:
    """One operation on one geometry in one dtype. Canonical: two problems that print alike are equal.

    It need not have a solution: `geometry` raises GeometryError where PyTorch refuses.
    """

    operation: Operation
    input_shape: Shape
    weight_shape: Shape
    stride: Shape
    padding: tuple[Pair, ...] | str
    output_padding: Shape
    dilation: Shape
    groups: int = 1
    padding_mode: str = "zeros"
    bias: bool = False
    dtype: str = "float64"

    def __post_init__(self) -> None:
        """An operation may be given by its name."""
        if not isinstance(self.operation, Operation):
            object.__setattr__(self, "operation", operation_of(self.operation))

    @property
    def transposed(self) -> bool:
        """Whether the index map is read from its output side to its input side."""
        return self.operation.transposed

    @property
    def dimensions(self) -> int:
        """The number of spatial axes."""
        return self.operation.axes

    @cached_property
    def batched(self) -> bool:
        """Whether the input has a batch in front of its channels."""
        return len(self.input_shape) == len(self.weight_shape)

    @property
    def complex_valued(self) -> bool:
        """Whether its values are complex: of dtype complex64 or complex128."""
        return self.dtype.startswith("complex")

    @property
    def parameters(self) -> dict[str, Any]:
        """The keyword arguments of the N-D forms."""
        common = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation, "groups": self.groups}
        if self.transposed:
            return common | {"output_padding": self.output_padding}
        return common | {"padding_mode": self.padding_mode}

    @cached_property
    def geometry(self) -> Geometry:
        """The geometry of the index map. Raises GeometryError where the problem has no solution."""
        build = conv_transpose_geometry if self.transposed else conv_geometry
        return build(self.input_shape, self.weight_shape, **self.parameters)

    @cached_property
    def output_shape(self) -> Shape:
        """The shape of the forward result, and of grad_output: (N, M, *O), without N when unbatched."""
        g = self.geometry
        return g.as_given(g.input_shape if self.transposed else g.output_shape)

    @property
    def out_channels(self) -> int:
        """The channels of the forward result, and the length of its bias; also where there is no solution."""
        first, second = self.weight_shape[:2]
        return second * self.groups if self.transposed else first

    def in_dtype(self, dtype: str) -> Problem:
        """The same problem in a dtype; its geometry, which does not depend on it, is not computed again."""
        if dtype == self.dtype:
            return self
        made = replace(self, dtype=dtype)
        if "geometry" in self.__dict__:
            made.__dict__["geometry"] = self.geometry
        return made

    @property
    def multiply_adds(self) -> int:
        """The number of products in one pass, those with padding included."""
        g = self.geometry
        return g.batch * math.prod(g.weight_shape) * math.prod(g.output_size)

    @property
    def operand_shapes(self) -> dict[str, Shape]:
        """The shapes of the arrays that the operation takes, by PyTorch's names and in its order."""
        if self.operation.by_input:
            return {"weight": self.weight_shape, "grad_output": self.output_shape}
        if self.operation.by_weight:
            return {"input": self.input_shape, "grad_output": self.output_shape}
        shapes = {"input": self.input_shape, "weight": self.weight_shape}
        return shapes | ({"bias": (self.out_channels,)} if self.bias else {})

    @property
    def result_shape(self) -> Shape:
        """The shape of the array that the operation returns."""
        if self.operation.by_input:
            return self.input_shape
        return self.weight_shape if self.operation.by_weight else self.output_shape

    def compute(self, passes: Passes, operands: Mapping[str, Array]) -> Array:
        """The operation's result for operands by name, by one way of computing it."""
        method = getattr(passes, self.operation.nd_name)
        if self.operation.by_input:
            result = method(self.input_shape, operands["weight"], operands["grad_output"], **self.parameters)
        elif self.operation.by_weight:
            result = method(operands["input"], self.weight_shape, operands["grad_output"], **self.parameters)
        else:
            result = method(operands["input"], operands["weight"], operands.get("bias"), **self.parameters)
        return result  # type: ignore[no-any-return]

    @cached_property
    def notation(self) -> str:
        """The problem in one line; `parse` reads it."""
        words = [self.operation.name, f"x{_sizes(self.input_shape)}", f"w{_sizes(self.weight_shape)}"]
        for letter, values, default in (
            ("s", self.stride, 1),
            ("p", self.padding, (0, 0)),
            ("o", self.output_padding, 0),
            ("d", self.dilation, 1),
            ("g", (self.groups,), 1),
        ):
            if isinstance(values, str) or any(value != default for value in values):
                words.append(letter + _values(values))
        words += [self.padding_mode] if self.padding_mode != "zeros" else []
        words += ["bias"] if self.bias else []
        return " ".join([*words, self.dtype])

    def __str__(self) -> str:
        return self.notation


def problem(
    operation: str | Operation,
    input_shape: Sequence[int],
    weight_shape: Sequence[int],
    *,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int | Sequence[int]] | str = 0,
    output_padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    bias: bool = False,
    dtype: str = "float64",
) -> Problem:
    """A problem in canonical form: one entry per axis. Raises NotationError for arguments that describe no problem."""
    parsed = operation_of(operation)
    axes = parsed.axes
    if len(weight_shape) != axes + 2:
        raise NotationError(
            f"the weight of {operation} has {axes + 2} dimensions: w={_sizes(weight_shape)}; "
            f"w{_sizes((1,) * (axes + 2))} would fit"
        )
    if _DTYPE.fullmatch(dtype) is None:
        raise NotationError(f"a dtype is written by its NumPy name: dtype={dtype!r}; 'float32' would fit")
    pairs: tuple[Pair, ...] | str
    if isinstance(padding, str):
        pairs = padding
    else:
        sides = [padding] * axes if isinstance(padding, int) else list(padding) * (axes if len(padding) == 1 else 1)
        pairs = tuple((side, side) if isinstance(side, int) else (side[0], side[1]) for side in sides)
    return Problem(
        parsed,
        tuple(input_shape),
        tuple(weight_shape),
        _expand("stride", stride, axes),
        pairs if isinstance(pairs, str) else _expand("padding", pairs, axes),
        _expand("output_padding", output_padding, axes),
        _expand("dilation", dilation, axes),
        groups,
        padding_mode,
        bias,
        dtype,
    )


def parse(notation: str) -> Problem:
    """The problem that a line of notation describes. Raises NotationError, naming the field that does not fit."""
    words = notation.split()
    if len(words) < 3 or not words[1].startswith("x") or not words[2].startswith("w"):
        raise NotationError(
            f"a problem is an operation, x and the input's shape, w and the weight's shape: {notation!r}; "
            "'conv2d x2x4x7x9 w6x2x3x2 s2,3 p1:2,0:3 d2,1 g2 bias float32' would fit"
        )
    names = {"s": "stride", "p": "padding", "o": "output_padding", "d": "dilation", "g": "groups"}
    options: dict[str, Any] = {}
    name: str
    value: Any
    for word in words[3:]:
        if word == "bias":
            name, value = "bias", True
        elif word in PADDING_MODES:
            name, value = "padding_mode", word
        elif _DTYPE.fullmatch(word):
            name, value = "dtype", word
        elif match := _PARAMETER.fullmatch(word):
            name, value = names[match[1]], _parse_values(word, match[1], match[2])
        else:
            raise NotationError(
                f"each field is s, p, o, d or g with numbers, a padding mode, 'bias' or a dtype: {word!r} in "
                f"{notation!r}; s2 or p1:2,0:3 would fit"
            )
        if name in options:
            raise NotationError(f"a parameter is given once: {word!r} in {notation!r} repeats {name}")
        options[name] = value
    return problem(words[0], _parse_shape(words[1]), _parse_shape(words[2]), **options)


def _expand(name: str, value: Any, axes: int) -> tuple[Any, ...]:
    entries = (value,) * axes if isinstance(value, int) else tuple(value)
    entries = entries * axes if len(entries) == 1 else entries
    if len(entries) != axes:
        raise NotationError(f"{name} is one number, or one per axis: {name}={value!r}; {axes} entries would fit")
    return entries


def _sizes(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))


def _values(values: Any) -> str:
    if isinstance(values, str):
        return values
    each = [_sides(value) if isinstance(value, tuple) else str(value) for value in values]
    return each[0] if len(set(each)) == 1 else ",".join(each)


def _sides(pair: Pair) -> str:
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}:{pair[1]}"


def _parse_shape(word: str) -> Shape:
    try:
        return tuple(int(size) for size in word[1:].split("x"))
    except ValueError:
        raise NotationError(f"a shape is sizes joined by x: {word!r}; {word[0]}1x2x5 would fit") from None


def _parse_values(word: str, letter: str, text: str) -> Any:
    if letter == "p" and text in ("same", "valid"):
        return text
    try:
        if letter == "g":
            return int(text)
        return tuple(_parse_sides(part) if letter == "p" else int(part) for part in text.split(","))
    except ValueError:
        raise NotationError(f"a parameter is a letter and numbers: {word!r}; {letter}1 would fit") from None


def _parse_sides(part: str) -> Pair:
    before, colon, after = part.partition(":")
    return int(before), int(after if colon else before)
