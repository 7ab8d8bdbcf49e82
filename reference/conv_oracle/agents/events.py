"""An audit as a stream of events: JSON lines, each written whole and at once. events.schema.json describes them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conv_oracle.agents.feedback import flat
from conv_oracle.agents.reward import reward
from conv_oracle.auditing import Finding, Progress, Verdict
from conv_oracle.report import named, replay_line
from conv_oracle.version import __version__

SCHEMA_VERSION = 1
"""Goes up when a key is removed or changes its meaning, not for new keys."""

PROGRESS_EVERY = 1.0
"""Seconds between two events of progress."""


@dataclass
class Events:
    """The events of one audit: started, progress and wrong, finding, verdict, in this order; or error in place of some.

    write: takes a line with its newline, and writes it at once. began: when the audit did, on time.monotonic's clock.
    shown: when progress was written last. failed: whether a wrong answer was told.
    """

    write: Callable[[str], None]
    began: float = field(default_factory=time.monotonic)
    shown: float = float("-inf")
    failed: bool = False

    def started(self, target: str, options: Mapping[str, Any]) -> None:
        """The first event. target: the subject; options: of the audit, of which the level and the seed are told."""
        told = {name: options.get(name) for name in ("op", "level", "seed")}
        self._tell("started", schema=SCHEMA_VERSION, version=__version__, target=target, **told)

    def progress(self, progress: Progress) -> None:
        """How far the audit is, once a second; and the first wrong answer at once, long before it is explained."""
        now = time.monotonic()
        if progress.failed and not self.failed:
            self.failed = True
            self._tell("wrong", problem=progress.wrong or progress.asking, done=progress.done, planned=progress.planned)
        if now - self.shown >= PROGRESS_EVERY:
            self.shown = now
            counts = {name: getattr(progress, name) for name in ("done", "planned", "failed", "refused", "asking")}
            self._tell("progress", **counts)

    def verdict(self, verdict: Verdict) -> None:
        """Each finding, and the verdict with its reward: the last event of an audit that has one."""
        for finding in verdict.findings:
            self._tell("finding", **_told(finding, verdict))
        made = reward(verdict)
        self._tell(
            "verdict",
            verdict=verdict.verdict,
            exit_code=verdict.exit_code,
            findings=len(verdict.findings),
            seed=verdict.options.seed,
            reward=made.reward,
            mask_sample=made.mask_sample,
            failure_kind=made.failure_kind,
        )

    def error(self, message: str, exit_code: int) -> None:
        """The last event of an audit that has no verdict. message: one line; exit_code: that of the command."""
        self._tell("error", message=message, exit_code=exit_code)

    def _tell(self, event: str, **told: Any) -> None:
        line = {"event": event, "seconds": round(time.monotonic() - self.began, 3), **told}
        self.write(json.dumps(line) + "\n")


def _told(finding: Finding, verdict: Verdict) -> dict[str, Any]:
    said, evidence = finding.diagnosis, finding.evidence
    return {
        "kind": finding.kind,
        "fault": finding.fault,
        "cause": named(finding),
        "right": said.right if said else "",
        "broken": said.broken if said else "",
        "where": finding.condition,
        "problem": str(finding.problem),
        "call": evidence.call,
        "index": None if evidence.index is None else list(evidence.index),
        "got": evidence.got,
        "expected": evidence.expected,
        "said": flat(evidence.text),
        "replay": replay_line(finding, verdict),
    }
