"""What a reader changes by the link in every mail, without a login."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter import pipeline
from newsletter.store import issues, ledger, votes
from newsletter.store.letters import LetterKind
from subscribers import suppression_store
from subscribers.model import State
from subscribers.tokens import Purpose
from tests.web.conftest import READER, Pages

NEW = "asa@new.example.org"


@pytest.fixture
def link(stored_pages: Pages) -> str:
    """The page of one reader."""
    reader = stored_pages.subscribed()
    return f"/preferences/{stored_pages.token(Purpose.PREFERENCES, reader.id)}"


def test_everything_can_be_changed(stored_pages: Pages, link: str) -> None:
    """What is saved is shown; what cannot be meant is told and changes nothing."""
    pages = stored_pages
    assert READER in pages.browser.get(link).text
    fields = {
        "topic": ["alignment", "agents"],
        "phrases": '"test-time compute"',
        "cadence": "2",
        "at": "17:05",
        "zone": "Asia/Tokyo",
        "length": "3",
        "discover": "1",
        "language": "de",
    }
    saved = pages.browser.post(link, data=fields)
    assert (saved.status_code, "Saved." in saved.text) == (200, True)
    wants = pages.reader().preferences
    assert {"alignment", "agents"} < wants.follows
    assert len(wants.follows) == 3
    assert (wants.days, wants.zone, wants.length) == (frozenset({2}), "Asia/Tokyo", 3)
    assert (wants.discover, wants.learn, wants.language) == (True, False, "de")
    wrong = pages.browser.post(link, data=fields | {"at": "25:00", "length": "9"})
    assert (wrong.status_code, "problem" in wrong.text) == (400, True)
    assert pages.reader().preferences == wants


def test_a_pause_ends_with_what_was_missed(pages: Pages) -> None:
    """Nothing is due in it, and the first digest after it is a catch-up."""
    from newsletter.pipeline.selecting import Selector
    from newsletter.wording import DigestKind

    pages.later(days=-30)
    reader = pages.subscribed()
    pages.later(days=30)
    link = f"/pause/{pages.token(Purpose.PREFERENCES, reader.id)}"
    until = pages.site.today(pages.now) + timedelta(days=2)
    assert "Pause until then" in pages.browser.get(link).text
    assert "Nothing comes until" in pages.browser.post(link, data={"until": str(until)}).text
    assert "End the pause now" in pages.browser.get(link).text
    pages.composed()
    with pages.app.database.read() as connection:
        issue = issues.latest(connection)
        assert issue is not None
        assert ledger.entries(connection, issue.id) == []
    pages.later(days=2)
    pages.composed()
    with pages.app.database.write() as connection:
        issue = issues.latest(connection)
        assert issue is not None
        (held,) = ledger.entries(connection, issue.id)
        assert held.kind == DigestKind.CATCH_UP
        assert Selector(issue, pages.now)(connection, [(pages.reader(), pages.now)])
    assert "The pause is over" in pages.browser.post(link, data={"end": "1"}).text
    assert pages.reader().preferences.paused_until is None


@pytest.mark.parametrize("until", ["", "soon", "2020-01-01", "2099-01-01"])
def test_a_pause_needs_a_day_to_come(stored_pages: Pages, link: str, until: str) -> None:
    """Within a year."""
    answer = stored_pages.browser.post(link.replace("preferences", "pause"), data={"until": until})
    assert answer.status_code == 400
    assert stored_pages.reader().preferences.paused_until is None


def test_another_address_is_asked_first(stored_pages: Pages, link: str) -> None:
    """Nothing changes before it is confirmed there; an address that is taken stays whose it is."""
    pages = stored_pages
    pages.subscribed("bo@example.org")
    told = pages.browser.post(f"{link}/address", data={"address": NEW})
    assert NEW in told.text
    confirm = pages.link("change", NEW)
    assert NEW in pages.browser.get(confirm).text
    assert pages.state(NEW) is None
    assert pages.browser.post(confirm).status_code == 200
    assert (pages.state(NEW), pages.state(READER)) == (State.CONFIRMED, None)
    assert pages.browser.post(confirm).status_code == 200
    pages.browser.post(f"{link}/address", data={"address": "bo@example.org"})
    taken = pages.link("change", "bo@example.org")
    assert pages.browser.post(taken).status_code == 400
    assert pages.state("bo@example.org") is State.CONFIRMED
    pages.later(days=4)
    assert pages.browser.post(taken).status_code == 410


def test_all_that_is_kept_is_told(stored_pages: Pages, link: str) -> None:
    """As JSON, for the reader alone."""
    answer = stored_pages.browser.get(f"{link}/data.json")
    told = answer.json()
    assert (told["address"], told["state"]) == (READER, "confirmed")
    assert [one["what"] for one in told["happened"]] == ["subscribed", "confirmed"]
    assert answer.headers["cache-control"] == "no-store"


def test_an_erased_reader_is_a_hash(pages: Pages) -> None:
    """No table holds the address any more; its owner may come back, and the issue balances."""
    reader = pages.subscribed()
    pages.composed()
    with pages.app.database.read() as connection:
        issue = issues.latest(connection)
        assert issue is not None
        name = issue.candidates[0].paper_id
    with pages.app.database.write() as connection:
        cast = votes.Cast(
            subscriber_id=reader.id, paper_id=name, value=1, clicked=False, at=pages.now
        )
        votes.put(connection, cast)
    link = f"/preferences/{pages.token(Purpose.PREFERENCES, reader.id)}/erase"
    assert "cannot be undone" in pages.browser.get(link).text
    assert pages.state() is State.CONFIRMED
    for _ in range(2):
        assert pages.browser.post(link).status_code == 200
    everything = b"".join(path.read_bytes() for path in pages.app.config.base.glob("*.db*"))
    with pages.app.database.read() as connection:
        tables = connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).scalars()
        rows = [
            str(row)
            for table in list(tables)
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}")
        ]
        assert not [row for row in rows if READER in row]
        assert len(ledger.entries(connection, issue.id)) == 1
        assert [one.address_key[:7] for one in suppression_store.listed(connection)] == ["erased:"]
    assert everything
    data = {"address": READER, "t": pages.form_token()}
    assert pages.browser.post("/subscribe", data=data).status_code == 200
    assert pages.state() is State.PENDING


def test_a_lost_link_is_mailed(stored_pages: Pages, link: str) -> None:
    """To the address alone; who is not here is told the same and gets nothing."""
    pages = stored_pages
    assert pages.browser.get("/lost").status_code == 200
    known = pages.browser.post("/lost", data={"address": READER, "t": pages.form_token()})
    unknown = pages.browser.post("/lost", data={"address": NEW, "t": pages.form_token()})
    assert known.status_code == unknown.status_code == 200
    assert known.text.replace(READER, NEW) == unknown.text
    assert pages.queued(LetterKind.PREFERENCES) == 1
    assert pages.link("preferences") == link


def test_votes_are_forgotten_when_a_reader_wants_it(pages: Pages) -> None:
    """Topics alone decide again."""
    reader = pages.subscribed()
    pages.composed()
    vote = f"/v/{pages.token(Purpose.VOTE, reader.id, 1, 0)}/more"
    assert pages.browser.post(vote).status_code == 200
    link = f"/preferences/{pages.token(Purpose.PREFERENCES, reader.id)}"
    assert "Forget my 1 vote" in pages.browser.get(link).text
    assert "Forgotten." in pages.browser.post(f"{link}/votes").text
    with pages.app.database.read() as connection:
        assert pipeline.interests(connection, reader, None, pages.now) == ([], [])
