"""What is looked for in a page: what sticks out, has no name, is cut, is loaded, or is too faint to be read."""

import re

UNNAMED = """
// What a reader of the page by ear would meet without a name.
const labelled = (one) => [...(one.labels ?? [])].some((label) => label.textContent.trim());
const named = (one) => one.getAttribute("aria-label") || one.textContent.trim() || labelled(one);
return [...document.querySelectorAll("input, select, textarea, button, a, [role=img], [role=group]")]
  .filter((one) => !named(one)).map((one) => one.outerHTML.slice(0, 200));
"""

WIDE = """
// The elements that stick out of the window to the right, but for those inside of what scrolls by itself.
const scrolls = (one) => one && (getComputedStyle(one).overflowX !== "visible" || scrolls(one.parentElement));
return document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("main *")]
  .filter((one) => one.getBoundingClientRect().right > innerWidth && !scrolls(one.parentElement))
  .map((one) => one.outerHTML.slice(0, 120)).concat(`${document.documentElement.scrollWidth} > ${innerWidth}`);
"""

CUT = """
// Texts of pictures that are outside of their picture, or too small to be read.
return [...document.querySelectorAll("svg text")].filter((one) => one.getClientRects().length).filter((one) => {
  const box = one.getBoundingClientRect(), all = one.ownerSVGElement.getBoundingClientRect();
  const inside = box.left >= all.left - 1 && box.right <= all.right + 1 && box.top >= all.top - 1
    && box.bottom <= all.bottom + 1;
  return !inside || box.height < 10;
}).map((one) => one.outerHTML.slice(0, 120));
"""

ELSEWHERE = "return performance.getEntriesByType('resource').filter(({ name }) => !name.startsWith('file:'))"


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def schemes(style):
    """The colours of a style sheet, light and dark."""
    light, dark = (
        dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6})", block))
        for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL)[:2]
    )
    whole = {name: f"#{value[1:] * 2 if len(value) == 4 else value[1:]}" for name, value in light.items()}
    return whole, whole | dark


LEAST = {"ink": 7, "soft": 4.5, "link": 4.5, "input": 3, "kernel": 3, "output": 3, "error": 3, "chosen": 3}


def faint(style):
    """The colours that are too near to the paper: 4.5 for text, 3 for what is drawn (WCAG 1.4.3, 1.4.11)."""
    return [
        (name, round(contrast(scheme[name], scheme["paper"]), 2))
        for scheme in schemes(style)
        for name, least in LEAST.items()
        if not contrast(scheme[name], scheme["paper"]) >= least
    ]
