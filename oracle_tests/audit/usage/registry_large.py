"""Convolutions whose index into one array has too few bits: what level large is for, and no other level can find."""

from __future__ import annotations

from audit.usage.entry import usage

ARRAYS = ("input", "weight", "output", "workspace")

LARGE = tuple(
    usage(f"large:{array}_{kind}", dtypes=(dtype,), narrow=True, more=(("level", "large"), ("memory", memory)))
    for array in ARRAYS
    for kind, dtype, memory in (
        ("elements_31", "int8", "4GiB"),
        ("bytes_31", "float16", "4GiB"),
        ("elements_32", "int8", "8GiB"),
    )
)
"""Asked at level large alone, with this memory: minutes each."""

SHORT = tuple(
    usage(f"large:{array}_{kind}", dtypes=("float32",), narrow=True)
    for array in ARRAYS
    for kind in ("elements_15", "bytes_15", "elements_16")
)
"""The same with indices of 15 and 16 bits, for a level large of so many bits: a second each."""
