"""The questions of an export: every call that its grading may look up, in a fixed order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from conv_oracle.auditing.afterwards import to_be_refused
from conv_oracle.auditing.diagnosis import demonstrations
from conv_oracle.auditing.judging import Ask, Asking, Ledger, Session
from conv_oracle.auditing.offline.choices import Choices
from conv_oracle.auditing.offline.recorded import Recorded
from conv_oracle.auditing.operands import DTYPES, Draws
from conv_oracle.auditing.options import AuditOptions
from conv_oracle.auditing.plan import Met, Plan, must_be_refused, planned
from conv_oracle.auditing.rounding import ALLOWED, Pass, foreseen, passes_of
from conv_oracle.auditing.sandbox import Answer
from conv_oracle.problem import Problem

CHUNK_BYTES, CHUNK_PROBLEMS = 4 << 20, 128
"""A chunk has so many bytes of operands, and so many problems, at most; one large problem may be a chunk."""

PATIENT = 1e9
"""The seconds of what waits for nobody: answers are there, or they are not."""


class Prepared(Mapping[Problem, Draws]):
    """The operands of problems, drawn when they are looked up.

    They leave room for rounding where there is any, as nothing can be asked again to tell it from a wrong number.
    """

    def __init__(self, asking: Asking, listed: Iterable[Problem], once: Iterable[Problem]) -> None:
        """listed: problems, whose draws follow from their position; once: those that are drawn as seldom as can be."""
        self._asking = asking
        self._turns = {problem: turn for turn, problem in enumerate(listed) if self._radius(problem) >= 1}
        self._once = {problem: 1 for problem in once if problem not in self._turns and self._radius(problem) >= 1}

    def __getitem__(self, problem: Problem) -> Draws:
        """The draws of a problem. Raises KeyError for one that is not listed."""
        turn = self._turns.get(problem)
        asking = self._asking if turn is not None else replace(self._asking, missed=1.0, least=1)
        turn = self._once[problem] if turn is None else turn
        ask = asking.plain(problem, turn, guarded=True) or asking.plain(problem, turn, guarded=False)
        assert ask is not None  # noqa: S101 - a radius of at least 1 was found
        return ask.draws

    def __contains__(self, problem: object) -> bool:
        return problem in self._turns or problem in self._once

    def __iter__(self) -> Iterator[Problem]:
        return iter((*self._turns, *self._once))

    def __len__(self) -> int:
        return len(self._turns) + len(self._once)

    def _radius(self, problem: Problem) -> int:
        return self._asking.radius(problem, guarded=False, gradients=False)


@dataclass(frozen=True)
class Questions:
    """What is asked of another machine.

    session: of the audit that its answers get, with an empty ledger. edges: the session's questions on edges are those
    of `plan`. passes: those on which rounding is measured. refused: problems without an output, and contradictory ones.
    """

    options: AuditOptions
    met: Met
    plan: Plan
    session: Session
    passes: Sequence[Pass]
    refused: tuple[Sequence[Problem], Sequence[Problem]]

    def __len__(self) -> int:
        """About how many there are: those on rounding are counted by their passes."""
        return len(self.session.asking.vectors) + len(self.coded) + sum(map(len, self.refused)) + len(self.passes)

    def __iter__(self) -> Iterator[Ask]:
        """All questions, those of the level first."""
        asking = self.session.asking
        for draws in asking.vectors.values():
            yield Ask(draws, [("call", number) for number in range(len(draws))])
        shown = [p for dtype in self.met.dtypes for p in demonstrations(self.options.op, dtype)]
        taken = [p for p in shown if self.session.binding.refuses(p) is None and not DTYPES[p.dtype].short]
        yield from map(asking.coded, dict.fromkeys([*self.coded, *taken]))
        yield from map(self.session.refusal_ask, dict.fromkeys(problem for each in self.refused for problem in each))
        yield from foreseen(self.session, self.passes)

    @property
    def coded(self) -> list[Problem]:
        """The problems of the level whose index map a few coded probes read."""
        return [problem for problem in self.plan.planned if self.session.asking.few_coded(problem)]

    def chunks(self) -> Iterator[tuple[str, list[tuple[str, Ask]]]]:
        """(name of the chunk, (name of the problem, question) of each)."""
        chunk, size, number = list[tuple[str, Ask]](), 0, 0
        for count, ask in enumerate(self):
            own = ask.draws.integers.size * DTYPES[ask.problem.dtype].itemsize
            if chunk and (size + own > CHUNK_BYTES or len(chunk) == CHUNK_PROBLEMS):
                yield f"c{number:04}", chunk
                chunk, size, number = [], 0, number + 1
            chunk.append((f"p{count:05}", ask))
            size += own
        if chunk:
            yield f"c{number:04}", chunk


def questions(
    choices: Choices, directory: Path, look_up: Callable[[bytes], Answer | None] = lambda _: None
) -> Questions:
    """The questions of an export: they follow from its choices alone.

    directory: where it is. look_up: the answer to the call of a key, where there is one; see `call_key`.
    Raises TargetError for choices that are invalid.
    """
    options = choices.options(directory)
    met, allowed, level = choices.met(options), ALLOWED[options.arithmetic], options.level
    plan = planned(options, met)
    bare = Asking(options.seed, level.missed, level.draws, "numpy", bits=allowed.bits, scales=not allowed.few_exponents)
    listed = plan.planned if options.fix else ()
    passes = passes_of(options.op, met.dtypes, level.name, gradients=False, only=listed)
    known = Prepared(bare, dict.fromkeys([*plan.planned, *plan.edges]), [of.problem for of in passes])
    patient = replace(level, seconds=PATIENT)
    session = Session(
        Ledger(patient),
        replace(bare, vectors=known),
        met.binding,
        Recorded(options.target, look_up),
        patient,
        options.refusals,
        plan.planned,
    )
    no_output, contradictory = must_be_refused(options, plan)
    refused = to_be_refused(session, no_output, contradictory, options.dtypes[0])
    return Questions(options, met, plan, session, passes, refused)
