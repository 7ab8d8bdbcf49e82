"""The ladder of arithmetics: which one it is that gave these answers.

The first that holds on every suite is the class, and a probe must agree:

    correctly-rounded    every answer is the exact sum, rounded once
    wide                 within one rounding of the result: sums in float64, or as good
    any-order            sums in the working precision, in any order (float32; float64 for float64)
    fast                 Winograd, FFT and the like: numbers mix that an output does not read. Held to their own bound
    truncating           the same sums, cut towards zero: twice the unit
    result-cut           the result alone is not rounded to nearest
    reduced-inputs       operands lose bits on their way in (TF32, bfloat16, float16, bfloat16 twice)
    partial-sums         sums are rounded to few bits in between, and exact enough within a block
    low-precision-sums   the accumulator has few bits: ordinary numbers are no further off than that explains
    unclassified         none of these

A fast algorithm is told by what no other does: it answers where there is nothing to sum, or is off by more than all
terms together come to. Its bound is relative to norms, not to each output's own terms:

    |error| <= u growth sum_c |x_c|_2 |w_c|_2

with a growth of 4 log2(size) for FFT (Higham, chapter 24, has a constant of that size; a sixth of it was measured), and
GROWTH for Winograd.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np

from conv_oracle.auditing.operands import DTYPES
from conv_oracle.auditing.rounding.carriers import Pass
from conv_oracle.auditing.rounding.data import scale_of
from conv_oracle.auditing.rounding.measures import Sample, bound, is_rounded, least_normal, ratio, shape_of
from conv_oracle.passes import Array

ClassName = Literal[
    "correctly-rounded",
    "wide",
    "any-order",
    "fast",
    "truncating",
    "result-cut",
    "reduced-inputs",
    "partial-sums",
    "low-precision-sums",
    "unclassified",
]
LADDER: tuple[ClassName, ...] = get_args(ClassName)
SAID: Mapping[ClassName, str] = {
    "correctly-rounded": "correctly rounded",
    "wide": "a wide accumulator: within one rounding of the result",
    "any-order": "sums in {working}, in any order",
    "fast": "a fast algorithm ({kind}), within its own bound",
    "truncating": "sums in {working} that are cut, not rounded",
    "result-cut": "a result that is cut, not rounded",
    "reduced-inputs": "operands reduced to {inputs}",
    "partial-sums": "partial sums rounded to {sums} bits",
    "low-precision-sums": "sums in {sums} bits",
    "unclassified": "no arithmetic of a known class",
}
ONE = " in one operand"
ORDINARY = ("sparse", "dense", "positive")
"""Suites whose numbers every format has the exponents for."""

PROBES = ("left", "right", "sums", "cut", "near taps", "near channels", "subnormals")
LOSES = 2.0**-6
"""An error of so much of all terms is no rounding either, where operands and sums keep far more bits than that."""

FAR_MORE = 12
"""Bits of float32: a format with so many of them has its exponents too."""

NEARLY = 5
"""A small transform mixes little, and errs by a few bits: F(6, 3) on one axis by 29 units."""

USUAL = (2.0**-6, 2.0**8)
"""Numbers that every format has exponents for."""

LEAST_KEPT = 1.5
"""Bits of a number times one, or of the largest of a sum: with fewer it is another number, as 0 and its half are. No
format keeps so few."""

MIXES = 1.5
"""An error beyond so many times the sum of all terms is no rounding of that output's own terms."""

GROWTH = {1: 90.0, 2: 300.0, 3: 1500.0}
"""By the number of axes: the error of F(6, 3), the least accurate tile in use, came to 29 of these units on one axis,
to 97 on two and to 1,018 on three; tiles of operands in TF32 to 2,300 and more. The data suite `spot` makes it sharp:
one number to an image."""

MANY = 24
"""So many roundings do not all go to one side by chance."""

KEPT_BETWEEN = 0.6
FAR = 16


