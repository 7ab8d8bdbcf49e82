"""The journal of a long audit: it is resumed from it, and no other is believed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from audit.brief import BRIEF, HURRIED
from conv_oracle.auditing import LEVELS, audit
from conv_oracle.auditing.course import Course
from conv_oracle.auditing.journal import SIGNATURE_BYTES, Journal
from conv_oracle.cli import main
from conv_oracle.errors import TargetError

SUBJECT = f"{Path(__file__).parent}/faulty_subjects.py:right"


def asked(journal, **options):
    level = replace(BRIEF, journal_seconds=0.0)
    return audit(SUBJECT, op="conv2d", level=level, seed=5, journal=journal, **options)


@pytest.fixture
def interrupted(tmp_path):
    """The journal of an audit that was interrupted after some of its problems."""
    journal = Journal.new(tmp_path / "journals")

    def stop(progress):
        if progress.done > 60:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asked(journal, progress=stop)
    return journal


def test_an_interrupted_audit_goes_on_to_the_same_end(interrupted, monkeypatch):
    whole = asked(None)
    again = []
    resume = Course.resume
    monkeypatch.setattr(Course, "resume", lambda self: (resume(self), again.append(self.done)))
    resumed = asked(interrupted, resume=True)
    assert again[0] > 40
    assert resumed.verdict == whole.verdict == "conforms"
    assert resumed.scope.problems == whole.scope.problems
    assert resumed.scope.undetected == whole.scope.undetected
    assert resumed.scope.exercised == whole.scope.exercised


def test_a_forged_journal_is_refused(interrupted):
    whole = interrupted.file.read_bytes()
    state = json.loads(whole[SIGNATURE_BYTES:])
    state["done"] = 10_000
    interrupted.file.write_bytes(whole[:SIGNATURE_BYTES] + json.dumps(state).encode())
    with pytest.raises(TargetError, match="a journal must be signed with its key"):
        asked(interrupted, resume=True)


def test_a_journal_is_not_told_by_another_key(interrupted):
    other = Journal.new(interrupted.directory)
    other.file.write_bytes(interrupted.file.read_bytes())
    with pytest.raises(TargetError, match="a journal must be signed with its key"):
        asked(other, resume=True)
    with pytest.raises(TargetError, match="has no journal"):
        asked(Journal.new(interrupted.directory), resume=True)


def test_a_journal_is_its_own_audits(interrupted):
    with pytest.raises(TargetError, match="have changed since"):
        asked(interrupted, resume=True, dtypes=["float32"])


def test_the_command_resumes_an_exhaustive_audit(tmp_path, monkeypatch):
    monkeypatch.setattr("click.get_app_dir", lambda _: str(tmp_path))
    shortened = replace(HURRIED, name="exhaustive", seconds=30.0, journal_seconds=0.0)
    monkeypatch.setitem(LEVELS, "exhaustive", shortened)

    def stopping(*arguments, progress=None, **options):  # noqa: ARG001
        def stop(progress):
            if progress.done > 30:
                raise KeyboardInterrupt

        return audit(*arguments, progress=stop, **options)

    words = ["audit", SUBJECT, "--op", "conv2d", "--level", "exhaustive", "--jobs", "1"]
    with monkeypatch.context() as patch:
        patch.setattr("conv_oracle.cli.audit", stopping)
        result = CliRunner().invoke(main, words)
    assert result.exit_code == 130
    key = result.stderr.rpartition("--resume ")[2].split()[0]
    assert len(list((tmp_path / "journals").iterdir())) == 1
    result = CliRunner().invoke(main, [*words, "--resume", key])
    assert result.exit_code == 0, result.output
    assert list((tmp_path / "journals").iterdir()) == []
    result = CliRunner().invoke(main, [*words, "--resume", key])
    assert result.exit_code == 2
    assert "has no journal" in result.output
    result = CliRunner().invoke(main, ["audit", SUBJECT, "--op", "conv2d", "--resume", key])
    assert result.exit_code == 2
    assert "--resume is for level exhaustive" in result.output
