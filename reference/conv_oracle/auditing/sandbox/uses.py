"""Uses: the ways in which people call a convolution and hold its operands, besides the plain one of an audit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from conv_oracle.auditing.operands import DTYPES
from conv_oracle.problem import Problem

Form = Literal["plain", "ints", "lists", "defaults", "positions", "keywords", "none"]
"""How arguments are written: stride, padding and the like as tuples; as ints where the axes agree; as lists; left out
where they are at their default; all by position; all by keyword; with bias=None where there is no bias."""

Who = Literal["all", "torch", "transforms", "gradients"]


@dataclass(frozen=True)
class Use:
    """One way of calling.

    said: its description, to follow 'with'. form: how the arguments are written. own: whether each operand is in memory
    of its own. held: how torch holds a weight and a bias. around: what surrounds the call, or precedes it. way: how
    gradients are taken, see `Gradients`. who: of which audits it is. rarely: whether it costs much. tells: whether
    wrong answers are told alone, and do not decide.
    """

    said: str
    form: Form = "plain"
    own: bool = False
    held: Literal["", "leaf", "parameter"] = ""
    around: Literal[
        "",
        "thread",
        "fork",
        "at_once",
        "no_grad",
        "inference_mode",
        "two_threads",
        "aliased",
        "earlier",
        "updated",
        "poison",
        "vmap",
    ] = ""
    way: Literal["", "again", "accumulated", "held", "forward"] = ""
    who: Who = "all"
    rarely: bool = False
    tells: bool = False


PLAINLY = Use("")
"""No use: as an audit calls where nothing else is said."""

EARLIER = "earlier_input"
"""The operand that is the input of the problem before."""

_LISTED = (
    Use("plain ints", form="ints"),
    Use("defaults left out", form="defaults"),
    Use("operands that own their memory", own=True),
    Use("a torch.nn.Parameter as weight and bias", own=True, held="parameter", who="torch"),
    Use("lists", form="lists"),
    Use("torch.no_grad()", around="no_grad", own=True, who="torch"),
    Use("all arguments by keyword", form="keywords"),
    Use("all arguments by position", form="positions"),
    Use("a weight that requires grad", held="leaf", who="torch"),
    Use("a weight and an input that are changed in place", own=True, around="updated"),
    Use("an explicit bias=None", form="none"),
    Use("torch.inference_mode()", around="inference_mode", own=True, who="torch"),
    Use("freed memory full of NaN", around="poison"),
    Use("a weight that served another problem before", own=True, around="earlier"),
    Use("one array as input and weight", own=True, around="aliased"),
    Use("a call in another thread", around="thread"),
    Use("two threads of PyTorch", around="two_threads", who="torch"),
    Use("several threads at once", own=True, around="at_once", tells=True),
    Use("a call in a forked process", around="fork", rarely=True),
    Use("a second backward pass", way="again", who="gradients"),
    Use("gradients of torch.nn.Parameters", own=True, held="parameter", way="held", who="gradients"),
    Use("gradients that two backward passes add up", way="accumulated", who="gradients"),
    Use("torch.func.vmap", around="vmap", who="transforms"),
    Use("torch.func.jvp", way="forward", who="transforms"),
)

USES: Mapping[str, Use] = {use.said: use for use in _LISTED}
"""All uses by what is said of them, those that most people have first."""

LARGEST_WORKSPACE = 1 << 18
"""The most elements of memory that is filled before a call."""

RARELY = 8
"""One that costs much comes up once in so many turns."""


def uses_of(
    arrays: str, *, gradients: bool, transforms: bool, device: str = "cpu", strict: bool = False
) -> tuple[Use, ...]:
    """The uses of an audit in the order of their turns, what it asks for first; rare ones come up once in some turns.

    arrays: 'numpy' or 'torch'. gradients: whether gradients are audited. transforms: whether torch.func is used.
    device: of tensors; elsewhere than on a CPU a forked process cannot call. strict: whether all of them decide.
    """
    whose = {"all"} | ({"torch"} if arrays == "torch" else set())
    whose |= {"gradients"} if gradients else set()
    whose |= {"transforms"} if transforms else set()
    asked_for = sorted(_LISTED, key=lambda use: use.who not in ("gradients", "transforms"))
    here = [use for use in asked_for if use.who in whose and not (use.around == "fork" and device != "cpu")]
    decided = [replace(use, tells=use.tells and not strict) for use in here]
    return tuple(use for turn in range(RARELY) for use in decided if not use.rarely or turn == 0)


def manner_of(use: Use, problem: Problem, names: Sequence[str]) -> dict[str, Any]:
    """What a use is for the worker; see `manners`. names: of the operands, in their order."""
    said: dict[str, Any] = {"own": True} if use.own else {}
    if use.held:
        said[use.held] = [names.index(name) for name in ("weight", "bias") if name in names]
    if use.around == "poison":
        said["poison"] = [size * DTYPES[problem.dtype].itemsize for size in workspaces(problem)]
    if use.around == "at_once":
        said["at_once"] = True
    if use.around == "vmap":
        said["transform"] = "vmap"
    if use.around in ("thread", "fork", "no_grad", "inference_mode", "two_threads"):
        said["around"] = use.around
    return said


def workspaces(problem: Problem) -> tuple[int, ...]:
    """How many elements the workspaces have that a convolution may need: results, padded images, columns."""
    batch, taps = problem.geometry.batch, math.prod(problem.weight_shape[2:])
    image, result = math.prod(problem.input_shape), math.prod(problem.output_shape)
    sizes = [image, math.prod(problem.weight_shape), result]
    if not isinstance(problem.padding, str) and batch:
        spatial = problem.input_shape[-problem.dimensions :]
        padded = math.prod(size + sum(sides) for size, sides in zip(spatial, problem.padding, strict=True))
        outputs = math.prod(problem.output_shape[-problem.dimensions :])
        channels = problem.geometry.in_channels
        sizes += [padded, padded * channels, padded * channels * batch, outputs, channels * taps * outputs]
        sizes += [channels * taps * outputs * batch, result // batch, image // batch]
    return tuple(sorted({size for size in sizes if 0 < size <= LARGEST_WORKSPACE}))
