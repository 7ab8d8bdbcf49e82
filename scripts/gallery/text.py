"""What a page is written in: formulas as MathML, words in English and Korean, and numbers as they are read."""

from __future__ import annotations

import json
import re
import tomllib
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from latex2mathml.converter import convert

from gallery.errors import GalleryError

LANGUAGES = ("en", "ko")
MINUS = "\N{MINUS SIGN}"
CONVOLUTION = "\N{ASTERISK OPERATOR}"
WORDS = Path(__file__).parent / "words.toml"


@cache
def mathml(latex: str, *, display: bool = False) -> str:
    """A formula as MathML. Raises GalleryError where the LaTeX is none."""
    try:
        marked = convert(latex, display="block" if display else "inline")
    except Exception as error:
        raise GalleryError(f"a formula is LaTeX: {latex!r}; {type(error).__name__}") from error
    for noise in (' xmlns="http://www.w3.org/1998/Math/MathML"', ' display="inline"'):
        marked = marked.replace(noise, "")
    marked = re.sub(r"&#x0*([0-9A-Fa-f]+);", _character, marked)
    marked = marked.replace("<mo>*</mo>", f"<mo>{CONVOLUTION}</mo>")
    marked = re.sub(r"(<math[^>]*><mrow>)<mo>([=+])", r'\1<mo form="infix">\2', marked)
    marked = re.sub(rf"(<mo[^>]*>[(\[=,]</mo>)<mo>{MINUS}", rf'\1<mo form="prefix">{MINUS}', marked)
    return re.sub(r"<mrow>(<m[in]>[^<]*</m[in]>)</mrow>", r"\1", marked)


def _character(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return match[0] if character in "<>&" else character


def displayed(latex: str) -> str:
    """A formula on lines of its own, one where each qquad stands; a line may break between its parts."""
    lines = ("<wbr>".join(mathml(part, display=True) for part in parts(line)) for line in latex.split(r"\qquad"))
    return "".join(f'<div class="display">{line}</div>' for line in lines)


def with_formulas(page: str) -> str:
    """A page with what stands between dollars as MathML, in parts between which a line may break."""
    return re.sub(r"\$([^$\n]+)\$", lambda match: "<wbr>".join(map(mathml, parts(match[1].strip()))), page)


def parts(latex: str) -> list[str]:
    """A formula cut before every = and +, and after every comma, that stands in no bracket."""
    found, depth, start = [], 0, 0
    for at, character in enumerate(latex):
        depth += {"{": 1, "(": 1, "[": 1, "}": -1, ")": -1, "]": -1}.get(character, 0)
        if depth == 0 and character in "=+" and at > start:
            found.append(latex[start:at])
            start = at
        elif depth == 0 and character == "," and latex[at - 1 : at] != "\\":
            found.append(latex[start : at + 1])
            start = at + 1
    return [part.strip() for part in (*found, latex[start:]) if part.strip()]


@cache
def words() -> dict[str, dict[str, str]]:
    """Every word of the site by its key, in each language. Raises GalleryError where one lacks."""
    found: dict[str, dict[str, str]] = tomllib.loads(WORDS.read_text(encoding="utf-8"))
    for key, said in found.items():
        if set(said) != set(LANGUAGES):
            raise GalleryError(f"a word is there in {' and '.join(LANGUAGES)}: {key} has {', '.join(said)}")
    return found


def say(key: str, language: str, **values: object) -> str:
    """A word in a language, with its {values} put in. Raises GalleryError where there is none."""
    if key not in words():
        raise GalleryError(f"a word stands in words.toml: {key!r}")
    return words()[key][language].format(**values) if values else words()[key][language]


def number(value: Any) -> Any:
    """A number as people read it: a Fraction as 5/9, a float with five decimals, a true minus; all else as it is."""
    if isinstance(value, bool) or not isinstance(value, int | Fraction | float | np.number):
        return value
    said = f"{float(value):.5f}".rstrip("0").rstrip(".") if isinstance(value, float | np.floating) else str(value)
    return "0" if said == "-0" else said.replace("-", MINUS)


def as_json(data: Any) -> str:
    """Data for a script of the page: floats with six decimals, Fractions as floats, nothing that ends the script."""
    return json.dumps(_plain(data), ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")


def _plain(data: Any) -> Any:
    if isinstance(data, dict):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple | range):
        return [_plain(value) for value in data]
    if isinstance(data, np.ndarray):
        return _plain(data.tolist())
    if isinstance(data, Fraction):
        return int(data) if data.denominator == 1 else round(float(data), 6)
    if isinstance(data, np.generic):
        return _plain(data.item())
    return round(data, 6) if isinstance(data, float) else data
