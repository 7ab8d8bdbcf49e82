"""The witnesses of the golden vectors: other people's convolutions, which must agree where they can compute.

Nothing here is a source of a value. Each witness answers what it can, and a disagreement stops the regeneration.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import scipy.signal
import torch

from conv_oracle.golden import Entry, Family, FixtureError
from conv_oracle.golden.conventions import CONVENTIONS
from conv_oracle.golden.entries import answers
from conv_oracle.golden.families import ANSWERS, numbers
from conv_oracle.golden.kinds import KINDS
from conv_oracle.passes import Array
from conv_oracle.problem import Problem, parse
from conv_oracle.truth import fast

Witness = Callable[[Problem, Mapping[str, Array]], dict[str, Array]]
"""y, dx, dw and db, or those of them that the witness can compute."""


def confirm(families: Sequence[Family], tick: Callable[[str], None] = lambda _: None) -> dict[str, int]:
    """How many arrays, shapes, sequences and refusals each witness confirmed.

    Raises FixtureError with the case, the witness and the first index at the first disagreement.
    """
    counts = dict.fromkeys(WITNESSES, 0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Using padding='same' with even kernel lengths", UserWarning)
        for family in families:
            for entry in family.questions if family.name not in KINDS else ():
                for name, confirmed in confirmations(family, entry).items():
                    counts[name] += confirmed
                tick(entry["id"])
    return counts


def by_fast(problem: Problem, operands: Mapping[str, Array]) -> dict[str, Array]:
    """The fast form of this package, which shares no index arithmetic with the definition."""
    return answers(fast, problem, operands)


def by_torch(problem: Problem, operands: Mapping[str, Array]) -> dict[str, Array]:
    """torch.nn.functional in float64 or complex128, and torch.autograd."""
    wide = torch.complex128 if problem.dtype.startswith("complex") else torch.float64
    tensors = {
        name: torch.tensor(array.copy(), dtype=wide).requires_grad_(name != "dy") for name, array in operands.items()
    }
    if "b" not in tensors:
        tensors["b"] = torch.zeros(problem.out_channels, dtype=wide, requires_grad=True)
    y = torch_forward(problem, tensors["x"], tensors["w"], tensors["b"])
    results = {"y": y}
    if "dy" in tensors:
        y.backward(tensors["dy"])
        results |= {f"d{name}": tensors[name].grad for name in "xwb"}
    return {name: result.detach().numpy() for name, result in results.items() if result is not None}


def torch_forward(problem: Problem, x: Any, w: Any, b: Any) -> Any:
    """What PyTorch gives for the problem; padding that its convolutions do not take is done around them."""
    parameters: dict[str, Any] = {
        "stride": problem.stride,
        "dilation": problem.dilation,
        "groups": problem.groups,
    }
    pairs = problem.padding
    if problem.transposed:
        form = getattr(torch.nn.functional, f"conv_transpose{problem.dimensions}d")
        parameters["output_padding"] = problem.output_padding
    else:
        form = getattr(torch.nn.functional, f"conv{problem.dimensions}d")
    if isinstance(pairs, str) or (all(p == q for p, q in pairs) and problem.padding_mode == "zeros"):
        padding = pairs if isinstance(pairs, str) else [before for before, _ in pairs]
        return form(x, w, b, padding=padding, **parameters)
    if problem.transposed:
        whole = form(x, w, b, **parameters)
        crops = tuple(slice(p, n - q) for (p, q), n in zip(pairs, whole.shape[-problem.dimensions :], strict=True))
        return whole[(..., *crops)]
    mode = {"zeros": "constant"}.get(problem.padding_mode, problem.padding_mode)
    flat = [side for pair in reversed(pairs) for side in pair]
    return form(torch.nn.functional.pad(x, flat, mode=mode), w, b, **parameters)


def by_scipy(problem: Problem, operands: Mapping[str, Array]) -> dict[str, Array]:
    """scipy.signal.correlate and convolve, channel by channel; nothing for arrays without elements.

    The gradient by the input folds what the padding modes drew from it, which SciPy has no function for.
    """
    if not operands["x"].size:
        return {}
    batched = operands["x"].ndim == problem.dimensions + 2
    x, w = operands["x"] if batched else operands["x"][None], operands["w"]
    size = problem.output_shape[-problem.dimensions :]
    results = {"y": _backward(problem, x, w, size) if problem.transposed else _forward(problem, x, w)}
    if "b" in operands:
        results["y"] = results["y"] + operands["b"].reshape(-1, *(1,) * problem.dimensions)
    if "dy" in operands:
        dy = operands["dy"] if batched else operands["dy"][None]
        if problem.transposed:
            results["dx"] = _forward(problem, dy, np.conj(w))[_box(x.shape[2:])]
            results["dw"] = _by_weight(problem, dy, np.conj(x))
        else:
            results["dw"] = _by_weight(problem, np.conj(x), dy)
            if problem.padding_mode == "zeros":
                results["dx"] = _backward(problem, dy, np.conj(w), x.shape[2:])
        results["db"] = dy.sum(axis=(0, *range(2, dy.ndim)))
    return {name: array[0] if name in ("y", "dx") and not batched else array for name, array in results.items()}


def _forward(problem: Problem, x: Array, w: Array) -> Array:
    """The padded input correlated with the kernel, dilation - 1 zeros between its taps; every stride-th lag."""
    padded = np.pad(x, [(0, 0), (0, 0), *_sides(problem)], mode=_NUMPY_MODES[problem.padding_mode])
    spread = _spread(w, problem.dilation)
    pairs = _channel_pairs(problem.groups, w.shape)
    y = [
        [_sum(_correlate, [(image[c], spread[m, j]) for n, j, c in pairs if n == m]) for m in range(len(w))]
        for image in padded
    ]
    steps = [slice(None, None, s) for s in problem.stride]
    return np.array(y)[(slice(None), slice(None), *steps)]


def _backward(problem: Problem, y: Array, w: Array, size: Sequence[int]) -> Array:
    """The output side, stride - 1 zeros between its elements, convolved in full with the spread kernel; cropped."""
    spaced, spread = _spread(y, problem.stride), _spread(w, problem.dilation)
    pairs = _channel_pairs(problem.groups, w.shape)
    channels = range(w.shape[1] * problem.groups)
    x = np.array(
        [
            [_sum(_convolve, [(image[m], spread[m, j]) for m, j, c in pairs if c == n]) for n in channels]
            for image in spaced
        ]
    )
    sides = _sides(problem)
    rest = [max(0, p + n - full) for (p, _), n, full in zip(sides, size, x.shape[2:], strict=True)]
    whole = np.pad(x, [(0, 0), (0, 0), *((0, r) for r in rest)])
    crops = [slice(p, p + n) for (p, _), n in zip(sides, size, strict=True)]
    return whole[(slice(None), slice(None), *crops)]


def _by_weight(problem: Problem, x: Array, y: Array) -> Array:
    """The padded input correlated with the output side, stride - 1 zeros in between; every dilation-th lag."""
    padded = np.pad(x, [(0, 0), (0, 0), *_sides(problem)], mode=_NUMPY_MODES[problem.padding_mode])
    spaced = _spread(y, problem.stride)
    taps = tuple(slice(None, d * k, d) for d, k in zip(problem.dilation, problem.weight_shape[2:], strict=True))
    w = np.zeros(problem.weight_shape, np.result_type(x, y))
    for m, j, c in _channel_pairs(problem.groups, problem.weight_shape):
        w[m, j] = _sum(_correlate, [(padded[n, c], spaced[n, m]) for n in range(len(x))])[taps]
    return w


_NUMPY_MODES: dict[str, Any] = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _correlate(first: Array, second: Array) -> Array:
    return scipy.signal.correlate(first, np.conj(second), "valid", method="direct")  # type: ignore[no-any-return]


def _convolve(first: Array, second: Array) -> Array:
    return scipy.signal.convolve(first, second, "full", method="direct")  # type: ignore[no-any-return]


def _sum(form: Callable[[Array, Array], Array], pairs: Sequence[tuple[Array, Array]]) -> Array:
    return np.sum([form(first, second) for first, second in pairs], axis=0)  # type: ignore[no-any-return]


def _box(size: Sequence[int]) -> tuple[slice, ...]:
    """The first elements of every axis: an output padding of a stride or more has windows beyond them."""
    return (slice(None), slice(None), *(slice(n) for n in size))


def _sides(problem: Problem) -> Sequence[tuple[int, int]]:
    """Padding before and after; 'same' has the odd element after."""
    if not isinstance(problem.padding, str):
        return problem.padding
    spans = [d * (k - 1) for k, d in zip(problem.weight_shape[2:], problem.dilation, strict=True)]
    return [(span // 2, span - span // 2) if problem.padding == "same" else (0, 0) for span in spans]


def _channel_pairs(groups: int, weight_shape: Sequence[int]) -> list[tuple[int, int, int]]:
    """(m, j, c): output channel m reads input channel c through weight[m, j]."""
    per_output = weight_shape[0] // groups
    width = weight_shape[1]
    return [(m, j, m // per_output * width + j) for m in range(weight_shape[0]) for j in range(width)]


def _spread(array: Array, steps: Sequence[int]) -> Array:
    """The array with step - 1 zeros between its elements on every spatial axis."""
    sizes = [(n - 1) * step + 1 for n, step in zip(array.shape[2:], steps, strict=True)]
    spread = np.zeros((*array.shape[:2], *sizes), array.dtype)
    spread[(slice(None), slice(None), *(slice(None, None, step) for step in steps))] = array
    return spread


WITNESSES: dict[str, Witness] = {"truth.fast": by_fast, "torch": by_torch, "scipy": by_scipy}


def confirmations(family: Family, entry: Entry) -> dict[str, int]:
    """How many values of one case each witness confirmed."""
    if family.name == "sequence":
        return _confirm_sequence(entry)
    problem = parse(entry["problem"])
    refused = entry["result"] == "invalid" or "refused" in [a["convention"] for a in entry.get("alternatives", ())]
    counts = _confirm_refusal(entry, problem) if refused else dict.fromkeys(WITNESSES, 0)
    if entry["result"] == "invalid":
        return counts
    confirm = _confirm_arrays if family.name in ANSWERS else _confirm_sizes
    for name, confirmed in confirm(family, entry, problem).items():
        counts[name] = counts.get(name, 0) + confirmed
    return counts


def _confirm_arrays(family: Family, entry: Entry, problem: Problem) -> dict[str, int]:
    of_complex = problem.dtype.startswith("complex")

    exponents = {
        name: described["exponent"] for name, described in (entry["operands"] | entry.get("results", {})).items()
    }

    def value(key: str) -> Array:
        array = family.arrays[f"{entry['id']}/{key}"]
        return numbers(array, of_complex=of_complex, exponent=exponents.get(key, 0))

    operands = {name: value(name) for name in entry["operands"]}
    if entry["result"] == "valid":
        questions = [(problem, operands, {name: value(name) for name in entry["results"]})]
    else:
        questions = []
        for alternative in entry["alternatives"]:
            convention = CONVENTIONS[alternative["convention"]]
            other = convention.problem(problem)
            if other is None or convention.empty:
                continue
            changed = operands | {"w": convention.weight(operands["w"])}
            questions.append((other, changed, {"y": value(f"{alternative['convention']}/y")}))
    counts = dict.fromkeys(WITNESSES, 0)
    for asked, given, expected in questions:
        for name, witness in WITNESSES.items():
            for key, answer in witness(asked, given).items():
                if key in expected:
                    _agree(f"{entry['id']}: {key}", name, expected[key], answer)
                    counts[name] += 1
    return counts


def _confirm_refusal(entry: Entry, problem: Problem) -> dict[str, int]:
    """PyTorch refuses what is invalid, and where an allowed answer is a refusal, it is PyTorch's (in float64)."""
    shapes = {"x": list(problem.input_shape), "w": list(problem.weight_shape)}
    channels = problem.weight_shape[1] * problem.groups if problem.transposed else problem.weight_shape[0]
    shapes |= {"b": [channels]} if problem.bias else {}
    shapes |= {name: operand["shape"] for name, operand in entry.get("operands", {}).items()}
    tensors = {name: torch.zeros(shape, dtype=torch.float64) for name, shape in shapes.items()}
    try:
        y = torch_forward(problem, tensors["x"].requires_grad_(), tensors["w"], tensors.get("b"))
        if "dy" in tensors:
            y.backward(tensors["dy"])
    except (RuntimeError, ValueError):
        return {"torch": 1}
    raise FixtureError(f"{entry['id']}: torch does not refuse it")


