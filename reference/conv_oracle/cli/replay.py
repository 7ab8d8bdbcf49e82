"""`conv-oracle replay`."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from conv_oracle.auditing import Words, audit, is_large
from conv_oracle.cli.ending import refuse
from conv_oracle.cli.options import OPTIONS, REPLAYED, options
from conv_oracle.cli.under_way import audited
from conv_oracle.cli.written import FORMS, destinations, forms, give
from conv_oracle.problem import parse
from conv_oracle.report import SCHEMA_VERSION


@click.command("replay")
@click.argument("what")
@click.argument("target", required=False)
@options(*(name for name in OPTIONS if name not in REPLAYED))
@click.option(
    "--finding",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="The finding of a JSON file to replay, from 1.",
)
@forms(*FORMS)
def replay_command(what: str, target: str | None, finding: int, **chosen: Any) -> None:
    """Replay a finding: WHAT is a problem in one-line notation, with its TARGET, or the JSON file of an audit.

    Several problems, separated by semicolons, are called in turn in one process: many times, with every memory layout
    and every kind of values; a problem of level large once. With a JSON file, the options are those of its audit. Exit
    codes are those of an audit.
    """
    written = destinations(chosen)
    asked = {**chosen, "target": target or ""}
    if target is None and not chosen["command"]:
        what, known = _from_document(Path(what), finding)
        asked |= known if chosen["seed"] is None else {**known, "seed": chosen["seed"]}
    with audited() as progress:
        problems = [parse(one.strip()) for one in what.split(";")]
        last = problems[-1]
        asked |= {"level": "large" if is_large(last) else "standard", "op": last.operation, "dtypes": [last.dtype]}
        verdict = audit(**asked, edges="fault", jobs=1, progress=progress, only=problems)
    give(verdict, written)


def _from_document(file: Path, number: int) -> tuple[str, dict[str, Any]]:
    """The problems to replay and the options of their audit, from its JSON file."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        if told["schema"] != SCHEMA_VERSION:
            refuse(f"the JSON file of an audit has format {SCHEMA_VERSION}: {str(file)!r} has {told['schema']!r}")
        if told.get("recorded"):
            refuse(f"recorded answers are graded again, not replayed: conv-oracle grade {told['recorded']} would fit")
        finding, then = told["findings"][number - 1], told["options"]
        problems = "; ".join([*(earlier["problem"] for earlier in finding["before"]), finding["problem"]])
        known: dict[str, Any] = {name: str(then[name]) for name in ("arrays", "device", "arithmetic", "python", "fix")}
        known |= {"gradients": bool(then["gradients"]), "timeout": float(then["timeout"])}
        known["memory"] = None if (memory := then.get("memory")) is None else int(memory)
        known |= {name: bool(then.get(name)) for name in ("confine", "transforms", "sanitize")}
        known |= {name: str(then.get(name, "")) for name in ("prototype", "roles")}
        known["compile_timeout"] = None if (most := then.get("compile_timeout")) is None else float(most)
        known |= {one.name: then[one.name] for one in fields(Words) if one.name in then}
        known |= {"refusals": list(then["refusals"]), "seed": int(told["seed"])}
        known["command"] = str(then.get("command", ""))
        return problems, {**known, "target": str(told["target"])}
    except OSError:
        refuse(f"replay takes a problem and a target, or the JSON file of an audit: file={str(file)!r} cannot be read")
    except (ValueError, KeyError, TypeError, IndexError, OverflowError, RecursionError):
        refuse(f"the JSON file of an audit must have finding {number}: file={str(file)!r} has none")
