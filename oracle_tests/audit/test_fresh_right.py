"""The fresh right programs: each equals torch, called in its own convention, and no audit accuses one."""

import sys
import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from audit.brief import BRIEF
from audit.direct_calls import load_subject
from audit.right.fresh.registry import HERE, SUBJECTS
from conv_oracle.auditing import audit

PROBLEMS = 40
LAST = {
    2: ((0, 2, 3, 1), (2, 3, 1, 0), (0, 3, 1, 2)),
    1: ((0, 2, 1), (2, 1, 0), (0, 2, 1)),
    3: ((0, 2, 3, 4, 1), (2, 3, 4, 1, 0), (0, 4, 1, 2, 3)),
}
"""How x and w come to channels last, and the answer back."""


def in_last(function, axes, x, w, *rest, **other):
    into, weights, back = LAST[axes]
    return function(x.transpose(into), w.transpose(weights), *rest, **other).transpose(back)


def one_plane(function, x, w):
    return np.stack([[sum(function(a, b) for a, b in zip(one, k, strict=True)) for k in w] for one in x])


def of_layer(made, x, w, b, turn=np.asarray):
    made.weight, made.bias = turn(w), turn(b)
    return made.forward(x)


def parameter(array):
    return torch.nn.Parameter(torch.as_tensor(array))


def homework_of_four_axes(f, x, w, b, g):
    answer = f(
        x.transpose(0, 2, 3, 1), w.transpose(2, 3, 1, 0), b.reshape(1, 1, 1, -1), {"stride": g.s[0], "pad": g.p[0]}
    )
    return answer[0].transpose(0, 3, 1, 2)


class Given:
    """The parameters of a problem: tuples per axis and groups; those that are not varied have their defaults."""

    def __init__(self, s, p, d, g, e):
        self.s, self.p, self.d, self.g, self.e = s, p, d, g, e

    def __getitem__(self, letters):
        names = {"s": "stride", "p": "padding", "d": "dilation", "g": "groups", "e": "output_padding"}
        return {names[letter]: getattr(self, letter) for letter in letters}


def plainly(letters, bias=True):
    """Called in PyTorch's way with these parameters: what is varied, and the call."""
    return ("b" * bias + letters), lambda f, x, w, b, g: f(x, w, *([b] if bias else []), **g[letters])


def flipped_planes(f, x, w, _b, _g):
    return one_plane(f, x, w[:, :, ::-1, ::-1])


