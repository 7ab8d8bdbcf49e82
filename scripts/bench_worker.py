"""One side of scripts/bench_reference.py, in a process of its own, for thread pools disturb each other.

    bench_worker.py SIDE    SIDE is ours, torch, scipy or onnx

Reads one JSON request a line and answers each with one. {"problem": NOTATION, "operation": "forward"}, or "input" or
"weight", makes the operands, or says that the side is unable; {"compute": "digest"} computes, and gives the digest of
the values; {"compute": "seconds"} gives how long it took, {"compute": "peak"} the bytes it needed besides the operands.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from conv_oracle import truth
from conv_oracle.passes import Array
from conv_oracle.problem import Problem, parse

Compute = Callable[[], Any]
STATUS = Path("/proc/self/status")


def operands(problem: Problem) -> tuple[Array, Array, Array]:
    """Input, weight and grad_output: small integers, so that every right answer is the same bits, -0 aside."""
    random = np.random.default_rng(2)
    shapes = problem.input_shape, problem.weight_shape, problem.output_shape
    x, w, dy = (random.integers(-8, 9, shape).astype(np.float64) for shape in shapes)
    return x, w, dy


def ours(problem: Problem, operation: str) -> Compute:
    """The fast form, through its public names."""
    x, w, dy = operands(problem)
    transposed = problem.transposed
    if operation == "forward":
        forward = truth.fast.conv_transpose if transposed else truth.fast.conv
        return lambda: forward(x, w, **problem.parameters)
    if operation == "input":
        by_input = truth.fast.conv_transpose_input if transposed else truth.fast.conv_input
        return lambda: by_input(x.shape, w, dy, **problem.parameters)
    by_weight = truth.fast.conv_transpose_weight if transposed else truth.fast.conv_weight
    return lambda: by_weight(x, w.shape, dy, **problem.parameters)


def torch(problem: Problem, operation: str) -> Compute:
    """PyTorch's float64: its forward, and the one gradient that is asked for."""
    import torch  # noqa: PLC0415 - only this side may load it

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    x, w, dy = (torch.from_numpy(a) for a in operands(problem))
    p = problem.parameters
    padding = [before for before, _ in p["padding"]]
    geometry = (p["stride"], padding, p["dilation"], problem.transposed, problem.output_padding, problem.groups)
    if operation == "forward":
        return lambda: np.asarray(torch.ops.aten.convolution(x, w, None, *geometry))
    mask = [operation == "input", operation == "weight", False]
    return lambda: np.asarray(torch.ops.aten.convolution_backward(dy, x, w, None, *geometry, mask)[mask.index(True)])


def scipy(problem: Problem, operation: str) -> Compute:
    """scipy.signal: one direct correlation for every pair of channels, of a padded input, subsampled by the stride."""
    from scipy import signal  # noqa: PLC0415 - only this side may load it

    groups, channels = problem.groups, problem.weight_shape[1]
    pairs = problem.input_shape[0] * problem.weight_shape[0] * channels
    if operation != "forward" or problem.transposed or max(problem.dilation) > 1 or pairs > MOST_PAIRS:
        raise NotImplementedError
    x, w, _ = operands(problem)
    pair = signal.correlate2d if problem.dimensions == 2 else partial(signal.correlate, method="direct")
    outputs = w.shape[0] // groups
    every = tuple(slice(None, None, s) for s in problem.stride)

    def compute() -> Array:
        padded = np.pad(x, ((0, 0), (0, 0), *problem.parameters["padding"]))
        return np.stack(
            [
                [
                    sum(pair(example[m // outputs * channels + c], w[m, c], "valid") for c in range(channels))[every]
                    for m in range(len(w))
                ]
                for example in padded
            ]
        )

    return compute


def onnx(problem: Problem, operation: str) -> Compute:
    """The onnx reference evaluator: a model of one node."""
    from onnx import TensorProto, helper  # noqa: PLC0415 - only this side may load it
    from onnx.reference import ReferenceEvaluator  # noqa: PLC0415

    if operation != "forward" or (problem.transposed and problem.groups > 1):
        raise NotImplementedError
    x, w, _ = operands(problem)
    node = helper.make_node(
        "ConvTranspose" if problem.transposed else "Conv",
        ["x", "w"],
        ["y"],
        strides=problem.stride,
        dilations=problem.dilation,
        group=problem.groups,
        kernel_shape=w.shape[2:],
        pads=[side for sides in zip(*problem.parameters["padding"], strict=True) for side in sides],
    )
    x_value, w_value, y_value = (helper.make_tensor_value_info(name, TensorProto.DOUBLE, None) for name in "xwy")
    graph = helper.make_graph([node], "one_node", [x_value, w_value], [y_value])
    session = ReferenceEvaluator(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)]))
    return lambda: np.asarray(*session.run(None, {"x": x, "w": w}))


SIDES = {"ours": ours, "torch": torch, "scipy": scipy, "onnx": onnx}
MOST_PAIRS = 20_000


def peak_bytes(compute: Compute) -> int:
    """The resident set's high water during one computation, over what was resident before."""
    if not STATUS.exists():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        compute()
        return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * (1 if sys.platform == "darwin" else 1024)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the high water falls to what is resident now
    before = _resident("VmRSS")
    compute()
    return _resident("VmHWM") - before


def _resident(name: str) -> int:
    (line,) = (line for line in STATUS.read_text(encoding="ascii").splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def digest(compute: Compute) -> str:
    """Of the shape and the values."""
    values = np.ascontiguousarray(compute() + 0.0)  # -0 is 0
    return f"{values.shape} {hashlib.sha256(values.data).hexdigest()}"


def seconds(compute: Compute) -> float:
    """Of one computation."""
    start = time.perf_counter()
    compute()
    return time.perf_counter() - start


MEASURES: dict[str, Callable[[Compute], str | float]] = {"digest": digest, "seconds": seconds, "peak": peak_bytes}


def main(side: str) -> None:
    """Answer requests until there are no more."""
    compute: Compute = list
    for line in sys.stdin:
        request = json.loads(line)
        answer: dict[str, Any] = {}
        if "problem" in request:
            try:
                compute = SIDES[side](parse(request["problem"]), request["operation"])
            except NotImplementedError:
                answer = {"unable": True}
        else:
            measure: str = request["compute"]
            answer = {measure: MEASURES[measure](compute)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
