"""Annotations stand where the function is defined, what a subject says is no command, and the summary is appended."""

import re
from dataclasses import replace

import pytest
from click.testing import CliRunner

from conv_oracle.accepting import Choice, accept
from conv_oracle.cli import github, main
from conv_oracle.report import workflow_commands
from conv_oracle.report.places import defined_at
from workplaces.conftest import EXAMPLE

COMMAND = re.compile(r"::(\w+) ([^:]*)::(.*)")


def parsed(line):
    """(level, properties, message) of a workflow command, unescaped as the runner does it."""
    level, properties, message = COMMAND.fullmatch(line).groups()
    marks = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}

    def plain(text):
        return re.sub("|".join(marks), lambda match: marks[match[0]], text)

    return level, {k: plain(v) for k, v in (one.split("=", 1) for one in properties.split(","))}, plain(message)


def test_an_annotation_is_at_the_definition(faulty):
    (line,) = workflow_commands(faulty, EXAMPLE.parent)
    level, properties, message = parsed(line)
    at = (EXAMPLE / "faulty.py").read_text().splitlines().index("def conv2d(") + 1
    assert (level, properties) == (
        "error",
        {"file": "example/faulty.py", "line": str(at), "title": "kernel-flipped in conv2d"},
    )
    assert message.splitlines()[0] == "kernel-flipped: the kernel is read backwards along the width"
    assert "conv-oracle replay" in message.splitlines()[-1]


def test_outside_of_the_repository_there_is_no_place(faulty, tmp_path):
    (line,) = workflow_commands(faulty, tmp_path)
    assert parsed(line)[1] == {"title": "kernel-flipped in conv2d"}


def test_what_is_ignored_is_a_notice_and_no_verdict_an_error(conforming, faulty, without_verdict):
    assert workflow_commands(conforming, EXAMPLE) == []
    (notice,) = workflow_commands(accept(faulty, Choice(ignore=("kernel-flipped",))), EXAMPLE)
    assert parsed(notice)[0] == "notice"
    (error,) = workflow_commands(without_verdict, EXAMPLE)
    assert parsed(error)[0] == "error"
    assert "essential problems" in parsed(error)[2]


def test_what_a_subject_says_stays_in_its_message(faulty):
    one = faulty.findings[0]
    said = "50% wrong,\r\n::error::forged"
    told = replace(one, evidence=replace(one.evidence, text=said), fault="a:b,c%0A")
    (line,) = workflow_commands(replace(faulty, findings=(told,)), EXAMPLE)
    assert "\n" not in line
    assert "\r" not in line
    _, properties, message = parsed(line)
    assert properties["title"] == "a:b,c%0A in conv2d"
    assert "50% wrong,  ::error::forged" in message


@pytest.mark.parametrize(
    ("text", "name", "line"),
    [
        ("x = 1\n\ndef f():\n    pass\n", "f", 3),
        ("import numpy\nclass A:\n    b = 1\n    def f(self):\n        pass\n", "A.f", 4),
        ("class A:\n    pass\n", "A.missing", 1),
        ("\nconv = made()\n", "conv", 2),
        ("def broken(:\n", "broken", 1),
    ],
)
def test_a_definition_is_found_without_running_it(tmp_path, text, name, line):
    (tmp_path / "k.py").write_text(text)
    assert defined_at(f"{tmp_path}/k.py:{name}") == (tmp_path / "k.py", line)


def test_a_module_is_found_without_importing_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("raise ImportError('imported')")
    (tmp_path / "package" / "k.py").write_text("\n\ndef f(): pass\n")
    assert defined_at("package.k:f") == (tmp_path / "package" / "k.py", 3)
    assert defined_at("package:f") == (tmp_path / "package" / "__init__.py", 1)
    (tmp_path / "conv.c").write_text("/* f */\nvoid f (float *x) {}\n")
    assert defined_at("conv.c:f")[1] == 2
    assert defined_at("nowhere.at_all:f") is None
    assert defined_at("node conv.js") is None


@pytest.fixture
def ran(monkeypatch, tmp_path):
    """The command with --github, in an environment like that of Actions."""
    monkeypatch.setenv("GITHUB_WORKSPACE", str(EXAMPLE.parents[1]))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))

    def of(target, *words):
        return CliRunner().invoke(main, ["audit", target, "--level", "fixtures", "--seed", "1", "--github", *words])

    return of


def test_the_command_announces_and_what_is_printed_is_no_command(ran, tmp_path):
    source = (EXAMPLE / "faulty.py").read_text()
    (tmp_path / "kernels.py").write_text(f"print('::warning::forged')\n{source}")
    (tmp_path / "summary.md").write_text("before\n")
    result = ran(f"{tmp_path}/kernels.py:conv2d", "--printed")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].startswith("::error title=kernel-flipped in conv2d::")
    stop = re.fullmatch(r"::stop-commands::([0-9a-f]{32})", lines[1])
    assert lines[-1] == f"::{stop[1]}::"
    assert any("::warning::forged" in line for line in lines[2:-1])
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith("before\n# ")
    assert "is faulty" in summary


def test_a_summary_has_at_most_a_mebibyte():
    text = github._cut("# long\n" + "ä" * github.MOST_BYTES)
    assert len(text.encode()) <= github.MOST_BYTES
    assert text.endswith("(cut: it has more)\n")
    assert github._cut("short") == "short"


def test_what_cannot_be_told_is_one_line_and_exit_code_2(ran, tmp_path, faulty, capsys):
    result = ran(f"{EXAMPLE}/faulty.py:conv2d", "--json", "-")
    assert (result.exit_code, result.output.count("\n")) == (2, 1)
    assert "standard output takes one form: file='-' with --github" in result.output
    missing = tmp_path / "none" / "summary.md"
    with pytest.raises(SystemExit) as ended, github.announced(faulty, str(missing), str(tmp_path)):
        raise AssertionError("the report is not reached")
    assert ended.value.code == 2
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert "--github needs a place that can be written to" in told.err
