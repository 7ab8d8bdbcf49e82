"""The pages of verdicts in the browser: wide and narrow, light and dark, alone and in a notebook's frame."""

import html
from itertools import product
from pathlib import Path

import pytest
from page_checks import CUT, ELSEWHERE, LEAST, UNNAMED, WIDE, faint, schemes
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from audit.shown_verdicts import ASKED, hostile
from conv_oracle.report import page

WIDTHS, SCHEMES = (1280, 400), ("light", "dark")
STYLE = Path(__file__).resolve().parents[2] / "reference/conv_oracle/report/page/templates/style.css"
GALLERY = Path(__file__).resolve().parents[2] / "scripts/gallery/assets/style.css"
OPENED = "document.querySelectorAll('details').forEach((one) => { one.open = arguments[0]; })"
ANCHORS = "return [...document.querySelectorAll('nav a')].map((one) => one.getAttribute('href'))"
ARRIVED = """
const top = document.querySelector(arguments[0]).getBoundingClientRect().top;
const end = document.documentElement.scrollHeight - innerHeight;
return location.hash === arguments[0] && (Math.abs(top) < 2 || scrollY >= end - 2);
"""
PAPER = "return getComputedStyle(document.body).backgroundColor"


@pytest.fixture
def file(tmp_path, shown):
    """Writes the page of a verdict, and says where."""

    def written(name):
        path = tmp_path / "verdict.html"
        path.write_text(page(hostile(shown) if name == "hostile" else shown(name)), encoding="utf-8")
        return path

    return written


@pytest.mark.parametrize("name", [*ASKED, "hostile"])
@pytest.mark.sampled(2)
def test_a_page_fits_wide_and_narrow_light_and_dark(window, file, name):
    path, papers = file(name), set()
    for width, scheme in product(WIDTHS, SCHEMES):
        window.resize(width)
        window.features({"prefers_color_scheme": scheme})
        window.open_file(path)
        papers.add(window.run(PAPER))
        for opened in (False, True):
            window.run(OPENED, opened)
            assert window.run(WIDE) == [], (width, scheme, opened)
            assert window.run(CUT) == [], (width, scheme, opened)
        assert window.run(UNNAMED) == []
        assert window.run(ELSEWHERE) == []
        assert window.complaints() == []
    assert len(papers) == 2


def test_a_cut_text_is_seen(window, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(
        "<!doctype html><main><svg width='60' height='30'><text x='50' y='20' style='font: 14px serif'>outside</text>"
        "<text x='2' y='20' style='font: 5px serif'>small</text><text x='2' y='20' style='font: 14px serif'>in</text>",
        encoding="utf-8",
    )
    window.open_file(path)
    assert [("outside" in one, "small" in one) for one in window.run(CUT)] == [(True, False), (False, True)]


@pytest.mark.parametrize("name", ["faulty", "rounded"])
def test_every_link_leads_to_its_section(window, file, name):
    window.resize(1280)
    window.open_file(file(name))
    anchors = window.run(ANCHORS)
    assert {"#scope", "#options", "#finding-1"} <= set(anchors)
    for anchor in anchors:
        window.driver.find_element(By.CSS_SELECTOR, f"nav a[href='{anchor}']").click()
        assert window.eventually(ARRIVED, anchor), anchor


def test_what_is_folded_opens_by_the_keyboard(window, file):
    window.resize(1280)
    window.open_file(file("faulty"))
    summary = window.driver.find_element(By.CSS_SELECTOR, "#scope ~ details summary")
    assert not summary.find_element(By.XPATH, "..").get_property("open")
    summary.send_keys(Keys.ENTER)
    assert summary.find_element(By.XPATH, "..").get_property("open")


def test_in_a_frame_of_a_notebook_its_links_stay_inside_and_no_style_leaves(window, tmp_path, shown):
    path = tmp_path / "notebook.html"
    path.write_text(f"<!doctype html><h1>mine</h1>{shown('faulty')._repr_html_()}", encoding="utf-8")
    window.resize(1280)
    window.open_file(path)
    assert window.run("return getComputedStyle(document.querySelector('h1')).fontSize") == "32px"
    window.driver.switch_to.frame(0)
    try:
        assert window.eventually("return document.querySelector('#scope') !== null")
        window.driver.find_element(By.CSS_SELECTOR, "nav a[href='#scope']").click()
        inside = "return Math.abs(document.querySelector('#scope').getBoundingClientRect().top) < 2"
        assert window.eventually(inside)
    finally:
        window.driver.switch_to.default_content()
    assert window.run("return location.pathname").endswith("notebook.html")
    assert window.complaints() == []


def test_the_colours_are_the_gallerys_and_stand_out():
    style, gallery = STYLE.read_text(encoding="utf-8"), GALLERY.read_text(encoding="utf-8")
    assert faint(style) == []
    assert ("soft", 2.32) in faint(style.replace("--soft: #5a6472", "--soft: #aaaaaa"))
    for ours, theirs in zip(schemes(style), schemes(gallery), strict=True):
        assert set(LEAST) <= set(ours)
        assert {name: theirs[name] for name in ours} == ours
    assert html.escape(style, quote=False).count("&lt;") == 0
