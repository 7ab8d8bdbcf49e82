"""A warm process is forked for each piece of work: what one does is not there for the next, and all ends with it."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from campaign.common import WORKS, environment, works
from conv_oracle.campaign.local import Warm, done_here


def done(name, count, jobs=1, **given):
    return {work.key: answer for work, answer in done_here(f"{WORKS}:{name}", works(count, **given), jobs)}


def test_a_piece_that_poisons_its_process_leaves_nothing_for_the_next(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = [answer["document"] for answer in done("poisoned", 3).values()]
    clean = {"seen": 0, "sum": 6, "threads": 1, "environment": "", "directory": tmp_path.name}
    assert [{name: one[name] for name in clean} for one in found] == [clean] * 3
    assert len({one["process"] for one in found}) == 3
    assert len({one["random"] for one in found}) == 3


def test_without_a_fork_the_poison_would_be_seen():
    """What the test above looks at does show: the same pieces in one process."""
    code = "import works; works.poisoned({'number': 0}); print(works.poisoned({'number': 1})['document'])"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(WORKS).parent, capture_output=True, text=True, check=True
    )
    for word in ("'seen': 1", "'sum': 7", "'threads': 2", "'environment': 'yes'", "'directory': ''"):
        assert word in ran.stdout


def test_a_lost_process_costs_its_piece_alone():
    answers = done("dies", 7, jobs=2)
    assert {key for key, answer in answers.items() if answer == {"died": "signal 9"}} == {"work-0", "work-3", "work-6"}
    assert answers["work-5"] == {"document": {"twice": 10}}


def test_a_lost_warm_process_costs_its_piece_alone(tmp_path):
    answers = done("kills_its_parent", 5, flag=str(tmp_path / "flag"))
    assert answers.pop("work-2") == {"died": "its process ended with -9"}
    assert [answer["document"]["twice"] for answer in answers.values()] == [0, 2, 6, 8]


def test_what_is_printed_is_no_answer(capfd):
    assert done("printing", 2) == {f"work-{number}": {"document": {"twice": 2 * number}} for number in range(2)}
    assert "between the answers" not in capfd.readouterr().out


def waited(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def runs(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells a child of its parent's end on Linux")
def test_nothing_is_left_of_a_campaign_that_was_killed(tmp_path):
    flag = tmp_path / "flag"
    code = (
        "from conv_oracle.campaign.local import Work, done_here\n"
        f"list(done_here({WORKS + ':waits'!r}, [Work('a', {{'flag': {str(flag)!r}}})], 1))\n"
    )
    campaign = subprocess.Popen([sys.executable, "-c", code], env=environment())
    try:
        assert waited(lambda: flag.is_file() and flag.read_text())
        work = int(flag.read_text())
        assert runs(work)
    finally:
        campaign.kill()
        campaign.wait()
    assert waited(lambda: not runs(work))


def test_what_runs_ends_when_no_more_is_wanted(tmp_path):
    flag = tmp_path / "flag"
    warm = Warm(f"{WORKS}:waits")
    process = warm._running()
    process.stdin.write(f'{{"flag": "{flag}"}}\n'.encode())
    process.stdin.flush()
    assert waited(lambda: flag.is_file() and flag.read_text())
    warm.end()
    assert waited(lambda: not runs(int(flag.read_text())))


def test_a_process_of_several_threads_is_not_forked():
    code = (
        "import threading, time\nfrom conv_oracle.campaign import warm\n"
        "threading.Thread(target=time.sleep, args=(5,), daemon=True).start()\nwarm.forked(None, b'')\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=False)
    assert "a process of several threads is not forked" in ran.stderr
