"""Subjects of tensors: PyTorch itself conforms, and what wraps it is judged by its own bytes."""

import pytest

from audit.brief import BRIEF
from conv_oracle.auditing import audit

SUBJECT = """
import torch
from torch.nn.functional import conv2d


def channels_last(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    x = x.to(memory_format=torch.channels_last) if x.ndim == 4 else x
    return conv2d(x.requires_grad_(), w, bias, stride, padding, dilation, groups)


def in_half(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return conv2d(x, w, bias, stride, padding, dilation, groups).half()


def in_place(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    return conv2d(x.relu_(), w, bias, stride, padding, dilation, groups)
"""


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    path = tmp_path_factory.mktemp("torch") / "tensors.py"
    path.write_text(SUBJECT)
    return path


def test_torch_itself_conforms():
    verdict = audit("torch.nn.functional:conv2d", arrays="torch", level=BRIEF, seed=1)
    assert verdict.findings == ()
    assert verdict.verdict == "conforms"
    assert verdict.scope.dtypes == ("float32",)
    assert "subject's torch" in verdict.versions


def test_strides_and_gradients_of_the_result_do_not_matter(subject):
    # in float32, oneDNN 3.x dies of some grouped, dilated 3x1 kernels in channels_last: a crash, and rightly told
    verdict = audit(f"{subject}:channels_last", op="conv2d", arrays="torch", dtypes=["float64"], level=BRIEF, seed=1)
    assert verdict.findings == ()
    assert verdict.verdict == "conforms"


@pytest.mark.parametrize(("name", "kind"), [("in_half", "wrong-dtype"), ("in_place", "wrong-value")])
@pytest.mark.sampled(2)
def test_what_is_not_the_result_is_found(subject, name, kind):
    verdict = audit(f"{subject}:{name}", op="conv2d", arrays="torch", level=BRIEF, seed=1)
    assert kind in {finding.kind for finding in verdict.findings}
