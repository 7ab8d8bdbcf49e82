"""ONNX as a target: a model with one convolution, and a backend's `prepare`."""

from dataclasses import replace

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from audit.brief import HURRIED as BRIEFEST
from audit.finding_script import run_script
from conv_oracle.adapters import ADAPTERS
from conv_oracle.auditing import AuditOptions, audit
from conv_oracle.auditing.targets import onnx_targets
from conv_oracle.errors import TargetError
from conv_oracle.report import script

HURRIED = replace(BRIEFEST, seconds=20.0)
"""Never cut short by a machine that is busy."""

BACKEND = """
from onnxruntime import InferenceSession, SessionOptions

class BackendIsNotSupposedToImplementIt(Exception): pass

class Prepared:
    def __init__(self, model):
        options = SessionOptions()
        options.intra_op_num_threads = 1
        self.session = InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        self.names = [one.name for one in model.graph.input]
    def run(self, inputs):
        x, w, *bias = inputs
        return self.session.run(None, dict(zip(self.names, [x, {kernel}, *bias])))

def prepare(model, device="CPU", **options):
    if any(one.name == "group" and one.i > 1 for one in model.graph.node[0].attribute):
        raise BackendIsNotSupposedToImplementIt("groups")
    return Prepared(model)
"""


def model(
    path, operator="Conv", weight=(4, 3, 3, 2), *, bias=False, more=(), inside=True, constant=False, **attributes
):
    """The file of a model with one convolution, and `more` operators behind it."""
    rng = np.random.default_rng(0)
    arrays = {"W": rng.integers(-9, 9, weight).astype(np.float32)}
    arrays |= {"B": rng.integers(-9, 9, weight[0]).astype(np.float32)} if bias else {}
    tensors = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    nodes = [helper.make_node("Constant", [], [tensor.name], value=tensor) for tensor in tensors if constant]
    nodes += [helper.make_node(operator, ["x", *arrays], ["y"], name="layer", **attributes)]
    nodes += [helper.make_node(one, ["y"], ["z"]) for one in more]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 8, 20, 20][: len(weight)])]
    inputs += [] if inside else [helper.make_tensor_value_info("W", TensorProto.FLOAT, weight)]
    result = helper.make_tensor_value_info("z" if more else "y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "g", inputs, [result], tensors if inside and not constant else [])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 22)], ir_version=10), path)
    return str(path)


@pytest.mark.parametrize(
    ("attributes", "op", "fix"),
    [
        (
            {"strides": [2, 1], "pads": [1, 0, 2, 1], "dilations": [1, 2], "bias": True},
            "conv2d",
            "w4x3x3x2 s2,1 p1:2,0:1 d1,2 bias",
        ),
        (
            {"operator": "ConvTranspose", "strides": [2, 3], "output_padding": [1, 2]},
            "conv_transpose2d",
            "w4x3x3x2 s2,3 o1,2",
        ),
        ({"weight": (6, 2, 3), "group": 3, "auto_pad": "SAME_LOWER", "constant": True}, "conv1d", "w6x2x3 p1 g3"),
    ],
)
def test_a_model_says_its_layer(attributes, op, fix, tmp_path):
    target = model(tmp_path / "layer.onnx", **attributes)
    options = AuditOptions(target=target)
    assert (options.op.name, options.fix, options.dtypes) == (op, fix, ("float32",))


@pytest.mark.parametrize(
    "attributes",
    [
        {"strides": [2, 1], "pads": [1, 0, 2, 1], "constant": True},
        pytest.param({"operator": "ConvTranspose", "group": 2, "bias": True}, marks=pytest.mark.slow),
    ],
)
def test_a_layer_in_onnxruntime_conforms(attributes, tmp_path):
    verdict = audit(model(tmp_path / "layer.onnx", **attributes), level=HURRIED, seed=1)
    assert verdict.findings == ()
    assert verdict.verdict == "conforms"
    assert "layer.onnx in onnxruntime" in verdict.called.said


def test_an_engine_that_reads_the_kernel_backwards_is_found(tmp_path, monkeypatch):
    adapter = (onnx_targets.HERE / ADAPTERS["onnx"].rstrip(":")).read_text(encoding="utf-8")
    faulty = adapter.replace("from_array(np.array(one), name)", "from_array(np.array(one[..., ::-1]), name)")
    assert faulty != adapter
    (tmp_path / "with_onnx.py").write_text(faulty, encoding="utf-8")
    monkeypatch.setattr(onnx_targets, "HERE", tmp_path)
    verdict = audit(model(tmp_path / "layer.onnx", strides=[1, 2]), level=HURRIED, fail_fast=True, seed=1)
    (finding,) = verdict.findings
    assert finding.kind == "wrong-value"
    text = script(finding, verdict)
    assert "AssertionError" in run_script(text, tmp_path).stderr
    (tmp_path / "with_onnx.py").write_text(adapter, encoding="utf-8")
    assert run_script(text, tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"more": ["Relu"]}, "one node that computes, Conv or ConvTranspose: .* has Conv, Relu; .*--layers"),
        ({"operator": "Relu", "weight": ()}, "has Relu"),
        ({"auto_pad": "SAME_UPPER", "strides": [2, 2]}, "padding that is the same on every image"),
        ({"inside": False}, "weights of a model that is a target are its constants: .*'layer' gets W from outside"),
    ],
)
def test_a_model_that_is_no_layer_is_refused(attributes, said, tmp_path):
    if attributes.get("operator") == "Relu":
        node = helper.make_node("Relu", ["x"], ["y"])
        values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
        save(helper.make_model(helper.make_graph([node], "g", values[:1], values[1:])), tmp_path / "no.onnx")
    else:
        model(tmp_path / "no.onnx", **attributes)
    with pytest.raises(TargetError, match=said):
        audit(str(tmp_path / "no.onnx"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"op": "conv1d"}, "op='conv1d'; 'conv2d' would fit"),
        ({"fix": "w1x1x1x1"}, "fix='w1x1x1x1'; 'w4x3x3x2' would fit"),
        ({"dtypes": ["float64"]}, "dtype='float64'; 'float32' would fit"),
    ],
)
def test_what_a_model_says_itself_cannot_be_said_otherwise(options, said, tmp_path):
    with pytest.raises(TargetError, match=said):
        AuditOptions(target=model(tmp_path / "layer.onnx"), **options)


