"""What is said of exceptions: of one that means a restriction, and of a subject that raises on every call."""

from __future__ import annotations

import re

from conv_oracle.auditing.sandbox.frames import Answer
from conv_oracle.auditing.sandbox.workers import Subject
from conv_oracle.errors import TargetError

MOST_SAID = 160


def refused(answer: Answer) -> str:
    """An exception in one line: its type, its message and its place."""
    name = answer.types[0] if answer.types else "an exception"
    text = f"{name}: {answer.text[:MOST_SAID]}" if answer.text else name
    return f"{text} ({answer.place})" if answer.place else text


def uncallable(subject: Subject, answer: Answer, call: str, dtype: str) -> TargetError:
    """The error for a subject that raised on every call. call: the fullest one; dtype: one that it takes, or ''."""
    return TargetError(
        f"the target must answer a call: target={subject.target!r}; every call raised, {call} with "
        f"{refused(answer)}; {hint(subject, answer, dtype)}"
    )


def hint(subject: Subject, answer: Answer, dtype: str) -> str:
    """What would help."""
    if dtype:
        return f"--dtype {dtype} would fit"
    text = f"{' '.join(answer.types)} {answer.text}"
    if module := re.search(r"ModuleNotFoundError.*No module named '?([\w.]+)", text):
        return f"installing {module[1]} for {subject.python}, or --python PATH, would fit"
    if "FileNotFoundError" in text or "command not found" in text:
        return "a program or file that it needs is missing: installing it would fit"
    if subject.arrays == "numpy" and re.search(r"ndarray'? object has no attribute|must be Tensor|torch", text):
        return "--arrays torch would fit, if it takes tensors"
    if subject.arrays == "torch" and re.search(r"Tensor'? object has no attribute|ndarray|numpy", text):
        return "--arrays numpy would fit, if it takes NumPy arrays"
    if re.search(r"dtype|float32|float64|double|Half|bfloat16", text):
        return "--dtype D would fit, with a dtype that it takes"
    if re.search(r"cuda|device", text, re.IGNORECASE):
        return "--device D would fit, with the device that it needs"
    if re.search(r"positional argument|keyword argument", text):
        return "torch.nn.functional's parameters, or an adapter with them, would fit"
    return "--arrays, --dtype, --device, or --refusal for an exception that means 'not supported', may fit"
