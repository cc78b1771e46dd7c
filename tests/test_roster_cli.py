"""Subscribers as CSV, by the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import roster as benchmark
from newsletter.store.database import Database
from subscribers import store
from subscribers.model import State
from tests.commands import newsletter, prepare, refused

IMPORT = ("subscribers", "import")
AGREED = ("--consent", "sign-up form")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a database."""
    return prepare(tmp_path, ("subscribe", "here@example.org", "--length", "3"))


def done(place: Path, *words: str) -> str:
    ran = newsletter(place, *words)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def told(place: Path, *words: str) -> Any:
    return json.loads(done(place, *words, "--json"))


def file(place: Path, text: str | bytes) -> str:
    raw = text if isinstance(text, bytes) else text.encode()
    (place / "in.csv").write_bytes(raw)
    return "in.csv"


def test_a_file_is_imported_and_told(place: Path) -> None:
    """Counts, each refused row with its line, and a file of all of them that only we can read."""
    rows = [
        "email,topics,at",
        "a@example.org,Alignment,9:30",
        "HERE@example.org,,",
        "A@example.org,,",
    ]
    name = file(place, "\n".join([*rows, *(f"nobody{n},," for n in range(25))]))
    dry = done(place, *IMPORT, name, *AGREED, "--dry-run", "--days", "weekdays")
    assert "1 new, 1 already here, 1 duplicate merged, 25 refused." in dry
    assert "nothing was kept" in dry
    refused(newsletter(place, "subscribers", "show", "a@example.org"), 2, "Nobody here")
    words = ("--days", "weekdays", "--refused", "no.csv")
    text = done(place, *IMPORT, name, *AGREED, *words)
    assert "Read as csv: 28 rows." in text
    assert text.count("no e-mail address") == 20
    assert "nobody" not in text
    with (place / "no.csv").open(newline="") as lines:
        kept = list(csv.DictReader(lines))
    assert len(kept) == 25
    assert (kept[0]["line"], kept[0]["address"]) == ("5", "n***")
    assert (place / "no.csv").stat().st_mode & 0o777 == 0o600
    asa = told(place, "subscribers", "show", "a@example.org")
    assert (asa["follows"], asa["at"], asa["days"]) == (["alignment"], "09:30", "weekdays")
    assert asa["consent_form"] == "sign-up form"
    assert told(place, "subscribers", "show", "here@example.org")["length"] == 3
    again = told(place, *IMPORT, name, *AGREED, "--update", "--length", "4")
    assert (again["new"], again["changed"], again["refused"]) == (0, 2, 25)
    assert again["refusals"][0]["reason"].startswith("no e-mail address")
    assert "And 5 more refused" in done(place, *IMPORT, name, *AGREED)


def test_another_services_export_is_imported(place: Path) -> None:
    """Guessed or named; its tags that are no topics are told, and its owners asked if wanted."""
    text = 'uuid,email,name,attributes,status,created_at\nu,a@example.org,A,"{""a"": 1}",enabled,'
    name = file(place, text + "2024-01-02T03:04:05Z\nu,b@example.org,B,{},blocklisted,\n")
    found = told(place, *IMPORT, name, *AGREED, "--confirm")
    assert (found["from"], found["new"], found["asked"], found["refused"]) == ("listmonk", 1, 1, 1)
    assert [one["reason"] for one in found["refusals"]] == ["blocklisted there"]
    assert told(place, "letters", "list")[0]["kind"] == "confirmation"
    name = file(place, "email,creation_date,tags,type\nc@example.org,2024-01-02,vip,regular\n")
    assert "no topics here: vip (1)" in done(place, *IMPORT, name, *AGREED)


