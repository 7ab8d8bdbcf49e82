"""The prototype of a C function: as it is given, or as its definition has it in a source file.

A source is not parsed as a whole, which would take every header's every extension: the preprocessor expands it, the
definition of the named function is found by its brackets, and its head alone is parsed, with the typedefs that it uses.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conv_oracle.errors import SubjectError, TargetError

ELEMENTS: Mapping[str, str] = {
    "float": "float32",
    "double": "float64",
    "_Float16": "float16",
    "__fp16": "float16",
    "__bf16": "bfloat16",
    "float _Complex": "complex64",
    "double _Complex": "complex128",
    "char": "int8",
    "signed char": "int8",
    "unsigned char": "uint8",
    "short": "int16",
    "unsigned short": "uint16",
    "int": "int32",
    "unsigned": "uint32",
    "unsigned int": "uint32",
    "long": "int64",
    "unsigned long": "uint64",
    "long long": "int64",
    "unsigned long long": "uint64",
    "void": "uint8",
}
"""C's types by the dtype of an array of them, on machines with a long of 64 bits."""

PASSED: Mapping[str, str] = {
    "float": "c_float",
    "double": "c_double",
    "_Bool": "c_bool",
    "char": "c_byte",
    "signed char": "c_byte",
    "unsigned char": "c_ubyte",
    "short": "c_short",
    "unsigned short": "c_ushort",
    "int": "c_int",
    "unsigned": "c_uint",
    "unsigned int": "c_uint",
    "long": "c_long",
    "unsigned long": "c_ulong",
    "long long": "c_longlong",
    "unsigned long long": "c_ulonglong",
}
"""C's types by ctypes' of a number that is passed."""

KNOWN = {
    "int8_t": "signed char",
    "uint8_t": "unsigned char",
    "int16_t": "short",
    "uint16_t": "unsigned short",
    "int32_t": "int",
    "uint32_t": "unsigned int",
    "int64_t": "long",
    "uint64_t": "unsigned long",
    "size_t": "unsigned long",
    "ssize_t": "long",
    "ptrdiff_t": "long",
    "intptr_t": "long",
    "bool": "_Bool",
    "_Float16": "int",
    "__fp16": "int",
    "__bf16": "int",
}
"""What the standard headers define, and types of compilers, which keep their names."""

_NOISE = re.compile(
    r'extern\s*"C"|\[\[.*?\]\]|\b(__restrict__|__restrict|restrict|__inline__|__inline|inline|static|extern|noexcept|'
    r"__host__|__forceinline__|__extension__|register|volatile)\b|\b(std)?::"
)
_ATTRIBUTE = re.compile(r"\b(__attribute__|__declspec|alignas|__asm__|asm)\s*(?=\()")
NULL = r"(NULL|nullptr|__null|0|\(\s*\(\s*void\s*\*\s*\)\s*0\s*\))"
"""Also as the preprocessor leaves it."""

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


@dataclass(frozen=True)
class Parameter:
    """One parameter. kind: of what it points to a dtype, of a number ctypes' name. integer: whether that is an integer.

    const: whether it points to what the function does not write.
    """

    name: str
    kind: str
    pointer: bool
    const: bool
    integer: bool
    text: str


@dataclass(frozen=True)
class Prototype:
    """A function's name, parameters and result, and its text in one line.

    returns: ctypes' name of a number, the dtype behind a pointer, or '' for void.
    body: the definition's body; '' where there is none.
    """

    name: str
    parameters: tuple[Parameter, ...]
    returns: str
    returns_pointer: bool
    text: str
    body: str = ""

    def tests_for_null(self, name: str) -> bool:
        """Whether the body asks if a pointer is NULL, as far as its words tell."""
        word, null = re.escape(name), NULL
        asks = rf"!\s*{word}\b|\b{word}\s*([!=]=\s*{null}|\?|&&|\|\|)|(&&|\|\||\()\s*{word}\s*(\)\s*[^;]|&&|\|\|)"
        return bool(re.search(rf"{asks}|\bif\s*\(\s*{word}\s*\)|{null}\s*[!=]=\s*{word}\b", self.body))


def prototype(text: str, name: str, typedefs: str = "", body: str = "") -> Prototype:
    """The prototype in a text. typedefs: C text that defines types which it uses.

    Raises TargetError where pycparser is missing, and where this is not the prototype of a function with this name, in
    C's types of numbers and pointers to them.
    """
    plain = " ".join(_bare(text).rstrip("; \n").split())
    known = "".join(f"typedef {meaning} {word};\n" for word, meaning in KNOWN.items())
    tree = _parsed(f"{known}{typedefs}\n{plain};", plain, text)
    aliases = {one.name: one.type for one in tree.ext if type(one).__name__ == "Typedef"}
    last = tree.ext[-1]
    function: Any = getattr(last, "type", None)
    if type(function).__name__ != "FuncDecl":
        raise _no_prototype(text, "it declares no function")
    if last.name != name:
        raise _no_prototype(text, f"its name is {last.name!r}, not {name!r}")
    listed = [one for one in (function.args.params if function.args else ()) if not _is_void(one)]
    parameters = tuple(_parameter(one, number, aliases, text) for number, one in enumerate(listed))
    returned, pointer, _ = _kind(function.type, aliases)
    returns = ELEMENTS.get(returned) if pointer else PASSED.get(returned, "" if returned == "void" else None)
    if returns is None:
        raise _no_prototype(text, f"it returns {returned}")
    return Prototype(name, parameters, returns, pointer, plain, body)


