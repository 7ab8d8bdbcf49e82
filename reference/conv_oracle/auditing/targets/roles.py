"""Roles: what each parameter of a C function is in a convolution, by its name and type, or as it is said.

A name may mean several things: `k` is a kernel size or a number of channels. All of them are tried together, and the
one reading that makes a convolution of the whole prototype is taken. Where there are several, the choices are told.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from conv_oracle.auditing.targets.facts import AXES, FAMILIES, SHAPES, evaluated, of_axis
from conv_oracle.auditing.targets.naming import by_name, unlikely
from conv_oracle.auditing.targets.prototype import Parameter, Prototype
from conv_oracle.errors import TargetError
from conv_oracle.operation import Operation

Role = str | float | None
"""What a parameter is: a role, a number that is always passed, or None for NULL."""

CHANNELS = ("in_channels", "out_channels", "groups", "in_channels_per_group", "out_channels_per_group", "multiplier")
COUNTS = ("batch", *CHANNELS, "axes", "input_elements", "weight_elements", "output_elements")
OF_WORKSPACE = ("workspace_elements", "workspace_bytes")
RETURNS = ("status", "success", "ignored", "output", "owned_output")
"""What a returned number or pointer is: 0 where all went well, or not 0; nothing; the result, to be kept or freed."""

MOST_READINGS = 20_000
DEPTHWISE = re.compile(r"depth_?wise|(^|_)dw(_|conv|$)")


@dataclass(frozen=True)
class Said:
    """What was said of the roles.

    parameters: by name. fixed: what the function is made for, by role; a role for its value. returns: what it returns;
    '' where that is not said. workspace: its size, as an expression. optional_bias: whether no bias is NULL. zeroed:
    whether the result must be zero before a call.
    """

    parameters: Mapping[str, Role]
    fixed: Mapping[str, int | str]
    returns: str = ""
    workspace: str = ""
    optional_bias: bool = False
    zeroed: bool = False


@dataclass(frozen=True)
class Reading:
    """What each parameter is, by name; and what the function is made for, by role."""

    roles: Mapping[str, Role]
    fixed: Mapping[str, int | str]


def arrays_of(op: Operation) -> tuple[str, ...]:
    """The roles of arrays of this operation."""
    return (*op.operands, *(("bias",) if op.forward else ()), op.returns, "workspace")


def numbers_of(op: Operation) -> tuple[str, ...]:
    """The roles of numbers of this operation: what a function is told, or is made for."""
    each = (of_axis(family, axis, op.axes) for family in FAMILIES for axis in range(op.axes))
    return tuple(dict.fromkeys((*COUNTS, *FAMILIES, *each)))


def known_roles(op: Operation) -> tuple[str, ...]:
    """All roles that can be said of a parameter of this operation."""
    further = (*(("optional_bias",) if op.forward else ()), f"zeroed_{op.returns}")
    return (*arrays_of(op), *further, *numbers_of(op), *SHAPES, *OF_WORKSPACE, "null")


def said_roles(text: str, prototype: Prototype, op: Operation) -> Said:
    """What `name=role name=role` says. Raises TargetError for what is no role, or no parameter."""
    named, fixed, rest = dict[str, Role](), dict[str, int | str](), dict[str, str]()
    numbers, names = numbers_of(op), [one.name for one in prototype.parameters]
    told = [one.name for one in prototype.parameters if not one.pointer]
    for word in re.findall(r"[^\s,\[]+(?:\[[^\]]*\])?", text):
        name, _, role = word.partition("=")
        role, bracket, size = role.partition("[")
        left, right = _canonical(name, op), _value(_canonical(role, op))
        if name == "return" and right in RETURNS:
            rest["returns"] = str(right)
        elif name in names and (right in known_roles(op) or not isinstance(right, str)):
            named[name] = right
            if bracket:
                rest["workspace"] = _expression(size.removesuffix("]"), right, word, (*numbers, *told))
        elif name not in names and left in numbers and (right in numbers or isinstance(right, int)):
            fixed[left] = right if isinstance(right, int) else str(right)
        else:
            raise _no_role(word, names, op)
    said = [*named.values()]
    parameters = {name: _without_manner(role) for name, role in named.items()}
    zeroed, optional = f"zeroed_{op.returns}" in said, "optional_bias" in said
    return Said(parameters, fixed, rest.get("returns", ""), rest.get("workspace", ""), optional, zeroed)


def _no_role(word: str, names: Sequence[str], op: Operation) -> TargetError:
    name, equals, _ = word.partition("=")
    known = RETURNS if name == "return" else known_roles(op)
    others = "" if name in (*names, "return") else f"; the parameters are {', '.join(names)}"
    return TargetError(
        f"--roles says NAME=ROLE of a parameter, or ROLE=NUMBER of what the function is made for: {word!r}"
        f"{'' if equals else ' has no ='}; a role is one of {', '.join(known)}, or a number{others}"
    )


def _expression(size: str, role: object, word: str, names: Sequence[str]) -> str:
    """The size of a workspace. Raises TargetError for what is none."""
    with contextlib.suppress(ValueError, SyntaxError, ZeroDivisionError):
        evaluated(size, dict.fromkeys(names, 1))
        if role == "workspace":
            return size
    raise TargetError(
        f"a workspace has a size in roles or parameters, with +, -, *, // and brackets: {word!r}; "
        "'workspace[in_channels*kernel_height*kernel_width*output_height*output_width]' would fit"
    )


def _without_manner(role: Role) -> Role:
    return role.removeprefix("optional_").removeprefix("zeroed_") if isinstance(role, str) else role


def _canonical(word: str, op: Operation) -> str:
    """A role's own name: on one axis, `kernel_length` is `kernel`, and `length` is `size`."""
    if op.axes > 1:
        return word
    return "size" if word == "length" else word.removesuffix("_length")


