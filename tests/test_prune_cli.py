"""db prune and db vacuum as commands: told before, done in pieces, and everything else goes on."""

from __future__ import annotations

import json
import random
import sqlite3
import tempfile
import time
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from shutil import copyfile

import pytest

from newsletter.store.database import Database
from subscribers.schema import metadata
from tests.commands import newsletter, refused, start
from tests.past import Past

NOW = datetime.now(UTC)
SHORT = {
    "RETENTION__DELIVERIES_DAYS": "90",
    "RETENTION__EVENTS_DAYS": "30",
    "RETENTION__OBSERVATIONS_DAYS": "90",
}


@cache
def drawn() -> Path:
    """The file of a newsletter with a past, drawn once."""
    file = Path(tempfile.mkdtemp(prefix="papers-past-")) / "newsletter.db"
    Past(f"sqlite:///{file}", 6, NOW).database.close()
    return file


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with it."""
    copyfile(drawn(), tmp_path / "newsletter.db")
    return tmp_path


def rows(place: Path) -> list[list[tuple[object, ...]]]:
    """All that is kept."""
    database = Database(f"sqlite:///{place}/newsletter.db")
    with database.read() as connection:
        found = [
            [tuple(row) for row in connection.execute(one.select().order_by(*one.primary_key))]
            for one in metadata.sorted_tables
        ]
    database.close()
    return found


def test_what_would_go_is_told_and_goes(place: Path) -> None:
    """A rehearsal changes nothing and tells the same; a second run finds nothing."""
    before = rows(place)
    told = json.loads(newsletter(place, "db", "prune", "--dry-run", "--json", **SHORT).stdout)
    assert told["dry_run"]
    assert told["rows"]["deliveries"] > 0
    assert rows(place) == before
    shown = newsletter(place, "db", "prune", "--dry-run", **SHORT)
    assert "ended deliveries" in shown.stdout
    assert f"{told['total']} rows would go." in shown.stdout
    done = json.loads(newsletter(place, "db", "prune", "--json", **SHORT).stdout)
    assert done == told | {"dry_run": False}
    assert rows(place) != before
    again = newsletter(place, "db", "prune", **SHORT)
    assert (again.returncode, again.stdout) == (0, "Nothing had to go.\n")
    assert newsletter(place, "db", "check").returncode == 0


def test_everything_goes_on_without_what_went(place: Path) -> None:
    """Lists, accounts, readers and exports: of whoever is here, and of issues of which all went."""
    address = json.loads(newsletter(place, "subscribers", "list", "--json").stdout)[0]["address"]
    days = [
        one["issue"] for one in json.loads(newsletter(place, "issues", "list", "--json").stdout)
    ]
    assert newsletter(place, "db", "prune", **SHORT).returncode == 0
    oldest = days[-2]  # the first had nobody
    for words in (
        ("issues", "list"),
        ("issues", "show", oldest),
        ("status", oldest, "--json"),
        ("deliveries", "list", oldest),
        ("subscribers", "list"),
        ("subscribers", "show", address),
        ("subscribers", "export", "-"),
        ("papers", "list"),
        ("papers", "export", "all.jsonl"),
        ("letters", "list"),
        ("webhooks", "list"),
        ("explain", address),
    ):
        done = newsletter(place, *words)
        assert "Traceback" not in done.stderr, (words, done.stderr)
        assert done.returncode in ((0, 1) if words[0] == "status" else (0,)), (words, done.stderr)
    assert json.loads(newsletter(place, "status", oldest, "--json").stdout)["balanced"]
    kept = json.loads(newsletter(place, "issues", "list", "--json").stdout)
    assert [one["issue"] for one in kept] == days


def test_a_run_that_is_killed_is_finished_by_the_next(place: Path, tmp_path: Path) -> None:
    """By kill -9 at any moment, while somebody else writes; what is left is what one run leaves."""
    whole = tmp_path / "whole"
    whole.mkdir()
    copyfile(place / "newsletter.db", whole / "newsletter.db")
    assert newsletter(whole, "db", "check").returncode == 0  # the first command takes longer
    began = time.monotonic()
    assert newsletter(whole, "db", "prune", **SHORT).returncode == 0
    lasted = time.monotonic() - began
    chance = random.Random(8)
    killed = 0
    for _ in range(6):
        with tempfile.TemporaryFile() as out:
            settings = {f"NEWSLETTER_{name}": value for name, value in SHORT.items()}
            running = start(place, ("db", "prune"), settings, out, out)
            time.sleep(chance.uniform(0, lasted))
            with suppress(ProcessLookupError):
                running.kill()
            killed += running.wait() < 0
        assert newsletter(place, "db", "check").returncode == 0
    assert killed
    assert newsletter(place, "db", "prune", **SHORT).returncode == 0
    assert rows(place) == rows(whole)


def test_room_is_given_back(place: Path) -> None:
    """And told; not while somebody writes, which is said."""
    with closing(sqlite3.connect(place / "newsletter.db")) as connection:
        connection.execute("CREATE TABLE ballast (x)")
        connection.execute("INSERT INTO ballast VALUES (zeroblob(3000000))")
        connection.execute("DROP TABLE ballast")
        connection.commit()
    before = rows(place)
    with closing(sqlite3.connect(place / "newsletter.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        refused(newsletter(place, "db", "vacuum"), 2, "is being written", "try again")
    done = newsletter(place, "db", "vacuum")
    assert done.returncode == 0, done.stderr
    was, now = (int(word.replace(",", "")) for word in done.stdout.split() if word[0].isdigit())
    assert was - now >= 3_000_000
    assert now == (place / "newsletter.db").stat().st_size
    assert rows(place) == before


def test_postgresql_is_pruned_and_tidied(postgres_database_url: str, tmp_path: Path) -> None:
    """By the same commands."""
    Past(postgres_database_url, 6, NOW).database.close()
    settings = SHORT | {"DATABASE__URL": postgres_database_url, "SECRET": "for these tests " * 4}
    done = json.loads(newsletter(tmp_path, "db", "prune", "--json", **settings).stdout)
    assert done["rows"]["deliveries"] > 0
    tidied = newsletter(tmp_path, "db", "vacuum", **settings)
    assert (tidied.returncode, tidied.stderr) == (0, "")
    assert "bytes before" in tidied.stdout
