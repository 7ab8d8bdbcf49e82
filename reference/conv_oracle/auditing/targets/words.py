"""What a user declares of a target in words: layouts, results, parameters, a class, a backward function.

The words are the fields of `Words`; `making` turns them into what the maker in the subject's process needs to know.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from conv_oracle.auditing.targets.making import Making
from conv_oracle.auditing.targets.names import ORDER, SIZES, SYNONYMS, meaning
from conv_oracle.errors import TargetError
from conv_oracle.operation import Operation

PADDING_AS = ("numbers", "pairs", "flat", "SAME", "same")
"""How padding is written: one number per axis, (before, after) per axis, all befores and then all afters, or a word."""

PADS = ("SAME", "same", "causal", "full", "k//2")
"""How a target that takes no padding may pad: as TensorFlow at any stride, dilation*(K-1) in all, that before, that on
both sides, or half of a kernel on both sides."""

ROLES = {"x": "input", "w": "weight", "b": "bias", "y": "output", "dy": "grad_output", "dout": "grad_output"}
RESULTS = ("y", "dx", "dw", "db", "cache", "*")
BATCH, CHANNELS, OUT, IN = ("N", "B"), ("C",), ("O", "K", "M", "F"), ("I", "C")
ATTRIBUTE = re.compile(r"\.(\w+)(?:\[['\"](\w+)['\"]\])?")
"""An attribute, or an entry of a dictionary that is one."""

SPATIAL = "DHWTLRSXYZ"
IN_ORDER = "DHW"


@dataclass(frozen=True, kw_only=True)
class Words:
    """What is declared of a target; '' and False leave it to what is recognised.

    layout: the axes of each array, 'x=NHWC w=HWIO b=1,1,1,C y=NHWC'; 'NHWC' alone is that of x and y. What is left out,
        as in 'x=HW w=HW y=HW', has the size 1.
    result: 'y, *' takes the first of a tuple, 'dx, dw, db' the gradients, "{'out': y}" an entry of a dictionary,
        'out=y' what is written into the argument of this name.
    parameters: the target's own names, "strides=stride, conv_param={'stride', 'pad'}, mode='valid'".
    padding_as: one of PADDING_AS.
    pads: the padding of a target that takes none and pads of its own accord: one of PADS, or a number.
    ints: every parameter is one int; square: kernel, image and parameters are the same on every axis.
    true_convolution: the target flips the kernel by convention, as scipy.ndimage.convolve does.
    backward: the function of the same file that computes the gradients, 'conv_backward(dy, cache) -> dx, dw, db', or a
        method; then gradients are audited where they are asked for.
    construct: the arguments of a class, 'in_channels, out_channels, kernel_size, stride=stride'.
    attributes: where a class keeps its weights, 'W=weight, b=bias'. method: what is called, by default 'forward'.
    """

    layout: str = ""
    result: str = ""
    parameters: str = ""
    padding_as: str = ""
    pads: str = ""
    ints: bool = False
    square: bool = False
    true_convolution: bool = False
    backward: str = ""
    construct: str = ""
    attributes: str = ""
    method: str = ""

    @property
    def said(self) -> dict[str, str | bool]:
        """The words that were said, by name."""
        return {one.name: value for one in fields(Words) if (value := getattr(self, one.name))}


def is_padding(rule: str) -> bool:
    """Whether a target may pad so of its own accord."""
    return rule in PADS or rule.isdecimal()


FILES = ("loading", "names", "arranged", "sources", "objects", "classes", "adapted")
"""The files that make a subject from words, in the order of what they use of each other."""


def making(words: Words, op: Operation) -> Making:
    """How a Python target with these words is made a subject. Raises TargetError for words that cannot be read."""
    if words.padding_as and words.padding_as not in PADDING_AS:
        raise TargetError(
            f"padding is written as one of {', '.join(PADDING_AS)}: padding_as={words.padding_as!r}; 'pairs' would fit"
        )
    if words.pads and not is_padding(words.pads):
        raise TargetError(
            f"a padding of its own is one of {', '.join(PADS)}, or a number: pads={words.pads!r}; 'SAME' would fit"
        )
    if words.pads and (words.padding_as or op.transposed or not op.forward):
        raise TargetError(
            f"a padding of its own is that of a convolution that takes none: pads={words.pads!r} with "
            f"{'padding_as=' + repr(words.padding_as) if words.padding_as else f'op={str(op)!r}'}; one of the two "
            "would fit"
        )
    method, backward = _backward(words.backward)
    known: dict[str, Any] = {
        "op": op.name,
        "transposed": op.transposed,
        "axes": op.axes,
        "returns": op.returns,
        "order": ORDER[op.nd_name],
        "layout": _layouts(words.layout, op),
        "result": _result("result", words.result) if words.result else None,
        "parameters": [list(one) for one in _arguments("parameters", words.parameters, {"out"})],
        "padding_as": words.padding_as,
        "pads": words.pads,
        "ints": words.ints,
        "square": words.square,
        "flip": words.true_convolution,
        "backward": backward,
        "backward_name": method,
        "construct": [list(one) for one in _arguments("construct", words.construct)] if words.construct else None,
        "attributes": [list(one) for one in _arguments("attributes", words.attributes)],
        "method": words.method,
        "declared": bool(words.said),
    }
    return Making("adapted", FILES, known)


def _layouts(text: str, op: Operation) -> dict[str, Any]:
    """The layout of each array that is said: its tokens as written, and where each axis of PyTorch's is in it."""
    found: dict[str, Any] = {}
    for word in text.split():
        name, equals, tokens = word.rpartition("=")
        if name and name.lower() not in ROLES:
            raise _wrong_layout(word, f"an array is one of {', '.join(ROLES)}")
        roles = [ROLES[name.lower()]] if equals else ["weight"] if set(tokens) & set("OI") else ["input", "output"]
        for role in roles:
            found[role] = _layout(tokens, role, op)
    if "output" in found:
        found.setdefault("grad_output", found["output"])
    return found


