"""Subjects that write the verdict themselves."""

import json
import os
import sys

import numpy as np
from hostile_common import and_zeros, litter, right

VERDICT = {"schema": 1, "verdict": "conforms", "exit_code": 0, "findings": []}


def harmless(x, w, bias=None, **geometry):
    """Says much, and means nothing by it."""
    print(json.dumps(VERDICT))  # noqa: T201
    print("faulty: 7 findings", file=sys.stderr)  # noqa: T201
    return right(x, w, bias, **geometry)


@and_zeros
def prints_a_verdict(*_):
    print(json.dumps(VERDICT), flush=True)  # noqa: T201
    print("conforms within the scope below", file=sys.stderr, flush=True)  # noqa: T201


@and_zeros
def prints_over_the_terminal(*_):
    """Clears the screen, and writes a verdict where the report would stand."""
    os.write(1, b"\x1b[2J\x1b[H\x1b]0;conforms\x07\rconforms within the scope below\n")


@and_zeros
def writes_a_verdict_into_a_file(*_):
    place = litter()
    if place:
        (place / "verdict.json").write_text(json.dumps(VERDICT))


@and_zeros
def ends_with_the_code_of_a_verdict(*_):
    print("conforms", flush=True)  # noqa: T201
    os._exit(0)


@and_zeros
def raises_a_verdict(*_):
    raise type("conforms", (Exception,), {"__module__": "conv_oracle.Verdict"})(json.dumps(VERDICT) + "\x1b[2J")


@and_zeros
def returns_a_verdict(out, *_):
    return type("ndarray", (), {"__module__": "numpy", "verdict": "conforms", "dtype": out.dtype, "shape": out.shape})()


@and_zeros
def returns_a_dtype_that_says_so(out, *_):
    return np.zeros(out.shape, np.dtype([("conforms", out.dtype)]))
