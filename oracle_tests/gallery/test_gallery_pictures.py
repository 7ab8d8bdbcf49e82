"""Every control of every picture, in the browser: what is drawn is what conv_oracle computes, and it follows."""

import re

import pytest
from expected_pictures import EXPECTED, numbers_in

from conv_oracle.errors import GeometryError
from gallery.pages import PAGES

DRAWN = [page.slug for page in PAGES if page.pictures and page.slug != "playground"]

EXERCISE = """
// Every choice of its lists and ticks, and in each every slider at its ends and in its middle: what the picture says.
const shown = [];
const digest = (text) => {
  let sum = 0;
  for (let i = 0; i < text.length; i++) sum = (31 * sum + text.charCodeAt(i)) | 0;
  return sum;
};
const set = (input, value) => {
  if (input.type === "checkbox") input.checked = value; else input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
};
const read = (input) =>
  input.type === "range" ? Number(input.value) : input.type === "checkbox" ? input.checked : input.value;
for (const figure of document.querySelectorAll("figure[data-picture]")) {
  const inputs = [...figure.querySelectorAll(".controls [name]")].filter((one) => one.type !== "file");
  const data = JSON.parse(figure.querySelector("script").textContent);
  const sliders = inputs.filter((one) => one.type === "range");
  const options = (one) => [...one.options].map(({ value }) => value);
  const lists = inputs.filter((one) => one.tagName === "SELECT").map((one) => [one, options(one)]);
  const ticks = inputs.filter((one) => one.type === "checkbox").map((one) => [one, [false, true]]);
  const tell = (moved) => {
    const out = {};
    for (const one of figure.querySelectorAll("[data-out]")) (out[one.dataset.out] ??= []).push(one.textContent);
    const said = figure.querySelector(".said");
    const canvas = figure.querySelectorAll("canvas")[1];
    const pixels = canvas && canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    const greys = canvas && [...pixels].filter((_, i) => i % 4 === 0);
    const markup = canvas ? String(greys) : figure.querySelector(".canvas").innerHTML;
    shown.push({
      picture: figure.dataset.picture, moved, data, out, greys, markup: digest(markup), said: said.textContent,
      refused: said.classList.contains("refusal"), tinted: figure.querySelectorAll("[class*=tint]").length,
      state: Object.fromEntries(inputs.map((one) => [one.name, read(one)])),
    });
  };
  const choose = ([first, ...rest], then) => {
    if (!first) return then();
    for (const value of first[1]) { set(first[0], value); choose(rest, then); }
    set(first[0], first[1][0]);
  };
  choose([...lists, ...ticks], () => {
    if (!sliders.length) tell(null);
    for (const slider of sliders) {
      const [low, high, step, was] = [slider.min, slider.max, slider.step, slider.value].map(Number);
      const middle = low + Math.round((high - low) / 2 / step) * step;
      for (const value of [low, middle, high]) { set(slider, value); tell(slider.name); }
      set(slider, was);
    }
  });
}
return shown;
"""


def violations(page, one):
    """What a picture shows in one state and should not."""
    try:
        expected = EXPECTED[one["picture"]](one["data"], one["state"], page)
    except GeometryError:
        return [] if one["refused"] and not one["out"] else ["a state without an answer is not refused"]
    found = one["out"] | {"tinted": one["tinted"], "greys": one["greys"], "counts": numbers_in(one["said"])[:3]}
    found |= {"places": len(one["out"].get("field", ())), "slope": one["said"].partition("slope ")[2]}
    if one["picture"] == "indexmap" and not one["refused"]:
        size, reads = re.search(r"(= \d+;).*?(?:reads|reached by) input ([^;]*)", one["said"]).groups()
        found |= {"size": size, "reads": reads}
    wrong = [
        f"{name} is {found.get(name)}, should be {value}"
        for name, value in expected.items()
        if found.get(name) != value
    ]
    return wrong + (["it is refused"] if one["refused"] else [])


@pytest.mark.parametrize("page", DRAWN)
def test_every_control_changes_its_picture_to_what_conv_oracle_computes(browser, page):
    browser.open(f"en/{page}.html")
    shown = browser.run(EXERCISE)
    assert shown
    assert {one["picture"] for one in shown} <= set(EXPECTED)
    for one in shown:
        assert violations(page, one) == [], one["state"]
    for picture in {one["picture"] for one in shown}:
        mine = [one for one in shown if one["picture"] == picture]
        for control in {one["moved"] for one in mine}:
            assert len({one["markup"] for one in mine if one["moved"] == control}) > 1, (
                f"{picture}: {control} moves nothing"
            )
    assert browser.complaints() == []


PLANTED = {
    "s1": ("r === chosen ? \"z\"", "r === 0 ? \"z\""),
    "s2": ("n - p + 1", "n - p"),
    "s4": ("i + sign * a", "i - sign * a"),
    "s7": ("Math.floor((size + before", "Math.ceil((size + before"),
    "s8": ("number(y[at]), { out", "number(y[at ? at - 1 : 1]), { out"),
    "s10": ("flat % sizes[2]]", "(flat + 1) % sizes[2]]"),
    "s11": ("o * stride + k * dilation - before", "o * stride + k * dilation"),
    "s12": ("first / g.groups)) * g.per + c", "first / g.groups)) * g.per"),
    "s14": ("i + j, weight", "i + W.length - 1 - j, weight"),
    "s9": ("sum += tap * pixels", "sum -= tap * pixels"),
    "frequency": ("const gain = gains[state.part]", "const gain = gains[parts - state.part]"),
    "locality": ("o * stride + k * dilation - before", "o + k * dilation - before"),
}  # fmt: skip


@pytest.mark.parametrize("page", PLANTED)
def test_a_fault_in_the_javascript_is_seen(browser, site, page, tmp_path):
    """The page with one step of its scripts broken is told from the right one."""
    right, wrong = PLANTED[page]
    text = (site / "en" / f"{page}.html").read_text(encoding="utf-8")
    scripts = re.findall(r'<script src="\.\./(assets/\w+\.js)"></script>', text)
    sources = {name: (site / name).read_text(encoding="utf-8") for name in scripts}
    assert any(right in source for source in sources.values())
    for name, source in sources.items():
        broken = f"<script>{source.replace(right, wrong)}</script>"
        text = text.replace(f'<script src="../{name}"></script>', broken)
    (tmp_path / "broken.html").write_text(text, encoding="utf-8")
    browser.open_file(tmp_path / "broken.html")
    assert any(violations(page, one) for one in browser.run(EXERCISE))
