"""Verdicts of each kind, made once for all workers, and a verdict in which every word is a hostile one."""

import pickle
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pytest
from filelock import FileLock

from audit.brief import BRIEF, HURRIED, OF_ROUNDING
from conv_oracle.auditing import AuditOptions, Level, Repetition, audit
from conv_oracle.problem import Problem

HERE = Path(__file__).parent
SUBJECTS, ROUNDING = HERE / "faulty_subjects.py", HERE.parent / "rounding" / "simulated_subjects.py"
ASKED = {
    "faulty": (f"{SUBJECTS}:kernel_flipped_along_width", {"level": BRIEF, "fail_fast": True}),
    "raises": (f"{SUBJECTS}:raises_on_an_empty_batch", {"level": HURRIED, "edges": "fault"}),
    "rounded": (f"{ROUNDING}:conv2d__tf32", {"level": OF_ROUNDING, "dtypes": ["float32"], "fail_fast": True}),
    "conforms": (f"{SUBJECTS}:right", {"level": OF_ROUNDING, "dtypes": ["float32"]}),
    "no-verdict": (f"{SUBJECTS}:refuses_everything", {"level": HURRIED}),
}
"""By name: the subject and the options of its audit."""

HOSTILE = (
    "</title></style></pre><script>alert(1)</script><img src=x onerror=alert(2)>\"' {{ 7 * 7 }} \x1b[31m\u202e\ud800"
)
KEPT = ("verdict", "arithmetic", "name", "dtype", "kind", "part", "fault")
"""Fields whose words are our own, and looked up."""


@pytest.fixture(scope="session")
def shown(tmp_path_factory, worker_id):
    """Gives the verdict of a name; the worker that asks first makes the audit, and the others read what it found."""
    base = tmp_path_factory.getbasetemp()
    folder = base if worker_id == "master" else base.parent

    def verdict(name):
        file = folder / f"{name}.verdict"
        with FileLock(folder / f"{name}.lock"):
            if not file.is_file():
                target, options = ASKED[name]
                file.write_bytes(pickle.dumps(audit(target, op="conv2d", seed=3, **options)))
            return pickle.loads(file.read_bytes())  # noqa: S301 - written above

    return verdict


def with_words(value, words):
    """A part of a verdict in which these words stand wherever a text does."""
    if isinstance(value, str):
        return words
    if isinstance(value, Problem | AuditOptions | Level | Repetition):
        return value
    if is_dataclass(value):
        changed = {one.name: getattr(value, one.name) for one in fields(value) if one.name not in KEPT}
        return replace(value, **{name: with_words(one, words) for name, one in changed.items()})
    if isinstance(value, Mapping):
        return {key: with_words(one, words) for key, one in value.items()}
    return type(value)(with_words(one, words) for one in value) if isinstance(value, tuple | list) else value


def hostile(shown):
    """A faulty verdict, with rounding and warnings, in which a subject speaks wherever it can."""
    faulty, rounded = shown("faulty"), shown("rounded")
    whole = replace(faulty, rounding=rounded.rounding, warnings=faulty.findings, printed="printed")
    spoken = with_words(whole, HOSTILE)
    return replace(spoken, options=replace(spoken.options, target=f"{HOSTILE}:f"))
