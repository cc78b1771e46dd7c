"""Queues and writes letters: confirmations, welcomes, links, goodbyes; and to who publishes.

It also takes the answer to a confirmation. How letters are sent is `letter_sending.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from newsletter.delivery import OPEN, DeliveryState
from newsletter.dkim import MailSigner
from newsletter.errors import RequestError
from newsletter.issue import Issue
from newsletter.message import Attached, Headers, Message, leaving
from newsletter.message import letter as built
from newsletter.pipeline import alarms, reviewing
from newsletter.pipeline.enrolling import enrol_one
from newsletter.preflight.report import Report
from newsletter.rendering.letters import Account, Letter, Letters, Wishes
from newsletter.snapshot import Masthead
from newsletter.store import issue_acts, issues, ledger
from newsletter.store import letters as kept
from newsletter.store.database import Connection
from newsletter.store.letters import LetterKind, Waiting
from newsletter.topics import Catalogue
from subscribers import change_store
from subscribers import store as subscribers
from subscribers.change_store import Change
from subscribers.model import State, Subscriber
from subscribers.tokens import Purpose, Signer

CONFIRM_WITHIN = timedelta(days=3)
REPORTED = 5  # issues, the newest, that a report may still be owed of
REASONS = 5  # of a state, the commonest, that a report tells


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What letters are written with."""

    letters: Letters
    masthead: Masthead
    signer: Signer
    topics: Catalogue
    language: str  # of readers who chose none, and of the operator
    mail_signer: MailSigner | None = None
    judge: Callable[[Issue, datetime], Report] | None = None  # the preflight that an editor is told


def state_for(kind: LetterKind) -> State:
    """The state of the readers that such a letter goes to."""
    others = {LetterKind.CONFIRMATION: State.PENDING, LetterKind.GOODBYE: State.UNSUBSCRIBED}
    return others.get(kind, State.CONFIRMED)


def queue_letter(
    connection: Connection, kind: LetterKind, reader: Subscriber, now: datetime
) -> None:
    """Queues a letter to a reader; within a second the same one is queued once."""
    queue_letters(connection, kind, [(reader.id, reader.address)], now)


def queue_letters(
    connection: Connection, kind: LetterKind, readers: Sequence[tuple[int, str]], now: datetime
) -> None:
    """Queues a letter to each of many readers, told by their numbers and addresses."""
    wanted = [(f"{number}/{now:%Y%m%dT%H%M%S}", address, number) for number, address in readers]
    kept.queue_all(connection, kind, wanted, now)


def compose_letter(
    connection: Connection, desk: Desk, waiting: Waiting, now: datetime
) -> Message | None:
    """The mail of a letter; None where what it is about holds no more.

    Its links hold from `now` on: a letter may have waited for long.
    """
    if waiting.kind is LetterKind.REPORT:
        letter = desk.letters.report(desk.language, _account(connection, waiting))
        return mail_of(desk, waiting, letter, waiting.address, "")
    if waiting.kind is LetterKind.REVIEW:
        return _review(connection, desk, waiting, now)
    if waiting.kind is LetterKind.ALERT:
        alarm = alarms.alarm_of(connection, waiting.queued_at)
        if alarm is None:
            return None
        return mail_of(desk, waiting, desk.letters.alert(desk.language, alarm), waiting.address, "")
    assert waiting.subscriber_id is not None  # noqa: S101  the others go to readers
    reader = subscribers.by_id(connection, waiting.subscriber_id)
    if reader.state is not state_for(waiting.kind):
        return None
    if waiting.kind is LetterKind.CHANGE:
        return _change(connection, desk, waiting, reader, now)
    letter = write(desk, waiting.kind, reader, now, first=_first(connection, reader))
    token = desk.signer.sign(Purpose.UNSUBSCRIBE, reader.id) if letter.leave else ""
    return mail_of(desk, waiting, letter, reader.address, token)


def ask_editor(connection: Connection, issue: Issue, address: str, now: datetime) -> bool:
    """Queues the letter that asks the editor to approve an issue; False where it was before."""
    return kept.queue(connection, LetterKind.REVIEW, issue.name, address, now)


def _review(connection: Connection, desk: Desk, waiting: Waiting, now: datetime) -> Message | None:
    issue = issues.get(connection, _day(waiting.key))
    if not issue_acts.standing(connection, issue.id).held:
        return None
    report = desk.judge(issue, now) if desk.judge is not None else None
    page = reviewing.digest(connection, issue, desk.signer, waiting.address)
    review = reviewing.review(connection, issue, desk.topics, report, page.name)
    letter = desk.letters.review(desk.language, review)
    return mail_of(desk, waiting, letter, waiting.address, "", [page])