def definition(source: str, name: str) -> tuple[str, str, str]:
    """(head, body, typedefs) of a function that a preprocessed source defines. Raises TargetError where it has none."""
    text = _COMMENT.sub(" ", re.sub(r"^[ \t]*#.*$", "", source, flags=re.MULTILINE))
    found = list[tuple[str, str, str]]()
    for match in re.finditer(rf"\b{re.escape(name)}\s*\(", text):
        behind = _closed(text, match.end() - 1, "()")
        if behind is None:
            continue
        rest = re.match(r"\s*(noexcept|__attribute__\s*\(\(.*?\)\))*\s*\{", text[behind:])
        if rest is None:
            continue
        begin = max(text.rfind(mark, 0, match.start()) for mark in ";{}") + 1
        opened = behind + rest.end() - 1
        end = _closed(text, opened, "{}") or len(text)
        found.append((text[begin:behind], text[opened:end], text[:begin]))
    for head, body, before in sorted(found, key=lambda one: ("template" in one[0], 'extern "C"' not in one[0])):
        return head, body, _typedefs(before, head)
    raise SubjectError(f"the source must define the function: function={name!r} has no definition with this name in it")


def _typedefs(text: str, head: str) -> str:
    """The simple typedefs before a definition that it uses, in their order."""
    found = [(match[2], match[0]) for match in re.finditer(r"\btypedef\s+([\w\s*]+?[\s*])(\w+)\s*;", text)]
    found += [(m[1], f"typedef {m[2]} {m[1]};") for m in re.finditer(r"\busing\s+(\w+)\s*=\s*([\w\s]+?)\s*;", text)]
    wanted = {*re.findall(r"\w+", head)}
    for name, line in reversed(found):
        if name in wanted:
            wanted |= {*re.findall(r"\w+", line)}
    lines = dict[str, None]()
    for name, line in found:
        if name in wanted and name not in KNOWN:
            lines[" ".join(_bare(line).split())] = None
    return "\n".join(lines)


def _closed(text: str, at: int, pair: str) -> int | None:
    """The place behind the bracket that closes the one at a place; None where none does."""
    depth = 0
    for place in range(at, len(text)):
        depth += (text[place] == pair[0]) - (text[place] == pair[1])
        if not depth:
            return place + 1
    return None


def _bare(text: str) -> str:
    """A prototype without what says nothing of its types."""
    text = _COMMENT.sub(" ", text)
    while match := _ATTRIBUTE.search(text):
        end = _closed(text, match.end(), "()") or len(text)
        text = f"{text[: match.start()]} {text[end:]}"
    return _NOISE.sub(" ", text)


def _parsed(whole: str, plain: str, text: str) -> Any:
    try:
        parser: Any = importlib.import_module("pycparser")
    except ImportError:
        raise TargetError(
            "a C function's prototype is read with the library pycparser: it is not installed; "
            "pip install 'conv-oracle[c]' would fit"
        ) from None
    try:
        return parser.CParser().parse(whole)
    except Exception as error:  # ParseError, whose place in the package has changed, and what its lexer raises
        said = str(error).rpartition(": ")[2]
        hint = '; C++ needs extern "C" and C\'s types' if re.search(r"&|<|::", plain) else ""
        raise _no_prototype(text, f"{said}{hint}") from None


def _no_prototype(text: str, why: str) -> TargetError:
    shown = " ".join(text.split())
    return TargetError(
        f"a prototype is one of C, of numbers and pointers to numbers: prototype={shown!r}: {why}; "
        "'void conv2d(const float *x, const float *w, float *y, int n, int c, int h, int w_, ...)' would fit"
    )


def _is_void(node: Any) -> bool:
    return getattr(node, "name", None) is None and _kind(getattr(node, "type", None), {})[:2] == ("void", False)


def _parameter(node: Any, number: int, aliases: Mapping[str, Any], text: str) -> Parameter:
    """A parameter of a tree. Raises TargetError for what is no number and no pointer to numbers."""
    if type(node).__name__ == "EllipsisParam":
        raise _no_prototype(text, "it takes any number of arguments")
    base, pointer, const = _kind(node.type, aliases)
    kind = ELEMENTS.get(base) if pointer else PASSED.get(base)
    name = node.name or f"#{number + 1}"
    if kind is None:
        raise _no_prototype(text, f"parameter {name!r} is {'a pointer to ' if pointer else ''}{base}")
    integer = "int" in kind if pointer else kind not in ("c_float", "c_double")
    said = f"{'const ' * const}{base} {'*' * pointer}{name}"
    return Parameter(name, kind, pointer, const, integer and base != "void", said)


def _kind(node: Any, aliases: Mapping[str, Any]) -> tuple[str, bool, bool]:
    """(name of the type, whether it is a pointer, whether to const) of a tree's type. '' and more for any other one."""
    kind = type(node).__name__
    if kind in ("PtrDecl", "ArrayDecl"):
        base, deeper, _ = _kind(node.type, aliases)
        return (f"{base} *" if deeper else base), True, "const" in getattr(node.type, "quals", ())
    if kind == "Typename":
        return _kind(node.type, aliases)
    if kind != "TypeDecl":
        return f"a {kind}", False, False
    const = "const" in node.quals
    names = getattr(node.type, "names", None)
    if names is None:
        return f"{type(node.type).__name__.lower()} {getattr(node.type, 'name', '')}", False, const
    words = [word for word in names if word not in ("signed",) or len(names) == 1 or "char" in names]
    words = [word for word in words if word != "int" or not {*words} & {"long", "short"}]
    words = sorted(words, key=lambda word: (word != "unsigned", word == "_Complex"))
    name = " ".join(words)
    if name in aliases and name not in ELEMENTS:
        base, pointer, inner = _kind(aliases[name], aliases)
        return base, pointer, inner or const
    return ("int" if name == "signed" else name), False, const
