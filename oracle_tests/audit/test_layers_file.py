"""The layers of somebody's own network: of a text, an ONNX model or a forward pass, asked at their real size."""

import importlib
import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import onnx
import pytest
from click.testing import CliRunner
from jsonschema import validate
from onnx import TensorProto, helper

from audit.brief import BRIEF
from audit.usage.registry_layers import LAYERS
from conv_oracle.auditing import audit
from conv_oracle.auditing.own_layers import NOT_REACHED
from conv_oracle.auditing.problems import MOST_MULTIPLY_ADDS, layers_in_onnx, layers_in_text, own_layers
from conv_oracle.auditing.sandbox import Limits, Subject, recorded_layers
from conv_oracle.cli import main
from conv_oracle.errors import TargetError
from conv_oracle.operation import operation
from conv_oracle.problem import parse
from conv_oracle.report.document import document

HERE = Path(__file__).parent
SCHEMA = HERE.parents[1] / "reference" / "conv_oracle" / "report" / "verdict.schema.json"
CONV2D = operation("conv2d")
REAL = "x1x64x28x28 w32x64x3x3 p1 bias\nx1x3x112x112 w16x3x7x7 s2 p3\n"


def written(folder, text):
    file = folder / "layers.txt"
    file.write_text(text)
    return file


def asked(name, file, **options):
    """The verdict on a subject of layer_subjects.py, of tensors, with layers."""
    given = {"op": "conv2d", "arrays": "torch", "level": BRIEF, "seed": 1, "jobs": 1, **options}
    return audit(f"{HERE / 'layer_subjects.py'}:{name}", layers=file, **given)


def test_a_text_has_a_notation_a_line(tmp_path):
    text = (
        "# ours\n\n  x1x3x8x9 w4x3x3x3 s2 p1 bias # the stem\nconv2d x1x3x8x9 w4x3x1x1 float16\nconv1d x1x2x9 w3x2x3\n"
    )
    listed = layers_in_text(written(tmp_path, text), CONV2D)
    assert [str(one) for one in listed] == [
        "conv2d x1x3x8x9 w4x3x3x3 s2 p1 bias float64",
        "conv2d x1x3x8x9 w4x3x1x1 float16",
        "conv1d x1x2x9 w3x2x3 float64",
    ]
    own = own_layers(listed, CONV2D, "layers.txt")
    assert [str(one) for one in own.problems] == [
        "conv2d x1x3x8x9 w4x3x1x1 float64",
        "conv2d x1x3x8x9 w4x3x3x3 s2 p1 bias float64",
    ]
    assert own.left_out == ("1 of another operation: conv1d",)


def test_a_forward_layer_is_its_gradients_too(tmp_path):
    op = operation("conv2d_weight")
    listed = layers_in_text(written(tmp_path, "x1x3x8x9 w4x3x3x3 bias\nconv2d x1x3x8x9 w4x3x1x1\n"), op)
    own = own_layers(listed, op, "layers.txt")
    assert [str(one) for one in own.problems] == [
        "conv2d_weight x1x3x8x9 w4x3x1x1 float64",
        "conv2d_weight x1x3x8x9 w4x3x3x3 float64",
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("conv2d x1x3x8 8", "a problem is an operation, x and the input's shape"),
        ("x1x3x8x9 w4x3x3x3 q2", "each field is s, p, o, d or g with numbers"),
        ("x1x3x8x9 w4x2x3x3", "channels"),
        ("x1x3x2x2 w4x3x3x3", "kernel"),
        ("x0x3x4x4 w4x3x3x3", "has no output"),
        ("x1x3x8 w4x3x3", "the weight of conv2d has 4 dimensions"),
        ("conv4 x1x3x8 w4x3x3", "an operation is conv or conv_transpose"),
    ],
)
def test_a_line_that_is_none_is_named(line, said, tmp_path):
    file = written(tmp_path, f"x1x3x8x9 w4x3x3x3\n\n{line}\n")
    with pytest.raises(TargetError) as caught:
        layers_in_text(file, CONV2D)
    assert said in str(caught.value)
    assert f"layers={str(file)!r}, line 3" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_a_layer_of_the_operation_there_is_nothing_to_ask(tmp_path):
    with pytest.raises(TargetError, match=r"layers must have one of the audited operation.*2 of conv1d.*--op conv1d"):
        own_layers([parse("conv1d x1x2x9 w3x2x3"), parse("conv1d x1x2x9 w3x2x2")], CONV2D, "f.txt")
    with pytest.raises(TargetError, match="none at all"):
        own_layers([], CONV2D, "f.txt")
    with pytest.raises(TargetError, match="layers must be a readable file"):
        layers_in_text(tmp_path / "missing.txt", CONV2D)


