"""Every pass against torch and its autograd, on small integers: equal in every element."""

import numpy as np
import torch

PAD = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}


def integers(shape, seed, dtype=np.float64):
    rng = np.random.default_rng(seed)
    values = rng.integers(-9, 10, shape).astype(dtype)
    return values + 1j * rng.integers(-9, 10, shape) if np.dtype(dtype).kind == "c" else values


def as_torch(*arrays):
    return [torch.tensor(array, requires_grad=True) for array in arrays]


def padded_convolution(dimensions, padding_mode, padding, **parameters):
    """torch.nn.functional.pad, then torch's convolution without padding: any mode, and sides that differ."""
    sides = [side for pair in reversed(padding) for side in pair]
    operation = getattr(torch, f"conv{dimensions}d")

    def convolve(x, w, b=None):
        return operation(torch.nn.functional.pad(x, sides, PAD[padding_mode]), w, b, **parameters)

    return convolve


def disagreements(passes, witness, x, w, b, *, transposed=False, **parameters):
    """The passes, all nine numbers of them, that differ from torch's in any element: by name."""
    name = "conv_transpose" if transposed else "conv"
    tx, tw, tb = as_torch(x, w, b)
    y = witness(tx, tw, tb)
    dy = integers(tuple(y.shape), 4, x.dtype)
    vx, vw, vb = integers(x.shape, 5, x.dtype), integers(w.shape, 6, x.dtype), integers(b.shape, 7, x.dtype)
    (tdy,) = as_torch(dy)
    first = torch.autograd.grad(y, [tx, tw, tb], tdy, create_graph=True)
    second = torch.autograd.grad(first, [tx, tw, tdy], [torch.tensor(v) for v in (vx, vw, vb)])
    ours = [
        getattr(passes, name)(x, w, b, **parameters),
        getattr(passes, f"{name}_input")(x.shape, w, dy, **parameters),
        getattr(passes, f"{name}_weight")(x, w.shape, dy, **parameters),
        passes.conv_bias(dy, dimensions=w.ndim - 2),
        *getattr(passes, f"{name}_double_backward")(x, w, dy, vx, vw, vb, **parameters),
    ]
    names = ["y", "dx", "dw", "db", "ddx", "ddw", "ddy"]
    theirs = [y, *first, *second]
    return [
        word
        for word, mine, other in zip(names, ours, theirs, strict=True)
        if mine.dtype != x.dtype or not np.array_equal(mine, other.detach().numpy())
    ]
