"""Every page in the browser: it loads quietly, fits its width, can be read, seen and used by keyboard."""

import base64

import pytest
from page_checks import ELSEWHERE, UNNAMED, WIDE, faint
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from gallery.pages import PAGES
from gallery.text import LANGUAGES

ADDRESSES = ["index.html"] + [
    f"{language}/{name}.html" for language in LANGUAGES for name in ("index", "proofs", *(page.slug for page in PAGES))
]
WIDTHS = (1280, 360)

SET = """
const control = document.querySelector(`[name=${arguments[0]}]`);
control.value = arguments[1];
control.dispatchEvent(new Event("input", { bubbles: true }));
"""


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_page_loads_without_a_complaint_and_fits(browser, address):
    browser.open(address)
    assert browser.complaints() == []
    for width in WIDTHS:
        browser.resize(width)
        assert browser.run(WIDE) == [], width
    assert browser.run(UNNAMED) == []
    assert browser.run("return [...document.querySelectorAll('.said')].every((one) => one.textContent !== '')")
    assert browser.run("return document.documentElement.lang") == (
        address.partition("/")[0] if "/" in address else "en"
    )
    assert browser.run(ELSEWHERE) == []


def test_what_is_wrong_with_a_page_is_seen(browser, tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        "<!doctype html><meta name=viewport content='width=device-width'>"
        "<main><input><p style='width:2000px'>wide</p></main>"
        "<script>console.error('planted'); document.querySelector('none').text;</script>"
        "<img src='none.png' alt='none'>",
        encoding="utf-8",
    )
    browser.resize(360)
    browser.open_file(page)
    complaints = browser.complaints()
    assert any("planted" in one for one in complaints)
    assert any("TypeError" in one for one in complaints)
    assert any("none.png" in one for one in complaints)
    assert browser.run(UNNAMED) == ["<input>"]
    assert any("wide" in one for one in browser.run(WIDE))


def test_a_slider_is_moved_by_the_keyboard_and_says_its_name(browser):
    browser.open("en/s14.html")
    slider = browser.driver.find_element(By.NAME, "chosen")
    assert slider.accessible_name == "input x_m: m"
    before = browser.run("return document.querySelector('.said').textContent")
    slider.send_keys(Keys.ARROW_RIGHT)
    after = browser.run("return document.querySelector('.said').textContent")
    assert before.startswith("∂L/∂x3")
    assert after.startswith("∂L/∂x4")
    assert browser.run("return document.querySelector('svg[role=img]').getAttribute('aria-label')") == after


def test_every_control_is_reached_by_the_tab_key(browser):
    browser.open("en/s11.html")
    browser.driver.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    assert browser.run("return document.activeElement.className") == "skip"
    browser.run("document.querySelector('[name=I]').focus()")
    reached = ["I"]
    for _ in range(10):
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(browser.run("return document.activeElement.name"))
    assert reached == ["I", "K", "s", "p", "q", "d", "extra", "groups", "o", "mode", "transposed"]


def test_play_moves_the_slider_and_is_not_there_for_who_wants_no_motion(browser):
    browser.open("en/s8.html", prefers_reduced_motion="no-preference")
    browser.run(SET, "x", "2")
    button = browser.driver.find_element(By.CSS_SELECTOR, "[data-play]")
    button.click()
    assert browser.eventually("return Number(document.querySelector('[name=x]').value) > -2")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    browser.open("en/s8.html", prefers_reduced_motion="reduce")
    assert not browser.driver.find_element(By.CSS_SELECTOR, "[data-play]").is_displayed()


ARRIVED = "return document.readyState === 'complete' && location.href.endsWith(arguments[0])"


def test_the_switch_leads_to_the_same_page_in_the_other_language(browser):
    browser.open("en/s6.html")
    browser.driver.find_element(By.CSS_SELECTOR, ".switch").click()
    assert browser.eventually(ARRIVED, "/ko/s6.html")
    assert "합성곱" in browser.run("return document.body.textContent")
    browser.driver.find_element(By.CSS_SELECTOR, ".switch").click()
    assert browser.eventually(ARRIVED, "/en/s6.html")


RED_HALF = """
const canvas = Object.assign(document.createElement("canvas"), { width: 8, height: 6 });
const context = canvas.getContext("2d");
context.fillStyle = "rgb(200, 0, 0)";
context.fillRect(0, 0, 4, 6);
return canvas.toDataURL("image/png").split(",")[1];
"""
REDS = """
const canvas = document.querySelectorAll("canvas")[arguments[0]];
const { data } = canvas.getContext("2d").getImageData(0, 2, canvas.width, 1);
return [...data].filter((_, i) => i % 4 === 0);
"""
REFUSED = "return document.querySelector('.said').classList.contains('refusal')"


def test_a_picture_of_ones_own_is_filtered_and_a_wrong_file_is_refused(browser, tmp_path):
    browser.open("en/s9.html")
    own, wrong = tmp_path / "own.png", tmp_path / "no.png"
    own.write_bytes(base64.b64decode(browser.run(RED_HALF)))
    wrong.write_text("no picture")
    chooser = browser.driver.find_element(By.NAME, "file")
    chooser.send_keys(str(own))
    assert browser.eventually("return document.querySelectorAll('canvas')[1].width === 8")
    browser.run(SET, "kernel", "box_blur")
    assert browser.run(REDS, 0) == [200] * 4 + [0] * 4
    assert browser.run(REDS, 1) == [200, 200, 200, 133, 67, 0, 0, 0]
    chooser.send_keys(str(wrong))
    assert browser.eventually(REFUSED)


def test_an_edited_kernel_is_applied_and_a_wrong_one_is_refused(browser):
    browser.open("en/s9.html")
    before = browser.run(REDS, 0)
    browser.run(SET, "taps", "-1")
    browser.run(SET, "divisor", "-2")
    assert browser.run(REDS, 1) == [(value + 1) // 2 for value in before]
    for wrong in ("1 2", "1 2\n3 4", "1 a 2\n1 1 1\n1 1 1", ""):
        browser.run(SET, "taps", wrong)
        assert browser.run(REFUSED), wrong


def test_colours_stand_out_and_no_role_is_told_by_its_colour_alone(browser, site):
    style = (site / "assets" / "style.css").read_text(encoding="utf-8")
    assert faint(style) == []
    assert faint(style.replace("--soft: #5a6472", "--soft: #aaaaaa")) == [("soft", 2.32)]
    browser.open("en/colours.html")
    dashes = browser.run(
        "return ['input', 'kernel', 'product', 'output', 'error', 'ghost']"
        ".map((role) => getComputedStyle(document.querySelector(`.cell.${role}`)).strokeDasharray)"
    )
    assert len(set(dashes)) == len(dashes)
