"""The journal of a long audit: it is resumed from it, and no other is believed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from audit.brief import BRIEF, HURRIED
from conv_oracle.auditing import LEVELS, AuditOptions, audit
from conv_oracle.auditing.course import Course
from conv_oracle.auditing.journal import SIGNATURE_BYTES, Journal
from conv_oracle.auditing.judging import Ledger
from conv_oracle.auditing.sandbox import Sandbox
from conv_oracle.cli import main
from conv_oracle.errors import TargetError

SUBJECT = f"{Path(__file__).parent}/faulty_subjects.py:right"


def asked(journal, **options):
    level = replace(BRIEF, seconds=30.0, journal_seconds=0.0)
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
    monkeypatch.setattr(Course, "resume", lambda self, state: (resume(self, state), again.append(self.done)))
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


FORGER = """
import hashlib, hmac, json, os, pathlib
from faulty_subjects import right

def forge():
    texts, process = [], os.getpid()
    while process > 1:
        for name in ("cmdline", "environ"):
            try:
                texts += open(f"/proc/{process}/{name}", "rb").read().replace(b"=", b"\\0").split(b"\\0")
            except OSError:
                pass
        process = int(open(f"/proc/{process}/stat").read().rpartition(")")[2].split()[1])
    keys = [text for text in texts if len(text) == 32]
    place = pathlib.Path(os.environ["JOURNALS"])
    for file in place.glob("*.json"):
        for key in [*keys, b"0" * 32]:
            whole = file.read_bytes()
            state = json.loads(whole[64:])
            state["done"] = 10**9
            body = json.dumps(state).encode()
            file.write_bytes(hmac.new(key, body, hashlib.sha256).hexdigest().encode() + body)
            found = place / (hashlib.sha256(b"name" + key).hexdigest()[:32] + ".json") == file
            (place / "said").write_text("forged" if found else "no key")

forge()

def conv2d(x, w, bias=None, groups=1, **geometry):
    return right(x, w, bias, groups=groups, **geometry) * (1 if groups == 1 else 0)
"""


def test_a_subject_that_forges_the_journal_while_it_is_loaded_is_asked_all_the_same(tmp_path, monkeypatch):
    journals = tmp_path / "conv" / "journals"
    monkeypatch.setenv("JOURNALS", str(journals))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setattr("click.get_app_dir", lambda _: str(tmp_path / "conv"))
    monkeypatch.setitem(LEVELS, "exhaustive", replace(HURRIED, name="exhaustive", seconds=30.0))
    subject = tmp_path / "forger.py"
    subject.write_text(FORGER)
    journal = Journal.new(journals)
    journal.write({"of": "another", "done": 0, "seed": 5, "ledger": Ledger(HURRIED).written()})
    words = ["audit", f"{subject}:conv2d", "--level", "exhaustive", "--jobs", "1", "--seed", "3", "--resume"]
    result = CliRunner().invoke(main, words, input=f"{journal.key}\n")
    assert (journals / "said").read_text() == "no key"
    assert result.exit_code == 2
    assert "have changed since" in result.output
    of = []
    digest = AuditOptions.digest
    monkeypatch.setattr(AuditOptions, "digest", lambda *given: of.append(digest(*given)) or of[-1])
    journal.write({"of": "another", "done": 0, "seed": 5, "ledger": Ledger(HURRIED).written()})
    CliRunner().invoke(main, words, input=f"{journal.key}\n")
    journal.write({"of": of[-1], "done": 0, "seed": 5, "ledger": Ledger(HURRIED).written()})
    result = CliRunner().invoke(main, words, input=f"{journal.key}\n")
    assert result.exit_code == 1
    assert "faulty" in result.output


def test_a_journal_is_read_before_the_subject_is_loaded(interrupted, monkeypatch):
    order = []
    read, introduce = Journal.read, Sandbox.introduce
    monkeypatch.setattr(Journal, "read", lambda self: order.append("read") or read(self))
    monkeypatch.setattr(Sandbox, "introduce", lambda self: order.append("load") or introduce(self))
    asked(interrupted, resume=True)
    assert order == ["read", "load"]


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.update(done=-1),
        lambda state: state.update(done=True),
        lambda state: state["ledger"]["records"][0].__setitem__(2, "wrong"),
        lambda state: state["ledger"]["records"][0].__setitem__(3, -1.0),
        lambda state: state["ledger"]["records"][0].__setitem__(4, [10**6, 1.5, 0, 0]),
        lambda state: state["ledger"]["records"][0].__setitem__(0, "conv2d of anything"),
        lambda state: state["ledger"].pop("inexact"),
        lambda state: state.pop("of"),
    ],
)
def test_a_journal_has_what_an_audit_writes(interrupted, change):
    state = interrupted.read()
    change(state)
    interrupted.write(state)
    with pytest.raises(TargetError, match="a journal must have what an audit wrote"):
        asked(interrupted, resume=True)


def test_what_a_journal_counts_follows_from_its_records(interrupted):
    written = interrupted.read()["ledger"]
    assert {"counts", "calls", "outputs", "compared"} & written.keys() == set()
    ledger = Ledger(BRIEF)
    ledger.restore(written)
    records = ledger.records.values()
    assert ledger.calls == sum(record.counts.answers for record in records) > 60
    assert ledger.outputs == sum(record.counts.outputs for record in records) > 60
    assert sum(ledger.compared.values()) == sum(record.counts.right for record in records) > 60
    assert ledger.written() == written


def test_a_journal_is_not_told_by_another_key(interrupted):
    other = Journal.new(interrupted.directory)
    other.file.write_bytes(interrupted.file.read_bytes())
    with pytest.raises(TargetError, match="a journal must be signed with its key"):
        asked(other, resume=True)
    with pytest.raises(TargetError, match="there is no journal of this key"):
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
        patch.setattr("conv_oracle.cli.audit.audit", stopping)
        result = CliRunner().invoke(main, words)
    assert result.exit_code == 130
    key = result.stderr.split()[-1]
    assert len(list((tmp_path / "journals").iterdir())) == 1
    result = CliRunner().invoke(main, [*words, "--resume"], input=f"{key}\n")
    assert result.exit_code == 0, result.output
    assert key not in result.output
    assert list((tmp_path / "journals").iterdir()) == []
    result = CliRunner().invoke(main, [*words, "--resume"], input=f"{key}\n")
    assert result.exit_code == 2
    assert "there is no journal of this key" in result.output
    result = CliRunner().invoke(main, ["audit", SUBJECT, "--op", "conv2d", "--resume"], input=f"{key}\n")
    assert result.exit_code == 2
    assert "--resume is for level exhaustive" in result.output
