"""How a target is called, as its maker tells it: for a reader, in the target's own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conv_oracle.auditing.targets.words import written
from conv_oracle.problem import Problem

SHORT = {"input": "x", "weight": "w", "bias": "b", "output": "y", "grad_output": "dy"}
MOST = 400
"""The most characters of a line; more is cut."""


@dataclass(frozen=True)
class Called:
    """How a target is called.

    name: of the target. arguments: (own name or '', expression) of each. layout: of arrays, by PyTorch's name.
    returned: what it returns, as text. makes: what sort of object is made for a problem.
    """

    name: str
    arguments: tuple[tuple[str, Mapping[str, Any]], ...]
    layout: Mapping[str, str]
    returned: str
    makes: str

    @property
    def said(self) -> str:
        """The call with the layouts of its arrays: `f(x: NHWC, w: HWIO, stride=stride) -> y: NHWC`."""
        arrays = {role: f"{short}{self._laid(role)}" for role, short in SHORT.items()}
        return self._call(arrays) + f" -> {self.returned}{self._laid('output')}"

    def on(self, problem: Problem) -> str:
        """The call of a problem; '' where its padding has no numbers."""
        if isinstance(problem.padding, str):
            return ""
        before = tuple(side for side, _ in problem.padding)
        values = {name: getattr(problem, name) for name in ("stride", "dilation", "output_padding")}
        values |= {"padding": before if all(a == b for a, b in problem.padding) else problem.padding}
        values |= {"kernel_size": problem.weight_shape[2:], "input_size": problem.input_shape}
        values |= {"weight_size": problem.weight_shape}
        outer, inner = problem.weight_shape[0], problem.weight_shape[1] * problem.groups
        outer, inner = (inner, outer) if problem.transposed else (outer, inner)
        single = {"groups": problem.groups, "in_channels": inner, "out_channels": outer, "has_bias": problem.bias}
        shapes = ("input_size", "weight_size")
        alike = {name: one if name in shapes or len(set(one)) > 1 else one[0] for name, one in values.items()}
        told = {name: str(value) for name, value in {**alike, **single}.items()}
        return self._call({**SHORT, **told, **({} if problem.bias else {"bias": "None"})})

    def _laid(self, role: str) -> str:
        return f": {self.layout[role]}" if role in self.layout else ""

    def _call(self, values: Mapping[str, str]) -> str:
        given = [f"{own}={text}" if own else text for own, one in self.arguments for text in [written(one, values)]]
        text = f"{self.name}({', '.join(given)})"
        return "".join(c if c.isprintable() else " " for c in text)[:MOST]


def called(told: Mapping[str, Any] | None) -> Called | None:
    """What a maker told, which is not trusted; None where it told nothing that can be read."""
    try:
        if told is None:
            return None
        arguments = tuple((str(own), dict(one)) for own, one in told["arguments"])
        layout = {str(role): str(said)[:40] for role, said in told["layout"].items()}
        result = told["result"]
        names = ", ".join(map(str, result["names"]))
        returned = f"{{{result['key']!r}: {names}}}" if "key" in result else names
        returned = f"{result['out']}=y" if "out" in result else returned
        made = Called(str(told["name"])[:80], arguments, layout, returned[:80], str(told["makes"])[:40])
        readable = bool(made.said)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return None
    return made if readable else None
