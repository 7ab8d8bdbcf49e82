"""Which gradients are taken: by which operands, and whether they are differentiated again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from conv_oracle.geometry import Shape
from conv_oracle.problem import Problem

Way = Literal["", "again", "accumulated", "held", "forward"]

SECOND = ("grad_grad_output", "second grad_input", "second grad_weight")


@dataclass(frozen=True)
class Gradients:
    """`by`: the operands that require grad; `second`: the double backward too, which needs input and weight in `by`.

    between: another forward call comes before the gradients are taken. way: 'again', by a second backward pass through
    one graph; 'accumulated', added to .grad by two of them; 'held', of the operands as they are held, which may be
    Parameters; 'forward', no gradients but the derivative along grad_grad_input, ..., in forward mode.
    """

    by: tuple[str, ...]
    second: bool = False
    between: bool = False
    way: Way = ""

    def parts(self) -> list[str]:
        """The names of the arrays that are returned, in order."""
        if self.way == "forward":
            return ["output", "grad_grad_output"]
        return ["output", *(f"grad_{name}" for name in self.by), *(SECOND if self.second else ())]

    def operand_shapes(self, problem: Problem) -> dict[str, Shape]:
        """The problem's operands, then the cotangents of the output and of its gradients."""
        shapes = {**problem.operand_shapes, "grad_output": problem.output_shape}
        if self.second:
            shapes |= {f"grad_grad_{name}": problem.operand_shapes[name] for name in self.by}
        return shapes

    def plan(self, names: Sequence[str]) -> Mapping[str, Any]:
        """The positions of the operands in `names`, as the worker takes them."""
        second = [names.index(f"grad_grad_{name}") for name in self.by] if self.second else []
        by = [names.index(name) for name in self.by]
        cotangent = names.index("grad_output")
        return {"by": by, "cotangent": cotangent, "second": second, "between": self.between, "way": self.way}


def by_all(problem: Problem, *, second: bool) -> Gradients:
    """By every operand of the problem. second: whether the double backward is taken too."""
    return Gradients(("input", "weight", *(("bias",) if problem.bias else ())), second)


def by_some(problem: Problem, turn: int) -> Gradients:
    """By some of the operands, in rotation by `turn`: each alone, and all but one."""
    names = by_all(problem, second=False).by
    subsets = [(name,) for name in names] + [tuple(n for n in names if n != name) for name in names if len(names) > 2]
    return Gradients(subsets[turn % len(subsets)])
