"""A jobs file is read whole: a line that is no job is named, with the rule and what would fit, before anything runs."""

import json

import pytest

from campaign.common import EXAMPLES, written
from conv_oracle.campaign import read_jobs
from conv_oracle.cli.main import main
from conv_oracle.errors import CampaignError

TARGET = f"{EXAMPLES}/faulty.py:conv2d"
GOOD = {"target": TARGET, "level": "quick"}


def test_a_job_has_an_id_its_options_and_absolute_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(EXAMPLES.parent)
    relative = "example/faulty.py:conv2d"
    file = written(tmp_path, {"target": relative}, {"target": relative, "jobs": 2, "seed": 5}, {**GOOD, "id": "own"})
    first, second, third = read_jobs(file, fail_fast=True)
    assert (first.id, second.id, third.id) == (relative, f"{relative} (2)", "own")
    assert [job.line for job in (first, second, third)] == [1, 2, 3]
    assert first.options == {"target": TARGET, "jobs": 1, "fail_fast": True}
    assert second.options == {"target": TARGET, "jobs": 2, "seed": 5, "fail_fast": True}
    assert first.subject == TARGET


def test_blank_lines_are_counted_and_are_no_jobs(tmp_path):
    file = tmp_path / "jobs.jsonl"
    file.write_text(f"\n{json.dumps(GOOD)}\n\n")
    assert [job.line for job in read_jobs(file)] == [2]


BROKEN = {
    "half an object": ('{"target": ', "a job is one JSON object: "),
    "no object": ("[1]", "a job is one JSON object: job='[1]'; {\"target\": "),
    "an option that is none": (json.dumps({**GOOD, "levle": "quick"}), "levle='quick'; level would fit"),
    "said twice": ('{"target": "a.py:f", "target": "b.py:f"}', "'target' is said twice"),
    "another value": (json.dumps({**GOOD, "level": "swift"}), "level is one of quick, standard"),
    "another type": (json.dumps({**GOOD, "seed": "five"}), "seed has the wrong type: seed='five'"),
    "a list of letters": (json.dumps({**GOOD, "dtypes": "float32"}), "dtypes is a list"),
    "no target": (json.dumps({"level": "quick"}), "a target is package.module:name"),
    "no such file": (json.dumps({"target": "nowhere.py:conv2d"}), "the target's file must exist"),
    "a bad notation": (json.dumps({**GOOD, "only": ["conv2d x1"]}), "conv2d x1"),
    "an id that is none": (json.dumps({**GOOD, "id": 5}), "an id is a text: id=5; 'first' would fit"),
    "limits": (json.dumps({**GOOD, "limits": {}}), "a job takes the options of an audit: limits={}"),
    "only a number": (
        json.dumps({**GOOD, "only": [5]}),
        "only is a list of problems in their notation: only=[5]; ['conv1d",
    ),
    "a path without end": (json.dumps({**GOOD, "layers": "a" * 5000}), "a path must be one that can be looked at"),
    "a nested depth": ("[" * 100_000, "a job is one JSON object: "),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_line_is_named_and_nothing_runs(name, tmp_path, capsys):
    line, said = BROKEN[name]
    file = tmp_path / "jobs.jsonl"
    file.write_text(f"{json.dumps(GOOD)}\n\n{line}\n")
    with pytest.raises(SystemExit) as ended:
        main(["campaign", str(file), "--into", str(tmp_path / "r.sqlite")])
    told = capsys.readouterr()
    assert ended.value.code == 2
    assert told.out == ""
    assert told.err.startswith("conv-oracle: line 3 of jobs.jsonl: ")
    assert told.err.count("\n") == 1
    assert said in told.err
    assert not (tmp_path / "r.sqlite").exists()


def test_an_id_comes_once(tmp_path):
    file = written(tmp_path, {**GOOD, "id": "a"}, {**GOOD, "id": "a"})
    with pytest.raises(CampaignError, match=r"line 2 of jobs.jsonl: an id is given once: id='a'; 'a \(2\)' would fit"):
        read_jobs(file)


@pytest.mark.parametrize(
    ("data", "said"), [(b"\n", "at least one job"), (b"\xff\xfe{}", "not UTF-8"), (None, "No such file")]
)
def test_a_file_without_jobs_is_told(data, said, tmp_path):
    file = tmp_path / "jobs.jsonl"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(CampaignError, match=said):
        read_jobs(file)
