"""A subject with PyTorch's arguments, made of what a target is and of the words that say how it is called.

Joined to the worker's text, and self-contained like it.
"""

from __future__ import annotations

import inspect
from typing import Any

from conv_oracle.auditing.targets.arranged import (
    as_one_int,
    flipped,
    in_c_order,
    is_array,
    made_up,
    ours,
    own_sides,
    per_axis,
    same_sides,
    same_sides_transposed,
    same_values,
    theirs,
)
from conv_oracle.auditing.targets.classes import recognised
from conv_oracle.auditing.targets.loading import load
from conv_oracle.auditing.targets.names import DEFAULTS, PER_AXIS
from conv_oracle.auditing.targets.objects import Target

ARRAYS = ("input", "weight", "bias", "grad_output")
REQUIRED = ("input", "input_size", "weight", "weight_size", "grad_output")
RETURNS = {"output": "y", "grad_input": "dx", "grad_weight": "dw"}
LAID_OUT_AS = {"y": "output", "dx": "input", "dw": "weight", "db": "bias"}


def adapted(target: str, words: dict[str, Any]) -> Any:
    """The subject that a target names. Raises TypeError where it cannot be told how it is called."""
    return adapted_object(load(target), words, target.rpartition(":")[2])


def adapted_object(found: Any, words: dict[str, Any], name: str) -> Any:
    """The subject that an object is."""
    if hasattr(found, "conv_oracle_subject"):
        return found.conv_oracle_subject(words["op"])
    target = recognised(found, words, name)
    if target is None:
        if not callable(found):
            raise TypeError(f"{name} is not callable: it is of type {type(found).__name__}")
        return found
    return Adapted(target, words)


