"""A subject that was met, and the problems planned for it: how it is called, what is asked, and what is essential."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from conv_oracle.auditing.options import AuditOptions
from conv_oracle.auditing.problems import (
    ESSENTIAL_SIZES,
    OwnLayers,
    affordable,
    edge_of,
    edges,
    essential,
    invalid_arguments,
    layer,
    layer_of_notation,
    layers_in_onnx,
    layers_in_text,
    mined,
    of_layer,
    own_layers,
    own_source,
    problems,
    source_texts,
    unsolvable,
)
from conv_oracle.auditing.sandbox import (
    Binding,
    Introduction,
    Sandbox,
    Subject,
    bindings,
    calibrated,
    differentiable_twice,
    gradients_raised,
    recorded_layers,
)
from conv_oracle.auditing.targets import PADDING_AS, is_padding
from conv_oracle.auditing.vectors import Vectors, refused, vectors
from conv_oracle.errors import TargetError
from conv_oracle.problem import Problem
from conv_oracle.space import solvable

LARGEST_FITTED = 5_000
"""The most multiply-adds of an essential problem that was changed to fit: without groups, some grow fiftyfold."""

FEWEST_ESSENTIAL = 16
"""Where restrictions leave fewer essential problems, the first others are essential too."""

REPEATED = 320
"""How often a single problem is tested, so that every layout, kind of values and state comes up."""


@dataclass(frozen=True)
class Met:
    """A subject that was loaded and called: its introduction, how it is called, and what cannot be tested.

    dtypes: those that it takes, of those asked for. twice: whether its gradients can be differentiated again; None
    where gradients are not audited.
    """

    introduction: Introduction
    binding: Binding
    dtypes: tuple[str, ...]
    twice: bool | None
    narrowed: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """The problems of an audit, in order; the golden vectors, at level fixtures; the bytes of the subject's file.

    essential: without which no verdict is 'conforms'; None where the problems were given. edges: those on an edge.
    outside: those that the subject seems not to support. layers: the user's own, cheapest first; left_out: those that
    are not asked, one sentence for each reason.
    """

    planned: Sequence[Problem]
    vectors: Vectors | None
    source: bytes
    narrowed: tuple[str, ...]
    essential: tuple[Problem, ...] | None = None
    edges: tuple[Problem, ...] = ()
    outside: tuple[Problem, ...] = ()
    layers: tuple[Problem, ...] = ()
    left_out: tuple[str, ...] = ()


def layers_of_user(options: AuditOptions, subject: Subject) -> OwnLayers:
    """The layers that --layers names: of a text file, an ONNX model, or one forward pass in a process of its own.

    Raises TargetError where there are none.
    """
    if not options.layers:
        return OwnLayers()
    file, (where, _, name) = Path(options.layers), options.layers.rpartition(":")
    said: list[str] = []
    if file.suffix == ".onnx":
        listed, said = layers_in_onnx(file)
    elif where and name.isidentifier() and not file.exists():
        calls = recorded_layers(options.layers, subject)
        listed = [layer_of_notation(one, repr(options.layers)) for one in calls]
    else:
        listed = layers_in_text(file, options.op)
    return own_layers(listed, options.op, options.layers, said)


def with_layers(plan: Plan, own: OwnLayers, met: Met) -> Plan:
    """The plan with the user's layers in every dtype, as far as the subject takes them, with a bias or without."""
    binding, left_out, kept = met.binding, Counter[str](), dict[Problem, None]()
    for problem in own.problems:
        taken = next((one for one in (problem, _other_bias(problem)) if binding.refuses(one) is None), None)
        if taken is None:
            left_out[f"that cannot be expressed, or are not taken: {binding.refuses(problem)}"] += 1
        else:
            kept |= dict.fromkeys(replace(taken, dtype=dtype) for dtype in met.dtypes)
    told = (*own.left_out, *(f"{count} {why}" for why, count in left_out.items()))
    return replace(plan, layers=tuple(kept), left_out=told)


def _other_bias(problem: Problem) -> Problem:
    return replace(problem, bias=not problem.bias and problem.operation.forward)


def introduced(options: AuditOptions, sandbox: Sandbox) -> Met:
    """Load the subject, and find out how it is called."""
    sandbox.begin()
    _list_meanwhile(options)
    introduction, op = sandbox.introduce(), options.op
    large = options.level.name == "large"
    first_calls = options.level.seconds + sandbox.subject.first_timeout
    sandbox.bound(options.level.longest + first_calls)
    sandbox.allow(first_calls)
    fixed: tuple[Problem, ...] = ()
    candidates = bindings(introduction.signature, op)
    if options.fix:
        built = layer(op, options.fix)
        fixed, candidates = of_layer(built), [replace(one, layer=built) for one in candidates]
    told = (introduction.called or {}).get("padding_as")
    if told in PADDING_AS:
        candidates = [replace(one, padding_as=str(told)) for one in candidates]
    if own := (introduction.called or {}).get("pads"):
        candidates = [replace(one, pads=str(own)) for one in candidates if is_padding(str(own))] or candidates
    found = calibrated(
        sandbox,
        candidates,
        op,
        options.dtypes,
        seed=options.seed,
        refusals=options.refusals,
        others=lambda: () if large else options.only or problems(op, options.level, seed=options.seed),
        fixed=fixed,
        seconds=options.level.seconds,
    )
    narrowed, twice = found.binding.limits(op), None
    if options.gradients:
        vectors_alone = options.level.name == "fixtures"
        raised = gradients_raised(sandbox, found.binding, op, found.dtypes[0], options.seed)
        if raised and introduction.called is not None:
            raise TargetError(
                f"the gradients of the target must be computed: {raised}; --backward says how, as in "
                "'conv_backward(dy, cache) -> dx, dw, db'"
            )
        twice = not vectors_alone and differentiable_twice(sandbox, found.binding, op, found.dtypes[0], options.seed)
        narrowed += [] if twice or vectors_alone else ["the double backward raises: not tested"]
    if sandbox.over:
        raise TargetError(
            f"the target must answer the calls that find out how it is called: {first_calls:g} s were not enough; "
            f"--compile-timeout {2 * sandbox.subject.first_timeout:g} would fit"
        )
    return Met(introduction, found.binding, found.dtypes, twice, (*sandbox.subject.making.told, *narrowed))


