"""Every metric of /metrics: its name, kind, labels and what it says. docs/metrics.md is this."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MetricKind(StrEnum):
    """What kind of number it is, by the names that Prometheus has for it."""

    GAUGE = "gauge"  # goes up and down
    COUNTER = "counter"  # only up, from 0 when the process starts
    HISTOGRAM = "histogram"  # how many were at most so large, by steps


class Origin(StrEnum):
    """What a number is of."""

    STORE = "database"  # the same in whichever process is asked
    PROCESS = "process"  # what this process did since it started


@dataclass(frozen=True)
class Metric:
    """What there is to know of a metric."""

    name: str
    kind: MetricKind
    origin: Origin
    says: str  # one sentence
    labels: tuple[str, ...] = ()
    steps: tuple[float, ...] = ()  # of a histogram


G, C, H = MetricKind.GAUGE, MetricKind.COUNTER, MetricKind.HISTOGRAM
DB, OWN = Origin.STORE, Origin.PROCESS

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LONG = (1, 5, 15, 60, 300, 900, 1800, 3600, 7200)
_LATE = (1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14_400, 43_200)

UP = Metric("newsletter_database_up", G, DB, "1 where the database answered just now, else 0.")
BUILD = Metric(
    "newsletter_build_info",
    G,
    OWN,
    "Always 1; what runs stands in the labels.",
    ("version", "python", "database"),
)
DELIVERIES = Metric(
    "newsletter_deliveries",
    G,
    DB,
    "Deliveries of all issues that are queued, sending, deferred or unknown.",
    ("state",),
)
ISSUE_DELIVERIES = Metric(
    "newsletter_issue_deliveries", G, DB, "Deliveries of the newest issue, by state.", ("state",)
)
DUE = Metric("newsletter_deliveries_due", G, DB, "Deliveries that could leave now.")
OVERDUE = Metric(
    "newsletter_deliveries_overdue_seconds",
    G,
    DB,
    "How long the oldest delivery that could leave has been waiting; 0 where none is.",
)
LETTERS = Metric(
    "newsletter_letters_waiting", G, DB, "Confirmations and other letters that could leave now."
)
LATENCY = Metric(
    "newsletter_delivery_latency_seconds",
    H,
    OWN,
    "Seconds from the hour of a digest to the instant its next server took it.",
    (),
    _LATE,
)
SENDS = Metric(
    "newsletter_sends_total",
    C,
    OWN,
    "Digests by transport and by what became of them.",
    ("transport", "outcome"),
)
TRANSPORT_FAILURES = Metric(
    "newsletter_transport_failures_total",
    C,
    OWN,
    "How often a transport could not be used, or a connection of it closed on the way.",
    ("transport",),
)
DISPATCH = Metric(
    "newsletter_dispatch_seconds", H, OWN, "How long runs of sending took.", (), _LONG
)
TICK_FAILURES = Metric(
    "newsletter_tick_failures_total",
    C,
    OWN,
    "What the clock of `newsletter run` could not do, counted as often as it is told.",
    ("tick",),
)
SOURCE_LAG = Metric(
    "newsletter_source_lag_seconds",
    G,
    DB,
    "Seconds since a source was last read to its end.",
    ("source",),
)
SOURCE_FAILURES = Metric(
    "newsletter_source_failures", G, DB, "How often a source failed in a row.", ("source",)
)
SOURCE_STALE = Metric(
    "newsletter_source_stale",
    G,
    DB,
    "1 where a source answers but brings nothing new, else 0.",
    ("source",),
)
PAPERS = Metric("newsletter_papers", G, DB, "Papers that are known.")
SUBSCRIBERS = Metric("newsletter_subscribers", G, DB, "Subscribers by state.", ("state",))
SUPPRESSIONS = Metric(
    "newsletter_suppressions", G, DB, "Addresses that get nothing now, by kind.", ("kind",)
)
RETURNS = Metric(
    "newsletter_returns_total",
    C,
    DB,
    "What came back of digests, whichever process took it down, since this one started.",
    ("kind",),
)
WEBHOOK_BACKLOG = Metric(
    "newsletter_webhook_backlog",
    G,
    DB,
    "Events that a webhook is behind; those it does not want count until it is told others.",
    ("webhook",),
)
ALERTS = Metric(
    "newsletter_alerts_open",
    G,
    DB,
    "What `newsletter alerts` lists: what needs a hand, as the program sees it, by kind.",
    ("kind",),
)
LAST_COLLECT = Metric(
    "newsletter_last_collect_timestamp_seconds", G, DB, "When a source was last read to its end."
)
LAST_COMPOSE = Metric(
    "newsletter_last_compose_timestamp_seconds", G, DB, "When the newest issue was composed."
)
LAST_SEND = Metric(
    "newsletter_last_send_timestamp_seconds", G, DB, "When a digest of the newest issue last left."
)
DATABASE_BYTES = Metric(
    "newsletter_database_bytes",
    G,
    DB,
    "Bytes of the database; of an embedded one apart for its file and its write-ahead log.",
    ("part",),
)
DISK_FREE = Metric(
    "newsletter_disk_free_bytes", G, DB, "Bytes that are free on the disk of an embedded database."
)
HTTP_REQUESTS = Metric(
    "newsletter_http_requests_total",
    C,
    OWN,
    "Requests by the pattern of the page, so that no token of a reader is among them.",
    ("route", "method", "status"),
)
HTTP_SECONDS = Metric(
    "newsletter_http_request_seconds",
    H,
    OWN,
    "How long answers took.",
    ("route", "method", "status"),
    _SECONDS,
)

METRICS = (
    UP,
    BUILD,
    DELIVERIES,
    ISSUE_DELIVERIES,
    DUE,
    OVERDUE,
    LETTERS,
    LATENCY,
    SENDS,
    TRANSPORT_FAILURES,
    DISPATCH,
    TICK_FAILURES,
    SOURCE_LAG,
    SOURCE_FAILURES,
    SOURCE_STALE,
    PAPERS,
    SUBSCRIBERS,
    SUPPRESSIONS,
    RETURNS,
    WEBHOOK_BACKLOG,
    ALERTS,
    LAST_COLLECT,
    LAST_COMPOSE,
    LAST_SEND,
    DATABASE_BYTES,
    DISK_FREE,
    HTTP_REQUESTS,
    HTTP_SECONDS,
)

PROCESS = tuple(
    Metric(name, kind, OWN, says)
    for name, kind, says in (
        ("process_virtual_memory_bytes", G, "Memory that the process has in its view."),
        ("process_resident_memory_bytes", G, "Memory that it takes up."),
        ("process_start_time_seconds", G, "When it started."),
        ("process_cpu_seconds_total", C, "Time that processors worked for it."),
        ("process_open_fds", G, "Files and connections that it has open."),
        ("process_max_fds", G, "How many it may have open."),
    )
)
"""What Prometheus's own library tells of a process, on Linux; by the names all programs use."""
