"""The audit: problems in, a verdict out."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
import os
import platform
import re
import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from conv_oracle.auditing.asking import Ask, Asking
from conv_oracle.auditing.binding import Binding, bindings
from conv_oracle.auditing.calibration import calibrated, differentiable_twice, returned_dtype
from conv_oracle.auditing.extents import affordable
from conv_oracle.auditing.findings import findings, in_order, invalid_findings
from conv_oracle.auditing.frames import Introduction, Series
from conv_oracle.auditing.further import Found
from conv_oracle.auditing.journal import Journal
from conv_oracle.auditing.judge import WIDER_THAN_FLOAT8, Judgement, judge, judge_refusal
from conv_oracle.auditing.ledger import COSTLY, Ledger
from conv_oracle.auditing.levels import LEVELS, Level, invalid_arguments, problems, unsolvable
from conv_oracle.auditing.mined import mined, own_source, source_texts
from conv_oracle.auditing.operands import DTYPES
from conv_oracle.auditing.processes import Limits, unreadable
from conv_oracle.auditing.rounding import ALLOWED, DEFAULT, judged_rounding, passes_of
from conv_oracle.auditing.sandbox import Sandbox, Subject, TargetError
from conv_oracle.auditing.scope import scope_of
from conv_oracle.auditing.vectors import Vectors, refused, vectors
from conv_oracle.auditing.verdict import Arithmetic, Finding, Scope, Status, Verdict
from conv_oracle.problem import Problem
from conv_oracle.space import solvable

OPERATIONS = tuple(
    f"{family}{d}d{suffix}"
    for family, suffix in (("conv", ""), ("conv_transpose", ""), ("conv", "_input"), ("conv", "_weight"))
    for d in (1, 2, 3)
)
ARRAYS = {"numpy": "float64", "torch": "float32"}
"""The kinds of arrays, and the dtype that is asked of each by default."""

_NAMED = re.compile(r"conv(?:_?transpose)?[123]d(?:_input|_weight)?")

FIRST_CALLS = 2
"""So many fresh processes are asked one problem as their first."""

MOST_COSTLY_REFUSALS = 3
AFTER_INVALID = 24
"""So many problems are asked again after those that must be refused."""

MOST_NAMED = 8
"""So many cases that failed are named."""

REPEATED = 320
"""So often a single problem is asked: every form, style and state comes up."""


@dataclass(frozen=True)
class Progress:
    """How far an audit is."""

    done: int
    planned: int
    failed: int
    refused: int
    asking: str


def audit(  # noqa: PLR0915 - from the options to the verdict, in their order
    target: str,
    *,
    op: str | None = None,
    arrays: str = "numpy",
    dtypes: Sequence[str] = (),
    device: str = "cpu",
    gradients: bool = False,
    level: str = "standard",
    refusals: Sequence[str] = (),
    source: Sequence[str | Path] = (),
    strict_arguments: bool = False,
    jobs: int | None = None,
    seed: int | None = None,
    timeout: float = 10.0,
    python: str | None = None,
    progress: Callable[[Progress], None] | None = None,
    journal: Journal | None = None,
    resume: bool = False,
    only: Sequence[Problem] = (),
    arithmetic: str = DEFAULT,
) -> Verdict:
    """The verdict on a convolution that somebody else wrote.

    target is `package.module:name` or `path/to/file.py:name`; op is one of OPERATIONS, told by the name by default.
    arrays is 'numpy' or 'torch'; device is torch's. With gradients, torch.autograd's gradients and double backward of
    the subject are audited with it. source names files besides the target's own whose constants are asked as sizes.
    The subject runs in processes of its own, `jobs` at a time (by default 2, at quick 1, at exhaustive as many as there
    are cores), in the interpreter `python`; it gets operands and gives back bytes. What is known so far is written to a
    journal every few seconds; `resume` goes on from there. `only`: these problems in place of the level's, each of them
    asked in every way, many times over. Level 'fixtures' asks the golden vectors alone, on their own operands.
    `arithmetic` names the coarsest rounding that is allowed, one of ALLOWED.
    Raises TargetError where there is nothing to audit: a target that cannot be loaded or called, or an unknown option.
    """
    started = time.monotonic()
    op = _operation(target, op)
    chosen_dtypes = tuple(dtypes) or (ARRAYS.get(arrays, ""),)
    _check_options(op, arrays, chosen_dtypes, device, gradients, level)
    _check("arithmetic", arithmetic, tuple(ALLOWED))
    for problem in only:
        _check("dtype", problem.dtype, tuple(DTYPES))
        _check("op", problem.operation, (op,))
    if not 0 < timeout < math.inf:
        raise TargetError(f"a call has some seconds: timeout={timeout}; 10 would fit")
    if jobs is not None and jobs < 1:
        raise TargetError(f"at least one worker makes the calls: jobs={jobs}; 1 would fit")
    seed = secrets.randbits(48) if seed is None else seed
    chosen = LEVELS[level]
    ledger = Ledger()
    subject = Subject(target, arrays, device, python or sys.executable, timeout, Limits())
    with unreadable(), Sandbox(subject, jobs or _jobs(level)) as sandbox:
        introduction = sandbox.introduce()
        candidates = bindings(introduction.signature, _family(op))
        binding = calibrated(sandbox, candidates, op, chosen_dtypes[0])
        narrowed = binding.limits(_family(op))
        twice = None
        if gradients:
            twice = level != "fixtures" and differentiable_twice(sandbox, binding, op, chosen_dtypes[0])
            narrowed += [] if twice or level == "fixtures" else ["the double backward raises: not asked"]
        own = own_source(introduction.source)
        sizes = mined(source_texts(own, [Path(file) for file in source]), op, chosen.mined)
        narrowed += (
            [f"{sizes.dropped} sizes from constants of the source cost too much to ask"] if sizes.dropped else []
        )
        given = vectors(op, chosen_dtypes, binding, gradients=gradients) if level == "fixtures" and not only else None
        narrowed += given.left if given else []
        if only:
            planned = [p for p in only if solvable(p) and binding.refuses(p) is None] * REPEATED
            narrowed += [f"not asked: {p}: the call cannot say {said}" for p in only if (said := binding.refuses(p))]
        else:
            listed = () if given else problems(op, chosen.name, sizes.problems)
            planned = list(given.draws) if given else _planned(listed, chosen_dtypes, binding)
        allowed = ALLOWED[arithmetic]
        bits, scales = allowed.bits, not allowed.few_exponents
        own_draws = given.draws if given else {}
        short = {dtype: returned_dtype(sandbox, binding, op, dtype) for dtype in chosen_dtypes if DTYPES[dtype].short}
        wider = {dtype: returned for dtype, returned in short.items() if returned in WIDER_THAN_FLOAT8}
        asking = Asking(seed, chosen.survival, chosen.draws, arrays, twice, bits, scales, own_draws, wider)
        known = Found(ledger, asking, binding, sandbox, tuple(refusals), planned)
        run = _Run(known, chosen, time.monotonic() + chosen.seconds, progress)
        run.journal = journal
        settings = (
            op,
            arrays,
            chosen_dtypes,
            device,
            gradients,
            level,
            [*refusals],
            strict_arguments,
            python,
            arithmetic,
        )
        run.of = _digest(target, own, *settings, planned)
        if resume:
            run.resume()
        try:
            run.ask_all(planned)
        except KeyboardInterrupt:
            run.keep()
            raise
        run.ask_first_calls(planned)
        no_output, contradictory = _refused(op, only, of_vectors=given is not None)
        warnings = run.ask_invalid(no_output, contradictory, chosen_dtypes[0], strict_arguments)
        run.ask_after_invalid(planned)
        layers = (
            []
            if given
            else passes_of(op, chosen_dtypes, chosen.name, gradients=gradients, twice=bool(twice), only=only)
        )
        told = judged_rounding(known, findings(known), layers, chosen, allowed)
        beside = _beside(known, planned, told.hidden, chosen, progress) if told.hidden else []
        named = {(one.fault, one.evidence.part) for one in told.findings}
        further = [one for one in beside if (one.fault, one.evidence.part) not in named]
        found = in_order([*told.findings, *further, *run.violations])
        narrowed += _failed(ledger, given) if given else []
        scope = scope_of(ledger, chosen, chosen_dtypes, len(planned), narrowed, sandbox.longest_lived)
        scope = replace(scope, notes=(*scope.notes, *told.notes))
        return Verdict(
            _status(found, scope, ledger),
            target,
            op,
            arrays,
            device,
            gradients,
            found,
            warnings,
            scope,
            _arithmetic(ledger, scope),
            told.rounding,
            arithmetic,
            seed,
            time.monotonic() - started,
            _versions(introduction),
            sandbox.printed,
            timeout,
            tuple(refusals),
            python or "",
        )


def _beside(
    known: Found,
    planned: Sequence[Problem],
    bits: tuple[int, int],
    level: Level,
    progress: Callable[[Progress], None] | None,
) -> list[Finding]:
    """What is wrong besides a coarse rounding: the problems again, with numbers that it sums exactly."""
    again = replace(known, ledger=Ledger(), asking=replace(known.asking, bits=bits, scales=False))
    _Run(again, level, time.monotonic() + BESIDE_SHARE * level.seconds, progress).ask_all(planned)
    return [one for one in findings(again) if one.kind == "wrong-value"]


def _versions(introduction: Introduction) -> dict[str, str]:
    """Ours, and those in the subject's process."""
    return {
        "conv-oracle": importlib.metadata.version("conv-oracle"),
        "python": platform.python_version(),
        "numpy": np.__version__,
        **{f"subject's {name}": version for name, version in introduction.versions.items()},
    }


