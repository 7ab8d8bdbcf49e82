"""The page on campaigns is true: its jobs are read and audited, its commands run, its queries answer."""

import re
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from campaign.common import ROOT, SMALL, free_port, written
from conv_oracle.campaign import read_jobs
from conv_oracle.campaign.trees import MOST_BYTES, MOST_FILES
from conv_oracle.cli.main import main

PAGE = (ROOT / "reference" / "CAMPAIGNS.md").read_text(encoding="utf-8")


def blocks(language):
    found = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [text for name, text in found if name == language]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The page's jobs, audited by its first command; made small, as its level asks seconds of each."""
    made = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(ROOT)
        (text,) = blocks("json")
        file = made / "as_printed.jsonl"
        file.write_text(text)
        printed = read_jobs(file)
        assert [job.id for job in printed] == ["flipped", "scripts/example/conforming.py:conv2d"]
        jobs = [{**job.options, **SMALL, "id": job.id} for job in printed]
        words = ["campaign", str(written(made, *jobs)), "--into", str(made / "results.sqlite")]
        ended = CliRunner().invoke(main, words)
        assert (ended.exit_code, ended.output.splitlines()[0]) == (1, "2 jobs: 1 conforms, 1 faulty")
    return made


def commands():
    lines = [line.partition("#")[0].split() for block in blocks("") for line in block.splitlines()]
    return [words[1:] for words in lines if words and words[0] == "conv-oracle"]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_the_commands_run(words, folder, monkeypatch):
    monkeypatch.chdir(folder)
    asked = ["jobs.jsonl" if word == "JOBS.jsonl" else word for word in words]
    if "--scheduler" in asked:
        asked = asked[: asked.index("--scheduler")]  # test_dask_is_started_as_the_page_says runs it
    ended = CliRunner().invoke(main, asked)
    assert ended.exit_code == (1 if "--into" in asked else 0), ended.output
    assert len(commands()) == 5


def test_the_queries_answer(folder):
    (text,) = blocks("sql")
    with sqlite3.connect(folder / "results.sqlite") as connection:
        answers = [connection.execute(query).fetchall() for query in text.split(";") if query.strip()]
    assert [row[:3] for row in answers[0]] == [
        ("flipped", "faulty", "kernel-flipped"),
        ("scripts/example/conforming.py:conv2d", "conforms", ""),
    ]
    assert answers[1] == [("kernel-flipped", 1)]
    assert answers[2] == []
    assert [0 <= chance <= 1 for _, chance in answers[3]] == [True, True]
    assert dict(answers[4])["flipped"].startswith("conv2d ")


def test_the_numbers_are_the_codes():
    assert f"more than {MOST_FILES:,} files or {MOST_BYTES >> 30} GiB" in PAGE


@pytest.mark.slow
def test_dask_is_started_as_the_page_says(folder):
    pytest.importorskip("distributed")
    (text,) = blocks("sh")
    port, started = str(free_port()), []
    script = Path(sys.executable).with_name("dask")
    try:
        for line in text.splitlines():
            words = (
                line.replace("8786", port).replace("HOST", "127.0.0.1").replace("--nworkers 8", "--nworkers 2").split()
            )
            started.append(subprocess.Popen([script, *words[1:], "--no-dashboard"], stderr=subprocess.DEVNULL))
            time.sleep(2)
        words = ["campaign", str(folder / "jobs.jsonl"), "--into", str(folder / "cluster.sqlite")]
        ended = CliRunner().invoke(main, [*words, "--scheduler", f"tcp://127.0.0.1:{port}"])
        assert (ended.exit_code, ended.output.splitlines()[0]) == (1, "2 jobs: 1 conforms, 1 faulty")
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(20)