def test_what_cannot_be_asked_at_all_is_left_out():
    lines = ("x64x512x56x56 w512x512x3x3 p1", "x1x3x8x8 w4x3x4x4 psame", "x1x3x8x8 w4x3x3x3 psame", "x3x8x8 w4x3x3x3")
    own = own_layers([parse(f"conv2d {line}") for line in lines], CONV2D, "f.txt")
    assert [str(one) for one in own.problems] == [
        "conv2d x1x3x8x8 w4x3x3x3 float64",
        "conv2d x1x3x8x8 w4x3x3x3 p1 float64",
    ]
    assert own.left_out == (
        "1 of more than 2,000,000,000 multiply-adds or 20,000,000 numbers (fewer would fit)",
        "1 with a padding given as a word",
    )


RECORDED = [
    "conv2d x1x4x20x25 w8x2x3x3 s2 p1,0 g2 float64",
    "conv_transpose2d x1x8x10x12 w8x3x4x4 s2 p1 o1 g2 bias float64",
    "conv2d x1x6x23x27 w6x6x3x3 bias float64",
    "conv2d x1x6x22x26 w6x6x4x4 p1 bias float64",
    "conv2d x1x6x21x25 w2x6x1x1 s2,1 float64",
    "conv1d x2x3x40 w8x3x5 p2 bias float64",
]


def recorded(name, **given):
    target = f"{HERE / 'layer_models.py'}:{name}"
    return [str(parse(line)) for line in recorded_layers(target, Subject("a:conv2d", "torch", **given))]


@pytest.mark.parametrize("name", ["network", "inferring", "traced", "exported"])
@pytest.mark.sampled(2)
def test_every_convolution_of_a_forward_pass_is_recorded(name):
    assert recorded(name) == RECORDED


@pytest.mark.parametrize("name", ["unbatched", "with_example"])
@pytest.mark.sampled(2)
def test_a_model_is_given_its_input(name):
    assert recorded(name) == ["conv2d x1x3x8x9 w4x3x3x3 bias float64"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("without_input", "TypeError: make_model returns (model, inputs)"),
        ("of_other_channels", "expected input[1, 5, 8, 9] to have 3 channels"),
        ("ends_at_once", "the process ended without an answer"),
        ("never_ends", "no forward pass within 6 s"),
        ("not_there", "has no attribute 'not_there'"),
    ],
)
@pytest.mark.sampled(2)
def test_a_model_that_does_not_run_is_told_in_a_line(name, said):
    limits = Limits(loading_seconds=6.0 if name == "never_ends" else 120.0)
    with pytest.raises(TargetError) as caught:
        recorded(name, limits=limits)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_model_runs_in_the_interpreter_of_the_subject():
    with pytest.raises(TargetError, match="--python takes a Python interpreter"):
        recorded("network", python="/no/such/python")
    before = set(sys.modules)
    recorded("unbatched")
    assert not {"layer_models"} & (set(sys.modules) - before)


def node(op, x, w, *, bias=False, known=True, **attributes):
    """An ONNX model of one node on an input of shape x, in float32."""
    names = ["x", "w", "b"] if bias else ["x", "w"]
    weights = [helper.make_tensor("w", TensorProto.FLOAT, w, [0.0] * math.prod(w))]
    if bias:
        weights.append(helper.make_tensor("b", TensorProto.FLOAT, [w[0]], [0.0] * w[0]))
    made = helper.make_node(op, names, ["y"], name="first", **attributes)
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, x if name == "x" and known else None) for name in "xy"
    ]
    return helper.make_model(helper.make_graph([made], "g", ends[:1], ends[1:], weights))


def saved(folder, model):
    file = folder / "model.onnx"
    onnx.save(model, file)
    return file


