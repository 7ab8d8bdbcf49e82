"""The options of an audit are made once, in one place, and decide what an interrupted audit is known by."""

import dataclasses
import json
import re
import shlex
from dataclasses import asdict, fields, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

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
from conv_oracle.auditing.targets import Words
from conv_oracle.cli import main
from conv_oracle.cli.options import OPTIONS, REPLAYED
from conv_oracle.errors import TargetError
from conv_oracle.operation import operation
from conv_oracle.problem import parse
from conv_oracle.report.document import options_of
from conv_oracle.report.terminal import replay_line

TARGET = "somewhere:conv2d"
ONE, OTHER = parse("conv2d x1x1x4x4 w1x1x3x3"), parse("conv2d x1x1x5x4 w1x1x3x3")


def options(**given):
    return AuditOptions(**{"target": TARGET, "seed": 1, **given})


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
    command = options(target="", command="sh conv1d/conv3d.sh")
    assert (command.target, command.op, command.function) == ("sh conv1d/conv3d.sh", operation("conv3d"), "conv3d")
    assert AuditOptions(target="a:conv2d").seed != AuditOptions(target="a:conv2d").seed


def test_they_are_frozen_and_their_own_copy_is_equal():
    chosen = options(level="quick")
    with pytest.raises(dataclasses.FrozenInstanceError):
        chosen.seed = 2
    assert replace(chosen) == chosen


OTHERS = {
    "target": "elsewhere:conv2d",
    "command": "sh conv2d.sh",
    "op": "conv1d",
    "arrays": "torch",
    "dtypes": ("float16",),
    "device": "cuda:0",
    "transforms": True,
    "gradients": True,
    "level": "quick",
    "refusals": ("E",),
    "source": ("a.cu",),
    "arithmetic": "tf32",
    "strict_arguments": True,
    "edges": "fault",
    "fail_fast": True,
    "seconds": 4.0,
    "fix": "w1x1x3x3",
    "layers": "layers.txt",
    "jobs": 7,
    "seed": 2,
    "timeout": 3.0,
    "compile_timeout": 3.0,
    "memory": 3 << 30,
    "python": "/a/python",
    "only": (ONE,),
    "limits": Limits(processes=3),
    "confine": True,
    "layout": "NHWC",
    "result": "y, *",
    "parameters": "strides=stride",
    "padding_as": "pairs",
    "pads": "SAME",
    "backward": "backward(dy) -> dx, dw=.dW",
    "construct": "kernel_size, stride",
    "attributes": "W=weight",
    "method": "call",
    "ints": True,
    "square": True,
    "true_convolution": True,
    "prototype": "void conv2d(float *x, float *w, float *y, int h, int width, int kernel)",
    "roles": "out_channels=1",
    "sanitize": True,
}
OF_C = ("prototype", "roles", "sanitize")
OF_TORCH = ("arrays", "device", "gradients", "transforms")
NATIVE = f"{Path(__file__).parent / 'native' / 'naive.c'}:conv2d"


