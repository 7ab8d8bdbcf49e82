"""GPU MODE: `check_implementation(data, output)` of a convolution, within a proved bound in place of rtol and atol.

A task's reference.py has it in the place of `make_match_reference(ref_kernel, rtol=..., atol=...)`:

    from conv_oracle.agents.gpu_mode import matching
    check_implementation = matching("conv2d")

It judges the one output that it is given, on the task's own operands. Where these are random, a right implementation
may round, by no more than the bound allows, and the bound of a long sum is wide. Where they are whole numbers, so small
that every partial sum is exact in every order, each element is compared exactly, and `whole` makes them so:

    from conv_oracle.agents.gpu_mode import matching, whole
    generate_input = whole(generate_input)

A whole audit of a submission asks thousands of other problems: `conv-oracle audit submission.py:custom_kernel --op
conv2d --arrays torch`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from conv_oracle.auditing import OPERATIONS
from conv_oracle.errors import GeometryError, OperandError, TargetError
from conv_oracle.operation import operation
from conv_oracle.problem import Problem, problem
from conv_oracle.truth.bound import Arithmetic, error_bound, exceeds, magnitudes, truth

ARITHMETIC: Mapping[str, Arithmetic] = {
    "any-order": Arithmetic("float32"),
    "truncated": Arithmetic("float32", truncating=True),
    "tf32": Arithmetic("float32", factors="tf32", truncating=True, truncating_factors=True, flushing=True),
    "fp16": Arithmetic("float32", factors="float16", truncating=True, truncating_factors=True, flushing=True),
    "bf16": Arithmetic("float32", factors="bfloat16", truncating=True, truncating_factors=True, flushing=True),
}
"""What an implementation may do, by the names of `--arithmetic`: products and sums are in float32 at least."""

BITS = {"float64": 53, "float32": 24, "tf32": 11, "float16": 11, "bfloat16": 8}
"""Whole numbers of so many bits are exact in a format."""

LARGEST_WHOLE = 127
"""Of whole operands: of seven bits, exact in every format."""

Read = Callable[[Any], Mapping[str, Any]]
"""How a task's data are read: the operands by PyTorch's names, and parameters that depend on them."""


def matching(
    op: str, *, read: Read | None = None, arithmetic: str = "any-order", **parameters: Any
) -> Callable[[Any, Any], tuple[bool, str]]:
    """The function `check_implementation(data, output)` of a task: whether an output is right, and what is wrong.

    op: the convolution, as 'conv2d' or 'conv_transpose1d'. parameters: its stride, padding, output_padding, dilation,
    groups, where they are not PyTorch's defaults; padding may have two sides, ((before, after), ...).
    read: takes data, and returns the operands `input`, `weight` and perhaps `bias`, and parameters that depend on them;
    by default data is a tuple that begins with these, and what follows with other axes is where the output is written.
    arithmetic: the coarsest rounding that is allowed, a key of ARITHMETIC. A fast algorithm has no such bound, and is
    exact on no whole numbers: this is for direct sums in any order.

    Data and output are tensors of any device, or arrays, in float16, bfloat16, float32 or float64, and are not changed.
    Raises TargetError where the arguments do not fit; so does the function, where data are no such convolution.
    """
    if op not in OPERATIONS or not operation(op).forward:
        forward = ", ".join(name for name in OPERATIONS if operation(name).forward)
        raise TargetError(f"an output is that of a forward operation: op={op!r}; {forward} would fit")
    if arithmetic not in ARITHMETIC:
        raise TargetError(f"arithmetic must be known: arithmetic={arithmetic!r}; {', '.join(ARITHMETIC)} would fit")

    def check_implementation(data: Any, output: Any) -> tuple[bool, str]:
        """Whether an output is the convolution of its data, and what is wrong; '' where nothing is."""
        try:
            said = {**parameters, **(read or _in_order)(data)}
            operands = {name: said.pop(name, None) for name in ("input", "weight", "bias")}
            given = {name: array for name, array in operands.items() if array is not None}
            made = _problem(op, given, said)
            _ = made.geometry
        except (GeometryError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise TargetError(
                f"data must be operands of {op}: {type(error).__name__}: {error}; read=FUNCTION would fit"
            ) from None
        wrong = _wrong(made, {name: _wide(operand) for name, operand in given.items()}, output, arithmetic)
        return not wrong, wrong

    return check_implementation


def whole(generate_input: Callable[..., Any]) -> Callable[..., Any]:
    """A task's `generate_input` whose operands are whole numbers, so that a right output is exact in any order of sums.

    Of the tuple that it returns, the first two are the input and the weight, and one of a single axis is the bias:
    these are scaled and rounded, up to LARGEST_WHOLE where the sums leave room for it. The rest stays as it is.
    """

    def generated(*args: Any, **kwargs: Any) -> Any:
        """The same data, of whole numbers."""
        data = generate_input(*args, **kwargs)
        terms = _terms(data[1]) + 1
        bits = min(BITS[_dtype(one)] for one in data[:2])
        most = max(1, min(LARGEST_WHOLE, math.isqrt((1 << bits) // terms)))
        return tuple(
            (array * (most / max(float(abs(array).max()), 1e-30))).round() if at < 2 or array.ndim == 1 else array
            for at, array in enumerate(data)
        )

    return generated


def _terms(weight: Any) -> int:
    """As many products as an output of a convolution or of a transposed one can have, at most."""
    kernel = math.prod(map(int, weight.shape[2:]))
    return max(int(weight.shape[0]), int(weight.shape[1])) * kernel


def _in_order(data: Any) -> dict[str, Any]:
    """The operands of a tuple: input and weight, and a third one of a single axis is the bias."""
    given, weight, *rest = data
    return {"input": given, "weight": weight, "bias": next((one for one in rest if one.ndim == 1), None)}


def _problem(op: str, given: Mapping[str, Any], parameters: Mapping[str, Any]) -> Problem:
    shapes = [tuple(map(int, given[name].shape)) for name in ("input", "weight")]
    return problem(op, *shapes, bias="bias" in given, dtype=_dtype(given["input"]), **parameters)


def _dtype(array: Any) -> str:
    return str(array.dtype).removeprefix("torch.")


def _wide(array: Any) -> np.ndarray[Any, Any]:
    """A tensor or an array as float64, which holds what it holds."""
    if hasattr(array, "detach"):
        array = array.detach().cpu().double().numpy()
    return np.asarray(array, np.float64)


def _wrong(made: Problem, operands: Mapping[str, np.ndarray[Any, Any]], output: Any, arithmetic: str) -> str:
    """What is wrong with an output; '' where nothing is."""
    if not hasattr(output, "shape") or not hasattr(output, "dtype"):
        return f"wrong type: got {type(output).__name__}, expected an array of {made.output_shape}"
    if tuple(output.shape) != made.output_shape:
        return f"wrong shape: got {tuple(output.shape)}, expected {made.output_shape} ({made})"
    if _dtype(output) != made.dtype:
        return f"wrong dtype: got {_dtype(output)}, expected {made.dtype}"
    try:
        bound = _bound(made, operands, arithmetic)
    except OperandError as error:
        raise TargetError(f"data must be finite, and of a dtype that has a bound: {error}") from None
    expected, answer = truth(made, operands), _wide(output)
    beyond = exceeds(answer, expected, bound)
    if not beyond.any():
        return ""
    first = tuple(int(at) for at in np.argwhere(beyond)[0])
    within = f" within {bound[first]:.2g}" if bound.any() else ", exactly"
    return (
        f"wrong values: {int(beyond.sum())} of {beyond.size} are not what {arithmetic} allows; "
        f"output{list(first)}: got {answer[first]:.9g}, expected {expected[first]:.9g}{within} ({made})"
    )


def _bound(made: Problem, operands: Mapping[str, np.ndarray[Any, Any]], arithmetic: str) -> np.ndarray[Any, Any]:
    """How far each output may be from the truth: nowhere, where every partial sum is a whole number that is exact."""
    usual = made.dtype == "float64" or arithmetic == "any-order"
    given = None if usual else ARITHMETIC[arithmetic]
    factors = BITS[(given.factors if given else None) or made.dtype]
    if all(
        np.array_equal(one, np.rint(one)) and np.abs(one).max(initial=0) < 2.0**factors for one in operands.values()
    ):
        largest = max(float(one.magnitude.max(initial=0)) for one in magnitudes(made, operands))
        if largest < 2.0 ** BITS[made.dtype]:
            return np.zeros(made.output_shape)
    return error_bound(made, operands, arithmetic=given)
