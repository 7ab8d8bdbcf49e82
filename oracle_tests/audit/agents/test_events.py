"""Events are JSON lines that keep their schema, come while the audit is under way, and lose nothing silently."""

import json
import os
import subprocess
import sys
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from conv_oracle.agents import Events
from conv_oracle.auditing import Destination, Progress
from conv_oracle.cli import main
from conv_oracle.cli.telling import telling
from conv_oracle.cli.written import EVENTS

EXAMPLES = Path(__file__).parents[3] / "scripts" / "example"
SCHEMA = json.loads(resources.files("conv_oracle.agents").joinpath("events.schema.json").read_text(encoding="utf-8"))
WORDS = ["audit", "mine.py:conv2d", "--level", "quick", "--seed", "1", "--fail-fast"]
HALF_WAY = {"done": 3, "planned": 9, "refused": 0, "asking": "conv2d x1x1x3x3 w1x1x2x2"}


def events(text):
    """The events of a text, each of which keeps the schema."""
    assert text.endswith("\n")
    told = [json.loads(line) for line in text.splitlines()]
    for one in told:
        jsonschema.validate(one, SCHEMA)
    return told


@pytest.mark.usefixtures("quick_is_brief")
def test_an_audit_is_told_from_its_start_to_its_verdict(mine):
    result = CliRunner().invoke(main, [*WORDS, "--events", "events.jsonl", "--json", "verdict.json"])
    assert result.exit_code == 1
    told = events((mine.parent / "events.jsonl").read_text())
    kinds = [one["event"] for one in told]
    assert (kinds[0], kinds[-1]) == ("started", "verdict")
    assert kinds.index("wrong") < kinds.index("finding")
    assert [one["seconds"] for one in told] == sorted(one["seconds"] for one in told)
    verdict = json.loads((mine.parent / "verdict.json").read_text())
    (finding,) = [one for one in told if one["event"] == "finding"]
    assert (finding["fault"], finding["problem"]) == ("kernel-flipped", verdict["findings"][0]["problem"])
    assert (told[-1]["exit_code"], told[-1]["reward"], told[-1]["seed"]) == (1, 0.0, 1)


@pytest.mark.usefixtures("quick_is_brief")
def test_on_standard_output_events_take_the_place_of_the_report(mine):
    (mine.parent / "mine.py").write_text("raise RuntimeError('first\\nsecond')\n")
    result = CliRunner().invoke(main, [*WORDS, "--events", "-"])
    assert result.exit_code == 2
    started, error = events(result.stdout)
    assert (started["event"], started["target"], started["seed"]) == ("started", "mine.py:conv2d", 1)
    assert (error["event"], error["exit_code"]) == ("error", 2)
    assert error["message"] in result.stderr


def test_a_line_that_breaks_the_schema_is_seen():
    lines = []
    Events(lines.append).error("why", 2)
    whole = json.loads(lines[0])
    for broken in ({**whole, "exit_code": 0}, {**whole, "more": 1}, {"event": "error", "seconds": 0.1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, SCHEMA)


def test_each_event_is_written_at_once_and_the_first_wrong_answer_before_any_progress():
    lines = []
    told = Events(lines.append)
    told.started("mine.py:conv2d", {"level": "quick"})
    told.progress(Progress(**HALF_WAY, failed=0))
    assert [json.loads(line)["event"] for line in lines] == ["started", "progress"]
    for _ in range(5):
        told.progress(Progress(**HALF_WAY, failed=2, wrong="conv2d x1x1x2x2 w1x1x1x2"))
    assert [json.loads(line)["event"] for line in lines[2:]] == ["wrong"]
    assert json.loads(lines[2])["problem"] == "conv2d x1x1x2x2 w1x1x1x2"
    events("".join(lines))


@pytest.mark.parametrize(
    ("error", "code"), [(KeyboardInterrupt(), 130), (ValueError("ours"), 4)], ids=["interrupted", "our-own"]
)
def test_an_audit_that_ends_otherwise_says_so(tmp_path, error, code):
    written = {EVENTS: Destination.of(tmp_path / "events.jsonl")}
    with pytest.raises(type(error)), telling(written, "mine.py:conv2d", {}, None):
        raise error
    assert events((tmp_path / "events.jsonl").read_text())[-1]["exit_code"] == code


def test_progress_is_shown_besides(tmp_path):
    shown = []
    with telling({EVENTS: Destination.of(tmp_path / "events.jsonl")}, "mine.py:conv2d", {}, shown.append) as told:
        told.progress(Progress(**HALF_WAY, failed=0))
    assert [one.done for one in shown] == [3]
    with telling({}, "mine.py:conv2d", {}, shown.append) as told:
        assert told.progress == shown.append


@pytest.mark.parametrize("place", ["link", "pipe", "full", "folder"])
def test_what_cannot_be_written_is_one_line_before_the_subject_runs(tmp_path, capsys, place):
    path = tmp_path / place
    if place == "link":
        path.symlink_to(tmp_path / "elsewhere")
    elif place == "pipe":
        os.mkfifo(path)
    elif place == "folder":
        path.mkdir()
    else:
        path = "/dev/full"
    with pytest.raises(SystemExit) as ended, telling({EVENTS: Destination.of(tmp_path / path)}, "m.py:f", {}, None):
        pytest.fail("the subject runs")
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("conv-oracle: --events needs a place that can be written to: file=")
    assert said.count("\n") == 1
    assert not (tmp_path / "elsewhere").exists()


def test_a_reader_that_goes_away_ends_the_audit_in_one_line():
    words = " ".join(["audit", f"{EXAMPLES}/faulty.py:conv2d", *WORDS[2:]])
    command = f"set -o pipefail; {sys.executable} -m conv_oracle {words} --events - | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 2
    assert events(done.stdout)[0]["event"] == "started"
    assert done.stderr == "conv-oracle: --events needs a place that can be written to: file='-' (Broken pipe)\n"


@pytest.mark.usefixtures("mine")
def test_standard_output_takes_one_form():
    result = CliRunner().invoke(main, [*WORDS, "--events", "-", "--feedback", "-"])
    assert result.exit_code == 2
    assert "file='-' of --feedback and --events" in result.stderr
    assert result.stderr.count("\n") == 1
