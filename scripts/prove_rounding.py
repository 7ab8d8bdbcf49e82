"""Prove the judgement of rounding: no right implementation is accused, no reduced precision passes.

    right      random problems over all passes on PyTorch, SciPy and onnxruntime: how many are accused
    reduced    random problems on simulated reduced precision: how many are caught
    audits     whole audits of subjects of every class and operation family, at quick and at standard
    rules      our rule compared with those in common use, on the same right and wrong implementations
    bounds     fast algorithms over 10 to 100,000 channels: their errors over the bounds that they are held to

What has been measured is kept in `.proof/`, by the content of the package and of `oracle_tests/rounding`, so that an
interrupted proof resumes, and a change of the code starts it again. Exits with 1 where a right implementation is
accused of more than the known defects of its library, or where reduced precision passes a whole audit at standard. A
single problem, or a quick audit, may not show it: those that pass there are counted.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = (ROOT / "reference" / "conv_oracle", ROOT / "oracle_tests" / "rounding")
CODE = b"\0".join(file.read_bytes() for folder in FOLDERS for file in sorted(folder.rglob("*.py")))
KEPT = ROOT / ".proof" / f"rounding-{hashlib.sha256(CODE).hexdigest()[:16]}.jsonl"
sys.path.insert(0, str(ROOT / "oracle_tests" / "rounding"))

from library_implementations import RIGHT, covers, known  # type: ignore[import-not-found] # noqa: E402
from many_channels import CHANNELS, over_bounds  # type: ignore[import-not-found] # noqa: E402
from other_rules import RULES, data_of  # type: ignore[import-not-found] # noqa: E402
from simulated_arithmetic import ARITHMETICS, part_of  # type: ignore[import-not-found] # noqa: E402

from conv_oracle.auditing import ALLOWED, DEFAULT, LevelName, audit  # noqa: E402
from conv_oracle.auditing.operands import SECOND  # noqa: E402
from conv_oracle.auditing.rounding import (  # noqa: E402
    Measured,
    Pass,
    measured,
    of_problem,
    probes,
    sample,
    suites,
)
from conv_oracle.operation import operation  # noqa: E402
from conv_oracle.problem import Problem, parse, problem  # noqa: E402
from conv_oracle.space import solvable  # noqa: E402
from conv_oracle.truth import fast  # noqa: E402

SEED = 20_261_128
MOST_MULTIPLY_ADDS = 12_000
REDUCED = [
    (name, dtype)
    for name, arithmetic in ARITHMETICS.items()
    for dtype in arithmetic.dtypes
    if arithmetic.measured not in ("any-order", "wide", "correctly-rounded", "fast", "bias-after-rounding")
]
MOST_OF_BOUND = 0.5
"""A right fast algorithm is no nearer to its bound."""

FAMILIES = ("conv2d", "conv_transpose2d", "conv2d_input", "conv2d_weight")
Answer = Callable[[Pass, Mapping[str, Any]], Any]
Entry = dict[str, Any]
console = Console()


def random_problem(rng: np.random.Generator, dtype: str, *, forward: bool, transposed: bool = True) -> Problem:
    """Any geometry that has a solution and is not large; `forward`: one that gradients are taken of."""
    while True:
        d = int(rng.choice([1, 2, 2, 3]))
        g = int(rng.choice([1, 1, 1, 2, 3]))
        c, m = (g * int(rng.choice([4, 8, 8, 16, 40, 130])) for _ in range(2))
        turned = transposed and bool(rng.random() < 0.4)
        given = problem(
            f"conv{'_transpose' * turned}{d}d",
            (int(rng.integers(1, 5)), c, *(int(n) for n in rng.integers(1, (60, 12, 6)[d - 1], d))),
            (c, m // g, *(int(k) for k in rng.integers(1, 5, d)))
            if turned
            else (m, c // g, *(int(k) for k in rng.integers(1, 5, d))),
            stride=[int(s) for s in rng.integers(1, 4, d)],
            padding=[int(p) for p in rng.integers(0, 3, d)],
            dilation=[int(s) for s in rng.integers(1, 3, d)],
            groups=g,
            bias=bool(rng.random() < 0.5),
            dtype=dtype,
        )
        if solvable(given) and 0 < given.multiply_adds <= MOST_MULTIPLY_ADDS and (forward or given.bias is False):
            return given


def random_pass(rng: np.random.Generator, dtype: str, parts: tuple[str, ...], *, transposed: bool = True) -> Pass:
    """One part of a random problem."""
    while True:
        given = random_problem(rng, dtype, forward=True, transposed=transposed)
        every = of_problem(given, gradients=parts != ("output",), twice=parts == SECOND)
        fitting = [of for of in every if of.returned in parts and terms_of(of)]
        if fitting:
            return fitting[int(rng.integers(len(fitting)))]


def terms_of(of: Pass) -> int:
    """The most products that an output of it has: padding may leave none."""
    if of.of_bias:
        return of.rows_and_columns[1]
    ones = {name: np.ones(shape) for name, shape in of.alone.operand_shapes.items()}
    return int(of.alone.compute(fast, ones).max(initial=0)) - of.alone.bias


def class_of(of: Pass, answer: Answer, rng: np.random.Generator) -> Measured:
    """What an implementation is, on every suite and probe."""
    return measured(of, [sample(of, one, answer(of, one.operands)) for one in (*suites(of, rng), *probes(of, rng))])


def kept() -> list[Entry]:
    """What was measured before."""
    return [json.loads(line) for line in KEPT.read_text().splitlines()] if KEPT.exists() else []


def keep(entry: Entry) -> None:
    """One more measurement, whole or not at all."""
    KEPT.parent.mkdir(exist_ok=True)
    with KEPT.open("a") as file:
        file.write(json.dumps(entry) + "\n")


def prove(title: str, ask: Callable[..., Entry], asks: Sequence[tuple[Any, ...]], jobs: int) -> None:
    """Ask what was not asked before, so many at a time, and keep every answer as it comes."""
    with ProcessPoolExecutor(jobs) as pool:
        try:
            running = [pool.submit(ask, *one) for one in asks]
            seen = track(as_completed(running), title, len(running), console=console, disable=not console.is_terminal)
            for future in seen:
                keep(future.result())
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def ask_right(number: int, who: str) -> Entry:
    """One random problem on a right implementation."""
    dtype, _, parts, transposed, answer = RIGHT[who]
    rng = generator(number, who)
    of = random_pass(rng, dtype, parts, transposed=transposed)
    while not covers(who, of):
        of = random_pass(rng, dtype, parts, transposed=transposed)
    found = class_of(of, answer, rng)
    holds = ALLOWED[DEFAULT].holds(found)
    said = "" if holds else f"{of.returned} of {of.problem}: {found.said}"
    entry = {"part": "right", "who": who, "number": number, "of": of.returned, "problem": str(of.problem)}
    return {**entry, "name": found.name, "holds": holds, "said": said}


def prove_right(wanted: int, jobs: int) -> bool:
    """Random problems on right implementations."""
    whole = sum(weight for _, weight, *_ in RIGHT.values())
    most = {who: -(-wanted * weight // whole) for who, (_, weight, *_) in RIGHT.items()}
    prove("right", ask_right, in_turns("right", most), jobs)
    entries = [entry for entry in kept() if entry["part"] == "right"]
    table = Table("implementation", "problems", "classes", "accused", title="Right implementations")
    unknown = 0
    for who in RIGHT:
        own = [entry for entry in entries if entry["who"] == who]
        accused = [entry for entry in own if not entry["holds"]]
        new = [entry for entry in accused if not known(who, entry["of"], parse(entry["problem"]), entry["name"])]
        unknown += len(new)
        classes = ", ".join(f"{name} {count}" for name, count in Counter(e["name"] for e in own).most_common())
        told = f"{len(new)}" + (f" (and {len(accused) - len(new)} known of it)" if len(accused) > len(new) else "")
        table.add_row(who, f"{len(own):,}", classes, told)
        for entry in new[:3]:
            console.print(f"  {who}: {entry['said']}", highlight=False)
    console.print(table)
    console.print(f"{len(entries):,} problems, {unknown} false alarms")
    return unknown == 0


def ask_reduced(number: int, who: str) -> Entry:
    """One random problem on reduced precision."""
    name, dtype = who.rsplit(", ", 1)
    arithmetic, rng = ARITHMETICS[name], generator(number, who)
    of = random_pass(rng, dtype, ("output", "grad_input", "grad_weight"))
    while not shows(of, name):
        of = random_pass(rng, dtype, ("output", "grad_input", "grad_weight"))
    found = class_of(of, lambda of, given: part_of(of, given, arithmetic), rng)
    entry = {"part": "reduced", "who": who, "number": number, "said": f"{of.part} of {of.problem}", "name": found.name}
    return {**entry, "caught": not ALLOWED[DEFAULT].holds(found), "same": found.name == arithmetic.measured}


def prove_reduced(wanted: int, jobs: int) -> bool:
    """Random problems on reduced precision."""
    most = {f"{name}, {dtype}": -(-wanted // len(REDUCED)) for name, dtype in REDUCED}
    prove("reduced", ask_reduced, in_turns("reduced", most), jobs)
    entries = [entry for entry in kept() if entry["part"] == "reduced"]
    table = Table("arithmetic", "problems", "caught", "named", title="Reduced precision, one problem each")
    for name, dtype in REDUCED:
        own = [entry for entry in entries if entry["who"] == f"{name}, {dtype}"]
        caught, named = (sum(entry[key] for entry in own) for key in ("caught", "same"))
        table.add_row(f"{name}, {dtype}", f"{len(own)}", f"{caught}", f"{named}")
        for entry in [e for e in own if not e["caught"]][:2]:
            console.print(f"  passed: {entry['who']}, {entry['said']}, as {entry['name']}", highlight=False)
    console.print(table)
    caught, named = (sum(entry[key] for entry in entries) for key in ("caught", "same"))
    console.print(f"{len(entries):,} problems, {caught:,} caught, {named:,} named correctly")
    return True


def shows(of: Pass, name: str) -> bool:
    """Whether an arithmetic is used on a pass at all: its algorithm covers it, and there is more than one term."""
    arithmetic, terms = ARITHMETICS[name], terms_of(of)
    blocks = 300 if arithmetic.measured == "partial-sums" else 2
    return bool(arithmetic.covers(of.alone)) and terms >= max(arithmetic.least, blocks)


def generator(number: int, who: str) -> np.random.Generator:
    """The random numbers of one problem of somebody's."""
    return np.random.default_rng([SEED, number, *who.encode()])


