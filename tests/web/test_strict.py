"""What a strict reader of the pages found once, so that it stays mended."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import update

from newsletter import pipeline
from newsletter.cli.preview import take_apart
from newsletter.scopes import Scope
from newsletter.store import issues, keys, ledger
from newsletter.store.schema import deliveries
from newsletter.topics import Catalogue
from newsletter.web.security import Guard, network
from subscribers import store, suppression_store
from subscribers.model import State
from subscribers.suppression import Suppression, SuppressionKind
from subscribers.tokens import Purpose
from tests.web.conftest import READER, Pages

NEW = "asa@new.example.org"


def asked(pages: Pages, **more: Any) -> Any:
    """The front page's form, sent."""
    told = {"address": READER, "t": pages.form_token()} | more
    return pages.browser.post("/subscribe", data=told)


def test_a_rule_of_ones_own_is_kept_and_called_by_its_words(stored_pages: Pages) -> None:
    """In the letter, on the page that confirms, and when the preferences are saved as shown."""
    pages = stored_pages
    asked(pages, phrases='"test-time compute"')
    letter = pages.mail()
    assert "own-" not in letter
    assert "test-time compute" in letter
    link = re.search(r"/confirm/\S+", letter)
    assert link is not None
    assert "test-time compute" in pages.browser.get(link[0]).text
    pages.browser.post(link[0])
    (own,) = pages.reader().preferences.follows
    page = f"/preferences/{pages.token(Purpose.PREFERENCES, pages.reader().id)}"
    assert f'value="{own}" checked' in pages.browser.get(page).text
    pages.browser.post(page, data={"topic": [own]})
    assert pages.reader().preferences.follows == {own}


def test_enter_in_the_address_subscribes(pages: Pages) -> None:
    """The form's first button is its default one; looking puts no address into an address."""
    form = pages.browser.get("/").text.partition('id="subscribe"')[2]
    first = re.search(r"<button[^>]*>", form)
    assert first is not None
    assert "formaction" not in first[0]
    looked = pages.browser.post("/look", data={"address": READER, "topic": "alignment"})
    assert "Your digest of today" in looked.text
    assert f'value="{READER}"' in looked.text
    assert looked.headers["cache-control"] == "no-store"
    assert pages.state() is None


def test_who_left_has_left_whoever_types_the_address(stored_pages: Pages) -> None:
    """A wish that is never confirmed changes nothing of that, and forgets nobody."""
    pages = stored_pages
    reader = pages.subscribed()
    leave = f"/u/{pages.token(Purpose.UNSUBSCRIBE, reader.id)}"
    pages.browser.post(leave, data={"page": "1"})
    left = pages.reader().unsubscribed_at
    pages.later(hours=1)
    asked(pages)
    assert pages.state() is State.PENDING
    pages.mail()
    pages.later(days=4)
    pipeline.tidy(pages.app.database, pages.now)
    assert (pages.state(), pages.reader().unsubscribed_at) == (State.UNSUBSCRIBED, left)
    asked(pages)
    assert "You are back" in pages.browser.post(f"{leave}/undo").text
    assert pages.state() is State.CONFIRMED


def test_nobody_is_forgotten_while_the_question_is_on_its_way(stored_pages: Pages) -> None:
    """A letter that waited for days brings a link that holds."""
    pages = stored_pages
    asked(pages)
    pages.later(days=5)
    assert pipeline.tidy(pages.app.database, pages.now) == 0
    link = pages.link("confirm")
    pages.later(days=2)
    assert pipeline.tidy(pages.app.database, pages.now) == 0
    assert pages.browser.post(link).status_code == 200
    assert pages.state() is State.CONFIRMED


def test_what_a_server_said_of_an_erased_address_is_gone(pages: Pages) -> None:
    """It may have named it."""
    reader = pages.subscribed()
    pages.composed()
    with pages.app.database.write() as connection:
        connection.execute(update(deliveries).values(reason=f"refused: 550 <{READER}>: no"))
        pipeline.erase(connection, pages.app.signer, reader, pages.now)
    with pages.app.database.read() as connection:
        assert connection.execute(deliveries.select()).one().reason == "erased"


