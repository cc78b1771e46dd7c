"""Takes back what came back: joins it to deliveries, records it, and applies the rule.

A report changes something only where it carries a token that our mail alone carried: the one in
the envelope sender (VERP), or our Message-ID, whose key only the secret can make. Of what is
told without one it is kept count, and nothing else; anybody can write "user unknown". What was
recorded before is known again, so reading a mailbox twice changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from newsletter.bounces import EventKind, Named, Report, ReportKind, read
from newsletter.delivery import DeliveryState
from newsletter.errors import RequestError
from newsletter.mailboxes import Item, Mailbox
from newsletter.pipeline import letters, silencing, telling
from newsletter.pipeline.digests import digest_keys
from newsletter.store import events, operator_acts
from newsletter.store.database import Connection, Database
from newsletter.store.events import Delivered, Event
from subscribers import event_store
from subscribers import store as subscribers
from subscribers.errors import TokenError, UnknownSubscriber
from subscribers.events import EventKind as Happened
from subscribers.tokens import Purpose, Signer

UTC = ZoneInfo("UTC")
ISSUES_KEPT = 3  # whose keys are held in memory at once
# Of an issue before that no Message-ID is looked for, which takes a hash a reader: anybody can
# name all issues there were. Servers give up within days; readers look at mail of last month.
OLDEST = timedelta(days=60)
BY_BOUNCE, BY_COMPLAINT = "a bounce came back of it", "its reader reported it as spam"
BY_DELAY = "a notice of delay came back of it"


class What(StrEnum):
    """What became of a message that was read."""

    BOUNCED = "bounced"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    CONFIRMED = "confirmed"
    TOO_LATE = "too late"  # a yes whose token has expired, or whose reader has left
    KNOWN = "known"  # it was recorded before
    UNAUTHENTICATED = "unauthenticated"  # it says it is about a mail of ours and cannot show which
    DELAYED = "delayed"  # not yet; changes nothing
    AUTO_REPLY = "auto-reply"  # changes nothing
    OTHER = "other"  # a letter, perhaps: for a person to read


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A message, what became of it, and what follows."""

    name: str  # of the message in its mailbox
    what: What
    address: str  # the reader's; of what is not authenticated, as the message tells it
    issue: date | None = None  # whose mail it was
    code: str = ""
    words: str = ""
    follows: str = ""  # a sentence


@dataclass(frozen=True, kw_only=True)
class TakenBack:
    """What a run did."""

    counts: Counter[What] = field(default_factory=Counter)
    taken: list[Taken] = field(default_factory=list)
    lifted: list[tuple[str, str]] = field(default_factory=list)  # addresses, each with its sentence
    settled: list[int] = field(default_factory=list)  # deliveries: unknown, and sent after all
    unreadable: list[str] = field(
        default_factory=list
    )  # of what stays where it is, a sentence each


def take_back(
    database: Database,
    signer: Signer,
    mailbox: Mailbox,
    clock: Callable[[], datetime],
    progress: Callable[[int], None] = lambda _: None,
    zone: ZoneInfo = UTC,
) -> TakenBack:
    """Reads a mailbox to its end; raises MailboxError, RequestError or StoreError.

    Who confirms is welcomed with the issue of the day in `zone`. Every batch is recorded in one
    transaction before it is put aside. What is no report stays where it is, unread: readers'
    letters may come to the same mailbox.
    """
    done = TakenBack()
    keys = _Keys(signer)
    for batch in mailbox.batches():
        reports = [(item, read(item.content)) for item in batch]
        with database.read() as connection:  # looks long where it looks: no lock meanwhile
            owners = _owners(connection, signer, keys, reports, clock())
        with database.write() as connection:
            taken, settled = _Batch(connection, signer, owners, clock(), zone).take(reports)
        kept = {one.name for one in taken if one.what is What.OTHER}
        mailbox.put_aside([item for item in batch if item.name not in kept])
        done.counts.update(one.what for one in taken)
        done.taken.extend(taken)
        done.settled.extend(settled)
        progress(len(batch))
    with database.write() as connection:
        done.settled.extend(_settle(connection))  # what was in `sending` still when it came back
        done.lifted.extend(silencing.review(connection, clock()))
    done.unreadable.extend(mailbox.unreadable)
    telling.taken_back(done)
    return done


