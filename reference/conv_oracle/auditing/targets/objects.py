"""What a target is: a function with arguments of its own, a class, a module of PyTorch, an autograd.Function.

Joined to the worker's text, and self-contained like it. What is recognised is said in the report's first lines; what is
ambiguous is refused, with the words that would say it.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

from conv_oracle.auditing.targets.arranged import evaluated, names_in
from conv_oracle.auditing.targets.names import meaning
from conv_oracle.auditing.targets.sources import keys_read, returned_by, source_tree, unpacked

DICTIONARIES = (
    "conv_param",
    "conv_params",
    "hparameters",
    "hparams",
    "hyper",
    "params",
    "param",
    "config",
    "cfg",
    "opts",
)
OUTS = ("out", "output", "result", "res", "dst", "y_out", "y", "output_tensor")
POSITIONAL = ("POSITIONAL_ONLY", "POSITIONAL_OR_KEYWORD")
IS_TRANSPOSED = "transposed"
EMPTY = inspect.Parameter.empty
VALUE = {"tuple": False, "names": ["y"]}
Arguments = list[Any]


class Target:
    """How a target is called.

    name: of the target. arguments: (own name or '', expression) of each. invoke: what calls it, with positional and
    keyword arguments and all values. result: where the arrays are in what it returns. names: the names that are used.
    makes: what sort of object is made for a problem, '' for a function. gradients: (values, what the call returned) ->
    each gradient by name, or None. layout: of the arrays, as far as it was found out.
    """

    def __init__(
        self,
        name: str,
        arguments: Arguments,
        invoke: Callable[[list[Any], dict[str, Any], dict[str, Any]], Any],
        result: dict[str, Any],
        *,
        makes: str = "",
        gradients: Callable[[dict[str, Any], Any], dict[str, Any]] | None = None,
        layout: dict[str, Any] | None = None,
        more: Arguments | None = None,
    ) -> None:
        """Nothing is called yet. more: arguments of another call that belongs to it."""
        self.name, self.arguments, self.invoke, self.result = name, arguments, invoke, result
        self.makes, self.gradients, self.layout = makes, gradients, layout or {}
        every = [expression for _, expression in (*arguments, *(more or ()))]
        self.names = {found for expression in every for found in names_in(expression)}

    def call(self, values: dict[str, Any]) -> Any:
        """What the target returns, or what was written into its argument."""
        returned = self.invoke(*placed(self.arguments, values), values)
        return values["out"] if "out" in self.result else returned

    def picked(self, returned: Any, wanted: str) -> Any:
        """The array that is wanted of what was returned; what does not have it is returned as it is."""
        if "key" in self.result:
            return returned[self.result["key"]] if isinstance(returned, dict) else returned
        if not isinstance(returned, tuple | list) or not (self.result.get("tuple") or self.result is VALUE):
            return returned
        names = self.result["names"]
        place = names.index(wanted) if wanted in names else names.index("y") if "y" in names else 0
        return returned[place] if place < len(returned) else returned

    def cached(self, returned: Any) -> Any:
        """What a backward function is given of a forward one's result: the entry `cache`, or the second."""
        names = self.result.get("names", [])
        place = names.index("cache") if "cache" in names else 1
        return returned[place] if isinstance(returned, tuple | list) and place < len(returned) else None


