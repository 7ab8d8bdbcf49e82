"""The audit: problems in, a verdict out."""

from __future__ import annotations

import importlib.metadata
import math
import platform
import re
import secrets
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from conv_oracle.auditing.binding import DEFAULTS, GEOMETRY, Binding, bindings, geometry_values
from conv_oracle.auditing.calibration import calibrated
from conv_oracle.auditing.conditions import condition
from conv_oracle.auditing.evidence import evidence
from conv_oracle.auditing.judge import Judgement, judge, judge_refusal
from conv_oracle.auditing.levels import LEVELS, Level, LevelName, invalid_arguments, problems, smaller, unsolvable
from conv_oracle.auditing.operands import DTYPES, GUARD_BITS, draw, exact_radius, generator, survival
from conv_oracle.auditing.sandbox import Answer, Message, Sandbox, Subject, TargetError
from conv_oracle.auditing.verdict import Arithmetic, Evidence, Exercise, Finding, Kind, Scope, Status, Verdict
from conv_oracle.passes import Array
from conv_oracle.problem import Problem
from conv_oracle.space import solvable

OPERATIONS = tuple(
    f"{family}{d}d{suffix}"
    for family, suffix in (("conv", ""), ("conv_transpose", ""), ("conv", "_input"), ("conv", "_weight"))
    for d in (1, 2, 3)
)
DEFAULT_DTYPE = {"numpy": "float64", "torch": "float32"}
_NAMED = re.compile(r"conv(?:_?transpose)?[123]d(?:_input|_weight)?")

MEMORY_BYTES = 4 << 30
"""The resident size that a worker may reach."""

REPEATED = 8
"""Every so many problems are asked A, B, A: once more with the first values, after others of the same shape."""

SMALL_RADIUS = 9
ENOUGH_AFTER_A_FINDING = (500, 0.5, 4.0)
"""After the first finding: go on for so many calls and so many seconds, at most for so many seconds."""

COSTLY: Mapping[Kind, int] = {"hung": 2, "crashed": 4, "out-of-memory": 2, "malformed": 4}
"""After so many of these the audit ends: what is known is stable, and each costs a process."""

REDUCTION_SECONDS = 6.0
"""For all findings together."""


@dataclass(frozen=True)
class Progress:
    """How far an audit is."""

    done: int
    planned: int
    failed: int
    refused: int
    asking: str


@dataclass(frozen=True)
class _Ask:
    """One call: the problem, its operands, and why it is made."""

    problem: Problem
    operands: dict[str, Array]
    radius: int
    guarded: bool = False
    first: bool = False
    repeat: bool = False


_Cause = tuple[Kind, str]


@dataclass
class _Record:
    """What is known of one problem."""

    judgement: Judgement
    survival: float = 1.0


