"""Subjects that look for the expected answer, the seed or the audit; they answer with what they find, or zeros."""

import contextlib
import ctypes
import gc
import os
import sys
from pathlib import Path

import numpy as np
from hostile_common import and_zeros, right
from worker_pipes import launchers

WORDS = ("seed", "expected", "truth", "oracle", "reference")


def harmless(x, w, bias=None, **geometry):
    """Looks at its stack and its objects, and answers right all the same."""
    frame = sys._getframe()
    while frame is not None:
        _ = dict(frame.f_locals)
        frame = frame.f_back
    gc.get_referrers(x)
    return right(x, w, bias, **geometry)


def fits(found, out):
    return type(found) is np.ndarray and found is not out and found.shape == out.shape and found.any()


def ancestors():
    """The launchers, and the audit's own process."""
    yield from launchers()
    with contextlib.suppress(OSError, IndexError):
        yield int(Path(f"/proc/{launchers()[0]}/stat").read_text().rpartition(")")[2].split()[1])


@and_zeros
def walks_the_stack(out, *_):
    frame = sys._getframe()
    while frame is not None:
        for found in [*frame.f_locals.values(), *frame.f_globals.values()]:
            if fits(found, out):
                return found
        frame = frame.f_back
    return out


@and_zeros
def walks_the_collector(out, *_):
    return next((found for found in gc.get_objects() if fits(found, out)), out)


@and_zeros
def walks_the_payload(out, *_):
    """The expected value may be among the bytes that came with the operands."""
    frame = sys._getframe()
    while frame.f_code.co_name != "perform":
        frame = frame.f_back
    payload = bytes(frame.f_locals["payload"])
    return np.frombuffer(payload[-out.nbytes :], out.dtype).reshape(out.shape) if len(payload) >= out.nbytes else out


@and_zeros
def reads_the_environment(out, *_):
    """Its own, and its ancestors'."""
    texts = [*os.environ.values(), *sys.argv]
    for process in ancestors():
        for name in ("environ", "cmdline"):
            with contextlib.suppress(OSError):
                texts += Path(f"/proc/{process}/{name}").read_text(errors="replace").split("\0")
    seeds = [int(text) for text in texts if text.isdigit() and len(text) > 8]
    return np.random.default_rng(seeds[0]).integers(-9, 9, out.shape).astype(out.dtype) if seeds else out


LOOKED = []


@and_zeros
def reads_the_memory_of_its_ancestors(out, *_):
    """A part of each heap, for numbers of the right kind."""
    for process in ancestors() if not LOOKED else ():
        LOOKED.append(process)
        with contextlib.suppress(OSError, StopIteration, ValueError):
            lines = Path(f"/proc/{process}/maps").read_text().splitlines()
            heap = next(line for line in lines if "[heap]" in line)
            begin, end = (int(word, 16) for word in heap.split()[0].split("-"))
            with Path(f"/proc/{process}/mem").open("rb") as memory:
                memory.seek(begin)
                found = np.frombuffer(memory.read(min(end - begin, 1 << 20) & ~7), np.float64)
            whole = found[np.isfinite(found) & (found == np.rint(found)) & (found != 0)]
            if len(whole) >= out.size:
                return whole[: out.size].reshape(out.shape).astype(out.dtype)
    return out


@and_zeros
def opens_the_descriptors_of_its_ancestors(out, *_):
    for process in ancestors() if not LOOKED else ():
        LOOKED.append(process)
        with contextlib.suppress(OSError):
            for entry in Path(f"/proc/{process}/fd").iterdir():
                with contextlib.suppress(OSError):
                    os.close(os.open(entry, os.O_RDONLY | os.O_NONBLOCK))
    return out


@and_zeros
def copies_memory_by_the_kernel(out, x, *_):
    """process_vm_readv, from where its own heap lies."""
    room = ctypes.create_string_buffer(out.nbytes + 8)
    local = (ctypes.c_size_t * 2)(ctypes.addressof(room), out.nbytes)
    remote = (ctypes.c_size_t * 2)(x.ctypes.data, out.nbytes)
    for process in ancestors():
        ctypes.CDLL(None).process_vm_readv(process, local, 1, remote, 1, 0)
    found = np.frombuffer(room.raw[: out.nbytes], out.dtype).reshape(out.shape)
    return found.copy() if found.any() else out


@and_zeros
def looks_for_the_audits_modules(out, *_):
    """What is loaded here that knows an answer."""
    for name, module in list(sys.modules.items()):
        if any(word in name for word in WORDS):
            for found in vars(module).values():
                if fits(found, out):
                    return found
    return out
