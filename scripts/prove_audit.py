"""Prove the audit: every planted fault is found and named, no right subject is accused, and no hostile one conforms.

Audits every subject of `oracle_tests/audit` at a level and prints a table of recall and time. What has been audited is
kept in `.proof/` by the content of the package and of the subject's folder, so that an interrupted proof resumes, and
a repeated one audits only what has changed. Exits with 1 where a verdict is not the expected one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
PROOF = ROOT / ".proof"
sys.path.insert(0, str(ROOT / "oracle_tests"))

from audit.described.fresh.registry import SUBJECTS as FRESH  # type: ignore[import-not-found] # noqa: E402
from audit.described.kept.registry import SUBJECTS as KEPT  # type: ignore[import-not-found] # noqa: E402
from audit.described.later.registry import SUBJECTS as LATER  # type: ignore[import-not-found] # noqa: E402
from audit.described.seen.registry import SUBJECTS as SEEN  # type: ignore[import-not-found] # noqa: E402
from audit.foreign.registry import SUBJECTS as FOREIGN  # type: ignore[import-not-found] # noqa: E402
from audit.hostile.registry import SUBJECTS as HOSTILE  # type: ignore[import-not-found] # noqa: E402
from audit.planted.registry import PLANTS  # type: ignore[import-not-found] # noqa: E402
from audit.right.fresh.registry import SUBJECTS as FRESH_RIGHT  # type: ignore[import-not-found] # noqa: E402
from audit.right.people.registry import SUBJECTS as PEOPLE  # type: ignore[import-not-found] # noqa: E402
from audit.right.registry import SUBJECTS as RIGHT  # type: ignore[import-not-found] # noqa: E402
from audit.usage.registry import SUBJECTS as USAGE  # type: ignore[import-not-found] # noqa: E402
from conv_oracle.auditing import Verdict, audit  # noqa: E402
from conv_oracle.auditing.diagnosis import UNNAMED  # noqa: E402
from conv_oracle.errors import TargetError  # noqa: E402
from conv_oracle.report import ScriptError, script  # noqa: E402
from conv_oracle.space import solvable  # noqa: E402

SEED = 20_261_124
BROKEN = r"^(ModuleNotFound|Import|Syntax|Name)Error"
"""How a script ends that has not called the subject."""

KINDS = ("faulty", "foreign", "described", "usage", "right", "people", "hostile")


@dataclass(frozen=True)
class Case:
    """One subject to audit: its kind and class, and whether a verdict on it is the one that it should get.

    named: the faults of the catalogue that a faulty one may be called.
    """

    kind: str
    group: str
    subject: Any
    holds: Callable[[Verdict], bool]
    named: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Of all cases, this one's."""
        return f"{self.kind} {self.subject.name}"


@dataclass(frozen=True)
class Result:
    """What an audit of a case came to."""

    name: str
    holds: bool
    verdict: str
    kinds: Sequence[str]
    faults: Sequence[str]
    titles: Sequence[str]
    repeated: str
    seconds: float
    largest: int
    problems: int
    calls: int


@cache
def cases() -> dict[str, Case]:
    """Every case by its name."""
    listed = [Case("faulty", "narrow" if p.narrow else p.fault, p, _faulty, p.named) for p in PLANTS]
    listed += [Case("foreign", p.name.partition(":")[0], p, _faulty, p.named) for p in FOREIGN]
    listed += [Case("described", p.name.partition("/")[0], p, _faulty, p.names) for p in (*SEEN, *KEPT, *FRESH, *LATER)]
    listed += [Case("usage", p.name.partition(":")[0], p, _faulty) for p in USAGE]
    for kind, subjects in (("right", (*RIGHT, *FRESH_RIGHT)), ("people", PEOPLE), ("hostile", HOSTILE)):
        listed += [Case(kind, s.target.rpartition("/")[2].partition(":")[0], s, s.holds) for s in subjects]
    return {case.name: case for case in listed}


def _faulty(verdict: Verdict) -> bool:
    return verdict.verdict == "faulty"


def seconds_of(case: Case) -> float:
    """The limit of a call: a right one may be slow, and a hostile one says how much of it it uses."""
    return case.subject.timeout if case.kind == "hostile" else 10.0 if case.kind in ("right", "people") else 2.0


def proved(name: str, level: str, replays: bool, fail_fast: bool) -> Result:
    """The audit of a case; with `replays`, its first finding is repeated, by its problem and by a script."""
    case = cases()[name]
    try:
        given = {**case.subject.options, "level": level, "jobs": 1, "seed": SEED}
        given["fail_fast"] = fail_fast
        limit = seconds_of(case)
        compiling = None if case.kind in ("right", "people") else limit
        verdict = audit(case.subject.target, **given, timeout=limit, compile_timeout=compiling)
    except Exception as error:  # one audit that breaks is a result, and the proof continues
        ends = {case.subject.expected} if case.kind == "people" else getattr(case.subject, "outcome", ())
        expected = isinstance(error, TargetError) and "no-target" in ends
        return Result(name, expected, f"{type(error).__name__}: {error}", [], [], [], "", 0.0, 0, 0, 0)
    found, scope = verdict.findings, verdict.scope
    return Result(
        name,
        case.holds(verdict),
        verdict.verdict,
        sorted({finding.kind for finding in found}),
        [finding.fault or "" for finding in found],
        [f"{finding.diagnosis.title}, {finding.condition}" for finding in found if finding.diagnosis],
        repeated(case, verdict) if replays and found else "",
        round(verdict.seconds, 2),
        max((finding.problem.multiply_adds for finding in found if solvable(finding.problem)), default=0),
        scope.problems,
        scope.calls,
    )


