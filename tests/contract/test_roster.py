"""Importing subscribers on both databases: what is kept, merged, refused, and never changed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from newsletter import pipeline
from newsletter.pipeline import Imported
from newsletter.pipeline.importing import BATCH
from newsletter.store import letters
from newsletter.store.database import Database
from subscribers import event_store, store, suppression_store
from subscribers.events import EventKind
from subscribers.model import Consent, Preferences, State, Subscriber
from subscribers.roster import Reader
from subscribers.roster_columns import layout
from subscribers.roster_entries import Judge, Refusal, Terms
from subscribers.suppression import Suppression, SuppressionKind
from subscribers.tokens import Signer

NOW = datetime(2026, 3, 31, 8, tzinfo=UTC)
SIGNER = Signer(b"roster", older=[b"older"])
TERMS = Terms(consent="sign-up form", now=NOW)
BEFORE = Consent(at=NOW - timedelta(days=9), form="subscribe page")
FILLERS = "".join(f"filler{number}@example.org,\n" for number in range(BATCH))  # a batch of them


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    made.upgrade()
    yield made
    made.close()


class Import:
    """One import and what it refused."""

    def __init__(
        self, database: Database, text: str | bytes, terms: Terms = TERMS, **how: bool
    ) -> None:
        reader = Reader(io.BytesIO(text if isinstance(text, bytes) else text.encode()))
        judge = Judge(layout(reader.header, None, {}), terms)
        self.refused: list[Refusal] = []
        self.done: Imported = pipeline.import_subscribers(
            database, SIGNER, reader, judge, terms, refuse=self.refused.append, **how
        )

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """New, here, merged, refused."""
        return self.done.new, self.done.here, self.done.merged, self.done.refused


def of(database: Database, address: str) -> Subscriber:
    with database.read() as connection:
        return store.get(connection, address)


def kinds(database: Database, address: str) -> list[EventKind]:
    with database.read() as connection:
        found = store.get(connection, address)
        return [one.kind for one in event_store.of(connection, found.id)]


def test_rows_become_confirmed_subscribers(database: Database) -> None:
    """With their preferences, their own consent, and what happened told; twice is once."""
    text = "email,topics,at,consent_at\nAsa@Example.org,alignment,9:30,2020-01-02\nb@example.org,,,"
    assert Import(database, text).counts == (2, 0, 0, 0)
    asa = of(database, "asa@example.org")
    assert asa.address == "Asa@example.org"
    assert asa.state is State.CONFIRMED
    assert asa.preferences.follows == {"alignment"}
    assert asa.consent == Consent(at=datetime(2020, 1, 2, tzinfo=UTC), form="sign-up form")
    assert kinds(database, "asa@example.org") == [EventKind.SUBSCRIBED, EventKind.CONFIRMED]
    assert of(database, "b@example.org").consent.at == NOW
    assert Import(database, text).counts == (0, 2, 0, 0)
    assert len(kinds(database, "asa@example.org")) == 2


def test_a_persons_own_choices_win(database: Database) -> None:
    """Here already: unchanged; left or suppressed: never subscribed again."""
    with database.write() as connection:
        store.subscribe(connection, "here@example.org", Preferences(length=3), BEFORE)
        left = store.subscribe(connection, "left@example.org", Preferences(), BEFORE)
        store.unsubscribe(connection, left.subscriber.id, NOW)
        word = Suppression(
            address_key="quiet@example.org",
            kind=SuppressionKind.MANUAL,
            reason="By phone.",
            at=NOW,
            by="command line",
        )
        suppression_store.put(connection, word)
    text = "email,length\nHERE@example.org,7\nleft@example.org,\nquiet@example.org,\n"
    ran = Import(database, text)
    assert ran.counts == (0, 1, 0, 2)
    assert [(one.line, one.address, one.reason) for one in ran.refused] == [
        (3, "l***@example.org", "unsubscribed here on 2026-03-31"),
        (4, "q***@example.org", "suppressed here: By phone"),
    ]
    assert of(database, "here@example.org").preferences.length == 3
    assert of(database, "left@example.org").state is State.UNSUBSCRIBED


def test_who_was_erased_is_not_brought_back(database: Database) -> None:
    """Though nothing but a keyed hash tells that they were here."""
    with database.write() as connection:
        done = store.subscribe(connection, "gone@example.org", Preferences(), BEFORE)
        pipeline.erase(connection, Signer(b"older"), done.subscriber, NOW)
    ran = Import(database, "email\nGone@example.org\n")
    assert ran.counts == (0, 0, 0, 1)
    assert ran.refused[0].reason == "suppressed here: Erased as its owner wanted"


def test_update_changes_only_what_a_row_names(database: Database) -> None:
    """Consent, state and the rest stay; the same again is no change."""
    with database.write() as connection:
        wants = Preferences(length=3, follows=frozenset({"robotics"}))
        store.subscribe(connection, "a@example.org", wants, BEFORE)
        left = store.subscribe(connection, "left@example.org", Preferences(), BEFORE)
        store.unsubscribe(connection, left.subscriber.id, NOW)
    text = "email,at\na@example.org,9:30\nleft@example.org,9:30\n"
    ran = Import(database, text, change=True)
    assert (ran.done.changed, *ran.counts) == (1, 0, 0, 0, 1)
    after = of(database, "a@example.org")
    assert (after.preferences, after.consent) == (replace(wants, at=after.preferences.at), BEFORE)
    assert f"{after.preferences.at:%H:%M}" == "09:30"
    assert kinds(database, "a@example.org")[-1] is EventKind.CHANGED
    assert Import(database, text, change=True).done.here == 1
    mutes = "email,mutes\na@example.org,robotics\n"
    (refusal,) = Import(database, mutes, change=True).refused
    assert "followed or muted" in refusal.reason


@pytest.mark.parametrize("between", ["", FILLERS], ids=["one batch", "two batches"])
def test_duplicates_are_one_with_the_topics_of_all(database: Database, between: str) -> None:
    """The first row wins, case aside, however far apart they stand."""
    later = "a@EXAMPLE.org,robotics\na@example.org,vision\n"
    text = f"email,topics\nA@example.org,alignment\n{between}{later}"
    fillers = BATCH if between else 0
    assert Import(database, text, dry=True).counts == (1 + fillers, 0, 2, 0)
    assert Import(database, text).counts == (1 + fillers, 0, 2, 0)
    found = of(database, "a@example.org")
    assert found.address == "A@example.org"
    assert found.preferences.follows == {"alignment", "robotics", "vision"}


@pytest.mark.parametrize("between", ["", FILLERS], ids=["one batch", "two batches"])
@pytest.mark.parametrize("first", [True, False], ids=["gone first", "gone last"])
def test_who_left_in_one_row_is_not_subscribed_by_another(
    database: Database, between: str, first: bool
) -> None:
    """Lists that were put together in whatever order subscribe nobody who left."""
    gone, good = "a@example.org,2020-01-01\n", "A@example.org,\n"
    rows = f"{gone}{between}{good}" if first else f"{good}{between}{gone}"
    Import(database, f"email,unsubscribed_at\n{rows}")
    with database.read() as connection:
        found = store.find(connection, "a@example.org")
    assert found is None or found.state is State.UNSUBSCRIBED


def test_a_dry_run_keeps_nothing(database: Database) -> None:
    """And tells the same counts."""
    text = "email\na@example.org\nA@example.org\nnobody\n"
    assert Import(database, text, dry=True).counts == (1, 0, 1, 1)
    with database.read() as connection:
        assert sum(store.count(connection).values()) == 0
        assert event_store.newest(connection) == 0


def test_owners_are_asked_by_letter(database: Database) -> None:
    """Pending until they confirm, one letter each, none to who is here already."""
    ask = replace(TERMS, ask=True)
    text = "email,consent_at\na@example.org,2020-01-02\nb@example.org,\n"
    assert Import(database, text, ask).done.asked == 2
    assert Import(database, text, ask).done.asked == 0
    assert of(database, "a@example.org").state is State.PENDING
    assert of(database, "a@example.org").consent.at == NOW  # not forgotten as never confirmed
    assert kinds(database, "a@example.org") == [EventKind.SUBSCRIBED]
    with database.read() as connection:
        listed = letters.listed(connection, 9)
    assert {(one.kind, one.address) for one in listed} == {
        ("confirmation", "a@example.org"),
        ("confirmation", "b@example.org"),
    }


def test_a_file_that_breaks_leaves_whole_batches(database: Database) -> None:
    """Those before the broken line, and why it stopped; mended, the rest is added."""
    good = f"email,topics\n{FILLERS}a@example.org,\n"
    ran = Import(database, good.encode() + b"\xff@example.org,\n")
    assert ran.counts == (BATCH, 0, 0, 0)
    assert ran.done.error is not None
    assert ran.done.error.line == BATCH + 3
    assert Import(database, good).counts == (1, BATCH, 0, 0)
