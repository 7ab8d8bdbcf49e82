"""The ways in which a subject may be called, by its signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from conv_oracle.auditing.sandbox.signature import Binding
from conv_oracle.auditing.targets import ORDER, meaning
from conv_oracle.errors import SubjectError
from conv_oracle.operation import Operation

POSITIONAL = ("POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD")


def bindings(signature: Sequence[tuple[str, str, bool]] | None, op: Operation) -> list[Binding]:
    """The ways in which a subject with this signature may be called, likeliest first.

    Raises SubjectError for a signature that cannot be called as this operation.
    """
    order = ORDER[op.nd_name]
    operands = order[:3] if order[2] == "grad_output" else order[:2]
    rest = frozenset(order) - {*operands}
    everything = Binding(order, {}, order=order, defaulted=rest)
    named = {name: name for name in operands}
    by_name = Binding(operands, {name: name for name in order if name not in operands}, names=named, defaulted=rest)
    if signature is None:
        return [by_name, everything, Binding(operands, {})]
    kinds = {kind for _, kind, _ in signature}
    if kinds <= {"VAR_POSITIONAL", "VAR_KEYWORD"} and "VAR_POSITIONAL" in kinds:
        both = replace(by_name, order=order)
        return [both, everything] if "VAR_KEYWORD" in kinds else [everything]
    meant = _meanings(signature, order, operands)
    if not set(operands) <= set(meant.values()):
        raise SubjectError(
            f"a subject must take {', '.join(operands)}: signature="
            f"({', '.join(name for name, _, _ in signature)}); {op}({', '.join(operands)}) would fit"
        )
    positional, keywords = _placed(signature, meant, order, operands)
    if "VAR_KEYWORD" in kinds:
        keywords |= {name: name for name in order if name not in {*positional, *keywords}}
    elif "VAR_POSITIONAL" in kinds and tuple(positional) == order[: len(positional)]:
        positional = list(order)
    required = any(meant.get(name) == "bias" and not has_default for name, _, has_default in signature)
    in_order = [meant.get(name, "") for name, kind, _ in signature if kind in POSITIONAL]
    open_ended = "VAR_POSITIONAL" in kinds and tuple(in_order) == order[: len(in_order)]
    defaulted = {meant[name] for name, _, default in signature if default and meant.get(name) == name}
    return [
        Binding(
            tuple(positional),
            keywords,
            with_none=required,
            order=order if open_ended else tuple(in_order[: (*in_order, "").index("")]),
            names={meant[name]: name for name, kind, _ in signature if name in meant and "KEYWORD" in kind},
            defaulted=frozenset(defaulted | ({*order} - {*meant.values()} if "VAR_KEYWORD" in kinds else set())),
        )
    ]


def _placed(
    signature: Sequence[tuple[str, str, bool]],
    meant: Mapping[str, str],
    order: Sequence[str],
    operands: Sequence[str],
) -> tuple[list[str], dict[str, str]]:
    """What goes by position and what by keyword: the operands by position, the rest by name where it can."""
    positional: list[str] = []
    keywords: dict[str, str] = {}
    skipped = False
    for name, kind, has_default in signature:
        means = meant.get(name)
        if kind in ("VAR_POSITIONAL", "VAR_KEYWORD"):
            continue
        if means is None:
            if not has_default:
                raise SubjectError(
                    f"a parameter without a default must be one of PyTorch's: parameter={name!r}; "
                    f"{', '.join(order)} or a default would fit"
                )
            skipped = True
        elif kind in POSITIONAL and means in operands and not skipped:
            positional.append(means)
        elif kind != "POSITIONAL_ONLY":
            keywords[means] = name
            skipped = True
        elif not skipped:
            positional.append(means)
        elif not has_default:
            raise SubjectError(
                f"parameters before a positional-only one must be PyTorch's: parameter={name!r}; a default would fit"
            )
    return positional, keywords


def _meanings(
    signature: Sequence[tuple[str, str, bool]], order: Sequence[str], operands: Sequence[str]
) -> dict[str, str]:
    """The parameters' names to PyTorch's: by name; the operands by position, where their names are unknown."""
    meant: dict[str, str] = {}
    for name, kind, _ in signature:
        means = meaning(name)
        if means in order and means not in meant.values() and not kind.startswith("VAR"):
            meant[name] = means
    if not set(operands) <= set(meant.values()):
        meant = {name: means for name, means in meant.items() if means not in operands}
        first = [name for name, kind, _ in signature if kind in POSITIONAL][: len(operands)]
        if len(first) == len(operands):
            meant |= dict(zip(first, operands, strict=True))
    return meant


def without(binding: Binding, name: str) -> Binding:
    """The binding without one keyword, which the subject does not accept."""
    keywords = {n: theirs for n, theirs in binding.keywords.items() if n != name}
    order = binding.order[: (*binding.order, name).index(name)]
    return replace(binding, keywords=keywords, order=order, defaulted=binding.defaulted - {name})
