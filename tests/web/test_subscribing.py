"""Asking for mail by the front page: the preview, the opt-in, and what keeps machines out."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from newsletter.store.letters import LetterKind
from subscribers.model import State
from subscribers.tokens import Purpose
from tests.web.conftest import READER, Pages


def send(pages: Pages, **fields: Any) -> Any:
    """Sends the front page's form."""
    told = {"address": READER, "t": pages.form_token(), "topic": ["alignment"]} | fields
    return pages.browser.post("/subscribe", data=told)


def test_choices_are_shown_as_the_digest_they_would_get(pages: Pages) -> None:
    """Before any address is typed; the same as is composed for who chose so."""
    chosen = {"topic": ["alignment", "agents"], "length": "4"}
    shown = pages.browser.get("/preview", params=chosen).text
    reader = pages.subscribed(follows=frozenset(chosen["topic"]), length=4)
    pages.composed()
    with pages.app.database.read() as connection:
        from newsletter.store import issues, ledger, papers

        issue = issues.latest(connection)
        assert issue is not None
        (held,) = ledger.entries(connection, issue.id, subscriber_id=reader.id)
        names = [pick.paper_id for pick in ledger.read_picks(held.picks, issue)]
        assert len(papers.of(connection, names)) == 4
    places = [shown.index(f'/papers/{name}"') for name in names]
    assert places == sorted(places)
    assert shown.count('<li class="paper">') == 4


def test_a_phrase_of_ones_own_finds_its_papers(pages: Pages) -> None:
    """And one that cannot be read is told in words, in the preview and in the form."""
    shown = pages.browser.get("/preview", params={"phrases": '"instruction tuning"'}).text
    assert "Because you follow" in shown
    assert "instruction tuning" in shown
    wrong = pages.browser.get("/preview", params={"phrases": '"instruction'})
    assert wrong.status_code == 200
    assert "problem" in wrong.text
    assert send(pages, phrases='"instruction').status_code == 400


def test_without_a_script_the_button_shows_the_same(pages: Pages) -> None:
    """The form's own query draws the page with its choices and what they get."""
    page = pages.browser.get("/", params={"topic": "alignment"}).text
    assert 'value="alignment" checked' in page
    assert "Your digest of today" in page
    assert "Trending today" in pages.browser.get("/").text


def test_a_subscription_begins_when_its_owner_says_so(stored_pages: Pages) -> None:
    """Asked by mail; opening the link does nothing, the button does, and twice is once."""
    pages = stored_pages
    asked = send(pages, cadence="weekdays", at="06:30", zone="Europe/Oslo", length="5")
    assert asked.status_code == 200
    assert pages.state() is State.PENDING
    link = pages.link("confirm")
    assert READER in pages.browser.get(link).text
    assert pages.state() is State.PENDING
    assert "Welcome" in pages.browser.post(link).text
    reader = pages.reader()
    wants = reader.preferences
    assert (reader.state, wants.zone, wants.length) == (State.CONFIRMED, "Europe/Oslo", 5)
    assert (wants.days, f"{wants.at:%H:%M}") == (frozenset(range(5)), "06:30")
    assert reader.consent.form == "subscribe page"
    assert len(reader.consent.wording) == 12
    assert reader.consent.network == ""
    assert pages.browser.post(link).status_code == 200
    assert pages.queued(LetterKind.WELCOME) == 1


def test_nobody_learns_whether_an_address_is_known(stored_pages: Pages) -> None:
    """The answer is the same; a reader who is here gets the link, and keeps what was chosen."""
    pages = stored_pages
    pages.subscribed()
    known, unknown = send(pages), send(pages, address="bo@example.org")
    assert known.status_code == unknown.status_code == 200
    assert known.text.replace(READER, "bo@example.org") == unknown.text
    assert pages.reader().preferences.follows == frozenset()
    assert pages.queued(LetterKind.PREFERENCES) == pages.queued(LetterKind.CONFIRMATION) == 1


