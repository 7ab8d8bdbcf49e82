"""The kinds of operands on which rounding is measured: data suites, and probes that read one property off the answer.

A value, and not a name, so that what depends on the kind stands in one table. `data` and `probes` make the operands.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SuiteKind:
    """A kind of operands.

    name, said: as reports call it, and what its numbers are.
    probe: one property is read off the answers, and no class is held to its bound on them.
    ordinary: every format has the exponents of its numbers. far_apart: few formats have them.
    finite: every format holds the operands, the sums and the answer, so that what is not finite is no rounding.
    exact: a sum of its terms is exact, or rounded once: any error tells something.
    """

    name: str
    said: str
    probe: bool = False
    ordinary: bool = False
    far_apart: bool = False
    finite: bool = False
    exact: bool = False


_THREE = "three terms per output"
_AS_READ = "one term per output: the number as it was read, times 1 or -1"

SPARSE = SuiteKind(name="sparse", said=_THREE, ordinary=True, finite=True)
SPREAD = SuiteKind(name="spread", said=f"{_THREE}, widely varying exponents", far_apart=True)
CONTRAST = SuiteKind(name="contrast", said=f"{_THREE}, huge numbers elsewhere", far_apart=True)
SPOT = SuiteKind(name="spot", said=f"{_THREE}, one nonzero per image")
DENSE = SuiteKind(name="dense", said="many terms of both signs", ordinary=True)
POSITIVE = SuiteKind(name="positive", said="many terms of one sign", ordinary=True)
TRAINED = SuiteKind(name="trained", said="small centred weights, and inputs around 0, as in a layer", ordinary=True)
ACTIVATIONS = SuiteKind(
    name="activations", said="the same on inputs of which half are 0 and none is negative", ordinary=True
)
CANCELLING = SuiteKind(name="cancelling", said="terms that cancel but for a small remainder")
BIG_FIRST = SuiteKind(name="big-first", said="one large term, then small ones")
INTEGERS = SuiteKind(name="integers", said="integers whose sums are exact")

LEFT = SuiteKind(name="left", said=_AS_READ, probe=True, exact=True)
RIGHT = SuiteKind(name="right", said=_AS_READ, probe=True, finite=True, exact=True)
SUMS = SuiteKind(
    name="sums",
    said="a large number, a small one and the large one's opposite, far apart",
    probe=True,
    finite=True,
    exact=True,
)
TRUNCATION = SuiteKind(
    name="truncation",
    said="a sum three quarters of a unit in the last place beyond a number",
    probe=True,
    finite=True,
    exact=True,
)
_SIDE_BY_SIDE = "a large number, a small one and the large one's opposite, side by side"
NEAR_TAPS = SuiteKind(name="near taps", said=_SIDE_BY_SIDE, probe=True, finite=True)
NEAR_CHANNELS = SuiteKind(name="near channels", said=_SIDE_BY_SIDE, probe=True, finite=True)
SUBNORMALS = SuiteKind(name="subnormals", said="numbers and products below the smallest normal one", probe=True)