@pytest.mark.parametrize(
    ("op", "x", "w", "attributes", "notation"),
    [
        ("Conv", [1, 3, 9, 8], [4, 3, 3, 3], {"pads": [1, 0, 1, 0], "strides": [2, 1]}, "s2,1 p1,0"),
        ("Conv", [1, 4, 9], [4, 2, 3], {"group": 2, "dilations": [2], "bias": True}, "d2 g2 bias"),
        ("Conv", [1, 3, 9, 9], [4, 3, 3, 3], {"auto_pad": "SAME_UPPER"}, "p1"),
        ("Conv", [1, 3, 9, 9], [4, 3, 3, 3], {"auto_pad": "SAME_LOWER", "strides": [2, 2]}, "s2 p1"),
        ("Conv", [1, 3, 9, 9], [4, 3, 3, 3], {"auto_pad": "VALID"}, ""),
        ("ConvTranspose", [1, 4, 5, 5], [4, 2, 4, 4], {"strides": [2, 2], "pads": [1, 1, 1, 1]}, "s2 p1"),
        ("ConvTranspose", [1, 4, 5], [4, 2, 3], {"strides": [2], "output_padding": [1], "pads": [1, 1]}, "s2 p1 o1"),
        ("ConvTranspose", [1, 4, 5], [4, 2, 4], {"strides": [2], "output_shape": [10]}, "s2 p1"),
        ("ConvTranspose", [1, 4, 5], [4, 2, 4], {"strides": [2], "auto_pad": "SAME_UPPER"}, "s2 p1"),
    ],
)
def test_a_node_of_an_onnx_model_is_a_problem(op, x, w, attributes, notation, tmp_path):
    listed, left = layers_in_onnx(saved(tmp_path, node(op, x, w, **attributes)))
    name = f"conv{'_transpose' if op == 'ConvTranspose' else ''}{len(x) - 2}d"
    line = f"{name} x{'x'.join(map(str, x))} w{'x'.join(map(str, w))} {notation}"
    assert (listed, left) == ([parse(line)], [])


@pytest.mark.parametrize(
    ("op", "x", "w", "attributes"),
    [
        ("Conv", [1, 3, 9, 8], [4, 3, 3, 3], {"pads": [1, 0, 0, 0]}),
        ("Conv", [1, 3, 8, 8], [4, 3, 3, 3], {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
        ("ConvTranspose", [1, 4, 5], [4, 2, 3], {"strides": [2], "output_shape": [10]}),
    ],
)
def test_padding_that_differs_between_the_sides_is_left_out(op, x, w, attributes, tmp_path):
    told = ["1 with padding that differs between the two sides of an axis"]
    assert layers_in_onnx(saved(tmp_path, node(op, x, w, **attributes))) == ([], told)


def test_sizes_follow_from_those_of_the_input_and_branches_count(tmp_path):
    x, y = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", [1, 3, 9, 8]), ("y", None))
    )
    weights = [helper.make_tensor(name, TensorProto.FLOAT, [3, 3, 3, 3], [0.0] * 81) for name in ("w", "v")]
    inner = helper.make_graph(
        [helper.make_node("Conv", ["m", "v"], ["t"])], "t", [], [helper.make_tensor_value_info("t", 1, None)]
    )
    other = helper.make_graph(
        [helper.make_node("Identity", ["m"], ["e"])], "e", [], [helper.make_tensor_value_info("e", 1, None)]
    )
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("Relu", ["c"], ["m"]),
        helper.make_node("If", ["on"], ["y"], then_branch=inner, else_branch=other),
    ]
    on = helper.make_tensor("on", TensorProto.BOOL, [], [True])
    listed, _ = layers_in_onnx(
        saved(tmp_path, helper.make_model(helper.make_graph(nodes, "g", [x], [y], [*weights, on])))
    )
    assert list(map(str, listed)) == ["conv2d x1x3x9x8 w3x3x3x3 float64", "conv2d x1x3x7x6 w3x3x3x3 float64"]


def test_an_onnx_model_that_cannot_be_read_is_told(tmp_path, monkeypatch):
    with pytest.raises(
        TargetError, match="the sizes of an ONNX model must be fixed: value='x' of Conv 'first' is unknown"
    ):
        layers_in_onnx(saved(tmp_path, node("Conv", [1, 3, 9, 8], [4, 3, 3, 3], known=False)))
    with pytest.raises(TargetError, match=r"value='x' of Conv 'first' is \(n, 3, 9, 8\)"):
        layers_in_onnx(saved(tmp_path, node("Conv", ["n", 3, 9, 8], [4, 3, 3, 3])))
    with pytest.raises(TargetError, match="layers must be an ONNX model"):
        layers_in_onnx(written(tmp_path, "no model").rename(tmp_path / "none.onnx"))
    monkeypatch.setattr(importlib, "import_module", lambda name: (_ for _ in ()).throw(ImportError(name)))
    with pytest.raises(
        TargetError, match=r"needs the library onnx: it is not installed; pip install 'conv-oracle\[onnx\]'"
    ):
        layers_in_onnx(tmp_path / "model.onnx")


