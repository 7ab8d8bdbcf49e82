"""Pictures as SVG text, for README and the notebooks. They follow the reader's light or dark scheme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import torch

from conv_oracle import formulas
from conv_oracle.geometry import Geometry, conv_geometry
from conv_oracle.index_map import OUTSIDE, axis_tables
from gallery.agreement import agree, tensor
from gallery.text import MINUS

SIZE = 42
STYLE = """
text { font: 15px system-ui, sans-serif; fill: #1c2127; text-anchor: middle; dominant-baseline: central; }
.small { font-size: 12px; fill: #5a6472; }
.left { text-anchor: start; }
rect { fill: #fff; stroke-width: 2; rx: 3px; }
.input { stroke: #0072b2; }
.output { stroke: #00775a; stroke-dasharray: 14 3; }
.ghost { stroke: #5a6472; stroke-width: 1; stroke-dasharray: 2 3; fill: none; }
.chosen { fill: #f6d9c6; stroke-width: 3; }
line { stroke: #5a6472; opacity: .45; }
.read { stroke: #d55e00; stroke-width: 2.5; opacity: 1; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6eaef; }
  .small { fill: #a4afbc; }
  rect { fill: #1a2027; }
  .input { stroke: #56b4e9; }
  .output { stroke: #4fd1a5; }
  .ghost { stroke: #a4afbc; fill: none; }
  .chosen { fill: #5b3a26; }
  .read { stroke: #ff8a4c; }
}
"""


@dataclass(frozen=True)
class Picture:
    """An SVG, which a notebook shows."""

    svg: str

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"Picture of {len(self.svg)} characters"


def _text(x: float, y: float, said: object, cls: str = "") -> str:
    attribute = f' class="{cls}"' if cls else ""
    return f'<text x="{x:g}" y="{y:g}"{attribute}>{escape(str(said))}</text>'


def _cell(x: float, y: float, said: object, cls: str) -> str:
    box = f'<rect x="{x + 1:g}" y="{y + 1:g}" width="{SIZE - 2}" height="{SIZE - 2}" class="{cls}"/>'
    return box + _text(x + SIZE / 2, y + SIZE / 2, said)


def picture(width: float, height: float, title: str, parts: Sequence[str]) -> Picture:
    """An SVG of this size, its title for who cannot see it, from the texts of its shapes."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img">'
    return Picture("\n".join([head, f"<title>{escape(title)}</title>", f"<style>{STYLE}</style>", *parts, "</svg>\n"]))


def index_map(geometry: Geometry, chosen: int, x: Sequence[int], w: Sequence[int]) -> Picture:
    """One axis of an index map: which inputs every output reads, those of the chosen output told, and their sum.

    geometry has one axis, one channel and zero padding; x and w are the input's and the weight's numbers, as many as
    it says. Raises GalleryError where torch gives another output.
    """
    (I,), (O,), ((before, after),) = geometry.input_size, geometry.output_size, geometry.padding
    settings: dict[str, Any] = {"stride": geometry.stride, "dilation": geometry.dilation}
    y = formulas.conv(np.array(x)[None, None], np.array(w)[None, None], padding=geometry.padding, **settings)[0, 0]
    padded = torch.nn.functional.pad(tensor(x), (before, after))
    agree("the picture", y, torch.conv1d(padded[None, None], tensor(w)[None, None], **settings)[0, 0])
    (table,) = axis_tables(geometry)
    places = range(-before, I + after)
    columns = max(len(places), O)
    top, bottom, left = 44, 190, 16
    inner = {i: left + ((columns - len(places)) / 2 + at) * SIZE for at, i in enumerate(places)}
    outer = [left + ((columns - O) / 2 + o) * SIZE for o in range(O)]
    (s,), (d,) = geometry.stride, geometry.dilation
    parts = [_text(left, 16, "output y", "small left"), _text(left, bottom + SIZE + 30, "input x", "small left")]
    for o in sorted(range(O), key=lambda o: o == chosen):
        for k in range(len(w)):
            ends = inner[o * s + k * d - before] + SIZE / 2, outer[o] + SIZE / 2
            mark = ' class="read"' if o == chosen else ""
            parts.append(f'<line x1="{ends[0]:g}" y1="{bottom}" x2="{ends[1]:g}" y2="{top + SIZE}"{mark}/>')
    for o in range(O):
        parts += [
            _text(outer[o] + SIZE / 2, top - 12, o, "small"),
            _cell(outer[o], top, y[o], "output chosen" if o == chosen else "output"),
        ]
    read = set(table[chosen].tolist()) - {OUTSIDE}
    for i in places:
        inside = 0 <= i < I
        cls = ("input chosen" if i in read else "input") if inside else "ghost"
        parts += [
            _cell(inner[i], bottom, x[i] if inside else 0, cls),
            _text(inner[i] + SIZE / 2, bottom + SIZE + 12, i if inside else "", "small"),
        ]
    terms = " + ".join(f"{w[k]}·{x[i] if i != OUTSIDE else 0}" for k, i in enumerate(table[chosen].tolist()))
    rule = f"table[o, k] = {s}·o + {d}·k {MINUS} {before}"
    width = 2 * left + columns * SIZE
    middle = bottom + SIZE + 58
    parts += [_text(width / 2, middle, rule), _text(width / 2, middle + 26, f"y[{chosen}] = {terms} = {y[chosen]}")]
    title = f"Which input each output of a convolution reads: {rule}; y[{chosen}] = {terms} = {y[chosen]}"
    return picture(width, middle + 46, title, parts)


def for_readme() -> Picture:
    """The picture in README: stride 2, padding 1, a kernel of 3 on an input of 7."""
    geometry = conv_geometry((1, 1, 7), (1, 1, 3), stride=2, padding=1)
    return index_map(geometry, 1, [3, 1, 4, 1, 5, 9, 2], [1, 2, 3])
