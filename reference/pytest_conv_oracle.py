"""The plugin for pytest: a marker and a fixture that audit, options for level and seed, and a report of all verdicts.

pytest loads it in every run, so it imports nothing of conv_oracle, nor NumPy, before a test asks for an audit.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

MARKER = "conv_oracle(**options): what the test returns is audited and must conform; see conv_oracle.testing"
SEED_BITS = 48
HANDED = "conv_oracle_verdicts"
"""The attribute of a report in which a test's verdicts come to the session, from another process under xdist too."""


@dataclass
class Session:
    """A run of pytest.

    options: the level, if one is asked for, and the seed of every audit. new: the verdicts of the test that runs.
    audits: those of all tests, with the test's name. file: where they are written at the end; None for nowhere.
    """

    options: dict[str, Any]
    file: Path | None
    new: list[str] = field(default_factory=list)
    audits: list[dict[str, Any]] = field(default_factory=list)

    def record(self, verdict: dict[str, Any]) -> None:
        """Keep a verdict, as a JSON document, for the test that runs."""
        if self.file:
            self.new.append(json.dumps(verdict))


SESSIONS: list[Session] = []
"""The runs under way in this process, one in another: a test of a plugin runs pytest in pytest."""


def current() -> Session | None:
    """The innermost run that is under way; None where none is."""
    return SESSIONS[-1] if SESSIONS else None


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, and the same in the configuration file."""
    group = parser.getgroup("conv-oracle", "conv-oracle: audits of convolutions")
    group.addoption("--conv-oracle-level", metavar="LEVEL", help="the level of every audit, where its test says none")
    group.addoption("--conv-oracle-seed", metavar="N", type=int, help="the seed of every audit; random by default")
    group.addoption("--conv-oracle-report", metavar="FILE", help="write the verdicts of all tests as JSON")
    parser.addini("conv_oracle_level", "the level of every audit, where its test says none")
    parser.addini("conv_oracle_seed", "the seed of every audit; random by default")


def pytest_configure(config: pytest.Config) -> None:
    """Begin a run: its seed is drawn once, for every worker of xdist. Raises UsageError for options that are wrong."""
    config.addinivalue_line("markers", MARKER)
    given: str | None = config.getoption("conv_oracle_report")
    file = Path(given).absolute() if given else None
    if file and (file.is_dir() or not file.parent.is_dir()):
        raise pytest.UsageError(f"--conv-oracle-report needs a file in an existing directory: FILE={given!r}")
    level = config.getoption("conv_oracle_level") or config.getini("conv_oracle_level")
    options = {"seed": _seed(config)} | ({"level": str(level)} if level else {})
    SESSIONS.append(Session(options, file))
    config.stash[KEY] = SESSIONS[-1]


def pytest_unconfigure(config: pytest.Config) -> None:
    """End a run."""
    session = config.stash.get(KEY, None)
    SESSIONS[:] = [one for one in SESSIONS if one is not session]


def pytest_report_header(config: pytest.Config) -> str:
    """The seed, with which a run can be repeated."""
    return f"conv-oracle: audits have --conv-oracle-seed={config.stash[KEY].options['seed']}"


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand the seed to a worker of xdist."""
    node.workerinput["conv_oracle_seed"] = node.config.stash[KEY].options["seed"]


@pytest.fixture
def conv_oracle() -> Callable[..., Any]:
    """`conv_oracle.testing.assert_conforms`: audits a convolution, and fails unless it conforms."""
    from conv_oracle.testing import assert_conforms  # noqa: PLC0415 - pytest loads this file in every run

    return assert_conforms


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is marked, and audit what it returns."""
    marks = [*pyfuncitem.iter_markers("conv_oracle")]
    if not marks:
        return None
    for mark in marks:
        if mark.args:
            pytest.fail(f"the marker conv_oracle takes options by name: args={mark.args!r}", pytrace=False)
    options = {name: value for mark in reversed(marks) for name, value in mark.kwargs.items()}
    names = pyfuncitem._fixtureinfo.argnames  # noqa: SLF001 - pytest's own way to call a test
    subject = pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})
    if subject is None:
        pytest.fail("a test with the marker conv_oracle returns what is audited: it returned None", pytrace=False)
    from conv_oracle import ConvOracleError  # noqa: PLC0415 - pytest loads this file in every run
    from conv_oracle.testing import assert_conforms  # noqa: PLC0415 - pytest loads this file in every run

    told = ""
    try:
        assert_conforms(subject, **options)
    except (AssertionError, ConvOracleError) as error:
        told = str(error)
    if told:  # outside of the handler, so that it is told once
        pytest.fail(told, pytrace=False)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[Any]:
    """Hand the verdicts of a test over with its report."""
    report = yield
    session = item.config.stash[KEY]
    setattr(report, HANDED, session.new)
    session.new = []
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Take the verdicts of a test over, from wherever it ran."""
    session = current()
    if session and session.file:
        session.audits += [{"test": report.nodeid, "verdict": json.loads(one)} for one in getattr(report, HANDED, [])]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the report; a worker of xdist has handed its verdicts over."""
    run = session.config.stash.get(KEY, None)
    if run is None or run.file is None or hasattr(session.config, "workerinput"):
        return
    told = {"seed": run.options["seed"], "audits": run.audits}
    try:
        run.file.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise pytest.UsageError(f"--conv-oracle-report cannot be written: {run.file} ({error.strerror})") from None


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say where the report is."""
    run = config.stash[KEY]
    if run.file:
        terminalreporter.write_line(f"conv-oracle: {len(run.audits)} verdicts in {run.file}")


def _seed(config: pytest.Config) -> int:
    """The seed of a run. Raises UsageError for what is none."""
    handed = getattr(config, "workerinput", {}).get("conv_oracle_seed")
    given = config.getoption("conv_oracle_seed")
    found = next((one for one in (handed, given, config.getini("conv_oracle_seed")) if one not in (None, "")), None)
    try:
        seed = secrets.randbits(SEED_BITS) if found is None else int(found)
    except ValueError:
        seed = -1
    if seed < 0:
        raise pytest.UsageError(f"the seed of audits is an integer from 0: seed={found!r}; 0 would fit")
    return seed


KEY = pytest.StashKey[Session]()