@pytest.mark.parametrize("name", OTHERS)
def test_an_interrupted_audit_is_known_by_what_is_asked(name):
    assert set(OTHERS) == {field.name for field in fields(AuditOptions)}
    least = {"arrays": "torch"} if name in OF_TORCH[1:] else {}
    least = {"target": NATIVE if name in OF_C else TARGET, "seed": 1, **least}
    other = {"target": "" if name == "command" else least["target"]}
    one, other = AuditOptions(**least), AuditOptions(**{**least, **other, name: OTHERS[name]})
    assert (one.digest(b"source", [ONE]) == other.digest(b"source", [ONE])) == (name in PACE)
    assert one.digest(b"source", [ONE]) != one.digest(b"other", [ONE])
    assert one.digest(b"source", [ONE]) != one.digest(b"source", [ONE, OTHER])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"op": "conv4d"}, r"op is one of conv1d.*op='conv4d'; conv1d would fit"),
        ({"level": "endless"}, r"level is one of quick.*level='endless'; quick would fit"),
        ({"timeout": float("inf")}, r"timeout must be positive and finite: timeout=inf; 10 would fit"),
        ({"compile_timeout": 0}, r"compile_timeout must be positive and finite: compile_timeout=0; 120 would fit"),
        ({"jobs": 0}, r"jobs must be from 1 to 256: jobs=0; 1 would fit"),
        ({"device": "cuda:0"}, r"a device other than cpu needs torch's arrays: .*arrays='torch' would fit"),
        (
            {"gradients": True},
            r"gradients need torch.autograd, or a backward function: arrays='numpy'; arrays='torch' would",
        ),
        ({"gradients": True, "arrays": "torch", "op": "conv2d_input"}, r"op='conv2d_input'; 'conv2d' would fit"),
        ({"gradients": True, "arrays": "torch", "dtypes": ["int8"]}, r"dtype='int8'; 'float64' would fit"),
        ({"gradients": True, "arrays": "torch", "dtypes": ["float8_e5m2"]}, r"float8.*'bfloat16' would fit"),
        ({"only": [parse("conv1d x1x1x4 w1x1x3")]}, r"op is one of conv2d: op='conv1d'"),
        ({"arithmetic": "coarse"}, r"arithmetic is one of correctly-rounded"),
        ({"arrays": "jax"}, r"arrays is one of numpy, torch: arrays='jax'; numpy would fit"),
        ({"command": "sh conv2d.sh"}, r"one subject is audited: target='somewhere:conv2d' with command='sh conv2d.sh'"),
        ({"target": "", "command": "sh c.js"}, r"cannot be inferred from the command: command='sh c.js'; --op conv2d"),
        ({"target": "", "command": "sh conv1d conv2d/conv3d"}, r"cannot be inferred from the command: .*; --op conv2d"),
        ({"target": "", "command": "sh conv2d", "arrays": "torch"}, r"a command takes NumPy's arrays: .*'numpy' would"),
        (
            {"target": "", "command": "sh conv2d", "ints": True},
            r"asked by the protocol: command='sh conv2d' with ints; ",
        ),
        ({"target": "", "command": "sh conv2d", "op": "conv4d"}, r"op is one of conv1d"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(given, said):
    with pytest.raises(TargetError, match=said):
        options(**given)


def test_the_command_states_each_option_once():
    known = {field.name for field in fields(AuditOptions)}
    assert set(OPTIONS) == known - {"target", "only", "limits"}
    assert set(REPLAYED) <= known
    for command in ("audit", "replay"):
        given = main.commands[command].params
        for taken in ([option.name for option in given], [name for option in given for name in option.opts]):
            assert len(taken) == len(set(taken))


@pytest.mark.parametrize(
    "pointed",
    [
        {"target": TARGET, "pads": ""},
        {"target": TARGET, "padding_as": ""},
        {"command": OTHERS["command"]},
        {"target": NATIVE},
    ],
    ids=["target", "target that pads", "command", "c"],
)
def test_a_replay_line_says_all_that_decides_a_finding(pointed):
    of_python = ("arrays", "device", "gradients", "transforms", *(field.name for field in fields(Words)))
    left = ("seed", "command", *(() if pointed.get("target") == TARGET else of_python))
    left = (*left, *(() if pointed.get("target") == NATIVE else OF_C))
    chosen = AuditOptions(
        seed=1,
        level="quick",
        **{**{name: OTHERS[name] for name in REPLAYED if name not in left}, **pointed},
    )
    verdict = SimpleNamespace(options=chosen, recorded=False)
    finding = SimpleNamespace(before=(), problem=ONE, kind="hung")
    words = shlex.split(replay_line(finding, verdict))
    command = main.commands["replay"]
    given = command.make_context("replay", words[2:]).params
    assert words[:2] == ["conv-oracle", "replay"]
    assert (given["what"], given["target"]) == (str(ONE), pointed.get("target"))
    for name in REPLAYED:
        if name != "seed":  # another draw shows it too
            said = int(given[name]) if name == "memory" else given[name]
            assert said == getattr(chosen, name), name


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"dtypes": "float32"}, r"dtypes is a list: dtypes='float32'; \['float32'\] would fit"),
        ({"refusals": "MyError"}, r"refusals is a list"),
        ({"source": "k.cu"}, r"source is a list"),
        ({"only": ONE}, r"only is a list"),
        ({"only": ["conv2d x1x1x4x4 w1x1x3x3"]}, r"an entry of only has the wrong type.*Problem would fit"),
        ({"refusals": [ValueError]}, r"an entry of refusals has the wrong type"),
        ({"jobs": float("nan")}, r"jobs has the wrong type: jobs=nan; a value of type Integral would fit"),
        ({"jobs": True}, r"jobs has the wrong type"),
        ({"seed": "abc"}, r"seed has the wrong type"),
        ({"seed": -1}, r"seed must be at least 0: seed=-1; 0 would fit"),
        ({"strict_arguments": "no"}, r"strict_arguments has the wrong type"),
        ({"timeout": "5"}, r"timeout has the wrong type"),
        ({"limits": None}, r"limits has the wrong type.*Limits would fit"),
        ({"device": 5}, r"device has the wrong type"),
        ({"python": 5}, r"python has the wrong type"),
        ({"level": 5}, r"level has the wrong type"),
        ({"op": 5}, r"op has the wrong type"),
        ({"target": None}, r"target has the wrong type"),
    ],
)
def test_what_is_of_another_type_is_refused_in_one_line(given, said):
    with pytest.raises(TargetError, match=said):
        options(**given) if "target" not in given else AuditOptions(**given)


def test_paths_may_be_given_as_such():
    chosen = options(python=Path("/a/python"), source=[Path("k.cu")], seed=np.int64(3))
    assert (chosen.python, chosen.source, chosen.seed) == ("/a/python", ("k.cu",), 3)
    assert json.dumps(options_of(chosen))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("missed", 0.0),
        ("missed", -1.0),
        ("layers", -2),
        ("layers", 2.5),
        ("seconds", "5"),
        ("seconds", -1.0),
        ("draws", None),
    ],
)
def test_a_budget_that_is_none_is_refused(name, value):
    with pytest.raises(TargetError, match=f"{name}={value!r}; .* would fit"):
        replace(LEVELS["quick"], **{name: value})


def test_a_level_of_ones_own_says_so():
    own = replace(LEVELS["quick"], seconds=1.0)
    assert (LEVELS["quick"].said, own.said) == ("quick", "quick with other budgets")
    told = options_of(options(level=own))
    assert (told["level"], told["budgets"]["seconds"]) == ("quick", 1.0)
    assert set(told["budgets"]) == {field.name for field in fields(Level)}


def test_the_json_of_a_verdict_has_every_option():
    told = json.loads(json.dumps(options_of(options(only=[ONE], level="quick"))))
    known = {field.name for field in fields(AuditOptions)}
    assert set(told) - {"budgets"} == known - {"target", "op", "seed", "limits"}
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
