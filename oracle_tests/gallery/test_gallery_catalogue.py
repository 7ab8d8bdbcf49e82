"""The page of the catalogue: every fault once, with an example that shows it and whose right result is PyTorch's."""

import re
import sys
from dataclasses import replace

import numpy as np
import pytest

from conv_oracle.faults import CATALOGUE
from conv_oracle.report import example
from gallery import text
from gallery.errors import GalleryError

facts = sys.modules["gallery.facts.catalogue"]  # the package has a function of its name
CASES = facts.cases()


def shown(slug):
    """The example of one fault, computed alone."""
    return facts._edited(CATALOGUE[slug]) or facts._run(CATALOGUE[slug], CASES)


def test_every_fault_has_one_example_on_the_page(site):
    for language in text.LANGUAGES:
        page = (site / language / "catalogue.html").read_text(encoding="utf-8")
        assert re.findall(r'<h2 id="([^"]+)"', page) == list(CATALOGUE)
        tables = re.findall(r'class="good"><code>(.*?)</code>.*?class="bad"><code>(.*?)</code>', page, re.DOTALL)
        assert len(tables) == len(CATALOGUE)
        assert not [right for right, broken in tables if right == broken]


def test_what_explain_computes_is_what_the_page_shows():
    found = example(CATALOGUE["kernel-flipped"])
    one = shown("kernel-flipped")
    assert (one.what, one.right, one.broken) == (
        str(found.problem),
        facts.text(found.right),
        facts.text(found.broken),
    )
    assert one.right != one.broken


@pytest.mark.parametrize("slug", ["crashes", "hangs", "memory-exhausted", "protocol-corrupted"])
def test_a_process_ends_as_its_fault_has_it(slug):
    said = {
        "crashes": "the process ends by SIGABRT",
        "hangs": "no answer within the time limit",
        "memory-exhausted": "MemoryError",
        "protocol-corrupted": "the process writes 'done [21. 32. 43.]'",
    }
    assert shown(slug).broken.endswith(said[slug])
    honest = facts._process(slug, "def f(x, w):\n    return conv(x, w)", np.ones((1, 1, 3)), np.ones((1, 1, 2)))
    assert honest == ("[2 2]", "the process writes '[2. 2.]'")


def test_the_build_fails_where_torch_disagrees_with_an_edited_call(monkeypatch):
    monkeypatch.setattr(facts, "example", lambda fault: replace(example(fault), right=example(fault).right + 1))
    with pytest.raises(GalleryError, match=r"the example of kernel-flipped: .* agree"):
        facts.catalogue()


def test_the_build_fails_where_torch_disagrees_beside_a_broken_function(monkeypatch):
    right = facts.conv_oracle.conv1d
    monkeypatch.setattr(facts.conv_oracle, "conv1d", lambda x, w: right(x, w[..., ::-1]))
    with pytest.raises(GalleryError, match=r"the example of raises: .* agree"):
        shown("raises")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[unknown]", "[no-such-fault]", "every fault has an example: unknown needs one"),
        ("return conv(x * x, w)", "return conv(x, w)", r"an example shows its fault: unknown gives \[21 32 43\]"),
    ],
)
def test_a_fault_without_an_example_stops_the_build(monkeypatch, tmp_path, old, new, said):
    source = facts.BROKEN.read_text(encoding="utf-8")
    assert source.count(old) == 1
    (tmp_path / "broken.toml").write_text(source.replace(old, new), encoding="utf-8")
    monkeypatch.setattr(facts, "BROKEN", tmp_path / "broken.toml")
    few = {slug: CATALOGUE[slug] for slug in ("kernel-flipped", "unknown")}
    monkeypatch.setattr(facts, "CATALOGUE", few)
    with pytest.raises(GalleryError, match=said):
        facts._all(facts.cases())
