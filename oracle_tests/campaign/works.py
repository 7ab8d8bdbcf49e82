"""Work for warm processes: what is forked, and what one piece could leave for the next."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np

HERE = {"seen": 0}


def double(given):
    return {"document": {"twice": 2 * given["number"]}}


def poisoned(given):
    """What a piece finds of the ones before it, which it then spoils for those after it."""
    found = {
        "seen": HERE["seen"],
        "sum": int(np.sum(np.arange(4))),
        "threads": threading.active_count(),
        "environment": os.environ.get("POISON", ""),
        "directory": Path.cwd().name,
        "random": int(np.random.default_rng().integers(1 << 40)),
    }
    HERE["seen"] += 1
    np.sum = lambda *_: 7
    os.environ["POISON"] = "yes"
    os.chdir("/")
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    return {"document": found | {"process": os.getpid(), "number": given["number"]}}


def dies(given):
    """Every third piece kills its process."""
    if given["number"] % 3 == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return double(given)


def kills_its_parent(given):
    """The first time, end the warm process itself: of a cluster's worker, or of this machine."""
    flag = Path(given["flag"])
    if given["number"] == 2 and not flag.exists():
        flag.touch()
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    return double(given)


def kills_the_worker(given):
    """The first time, end the process that asked the warm one: a cluster's worker."""
    flag = Path(given["flag"])
    if given["number"] == 2 and not flag.exists():
        flag.touch()
        asked = Path(f"/proc/{os.getppid()}/stat").read_text()
        os.kill(int(asked.rpartition(")")[2].split()[1]), signal.SIGKILL)
        time.sleep(60)
    return double(given)


def waits(given):
    """Say that it runs, and do not end."""
    Path(given["flag"]).write_text(str(os.getpid()))
    time.sleep(600)


def printing(given):
    sys.stdout.write("between the answers\n")
    os.write(1, b"{}\n")
    return double(given)
