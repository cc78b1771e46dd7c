"""What needs an operator's hand, judged from facts: which alerts are open now. Pure.

Each rule has its threshold as a constant, with where it comes from. What is kept of alerts, and
when a mail tells them, is `pipeline/alerts.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from newsletter.server_words import line

LONGEST_VALUE = 200  # characters of words from outside within a sentence
LONGEST_NAME = 96  # the table has room for 128, and what is over has its end before the name

PATIENCE = dict.fromkeys(("run", "missing", "late"), timedelta(minutes=15))
"""How long it has to last before anybody is written to: the next try may do, and who just
started catches up."""

MISSING_AFTER = timedelta(hours=2)  # after schedule.compose_at: sources may be late
LATE_AFTER = timedelta(minutes=30)  # past a reader's hour, with nothing leaving meanwhile
RECENT = timedelta(days=3)  # an issue whose failures still need a hand; later nobody retries
WEEK = timedelta(days=7)  # that rates are taken of
# A healthy list loses well under one in fifty at a time: readers left, mailboxes filled.
FAILED_SHARE = 0.05
LEAST_FAILED = 5
# Google's and Yahoo's rules for bulk senders, 2024: keep spam complaints under 0.1 %, never 0.3 %.
COMPLAINTS = (0.003, 0.001)
LEAST_COMPLAINTS = 3  # one of fifty readers is no trend
# Amazon SES reviews senders from 5 % of hard bounces on; lists kept well stay under 2 %.
BOUNCES = (0.05, 0.02)
LEAST_BOUNCES = 10
# Three times what is usual is no chance any more, for tens of addresses.
JUMP = 3
LEAST_SUPPRESSED = 10
BEFORE_DAYS = 14  # days that tell what is usual
FAILURES = 5  # of a source in a row: five hours, as it is asked by default
# Of a webhook's one event: the eleventh try is after more than half a day (webhooks.decide).
WEBHOOK_TRIES = 11
WEBHOOK_TRIES_AFTER_LOSS = 5
RECEIPTS_AFTER = timedelta(days=1)  # any run of `send` replays them, and there is one a day
FREE_SHARE, FREE_ENOUGH = 0.05, 10 * 2**30  # of a disk; that much is enough, however large it is
FREE_LEAST = 500 * 2**20
LEVELLED = ("complaints", "bounces")  # of one such only the worst is open


def _(text: str) -> str:
    """Marks a sentence to be translated when it is told."""
    return text


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One thing that needs a hand."""

    name: str  # what, and of which source or issue; the same as long as it lasts
    text: str  # one sentence, in English, with places to fill
    values: Mapping[str, str | int] = field(default_factory=dict)
    look: str = ""  # the command that tells more, or mends it

    def words(self, translate: Callable[[str], str] = str) -> str:
        """The sentence in a language."""
        return translate(self.text).format(**self.values)


@dataclass(frozen=True, kw_only=True)
class IssueFacts:
    """How an issue of late goes."""

    name: str
    composed_at: datetime
    sent: int = 0
    failed: int = 0
    unknown: int = 0
    late: int = 0  # deliveries whose time came long ago, and that nobody holds
    late_since: datetime | None = None
    last_sent_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class SourceFacts:
    """How a source is."""

    name: str
    failures: int = 0  # in a row
    error: str = ""
    stale: str = ""  # what the source said of that


@dataclass(frozen=True, kw_only=True)
class WebhookFacts:
    """How a webhook listens."""

    id: int
    tries: int  # of the next event
    lost: int
    answer: str