def repeated(case: Case, verdict: Verdict) -> str:
    """What comes of a finding's replay line, and of its script: 'replay' and 'script' where they show a fault again."""
    finding = verdict.findings[0]
    options = {**case.subject.options, "dtypes": (finding.problem.dtype,), "op": finding.problem.operation}
    problems = [*(earlier.problem for earlier in finding.before), finding.problem]
    again = audit(case.subject.target, **options, only=problems, jobs=1, timeout=2.0, compile_timeout=2.0)
    said = ["replay" if again.verdict == "faulty" else "no replay"]
    try:
        text = script(finding, verdict)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "shows.py"
            file.write_text(text, encoding="utf-8")
            done = subprocess.run([sys.executable, file], capture_output=True, check=False, text=True, timeout=60)
        said.append("script" if done.returncode and not re.search(BROKEN, done.stderr, re.M) else "no script")
    except (ScriptError, subprocess.TimeoutExpired):
        said.append("too large for a script")
    return ", ".join(said)


def kept_at(case: Case, level: str, replays: bool, fail_fast: bool) -> Path:
    """The file of a case's result: named by all that it depends on."""
    file = Path(case.subject.target.rpartition(":")[0])
    read = hashlib.sha256(_content(ROOT / "reference" / "conv_oracle"))
    if file.suffix == ".py":
        read.update(_content(file.parent))
    if replays:
        read.update(_content(ROOT / "reference" / "conv_oracle" / "report"))
    subject = {field.name: getattr(case.subject, field.name) for field in fields(case.subject)}
    told = sorted((name, sorted(value) if isinstance(value, frozenset) else value) for name, value in subject.items())
    read.update(repr((case.name, told, level, replays, fail_fast, SEED)).encode())
    return PROOF / f"{read.hexdigest()[:32]}.json"


@cache
def _content(folder: Path) -> bytes:
    """A digest of the Python files below a folder; of ours, all but the report's words."""
    files = [file for file in sorted(folder.rglob("*.py")) if not {"report", "cli"} & {*file.relative_to(folder).parts}]
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).digest()


def prove(
    chosen: Sequence[Case], level: str, jobs: int, replays: bool, fail_fast: bool, console: Console
) -> list[Result]:
    """The results of all cases, those that are kept among them."""
    results, asked = [], []
    for case in chosen:
        file = kept_at(case, level, replays, fail_fast)
        if file.is_file():
            results.append(Result(**json.loads(file.read_text(encoding="utf-8"))))
        else:
            asked.append(case)
    console.print(f"{len(results)} of {len(chosen)} results are cached; to audit: {len(asked)}")
    PROOF.mkdir(exist_ok=True)
    with ProcessPoolExecutor(jobs) as pool:
        try:
            running = {pool.submit(proved, case.name, level, replays, fail_fast): case for case in asked}
            for future in track(as_completed(running), "auditing", len(running), console=console):
                case, result = running[future], future.result()
                results.append(result)
                file = kept_at(case, level, replays, fail_fast)
                beside = file.with_suffix(f".{os.getpid()}")
                beside.write_text(json.dumps(asdict(result)), encoding="utf-8")
                beside.replace(file)
                if not result.holds:
                    console.print(f"[bold]{case.name}[/]: {result.verdict} {', '.join(result.kinds)}")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return results


def table_of(results: Iterable[Result], level: str) -> Table:
    """A row per kind and class: subjects, those with the expected verdict, and the time."""
    table = Table(title=f"audits at level {level}")
    for heading in ("subjects", "class", "audited", "as expected", "median s", "longest s", "calls"):
        table.add_column(heading, justify="left" if heading in ("subjects", "class") else "right")
    rows: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        case = cases()[result.name]
        rows.setdefault((case.kind, case.group), []).append(result)
        rows.setdefault((case.kind, "all"), []).append(result)
    for (kind, group), listed in sorted(rows.items(), key=lambda row: (row[0][0], row[0][1] == "all", row[0][1])):
        seconds = [result.seconds for result in listed]
        table.add_row(
            kind,
            group,
            str(len(listed)),
            str(sum(result.holds for result in listed)),
            f"{statistics.median(seconds):.1f}",
            f"{max(seconds):.1f}",
            f"{sum(result.calls for result in listed):,}",
            style="bold" if group == "all" else None,
            end_section=group == "all",
        )
    return table


