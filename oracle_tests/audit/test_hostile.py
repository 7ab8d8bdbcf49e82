"""A hostile subject ends in its own outcome, never in `conforms`; it does not end, stall or outlive the audit."""

import contextlib
import itertools
import json
import os
import resource
import signal
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from audit.brief import HURRIED
from audit.hostile.hostile_common import rare
from audit.hostile.registry import ENDING, HARMLESS, IN_TESTS, NO_TARGET, SUBJECTS, hostile
from conv_oracle.auditing import audit
from conv_oracle.auditing.problems import problems
from conv_oracle.cli import main
from conv_oracle.errors import TargetError
from conv_oracle.operation import operation

pytestmark = pytest.mark.usefixtures("quick_is_brief")

EVERY = (*SUBJECTS, *IN_TESTS)
STALLED_SECONDS = 120
BYTES_TO_LOAD, SECONDS_TO_LOAD = 1 << 30, 8
"""What a subject that lies while it is loaded may cost the audit's own process: far more than it takes."""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Where the subject runs, where it may leave things, and how the audit's marks on its processes begin."""
    for name in ("here", "temporary", "litter"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("CONV_ORACLE_TEST_LITTER", str(tmp_path / "litter"))
    mark, number = f"hostile-{os.getpid()}-{tmp_path.name}", itertools.count()
    tokens = SimpleNamespace(token_hex=lambda _: f"{mark}-{next(number)}")
    monkeypatch.setattr("conv_oracle.auditing.sandbox.processes.secrets", tokens)
    yield SimpleNamespace(path=tmp_path, mark=mark)
    for process in reported_and_running(tmp_path):
        os.kill(process, signal.SIGKILL)


@contextlib.contextmanager
def limited(seconds, extra_bytes=None):
    """Fail an audit that takes longer, or more memory, and keep it from taking the suite with it."""
    before, handler = resource.getrlimit(resource.RLIMIT_AS), signal.signal(signal.SIGALRM, fail_as_stalled)
    if extra_bytes is not None:
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + extra_bytes, before[1]))
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)
        resource.setrlimit(resource.RLIMIT_AS, before)


def fail_as_stalled(*_):
    raise AssertionError("the audit stalls")


def reported_and_running(path):
    """The processes that the subject has reported in its litter and that still run."""
    file = path / "litter" / "started"
    return [int(word) for word in file.read_text().split() if is_running(word)] if file.exists() else []


def is_running(process):
    """Whether a process is there and is not merely waiting to be reaped."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def processes_marked(mark):
    """The running processes that bear one of an audit's marks."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in entry.read_bytes():
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return [process for process in found if is_running(process)]


