"""Every event that a log can tell: its name, how grave it is, its fields and what it means.

The names are there to be searched and counted by: they do not change. docs/logs.md is made of this.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum


class Level(IntEnum):
    """How grave an event is, by the numbers that all logs in Python have."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40


@dataclass(frozen=True)
class Told:
    """What there is to know of an event."""

    name: str  # what it is about, a dot, what happened
    level: Level
    fields: tuple[str, ...]  # of FIELDS, beside those that every line may have
    means: str  # one sentence
    # What a person reads of it after a command typed by hand, which keeps no log; empty where the
    # command says it in its own words, or it is nobody's concern.
    sentence: str = ""


FIELDS = {
    "about": "The number of what a webhook is told, as in `id` of its message.",
    "act": "What an operator did: hold, approve, pause, resume, cancel, retry, skip, unskip.",
    "address": "Whose mail it is, shortened.",
    "attempt": "The how-manyth claim of the delivery this was.",
    "bounced": "Returned mails that were taken down.",
    "bytes": "The size of a file.",
    "by": "Who did it.",
    "changed": "Papers of which something new was told.",
    "complained": "Reports of spam that were taken down.",
    "copy": "The file that holds the database as it was.",
    "deferred": "Deliveries that are tried again.",
    "delivery": "The number of a delivery, as `newsletter deliveries` knows it.",
    "failed": "How many failed.",
    "failures": "How often it failed in a row.",
    "fate": "What follows: again, lost or gone.",
    "file": "A file.",
    "found": "Deliveries in doubt that an earlier run left.",
    "issue": "The day of an issue.",
    "job": "Which job it is: what it does, a slash, and of what.",
    "jobs": "What a worker takes: collect, compose, dispatch.",
    "kind": "Which letter it is.",
    "late": "Seconds after the reader's hour.",
    "lease": "The name of what one process at a time does.",
    "letter": "The number of a letter.",
    "library": "The name of the library's logger.",
    "method": "The method of a request.",
    "ms": "Milliseconds until the answer was whole.",
    "new": "Papers that were not known before.",
    "now": "What it is now.",
    "number": "How many.",
    "observations": "Looks at votes that were new.",
    "owner": "The name of the process that has the lease, or takes jobs.",
    "pages": "The public address of readers' pages.",
    "papers": "How many papers.",
    "queued": "Digests that were written for readers.",
    "refused": "Entries that could not be taken.",
    "request": "The number of a request, which the answer's X-Request-Id tells too.",
    "route": "The pattern of the page asked for; what stood in its place is not told.",
    "rows": "Rows that were removed.",
    "seconds": "How long it took.",
    "sent": "How many were sent.",
    "settings": "How many settings were given.",
    "skipped": "Readers, or deliveries, that get nothing.",
    "source": "The name of a source.",
    "sources": "How many sources.",
    "status": "The status of an answer.",
    "tick": "What the clock does: collect, compose, send and so on.",
    "transport": "The name of a transport.",
    "tries": "How often it was tried.",
    "unknown": "Deliveries of which nobody knows whether they arrived.",
    "until": "Up to when.",
    "version": "The version of the program.",
    "was": "What it was before.",
    "webhook": "The number of a webhook.",
    "what": "What became of it.",
    "where": "The address it listens on.",
    "why": "The reason that was given.",
    "words": "What was said of it, by whoever did: one line of text from outside.",
}
"""What each field holds."""

EVERYWHERE = {
    "at": "When, in UTC, to the microsecond.",
    "level": "How grave: debug, info, warning or error.",
    "event": "Which event it is, by the table below.",
    "request": FIELDS["request"] + " On every line that a request led to.",
    "error": "The kind and the words of an error.",
    "traceback": "Where an error came from; several lines in one field.",
}
"""Fields that a line of any event may have; the first three are on every line."""

DEBUG, INFO, WARNING, ERROR = Level.DEBUG, Level.INFO, Level.WARNING, Level.ERROR
_MAIL = ("delivery", "issue", "address", "transport", "attempt", "late", "words")
_LETTER = ("letter", "kind", "address", "transport", "tries", "words")
_LEASE = ("lease", "owner", "until")
_REQUEST = ("request", "method", "route", "status", "ms")


