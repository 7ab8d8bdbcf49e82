"""Targets with arguments, layouts and results of their own: each style, right and faulty, and words that fail."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import conv_oracle
from audit.targets.registry import HERE, PIECES
from conv_oracle.auditing import AuditOptions, audit
from conv_oracle.auditing.targets import Words, called, making
from conv_oracle.auditing.targets.arranged import flipped, in_c_order, made_up, ours, same_sides, theirs
from conv_oracle.cli import main
from conv_oracle.errors import TargetError
from conv_oracle.operation import operation

COURSE = f"{HERE / 'course.py'}:conv_forward_naive"
FUNCTIONS = HERE / "functions.py"
SAMPLE = [piece for number, piece in enumerate(PIECES) if number % 12 == 1]
NG = "x=NHWC w=HWIO b=1,1,1,C y=NHWC"


def judged(piece, level="quick"):
    return audit(piece.target, **piece.options, level=level, jobs=1, seed=1)


def as_it_should(piece, verdict):
    if piece.right:
        return verdict.verdict == "conforms"
    return verdict.verdict == "faulty" and verdict.findings[0].fault in piece.named


@pytest.mark.parametrize("piece", SAMPLE, ids=lambda piece: f"{piece.name} {piece.op} {'right' if piece.right else ''}")
@pytest.mark.sampled(4)
def test_each_style_is_called_as_its_author_calls_it(piece):
    verdict = judged(piece)
    assert as_it_should(piece, verdict), (verdict.verdict, [one.fault for one in verdict.findings])


@pytest.mark.slow
@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: f"{piece.name} {piece.op} {'right' if piece.right else ''}")
def test_every_style_is_called_as_its_author_calls_it(piece):
    verdict = judged(piece)
    assert as_it_should(piece, verdict), (verdict.verdict, [one.fault for one in verdict.findings])


@pytest.mark.parametrize("role", ["input", "output", "weight", "bias"])
@pytest.mark.parametrize(
    ("op", "layout"),
    [
        ("conv2d", NG),
        ("conv2d", "x=HWNC w=IHWO b=C,1 y=CHWN"),
        ("conv1d", "x=NLC w=LIO y=NLC"),
        ("conv3d", "x=NDHWC w=DHWIO y=NCDHW"),
        ("conv_transpose2d", "x=NHWC w=HWOI y=NHWC"),
        ("conv2d", "x=KCRS w=KCRS y=NCHW".replace("x=KCRS ", "x=NCHW ")),
    ],
)
def test_what_is_laid_out_otherwise_comes_back(op, layout, role):
    told = making(Words(layout=layout), operation(op)).words["layout"]
    shape = (5,) if role == "bias" else tuple(range(2, 4 + operation(op).axes))
    array = np.arange(np.prod(shape)).reshape(shape)
    other = theirs(array, told.get(role))
    assert (ours(other, told.get(role)) == array).all()
    assert ours(other, told.get(role)).shape == shape
    assert in_c_order(other)


def test_a_layout_says_where_each_axis_is():
    told = making(Words(layout="x=NHWC w=HWIO y=HW"), operation("conv2d")).words["layout"]
    image, kernel = np.zeros((1, 2, 3, 4)), np.zeros((5, 2, 3, 4))
    assert theirs(image, told["input"]).shape == (1, 3, 4, 2)
    assert theirs(kernel, told["weight"]).shape == (3, 4, 2, 5)
    assert theirs(image[:, :1], told["output"]).shape == (3, 4)
    with pytest.raises(NotImplementedError, match="one example and one channel"):
        theirs(image, told["output"])


def test_padding_that_tensorflow_calls_same():
    for size in range(1, 12):
        for kernel in range(1, 5):
            for stride in range(1, 4):
                before, behind = same_sides(size, kernel, stride, 1)
                assert behind - before in (0, 1)
                assert (size + before + behind - kernel) // stride + 1 == -(-size // stride) or kernel < stride


def test_what_a_gradient_does_not_depend_on_is_made_up_without_zeros():
    assert made_up((2, 3), np.zeros(1, "f4")).all()
    assert (flipped(np.arange(6).reshape(1, 1, 2, 3), 2)[0, 0] == [[5, 4, 3], [2, 1, 0]]).all()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"layout": "x=NHCC"}, "named once"),
        ({"layout": "x=NQHW"}, "is no axis of input"),
        ({"layout": "z=NHWC"}, "an array is one of"),
        ({"layout": "x=NHW w=OIHW y=NHWW"}, "named once"),
        ({"result": "y, stuff"}, "what is returned is written with"),
        ({"parameters": "conv_param={'stride'"}, "arguments are written as in a call"),
        ({"parameters": "colour=green"}, "'green' is not known"),
        ({"parameters": "s=open('x')"}, "is not supported"),
        ({"padding_as": "corners"}, "padding is written as one of"),
        ({"backward": "back(("}, "written as its call"),
        ({"backward": "back(dy) -> dq"}, "gradients are dx, dw, db"),
    ],
)
def test_words_that_cannot_be_read_are_refused_with_what_would_fit(words, said):
    with pytest.raises(TargetError, match="would fit") as refused:
        audit(COURSE, op="conv2d", **words)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def f(x, w, mode): return x", "--parameters says what"),
        (
            "class f:\n    def __init__(self, speed): pass\n    def forward(self, x): return x",
            "--construct says",
        ),
        ("class f:\n    def __init__(self): self.a = 1\n    def forward(self, x): return x", "--attributes says it"),
        ("class f:\n    def __init__(self, kernel_size): self.W = 1", "--method says what is called"),
        ("def f(x, w):\n    return {'a': x, 'c': w}", "--result says which"),
        ("class f:\n    def __init__(self, k): self.k = k\n    def forward(self, x): return x", "--attributes says it"),
        ("f = 3", "is not callable"),
    ],
)
def test_what_is_ambiguous_is_refused_with_the_words_that_would_say_it(source, said, tmp_path):
    file = tmp_path / "theirs.py"
    file.write_text(source + "\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["audit", f"{file}:f", "--op", "conv2d", "--level", "quick"])
    assert result.exit_code == 2
    assert said in result.output
    assert len(result.output.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("target", "backward"),
    [
        ("layers.py:OneMatrix", "backward(dout) -> dx"),
        ("layers.py:Conv2D", "backward(dout) -> dx, dw=.gradient, db=.db"),
        ("course.py:conv_forward_naive", "conv_backward_naive(dout) -> dx, dw, db"),
        ("course.py:conv_forward_naive", "nowhere(dout, cache) -> dx, dw, db"),
    ],
)
@pytest.mark.sampled(2)
def test_a_backward_that_is_said_wrongly_is_no_fault_of_the_target(target, backward):
    given = ["--op", "conv2d", "--level", "quick", "--gradients", "--backward", backward]
    result = CliRunner().invoke(main, ["audit", f"{HERE / target}", *given])
    assert result.exit_code == 2
    assert "--backward says" in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_a_report_says_how_the_target_was_called_and_a_replay_calls_it_so(tmp_path):
    file = tmp_path / "verdict.json"
    words = ["--layout", NG, "--square", "--seed", "1"]
    target = f"{HERE / 'course.py'}:conv_forward_faulty"
    given = ["--parameters", "hparameters={'stride', 'pad'}", "--op", "conv2d", "--level", "quick", "--fail-fast"]
    script = tmp_path / "shows.py"
    result = CliRunner().invoke(main, ["audit", target, *words, *given, "--json", str(file)])
    assert result.exit_code == 1
    assert "called as conv_forward_faulty(x: NHWC, w: HWIO, b: 1,1,1,C, {'stride': stride" in result.output
    assert "conv_forward_faulty(x, w, b, {'stride': " in result.output
    assert f"--layout '{NG}'" in result.output
    again = CliRunner().invoke(main, ["replay", str(file), "--script", str(script)])
    assert again.exit_code == 1
    assert "conv_oracle.adapt(subject, op='conv2d', layout='x=NHWC" in script.read_text(encoding="utf-8")
    assert json.loads(file.read_text(encoding="utf-8"))["called"]["layout"]["weight"] == "HWIO"


def test_a_target_is_adapted_in_a_file(tmp_path):
    shutil.copy(HERE / "course.py", tmp_path / "course.py")
    file = tmp_path / "mine.py"
    file.write_text(
        "import conv_oracle\nfrom course import conv_forward\n"
        f"target = conv_oracle.adapt(conv_forward, op='conv2d', layout={NG!r}, square=True)\n",
        encoding="utf-8",
    )
    verdict = audit(f"{file}:target", op="conv2d", level="quick", seed=1, fail_fast=True)
    assert verdict.verdict == "conforms"
    assert "NHWC" in verdict.called.said
    adapted = conv_oracle.adapt(COURSE, op="conv2d")
    assert adapted(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), np.zeros(1)).tolist() == [[[[4, 4], [4, 4]]]]
    with pytest.raises(TargetError, match="a target is described by"):
        conv_oracle.adapt(COURSE, layouts="NHWC")


@pytest.mark.slow
def test_init_writes_what_it_found_and_an_audit_reads_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    target = f"{HERE / 'course.py'}:corr2d"
    found = CliRunner().invoke(main, ["init", target])
    assert found.exit_code == 0, found.output
    text = Path("conv_oracle_target.py").read_text(encoding="utf-8")
    assert "layout='x=HW w=HW y=HW'" in text
    assert "OP = 'conv2d'" in text
    read = CliRunner().invoke(main, ["audit", "--level", "quick", "--seed", "1", "--fail-fast"])
    assert read.exit_code == 0, read.output
    assert CliRunner().invoke(main, ["init", target]).exit_code == 2


def test_an_audit_without_a_target_says_what_writes_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["audit"])
    assert result.exit_code == 2
    assert "conv-oracle init" in result.output


@pytest.mark.parametrize(
    "told", [None, {}, {"name": "f"}, {"arguments": [1]}, {"name": 1, "arguments": [["", {}]]}, []]
)
def test_what_a_subject_tells_of_its_call_is_not_trusted(told):
    assert called(told) is None


HINTED = {
    "def conv1d(x, w):\n    return _both(x, w)\ndef _both(x, w):\n    return w, x": "--result 'y, *'",
    "def conv1d(x, w):\n    return _both(x, w)\ndef _both(x, w):\n    return {'a': w}": "--result \"{'y': y}\"",
    "def conv1d(x, w):\n    return x": "--pads SAME",
    """import numpy as np
