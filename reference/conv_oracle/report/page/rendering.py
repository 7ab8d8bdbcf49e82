"""The page of a verdict, from its templates; everything that a subject can say is escaped."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from conv_oracle.auditing import Verdict
from conv_oracle.report.page.content import content

if TYPE_CHECKING:
    import jinja2


def lacking() -> str:
    """What a page needs and is not installed, with what would fit; '' where nothing is missing."""
    if find_spec("jinja2") is not None:
        return ""
    return "--html needs the library jinja2: it is not installed; pip install 'conv-oracle[html]' would fit"


def page(verdict: Verdict, *, framed: bool = False) -> str:
    """The verdict as an HTML document: its styles and pictures are in it, and nothing is loaded. Needs jinja2.

    framed: whether it is the srcdoc of a frame, whose links to its own sections would else lead to the page around it.
    """
    return str(_templates().get_template("page.html").render(content(verdict), framed=framed))


@cache
def _templates() -> jinja2.Environment:
    import jinja2  # noqa: PLC0415 - an extra, which nothing else needs

    return jinja2.Environment(
        loader=jinja2.PackageLoader("conv_oracle.report.page"),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=printable,
    )


def printable(value: Any) -> Any:
    """A text without what cannot be seen: control characters, turns of the direction of text, half surrogates."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return "".join(c if c.isprintable() or c == "\n" else " " for c in value)
