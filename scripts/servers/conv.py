"""A convolution in Python without a library: conv-oracle audit --command 'python3 conv.py' --op conv2d."""

import json
import math
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import product
from typing import Any

KINDS = {"float32": "f", "float64": "d"}


def output_sizes(ask: dict[str, Any]) -> list[int]:
    """The spatial sizes of the output. Raises ValueError for an invalid problem."""
    (_, channels, *sizes), (m, c, *kernels), groups = ask["input"], ask["weight"], ask["groups"]
    if groups < 1 or m % groups or channels != c * groups or ask["bias"] not in (None, [m]):
        raise ValueError(f"groups and channels do not fit: {ask}")
    if min(*ask["stride"], *ask["dilation"], *kernels) < 1 or min(ask["padding"]) < 0:
        raise ValueError(f"a stride, dilation, kernel or padding is too small: {ask}")
    axes = zip(sizes, kernels, ask["stride"], ask["padding"], ask["dilation"], strict=True)
    found = [(i + 2 * p - d * (k - 1) - 1) // s + 1 for i, k, s, p, d in axes]
    if min(found) < 1:
        raise ValueError(f"the kernel is longer than the padded input: {ask}")
    return found


def flat(position: Iterable[int], sizes: Iterable[int]) -> int:
    """The number of an element in C order."""
    return reduce(lambda at, one: at * one[1] + one[0], zip(position, sizes, strict=True), 0)


def pairs(ask: dict[str, Any], o: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Within a channel, the elements of the kernel that lie on the image for an output, and those of the image."""
    sizes, kernels = ask["input"][2:], ask["weight"][2:]
    for k in product(*map(range, kernels)):
        axes = zip(o, k, ask["stride"], ask["dilation"], ask["padding"], strict=True)
        i = [at * s + of * d - p for at, of, s, d, p in axes]
        if all(0 <= at < size for at, size in zip(i, sizes, strict=True)):
            yield flat(k, kernels), flat(i, sizes)


def convolved(
    ask: dict[str, Any], x: Sequence[float], w: Sequence[float], b: Sequence[float] = ()
) -> tuple[list[int], list[float]]:
    """y[n, m, o] = b[m] + sum over c, k of x[n, c, o * stride + k * dilation - padding] * w[m, c, k]: shape, values."""
    (n_all, channels, *sizes), (m_all, c_all, *kernels), outputs = ask["input"], ask["weight"], output_sizes(ask)
    image, kernel, y = math.prod(sizes), math.prod(kernels), list[float]()
    reads = [[*pairs(ask, o)] for o in product(*map(range, outputs))]
    for n, m in product(range(n_all), range(m_all)):
        first = n * channels + m // (m_all // ask["groups"]) * c_all
        rows = [((first + c) * image, (m * c_all + c) * kernel) for c in range(c_all)]
        for read in reads:
            products = (x[at + i] * w[of + k] for at, of in rows for k, i in read)
            y.append(sum(products, b[m] if b else 0.0))
    return [n_all, m_all, *outputs], y


for line in sys.stdin.buffer:
    ask, data = json.loads(line), b""
    answer: dict[str, Any] = {"protocol": 1, "operations": ["conv1d", "conv2d", "conv3d"], "dtypes": [*KINDS]}
    if "protocol" not in ask:
        numbers, operands = array(KINDS[ask["dtype"]], sys.stdin.buffer.read(ask["bytes"])), []
        for shape in (ask[name] for name in ("input", "weight", "bias") if ask[name]):
            operands.append(numbers[: math.prod(shape)])
            numbers = numbers[math.prod(shape) :]
        try:
            shape, values = convolved(ask, *operands)
            data = array(KINDS[ask["dtype"]], values).tobytes()
            answer = {"dtype": ask["dtype"], "shape": shape, "bytes": len(data)}
        except ValueError as error:
            answer = {"error": str(error)}
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + data)
    sys.stdout.buffer.flush()