def _confirm_sizes(_: Family, entry: Entry, problem: Problem) -> dict[str, int]:
    x, w = (torch.empty(shape, device="meta") for shape in (problem.input_shape, problem.weight_shape))
    confirmed = 0
    for answer in entry.get("alternatives", [entry]):
        convention = CONVENTIONS.get(answer.get("convention"))
        other = problem if convention is None else convention.problem(problem)
        if other is None or (convention is not None and convention.empty):
            continue
        shape = list(torch_forward(other, x, w, None).shape)
        if shape != answer["outputShape"]:
            raise FixtureError(f"{entry['id']}: outputShape is {answer['outputShape']}, but torch's is {shape}")
        confirmed += 1
    return {"torch": confirmed}


def _confirm_sequence(entry: Entry) -> dict[str, int]:
    f, g, mode = np.array(entry["f"], np.int64), np.array(entry["g"], np.int64), entry["mode"]
    if entry["result"] == "invalid":
        try:
            np.convolve(f, g, mode)
        except ValueError:
            return {"scipy": 0}
        raise FixtureError(f"{entry['id']}: NumPy does not refuse it")
    full = {
        "convolve": lambda: scipy.signal.convolve(f, g, "full", method="direct"),
        "cross_correlate": lambda: scipy.signal.correlate(g, f, "full", method="direct"),
    }[entry["operation"]]()
    first = 0 if entry["operation"] == "convolve" else 1 - len(f)
    own = np.convolve(f, g, mode) if entry["operation"] == "convolve" else np.correlate(g, f, mode)
    for answer in entry.get("alternatives", [entry]):
        exchanged = answer.get("convention") == "second-slides"
        whole, origin = (full[::-1], 1 - len(g)) if exchanged else (full, first)
        place = answer["start"] - origin
        _agree(f"{entry['id']}: h", "scipy", np.array(answer["h"]), whole[place : place + len(answer["h"])])
    if "h" in entry:
        _agree(f"{entry['id']}: h", "numpy", np.array(entry["h"]), own)
    return {"scipy": 1}


def _agree(what: str, witness: str, expected: Array, answer: Array) -> None:
    if expected.shape != answer.shape:
        raise FixtureError(f"{what} has shape {expected.shape}, but {witness} gives {answer.shape}")
    differ = np.argwhere(~(expected == answer))
    if len(differ):
        index = tuple(map(int, differ[0]))
        raise FixtureError(f"{what} at {index} is {expected[index]}, but {witness} gives {answer[index]}")
