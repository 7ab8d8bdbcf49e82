"""What the command writes is whole, is its own, and goes where it was told, whatever lies there."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from conv_oracle.auditing import Destination
from conv_oracle.auditing.files import replace_file
from conv_oracle.cli import main

pytestmark = pytest.mark.usefixtures("quick_is_brief")
FAULTY = f"{Path(__file__).parent}/faulty_subjects.py:kernel_flipped_along_width"
WORDS = ["audit", FAULTY, "--op", "conv2d", "--level", "quick", "--seed", "3"]

LAYS_LINKS = """
import os, pathlib
from faulty_subjects import kernel_flipped_along_width as conv2d

place = pathlib.Path(os.environ["PLACE"])
process, known = os.getpid(), set()
while process > 1:
    known.add(process)
    process = int(open(f"/proc/{process}/stat").read().rpartition(")")[2].split()[1])
if not (place / "verdict.json").is_symlink():
    (place / "verdict.json").unlink(missing_ok=True)
    (place / "verdict.json").symlink_to(place / "mine")
    (place / "verdict.md").unlink(missing_ok=True)
    os.mkfifo(place / "verdict.md")
    for one in known:
        for name in ("verdict.json", "verdict.md"):
            (place / f".{name}.{one}").symlink_to(place / "mine")
"""


def test_a_link_or_a_pipe_that_a_subject_lays_is_replaced(tmp_path, monkeypatch):
    monkeypatch.setenv("PLACE", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    (tmp_path / "verdict.json").write_text("old")
    (tmp_path / "subject.py").write_text(LAYS_LINKS)
    files = ["--json", str(tmp_path / "verdict.json"), "--markdown", str(tmp_path / "verdict.md")]
    words = ["audit", f"{tmp_path}/subject.py:conv2d", *WORDS[2:], *files]
    assert CliRunner().invoke(main, words).exit_code == 1
    assert not (tmp_path / "verdict.json").is_symlink()
    assert json.loads((tmp_path / "verdict.json").read_text())["verdict"] == "faulty"
    assert (tmp_path / "verdict.md").is_file()
    assert not (tmp_path / "mine").exists()


def test_a_link_is_replaced_and_not_followed(tmp_path):
    (tmp_path / "elsewhere").write_text("mine")
    (tmp_path / "file").symlink_to(tmp_path / "elsewhere")
    Destination.of(tmp_path / "file").write(b"whole")
    assert (tmp_path / "elsewhere").read_text() == "mine"
    assert not (tmp_path / "file").is_symlink()
    assert (tmp_path / "file").read_text() == "whole"


def test_a_new_file_has_the_rights_of_any_other(tmp_path):
    (tmp_path / "other").write_text("")
    replace_file(tmp_path / "file", b"")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "other").stat().st_mode
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "other"]


def test_a_failure_leaves_what_was_there(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("old")

    def fails(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fails)
        with pytest.raises(OSError, match="No space"):
            replace_file(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_device_is_written_to():
    for name in (os.devnull, "/dev/stdout"):
        assert Destination.of(Path(name)).stream
    Destination.of(Path(os.devnull)).write(b"text")
    assert Path(os.devnull).is_char_device()


def test_a_pipe_is_written_to(tmp_path):
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    destination = Destination.of(pipe)
    with pytest.raises(OSError, match="No such device"):
        destination.write(b"to nobody")
    reader.start()
    while not got:
        try:
            destination.write(b"text")
            break
        except OSError:
            continue
    reader.join(10)
    assert got == [b"text"]


def shell(line):
    command = f"{sys.executable} -m conv_oracle {' '.join(WORDS)}"
    return subprocess.run(
        ["bash", "-c", line.replace("AUDIT", command)], capture_output=True, text=True, check=False, timeout=100
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("AUDIT > /dev/full", "the report needs a place that can be written to"),
        ("AUDIT --json - > /dev/full", "--json needs a place that can be written to"),
        ("AUDIT --json /dev/full", "--json needs a place that can be written to: file='/dev/full'"),
        ("set -o pipefail; AUDIT | true", "(Broken pipe)"),
        ("set -o pipefail; AUDIT --json - | true", "(Broken pipe)"),
    ],
)
@pytest.mark.slow
def test_what_cannot_be_written_is_one_line_and_no_verdict(line, said):
    done = shell(line)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_report_that_cannot_be_written_is_one_line_and_no_verdict():
    done = shell("AUDIT --markdown /dev/full > /dev/full")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--markdown needs a place that can be written to: file='/dev/full'" in done.stderr


def test_standard_output_as_a_device_is_written_to():
    done = shell("AUDIT --json /dev/stdout | cat")
    assert '"verdict": "faulty"' in done.stdout
