"""Calls of a right subject in this process, without an audit: random problems, exact operands, and the comparison."""

import contextlib
import importlib
import io
import math
import sys
import warnings
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from conv_oracle.operation import operation
from conv_oracle.space import CHANNELS, AxisSetting, compose, solvable
from conv_oracle.truth import fast

BITS = {"float64": 53, "float32": 24, "float16": 11, "bfloat16": 8, "complex128": 51, "complex64": 22}
"""Integers up to 2 to the power of this are exact in sums of the dtype."""

ORDER = {
    "conv": ("input", "weight", "bias", "stride", "padding", "dilation", "groups"),
    "conv_transpose": ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation"),
    "conv_input": ("input_size", "weight", "grad_output", "stride", "padding", "dilation", "groups"),
    "conv_weight": ("input", "weight_size", "grad_output", "stride", "padding", "dilation", "groups"),
}
"""PyTorch's parameters by family, in its order."""


def load_subject(target):
    """The function of a target, imported into this process; its module's folder must be on sys.path."""
    where, _, name = target.rpartition(":")
    if where.endswith(".py"):
        stem = Path(where).stem
        module = sys.modules.get(stem) or importlib.import_module(stem)
    else:
        module = importlib.import_module(where)
    found = module
    for part in name.split("."):
        found = getattr(found, part)
    return found


def random_problem(entry, rng, dtype):
    """A problem with parameters that the entry takes only; each axis has settings of its own."""
    family, axes = operation(entry.op).family, operation(entry.op).axes
    largest, takes = 7 if axes < 3 else 5, entry.takes
    operands = not operation(entry.op).forward

    def setting():
        kernel, stride, dilation = int(rng.integers(1, 5 if axes < 3 else 4)), rng.integers(1, 4), rng.integers(1, 4)
        stride = int(stride) if "stride" in takes else 1
        dilation = int(dilation) if "dilation" in takes else 1
        padding = int(rng.integers(0, kernel + 1)) if "padding" in takes else 0
        extra = int(rng.integers(0, max(stride, dilation))) if "output_padding" in takes else 0
        return AxisSetting(int(rng.integers(1, largest + 1)), kernel, stride, (padding, padding), dilation, extra)

    settings = [setting() for _ in range(axes)]
    if entry.plain:
        common = {name: getattr(settings[0], name) for name in ("stride", "padding", "dilation")}
        settings = [replace(one, **common) for one in settings]
    channels = CHANNELS[rng.integers(len(CHANNELS))]
    if "groups" not in takes:
        channels = channels._replace(groups=1)
    batch = (1, 2, 2, 3, 3, 0, None if "unbatched" in takes else 2)[rng.integers(7)]
    string = ("same", "valid", None, None)[rng.integers(4)] if "same" in takes else None
    bias = "bias" in takes and not operands and (entry.needs_bias or bool(rng.integers(2)))
    made = compose(family, settings, channels, batch, padding=string, bias=bias, dtype=dtype)
    return replace(made, operation=entry.op)


def random_problems(entry):
    """Random solvable problems without end; the same in every run, as they follow from the entry's name."""
    rng = np.random.default_rng(zlib.crc32(entry.name.encode()))
    while True:
        candidate = random_problem(entry, rng, entry.dtypes[rng.integers(len(entry.dtypes))])
        if solvable(candidate):
            yield candidate


