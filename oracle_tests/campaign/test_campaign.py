"""Campaigns of real audits: resumable after a kill at any moment, with nothing lost and nothing twice."""

import signal
import subprocess
import time

import pytest
from click.testing import CliRunner

from campaign.common import command, environment, outcomes, small_jobs, started, subject, written
from conv_oracle.campaign import executor, found_in, read_jobs, reading, run, writing
from conv_oracle.campaign import store as stores
from conv_oracle.cli.main import main

EXPECTED = {"faulty": ("faulty", "kernel-flipped"), "conforming": ("conforms", "")}


def expected(jobs):
    return {job["id"]: EXPECTED[job["id"].partition("_")[0]] for job in jobs}


def made(path):
    """When each verdict was made and how: what a second audit of it would change."""
    with reading(path) as store:
        return {row["id"]: (row["made"], row["seconds"], row["seed"]) for row in store.rows() if row["verdict"]}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.sqlite"


def test_killed_at_several_moments_nothing_is_lost_and_nothing_made_twice(tmp_path, path):
    jobs = small_jobs(tmp_path, 3)
    file, known = written(tmp_path, *jobs), dict[str, tuple]()
    words = [*started(), "run", str(file), "--into", str(path), "--jobs", "1"]
    for delay, wanted in ((0.7, 0), (0.4, 1)):
        campaign = subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while wanted and (not path.exists() or len(made(path)) < wanted) and campaign.poll() is None:
            time.sleep(0.05)
        time.sleep(delay)
        campaign.send_signal(signal.SIGKILL)
        campaign.communicate()
        now = made(path) if path.exists() else {}
        assert {name: now[name] for name in known} == known
        known = now
    assert known
    ended = command("run", file, "--into", path, "--jobs", 1)
    assert ended.returncode == 1, ended.stderr
    assert "3 jobs: 1 conforms, 2 faulty" in ended.stdout
    last = made(path)
    assert {name: last[name] for name in known} == known
    with writing(path) as store:
        assert outcomes(store) == expected(jobs)
        run(store, read_jobs(file), nothing_asked, told=lambda _: None)
    assert made(path) == last


def nothing_asked(_, works):
    """An executor for a campaign that knows everything."""
    assert [*works] == []
    return iter(())


def test_what_is_not_known_is_asked(tmp_path, path):
    """What the test above relies on does fail."""
    with writing(path) as store, pytest.raises(AssertionError):
        run(store, read_jobs(written(tmp_path, *small_jobs(tmp_path, 1))), nothing_asked, told=lambda _: None)


def test_a_subject_that_poisons_its_process_is_alone_with_it(tmp_path, path):
    """The first subject patches NumPy, writes into its modules, and leaves threads and files: the next conforms."""
    poison = subject(tmp_path, "conforming", "_first")
    poison.write_text(
        poison.read_text()
        + "import builtins, json, os, sys, threading, time\n"
        + "np.pad = np.zeros = np.einsum = np.dot = lambda *_, **__: 7\nnp.ndarray.__doc__\n"
        + "builtins.len = lambda _: 3\njson.dumps = lambda *_: ''\nos.environ['POISON'] = 'yes'\n"
        + "sys.modules['numpy'].float64 = int\n"
        + "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    after = subject(tmp_path, "conforming", "_second")
    clean = "import os, threading\nassert 'POISON' not in os.environ\nassert threading.active_count() == 1\n"
    after.write_text(clean + after.read_text() + "\nassert len([1]) == 1\nassert np.float64 is not int\n")
    options = small_jobs(tmp_path, 1)[0]
    jobs = [{**options, "target": f"{file}:conv2d", "id": file.stem} for file in (poison, after)]
    with writing(path) as store:
        run(store, read_jobs(written(tmp_path, *jobs)), executor(jobs=1), told=lambda _: None)
        found = outcomes(store)
    assert found["conforming_second"] == ("conforms", "")
    assert found["conforming_first"] != ("conforms", "")


def test_the_same_content_is_audited_once_and_a_lack_of_a_verdict_again(tmp_path, path):
    first, _ = small_jobs(tmp_path, 2)
    broken = tmp_path / "broken.py"
    broken.write_text("raise RuntimeError('not today')\n")
    lacking = {**first, "target": f"{broken}:conv2d", "id": "broken"}
    jobs = read_jobs(written(tmp_path, first, {**first, "id": "again"}, lacking))
    steps = []
    with writing(path) as store:
        run(store, jobs, executor(jobs=2), told=steps.append)
        found = {row["id"]: row for row in store.rows()}
        assert found["again"]["made"] == found["faulty_0"]["made"]
        assert found["again"]["seconds"] == found["faulty_0"]["seconds"]
        assert "not today" in found["broken"]["lacking"]
        assert found_in(store).outcomes == {"conforms": 0, "faulty": 2, "no verdict": 1, "not audited yet": 0}
        assert (steps[-1].done, steps[-1].planned) == (3, 3)
        broken.write_text((tmp_path / "conforming_1.py").read_text())
        run(store, jobs, executor(jobs=1), told=lambda _: None)
        assert outcomes(store)["broken"] == ("conforms", "")


def test_what_changes_while_it_is_audited_is_not_kept(tmp_path, path):
    target = subject(tmp_path, "conforming")
    target.write_text(f"{target.read_text()}\nopen(__file__, 'a').write('# once more\\n')\n")
    options = {**small_jobs(tmp_path, 1)[0], "target": f"{target}:conv2d"}
    with writing(path) as store:
        run(store, read_jobs(written(tmp_path, options)), executor(jobs=1), told=lambda _: None)
        (row,) = store.rows()
        assert store.known() == set()
    assert "the same before and after" in row["lacking"]


def test_a_disk_that_is_full_is_one_line_and_what_was_written_is_there(tmp_path, path, monkeypatch, capsys):
    first, second = small_jobs(tmp_path, 2)
    with writing(path) as store:
        run(store, read_jobs(written(tmp_path, first)), executor(jobs=1), told=lambda _: None)
    file, before, opened = written(tmp_path, first, second), made(path), stores._connected

    def full(*asked):
        connection = opened(*asked)
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
        return connection

    with monkeypatch.context() as patched:
        patched.setattr(stores, "_connected", full)
        with pytest.raises(SystemExit) as ended:
            main(["campaign", str(file), "--into", str(path), "--jobs", "1"])
    told = capsys.readouterr()
    assert (ended.value.code, told.out, told.err.count("\n")) == (2, "", 1)
    assert "(database or disk is full); what was written before is there" in told.err
    assert made(path) == before
    with writing(path) as store:
        run(store, read_jobs(file), executor(jobs=1), told=lambda _: None)
        assert outcomes(store) == expected([first, second])


def test_status_and_report_tell_what_is_there(tmp_path, path):
    jobs = read_jobs(written(tmp_path, *small_jobs(tmp_path, 1)))
    with writing(path) as store:
        store.plan([(jobs[0], "key")])
        told = CliRunner().invoke(main, ["campaign", "status", str(path)])
        assert (told.exit_code, told.output) == (0, "1 jobs: 1 not audited yet\n")
        page = tmp_path / "page.html"
        assert CliRunner().invoke(main, ["campaign", "report", str(path), "--html", str(page)]).exit_code == 0
    assert "not audited yet" in page.read_text()
    missing = CliRunner().invoke(main, ["campaign", "report", str(path), "--html", str(tmp_path / "none" / "p.html")])
    assert (missing.exit_code, missing.output.count("\n")) == (2, 1)
    assert str(tmp_path / "none") in missing.output
