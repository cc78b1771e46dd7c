"""Many values as one parameter reach each database as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, cast, insert, select, update

from newsletter.store.database import Database
from newsletter.store.listed import each, listed
from newsletter.transports import replies

said = Table(
    "said", MetaData(), Column("id", Integer, primary_key=True), Column("words", String(400))
)
TOLD = each("told")
WRITE = update(said).where(said.c.id == cast(TOLD.c.key, said.c.id.type)).values(words=TOLD.c.value)
SOME = select(said.c.id).where(listed(said.c.id, "numbers")).order_by(said.c.id)
HOSTILE = [
    b"nothing \x00 at all",
    b"half of a pair: \xed\xa0\x80",
    b"\xf0\x9f\x93\xac " + b"long " * 100,
    b'"}, "2": {\\u0000 \\ud800 \\',
    b"%s %(told)s :told ?",
    b"\xff\xfe",
]


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    with made.write() as connection:
        said.create(connection)
        connection.execute(insert(said), [{"id": at, "words": ""} for at in range(len(HOSTILE))])
    yield made
    made.close()


def written(database: Database, told: Mapping[int, str]) -> dict[int, str]:
    with database.write() as connection:
        connection.execute(WRITE, {"told": told})
    with database.read() as connection:
        return {row.id: row.words for row in connection.execute(select(said))}


def test_a_servers_words_are_kept_whatever_they_are(database: Database) -> None:
    """What a hostile server says is data in JSON, in SQL and in what is read again."""
    told = {at: replies.read(250, words).text for at, words in enumerate(HOSTILE)}
    assert written(database, told) == told


def test_what_is_no_text_is_refused(database: Database) -> None:
    """SQLite would keep it, and nobody could read the row again."""
    with pytest.raises(UnicodeError):
        written(database, {1: "half of a pair: \ud800"})
    assert written(database, {2: "all of one"}) == {**dict.fromkeys(range(6), ""), 2: "all of one"}


def test_a_list_may_be_empty_or_name_what_is_not_there(database: Database) -> None:
    """Numbers over 31 bits too, twice or not at all."""
    with database.read() as connection:
        for numbers, found in (([], []), ([3, 1, 3, 2**40], [1, 3])):
            assert list(connection.scalars(SOME, {"numbers": numbers})) == found
