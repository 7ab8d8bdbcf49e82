"""The database: one writer, one format, seeds that stay, and never a lack of a verdict."""

import sqlite3

import pytest

from campaign.common import written
from campaign.test_jobs import GOOD
from conv_oracle.campaign import found_in, page, read_jobs, reading, summary, taken, writing
from conv_oracle.errors import CampaignError

DOCUMENT = {
    "verdict": "faulty",
    "target": "a.py:conv2d",
    "op": "conv2d",
    "seed": 5,
    "seconds": 1.5,
    "options": {"level": "quick"},
    "findings": [{"fault": "kernel-flipped", "kind": "wrong-value"}, {"fault": "", "kind": "varies"}],
    "scope": {"dtypes": ["float64", "float32"], "problems": 8, "calls": 30, "outputs": 200},
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.sqlite"


@pytest.fixture
def jobs(tmp_path):
    return read_jobs(written(tmp_path, {**GOOD, "id": "a"}, {**GOOD, "id": "b"}, {**GOOD, "id": "c", "seed": 9}))


def test_a_seed_is_drawn_once_and_is_another_where_the_content_is(path, jobs):
    keyed = [(job, f"key-{job.id}") for job in jobs]
    with writing(path) as store:
        first = store.plan(keyed)
    with writing(path) as store:
        again = store.plan([*keyed[:1], (jobs[1], "changed"), keyed[2]])
    seeds = [one.options["seed"] for one in first]
    assert len({*seeds}) == 3
    assert seeds[2] == 9
    assert [one.drawn for one in first] == [True, True, False]
    assert again[0].options["seed"] == seeds[0]
    assert again[1].options["seed"] != seeds[1]
    assert again[2].options["seed"] == 9


def test_a_verdict_is_kept_and_a_lack_of_one_is_not(path, jobs):
    with writing(path) as store:
        store.plan([(job, f"key-{job.id}") for job in jobs])
        assert taken(store, "key-a", {"document": DOCUMENT}) == "faulty"
        assert taken(store, "key-b", {"why": "no verdict: too little"}) == "no verdict: too little"
        assert taken(store, "key-c", {"died": "signal 9"}).endswith("lost: signal 9")
        assert store.known() == {"key-a"}
        assert store.document("key-a") == DOCUMENT
        found = found_in(store)
    assert found.outcomes == {"conforms": 0, "faulty": 1, "no verdict": 2, "not audited yet": 0}
    assert found.faults == (("kernel-flipped", 1), ("varies", 1))
    assert "  line 2, b: no verdict: too little" in summary(found)
    with writing(path) as store:
        store.plan([(job, f"key-{job.id}") for job in jobs])
        assert [row["lacking"] != "" for row in store.rows()] == [False, True, True]
        taken(store, "key-b", {"document": {**DOCUMENT, "verdict": "conforms", "findings": []}})
        assert [row["lacking"] != "" for row in store.rows()] == [False, False, True]
        assert [row["verdict"] for row in store.rows()] == ["faulty", "conforms", None]


def test_what_is_known_stays(path):
    with writing(path) as store:
        store.keep("key", {"a": 1})
        store.keep("key", {"a": 2})
        assert store.document("key") == {"a": 1}
        with pytest.raises(CampaignError, match="key='other' is not in"):
            store.document("other")


def test_one_campaign_writes_and_others_read(path, jobs):
    with writing(path) as store:
        store.plan([(jobs[0], "key-a")])
        with pytest.raises(CampaignError, match="one campaign writes to a database"), writing(path):
            pass
        with reading(path) as other:
            assert [row["id"] for row in other.rows()] == ["a"]
    with writing(path) as store:
        assert len(store.rows()) == 1


def broken(path, how):
    """A file that is no database of a campaign, or one of another format."""
    if how == "text":
        path.write_text("no database" * 1000)
    elif how == "another's":
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE t (a)")
    else:
        with writing(path):
            pass
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize(
    ("how", "said"),
    [("text", "file is not a database"), ("another's", "is another's"), ("another version", "has format 1: .* has 99")],
)
@pytest.mark.parametrize("opened", [writing, reading], ids=["writing", "reading"])
def test_what_is_no_database_of_this_format_is_told_and_stays(how, said, opened, path):
    broken(path, how)
    before = path.read_bytes()
    with pytest.raises(CampaignError, match=said) as told, opened(path):
        pass
    assert "\n" not in str(told.value)
    assert path.read_bytes() == before


def test_a_database_that_is_missing_or_cannot_be_made_is_told(path):
    with pytest.raises(CampaignError, match="must exist"), reading(path):
        pass
    with pytest.raises(CampaignError, match="needs an existing directory"), writing(path.parent / "none" / "r.sqlite"):
        pass


def test_a_page_escapes_what_it_shows(path, tmp_path):
    jobs = read_jobs(written(tmp_path, {**GOOD, "id": "<script>alert(1)</script>"}))
    with writing(path) as store:
        store.plan([(jobs[0], "key")])
        store.note_lack("key", "a < b")
        told = page(found_in(store), "results.sqlite")
    assert "<script>" not in told
    assert "&lt;script&gt;" in told
    assert "a &lt; b" in told
    assert 'class="no-verdict"' in told
    assert "http" not in told


def test_the_columns_are_those_that_a_person_queries(path, jobs):
    with writing(path) as store:
        store.plan([(jobs[0], "key-a")])
        store.keep_verdict("key-a", DOCUMENT)
        (row,) = store.rows()
    wanted = {
        "dtypes": "float64,float32",
        "faults": "kernel-flipped,varies",
        "findings": 2,
        "calls": 30,
        "op": "conv2d",
    }
    assert {name: row[name] for name in wanted} == wanted
