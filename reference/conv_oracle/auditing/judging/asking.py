"""The calls of a subject: a problem, several draws of its operands, and the steps in which they are used."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Any

from conv_oracle.auditing.judging.circumstance import (
    CODED,
    PLAIN,
    SCALED,
    Circumstance,
    of_gradients,
    of_guards,
    of_layouts,
    of_style,
)
from conv_oracle.auditing.operands import (
    DTYPES,
    STYLES,
    Draws,
    Gradients,
    Style,
    by_all,
    by_some,
    coded,
    density,
    draw,
    exact_radius,
    fits,
    forms,
    generator,
    given,
    holds_all,
    products_per_output,
    survival,
)
from conv_oracle.auditing.sandbox import PLAINLY, Side, Step, Use
from conv_oracle.problem import Problem

MOST_DRAWS = 16
MOST_NARROW_DRAWS = 64
"""Where sums must fit a 16-bit format, operands take few values, and a draw reveals little."""

STATE: tuple[Step, ...] = (("call", 0), ("call", 1), ("reread", 0), ("reuse", 2), ("call", 0), ("reread", 1))
"""Other values, the first answer again, new values in the same memory, the first call and the second answer again."""

STATE_EVERY = 5
LONG_EVERY, LONG, LONG_MULTIPLY_ADDS = 7 * STATE_EVERY, 20, 2_000
"""One of LONG_EVERY problems, if it is small, gets LONG more calls before answers are read again: for buffers used in
rotation."""

STYLE_EVERY = 3
FORM_EVERY = 3
"""Odd, as dtypes alternate in the list of problems."""

GUARD_EVERY, GUARD_MULTIPLY_ADDS = 5, 100_000
FIRST_IF_SLOW = 40
"""Of a slow subject so many problems, the essential ones among them, are asked before any with guard pages."""

SIDES: tuple[Side, ...] = ("before", "behind")
LARGE = 2_000_000
"""The multiply-adds from which a call is too long for a series of them: only layers at their real size have more."""

CODED_PROBES, CODED_MULTIPLY_ADDS = 6, 5000
"""A small problem is one whose index map at most so many coded probes read."""


@dataclass(frozen=True)
class Ask:
    """A series of calls of one problem, in one circumstance.

    draws: the operands. steps: the calls in order, see `Step`. gradients: what is differentiated, if anything.
    forms: the memory layout of operands that are not in C order, by name. guard: the side of guard pages, if any.
    use: how people call, where not plainly; earlier: the problem whose call comes before each.
    """

    draws: Draws
    steps: Sequence[Step]
    circumstance: Circumstance = PLAIN
    gradients: Gradients | None = None
    forms: Mapping[str, str] = field(default_factory=dict)
    guard: Side | None = None
    use: Use = PLAINLY
    earlier: Problem | None = None

    @property
    def problem(self) -> Problem:
        """The problem."""
        return self.draws.problem

    @property
    def parts(self) -> list[str]:
        """The names of the arrays that a call returns."""
        return self.gradients.parts() if self.gradients else [self.problem.operation.returns]

    @cached_property
    def blocks(self) -> tuple[int, ...]:
        """The draw that each step answers; what is read again is of an earlier one."""
        found: list[int] = []
        for kind, which in self.steps:
            found.append(found[which] if kind == "reread" else which)
        return tuple(found)

    def block_of(self, step: int) -> int:
        """The draw that a step answers."""
        return self.blocks[step]

    def circumstance_of(self, step: int) -> Circumstance:
        """What sets the draw of a step apart."""
        return self.circumstances[self.block_of(step)]

    @cached_property
    def circumstances(self) -> tuple[Circumstance, ...]:
        """What sets each draw apart."""
        draws = self.draws
        if not self.circumstance.plain:
            return (self.circumstance,) * len(draws)
        uniform = [SCALED if any(row) else PLAIN for row in draws.exponents[: draws.uniform].tolist()]
        return (*uniform, *(of_style(style) for style in draws.styles))


@dataclass(frozen=True)
class Asking:
    """How the calls of a problem are made.

    seed: what the draws derive from. missed: the largest probability with which a wrong index may go undetected on a
    problem. least: the least number of draws. arrays: 'numpy' or 'torch'.
    gradients: None for the operation alone; else whether the double backward is tested too.
    bits: (of an operand, of a sum) that are exact in the declared arithmetic. scales: whether that arithmetic has the
    exponent range of the dtype. vectors: given operands by problem; such a problem is tested on them alone.
    returned: by dtype of the operands, the wider dtype of the results. slow: whether calls take so long that each
    problem gets the fewest: then no series of many calls is made. guards: whether operands may lie against guard pages.
    uses: how people call, in the order of their turns.
    """

    seed: int
    missed: float
    least: int
    arrays: str
    gradients: bool | None = None
    bits: tuple[int, int] = (53, 53)
    scales: bool = True
    vectors: Mapping[Problem, Draws] = field(default_factory=dict)
    returned: Mapping[str, str] = field(default_factory=dict)
    slow: bool = False
    guards: bool = False
    uses: tuple[Use, ...] = ()

    def asks(self, problem: Problem, turn: int, *, guarded: bool) -> Iterator[Ask]:
        """All series of a problem. turn: its position in the list, for series that only some problems get."""
        if (plain := self.plain(problem, turn, guarded=guarded)) is None:
            return
        yield plain
        if self.vectors and problem in self.vectors:
            return
        yield from self.beside_guards(problem, self._sides(problem, turn), guarded=guarded)
        if self.slow:
            return
        if turn % FORM_EVERY == 1 and self._holds_all(problem, plain.draws.radius, guarded=guarded):
            yield self.formed(problem, turn // FORM_EVERY, guarded=guarded)
        if self.gradients is None:
            if not guarded and self.few_coded(problem):
                yield self.coded(problem)
        elif turn % 2:
            yield self.partial(problem, turn // 2, guarded=guarded)

    def plain(self, problem: Problem, turn: int, *, guarded: bool) -> Ask | None:
        """As many draws as the confidence needs, and calls that reveal state; None where no sum is exact."""
        gradients = self.every_gradient(problem)
        if self.vectors and problem in self.vectors:
            own = self.vectors[problem]
            return Ask(own, [("call", number) for number in range(len(own))], gradients=gradients)
        radius = self.radius(problem, guarded=guarded, gradients=gradients is not None)
        if radius < 1:
            return None
        state = turn % STATE_EVERY == 0 and not self.slow
        draws = draw(
            problem,
            self.shapes(problem, gradients),
            radius,
            generator(self.seed, problem, guarded),
            guarded=guarded,
            uniform=max(self._count(problem, radius, guarded=guarded), 3 if state else 1),
            styles=self._styles(problem, turn, radius, guarded=guarded),
            scaled=self.scales,
            most=2 ** self.bits[0],
            **self.made(problem, radius, guarded=guarded),
        )
        steps: list[Step] = [("call", number) for number in range(len(draws))]
        if state:
            steps = [*STATE, *steps[3:]]
            if turn % LONG_EVERY == 0 and problem.multiply_adds <= LONG_MULTIPLY_ADDS:
                again: list[Step] = [("call", 1 + number % 2) for number in range(LONG)]
                steps += [*again, ("reread", 0), ("reread", 1)]
        return Ask(draws, steps, gradients=gradients and replace(gradients, between=state))

    def real(self, problem: Problem, most: int) -> Ask | None:
        """A layer at its real size, in at most so many draws; of several, the first is called again at the end.

        The operands leave room for rounding where there is any: a large answer is not asked twice to tell.
        """
        gradients = self.every_gradient(problem)
        guarded = self.radius(problem, guarded=True, gradients=gradients is not None) >= 1
        radius = self.radius(problem, guarded=guarded, gradients=gradients is not None)
        if radius < 1:
            return None
        draws = draw(
            problem,
            self.shapes(problem, gradients),
            radius,
            generator(self.seed, problem, guarded + (6 if most == 1 else 0)),
            guarded=guarded,
            uniform=min(self._count(problem, radius, guarded=guarded), most),
            scaled=self.scales,
            most=2 ** self.bits[0],
            **self.made(problem, radius, guarded=guarded),
        )
        steps: list[Step] = [("call", number) for number in range(len(draws))]
        return Ask(draws, [*steps, ("call", 0)] if most > 1 else steps, gradients=gradients)

    def once(self, problem: Problem, *, guarded: bool) -> Ask | None:
        """One plain call."""
        ask = self.plain(problem, 1, guarded=guarded)
        return ask and replace(ask, steps=ask.steps[:1])

    def formed(self, problem: Problem, turn: int, *, guarded: bool) -> Ask:
        """The problem on operands in other memory layouts."""
        gradients = self.every_gradient(problem)
        shapes = self.shapes(problem, gradients)
        known = arrangements(self.arrays, tuple(shapes))
        chosen = known[turn % len(known)]
        radius = self.radius(problem, guarded=guarded, gradients=gradients is not None)
        rng = generator(self.seed, problem, 2 + guarded)
        made = self.made(problem, radius, guarded=guarded)
        draws = draw(problem, shapes, radius, rng, guarded=guarded, uniform=2, forms=chosen, **made)
        return Ask(draws, [("call", 0), ("call", 1), ("reuse", 0)], of_layouts(chosen), gradients, chosen)

    def beside_guards(self, problem: Problem, sides: Sequence[Side], *, guarded: bool) -> Iterator[Ask]:
        """One call for each side of the operands on which guard pages lie."""
        if not sides:
            return
        gradients = self.every_gradient(problem)
        radius = self.radius(problem, guarded=guarded, gradients=gradients is not None)
        rng, made = generator(self.seed, problem, 6 + guarded), self.made(problem, radius, guarded=guarded)
        draws = draw(problem, self.shapes(problem, gradients), radius, rng, guarded=guarded, **made)
        for side in sides:
            yield Ask(draws, [("call", 0)], of_guards(side), gradients, guard=side)

    def _sides(self, problem: Problem, turn: int) -> Sequence[Side]:
        """Where guard pages lie in calls of a problem: not where PyTorch's own gradients read behind an input."""
        small = 0 < problem.multiply_adds <= GUARD_MULTIPLY_ADDS
        forward = problem.operation.forward and self.gradients is None
        fair = forward or not DTYPES[problem.dtype].narrow
        if not (self.guards and small and fair and turn % GUARD_EVERY == 2) or (self.slow and turn < FIRST_IF_SLOW):
            return ()
        return SIDES[turn // GUARD_EVERY % 2 :][:1] if self.slow else SIDES

    def partial(self, problem: Problem, turn: int, *, guarded: bool) -> Ask:
        """Gradients by some of the operands only."""
        gradients = by_some(problem, turn)
        radius = self.radius(problem, guarded=guarded, gradients=True)
        rng = generator(self.seed, problem, 4 + guarded)
        draws = draw(problem, self.shapes(problem, gradients), radius, rng, guarded=guarded, uniform=2)
        return Ask(draws, [("call", 0), ("call", 1)], of_gradients(gradients.by), gradients)

    def few_coded(self, problem: Problem) -> bool:
        """Whether a few coded probes read all of the problem's index map."""
        small = 0 < problem.multiply_adds <= CODED_MULTIPLY_ADDS and self.bits[0] >= DTYPES[problem.dtype].bits
        return small and coded.at_most(problem, CODED_PROBES)

    def coded(self, problem: Problem) -> Ask:
        """Probes that read the index map."""
        asked = coded.probes(problem)
        draws = given(problem, problem.operand_shapes, [probe.operands for probe in asked])
        return Ask(draws, [("call", number) for number in range(len(draws))], CODED)

    def guarded(self, ask: Ask) -> Ask | None:
        """The same on operands that leave room for rounding; None where there is no room, or they already did."""
        problem, gradients = ask.problem, ask.gradients
        radius = self.radius(problem, guarded=True, gradients=gradients is not None)
        if ask.draws.guarded or radius < 1:
            return None
        rng = generator(self.seed, problem, 1)
        uniform, shapes = self._count(problem, radius, guarded=True), self.shapes(problem, gradients)
        draws = draw(
            problem,
            shapes,
            radius,
            rng,
            guarded=True,
            uniform=uniform,
            scaled=self.scales and not ask.forms,
            forms=ask.forms,
            **self.made(problem, radius, guarded=True),
        )
        steps: list[Step] = [("call", number) for number in range(len(draws))]
        return Ask(draws, steps, ask.circumstance, gradients, ask.forms, ask.guard)

    def small(self, ask: Ask, problem: Problem, most: int) -> Ask | None:
        """The same circumstance on another problem, with integers of magnitude at most `most`; None where none fit."""
        gradients = ask.gradients and (self.every_gradient(problem) if ask.gradients.second else ask.gradients)
        if gradients and not set(gradients.by) <= set(problem.operand_shapes):
            return None
        radius = min(most, self.radius(problem, guarded=ask.draws.guarded, gradients=gradients is not None))
        if radius < 1:
            return None
        shapes = self.shapes(problem, gradients)
        forms = {name: form for name, form in ask.forms.items() if name in shapes}
        styles, large = [ask.circumstance.style] if ask.circumstance.style else [], problem.multiply_adds > LARGE
        draws = draw(
            problem,
            shapes,
            radius,
            generator(self.seed, problem),
            guarded=ask.draws.guarded,
            uniform=1 if large else 3,
            styles=[*self.within(problem, styles, radius, guarded=ask.draws.guarded)],
            scaled=ask.circumstance.aspect == "magnitude",
            most=2 ** self.bits[0],
            forms=forms,
            **self.made(problem, radius, guarded=ask.draws.guarded),
        )
        steps: list[Step] = [*STATE, *(("call", number) for number in range(3, len(draws)))]
        steps = [("call", number) for number in range(len(draws))] if large else steps
        return Ask(draws, steps, ask.circumstance, gradients, forms, ask.guard)

    def radius(self, problem: Problem, *, guarded: bool, gradients: bool) -> int:
        """The largest integer of an operand with which the declared arithmetic is exact."""
        returned, (operand, total) = self.returned.get(problem.dtype, ""), self.bits
        radius = exact_radius(problem, guarded=guarded, gradients=gradients, returned=returned)
        largest: int = 2**operand
        if total >= DTYPES[problem.dtype].bits:
            return min(radius, largest)
        n = max(1, products_per_output(problem, gradients=gradients)) * DTYPES[problem.dtype].products
        return min(radius, largest, (math.isqrt(1 + 4 * n * int(2**total)) - 1) // (2 * n))

    def made(self, problem: Problem, radius: int, *, guarded: bool) -> dict[str, Any]:
        """Further arguments of `draw`."""
        returned = self.returned.get(problem.dtype, "")
        return {"kept": 1.0 if returned else density(problem, radius, guarded=guarded), "returned": returned}

    def _holds_all(self, problem: Problem, radius: int, *, guarded: bool) -> bool:
        return problem.dtype in self.returned or holds_all(problem, radius, guarded=guarded)

    def _styles(self, problem: Problem, turn: int, radius: int, *, guarded: bool) -> list[Style]:
        """The next style that fits, of one problem in STYLE_EVERY, and of every one that is alike on all axes.

        Those are the layers that fast paths are written for; where calls cost much, they get no more than others.
        """
        costly = self.slow or self.gradients is not None
        if turn % STYLE_EVERY and (costly or not _alike(problem)):
            return []
        begin = turn % len(STYLES)
        fitting = (style for style in STYLES[begin:] + STYLES[:begin] if fits(style, problem))
        return [*islice(self.within(problem, fitting, radius, guarded=guarded), 1)]

    def within(self, problem: Problem, styles: Iterable[Style], radius: int, *, guarded: bool) -> Iterator[Style]:
        """The styles that a format has the range for."""
        whole = self._holds_all(problem, radius, guarded=guarded)
        return (style for style in styles if whole or style not in ("wide", "constant", "pixels"))

    def every_gradient(self, problem: Problem) -> Gradients | None:
        """The gradients of an audit of gradients."""
        return None if self.gradients is None else by_all(problem, second=self.gradients)

    def shapes(self, problem: Problem, gradients: Gradients | None) -> Mapping[str, tuple[int, ...]]:
        """The shapes of the operands, and of what gradients take."""
        return gradients.operand_shapes(problem) if gradients else problem.operand_shapes

    def _count(self, problem: Problem, radius: int, *, guarded: bool) -> int:
        """The number of draws that the confidence needs."""
        form = DTYPES[self.returned.get(problem.dtype, problem.dtype)]
        most = MOST_NARROW_DRAWS if form.narrow else MOST_DRAWS
        told = form.narrow and not form.short
        usual = 1.5 * math.sqrt(products_per_output(problem)) * radius**2 if told else None
        one = survival(problem, radius, largest=usual, **self.made(problem, radius, guarded=guarded))
        return most if one >= 1 else max(self.least, min(math.ceil(math.log(self.missed) / math.log(one)), most))


def _alike(problem: Problem) -> bool:
    """Whether kernel, stride and dilation are the same on all axes."""
    return all(len(set(each)) == 1 for each in (problem.weight_shape[2:], problem.stride, problem.dilation))


def arrangements(arrays: str, names: tuple[str, ...]) -> list[dict[str, str]]:
    """Every memory layout of every operand alone, then of all operands together."""
    known = forms(arrays)
    return [{name: form} for form in known for name in names] + [dict.fromkeys(names, form) for form in known]