def in_turns(part: str, most: Mapping[str, int]) -> list[tuple[int, str]]:
    """(number, who) of all that is still to do, each in turn."""
    done = {(entry["number"], entry["who"]) for entry in kept() if entry["part"] == part}
    return sorted({(number, who) for who, count in most.items() for number in range(count)} - done)


def ask_audit(who: str, level: LevelName, seed: int) -> Entry:
    """A whole audit of one class and family."""
    name, dtype, op = who.rsplit(", ", 2)
    subjects = ROOT / "oracle_tests" / "rounding" / "simulated_subjects.py"
    target = f"{subjects}:{op}__{re.sub(r'[^a-z0-9]+', '_', name.lower()).strip('_')}"
    begin = time.monotonic()
    verdict = audit(target, op=op, dtypes=[dtype], level=level, seed=SEED + seed, jobs=1)
    faults = [finding.fault for finding in verdict.findings if finding.kind in ("rounding", "wrong-value")]
    entry = {"part": "audits", "who": who, "level": level, "seed": seed, "faults": faults}
    same, caught = any(one.name == ARITHMETICS[name].measured for one in verdict.rounding), bool(faults)
    return {**entry, "caught": caught, "same": same, "seconds": time.monotonic() - begin}


def prove_audits(levels: tuple[LevelName, ...], repeats: int, jobs: int) -> bool:
    """Whole audits of every class and family."""
    done = {(entry["who"], entry["level"], entry["seed"]) for entry in kept() if entry["part"] == "audits"}
    exist = [
        f"{name}, {dtype}, {op}"
        for op in FAMILIES
        for name, dtype in REDUCED
        if not ("Winograd" in name and operation(op).by_weight)
    ]
    every = [(who, level, seed) for level in levels for seed in range(repeats) for who in exist]
    prove("audits", ask_audit, [one for one in every if one not in done], jobs)
    entries = [entry for entry in kept() if entry["part"] == "audits"]
    table = Table("level", "audits", "caught", "named correctly", "seconds", title="Whole audits of reduced precision")
    for level in levels:
        own = [entry for entry in entries if entry["level"] == level]
        if own:
            caught, named = (sum(entry[key] for entry in own) for key in ("caught", "same"))
            seconds = sum(entry["seconds"] for entry in own) / len(own)
            table.add_row(level, f"{len(own)}", f"{caught}", f"{named}", f"{seconds:.1f}")
            for entry in [e for e in own if not e["caught"]][:8]:
                console.print(f"  passed at {level}: {entry['who']}", highlight=False)
    console.print(table)
    return all(entry["caught"] for entry in entries if entry["level"] == "standard")


