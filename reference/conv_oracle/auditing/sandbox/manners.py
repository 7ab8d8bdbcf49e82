"""The subject's side of a use: how operands are held and calls are made, as people hold and make them.

Joined to the worker's text, and self-contained like it: NumPy and the standard library, and PyTorch where the operands
are tensors. A manner is what the header of a series says beside its arguments:

    own         each operand is in memory of its own, not a view of one block
    leaf        the operands, by number, that require grad although nothing is differentiated
    parameter   the operands, by number, that are torch.nn.Parameters
    earlier     calls (args, kwargs) that come before each call, on operands of the same list
    poison      sizes in bytes: before each call, memory of these sizes is filled with NaN patterns and freed
    around      what surrounds each call: a name in SURROUNDINGS
    at_once     all calls of the series begin together, each in a thread of its own
    transform   torch.func's vmap, over this block and the next
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

Said = tuple[dict[str, Any], bytes]
"""The header and the bytes of an answer."""

FORK_SECONDS = 1.0
"""How long a forked process may take; once one took longer, as its threads or processes are gone, no other is made."""

_unended: list[bool] = []
AGAIN = 3
"""How often a thread repeats its call while the others run."""

SWITCH_SECONDS = 1e-5
M_PERTURB = -6
LENGTH = struct.Struct("<QQ")


def arranged(views: Sequence[Any], manner: Mapping[str, Any]) -> list[Any]:
    """The operands as the manner has them, of views of one block of memory. One that is there twice stays one."""
    own, leaf, parameter = manner.get("own"), manner.get("leaf", ()), manner.get("parameter", ())
    if not (own or leaf or parameter):
        return list(views)
    torch = sys.modules.get("torch")
    made: dict[int, Any] = {}
    for number, view in enumerate(views):
        if id(view) in made:
            continue
        one = view
        if own:
            one = view.copy() if type(view) is np.ndarray else view.clone()
        if torch is not None and (number in leaf or number in parameter):
            real = one.is_floating_point() or one.is_complex()
            one = torch.nn.Parameter(one, requires_grad=real) if number in parameter else one.detach()
            one.requires_grad_(real)
        made[id(view)] = one
    return [made[id(view)] for view in views]


def refresh(operands: Sequence[Any], views: Sequence[Any]) -> None:
    """Write into operands of their own what the views hold now, as an optimiser changes a weight."""
    for one, view in zip(operands, views, strict=True):
        if one is view:
            continue
        if type(one) is np.ndarray:
            one[...] = view
        else:
            with sys.modules["torch"].no_grad():
                one.copy_(view)


def unchanged(operands: Sequence[Any], views: Sequence[Any]) -> bool:
    """Whether operands of their own still hold what the views hold."""
    for one, view in zip(operands, views, strict=True):
        if one is not view and bytes_of(one) != bytes_of(view):
            return False
    return True


def bytes_of(operand: Any) -> bytes:
    """The bytes of an operand in C order."""
    if type(operand) is np.ndarray:
        return operand.tobytes()
    torch, plain = sys.modules["torch"], operand.detach().cpu().contiguous()
    plain = torch.view_as_real(plain) if plain.is_complex() else plain
    whole: bytes = plain.reshape(-1).view(torch.uint8).numpy().tobytes()
    return whole


def poison(sizes: Sequence[int], *, freed: bool) -> Callable[[], object]:
    """Fill memory of these sizes with NaN patterns, and free it; what undoes the rest.

    freed: whether that is all; else the C library also fills whatever it hands out from then on, where it can.
    """
    for _ in range(2):
        blocks = [np.full(size, 0xFF, np.uint8) for size in sizes if size]
        blocks += [np.full(-(-size // 8), np.nan) for size in sizes if size]
        del blocks
    tunable = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if freed or tunable is None:
        return lambda: None
    tunable(M_PERTURB, 0x80)
    return lambda: tunable(M_PERTURB, 0)


def plainly(answer: Callable[[], Said]) -> Said:
    """The answer."""
    return answer()


def in_thread(answer: Callable[[], Said]) -> Said:
    """The answer, found in another thread."""
    kept: list[Said] = []
    thread = threading.Thread(target=lambda: kept.append(answer()))
    thread.start()
    thread.join()
    return kept[0]


def in_fork(answer: Callable[[], Said]) -> Said:
    """The answer, found in a forked process; an exception where none came in time."""
    message = f"no answer of a forked process within {FORK_SECONDS:g} s"
    none = {"outcome": "raised", "types": ["ChildProcessError"], "message": message, "place": ""}, b""
    if _unended:
        return none
    here, there = os.pipe()
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            header, data = answer()
            text = json.dumps(header).encode()
            view = memoryview(LENGTH.pack(len(text), len(data)) + text + data)
            while view:
                view = view[os.write(there, view) :]
        os._exit(0)
    os.close(there)
    whole, end = bytearray(), time.monotonic() + FORK_SECONDS
    while select.select([here], [], [], max(0.0, end - time.monotonic()))[0]:
        part = os.read(here, 1 << 20)
        if not part:
            break
        whole += part
    os.close(here)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if len(whole) >= LENGTH.size:
        text, data = LENGTH.unpack_from(whole)
        if len(whole) == LENGTH.size + text + data:
            return json.loads(whole[LENGTH.size : LENGTH.size + text]), bytes(whole[LENGTH.size + text :])
    _unended.append(True)
    return none


def without_gradients(answer: Callable[[], Said]) -> Said:
    """The answer under torch.no_grad()."""
    with sys.modules["torch"].no_grad():
        return answer()


def in_inference(answer: Callable[[], Said]) -> Said:
    """The answer under torch.inference_mode()."""
    with sys.modules["torch"].inference_mode():
        return answer()


def with_two_threads(answer: Callable[[], Said]) -> Said:
    """The answer where PyTorch uses two threads."""
    torch = sys.modules["torch"]
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        return answer()
    finally:
        torch.set_num_threads(before)


SURROUNDINGS: Mapping[str, Callable[[Callable[[], Said]], Said]] = {
    "": plainly,
    "thread": in_thread,
    "fork": in_fork,
    "no_grad": without_gradients,
    "inference_mode": in_inference,
    "two_threads": with_two_threads,
}


def at_once(answers: Sequence[Callable[[], Said]]) -> Iterator[Said]:
    """The answers, all begun together; of each thread the first that differs from its first one, if any does."""
    kept: list[list[Said]] = [[] for _ in answers]
    barrier = threading.Barrier(len(answers))

    def one(number: int) -> None:
        barrier.wait()
        for _ in range(AGAIN):
            kept[number].append(answers[number]())

    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        threads = [threading.Thread(target=one, args=(number,)) for number in range(len(answers))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    for found in kept:
        yield next((said for said in found if said != found[0]), found[0])


def mapped(call: Callable[[list[Any]], Any], operands: Sequence[Any], others: Sequence[Any]) -> list[Any]:
    """The results of one call under torch.func.vmap, over two sets of operands: those of the first."""
    torch = sys.modules["torch"]
    stacked = [torch.stack([one.detach(), other.detach()]) for one, other in zip(operands, others, strict=True)]
    return [torch.func.vmap(lambda *arrays: call(list(arrays)))(*stacked)[0]]
