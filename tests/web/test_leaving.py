"""Unsubscribing by one click and by the page, its undo, and votes by the links of a mail."""

from __future__ import annotations

import pytest

from newsletter.store import votes
from subscribers.model import State
from subscribers.tokens import Purpose
from tests.web.conftest import READER, Pages


@pytest.fixture
def link(stored_pages: Pages) -> str:
    """What the List-Unsubscribe header of a mail holds."""
    return f"/u/{stored_pages.token(Purpose.UNSUBSCRIBE, stored_pages.subscribed().id)}"


@pytest.mark.parametrize("kind", ["urlencoded", "multipart"])
def test_one_click_ends_it(stored_pages: Pages, link: str, kind: str) -> None:
    """RFC 8058 3.2: a POST without cookies, answered without a redirect, as often as it comes."""
    body = {"List-Unsubscribe": "One-Click"}
    for _ in range(2):
        answer = (
            stored_pages.browser.post(link, data=body)
            if kind == "urlencoded"
            else stored_pages.browser.post(link, files={k: (None, v) for k, v in body.items()})
        )
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
        assert stored_pages.state() is State.UNSUBSCRIBED
    first = stored_pages.reader().unsubscribed_at
    stored_pages.later(hours=1)
    stored_pages.browser.post(link, data=body)
    assert stored_pages.reader().unsubscribed_at == first


def test_a_person_is_asked_and_can_come_back(stored_pages: Pages, link: str) -> None:
    """Opening the link does nothing; the page's button does, and can be undone."""
    pages = stored_pages
    assert "Unsubscribe?" in pages.browser.get(link).text
    assert pages.state() is State.CONFIRMED
    assert "You are unsubscribed" in pages.browser.post(link, data={"page": "1"}).text
    assert pages.state() is State.UNSUBSCRIBED
    assert "You are back" in pages.browser.post(f"{link}/undo").text
    reader = pages.reader()
    assert (reader.state, reader.unsubscribed_at) == (State.CONFIRMED, None)


def test_less_is_an_answer_too(stored_pages: Pages, link: str) -> None:
    """Once a week, or half as many; who had left stays with that."""
    pages = stored_pages
    pages.browser.post(link, data={"page": "1"})
    assert "Less from now on" in pages.browser.post(f"{link}/less", data={"how": "weekly"}).text
    reader = pages.reader()
    assert (reader.state, len(reader.preferences.days)) == (State.CONFIRMED, 1)
    pages.browser.post(f"{link}/less", data={"how": "half"})
    assert pages.reader().preferences.length == 5


def test_a_vote_is_asked_for_kept_and_taken_back(pages: Pages) -> None:
    """Opening the link shows the paper; the button votes, and its effect is told."""
    reader = pages.subscribed()
    pages.composed()
    link = f"/v/{pages.token(Purpose.VOTE, reader.id, 1, 0)}"

    def cast() -> list[int]:
        with pages.app.database.read() as connection:
            found = votes.of_readers(connection, [reader.id])
        return [one.value for one in found.get(reader.id, ())]

    asked = pages.browser.get(f"{link}/less")
    assert (asked.status_code, cast()) == (200, [])
    assert "You will see less like it" in pages.browser.post(f"{link}/less").text
    assert cast() == [-1]
    assert "You will see more like it" in pages.browser.post(f"{link}/more").text
    assert cast() == [1]
    assert "Taken back" in pages.browser.post(f"{link}/none").text
    assert cast() == []
    assert pages.browser.post(f"{link}/other").status_code == 404
    assert READER not in asked.text