def placed(arguments: Arguments, values: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Positional and keyword arguments."""
    args = [evaluated(expression, values) for name, expression in arguments if not name]
    return args, {name: evaluated(expression, values) for name, expression in arguments if name}


def name_of(word: str, said: str) -> dict[str, Any]:
    """The expression that is one of PyTorch's names, and what the target calls it."""
    return {"name": word, "said": said}


def function(found: Any, words: dict[str, Any], name: str, *, positional: bool = False) -> Target | None:
    """How a function is called; None where it has PyTorch's arguments and returns an array, and is called as it is.

    positional: whether it takes no keywords, as an autograd.Function's apply.
    """
    described = found.forward if positional else found
    tree, parameters = source_tree(described), parameters_of(described)
    if positional and parameters:
        parameters = parameters[1:]
    arguments, out, special = arguments_of(parameters, words, name, tree)
    result = words["result"] or returned_by(tree) or VALUE
    if out and not words["result"]:
        result = {"out": out, "names": ["y"]}
    if not (special or positional or words["declared"] or result is not VALUE):
        return None
    called = found.apply if positional else found
    if positional:
        arguments = [("", expression) for _, expression in arguments]
    target = Target(name, arguments, lambda args, kwargs, _: called(*args, **kwargs), result)
    if words["backward_name"]:
        target.gradients = backward_function(found, words, target)
    return target


def parameters_of(found: Any) -> list[inspect.Parameter] | None:
    """The parameters of what can be called; None where Python knows none."""
    try:
        return list(inspect.signature(found).parameters.values())
    except (ValueError, TypeError):
        return None


def arguments_of(
    parameters: list[inspect.Parameter] | None, words: dict[str, Any], name: str, tree: Any
) -> tuple[Arguments, str, bool]:
    """(the arguments of a function, the one that its result is written into or '', whether any is not PyTorch's)."""
    declared, order = words["parameters"], words["order"]
    operands = order[:3] if "grad_output" in order[:3] else order[:2]
    if declared and not any(own for own, _ in declared):
        return [tuple(one) for one in declared], _out_declared(words), True
    if parameters is None:
        return [("", name_of(one, one)) for one in operands] + [tuple(one) for one in declared], "", bool(declared)
    said = dict(declared)
    means = _meanings(parameters, order, operands, said)
    arguments, out, special, skipped = [], _out_declared(words), bool(declared), False
    for p in parameters:
        if p.kind.name.startswith("VAR"):
            continue
        expression, own = said.get(p.name, packed(p.name, tree)), means.get(p.name, "")
        special = special or "tuple" in (expression or {})
        if expression is None and own:
            expression = name_of(own, p.name)
        elif expression is None and (p.name == out or (p.default is EMPTY and p.name in OUTS and not out)):
            expression, out, special = name_of("out", p.name), p.name, True
        elif expression is None and p.default is EMPTY:
            expression, special = _unlike(p, words, name, tree), True
        if expression is None:
            skipped = True
            continue
        in_place = own in operands or p.default is EMPTY or p.kind.name == POSITIONAL[0]
        by_position = p.kind.name in POSITIONAL and not skipped and in_place
        arguments.append(("" if by_position else p.name, expression))
        skipped = skipped or not by_position
    extra = [(own, one) for own, one in declared if own and own not in [p.name for p in parameters]]
    return [*arguments, *extra], out, special


def _out_declared(words: dict[str, Any]) -> str:
    return str((words["result"] or {}).get("out", ""))


def _meanings(
    parameters: list[inspect.Parameter], order: list[str], operands: list[str], said: dict[str, Any]
) -> dict[str, str]:
    """Own names to PyTorch's: by name, and the operands by position where their names are unknown."""
    means = dict[str, str]()
    for p in parameters:
        word = meaning(p.name)
        known = word in order or f"{word}_size" in order  # of a gradient, what it does not depend on is made up
        if p.name not in said and known and word not in means.values() and not p.kind.name.startswith("VAR"):
            means[p.name] = word
    declared = {one for expression in said.values() for one in names_in(expression)}
    stands = {one.removesuffix("_size") for one in operands}
    if not stands <= {one.removesuffix("_size") for one in {*means.values()} | declared}:
        others = [
            p for p in parameters if p.name not in said and p.kind.name in POSITIONAL and p.name not in DICTIONARIES
        ]
        first = others[: len(operands)]
        if len(first) == len(operands) and all(meaning(p.name) in ("", *operands) for p in first):
            means = {own: word for own, word in means.items() if word not in operands}
            means |= dict(zip([p.name for p in first], operands, strict=True))
    return means


def _unlike(p: inspect.Parameter, words: dict[str, Any], name: str, tree: Any) -> dict[str, Any]:
    """What a parameter without a default is that is none of PyTorch's. Raises TypeError where that cannot be told."""
    if p.name == IS_TRANSPOSED:
        return {"constant": words["transposed"]}
    if p.name == "output_padding":
        return {"constant": (0,) * words["axes"]}
    keys = [key for key in keys_read(tree, p.name) if meaning(key) in words["order"]]
    if keys:
        return {"dictionary": [(key, name_of(meaning(key), key)) for key in keys]}
    raise TypeError(
        f"{name} is called with what is none of PyTorch's parameters: parameter={p.name!r}; --parameters says what "
        f"it is, as in '{p.name}=stride', \"{p.name}={{'stride', 'pad'}}\" or '{p.name}=1'"
    )


def packed(name: str, tree: Any) -> dict[str, Any] | None:
    """The tuple that an argument is, which the function unpacks into an input, a weight and the like."""
    inside = unpacked(tree, name)
    if not {"input", "weight"} <= {meaning(one) for one in inside}:
        return None
    return {"tuple": [name_of("out" if one in OUTS else meaning(one) or "bias", one) for one in inside]}


def backward_function(found: Any, words: dict[str, Any], target: Target) -> Callable[[Any, Any], dict[str, Any]]:
    """The gradients, from the function of the same file that computes them. Raises TypeError where there is none."""
    name, told = words["backward_name"], words["backward"]
    called = getattr(sys.modules.get(getattr(found, "__module__", ""), found), name, None)
    if not callable(called):
        raise TypeError(f"the file of the target has no function {name!r}: --backward says another")
    given = told["arguments"]
    if given is None:
        given = [("", {"name": meaning(p.name) or "cache"}) for p in parameters_of(called) or () if p.default is EMPTY]

    def gradients(values: dict[str, Any], returned: Any) -> dict[str, Any]:
        args, kwargs = placed(given, values | {"cache": target.cached(returned)})
        return gradients_in(called(*args, **kwargs), told["result"] or [["dx", ""], ["dw", ""], ["db", ""]], None)

    return gradients


def gradients_in(returned: Any, told: list[Any], owner: Any) -> dict[str, Any]:
    """Each gradient by name: of what was returned, in order, or an attribute of the object."""
    listed = iter(returned if isinstance(returned, tuple | list) else [returned])
    return {name: got(owner, kept.split(".")) if kept else next(listed, None) for name, kept in told}


def got(owner: Any, path: list[str]) -> Any:
    """An attribute, or an entry of a dictionary that is one."""
    for name in path:
        owner = owner[name] if isinstance(owner, dict) else getattr(owner, name)
    return owner
