"""Right implementations from libraries: PyTorch in several ways, SciPy, onnxruntime. Each answers one pass."""

from functools import partial

import numpy as np
import onnx
import onnxruntime
import scipy.signal
import torch
from onnx import TensorProto, helper
from simulated_arithmetic import ARITHMETICS, part_of

from conv_oracle.auditing.operands import SECOND
from conv_oracle.index_map import axis_tables


def by_torch(*, mkldnn=True, channels_last=False, threads=1):
    """torch.nn.functional, its gradients, and theirs."""

    def answer(of, operands):
        given = of.problem
        dtype = getattr(torch, given.dtype)
        operands = of.given(operands)
        tensors = {name: torch.from_numpy(np.ascontiguousarray(array)).to(dtype) for name, array in operands.items()}
        if channels_last and given.dimensions > 1:
            last = torch.channels_last if given.dimensions == 2 else torch.channels_last_3d
            whole = given.dimensions + 2
            tensors = {n: t.contiguous(memory_format=last) if t.ndim == whole else t for n, t in tensors.items()}
        x, w, bias = tensors["input"].requires_grad_(), tensors["weight"].requires_grad_(), tensors.get("bias")
        geometry = {"stride": given.stride, "dilation": given.dilation, "groups": given.groups}
        geometry["padding"] = [before for before, _ in given.padding]
        if given.transposed:
            geometry["output_padding"] = given.output_padding
        if bias is not None:
            bias.requires_grad_()
        torch.set_num_threads(threads)
        with torch.backends.mkldnn.flags(enabled=mkldnn):
            y = getattr(torch.nn.functional, given.operation.name)(x, w, bias, **geometry)
            if of.second:
                dy = tensors["grad_output"].requires_grad_()
                first = torch.autograd.grad(y, [x, w], dy, create_graph=True)
                source = {"grad_input": x, "grad_weight": w, "output": dy}[of.part]
                (y,) = torch.autograd.grad(first, [source], [tensors["grad_grad_input"], tensors["grad_grad_weight"]])
            elif of.part != "output":
                source = {"grad_input": x, "grad_weight": w, "grad_bias": bias}[of.part]
                (y,) = torch.autograd.grad(y, [source], tensors["grad_output"])
        return y.detach().to(torch.complex128 if y.is_complex() else torch.float64).numpy()

    return answer