@dataclass(frozen=True)
class Measured:
    """The class of one pass of one problem.

    inputs, sums: the bits that operands and sums keep, where a probe could tell. ratio: the largest error over the
    bound of the class; `evidence` and `place` say where, or what shows the class. limit: the ratio to the bound of sums
    in the working precision in any order. growth: of a fast algorithm, the error in units of its norm, of most_growth
    at most.
    """

    of: Pass
    name: ClassName
    inputs: float
    sums: float
    ratio: float
    evidence: Sample | None
    place: int
    kind: str = ""
    growth: float = 0.0
    most_growth: float = 0.0
    flushes: tuple[str, ...] = ()
    outputs: int = 0

    @property
    def bits(self) -> int:
        """Those of the working precision."""
        return self.of.bits

    @property
    def rank(self) -> int:
        """Its place on the ladder."""
        return LADDER.index(self.name)

    @property
    def said(self) -> str:
        """The class in words."""
        working = "float64" if DTYPES[self.of.problem.dtype].bits == 53 else "float32"
        inputs = self.kind or f"{self.inputs:.0f} bits"
        return SAID[self.name].format(working=working, inputs=inputs, kind=self.kind, sums=f"{self.sums:.0f}")

    @property
    def detail(self) -> str:
        """What the class says besides its name: the format of operands, or the bits of sums."""
        if self.name == "reduced-inputs":
            return self.kind or f"{self.inputs:.0f} bits"
        if self.name in ("partial-sums", "low-precision-sums"):
            return f"{self.sums:.0f} bits"
        return self.kind


def measured(of: Pass, samples: Sequence[Sample]) -> Measured:
    """The class of a pass, from its answers to the suites and the probes."""
    return _Evidence(of, samples).measured()


@dataclass(frozen=True)
class Reduction:
    """A way in which operands lose bits, and the bits that are left of a product's accuracy."""

    round: Callable[[Array], Array]
    bits: int


def _away(x: Array) -> Array:
    moved: Array = np.trunc(x + np.copysign(0.5, x))
    return moved


def _half(x: Array) -> Array:
    with np.errstate(over="ignore"):
        return x.astype(np.float16).astype(np.float64)


REDUCTIONS: Mapping[str, Reduction] = {
    "TF32": Reduction(lambda x: kept(x, 11), 11),
    "TF32, cut": Reduction(lambda x: kept(x, 11, np.trunc), 10),
    "TF32, ties away from zero": Reduction(lambda x: kept(x, 11, _away), 11),
    "float16": Reduction(_half, 11),
    "bfloat16": Reduction(lambda x: kept(x, 8), 8),
    "bfloat16, cut": Reduction(lambda x: kept(x, 8, np.trunc), 7),
    "bfloat16 twice": Reduction(lambda x: kept(x, 8) + kept(x - kept(x, 8), 8), 16),
    "float32": Reduction(lambda x: kept(x, 24), 24),
    "float32, cut": Reduction(lambda x: kept(x, 24, np.trunc), 23),
}
"""Without the product of the low halves, bfloat16 twice loses 2^-16 of a product."""


def kept(x: Array, bits: int, how: Callable[[Array], Array] = np.rint) -> Array:
    """X with so many bits of significand."""
    significand, exponent = np.frexp(x)
    found: Array = np.ldexp(how(significand * 2.0**bits), exponent - bits)
    return found


