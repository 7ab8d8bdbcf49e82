"""A Dask cluster gives the verdicts of one process, loses one audit with a worker, and is told where it is missing."""

import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from campaign.common import WORKS, environment, free_port, outcomes, small_jobs, works, written
from conv_oracle.campaign import cluster as clusters
from conv_oracle.campaign import executor, read_jobs, run, writing
from conv_oracle.cli.main import main
from conv_oracle.errors import CampaignError


@pytest.fixture(scope="module")
def cluster():
    """A scheduler, and two workers in processes of their own."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", memory_limit=0, silence_logs=50
    ) as made:
        yield made


def test_two_workers_give_the_verdicts_of_one_process(cluster, tmp_path):
    jobs = read_jobs(written(tmp_path, *small_jobs(tmp_path, 2, seed=5)))
    found = []
    for name, does in (("here", executor(jobs=1)), ("cluster", executor(cluster.scheduler_address))):
        with writing(tmp_path / f"{name}.sqlite") as store:
            run(store, jobs, does, told=lambda _: None)
            documents = {key: store.document(key) for key in store.known()}
            found.append((outcomes(store), {key: decided(one) for key, one in documents.items()}))
    assert found[0] == found[1]
    assert {verdict for verdict, _ in found[0][0].values()} == {"faulty", "conforms"}


def decided(document):
    """What of a verdict follows from its seed: all but how long it took and in what process."""
    kept = ("verdict", "target", "seed", "op", "options", "exit_code", "arithmetic")
    findings = [(one["fault"], one["kind"], one["problem"]) for one in document["findings"]]
    return {name: document[name] for name in kept} | {"findings": findings}


def test_a_worker_that_dies_costs_no_other_piece(cluster, tmp_path):
    does = executor(cluster.scheduler_address)
    given = works(5, flag=str(tmp_path / "flag"))
    answers = {work.key: answer for work, answer in does(f"{WORKS}:kills_the_worker", given)}
    assert (tmp_path / "flag").exists()
    assert answers == {f"work-{number}": {"document": {"twice": 2 * number}} for number in range(5)}


def test_a_process_that_dies_on_a_worker_is_told(cluster):
    does = executor(cluster.scheduler_address)
    answers = {work.key: answer for work, answer in does(f"{WORKS}:dies", works(4))}
    assert answers["work-0"] == answers["work-3"] == {"died": "signal 9"}
    assert answers["work-1"] == {"document": {"twice": 2}}


def test_where_no_scheduler_answers_one_line_says_so_in_time(tmp_path, monkeypatch):
    monkeypatch.setattr(clusters, "CONNECTING_SECONDS", 1.0)
    file, began = written(tmp_path, *small_jobs(tmp_path, 1)), time.monotonic()
    words = [
        "campaign",
        str(file),
        "--into",
        str(tmp_path / "r.sqlite"),
        "--scheduler",
        f"tcp://127.0.0.1:{free_port()}",
    ]
    told = CliRunner().invoke(main, words)
    assert time.monotonic() - began < 10
    assert (told.exit_code, told.stdout, told.stderr.count("\n")) == (2, "", 1)
    assert "a scheduler answers at its address within 1 s" in told.stderr


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"], ids=["nothing", "HTTP"]
)
def test_something_else_that_listens_is_no_scheduler(said, monkeypatch):
    monkeypatch.setattr(clusters, "CONNECTING_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as other:
        threading.Thread(target=answer, args=(other, said), daemon=True).start()
        with pytest.raises(CampaignError, match="a scheduler answers at its address"):
            list(executor(f"tcp://127.0.0.1:{other.getsockname()[1]}")(f"{WORKS}:double", works(1)))


def answer(server, said):
    """Take one connection, say this, and keep it open."""
    connection, _ = server.accept()
    connection.sendall(said)
    time.sleep(3)
    connection.close()


@pytest.mark.parametrize("address", ["nonsense://x", "127.0.0.1:http", "tcp://"])
def test_an_address_that_is_none_is_told(address, monkeypatch):
    monkeypatch.setattr(clusters, "CONNECTING_SECONDS", 0.5)
    with pytest.raises(CampaignError, match="a scheduler answers at its address"):
        list(executor(address)(f"{WORKS}:double", works(1)))


def test_a_scheduler_without_workers_is_told(monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(clusters, "CONNECTING_SECONDS", 1.0)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0", silence_logs=50) as empty,
        pytest.raises(CampaignError, match="a scheduler has a worker"),
    ):
        list(executor(empty.scheduler_address)(f"{WORKS}:double", works(1)))


@pytest.mark.slow
def test_a_scheduler_that_goes_away_is_told(tmp_path):
    port, flag = str(free_port()), tmp_path / "flag"
    address, dask = f"tcp://127.0.0.1:{port}", Path(sys.executable).with_name("dask")
    code = (
        f"from conv_oracle.campaign.cluster import Work, done_on\nlist(done_on({address!r}, {WORKS + ':waits'!r}, "
        f"[Work('a', {{'flag': {str(flag)!r}}})]))"
    )
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    scheduler = subprocess.Popen([dask, "scheduler", "--port", port, "--no-dashboard"], **quiet)
    worker = subprocess.Popen([dask, "worker", address, "--death-timeout", "5", "--no-dashboard"], **quiet)
    campaign = subprocess.Popen([sys.executable, "-c", code], env=environment(), stderr=subprocess.PIPE, text=True)
    try:
        end = time.monotonic() + 60
        while not flag.exists() and time.monotonic() < end:
            time.sleep(0.1)
        scheduler.kill()
        _, said = campaign.communicate(timeout=60)
        assert said.count("Traceback") == 1  # its own, of this small program: Dask says nothing besides
        assert "went away" in said.splitlines()[-1]
        assert "CancelledError:" not in said
    finally:
        for process in (campaign, worker, scheduler):
            process.kill()
            process.wait()


def test_without_dask_it_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CampaignError, match=r"pip install 'conv-oracle\[dask\]' would fit"):
        list(executor("tcp://127.0.0.1:1")(f"{WORKS}:double", works(1)))


def test_a_cluster_has_no_number_of_audits(tmp_path):
    file = written(tmp_path, *small_jobs(tmp_path, 1))
    told = CliRunner().invoke(main, ["campaign", str(file), "--into", "r", "--jobs", "2", "--scheduler", "tcp://a:1"])
    assert told.exit_code == 2
    assert "the number of audits at a time is the cluster's" in told.stderr
