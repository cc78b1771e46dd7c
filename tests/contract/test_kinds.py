"""What a digest is to its reader, and in which language, decided while composing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy

import pytest
from sqlalchemy import text

from newsletter import catalogue, pipeline
from newsletter.rendering.renderer import Renderer
from newsletter.rendering.templates import Templates
from newsletter.resources import folder
from newsletter.wording import DigestKind
from subscribers import store
from subscribers.model import Consent, Preferences
from tests.contract.test_belt import NOON
from tests.golden.test_golden import TERMS
from tests.world import Ledger

DAY = timedelta(days=1)


class Calendar(Ledger):
    """The belt's world over several days."""

    def subscribe(self, address: str, wants: Preferences, at: datetime = NOON) -> None:
        with self.database.write() as connection:
            store.subscribe(connection, address, wants, Consent(at=at, form="test"))

    def kinds(self, now: datetime) -> dict[str, str]:
        """What each reader's digest of a day is."""
        topics = catalogue.load(folder("seeds") / "topics.toml")
        terms = replace(TERMS, window=timedelta(days=60))
        renderer = Renderer(Templates(folder("templates")))
        issue = pipeline.compose(self.database, renderer, topics, terms, now).issue
        assert issue is not None
        return {address: one.kind for address, one in self.entries(issue.id).items()}

    def subject(self, address: str) -> str:
        with self.database.read() as connection:
            number = connection.scalar(text("SELECT MAX(issue_id) FROM deliveries"))
        mail = message_from_bytes(self.mail(self.entries(number)[address]), policy=policy.default)
        return f"{mail['Content-Language']}: {mail['Subject']}"


@pytest.fixture
def calendar(database_url: str) -> Iterator[Calendar]:
    made = Calendar(database_url)
    yield made
    made.database.close()


def test_a_reader_of_one_weekday_gets_a_weekly(calendar: Calendar) -> None:
    """And its subject says so; of several days it is a daily."""
    today = frozenset({NOON.weekday()})
    calendar.subscribe("one@example.org", Preferences(days=today, length=2))
    calendar.subscribe("two@example.org", Preferences(days=today | {(NOON.weekday() + 1) % 7}))
    kinds = calendar.kinds(NOON)
    assert kinds["one@example.org"] == DigestKind.WEEKLY
    assert kinds["two@example.org"] == DigestKind.DAILY
    assert calendar.subject("one@example.org").startswith("en: This week: ")


def test_who_was_away_catches_up(calendar: Calendar) -> None:
    """Nothing for eight days while issues came: the next is a catch-up, the one after a daily."""
    away = Preferences(length=1)
    calendar.subscribe("here@example.org", away)
    calendar.subscribe("away@example.org", away, NOON - 30 * DAY)
    with calendar.database.write() as connection:
        connection.execute(
            text("UPDATE subscribers SET state = 'pending' WHERE address = 'away@example.org'")
        )
    for day in range(0, 9, 2):
        assert "away@example.org" not in calendar.kinds(NOON + day * DAY)
    with calendar.database.write() as connection:
        connection.execute(text("UPDATE subscribers SET state = 'confirmed'"))
    calendar.subscribe("new@example.org", away, NOON + 9 * DAY)
    kinds = calendar.kinds(NOON + 9 * DAY)
    assert kinds["away@example.org"] == DigestKind.CATCH_UP
    assert kinds["here@example.org"] == kinds["new@example.org"] == DigestKind.DAILY
    assert calendar.kinds(NOON + 10 * DAY)["away@example.org"] == DigestKind.DAILY


def test_an_issue_speaks_what_its_readers_chose(calendar: Calendar) -> None:
    """Those who came with a language later get the publication's until the next issue."""
    calendar.subscribe("de@example.org", Preferences(language="de", length=3))
    calendar.kinds(NOON)
    assert calendar.subject("de@example.org").startswith("de: ")
    assert calendar.subject("de@example.org").endswith(" und 2 weitere")
    calendar.subscribe("later@example.org", Preferences(language="he", length=3))
    calendar.kinds(NOON)
    assert calendar.subject("later@example.org").startswith("en: ")


def test_more_than_was_asked_for_is_counted(calendar: Calendar) -> None:
    """What matched and is over the length is kept with the delivery, to be told."""
    calendar.subscribe("few@example.org", Preferences(length=3))
    calendar.kinds(NOON)
    with calendar.database.read() as connection:
        beyond = connection.scalar(
            text(
                "SELECT beyond FROM deliveries JOIN subscribers s ON s.id = subscriber_id "
                "WHERE address = 'few@example.org'"
            )
        )
    assert beyond == 67
