"""Levels that ask less than those of a user, so that there can be many audits in the suite."""

from dataclasses import replace

from conv_oracle.auditing import LEVELS

BRIEF = replace(
    LEVELS["quick"],
    covering=110,
    one_axis=80,
    tails=60,
    pairs=20,
    large=12,
    layers=16,
    constants=30,
    edges=4,
    more_calls=500,
    least_seconds=0.0,
    most_seconds=2.0,
    diagnosis_seconds=8.0,
)
"""For what is audited as an example of its kind."""

HURRIED = replace(
    BRIEF,
    covering=60,
    one_axis=30,
    tails=20,
    pairs=8,
    large=6,
    layers=4,
    constants=6,
    more_calls=100,
    most_seconds=1.0,
    most_hung=1,
    most_crashed=1,
    most_out_of_memory=1,
    most_malformed=1,
    diagnosis_seconds=4.0,
)
"""For subjects of which every wrong answer costs a process."""

OF_ROUNDING = replace(
    BRIEF,
    covering=40,
    one_axis=30,
    tails=20,
    pairs=8,
    large=4,
    layers=6,
    constants=10,
    more_calls=300,
    most_seconds=1.0,
    rounding_reduction_seconds=1.0,
)
"""For audits that are about their second phase: the first asks little."""