def implementations() -> Iterator[tuple[str, bool]]:
    """The implementations that all rules judge, and whether each is right.

    A result that is cut once is within the bound of two terms: whole audits find it, and one layer need not.
    """
    for name, arithmetic in ARITHMETICS.items():
        if "float32" in arithmetic.dtypes and name not in ("fused", "kahan", "cut results"):
            yield name, arithmetic.measured in ("any-order", "wide", "fast")


LAYERS = (
    "conv2d x1x1x9x9 w4x1x3x3 float32",
    "conv2d x1x16x8x8 w8x16x3x3 p1 float32",
    "conv2d x1x128x4x6 w8x128x3x3 p1 float32",
    "conv2d x1x512x5x5 w8x512x3x3 float32",
    "conv2d x1x64x4x4 w8x64x1x1 float32",
    "conv1d_weight x4x1x2502 w4x1x3 float32",
    "conv1d_weight x4x1x25002 w2x1x3 float32",
)


def prove_rules() -> bool:
    """The rules compared: each on the data that its users give it."""
    table = Table("rule", "right ones rejected", "wrong ones accepted", title="Rules side by side, float32")
    tally: dict[str, Counter[tuple[bool, bool]]] = {}
    for notation in LAYERS:
        (of,) = of_problem(parse(notation), gradients=False)
        for name, right in implementations():
            arithmetic = ARITHMETICS[name]
            slow = name in ("truncating", "blocked") and of.problem.multiply_adds > 250_000
            if slow or not arithmetic.covers(of.alone) or of.rows_and_columns[1] < max(2, arithmetic.least):
                continue
            rng = np.random.default_rng(SEED)
            found = class_of(of, lambda of, given, a=arithmetic: part_of(of, given, a), rng)  # type: ignore[misc]
            tally.setdefault("conv-oracle", Counter())[right, ALLOWED[DEFAULT].holds(found)] += 1
            for rule, judge in RULES.items():
                accepts = all(
                    judge(of, given, part_of(of, given, arithmetic))
                    for given in data_of(rule, of, np.random.default_rng(SEED))
                )
                tally.setdefault(rule, Counter())[right, accepts] += 1
    for rule, counts in tally.items():
        good, bad = (counts[kind, True] + counts[kind, False] for kind in (True, False))
        table.add_row(rule, f"{counts[True, False]} of {good}", f"{counts[False, True]} of {bad}")
    console.print(table)
    return tally["conv-oracle"][True, False] == 0 and tally["conv-oracle"][False, True] == 0


