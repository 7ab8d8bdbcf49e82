"""Targets that are made for a problem: layer classes, modules of PyTorch, and what they keep their weights in.

Joined to the worker's text, and self-contained like it.
"""

from __future__ import annotations

import itertools
import math
import sys
from typing import Any

import numpy as np

from conv_oracle.auditing.targets.arranged import is_array, permuted
from conv_oracle.auditing.targets.names import DEFAULTS, meaning, size_meant
from conv_oracle.auditing.targets.objects import (
    EMPTY,
    VALUE,
    Arguments,
    Target,
    arguments_of,
    function,
    got,
    gradients_in,
    name_of,
    parameters_of,
    placed,
)
from conv_oracle.auditing.targets.sources import GRADIENTS, returned_by, source_tree

KEPT_IN = ("params", "parameters", "weights", "W")
WEIGHTS = ("w", "weight", "weights")
"""What a constructor's argument is called that is the weight itself; a kernel or a filter is a size there."""

PROBED = {"in_channels": 3, "out_channels": 5, "kernel_size": 2, "has_bias": True}
"""Sizes that differ, so that a weight's shape says which of its axes is which."""


def recognised(found: Any, words: dict[str, Any], name: str) -> Target | None:
    """How an object is called; None for a function with PyTorch's arguments, which is called as it is.

    Raises TypeError where that cannot be told.
    """
    torch = sys.modules.get("torch")
    if isinstance(found, type):
        if torch and issubclass(found, torch.autograd.Function):
            return function(found, words, name, positional=True)
        if torch and issubclass(found, torch.nn.Module):
            return of_module(found, words, name, torch)
        return of_class(found, words, name)
    if torch and isinstance(found, torch.nn.Module):
        return of_made(found, name, torch)
    return function(found, words, name) if callable(found) else None


def construction(found: Any, words: dict[str, Any], name: str) -> Arguments:
    """The arguments of a class. Raises TypeError for one without a default that is none of PyTorch's."""
    if words["construct"] is not None:
        return [tuple(one) for one in words["construct"]]
    parameters = parameters_of(found) or []
    takes_weight = any(p.name.lower().strip("_") in WEIGHTS for p in parameters)
    arguments: Arguments = []
    for p in parameters:
        if p.kind.name.startswith("VAR"):
            continue
        given = takes_weight and (p.name.lower().strip("_") in WEIGHTS or meaning(p.name) == "bias")
        word = meaning(p.name) if given else size_meant(p.name)
        if word in ("input", "output_padding") and word not in words["order"]:
            word = ""
        if word and not (word == "has_bias" and takes_weight):
            arguments.append((p.name, name_of(word, p.name)))
        elif p.default is EMPTY:
            raise TypeError(
                f"{name} must be made with what is none of torch.nn's arguments: argument={p.name!r}; --construct says "
                f"what it is, as in 'in_channels, out_channels, kernel_size, {p.name}=stride'"
            )
    return arguments


class Kept:
    """The object of the last problem: it is made anew where what it is made of changes."""

    def __init__(self, found: Any, arguments: Arguments) -> None:
        """None is made yet."""
        self.found, self.arguments = found, arguments
        self.key, self.one = "", None

    def of(self, values: dict[str, Any]) -> Any:
        """The object for these values."""
        args, kwargs = placed(self.arguments, values)
        arrays = any(is_array(value) for value in (*args, *kwargs.values()))
        key = repr((args, kwargs, values["weight"].shape))
        if arrays or key != self.key or self.one is None:
            self.key, self.one = key, self.found(*args, **kwargs)
        return self.one


