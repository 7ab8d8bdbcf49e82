"""A confined subject computes as it likes, writes only where it is let, and reaches nobody."""

import json
import os
import socket
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from audit.test_isolation import LEVEL, SUBJECTS
from conv_oracle.auditing import audit
from conv_oracle.auditing.sandbox.confinement import CACHES, confinement
from conv_oracle.cli import main
from conv_oracle.errors import TargetError

ALLOWED = {"temporary", "temporary file", "device", "shared memory", "read"}


@pytest.fixture
def tried(tmp_path, monkeypatch):
    """What came of all that a subject tried, and its temporary directory."""
    for name in ("here", "place", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    for name in ("known", "second"):
        (tmp_path / "place" / name).write_text(name)
    monkeypatch.setenv("PLACE", str(tmp_path / "place"))
    monkeypatch.setenv("AUDIT", str(os.getpid()))

    def audited(**options):
        with socket.create_server(("127.0.0.1", 0)) as server:
            monkeypatch.setenv("PORT", str(server.getsockname()[1]))
            target = f"{SUBJECTS}:writes_everywhere"
            verdict = audit(target, op="conv2d", level=LEVEL, jobs=1, seed=3, **options)
        assert verdict.verdict == "conforms"
        said = [line.partition("SAID ")[2] for line in verdict.printed.splitlines() if line.startswith("SAID ")]
        return [json.loads(line) for line in said]

    return audited


def test_a_confined_subject_writes_only_to_its_own_directory(tried, tmp_path):
    every = tried(confine=True)
    assert len(every) > 1
    for told, temporary in every:
        assert told.pop("remove") in ("FileNotFoundError", "PermissionError")  # of what could not be renamed
        open_ = {name for name, outcome in told.items() if not outcome}
        assert open_ == ALLOWED
        assert Path(temporary).parent == tmp_path / "temporary"
        assert not Path(temporary).exists()
    for name in ("known", "second"):
        assert (tmp_path / "place" / name).read_text() == name


def test_a_subject_that_is_not_confined_could_do_all_of_it(tried):
    """Each thing that is tried is one that can be done."""
    told, _ = tried()[0]
    assert [name for name, outcome in told.items() if outcome] == []


@pytest.mark.parametrize("name", ["spawns", "forks"])
@pytest.mark.sampled(2)
def test_a_confined_subject_may_compute_in_processes_of_its_own(name):
    verdict = audit(f"{SUBJECTS}:{name}", op="conv2d", level=LEVEL, jobs=1, seed=3, confine=True)
    assert (verdict.verdict, verdict.findings) == ("conforms", ())


def test_where_the_library_is_missing_it_is_refused_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "landlock", None)
    result = CliRunner().invoke(main, ["audit", f"{SUBJECTS}:forks", "--op", "conv2d", "--confine"])
    assert result.exit_code == 2
    assert result.output.count("\n") == 1
    assert "--confine needs the library landlock" in result.output


def test_where_the_kernel_lacks_it_it_is_refused(monkeypatch):
    def missing():
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("landlock.landlock_abi_version", missing)
    with pytest.raises(TargetError, match="--confine needs Landlock in the kernel: Function not implemented"):
        confinement()
    monkeypatch.setattr("landlock.landlock_abi_version", lambda: 3)
    with pytest.raises(TargetError, match=r"--confine needs Linux 6.7 or newer: landlock=3; 4 would fit"):
        confinement()


def test_libraries_are_led_to_the_temporary_directory():
    one = confinement()
    Path(one.temporary).rmdir()
    assert one.environment == dict.fromkeys(CACHES, one.temporary)
    assert one.writable[0] == one.temporary
    assert os.devnull in one.writable