def prove_bounds() -> bool:
    """Fast algorithms over many channels, beside their bounds: at most a half of them."""
    told = {channels: dict(over_bounds(channels)) for channels in CHANNELS}
    names = list(dict.fromkeys(name for each in told.values() for name in each))
    table = Table("error over bound, channels", *(f"{channels:,}" for channels in CHANNELS))
    for name in names:
        table.add_row(name, *(f"{each[name]:.3g}" if name in each else "" for each in told.values()))
    console.print(table)
    return bool(max(over for each in told.values() for over in each.values()) <= MOST_OF_BOUND)


@click.command()
@click.option("--part", "parts", multiple=True, type=click.Choice(["right", "reduced", "audits", "rules", "bounds"]))
@click.option("--right", "right", default=20_000, show_default=True, help="Random problems on right implementations.")
@click.option("--reduced", "reduced", default=5_000, show_default=True, help="Random problems on reduced precision.")
@click.option("--level", "levels", multiple=True, default=("quick", "standard"), show_default=True)
@click.option("--repeats", default=2, show_default=True, help="Whole audits of each class and operation family.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, help="Problems, or audits, to run in parallel.")
def main(
    parts: tuple[str, ...], right: int, reduced: int, levels: tuple[LevelName, ...], repeats: int, jobs: int
) -> None:
    """Prove what is not cached, and print the tables."""
    chosen = parts or ("right", "reduced", "audits", "rules", "bounds")
    proofs: dict[str, Callable[[], bool]] = {
        "right": lambda: prove_right(right, jobs),
        "reduced": lambda: prove_reduced(reduced, jobs),
        "audits": lambda: prove_audits(levels, repeats, jobs),
        "rules": prove_rules,
        "bounds": prove_bounds,
    }
    held = [proofs[part]() for part in chosen]
    sys.exit(0 if all(held) else 1)


if __name__ == "__main__":
    main()