def confusion(results: Iterable[Result], kind: str) -> Table:
    """The fault that the first finding names, per class of faulty subjects, and how many of the names are right."""
    table = Table(title=f"names of {kind} subjects: first finding, by class")
    for heading in ("class", "audited", "named correctly", "located", "first names"):
        table.add_column(heading, justify="left" if heading in ("class", "first names") else "right")
    rows: dict[str, list[Result]] = {}
    for result in results:
        case = cases()[result.name]
        if case.kind == kind:
            rows.setdefault(case.subject.fault if kind == "faulty" else case.group, []).append(result)
    whole = [result for listed in rows.values() for result in listed]
    totals = [("all", whole)]
    if kind == "faulty":  # the catalogue computes some plants by the same edit: their names prove less
        totals.append(("all but own_kind", [r for r in whole if not cases()[r.name].subject.own_kind]))
    for group, listed in (*sorted(rows.items()), *totals):
        right = [result for result in listed if _named_right(result)]
        unnamed = [result for result in listed if result.faults and result.faults[0] in UNNAMED and result not in right]
        told = Counter(result.faults[0] if result.faults else "(missed)" for result in listed)
        total = group.startswith("all")
        names = "" if total else ", ".join(f"{name} {count}" for name, count in told.most_common())
        table.add_row(
            group, str(len(listed)), str(len(right)), str(len(unnamed)), names, style="bold" if total else None
        )
    return table


def _named_right(result: Result) -> bool:
    """Whether the first finding bears a name that the subject's mistake may be called."""
    return bool(result.faults) and result.faults[0] in cases()[result.name].named


def differences(results: Iterable[Result], file: Path) -> Table:
    """Whose verdict, or first fault, is another than in the results of a file that `--save` wrote."""
    before = {one["name"]: one for one in json.loads(file.read_text(encoding="utf-8"))}
    table = Table(title=f"verdicts and first faults, compared with {file.name}")
    for heading in ("subjects", "compared", "same verdict", "same first fault", "new"):
        table.add_column(heading, justify="left" if heading == "subjects" else "right")
    counts: dict[str, Counter[str]] = {}
    lines = []
    for result in sorted(results, key=lambda one: one.name):
        count = counts.setdefault(cases()[result.name].kind, Counter())
        earlier = before.get(result.name)
        count["new" if earlier is None else "compared"] += 1
        if earlier is None:
            continue
        then, now = ((said["verdict"], *said["faults"][:1]) for said in (earlier, asdict(result)))
        count["verdict"] += then[0] == now[0]
        count["fault"] += then == now
        if then != now:
            lines.append(f"{result.name}: {' '.join(then)} -> {' '.join(now)}")
    for kind, count in counts.items():
        table.add_row(kind, *(str(count[name]) for name in ("compared", "verdict", "fault", "new")))
    table.caption = "\n".join(lines) or "no differences"
    table.caption_justify = "left"
    return table


@click.command()
@click.option("--kind", type=click.Choice(KINDS), multiple=True, help="By default all of them.")
@click.option("--only", default="", help="Only subjects whose name contains this.")
@click.option("--level", type=click.Choice(["quick", "standard", "exhaustive"]), default="standard", show_default=True)
@click.option(
    "--jobs", default=os.cpu_count() or 1, show_default=True, help="Audits to run in parallel, each with one worker."
)
@click.option("--save", type=click.Path(dir_okay=False, path_type=Path), help="Write all results as JSON.")
@click.option(
    "--against",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Compare verdicts and first faults with results that --save wrote.",
)
@click.option("--fail-fast", is_flag=True, help="Stop each audit soon after its first wrong answer: recall alone.")
@click.option("--replays", is_flag=True, help="Repeat each first finding by its replay line and by its script.")
def main(
    kind: tuple[str, ...],
    only: str,
    level: str,
    jobs: int,
    save: Path | None,
    against: Path | None,
    fail_fast: bool,
    replays: bool,
) -> None:
    """Audit every faulty, right and hostile subject, and report the results."""
    console = Console()
    chosen = [case for case in cases().values() if only in case.name and (not kind or case.kind in kind)]
    if not chosen:
        raise click.UsageError(f"--only takes part of a subject's name: only={only!r}; 'conv2d' would fit")
    results = prove(chosen, level, jobs, replays, fail_fast, console)
    if save:
        whole = sorted(map(asdict, results), key=lambda one: str(one["name"]))
        save.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    console.print(table_of(results, level))
    if against:
        console.print(differences(results, against))
    for named in ("faulty", "foreign", "described"):
        if any(cases()[result.name].kind == named for result in results):
            console.print(confusion(results, named))
    if replays:
        console.print("repeated:", dict(Counter(result.repeated for result in results if result.faults)))
    for result in results:
        if result.faults and cases()[result.name].named and not _named_right(result):
            console.print(f"[bold]unexpected name[/]: {result.name}: {result.faults[0]}")
    wrong = [result for result in results if not result.holds]
    for result in wrong:
        console.print(f"[bold]unexpected verdict[/]: {result.name}: {result.verdict} {', '.join(result.kinds)}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