def test_an_erased_address_rests_no_longer_than_before(stored_pages: Pages) -> None:
    """Of an address whose mailbox was full for a while, its owner may ask again."""
    pages = stored_pages
    reader = pages.subscribed()
    full = Suppression(
        address_key=READER,
        kind=SuppressionKind.SOFT,
        reason="Full.",
        at=pages.now,
        by="bounce",
        until=pages.now + timedelta(days=7),
    )
    with pages.app.database.write() as connection:
        suppression_store.put(connection, full)
        pipeline.erase(connection, pages.app.signer, reader, pages.now)
    asked(pages)
    assert pages.state() is None
    pages.later(days=8)
    asked(pages)
    assert pages.state() is State.PENDING


def test_nothing_is_done_for_who_is_erased(stored_pages: Pages) -> None:
    """No letter, no pause, no vote."""
    pages = stored_pages
    reader = pages.subscribed()
    with pages.app.database.write() as connection:
        pipeline.erase(connection, pages.app.signer, reader, pages.now)
    page = f"/preferences/{pages.token(Purpose.PREFERENCES, reader.id)}"
    until = (pages.now + timedelta(days=9)).date().isoformat()
    for path, data in (
        (f"{page}/address", {"address": NEW}),
        (page.replace("preferences", "pause"), {"until": until}),
        (f"{page}/votes", {}),
        (page, {"length": "3"}),
    ):
        assert pages.browser.post(path, data=data).status_code == 410


def test_the_last_address_asked_for_counts(stored_pages: Pages) -> None:
    """A mistyped one cannot take the subscription over later; one that had left can be taken."""
    pages = stored_pages
    reader = pages.subscribed()
    page = f"/preferences/{pages.token(Purpose.PREFERENCES, reader.id)}/address"
    pages.browser.post(page, data={"address": "typo@example.org"})
    typo = pages.link("change", "typo@example.org")
    gone = pages.subscribed(NEW)
    with pages.app.database.write() as connection:
        store.unsubscribe(connection, gone.id, pages.now)
    pages.browser.post(page, data={"address": NEW})
    assert pages.browser.post(pages.link("change", NEW)).status_code == 200
    assert pages.browser.post(typo).status_code == 400
    assert pages.reader(NEW).id == reader.id


def test_who_shows_no_key_waits_for_nobody(pages: Pages) -> None:
    """Not for another writer, and holds up no other page."""
    done: list[int] = []

    def ask() -> None:
        done.append(pages.browser.get("/status").status_code)
        done.append(pages.browser.get("/api/v1/topics").status_code)

    with pages.app.database.write():
        asking = Thread(target=ask)
        asking.start()
        asking.join(10)
    assert done == [401, 401]


def test_rules_are_matched_by_several_at_once(pages: Pages) -> None:
    """Previews of different visitors do not get in each other's way."""
    trials, failed = pages.site.current.trials, list[BaseException]()
    from newsletter.rules import Rules

    def look(letter: str) -> None:
        try:
            for number in range(20):
                own = Rules(phrases=[f"{letter}{number} OR alignment"]).own()
                assert trials.volume(own[0]) == trials.volume(own[0]) > 0
                trials._matcher.match(Catalogue(own))
        except BaseException as error:
            failed.append(error)

    looking = [Thread(target=look, args=(letter,)) for letter in "ab"]
    for one in looking:
        one.start()
    for one in looking:
        one.join()
    assert failed == []


def test_what_is_left_out_stays(stored_pages: Pages) -> None:
    """A rule added by the API takes no topic away."""
    pages = stored_pages
    reader = pages.subscribed(follows=frozenset({"alignment"}))
    with pages.app.database.write() as connection:
        keys.add(connection, "tp_" + "k" * 43, "a test", [Scope.SUBSCRIBERS_WRITE], pages.now)
    pages.browser.put(
        f"/api/v1/subscribers/{reader.id}/preferences",
        json={"phrases": ["robot*"]},
        headers={"Authorization": "Bearer tp_" + "k" * 43},
    )
    follows = pages.reader().preferences.follows
    assert "alignment" in follows
    assert len(follows) == 2


@pytest.mark.parametrize(
    "query",
    ["length=00109999", "length=" + "9" * 3000, "at=99999999999:00", "at=1:" + "9" * 4000],
)
def test_numbers_are_bounded(pages: Pages, query: str) -> None:
    """However they are written."""
    answer = pages.browser.get(f"/?{query}")
    assert answer.status_code == 200
    assert answer.text.count('<li class="paper">') <= 50


