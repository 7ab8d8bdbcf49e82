"""Programs in other languages: right ones conform, and every mistake and misbehaviour is found and named."""

import re
from dataclasses import replace

import numpy as np
import pytest

from audit.brief import HURRIED
from audit.programs.planted import COMPILERS, INTERPRETERS, MISBEHAVING, SAID, SERVERS, WRONG, command, planted
from conv_oracle.auditing import audit
from conv_oracle.auditing.operands import draw
from conv_oracle.auditing.sandbox import Binding, Sandbox, Subject
from conv_oracle.auditing.targets import commanded
from conv_oracle.operation import operation
from conv_oracle.problem import parse

NAMES = sorted(path.name for path in SERVERS.iterdir())
SPARING = replace(HURRIED, seconds=2.0, rounding=0.05, first_calls=0, more_calls=50, diagnosis_seconds=1.0)
"""A program is started for every process, and that of Python is slow."""

GROUPED = parse("conv2d x1x2x3x3 w2x1x2x2 g2 float64")


def audited(started, op="conv2d", **options):
    times = {"timeout": 5.0, "compile_timeout": 20.0}
    return audit(command=started, op=op, **{"level": SPARING, "jobs": 1, "seed": 1, **times, **options})


@pytest.mark.parametrize("server", NAMES)
@pytest.mark.sampled(2)
def test_a_server_conforms(server, tmp_path):
    verdict = audited(command(SERVERS / server, tmp_path))
    assert verdict.verdict == "conforms", verdict.findings
    assert verdict.options.target == verdict.options.command
    assert any("copies of its operands" in said for said in verdict.scope.narrowed)


@pytest.mark.parametrize("server", NAMES)
def test_a_server_is_short_and_uses_no_package(server):
    text = (SERVERS / server).read_text(encoding="utf-8")
    assert text.count("\n") <= 80
    used = re.findall(r'require\("([^"]+)"\)|#include <([^>]+)>|^use (\w+)', text, re.MULTILINE)
    assert {"".join(one) for one in used} <= {"fs", "std", "stdio.h", "stdlib.h", "string.h"}


@pytest.mark.slow
@pytest.mark.parametrize("op", ["conv1d", "conv2d", "conv3d"])
@pytest.mark.parametrize("server", NAMES)
def test_a_server_conforms_at_quick(server, op, tmp_path):
    verdict = audited(command(SERVERS / server, tmp_path), op, level="quick")
    assert verdict.verdict == "conforms", verdict.findings


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("op", ["conv_transpose1d", "conv_transpose3d", "conv2d_input", "conv1d_weight"])
def test_the_server_in_javascript_has_every_operation(op, dtype, tmp_path):
    verdict = audited(command(SERVERS / "conv.js", tmp_path), op, level="quick", dtypes=[dtype])
    assert verdict.verdict == "conforms", verdict.findings


@pytest.mark.parametrize("one", WRONG, ids=lambda one: one.server)
@pytest.mark.sampled(2)
def test_a_wrong_index_is_found_and_named(one, tmp_path):
    verdict = audited(planted(one, tmp_path), fail_fast=True)
    assert verdict.verdict == "faulty"
    assert verdict.findings[0].fault == one.named


@pytest.mark.parametrize("name", MISBEHAVING)
def test_misbehaviour_is_told_apart(name, tmp_path):
    """The last of two calls, as the bytes that nobody asked for are there when the next one begins."""
    making = commanded(planted(MISBEHAVING[name], tmp_path), operation("conv2d"), ("float64",))
    draws = draw(GROUPED, GROUPED.operand_shapes, 3, np.random.default_rng(0))
    series = Binding(("input", "weight"), {"groups": "groups"}).series(draws, [("call", 0), ("call", 0)])
    seconds = 0.5 if SAID[name][0] == "hung" else 20.0
    with Sandbox(Subject("a program", "numpy", timeout=seconds, compile_timeout=seconds, making=making), 1) as sandbox:
        sandbox.introduce()
        ((_, answers),) = sandbox.ask([(None, series)])
    assert (answers[-1].outcome, answers[-1].text) == SAID[name]


SAMPLE = ("prints",)


def assert_named(name, folder, **options):
    verdict = audited(planted(MISBEHAVING[name], folder), fail_fast=True, **options)
    assert verdict.verdict == "faulty", verdict.scope
    assert verdict.findings[0].fault == MISBEHAVING[name].named


@pytest.mark.parametrize("name", SAMPLE)
def test_misbehaviour_is_named(name, tmp_path):
    assert_named(name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", MISBEHAVING)
def test_every_misbehaviour_is_named_at_quick(name, tmp_path):
    assert_named(name, tmp_path, level="quick")


def test_what_a_program_refuses_narrows_the_scope(tmp_path):
    refusing = "write({ error: error", "write(ask.groups > 1 ? { refused: 'groups' } : { error: error"
    text = (SERVERS / "conv.js").read_text(encoding="utf-8").replace(*refusing).replace("M % g === 0", "g === 1")
    (tmp_path / "conv.js").write_text(text, encoding="utf-8")
    verdict = audited(command(tmp_path / "conv.js", tmp_path))
    assert verdict.verdict == "conforms", verdict.findings
    assert any("groups" in said for said in verdict.scope.narrowed)


def test_every_language_has_a_server_and_a_planted_one():
    assert {path.suffix for path in SERVERS.iterdir()} == {*COMPILERS, *INTERPRETERS}
    assert {one.server for one in WRONG} == {*NAMES}
    assert {*SAID} == {*MISBEHAVING} > {*SAMPLE}