class Adapted:
    """A function with PyTorch's arguments that calls a target with its own."""

    def __init__(self, target: Target, words: dict[str, Any]) -> None:
        """Its signature has the parameters that the target can be given."""
        self.target, self.words = target, words
        self.axes, self.conv = words["axes"], not words["transposed"]
        self.layout = {**target.layout, **words["layout"]}
        used = target.names | ({"bias"} if "has_bias" in target.names else set())
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        self.__signature__ = inspect.Signature(
            [
                inspect.Parameter(one, kind, default=inspect.Parameter.empty if one in REQUIRED else DEFAULTS.get(one))
                for one in words["order"]
                if one in used or one in REQUIRED
            ]
        )
        self.__name__ = target.name
        if target.gradients:
            self.gradients = self._gradients
        self.called = {
            "name": target.name,
            "arguments": target.arguments,
            "layout": {name: one["said"] for name, one in self.layout.items()},
            "result": target.result,
            "makes": target.makes,
            "padding_as": words["padding_as"],
            "pads": words["pads"],
        }

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The result in PyTorch's layout. Raises NotImplementedError for what the target cannot be asked."""
        values, copies = self._values(args, kwargs)
        try:
            returned = self.target.call(values)
        finally:
            self._written_back(copies)
        wanted = RETURNS[self.words["returns"]]
        return self._ours(wanted, self.target.picked(returned, wanted))

    def _gradients(self, call: tuple[Any, Any], arrays: list[Any], plan: dict[str, Any]) -> list[Any]:
        """The result, and what the target's backward function gives for the operands plan["by"]."""
        if plan["second"]:
            raise NotImplementedError("a backward function gives no second gradients")
        args, kwargs = call
        values, copies = self._values(args, kwargs)
        cotangent = theirs(arrays[plan["cotangent"]], self.layout.get("grad_output"))
        returned = self.target.call(values)
        y = self._ours("y", self.target.picked(returned, "y"))
        gradients = self.target.gradients(values | {"grad_output": cotangent}, returned)  # type: ignore[misc]
        self._written_back(copies)
        given = self.__signature__.bind(*args, **kwargs).arguments
        role = {id(value): name for name, value in given.items() if is_array(value)}
        named = {"input": "dx", "weight": "dw", "bias": "db"}
        return [y, *(self._ours(one, gradients[one]) for n in plan["by"] for one in [named[role[id(arrays[n])]]])]

    def _ours(self, name: str, array: Any) -> Any:
        laid = ours(array, self.layout.get(LAID_OUT_AS[name]))
        return flipped(laid, self.axes) if self.words["flip"] and name == "dw" and is_array(laid) else laid

    def _values(self, args: Any, kwargs: Any) -> tuple[dict[str, Any], list[tuple[Any, Any, str]]]:
        """What stands for each name, as the target takes it; and (copy, operand, its name) of what was copied."""
        bound = self.__signature__.bind(*args, **kwargs)
        values: dict[str, Any] = {"bias": None, **DEFAULTS, **bound.arguments}
        plain: dict[str, Any] = {name: values.get(name) for name in ("input", "weight")}
        shapes = {name: values.get(f"{name}_size") for name in ("input", "weight")}
        like = next(value for value in values.values() if is_array(value))
        for name, shape in shapes.items():
            if shape is not None:
                plain[name] = made_up(shape, like)
        x, w = plain["input"], plain["weight"]
        values |= {"input_size": tuple(x.shape), "weight_size": tuple(w.shape)}
        self._refuse(values, x.shape, w.shape)
        values |= self._sizes(values, w.shape)
        values["padding"] = self._padding(values, x.shape, w.shape)
        if self.words["ints"]:
            values |= {name: as_one_int(name, values[name]) for name in (*PER_AXIS, "kernel_size")}
        values |= plain
        copies = list[tuple[Any, Any, str]]()
        for name in ARRAYS:
            if values.get(name) is not None:
                array = values[name]
                turned = flipped(array, self.axes) if self.words["flip"] and name == "weight" else array
                values[name] = theirs(turned, self.layout.get(name))
                if values[name] is not array and in_c_order(array):
                    copies.append((values[name], array, name))
        if "out" in self.target.names:
            values["out"] = self._poisoned(values, x, w)
        return values, copies

    def _poisoned(self, values: dict[str, Any], x: Any, w: Any) -> Any:
        """What a target writes its result into: of the right shape, full of NaN, or of 113 where there is none."""
        sizes = [
            output_size(*one, transposed=not self.conv)
            for one in zip(
                x.shape[2:],
                w.shape[2:],
                *(per_axis(values[name], self.axes) for name in ("stride", "padding", "dilation", "output_padding")),
                strict=True,
            )
        ]
        channels = w.shape[0] if self.conv else w.shape[1] * values["groups"]
        whole = {"output": (x.shape[0], channels, *sizes), "grad_input": x.shape, "grad_weight": w.shape}
        layout = self.layout.get(LAID_OUT_AS[RETURNS[self.words["returns"]]])
        empty = made_up(whole[self.words["returns"]], x)
        floating = bool((empty * 0 + 0.5 == 0.5).all())
        return theirs(empty * float("nan") if floating else empty * 0 + 113, layout)

    def _written_back(self, copies: list[tuple[Any, Any, str]]) -> None:
        """Operands that were changed in a copy of theirs are changed themselves, so that it shows."""
        for copy, array, name in copies:
            now = ours(copy, self.layout.get(name))
            now = flipped(now, self.axes) if self.words["flip"] and name == "weight" else now
            if not _requires_grad(array) and not same_values(now, array):
                array[...] = now

    def _refuse(self, values: dict[str, Any], x: Any, w: Any) -> None:
        """Raises NotImplementedError for an unbatched input, and where the axes must be alike and are not."""
        if len(x) != self.axes + 2:
            raise NotImplementedError("an unbatched input")
        if isinstance(values["padding"], str) and "out" in self.target.names:
            raise NotImplementedError("padding as a word, where the size of the result must be known before")
        if self.words["square"]:
            alike = [x[-self.axes :], w[-self.axes :], *(per_axis(values[name], self.axes) for name in PER_AXIS)]
            if any(len(set(sizes)) > 1 for sizes in alike):
                raise NotImplementedError("every axis must be alike")

    def _sizes(self, values: dict[str, Any], w: Any) -> dict[str, Any]:
        """What a constructor takes of the weight's shape."""
        outer, inner = (w[0], w[1] * values["groups"]) if self.conv else (w[1] * values["groups"], w[0])
        kernel = tuple(int(size) for size in w[2:])
        one = kernel[0] if len(set(kernel)) == 1 else kernel
        sizes = {"in_channels": int(inner), "out_channels": int(outer), "kernel_size": one}
        return {**sizes, "has_bias": values["bias"] is not None}

    def _padding(self, values: dict[str, Any], x: Any, w: Any) -> Any:
        """The padding as the target writes it, or of its own; pairs of sides come in where it can express them."""
        if self.words["pads"]:
            stride, dilation = (per_axis(values[name], self.axes) for name in ("stride", "dilation"))
            every = zip(x[2:], w[2:], stride, dilation, strict=True)
            return tuple(own_sides(self.words["pads"], *one) for one in every)
        padding, written = values["padding"], self.words["padding_as"] or "numbers"
        if written == "numbers" or isinstance(padding, str):
            return padding if written in ("numbers", "pairs", "flat") else _word(padding, written)
        sides = [tuple(one) if isinstance(one, tuple | list) else (one, one) for one in per_axis(padding, self.axes)]
        if written == "pairs":
            return tuple(sides)
        if written == "flat":
            return (*(before for before, _ in sides), *(behind for _, behind in sides))
        steps = zip(per_axis(values["stride"], self.axes), per_axis(values["dilation"], self.axes), strict=True)
        fitting = [
            same_sides(i, k, s, d) if self.conv else same_sides_transposed(k, s, d)
            for i, k, (s, d) in zip(x[2:], w[2:], steps, strict=True)
        ]
        if sides == fitting:
            return written
        if not any(map(any, sides)):
            return "VALID" if written == "SAME" else "valid"
        raise NotImplementedError(f"padding is {written} or none")


def _word(padding: str, written: str) -> str:
    """PyTorch's word as TensorFlow (SAME) or Keras (same) writes it."""
    return padding.upper() if written == "SAME" else padding


def _requires_grad(array: Any) -> bool:
    return bool(getattr(array, "requires_grad", False))


def output_size(
    size: int, kernel: int, stride: int, padding: Any, dilation: int, more: int, *, transposed: bool
) -> int:
    """The number of positions along an axis; 0 where there is none. padding: of each side, or (before, behind)."""
    sides = sum(padding) if isinstance(padding, tuple | list) else 2 * padding
    if transposed:
        return max(0, (size - 1) * stride - sides + dilation * (kernel - 1) + 1 + more)
    return max(0, (size + sides - dilation * (kernel - 1) - 1) // stride + 1)