def test_the_same_letter_is_not_sent_again_at_once(stored_pages: Pages) -> None:
    """Who types an address ten times fills no mailbox."""
    pages = stored_pages
    for _ in range(5):
        assert send(pages).status_code == 200
    assert pages.queued(LetterKind.CONFIRMATION) == 1
    pages.later(minutes=11)
    send(pages)
    assert pages.queued(LetterKind.CONFIRMATION) == 1  # three a day were asked for by then


def test_a_network_that_asks_too_much_is_told_so(pages: Pages) -> None:
    """Nothing is kept of what it asked for then."""
    own = pages.app.settings.pages
    pages.app.settings.__dict__["pages"] = own.model_copy(update={"asks_per_network": 2})
    codes = [send(pages, address=f"r{at}@example.org").status_code for at in range(4)]
    assert codes == [200, 200, 429, 429]
    assert pages.state("r3@example.org") is None


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"website": "https://spam.example"}, 200),  # seen by machines alone
        ({"t": ""}, 400),
        ({"t": "1.altered"}, 400),
        ({"address": "no address"}, 400),
        ({"length": "1000"}, 400),
        ({"at": "25:00"}, 400),
        ({"zone": "Mars/One"}, 400),
        ({"phrases": "\n".join("abc" for _ in range(11))}, 400),
    ],
)
def test_what_no_person_means_is_not_kept(
    pages: Pages, fields: dict[str, str], status: int
) -> None:
    """The form comes back with what was typed, or a machine is thanked; nobody is written to."""
    answer = send(pages, **fields)
    assert answer.status_code == status
    assert pages.state() is None
    if status == 400:
        assert 'value="alignment" checked' in answer.text


def test_a_form_sent_faster_than_people_type_is_asked_again(pages: Pages) -> None:
    """And so is one that lay open for more than a day."""
    for ago in (0, 90_000):
        assert send(pages, t=pages.form_token(ago)).status_code == 400
    assert pages.state() is None


def test_those_who_never_confirm_are_forgotten(stored_pages: Pages) -> None:
    """Their link says that it has expired, and their address is gone."""
    from newsletter import pipeline

    pages = stored_pages
    send(pages)
    link = pages.link("confirm")
    number = pages.reader().id
    pages.later(days=4)
    assert "expired" in pages.browser.get(link).text
    assert pages.browser.post(link).status_code == 410
    assert pipeline.tidy(pages.app.database, pages.now) == 1
    assert pages.state() is None
    assert pages.browser.get(link).status_code == 410
    stale = pages.token(Purpose.CONFIRM, number, int(pages.now.timestamp()) + 100)
    assert pages.browser.post(f"/confirm/{stale}").status_code == 410


def test_a_disposable_domain_is_told_where_a_list_is_kept(pages: Pages) -> None:
    """Its subdomains too."""
    file = pages.app.config.base / "disposable.txt"
    file.write_text("# thrown away\nthrown.example\n", encoding="utf-8")
    own = pages.app.settings.pages
    pages.app.settings.__dict__["pages"] = own.model_copy(update={"disposable": file})
    answer = send(pages, address="a@mail.thrown.example")
    assert (answer.status_code, "thrown away" in answer.text) == (400, True)
    assert send(pages).status_code == 200


def test_a_browser_works_for_a_letter_where_the_settings_say_so(pages: Pages) -> None:
    """What it found counts for this letter alone; without it nobody is written to."""
    own = pages.app.settings.pages
    pages.app.settings.__dict__["pages"] = own.model_copy(update={"work_bits": 8})
    assert 'data-bits="8"' in pages.browser.get("/").text
    token = pages.form_token()

    def found(nonce: int, address: str = READER) -> bool:
        return hashlib.sha256(f"{token}:{address}:{nonce}".encode()).digest()[0] == 0

    good = (one for one in range(50_000) if found(one) and not found(one, "bo@example.org"))
    nonce = next(good)
    wrong = next(one for one in range(10_000) if not found(one))
    for work in ("", str(wrong), "x" * 500):
        assert send(pages, t=token, work=work).status_code == 400
    assert pages.state() is None
    assert send(pages, t=token, work=str(nonce)).status_code == 200
    assert pages.state() is State.PENDING
    assert send(pages, t=token, work=str(nonce), address="bo@example.org").status_code == 400