def _value(text: str) -> Role:
    """A number, None for null, or a word."""
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return None if text == "null" else text


def read(prototype: Prototype, op: Operation, said: Said) -> Reading:
    """The one reading of a prototype. Raises TargetError where there is none, or more than one, with the choices."""
    returned = prototype.returns_pointer and said.returns != "ignored"
    choices = [_choices(one, op, said, prototype.name) for one in prototype.parameters]
    readings = list(islice(_readings(choices), MOST_READINGS))
    lacking = {one: _lacks(one, op, said, returned=returned) for one in readings}
    fitting = [one for one in readings if not lacking[one]]
    least = min((unlikely(prototype.parameters, one) for one in fitting), default=0)
    fitting = [one for one in fitting if unlikely(prototype.parameters, one) == least]
    names = [one.name for one in prototype.parameters]
    if not fitting:
        near = min(readings, key=lambda one: len(lacking[one]), default=())
        needs = lacking.get(near, ["a role of its own for each parameter"])[0]
        shown = ", ".join(f"{name}={role}" for name, role in zip(names, near, strict=False))
        raise TargetError(
            f"a prototype of {op.name} must have {needs}: {prototype.text}{f' is read as {shown}' if shown else ''}; "
            "--roles 'NAME=ROLE', or ROLE=NUMBER of what is fixed, would fit"
        )
    if len(fitting) > 1:
        raise _ambiguous(prototype, fitting)
    return Reading(dict(zip(names, fitting[0], strict=True)), _fixed(fitting[0], said, prototype.name))


def _ambiguous(prototype: Prototype, fitting: Sequence[Sequence[Role]]) -> TargetError:
    """The error that names the parameter with the most choices."""
    each = [list(dict.fromkeys(column)) for column in zip(*fitting, strict=True)]
    at = max(range(len(each)), key=lambda n: len(each[n]))
    name = prototype.parameters[at].name
    fits = " or ".join(f"--roles '{name}={role}'" for role in each[at])
    return TargetError(
        f"each parameter has one role, {name} may have {len(each[at])}: {prototype.text}; {fits} would fit"
    )