def of_class(found: Any, words: dict[str, Any], name: str) -> Target:
    """A layer class: its weights are attributes, or arguments of its constructor."""
    construct = construction(found, words, name)
    method = words["method"] or ("forward" if hasattr(found, "forward") else "__call__")
    if not any(method in vars(kind) for kind in found.__mro__):  # every class has a __call__ of its metaclass
        raise TypeError(f"{name} has no method {method!r}: --method says what is called")
    kept = Kept(found, construct)
    made_of = {expression.get("name") for _, expression in construct}
    tree = source_tree(getattr(found, method))
    places, layout = ({}, {}) if "weight" in made_of else places_of_weights(found, construct, words, name)
    parameters = (parameters_of(getattr(found, method)) or [])[1:]
    given = [("", name_of("input", parameters[0].name if parameters else "x"))]
    required = [p for p in parameters if p.default is EMPTY and not p.kind.name.startswith("VAR")]
    if len(required) > 1:
        given, _, _ = arguments_of(parameters, words, name, tree)
    result = words["result"] or returned_by(tree) or VALUE

    def invoke(args: list[Any], kwargs: dict[str, Any], values: dict[str, Any]) -> Any:
        layer = kept.of(values)
        for role, path in places.items():
            put(layer, path, kept_as(got(layer, path), values.get(role), name, role))
        return getattr(layer, method)(*args, **kwargs)

    held = [("", name_of(role, role)) for role in places]
    called = f"{name}({', '.join(own or 'x' for own, _ in construct)}).{method}".replace(".__call__", "")
    target = Target(called, given, invoke, result, makes="class", layout=layout, more=[*construct, *held])
    back = words["backward_name"] or ("backward" if hasattr(found, "backward") else "")
    if back:
        told = (words["backward"] or {}).get("result") or [["dx", ""]]

        def gradients(values: dict[str, Any], _: Any) -> dict[str, Any]:
            layer = kept.one
            returned = getattr(layer, back)(values["grad_output"])
            known = gradients_in(returned, told, layer)
            known |= {role: found_gradient(layer, role) for role in ("dw", "db") if role not in known}
            return {**known, "dw": as_weight(known["dw"], values["weight"].shape)}

        target.gradients = gradients
    return target


def found_gradient(layer: Any, role: str) -> Any:
    """The gradient that an object keeps under a usual name, or in a dictionary of gradients."""
    places = [vars(layer), *(one for one in vars(layer).values() if isinstance(one, dict))]
    for place in places:
        for name, value in place.items():
            if isinstance(name, str) and name.lower() in GRADIENTS[role]:
                return value
    raise AttributeError(f"no attribute is known to be {role}: --backward says it, as in 'backward(dy) -> dx, dw=.dW'")


def places_of_weights(
    found: Any, construct: Arguments, words: dict[str, Any], name: str
) -> tuple[dict[str, list[str]], dict[str, Any]]:
    """(where an object keeps its weight and bias, their layout there), from one that is made to see.

    Raises TypeError where no weight is found.
    """
    if words["attributes"]:
        return {expression["name"]: own.split(".") for own, expression in words["attributes"]}, {}
    like = np.ones(1)
    sizes = {"input_size": (1, 3, 7, 7, 7)[: words["axes"] + 2], "weight_size": (5, 3, 2, 2, 2)[: words["axes"] + 2]}
    values = {**DEFAULTS, **PROBED, **sizes, "bias": like}
    try:
        args, kwargs = placed(construct, values)
        one = found(*args, **kwargs)
    except Exception as error:
        raise TypeError(f"{name} cannot be made ({type(error).__name__}: {error}): --construct says how") from error
    places: dict[str, list[str]] = {}
    layout: dict[str, Any] = {}
    owners: list[tuple[list[str], dict[str, Any]]] = [([], vars(one))]
    owners += [([key], value) for key, value in vars(one).items() if key in KEPT_IN and isinstance(value, dict)]
    for path, owner in owners:
        for key, value in owner.items():
            role = meaning(str(key))
            if is_array(value) and role in ("weight", "bias") and role not in places:
                places[role] = [*path, key]
                layout |= shape_layout(role, tuple(value.shape), words["axes"])
    if "weight" not in places:
        said = ", ".join(vars(one)) or "none"
        raise TypeError(f"{name} keeps its weight in none of its attributes ({said}): --attributes says it, 'W=weight'")
    return places, layout


def shape_layout(role: str, shape: tuple[int, ...], axes: int) -> dict[str, Any]:
    """The layout that an array of the object made with PROBED has; none where it is PyTorch's or cannot be told."""
    outer, inner, kernel = PROBED["out_channels"], PROBED["in_channels"], PROBED["kernel_size"]
    if role == "bias":
        if sorted(shape) == [*(1,) * (len(shape) - 1), outer] and len(shape) > 1:
            take = [0 if size == outer else -1 for size in shape]
            return {"bias": {"said": ",".join("C" if n == 0 else "1" for n in take), "take": take, "missing": []}}
        return {}
    if sorted(shape) != sorted((outer, inner, *(kernel,) * axes)) or shape[:2] == (outer, inner):
        return {}
    spatial = itertools.count(2)
    take = [{outer: 0, inner: 1}.get(size, -2) for size in shape]
    take = [next(spatial) if place == -2 else place for place in take]
    letters = ["O", "I", *"DHW"[-axes:]]
    last = [0, *range(2, 2 + axes), 1]
    image = {"said": f"N{'DHW'[-axes:]}C", "take": last, "missing": []}
    return {
        "weight": {"said": "".join(letters[place] for place in take), "take": take, "missing": []},
        **(dict.fromkeys(("input", "output", "grad_output"), image) if take[0] >= 2 else {}),
    }


