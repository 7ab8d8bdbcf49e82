"""Whatever a subject writes to the pipe is an answer to the call that was made, or malformed."""

import contextlib
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conv_oracle.auditing.sandbox import Answer, Introduction
from conv_oracle.auditing.sandbox.frames import FRAME, Inbox, MalformedError, introduction

RETURNED = {"outcome": "returned", "parts": [["float64", [1, 2]]], "mutated": False}


def framed(header, data=b"", number=1):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return FRAME.pack(number, len(text), len(data)) + text + data


def read(written, most=1000):
    inbox = Inbox()
    inbox.add(written)
    return inbox.answer(1, most)


def test_an_answer_arrives_in_any_pieces():
    whole = framed(RETURNED, b"\1" * 16)
    inbox = Inbox()
    for byte in whole[:-1]:
        inbox.add(bytes([byte]))
        assert inbox.answer(1, 16) is None
    inbox.add(whole[-1:])
    answer = inbox.answer(1, 16)
    assert (answer.outcome, answer.data, answer.parts[0].shape) == ("returned", b"\1" * 16, (1, 2))
    assert len(inbox) == 0


MALFORMED = {
    "another call's": framed(RETURNED, number=2),
    "too many bytes": framed(RETURNED, b"\0" * 1001),
    "a header without end": FRAME.pack(1, 1 << 30, 0),
    "no JSON": framed(b"{"),
    "deep JSON": framed(b"[" * 60_000),
    "no object": framed([1]),
    "no outcome": framed({}),
    "an outcome of the audit's own": framed({"outcome": "crashed"}),
    "another outcome": framed({"outcome": "conforms"}),
    "parts that are no list": framed({**RETURNED, "parts": 3}),
    "a part without a shape": framed({**RETURNED, "parts": [["float64"]]}),
    "a shape of booleans": framed({**RETURNED, "parts": [["float64", [True, 2]]]}),
    "a shape of fractions": framed({**RETURNED, "parts": [["float64", [1.0, 2]]]}),
    "a million parts": framed({**RETURNED, "parts": [["float64", []]] * 2000}),
    "mutated, in words": framed({**RETURNED, "mutated": "no"}),
    "types that are no names": framed({"outcome": "raised", "types": [1]}),
}


@pytest.mark.parametrize("written", MALFORMED.values(), ids=MALFORMED)
def test_garbage_is_malformed(written):
    with pytest.raises(MalformedError):
        read(written)


@given(st.binary(max_size=300))
def test_any_bytes_are_an_answer_incomplete_or_malformed(written):
    with contextlib.suppress(MalformedError):
        assert read(written) is None or isinstance(read(written), Answer)


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=3), lambda j: st.lists(j, max_size=3))
WORDS = ("outcome", "parts", "types", "message", "mutated", "type", "place", "signature", "versions")
SAID = st.sampled_from(["returned", "raised", "not-an-array", "harness-fault", "ready", "not-loaded"])


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.fixed_dictionaries({"outcome": SAID}, optional=dict.fromkeys(WORDS[1:], JSON)))
def test_any_header_is_an_answer_or_malformed(header):
    with contextlib.suppress(MalformedError):
        assert isinstance(read(framed(header)), Answer)
    with contextlib.suppress(MalformedError):
        assert isinstance(introduction(header), (Introduction, str))


def test_what_is_written_is_printed_as_one_line():
    header = {"outcome": "raised", "types": ["E\nrror"], "message": "\x1b[31mred\nand\x00more" + "x" * 5000}
    answer = read(framed(header), 0)
    assert answer.types == ("E rror",)
    assert answer.text.startswith("[31mred and more")
    assert len(answer.text) <= 1000