def _settle(connection: Connection) -> list[int]:
    """Whoever returns or reports a mail has had it: `unknown` becomes `sent`. Returns which.

    As sent at its hour, the nearest that is known: a mail of before an operator forgave stays so.
    """
    reasons = {EventKind.BOUNCED: BY_BOUNCE, EventKind.COMPLAINED: BY_COMPLAINT}
    return [
        one.id
        for one in events.proven(connection)
        if operator_acts.reconcile(
            connection, one.id, DeliveryState.SENT, reasons[one.by], one.due_at
        )
    ]


_PASSED_OVER = {
    ReportKind.DELAY: What.DELAYED,
    ReportKind.AUTO_REPLY: What.AUTO_REPLY,
    ReportKind.OTHER: What.OTHER,
}
_EVENTS = {
    ReportKind.BOUNCE: (EventKind.BOUNCED, What.BOUNCED),
    ReportKind.COMPLAINT: (EventKind.COMPLAINED, What.COMPLAINED),
}

_HAPPENED = {
    What.BOUNCED: Happened.BOUNCED,
    What.COMPLAINED: Happened.COMPLAINED,
}


class _Keys:
    """The keys in the Message-IDs of an issue, made once a run: they cannot be read backwards.

    By the signer's older keys too: a mail sent before a rotation comes back after it. About 150
    bytes a delivery and key, so that few issues are kept; a mailbox is mostly about the last.
    """

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._kept: dict[int, dict[str, int]] = {}  # the last used last

    def of(self, connection: Connection, day: date, issue_id: int) -> dict[str, int]:
        """The subscriber of each key."""
        keys = self._kept.pop(issue_id, None) or {
            key: subscriber_id
            for subscriber_id in events.subscriber_ids(connection, issue_id)
            for key in digest_keys(self._signer, day.isoformat(), subscriber_id)
        }
        self._kept[issue_id] = keys
        while len(self._kept) > ISSUES_KEPT:
            del self._kept[next(iter(self._kept))]
        return keys


