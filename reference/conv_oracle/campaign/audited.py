"""One audit of a campaign, as a process that is there for it alone makes it: options in, a verdict's document out."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conv_oracle.auditing import AuditOptions, adopting, audit
from conv_oracle.auditing import foresee as foreseen
from conv_oracle.campaign.content import key_of, own
from conv_oracle.campaign.jobs import asked
from conv_oracle.campaign.surroundings import surroundings
from conv_oracle.errors import CampaignError, NotationError, TargetError
from conv_oracle.report import document

CHANGED = (
    "what is audited is the same before and after, and where it was asked for: the tree, the interpreter or a version "
    "differs; running the campaign again would fit"
)


def prepare() -> None:
    """What every audit needs, once for all of them: this process is forked for each."""
    own()
    surroundings(["numpy"])


def foresee(given: Mapping[str, Any]) -> None:
    """List what such audits ask whatever their seed and subject, before the process is forked."""
    with contextlib.suppress(TargetError, NotationError):
        foreseen(AuditOptions(**asked(given["options"])))


def audited(given: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a verdict, or why there is none, as {'why': text}.

    given: 'options' of the audit with its seed, 'key' of the verdict's content and 'drawn', whether the seed is not one
    that was given; 'besides', the paths of the campaign's own files. A verdict counts only where the content has that
    key here, before the audit and after it.
    """
    options = dict(given["options"])
    told = {name: value for name, value in options.items() if name != "seed" or not given["drawn"]}
    besides = frozenset(map(Path, given["besides"]))
    try:
        if key_of(told, besides=besides) != given["key"]:
            return {"why": CHANGED}
        with adopting():
            found = json.loads(json.dumps(document(audit(**asked(options)))))
        if key_of(told, besides=besides) != given["key"]:
            return {"why": CHANGED}
    except (TargetError, NotationError, CampaignError) as error:
        return {"why": str(error)}
    except Exception as error:
        return {"why": f"an error of conv-oracle itself: {type(error).__name__}: {error}"}
    if found["verdict"] == "no-verdict":
        return {"why": _lacking(found)}
    return {"document": found}


def _lacking(found: Mapping[str, Any]) -> str:
    """Why an audit ended without a verdict, in one line."""
    scope = found["scope"]
    missing = len((scope["essential"] or {}).get("missing", ()))
    said = scope["truncated"] or (f"{missing} essential problems have no answer" if missing else "")
    return f"no verdict: {said or 'too little was compared'}"
