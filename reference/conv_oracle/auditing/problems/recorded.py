"""The layers of a user's own network, as `--layers` names them: from a text file, and which of them are asked.

They are asked at their real size, which is beyond that of a level's problems.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from conv_oracle.auditing.problems.edges import edge_of, ordinary
from conv_oracle.errors import ConvOracleError, TargetError
from conv_oracle.operation import Operation
from conv_oracle.problem import Problem, parse

MOST_REAL_MULTIPLY_ADDS = 2_000_000_000
MOST_REAL_NUMBERS = 20_000_000
"""Of a layer at its real size; numbers are those of input, weight and output together."""

TOO_LARGE = f"of more than {MOST_REAL_MULTIPLY_ADDS:,} multiply-adds or {MOST_REAL_NUMBERS:,} numbers (fewer would fit)"
MOST_TEXT_BYTES = 2_000_000


@dataclass(frozen=True)
class OwnLayers:
    """The layers to ask, cheapest first; and those that are left out, one sentence for each reason."""

    problems: tuple[Problem, ...] = ()
    left_out: tuple[str, ...] = ()


def layers_in_text(file: Path, op: Operation) -> list[Problem]:
    """The problems of a file: a notation a line, whose operation may be left out where it is `op` or its forward one.

    Blank lines, and what follows a #, do not count. Raises TargetError, naming the line that describes no problem.
    """
    try:
        with file.open("rb") as opened:
            text = opened.read(MOST_TEXT_BYTES + 1)
    except OSError as error:
        raise TargetError(
            f"layers must be a readable file: layers={str(file)!r} ({error.strerror}); a text file with a notation a "
            "line, model.onnx or file.py:make_model would fit"
        ) from None
    if len(text) > MOST_TEXT_BYTES:
        raise TargetError(
            f"layers have at most {MOST_TEXT_BYTES} bytes: layers={str(file)!r}; a shorter file would fit"
        )
    found = []
    for number, line in enumerate(text.decode(errors="replace").splitlines(), 1):
        words = line.partition("#")[0].split()
        if words:
            shape_first = words[0][:1] == "x" and words[0][1:2].isdigit()
            notation = " ".join([op.of_forward.name, *words] if shape_first else words)
            found.append(layer_of_notation(notation, f"{str(file)!r}, line {number}"))
    return found


def layer_of_notation(notation: str, where: str) -> Problem:
    """The problem of a line of --layers. Raises TargetError where it is none, or has no output; `where` is the line."""
    try:
        made = parse(notation)
        if math.prod(made.output_shape) > 0:
            return made
    except (ConvOracleError, ValueError, IndexError) as error:
        said = str(error)
    else:
        said = f"{notation!r} has no output"
    raise TargetError(
        f"a line of --layers is a problem with an output: layers={where}: {said}; "
        "'x1x64x56x56 w64x64x3x3 p1' would fit conv2d"
    )


def own_layers(listed: Iterable[Problem], op: Operation, source: str, said: Sequence[str] = ()) -> OwnLayers:
    """The layers of an operation, each once, in the order of their multiply-adds; a forward one is its gradients' too.

    source: where they are from; said: what was left out there. Raises TargetError where there is none of the operation.
    """
    every = list(listed)
    others = Counter(one.operation.name for one in every if not _is_of(one, op))
    own = dict.fromkeys(_asked_as(one, op) for one in every if _is_of(one, op))
    if not own:
        told = ", ".join(f"{count} of {name}" for name, count in others.items()) or "none at all"
        would = f"--op {next(iter(others))}" if others else "a convolution"
        raise TargetError(
            f"layers must have one of the audited operation: layers={source!r} has {told}, op={op.name!r}; "
            f"{would} would fit"
        )
    kept: list[Problem] = []
    reasons = Counter({f"of another operation: {', '.join(others)}": others.total()} if others else {})
    for problem in own:
        plain = ordinary(problem)
        if plain is None or plain.output_padding != problem.output_padding:
            reasons[f"with {edge_of(problem)}"] += 1
        elif not real(plain):
            reasons[TOO_LARGE] += 1
        else:
            kept.append(plain)
    listed = sorted(dict.fromkeys(kept), key=lambda problem: problem.multiply_adds)
    return OwnLayers(tuple(listed), (*said, *(f"{count} {why}" for why, count in reasons.items())))


def real(problem: Problem) -> bool:
    """Whether a layer at its real size can be asked: the truth of it is computed in less than a second."""
    numbers = sum(map(math.prod, (problem.input_shape, problem.weight_shape, problem.output_shape)))
    return problem.multiply_adds <= MOST_REAL_MULTIPLY_ADDS and numbers <= MOST_REAL_NUMBERS


def _is_of(problem: Problem, op: Operation) -> bool:
    return problem.operation.of_forward == op.of_forward


def _asked_as(problem: Problem, op: Operation) -> Problem:
    return replace(problem, operation=op, bias=problem.bias and op.forward, dtype="float64")