WAYS = {
    "conv_forward_naive": ("Bspiq", lambda f, x, w, b, g: f(x, w, b, {"stride": g.s[0], "pad": g.p[0]})[0]),
    "conv_forward_strides": ("Bspiq", lambda f, x, w, b, g: f(x, w, b, {"stride": g.s[0], "pad": g.p[0]})[0]),
    "conv_forward": ("Bspik", homework_of_four_axes),
    "corr2d": ("", lambda f, x, w, _b, _g: one_plane(f, x, w)),
    "corr2d_multi_in_out": ("", lambda f, x, w, _b, _g: np.stack([f(one, w) for one in x])),
    "forward_with_column_bias": ("Bspi", lambda f, x, w, b, g: f(x, w, b.reshape(-1, 1), g.s[0], g.p[0])),
    "same_filter": (
        "o",
        lambda f, x, w, _b, _g: np.stack(
            [f(one.transpose(1, 2, 0), w.transpose(2, 3, 1, 0)).transpose(2, 0, 1) for one in x]
        ),
    ),
    "lists_inside": plainly("s"),
    "convolve": ("", flipped_planes),
    "square_images": ("spikn", lambda f, x, w, _b, g: f(x, w, g.s[0], g.p[0])),
    "padding_mode": ("spi", lambda f, x, w, _b, g: f(x, w, g.p[0] or "valid", g.s[0])),
    "in_a_dictionary": ("bsi", lambda f, x, w, b, g: f(x, w, b, g.s[0])["out"]),
    "settings": ("bspd", lambda f, x, w, b, g: f(x, w, b, g["spd"])),
    "images_last": (
        "si",
        lambda f, x, w, _b, g: f(x.transpose(1, 2, 3, 0), w.transpose(1, 2, 3, 0), g.s).transpose(3, 0, 1, 2),
    ),
    "lite": (
        "bsd",
        lambda f, x, w, b, g: f(x.transpose(0, 2, 3, 1), w.transpose(0, 2, 3, 1), b, g.s, g.d).transpose(0, 3, 1, 2),
    ),
    "conv1d_time_major": ("bsp", lambda f, x, w, b, g: in_last(f, 1, x, w, b, **g["sp"])),
    "conv3d_video": ("s", lambda f, x, w, _b, g: in_last(f, 3, x, w, **g["s"])),
    "conv1d_causal": ("bdc", lambda f, x, w, b, g: f(x, w, b, **g["d"])),
    "patches": ("bt", lambda f, x, w, b, g: f(x, w, b, **g["s"])),
    "pointwise": ("bs1", lambda f, x, w, b, g: f(x, w, b, **g["s"])),
    "depthwise": ("bspgw", lambda f, x, w, b, g: f(x, w, b, **g["spg"])),
    "depthwise_multiplier": ("sgW", lambda f, x, w, _b, g: f(x, w, **g["sg"])),
    "Conv2d": (
        "Bsp",
        lambda f, x, w, b, g: of_layer(f(w.shape[1], w.shape[0], w.shape[2:], **g["sp"]), x, w, b),
    ),
    "Conv1d": (
        "Bsd",
        lambda f, x, w, b, g: of_layer(f(w.shape[1], w.shape[0], w.shape[2], **g["sd"]), x, w, b),
    ),
    "indices_remembered": plainly("spd"),
    "preallocated": plainly("sp"),
    "threaded": plainly("spg"),
    "by_generator": plainly("s"),
    "tiled": plainly("spd"),
    "correlate2d": plainly(""),
    "by_fft": plainly("p"),
    "windows_einsum": plainly("spdg"),
    "in_double": plainly("sp"),
    "integers_only": plainly("s", bias=False),
    "conv1d_numpy_convolve": plainly(""),
    "conv1d_strided_dot": plainly("spdg"),
    "conv3d_plain": plainly("sp"),
    "conv_transpose2d_zeros_between": plainly("sp"),
    "conv_transpose1d_scatter": plainly("spedg"),
    "gradient_by_input": plainly("sp", bias=False),
    "gradient_by_weight": plainly("sp", bias=False),
    "unfolded": plainly("spdg"),
    "conv_transpose2d_folded": plainly("spd"),
    "own_function": plainly("sp"),
    "OwnConv2d": (
        "Bspg",
        lambda f, x, w, b, g: of_layer(
            f(w.shape[1] * g.g, w.shape[0], tuple(w.shape[2:]), **g["spg"]).to(x.dtype), x, w, b, parameter
        ),
    ),
    "conv1d_as_conv2d": plainly("spdg"),
}
"""What each varies, and how it is called. b: a bias or none, B: always; i: ints; k, n: square kernels, images; o, c:
padding of its own; t: the stride is the kernel and divides the image; 1: no kernel; w, W: depthwise; q: a bias."""