@dataclass(frozen=True, kw_only=True)
class DiskFacts:
    """The room on a disk."""

    what: str  # lies there
    free: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that is judged."""

    now: datetime
    issues: Sequence[IssueFacts] = ()  # of the last week
    missing: tuple[date, int] | None = None  # a day whose issue is long due, and its papers
    sources: Sequence[SourceFacts] = ()
    complaints: int = 0  # of the last week
    bounces: int = 0
    suppressed: int = 0  # within a day
    suppressed_before: int = 0  # within the BEFORE_DAYS before that
    webhooks: Sequence[WebhookFacts] = ()
    receipts_since: datetime | None = None  # the oldest that waits to be replayed
    disks: Sequence[DiskFacts] = ()
    host: str = ""  # that what follows is told by
    failures: Mapping[str, str] = field(default_factory=dict)  # of the clock's ticks, by name
    refused: Mapping[str, str] = field(default_factory=dict)  # issues, and the preflight's word


def judge(facts: Facts) -> list[Alert]:
    """What needs a hand now, the issues first."""
    return [
        *_missing(facts),
        *(alert for one in facts.issues for alert in _issue(one, facts)),
        *_ticks(facts),
        *(alert for one in facts.sources for alert in _source(one)),
        *_rates(facts),
        *_suppressed(facts),
        *(alert for one in facts.webhooks for alert in _webhook(one)),
        *_machine(facts),
    ]


def ripe(name: str, since: datetime) -> datetime:
    """When somebody is written to of an alert that has lasted since then."""
    return since + PATIENCE.get(name.partition("/")[0], timedelta())


def replaces(name: str, other: str) -> bool:
    """Whether an alert is another one at another level."""
    kind = name.partition("/")[0]
    return kind in LEVELLED and kind == other.partition("/")[0]


def is_elsewhere(name: str, host: str) -> bool:
    """Whether only another machine knows if an alert is over."""
    return name.startswith("run/") and not name.startswith(_named("run", host) + "/")


def _named(*parts: str) -> str:
    return "/".join(part.replace("/", "-") for part in parts)[:LONGEST_NAME]


def _missing(facts: Facts) -> Iterator[Alert]:
    if facts.missing is not None:
        day, papers = facts.missing
        yield Alert(
            name=_named("missing", day.isoformat()),
            text=_("There is no issue of {day}, though it was due and {n} papers wait for it."),
            values={"day": day.isoformat(), "n": papers},
            look="newsletter compose",
        )


def _issue(one: IssueFacts, facts: Facts) -> Iterator[Alert]:
    refused = facts.refused.get(one.name)
    if refused is not None:
        yield Alert(
            name=_named("preflight", one.name),
            text=_("The preflight refuses issue {issue}: {why}"),
            values={"issue": one.name, "why": _line(refused)},
            look=f"newsletter preflight {one.name}",
        )
    idle = one.last_sent_at is None or one.last_sent_at <= facts.now - LATE_AFTER
    if refused is None and one.late and one.late_since is not None and idle:
        yield Alert(
            name=_named("late", one.name),
            text=_("Nothing of issue {issue} leaves: {n} of its digests are due since {since}."),
            values={
                "issue": one.name,
                "n": one.late,
                "since": f"{one.late_since:%Y-%m-%d %H:%M} UTC",
            },
            look=f"newsletter status {one.name}",
        )
    if facts.now - one.composed_at > RECENT:
        return
    tried = one.sent + one.failed + one.unknown
    if one.failed >= LEAST_FAILED and one.failed > FAILED_SHARE * tried:
        yield Alert(
            name=_named("failed", one.name),
            text=_("{n} of {of} digests of issue {issue} failed."),
            values={"n": one.failed, "of": tried, "issue": one.name},
            look=f"newsletter status {one.name}",
        )
    if one.unknown:
        yield Alert(
            name=_named("unknown", one.name),
            text=_("Digests of issue {issue} that may have arrived or not: {n}."),
            values={"issue": one.name, "n": one.unknown},
            look=f"newsletter issues reconcile {one.name}",
        )


def _ticks(facts: Facts) -> Iterator[Alert]:
    for tick, words in facts.failures.items():
        yield Alert(
            name=_named("run", facts.host, tick),
            text=_("In `newsletter run` on {host}, {tick} fails: {why}"),
            values={"tick": tick, "host": facts.host, "why": _line(words)},
            look="newsletter doctor",
        )


def _source(one: SourceFacts) -> Iterator[Alert]:
    look = f"newsletter sources show {one.name}"
    if one.failures >= FAILURES:
        yield Alert(
            name=_named("failing", one.name),
            text=_("The source {source} failed {n} times in a row: {why}"),
            values={"source": one.name, "n": one.failures, "why": _line(one.error)},
            look=look,
        )
    elif one.stale:
        yield Alert(
            name=_named("stale", one.name),
            text=_("The source {source} has nothing new any more: {why}"),
            values={"source": one.name, "why": _line(one.stale)},
            look=look,
        )


def _rates(facts: Facts) -> Iterator[Alert]:
    sent = sum(one.sent for one in facts.issues)
    level = _over(COMPLAINTS, LEAST_COMPLAINTS, facts.complaints, sent)
    if level is not None:
        yield Alert(
            name=_named("complaints", f"{level:.1%}"),
            text=_(
                "Readers report digests as spam: {n} of {of} in 7 days, {share} %. Mailbox "
                "providers want less than 0.1 %, and from 0.3 % on they turn mail away."
            ),
            values=_share(facts.complaints, sent),
            look="newsletter subscribers suppressions",
        )
    tried = sent + sum(one.failed for one in facts.issues)
    level = _over(BOUNCES, LEAST_BOUNCES, facts.bounces, tried)
    if level is not None:
        yield Alert(
            name=_named("bounces", f"{level:.0%}"),
            text=_(
                "Digests come back: {n} of {of} in 7 days, {share} %. Under 2 % is usual, from 5 % "
                "on mailbox providers doubt the sender."
            ),
            values=_share(facts.bounces, tried),
            look="newsletter subscribers suppressions",
        )


def _over(levels: Sequence[float], least: int, number: int, of: int) -> float | None:
    """The highest of the levels that is passed; none by less than `least`."""
    if number < least:
        return None
    return next((level for level in levels if number > level * of), None)


def _share(number: int, of: int) -> dict[str, str | int]:
    return {"n": number, "of": of, "share": f"{100 * number / max(of, 1):.2f}"}


def _suppressed(facts: Facts) -> Iterator[Alert]:
    usual = facts.suppressed_before / BEFORE_DAYS
    if facts.suppressed >= LEAST_SUPPRESSED and facts.suppressed > JUMP * usual:
        yield Alert(
            name="suppressions",
            text=_("{n} addresses were suppressed within a day; {usual} a day are usual."),
            values={"n": facts.suppressed, "usual": f"{usual:.1f}"},
            look="newsletter subscribers suppressions",
        )


def _webhook(one: WebhookFacts) -> Iterator[Alert]:
    most = WEBHOOK_TRIES_AFTER_LOSS if one.lost else WEBHOOK_TRIES
    if one.tries >= most:
        yield Alert(
            name=_named("webhook", str(one.id)),
            text=_("Webhook {id} takes nothing, after {n} tries; its last answer: {why}"),
            values={"id": one.id, "n": one.tries, "why": _line(one.answer)},
            look="newsletter webhooks list",
        )


def _machine(facts: Facts) -> Iterator[Alert]:
    since = facts.receipts_since
    if since is not None and facts.now - since >= RECEIPTS_AFTER:
        yield Alert(
            name="receipts",
            text=_("Answers of the mail server wait to be recorded since {since}."),
            values={"since": f"{since:%Y-%m-%d %H:%M} UTC"},
            look="newsletter send",
        )
    for one in facts.disks:
        scarce = one.free < FREE_SHARE * one.total and one.free < FREE_ENOUGH
        if scarce or one.free < FREE_LEAST:
            yield Alert(
                name=_named("disk", one.what),
                text=_("The disk of the {what} is nearly full: {free} MiB are free."),
                values={"what": one.what, "free": one.free // 2**20},
                look="newsletter doctor",
            )


def _line(words: str) -> str:
    return line(words, LONGEST_VALUE)
