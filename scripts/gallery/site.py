"""The whole site: every page in both languages, its styles and scripts, written into a folder and weighed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from gallery.agreement import torch_name
from gallery.drawing import for_readme
from gallery.errors import FolderError, GalleryError
from gallery.pages import CATALOGUE, FORMULAS, PAGES, PLAYGROUND, WORDS, Page
from gallery.sources import definition, documented, proof
from gallery.text import LANGUAGES, as_json, displayed, number, say, with_formulas, words

HERE = Path(__file__).parent
MOST_BYTES = 3 * 2**19
"""All of the site: 1.5 MiB."""

MOST_BYTES_OF_A_PAGE = 400_000
MARK = "gallery.txt"
"""The file that says that a folder is ours, so that another is never overwritten."""


@dataclass(frozen=True)
class Weight:
    """What was written: the number of files, their bytes together, and the largest page's."""

    files: int
    total: int
    largest: int


def count() -> int:
    """How many steps `write` reports: a page's facts, and each of its languages."""
    return len(PAGES) * (1 + len(LANGUAGES))


def write(into: Path, step: Callable[[], None] = lambda: None) -> Weight:
    """Compute every page, compare with PyTorch, and write the site into a folder; step is called after each page.

    A folder that holds a site is replaced; one that holds anything else is refused by FolderError. Nothing is written
    before all is computed. Raises GalleryError where torch disagrees, something is missing, or the site is too heavy.
    """
    own_folder(into)
    files = dict(render(step))
    weight = weighed(files)
    if into.exists():
        shutil.rmtree(into)
    for name, content in files.items():
        path = into / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return weight


def own_folder(into: Path) -> None:
    """Raise FolderError where a folder holds anything but a site."""
    if into.exists() and not (into / MARK).is_file() and any(into.iterdir()):
        raise FolderError(f"a site has a folder of its own: {into} holds other files; an empty one would fit")


def weighed(files: dict[str, bytes]) -> Weight:
    """The weight of some files. Raises GalleryError where they are too heavy."""
    pages = {name: len(content) for name, content in files.items() if name.endswith(".html")}
    largest = max(pages, key=lambda name: pages[name])
    if pages[largest] > MOST_BYTES_OF_A_PAGE:
        raise GalleryError(f"a page has at most {MOST_BYTES_OF_A_PAGE} bytes: {largest} has {pages[largest]}")
    total = sum(map(len, files.values()))
    if total > MOST_BYTES:
        raise GalleryError(f"the site has at most {MOST_BYTES} bytes: it has {total}")
    return Weight(len(files), total, pages[largest])


def render(step: Callable[[], None] = lambda: None) -> Iterator[tuple[str, bytes]]:
    """Every file of the site: its path, and what it holds."""
    yield MARK, b"Written by scripts/gallery; it is replaced as a whole.\n"
    templates = _environment()
    for language in LANGUAGES:
        common = _common(language)
        yield f"{language}/index.html", _page(templates, "index.html", common | {"page": None})
    for page in PAGES:
        _check(page)
        computed = page.facts()
        step()
        for language in LANGUAGES:
            context = _common(language) | computed | _shown(page) | {"page": page, "facts": computed}
            yield f"{language}/{page.slug}.html", _page(templates, f"{page.slug}.html", context)
            step()
    proofs = {test: proof(test) for page in PAGES for test in page.tests}
    for language in LANGUAGES:
        yield (
            f"{language}/proofs.html",
            _page(templates, "proofs.html", _common(language) | {"page": None, "proofs": proofs}),
        )
    yield "index.html", _page(templates, "door.html", _common("en") | {"page": None})
    yield "assets/index_map.svg", for_readme().svg.encode()
    for path in sorted((HERE / "assets").iterdir()):
        yield f"assets/{path.name}", path.read_bytes()


def _environment() -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(HERE / "templates")
    made = jinja2.Environment(
        loader=loader,
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=number,
    )
    made.filters["json"] = lambda data: Markup(as_json(data))  # noqa: S704 - it ends no script
    made.filters["display"] = lambda latex: Markup(displayed(latex))  # noqa: S704 - of our own formulas
    return made


def _page(templates: jinja2.Environment, name: str, context: dict[str, Any]) -> bytes:
    try:
        return with_formulas(templates.get_template(name).render(context)).encode()
    except jinja2.TemplateError as error:
        raise GalleryError(f"a template renders: {name}: {type(error).__name__}: {error}") from error


def _common(language: str) -> dict[str, Any]:
    """What every page has: its language, the words, and the list of pages."""
    at = LANGUAGES.index(language)
    return {
        "language": language,
        "other": LANGUAGES[1 - at],
        "en": language == "en",
        "at": at,
        "say": lambda key, **values: say(key, language, **values),
        "spoken": {key.removeprefix("js_"): said[language] for key, said in words().items() if key.startswith("js_")},
        "formulas": FORMULAS,
        "in_words": WORDS,
        "playground": PLAYGROUND,
        "catalogue": CATALOGUE,
        "pages": PAGES,
    }


def _shown(page: Page) -> dict[str, Any]:
    """The code, the proofs and the neighbours of a page."""
    at = PAGES.index(page)
    return {
        "definitions": [definition(name) for name in page.functions],
        "tests": [proof(test) for test in page.tests],
        "before": PAGES[at - 1] if at else None,
        "after": PAGES[at + 1] if at + 1 < len(PAGES) else None,
    }


def _check(page: Page) -> None:
    """Raise GalleryError where a page says something that FORMULAS.md or PyTorch does not know."""
    for name in page.torch:
        torch_name(name)
    if page.number is None:
        return
    if page.number not in documented():
        raise GalleryError(f"a formula is one of reference/FORMULAS.md: S{page.number} is not there")
    _, functions, tests = documented()[page.number]
    strangers = {test.partition("::")[0] for test in page.tests if f"`{test.partition('::')[0]}`" not in tests}
    if strangers or page.functions[0] not in functions:
        raise GalleryError(
            f"a page shows what reference/FORMULAS.md names: S{page.number} has {strangers or page.functions[0]}"
        )