def foresee(options: AuditOptions) -> None:
    """List what audits with such options ask whatever their seed: it is remembered, also by processes forked later."""
    _list_meanwhile(replace(options, seed=0))


def _list_meanwhile(options: AuditOptions) -> None:
    """List the level's problems while the subject loads: both remember what they have listed."""
    if not options.only and not options.fix and options.level.name not in ("fixtures", "large"):
        problems(options.op, options.level, seed=options.seed)
        edges(options.op, options.level)


def planned(options: AuditOptions, met: Met) -> Plan:
    """The problems to test."""
    op, binding, own = options.op, met.binding, own_source(options.making.source or met.introduction.source)
    if options.only:
        return _given(options, binding, own)
    if options.fix:
        listed = _in_dtypes(of_layer(layer(op, options.fix)), met.dtypes, binding)
        return Plan(listed, None, own, (), tuple(listed[:ESSENTIAL_SIZES]))
    if options.level.name == "fixtures":
        given = vectors(op, met.dtypes, binding, gradients=options.gradients)
        plain = [problem for problem in given.draws if edge_of(problem) is None]
        apart = tuple(problem for problem in given.draws if edge_of(problem) is not None)
        return Plan(plain, given, own, given.left, edges=apart)
    sizes = mined(source_texts(own, [Path(file) for file in options.source]), op, options.level.constants)
    narrowed = (
        [f"not tested: {sizes.dropped} sizes from constants of the source, as their problems are too large"]
        if sizes.dropped
        else []
    )
    listed = _in_dtypes(problems(op, options.level, sizes.problems, seed=options.seed), met.dtypes, binding)
    chosen = {replace(problem, dtype=dtype) for problem in essential(op) for dtype in met.dtypes}
    fitted = _in_dtypes(essential(op), met.dtypes, binding)
    needed = [p for p in fitted if p in chosen or p.multiply_adds <= LARGEST_FITTED]
    grown = {*fitted} - {*needed}
    listed = [*(p for p in listed if p not in grown), *(p for p in fitted if p in grown)]
    needed = needed if len(needed) >= FEWEST_ESSENTIAL else [*dict.fromkeys([*needed, *listed[:FEWEST_ESSENTIAL]])]
    apart = tuple(p for p in _in_dtypes(edges(op, options.level), met.dtypes, binding) if edge_of(p))
    return Plan(listed, None, own, tuple(narrowed), tuple(needed), apart, _outside(options, met))


def _outside(options: AuditOptions, met: Met) -> tuple[Problem, ...]:
    """Problems that the signature can express and the subject seems not to support: small ones, of every sort."""
    if not met.binding.restrictions and not met.binding.held and not met.binding.alike:
        return ()
    whole = replace(met.binding, restrictions=(), held=frozenset(), alike=frozenset())
    listed = _in_dtypes(problems(options.op, options.level, seed=options.seed), met.dtypes, whole)
    beyond = [p for p in listed if p.multiply_adds <= LARGEST_FITTED and met.binding.refuses(p) is not None]
    step = max(1, len(beyond) // max(1, options.level.outside))
    return tuple(beyond[::step][: options.level.outside])


def _given(options: AuditOptions, binding: Binding, own: bytes) -> Plan:
    """The problems of a replay, each many times; they decide, also those on an edge."""
    said = {problem: binding.lacks(problem) for problem in options.only}
    narrowed = [f"not tested: {problem}: the signature cannot express {what}" for problem, what in said.items() if what]
    planned = [problem for problem in options.only if solvable(problem) and not said[problem]] * REPEATED
    return Plan(planned, None, own, tuple(narrowed))


def must_be_refused(options: AuditOptions, plan: Plan) -> tuple[Sequence[Problem], Sequence[Problem]]:
    """The problems without an output, and those whose arguments contradict each other."""
    if plan.vectors:
        return refused(options.op)
    if options.only or options.fix:
        return [problem for problem in options.only if not solvable(problem)], ()
    return unsolvable(options.op), invalid_arguments(options.op)


def _in_dtypes(listed: Iterable[Problem], dtypes: Sequence[str], binding: Binding) -> list[Problem]:
    """The level's problems in every dtype, as far as the signature can express them."""
    each = [problem.in_dtype(dtype) for problem in listed for dtype in dtypes]
    known = set(each)
    return [
        problem
        for problem in dict.fromkeys(map(binding.fitted, each))
        if binding.refuses(problem) is None and solvable(problem) and (problem in known or affordable(problem))
    ]
