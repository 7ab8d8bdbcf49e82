"""Arrays in the layout of a target, and arguments as it takes them.

Joined to the worker's text, and self-contained like it; arrays are NumPy's or PyTorch's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Layout = dict[str, Any]
"""said: as written. take: for each axis of the target's, the place of PyTorch's, or -1 for an axis of size 1 besides.
missing: the places of PyTorch's that the target lacks."""


def is_array(value: Any) -> bool:
    """Whether a value is an array of NumPy or a tensor."""
    return hasattr(value, "shape") and hasattr(value, "dtype") and hasattr(value, "reshape")


def permuted(array: Any, order: list[int]) -> Any:
    """A view with its axes in this order."""
    return array.permute(order) if hasattr(array, "permute") else array.transpose(order)


def in_c_order(array: Any) -> bool:
    """Whether an array has no gaps and its last axis is the fastest."""
    return bool(array.is_contiguous() if hasattr(array, "is_contiguous") else array.flags.c_contiguous)


def copied(array: Any) -> Any:
    """The same values in C order, in memory of their own."""
    return array.contiguous() if hasattr(array, "contiguous") else array.copy("C")


def theirs(array: Any, layout: Layout | None) -> Any:
    """An array as the target lays it out; in C order where it was. Raises NotImplementedError where it cannot."""
    if layout is None:
        return array
    for place in layout["missing"]:
        if array.shape[place] != 1:
            raise NotImplementedError(f"the layout {layout['said']} has one example and one channel")
    kept = [place for place in range(array.ndim) if place not in layout["missing"]]
    inner = array[tuple(0 if place in layout["missing"] else slice(None) for place in range(array.ndim))]
    moved = permuted(inner, [kept.index(place) for place in layout["take"] if place >= 0])
    moved = moved[tuple(None if place < 0 else slice(None) for place in layout["take"])]
    return copied(moved) if in_c_order(array) and not in_c_order(moved) else moved


def ours(array: Any, layout: Layout | None) -> Any:
    """A result of the target in PyTorch's layout; one with another number of axes as it is."""
    if layout is None or not is_array(array) or len(array.shape) != len(layout["take"]):
        return array
    inner = array[tuple(0 if place < 0 else slice(None) for place in layout["take"])]
    places = [place for place in layout["take"] if place >= 0]
    moved = permuted(inner, [places.index(place) for place in sorted(places)])
    for place in sorted(layout["missing"]):
        moved = moved[(*(slice(None),) * place, None)]
    return moved


def flipped(weight: Any, axes: int) -> Any:
    """A kernel read backwards along its spatial axes."""
    if hasattr(weight, "flip") and not hasattr(weight, "flags"):
        return weight.flip(tuple(range(weight.ndim - axes, weight.ndim)))
    return weight[(..., *(slice(None, None, -1),) * axes)].copy()


def same_values(one: Any, other: Any) -> bool:
    """Whether two arrays have the same values, NaN where the other has it too."""
    return bool(((one == other) | ((one != one) & (other != other))).all())  # noqa: PLR0124 - NaN alone is not itself


def made_up(shape: Any, like: Any) -> Any:
    """An array of small integers, none of them 0, for what a gradient does not depend on."""
    values = np.resize(np.array([1, 2, 3], "i8"), tuple(shape))
    return like.new_tensor(values.tolist()) if hasattr(like, "new_tensor") else values.astype(like.dtype)


def per_axis(value: Any, axes: int) -> tuple[Any, ...]:
    """A parameter on every axis."""
    return tuple(value) if isinstance(value, tuple | list) else (value,) * axes


def as_one_int(name: str, value: Any) -> Any:
    """A parameter that is the same on every axis, as one int. Raises NotImplementedError for another."""
    if isinstance(value, tuple | list):
        if len(set(value)) > 1:
            raise NotImplementedError(f"{name} is one int")
        return value[0]
    return value


def same_sides(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """The padding that TensorFlow and Keras call SAME: the output has ceil(size / stride) elements.

    Where it is odd in all, the side behind has more.
    """
    whole = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return whole // 2, whole - whole // 2


def same_sides_transposed(kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """That of a transposed convolution, whose output has size * stride elements."""
    whole = max((kernel - 1) * dilation + 1 - stride, 0)
    return whole // 2, whole - whole // 2


def own_sides(rule: str, size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """The padding of a target that takes none and pads of its own accord, by a rule of PADS or a number."""
    whole = (kernel - 1) * dilation
    if rule == "SAME":
        return same_sides(size, kernel, stride, dilation)
    known = {"same": (whole // 2, whole - whole // 2), "causal": (whole, 0), "full": (whole, whole)}
    return known[rule] if rule in known else (kernel // 2,) * 2 if rule == "k//2" else (int(rule),) * 2


def evaluated(expression: Any, values: dict[str, Any]) -> Any:
    """An argument, from what stands for each name."""
    if "constant" in expression:
        return expression["constant"]
    if "name" in expression:
        return values[expression["name"]]
    if "dictionary" in expression:
        return {key: evaluated(one, values) for key, one in expression["dictionary"]}
    if "tuple" in expression:
        return tuple(evaluated(one, values) for one in expression["tuple"])
    return [evaluated(one, values) for one in expression["list"]]


def names_in(expression: Any) -> list[str]:
    """The names in an argument, in their order."""
    if "name" in expression:
        return [expression["name"]]
    inside = [one for _, one in expression.get("dictionary", ())]
    inside += [*expression.get("tuple", ()), *expression.get("list", ())]
    return [name for one in inside for name in names_in(one)]
