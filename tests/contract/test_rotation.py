"""What was sent before the key was rotated is known after it, on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from newsletter import pipeline
from newsletter.pipeline import What
from newsletter.store import issues
from subscribers import store
from subscribers.tokens import Purpose, Signer
from tests.contract.test_belt import NOON, READERS, SIGNER
from tests.contract.test_returned import Box, Returns
from tests.returned.make import mail

OLD = b"a secret of the tests"  # of test_belt.SIGNER
ROTATED = Signer(b"a new secret", [b"another of before", OLD])
EXPIRED = Signer(b"a new secret")
READER = list(READERS)[1]


@pytest.fixture
def world(database_url: str) -> Iterator[Returns]:
    made = Returns(database_url)
    yield made
    made.database.close()


def taken(world: Returns, signer: Signer, *contents: bytes) -> pipeline.Taken:
    back = pipeline.take_back(world.database, signer, Box(*contents), lambda: NOON)
    (one,) = back.taken
    return one


def test_a_mail_of_before_comes_back_by_its_message_id(world: Returns) -> None:
    """As long as its key counts; not any more when that has ended."""
    content = world.returned("postfix-no-user", world.day(0), READER)
    assert taken(world, EXPIRED, content).what is What.UNAUTHENTICATED
    found = taken(world, ROTATED, content)
    assert (found.what, found.address) == (What.BOUNCED, READER)


def test_a_mail_of_after_comes_back_too(world: Returns) -> None:
    """By the new key, of the same issue."""
    issue = world.day(0)
    with world.database.read() as connection:
        edition = pipeline.Edition(issues.by_id(connection, issue), ROTATED)
        reader = store.get(connection, READER)
    new, _, old = edition.message_ids(reader.id)
    assert edition.message_id(reader.id) == new
    assert old == world.message(issue, READER).message_id
    content = mail("postfix-no-user", message_id=new, reader=READER)
    assert taken(world, ROTATED, content).what is What.BOUNCED
    assert taken(world, SIGNER, content).what is What.UNAUTHENTICATED


def test_an_unsubscribe_mail_of_before_works(world: Returns) -> None:
    """A link in a mail already sent lets its reader leave."""
    with world.database.read() as connection:
        reader = store.get(connection, READER)
    token = SIGNER.sign(Purpose.UNSUBSCRIBE, reader.id)
    content = mail("unsubscribe", unsubscribe=token, reader=READER)
    assert taken(world, EXPIRED, content).what is What.UNAUTHENTICATED
    assert taken(world, ROTATED, content).what is What.UNSUBSCRIBED