def drawn(entry, varies, rng):
    """A problem: shapes of input and weight, whether there is a bias, and the parameters; its output is not empty."""
    axes = next(number for number in (1, 2, 3) if f"{number}d" in entry.op)
    common = "i" in varies or "t" in varies

    def some(letter, least, most):
        if letter not in varies:
            return (least,) * axes
        found = tuple(int(one) for one in rng.integers(least, most, axes))
        return found[:1] * axes if common else found

    while True:
        stride, padding, dilation = some("s", 1, 4), some("p", 0, 3), some("d", 1, 4)
        extra = tuple(int(rng.integers(max(s, d))) * ("e" in varies) for s, d in zip(stride, dilation, strict=True))
        kernel = tuple(int(one) for one in rng.integers(1, 5, axes))
        kernel = kernel[:1] * axes if {*"kt"} & {*varies} else (1,) * axes if "1" in varies else kernel
        size = tuple(int(one) for one in rng.integers(1, 12 if axes < 3 else 7, axes))
        size = size[:1] * axes if "n" in varies else size
        groups = int(rng.integers(1, 4)) if "g" in varies else 1
        per, out = (int(one) for one in rng.integers(1, 5, 2))
        if "o" in varies:
            kernel = tuple(k | 1 for k in kernel)
            padding = tuple(k // 2 for k in kernel)
        if "t" in varies:
            stride, size = kernel, tuple(k * n for k, n in zip(kernel, size, strict=True))
        per, out = (1 if {*"wW"} & {*varies} else per), (1 if "w" in varies else out)
        whole = padding if "c" not in varies else tuple(d * (k - 1) for d, k in zip(dilation, kernel, strict=True))
        rows = zip(size, stride, whole, dilation, kernel, extra, strict=True)
        if "transpose" in entry.op:
            sizes = [(n - 1) * s - 2 * p + d * (k - 1) + e + 1 for n, s, p, d, k, e in rows]
            weight = (groups * per, out, *kernel)
        else:
            sizes = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, s, p, d, k, _ in rows]
            weight = (groups * out, per, *kernel)
        if min(sizes) >= 1:
            shape = (int(rng.integers(1, 4)), groups * per, *size)
            bias = "B" in varies or ("b" in varies and bool(rng.integers(2)))
            return shape, weight, (shape[0], groups * out, *sizes), bias, Given(stride, whole, dilation, groups, extra)


def expected(entry, x, w, b, dy, g, causal):
    """Torch's answer."""
    x, w, dy = (torch.from_numpy(one.astype(np.float64)) for one in (x, w, dy))
    b = None if b is None else torch.from_numpy(b.astype(np.float64))
    how = [g.s, g.p, g.d, "transpose" in entry.op, g.e, g.g]
    if entry.op.endswith(("_input", "_weight")):
        masks = [entry.op.endswith("_input"), entry.op.endswith("_weight"), False]
        return torch.ops.aten.convolution_backward(dy, x, w, None, *how, masks)[masks.index(True)].numpy()
    y = torch.ops.aten.convolution(x, w, b, *how).numpy()
    return y[..., : x.shape[2]] if causal else y


def answered(entry, function, way, x, w, b, dy, g):
    turn = torch.from_numpy if entry.arrays == "torch" else np.asarray
    x, w, dy, b = (None if one is None else turn(one) for one in (x, w, dy, b))
    if entry.op.endswith("_input"):
        return function(tuple(x.shape), w, dy, **g["sp"])
    if entry.op.endswith("_weight"):
        return function(x, tuple(w.shape), dy, **g["sp"])
    answer = way(function, x, w, b, g)
    return answer.detach().numpy() if entry.arrays == "torch" else answer


def compared(entry, function):
    """How many problems it is asked, and those that it answers wrongly."""
    varies, way = WAYS[entry.name.partition(":")[2]]
    rng = np.random.default_rng(zlib.crc32(entry.name.encode()))
    wrong = []
    for _ in range(PROBLEMS):
        first, second, out, bias, g = drawn(entry, varies, rng)
        x, w, dy, b = (rng.integers(-9, 10, shape).astype(entry.dtypes[0]) for shape in (first, second, out, out[1:2]))
        b = b if bias else None
        copies = x.copy(), w.copy()
        got = answered(entry, function, way, x, w, b, dy, g)
        right = expected(entry, x, w, b, dy, g, "c" in varies)
        if entry.finite:
            assert np.abs(got - right).max() < 0.1
            got = np.rint(got)
        kept = all(np.array_equal(*both) for both in zip((x, w), copies, strict=True))
        if not (kept and np.array_equal(got, right) and got.dtype == np.dtype(entry.dtypes[0])):
            wrong.append((first, second, vars(g)))
    return wrong