def _layout(text: str, role: str, op: Operation) -> dict[str, Any]:
    tokens = text.split(",") if "," in text else list(text)
    upper = [token.strip().upper() for token in tokens]
    spatial = [axis for axis in upper if axis in SPATIAL and not (role == "bias" or _is_channel(axis, role))]
    if set(spatial) <= set(IN_ORDER):
        spatial.sort(key=IN_ORDER.index)
    names = {"input": "NC", "output": "NC", "grad_output": "NC", "bias": "O"}.get(role, "IO" if op.transposed else "OI")
    whole = [*names, *spatial]
    take = []
    for axis in upper:
        means = next((own for own, said in _tokens(role).items() if axis in said), axis)
        if axis != "1" and means not in whole:
            raise _wrong_layout(text, f"{axis!r} is no axis of {role}")
        take.append(-1 if axis == "1" else whole.index(means))
    named = [place for place in take if place >= 0]
    if len(set(named)) < len(named) or (role != "bias" and len(spatial) != op.axes):
        raise _wrong_layout(text, f"each of {op.axes} spatial axes is named once for {op}")
    missing = [place for place in range(len(names)) if place not in named]
    return {"said": text, "take": take, "missing": missing}


def _is_channel(token: str, role: str) -> bool:
    return role == "weight" and token in (*OUT, *IN)


def _tokens(role: str) -> dict[str, tuple[str, ...]]:
    """The letters that name each axis that is not spatial."""
    if role == "weight":
        return {"O": OUT, "I": IN}
    return {"O": (*OUT, "C")} if role == "bias" else {"N": BATCH, "C": CHANNELS}


def _wrong_layout(text: str, why: str) -> TargetError:
    return TargetError(f"{why}: layout={text!r}; 'x=NHWC w=HWIO b=C y=NHWC' would fit, or 'x=HW w=HW y=HW'")


def _result(name: str, text: str) -> dict[str, Any]:
    """Where the arrays are in what is returned."""
    try:
        tree = ast.parse(text.replace("*", "_").strip() or "y", mode="eval").body
        if isinstance(tree, ast.Dict):
            ((key, value),) = zip(tree.keys, tree.values, strict=True)
            return {"key": ast.literal_eval(key) if key else "", "names": [_named(value)]}
        listed = tree.elts if isinstance(tree, ast.Tuple) else [tree]
        return {"tuple": isinstance(tree, ast.Tuple), "names": [_named(one) for one in listed]}
    except (SyntaxError, ValueError, TypeError):
        pass
    written_into, equals, array = text.partition("=")
    if equals and written_into.strip().isidentifier() and array.strip() == "y":
        return {"out": written_into.strip(), "names": ["y"]}
    raise TargetError(
        f"what is returned is written with {', '.join(RESULTS)}: {name}={text!r}; 'y, *' would fit, or 'dx, dw, db', "
        "or \"{'out': y}\", or 'out=y'"
    )