def _refused(op: str, only: Sequence[Problem], *, of_vectors: bool) -> tuple[Sequence[Problem], Sequence[Problem]]:
    """The problems without an output, and those whose arguments contradict each other."""
    if of_vectors:
        return refused(op)
    return ([p for p in only if not solvable(p)], ()) if only else (unsolvable(op), invalid_arguments(op))


def _failed(ledger: Ledger, given: Vectors) -> list[str]:
    """The cases that were answered wrongly, in words."""
    wrong = {problem for (problem, _), record in ledger.records.items() if record.judgement.wrong}
    ids = [name for problem, names in given.ids.items() if problem in wrong for name in names]
    more = f" and {len(ids) - MOST_NAMED} more" if len(ids) > MOST_NAMED else ""
    return [f"cases that failed: {', '.join(ids[:MOST_NAMED])}{more}"] if ids else []


BESIDE_SHARE = 0.5
"""Of a level's seconds, so many are for what a coarse rounding may hide."""

JOURNAL_SECONDS = 10.0
SETTLING_SECONDS = 5.0


Doubt = tuple[Ask, int, Judgement, int]


@dataclass(frozen=True)
class _Key:
    """What was asked, at which place of the list, which judgement it is to settle, and the doubt that it is of."""

    ask: Ask
    turn: int
    doubted: Judgement | None = None
    doubt: Doubt | None = None


