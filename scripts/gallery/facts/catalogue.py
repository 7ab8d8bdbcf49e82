"""The catalogue of faults, each with an example that is computed: by an edit of one call, or by a broken function."""

from __future__ import annotations

import signal
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import grad

import conv_oracle
from conv_oracle.errors import GeometryError
from conv_oracle.faults import CATALOGUE, Fault, title_of
from conv_oracle.passes import Array
from conv_oracle.problem import Problem
from conv_oracle.report import example
from conv_oracle.report.page import beside
from gallery.agreement import agree, tensor
from gallery.errors import GalleryError
from gallery.sources import coloured

BROKEN = Path(__file__).parents[1] / "broken.toml"
SECONDS, FEW_SECONDS = 60.0, 1.0
"""For a function that is run in a process of its own; few, where that is to hang."""

MEMORY = 2 << 30
RAMP = 260
"""Elements of a ramp: more than 8 bits count."""


@dataclass(frozen=True)
class Shown:
    """One fault of the page: its entry, its formulas in pieces, and an example.

    what: the problem, or ''. way: the fault in this way. given: operands by name, as text. right, broken: the results
    as text. code: the broken function, HTML; '' where an edit of a call makes it.
    """

    fault: Fault
    formulas: tuple[Any, Any]
    what: str
    way: str
    given: dict[str, str]
    right: str
    broken: str
    code: str = ""


def catalogue() -> dict[str, Any]:
    """Every fault of the catalogue, each with one example; PyTorch agrees with what is right in it."""
    known = cases()
    shown = _all(known)
    if unused := set(known) - {one.fault.slug for one in shown if one.code}:
        raise GalleryError(f"a broken function is of a fault without an edit: {', '.join(sorted(unused))}")
    return {"faults": shown}


def cases() -> dict[str, dict[str, Any]]:
    """The broken functions, by their faults."""
    return tomllib.loads(BROKEN.read_text(encoding="utf-8"))


def _all(known: dict[str, dict[str, Any]]) -> list[Shown]:
    """Every fault with its example. Raises GalleryError where one has none, or one that does not show it."""
    shown = [_edited(fault) or _run(fault, known) for fault in CATALOGUE.values()]
    for one in shown:
        if one.right == one.broken:
            raise GalleryError(f"an example shows its fault: {one.fault.slug} gives {one.broken} as the right one does")
    return shown


def _edited(fault: Fault) -> Shown | None:
    """The example that `conv-oracle explain` has as well; None where no edit of one call makes the fault."""
    found = example(fault)
    if found is None:
        return None
    agree(f"the example of {fault.slug}", found.right, by_torch(found.problem, found.operands))
    given = {name: text(array) for name, array in found.operands.items()}
    alike = found.right.shape == found.broken.shape
    right, broken = (text(array) if alike else described(array) for array in (found.right, found.broken))
    formulas, way = beside(fault.right, fault.broken), title_of(fault, found.variant)
    return Shown(fault, formulas, str(found.problem), way, given, right, broken)


def by_torch(problem: Problem, operands: dict[str, Array]) -> Array:
    """PyTorch's result of a forward problem, or of a gradient by the weight."""
    given = {name: tensor(array) for name, array in operands.items()}
    x, axes = given["input"], problem.dimensions
    settings: dict[str, Any] = {"stride": problem.stride, "dilation": problem.dilation, "groups": problem.groups}
    named = getattr(torch.nn.functional, str(problem.operation.of_forward))
    if problem.transposed:
        before = [side for side, _ in problem.geometry.padding]
        settings |= {"padding": before, "output_padding": problem.output_padding}
        return np.asarray(named(x, given["weight"], given.get("bias"), **settings))
    if isinstance(problem.padding, str):
        with warnings.catch_warnings(action="ignore"):  # that an odd 'same' costs a copy
            return np.asarray(named(x, given["weight"], given.get("bias"), padding=problem.padding, **settings))
    mode = {"zeros": "constant"}.get(problem.padding_mode, problem.padding_mode)
    padded = torch.nn.functional.pad(x, [side for pair in reversed(problem.padding) for side in pair], mode)
    if problem.operation.by_weight:
        dw = getattr(grad, f"conv{axes}d_weight")
        return np.asarray(dw(padded, problem.weight_shape, given["grad_output"], **settings))
    return np.asarray(named(padded, given["weight"], given.get("bias"), **settings).resolve_conj())


