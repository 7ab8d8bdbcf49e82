"""GPU MODE's check_implementation, in files of its shape: exact on whole numbers, within a proved bound on others."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from audit.brief import HURRIED
from conv_oracle.agents import feedback
from conv_oracle.agents.gpu_mode import ARITHMETIC, LARGEST_WHOLE, matching, whole
from conv_oracle.auditing import audit
from conv_oracle.errors import SubjectError, TargetError

EXAMPLES = Path(__file__).parents[3] / "scripts" / "example"
TASK = """
from typing import TypedDict, TypeVar
import torch

input_t = TypeVar("input_t", bound=tuple[torch.Tensor, torch.Tensor, torch.Tensor])
output_t = TypeVar("output_t", bound=torch.Tensor)


class TestSpec(TypedDict):
    size: int
    kernelsize: int
    channels: int
    batch: int
    seed: int
"""
REFERENCE = """
import torch
from task import input_t
from conv_oracle.agents.gpu_mode import matching, whole


def generate_input(size: int, kernelsize: int, channels: int, batch: int, seed: int) -> input_t:
    drawn = torch.Generator().manual_seed(seed)
    x = torch.randn(batch, channels, size, size, generator=drawn)
    w = torch.randn(channels, channels, kernelsize, kernelsize, generator=drawn)
    return x, w, torch.empty(batch, channels, size - kernelsize + 1, size - kernelsize + 1)


generate_input = whole(generate_input)
check_implementation = matching("conv2d")
"""
SUBMISSION = """
from task import input_t, output_t
from torch.nn import functional


def custom_kernel(data: input_t) -> output_t:
    x, w, output = data
    output[...] = functional.conv2d(x, w)
    return output


def without_the_last_row(data: input_t) -> output_t:
    x, w, output = data
    output.fill_(0)
    output[:, :, :-1] = functional.conv2d(x, w)[:, :, :-1]
    return output


def off_by_one_unit(data: input_t) -> output_t:
    output = custom_kernel(data)
    output.view(-1)[-1] += 1
    return output
"""

INDEXED = f"""
import sys

sys.path.insert(0, {str(EXAMPLES)!r})
from faulty import conv2d


def custom_kernel(data):
    data[2][...] = conv2d(data[0], data[1])
    return data[2]