def test_what_is_exported_is_imported_elsewhere(place: Path, tmp_path_factory: Any) -> None:
    """Who left does not come back; the file is ours alone, and no formula."""
    wants = ("-t", "alignment", "-m", "survey", "--at", "7:15", "--zone", "Europe/Oslo")
    done(place, "subscribe", "+asa@example.org", *wants, "--days", "mon,wed")
    done(place, "subscribe", "left@example.org")
    done(place, "unsubscribe", "left@example.org")
    assert "Wrote 3 subscribers to all.csv." in done(place, "subscribers", "export", "all.csv")
    assert (place / "all.csv").stat().st_mode & 0o777 == 0o600
    text = (place / "all.csv").read_text()
    assert "\n'+asa@example.org,confirmed,alignment,survey,07:15,Europe/Oslo" in text
    assert newsletter(place, "subscribers", "export").stdout.splitlines() == text.splitlines()
    some = done(place, "subscribers", "export", "--state", "unsubscribed")
    assert [line.split(",")[0] for line in some.splitlines()] == ["address", "left@example.org"]
    other = tmp_path_factory.mktemp("other")
    ran = told(other, *IMPORT, str(place / "all.csv"), *AGREED)
    assert (ran["new"], ran["refused"]) == (2, 1)
    for address in ("+asa@example.org", "here@example.org"):
        before, after = (told(one, "subscribers", "show", address) for one in (place, other))
        assert before | {"id": 0} == after | {"id": 0}


def test_consent_has_to_be_named(place: Path) -> None:
    """In words, and nothing is read without it."""
    name = file(place, "email\na@example.org\n")
    refused(newsletter(place, *IMPORT, name), 2, "where these readers agreed", "--consent")
    refused(newsletter(place, *IMPORT, name, "--consent", "x" * 65), 2, "64 at most")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["none.csv"], "none.csv cannot be read: No such file"),
        (["."], ". cannot be read: Is a directory"),
        (["in.csv", "--map", "name"], "'name' is not OURS=COLUMN; ours are: address"),
        (["in.csv", "--map", "address=Mail"], "in.csv, line 1: no column 'Mail'"),
        (["in.csv", "--map", "at=email", "--map", "at=email"], "names at twice"),
        (["in.csv", "--at", "25:00"], "not a time of day"),
        (["in.csv", "--length", "99"], "1 to 50 papers"),
        (["in.csv", "-t", "nothing"], "There is no topic 'nothing'"),
        (["in.csv", "--language", "xx"], "no translation into 'xx'"),
        (["in.csv", "--from", "mailchimp"], "in.csv, line 1: no export of mailchimp"),
        (["in.csv", "--refused", "in.csv"], "is FILE itself"),
        (["in.csv", "--refused", "none/no.csv"], "Cannot write none/no.csv"),
        (["-"], "Standard input, line 1: it is empty"),
    ],
)
def test_a_wrong_import_is_one_error(place: Path, words: list[str], says: str) -> None:
    """And subscribes nobody."""
    file(place, "email\na@example.org\n")
    refused(newsletter(place, *IMPORT, *words, *AGREED), 2, says)
    refused(newsletter(place, "subscribers", "show", "a@example.org"), 2, "Nobody here")


def test_a_file_that_breaks_tells_how_far_it_was_read(place: Path) -> None:
    """Exit code 2, as where all rows were refused; what stands before is kept and told."""
    rows = "".join(f"r{number}@example.org\n" for number in range(1000))
    name = file(place, f"email\n{rows}".encode() + b"\xff\n")
    ran = newsletter(place, *IMPORT, name, *AGREED)
    refused(ran, 2, "in.csv, line 1,002: byte 1 is not UTF-8", "1,000 rows before it were kept")
    assert "1,000 new" in ran.stdout
    name = file(place, "email\nnobody\n")
    refused(newsletter(place, *IMPORT, name, *AGREED), 2, "in.csv: every row was refused.")
    assert newsletter(place, *IMPORT, file(place, "email\n"), *AGREED).returncode == 0


def test_the_benchmark_imports_the_same_both_ways(tmp_path: Path) -> None:
    """Small; the figures of so few rows say nothing."""
    benchmark.write(tmp_path / "in.csv", 60)
    for run in (benchmark.ours, benchmark.baseline):
        run(tmp_path / f"{run.__name__}.db", tmp_path / "in.csv")
    found = []
    for name in ("ours", "baseline"):
        database = Database(f"sqlite:///{tmp_path}/{name}.db")
        with database.read() as connection:
            (batch,) = store.in_batches(connection, State.CONFIRMED)
        database.close()
        found.append({(one.address, one.preferences, one.consent.at) for one in batch})
    assert found[0] == found[1]
    assert len(found[0]) == 60