def _run(fault: Fault, known: dict[str, dict[str, Any]]) -> Shown:
    """The example of a broken function."""
    if fault.slug not in known:
        raise GalleryError(f"every fault has an example: {fault.slug} needs one in broken.toml")
    case = known[fault.slug]
    x, w = (operand(case[name], case.get("dtype", "float64")) for name in ("x", "w"))
    code = case["code"].strip()
    given = {"x": text(x), "w": text(w)}
    right, broken = HOW[case.get("kind", "answer")](fault.slug, code, x, w)
    return Shown(fault, beside(fault.right, fault.broken), "", "", given, right, broken, coloured(code))


def operand(values: Any, dtype: str) -> Array:
    """An operand of its numbers."""
    return (np.arange(float(RAMP))[None, None] if values == "ramp" else np.array(values)).astype(dtype)


def conv(slug: str, x: Array, w: Array) -> Array:
    """What is right, in float64 until it is stored; PyTorch says the same, NaN and infinity included."""
    with np.errstate(invalid="ignore"):
        ours = conv_oracle.conv1d(x.astype(float), w.astype(float))
    theirs = torch.nn.functional.conv1d(tensor(x), tensor(w)).numpy()
    agree(
        f"the example of {slug}",
        *(np.nan_to_num(one, nan=-1e300, posinf=1e301, neginf=-1e301) for one in (ours, theirs)),
    )
    with np.errstate(over="ignore"):
        return ours.astype(x.dtype)


def function(code: str) -> Callable[..., Any]:
    """The broken function, in a name space of its own."""
    scope: dict[str, Any] = {"np": np, "conv": conv_oracle.conv1d, "conv_weight": conv_oracle.conv1d_weight}
    exec(code, scope)  # noqa: S102 - our own file
    return scope["f"]  # type: ignore[no-any-return]


def answered(code: str, *operands: Array) -> str:
    """What a broken function answers, or the exception that it raises."""
    try:
        with np.errstate(all="ignore"):
            return text(function(code)(*operands))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def text(array: Any) -> str:
    """The numbers of an array, long ones cut in their middle."""
    whole = np.asarray(array)
    return np.array2string(
        whole.squeeze() if whole.size else whole, separator=" ", threshold=150, formatter={"all": lambda v: f"{v:.10g}"}
    )


def described(answer: Any) -> str:
    """What sort of thing an answer is, and its numbers."""
    if not isinstance(answer, np.ndarray):
        return f"{type(answer).__name__} {answer}"
    return f"{answer.dtype} {answer.shape}\n{text(answer)}"


def _answer(slug: str, code: str, x: Array, w: Array) -> tuple[str, str]:
    return text(conv(slug, x, w)), answered(code, x, w)


def _described(slug: str, code: str, x: Array, w: Array) -> tuple[str, str]:
    return described(conv(slug, x, w)), described(function(code)(x, w))


def _view(slug: str, code: str, x: Array, w: Array) -> tuple[str, str]:
    view = np.ascontiguousarray(x[..., ::-1])[..., ::-1]
    return text(conv(slug, view, w)), answered(code, view, w)


def _guarded(slug: str, code: str, x: Array, w: Array) -> tuple[str, str]:
    block = np.full((1, 1, 16), np.nan)
    block[..., : x.size] = x
    return text(conv(slug, x, w)), answered(code, block[..., : x.size], w)


def _operand(slug: str, code: str, x: Array, w: Array) -> tuple[str, str]:
    before = text(x)
    conv(slug, x, w)
    function(code)(x, w)
    return f"x is {before} afterwards", f"x is {text(x)} afterwards"