class _Evidence:
    """What the samples of one pass say together."""

    def __init__(self, of: Pass, samples: Sequence[Sample]) -> None:
        self.of = of
        self.data = [s for s in samples if s.name not in PROBES]
        self.probes = {name: [s for s in samples if s.name == name] for name in PROBES}
        self.dtype = of.component
        self.stored = DTYPES[of.format]
        self.own = 2.0**-self.stored.bits
        self.step = least_normal(of.format) * self.own if self.stored.short else 0.0
        self.bits = of.bits
        self.unit = 2.0**-self.bits

    def measured(self) -> Measured:
        name, sums, inputs, kind, probe = self._class()
        largest, evidence, place = self._worst(self._bound_of(name, inputs))
        growth = 0.0
        if self._mixing is not None or name == "fast":
            growth, evidence, place = self._growth
            largest = growth / self._allowed
        if LADDER.index(name) > LADDER.index("fast"):
            evidence, place = self._shown(probe)
        outputs = sum(len(s.got) for s in self.data)
        return Measured(
            self.of,
            name,
            inputs,
            sums,
            largest,
            evidence,
            place,
            kind,
            growth,
            self._allowed,
            self.flushes,
            outputs,
        )

    def _class(self) -> tuple[ClassName, float, float, str, str]:  # noqa: PLR0911, PLR0912 - the ladder
        """(class, bits of sums, bits of inputs, its kind, the probe or suite that tells)."""
        if self._mixing is not None:
            if self._growth[0] <= self._allowed:
                return "fast", np.inf, np.inf, self._reach(), self._mixing.name
            return "unclassified", np.inf, np.inf, "a fast algorithm beyond its bound", self._mixing.name
        if (broken := self._broken()) is not None:
            return "unclassified", np.inf, np.inf, "", broken.name
        sums, inputs = self.sum_bits, self.input_bits
        if min(inputs, sums) < LEAST_KEPT:
            return "unclassified", np.inf, np.inf, "", self._lossy() if inputs < LEAST_KEPT else "sums"
        within = self._in_any_order
        if within[0] <= 1 and sums >= self.bits - 1 and not self._cuts() and inputs >= DTYPES[self.dtype].bits:
            return self._best(), sums, inputs, "", ""
        full = DTYPES[self.dtype].bits
        mixed = self._growth[0] <= self._allowed and min(inputs, sums) >= self._enough
        coarse = sums < self.bits - 2 and not (mixed and sums >= self.bits - NEARLY)
        if coarse and inputs + 1 < sums and (lost := self._reduced(inputs, sums)) is not None:
            return lost
        if coarse and not self._is_rounding(sums):
            return "unclassified", np.inf, np.inf, "", "sums"
        if coarse:
            if self._between() or (sums >= self.stored.bits + 1 and not DTYPES[self.dtype].short):
                return "partial-sums", self.stored.bits, inputs, "", "sums"
            return "low-precision-sums", math.floor(sums + 0.01), inputs, "", "sums"
        if self._one_sided() and self._worst(self._bound_of("result-cut", inputs))[0] <= 1:
            return "result-cut", sums, inputs, "", "sparse"
        if mixed and inputs >= full - NEARLY and not self._cuts():
            return "fast", sums, inputs, self._reach(), within[1].name if within[1] else ""
        if (lost := self._reduced(inputs, self.bits)) is not None:
            return lost
        if self._cuts() and self._worst(self._bound_of("truncating", inputs))[0] <= 1:
            return "truncating", sums, inputs, "", "cut"
        if self._worst(self._bound_of("result-cut", inputs))[0] <= 1:
            return "result-cut", sums, inputs, "", "sparse"
        if self.own > self.unit and self._worst(lambda s: self._bound(s, self.own))[0] <= 1:
            return "partial-sums", self.stored.bits, inputs, "", within[1].name if within[1] else ""
        if mixed:  # what looks cut, or reduced, is a rounding of other numbers
            return "fast", sums, inputs, self._reach(), within[1].name if within[1] else ""
        return "unclassified", sums, inputs, "", within[1].name if within[1] else ""

    def _is_rounding(self, sums: float) -> bool:
        """Whether ordinary numbers are no further off than sums of so many bits, of operands of so many, can be."""
        unit = 2.0 ** (1 - min(math.floor(sums), self.stored.bits))
        lost = unit if self.input_bits == np.inf else max(unit, 2.0 ** -math.floor(self.input_bits))
        ordinary = [s for s in self.data if s.name in ORDINARY]
        beyond = [np.isfinite(s.error) & (s.error > self._bound(s, unit, inputs=lost)) for s in ordinary]
        return not any(bool(over.any()) for over in beyond)

    def _reduced(self, inputs: float, sums: float) -> tuple[ClassName, float, float, str, str] | None:
        """Reduced operands, in a known format or with so many bits, and sums in as many bits as they have."""
        unit = 2.0 ** -math.floor(sums)
        for known in (*self._known_inputs(), "") if inputs < DTYPES[self.dtype].bits else ():
            bits = REDUCTIONS[known.removesuffix(ONE)].bits if known else math.floor(inputs) - 1
            among = self._in_range(known)
            within = self._worst(lambda s, bits=bits: self._bound(s, unit, inputs=2.0**-bits), among)  # type: ignore[misc]
            if within[0] <= 1 and bits > 0:
                return "reduced-inputs", sums, bits, known, self._lossy()
        return None

    def _best(self) -> ClassName:
        certain = [is_rounded(s) for s in (*self.data, *self._exact_probes())]
        if all(bool((is_it | ~sure).all()) for sure, is_it in certain):
            return "correctly-rounded"
        if any(bool((self._lost(s)[0] > 0).any()) for s in self._exact_probes()):
            return "any-order"
        return "wide" if self._worst(self._bound_of("wide", np.inf))[0] <= 1 else "any-order"

    @cached_property
    def _in_any_order(self) -> tuple[float, Sample | None, int]:
        """How far the answers are from sums in the working precision."""
        return self._worst(self._bound_of("any-order", np.inf))

    def _exact_probes(self) -> Iterator[Sample]:
        for name in PROBES[:-1]:
            yield from self.probes[name]

    def _bound(self, s: Sample, sums: float, *, inputs: float = 0.0, stored_in: float | None = None) -> Array:
        return bound(s, sums, inputs=inputs, stored_in=stored_in, flushes=bool(self.flushes))

    def _bound_of(self, name: ClassName, inputs: float) -> Callable[[Sample], Array]:
        wide = 2.0**-53 if self.bits < 53 else 2.0**-100
        return {
            "correctly-rounded": lambda s: self._bound(s, wide, stored_in=self.own),
            "wide": lambda s: self._bound(s, wide, stored_in=self.own),
            "truncating": lambda s: self._bound(s, 2 * self.unit),
            "result-cut": lambda s: self._bound(s, self.unit, stored_in=2 * self.own),
            "reduced-inputs": lambda s: self._bound(s, self.unit, inputs=2.0**-inputs),
        }.get(name, lambda s: self._bound(s, self.unit))

    def _worst(
        self, limit: Callable[[Sample], Array], among: Sequence[Sample] | None = None
    ) -> tuple[float, Sample | None, int]:
        """The largest ratio to a bound, the sample and the place."""
        worst: tuple[float, Sample | None, int] = (0.0, None, 0)
        for s in self.data if among is None else among:
            if s.error.size:
                over = ratio(s.error, limit(s))
                at = int(over.argmax())
                if worst[1] is None or over[at] > worst[0]:
                    worst = float(over[at]), s, at
        return worst

    def _shown(self, probe: str) -> tuple[Sample | None, int]:
        """The sample and the place that show a finding: of the probe that revealed it, else of the worst suite."""
        best: tuple[float, Sample | None, int] = (0.0, None, 0)
        for s in (*self.probes.get(probe, ()), *(s for s in self.data if s.name == probe)):
            over = ratio(s.error, self._bound(s, self.unit))
            if over.size and over.max() > max(1.0, best[0]):
                best = float(over.max()), s, int(over.argmax())
        return (best if best[1] is not None else self._in_any_order)[1:]

    @cached_property
    def sum_bits(self) -> float:
        """The bits that an accumulator keeps of a small number beside a large one; infinite where all are kept."""
        worst = 0.0
        for name in ("sums", "near taps", "near channels"):
            for s in self.probes[name]:
                lost, _ = self._lost(s)
                worst = max(worst, float(lost.max(initial=0.0)))
        return -math.log2(worst) if worst else np.inf

    def _lost(self, s: Sample) -> tuple[Array, Array]:
        """(what is lost of the small number, relative to the large one; how small it is) where all three were read."""
        count = 10 if DTYPES[self.of.problem.dtype].kind == "c" else 3
        here = (s.terms == count) & (np.abs(s.y) < s.magnitude / 8) & (s.y != 0)
        big = (s.magnitude[here] - np.abs(s.y[here])) / 2
        lost = s.error[here] / big
        return np.where(np.isfinite(lost), lost, 1.0), np.abs(s.y[here]) / big

    def _broken(self) -> Sample | None:
        """An answer that is no number, where every format holds the operands, the sums and the answer."""
        usual = (s for s in (*self.data, *self._exact_probes()) if s.name in ("sparse", *PROBES[1:-1]))
        return next((s for s in usual if not np.isfinite(s.error).all()), None)

    def _cuts(self) -> bool:
        """Whether a sum that is three quarters of a unit above a number becomes that number."""
        unit = 2.0 ** (1 - self.bits)
        lost = np.concatenate([self._lost(s)[0] for s in self.probes["cut"]] or [np.zeros(0)]) / unit
        return bool(((lost > 0.6) & (lost < 0.9)).any())

    def _one_sided(self) -> bool:
        """Whether all that is not exact is below the exact sum, or above it, or nearer to zero, or farther from it."""
        off, y = [np.zeros(0)], [np.zeros(0)]
        for s in (*self.data, *self._exact_probes()):
            here = np.isfinite(s.error) & (s.error > 2 * s.slack)
            off.append(((s.got - s.y) - s.low)[here])
            y.append(s.y[here])
        every = np.concatenate(off)
        up, away = every > 0, every * np.concatenate(y) > 0
        return up.size >= MANY and any(bool((side == side[0]).all()) for side in (up, away))

    def _between(self) -> bool:
        """Whether small numbers survive between large ones that are neighbours: sums are rounded now and then alone."""
        for name in ("near taps", "near channels"):
            told = [self._lost(s) for s in self.probes[name]] or [(np.zeros(0), np.zeros(0))]
            lost, small = (np.concatenate(each) for each in zip(*told, strict=True))
            would = small < 2.0 ** -(self.sum_bits + 1)
            if would.any() and (lost[would] < self.unit * 2).mean() >= KEPT_BETWEEN:
                return True
        return False

    @cached_property
    def input_bits(self) -> float:
        """The bits of an operand that come back through a factor of one; infinite where all do."""
        return min(self._kept("left"), self._kept("right"))

    def _kept(self, side: str) -> float:
        single = [(s, self._single(s) & np.isfinite(s.error)) for s in self.probes[side]]
        usual = [(s, one & (np.abs(s.y) > USUAL[0]) & (np.abs(s.y) < USUAL[1])) for s, one in single]
        told = usual if any(here.any() for _, here in usual) else single
        over = [ratio(s.error[here], np.abs(s.y[here])).max(initial=0.0) for s, here in told]
        worst = float(max(over, default=0.0))
        return -math.log2(min(worst, 1.0)) if worst else np.inf

    def _single(self, s: Sample) -> Array:
        count = 6 if DTYPES[self.of.problem.dtype].kind == "c" else 1
        here: Array = (s.terms == count) & (s.y != 0)
        return here

    def _lossy(self) -> str:
        return "left" if self._kept("left") <= self._kept("right") else "right"

    def _known_inputs(self) -> Iterator[str]:
        """The formats that operands may have been rounded to: every answer is that rounding."""
        for name, reduction in REDUCTIONS.items():
            matched = False
            for side in ("left", "right"):
                if self._kept(side) == np.inf:
                    continue
                for s in self.probes[side]:
                    here = self._single(s)
                    wanted, got = reduction.round(s.y[here]), s.got[here]
                    told = np.isfinite(wanted) & np.isfinite(got)
                    if not np.array_equal(got[told], wanted[told]):
                        break
                    matched |= bool(told.any())
                else:
                    continue
                break
            else:
                if matched:
                    one = self._kept("left") == np.inf or self._kept("right") == np.inf
                    yield name + (ONE if one and not self.of.of_bias else "")

    def _in_range(self, known: str) -> list[Sample]:
        """The suites that a format's exponents have room for: of one that is not known, those that are answered."""
        if not known:
            return [s for s in self.data if np.isfinite(s.error).all()]
        if self.dtype == "float64" or (known.startswith("float16") and self.dtype != "float16"):
            return [s for s in self.data if s.name not in ("spread", "contrast")]
        return self.data

    @cached_property
    def flushes(self) -> tuple[str, ...]:
        """What becomes of subnormal numbers, where they are not kept."""
        least = round(math.log2(least_normal(self.dtype)))
        said: dict[str, bool] = {}
        for s in self.probes["subnormals"]:
            here = self._single(s) & (np.abs(s.y) > 0)
            small = here & (np.abs(s.y) < 2.0**least) & (np.abs(s.y) >= 2.0 ** (least - DTYPES[self.dtype].bits + 1))
            said["results are flushed"] = said.get("results are flushed", False) or bool((s.got[small] == 0).any())
            normal = here & (np.abs(s.y) >= 2.0**least)
            said["operands are flushed"] = said.get("operands are flushed", False) or bool((s.got[normal] == 0).any())
        return tuple(word for word, true in said.items() if true)

    @property
    def _enough(self) -> int:
        """The bits of operands and sums that leave no room for large errors, whatever the exponents."""
        full = DTYPES[self.dtype].bits
        return FAR_MORE if self.dtype == "float32" else full if full <= NEARLY else full - NEARLY

    @cached_property
    def _mixing(self) -> Sample | None:
        """The first sample whose errors are no rounding of an output's own terms."""
        for s in (*self.data, *self._exact_probes()):
            finite = np.isfinite(s.error)
            if bool((finite & (s.error > MIXES * s.magnitude + self.step)).any()):
                return s
        whole = FAR_MORE if self.dtype == "float32" else DTYPES[self.dtype].bits
        if self.sum_bits >= self.bits - 1 and self.input_bits >= whole:
            for s in self.data:
                kept = self.step + self.own * np.abs(s.y) if self.stored.short else 0.0
                lost = np.isfinite(s.error) & (s.error > LOSES * s.magnitude + kept)
                if s.name in ("contrast", "spread") and bool(lost.any()):
                    return s
        return None

    def _reach(self) -> str:
        """FFT where errors come from far away, Winograd where from near."""
        if self.of.part == "grad_weight" or self.of.of_bias:
            return "of the kind of Winograd or FFT"
        told = False
        for s in self.data:
            if s.name == "contrast":
                whole = shape_of(self.of)
                shape = whole[-self.of.problem.dimensions :]
                least = 32 * 2.0 ** (scale_of(self.of).tiny or -1074)
                wrong = np.isfinite(s.error) & (s.error > MIXES * s.magnitude + least)
                wrong = wrong.reshape(-1, *shape, s.got.size // math.prod(whole))
                for axis, size in enumerate(shape):
                    far = np.arange(size) > FAR + 2 * self.of.problem.weight_shape[2 + axis]
                    told |= bool(far.any())
                    if far.any() and bool(np.compress(far, wrong, axis=1 + axis).any()):
                        return "of the kind of FFT"
        return "of the kind of Winograd" if told else "of the kind of Winograd or FFT"

    @cached_property
    def _growth(self) -> tuple[float, Sample | None, int]:
        """The largest error in units of u sum_c |x_c|_2 |w_c|_2."""
        worst: tuple[float, Sample | None, int] = (0.0, None, 0)
        for s in self.data:
            norm = _norms(self.of, s)
            last = self.own * np.abs(s.y) + self.step  # a bias is added to what was transformed, and the sum rounded
            over = ratio(np.maximum(s.error - last, 0), self.unit * norm + s.slack)
            if over.size and (worst[1] is None or over.max() > worst[0]):
                worst = float(over.max()), s, int(over.argmax())
        return worst

    @cached_property
    def _allowed(self) -> float:
        """The growth of a right fast algorithm at most: that of tiles, where taps can be saved, or of a transform."""
        size = math.prod(self.of.problem.geometry.input_size) * max(1, self.of.problem.geometry.batch)
        tiles = self.of.part in ("output", "grad_input") and max(self.of.problem.weight_shape[2:]) > 1
        transform = max(16.0, 4 * math.log2(size))
        return max(transform, GROWTH[self.of.problem.dimensions]) if tiles else transform


def _norms(of: Pass, s: Sample) -> Array:
    """sum_c |x_c|_2 |w_c|_2 for every output: the norms are over whole images and kernels."""
    problem, given = of.problem, s.suite.operands
    d, g, batched = problem.dimensions, problem.groups, problem.batched
    axes = tuple(range(-d, 0))

    def norm(name: str) -> Array:
        length: Array = np.sqrt(np.sum(np.abs(given[name]) ** 2, axis=axes))
        return length

    def images(name: str) -> Array:
        array = norm(name)
        array = array if batched else array[None]
        return array.reshape(len(array), g, -1)

    if of.of_bias:
        return s.magnitude
    w = norm("weight").reshape(g, -1, problem.weight_shape[1]) if of.carrier == "weight" else None
    if w is None:
        first, second = ("input", "grad_output") if problem.transposed else ("grad_output", "input")
        found = np.einsum("ngm,ngc->gmc", images(first), images(second))
    else:
        found = np.einsum("ngc,gmc->ngm" if of.by_rows else "ngm,gmc->ngc", images(of.other), w)
    whole: Array = np.repeat(found.ravel(), s.got.size // found.size)
    return whole