class Event(Enum):
    """What can be told. A name that does not stand here cannot be logged."""

    CONFIG_LOADED = Told(
        "config.loaded", INFO, ("file", "settings", "version"), "The settings were read."
    )
    DATABASE_UPGRADED = Told(
        "database.upgraded",
        WARNING,
        ("was", "now", "copy"),
        "The schema of the embedded database was made current; a copy was kept.",
        "The database went from schema {was} to {now}; as it was before it is {copy}.",
    )
    DATABASE_RESTORED = Told(
        "database.restored", WARNING, ("file", "copy"), "A backup took the database's place."
    )
    DATABASE_PRUNED = Told(
        "database.pruned", INFO, ("rows", "seconds"), "What had had its time was forgotten."
    )
    BACKUP_MADE = Told("backup.made", INFO, ("file", "bytes"), "The database was copied.")
    LIBRARY_SAID = Told(
        "library.said",
        WARNING,
        ("library", "words"),
        "A library that the program is built on said something; the level is its own.",
    )
    PROCESS_BROKE = Told(
        "process.broke",
        ERROR,
        (),
        "An error was caught by nobody: a mistake in the program, to be reported.",
    )

    RUN_STARTED = Told("run.started", INFO, ("owner", "pages"), "The clock began to tick.")
    RUN_STOPPED = Told("run.stopped", INFO, ("owner", "seconds"), "The clock stopped, as asked.")
    TICK_FAILED = Told(
        "tick.failed",
        WARNING,
        ("tick", "words"),
        "Something the clock does failed; it is tried again, and told again once it changes.",
    )
    TICK_RECOVERED = Told("tick.recovered", INFO, ("tick",), "It works again.")
    LEASE_TAKEN = Told("lease.taken", INFO, _LEASE, "This process does it from now on.")
    LEASE_LOST = Told(
        "lease.lost", WARNING, _LEASE, "Another process does it: this one was away too long."
    )

    WORKER_STARTED = Told(
        "worker.started", INFO, ("owner", "jobs", "number"), "A worker takes jobs from now on."
    )
    WORKER_STOPPED = Told("worker.stopped", INFO, ("owner", "seconds"), "It stopped, as asked.")
    WORKER_WAITS = Told(
        "worker.waits",
        WARNING,
        ("words",),
        "The queue could not be used; the worker tries again until it can.",
    )
    JOB_DONE = Told("job.done", INFO, ("job", "seconds"), "A worker did a job.")
    JOB_FAILED = Told(
        "job.failed",
        WARNING,
        ("job", "words"),
        "A job failed; the clock makes it anew at its next look.",
    )
    JOB_INHERITED = Told(
        "job.inherited",
        WARNING,
        ("job",),
        "A worker died with a job; another takes it.",
    )

    SERVE_STARTED = Told("serve.started", INFO, ("where", "pages"), "Readers' pages are served.")
    SERVE_STOPPED = Told("serve.stopped", INFO, ("where",), "They are not any more.")
    REQUEST_DONE = Told("request.done", INFO, _REQUEST, "A page was asked for and answered.")
    REQUEST_FAILED = Told(
        "request.failed", ERROR, _REQUEST, "A page was asked for and there was a mistake of ours."
    )
    PROBE_DONE = Told(
        "probe.done", DEBUG, _REQUEST, "A monitor asked, or a browser for style or script."
    )
    PAGE_BROKE = Told(
        "page.broke",
        ERROR,
        ("route",),
        "Why a page could not be shown.",
        "The page {route} could not be shown: {error}.",
    )
    PAGES_STALE = Told(
        "pages.stale", WARNING, (), "The pages could not look for news and show what they had."
    )
    OFFICE_WAITS = Told(
        "office.waits",
        WARNING,
        ("what", "words"),
        "What `serve` does beside its pages failed; it is tried again.",
    )

    COLLECT_DONE = Told(
        "collect.done",
        INFO,
        ("sources", "failed", "papers", "new", "seconds"),
        "All sources were asked.",
    )
    SOURCE_DONE = Told(
        "source.done",
        INFO,
        ("source", "papers", "new", "changed", "observations", "refused"),
        "A source was asked, and what it brought was kept.",
    )
    SOURCE_FAILED = Told(
        "source.failed",
        WARNING,
        ("source", "failures", "words"),
        "A source could not be read; what it brought before that was kept.",
    )
    SOURCE_STALE = Told(
        "source.stale", WARNING, ("source", "words"), "A source answers but brings nothing new."
    )

    ISSUE_COMPOSED = Told(
        "issue.composed",
        INFO,
        ("issue", "papers", "queued", "skipped"),
        "The issue of a day was frozen.",
    )
    ISSUE_HELD = Told("issue.held", INFO, ("issue", "by"), "An issue waits to be approved.")
    ISSUE_REFUSED = Told(
        "issue.refused", WARNING, ("issue", "words"), "The preflight found errors; nothing leaves."
    )
    DIGESTS_WRITTEN = Told(
        "digests.written",
        INFO,
        ("issue", "queued", "skipped"),
        "Readers whose hour comes were looked at, and digests written for them.",
    )
    DIGESTS_FOLDED = Told(
        "digests.folded",
        INFO,
        ("issue", "number"),
        "Digests that were missed are not sent; their papers wait for the next one.",
    )
    OPERATOR_ACTED = Told(
        "operator.acted",
        INFO,
        ("act", "issue", "number", "by", "why"),
        "An operator held, approved, paused, resumed, cancelled, retried or skipped an issue.",
    )

    DISPATCH_DONE = Told(
        "dispatch.done",
        INFO,
        ("sent", "failed", "deferred", "unknown", "skipped", "found", "seconds"),
        "A run of sending ended.",
    )
    DELIVERY_SENT = Told("delivery.sent", DEBUG, _MAIL, "The next server took a digest.")
    DELIVERY_DEFERRED = Told(
        "delivery.deferred", INFO, _MAIL, "A digest was not taken now; it is tried again."
    )
    DELIVERY_FAILED = Told(
        "delivery.failed", WARNING, _MAIL, "A digest will not be sent, for the reason told."
    )
    DELIVERY_UNKNOWN = Told(
        "delivery.unknown",
        WARNING,
        _MAIL,
        "The answer to a digest was lost: it may have arrived, and is not sent again.",
    )
    DELIVERY_SKIPPED = Told(
        "delivery.skipped", DEBUG, _MAIL, "Its reader left or is suppressed; it was not tried."
    )
    TRANSPORT_UNAVAILABLE = Told(
        "transport.unavailable",
        WARNING,
        ("transport", "words"),
        "A transport cannot be used: no connection, a wrong password, a full disk.",
    )
    TRANSPORT_RESTS = Told(
        "transport.rests",
        INFO,
        ("transport", "words"),
        "A connection of a transport closed on the way; it is tried again after a minute.",
    )
    LETTER_SENT = Told("letter.sent", INFO, _LETTER, "A confirmation, welcome or the like left.")
    LETTER_DEFERRED = Told(
        "letter.deferred", INFO, _LETTER, "A letter was not taken now; it is tried again."
    )
    LETTER_FAILED = Told("letter.failed", WARNING, _LETTER, "A letter will not be sent.")

    BOUNCE_TAKEN = Told(
        "bounce.taken",
        INFO,
        ("what", "issue", "address", "words"),
        "A returned mail, a complaint or an answer was read, and what follows was done.",
    )
    BOUNCES_DONE = Told(
        "bounces.done",
        INFO,
        ("number", "bounced", "complained"),
        "A mailbox of returned mail was read to its end.",
    )
    WEBHOOK_TOLD = Told("webhook.told", DEBUG, ("webhook", "about"), "A webhook took an event.")
    WEBHOOK_FAILED = Told(
        "webhook.failed",
        WARNING,
        ("webhook", "about", "tries", "fate", "words"),
        "A webhook did not take an event.",
    )

    @property
    def told(self) -> Told:
        """What there is to know of it."""
        found: Told = self.value
        return found
