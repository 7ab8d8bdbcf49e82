"""What is not as it was exported, or not whole, is told in one line; and the two commands."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from safetensors.numpy import save_file

from audit.offline.answering import answered, right, small
from conv_oracle.auditing import grade
from conv_oracle.cli import main
from conv_oracle.errors import TargetError

pytestmark = pytest.mark.usefixtures("tiny")

PAGE = Path(__file__).parents[3] / "reference" / "targets_offline.md"


def cut(file):
    file.write_bytes(file.read_bytes()[:-3])


def rewritten(change):
    def rewrite(file):
        np.save(file, change(np.load(file)), allow_pickle=True)

    return rewrite


def index_changed(change):
    def changed(directory):
        index = json.loads((directory / "index.json").read_text())
        change(index)
        (directory / "index.json").write_text(json.dumps(index))

    return changed


def of_result(change):
    return lambda directory: change(directory / "results" / "p00004.npy")


def of_operand(change):
    return lambda directory: change(directory / "operands" / "p00004.input.npy")


def said(text):
    return lambda directory: (directory / "results" / "more.json").write_text(text)


def named(name):
    return lambda directory: np.save(directory / "results" / name, np.zeros((2, 1), np.int32))


def half_a_file(directory):
    file = directory / "results" / "more.safetensors"
    save_file({"p00004": np.zeros((4, 2), np.float32)}, file)
    cut(file)


CHANGES = {
    "a result cut": (of_result(cut), "a file of arrays must be whole"),
    "a safetensors file cut": (half_a_file, "more.safetensors"),
    "a result of objects": (of_result(rewritten(lambda one: one.astype(object))), "a file of arrays must be whole"),
    "one call less": (of_result(rewritten(lambda one: one[1:])), "stacked along a first axis"),
    "no axis": (of_result(rewritten(lambda one: one.sum())), "stacked along a first axis"),
    "no such problem": (named("p99999.npy"), "an answer has the id of a problem"),
    "no such name": (named("other.npy"), "an answer has the id of a problem"),
    "no such call": (named("p00004.99.npy"), "calls are numbered from 0"),
    "answered twice": (named("p00004.0.npy"), "a problem has one answer"),
    "answered and refused": (said('{"p00004": {"refused": "why"}}'), "a problem has one answer"),
    "not JSON": (said("{"), "what has no result is said in JSON"),
    "another word": (said('{"p00004": {"failed": "why"}}'), "what has no result is said in JSON"),
    "a list": (said("[1]"), "what has no result is said in JSON"),
    "operands changed": (of_operand(rewritten(lambda one: one + 1)), "what is graded is what was exported"),
    "operands of another dtype": (of_operand(rewritten(lambda one: one.astype(float))), "what is graded"),
    "operands cut": (of_operand(cut), "a file of arrays must be whole"),
    "a problem changed": (
        index_changed(lambda index: index["problems"][7]["parameters"].update(stride=[9, 9])),
        "index.json' was changed at 'p00007'",
    ),
    "a problem left out": (index_changed(lambda index: index["problems"].pop()), "was changed at"),
    "a problem more": (index_changed(lambda index: index["problems"].append({})), "was changed at"),
    "another seed": (index_changed(lambda index: index["options"].update(seed=2)), "was changed at 'p00000'"),
    "another version": (
        index_changed(lambda index: index.update(version="9", problems=[])),
        "it was made by version 9",
    ),
    "another format": (index_changed(lambda index: index.update(format=9)), "has format 1"),
    "no options": (index_changed(lambda index: index.pop("options")), "as conv-oracle export wrote it"),
    "an option more": (index_changed(lambda index: index["options"].update(more=1)), "as conv-oracle export wrote it"),
    "an export not whole": (index_changed(lambda index: index.update(whole=False)), "an export must be whole"),
    "no index": (lambda directory: (directory / "index.json").unlink(), "cannot be read"),
}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.sampled(2)
def test_what_is_not_as_it_should_be_is_told(what, conforming, tmp_path):
    change, wanted = CHANGES[what]
    directory = shutil.copytree(conforming, tmp_path / "it")
    change(directory)
    with pytest.raises(TargetError) as error:
        grade(directory)
    assert wanted in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.usefixtures("hasty")
def test_the_commands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke
    result = run(main, ["export", "--op", "conv2d", "--dtype", "int32", "--seed", "1", "--into", "problems"])
    assert (result.exit_code, result.output.count("\n")) == (0, 1)
    assert "conv-oracle grade problems" in result.output
    assert run(main, ["grade", "problems"]).exit_code == 3

    subject = small(right("conv2d"))
    answered(tmp_path / "problems", tmp_path / "right", subject)
    result = run(main, ["grade", "right", "--json", "right.json", "--markdown", "right.md"])
    assert result.exit_code == 0
    assert "conforms within the scope below" in result.output
    assert json.loads(Path("right.json").read_text())["recorded"] == "right"

    answered(tmp_path / "problems", tmp_path / "wrong", lambda *a, **k: -subject(*a, **k))
    result = run(main, ["grade", "wrong", "--json", "wrong.json", "--markdown", "wrong.md"])
    assert result.exit_code == 1
    assert "conv-oracle grade wrong" in result.output
    assert "no script calls another machine" in Path("wrong.md").read_text()
    replayed = run(main, ["replay", "wrong.json"])
    assert (replayed.exit_code, replayed.stderr.count("\n")) == (2, 1)
    assert "conv-oracle grade wrong would fit" in replayed.stderr


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["grade", "nowhere"], "cannot be read; conv-oracle export --into would fit"),
        (["export", "--into", "it"], "--op conv2d would fit"),
        (["export", "--op", "conv4d", "--into", "it"], "op is one of"),
        (["export", "--op", "conv2d", "--parameters", "all", "--into", "it"], "parameter='all'"),
        (["export", "--op", "conv2d", "--into", "file/it"], "the folder of an export must be writable"),
    ],
)
def test_errors_are_one_line(words, wanted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("")
    result = CliRunner().invoke(main, words)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert wanted in result.stderr


def test_the_page_is_true(tmp_path, monkeypatch):
    """The example on the page, as it is typed there."""
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    files = dict(re.findall(r"^```python\n# (\S+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    (block,) = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for name, source in files.items():
        Path(name).write_text(source)
    export_it, edit, run_it, grade_it = block.splitlines()
    assert CliRunner().invoke(main, export_it.split()[1:]).exit_code == 0
    subprocess.run(edit, shell=True, check=True)  # noqa: S602 - the page's text is what is under test
    words = [sys.executable, *run_it.split()[1:]]
    subprocess.run(words, check=True, env={"PYTHONPATH": str(tmp_path)}, capture_output=True)
    result = CliRunner().invoke(main, grade_it.split()[1:])
    assert result.exit_code == 1
    assert "kernel-flipped" in result.output
