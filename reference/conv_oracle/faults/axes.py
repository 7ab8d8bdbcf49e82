"""Faults of the index map along the axes: kernel, stride, padding, dilation, borders, sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np

from conv_oracle.faults.edits import Edit, Operands, Setting, settings_of
from conv_oracle.faults.fault import Fault, Variant
from conv_oracle.geometry import Geometry
from conv_oracle.index_map import OUTSIDE
from conv_oracle.passes import Array
from conv_oracle.problem import Problem

TILES = (2, 4, 8, 16, 32)
RARE_TILES = tuple(sorted(set(range(3, 65)) - set(TILES)))
"""Those that are looked for only where nothing else explains what came."""


def axis_name(axis: int, dimensions: int) -> str:
    """Depth, height and width, of which the last are there; the length of one axis."""
    return "the length" if dimensions == 1 else ("the depth", "the height", "the width")[axis - dimensions]


def _together_and_alone(d: int) -> list[tuple[int, ...]]:
    """All axes at once, then each by itself where there are several."""
    alone = [(axis,) for axis in range(d)]
    return [tuple(range(d)), *(alone if d > 1 else [])]


def _forward(op: str) -> bool:
    return not op.endswith(("_input", "_weight"))


def _flipped(axes: tuple[int, ...]) -> Edit:
    def change(tables: list[Array], _: Geometry) -> None:
        for axis in axes:
            tables[axis] = tables[axis][:, ::-1]

    return Edit(tables=(change,))


def _kernel_flipped(_: str, d: int) -> Iterator[Variant]:
    yield Variant("along every axis" if d > 1 else "", _flipped(tuple(range(d))))
    for size in range(1, d):
        for axes in combinations(range(d), size):
            yield Variant("along " + " and ".join(axis_name(a, d) for a in axes), _flipped(axes))


def _kernel_transposed(op: str, d: int) -> Iterator[Variant]:
    for a, b in combinations(range(d), 2):

        def swapped(p: Problem, a: int = a, b: int = b) -> Problem:
            w = list(p.weight_shape)
            w[2 + a], w[2 + b] = w[2 + b], w[2 + a]
            return replace(p, weight_shape=tuple(w))

        def operands(_: Problem, given: Operands, a: int = a, b: int = b) -> Operands:
            return {**given, "weight": given["weight"].swapaxes(2 + a, 2 + b)} if "weight" in given else given

        def answer(_: Problem, __: Operands, found: Array, a: int = a, b: int = b) -> Array:
            return found.swapaxes(2 + a, 2 + b)

        def in_memory(_: Problem, given: Operands, a: int = a, b: int = b) -> Operands:
            w = given["weight"]
            shape = list(w.shape)
            shape[2 + a], shape[2 + b] = shape[2 + b], shape[2 + a]
            return {**given, "weight": w.reshape(shape).swapaxes(2 + a, 2 + b)}

        said = f"{axis_name(a, d)} and {axis_name(b, d)} exchanged"
        whole = Edit(parameters=(swapped,), operands=(operands,))
        yield Variant(said, whole.then(Edit(answer=(answer,))) if op.endswith("_weight") else whole)
        if not op.endswith("_weight"):
            yield Variant(f"{said} in memory", Edit(operands=(in_memory,)))


PARAMETERS = ("stride", "padding", "dilation", "output_padding")
SETTINGS = {"stride": "stride", "padding": "before", "dilation": "dilation"}


def _parameters_of(op: str) -> tuple[str, ...]:
    return PARAMETERS if op.startswith("conv_transpose") else PARAMETERS[:3]


def _axis_changes(name: str, values: Callable[[list[Any]], list[Any]], op: str, said: str) -> Iterator[Variant]:
    """A parameter's values per axis, changed in what is read, and changed throughout, the result's size with it."""

    def throughout(p: Problem) -> Problem:
        given = getattr(p, name)
        changed: dict[str, Any] = {name: tuple(values(list(given)))} if not isinstance(given, str) else {}
        return replace(p, **changed)

    def reads(settings: list[Setting], _: Geometry) -> None:
        key = SETTINGS[name]
        for setting, value in zip(settings, values([s[key] for s in settings]), strict=True):
            setting[key] = value

    if name in SETTINGS:
        yield Variant(f"{said}in what is read, not in the result's size", Edit(settings=(reads,)))
    if _forward(op):
        yield Variant(f"{said}throughout", Edit(parameters=(throughout,)))


def _swapped(a: int, b: int) -> Callable[[list[Any]], list[Any]]:
    def change(values: list[Any]) -> list[Any]:
        values[a], values[b] = values[b], values[a]
        return values

    return change


def _turned(by: int) -> Callable[[list[Any]], list[Any]]:
    return lambda values: values[-by:] + values[:-by]


def _padded_by_sides(order: int) -> Callable[[Problem], Problem]:
    def change(p: Problem) -> Problem:
        sides = p.geometry.padding
        if isinstance(p.padding, str) or any(before != after for before, after in sides):
            return p
        before, after = (side for side, _ in sides[::order])
        return replace(p, padding=((before, after),) * 2)

    return change


def _repeated(axis: int) -> Callable[[list[Any]], list[Any]]:
    return lambda values: [values[axis]] * len(values)


def _exchanged(name: str) -> Callable[[str, int], Iterator[Variant]]:
    def variants(op: str, d: int) -> Iterator[Variant]:
        if name not in _parameters_of(op):
            return
        for by, said in ((1, "before"), (-1, "after")) if d > 2 else ():
            yield from _axis_changes(name, _turned(by), op, f"each takes that of the one {said} it, ")
        if name == "padding" and d == 2 and _forward(op):
            for order, said in ((1, "before and after"), (-1, "after and before")):
                sides = _padded_by_sides(order)
                yield Variant(f"the two are taken for what is {said} each axis", Edit(parameters=(sides,)))
        for a, b in combinations(range(d), 2):
            between = f"between {axis_name(a, d)} and {axis_name(b, d)}, " if d > 2 else ""
            yield from _axis_changes(name, _swapped(a, b), op, between)

    return variants


def _one_for_all(name: str) -> Callable[[str, int], Iterator[Variant]]:
    def variants(op: str, d: int) -> Iterator[Variant]:
        if name in _parameters_of(op) and d > 1:
            for axis in (0, d - 1):
                yield from _axis_changes(name, _repeated(axis), op, f"that of {axis_name(axis, d)}, ")

    return variants


def _ignored(name: str, default: Any) -> Callable[[str, int], Iterator[Variant]]:
    def variants(op: str, d: int) -> Iterator[Variant]:
        for axes in _together_and_alone(d):

            def values(given: list[Any], axes: tuple[int, ...] = axes) -> list[Any]:
                neutral = (default, default) if given and isinstance(given[0], tuple) else default
                return [neutral if a in axes else value for a, value in enumerate(given)]

            said = f"on {axis_name(axes[0], d)} alone, " if len(axes) < d else ""
            if name in _parameters_of(op):
                yield from _axis_changes(name, values, op, said)

    return variants


def _changed(name: str, change: Callable[[Any], Any], said: str = "") -> Callable[[str, int], Iterator[Variant]]:
    def values(given: list[Any]) -> list[Any]:
        return [tuple(map(change, v)) if isinstance(v, tuple) else change(v) for v in given]

    return lambda op, _: _axis_changes(name, values, op, said)


def _stride_and_dilation(op: str, _: int) -> Iterator[Variant]:
    def throughout(p: Problem) -> Problem:
        return replace(p, stride=p.dilation, dilation=p.stride)

    def reads(settings: list[Setting], _: Geometry) -> None:
        for setting in settings:
            setting["stride"], setting["dilation"] = setting["dilation"], setting["stride"]

    yield Variant("in what is read, not in the result's size", Edit(settings=(reads,)))
    if _forward(op):
        yield Variant("throughout", Edit(parameters=(throughout,)))


def _moved(by: int, axes: tuple[int, ...], *, odd_same: bool = False) -> Edit:
    def change(settings: list[Setting], g: Geometry) -> None:
        for axis in axes:
            before, after = g.padding[axis]
            if not odd_same or before != after:
                settings[axis]["before"] += by

    return Edit(settings=(change,))


def _origin(op: str, d: int) -> Iterator[Variant]:
    if not op.endswith("_input"):
        for axis in range(d):
            for by, where in ((-1, "start"), (1, "end")):
                said = f"the input is moved towards its {where} along {axis_name(axis, d)}, and what leaves it is lost"
                yield Variant(said, _input_moved(by, axis, d))
    for amount, said in AMOUNTS.items():
        for sign, way in ((-1, "late"), (1, "early")):
            yield Variant(f"{said} {way}", Edit(settings=(_moved_by(amount, sign),)))
    for by, said in ((-1, "one element late"), (1, "one element early")):
        for axes in _together_and_alone(d):
            where = f", along {axis_name(axes[0], d)}" if len(axes) < d else (", along every axis" if d > 1 else "")
            yield Variant(f"{said}{where}", _moved(by, axes))


AMOUNTS: dict[Callable[[Setting, int], int], str] = {
    lambda setting, _: setting["stride"] - 1: "stride - 1 elements",
    lambda setting, _: setting["stride"] // 2: "half a stride",
    lambda setting, _: setting["dilation"]: "a dilation",
    lambda _, kernel: kernel // 2: "half a kernel",
    lambda _, kernel: kernel - 1: "a kernel less one",
}


def _moved_by(amount: Callable[[Setting, int], int], sign: int) -> Callable[[list[Setting], Geometry], None]:
    def change(settings: list[Setting], g: Geometry) -> None:
        for setting, kernel in zip(settings, g.kernel_size, strict=True):
            setting["before"] += sign * amount(setting, kernel)

    return change


def _input_moved(by: int, axis: int, dimensions: int) -> Edit:
    def operands(_: Problem, given: Operands) -> Operands:
        x = given["input"]
        place = x.ndim - dimensions + axis
        moved = np.roll(x, by, place)
        lost = [slice(None)] * x.ndim
        lost[place] = slice(0, 1) if by > 0 else slice(-1, None)
        moved[tuple(lost)] = 0
        return {**given, "input": moved}

    return Edit(operands=(operands,))


def _same_side(op: str, d: int) -> Iterator[Variant]:
    if op.startswith("conv_transpose") or not _forward(op):
        return
    for axes in _together_and_alone(d):
        where = f"along {axis_name(axes[0], d)}" if len(axes) < d else ""
        yield Variant(where, _moved(1, axes, odd_same=True))

    def halved(p: Problem) -> Problem:
        return replace(p, padding=tuple((b, b) for b, _ in p.geometry.padding)) if p.padding == "same" else p

    def ends_empty(p: Problem, given: Operands, found: Array) -> Array:
        odd = [p.padding == "same" and before != after for before, after in p.geometry.padding]
        return without_sums(found, given, [slice(-1, None) if last else slice(0) for last in odd])

    yield Variant("half of it on both sides, and one output too few", Edit(parameters=(halved,)))
    yield Variant("half of it on both sides, and the last output is empty", Edit(answer=(ends_empty,)))


def without_sums(found: Array, given: Operands, places: Sequence[slice]) -> Array:
    """A result whose numbers at some places along each axis are the bias alone."""
    found = found.copy()
    column = given["bias"].reshape(-1, *(1,) * len(places)) if "bias" in given else np.zeros(1)
    whole = np.broadcast_to(column, found.shape)
    for axis, place in enumerate(places, found.ndim - len(places)):
        at = (slice(None),) * axis + (place,)
        found[at] = whole[at]
    return found


def _sides(op: str, _: int) -> Iterator[Variant]:
    def all_before(settings: list[Setting], g: Geometry) -> None:
        for setting, sides in zip(settings, g.padding, strict=True):
            setting["before"] = sum(sides)

    yield Variant("all of it in front", Edit(settings=(all_before,)))
    if _forward(op):

        def half(side: int) -> Callable[[Problem], Problem]:
            def change(p: Problem) -> Problem:
                if isinstance(p.padding, str):
                    return p
                return replace(p, padding=tuple((b, 0) if side == 0 else (0, a) for b, a in p.padding))

            return change

        yield Variant("in front only", Edit(parameters=(half(0),)))
        yield Variant("behind only", Edit(parameters=(half(1),)))


def _padding_values(op: str, d: int) -> Iterator[Variant]:
    if op.startswith("conv_transpose"):
        return
    words = {"replicate": "the border repeated", "reflect": "the input reflected", "circular": "the other end's values"}
    for mode, said in words.items():
        for axes in _together_and_alone(d):

            def change(settings: list[Setting], _: Geometry, mode: str = mode, axes: tuple[int, ...] = axes) -> None:
                for axis in axes:
                    settings[axis]["padding_mode"] = mode

            where = f", along {axis_name(axes[0], d)}" if len(axes) < d else ""
            yield Variant(f"{said}{where}", Edit(settings=(change,)))
    if _forward(op):
        yield Variant("the smallest number of the input", Edit(parameters=(_whole,), operands=(_filled,)))
        yield Variant("nothing, and the sum is made up for it", Edit(answer=(_renormalised,)))


def _whole(p: Problem) -> Problem:
    """The padded input as an input, and no padding."""
    g = p.geometry
    size = [i + before + after for i, (before, after) in zip(g.input_size, g.padding, strict=True)]
    return replace(p, input_shape=(*p.input_shape[: -p.dimensions], *size), padding=((0, 0),) * p.dimensions)


def _filled(p: Problem, given: Operands) -> Operands:
    x = given["input"]
    sides = [(0, 0)] * (x.ndim - p.dimensions) + list(p.geometry.padding)
    return {**given, "input": np.pad(x, sides, constant_values=x.real.min()) if x.size else np.pad(x, sides)}


def _renormalised(p: Problem, given: Operands, found: Array) -> Array:
    """As a partial convolution: times the products that there could be, over those that there are."""
    bias = given["bias"].reshape(-1, *(1,) * p.dimensions) if "bias" in given else 0
    whole: Array = (found - bias) * int(np.prod(p.weight_shape[1:])) / np.maximum(reached(p), 1) + bias
    return whole


def reached(p: Problem) -> Array:
    """How many products every number of the result has, those with padding left out."""
    ones = {name: np.ones(shape) for name, shape in p.operand_shapes.items() if name != "bias"}
    found: Array = replace(p, bias=False, dtype="float64").compute(Edit().passes, ones)
    return found


def _wraps(op: str, d: int) -> Iterator[Variant]:
    for axes in _together_and_alone(d):

        def change(tables: list[Array], g: Geometry, axes: tuple[int, ...] = axes) -> None:
            for axis in axes:
                setting, size = settings_of(g)[axis], g.input_size[axis]
                o, k = np.indices(tables[axis].shape)
                position = o * setting["stride"] + k * setting["dilation"] - setting["before"]
                tables[axis] = np.where((position < 0) & (position >= -size), position + size, tables[axis])

        where = f", along {axis_name(axes[0], d)}" if len(axes) < d else (", along every axis" if d > 1 else "")
        yield Variant(f"from its other end{where}", Edit(tables=(change,)))
    if d > 1:
        yield Variant("from the neighbouring row", Edit(positions=(_into_the_next_row,)))
    if _forward(op) and not op.startswith("conv_transpose"):
        yield Variant("from what lies beside it in memory", Edit(parameters=(_padded_in_memory,), operands=(_beside,)))


def _into_the_next_row(positions: Array, g: Geometry) -> None:
    """Columns beyond the last axis are read from the neighbouring row."""
    whole = _flat_positions(g)
    inside = (whole >= 0) & (whole < int(np.prod(g.input_size)))
    positions[:] = np.where(inside, whole, OUTSIDE)


def _padded_in_memory(p: Problem) -> Problem:
    """The last axis as long as its padding makes it, and without any."""
    *others, (before, after) = p.geometry.padding
    return replace(p, input_shape=(*p.input_shape[:-1], p.input_shape[-1] + before + after), padding=(*others, (0, 0)))


def _beside(p: Problem, given: Operands) -> Operands:
    """Padding on the last axis holds what C order puts there: the neighbouring row, channel or example."""
    x = given["input"]
    (before, after), size = p.geometry.padding[-1], x.shape[-1]
    rows = np.arange(x.size // max(size, 1))[:, None]
    places = rows * size + np.arange(-before, size + after)
    there = (places >= 0) & (places < x.size)
    found = np.where(there, x.ravel().take(places, mode="clip"), 0) if x.size else np.zeros(places.shape)
    return {**given, "input": found.reshape(*x.shape[:-1], size + before + after)}


def _flat_positions(g: Geometry) -> Array:
    """Flat positions without any bound but those of the first axis."""
    flat = np.zeros((1, 1), dtype=int)
    sizes = zip(settings_of(g), g.output_size, g.kernel_size, g.input_size, strict=True)
    for setting, outputs, taps, size in sizes:
        o, k = np.indices((outputs, taps))
        table = o * setting["stride"] + k * setting["dilation"] - setting["before"]
        shape = (len(flat) * outputs, flat.shape[1] * taps)
        flat = (flat[:, None, :, None] * size + table[None, :, None, :]).reshape(shape)
    return flat


def _overlaps(op: str, _: int) -> Iterator[Variant]:
    if not (op.startswith("conv_transpose") or op.endswith("_input")):
        return

    def only(order: Callable[[Array], Array]) -> Callable[[Array, Geometry], None]:
        def change(positions: Array, g: Geometry) -> None:
            last = np.full(int(np.prod(g.input_size)) + 1, OUTSIDE)
            turn = order(np.arange(positions.size).reshape(positions.shape))
            np.maximum.at(last, positions, turn)  # OUTSIDE is -1, the last place, which is nobody's
            positions[turn != last[positions]] = OUTSIDE

        return change

    by_tap = only(lambda number: number % number.shape[1] * len(number) + number // number.shape[1])
    yield Variant("that of the last kernel element is left", Edit(positions=(by_tap,)))
    yield Variant("that of the last position is left", Edit(positions=(only(lambda number: number),)))


def _dropped(rows: Any, columns: Any, axis: int) -> Edit:
    def change(tables: list[Array], _: Geometry) -> None:
        if tables[axis].size:
            tables[axis][rows, columns] = OUTSIDE

    return Edit(tables=(change,))


ALL = slice(None)


def _taps(_: str, d: int) -> Iterator[Variant]:
    for axis in range(d):
        for at, said in ((-1, "last"), (0, "first")):
            yield Variant(f"the {said} one along {axis_name(axis, d)}", _dropped(ALL, at, axis))
    if d > 1:
        yield Variant("the last one along every axis", _every([_dropped(ALL, -1, axis) for axis in range(d)]))


def _every(edits: list[Edit]) -> Edit:
    whole = Edit()
    for edit in edits:
        whole = whole.then(edit)
    return whole


def _outputs(_: str, d: int) -> Iterator[Variant]:
    for axis in range(d):
        for at, said in ((-1, "last"), (0, "first")):
            yield Variant(f"the {said} one along {axis_name(axis, d)}", _dropped(at, ALL, axis))


def _inputs(_: str, d: int) -> Iterator[Variant]:
    for axis in range(d):
        for last, said in ((True, "last"), (False, "first")):

            def change(tables: list[Array], g: Geometry, axis: int = axis, last: bool = last) -> None:
                place = g.input_size[axis] - 1 if last else 0
                tables[axis][tables[axis] == place] = OUTSIDE

            yield Variant(f"the {said} one along {axis_name(axis, d)}", Edit(tables=(change,)))


def _one_read(_: str, __: int) -> Iterator[Variant]:
    names = {0: "first", -1: "last", None: "middle"}
    for output, tap in [(o, t) for o in names for t in names]:

        def change(positions: Array, _: Geometry, output: int | None = output, tap: int | None = tap) -> None:
            if positions.size:
                rows, columns = positions.shape
                positions[rows // 2 if output is None else output, columns // 2 if tap is None else tap] = OUTSIDE

        said = f"that of the {names[output]} position through the {names[tap]} kernel element"
        yield Variant(said, Edit(positions=(change,)))


def _tails(_: str, d: int, tiles: Sequence[int] = TILES[1:]) -> Iterator[Variant]:
    for axis in range(d):
        for tile in tiles:

            def change(tables: list[Array], g: Geometry, axis: int = axis, tile: int = tile) -> None:
                tables[axis][g.output_size[axis] // tile * tile :] = OUTSIDE

            yield Variant(f"beyond a multiple of {tile} along {axis_name(axis, d)}", Edit(tables=(change,)))


def _size(op: str, d: int) -> Iterator[Variant]:
    if not _forward(op):
        return
    if op.startswith("conv_transpose"):
        for by, said in ((1, "one too few"), (-1, "one too many")):
            yield Variant(said, Edit(parameters=(_cropped(by),)))
        return
    for said, size in SIZES.items():
        for axes in _together_and_alone(d):
            where = f", along {axis_name(axes[0], d)}" if len(axes) < d else ""
            yield Variant(f"{said}{where}", _sized(size, axes))


SIZES: Mapping[str, Callable[[int, int, int, int], int]] = {
    "rounded up instead of down": lambda i, k, d, s: -(-(i - d * (k - 1) - 1) // s) + 1,
    "the dilation is left out of it": lambda i, k, _, s: (i - k) // s + 1,
    "a kernel is taken to span d K": lambda i, k, d, s: (i - d * k) // s + 1,
    "a kernel is taken to span d K - 1": lambda i, k, d, s: (i - max(d * k - 1, k)) // s + 1,
    "one too few": lambda i, k, d, s: (i - d * (k - 1) - 1) // s,
    "one too many": lambda i, k, d, s: (i - d * (k - 1) - 1) // s + 2,
}
"""The output size of a padded input of i, a kernel of k, dilation d and stride s, as it is not."""


def _sized(size: Callable[[int, int, int, int], int], axes: tuple[int, ...]) -> Edit:
    """Outputs that are too many read zeros beyond the padding; those that are too few are the first ones."""

    def wanted(p: Problem) -> list[int]:
        g = p.geometry
        steps = zip(g.input_size, g.padding, g.kernel_size, g.dilation, g.stride, g.output_size, strict=True)
        return [
            size(i + sum(sides), k, d, s) if axis in axes else o for axis, (i, sides, k, d, s, o) in enumerate(steps)
        ]

    def more(p: Problem) -> Problem:
        added = [max(n - o, 0) * s for n, o, s in zip(wanted(p), p.geometry.output_size, p.stride, strict=True)]
        return replace(p, padding=tuple((b, a + more) for (b, a), more in zip(p.geometry.padding, added, strict=True)))

    def fewer(p: Problem, _: Operands, found: Array) -> Array:
        for axis, n in enumerate(wanted(p), found.ndim - p.dimensions):
            found = found.take(np.arange(min(max(n, 0), found.shape[axis])), axis)
        return found

    return Edit(parameters=(more,), answer=(fewer,))


def _cropped(by: int) -> Callable[[Problem], Problem]:
    """A transposed convolution with so much more cropped from the end of every axis."""
    return lambda p: replace(p, padding=tuple((b, a + by) for b, a in p.geometry.padding))


def _output_padding(op: str, _: int) -> Iterator[Variant]:
    if not op.startswith("conv_transpose"):
        return
    if not _forward(op):
        yield Variant("a gradient leaves out what it adds", Edit(operands=(_without_added_rows,)))
        return

    def without(p: Problem) -> Problem:
        return replace(p, output_padding=(0,) * p.dimensions)

    yield Variant("ignored: the result is too small", Edit(parameters=(without,)))

    def filled(side: int) -> Callable[[Problem, Operands, Array], Array]:
        def answer(p: Problem, operands: Operands, found: Array) -> Array:
            lead = [(0, 0)] * (found.ndim - p.dimensions)
            sides = [(0, o) if side else (o, 0) for o in p.output_padding]
            bias = operands.get("bias")
            if bias is None:
                return np.pad(found, [*lead, *sides])
            column = bias.reshape(-1, *(1,) * p.dimensions)
            whole: Array = np.pad(found - column, [*lead, *sides]) + column
            return whole

        return answer

    def plainly(side: int) -> Callable[[Problem, Operands, Array], Array]:
        def answer(p: Problem, _: Operands, found: Array) -> Array:
            lead = [(0, 0)] * (found.ndim - p.dimensions)
            return np.pad(found, [*lead, *((0, o) if side else (o, 0) for o in p.output_padding)])

        return answer

    yield Variant("filled with zeros", Edit(parameters=(without,), answer=(plainly(1),)))
    yield Variant("filled with the bias alone", Edit(parameters=(without,), answer=(filled(1),)))
    yield Variant("added in front, as zeros", Edit(parameters=(without,), answer=(plainly(0),)))

    for kept, said in ((0, "its rows get no sum"), (1, "all but the first of its rows get no sum")):

        def empty(p: Problem, given: Operands, found: Array, kept: int = kept) -> Array:
            sizes = zip(found.shape[-p.dimensions :], p.output_padding, strict=True)
            return without_sums(found, given, [slice(size - max(o - kept, 0), None) for size, o in sizes])

        yield Variant(said, Edit(answer=(empty,)))

    def in_front(p: Problem) -> Problem:
        extra = zip(p.geometry.padding, p.output_padding, strict=True)
        return replace(p, padding=tuple((b - o, a + o) for (b, a), o in extra))

    yield Variant("taken from what the padding crops in front", Edit(parameters=(in_front,)))


def _without_added_rows(p: Problem, given: Operands) -> Operands:
    """grad_output, zero where output_padding added to the result."""
    sizes = zip(p.output_shape[-p.dimensions :], p.output_padding, strict=True)
    places = [slice(size - extra, None) for size, extra in sizes]
    return {**given, "grad_output": without_sums(given["grad_output"], {}, places)}


def _transposed_padding(op: str, _: int) -> Iterator[Variant]:
    if not op.startswith("conv_transpose") or not _forward(op):
        return

    def cropped(p: Problem) -> Problem:
        return replace(p, padding=((0, 0),) * p.dimensions)

    def padded(p: Problem, given: Operands) -> Operands:
        x = given["input"]
        lead = [(0, 0)] * (x.ndim - p.dimensions)
        return {**given, "input": np.pad(x, [*lead, *p.geometry.padding])}

    def grown(p: Problem) -> Problem:
        x = p.input_shape
        lead = len(x) - p.dimensions
        sizes = [i + sum(sides) for i, sides in zip(x[lead:], p.geometry.padding, strict=True)]
        return replace(p, input_shape=(*x[:lead], *sizes), padding=((0, 0),) * p.dimensions)

    yield Variant("not cropped from the result", Edit(parameters=(cropped,)))
    yield Variant("put around the input", Edit(parameters=(grown,), operands=(padded,)))


def _as_forward(op: str, _: int) -> Iterator[Variant]:
    if op.startswith("conv_transpose") or not _forward(op):
        return

    def full(p: Problem) -> Problem:
        spans = [d * (k - 1) for d, k in zip(p.dilation, p.weight_shape[2:], strict=True)]
        return replace(p, padding=tuple((s, s) for s in spans))

    def none(p: Problem) -> Problem:
        return replace(p, padding=((0, 0),) * p.dimensions)

    yield Variant("'full'", Edit(parameters=(full,)))
    yield Variant("'valid'", Edit(parameters=(none,)))


RIGHT = "y[o] = sum x[o*stride + k*dilation - padding] w[k]"

AXES = (
    Fault(
        slug="kernel-flipped",
        title="the kernel is read backwards",
        kind="kernel_flip",
        right=RIGHT,
        broken="y[o] = sum x[o*stride + k*dilation - padding] w[K-1-k]",
        reveals="any kernel that is not its own mirror image: w = [1, 2]",
        hides="symmetric and constant kernels, and 1x1",
        bugs=("bonsai-rx/bonsai#1761", "imagej/imagej-ops#611", "PTB-MR/mrpro#811"),
        variants=_kernel_flipped,
    ),
    Fault(
        slug="kernel-axes-exchanged",
        title="the kernel's axes are exchanged",
        kind="axis_swapped",
        right="y[i, j] = sum x[i + k, j + l] w[k, l]",
        broken="y[i, j] = sum x[i + k, j + l] w[l, k]",
        reveals="a kernel that is not its own transpose",
        hides="kernels that are; 1-D",
        bugs=("mlpack/mlpack#3376", "kornia/kornia#709", "robertknight/rten#1399"),
        variants=_kernel_transposed,
    ),
    *(
        Fault(
            slug=f"{name.replace('_', '-')}-axes-exchanged",
            title=f"the {name} of the axes is exchanged",
            kind="axis_swapped",
            right=RIGHT,
            broken=f"the {name} of one axis is used on another",
            reveals=f"a {name} that differs between the axes",
            hides="equal values, as most tests have; 1-D",
            bugs=bugs,
            variants=_exchanged(name),
            parameters=(name,),
        )
        for name, bugs in (
            ("stride", ("apache/mxnet#2365", "mlpack/mlpack#3146", "autogluon/autogluon#438")),
            ("padding", ("pytorch/pytorch#37844", "tensorflow/tensorflow#24151", "DingXiaoH/DiverseBranchBlock#26")),
            ("dilation", ("deeplearning4j/nd4j#2457", "tinygrad/tinygrad#17805", "Tencent/ncnn#1494")),
            ("output_padding", ("mila-iqia/myia#338",)),
        )
    ),
    *(
        Fault(
            slug=f"{name}-of-one-axis-for-all",
            title=f"the {name} of one axis is used for all of them",
            kind="axis_swapped",
            right=RIGHT,
            broken=f"{name}[0] on every axis, or {name}[-1]",
            reveals=f"a {name} that differs between the axes",
            hides="equal values; 1-D",
            bugs=bugs,
            variants=_one_for_all(name),
            parameters=(name,),
        )
        for name, bugs in (
            ("stride", ("PaddlePaddle/Paddle#20997", "apache/mxnet#4704")),
            ("padding", ()),
            ("dilation", ("tensorflow/tensorflow#55799",)),
        )
    ),
    Fault(
        slug="stride-ignored",
        title="the stride is ignored",
        kind="stride_remainder",
        right=RIGHT,
        broken="y[o] = sum x[o + k*dilation - padding] w[k]",
        reveals="stride 2, and more than one output",
        hides="stride 1, and single outputs",
        bugs=("tinygrad/tinygrad#823",),
        variants=_ignored("stride", 1),
        parameters=("stride",),
    ),
    Fault(
        slug="dilation-ignored",
        title="the dilation is ignored",
        kind="dilation_mishandled",
        right=RIGHT,
        broken="y[o] = sum x[o*stride + k - padding] w[k]",
        reveals="dilation 2 and a kernel longer than 1",
        hides="dilation 1, 1x1 kernels",
        bugs=("tensorflow/tensorflow#18454", "tensorflow/tensorflow#21598", "AlexeyAB/darknet#4836"),
        variants=_ignored("dilation", 1),
        parameters=("dilation",),
    ),
    Fault(
        slug="dilation-applied-twice",
        title="the dilation is applied twice",
        kind="dilation_mishandled",
        right=RIGHT,
        broken="y[o] = sum x[o*stride + k*dilation^2 - padding] w[k]",
        reveals="dilation 2 and a kernel longer than 1",
        hides="dilation 1, 1x1 kernels",
        bugs=("root-project/root#22474",),
        variants=_changed("dilation", lambda d: d * d),
        parameters=("dilation",),
    ),
    Fault(
        slug="dilation-counts-holes",
        title="the dilation is taken as the number of holes",
        kind="dilation_mishandled",
        right=RIGHT,
        broken="y[o] = sum x[o*stride + k*(dilation + 1) - padding] w[k]",
        reveals="any kernel longer than 1",
        hides="1x1 kernels",
        bugs=(),
        variants=_changed("dilation", lambda d: d + 1),
        parameters=("dilation",),
    ),
    Fault(
        slug="stride-and-dilation-exchanged",
        title="stride and dilation are exchanged",
        kind="stride_dilation_swap",
        right=RIGHT,
        broken="y[o] = sum x[o*dilation + k*stride - padding] w[k]",
        reveals="stride 2 with dilation 1 or 3",
        hides="equal values",
        bugs=("huggingface/candle#2337", "iree-org/iree-turbine#1223"),
        variants=_stride_and_dilation,
        parameters=(
            "stride",
            "dilation",
        ),
    ),
    Fault(
        slug="padding-ignored",
        title="the padding is ignored",
        kind="same_pad_side",
        right=RIGHT,
        broken="y[o] = sum x[o*stride + k*dilation] w[k]",
        reveals="padding 1",
        hides="padding 0",
        bugs=("microsoft/onnxruntime#4698", "pytorch/pytorch#29712"),
        variants=_ignored("padding", 0),
        parameters=("padding",),
    ),
    Fault(
        slug="padding-on-one-side",
        title="the padding is put on one side",
        kind="same_pad_side",
        right=RIGHT,
        broken="all of the padding in front, or behind, or the other half left out",
        reveals="padding 1 and a kernel that is not constant",
        hides="padding 0",
        bugs=("apache/tvm#6236", "PaddlePaddle/Paddle#26921"),
        variants=_sides,
        parameters=("padding",),
    ),
    Fault(
        slug="same-pads-the-wrong-side",
        title="where the padding of 'same' is odd, the extra element is on the wrong side",
        kind="same_pad_side",
        right="before = total // 2: the extra element is behind, as PyTorch has it",
        broken="before = total - total // 2",
        reveals="padding='same' with an even kernel and an odd dilation",
        hides="odd kernels",
        bugs=("keras-team/keras#22876", "FluxML/Flux.jl#1605", "tensorflow/tensorflow#24151"),
        variants=_same_side,
    ),
    Fault(
        slug="origin-shifted",
        title="the window starts in the wrong place",
        kind="same_pad_side",
        right=RIGHT,
        broken="y[o] = sum x[o*stride + k*dilation - padding +- 1] w[k]",
        reveals="any input that is not constant",
        hides="constant inputs, away from the border",
        bugs=("apple/coremltools#2324", "cupy/cupy#3525"),
        variants=_origin,
    ),
    Fault(
        slug="padding-is-not-zero",
        title="the padding holds values of the input",
        kind="padding_mode",
        right="x is 0 outside its box",
        broken="x outside its box is the border, the reflection or the other end",
        reveals="padding 1 and an input without zeros at its border",
        hides="padding 0",
        bugs=("imagej/imagej-ops#628", "pytorch/pytorch#20981"),
        variants=_padding_values,
        parameters=("padding",),
    ),
    Fault(
        slug="overlaps-overwritten",
        title="where windows overlap, one product overwrites the others",
        kind="transposed_semantics",
        right="x[i] = sum w[k] y[o] over all o, k with o*stride + k*dilation - padding = i",
        broken="x[i] = w[k] y[o] of the last such o, k",
        reveals="a kernel longer than the stride",
        hides="kernels that are no longer than the stride",
        bugs=(),
        variants=_overlaps,
    ),
    Fault(
        slug="reads-around-the-border",
        title="positions outside the input are read",
        kind="uninit_or_oob",
        right="x is 0 outside its box",
        broken="x[-1] is x[I - 1], as a negative index has it, or the next row's",
        reveals="padding 1",
        hides="padding 0",
        bugs=("openxla/xla#48713", "tensorflow/tfjs#7605"),
        variants=_wraps,
    ),
    Fault(
        slug="kernel-element-dropped",
        title="a kernel element is never used",
        kind="tail_tile",
        right=RIGHT,
        broken="the sum over k ends one early, or starts one late",
        reveals="a kernel longer than 1 without zeros",
        hides="1x1 kernels, where a loop still runs once",
        bugs=(),
        variants=_taps,
    ),
    Fault(
        slug="output-not-written",
        title="outputs get no sum",
        kind="tail_tile",
        right=RIGHT,
        broken="the loop over o ends one early, or starts one late",
        reveals="any problem",
        hides="",
        bugs=("pytorch/pytorch#25101",),
        variants=_outputs,
        in_a_sum=True,
    ),
    Fault(
        slug="input-border-unread",
        title="the input's border is never read",
        kind="tail_tile",
        right="0 <= i < I",
        broken="0 < i < I, or 0 <= i < I - 1",
        reveals="any input without zeros at its border",
        hides="",
        bugs=("BVLC/caffe#298",),
        variants=_inputs,
    ),
    Fault(
        slug="one-read-dropped",
        title="one product is left out",
        kind="tail_tile",
        right=RIGHT,
        broken="one pair of position and kernel element is skipped",
        reveals="an input and a kernel without zeros",
        hides="problems where that element is padding",
        bugs=(),
        variants=_one_read,
        in_a_sum=True,
    ),
    Fault(
        slug="tile-tail-dropped",
        title="outputs beyond the last whole tile get no sum",
        kind="tail_tile",
        right=RIGHT,
        broken="o runs to the last multiple of the tile",
        reveals="an extent that is no multiple of the tile",
        hides="multiples of the tile",
        bugs=("Tencent/ncnn#1891", "ROCm/MIOpen#100", "tenstorrent/tt-metal#44792"),
        variants=_tails,
        rare=lambda op, d: _tails(op, d, RARE_TILES),
        in_a_sum=True,
    ),
    Fault(
        slug="size-formula-wrong",
        title="the result's size is computed wrongly",
        kind="stride_remainder",
        right="O = floor((I + p + q - d (K - 1) - 1) / s) + 1",
        broken="rounded up, or one more, or one less",
        reveals="a size that leaves a remainder: I = 6, K = 3, s = 2",
        hides="sizes without a remainder",
        bugs=("microsoft/onnxruntime#23403", "tensorflow/tensorflow#57128", "meta-pytorch/opacus#245"),
        variants=_size,
    ),
    Fault(
        slug="padding-word-misread",
        title="the padding is that of another mode",
        kind="arg_mixup",
        right="p elements on each side",
        broken="p is taken as 'full' or 'valid'",
        reveals="a padding other than the mode's",
        hides="",
        bugs=("dotnet/TorchSharp#496",),
        variants=_as_forward,
        parameters=("padding",),
    ),
    Fault(
        slug="output-padding-mishandled",
        title="output_padding is not part of the map",
        kind="output_padding",
        right="the result has (I-1)s - p - q + d(K-1) + o + 1 elements, and each gets its whole sum",
        broken="the last o elements are missing, zero, or in front",
        reveals="stride 3, padding 1, output_padding 1",
        hides="output_padding 0",
        bugs=("mila-iqia/myia#338", "NVIDIA-AI-IOT/torch2trt#734", "pytorch/pytorch#98129"),
        variants=_output_padding,
        parameters=("output_padding",),
    ),
    Fault(
        slug="transposed-padding-misread",
        title="the padding of a transposed convolution is taken as a forward one's",
        kind="transposed_semantics",
        right="the padding is cropped from the result",
        broken="it is put around the input, or nowhere",
        reveals="padding 1",
        hides="padding 0",
        bugs=("Samsung/TICO#420", "PINTO0309/onnx2tf#56"),
        variants=_transposed_padding,
        parameters=("padding",),
    ),
)
