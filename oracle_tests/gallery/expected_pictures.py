"""What each picture must show in a state of its controls, computed by conv_oracle: {what is shown: its texts}."""

import math
import re

import numpy as np

import conv_oracle
from conv_oracle import formulas
from conv_oracle.errors import GeometryError
from conv_oracle.formulas import PAIRS, exponential_with_box, image_kernel, triangle
from conv_oracle.formulas.closed_forms import exponential, gaussian, quadratic_spline
from conv_oracle.formulas.dense import relu
from conv_oracle.geometry import conv_geometry, conv_transpose_geometry
from conv_oracle.index_map import axis_tables, terms
from gallery.facts import words
from gallery.facts.continuous import correlation_of
from gallery.facts.images import scene

MINUS = "\N{MINUS SIGN}"
CLOSED = {pair.name: pair.closed for pair in PAIRS}
RESULTS = {
    ("s3", "f*g"): quadratic_spline,
    ("s3", "g*f"): quadratic_spline,
    ("s5", "f#g"): correlation_of(exponential(1), gaussian(1)),
    ("s5", "g#f"): correlation_of(gaussian(1), exponential(1)),
    ("s8", "box*box"): triangle,
    ("s8", "spiky*box"): exponential_with_box,
    ("s13", "f*g"): CLOSED["box * gaussian(1/4)"],
}


def shown(value, decimals=5):
    """A number as the pictures write it."""
    value = float(round(float(value), 6))
    text = f"{value:.{decimals}f}".rstrip("0").rstrip(".") if decimals else str(int(value))
    return "0" if text == "-0" else text.replace("-", MINUS)


def all_shown(values, decimals=2):
    return [shown(value, decimals) for value in np.ravel(values)]


def numbers_in(sentence):
    return [int(number.replace(MINUS, "-")) for number in re.findall(rf"[{MINUS}-]?\d+", sentence)]


def dense(data, state, _page):
    W, x, i = data["W"], data["x"], state["i"] - 1
    return {
        "z": all_shown(formulas.dense_layer(W, x)[i]),
        "h": all_shown(formulas.dense_layer(W, x, relu)[i]),
    }


def band(_data, state, _page):
    n, p = state["n"], min(state["p"], state["n"])
    counts = formulas.parameter_counts((1, 1, p), (1, n))
    return {"counts": [counts.dense, counts.local, counts.shared], "tinted": counts.local}


def sliding(_data, state, page):
    x, which = state["x"], state["which"]
    found = {"y": [shown(RESULTS[page, which](x))]}
    if page == "s13":
        found["slope"] = shown(CLOSED["box * gaussian(1/4)'"](x))
    return found


def sequences(_data, state, _page):
    f, g = ([int(part) for part in state[name].split()] for name in "fg")
    upto = state["i"] + 1
    return {
        "conv": all_shown(formulas.convolve(f, g)[:upto]),
        "convExchanged": all_shown(formulas.convolve(g, f)),
        "corr": all_shown(formulas.cross_correlate(f, g)[:upto]),
        "corrExchanged": all_shown(formulas.cross_correlate(g, f)),
    }


def moving(data, state, _page):
    x, w = np.array(data["x"]), np.array(data["w"])
    moved = np.roll(x, state["b"])
    was, now = (
        formulas.conv(one[None], w[None, None], stride=state["stride"], padding=1, padding_mode=state["mode"])[0]
        for one in (x, moved)
    )
    return {"moved": all_shown(moved), "y": all_shown(was), "yMoved": all_shown(now)}


def windows(data, state, _page):
    window = data["windows"][int(state["axes"]) - 1]
    y = formulas.cross_correlate(window["kernel"], window["image"], "valid")
    return {"y": all_shown(y.ravel()[state["at"]])}


def indexmap(_data, state, _page):
    settings = {"stride": state["s"], "padding": ((state["p"], state["q"]),), "dilation": state["d"]}
    settings["groups"] = groups = state["groups"]
    shapes = (4, state["I"]), (4, 4 // groups, state["K"])
    if state["transposed"]:
        if state["mode"] != "zeros":
            raise GeometryError("a transposed convolution takes zeros")
        geometry = conv_transpose_geometry(*shapes, output_padding=state["extra"], **settings)
        size, table = geometry.input_size[0], axis_tables(geometry)[0]
        reads = [str(o) for o, row in enumerate(table) for i in row if i == state["o"]]
    else:
        geometry = conv_geometry(*shapes, padding_mode=state["mode"], **settings)
        size, table = geometry.output_size[0], axis_tables(geometry)[0]
        reads = [str(i) if i >= 0 else f"padding ({k})" for k, i in enumerate(table[state["o"]])]
    sides = [(o[1], i[1]) if not state["transposed"] else (i[1], o[1]) for i, _, o in terms(geometry)]
    read = sorted({channel for result, channel in sides if result == 2})
    return {
        "o": [str(o) for o in range(size)],
        "size": f"= {size};",
        "reads": ", ".join(reads) or "nothing",
        "channels": [str(channel) for channel in read],
    }


def channels(_data, state, _page):
    C, M, groups = state["C"], state["M"], state["groups"]
    if C % groups:
        raise GeometryError("groups divide the channels")
    per = C // groups
    x = np.array([[((c + 1) * (i + 2)) % 7 for i in range(5)] for c in range(C)])
    w = np.array([[[(o + 2 * c + 3 * k) % 5 - 2 for k in range(3)] for c in range(per)] for o in range(M)])
    return {"y": all_shown(formulas.stack_of_kernels(w, x, groups=groups)[state["m"]])}


def delta(data, state, _page):
    by_input = data["by"] == "input"
    operands = (data["W"], data["delta"]) if by_input else (data["x"], data["delta"])
    gradient = (formulas.input_gradient if by_input else formulas.weight_gradient)(*operands)
    return {"gradient": [f"∂L/∂{'x' if by_input else 'W'}{state['chosen']} = {shown(gradient[state['chosen'] - 1])}"]}


def field(_data, state, _page):
    read = words.reading_field(state["layers"], state["K"], state["s"], state["o"])
    return {"places": len(read), "counts": [read[0], read[-1], len(read)]}


def frequency(data, state, _page):
    line = data["lines"][state["kernel"]]
    return {"gain": [shown(words.gain(tuple(line["taps"]), line["divisor"], state["part"]), 4)]}


def images(_data, state, _page):
    """The greys after the kernel, cut to 0 to 255 and rounded, halves up."""
    kernel = image_kernel(state["kernel"])
    image, taps = scene().astype(np.int64), np.array(kernel.taps)
    sums = conv_oracle.conv(image[None, None], taps[None, None], padding="same", padding_mode="replicate")[0, 0]
    return {"greys": [min(255, max(0, math.floor(total / kernel.divisor + 0.5))) for total in sums.ravel().tolist()]}


EXPECTED = {
    name: globals()[name]
    for name in (
        "dense",
        "band",
        "sliding",
        "sequences",
        "moving",
        "windows",
        "indexmap",
        "channels",
        "delta",
        "field",
        "frequency",
        "images",
    )
}
