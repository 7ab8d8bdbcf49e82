"""What is said of exceptions: of one that means a restriction, and of a subject that raises on every call."""

from __future__ import annotations

import re
from collections.abc import Sequence

from conv_oracle.auditing.sandbox.frames import Answer
from conv_oracle.auditing.sandbox.workers import Subject
from conv_oracle.errors import SubjectError

MOST_SAID = 160


ACCIDENTS = ("IndexError", "ZeroDivisionError", "UnboundLocalError", "NameError", "AttributeError", "RecursionError")
"""Exceptions that nobody raises to refuse a size: they are mistakes, unless a statement raises them."""


def is_unexpected(answer: Answer, keyword: str) -> bool:
    """Whether a call raised TypeError for a keyword that the subject passes on to a function without it."""
    return "TypeError" in answer.types and "keyword" in answer.text and f"'{keyword}'" in answer.text


MULTIPLES = "multiples of"


def means_refusal(restriction: str, answer: Answer) -> bool:
    """Whether an exception shows that a restriction is needed. Where only some sizes raise, a mistake is none."""
    by_remainder = MULTIPLES in restriction
    accident = bool({*answer.types} & {*ACCIDENTS}) and not answer.on_purpose
    return answer.outcome == "raised" and not (by_remainder and accident)


def refused(answer: Answer) -> str:
    """An exception in one line: its type, its message and its place."""
    name = answer.types[0] if answer.types else "an exception"
    text = f"{name}: {answer.text[:MOST_SAID]}" if answer.text else name
    return f"{text} ({answer.place})" if answer.place else text


def uncallable(subject: Subject, answer: Answer, call: str, dtype: str) -> SubjectError:
    """The error for a subject that raised on every call. call: the fullest one; dtype: one that it takes, or ''."""
    return SubjectError(
        f"the target must answer a call: target={subject.target!r}; every call raised, {call} with "
        f"{refused(answer)}; {hint(subject, answer, dtype)}"
    )


HINTS: Sequence[tuple[str, str, str]] = (
    (
        "",
        r"ModuleNotFoundError.*No module named '?([\w.]+)",
        "installing {0} for its interpreter, or --python, would fit",
    ),
    ("", r"FileNotFoundError|command not found", "a program or file that it needs is missing: installing it would fit"),
    (
        "numpy",
        r"ndarray'? object has no attribute|must be Tensor|torch",
        "--arrays torch would fit, if it takes tensors",
    ),
    ("torch", r"Tensor'? object has no attribute|ndarray|numpy", "--arrays numpy would fit, if it takes NumPy arrays"),
    ("", r"dtype|float32|float64|double|Half|bfloat16", "--dtype D would fit, with a dtype that it takes"),
    ("", r"(?i)cuda|device", "--device D would fit, with the device that it needs"),
    (
        "",
        r"values to unpack|[Tt]oo many indices|dimension|broadcast|axes|aligned",
        "--layout would say the axes of each array, as in 'x=NHWC w=HWIO y=NHWC' or 'x=HW w=HW y=HW'; conv-oracle init "
        "looks for them",
    ),
    (
        "",
        r"positional argument|keyword argument",
        "torch.nn.functional's parameters, or a function with them, would fit",
    ),
    ("", "", "--arrays, --dtype, --device, or --refusal for an exception that means 'not supported', may fit"),
)
"""(arrays, pattern of the exception, what would help); the first that matches is said."""


def hint(subject: Subject, answer: Answer, dtype: str) -> str:
    """What would help a subject that raised on every call. dtype: one that it takes, or ''."""
    if dtype:
        return f"--dtype {dtype} would fit"
    text = f"{' '.join(answer.types)} {answer.text}"
    matches = ((re.search(pattern, text), said) for arrays, pattern, said in HINTS if arrays in ("", subject.arrays))
    return next(said.format(*match.groups()) for match, said in matches if match)