def queue_change(connection: Connection, change: Change, now: datetime) -> None:
    """Queues the letter that asks an address whether it is to get a reader's mail."""
    key = str(change.id)
    kept.queue(connection, LetterKind.CHANGE, key, change.address, now, change.subscriber_id)


def _change(
    connection: Connection, desk: Desk, waiting: Waiting, reader: Subscriber, now: datetime
) -> Message | None:
    change = change_store.find(connection, int(waiting.key.partition("/")[2]))
    if change.done_at is not None or not desk.masthead.pages:
        return None
    ends = int((now + CONFIRM_WITHIN).timestamp())
    token = desk.signer.sign(Purpose.CHANGE, reader.id, change.id, ends)
    url = f"{desk.masthead.pages}/change/{token}"
    letter = desk.letters.change(_code(desk, reader), url, CONFIRM_WITHIN.days)
    return mail_of(desk, waiting, letter, change.address, "")


def _code(desk: Desk, reader: Subscriber) -> str:
    """The language a reader is written to in."""
    code = reader.preferences.language
    return code if code in desk.letters.languages() else desk.language


def write(
    desk: Desk, kind: LetterKind, reader: Subscriber, now: datetime, *, first: bool
) -> Letter:
    """The words of a letter to a reader; raises RequestError where it needs readers' pages."""
    code = _code(desk, reader)
    pages, sign = desk.masthead.pages, desk.signer.sign
    leave = leaving(desk.masthead, sign(Purpose.UNSUBSCRIBE, reader.id))[0]
    link = f"{pages}/preferences/{sign(Purpose.PREFERENCES, reader.id)}" if pages else ""
    match kind:
        case LetterKind.CONFIRMATION:
            url = confirm_url(desk, reader.id, now)
            days = CONFIRM_WITHIN.days
            return desk.letters.confirmation(code, _wishes(desk, reader), url, days)
        case LetterKind.WELCOME:
            return desk.letters.welcome(
                code, _wishes(desk, reader), leave=leave, first=first, url=link
            )
        case LetterKind.PREFERENCES:
            if not link:
                raise RequestError("There is no page to link to: pages.url is not set.")
            return desk.letters.preferences(code, url=link, leave=leave)
        case LetterKind.GOODBYE:
            return desk.letters.goodbye(code, url=f"{pages}/" if pages else "")
    raise RequestError(f"A {kind} is not written to readers.")


def letter_to(
    desk: Desk, kind: LetterKind, reader: Subscriber, now: datetime, *, first: bool
) -> Message:
    """A letter as it would be sent, whatever the reader's state; raises RequestError."""
    waiting = Waiting(
        id=0,
        key=f"{kind}/preview/{reader.id}",
        kind=kind,
        subscriber_id=reader.id,
        address=reader.address,
        queued_at=now,
        tries=0,
    )
    letter = write(desk, kind, reader, now, first=first)
    token = desk.signer.sign(Purpose.UNSUBSCRIBE, reader.id) if letter.leave else ""
    return mail_of(desk, waiting, letter, reader.address, token)


def report_of(
    desk: Desk, connection: Connection, day: date, address: str, now: datetime
) -> Message:
    """The operator's report of an issue as it would be sent."""
    message = _as_sent(desk, connection, LetterKind.REPORT, day.isoformat(), address, now)
    assert message is not None  # noqa: S101  a report always holds
    return message


def review_of(
    desk: Desk, connection: Connection, day: date, address: str, now: datetime
) -> Message | None:
    """The letter that asks the editor, as it would be sent; None where the issue is not held."""
    return _as_sent(desk, connection, LetterKind.REVIEW, day.isoformat(), address, now)


def _as_sent(
    desk: Desk, connection: Connection, kind: LetterKind, key: str, address: str, now: datetime
) -> Message | None:
    waiting = Waiting(
        id=0,
        key=f"{kind}/{key}",
        kind=kind,
        subscriber_id=None,
        address=address,
        queued_at=now,
        tries=0,
    )
    return compose_letter(connection, desk, waiting, now)


def confirm_url(desk: Desk, subscriber_id: int, now: datetime) -> str:
    """What confirms a subscription from now on: a page, or a mail that is ready to send."""
    ends = int((now + CONFIRM_WITHIN).timestamp())
    token = desk.signer.sign(Purpose.CONFIRM, subscriber_id, ends)
    if desk.masthead.pages:
        return f"{desk.masthead.pages}/confirm/{token}"
    return f"mailto:{desk.masthead.reply_to}?subject=confirm%20{token}"