def test_right_layers_are_right_at_their_real_size(tmp_path):
    verdict = asked("conv2d", written(tmp_path, REAL), dtypes=["float32", "bfloat16"])
    layers = verdict.scope.layers
    assert verdict.verdict == "conforms"
    assert (layers.planned, layers.right, layers.wrong, layers.refused) == (4, 4, 0, 0)
    assert (layers.unanswered, layers.left_out) == ((), ())
    assert all(parse(f"conv2d {line}").multiply_adds > MOST_MULTIPLY_ADDS for line in REAL.splitlines())
    validate(json.loads(json.dumps(document(verdict))), json.loads(SCHEMA.read_text()))


@pytest.mark.slow
def test_a_fast_algorithm_is_right_at_a_real_size(tmp_path):
    verdict = asked("by_fft", written(tmp_path, REAL))
    assert (verdict.verdict, verdict.scope.layers.right, verdict.arithmetic) == ("conforms", 2, "inexact")


def test_what_is_wrong_at_a_real_size_alone_is_found(tmp_path):
    verdict = asked("wrong_when_large", written(tmp_path, REAL))
    assert (verdict.verdict, verdict.scope.layers.wrong) == ("faulty", 2)
    assert verdict.findings[0].problem.multiply_adds >= MOST_MULTIPLY_ADDS
    assert asked("wrong_when_large", "").verdict == "conforms"


@pytest.mark.parametrize(
    ("name", "said"), [("slow_when_large", "no answer within"), ("hungry_when_large", "out of memory")]
)
@pytest.mark.sampled(4)
def test_to_be_slow_or_hungry_at_a_real_size_is_no_fault(name, said, tmp_path):
    verdict = asked(name, written(tmp_path, REAL), level=replace(BRIEF, seconds=4.0))
    layers = verdict.scope.layers
    assert (verdict.verdict, layers.right, layers.wrong) == ("conforms", 0, 0)
    assert len(layers.unanswered) == 2
    assert said in layers.unanswered[0]


@pytest.mark.slow
def test_what_is_not_reached_in_time_is_told(tmp_path):
    level = replace(BRIEF, own=0.0, covering=100_000, one_axis=100_000)
    verdict = asked("conv2d", written(tmp_path, REAL), level=level)
    assert verdict.scope.layers.right == 0
    assert [one.rpartition(": ")[2] for one in verdict.scope.layers.unanswered] == [NOT_REACHED] * 2


def test_what_a_function_does_not_take_is_told_and_a_bias_left_out(tmp_path):
    file = written(tmp_path, f"{REAL}x1x8x12x12 w8x1x3x3 g8\nx1x8x12x12 w8x8x3x3 d2\n")
    layers = asked("without_bias_or_groups", file).scope.layers
    assert (layers.planned, layers.right) == (2, 2)
    assert layers.left_out == (
        "1 that cannot be expressed, or are not taken: groups other than 1",
        "1 that cannot be expressed, or are not taken: dilation other than 1",
    )


@pytest.mark.slow
def test_the_command_tells_them_and_what_is_no_layer(tmp_path):
    target = [f"{HERE / 'layer_subjects.py'}:conv2d", "--arrays", "torch", "--level", "quick", "--seconds", "3"]
    told = CliRunner().invoke(
        main, ["audit", *target, "--layers", str(written(tmp_path, "x1x3x8x9 w4x3x3x3\nconv1d x1x1x4 w1x1x2\n"))]
    )
    assert "your layers, at their real size: 1 of 1 answered rightly" in told.output
    assert "left out of your layers: 1 of another operation: conv1d" in told.output
    model = f"{HERE / 'layer_models.py'}:without_convolution"
    for layers in (str(written(tmp_path, "x1")), str(tmp_path / "no.txt"), model):
        result = CliRunner().invoke(main, ["audit", *target, "--layers", layers])
        assert result.exit_code == 2
        assert result.output.startswith("conv-oracle: ")
        assert result.output.count("\n") == 1


def test_layers_are_asked_besides_a_level_alone():
    with pytest.raises(TargetError, match="layers are asked besides a level's problems"):
        audit("a:conv2d", layers="f.txt", only=[parse("conv2d x1x1x4x4 w1x1x2x2")])


@pytest.mark.slow
@pytest.mark.parametrize("subject", LAYERS[::4], ids=lambda subject: subject.name)
def test_a_level_alone_does_not_find_what_its_layers_find(subject):
    given = {"level": "quick", "jobs": 1, "seed": 1, "fail_fast": True}
    assert audit(subject.target, **subject.options, **given).verdict == "faulty"
    assert audit(subject.target, **{**subject.options, "layers": ""}, **given).verdict == "conforms"
