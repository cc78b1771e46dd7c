"""Issues that wait for an editor, on every database: nothing leaves, the editor is asked once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from newsletter import pipeline
from newsletter.errors import RequestError
from newsletter.issue import Issue
from newsletter.pipeline import Means
from newsletter.preflight.house import House
from newsletter.preflight.report import Report
from newsletter.store import issue_acts, issue_skips, issues
from newsletter.store.issue_acts import Done, IssueAct, Standing
from subscribers import store
from subscribers.model import Consent, Preferences
from subscribers.tokens import Purpose
from tests.contract.test_belt import NOON, SIGNER
from tests.contract.test_letters import Office
from tests.golden.test_golden import TERMS
from tests.world import Scripted

EDITOR = "editor@example.org"
LATER = NOON + timedelta(hours=1)


class Held(Office):
    """The office with an issue, and a desk that judges it."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        issue = self.compose().issue
        assert issue is not None
        self.issue: Issue = issue

    def desk(self) -> pipeline.Desk:
        return replace(super().desk(), judge=self.judge)

    def judge(self, issue: Issue, now: datetime) -> Report:
        masthead = TERMS.masthead
        house = House(
            address=masthead.from_address,
            reply_to=masthead.reply_to,
            list_id=masthead.list_id,
            domain=masthead.domain,
            postal_address=TERMS.imprint,
            web_hosts=frozenset(),
            goes_out=False,
            signs=False,
        )
        return pipeline.preflight(self.database, Means(signer=SIGNER, house=house), issue, now)

    def hold(self, why: str = "", now: datetime = NOON) -> Done:
        return pipeline.hold(
            self.database, self.issue, by="newsletter", why=why, now=now, editor=EDITOR
        )

    def approve(self, now: datetime = LATER) -> Done:
        return pipeline.approve(self.database, self.issue, by="ida", why="", now=now)

    def stands(self) -> Standing:
        with self.database.read() as connection:
            return issue_acts.standing(connection, self.issue.id)

    def published(self) -> list[int]:
        with self.database.read() as connection:
            return [one.id for one in issues.listed(connection, 9, published=True)]

    def mails(self, now: datetime = NOON) -> list[EmailMessage]:
        road = Scripted()
        self.send(road, now=now)
        found = []
        for recipient, content in road.offered:
            assert recipient == EDITOR
            mail = message_from_bytes(content, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            found.append(mail)
        return found


@pytest.fixture
def held(database_url: str) -> Iterator[Held]:
    made = Held(database_url)
    yield made
    made.database.close()


def test_nothing_leaves_of_a_held_issue_until_it_is_approved(held: Held) -> None:
    """Held and approved twice is once; neither pause nor resume gets around it."""
    assert held.hold("a second look") == held.hold("again", LATER)
    assert (held.stands().held, held.stands().paused) == (True, True)
    assert held.published() == []
    assert held.post(Scripted()).states == {}
    for act in (IssueAct.PAUSE, IssueAct.RESUME):
        with pytest.raises(RequestError, match="held for approval, by newsletter since"):
            pipeline.pause(held.database, held.issue, act, by="bo", why="", now=NOON)
    assert held.approve().at == LATER
    assert held.approve(LATER + timedelta(hours=1)).at == LATER
    assert (held.stands().held, held.stands().paused) == (False, False)
    assert held.published() == [held.issue.id]
    road = Scripted()
    held.post(road)
    assert len(road.taken) == 2
    assert [one.act for one in held.stands().acts] == [IssueAct.HOLD, IssueAct.APPROVE]


def test_what_is_not_held_or_cancelled_cannot_be_approved(held: Held) -> None:
    """Each says what it is instead; a held issue that was cancelled stays out of sight."""
    with pytest.raises(RequestError, match="is not held"):
        held.approve()
    pipeline.pause(held.database, held.issue, IssueAct.PAUSE, by="bo", why="", now=NOON)
    with pytest.raises(RequestError, match="`newsletter issues resume` lets it go"):
        held.approve()
    held.hold()
    assert held.stands().held
    pipeline.cancel(held.database, held.issue, by="bo", why="no", now=NOON)
    for act in (held.approve, held.hold):
        with pytest.raises(RequestError, match="was cancelled by bo: no. That is for ever."):
            act()
    assert not held.stands().held
    assert held.published() == []


def test_the_editor_is_asked_once_and_told_all_there_is_to_know(held: Held) -> None:
    """The preflight's word, the papers, the commands, and the digest as a page of nobody's."""
    held.hold("issue.hold is set")
    (mail,) = held.mails()
    assert str(mail["Subject"]) == "Issue 2026-03-12 waits for your approval"
    body = mail.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    for words in (
        "Held since: 2026-03-12 12:00 UTC, newsletter: issue.hold is set",
        "Readers due: 2",
        "The first of them at: 2026-03-12 12:00 UTC",
        "Preflight: passes",
        "    newsletter issues approve 2026-03-12",
        "    newsletter issues cancel 2026-03-12 --why TEXT",
        f"1. {held.issue.snapshot.cards[held.issue.candidates[0].paper_id].title}"[:60],
    ):
        assert words in text
    (page,) = mail.iter_attachments()
    assert page.get_filename() == "digest-2026-03-12.html"
    html = page.get_content()
    assert html.count("<h3") == 10
    token = html.partition("unsubscribe%20")[2].partition('"')[0]
    assert SIGNER.read(Purpose.UNSUBSCRIBE, token) == 0
    held.approve()
    held.hold("once more")
    assert held.mails(LATER) == []


def test_a_word_from_outside_stays_a_word(held: Held) -> None:
    """A reason with mark-up in it is no mark-up in the mail."""
    held.hold("<script>alert(1)</script>")
    (mail,) = held.mails()
    body = mail.get_body(("html",))
    assert body is not None
    assert "<script>" not in body.get_content()
    assert "&lt;script&gt;" in body.get_content()


def test_an_editor_is_not_asked_about_what_is_settled(held: Held) -> None:
    """Approved before the letter left, it is not sent."""
    held.hold()
    held.approve()
    assert held.mails() == []
    assert "was settled before" in held.states()[0][1]


def test_a_newcomer_s_digest_of_a_held_issue_waits_too(held: Held) -> None:
    """It is composed, but the welcome does not promise it for right away."""
    held.hold()
    with held.database.write() as connection:
        new = store.subscribe(
            connection, "new@example.org", Preferences(), Consent(at=NOON, form="test")
        ).subscriber
        assert not pipeline.welcome(connection, new, NOON, TERMS.zone)
    assert held.post(Scripted()).states == {}
    held.approve()
    road = Scripted()
    held.post(road)
    assert "new@example.org" in road.taken


def test_a_day_to_come_is_skipped_and_not_skipped(held: Held) -> None:
    """Twice is once; not a day that is over, nor one that has its issue."""
    today, day = NOON.date(), NOON.date() + timedelta(days=2)

    def skip(which: int = 2, by: str = "ida") -> str:
        chosen = today + timedelta(days=which)
        done = pipeline.skip(held.database, chosen, today, by=by, why="holiday", now=NOON)
        return done.by

    assert (skip(), skip(by="bo")) == ("ida", "ida")
    with held.database.read() as connection:
        assert issue_skips.skipped(connection, day) is not None
        assert issue_skips.skipped(connection, today) is None
        assert [one.day for one in issue_skips.listed(connection, today)] == [day]
        assert issue_skips.listed(connection, day + timedelta(days=1)) == []
    with pytest.raises(RequestError, match="2026-03-11 is over"):
        skip(-1)
    with pytest.raises(RequestError, match="composed already. `newsletter issues cancel"):
        skip(0)
    pipeline.unskip(held.database, day, today)
    with pytest.raises(RequestError, match="2026-03-14 is not skipped"):
        pipeline.unskip(held.database, day, today)
