"""How a subject is called: which of its parameters is which of PyTorch's, and how arguments are passed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from conv_oracle.auditing.operands import Draws, Gradients
from conv_oracle.auditing.problems import Restriction, fitted_to
from conv_oracle.auditing.sandbox.frames import Series, Step
from conv_oracle.auditing.sandbox.sides import own_sides_of, same_sides_of, unlike_sides
from conv_oracle.auditing.sandbox.uses import EARLIER, PLAINLY, Form, Use, manner_of
from conv_oracle.auditing.targets import DEFAULTS, GEOMETRY, ORDER, PER_AXIS
from conv_oracle.operation import Operation
from conv_oracle.problem import Problem


@dataclass(frozen=True)
class Binding:
    """The parameters that a subject has, how each is passed, and what it requires of a problem.

    positional: PyTorch's names of what is passed by position, in this order. keywords: PyTorch's name to the subject's.
    plain: parameters passed as one int instead of a tuple. alike: those that must be the same on every axis.
    held: those that are kept at their default, as every other value is refused.
    layer: of a fixed layer, one problem: others have its weight's shape and its parameters, which need not be passed.
    optional_bias: whether a bias may be left out; with_none: whether it is then passed as None, being without default.
    restrictions: what is required of sizes, channels and the batch. told: what was found, one sentence each.
    order: what may be passed by position, in the subject's order. names: PyTorch's name to the subject's, of what may
    be passed by keyword. defaulted: those that have a default under PyTorch's own name. padding_as: how padding is
    written, one of PADDING_AS; what is not one number per axis is passed as (before, after) per axis. pads: the rule of
    a padding that the subject has of its own accord, and is not passed; '' where it has none.
    """

    positional: tuple[str, ...]
    keywords: Mapping[str, str]
    plain: frozenset[str] = frozenset()
    alike: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    layer: Problem | None = None
    optional_bias: bool = True
    with_none: bool = False
    restrictions: tuple[Restriction, ...] = ()
    told: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    defaulted: frozenset[str] = frozenset()
    padding_as: str = "numbers"
    pads: str = ""

    @property
    def parameters(self) -> frozenset[str]:
        """PyTorch's names of all that can be passed."""
        return frozenset((*self.positional, *self.keywords))

    @property
    def varied(self) -> frozenset[str]:
        """Those parameters of which other values than the default are taken."""
        baked = frozenset(GEOMETRY) if self.layer else frozenset()
        return (self.parameters - self.held) | baked

    @property
    def takes_sides(self) -> bool:
        """Whether padding can differ between the two sides of an axis."""
        return self.padding_as not in ("", "numbers")

    @property
    def _keeps_sides(self) -> bool:
        """Whether padding is the layer's or the subject's own, and is not passed."""
        return bool(self.pads) or (self.layer is not None and "padding" not in self.parameters)

    def refuses(self, problem: Problem) -> str | None:
        """What of the problem cannot be expressed, or is known to be refused, as text; None where nothing is."""
        required = (f"other than {one.said}" for one in self.restrictions if not one.meets(problem))
        return self.lacks(problem) or next(required, None)

    def lacks(self, problem: Problem) -> str | None:
        """What of the problem the signature cannot express, as text; None where it can express all of it."""
        word = problem.padding if isinstance(problem.padding, str) else None
        for said, true in (
            (f"padding that is not its own, {self.pads}", bool(self.pads) and not self._is_padded(problem)),
            ("another layer", self.layer is not None and _on_image_of(self.layer, problem) != problem),
            ("a bias", problem.bias and "bias" not in self.varied),
            ("no bias", not problem.bias and not self.optional_bias),
            (f"padding={word!r}", word is not None and "padding" not in self.parameters),
            (f"padding_mode={problem.padding_mode!r}", problem.padding_mode != "zeros"),
            (
                "a padding that differs between the two sides of an axis",
                word is None and not self.takes_sides and not self._keeps_sides and _differs(problem.padding),
            ),
        ):
            if true:
                return said
        for name in GEOMETRY:
            values = geometry_values(problem, name) if name != "padding" or not self.pads else ()
            if name not in self.varied and any(value != DEFAULTS[name] for value in values):
                return f"{name} other than {DEFAULTS[name]}"
            if name in self.plain | self.alike and len(set(values)) > 1:
                return f"a {name} that differs between the axes"
        return None

    def fitted(self, problem: Problem) -> Problem:
        """The problem with what this signature lacks at its default, and changed to meet what the subject requires."""
        if self.layer is not None:
            return _on_image_of(self.layer, problem)
        as_it_is = not (self.restrictions or self.takes_sides or self.pads)
        if as_it_is and self.lacks(problem) is None:
            return problem
        return self._padded(fitted_to(self.restrictions, self._expressible(problem)))

    def _is_padded(self, problem: Problem) -> bool:
        """Whether a problem's padding is the subject's own, if it has one."""
        try:
            return problem == self._padded(problem)
        except (ValueError, ZeroDivisionError):  # parameters that contradict each other
            return False

    def _padded(self, problem: Problem) -> Problem:
        """The problem with the padding that the subject has of its own accord, if it has one."""
        return replace(problem, padding=own_sides_of(problem, self.pads)) if self.pads else problem

    def _expressible(self, problem: Problem) -> Problem:
        has = self.varied
        word = isinstance(problem.padding, str) and "padding" in self.parameters and "padding" not in self.held
        w = problem.weight_shape
        if "groups" not in has and not problem.transposed:
            w = (w[0], w[1] * problem.groups, *w[2:])
        values: dict[str, Any] = {}
        for name in PER_AXIS:
            given = geometry_values(problem, name) if name in has else ()
            wide = given[:1] * problem.dimensions if name in self.plain | self.alike else given
            values[name] = wide or (DEFAULTS[name],) * problem.dimensions
        values["padding"] = problem.padding if word else self._sides(problem, values["padding"])
        return replace(
            problem,
            weight_shape=w,
            groups=problem.groups if "groups" in has else 1,
            bias="bias" in has and (problem.bias or not self.optional_bias),
            **values,
        )

    def _sides(self, problem: Problem, padding: Sequence[int]) -> tuple[tuple[int, int], ...]:
        """The padding of both sides of every axis that can be said: of SAME, that or none."""
        if not self.takes_sides or "padding" not in self.varied:
            return tuple((side, side) for side in padding)
        if self.padding_as in ("pairs", "flat"):
            return unlike_sides(problem)
        return same_sides_of(problem) if any(map(any, problem.padding)) else ((0, 0),) * problem.dimensions

    def limits(self, op: Operation) -> list[str]:
        """What this signature leaves out of the scope, one sentence each."""
        known = self.parameters | self.varied | ({"padding"} if self.pads else set())
        lacks = [name for name in ORDER[op.nd_name] if name not in known]
        said = [f"the signature lacks {', '.join(lacks)}: tested at the default only"] if lacks else []
        said += [f"{name} is passed as one int, as a tuple is not taken" for name in PER_AXIS if name in self.plain]
        if self.pads:
            said.append(f"padding is not passed: the subject pads of its own accord, {self.pads}")
        if not self.optional_bias:
            said.append("a bias is always passed, as the subject raises without one")
        return [*said, *self.told]

    def arguments(self, problem: Problem, form: Form = "plain") -> tuple[list[Any], dict[str, Any], list[str]]:
        """(args, kwargs, names of the operands in order) of a problem, as in a Series, written in a form."""
        operands = list(problem.operand_shapes)
        given = self._given(problem, operands, form)
        passed = [name for name in (*self.positional, *self.keywords) if name in given]
        if form == "defaults":
            left = {name for name in self.defaulted if _is_default(given.get(name), DEFAULTS.get(name))}
            passed = [name for name in passed if name not in left]
        by_position = self.positional
        if form == "positions":
            by_position = self.order[: 1 + max(map(self.order.index, {*passed} & {*self.order}), default=-1)]
        theirs = {**self.names, **self.keywords}
        if form == "keywords":
            by_position = tuple(name for name in self.positional if name not in theirs)
        args = []
        for name in by_position:
            if name not in passed and not (form == "positions" and name in given):
                break  # only what is left out at the end need not be passed
            args.append(given[name])
        placed = set(by_position[: len(args)])
        kwargs = {theirs[name]: given[name] for name in passed if name not in placed and name in theirs}
        return args, kwargs, operands

    def _given(self, problem: Problem, operands: Sequence[str], form: Form) -> dict[str, Any]:
        """Every argument that can be passed, as a Series has it, by PyTorch's name."""
        given: dict[str, Any] = {"input_size": list(problem.input_shape), "weight_size": list(problem.weight_shape)}
        given |= {"groups": problem.groups}
        given |= {"stride": problem.stride, "output_padding": problem.output_padding, "dilation": problem.dilation}
        word = isinstance(problem.padding, str)
        sides = [list(one) for one in problem.padding] if self.takes_sides and not word else None
        given["padding"] = problem.padding if word else list(geometry_values(problem, "padding"))
        for name in PER_AXIS:
            if isinstance(given[name], str):
                continue
            if name == "padding" and sides:
                given[name] = sides
                continue
            if name in self.plain or (form == "ints" and len(set(given[name])) == 1):
                given[name] = given[name][0]
            elif form == "lists":
                given[name] = {"list": list(given[name])}
        if self.with_none or form in ("none", "positions") or "bias" in self.positional:
            given["bias"] = None
        return given | {name: {"operand": number} for number, name in enumerate(operands)}

    def series(
        self,
        draws: Draws,
        steps: Sequence[Step],
        gradients: Gradients | None = None,
        use: Use = PLAINLY,
        earlier: Problem | None = None,
    ) -> Series:
        """Calls on these operands: those of the problem first, then what gradients and the use take.

        earlier: a problem with the same weight, whose input is the operand EARLIER: its call comes before each.
        """
        problem, names = draws.problem, list(draws.places)
        args, kwargs, _ = self.arguments(problem, use.form)
        payload = draws.payload()
        operands = [
            (layout.shape, layout.strides, start + layout.start, layout.writable)
            for layout, start in draws.places.values()
        ]
        manner = manner_of(use, problem, names)
        if earlier is not None:
            manner["earlier"] = [self._of_earlier(earlier, names.index(EARLIER))]
        return Series(
            args,
            kwargs,
            problem.dtype,
            operands,
            payload,
            len(payload) // len(draws),
            steps,
            answer_bytes(problem, gradients),
            gradients.plan(names) if gradients else None,
            manner,
        )

    def _of_earlier(self, earlier: Problem, number: int) -> list[Any]:
        """The arguments of an earlier call, whose input is the operand of this number."""
        args, kwargs, _ = self.arguments(earlier)
        own, other = {"operand": 0}, {"operand": number}
        return [[other if v == own else v for v in args], {n: other if v == own else v for n, v in kwargs.items()}]

    def written(self, problem: Problem, function: str, form: Form = "plain", *, image: str = "") -> str:
        """The call of `function` as Python source. image: the name of the first operand, if not its own."""
        args, kwargs, names = self.arguments(problem, form)
        names = [image or names[0], *names[1:]]

        def word(value: Any) -> str:
            if isinstance(value, dict):
                return names[value["operand"]] if "operand" in value else repr(value["list"])
            return repr(tuple(value) if isinstance(value, list) else value)

        return f"{function}({', '.join([*map(word, args), *(f'{n}={word(v)}' for n, v in kwargs.items())])})"