def test_a_failure_of_ours_has_its_headers(pages: Pages) -> None:
    """And tells nothing of what failed."""
    pages.browser.get("/")
    pages.app.database.close()
    (pages.app.config.base / "newsletter.db").write_bytes(b"not a database" * 999)
    for end in ("-wal", "-shm"):
        (pages.app.config.base / f"newsletter.db{end}").unlink(missing_ok=True)
    answer = pages.browser.get("/issues/")
    assert answer.status_code == 503
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "database" not in answer.text


def test_a_request_that_was_cut_off_does_nothing() -> None:
    """Half a form is not what was meant."""
    called = list[str]()

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        called.append(scope["path"])

    parts = iter(
        [
            {"type": "http.request", "body": b"topic=a", "more_body": True},
            {"type": "http.disconnect"},
        ]
    )

    async def receive() -> Any:
        return next(parts)

    async def send(_: Any) -> None:
        called.append("answered")

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"host", b"localhost")]}
    asyncio.run(Guard(inner, ["localhost"])(scope, receive, send))
    assert called == []


def test_one_click_is_meant_however_it_is_written(stored_pages: Pages) -> None:
    """A body that cannot be read ends the subscription too."""
    pages = stored_pages
    link = f"/u/{pages.token(Purpose.UNSUBSCRIBE, pages.subscribed().id)}"
    told = {"content-type": "multipart/form-data"}
    assert pages.browser.post(link, content=b"--x", headers=told).status_code == 200
    assert pages.state() is State.UNSUBSCRIBED


def test_ipv4_in_ipv6_is_ipv4() -> None:
    """So that a server that listens to both counts networks apart."""
    assert network("::ffff:192.0.2.1") == network("192.0.2.9") != network("::ffff:198.51.100.7")


def test_a_wrong_field_keeps_what_was_typed(stored_pages: Pages) -> None:
    """In the preferences as on the front page."""
    pages = stored_pages
    page = f"/preferences/{pages.token(Purpose.PREFERENCES, pages.subscribed().id)}"
    wrong = {"phrases": '"open', "topic": ["agents"], "length": "7", "at": "06:15"}
    answer = pages.browser.post(page, data=wrong)
    assert answer.status_code == 400
    for kept in ('value="agents" checked', 'value="7"', 'value="06:15"', "&#34;open"):
        assert kept in answer.text


def test_a_digest_is_shown_without_waiting_for_votes(pages: Pages) -> None:
    """What votes say takes a while to work out; the page tells what was sent."""
    reader = pages.subscribed(follows=frozenset({"alignment"}))
    pages.composed()
    with pages.app.database.read() as connection:
        issue = issues.latest(connection)
    assert issue is not None
    vote = f"/v/{pages.token(Purpose.VOTE, reader.id, issue.id, 0)}/more"
    pages.browser.post(vote)
    page = pages.browser.get(f"/d/{pages.token(Purpose.VIEW, reader.id, issue.id)}")
    assert page.status_code == 200


def test_the_first_digest_is_what_the_preview_showed(pages: Pages) -> None:
    """A phrase typed after the issue was composed too; who was there before keeps their digest."""
    other = pages.subscribed("bo@example.org", follows=frozenset({"alignment"}))
    pages.composed()
    chosen = {"phrases": '"instruction tuning"', "length": "4"}
    preview = pages.browser.get("/preview", params=chosen).text
    shown = re.findall(r'<h3><a href="/papers/([^"]+)"', preview)
    assert shown
    asked(pages, **chosen)
    with pages.app.database.read() as connection:
        before = ledger.entries(connection, 1, subscriber_id=other.id)
    welcomed = pages.browser.post(pages.link("confirm"))
    assert "digest is on its way" in welcomed.text
    reader = pages.reader()
    with pages.app.database.read() as connection:
        issue = issues.latest(connection)
        assert issue is not None
        (held,) = ledger.entries(connection, 1, subscriber_id=reader.id)
        assert [pick.paper_id for pick in ledger.read_picks(held.picks, issue)] == shown
        assert ledger.entries(connection, 1, subscriber_id=other.id) == before
        text = take_apart(pipeline.Edition(issue, pages.app.signer).message(held).content).text
    assert "Because you follow instruction tuning" in text
