"""S4, S6, S7 and S10: sums over Z^d, each against torch.conv1d and its sisters."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from conv_oracle import formulas
from conv_oracle.formulas import (
    conv,
    convolution_positions,
    convolve,
    correlation_lags,
    cross_correlate,
    on_patch,
    translate,
)
from gallery.agreement import agree, tensor

f, g, h = [1, 2, 3], [4, 5, 6], [1, -1]


def torch_correlation(first: Any, second: Any) -> torch.Tensor:
    """[f#g] in mode full by torch.conv1d: g padded, and read through f."""
    return torch.conv1d(tensor(second)[None], tensor(first)[None, None], padding=len(first) - 1)[0]


def _products(first: list[int], second: list[int], positions: range, sign: int) -> list[dict[str, Any]]:
    """Of every output position the products that make it: f(a) g(i - a), or g(i + a)."""
    rows = []
    for i in positions:
        pairs = [(a, i + sign * a) for a in range(len(first)) if 0 <= i + sign * a < len(second)]
        rows.append({"i": i, "pairs": pairs, "terms": [(first[a], second[b]) for a, b in pairs]})
    return rows


def convolved() -> dict[str, Any]:
    """S4: f*g in all its products, g*f, and three operands in both bracketings."""
    ours = convolve(f, g)
    agree("S4", ours, torch_correlation(f[::-1], g))
    agree("S4, exchanged", convolve(g, f), torch_correlation(g[::-1], f))
    left, right = convolve(f, convolve(g, h)), convolve(convolve(f, g), h)
    agree("S4, associative", left, torch_correlation(f[::-1], torch_correlation(g[::-1], h)))
    agree("S4, the other bracketing", right, left)
    rows = _products(f, g, convolution_positions((3,), (3,))[0], -1)
    return {
        "f": f,
        "g": g,
        "h": h,
        "rows": [row | {"value": value} for row, value in zip(rows, ours.tolist(), strict=True)],
        "fg": ours.tolist(),
        "gf": convolve(g, f).tolist(),
        "left": left.tolist(),
        "right": right.tolist(),
        "picture": {"f": f, "g": g},
    }


def correlated() -> dict[str, Any]:
    """S6: f#g, g#f its reverse; f#(g#h), (f*g)#h the same, (f#g)#h another."""
    fg, gf = cross_correlate(f, g), cross_correlate(g, f)
    agree("S6", fg, torch_correlation(f, g))
    agree("S6, exchanged", gf, torch_correlation(g, f))
    agree("S6, the reverse", fg[::-1], gf)
    inner, mixed, outer = (
        cross_correlate(f, cross_correlate(g, h)),
        cross_correlate(convolve(f, g), h),
        cross_correlate(cross_correlate(f, g), h),
    )
    agree("S6, associative with a convolution", inner, mixed)
    agree("S6, three operands", outer, torch_correlation(torch_correlation(f, g), h))
    lags = correlation_lags((3,), (3,))[0]
    rows = zip(_products(f, g, lags, 1), fg.tolist(), gf.tolist(), strict=True)
    return {
        "f": f,
        "g": g,
        "h": h,
        "rows": [row | {"value": ours, "exchanged": theirs} for row, ours, theirs in rows],
        "fg": fg.tolist(),
        "gf": gf.tolist(),
        "inner": inner.tolist(),
        "mixed": mixed.tolist(),
        "outer": outer.tolist(),
        "even": cross_correlate([1, 4, 1], [2, 5, 2]).tolist(),
        "even_exchanged": cross_correlate([2, 5, 2], [1, 4, 1]).tolist(),
        "picture": {"f": f, "g": g},
    }


SIGNAL = [0, 0, 2, 5, 3, 1, 4, 0, 0, 0, 0, 0]
KERNEL = [1, 2, -1]


def translated() -> dict[str, Any]:
    """S7: the moved input gives the moved output; with a stride, where it moves by a multiple of it."""
    moved = convolve(KERNEL, translate(SIGNAL, (2,)))
    agree("S7", moved, translate(convolve(KERNEL, SIGNAL), (2,)))
    agree("S7, in torch", moved, torch_correlation(KERNEL[::-1], translate(SIGNAL, (2,))))
    rows = []
    for stride in (1, 2, 3):
        for b in range(4):
            was, now = (_strided(np.roll(SIGNAL, steps), stride) for steps in (0, b))
            due = np.roll(was, b // stride) if b % stride == 0 else None
            if due is not None:
                agree("S7, with a stride", now, due)
            rows.append(
                {"stride": stride, "b": b, "y": was.tolist(), "moved": now.tolist(), "follows": due is not None}
            )
    strided = _strided(np.array(SIGNAL), 2)
    padded = torch.nn.functional.pad(tensor(SIGNAL)[None], (1, 1), "circular")
    agree("S7, circular", strided, torch.conv1d(padded, tensor(KERNEL)[None, None], stride=2)[0])
    return {
        "x": SIGNAL,
        "w": KERNEL,
        "y": convolve(KERNEL, SIGNAL).tolist(),
        "moved": moved.tolist(),
        "rows": [row for row in rows if row["stride"] > 1],
        "picture": {"x": SIGNAL, "w": KERNEL},
    }


def _strided(x: Any, stride: int) -> Any:
    return conv(x[None], np.array(KERNEL)[None, None], stride=stride, padding=1, padding_mode="circular")[0]


LINE = ([1, 2, -1], [3, 1, 4, 1, 5, 9, 2])
PLANE = ([[1, 2], [0, -1], [3, 1]], [[2, 0, 1, 3, 1], [1, 4, 2, 0, 2], [0, 1, 5, 1, 3], [3, 2, 0, 1, 1]])
SPACE = (
    [[[1, 0], [2, 1]], [[-1, 1], [0, 3]]],
    [[[1, 2, 0], [0, 1, 3], [2, 1, 1]], [[4, 0, 1], [1, 2, 0], [0, 3, 1]], [[2, 1, 0], [0, 1, 2], [1, 0, 5]]],
)


def patches() -> dict[str, Any]:
    """S10: windows on one, two and three axes, and the sum that is printed one sample late."""
    windows = []
    for kernel, image in (LINE, PLANE, SPACE):
        k, x = np.array(kernel), np.array(image)
        y = cross_correlate(k, x, "valid")
        agree(
            f"S10 on {k.ndim} axes",
            y,
            getattr(torch, f"conv{k.ndim}d")(tensor(x)[None, None], tensor(k)[None, None])[0, 0],
        )
        for i in np.ndindex(y.shape):
            agree("S10, on a patch", on_patch(k, x, i), tensor(x)[_patch(i, k.shape)].mul(tensor(k)).sum())
        windows.append({"kernel": kernel, "image": image, "y": y.tolist()})
    kernel, line = LINE
    d, n = len(kernel), len(line)
    valid = cross_correlate(kernel, line, "valid").tolist()
    printed = [
        formulas.on_patch(kernel, line, (i,)) if i + d <= n else None  # sum over p = 1..d of f(p) g(i + p)
        for i in range(1, n - d + 2)
    ]
    return {
        "f": kernel,
        "g": line,
        "d": d,
        "n": n,
        "rows": [
            {"i": i, "printed": late, "right": right}
            for i, late, right in zip(range(1, n), printed, valid, strict=False)
        ],
        "terms": list(zip(kernel, line[:d], strict=True)),
        "patch": {
            "kernel": PLANE[0],
            "image": PLANE[1],
            "terms": _terms(PLANE[0], PLANE[1], (1, 2)),
            "y": windows[1]["y"][1][2],
        },
        "picture": {"windows": windows},
    }


def _patch(i: tuple[int, ...], sizes: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(at, at + size) for at, size in zip(i, sizes, strict=True))


def _terms(kernel: Any, image: Any, i: tuple[int, ...]) -> list[tuple[int, int]]:
    k = np.array(kernel)
    patch = np.array(image)[_patch(i, k.shape)]
    return list(zip(k.ravel().tolist(), patch.ravel().tolist(), strict=True))
