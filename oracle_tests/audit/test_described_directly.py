"""Described subjects by themselves, without an audit: each is wrong somewhere, and mended it equals torch."""

import sys
import warnings
import zlib
from itertools import combinations
from types import ModuleType

import numpy as np
import pytest
import torch

from audit.described.fresh.mended import PASSAGES as FRESH
from audit.described.fresh.registry import SUBJECTS as FRESH_ONES
from audit.described.later.mended_forward import PASSAGES as LATER
from audit.described.later.registry import SUBJECTS as LATER_ONES
from audit.described.mending import HERE, source_of
from conv_oracle.operation import operation

PROBLEMS = 60
PASSAGES = {"fresh": FRESH, "later": LATER}
SUBJECTS = (*FRESH_ONES, *LATER_ONES)
EVERYWHERE = {"functions:conv2d_when_needed", "functions:conv2d_detached", "remembering:conv2d_active_inputs"}


def function_of(name, *, mended):
    folder, _, rest = name.partition("/")
    made = ModuleType(rest.partition(":")[0])
    source = source_of(name, PASSAGES[folder], mended=mended)
    exec(compile(source, name, "exec"), made.__dict__)  # noqa: S102 - the text is ours
    return getattr(made, name.partition(":")[2])


def draws(subject, rng):
    """Problems without end: operands and parameters; the axes differ in all of their parameters."""
    kind = operation(subject.op)
    axes, transposed = kind.axes, kind.family == "conv_transpose"
    while True:
        large = rng.integers(4) == 0
        kernel = tuple(int(one) for one in rng.integers(1, 4 if axes == 3 else 6, axes))
        stride, dilation, padding = (
            tuple(int(one) for one in rng.integers(least, least + 3, axes)) if rng.integers(3) else (least,) * axes
            for least in (1, 1, 0)
        )
        extra = tuple(int(rng.integers(max(s, d))) for s, d in zip(stride, dilation, strict=True))
        most = {1: 12, 2: 14, 3: 6}[axes]
        size = (int(rng.integers(200, 400)),) if large and axes == 1 else tuple(rng.integers(1, most, axes).tolist())
        groups = int(rng.integers(1, 4))
        per, out = (int(rng.integers(1, 24 if large and axes < 3 else 4)) for _ in range(2))
        if rng.integers(4) == 0:
            groups, per = per, 1
        n = int(rng.integers(1, 7))
        other = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        shapes = (n, groups * per, *size), (groups * out, per, *kernel)
        if transposed:
            other["output_padding"] = extra
            shapes = shapes[0], (groups * per, out, *kernel)
            sizes = [
                (h - 1) * s - 2 * p + d * (k - 1) + e + 1
                for h, s, p, d, k, e in zip(size, stride, padding, dilation, kernel, extra, strict=True)
            ]
        else:
            sizes = [
                (h + 2 * p - d * (k - 1) - 1) // s + 1
                for h, s, p, d, k in zip(size, stride, padding, dilation, kernel, strict=True)
            ]
        if min(sizes) < 1:
            continue
        yield shapes, (n, groups * out, *sizes), other


def numbers(shape, subject, rng):
    """Integers, or multiples of 2^-10, of which all sums are exact."""
    dtype = subject.dtypes[0]
    if dtype == "float64":
        most = 3 if subject.gradients else int(rng.choice([3, 3, 9, 60]))
        return rng.integers(-most, most + 1, shape) / (1.0 if subject.gradients else float(rng.choice([1, 1, 1024])))
    most = 300 if operation(subject.op).axes == 1 else 150
    return rng.integers(-most, most + 1, shape).astype(dtype)


def expected(kind, x, w, b, dy, other):
    """Torch's answer, of float64 numbers."""
    x, w, dy = (torch.from_numpy(one.astype(np.float64)) for one in (x, w, dy))
    b = None if b is None else torch.from_numpy(b.astype(np.float64))
    how = [other[name] for name in ("stride", "padding", "dilation")]
    how += [kind.family == "conv_transpose", other.get("output_padding", (0,) * kind.axes), other["groups"]]
    if kind.forward:
        return torch.ops.aten.convolution(x, w, b, *how).numpy()
    masks = [kind.nd_name == "conv_input", kind.nd_name == "conv_weight", False]
    found = torch.ops.aten.convolution_backward(dy, x, w, None, *how, masks)
    return found[masks.index(True)].numpy()