def test_a_file_that_is_no_model_is_told(tmp_path):
    with pytest.raises(TargetError, match=r"target must be an ONNX model: .*FileNotFoundError"):
        audit(str(tmp_path / "none.onnx"))
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(TargetError, match="target must be an ONNX model"):
        audit(str(tmp_path / "text.onnx"))


@pytest.mark.parametrize(("kernel", "found"), [("w", set()), ("w[..., ::-1].copy()", {"kernel-flipped"})])
def test_a_backend_is_audited_by_its_prepare(kernel, found, tmp_path):
    (tmp_path / "backend.py").write_text(BACKEND.replace("{kernel}", kernel))
    verdict = audit(
        f"{tmp_path}/backend.py:prepare", op="conv2d", level=HURRIED, dtypes=["float32"], fail_fast=True, seed=1
    )
    assert {finding.fault for finding in verdict.findings} == found
    assert verdict.verdict == ("faulty" if found else "conforms")
    assert any("groups" in line for line in verdict.scope.narrowed)
    for finding in verdict.findings:
        assert "AssertionError" in run_script(script(finding, verdict), tmp_path).stderr


def test_a_backend_has_no_gradients(tmp_path):
    (tmp_path / "backend.py").write_text(BACKEND)
    with pytest.raises(TargetError, match="ONNX has Conv and ConvTranspose: op='conv2d_input'; 'conv2d' would fit"):
        audit(f"{tmp_path}/backend.py:prepare", op="conv2d_input")


@pytest.mark.slow
def test_the_backend_of_onnxruntime_is_one():
    verdict = audit("onnxruntime.backend:prepare", op="conv1d", level=HURRIED, dtypes=["float32"], seed=1)
    assert verdict.findings == ()
    assert verdict.verdict == "conforms"
