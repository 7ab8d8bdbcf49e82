"""Every call that the judgement of rounding may make, known before any answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from conv_oracle.auditing.judging import Ask, Session
from conv_oracle.auditing.operands import DTYPES
from conv_oracle.auditing.rounding.carriers import Pass
from conv_oracle.auditing.rounding.measuring import asks_of, order_ask
from conv_oracle.auditing.rounding.plan import ordered
from conv_oracle.auditing.rounding.special_findings import special_ask, special_passes


def foreseen(session: Session, passes: Sequence[Pass]) -> Iterator[Ask]:
    """The calls of these passes, of the small problems on special values, and of the short sums whose order is read.

    Results are foreseen in the dtype of their operands: `judged_rounding` asks others of wider ones.
    """
    taken = [of for of in passes if session.binding.refuses(of.problem) is None]
    for of in taken:
        yield from asks_of(session, of)
    for of in special_passes(session, taken):
        yield special_ask(session, of, largest=True)[1]
    kinds = dict.fromkeys((of.problem.operation, of.problem.dtype, of.part) for of in taken)
    for op, dtype, part in kinds:
        short = ordered(op, dtype, part, gradients=False)
        if not DTYPES[dtype].short and session.binding.refuses(short.problem) is None:
            yield order_ask(short)