def by_scipy(method):
    """scipy.signal.correlate of every pair of channels; channels are summed in the operands' dtype."""

    def answer(of, operands):
        given = of.problem
        dtype = np.dtype(given.dtype)
        x = np.pad(operands["input"].astype(dtype), [(0, 0), (0, 0), *given.padding])
        w = operands["weight"].astype(dtype)
        g = given.geometry
        kernel = np.zeros(
            (*w.shape[:2], *(d * (k - 1) + 1 for d, k in zip(g.dilation, g.kernel_size, strict=True))), dtype
        )
        kernel[(..., *(slice(None, None, d) for d in g.dilation))] = w
        y = np.zeros(g.output_shape, dtype)
        steps = tuple(slice(None, None, s) for s in g.stride)
        for n, m, c in np.ndindex(len(x), len(w), w.shape[1]):
            signal = x[n, m // g.out_channels_per_group * g.in_channels_per_group + c]
            y[n, m] += scipy.signal.correlate(signal, kernel[m, c], mode="valid", method=method)[steps]
        if given.bias:
            y += operands["bias"].astype(dtype).reshape(-1, *(1,) * given.dimensions)
        return y.astype(np.float64)

    return answer


_SESSIONS = {}


def by_onnxruntime(of, operands):
    """One Conv or ConvTranspose node on the CPU."""
    given = of.problem
    if given.notation not in _SESSIONS:
        _SESSIONS.clear()
        _SESSIONS[given.notation] = _session(given)
    feeds = {name: array.astype(np.float32) for name, array in operands.items()}
    (y,) = _SESSIONS[given.notation].run(None, feeds)
    return y.astype(np.float64)


def _session(given):
    names = list(given.operand_shapes)
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in given.operand_shapes.items()]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, given.output_shape)
    sides = [before for before, _ in given.padding] + [after for _, after in given.padding]
    attributes = {"strides": given.stride, "pads": sides, "dilations": given.dilation, "group": given.groups}
    if given.transposed:
        attributes["output_padding"] = given.output_padding
    node = helper.make_node("ConvTranspose" if given.transposed else "Conv", names, ["y"], **attributes)
    graph = helper.make_graph([node], "conv", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 9
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


SIMULATED = "simulated "


def covers(who, of):
    """Whether an implementation has its own way to answer a pass: a fast algorithm has not for every geometry."""
    return not who.startswith(SIMULATED) or ARITHMETICS[who.removeprefix(SIMULATED)].covers(of.alone)


ALL = ("output", "grad_input", "grad_weight", "grad_bias")
WAYS = {
    "eager": {},
    "without mkldnn": {"mkldnn": False},
    "channels_last": {"channels_last": True},
    "2 threads": {"threads": 2},
}
RIGHT = (
    {
        f"torch {dtype}, {way}": (dtype, 6, ALL, True, by_torch(**options))
        for dtype in ("float32", "float64", "bfloat16", "float16")
        for way, options in WAYS.items()
    }
    | {
        f"torch {dtype}, double backward": (dtype, 3, SECOND, True, by_torch())
        for dtype in ("float32", "float64", "bfloat16", "float16", "complex64")
    }
    | {
        f"{SIMULATED}{name}": (
            "float32",
            2,
            ("output", "grad_input"),
            True,
            partial(part_of, arithmetic=ARITHMETICS[name]),
        )
        for name in (
            *(f"Winograd F({m},3)" for m in (2, 4, 6)),
            *(f"FFT in {dtype}" for dtype in ("float32", "float64")),
            *("Strassen", "Winograd's form of Strassen"),
        )
    }
    | {
        "torch complex64, eager": ("complex64", 3, ALL, True, by_torch()),
        "torch complex128, eager": ("complex128", 3, ALL, True, by_torch()),
        "scipy direct, float32": ("float32", 1, ("output",), False, by_scipy("direct")),
        "scipy direct, float64": ("float64", 1, ("output",), False, by_scipy("direct")),
        "scipy FFT, float32": ("float32", 1, ("output",), False, by_scipy("fft")),
        "scipy FFT, float64": ("float64", 1, ("output",), False, by_scipy("fft")),
        "onnxruntime float32": ("float32", 3, ("output",), True, by_onnxruntime),
    }
)
"""Name: (dtype, weight among the random problems, parts, whether it has transposed ones, how it answers)."""

SUMMED_IN_16_BITS = [("output", True), ("grad_input", False), ("grad_grad_output", True), ("second grad_input", False)]
SUMMED_IN_16_BITS += [(part, turned) for part in ("grad_weight", "grad_bias") for turned in (False, True)]


def known(who, part, problem, name):
    """Whether PyTorch 2.13.0 on a CPU is known to give this part of a problem wrongly, in a class of this name.

    Without float16 in oneDNN, sums of images, or of taps, are stored in 16 bits and added there. And oneDNN in bfloat16
    leaves the gradient of a weight unwritten at a tap that no output reads inside the input: what was in that memory
    comes back. `test_known_rounding.py` shows both.
    """
    if who.startswith("torch float16") or who == "torch bfloat16, without mkldnn":
        named = name in ("partial-sums", "low-precision-accumulation", "truncated-result")
        return (part, problem.transposed) in SUMMED_IN_16_BITS and named
    read = [(table >= 0).any(axis=0).all() for table in axis_tables(problem.geometry)]
    return who.startswith("torch bfloat16") and part == "grad_weight" and not all(read)