@dataclass
class _Run:
    """One audit's course: what it asks and writes down."""

    found: Found
    level: Level
    deadline: float
    progress: Callable[[Progress], None] | None
    journal: Journal | None = None
    of: str = ""
    violations: tuple[Finding, ...] = ()
    told: float = 0.0
    journalled: float = field(default_factory=time.monotonic)
    done: int = 0
    open: Counter[int] = field(default_factory=Counter)
    settling: list[Doubt] = field(default_factory=list)
    """Doubts that were sent to be asked again: one entry for each answer that is still to come."""

    def ask_all(self, asked: Sequence[Problem]) -> None:
        """Ask the problems in order, until the deadline, or until enough is known of what is wrong."""
        self._ask(self._series(asked), asked)
        self.ask_what_is_doubted()

    def ask_what_is_doubted(self) -> None:
        """Ask again what may have been a rounding, and was seen when the last problem had been sent.

        There is always some time for it: a difference that is not settled is no reason to say that a subject conforms.
        """
        ledger, truncated = self.found.ledger, self.found.ledger.truncated
        self.deadline = max(self.deadline, time.monotonic() + SETTLING_SECONDS)
        while ledger.doubted and ledger.first_failure is None:
            ledger.truncated = ""
            self._ask(self._doubts(), ())
            if ledger.truncated:
                ledger.harness["a difference that may be a rounding could not be asked again in time"] += 1
                break
        ledger.truncated = truncated or ledger.truncated

    def _ask(self, series: Iterator[tuple[_Key, Series]], asked: Sequence[Problem]) -> None:
        ledger = self.found.ledger
        for key, answers in self.found.sandbox.ask(series):
            ask, judgements = key.ask, judge(key.ask, answers, refusals=self.found.refusals)
            if key.doubted:
                ledger.settle(ask, key.doubted, judgements)
            else:
                ledger.note(ask, judgements, key.turn)
            self.open[key.turn] -= 1
            if key.doubt:
                self.settling = _without(self.settling, key.doubt)
            now = time.monotonic()
            if self.journal and now - self.journalled > JOURNAL_SECONDS:
                self.keep()
            if self.progress and now - self.told > 0.1:
                self.told = now
                done = len({problem for problem, _ in ledger.records})
                counts = ledger.counts
                self.progress(
                    Progress(done, max(len(asked), done), counts["failed"], counts["refused"], str(ask.problem))
                )
            if now > self.deadline:
                ledger.truncated = f"stopped at the level's {self.level.seconds:g} s"
            elif ledger.enough(now):
                ledger.truncated = "stopped early, as enough was wrong"
            if ledger.truncated:
                break
        while self.settling:
            doubt = self.settling[0]
            ledger.doubted.append(doubt)
            self.settling = [other for other in self.settling if other is not doubt]

    def keep(self) -> None:
        """Write the journal, while nothing is wrong: what is wrong ends an audit soon."""
        if self.journal and self.found.ledger.first_failure is None:
            self.journalled = time.monotonic()
            unanswered = [turn for turn, series in self.open.items() if series]
            unanswered += [doubt[3] for doubt in (*self.found.ledger.doubted, *self.settling)]
            done = min(unanswered, default=max(self.open, default=self.done - 1) + 1)
            try:
                self.journal.write({"of": self.of, "done": done, "ledger": self.found.ledger.written()})
            except OSError as error:
                self.found.ledger.narrowed[f"not written down, so not to be resumed: {error.strerror}"] += 1
                self.journal = None

    def resume(self) -> None:
        """Go on where the journal ends."""
        if self.journal:
            state = self.journal.read(self.of)
            self.done = state["done"]
            self.found.ledger.restore(state["ledger"])

    def ask_first_calls(self, asked: Sequence[Problem]) -> None:
        """Ask fresh processes a problem each, as the first of their calls."""
        for problem in asked[:FIRST_CALLS]:
            if (
                self.found.ledger.first_failure is None
                and not self.late()
                and (ask := self.found.asking.plain(problem, 0, guarded=self.found.ledger.inexact))
            ):
                self.found.sandbox.fresh()
                self._note_all([replace(ask, circumstance="as the first call of a process")])
        self.ask_what_is_doubted()

    def _series(self, asked: Sequence[Problem]) -> Iterator[tuple[_Key, Series]]:
        for turn, problem in enumerate(asked):
            if turn < self.done:
                continue
            yield from self._doubts()
            asks = list(self.found.asking.asks(problem, turn, guarded=self.found.ledger.inexact))
            yield from (self._asked(_Key(ask, turn)) for ask in asks)
            if not asks:
                self.found.ledger.narrowed[f"not asked, as its sums are too long to be exact in {problem.dtype}"] += 1

    def _doubts(self) -> Iterator[tuple[_Key, Series]]:
        """What may have been a rounding: the same again, and the problem with room for rounding."""
        while self.found.ledger.doubted:
            doubt = self.found.ledger.doubted.popleft()
            ask, step, judgement, turn = doubt
            again = [_Key(replace(ask, steps=[("call", ask.block_of(step))] * 2), turn, judgement, doubt)]
            if (guarded := self.found.asking.guarded(ask)) is not None:
                again.append(_Key(guarded, turn, None, doubt))
            self.settling += [doubt] * len(again)
            yield from map(self._asked, again)

    def _asked(self, key: _Key) -> tuple[_Key, Series]:
        self.open[key.turn] += 1
        return key, self.found.series(key.ask)

    def ask_invalid(
        self, no_output: Iterable[Problem], contradictory: Iterable[Problem], dtype: str, strict: bool
    ) -> tuple[Finding, ...]:
        """Problems that must be refused; a contradictory one that is accepted is a warning, unless `strict`."""
        fitted = (self.found.binding.fitted(replace(p, dtype=dtype)) for p in no_output)
        no_output = list(dict.fromkeys(p for p in fitted if not solvable(p)))
        contradictory = [replace(p, dtype=dtype) for p in contradictory]
        faults: list[tuple[Problem, Judgement]] = []
        warnings: list[tuple[Problem, Judgement]] = []
        costly = asked = 0
        for problem, answers in self.found.sandbox.ask(self._invalid_series([*no_output, *contradictory])):
            asked += 1
            self.found.ledger.calls += 1
            judgement = judge_refusal(answers[-1])
            costly += judgement.kind in COSTLY
            self.found.ledger.order.append(problem)
            if judgement.wrong:
                self.found.ledger.first_wrong.setdefault(problem, len(self.found.ledger.order) - 1)
                (faults if problem in no_output or strict else warnings).append((problem, judgement))
            if costly > MOST_COSTLY_REFUSALS or self.late():
                break
        self.violations = invalid_findings(faults, asked, self.found)
        return invalid_findings(warnings, asked, self.found, apart=True)

    def ask_after_invalid(self, asked: Sequence[Problem]) -> None:
        """Ask some problems once more: what was refused may have left something behind."""
        chosen = [p for p in asked[: 4 * AFTER_INVALID] if p.geometry.batch][:AFTER_INVALID]
        plain = [self.found.asking.plain(problem, 1, guarded=self.found.ledger.inexact) for problem in chosen]
        asks = [replace(ask, circumstance="after a call that was refused") for ask in plain if ask is not None]
        if self.found.ledger.first_failure is None:
            self._note_all(asks)
            self.ask_what_is_doubted()

    def late(self) -> bool:
        """Whether the time is over that the level has, and that settling takes; the scope says it."""
        over = time.monotonic() > self.deadline
        if over:
            self.found.ledger.narrowed["first calls, refusals and calls after them: as far as the time went"] = 1
        return over

    def _note_all(self, asks: Iterable[Ask]) -> None:
        for ask, judgements in self.found.asked(asks):
            self.found.ledger.note(ask, judgements)
            if self.late():
                break

    def _invalid_series(self, invalid: Iterable[Problem]) -> Iterator[tuple[Problem, Series]]:
        for problem in invalid:
            if self.found.binding.refuses(problem) is None:
                yield problem, self.found.refusal(problem)