"""
WRITTEN = "data=(input, weight, out)"


@pytest.fixture
def task(tmp_path, monkeypatch):
    """The modules of a task: reference and submission."""
    for name, text in (("task", TASK), ("reference", REFERENCE), ("submission", SUBMISSION)):
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("reference"), importlib.import_module("submission")
    for name in ("task", "reference", "submission"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("custom_kernel", True),
        ("without_the_last_row", False),
        ("off_by_one_unit", False),
    ],
)
@pytest.mark.parametrize(
    "spec",
    [
        {"size": 16, "kernelsize": 4, "channels": 16, "batch": 1, "seed": 4242},
        {"size": 24, "kernelsize": 8, "channels": 32, "batch": 2, "seed": 5531},
    ],
)
def test_a_submission_is_judged_as_the_projects_evaluation_does(task, spec, name, right):
    reference, submission = task
    data = reference.generate_input(**spec)
    output = getattr(submission, name)(tuple(one.clone() for one in data))
    good, message = reference.check_implementation(data, output)
    assert good is right
    assert (message == "") is right
    if not right:
        assert "wrong values: " in message
        assert ", exactly (conv2d " in message


def test_a_submission_whose_tuple_cannot_be_read_is_told_by_a_word(tmp_path):
    (tmp_path / "submission.py").write_text(INDEXED)
    with pytest.raises(SubjectError, match="must take input, weight"):
        audit(f"{tmp_path}/submission.py:custom_kernel", op="conv2d", level=HURRIED)
    verdict = audit(f"{tmp_path}/submission.py:custom_kernel", op="conv2d", level=HURRIED, seed=1, parameters=WRITTEN)
    assert [finding.fault for finding in verdict.findings] == ["kernel-flipped"]
    assert f"--parameters '{WRITTEN}'" in feedback(verdict)


def operands(kind=torch.float32, *, scale=1.0):
    drawn = torch.Generator().manual_seed(1)
    x, w = torch.randn(2, 4, 9, 8, generator=drawn), torch.randn(6, 2, 3, 2, generator=drawn)
    return (x * scale).to(kind), (w * scale).to(kind), torch.randn(6, generator=drawn).to(kind)


GIVEN = {"stride": (2, 1), "padding": (1, 1), "dilation": (1, 2), "groups": 2}


def test_random_operands_are_judged_by_the_proved_bound():
    x, w, b = operands()
    check = matching("conv2d", **GIVEN)
    y = torch.nn.functional.conv2d(x, w, b, (2, 1), 1, (1, 2), 2)
    assert check((x, w, b), y) == (True, "")
    assert check((x.numpy(), w.numpy(), b.numpy()), y.numpy()) == (True, "")
    beyond = y.clone()
    beyond[0, 0, 0, 0] += 1e-4
    assert not check((x, w, b), beyond)[0]
    assert not check((x, w, b), torch.full_like(y, torch.nan))[0]
    assert not check((x, w), y)[0]
    assert not matching("conv2d", **{**GIVEN, "dilation": 1})((x, w, b), y)[0]


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_formats_have_their_own_bound(kind):
    x, w, b = operands(kind)
    y = torch.nn.functional.conv2d(x.double(), w.double(), b.double(), groups=2).to(kind)
    assert matching("conv2d", groups=2)((x, w, b), y) == (True, "")
    assert not matching("conv2d", groups=2)((x, w, b), y * (1 + 2.0**-4))[0]


def test_reduced_operands_are_wrong_unless_they_are_allowed():
    x, w, _ = operands()
    reduced = torch.nn.functional.conv2d(x.bfloat16().float(), w.bfloat16().float(), groups=2)
    assert not matching("conv2d", groups=2)((x, w), reduced)[0]
    assert matching("conv2d", groups=2, arithmetic="bf16")((x, w), reduced) == (True, "")
    assert not matching("conv2d", groups=2, arithmetic="bf16")((x, w), reduced + 0.5)[0]
    assert set(ARITHMETIC) == {"any-order", "truncated", "tf32", "fp16", "bf16"}


def test_whole_numbers_are_exact_in_every_order_of_sums():
    x, w, b = whole(operands)()
    assert all(bool((one == one.round()).all()) and 0 < one.abs().max() <= LARGEST_WHOLE for one in (x, w, b))
    one = torch.nn.functional.conv2d(x, w, b, groups=2)
    other = torch.nn.functional.conv2d(x.flip(1), w.flip(1).roll(3, 0), b.roll(3, 0), groups=2).roll(3, 1)
    assert torch.equal(one, other)
    long, wide = whole(lambda: (np.ones((1, 4096, 4)), np.ones((2, 4096, 64), np.float32)))()
    assert long.max() == wide.max()
    assert 4096 * 64 * float(long.max()) ** 2 < 2.0**24


def test_a_causal_depthwise_task_says_how_its_data_are_read():
    drawn = torch.Generator().manual_seed(1)
    x, w, b = (torch.randn(*shape, generator=drawn) for shape in ((2, 5, 9), (5, 4), (5,)))

    def read(data):
        x, weight, bias = data
        sides = ((weight.shape[1] - 1, 0),)
        return {"input": x, "weight": weight[:, None], "bias": bias, "padding": sides, "groups": len(weight)}

    y = torch.nn.functional.conv1d(torch.nn.functional.pad(x, (3, 0)), w[:, None], b, groups=5)
    check = matching("conv1d", read=read)
    assert check((x, w, b), y) == (True, "")
    assert not check((x, w, b), y.roll(1, -1))[0]


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (None, "wrong type: got NoneType"),
        (torch.zeros(2, 6, 7, 6), "wrong shape: got (2, 6, 7, 6), expected (2, 6, 7, 7)"),
        (torch.zeros(2, 6, 7, 7, dtype=torch.float64), "wrong dtype: got float64, expected float32"),
    ],
)
def test_an_output_of_another_kind_is_told(output, said):
    x, w, b = operands()
    good, message = matching("conv2d", groups=2)((x, w, b), output)
    assert not good
    assert message.startswith(said)


def test_what_does_not_fit_is_told_in_one_line():
    x, w, b = operands()
    for make, said in (
        (lambda: matching("conv2d_weight"), "op='conv2d_weight'"),
        (lambda: matching("conv2d", arithmetic="coarse"), "arithmetic='coarse'"),
        (lambda: matching("conv2d", groups=3)((x, w, b), x), "data must be operands of conv2d: GeometryError"),
        (lambda: matching("conv2d")(x, x), "read=FUNCTION would fit"),
        (lambda: matching("conv2d", groups=2)((x / 0, w, b), torch.zeros(2, 6, 7, 7)), "data must be finite"),
    ):
        with pytest.raises(TargetError, match=said.replace("=", "=")) as raised:
            make()
        assert "\n" not in str(raised.value)