def mail_of(
    desk: Desk,
    waiting: Waiting,
    letter: Letter,
    address: str,
    token: str,
    attached: Sequence[Attached] = (),
) -> Message:
    """A letter as the mail it is sent as; the `token` unsubscribes, where it can."""
    return built(
        desk.masthead,
        Headers(
            recipient=address,
            subject=letter.subject,
            at=waiting.queued_at,
            key=desk.signer.opaque(waiting.key),
            issue_name=waiting.kind,
            language=letter.language,
            feedback=f"{waiting.kind}:{letter.language}:letter",
            unsubscribe_token=token,
        ),
        html=letter.html,
        text=letter.text,
        mail_signer=desk.mail_signer,
        attached=attached,
    )


def _wishes(desk: Desk, reader: Subscriber) -> Wishes:
    wants, known = reader.preferences, desk.topics.topics
    return Wishes(
        topics=[known[slug].name if slug in known else slug for slug in sorted(wants.follows)],
        at=f"{wants.at:%H:%M}",
        zone=wants.zone,
        length=wants.length,
        days=wants.days,
    )


def _first(connection: Connection, reader: Subscriber) -> bool:
    """Whether a digest for this reader waits already."""
    newest = issues.latest_day(connection)
    if newest is None:
        return False
    issue = issues.get(connection, newest)
    found = ledger.entries(connection, issue.id, subscriber_id=reader.id)
    return any(one.state in OPEN and one.picks != "[]" for one in found)


def _account(connection: Connection, waiting: Waiting) -> Account:
    issue = issues.get(connection, _day(waiting.key))
    counts = ledger.count(connection, issue.id)
    return Account(
        day=issue.day,
        counts=[(state.value, number) for state, number in counts.items() if number],
        reasons={
            state: list(ledger.reasons(connection, issue.id, state, REASONS).items())
            for state in (DeliveryState.FAILED, DeliveryState.UNKNOWN, DeliveryState.SKIPPED)
        },
    )


def _day(key: str) -> date:
    return date.fromisoformat(key.partition("/")[2])


def welcome(connection: Connection, reader: Subscriber, now: datetime, zone: ZoneInfo) -> bool:
    """Queues a reader's welcome, and today's digest for right away; whether there is one."""
    first = False
    issue = issues.find(connection, now.astimezone(zone).date())
    stands = None if issue is None else issue_acts.standing(connection, issue.id)
    if issue is not None and stands is not None and not stands.cancelled:
        first = enrol_one(connection, issue, reader, now) and not stands.held
    queue_letter(connection, LetterKind.WELCOME, reader, now)
    return first


@dataclass(frozen=True, kw_only=True)
class Confirmed:
    """A subscription whose owner said yes."""

    reader: Subscriber
    new: bool  # else they had said so before
    first: bool = False  # whether a digest of today goes to them right away


def confirm(
    connection: Connection,
    signer: Signer,
    token: str,
    now: datetime,
    zone: ZoneInfo,
    *,
    answered: datetime | None = None,
) -> Confirmed:
    """Confirms by the token of a confirmation, and welcomes; the same token twice is once.

    It is valid at the instant it was `answered`, by default now. Raises TokenError,
    UnknownSubscriber, or RequestError where it has expired or its reader has left.
    """
    at = min(answered or now, now)
    subscriber_id, ends = signer.read_all(Purpose.CONFIRM, token, 2)
    if at.timestamp() > ends:
        raise RequestError("This token has expired; `newsletter letters send confirmation` asks.")
    before = subscribers.by_id(connection, subscriber_id)
    if before.state is State.UNSUBSCRIBED:
        raise RequestError(f"{before.address} has left since; it has to subscribe again.")
    if before.state is State.CONFIRMED:
        return Confirmed(reader=before, new=False)
    if answered is not None and at < before.consent.at.replace(microsecond=0):
        raise RequestError(
            f"{before.address} was asked again, on {before.consent.at:%Y-%m-%d}, after this answer."
        )
    reader = subscribers.confirm(connection, subscriber_id, now)
    first = welcome(connection, reader, now, zone)
    return Confirmed(reader=reader, new=True, first=first)


def report(connection: Connection, address: str, now: datetime) -> bool:
    """Queues the operator's reports of late issues of which all has ended; whether there is one."""
    queued = False
    for issue in issues.listed(connection, REPORTED):
        counts = ledger.count(connection, issue.id)
        left = counts[DeliveryState.SENT] + counts[DeliveryState.FAILED]
        if left + counts[DeliveryState.UNKNOWN] and ledger.is_finished(counts):
            day = issue.day.isoformat()
            queued |= kept.queue(connection, LetterKind.REPORT, day, address, now)
    return queued