def _without(doubts: Sequence[Doubt], one: Doubt) -> list[Doubt]:
    """One entry of a doubt less."""
    place = next(number for number, doubt in enumerate(doubts) if doubt is one)
    return [*doubts[:place], *doubts[place + 1 :]]


def _jobs(level: str) -> int:
    cores = os.cpu_count() or 1
    return {"quick": 1, "exhaustive": cores}.get(level, min(2, cores))


def _digest(target: str, text: bytes, *settings: object) -> str:
    """What a journal belongs to: the target's source as it is, and all that decides what is asked."""
    said = json.dumps([importlib.metadata.version("conv-oracle"), target, [str(setting) for setting in settings]])
    return hashlib.sha256(text + said.encode()).hexdigest()


def _operation(target: str, op: str | None) -> str:
    where, colon, name = target.rpartition(":")
    if not colon or not where or not name:
        raise TargetError(
            f"a target is package.module:name or path/to/file.py:name: target={target!r}; "
            "'my_package.kernels:conv2d' or 'kernels.py:conv2d' would fit"
        )
    if where.endswith(".py") and not Path(where).is_file():
        raise TargetError(f"the target's file must exist: file={where!r}")
    if op is None:
        match = _NAMED.search(name.lower())
        if match is None:
            raise TargetError(f"the name does not tell the operation: name={name!r}; --op {OPERATIONS[1]} would fit")
        return match[0].replace("convtranspose", "conv_transpose")
    _check("op", op, OPERATIONS)
    return op