def answers(subject, function, x, w, b, dy, other):
    kind = operation(subject.op)
    as_given = torch.from_numpy if subject.arrays == "torch" else np.asarray
    x, w, dy, b = (None if one is None else as_given(one) for one in (x, w, dy, b))
    if kind.nd_name == "conv_input":
        return function(tuple(x.shape), w, dy, **other)
    if kind.nd_name == "conv_weight":
        return function(x, tuple(w.shape), dy, **other)
    return np.asarray(function(x, w, b, **other))


def same(got, wanted):
    """Whether they are the same multiples of 2^-20."""
    return got.shape == wanted.shape and np.array_equal(np.rint(got.astype(np.float64) * 2**20), wanted * 2**20)


def derivatives(function, x, w, b, dy, other):
    """The gradients for every choice of operands, and those of the weight's gradient again."""
    found = []
    operands = [torch.from_numpy(one).double().requires_grad_() for one in (x, w, *([] if b is None else [b]))]
    cotangent = torch.from_numpy(dy).double().requires_grad_()
    for count in range(1, len(operands) + 1):
        for chosen in combinations(range(len(operands)), count):
            given = [one if at in chosen else one.detach() for at, one in enumerate(operands)]
            out = function(*given, *([] if b is not None else [None]), **other)
            wanted = [operands[at] for at in chosen]
            first = torch.autograd.grad(out, wanted, cotangent, create_graph=True, allow_unused=True)
            found += [torch.zeros(()) if one is None else one.detach() for one in first]
            if count == len(operands):
                total = sum((one * one.detach()).sum() for one in first)
                again = torch.autograd.grad(total, [cotangent, *operands[:2]], allow_unused=True)
                found += [torch.zeros(()) if one is None else one for one in again]
    return [one.numpy() for one in found]


def torchs(x, w, b=None, **other):
    return (
        torch.nn.functional.conv2d(x, w, b, **other) if x.dim() == 4 else torch.nn.functional.conv1d(x, w, b, **other)
    )


def verdicts(subject, *, mended):
    """Right or wrong, problem after problem; and then the name of an exception."""
    name = subject.name.partition("/")[2]
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    function, kind = function_of(subject.name, mended=mended), operation(subject.op)
    found = []
    problems = draws(subject, rng)
    once = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
    many = ((1, 1, 190, 190), (1, 1, 1, 1)), (1, 1, 190, 190), once
    for at in range(PROBLEMS):
        if at % 8 < 5:
            (first, second), out, other = many if at == 1 and "short_ids" in name else next(problems)
            x, w, dy = (numbers(shape, subject, rng) for shape in (first, second, out))
            b = numbers(out[1:2], subject, rng) if rng.integers(2) else None
        elif at % 8 == 6:
            x[...] = numbers(x.shape, subject, rng)
        elif at % 8 == 7 and "_MODULES" in function.__globals__:
            other = {**other, "dilation": (1,) * kind.axes}
        if at % 5 == 4:
            x = np.asfortranarray(x)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                right = same(answers(subject, function, x, w, b, dy, other), expected(kind, x, w, b, dy, other))
                if subject.gradients and right:
                    pairs = zip(
                        derivatives(function, x, w, b, dy, other), derivatives(torchs, x, w, b, dy, other), strict=True
                    )
                    right = all(same(mine, theirs) for mine, theirs in pairs)
            found.append("right" if right else "wrong")
        except NotImplementedError:
            continue
        except Exception as error:
            found.append(f"{type(error).__name__}: {error}")
    return found


@pytest.fixture(autouse=True)
def _beside_each_other(monkeypatch):
    for folder in PASSAGES:
        monkeypatch.syspath_prepend(str(HERE / folder))
    yield
    for name in [name for name in sys.modules if name.endswith("_common")]:
        sys.modules.pop(name)


@pytest.mark.slow
@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda one: one.name)
def test_it_is_wrong_somewhere_and_mended_nowhere(subject):
    assert set(verdicts(subject, mended=True)) == {"right"}
    found = verdicts(subject, mended=False)
    assert set(found) > {"right"} or (subject.name.partition("/")[2] in EVERYWHERE and "right" not in found), found


def test_each_has_a_passage():
    named = {f"{folder}/{name}" for folder, passages in PASSAGES.items() for name in passages}
    assert named == {one.name for one in SUBJECTS}
