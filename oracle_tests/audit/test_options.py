"""The options of an audit are made once, in one place, and decide what an interrupted audit is known by."""

import dataclasses
import json
import re
from dataclasses import asdict, fields, replace

import pytest

from conv_oracle import cli
from conv_oracle.auditing import (
    LEVELS,
    AuditOptions,
    Earlier,
    Evidence,
    Exercise,
    Finding,
    Level,
    Progress,
    Repetition,
    Rounding,
    Scope,
    Term,
    Verdict,
)
from conv_oracle.auditing.options import PACE
from conv_oracle.auditing.sandbox import Limits
from conv_oracle.errors import TargetError
from conv_oracle.operation import operation
from conv_oracle.problem import parse
from conv_oracle.report.document import options_of

ONE, OTHER = parse("conv2d x1x1x4x4 w1x1x3x3"), parse("conv2d x1x1x5x4 w1x1x3x3")


def options(**given):
    return AuditOptions(target="somewhere:conv2d", **{"seed": 1, **given})


def test_what_people_write_becomes_what_it_is():
    chosen = options(dtypes=["float32"], refusals=["E"], source=["a.cu"], python=None, only=[ONE], level="quick")
    assert chosen.op == operation("conv2d")
    assert (chosen.dtypes, chosen.refusals, chosen.source, chosen.only) == (("float32",), ("E",), ("a.cu",), (ONE,))
    assert (chosen.level, chosen.python, chosen.function) == (LEVELS["quick"], "", "conv2d")
    assert options(op="conv1d_weight").op == options(op=operation("conv1d_weight")).op
    assert options().dtypes == ("float64",)
    assert options(arrays="torch").dtypes == ("float32",)
    assert options(level=replace(LEVELS["quick"], seconds=1.0)).level.seconds == 1.0
    assert options(level="quick").jobs == 1
    assert options(jobs=3).jobs == 3
    assert AuditOptions(target="a:conv2d").seed != AuditOptions(target="a:conv2d").seed


def test_they_are_frozen_and_their_own_copy_is_equal():
    chosen = options(level="quick")
    with pytest.raises(dataclasses.FrozenInstanceError):
        chosen.seed = 2
    assert replace(chosen) == chosen


OTHERS = {
    "target": "elsewhere:conv2d",
    "op": "conv1d",
    "arrays": "torch",
    "dtypes": ("float16",),
    "device": "cuda:0",
    "gradients": True,
    "level": "quick",
    "refusals": ("E",),
    "source": ("a.cu",),
    "arithmetic": "tf32",
    "strict_arguments": True,
    "jobs": 7,
    "seed": 2,
    "timeout": 3.0,
    "python": "/a/python",
    "only": (ONE,),
    "limits": Limits(processes=3),
}


@pytest.mark.parametrize("name", OTHERS)
def test_an_interrupted_audit_is_known_by_what_is_asked(name):
    assert set(OTHERS) == {field.name for field in fields(AuditOptions)}
    torch = {"arrays": "torch"} if name in ("device", "gradients") else {}
    one, other = (
        options(**torch),
        AuditOptions(**{"target": "somewhere:conv2d", "seed": 1, **torch, name: OTHERS[name]}),
    )
    assert (one.digest(b"source", [ONE]) == other.digest(b"source", [ONE])) == (name in PACE)
    assert one.digest(b"source", [ONE]) != one.digest(b"other", [ONE])
    assert one.digest(b"source", [ONE]) != one.digest(b"source", [ONE, OTHER])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"op": "conv4d"}, r"op is one of conv1d.*op='conv4d'; conv1d would fit"),
        ({"level": "endless"}, r"level is one of quick.*level='endless'; quick would fit"),
        ({"timeout": float("inf")}, r"timeout must be positive and finite: timeout=inf; 10 would fit"),
        ({"jobs": 0}, r"jobs must be at least 1: jobs=0; 1 would fit"),
        ({"device": "cuda:0"}, r"a device other than cpu needs torch's arrays: .*arrays='torch' would fit"),
        ({"gradients": True}, r"gradients need torch.autograd: arrays='numpy'; 'torch' would fit"),
        ({"gradients": True, "arrays": "torch", "op": "conv2d_input"}, r"op='conv2d_input'; 'conv2d' would fit"),
        ({"gradients": True, "arrays": "torch", "dtypes": ["int8"]}, r"dtype='int8'; 'float64' would fit"),
        ({"gradients": True, "arrays": "torch", "dtypes": ["float8_e5m2"]}, r"float8.*'bfloat16' would fit"),
        ({"only": [parse("conv1d x1x1x4 w1x1x3")]}, r"op is one of conv2d: op='conv1d'"),
        ({"arithmetic": "coarse"}, r"arithmetic is one of correctly-rounded"),
        ({"arrays": "jax"}, r"arrays is one of numpy, torch: arrays='jax'; numpy would fit"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(given, said):
    with pytest.raises(TargetError, match=said):
        options(**given)


def test_the_command_states_each_option_once():
    known = {field.name for field in fields(AuditOptions)}
    assert set(cli.OPTIONS) - {"json_file", "markdown_file"} == known - {"target", "only", "limits"}
    assert set(cli.REPLAYED) <= known
    for command in ("audit", "replay"):
        taken = [name for option in cli.main.commands[command].params for name in option.opts]
        assert len(taken) == len(set(taken))


def test_the_json_of_a_verdict_has_every_option():
    told = json.loads(json.dumps(options_of(options(only=[ONE], level="quick"))))
    assert set(told) == {field.name for field in fields(AuditOptions)} - {"target", "op", "seed", "limits"}
    assert (told["level"], told["only"]) == ("quick", [str(ONE)])


RESULTS = (Earlier, Evidence, Exercise, Finding, Progress, Repetition, Rounding, Scope, Term, Verdict)


@pytest.mark.parametrize("kind", [*RESULTS, Level, AuditOptions], ids=lambda kind: kind.__name__)
def test_public_types_take_keywords_alone(kind):
    assert all(field.kw_only for field in fields(kind))
    with pytest.raises(TypeError):
        kind(*range(len(fields(kind))))


def test_a_level_documents_each_of_its_budgets():
    described = re.findall(r"[a-z_]+", Level.__doc__)
    assert [name for name in asdict(LEVELS["quick"]) if name not in described] == ["name"]