def _is_default(given: Any, default: int | None) -> bool:
    """Whether an argument, as a Series has it, is PyTorch's default."""
    if isinstance(given, list | tuple):
        return all(value == default for value in given)
    return bool(given == default)


def geometry_values(problem: Problem, name: str) -> tuple[int, ...]:
    """The value of a parameter on every axis; PyTorch's padding is the same on both sides."""
    if name == "groups":
        return (problem.groups,)
    if name == "padding":
        return () if isinstance(problem.padding, str) else tuple(before for before, _ in problem.padding)
    values: tuple[int, ...] = getattr(problem, name)
    return values


def answer_bytes(problem: Problem, gradients: Gradients | None = None) -> int:
    """The largest accepted size of an answer in bytes: ample for the right result in the widest format."""
    try:
        shapes = [problem.result_shape]
        if gradients:
            shapes += 2 * [problem.output_shape, problem.input_shape, problem.weight_shape]
        return sum(64 * math.prod(shape) for shape in shapes) + 4096
    except ValueError:
        return 4096


def _on_image_of(layer: Problem, problem: Problem) -> Problem:
    """A layer on the image of a problem."""
    batch, sizes = problem.input_shape[: problem.batched], problem.input_shape[-problem.dimensions :]
    return replace(layer, input_shape=(*batch, layer.input_shape[1], *sizes), dtype=problem.dtype)


def _differs(padding: tuple[tuple[int, int], ...] | str) -> bool:
    return not isinstance(padding, str) and any(before != after for before, after in padding)
