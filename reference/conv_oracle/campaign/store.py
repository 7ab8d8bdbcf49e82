"""What a campaign knows: one SQLite file, written by one process, and whole after a kill at any moment."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from conv_oracle.campaign.jobs import Job
from conv_oracle.errors import CampaignError

FORMAT = 1
"""Goes up when a table or a column changes; PRAGMA user_version has it."""

APPLICATION = 0x636F6E76
"""'conv', in PRAGMA application_id: whether a database is one of campaigns at all."""

SEED_BITS = 48
BUSY_SECONDS = 10.0

TABLES = """
CREATE TABLE results (key TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,      -- as in the jobs file
    line INTEGER NOT NULL,    -- of the jobs file, from 1
    subject TEXT NOT NULL,    -- the target or the command
    options TEXT NOT NULL,    -- of the audit, as JSON
    seed INTEGER NOT NULL,    -- of the audit; drawn once, where the job gives none
    key TEXT NOT NULL,        -- of its verdict, by content
    lacking TEXT NOT NULL     -- why it has no verdict yet; '' where it was not asked
);
CREATE TABLE verdicts (
    key TEXT PRIMARY KEY REFERENCES results (key),
    target TEXT NOT NULL,
    op TEXT NOT NULL,
    level TEXT NOT NULL,
    dtypes TEXT NOT NULL,     -- separated by commas
    verdict TEXT NOT NULL,    -- conforms or faulty
    faults TEXT NOT NULL,     -- the findings' names, separated by commas
    findings INTEGER NOT NULL,
    problems INTEGER NOT NULL,
    calls INTEGER NOT NULL,
    outputs INTEGER NOT NULL,
    seed INTEGER NOT NULL,
    seconds REAL NOT NULL,
    made TEXT NOT NULL        -- when, in UTC
);
CREATE INDEX jobs_by_key ON jobs (key);
"""

KEPT = "INSERT INTO verdicts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True)
class Planned:
    """A job as it is stored. options: with the seed. drawn: whether the seed is not one that was given."""

    id: str
    line: int
    subject: str
    options: Mapping[str, Any]
    key: str
    drawn: bool


class Store:
    """A database of a campaign. Every method raises CampaignError, in one line, where the file cannot be used."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Use `writing` or `reading`."""
        self.path = path
        self._connection = connection

    def plan(self, jobs: Sequence[tuple[Job, str]]) -> list[Planned]:
        """Store the jobs with the keys of their verdicts, in the place of those before.

        A seed that was drawn stays with its job and its content: an audit that was interrupted, or that gave no
        verdict, is made again with the same. Where the content is another, so is the seed.
        """
        with self._told() as connection:
            before = {
                row[0]: (row[1], row[2], row[3])
                for row in connection.execute("SELECT id, key, seed, lacking FROM jobs")
            }
            planned, lacking = list[Planned](), dict[str, str]()
            for job, key in jobs:
                known = before.get(job.id)
                same = known is not None and known[0] == key
                given = job.options.get("seed")
                seed = given if given is not None else known[1] if known and same else secrets.randbits(SEED_BITS)
                lacking[job.id] = known[2] if known and same else ""
                options = {**job.options, "seed": seed}
                planned.append(Planned(job.id, job.line, job.subject, options, key, given is None))
            connection.execute("DELETE FROM jobs")
            connection.executemany(
                "INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        one.id,
                        one.line,
                        one.subject,
                        json.dumps(one.options),
                        one.options["seed"],
                        one.key,
                        lacking[one.id],
                    )
                    for one in planned
                ],
            )
        return planned

    def known(self) -> set[str]:
        """The keys of all that is known."""
        with self._told() as connection:
            return {key for (key,) in connection.execute("SELECT key FROM results")}

    def document(self, key: str) -> dict[str, Any]:
        """What is known under a key. Raises CampaignError where nothing is."""
        with self._told() as connection:
            row = connection.execute("SELECT document FROM results WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise CampaignError(f"what is asked for is known: key={key!r} is not in {str(self.path)!r}")
        found: dict[str, Any] = json.loads(row[0])
        return found

    def keep(self, key: str, document: Mapping[str, Any]) -> None:
        """Store what some work gave, at once or not at all; what is known already stays."""
        with self._told() as connection:
            self._insert(connection, key, document)

    def keep_verdict(self, key: str, document: Mapping[str, Any]) -> None:
        """Store a verdict's document, with its columns, at once or not at all."""
        with self._told() as connection:
            if self._insert(connection, key, document):
                connection.execute(KEPT, _columns(key, document))
            connection.execute("UPDATE jobs SET lacking = '' WHERE key = ?", (key,))

    def note_lack(self, key: str, why: str) -> None:
        """Note why there is no verdict. It is told, and is asked again the next time."""
        with self._told() as connection:
            connection.execute("UPDATE jobs SET lacking = ? WHERE key = ?", (why, key))

    def rows(self) -> list[dict[str, Any]]:
        """The jobs in their order, each with the columns of its verdict; None in these where there is none."""
        with self._told() as connection:
            found = connection.execute("SELECT * FROM jobs LEFT JOIN verdicts USING (key) ORDER BY jobs.line")
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found]

    def _insert(self, connection: sqlite3.Connection, key: str, document: Mapping[str, Any]) -> bool:
        row = key, json.dumps(document)
        return connection.execute("INSERT OR IGNORE INTO results VALUES (?, ?)", row).rowcount == 1

    @contextmanager
    def _told(self) -> Iterator[sqlite3.Connection]:
        with _said(self.path), self._connection:
            yield self._connection