@pytest.fixture(autouse=True)
def _beside_each_other(monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    yield
    for name in ("homework", "layouts", "engineered", "torched"):
        sys.modules.pop(name, None)


@pytest.mark.slow
@pytest.mark.parametrize("entry", SUBJECTS, ids=lambda one: one.name)
def test_it_is_right_in_its_own_convention(entry):
    assert compared(entry, load_subject(entry.target)) == []


def numbers_of(rng, *shapes):
    return [rng.integers(-9, 10, shape).astype(np.float64) for shape in shapes]


@pytest.mark.slow
def test_the_backward_of_homework_is_torchs():
    forward = load_subject(f"{HERE / 'homework'}.py:conv_forward_strides")
    backward = load_subject(f"{HERE / 'homework'}.py:conv_backward_strides")
    rng = np.random.default_rng(5)
    for stride, pad in ((1, 0), (2, 1), (3, 2)):
        x, w, b = numbers_of(rng, (2, 3, 8, 7), (4, 3, 3, 2), (4,))
        y, cache = forward(x, w, b, {"stride": stride, "pad": pad})
        (dy,) = numbers_of(rng, y.shape)
        leaves = [torch.from_numpy(one).requires_grad_() for one in (x, w, b)]
        out = torch.nn.functional.conv2d(*leaves, stride, pad)
        wanted = torch.autograd.grad(out, leaves, torch.from_numpy(dy))
        for mine, theirs in zip(backward(dy, cache), wanted, strict=True):
            assert np.array_equal(mine, theirs.numpy())


@pytest.mark.slow
def test_the_own_function_has_torchs_gradients_and_theirs():
    function = load_subject(f"{HERE / 'torched'}.py:own_function")
    rng = np.random.default_rng(5)
    found = []
    arrays = numbers_of(rng, (2, 3, 8, 7), (4, 3, 3, 2), (4,))
    for one in (function, torch.nn.functional.conv2d):
        leaves = [torch.from_numpy(array).requires_grad_() for array in arrays]
        first = torch.autograd.grad(one(*leaves, 2, 1).sum(), leaves, create_graph=True)
        again = torch.autograd.grad(sum((each * each.detach()).sum() for each in first), leaves[:2])
        found.append([each.detach().numpy() for each in (*first, *again)])
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(*found, strict=True))


def audited(entry, level):
    return audit(entry.target, **entry.options, level=level, seed=1, jobs=1)


def test_a_brief_audit_finds_out_what_a_target_requires_that_pads_itself():
    entry = next(one for one in SUBJECTS if one.name == "homework:same_filter")
    verdict = audited(entry, replace(BRIEF, most_seconds=4.0))
    assert entry.holds(verdict), (verdict.verdict, [one.diagnosis.title for one in verdict.findings])


@pytest.mark.slow
@pytest.mark.parametrize("entry", SUBJECTS, ids=lambda one: one.name)
def test_an_audit_accuses_none(entry):
    verdict = audited(entry, "quick")
    assert entry.holds(verdict), (verdict.verdict, [one.diagnosis.title for one in verdict.findings])


@pytest.mark.slow
def test_a_wrong_program_is_seen():
    entry = next(one for one in SUBJECTS if one.name == "engineered:windows_einsum")
    right = load_subject(entry.target)
    assert compared(entry, lambda x, w, *rest, **other: right(x, w[..., ::-1], *rest, **other)) != []


def test_each_is_asked_in_a_way():
    assert {one.name.partition(":")[2] for one in SUBJECTS} == set(WAYS)
    assert len({one.name for one in SUBJECTS}) == len(SUBJECTS) >= 40