class _Batch:
    """The messages of one transaction."""

    def __init__(
        self,
        connection: Connection,
        signer: Signer,
        owners: Mapping[Named, tuple[int, int]],
        now: datetime,
        zone: ZoneInfo,
    ) -> None:
        self._connection = connection
        self._zone = zone
        self._signer = signer
        self._owners = owners
        self._now = now
        self._delayed = list[int]()  # what a notice of delay settled

    def take(self, reports: Sequence[tuple[Item, Report]]) -> tuple[list[Taken], list[int]]:
        """Records all of them first and judges then: a row of failures may stand in one batch.

        Returns what became of each, and which deliveries were settled by it.
        """
        noted = [self._note(item, report) for item, report in reports]
        settled = self._delayed + _settle(self._connection)
        sentences = {
            subscriber_id: silencing.weigh_up(
                self._connection,
                subscribers.by_id(self._connection, subscriber_id),
                self._now,
                what.value,
            )
            for subscriber_id, what in self._changed(noted).items()
        }
        taken = [
            replace(one, follows=sentences[subscriber_id])
            if subscriber_id in sentences and one.what in (What.BOUNCED, What.COMPLAINED)
            else one
            for one, subscriber_id in noted
        ]
        return taken, settled

    @staticmethod
    def _changed(noted: Iterable[tuple[Taken, int | None]]) -> dict[int, What]:
        return {
            subscriber_id: one.what
            for one, subscriber_id in noted
            if subscriber_id is not None and one.what in (What.BOUNCED, What.COMPLAINED)
        }

    def _note(self, item: Item, report: Report) -> tuple[Taken, int | None]:
        told = Taken(
            name=item.name,
            what=_PASSED_OVER.get(report.kind, What.UNAUTHENTICATED),
            address=report.recipient,
            code=report.code,
            words=report.words,
        )
        if report.kind is ReportKind.DELAY:
            return self._delay(report, told), None
        if report.kind in _PASSED_OVER:
            return told, None
        if report.kind is ReportKind.LEAVE:
            return self._leave(report, told), None
        if report.kind is ReportKind.CONFIRM:
            return self._confirm(report, told), None
        delivery = self._delivery(report)
        if delivery is None:
            follows = "No token and no Message-ID of ours: nothing is changed."
            return replace(told, follows=follows), None
        kind, what = _EVENTS[report.kind]
        new = events.add(
            self._connection,
            Event(
                delivery_id=delivery.id,
                kind=kind,
                at=self._now,
                code=report.code,
                permanent=report.permanent,
                words=report.words,
            ),
        )
        if new and what in _HAPPENED:
            event_store.append(
                self._connection, delivery.subscriber_id, _HAPPENED[what], self._now, "mail"
            )
        reader = subscribers.by_id(self._connection, delivery.subscriber_id)
        taken = replace(
            told,
            what=what if new else What.KNOWN,
            address=reader.address,
            issue=delivery.issue,
        )
        return taken, delivery.subscriber_id

    def _delay(self, report: Report, told: Taken) -> Taken:
        delivery = self._delivery(report)
        if delivery is not None and operator_acts.reconcile(
            self._connection, delivery.id, DeliveryState.SENT, BY_DELAY, delivery.due_at
        ):
            self._delayed.append(delivery.id)
        return told

    def _leave(self, report: Report, told: Taken) -> Taken:
        try:
            subscriber_id = self._signer.read(Purpose.UNSUBSCRIBE, report.leave)
            reader = subscribers.by_id(self._connection, subscriber_id)
        except (TokenError, UnknownSubscriber) as error:
            return replace(told, follows=str(error))
        told = replace(told, address=reader.address)
        if reader.unsubscribed_at is not None:
            follows = f"Had left already, on {reader.unsubscribed_at:%Y-%m-%d}."
            return replace(told, what=What.KNOWN, follows=follows)
        if report.came is not None and report.came < reader.consent.at:
            follows = (
                f"Was written before {reader.consent.at:%Y-%m-%d}, when they subscribed again."
            )
            return replace(told, what=What.KNOWN, follows=follows)
        subscribers.unsubscribe(self._connection, subscriber_id, self._now, "mail")
        last = events.last_sent(self._connection, subscriber_id, report.came)
        if last is not None:
            event = Event(delivery_id=last.id, kind=EventKind.UNSUBSCRIBED, at=self._now)
            events.add(self._connection, event)
        return replace(
            told,
            what=What.UNSUBSCRIBED,
            issue=last.issue if last else None,
            follows="Gets nothing more.",
        )

    def _confirm(self, report: Report, told: Taken) -> Taken:
        try:
            done = letters.confirm(
                self._connection,
                self._signer,
                report.confirm,
                self._now,
                self._zone,
                answered=report.came,
            )
        except (TokenError, UnknownSubscriber) as error:
            return replace(told, follows=str(error))
        except RequestError as late:
            return replace(told, what=What.TOO_LATE, follows=str(late))
        told = replace(told, address=done.reader.address)
        if not done.new:
            return replace(told, what=What.KNOWN, follows="Had confirmed already.")
        return replace(told, what=What.CONFIRMED, follows="Is welcomed, and gets digests.")

    # Joining.

    def _delivery(self, report: Report) -> Delivered | None:
        """The delivery a report is about, as it can show."""
        places = []
        for token in report.tokens:
            try:
                places.append(self._signer.read_return(token))
            except TokenError:
                continue
        places += [self._owners[named] for named in report.named if named in self._owners]
        for subscriber_id, issue_id in places:
            found = events.delivery(self._connection, subscriber_id, issue_id)
            if found is not None:
                return found
        if report.kind is ReportKind.COMPLAINT and report.leave:
            try:
                leaver = self._signer.read(Purpose.UNSUBSCRIBE, report.leave)
            except TokenError:
                return None
            # A report that is read again is joined to the same delivery again.
            if report.posted is not None:
                found = events.posted(self._connection, leaver, report.posted)
                if found is not None:
                    return found
            return events.last_sent(self._connection, leaver, report.came)
        return None


def _owners(
    connection: Connection,
    signer: Signer,
    keys: _Keys,
    reports: Iterable[tuple[Item, Report]],
    now: datetime,
) -> dict[Named, tuple[int, int]]:
    """Whose deliveries the Message-IDs name, as (subscriber, issue).

    Only what no token of the envelope settles is looked for.
    """
    wanted: dict[date, set[Named]] = {}
    for _, report in reports:
        if not any(_is_ours(signer, token) for token in report.tokens):
            for named in report.named:
                day = _day(named.issue)
                if day is not None and day >= (now - OLDEST).date():
                    wanted.setdefault(day, set()).add(named)
    found: dict[Named, tuple[int, int]] = {}
    for day, issue_id in events.issue_ids(connection, list(wanted)).items():
        readers = keys.of(connection, day, issue_id)
        for named in wanted[day]:
            if named.key in readers:
                found[named] = readers[named.key], issue_id
    return found


def _is_ours(signer: Signer, token: str) -> bool:
    try:
        signer.read_return(token)
    except TokenError:
        return False
    return True


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