def children_and_descriptors():
    """The audit's own child processes, and how many descriptors it has open."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return children, len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - Path opens one more


def audited(subject, **options):
    return audit(
        subject.target,
        **subject.options,
        **{
            "level": HURRIED,
            "timeout": subject.timeout,
            "compile_timeout": subject.timeout,
            "limits": subject.limits,
            "seed": 3,
            **options,
        },
    )


def subject_named(name):
    return next(subject for subject in (*EVERY, *HARMLESS) if subject.name == name)


IN_DEFAULT_RUN = 1
"""How many subjects of each module the default run audits, slow ones excepted; a slow run audits all."""


def parameters(subjects):
    """A parameter per subject, marked slow where the default run leaves it out, and xfail for a known defect."""
    seen = Counter()
    for subject in subjects:
        module = subject.name.partition(":")[0]
        seen[module] += not subject.slow
        late = subject.slow or seen[module] > IN_DEFAULT_RUN
        marks = [pytest.mark.slow] if late and not subject.known else []
        marks += [pytest.mark.xfail(reason=subject.known, strict=True)] if subject.known else []
        yield pytest.param(subject, id=subject.name, marks=marks)


@pytest.mark.parametrize("subject", list(parameters(EVERY)))
@pytest.mark.sampled(4)
def test_a_hostile_subject_ends_in_its_own_outcome(subject, place):
    before = children_and_descriptors()
    limits = (SECONDS_TO_LOAD, BYTES_TO_LOAD) if subject.name.startswith("loading:written") else (STALLED_SECONDS,)
    with limited(*limits):
        if subject.outcome == {NO_TARGET}:
            with pytest.raises(TargetError):
                audited(subject)
        else:
            with contextlib.suppress(TargetError) if NO_TARGET in subject.outcome else contextlib.nullcontext():
                verdict = audited(subject)
                assert verdict.verdict != "conforms"
                assert verdict.exit_code in (1, 3)
                assert subject.holds(verdict), [(finding.kind, finding.evidence) for finding in verdict.findings]
    assert children_and_descriptors() == before
    assert reported_and_running(place.path) == []
    assert processes_marked(place.mark) == []
    assert [file for folder in ("here", "temporary") for file in (place.path / folder).iterdir()] == []


IN_HASTE = replace(
    HURRIED,
    seconds=1.0,
    settling_seconds=0.2,
    diagnosis_seconds=1.0,
    rounding_reduction_seconds=0.2,
)
BESIDES = 6.0
"""Seconds to load the subject, to end its last processes, and to wait for a machine that has other things to do."""


@pytest.mark.parametrize(
    "subject", [pytest.param(one, id=one.name, marks=[pytest.mark.slow] * one.slow) for one in ENDING]
)
def test_an_audit_ends_in_time_whatever_the_subject_does(subject, place):
    compiling = 1.0
    bound = IN_HASTE.longest + IN_HASTE.seconds + compiling + subject.limits.ending_seconds + BESIDES
    before, began = children_and_descriptors(), time.monotonic()
    said = "none"
    with limited(int(3 * bound)), contextlib.suppress(TargetError):
        said = audited(subject, level=IN_HASTE, jobs=2, compile_timeout=compiling).verdict
    assert time.monotonic() - began < bound
    assert said in ("none", "faulty", "no-verdict")
    assert children_and_descriptors() == before
    assert reported_and_running(place.path) == []
    assert processes_marked(place.mark) == []


@pytest.mark.parametrize(
    "subject",
    [
        pytest.param(*one.values, id=one.id, marks=[pytest.mark.slow] * (n % 2))
        for n, one in enumerate(parameters(HARMLESS))
    ],
)
@pytest.mark.usefixtures("place")
def test_a_subject_without_its_trick_conforms(subject):
    verdict = audited(subject)
    assert verdict.findings == ()
    assert verdict.verdict == "conforms"
    assert verdict.scope.discriminating > 50


@pytest.mark.parametrize(
    ("name", "jobs"),
    [
        ("exits_and_raises:segfaults_on_one_problem", 1),
        ("exits_and_raises:segfaults_on_one_problem", 3),
        ("pipes:writes_garbage_on_one_problem", 2),
        ("stalls:sleeps_on_one_problem", 1),
    ],
)
@pytest.mark.usefixtures("place")
@pytest.mark.sampled(4)
def test_one_bad_call_costs_one_problem(name, jobs):
    """All but the problem of that call are asked and found right, as they are without the trick."""
    costs = dict.fromkeys(("most_hung", "most_crashed", "most_out_of_memory", "most_malformed", "more_calls"), 10**9)
    level = replace(HURRIED, seconds=60.0, most_seconds=1e9, **costs)
    (right,) = hostile("hostile_common:right", "conforms")
    whole, verdict = audited(right, level=level).scope, audited(subject_named(name), jobs=jobs, level=level)
    assert verdict.verdict == "faulty"
    scope = verdict.scope
    assert scope.truncated == ""
    assert scope.problems == scope.planned == whole.planned
    bad = [p for p in problems(operation("conv2d"), level) if rare(p.weight_shape, p.stride, p.groups)]
    (finding,) = verdict.findings
    assert 0 < finding.problems <= len(bad)
    assert whole.discriminating - len(bad) <= scope.discriminating < whole.discriminating
    asked, answered = (
        {(row.parameter, row.value): row.compared + row.failed for row in each.exercised if row.parameter != "operands"}
        for each in (whole, scope)
    )
    assert answered == asked


def test_a_verdict_that_is_raised_is_an_exception_like_any_other(place):
    words = [subject_named("forgers:raises_a_verdict").target, "--op", "conv2d", "--level", "quick"]
    result = CliRunner().invoke(main, ["audit", *words, "--json", str(place.path / "verdict.json")])
    assert result.exit_code == 2
    assert not (place.path / "verdict.json").exists()


@pytest.mark.parametrize("name", ["prints_a_verdict", "returns_a_verdict"])
def test_a_forged_verdict_changes_neither_the_report_nor_its_exit_code(name, place):
    document = place.path / "verdict.json"
    words = [subject_named(f"forgers:{name}").target, "--op", "conv2d", "--level", "quick", "--seed", "1"]
    result = CliRunner().invoke(main, ["audit", *words, "--json", str(document)])
    assert result.exit_code == 1
    assert "faulty: 1 finding" in result.output  # zeros are one fault: that a tile explains most of them is none
    assert json.loads(document.read_text())["verdict"] == "faulty"


@pytest.mark.usefixtures("place")
def test_escape_codes_that_a_subject_prints_do_not_reach_the_terminal():
    target = subject_named("forgers:prints_over_the_terminal").target
    result = CliRunner().invoke(main, ["audit", target, "--op", "conv2d", "--level", "quick", "--printed"])
    assert result.exit_code == 1
    assert "conforms within the scope below" in result.output
    assert "\x1b[2J" not in result.output


def test_the_command_ends_even_what_killed_its_launchers_and_hid(place):
    """Orphans of orphans come to the command, which starts nothing else."""
    subject = subject_named("processes:kills_its_launchers_and_leaves_a_daemon_that_bears_no_mark")
    result = CliRunner().invoke(
        main,
        ["audit", subject.target, "--op", "conv2d", "--level", "quick", "--timeout", "1", "--compile-timeout", "1"],
    )
    assert result.exit_code == 1
    assert (place.path / "litter" / "started").exists()
    assert reported_and_running(place.path) == []


def test_at_least_45_are_listed_each_once():
    assert len(EVERY) >= 45
    assert len({subject.name for subject in EVERY}) == len(EVERY)
