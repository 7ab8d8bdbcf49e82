"""Subjects that change the worker, its libraries and its language, and then answer zeros."""

import builtins
import contextlib
import ctypes
import gc
import inspect
import json
import os
import struct
import sys

import numpy as np
from hostile_common import and_right, and_zeros, right


def worker():
    return sys.modules["__main__"]


def harmless(x, w, bias=None, **geometry):
    """Patches what it likes, and takes it back."""
    kept = np.dot, json.dumps, builtins.len
    np.dot = json.dumps = builtins.len = None
    np.dot, json.dumps, builtins.len = kept
    with np.errstate(all="ignore"):
        return right(x, w, bias, **geometry)


@and_zeros
def patches_numpy(*_):
    np.array_equal = np.allclose = np.all = lambda *_, **__: True
    np.frombuffer = np.ndarray = np.asarray = np.float64 = lambda *_, **__: None
    np.testing.assert_array_equal = lambda *_, **__: None
    np.dtype = type("dtype", (), {"name": "float64", "itemsize": 8})


@and_zeros
def patches_the_bytes_of_arrays(*_):
    """By hand, in the table of a type that Python calls immutable."""
    table = gc.get_referents(np.ndarray.__dict__)[0]
    table["tobytes"] = table["__eq__"] = lambda *_: b""
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(np.ndarray))
    worker()._tobytes = lambda array: b"\0" * array.nbytes


@and_zeros
def patches_json(*_):
    json.dumps = json.JSONEncoder.encode = lambda *_, **__: '{"outcome": "returned", "parts": []}'
    json.loads = lambda *_, **__: {"verdict": "conforms"}


@and_zeros
def patches_len(*_):
    builtins.len = lambda _: 0


@and_right
def patches_type(out, *_):
    """Everything is what is asked for."""
    builtins.type = lambda _: np.ndarray
    return out.tolist()


@and_zeros
def patches_bytes(*_):
    builtins.bytes = lambda *_: b""


@and_zeros
def patches_every_builtin(*_):
    for name in ("bool", "enumerate", "isinstance", "list", "memoryview", "str", "any", "range"):
        setattr(builtins, name, lambda *_, **__: True)


@and_zeros
def patches_the_system_calls(*_):
    os.write = lambda _, data: len(data)
    os.read = lambda *_: b""
    os._exit = sys.exit = lambda *_: None


@and_zeros
def patches_struct(*_):
    struct.Struct = struct.pack = lambda *_: b""
    worker().FRAME = worker().MESSAGE = type("Frame", (), {"size": 12, "pack": lambda *_: b"\0" * 16})()


@and_zeros
def patches_inspect(*_):
    inspect.signature = inspect.unwrap = lambda *_: None


@and_zeros
def patches_answered(*_):
    """Every answer is an array of the right kind, whatever it was."""
    module, told = worker(), worker().answered

    def answered(adapter, results, most):
        header, data = told(adapter, results, most)
        return {**header, "verdict": "conforms", "outcome": "returned", "mutated": False}, data

    module.answered = answered


@and_zeros
def patches_perform(*_):
    worker().perform = lambda _, series, *__: [({"outcome": "returned", "parts": []}, b"")] * len(series["steps"])


@and_zeros
def patches_send(*_):
    """The first answer counts for all."""
    module = worker()
    if not hasattr(module, "sent"):
        module.sent = module.send
        first = []

        def send(descriptor, number, header, data=b""):
            first.append((header, data))
            module.sent(descriptor, number, *first[0])

        module.send = send


@and_right
def loses_every_fifth_answer(out, *_):
    module = worker()
    if not hasattr(module, "sent"):
        module.sent = module.send
        module.send = lambda descriptor, number, *what: number % 5 and module.sent(descriptor, number, *what)
    return out


def excuses_what_is_hard(x, w, bias=None, groups=1, **geometry):
    """Right on what is easy; and where it is wrong, the harness says that it was its own fault."""
    module = worker()
    if not hasattr(module, "told"):
        module.told = module.answered
        excuse = {"outcome": "harness-fault", "types": ["OSError"], "message": "out of luck"}
        module.answered = lambda *what: (dict(excuse), b"") if module.hard else module.told(*what)
    module.hard = False
    out = right(x, w, bias, groups=groups, **geometry)
    module.hard = groups > 1
    return np.zeros_like(out) if module.hard else out


@and_zeros
def traces_the_worker(*_):
    """A trace function that would have every local variable say otherwise."""

    def trace(frame, *_):
        frame.f_locals.update(header={"outcome": "returned"}, data=b"", before=b"")
        return trace

    sys.settrace(trace)
    sys.setprofile(trace)
    sys._getframe(1).f_trace = trace


@and_zeros
def rewrites_its_operands_and_the_comparison(_, x, *__):
    """No trace of it is to be seen but the zeros."""
    frame = sys._getframe()
    while frame.f_code.co_name != "perform":
        frame = frame.f_back
    adapter = frame.f_locals["adapter"]
    adapter.holds.__code__ = (lambda *_: True).__code__
    if x.flags.writeable:
        x[:] = 0


@and_zeros
def collects_the_adapter(*_):
    """Replaces every function of the adapter that the collector finds."""
    for found in gc.get_objects():
        if type(found).__name__ == "Adapter":
            with contextlib.suppress(TypeError, ValueError):
                found.part.__code__ = (lambda *_: (["float64", [1, 1, 1, 1]], b"\0" * 8)).__code__


@and_zeros
def sets_numpys_own_mode(*_):
    np.seterr(all="ignore")
    np.set_printoptions(threshold=1)
    np.random.seed(0)  # noqa: NPY002
    os.environ.update(dict.fromkeys(list(os.environ), "conforms"))
    os.chdir("/")
    sys.modules.clear()
