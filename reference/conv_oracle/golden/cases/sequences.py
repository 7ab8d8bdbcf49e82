"""Sequences of one axis."""

from __future__ import annotations

from conv_oracle.golden.cases.case import Sequences

SEQUENCE = (
    Sequences("convolve-note", "By hand: 4, 5 + 8, 6 + 10 + 12, ...", "convolve", "full", (1, 2, 3), (4, 5, 6)),
    Sequences("cross_correlate-note", "By hand: 12 at lag -2.", "cross_correlate", "full", (1, 2, 3), (4, 5, 6)),
    Sequences("cross_correlate-exchanged", "The note's, reversed.", "cross_correlate", "full", (4, 5, 6), (1, 2, 3)),
    Sequences("convolve-unequal", "Four with three.", "convolve", "full", (1, -2, 3, 5), (2, 7, -1)),
    Sequences("cross_correlate-unequal", "Three over four.", "cross_correlate", "full", (2, 7, -1), (1, -2, 3, 5)),
    Sequences("convolve-same", "The middle of full.", "convolve", "same", (1, -2, 3, 5, 4), (2, 7, -1)),
    Sequences(
        "cross_correlate-same", "Centred on the signal.", "cross_correlate", "same", (2, 7, -1), (1, -2, 3, 5, 4)
    ),
    Sequences("convolve-valid", "Where the shorter lies on the longer.", "convolve", "valid", (1, -2, 3, 5), (2, 7)),
    Sequences("convolve-valid-exchanged", "It commutes.", "convolve", "valid", (2, 7), (1, -2, 3, 5)),
    Sequences("cross_correlate-valid", "What a CNN computes.", "cross_correlate", "valid", (2, 7), (1, -2, 3, 5)),
    Sequences("cross_correlate-valid-longer-first", "Its lags.", "cross_correlate", "valid", (1, -2, 3, 5), (2, 7)),
    Sequences("convolve-single", "One product.", "convolve", "full", (3,), (-2,)),
    Sequences("convolve-shift", "A unit impulse at 2 shifts by 2.", "convolve", "full", (0, 0, 1), (4, -5, 6, 7)),
    Sequences("cross_correlate-shift", "And the other way.", "cross_correlate", "full", (0, 0, 1), (4, -5, 6, 7)),
    Sequences("convolve-boxes", "Two boxes make a triangle.", "convolve", "full", (1, 1, 1), (1, 1, 1)),
    Sequences(
        "convolve-same-even",
        "An even length has no middle element.",
        "convolve",
        "same",
        (1, -2, 3, 5, 4),
        (2, 7, -1, 3),
        conventions=("middle-rounded-down", "middle-rounded-up"),
    ),
    Sequences(
        "convolve-same-longer-second",
        "As long as the longer, or as the first.",
        "convolve",
        "same",
        (2, 7, -1),
        (1, -2, 3, 5, 4),
        conventions=("as-long-as-the-longer", "as-long-as-the-first"),
    ),
    Sequences(
        "cross_correlate-order",
        "Which operand slides.",
        "cross_correlate",
        "full",
        (1, 2, 3),
        (4, -5, 6, 7),
        conventions=("first-slides", "second-slides"),
    ),
    Sequences("convolve-empty", "A sequence has an element.", "convolve", "full", (), (4, 5), "element"),
    Sequences(
        "cross_correlate-unknown-mode", "full, same or valid.", "cross_correlate", "central", (1, 2), (4, 5), "mode"
    ),
    Sequences("convolve-pair", "Two with two: a c, a d + b c, b d.", "convolve", "full", (2, -3), (5, 7)),
    Sequences("cross_correlate-pair", "Two with two.", "cross_correlate", "full", (2, -3), (5, 7)),
    Sequences("convolve-longer", "Seven with four.", "convolve", "full", (3, -1, 4, 1, -5, 9, 2), (2, 7, -1, 8)),
    Sequences(
        "cross_correlate-longer", "Four over seven.", "cross_correlate", "full", (2, 7, -1, 8), (3, -1, 4, 1, -5, 9, 2)
    ),
    Sequences(
        "convolve-valid-longer", "Four lie on seven.", "convolve", "valid", (2, 7, -1, 8), (3, -1, 4, 1, -5, 9, 2)
    ),
    Sequences(
        "cross_correlate-valid-longer",
        "Four lie on seven.",
        "cross_correlate",
        "valid",
        (2, 7, -1, 8),
        (3, -1, 4, 1, -5, 9, 2),
    ),
    Sequences("convolve-valid-equal", "Equal lengths: one number.", "convolve", "valid", (1, -2, 3), (2, 7, -1)),
    Sequences("cross_correlate-valid-equal", "The inner product.", "cross_correlate", "valid", (1, -2, 3), (2, 7, -1)),
    Sequences(
        "cross_correlate-difference", "A forward difference.", "cross_correlate", "valid", (-1, 1), (1, 4, 9, 16, 25)
    ),
    Sequences("convolve-difference", "Its sign, flipped.", "convolve", "valid", (-1, 1), (1, 4, 9, 16, 25)),
    Sequences("cross_correlate-empty", "A sequence has an element.", "cross_correlate", "full", (1, 2), (), "element"),
    Sequences("convolve-unknown-mode", "full, same or valid.", "convolve", "circular", (1, 2), (4, 5), "mode"),
)
