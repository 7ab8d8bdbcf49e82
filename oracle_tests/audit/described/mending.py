"""What makes a subject right again: a passage of its source, and what stands in its place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent


def source_of(subject: str, passages: Mapping[str, tuple[str, str]], *, mended: bool) -> str:
    """The source text of the module of a subject, 'folder/module:function', as it stands or made right."""
    folder, _, name = subject.partition("/")
    module, _, function = name.partition(":")
    source = (HERE / folder / f"{module}.py").read_text(encoding="utf-8")
    if not mended:
        return source
    wrong, right = passages[name]
    after = source.index(f"def {function}(")
    if wrong not in source[after:]:
        after = source.rindex("\nclass ", 0, after)
    at = source.index(wrong, after)
    return source[:at] + right + source[at + len(wrong) :]