def _check(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise TargetError(f"{name} is one of {', '.join(known)}: {name}={value!r}; {known[0]} would fit")


def _family(op: str) -> str:
    return re.sub(r"[123]d", "", op)


def _check_options(op: str, arrays: str, dtypes: Sequence[str], device: str, gradients: bool, level: str) -> None:
    """Raises TargetError for an option that does not fit, or not the others."""
    _check("arrays", arrays, tuple(ARRAYS))
    _check("level", level, tuple(LEVELS))
    for dtype in dtypes:
        _check("dtype", dtype, tuple(DTYPES))
    if arrays != "torch" and device != "cpu":
        raise TargetError(f"a device is torch's: device={device!r} with arrays={arrays!r}; arrays='torch' would fit")
    if gradients and arrays != "torch":
        raise TargetError(f"gradients are torch.autograd's: arrays={arrays!r}; 'torch' would fit")
    if gradients and op.endswith(("_input", "_weight")):
        raise TargetError(f"gradients are those of a forward operation: op={op!r}; {op.partition('_')[0]!r} would fit")
    if gradients and (whole := [dtype for dtype in dtypes if DTYPES[dtype].kind in "iu"]):
        raise TargetError(f"gradients are of floating-point numbers: dtype={whole[0]!r}; 'float64' would fit")
    if gradients and (short := [dtype for dtype in dtypes if DTYPES[dtype].short]):
        raise TargetError(f"gradients are not summed in float8: dtype={short[0]!r}; 'bfloat16' would fit")
    if sys.platform not in ("linux", "darwin"):
        raise TargetError(f"an audit isolates its subject on Linux and macOS: platform={sys.platform!r}")


def _planned(listed: Iterable[Problem], dtypes: Sequence[str], binding: Binding) -> list[Problem]:
    """The level's problems in every dtype, as far as the signature can say them."""
    each = [replace(problem, dtype=dtype) for problem in listed for dtype in dtypes]
    known = set(each)
    return [
        problem
        for problem in dict.fromkeys(map(binding.fitted, each))
        if binding.refuses(problem) is None and solvable(problem) and (problem in known or affordable(problem))
    ]


def _status(findings: Sequence[Finding], scope: Scope, ledger: Ledger) -> Status:
    """A worker that could not make its calls, or says so, earns no verdict."""
    if findings:
        return "faulty"
    return "conforms" if scope.discriminating and not ledger.harness else "no-verdict"


def _arithmetic(ledger: Ledger, scope: Scope) -> Arithmetic:
    if not scope.discriminating:
        return "not measured"
    return "inexact" if ledger.inexact else "exact"