def exact_operands(shapes, terms, dtype, rng, *, small):
    """Integers by operand, small enough that sums of `terms` products are exact; for an integer dtype, any it holds."""
    if dtype in BITS:
        bits = BITS[dtype] if dtype not in ("float16", "bfloat16") else 15
        radius = 8 if small else min(math.isqrt(2**bits // (max(1, terms) + 1)), 2 ** BITS[dtype], 1 << 20)
        assert radius >= 2
        values = {name: rng.integers(-radius, radius + 1, shape).astype(np.float64) for name, shape in shapes.items()}
        if dtype.startswith("complex"):
            values = {name: v + 1j * rng.integers(-radius, radius + 1, v.shape) for name, v in values.items()}
        return values
    least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
    return {name: rng.integers(least, most, shape, dtype=dtype, endpoint=True) for name, shape in shapes.items()}


def terms_of(problem):
    """The most products that one sum of any pass has."""
    g = problem.geometry
    channels = max(g.in_channels_per_group, g.out_channels_per_group)
    return max(channels * math.prod(g.kernel_size), g.batch * math.prod(g.output_size))


def numpy_dtype(name):
    return np.dtype(getattr(importlib.import_module("ml_dtypes"), name) if name == "bfloat16" else name)


def as_operand(entry, array, dtype):
    if entry.arrays == "numpy":
        return array.astype(numpy_dtype(dtype))
    torch = importlib.import_module("torch")
    return torch.from_numpy(np.ascontiguousarray(array)).to(getattr(torch, dtype))


def as_array(answer):
    """What was returned, as (name of its dtype, NumPy array in a wide format)."""
    if isinstance(answer, np.ndarray):
        assert type(answer) is np.ndarray
        wide = answer.astype(np.float64) if answer.dtype.kind in "fV" else answer
        return answer.dtype.name, wide
    plain = answer.detach().resolve_conj().resolve_neg()
    name = str(plain.dtype).removeprefix("torch.")
    return name, (plain.double() if plain.dtype.is_floating_point else plain).numpy()


def wrapping(values):
    """Integers as int64, which wraps: what is equal modulo 2^64 is equal modulo any smaller power of two."""
    return values.astype(np.int64) if values.dtype.kind in "iu" else values


def call_subject(entry, subject, problem, operands):
    """The answer to one call, with operands and parameters passed as the entry says."""
    given = {"input_size": problem.input_shape, "weight_size": problem.weight_shape, "groups": problem.groups}
    given |= {name: getattr(problem, name) for name in ("stride", "dilation", "output_padding")}
    string = isinstance(problem.padding, str)
    given["padding"] = problem.padding if string else tuple(before for before, _ in problem.padding)
    given |= {name: given[name][0] for name in entry.plain if not isinstance(given[name], str)}
    given |= {"bias": None} | operands
    order = ORDER[problem.operation.nd_name]
    first = order[:3] if order[2] == "grad_output" else order[:2]
    if entry.by_position:
        return subject(*(given[name] for name in order))
    rest = [name for name in order if name not in first and name in entry.takes]
    if not problem.bias:
        rest = [name for name in rest if name != "bias"]
    keywords = {entry.names.get(name, name): given[name] for name in rest}
    if entry.by_keyword:
        return subject(**{entry.names.get(name, name): given[name] for name in first}, **keywords)
    return subject(*(given[name] for name in first), **keywords)


def assert_equal(entry, problem, answer, truth, part=""):
    """Bit for bit; or the right integers, where the arithmetic is not exact; or modulo 2^bits."""
    dtype, got = as_array(answer)
    whole = np.dtype(numpy_dtype(problem.dtype)).kind in "iu"
    if not whole:
        assert dtype == problem.dtype, (entry.name, str(problem), part)
    assert got.shape == truth.shape, (entry.name, str(problem), part)
    if whole:
        assert np.dtype(dtype).itemsize >= np.dtype(problem.dtype).itemsize
        wanted = truth.astype(np.int64).astype(got.dtype)
        if np.dtype(dtype).itemsize == np.dtype(problem.dtype).itemsize:
            wanted = wanted.astype(problem.dtype)
    elif problem.dtype.startswith("complex"):
        wanted = truth.astype(problem.dtype)
    else:
        wanted = truth.astype(np.float32).astype(numpy_dtype(problem.dtype)) if len(problem.dtype) > 7 else truth
        wanted = wanted.astype(numpy_dtype(problem.dtype)).astype(np.float64)
    if entry.arithmetic == "inexact":
        assert np.abs(got - truth).max(initial=0.0) < 0.1, (entry.name, str(problem))
        got = np.rint(got)
    assert np.array_equal(got, wanted), (entry.name, str(problem), part)


def with_cotangents(problem):
    """The operands' shapes, and those of the cotangents of a backward and a double backward."""
    shapes = problem.operand_shapes
    return shapes | {"grad_output": problem.output_shape} | {f"grad_grad_{name}": shapes[name] for name in shapes}


def compare_gradients(entry, subject, problem, values, operands, *, twice):
    """Compare the forward result, the gradients by every operand and, with `twice`, the double backward."""
    torch = importlib.import_module("torch")
    names = [name for name in ("input", "weight", "bias") if name in problem.operand_shapes]
    sources = [operands[name].requires_grad_() for name in names]
    forward = {name: operands[name] for name in names}
    output = call_subject(entry, subject, problem, forward)
    assert_equal(entry, problem, output, problem.compute(fast, values))
    cotangent = operands["grad_output"].requires_grad_()
    first = torch.autograd.grad(output, sources, cotangent, create_graph=twice)
    x, w, dy = values["input"], values["weight"], values["grad_output"]
    by_input = fast.conv_transpose_input if problem.transposed else fast.conv_input
    by_weight = fast.conv_transpose_weight if problem.transposed else fast.conv_weight
    again = fast.conv_transpose_double_backward if problem.transposed else fast.conv_double_backward
    truths = [
        by_input(x.shape, w, dy, **problem.parameters),
        by_weight(x, w.shape, dy, **problem.parameters),
        fast.conv_bias(dy, dimensions=problem.dimensions),
    ]
    for name, found, truth in zip(names, first, truths, strict=False):
        assert_equal(entry, problem, found, truth, f"gradient by {name}")
    if not twice:
        return
    seconds = [operands[f"grad_grad_{name}"] for name in names]
    found = torch.autograd.grad(first, [cotangent, *sources[:2]], seconds, allow_unused=True, materialize_grads=True)
    cotangents = [values[f"grad_grad_{name}"] for name in names]
    truth = again(x, w, dy, *cotangents, **problem.parameters)
    for name, got in zip(("grad_output", "input", "weight"), found, strict=True):
        assert_equal(entry, problem, got, getattr(truth, name), f"double backward by {name}")


def silenced():
    """A context in which nothing is printed and no warning is shown."""
    stack = contextlib.ExitStack()
    stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
    stack.enter_context(contextlib.redirect_stderr(io.StringIO()))
    stack.enter_context(warnings.catch_warnings())
    warnings.simplefilter("ignore")
    return stack
