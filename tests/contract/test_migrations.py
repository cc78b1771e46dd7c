"""The migrations make the schema the code believes in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.schema import SchemaItem

import newsletter.store.schema  # noqa: F401  the tables register themselves
from newsletter import pipeline
from newsletter.cli.preview import take_apart
from newsletter.errors import StoreError
from newsletter.store import issues, papers
from newsletter.store.database import HEAD, Database
from subscribers.schema import metadata
from tests.contract.test_belt import SIGNER


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    yield made
    made.close()


def test_migrating_makes_the_tables_of_the_code(database: Database) -> None:
    """After all migrations, nothing differs; running them again changes nothing."""
    assert database.revision() is None
    database.upgrade()
    database.upgrade()
    assert database.revision() == HEAD

    def is_here(item: SchemaItem, *_: object) -> bool:
        name = database.engine.dialect.name
        return bool(item.info.get("only", name) == name)

    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": is_here})
        assert compare_metadata(context, metadata) == []


def test_only_the_embedded_database_migrates_by_itself(database: Database) -> None:
    """Elsewhere an operator is asked to run the upgrade."""
    if database.embedded:
        database.prepare()
        assert database.revision() == HEAD
    else:
        with pytest.raises(StoreError, match="newsletter db upgrade"):
            database.prepare()
        assert database.revision() is None


def test_the_head_is_the_newest_script() -> None:
    """The number in the code is the last migration's."""
    config = Config()
    config.set_main_option("script_location", "newsletter.store:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


SNAPSHOT = {
    "masthead": {
        "title": "Papers",
        "from_name": "Papers",
        "from_address": "daily@example.org",
        "reply_to": "daily@example.org",
        "bounces": "daily@example.org",
        "list_id": "daily.example.org",
        "domain": "example.org",
    },
    "html": ["<p>", {"slot": "count"}, {"slot": "cards"}, {"slot": "since"}],
    "text": [{"slot": "count"}, {"slot": "cards"}, {"slot": "unsubscribe"}],
    "because": ["Because you follow", {"slot": "topics"}],
    "trending": "Trending now",
    "chips": {"x": {"name": "X", "html": " X"}},
}
CARD = {
    "title": "A title",
    "html": ["A title, ", {"slot": "reasons"}],
    "text": ["A title, ", {"slot": "reasons"}],
}
FIRST_RELEASE = (
    "INSERT INTO papers "
    "(id, title, abstract, authors, classes, published, code_url, first_seen_at) "
    "VALUES ('title:0011223344556677', 'A title', 'Words.', '[\"A. Author\"]', '[\"cs.CL\"]', "
    "'2026-03-01', 'https://github.com/a/b', '2026-03-11 06:00:00+00:00')",
    'INSERT INTO observations (paper_id, source, at, position, "of") '
    "VALUES ('title:0011223344556677', 'morning', '2026-03-11 00:00:00+00:00', 1, 70)",
    "INSERT INTO issues (day, composed_at, snapshot) "
    f"VALUES ('2026-03-11', '2026-03-11 06:00:00+00:00', '{json.dumps(SNAPSHOT)}')",
    "INSERT INTO issue_papers (issue_id, place, paper_id, seen, trend, matches, card) "
    f"VALUES (1, 0, 'title:0011223344556677', '2026-03-11', 1.0, '{{}}', '{json.dumps(CARD)}')",
)


def test_what_the_first_release_kept_is_kept(database: Database) -> None:
    """Its papers get the record that made them, and can be found and told more of."""
    config = Config()
    config.set_main_option("script_location", "newsletter.store:migrations")
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in FIRST_RELEASE:
            connection.execute(text(statement))
    database.upgrade()
    with database.read() as connection:
        kept = papers.get(connection, "title:001122")
        told, merged = papers.origins(connection, kept.paper.id)
        assert connection.scalar(text("SELECT pinned FROM issue_papers")) in (False, 0)
        issue = issues.by_id(connection, 1)
    mail = pipeline.Edition(issue, SIGNER).general("asa@example.org", ())
    assert mail.subject == "A title"
    parts = take_apart(mail.content)
    assert parts.html == "<p>1 paperA title, Trending now11 March 2026"
    assert kept.first_seen_at == datetime(2026, 3, 11, 6, tzinfo=UTC)
    assert (kept.paper.authors, kept.paper.classes) == (("A. Author",), ("cs.CL",))
    assert [(one.source, one.trust) for one in told] == [("morning", 20)]
    assert merged.paper == kept.paper
    assert set(merged.origins.values()) == {"morning"}


READERS = {"asa@Example.org": "example.org", '"a@b"@else.example': "else.example"}


def test_readers_that_were_here_get_their_domains(database: Database) -> None:
    """The part after the last @, also behind a quoted one; what was delivered stays."""
    config = Config()
    config.set_main_option("script_location", "newsletter.store:migrations")
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        for statement in FIRST_RELEASE[2:3]:
            connection.execute(text(statement))
        for address in READERS:
            connection.execute(
                text(
                    "INSERT INTO subscribers (address, address_key, state, follows, mutes, at, "
                    "zone, days, length, consent_at, consent_form) VALUES (:a, :key, "
                    "'confirmed', '[]', '[]', '08:00', 'UTC', '01234', 10, "
                    "'2026-03-11 06:00:00+00:00', 'test')"
                ),
                {"a": address, "key": address.lower()},
            )
        connection.execute(
            text(
                "INSERT INTO deliveries (issue_id, subscriber_id, state, reason, picks, due_at, "
                "next_at, tries, attempt) VALUES (1, 1, 'failed', 'refused', '[[0,1.0,[]]]', "
                "'2026-03-11 08:00:00+00:00', '2026-03-11 08:00:00+00:00', 1, 1)"
            )
        )
    database.upgrade()
    with database.read() as connection:
        rows = connection.execute(text("SELECT address, domain FROM subscribers")).all()
        assert {row.address: row.domain for row in rows} == READERS
        assert connection.execute(text("SELECT state, reply FROM deliveries")).one() == (
            "failed",
            "",
        )
        held = connection.execute(text("SELECT paused, cancelled FROM issues")).one()
        assert not any(held)
