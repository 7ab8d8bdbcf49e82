"""The assertion that a convolution conforms."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from conv_oracle.accepting import Baseline, Choice, accept, read_baseline, stale
from conv_oracle.auditing import AuditOptions, Verdict, audit
from conv_oracle.errors import TargetError, near
from conv_oracle.report import brief, document
from conv_oracle.settings import settings
from conv_oracle.testing.subjects import Named, target_of

OPTIONS = [one.name for one in fields(AuditOptions) if one.name != "target"]
LEVEL = "quick"
"""The level of a test, where nothing says another: tests are many, and run often."""


def assert_conforms(
    subject: object = "",
    *,
    expected_faults: Mapping[str, str] | None = None,
    select: tuple[str, ...] = (),
    ignore: tuple[str, ...] = (),
    baseline: str | os.PathLike[str] | None = None,
    **options: Any,
) -> Verdict:
    """Audit a convolution, and fail unless it conforms. Returns the verdict.

    subject: a target as text, or a function, class, method or module-level object of the running process, which is
    found again by its name and loaded in a process of its own; see `target_of` for what cannot be.
    expected_faults: the faults that are known, by name, each with the reason; one that no longer shows fails too.
    select, ignore, baseline: which findings decide, as for the command. options: the other fields of AuditOptions.
    What is not said here is that of pytest's options, then of [tool.conv-oracle] in pyproject.toml; the level is quick.

    Raises AssertionError, with the first finding in at most ten lines and a line that repeats it, where a finding
    decides, where an expected fault does not show, and where there is no verdict; ConvOracleError for a subject that
    cannot be loaded and for options that are wrong.
    """
    __tracebackhide__ = True
    _check_names(options)
    session = _session()
    known = {"level": LEVEL, **settings(Path.cwd()), **(session.options if session else {})}
    chosen = {**known, **{name: value for name, value in options.items() if value is not None}}
    listed = {name: chosen.pop(name, ()) for name in ("select", "ignore")}
    file = chosen.pop("baseline", None) if baseline is None else baseline
    choice = Choice(
        select=tuple(select) or listed["select"],
        ignore=tuple(ignore) or listed["ignore"],
        expected=dict(expected_faults or {}),
        baseline=read_baseline(Path(file)) if file else Baseline(),
    )
    named = target_of(subject, options.get("op"))
    with _found_from(named):
        verdict = accept(audit(named.target, **chosen), choice)
    if session:
        session.record(document(verdict))
    if told := _wrong(verdict, choice):
        raise AssertionError("\n".join(told))
    return verdict


def _check_names(options: Mapping[str, Any]) -> None:
    """Raises TargetError for what is no option of an audit."""
    for name, value in options.items():
        if name not in OPTIONS:
            fit = near(name, OPTIONS)
            raise TargetError(f"assert_conforms takes options of an audit: {name}={value!r}; {fit} would fit")


def _wrong(verdict: Verdict, choice: Choice) -> list[str]:
    """What a failing test says; [] where it passes."""
    if verdict.verdict != "conforms":
        return brief(verdict)
    gone = stale(verdict, choice)
    return (
        [f"{verdict.options.target} as {verdict.options.op}: what is expected no longer shows", *gone] if gone else []
    )


@contextmanager
def _found_from(named: Named) -> Iterator[None]:
    """A context in which new processes find the package of a target: the environment is that of this process again."""
    before = os.environ.get("PYTHONPATH")
    if named.folder:
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (named.folder, before)))
    try:
        yield
    finally:
        if named.folder and before is None:
            del os.environ["PYTHONPATH"]
        elif named.folder:
            os.environ["PYTHONPATH"] = before or ""


def _session() -> Any:
    """The run of pytest that is under way, as its plugin knows it; None outside of pytest."""
    plugin = sys.modules.get("pytest_conv_oracle")
    return plugin.current() if plugin else None
