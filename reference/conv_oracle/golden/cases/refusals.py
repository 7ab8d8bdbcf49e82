"""Cases that must be refused, on every number of axes, and those that may be."""

from __future__ import annotations

from collections.abc import Iterator

from conv_oracle.golden.cases.case import Case

PLAIN = {1: ("x2x4x6", "w6x4x3"), 2: ("x2x4x5x6", "w6x4x3x2"), 3: ("x2x4x5x6x3", "w6x4x3x2x1")}
TRANSPOSED = {1: ("x2x4x5", "w4x3x3"), 2: ("x2x4x3x5", "w4x3x3x2"), 3: ("x2x4x3x5x2", "w4x3x3x2x1")}


def _conv() -> Iterator[Case]:
    for axes, (x, w) in PLAIN.items():
        op = f"conv{axes}d"
        rest = w.partition("x4")[2]
        for name, said, word, problem in (
            ("groups-do-not-divide-outputs", "M = 6 is no multiple of 4.", "groups", f"{x} w6x1{rest} g4"),
            ("groups-negative", "There is at least one group.", "groups", f"{x} {w} g-1"),
            ("channels-too-few", "C is groups times the weight's.", "channels", f"{x} w6x3{rest}"),
            ("channels-too-many", "C is groups times the weight's.", "channels", f"{x} w6x4{rest} g2"),
            ("stride-negative", "A stride is 1 or more.", "stride", f"{x} {w} s-1"),
            ("dilation-negative", "A dilation is 1 or more.", "dilation", f"{x} {w} d-2"),
            ("padding-below-zero", "A padding is 0 or more.", "padding", f"{x} {w} p-1"),
        ):
            yield Case(f"{op}-{name}", said, f"{op} {problem}", word)
        yield Case(
            f"{op}-bias-too-long",
            "A bias has one number per output channel.",
            f"{op} {x} {w} bias",
            "bias",
            shapes={"b": (7,)},
        )
        yield Case(
            f"{op}-circular-too-wide",
            "A wrapped padding is at most as long as its input.",
            f"{op} {x} {w} p{','.join(['9', '1', '0'][:axes])} circular",
            "padding",
        )
        if axes != 2:
            yield Case(
                f"{op}-no-output",
                "The kernel does not fit into the padded input.",
                f"{op} {x} {w} d{','.join(['4', '1', '1'][:axes])}",
                conventions=("refused", "empty"),
            )
            yield Case(
                f"{op}-same-strided",
                "'same' with a stride: PyTorch refuses, others keep ceil(I / stride) outputs.",
                f"{op} x2x3x{'x'.join(['8', '9', '7'][:axes])} w4x3x{'x'.join(['5', '4', '2'][:axes])} "
                f"s{','.join(['4', '2', '3'][:axes])} psame",
                conventions=("refused", "same-upper", "same-lower", "same-at-stride-one"),
            )
        if axes != 1:
            yield Case(
                f"{op}-orientation",
                "The name says convolution; deep learning means cross-correlation.",
                f"{op} {x} {w} bias",
                conventions=("correlation", "convolution"),
            )
            yield Case(
                f"{op}-same-side",
                "An odd total of padding at stride 1: which side takes the odd zero.",
                f"{op} {x} {w} psame",
                conventions=("same-upper", "same-lower"),
            )


def _transposed() -> Iterator[Case]:
    for axes, (x, w) in TRANSPOSED.items():
        op = f"conv_transpose{axes}d"
        rest = w.partition("x3")[2]
        for name, said, word, problem in (
            ("groups-do-not-divide-inputs", "C = 4 is no multiple of 3.", "groups", f"{x} {w} g3"),
            ("groups-zero", "There is at least one group.", "groups", f"{x} {w} g0"),
            ("channels-too-few", "The input's channels are the weight's first size.", "channels", f"{x} w5x3{rest}"),
            ("stride-zero", "A stride is 1 or more.", "stride", f"{x} {w} s0"),
            ("dilation-zero", "A dilation is 1 or more.", "dilation", f"{x} {w} d0"),
            ("padding-below-zero", "A padding is 0 or more.", "padding", f"{x} {w} p-1"),
            ("output-padding-at-stride", "output_padding is below the stride.", "output_padding", f"{x} {w} s2 o2"),
            ("output-padding-below-zero", "output_padding is 0 or more.", "output_padding", f"{x} {w} s2 o-1"),
        ):
            yield Case(f"{op}-{name}", said, f"{op} {problem}", word)


REFUSED = tuple(_conv())
REFUSED_TRANSPOSE = tuple(_transposed())