@contextmanager
def writing(path: Path) -> Iterator[Store]:
    """The database at a path, made where there is none, for the one process that writes to it.

    Raises CampaignError where another campaign writes to it, where it is no database of this format, or cannot be made.
    """
    with _alone(path), _said(path):
        if not path.exists() or not path.stat().st_size:
            _make(path)
        with closing(_connected(path, "rw")) as connection:
            _check(path, connection)
            connection.execute("PRAGMA synchronous = FULL")
            yield Store(path, connection)


@contextmanager
def reading(path: Path) -> Iterator[Store]:
    """The database at a path, whatever writes to it meanwhile. Raises CampaignError where it is none of this format."""
    if not path.is_file():
        raise CampaignError(
            f"a campaign's database must exist: file={str(path)!r}; conv-oracle campaign JOBS makes one"
        )
    with _said(path), closing(_connected(path, "ro")) as connection:
        _check(path, connection)
        yield Store(path, connection)


def _make(path: Path) -> None:
    """Make an empty database, which is at its path whole or not at all."""
    new = path.with_name(f".{path.name}-new")
    new.unlink(missing_ok=True)
    with closing(_connected(new, "rwc")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        made = f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {FORMAT};"
        connection.executescript(f"BEGIN; {TABLES} {made} COMMIT;")
    new.replace(path)


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)


def _check(path: Path, connection: sqlite3.Connection) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION:
        raise CampaignError(
            f"a campaign's database is one that it made: file={str(path)!r} is another's; a new file would fit"
        )
    if version != FORMAT:
        raise CampaignError(
            f"a campaign's database has format {FORMAT}: file={str(path)!r} has {version}; a new file would fit"
        )


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """A context in which no other process writes; the kernel ends it with this process, however that ends."""
    if not path.parent.is_dir():
        raise CampaignError(f"a database needs an existing directory: directory={str(path.parent)!r} is missing")
    lock = path.with_name(f"{path.name}-writer")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise CampaignError(
            f"a database needs a place that can be written to: file={str(lock)!r} ({error.strerror})"
        ) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CampaignError(
                f"one campaign writes to a database: file={str(path)!r} is written to by another; its end, or another "
                "file, would fit"
            ) from None
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """A context in which an error of the database is one line."""
    try:
        yield
    except (sqlite3.DatabaseError, OSError) as error:
        raise CampaignError(
            f"a campaign keeps what it knows in a database that can be read and written to: file={str(path)!r} "
            f"({error}); what was written before is there"
        ) from None


def _columns(key: str, document: Mapping[str, Any]) -> tuple[Any, ...]:
    scope, options = document["scope"], document["options"]
    faults = ",".join(str(finding["fault"] or finding["kind"]) for finding in document["findings"])
    return (
        key,
        document["target"],
        document["op"],
        options["level"],
        ",".join(scope["dtypes"]),
        document["verdict"],
        faults,
        len(document["findings"]),
        scope["problems"],
        scope["calls"],
        scope["outputs"],
        document["seed"],
        document["seconds"],
        datetime.now(UTC).isoformat(timespec="seconds"),
    )
