"""A finding as a Python file that shows it: NumPy (or PyTorch), the subject, and nothing of conv-oracle."""

from __future__ import annotations

from collections.abc import Iterator

from conv_oracle.auditing import Finding, Verdict
from conv_oracle.errors import ConvOracleError

STATEFUL = ("stale-answer", "varies", "answer-changed")
REPETITIONS = 500


class ScriptError(ConvOracleError):
    """A finding that no short script shows."""


def script(finding: Finding, verdict: Verdict) -> str:
    """The text of the file: at most 30 lines. Raises ScriptError for a finding that needs more than plain calls."""
    if not finding.evidence.operands:
        raise ScriptError(
            f"a script holds its operands: problem={str(finding.problem)!r} has too many numbers, or none; "
            "conv-oracle replay would fit"
        )
    if finding.evidence.part != "output" and verdict.gradients:
        raise ScriptError(f"a script shows plain calls: part={finding.evidence.part!r}; conv-oracle replay would fit")
    return "\n".join([*_head(finding, verdict), *_arrays(finding, verdict), *_shown(finding, verdict)]) + "\n"


def _head(finding: Finding, verdict: Verdict) -> Iterator[str]:
    title = finding.diagnosis.title if finding.diagnosis else finding.summary
    where, _, name = verdict.target.rpartition(":")
    yield f'"""{verdict.op} of {name}: {title}."""'
    yield ""
    yield "import importlib.util" if where.endswith(".py") else "import importlib"
    yield ""
    yield "import numpy as np"
    if verdict.arrays == "torch":
        yield "import torch"
    yield ""
    if where.endswith(".py"):
        yield f'spec = importlib.util.spec_from_file_location("subject", {where!r})'
        yield "module = importlib.util.module_from_spec(spec)"
        yield "spec.loader.exec_module(module)"
    else:
        yield f"module = importlib.import_module({where!r})"
    yield f"subject = module.{name}"


def _arrays(finding: Finding, verdict: Verdict) -> Iterator[str]:
    dtype = finding.problem.dtype
    for name, values in finding.evidence.operands.items():
        shape = _shape(values)
        flat = f"{_flat(values)}".replace("'", "")
        made = f"np.array({flat}).reshape({shape})"
        if verdict.arrays == "torch":
            yield f"{name} = torch.from_numpy({made}).to(torch.{dtype})"
        elif dtype == "bfloat16":
            yield f"{name} = {made}.astype(__import__('ml_dtypes').bfloat16)"
        else:
            yield f"{name} = {made}.astype(np.{dtype})"


def _shown(finding: Finding, verdict: Verdict) -> Iterator[str]:
    evidence, names = finding.evidence, list(finding.evidence.operands)
    call = evidence.call.replace(f"{verdict.target.rpartition(':')[2]}(", "subject(", 1)
    if finding.kind in STATEFUL:
        yield f"returned = {call}"
        yield "first = np.array(returned)"
        yield f"for turn in range({REPETITIONS}):"
        yield f"    {names[0]} += 1 - 2 * (turn % 2)"
        yield f"    other = np.array({call})"
        yield "    if turn % 2:"
        yield '        assert np.array_equal(first, other), f"call {turn + 2}, equal to the first, gave another answer"'
        yield '    assert np.array_equal(first, returned), "what the first call returned has changed"'
        yield "    assert turn % 2 or not np.array_equal(first, other), 'other operands, and the same answer'"
        return
    if finding.kind == "mutated-operand":
        yield f"before = [np.array(array) for array in ({', '.join(names)},)]"
        yield call
        yield f"after = [np.array(array) for array in ({', '.join(names)},)]"
        yield 'assert all(map(np.array_equal, before, after)), "an operand was changed"'
        return
    yield f"got = {call}"
    if evidence.index is not None:
        place = ", ".join(map(str, evidence.index))
        yield f"expected = {evidence.expected}  # {_sum(finding)}"
        yield f'print("got", got[{place}], "expected", expected)'
        yield f"assert got[{place}] == expected"
    else:
        yield 'print(type(got), getattr(got, "shape", None), getattr(got, "dtype", None))'
        yield f"raise AssertionError({evidence.text!r})"


def _sum(finding: Finding) -> str:
    terms = [f"{term.left_value}*{term.right_value}" for term in finding.evidence.terms[:8]]
    more = ["..."] * (len(finding.evidence.terms) > 8)
    bias = [finding.evidence.bias] * bool(finding.evidence.bias)
    return " + ".join([*terms, *more, *bias]) or "no product reaches this output"


def _shape(values: object) -> tuple[int, ...]:
    if not isinstance(values, list):
        return ()
    return (len(values), *(_shape(values[0]) if values else ()))


def _flat(values: object) -> list[object]:
    if not isinstance(values, list):
        return [values]
    return [number for part in values for number in _flat(part)]
