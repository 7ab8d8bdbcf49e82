"""A finding as a Python script that shows it with NumPy (or PyTorch) and the subject, without conv-oracle.

The script fails as long as the subject has the fault, and ends without an error once it is fixed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from conv_oracle.auditing import PLAINLY, USES, Earlier, Finding, Gradients, Repetition, Verdict
from conv_oracle.errors import ConvOracleError
from conv_oracle.problem import Problem
from conv_oracle.report.script_of_program import program_as_subject
from conv_oracle.report.script_of_use import held, refreshed, surrounded

MANY_TIMES = 3000
"""How often calls are repeated whose answer varies."""

COMES_AND_GOES = ("stale-answer", "varies", "answer-changed")
PLAIN = ("wrong-value", "wrong-shape", "wrong-dtype", "not-an-array", "accepted-but-invalid", "hung")
"""Kinds that one call on operands in C order shows."""

ALARM_SECONDS = 10


class ScriptError(ConvOracleError):
    """No short script can show this finding."""


def script(finding: Finding, verdict: Verdict) -> str:
    """The text of the script, at most 30 lines. Raises ScriptError where none can show the finding."""
    repetition = finding.evidence.repetition
    if verdict.recorded:
        raise ScriptError(f"no script calls another machine: recorded={verdict.recorded!r}; its own call would fit")
    if verdict.options.native:
        raise ScriptError(
            f"a script calls a Python function: target={verdict.options.target!r}; conv-oracle replay would fit"
        )
    if finding.kind == "out-of-bounds":
        raise ScriptError(
            "no short script has guard pages: kind='out-of-bounds'; conv-oracle replay would fit, or a sanitizer"
        )
    if finding.evidence.by and verdict.options.arrays != "torch":
        raise ScriptError(
            "no short script calls a backward function: gradients of NumPy arrays; conv-oracle replay would fit"
        )
    if finding.kind == "malformed":
        raise ScriptError(
            "no script shows what a process writes besides its answers: kind='malformed'; conv-oracle replay would fit"
        )
    if finding.kind == "accepted-but-invalid" or _without_output(finding.problem):
        body = _accepted(finding, verdict)
    elif verdict.options.command:
        body = _of_program(finding, verdict)
    elif repetition is not None and (repetition.apart or finding.before or finding.kind not in PLAIN):
        body = _repeated(finding, repetition, verdict)
    elif finding.evidence.operands:
        body = _called(finding, verdict)
    elif repetition is not None:
        body = _repeated(finding, repetition, verdict)
    else:
        raise ScriptError(
            f"no short script shows this finding: problem={str(finding.problem)!r}; conv-oracle replay would fit"
        )
    return "\n".join([*_head(finding, verdict), *body]) + "\n"


def _of_program(finding: Finding, verdict: Verdict) -> Iterator[str]:
    """One call of a program. Raises ScriptError where that does not show the finding."""
    if not finding.evidence.operands or finding.before or finding.kind not in PLAIN:
        raise ScriptError(
            f"no short script shows this of a program: kind={finding.kind!r}; conv-oracle replay would fit"
        )
    return _called(finding, verdict)


def _without_output(problem: Problem) -> bool:
    try:
        return 0 in problem.output_shape[-problem.dimensions :]
    except ConvOracleError:
        return True


def _head(finding: Finding, verdict: Verdict) -> Iterator[str]:
    title = finding.diagnosis.title if finding.diagnosis else finding.summary
    where, _, name = verdict.options.loaded.rpartition(":")
    yield f'"""{verdict.options.op} of {"a program" if verdict.options.command else name}: {title}."""'
    if verdict.options.command:
        yield "import contextlib, json, signal, subprocess"
        yield "import numpy as np"
        yield from program_as_subject(verdict.options.command, verdict.options.op)
        return
    yield "import contextlib, importlib, runpy, signal, sys"
    yield "import numpy as np"
    if verdict.options.arrays == "torch":
        yield "import torch"
    adapter = Path(str(verdict.options.making.words.get("adapter", "-")))
    if verdict.options.making.maker == "onnx_layer":
        yield f"sys.path.insert(0, {str(adapter.parent)!r})"
        yield f"subject = importlib.import_module({adapter.stem!r}).layer_in({str(Path(name).resolve())!r})"
        return
    yield from _loaded(where, name)
    if adapter.suffix:
        yield f"sys.path.insert(0, {str(adapter.parent)!r})"
        yield f"subject = importlib.import_module({adapter.stem!r}).of_backend(subject).{verdict.options.op}"
    if verdict.called:
        words = "".join(f", {name}={value!r}" for name, value in verdict.options.said.items())
        yield f"import conv_oracle  # which calls {verdict.called.on(finding.problem) or verdict.called.name}"
        yield f"subject = conv_oracle.adapt(subject, op={str(verdict.options.op)!r}{words})"


def _loaded(where: str, name: str) -> Iterator[str]:
    """How what a target names is loaded."""
    file = Path(where).resolve() if where.endswith(".py") else Path.cwd() / "-"
    yield f"sys.path.insert(0, {str(file.parent)!r})"
    module = file.stem if where.endswith(".py") else where
    if module.rpartition(".")[2].isidentifier() and "." not in file.stem and module not in sys.stdlib_module_names:
        yield f"subject = importlib.import_module({module!r}).{name}"
    else:
        first, *rest = name.split(".")
        yield f"subject = runpy.run_path({str(file)!r})[{first!r}]{''.join(f'.{part}' for part in rest)}"


def _called(finding: Finding, verdict: Verdict) -> Iterator[str]:
    """One call, and what is wrong with what it returns."""
    evidence = finding.evidence
    for name, values in evidence.operands.items():
        yield f"{name} = {_array(values, finding.problem.dtype, verdict.options.arrays)}"
    if finding.kind == "hung":
        yield f"signal.alarm({ALARM_SECONDS})  # ends this program if the call does not return"
    call = _call(finding, verdict)
    if evidence.by:
        gradients = Gradients(evidence.by, evidence.second)
        yield from _function(finding, evidence.operands, gradients, gradients.parts().index(evidence.part), verdict)
        call = f"call({', '.join(evidence.operands)})"
    yield f"got = {call}"
    if finding.kind == "wrong-shape":
        yield 'print("shape", tuple(got.shape))'
        yield f"assert tuple(got.shape) == {finding.problem.result_shape}"
    elif finding.kind == "wrong-dtype":
        yield 'print("dtype", got.dtype)'
        yield f'assert str(got.dtype).replace("torch.", "") == {evidence.expected or finding.problem.dtype!r}'
    elif finding.kind == "not-an-array":
        yield 'print("type", type(got))'
        yield f"assert type(got) is {'torch.Tensor' if verdict.options.arrays == 'torch' else 'np.ndarray'}"
    elif evidence.index is not None:
        yield from _compared(finding, ", ".join(map(str, evidence.index)))


def _compared(finding: Finding, place: str) -> Iterator[str]:
    """The first wrong element compared with its expected value: exactly, or within the bound of a right answer."""
    evidence = finding.evidence
    if finding.kind == "rounding":
        yield f"expected, bound = {evidence.expected}, {evidence.within!r}"
        yield f'print("got", got[{place}].item(), "expected", expected)'
        yield f"assert abs(got[{place}].item() - expected) <= bound"
    elif finding.kind == "special-value":
        yield f"expected = {_plain(evidence.expected)}"
        yield f'print("got", got[{place}].item(), "expected", expected)'
        yield f"assert np.array_equal(got[{place}].item(), expected, equal_nan=True)"
    else:
        yield f"expected = {evidence.expected}  # {_sum(finding)}"
        rounded = evidence.repetition is not None and evidence.repetition.rounded
        shown = f"np.rint(got[{place}].item())" if rounded else f"got[{place}]"
        yield f'print("got", got[{place}], "expected", expected)'
        yield f"assert {shown} == expected"


def _accepted(finding: Finding, verdict: Verdict) -> Iterator[str]:
    """A call that must raise, or return an empty array."""
    for name, shape in finding.problem.operand_shapes.items():
        yield f"{name} = {_array(shape, finding.problem.dtype, verdict.options.arrays, made='ones')}"
    yield from _first(finding, verdict)
    yield "with contextlib.suppress(Exception):"
    yield f"    got = {_call(finding, verdict)}"
    yield '    print("returned shape", tuple(got.shape))'
    yield "assert 'got' not in globals() or 0 in got.shape, 'returned an output that does not exist'"


def _repeated(finding: Finding, told: Repetition, verdict: Verdict) -> Iterator[str]:
    """The calls of the audit, one after the other, each with the memory that it had."""
    torch = verdict.options.arrays == "torch"
    yield f"STEPS = {[list(step) for step in told.steps]}  # a call, a call in reused memory, an old answer again"
    yield f"LAYOUTS = {[list(layout) for layout in told.layouts.values()]}  # shape, strides, start, writable"
    yield f"MEMORY = {_plain([list(block) for block in told.memory])}  # the memory blocks that hold the operands"
    yield f"EXPECTED = {_plain([list(values) for values in told.expected])}"
    dtype = finding.problem.dtype
    yield from _first(finding, verdict)
    yield "def made(n):"
    if torch:
        yield f"    return torch.tensor(MEMORY[n], dtype=torch.{dtype})"
    else:
        yield f"    return np.array(MEMORY[n], {_numpy_dtype(dtype)})"
    yield "def view(shape, strides, start, writable):"
    if torch:
        yield "    return memory.as_strided(shape, strides, start)"
    else:
        yield "    size = memory.itemsize"
        yield "    array = np.ndarray(shape, memory.dtype, memory, start * size, [stride * size for stride in strides])"
        yield "    array.flags.writeable = writable"
        yield "    return array"
    use = USES.get(told.use, PLAINLY)
    gradients = Gradients(told.by, told.second, told.between, told.way) if told.by else None  # type: ignore[arg-type]
    yield from _function(finding, told.layouts, gradients, told.number, verdict, told.earlier)
    yield from surrounded(use)
    copied = "memory.copy_(made(n))" if torch else "np.copyto(memory, made(n))"
    often = finding.kind in COMES_AND_GOES or finding.before or use.around == "at_once"
    yield f"for turn in range({MANY_TIMES if often else 1}):"
    yield "    kept = []"
    yield "    for kind, n in STEPS:"
    yield f"        if kind == 'call': memory = made(n); arrays = {held(use, list(told.layouts), torch=torch)}"
    yield f"        if kind == 'reuse': {copied}{'; ' + refreshed(torch=torch) if use.own else ''}"
    yield "        kept.append(kept[n] if kind == 'reread' else (call(*arrays), n))"
    yield "        got, of = kept[-1]"
    if torch:
        yield "        got = got.detach().to(torch.complex128).numpy() if got is not None else 0"
        yield f"        assert kind == 'reread' or torch.equal(memory, made(n)), {CHANGED!r}"
    else:
        yield f"        assert kind == 'reread' or np.array_equal(memory, made(n)), {CHANGED!r}"
    compared = "np.rint(got)" if told.rounded else "got"
    yield f"        assert np.array_equal(np.ravel({compared}), EXPECTED[of]), (turn, kind, n, got, EXPECTED[of])"


CHANGED = "an operand was changed"


def _function(
    finding: Finding,
    operands: Iterable[str],
    told: Gradients | None,
    number: int,
    verdict: Verdict,
    earlier: str = "",
) -> Iterator[str]:
    """`call`, a function of all operands: the subject, or the gradient of it that is wrong.

    earlier: the call that comes before.
    """
    names = ", ".join(operands)
    before = f"({_of_subject(earlier, verdict)}, " if earlier else ""
    if told is None:
        after = ")[1]" if earlier else ""
        yield f"def call({names}): return {before}{_call(finding, verdict)}{after}"
        return
    leaves = ", ".join(told.by)
    yield f"def call({names}):"
    if told.way == "forward":
        along = ", ".join(f"grad_grad_{name}" for name in told.by)
        yield f"    moved = lambda {leaves}: {_call(finding, verdict)}"
        yield f"    return torch.func.jvp(moved, ({leaves},), ({along},))[{number}]"
        return
    yield f"    for leaf in ({leaves},{' grad_output' if told.second else ''}): leaf.requires_grad_()"
    yield f"    output = {_call(finding, verdict)}"
    if told.between:
        yield f"    {_call(finding, verdict)}  # another forward pass in between"
    if told.way == "accumulated":
        yield f"    for leaf in ({leaves},): leaf.grad = None"
        yield f"    for one in (output, {_call(finding, verdict)}): one.backward(grad_output)"
        yield f"    return [output, *(leaf.grad / 2 for leaf in ({leaves},))][{number}]"
        return
    if told.way == "again":
        yield f"    torch.autograd.grad(output, [{leaves}], grad_output, allow_unused=True, retain_graph=True)"
    graph = ", create_graph=True" if told.second else ""
    yield f"    first = torch.autograd.grad(output, [{leaves}], grad_output, allow_unused=True{graph})"
    parts = "output, *first"
    if told.second:
        cotangents = ", ".join(f"grad_grad_{name}" for name in told.by)
        yield (
            f"    again = torch.autograd.grad(first, [grad_output, input, weight], [{cotangents}], allow_unused=True)"
        )
        parts = "output, *first, *again"
    yield f"    return [{parts}][{number}]"


def _call(said: Finding | Earlier, verdict: Verdict) -> str:
    return _of_subject(said.call if isinstance(said, Earlier) else said.evidence.call, verdict)


def _of_subject(call: str, verdict: Verdict) -> str:
    """A call of the function by its name, as one of `subject`."""
    return call.replace(f"{verdict.options.function}(", "subject(", 1)


def _first(finding: Finding, verdict: Verdict) -> Iterator[str]:
    """The calls that must come first."""
    for earlier in finding.before:
        yield f"with contextlib.suppress(Exception): {_with_ones(earlier, verdict)}"


def _with_ones(earlier: Earlier, verdict: Verdict) -> str:
    """A call of another problem, on ones."""
    problem = earlier.problem
    operands = {
        name: _array(shape, problem.dtype, verdict.options.arrays, made="ones")
        for name, shape in problem.operand_shapes.items()
    }
    return f"(lambda {', '.join(operands)}: {_call(earlier, verdict)})({', '.join(operands.values())})"


def _array(values: object, dtype: str, arrays: str, *, made: str = "array") -> str:
    """An expression that makes an array: of nested lists of numbers, or of a shape."""
    shape = values if made == "ones" else _shape(values)
    numbers = f"np.ones({shape})" if made == "ones" else f"np.array({_plain(_flat(values))}).reshape({shape})"
    if arrays == "torch":
        return f"torch.from_numpy({numbers}).to(torch.{dtype})"
    return f"{numbers}.astype({_numpy_dtype(dtype)})"


def _numpy_dtype(dtype: str) -> str:
    foreign = dtype == "bfloat16" or dtype.startswith("float8")
    return f"__import__('ml_dtypes').{dtype}" if foreign else f"np.{dtype}"


def _sum(finding: Finding) -> str:
    terms = [f"{term.left_value}*{term.right_value}" for term in finding.evidence.terms[:8]]
    more = ["..."] * (len(finding.evidence.terms) > 8)
    bias = [finding.evidence.bias] * bool(finding.evidence.bias)
    return " + ".join([*terms, *more, *bias]) or "no product reaches this output"


def _plain(values: object) -> str:
    """Values as Python source; complex values, NaN and infinity are text in the evidence."""
    return re.sub(r"\b(inf|nan)\b", r"np.\1", str(values).replace("'", ""))


def _shape(values: object) -> tuple[int, ...]:
    if not isinstance(values, list):
        return ()
    return (len(values), *(_shape(values[0]) if values else ()))


def _flat(values: object) -> list[object]:
    if not isinstance(values, list):
        return [values]
    return [number for part in values for number in _flat(part)]