def _named(node: ast.expr | None) -> str:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return f".{node.attr}"
    word = node.id if isinstance(node, ast.Name) else ""
    word = "*" if word == "_" else word if word in RESULTS else word.lower()
    if word not in RESULTS:
        raise ValueError(word)
    return word


def _backward(text: str) -> tuple[str, dict[str, Any] | None]:
    """The name of a backward function, and how it is called: 'name(dy, cache) -> dx, dw, db'."""
    if not text:
        return "", None
    called, _, returned = text.partition("->")
    name, opened, arguments = called.strip().partition("(")
    if not name.replace(".", "").isidentifier() or (opened and not arguments.endswith(")")):
        raise TargetError(
            f"a backward function is written as its call: backward={text!r}; 'conv_backward(dy, cache) -> dx, dw, db' "
            "would fit"
        )
    given = [list(one) for one in _arguments("backward", arguments[:-1], {"cache"})] if opened else None
    result = _backward_result(returned) if returned.strip() else None
    return name, {"arguments": given, "result": result}


def _backward_result(text: str) -> list[list[str]]:
    """Where each gradient is: of what is returned, in order, or the attribute of an object, as in 'dx, dw=.dW'."""
    listed = []
    for word in text.split(","):
        name, _, kept = word.strip().partition("=")
        name, found = name.strip().lower(), ATTRIBUTE.fullmatch(kept.strip())
        if name not in RESULTS or (kept and not found):
            raise TargetError(
                f"gradients are dx, dw, db, as returned or as attributes: backward={text!r}; 'dx, dw=.dW, db=.db' "
                "would fit, or \"dx, dw=.grads['W'], db=.grads['b']\""
            )
        listed.append([name, ".".join(filter(None, found.groups())) if found else ""])
    return listed


def _arguments(name: str, text: str, more: set[str] | None = None) -> Iterator[tuple[str, Any]]:
    """(own name or '', expression) of each argument of a call, written as in Python."""
    if not text:
        return
    try:
        tree = ast.parse(f"f({text})", mode="eval").body
        calls = [tree] if isinstance(tree, ast.Call) else []
        for argument in (one for call in calls for one in call.args):
            yield "", _expression(argument, more or set())
        for keyword in (one for call in calls for one in call.keywords):
            yield keyword.arg or "", _expression(keyword.value, more or set())
    except (SyntaxError, ValueError) as error:
        known = ", ".join([*SYNONYMS, *SIZES])
        raise TargetError(
            f"arguments are written as in a call, of {known}, constants, dictionaries and tuples: {name}={text!r} "
            f"({error}); \"strides=stride, conv_param={{'stride', 'pad'}}, mode='same'\" would fit"
        ) from None


def _expression(node: ast.expr, more: set[str]) -> Mapping[str, Any]:
    """An argument as data. Raises ValueError for what is none."""
    if isinstance(node, ast.Constant):
        return {"constant": node.value}
    if isinstance(node, ast.Name):
        word = node.id if node.id in SIZES or node.id in more else meaning(node.id)
        if not word:
            raise ValueError(f"{node.id!r} is not known")
        return {"name": word, "said": node.id}
    if isinstance(node, ast.Set):
        keys = [ast.literal_eval(one) for one in node.elts]
        return {"dictionary": [[key, _expression(ast.Name(key), more)] for key in keys]}
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return {"dictionary": [[ast.literal_eval(key) if key else "", _expression(one, more)] for key, one in pairs]}
    if isinstance(node, ast.Tuple | ast.List):
        kind = "tuple" if isinstance(node, ast.Tuple) else "list"
        return {kind: [_expression(one, more) for one in node.elts]}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        return {"constant": ast.literal_eval(node)}
    raise ValueError(f"{ast.unparse(node)!r} is not supported")


def written(expression: Mapping[str, Any], values: Mapping[str, str]) -> str:
    """An argument as Python source. values: what stands for each name."""
    if "constant" in expression:
        return repr(expression["constant"])
    if "name" in expression:
        return values.get(str(expression["name"]), str(expression.get("said", expression["name"])))
    if "dictionary" in expression:
        return "{" + ", ".join(f"{key!r}: {written(one, values)}" for key, one in expression["dictionary"]) + "}"
    kind = "tuple" if "tuple" in expression else "list"
    inside = ", ".join(written(one, values) for one in expression[kind])
    return f"({inside},)" if kind == "tuple" else f"[{inside}]"
