"""What values of each parameter a subject takes, and in which form: tuples or ints, all values, equal ones, none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conv_oracle.auditing.problems import (
    axes_of,
    channels_in_multiples,
    fitted_to,
    remade,
    size_restrictions,
)
from conv_oracle.auditing.sandbox.bindings import without
from conv_oracle.auditing.sandbox.frames import Answer
from conv_oracle.auditing.sandbox.samples import parameter_samples
from conv_oracle.auditing.sandbox.signature import Binding
from conv_oracle.auditing.sandbox.trials import RIGHT, Trials, is_said, needed
from conv_oracle.auditing.sandbox.uncallable import is_unexpected, refused
from conv_oracle.auditing.targets import PER_AXIS
from conv_oracle.problem import Problem
from conv_oracle.space import AxisSetting, Channels, solvable


def parameter(trials: Trials, binding: Binding, sample: Problem, name: str) -> Binding:
    """The binding with what was found of one parameter: tuples or ints; all values, equal ones, the default alone."""
    listed = [fitted_to(binding.restrictions, one) for one in parameter_samples(sample, name)]
    listed = [problem for problem in listed if solvable(problem) and is_said(binding, problem)]
    ways = [binding]
    if name in PER_AXIS:
        ways = [replace(binding, plain=binding.plain - {name}), replace(binding, plain=binding.plain | {name})]
        if name in binding.plain:
            ways.reverse()
    raised: Answer | None = None
    best: tuple[int, int, Binding, Problem] | None = None
    for number, problem in enumerate(listed):
        for way in ways:
            score, answer = trials.called(way, problem)
            raised = raised or (answer if answer.outcome == "raised" else None)
            if score and (best is None or score > best[0]):
                best = score, number, way, problem
            if score == RIGHT:
                break
        if best is not None and best[0] == RIGHT:
            break
    if best is None:
        return _left_out(binding, name, raised)
    _, number, way, problem = best
    if name == "groups":
        way = _by_total(trials, way, problem)
    return (
        _related(trials, way, problem, name)
        if number or way.plain != ways[0].plain
        else _per_axis(trials, way, problem, name)
    )


def _by_total(trials: Trials, binding: Binding, sample: Problem) -> Binding:
    """The binding with channels in multiples of a number, where it seemed that each group must have them."""
    per_group = [one for one in binding.restrictions if one.said.startswith("channels per group")]
    if not per_group:
        return binding
    total = channels_in_multiples(int(per_group[0].said.rpartition(" ")[2]))
    looser = replace(binding, restrictions=(*(one for one in binding.restrictions if one not in per_group), total))
    depthwise = remade(sample, channels=Channels(64, 64, 64))
    if looser.refuses(depthwise) is None and trials.score(looser, depthwise):
        return looser
    return binding


def _left_out(binding: Binding, name: str, raised: Answer | None) -> Binding:
    """The binding without a parameter that every trial refused."""
    if raised is None:
        return binding
    if name in binding.keywords and is_unexpected(raised, binding.keywords[name]):
        return without(binding, name)
    default = {"padding": 0, "output_padding": 0}.get(name, 1)
    told = f"{name} other than {default} is not supported: {refused(raised)}"
    return replace(binding, held=binding.held | {name}, told=(*binding.told, told))


def _related(trials: Trials, binding: Binding, problem: Problem, name: str) -> Binding:
    """The binding with the restrictions that concern one parameter, as a simpler problem of it was answered first."""
    concerned = {
        "stride": ("a stride as long as the kernel", "sizes that the stride divides"),
        "groups": ("one group, or one per channel",),
        "padding": (
            "the padding that keeps the size",
            "a padding of at most half the kernel",
            "a padding shorter than the kernel",
        ),
    }.get(name, ())
    known = {one.said for one in binding.restrictions}
    met = [
        one
        for one in size_restrictions(problem)
        if one.said in concerned and one.said not in known and one.meets(problem)
    ]
    wanted, told = needed(trials, binding, problem, met, binding.refuses)
    binding = replace(binding, restrictions=(*binding.restrictions, *wanted), told=(*binding.told, *told))
    return _per_axis(trials, binding, problem, name)


def _per_axis(trials: Trials, binding: Binding, problem: Problem, name: str) -> Binding:
    """The binding where a parameter may differ between the axes, or not."""
    if name not in PER_AXIS or name in binding.plain or trials.op.axes == 1:
        return binding
    other = [
        fitted_to(binding.restrictions, remade(problem, axes=[axes[0], *(_changed(axis, name) for axis in axes[1:])]))
        for axes in (axes_of(problem), axes_of(problem)[::-1])
    ]
    other = [one for one in other if solvable(one) and not _is_alike(one, name)]
    answers = [trials.answer(binding, one) for one in other]
    if answers and all(answer.outcome == "raised" for answer in answers):
        told = f"{name} is the same on every axis: {refused(answers[0])}"
        return replace(binding, alike=binding.alike | {name}, told=(*binding.told, told))
    return binding


def _is_alike(problem: Problem, name: str) -> bool:
    return len({getattr(axis, name) for axis in axes_of(problem)}) == 1


def _changed(axis: AxisSetting, name: str) -> AxisSetting:
    value = getattr(axis, name)
    less: Any = (value[0] - 1, value[1] - 1) if isinstance(value, tuple) else value - 1
    return replace(axis, **{name: less})
