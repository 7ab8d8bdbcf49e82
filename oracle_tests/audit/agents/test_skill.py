"""The page for coding agents: it begins as a skill does, and every command and snippet in it runs as it says."""

import io
import json
import re
import shlex
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from click.testing import CliRunner

from audit.brief import BRIEF, HURRIED
from conv_oracle.agents import MOST_BYTES
from conv_oracle.auditing import LEVELS
from conv_oracle.cli import main
from conv_oracle.cli.ending import NO_VERDICT, OWN_ERROR, USAGE

SKILL = Path(__file__).parents[3] / "scripts" / "agents" / "SKILL.md"
TEXT = SKILL.read_text(encoding="utf-8")
SHELL = [line for block in re.findall(r"^```sh\n(.*?)^```", TEXT, re.M | re.S) for line in block.splitlines()]
(PYTHON,) = re.findall(r"^```python\n(.*?)^```", TEXT, re.M | re.S)


def said_of(line, output, place):
    """Whether a command of the page gave what the page says of it, on the faulty example."""
    if "--feedback feedback.txt" in line:
        told = (place / "feedback.txt").read_text()
        return "cause: kernel-flipped: " in told and len(told.encode()) <= MOST_BYTES
    if "--events -" in line:
        told = [json.loads(one) for one in output.splitlines()]
        kinds = [one["event"] for one in told]
        return "wrong" in kinds and kinds[-1] == "verdict"
    if " explain " in line:
        return output.startswith("kernel-flipped")
    if " replay " in line:
        return "cause: kernel-flipped: " in output
    return "kernel-flipped: the kernel is read backwards along the width" in output


def test_it_begins_as_a_skill_does():
    _, front, body = re.split(r"^---\n", TEXT, maxsplit=2, flags=re.M)
    names = dict(line.split(": ", 1) for line in front.splitlines())
    assert names["name"] == "conv-oracle"
    assert 100 < len(names["description"]) <= 1024
    assert body.startswith("\n# ")


@pytest.mark.parametrize("line", SHELL)
def test_a_command_of_the_page_runs_and_gives_what_it_says(line, mine, monkeypatch):
    monkeypatch.setitem(LEVELS, "quick", HURRIED)
    monkeypatch.setitem(LEVELS, "standard", BRIEF)
    first, *words = shlex.split(line)
    assert first == "scripts/audit"
    words = words if words[0] in main.commands else ["audit", *words]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == (0 if words[0] == "explain" else 1), result.output
    assert said_of(line, result.stdout, mine.parent)
    (mine.parent / "feedback.txt").write_text("conforms\n")
    assert not said_of(line, '{"event": "verdict"}\n' if "--events" in line else "conforms", mine.parent)


def test_the_loop_of_the_page_tells_the_cause(mine, monkeypatch):  # noqa: ARG001 - a fixture that only acts
    monkeypatch.setitem(LEVELS, "quick", HURRIED)
    with redirect_stdout(io.StringIO()) as said:
        exec(PYTHON, {})  # noqa: S102 - the page's text is what is under test
    kind, headline, cause, *_ = said.getvalue().splitlines()
    assert kind == "wrong-value"
    assert headline == "faulty, 1 cause: mine.py:conv2d as conv2d"
    assert cause.startswith("cause: kernel-flipped")


def test_the_page_has_the_commands_exit_codes():
    told = {int(code) for code in re.findall(r"^\| (\d) \|", TEXT, re.M)}
    assert told == {0, 1, USAGE, NO_VERDICT, OWN_ERROR}