def kept_as(before: Any, given: Any, name: str, role: str) -> Any:
    """An operand in the shape in which an object keeps it: a weight may be a matrix of O rows or of O columns.

    Raises NotImplementedError where it fits neither.
    """
    if given is None:
        return before * 0
    shape, kept = tuple(given.shape), tuple(getattr(before, "shape", given.shape))
    if shape == kept or len(shape) == len(kept) or not is_array(before):
        return given
    if math.prod(shape) == math.prod(kept):
        if role == "bias" or kept[0] == shape[0]:
            return given.reshape(kept)
        if len(kept) == 2 and kept[1] == shape[0]:
            return permuted(given.reshape(kept[::-1]), [1, 0])
    raise NotImplementedError(f"{name} keeps its {role} as {kept}, which a {role} of {shape} does not fit")


def as_weight(gradient: Any, shape: Any) -> Any:
    """A gradient of a weight that is kept as a matrix, in the weight's shape; another as it is."""
    kept = tuple(getattr(gradient, "shape", shape))
    if len(kept) != 2 or len(shape) == 2:
        return gradient
    if kept[0] == shape[0]:
        return gradient.reshape(tuple(shape))
    return permuted(gradient, [1, 0]).reshape(tuple(shape)) if kept[1] == shape[0] else gradient


def put(owner: Any, path: list[str], value: Any) -> None:
    """Set an attribute, or an entry of a dictionary that is one."""
    *before, last = path
    owner = got(owner, before)
    if isinstance(owner, dict):
        owner[last] = value
    else:
        setattr(owner, last, value)


def of_module(found: Any, words: dict[str, Any], name: str, torch: Any) -> Target:
    """A module class, made with torch.nn's arguments; its weights are replaced for the call, and differentiated."""
    construct = construction(found, words, name)
    kept = Kept(found, construct)

    def invoke(args: list[Any], kwargs: dict[str, Any], values: dict[str, Any]) -> Any:
        module = kept.of(values)
        return torch.func.functional_call(module, replaced(module, values, name), (*args,), kwargs)

    result = words["result"] or VALUE
    held = [("", name_of("weight", "weight")), ("", name_of("has_bias", "bias"))]
    return Target(name, [("", name_of("input", "x"))], invoke, result, makes="module", more=[*construct, *held])


def of_made(found: Any, name: str, torch: Any) -> Target:
    """A module that is made already: a layer whose parameters are fixed (--fix)."""

    def invoke(args: list[Any], _: dict[str, Any], values: dict[str, Any]) -> Any:
        return torch.func.functional_call(found, replaced(found, values, name), (*args,))

    held = [("", name_of("weight", "weight")), ("", name_of("has_bias", "bias"))]
    return Target(name, [("", name_of("input", "x"))], invoke, VALUE, makes="made module", more=held)


def replaced(module: Any, values: dict[str, Any], name: str) -> dict[str, Any]:
    """The module's weights by their names, for torch.func.functional_call. Raises TypeError where they are not one."""
    state = dict(module.named_parameters())
    weights = [key for key, value in state.items() if value.ndim > 1]
    biases = [key for key, value in state.items() if value.ndim == 1]
    if len(weights) != 1 or len(biases) > 1:
        raise TypeError(f"{name} must have one weight and at most one bias: it has {', '.join(state) or 'none'}")
    if values["bias"] is not None and not biases:
        raise NotImplementedError(f"{name} has no bias")
    given = {weights[0]: kept_as(state[weights[0]], values["weight"], name, "weight")}
    if biases:
        given[biases[0]] = (
            values["bias"] if values["bias"] is not None else values["weight"].new_zeros(len(state[biases[0]]))
        )
    return given