def _choices(one: Parameter, op: Operation, said: Said, function: str) -> list[Role]:
    """What a parameter may be, as is said of it, or by its name, type and constness. Raises TargetError for nothing."""
    if one.name in said.parameters:
        return [said.parameters[one.name]]
    known, arrays = known_roles(op), arrays_of(op)
    listed: list[Role] = [role for role in dict.fromkeys(by_name(one, op.axes)) if role in known]
    if one.pointer and not one.integer and not listed:
        listed = list(arrays)
    if one.const:
        listed = [role for role in listed if role not in (op.returns, "workspace")]
    if not listed:
        fits = arrays if one.pointer and not one.integer else [*numbers_of(op), *(SHAPES if one.pointer else ())]
        raise TargetError(
            f"every parameter needs a role, and {one.text} of {function} has none by its name; --roles "
            f"'{one.name}=ROLE' would fit, with {', '.join(fits)}, or a number that is always passed"
        )
    return listed


def _readings(choices: Sequence[Sequence[Role]], taken: tuple[Role, ...] = ()) -> Iterator[tuple[Role, ...]]:
    """Every choice of one role each, no role twice."""
    if len(taken) == len(choices):
        yield taken
        return
    for one in choices[len(taken)]:
        if not isinstance(one, str) or one not in taken:
            yield from _readings(choices, (*taken, one))


def _lacks(roles: Iterable[Role], op: Operation, said: Said, *, returned: bool) -> list[str]:
    """What a reading lacks to be a convolution, in words; nothing where it is one."""
    passed = {role for role in roles if isinstance(role, str)}
    has = passed | {*said.fixed}
    lacks = [f"a pointer to the {name}" for name in op.operands if name not in has]
    if op.returns not in has and not returned:
        lacks.append(f"a pointer to the {op.returns} that is not const, or return one")
    told = {*has}
    for family in FAMILIES:
        each = {of_axis(family, axis, op.axes) for axis in range(op.axes)}
        if each & has:
            told.add(family)
        if each & has and (missing := sorted(each - has)):
            lacks.append(f"one {family} per axis, or one for all: {', '.join(missing)} is missing")
        elif op.axes > 1 and family in passed and each & passed:
            lacks.append(f"one {family} per axis, or one for all, not both")
    if not {"kernel", "weight_shape"} & told:
        lacks.append("a kernel size, or --roles 'kernel=3' where it is fixed")
    if not {"size", "output_size", "input_shape", "output_shape"} & told:
        lacks.append(f"the sizes of the input or of the output ({', '.join(AXES[op.axes])})")
    return lacks


def _fixed(roles: Iterable[Role], said: Said, function: str) -> dict[str, int | str]:
    """What the function is made for, as it is not told it: one example, one channel, one group per channel.

    Raises TargetError where it is told the input channels, and nothing says how many output channels there are.
    """
    has = {role for role in roles if isinstance(role, str)} | {*said.fixed}
    fixed = dict(said.fixed)
    if not {"batch", "input_shape", "output_shape"} & has:
        fixed["batch"] = 1
    if {*SHAPES} & has:
        return fixed
    inward = {"in_channels", "in_channels_per_group"} & has
    outward = {"out_channels", "out_channels_per_group", "multiplier"} & has
    if DEPTHWISE.search(function.lower()) and "groups" not in has:
        fixed["groups"] = "in_channels"
        if not outward:
            fixed["out_channels"] = "in_channels"
    elif not outward and inward:
        raise TargetError(
            f"{function} must be told how many output channels there are, and gets {', '.join(sorted(inward))} alone; "
            "--roles 'out_channels=1' would fit, or 'groups=in_channels out_channels=in_channels' for one group per "
            "channel"
        )
    elif not outward:
        fixed |= {"in_channels": 1, "out_channels": 1}
    elif not inward and "groups" not in has:
        fixed["in_channels"] = 1
    return fixed
