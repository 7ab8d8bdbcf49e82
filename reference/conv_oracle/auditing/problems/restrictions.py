"""Restrictions: what a subject may require of the problems that it takes, and how problems are made to meet it.

People write convolutions for square kernels, for sizes that the stride divides, for one channel or for channels in
fours. What raises elsewhere is a restriction of such a subject, found by trying, and no fault of it: its problems are
changed to meet it, and the verdict says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from conv_oracle.auditing.problems.remaking import axes_of, batch_of, channels_of, remade
from conv_oracle.geometry import kernel_span
from conv_oracle.problem import Problem
from conv_oracle.space import AxisSetting, Channels, solvable

MULTIPLES = (64, 32, 16, 12, 8, 6, 4, 3, 2)
MULTIPLES_OF_SIZES = (16, 8, 4, 2)

OfProblem = Callable[[Problem], Problem]


@dataclass(frozen=True)
class Restriction:
    """One requirement. said: what is taken, in words. meets: whether a problem does. fit: the problem changed to do.

    breaks: problems alike of which some do not meet it, likeliest first, to find out whether they are refused.
    """

    said: str
    meets: Callable[[Problem], bool] = field(compare=False)
    fit: OfProblem = field(compare=False)
    breaks: Callable[[Problem], Iterator[Problem]] = field(compare=False)

    def fitted(self, problem: Problem) -> Problem:
        """The problem itself where it meets the restriction, else changed."""
        return problem if self.meets(problem) else self.fit(problem)

    def broken(self, problem: Problem) -> Iterator[Problem]:
        """Problems alike that do not meet it."""
        return (made for made in self.breaks(problem) if not self.meets(made))


def fitted_to(restrictions: Sequence[Restriction], problem: Problem) -> Problem:
    """The problem changed until it meets them all, as far as one change does not undo another."""
    for _ in range(3):
        for restriction in restrictions:
            problem = restriction.fitted(problem)
        if all(restriction.meets(problem) for restriction in restrictions):
            break
    return problem


def _on_axes(change: Callable[[AxisSetting], AxisSetting]) -> OfProblem:
    return lambda problem: remade(problem, axes=[change(axis) for axis in axes_of(problem)])


def _every_axis(test: Callable[[AxisSetting], bool]) -> Callable[[Problem], bool]:
    return lambda problem: all(map(test, axes_of(problem)))


def _also(*made: OfProblem) -> Callable[[Problem], Iterator[Problem]]:
    return lambda problem: (change(problem) for change in made)


def _of_axes(
    said: str, test: Callable[[AxisSetting], bool], fit: Callable[[AxisSetting], AxisSetting], *broken: OfProblem
) -> Restriction:
    return Restriction(said, _every_axis(test), _on_axes(fit), _also(*broken))


def _equal(name: str) -> Restriction:
    """One value on every axis."""

    def fit(problem: Problem) -> Problem:
        axes = axes_of(problem)
        return remade(problem, axes=[replace(axis, **{name: getattr(axes[0], name)}) for axis in axes])

    def last_larger(by: int) -> OfProblem:
        def change(problem: Problem) -> Problem:
            *others, last = axes_of(problem)
            larger = replace(last, **{name: getattr(last, name) + by})
            if name == "kernel":  # the output keeps its size
                larger = replace(larger, size=larger.size + by * larger.dilation * (not problem.transposed))
            return remade(problem, axes=[*others, larger])

        return change

    said = {"kernel": "a square kernel", "size": "a square image"}[name]
    return Restriction(
        said,
        lambda p: len({getattr(axis, name) for axis in axes_of(p)}) == 1,
        fit,
        _also(last_larger(2), last_larger(4)),
    )


def _rest(axis: AxisSetting) -> int:
    """What a stride leaves over of the padded input."""
    return (axis.size + sum(axis.padding) - kernel_span(axis.kernel, axis.dilation)) % axis.stride


def _divisible(axis: AxisSetting) -> AxisSetting:
    more = -_rest(axis) % axis.stride
    return replace(axis, size=axis.size + more)


def _strided_with_rest(problem: Problem) -> Problem:
    return remade(problem, axes=[_longer_by_one(replace(axis, stride=2)) for axis in axes_of(problem)])


def _longer_by_one(axis: AxisSetting) -> AxisSetting:
    return axis if _rest(axis) else replace(axis, size=axis.size + 1)


def _kernel(size: int) -> Callable[[AxisSetting], AxisSetting]:
    """The axis with another kernel, the input longer by as much as the kernel."""

    def change(axis: AxisSetting) -> AxisSetting:
        longer = kernel_span(size, axis.dilation) - kernel_span(axis.kernel, axis.dilation)
        return replace(axis, kernel=size, size=max(axis.size + longer, axis.size, 1))

    return change


def _kernel_of(size: int) -> Restriction:
    others = [_on_axes(_kernel(other)) for other in (size + 2, size + 1, size - 1) if other > 0]
    return _of_axes(f"a kernel of {size}", lambda axis: axis.kernel == size, _kernel(size), *others)


def _one_value(name: str, value: Any, *others: Any) -> Restriction:
    """One value of a parameter alone, on every axis."""
    shown = value[0] if isinstance(value, tuple) else value

    def to(other: Any) -> Callable[[AxisSetting], AxisSetting]:
        return lambda axis: replace(axis, **{name: other})

    return _of_axes(
        f"a {name} of {shown}",
        lambda axis: getattr(axis, name) == value,
        to(value),
        *(_on_axes(to(other)) for other in others),
    )


def _values_of(sample: Problem) -> Iterator[Restriction]:
    """The values of a sample that is the same on every axis, where they are not the default."""
    first, *rest = axes_of(sample)
    if all(axis.kernel == first.kernel for axis in rest):
        yield _kernel_of(first.kernel)
    if first.stride > 1 and all(axis.stride == first.stride for axis in rest):
        yield _one_value("stride", first.stride, 1, first.stride + 1)
    if first.padding[0] and all(axis.padding == first.padding for axis in rest):
        yield _one_value("padding", first.padding, (0, 0), (first.padding[0] + 1,) * 2)


def _of_channels(said: str, test: Callable[[Channels], bool], fit: Callable[[Channels], Channels]) -> Restriction:
    def changed(channels: Channels) -> OfProblem:
        return lambda problem: remade(problem, channels=channels)

    fixed = (Channels(3, 5, 1), Channels(2, 3, 1), Channels(6, 10, 2))

    def others(channels: Channels) -> tuple[Channels, ...]:
        inputs, outputs, groups = channels
        return Channels(2 * inputs, outputs, groups), Channels(inputs, 2 * outputs, groups), *fixed

    return Restriction(
        said,
        lambda p: test(channels_of(p)),
        lambda p: remade(p, channels=fit(channels_of(p))),
        lambda p: (
            changed(one)(p) for one in others(channels_of(p)) if not test(one) and (one.groups == 1 or p.groups > 1)
        ),
    )


def channels_in_multiples(of: int) -> Restriction:
    """All channels together in multiples of a number, however many groups there are."""

    def fit(channels: Channels) -> Channels:
        inputs, outputs, groups = channels
        if groups > 1 and inputs == groups:  # depthwise
            wide = -(-groups // of) * of
            return Channels(wide, wide * (outputs // groups), wide)
        return _widened(channels, of)

    return _of_channels(f"channels in multiples of {of}", lambda c: not (c.inputs % of or c.outputs % of), fit)


def _multiple_per_group(of: int) -> Restriction:
    def test(channels: Channels) -> bool:
        return not (channels.inputs // channels.groups % of or channels.outputs // channels.groups % of)

    return _of_channels(f"channels per group in multiples of {of}", test, lambda channels: _widened(channels, of))


def _widened(channels: Channels, of: int) -> Channels:
    wanted = channels.groups * of
    return Channels(-(-channels.inputs // wanted) * wanted, -(-channels.outputs // wanted) * wanted, channels.groups)


def _dense_or_depthwise() -> Restriction:
    return _of_channels(
        "one group, or one per channel",
        lambda c: c.groups in (1, c.inputs),
        lambda c: Channels(c.groups, c.groups * max(1, c.outputs // c.groups), c.groups),
    )


def _reached(axis: AxisSetting) -> AxisSetting:
    """As long as the kernel reaches, without padding."""
    return replace(axis, size=max(axis.size, kernel_span(axis.kernel, axis.dilation)))


def _beyond_the_image(problem: Problem) -> Problem:
    axis = AxisSetting(2, 3, 1, (1, 1), 1)
    return remade(problem, axes=[axis] * problem.dimensions)


def _multiples_of_sizes(of: int) -> Restriction:
    def test(problem: Problem) -> bool:
        sizes = problem.geometry.output_size if solvable(problem) else problem.input_shape[-problem.dimensions :]
        return all(size % of == 0 for size in sizes)

    def fit(problem: Problem) -> Problem:
        axes = axes_of(problem)
        for _ in range(of):
            made = remade(problem, axes=axes)
            if not solvable(made) or test(made):
                return made
            outputs = made.geometry.output_size
            axes = [
                axis if output % of == 0 else replace(axis, size=axis.size + (1 if problem.transposed else axis.stride))
                for axis, output in zip(axes, outputs, strict=True)
            ]
        return remade(problem, axes=axes)

    def longer(problem: Problem) -> Problem:
        return remade(problem, axes=[replace(axis, size=axis.size + axis.stride) for axis in axes_of(problem)])

    return Restriction(f"outputs in multiples of {of}", test, fit, _also(longer))


def _multiples_of_inputs(of: int, *, last: bool) -> Restriction:
    """Sizes of the image in multiples of a number: along its rows alone, or along every axis."""

    def changed(problem: Problem, more: Callable[[int], int]) -> Problem:
        *others, row = axes_of(problem)
        first = others if last else [replace(axis, size=axis.size + more(axis.size)) for axis in others]
        return remade(problem, axes=[*first, replace(row, size=row.size + more(row.size))])

    def test(problem: Problem) -> bool:
        sizes = [axis.size for axis in axes_of(problem)]
        return all(size % of == 0 for size in (sizes[-1:] if last else sizes))

    said = f"rows in multiples of {of}" if last else f"sizes in multiples of {of}"
    return Restriction(
        said, test, lambda p: changed(p, lambda size: -size % of), _also(lambda p: changed(p, lambda _: of // 2))
    )


def _batch_one() -> Restriction:
    return Restriction(
        "a batch of 1",
        lambda p: batch_of(p) in (1, None),
        lambda p: remade(p, batch=1),
        _also(lambda p: remade(p, batch=2), lambda p: remade(p, batch=3)),
    )


def _half(axis: AxisSetting) -> AxisSetting:
    """The padding that keeps the size where the stride is 1 and the kernel odd."""
    side = axis.dilation * (axis.kernel - 1) // 2
    return replace(axis, padding=(side, side))


def _padded(by: int) -> OfProblem:
    return _on_axes(lambda axis: replace(axis, padding=(by, by)))


def _channel_restrictions() -> tuple[Restriction, ...]:
    return (
        _of_channels(
            "one input channel", lambda c: c.inputs == 1, lambda c: Channels(1, max(1, c.outputs // c.groups), 1)
        ),
        _of_channels("one output channel", lambda c: c.outputs == 1, lambda c: Channels(c.inputs, 1, 1)),
        _of_channels(
            "one group per channel",
            lambda c: c.groups == c.inputs,
            lambda c: Channels(c.inputs, c.inputs * max(1, c.outputs // c.inputs), c.inputs),
        ),
        _of_channels(
            "as many output channels as input channels",
            lambda c: c.inputs == c.outputs,
            lambda c: Channels(c.inputs, c.inputs, c.groups),
        ),
        *map(_multiple_per_group, MULTIPLES),
        _dense_or_depthwise(),
    )


def size_restrictions(sample: Problem) -> tuple[Restriction, ...]:
    """What a subject that answers a sample may require of sizes, channels and the batch, the narrowest first."""
    several = (_equal("kernel"), _equal("size")) if sample.dimensions > 1 else ()
    return (
        *_values_of(sample),
        _of_axes(
            "an odd kernel",
            lambda axis: axis.kernel % 2 == 1,
            lambda axis: _kernel(axis.kernel + 1)(axis) if axis.kernel % 2 == 0 else axis,
            _on_axes(_kernel(2)),
            _on_axes(_kernel(4)),
        ),
        *several,
        _of_axes(
            "a stride as long as the kernel",
            lambda axis: axis.stride == axis.kernel,
            lambda axis: replace(axis, stride=axis.kernel),
            _on_axes(lambda axis: replace(axis, stride=1 if axis.stride > 1 else 2)),
        ),
        *_channel_restrictions(),
        _batch_one(),
        _of_axes("sizes that the stride divides", lambda axis: not _rest(axis), _divisible, _strided_with_rest),
        *(_multiples_of_inputs(of, last=last) for last in (False, True) for of in MULTIPLES_OF_SIZES),
        *map(_multiples_of_sizes, MULTIPLES_OF_SIZES),
        _of_axes(
            "an image at least as large as the kernel",
            lambda axis: axis.size >= kernel_span(axis.kernel, axis.dilation),
            _reached,
            _beyond_the_image,
        ),
        _of_axes(
            "the padding that keeps the size",
            lambda axis: axis.padding == _half(axis).padding,
            _half,
            _padded(0),
            _padded(1),
        ),
        _of_axes(
            "a padding of at most half the kernel",
            lambda axis: axis.padding[0] <= axis.dilation * (axis.kernel - 1) // 2,
            _half,
            _on_axes(lambda axis: replace(axis, padding=(axis.kernel - 1, axis.kernel - 1))),
        ),
        _of_axes(
            "a padding shorter than the kernel",
            lambda axis: axis.padding[0] < kernel_span(axis.kernel, axis.dilation),
            lambda axis: replace(axis, padding=(kernel_span(axis.kernel, axis.dilation) - 1,) * 2),
            _on_axes(lambda axis: replace(axis, padding=(kernel_span(axis.kernel, axis.dilation),) * 2)),
        ),
    )