def _second(slug: str, code: str, x: Array, w: Array) -> tuple[str, str]:
    f = function(code)
    f(x, w)
    return f"{text(conv(slug, 10 * x, w))} on 10 x", f"{text(f(10 * x, w))} on 10 x"


def _kept(slug: str, code: str, x: Array, w: Array) -> tuple[str, str]:
    f = function(code)
    first = f(x, w)
    f(10 * x, w)
    return text(conv(slug, x, w)), f"{text(first)} after a call on 10 x"


def _again(slug: str, code: str, x: Array, w: Array) -> tuple[str, str]:
    f = function(code)
    return text(conv(slug, x, w)), f"{text(f(x, w))}, then {text(f(x, w))}"


def _empty(slug: str, code: str, x: Array, w: Array) -> tuple[str, str]:
    return described(conv(slug, x[:0], w)), answered(code, x[:0], w)


def _refused(slug: str, code: str, x: Array, w: Array) -> tuple[str, str]:
    try:
        torch.nn.functional.conv1d(tensor(x), tensor(w))
    except RuntimeError:
        pass
    else:
        raise GalleryError(f"the example of {slug}: conv_oracle and torch agree: torch has an answer")
    try:
        conv_oracle.conv1d(x, w)
    except GeometryError as error:
        return f"{type(error).__name__}: {error}", answered(code, x, w)
    raise GalleryError(f"the example of {slug}: conv_oracle and torch agree: conv_oracle has an answer")


def _weight(slug: str, code: str, x: Array, w: Array) -> tuple[str, str]:
    dy = np.ones((1, 1, x.shape[-1] - w.shape[-1] + 1))
    ours = conv_oracle.conv1d_weight(x, w.shape, dy)
    theirs = grad.conv1d_weight(tensor(x), list(w.shape), tensor(dy))  # type: ignore[no-untyped-call]
    agree(f"the example of {slug}", ours, theirs)
    return f"dw is {text(ours)} for dy of ones", f"dw is {answered(code, x, w, dy)}"


def _double(slug: str, code: str, x: Array, w: Array) -> tuple[str, str]:
    vx, vw = x + 1, 10 * w
    right = conv(slug, vx, w) + conv(slug, x, vw)
    return f"{text(right)} for vx = x + 1, vw = 10 w", answered(code, x, w, vx, vw)


def _process(slug: str, code: str, x: Array, w: Array, seconds: float = SECONDS) -> tuple[str, str]:
    """How a process ends that calls the function and prints its answer."""
    lines = (
        "import resource",
        f"resource.setrlimit(resource.RLIMIT_AS, ({MEMORY}, {MEMORY}))",
        "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))",
        "import numpy as np",
        "conv = lambda x, w: np.correlate(x[0, 0], w[0, 0])[None, None]",
        code,
        f"print(f(np.array({x.tolist()}), np.array({w.tolist()}))[0, 0])",
    )
    right = text(conv(slug, x, w))
    try:
        done = subprocess.run(
            [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return right, "no answer within the time limit"
    if done.returncode < 0:
        return right, f"the process ends by {signal.Signals(-done.returncode).name}"
    if done.returncode > 0:
        raised = done.stderr.strip().rpartition("\n")[2].partition(":")[0]
        return right, raised.rpartition(".")[2].lstrip("_")
    return right, f"the process writes {done.stdout.strip()!r}"


HOW: dict[str, Callable[[str, str, Array, Array], tuple[str, str]]] = {
    "answer": _answer,
    "described": _described,
    "view": _view,
    "guarded": _guarded,
    "operand": _operand,
    "second": _second,
    "kept": _kept,
    "again": _again,
    "empty": _empty,
    "refused": _refused,
    "weight": _weight,
    "double": _double,
    "process": _process,
    "hung": partial(_process, seconds=FEW_SECONDS),
}
"""How a broken function is called: (the right result, what it gives) as text."""
