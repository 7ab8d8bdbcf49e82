"""Levels that ask less than those of a user, so that there can be many audits in the suite."""

from dataclasses import replace

from conv_oracle.auditing import LEVELS

BRIEF = replace(
    LEVELS["quick"],
    covering=60,
    one_axis=40,
    tails=40,
    pairs=10,
    large=8,
    layers=12,
    sorts=10,
    beyond=0,
    crossed=8,
    drawn=8,
    constants=20,
    edges=4,
    outside=16,
    first_calls=1,
    threaded=0,
    rounding=0.1,
    after_invalid=8,
    more_calls=300,
    least_seconds=0.0,
    most_seconds=1.5,
    diagnosis_seconds=4.0,
)
"""For what is audited as an example of its kind."""

HURRIED = replace(
    BRIEF,
    covering=20,
    one_axis=10,
    tails=10,
    pairs=4,
    large=3,
    layers=3,
    sorts=3,
    crossed=3,
    drawn=2,
    constants=4,
    edges=2,
    outside=6,
    after_invalid=4,
    more_calls=100,
    most_seconds=1.0,
    most_hung=1,
    most_crashed=1,
    most_out_of_memory=1,
    most_malformed=1,
    diagnosis_seconds=2.0,
)
"""For subjects of which every wrong answer costs a process."""

OF_ROUNDING = replace(
    BRIEF,
    covering=20,
    one_axis=10,
    tails=10,
    pairs=4,
    large=2,
    layers=4,
    sorts=3,
    crossed=3,
    drawn=2,
    constants=6,
    edges=1,
    outside=2,
    after_invalid=2,
    rounding=0.25,
    more_calls=200,
    most_seconds=1.0,
    rounding_reduction_seconds=1.0,
)
"""For audits that are about their second phase: the first asks little."""
