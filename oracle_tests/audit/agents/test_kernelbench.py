"""KernelBench's problems and answers, in files of their shape: what one convolution is, and what is not."""

import sys
from pathlib import Path

import pytest

from audit.brief import HURRIED
from conv_oracle.agents import reward
from conv_oracle.agents.kernelbench import Layer, answer_rewarded, audited, layer_of, options_of
from conv_oracle.agents.one_convolution import one_convolution
from conv_oracle.auditing import audit
from conv_oracle.errors import TargetError
from conv_oracle.problem import parse

PROBLEM = '''
import torch
import torch.nn as nn


class Model(nn.Module):
    """A convolution and what comes after it."""

    def __init__(self, {arguments}):
        super().__init__()
        {made}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return {returned}


# a batch that no memory holds, as no value is computed
def get_inputs():
    return [torch.rand({size})]


def get_init_inputs():
    return [{given}]
'''

LONG = {"arguments": "channels: int, kernel_size: int", "given": "4, 3", "size": "1 << 20, 4, 1 << 20"}
CONV1D = {
    **LONG,
    "made": "self.conv = nn.Conv1d(channels, 6, kernel_size, stride=2, bias=False)",
    "returned": "self.conv(x)",
}
ANSWER = """
import torch
import torch.nn as nn


class ModelNew(nn.Module):
    def __init__(self, channels, kernel_size):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(6, channels, kernel_size))

    def forward(self, x):
        windows = x.unfold(2, self.weight.shape[2], 2)
        return torch.einsum("nclk,mck->nml", windows, {weight})
"""


def problem_file(tmp_path, **changes):
    path = tmp_path / "1_conv.py"
    path.write_text(PROBLEM.format(**{**CONV1D, **changes}))
    return path


@pytest.fixture
def read(tmp_path, monkeypatch):
    """What one_convolution reads from a problem with these parts, in this process."""
    monkeypatch.setattr(sys, "path", [*sys.path])

    def reading(**changes):
        monkeypatch.delitem(sys.modules, "problem", raising=False)
        return one_convolution(str(problem_file(tmp_path, **changes)))

    yield reading
    sys.modules.pop("problem", None)


@pytest.mark.parametrize(
    ("made", "size", "op", "fix"),
    [
        (
            "nn.Conv2d(3, 96, 11, stride=4, padding=2)",
            "256, 3, 224, 224",
            "conv2d",
            "w96x3x11x11 s4,4 p2,2 d1,1 g1 bias",
        ),
        ("nn.Conv2d(8, 8, (3, 7), groups=8, bias=False)", "2, 8, 99, 9", "conv2d", "w8x1x3x7 s1,1 p0,0 d1,1 g8"),
        (
            "nn.Conv3d(3, 4, (3, 1, 2), dilation=2)",
            "1, 3, 9, 9, 9",
            "conv3d",
            "w4x3x3x1x2 s1,1,1 p0,0,0 d2,2,2 g1 bias",
        ),
        (
            "nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2, bias=False)",
            "2, 4, 5, 5",
            "conv_transpose2d",
            "w4x3x3x3 s2,2 p1,1 d1,1 o1,1 g2",
        ),
        ("nn.ConvTranspose1d(4, 6, 5, dilation=3)", "2, 4, 5", "conv_transpose1d", "w4x6x5 s1 p0 d3 o0 g1 bias"),
    ],
)
def test_the_one_convolution_of_a_model_is_read_without_a_value(read, made, size, op, fix):
    assert read(made=f"self.conv = {made}", size=size) == {"op": op, "fix": fix}
    words = fix.split()
    channels = int(size.split(",")[1])
    assert parse(f"{op} x1x{channels}{'x99' * (words[0].count('x') - 1)} {fix}").geometry


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"returned": "torch.relu(self.conv(x))"}, "its Model calls convolution, relu"),
        ({"returned": "self.conv(x) * 2"}, "its Model calls convolution, mul"),
        ({"returned": "x"}, "its Model calls nothing"),
        ({"returned": "self.conv(x.flip(2))"}, "its Model calls flip, convolution"),
        ({"returned": "(self.conv(x), x)[1]"}, "its Model returns something else"),
        ({"returned": "[self.conv(x)]"}, "its Model returns something else"),
        (
            {"made": "self.w = torch.ones(6, 4, 3)", "returned": "nn.functional.conv1d(x, self.w)"},
            "something else than",
        ),
        (
            {
                "made": "self.a = nn.Conv1d(4, 4, 3, groups=4); self.b = nn.Conv1d(4, 6, 1)",
                "returned": "self.b(self.a(x))",
            },
            "its Model calls convolution, convolution",
        ),
    ],
)
def test_a_model_that_is_anything_else_is_no_convolution(read, changes, said):
    with pytest.raises(ValueError, match=said):
        read(**changes)


def test_a_wrong_answer_has_its_cause_and_no_reward(tmp_path):
    problem = problem_file(tmp_path)
    assert layer_of(problem) == Layer(op="conv1d", fix="w6x4x3 s2 p0 d1 g1")
    (tmp_path / "wrong.py").write_text(ANSWER.format(weight="self.weight.flip(2)"))
    made = answer_rewarded(problem, tmp_path / "wrong.py", level=HURRIED, seed=1)
    assert (made.reward, made.failure_kind) == (0.0, "wrong-value")
    assert "cause: kernel-flipped: " in made.feedback
    assert f"{tmp_path}/wrong_as_layer.py:layer --arrays torch --fix 'w6x4x3 s2 p0 d1 g1'" in made.feedback


@pytest.mark.slow
def test_a_right_answer_has_the_reward(tmp_path):
    (tmp_path / "right.py").write_text(ANSWER.format(weight="self.weight"))
    verdict = audited(problem_file(tmp_path), tmp_path / "right.py", level=HURRIED, seed=1)
    assert (verdict.verdict, verdict.options.op.name, verdict.options.dtypes) == ("conforms", "conv1d", ("float32",))
    assert reward(verdict).reward == 1.0


def test_what_does_not_fit_is_told_in_one_line(tmp_path):
    relu = problem_file(tmp_path, returned="torch.relu(self.conv(x))")
    answer = tmp_path / "answer.py"
    answer.write_text("")
    with pytest.raises(
        TargetError, match=r"must be one convolution of its input: .*calls convolution, relu; "
    ) as raised:
        answer_rewarded(relu, answer)
    assert "\n" not in str(raised.value)
    with pytest.raises(TargetError, match="the answer's file must exist"):
        options_of(relu, tmp_path / "none.py")
    with pytest.raises(TargetError, match="the problem's file must exist"):
        options_of(tmp_path / "none.py", answer)
    with pytest.raises(TargetError, match=r"must be one convolution of its input: .*no-such-python"):
        layer_of(relu, python="no-such-python")


def test_a_fixed_layer_that_has_no_output_on_small_images_is_audited():
    """Special values are asked on its own shortest image: the usual ones are 5 long, and its kernel is 11."""
    example = Path(__file__).parents[3] / "scripts" / "example" / "conforming.py"
    verdict = audit(f"{example}:conv2d", level=HURRIED, seed=1, fix="w2x1x11x11 s4 p2")
    assert verdict.verdict == "conforms"