def conv1d(x, w, b=None):
    y = np.zeros((len(x), len(w), x.shape[2] - w.shape[2] + 1), x.dtype)
    for k in range(w.shape[2]):
        y += np.einsum("ncl,oc->nol", x[:, :, k : k + y.shape[2]], w[:, :, k])
    return y if b is None else y + b
""": "--layout b=C,1",
    """import numpy as np
def conv1d(x, w):
    y = np.zeros((len(x), len(w), x.shape[2] - w.shape[2] + 1), x.dtype)
    for k in range(w.shape[2]):
        y += np.einsum("ncl,oc->nol", x[:, :, k : k + y.shape[2]], w[:, :, -1 - k])
    return y
""": "--true-convolution",
}


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("source", "hint"), HINTED.items(), ids=HINTED.values())
def test_what_may_be_a_convention_is_told_with_the_option_that_declares_it(source, hint, tmp_path):
    (tmp_path / "kernels.py").write_text(source)
    verdict = audit(f"{tmp_path}/kernels.py:conv1d", level="quick", seed=1, jobs=1, seconds=2)
    said = [one.hint for one in verdict.findings if one.hint] or [*verdict.scope.narrowed, *verdict.scope.notes]
    assert verdict.verdict == "faulty"
    assert any(hint in one for one in said), said
    words = (("pads", "SAME"), ("true_convolution", True))
    named = {word: value for word, value in words if word in hint.replace("-", "_")}
    if named:
        again = audit(f"{tmp_path}/kernels.py:conv1d", level="quick", seed=1, jobs=1, seconds=2, **named)
        assert not any(one.hint for one in again.findings)


def test_a_padding_of_its_own_is_taken_only_where_the_answers_are_right_with_it():
    """The shape alone is not enough: one that looks ahead has that of a causal convolution."""
    for name, padded in (("causal_conv1d", True), ("causal_conv1d_looks_ahead", False)):
        verdict = audit(f"{FUNCTIONS}:{name}", op="conv1d", level="quick", seed=1, jobs=1, seconds=2)
        assert any("of its own accord, causal" in one for one in verdict.scope.narrowed) == padded
        assert (verdict.verdict == "faulty") == (not padded)


def test_a_padding_of_its_own_that_cannot_be_is_refused():
    for words, said in (
        ({"pads": "valid"}, "pads='valid'; 'SAME' would fit"),
        ({"pads": "SAME", "padding_as": "pairs"}, "one of the two would fit"),
        ({"pads": "SAME", "op": "conv_transpose1d"}, "one of the two would fit"),
    ):
        with pytest.raises(TargetError, match=re.escape(said)):
            AuditOptions(target=f"{FUNCTIONS}:causal_conv1d", **{"op": "conv1d", **words})


def test_another_model_in_the_same_file_is_another_audit(tmp_path):
    model = tmp_path / "model.onnx"
    options = AuditOptions(target=f"{FUNCTIONS}:causal_conv1d", op="conv1d", seed=1)
    object.__setattr__(options, "target", str(model))
    model.write_bytes(b"one")
    first = options.digest(b"", [])
    assert first == options.digest(b"", [])
    model.write_bytes(b"two")
    assert first != options.digest(b"", [])
