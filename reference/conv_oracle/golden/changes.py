"""What a regeneration changes, case by case, and why a reviewer should care."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from conv_oracle.golden.comparing import array_difference
from conv_oracle.golden.families import FAULTS, HISTORY, Entry, Family

Kind = Literal["removed", "changed", "added"]

REASONS = {
    "gone": "who names this id, or counts cases, breaks; a case is removed only where it was wrong",
    "values": "the same question has another answer: the reference was wrong before, or is now; check one by hand",
    "question": "another question under an old id, which is kept for ever: a new id would fit",
    "expectation": "what is right, refused or allowed changed: who passed may fail now",
    "exactness": "the dtypes in which it is exact may have changed",
    "hidden": "it exposes less than it did: a fault may now pass",
    "flags": "it exposes more: who fails is told more",
    "core": "the choice of core cases changed: who runs only those runs others",
    "ways": "the ways of a fault changed: digits of flags mean other ways",
    "words": "words only: nothing that is computed",
    "new": "who passed may fail on it",
}
"""The most serious first; the reason that is given for a change is the first that fits it."""


WORDS = ("comment", "title", "right", "broken", "reveals", "hides", "added", "corrected")
"""What is told of a case, a fault or a version, and nothing that is computed."""


@dataclass(frozen=True)
class Change:
    """One case of two sets. `what` are its arrays and keys that differ, in words."""

    kind: Kind
    family: str
    id: str
    what: tuple[str, ...]
    reason: str

    def __str__(self) -> str:
        told = f": {'; '.join(self.what)}" if self.what else ""
        return f"{self.kind:7}  {self.family}: {self.id}{told}\n         {REASONS[self.reason]}"


def changes(old: Sequence[Family], new: Sequence[Family]) -> list[Change]:
    """The cases that were removed, changed and added, the most serious first."""
    before = {family.name: family for family in old}
    found: list[Change] = []
    for family in new:
        earlier = before.get(family.name, Family(family.name, (), {}))
        cases, later = _by_id(earlier), _by_id(family)
        found += [Change("removed", family.name, name, (), "gone") for name in cases if name not in later]
        found += [_added(family, later[name]) for name in later if name not in cases]
        for name in (name for name in later if name in cases):
            found += _changed(name, earlier, family, cases[name], later[name])
    order = list(REASONS)
    return sorted(found, key=lambda change: order.index(change.reason))


def _by_id(family: Family) -> dict[str, Entry]:
    return {str(entry.get("id")): entry for entry in family.cases if isinstance(entry, dict)}


def _added(family: Family, entry: Entry) -> Change:
    if family.name in (FAULTS, HISTORY):
        return Change("added", family.name, entry["id"], (), "ways" if family.name == FAULTS else "words")
    arrays = [key.removeprefix(f"{entry['id']}/") for key in family.arrays if key.startswith(f"{entry['id']}/")]
    told = [
        f"{entry['result']}, {entry.get('problem', entry.get('operation'))}",
        *([", ".join(arrays)] if arrays else []),
    ]
    return Change("added", family.name, entry["id"], tuple(told), "new")


def _changed(name: str, earlier: Family, family: Family, old: Entry, new: Entry) -> Iterator[Change]:
    what, reasons = [], set[str]()
    for key in dict.fromkeys([*earlier.arrays, *family.arrays]):
        if key.startswith(f"{name}/"):
            line = (
                "is gone"
                if key not in family.arrays
                else array_difference(earlier.arrays.get(key), family.arrays[key], now="now")
            )
            if line:
                array = key.removeprefix(f"{name}/")
                what.append(f"{array} {line}")
                reasons.add("question" if array in ("x", "w", "b", "dy") else "values")
    for key in (key for key in dict.fromkeys([*new, *old]) if old.get(key) != new.get(key)):
        told, reason = _of_key(key, old.get(key), new.get(key))
        what += told
        reasons |= reason
    if "question" in reasons:
        reasons.discard("values")
    if reasons:
        yield Change("changed", family.name, name, tuple(what), min(reasons, key=list(REASONS).index))


def _of_key(key: str, old: Any, new: Any) -> tuple[list[str], set[str]]:
    """What to say of a key whose value changed, and which reasons it gives; nothing of digests, which follow arrays."""
    if key in WORDS:
        return [key if isinstance(new, list) else f"{key}: {new}"], {"words"}
    if key == "core":
        return [f"core of {', '.join(new or []) or 'nothing'}, before of {', '.join(old or []) or 'nothing'}"], {"core"}
    if key == "ways":
        return ["ways"], {"ways"}
    if key == "flags":
        return _of_flags(old or {}, new or {})
    if key in ("operands", "results", "absSum"):
        told = _described(old, new) if isinstance(old, dict) and isinstance(new, dict) else [f"{key}: {old}, now {new}"]
        return told, {"exactness"} if told else set()
    asked = key in ("problem", "parameters", "operation", "mode", "f", "g", "answer")
    return [f"{key}: {old}, now {new}"], {
        "question" if asked else "values" if key in ("h", "outputShape") else "expectation"
    }


def _described(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Bounds and exponents that changed."""
    return [
        f"{name}'s {key}: {old[name].get(key)}, now {new[name].get(key)}"
        for name in new
        for key in ("limit", "absSum", "exponent")
        if name in old and old[name].get(key) != new[name].get(key)
    ]


def _of_flags(old: dict[str, Any], new: dict[str, Any]) -> tuple[list[str], set[str]]:
    """Faults that a result exposes no more, or newly, in some way."""
    lost, gained = [], []
    for result in dict.fromkeys([*new, *old]):
        before, now = old.get(result, {}), new.get(result, {})
        for slug in sorted({*before, *now}):
            was, is_ = before.get(slug, ""), now.get(slug, "")
            width = max(len(was), len(is_))
            pairs = list(zip(was.ljust(width, "0"), is_.ljust(width, "0"), strict=True))
            lost += [f"{result} hides {slug}"] * (("1", "0") in pairs)
            gained += [f"{result} exposes {slug}"] * (("0", "1") in pairs)
    return lost + gained, {"hidden"} if lost else {"flags"}