@dataclass
class _Ledger:
    """What is known so far."""

    records: dict[Problem, _Record] = field(default_factory=dict)
    worst: dict[_Cause, tuple[_Ask, Judgement]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    narrowed: Counter[str] = field(default_factory=Counter)
    first_answer: dict[Problem, tuple[bytes, bool]] = field(default_factory=dict)
    harness: Counter[str] = field(default_factory=Counter)
    doubted: deque[Problem] = field(default_factory=deque)
    inexact: bool = False
    calls: int = 0
    outputs: int = 0
    first_failure: tuple[float, int] | None = None
    truncated: str = ""

    def failing(self, cause: _Cause) -> list[Problem]:
        """The problems whose finding is of this kind and cause."""
        judged = ((p, record.judgement) for p, record in self.records.items())
        return [p for p, judgement in judged if (judgement.kind, judgement.cause) == cause]

    def passing(self) -> list[Problem]:
        """The problems found right that have an output to be wrong in."""
        right = (p for p, record in self.records.items() if record.judgement.standing in ("right", "rounded"))
        return [p for p in right if p.geometry.batch]


def audit(
    target: str,
    *,
    op: str | None = None,
    arrays: str = "numpy",
    dtypes: Sequence[str] = (),
    level: str = "standard",
    refusals: Sequence[str] = (),
    strict_arguments: bool = False,
    jobs: int = 1,
    seed: int | None = None,
    timeout: float = 10.0,
    python: str | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Verdict:
    """The verdict on a convolution that somebody else wrote.

    target is `package.module:name` or `path/to/file.py:name`; op is one of OPERATIONS, told by the name by default.
    The subject runs in processes of its own, in the interpreter `python`; it gets operands and gives back bytes.
    Raises TargetError where there is nothing to audit: a target that cannot be loaded or called, or an unknown option.
    """
    started = time.monotonic()
    op = _operation(target, op)
    chosen_dtypes = tuple(dtypes) or (DEFAULT_DTYPE.get(arrays, ""),)
    _check("arrays", arrays, tuple(DEFAULT_DTYPE))
    _check("level", level, tuple(LEVELS))
    for dtype in chosen_dtypes:
        _check("dtype", dtype, tuple(DTYPES))
    if sys.platform not in ("linux", "darwin"):
        raise TargetError(f"an audit isolates its subject on Linux and macOS: platform={sys.platform!r}")
    seed = secrets.randbits(48) if seed is None else seed
    chosen = LEVELS[level]
    ledger = _Ledger()
    with Sandbox(Subject(target, arrays, python or sys.executable, timeout, MEMORY_BYTES), max(1, jobs)) as sandbox:
        introduction = sandbox.introduce()
        candidates = bindings(introduction.signature, _family(op))
        binding = calibrated(sandbox, candidates, op, chosen_dtypes[0])
        planned = _planned(op, chosen_dtypes, chosen.name, binding)
        run = _Run(sandbox, binding, ledger, chosen, seed, tuple(refusals), time.monotonic() + chosen.seconds, progress)
        run.ask_all(planned)
        warnings = run.ask_invalid(op, chosen_dtypes[0], strict_arguments)
        findings = run.findings()
        versions = {
            "conv-oracle": importlib.metadata.version("conv-oracle"),
            "python": platform.python_version(),
            "numpy": np.__version__,
            **{f"subject's {name}": version for name, version in introduction.versions.items()},
        }
        scope = _scope(ledger, chosen, chosen_dtypes, len(planned), binding.limits(_family(op)))
        return Verdict(
            _status(findings, scope, ledger),
            target,
            op,
            arrays,
            findings,
            warnings,
            scope,
            _arithmetic(ledger, scope),
            seed,
            time.monotonic() - started,
            versions,
            sandbox.printed,
        )


@dataclass(frozen=True)
class _Run:
    """One audit's course: what it asks, through what, and what it has written down."""

    sandbox: Sandbox
    binding: Binding
    ledger: _Ledger
    level: Level
    seed: int
    refusals: tuple[str, ...]
    deadline: float
    progress: Callable[[Progress], None] | None

    def ask_all(self, asked: Sequence[Problem]) -> None:
        """Ask the problems in order, until the deadline, or until enough is known of what is wrong."""
        ledger = self.ledger
        told = 0.0
        for ask, answer in self.sandbox.ask(self._groups(asked)):
            self._note(ask, answer)
            now = time.monotonic()
            if self.progress and now - told > 0.1:
                told = now
                failed, refused = ledger.counts["failed"], ledger.counts["refused"]
                self.progress(Progress(len(ledger.records), len(asked), failed, refused, str(ask.problem)))
            if now > self.deadline:
                ledger.truncated = f"stopped at the level's {self.level.seconds:g} s"
            elif self._enough(now):
                ledger.truncated = "stopped early, as enough was wrong"
            if ledger.truncated:
                break

    def _groups(self, asked: Sequence[Problem]) -> Iterator[list[tuple[_Ask, Message]]]:
        for number, problem in enumerate(asked):
            while self.ledger.doubted:
                yield self._draws(self.ledger.doubted.popleft(), guarded=True, repeat=False)
            yield self._draws(problem, guarded=self.ledger.inexact, repeat=number % REPEATED == 0)
        while self.ledger.doubted:
            yield self._draws(self.ledger.doubted.popleft(), guarded=True, repeat=False)

    def _draws(self, problem: Problem, *, guarded: bool, repeat: bool) -> list[tuple[_Ask, Message]]:
        """As many draws as the level's confidence takes, of fresh values each; and the first once more."""
        radius = exact_radius(problem, guard=GUARD_BITS if guarded else 0)
        if radius < 1:
            self.ledger.narrowed[f"not asked, as its sums are too long to be exact in {problem.dtype}"] += 1
            return []
        rng = generator(self.seed + guarded, problem)
        draws, missed = 0, 1.0
        while missed > self.level.survival and draws < MOST_DRAWS:
            missed *= survival(problem, radius)
            draws += 1
        draws += repeat and draws < 2
        asks = [_Ask(problem, draw(problem, radius, rng), radius, guarded) for _ in range(draws)]
        if repeat:
            asks.append(replace(asks[0], repeat=True))
            asks[0] = replace(asks[0], first=True)
        return [(ask, self.binding.message(problem, ask.operands)) for ask in asks]

    def _note(self, ask: _Ask, answer: Answer) -> None:
        """Judge an answer and write it down."""
        ledger, problem = self.ledger, ask.problem
        ledger.calls += 1
        judgement = self.judged(ask, answer)
        if judgement.standing == "harness-fault":
            ledger.harness[judgement.text] += 1
            return
        if self._doubtful(ask, judgement):
            if problem not in ledger.doubted:
                ledger.doubted.append(problem)
            return
        judgement = self._against_earlier(ask, answer, judgement)
        ledger.outputs += judgement.outputs
        ledger.inexact |= judgement.standing == "rounded"
        record = ledger.records.setdefault(problem, _Record(judgement))
        if judgement.standing in ("right", "rounded") and not ask.repeat:
            record.survival *= survival(problem, ask.radius)
        if judgement.standing == "refused":
            record.judgement = judgement
            ledger.counts["refused"] += 1
            ledger.narrowed[f"refused: {_unnumbered(judgement.text)}"] += 1
        if judgement.wrong and judgement.kind is not None:
            if not record.judgement.wrong or record.judgement is judgement:
                record.judgement = judgement
                ledger.counts["failed"] += 1
            if ledger.first_failure is None:
                ledger.first_failure = (time.monotonic(), ledger.calls)
            self._keep_smallest((judgement.kind, judgement.cause), ask, judgement)

    def judged(self, ask: _Ask, answer: Answer) -> Judgement:
        """The answer against the truth."""
        return judge(ask.problem, ask.operands, answer, refusals=self.refusals, guarded=ask.guarded)

    def _doubtful(self, ask: _Ask, judgement: Judgement) -> bool:
        """Whether a difference could be a rounding, which operands with guard bits would tell."""
        if judgement.kind != "wrong-value" or ask.guarded or judgement.largest >= 2 ** (GUARD_BITS - 1):
            return False
        return DTYPES[ask.problem.dtype].kind in "fc" and exact_radius(ask.problem, guard=GUARD_BITS) >= 1

    def _against_earlier(self, ask: _Ask, answer: Answer, judgement: Judgement) -> Judgement:
        """The same call twice, and an answer that belongs to the call before."""
        earlier = self.ledger.first_answer
        if ask.first and answer.outcome == "returned":
            earlier[ask.problem] = (answer.data, not judgement.wrong)
        before = earlier.get(ask.problem)
        if ask.repeat:
            earlier.pop(ask.problem, None)
        if ask.first or before is None or answer.outcome != "returned":
            return judgement
        if ask.repeat and before[0] != answer.data:
            return replace(
                judgement, standing="wrong", kind="varies", text="the same call gave another answer the second time"
            )
        if judgement.kind == "wrong-value" and before == (answer.data, True):
            text = "the answer is that of an earlier call with operands of the same shapes"
            return replace(judgement, kind="stale-answer", text=text)
        return judgement

    def _keep_smallest(self, cause: _Cause, ask: _Ask, judgement: Judgement) -> None:
        kept = self.ledger.worst.get(cause)
        if kept is None or _size(ask.problem) < _size(kept[0].problem):
            self.ledger.worst[cause] = (ask, judgement)

    def _enough(self, now: float) -> bool:
        ledger = self.ledger
        if ledger.first_failure is None:
            return False
        if any(len(ledger.failing((kind, ""))) >= most for kind, most in COSTLY.items() if (kind, "") in ledger.worst):
            return True
        since, at = ledger.first_failure
        calls, least, most = ENOUGH_AFTER_A_FINDING
        return now - since > most or (now - since > least and ledger.calls - at > calls)

    def ask_invalid(self, op: str, dtype: str, strict: bool) -> tuple[Finding, ...]:
        """Problems that must be refused; what is accepted besides is a warning, unless `strict`."""
        no_output = [replace(p, dtype=dtype) for p in unsolvable(op)]
        contradictory = [replace(p, dtype=dtype) for p in invalid_arguments(op)]
        accepted: list[tuple[Problem, Judgement]] = []
        costly = 0
        for problem, answer in self.sandbox.ask(self._invalid_groups([*no_output, *contradictory])):
            self.ledger.calls += 1
            judgement = judge_refusal(answer)
            costly += judgement.kind in COSTLY
            if costly > MOST_COSTLY_REFUSALS:
                break
            if not judgement.wrong:
                continue
            if problem in no_output or strict:
                self.ledger.records[problem] = _Record(replace(judgement, cause="invalid"))
                if judgement.kind:
                    self.ledger.worst.setdefault((judgement.kind, "invalid"), (_Ask(problem, {}, 0), judgement))
            else:
                accepted.append((problem, judgement))
        return tuple(
            Finding(
                judgement.kind or "accepted-but-invalid",
                problem,
                why_invalid(problem),
                "",
                1,
                len(contradictory),
                Evidence(self.binding.written(problem, self._function), judgement.text),
            )
            for problem, judgement in accepted
        )

    def _invalid_groups(self, invalid: Iterable[Problem]) -> Iterator[list[tuple[Problem, Message]]]:
        for problem in invalid:
            if self.binding.refuses(problem) is None:
                yield [(problem, self.binding.message(problem, _plain_operands(problem)))]

    @property
    def _function(self) -> str:
        return self.sandbox.subject.target.rpartition(":")[2]

    def findings(self) -> tuple[Finding, ...]:
        """One finding per kind of violation, each with the smallest problem that still shows it."""
        found: dict[_Cause, Finding] = {}
        often = sorted(self.ledger.worst, key=lambda cause: -len(self.ledger.failing(cause)))
        for kind, cause in often:
            if kind != "raised" or sum(seen == "raised" for seen, _ in found) < MOST_EXCEPTIONS:
                finding = self._finding((kind, cause))
                found.setdefault((finding.kind, cause), finding)
        return tuple(sorted(found.values(), key=lambda finding: (-finding.problems, finding.kind)))

    def _finding(self, cause: _Cause) -> Finding:
        kind, _ = cause
        ask, judgement = self.ledger.worst[cause]
        failing, passing = self.ledger.failing(cause), self.ledger.passing()
        if not ask.operands:
            shown = Evidence(self.binding.written(ask.problem, self._function), judgement.text)
            where = "where no output exists" if kind == "accepted-but-invalid" else ""
            return Finding(
                kind, ask.problem, why_invalid(ask.problem), where, len(failing), len(failing) + len(passing), shown
            )
        where = condition(failing, passing)
        if kind not in ("hung", "out-of-memory", "varies"):
            ask, judgement = self._reduced(ask, judgement)
        if kind in ("wrong-value", "stale-answer"):
            kind, judgement = self._confirmed(kind, ask, judgement)
        return Finding(
            kind,
            ask.problem,
            SUMMARIES[kind],
            where,
            len(failing),
            len(failing) + len(passing),
            evidence(ask.problem, ask.operands, judgement, self.binding, self._function),
        )

    def _reduced(self, ask: _Ask, judgement: Judgement) -> tuple[_Ask, Judgement]:
        """A smaller problem with smaller numbers that fails alike, as far as a few seconds go."""
        end = time.monotonic() + REDUCTION_SECONDS / len(self.ledger.worst)
        found: tuple[_Ask, Judgement] | None = (ask, judgement)
        while found is not None and time.monotonic() < end:
            ask, judgement = found
            found = self._first_alike(judgement, smaller(ask.problem), end)
        small = self._first_alike(judgement, [ask.problem], end + 1) if ask.radius > SMALL_RADIUS else None
        return small or (ask, judgement)

    def _first_alike(
        self, judgement: Judgement, candidates: Iterable[Problem], end: float
    ) -> tuple[_Ask, Judgement] | None:
        for asked, answer in self.sandbox.ask(self._small_groups(candidates)):
            again = self.judged(asked, answer)
            if again.wrong and again.kind == judgement.kind and again.cause == judgement.cause:
                return asked, again
            if time.monotonic() > end:
                break
        return None

    def _small_groups(self, candidates: Iterable[Problem]) -> Iterator[list[tuple[_Ask, Message]]]:
        for problem in candidates:
            guard = GUARD_BITS if self.ledger.inexact else 0
            if self.binding.refuses(problem) is None and (radius := exact_radius(problem, guard=guard)):
                radius = min(SMALL_RADIUS, radius)
                rng = generator(self.seed, problem)
                asks = [_Ask(problem, draw(problem, radius, rng), radius, self.ledger.inexact) for _ in range(2)]
                yield [(ask, self.binding.message(problem, ask.operands)) for ask in asks]

    def _confirmed(self, kind: Kind, ask: _Ask, judgement: Judgement) -> tuple[Kind, Judgement]:
        """Ask the same three times in a fresh process: what comes and goes is no wrong formula."""
        self.sandbox.fresh()
        message = self.binding.message(ask.problem, ask.operands)
        answers = [answer for _, answer in self.sandbox.ask([[(n, message) for n in range(3)]])]
        wrong = [self.judged(ask, answer).wrong for answer in answers]
        if not any(wrong):
            text = "wrong during the audit, right when asked first in a fresh process"
            return ("varies" if kind == "wrong-value" else kind), replace(judgement, text=text)
        if len({(answer.outcome, answer.data) for answer in answers}) > 1:
            return "varies", replace(judgement, text="three times the same call, and not the same answer each time")
        return kind, judgement


MOST_DRAWS = 12
MOST_EXCEPTIONS = 5
MOST_COSTLY_REFUSALS = 3
SUMMARIES: Mapping[Kind, str] = {
    "wrong-value": "the numbers are wrong",
    "wrong-shape": "the result's shape is wrong",
    "wrong-dtype": "the result's dtype is wrong",
    "not-an-array": "the result is not an array of the asked kind",
    "raised": "an exception on a problem that PyTorch solves",
    "crashed": "the process died",
    "hung": "no answer came",
    "out-of-memory": "memory ran out",
    "malformed": "the process wrote something that is no answer",
    "mutated-operand": "an operand was changed",
    "stale-answer": "an earlier call's answer came back",
    "varies": "equal calls give different answers",
    "accepted-but-invalid": "a problem that has no output was given one",
}


def why_invalid(problem: Problem) -> str:
    """The rule that an invalid problem breaks."""
    try:
        problem.geometry  # noqa: B018 - it raises
    except ValueError as error:
        return str(error)
    return "a problem without an output"


def _unnumbered(text: str) -> str:
    """A message without its numbers: those that differ in nothing else are one."""
    return re.sub(r"\d+", "#", text)


def _size(problem: Problem) -> tuple[bool, int]:
    """Small is what a reader follows; an empty batch shows little."""
    return problem.geometry.batch == 0, problem.multiply_adds


def _plain_operands(problem: Problem) -> dict[str, Array]:
    shapes = {"input": problem.input_shape, "weight": problem.weight_shape}
    return {name: np.arange(float(np.prod(shape))).reshape(shape) % 5 - 2 for name, shape in shapes.items()}


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


def _planned(op: str, dtypes: Sequence[str], level: LevelName, binding: Binding) -> list[Problem]:
    """The level's problems in every dtype, as far as the signature can say them."""
    listed = (replace(problem, dtype=dtype) for problem in problems(op, level) for dtype in dtypes)
    fitted = dict.fromkeys(map(binding.fitted, listed))
    return [problem for problem in fitted if binding.refuses(problem) is None and solvable(problem)]


def _status(findings: Sequence[Finding], scope: Scope, ledger: _Ledger) -> Status:
    """A worker that could not make its calls, or says so, earns no verdict."""
    if findings:
        return "faulty"
    return "conforms" if scope.discriminating and not ledger.harness else "no-verdict"


def _arithmetic(ledger: _Ledger, scope: Scope) -> Arithmetic:
    if not scope.discriminating:
        return "not measured"
    return "inexact" if ledger.inexact else "exact"


def _discriminating(problem: Problem) -> bool:
    """Whether a wrong index could show: several outputs, each of several products."""
    geometry = problem.geometry
    return max(geometry.kernel_size) > 1 and problem.multiply_adds > max(math.prod(geometry.output_size), 1)


def _scope(ledger: _Ledger, level: Level, dtypes: tuple[str, ...], planned: int, narrowed: Sequence[str]) -> Scope:
    compared = {p: r for p, r in ledger.records.items() if r.judgement.standing in ("right", "rounded")}
    exact = [r.survival for p, r in compared.items() if _discriminating(p)]
    notes = []
    if ledger.inexact:
        notes.append("inexact arithmetic, rounding not judged")
    notes += [f"harness fault, {count} times: {text}" for text, count in ledger.harness.items()]
    return Scope(
        level.name,
        dtypes,
        planned,
        len(ledger.records),
        len(exact),
        ledger.calls,
        ledger.outputs,
        max(exact, default=1.0),
        ledger.truncated,
        tuple(_exercised(ledger.records)),
        (*narrowed, *(f"{what} ({count} problems)" for what, count in ledger.narrowed.most_common())),
        tuple(notes),
    )


def _exercised(records: Mapping[Problem, _Record]) -> Iterator[Exercise]:
    """How often each value of each parameter was compared, failed and refused."""
    tally: dict[str, Counter[tuple[str, str]]] = {}
    for problem, record in records.items():
        standing = {"wrong": "failed", "refused": "refused"}.get(record.judgement.standing, "compared")
        for parameter, value in _settings(problem):
            tally.setdefault(parameter, Counter())[value, standing] += 1
    for parameter, counter in tally.items():
        for value in sorted({value for value, _ in counter}):
            compared, failed, refused = (counter[value, standing] for standing in ("compared", "failed", "refused"))
            yield Exercise(parameter, value, compared, failed, refused)


def _settings(problem: Problem) -> Iterator[tuple[str, str]]:
    for name in GEOMETRY:
        if name == "output_padding" and not problem.transposed:
            continue
        values = geometry_values(problem, name)
        word = str(problem.padding) if not values else ""
        yield name, word or (f"{DEFAULTS[name]}" if set(values) == {DEFAULTS[name]} else f"more than {DEFAULTS[name]}")
    if problem.family in ("conv", "conv_transpose"):
        yield "bias", "given" if problem.bias else "none"
    batched = len(problem.input_shape) == len(problem.weight_shape)
    yield "batch", ("more than 1" if problem.input_shape[0] > 1 else str(problem.input_shape[0])) if batched else "none"
