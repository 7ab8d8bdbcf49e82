"""Convolutions in C and C++: right ones conform; threads, sanitizers, libraries and replays are told as they are."""

import json
import shlex
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from audit.native.registry_native import HERE, LEAST, NAIVE, OPENMP, PLANTED, RIGHT
from conv_oracle.auditing import LEVELS, audit
from conv_oracle.cli import main

PROTOTYPE = (
    "void conv2d(const float *x, const float *w, const float *b, float *y, int n, int c, int h, int w_, int oc, "
    "int kh, int kw, int sh, int sw, int ph, int pw, int dh, int dw, int groups)"
)


@pytest.fixture
def quick_is_least(monkeypatch):
    """A command takes levels by their names alone."""
    monkeypatch.setitem(LEVELS, "quick", LEAST)


def run(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


def audited(target, **options):
    return audit(target, **{"level": LEAST, "jobs": 1, "seed": 1, **options})


@pytest.mark.parametrize("source", RIGHT, ids=lambda one: one.file)
@pytest.mark.sampled(3)
def test_a_right_one_conforms(source):
    verdict = audited(source.target, **source.options)
    assert (verdict.verdict, [*verdict.findings]) == ("conforms", [])
    assert verdict.scope.notes[0].startswith("called as ")


@pytest.mark.slow
@pytest.mark.parametrize("source", RIGHT, ids=lambda one: one.file)
def test_a_right_one_conforms_at_quick(source):
    verdict = audit(source.target, level="quick", jobs=1, seed=1, **source.options)
    assert (verdict.verdict, [*verdict.findings]) == ("conforms", [])


def test_what_only_some_threads_do_wrong_is_seen_with_as_many(tmp_path, monkeypatch):
    planted = next(one for one in PLANTED if one.name == "the remainder is nobody's")
    target = planted.written(tmp_path)
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert audited(target).verdict == "conforms"
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    found = audited(target, fail_fast=True)
    assert [one.fault for one in found.findings] == ["varies"]
    assert audited(OPENMP.target).verdict == "conforms"


@pytest.mark.slow
def test_memory_of_its_own_is_watched_by_a_sanitizer(tmp_path):
    text = (HERE / "naive.c").read_text()
    file = tmp_path / "own.c"
    file.write_text(
        text.replace("<stddef.h>", "<stdlib.h>")
        .replace("float sum = b", "float *own = malloc(4 * sizeof *own); own[kw] = 0; free(own);\n float sum = b")
        .replace("void conv2d(", "__attribute__((optimize(0))) void conv2d(")
    )
    found = audited(f"{file}:conv2d", sanitize=True, fail_fast=True).findings
    assert {one.fault for one in found} == {"crashes"}
    assert "heap-buffer-overflow" in found[0].evidence.text
    assert f"{file}:" in found[0].evidence.text


def test_a_sanitized_right_one_conforms():
    assert audited(NAIVE.target, sanitize=True).verdict == "conforms"


def test_a_shared_library_is_called_as_its_prototype_says(tmp_path):
    library = tmp_path / "libconv.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", HERE / "naive.c", "-o", library], check=True)
    assert audited(f"{library}:conv2d", prototype=PROTOTYPE).verdict == "conforms"
    exchanged = PROTOTYPE.replace("int sh, int sw", "int sw, int sh")
    found = audited(f"{library}:conv2d", prototype=exchanged, fail_fast=True).findings
    assert {one.fault for one in found} & {"stride-axes-exchanged", "wrong-result-shape", "memory-overrun", "varies"}


@pytest.mark.usefixtures("quick_is_least")
def test_a_finding_is_repeated_by_the_command_that_is_printed(tmp_path):
    planted = next(one for one in PLANTED if one.name == "columns beyond the workspace")
    target, file = planted.written(tmp_path), tmp_path / "verdict.json"
    told = run(
        "audit", target, "--level", "quick", "--roles", planted.of.options["roles"], "--fail-fast", "--json", file
    )
    assert told.exit_code == 1
    assert "memory behind workspace was written" in " ".join(told.output.split())
    line = next(line for line in told.output.splitlines() if line.startswith("  repeat"))
    again = run(*shlex.split(line)[2:])
    assert (again.exit_code, "memory-overrun" in again.output) == (1, True), again.output
    options = json.loads(file.read_text())["options"]
    assert (options["roles"], options["sanitize"], options["dtypes"]) == (
        planted.of.options["roles"],
        False,
        ["float32"],
    )
    script = tmp_path / "shown.py"
    assert run("replay", file, "--script", script).exit_code == 1
    assert not script.exists()


def blocks(text):
    """(language, block) of every fenced block."""
    parts = text.split("```")
    return [tuple(part.split("\n", 1)) for part in parts[1::2]]


@pytest.mark.usefixtures("quick_is_least")
def test_every_example_of_the_page_does_what_it_says(tmp_path, monkeypatch):
    page = (Path(__file__).parents[3] / "reference" / "targets_native.md").read_text()
    monkeypatch.chdir(tmp_path)
    commands = 0
    for language, block in blocks(page):
        if language in ("c", "cpp"):
            name = block.split("\n")[0].strip("/* ")
            Path(name).write_text(block)
            continue
        for line in block.splitlines():
            words, expected = shlex.split(line.partition("  #")[0].partition("   #")[0]), line.partition("# ")[2]
            if words[0] == "cc":
                subprocess.run(words, check=True)
                continue
            told = run(*words[1:])
            commands += 1
            assert expected.partition(":")[0] == ("conforms" if told.exit_code == 0 else "faulty"), (line, told.output)
            assert expected.partition(": ")[2] in told.output
    assert commands >= 6
