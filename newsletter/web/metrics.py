"""Counts, and tells Prometheus: /metrics, answered to the networks of [metrics] alone.

What this process does is counted as the log is told of it. What the database knows is asked anew
after a while, which is the longer the longer the question took, so that scrapes stay cheap.
"""

from __future__ import annotations

import ipaddress
import platform
import shutil
import threading
from collections import Counter as Numbers
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from time import monotonic
from typing import Any, Generic, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

import newsletter
from newsletter import metric_table as table
from newsletter.bounces import EventKind
from newsletter.errors import StoreError
from newsletter.log_events import Event
from newsletter.metric_table import Metric, MetricKind
from newsletter.sources import STALE
from newsletter.store import alerts, gauges, source_states
from newsletter.store import webhooks as hooks
from newsletter.web.site import Site
from subscribers.suppression import SuppressionKind

FRESH = 15.0  # seconds that an answer of the database is kept for at least
SHARE = 50  # and times as long as the question took: two hundredths of one core at most
KIND = "text/plain; version=0.0.4; charset=utf-8"
NOBODY = "none"  # the transport of what no transport had to do with
FORWARDED = ("x-forwarded-for", "forwarded", "x-real-ip")  # what proxies add

T = TypeVar("T")
Family = GaugeMetricFamily | CounterMetricFamily
Values = Mapping[Any, float]  # by the tuple of their labels

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, of no use


class Metrics:
    """The numbers of one site."""

    def __init__(self, site: Site) -> None:
        self.registry = CollectorRegistry()
        self._sends = self._counter(table.SENDS)
        self._failures = self._counter(table.TRANSPORT_FAILURES)
        self._ticks = self._counter(table.TICK_FAILURES)
        self._requests = self._counter(table.HTTP_REQUESTS)
        self._latency = self._histogram(table.LATENCY)
        self._dispatch = self._histogram(table.DISPATCH)
        self._seconds = self._histogram(table.HTTP_SECONDS)
        self.registry.register(_Stored(site))
        ProcessCollector(registry=self.registry)

    def _counter(self, metric: Metric) -> Counter:
        return Counter(metric.name, metric.says, metric.labels, registry=self.registry)

    def _histogram(self, metric: Metric) -> Histogram:
        return Histogram(
            metric.name,
            metric.says,
            metric.labels,
            buckets=metric.steps,
            registry=self.registry,
        )

    def hear(self, event: Event, told: Mapping[str, object]) -> None:
        """Counts what the log is told."""

        def number(name: str) -> float:
            found = told.get(name)
            return float(found) if isinstance(found, int | float) else 0.0

        transport = str(told.get("transport") or NOBODY)
        match event:
            case Event.REQUEST_DONE | Event.REQUEST_FAILED | Event.PROBE_DONE:
                labels = [str(told.get(name)) for name in table.HTTP_REQUESTS.labels]
                self._requests.labels(*labels).inc()
                self._seconds.labels(*labels).observe(number("ms") / 1000)
            case Event.DELIVERY_SENT:
                self._sends.labels(transport, "sent").inc()
                self._latency.observe(number("late"))
            case Event.DELIVERY_DEFERRED | Event.DELIVERY_FAILED | Event.DELIVERY_UNKNOWN:
                self._sends.labels(transport, event.told.name.partition(".")[2]).inc()
            case Event.DISPATCH_DONE:
                self._dispatch.observe(number("seconds"))
            case Event.TRANSPORT_UNAVAILABLE | Event.TRANSPORT_RESTS:
                self._failures.labels(transport).inc()
            case Event.TICK_FAILED:
                self._ticks.labels(str(told.get("tick"))).inc()

    def text(self) -> bytes:
        """All numbers as Prometheus reads them."""
        return generate_latest(self.registry)


class _Asked(Generic[T]):
    """A question to the database whose answer is kept for a while; None where there was none."""

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask = ask
        self._kept: T | None = None
        self._until = 0.0
        self._lock = threading.Lock()

    def answer(self) -> T | None:
        """What is known."""
        with self._lock:
            began = monotonic()
            if began >= self._until:
                try:
                    self._kept = self._ask()
                except StoreError:
                    self._kept = None
                now = monotonic()
                self._until = now + max(FRESH, (now - began) * SHARE)
            return self._kept


class _Stored(Collector):
    """What the database knows, asked when it is scraped."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._database = site.app.bare_database
        self._returned: Numbers[str] = Numbers()
        self._up_to: int | None = None
        self._waiting = _Asked(self._ask_waiting)
        self._newest = _Asked(self._ask_newest)
        self._known = _Asked(self._ask_known)
        self._sources = _Asked(self._ask_sources)
        self._told = _Asked(self._ask_told)
        self._returns = _Asked(self._ask_returns)
        self._sizes = _Asked(lambda: gauges.sizes(self._database).parts)

    def describe(self) -> Iterable[Family]:
        """Nothing: it would have to ask before anybody scrapes."""
        return []

    def collect(self) -> Iterator[Family]:
        """Every number of it."""
        now = self._site.clock()
        waiting = self._waiting.answer()
        kind = "sqlite" if self._database.embedded else "postgresql"
        build = {(newsletter.__version__, platform.python_version(), kind): 1}
        yield _family(table.UP, {(): waiting is not None})
        yield _family(table.BUILD, build)
        yield from _waiting(waiting, now)
        yield from _newest(self._newest.answer())
        yield from _known(self._known.answer())
        yield from self._of_sources(now)
        yield from self._of_others()
        yield from self._of_room()

    def _ask_waiting(self) -> gauges.Waiting:
        with self._database.read() as connection:
            return gauges.waiting(connection, self._site.clock())

    def _ask_newest(self) -> gauges.Newest:
        with self._database.read() as connection:
            return gauges.newest(connection)

    def _ask_known(self) -> gauges.Known:
        with self._database.read() as connection:
            return gauges.known(connection, self._site.clock())

    def _ask_sources(self) -> dict[str, source_states.SourceState]:
        with self._database.read() as connection:
            found = source_states.listed(connection)
        return {name: found[name] for name in self._site.app.settings.sources if name in found}

    def _ask_told(self) -> tuple[dict[str, int], dict[str, int]]:
        """How far webhooks are behind, and which alerts are open."""
        with self._database.read() as connection:
            last = gauges.newest_event(connection)
            behind = {str(one.id): max(last - one.cursor, 0) for one in hooks.listed(connection)}
            opened = Numbers(one.alert.name.partition("/")[0] for one in alerts.listed(connection))
        return behind, dict(opened)

    def _ask_returns(self) -> dict[str, int]:
        with self._database.read() as connection:
            last = gauges.returns_up_to(connection)
            if self._up_to is not None:
                self._returned += gauges.returns(connection, self._up_to, last)
        self._up_to = last
        return {kind.value: self._returned[kind.value] for kind in EventKind}

    def _of_sources(self, now: datetime) -> Iterator[Family]:
        found = self._sources.answer() or {}
        read = {name: one.succeeded_at for name, one in found.items()}
        lag = {(name,): (now - at).total_seconds() for name, at in read.items() if at is not None}
        stale = {
            (name,): any(note.startswith(STALE) for note in one.notes)
            for name, one in found.items()
        }
        yield _family(table.SOURCE_LAG, lag)
        yield _family(table.SOURCE_FAILURES, {(name,): x.failures for name, x in found.items()})
        yield _family(table.SOURCE_STALE, stale)
        last = max((at for at in read.values() if at is not None), default=None)
        yield _family(table.LAST_COLLECT, _instant(last))

    def _of_others(self) -> Iterator[Family]:
        behind, opened = self._told.answer() or ({}, {})
        yield _family(table.WEBHOOK_BACKLOG, _each(behind))
        yield _family(table.ALERTS, _each(opened))
        yield _family(table.RETURNS, _each(self._returns.answer() or {}))

    def _of_room(self) -> Iterator[Family]:
        yield _family(table.DATABASE_BYTES, _each(self._sizes.answer() or {}))
        folder = self._database.folder
        there = folder is not None and folder.is_dir()
        free = {(): shutil.disk_usage(folder).free} if folder is not None and there else {}
        yield _family(table.DISK_FREE, free)


def _waiting(found: gauges.Waiting | None, now: datetime) -> Iterator[Family]:
    yield _family(table.DELIVERIES, _each(found.states if found else {}))
    yield _family(table.DUE, {(): found.due} if found else {})
    overdue = (now - found.oldest).total_seconds() if found and found.oldest else 0.0
    yield _family(table.OVERDUE, {(): max(overdue, 0.0)} if found else {})
    yield _family(table.LETTERS, {(): found.letters} if found else {})


def _newest(found: gauges.Newest | None) -> Iterator[Family]:
    yield _family(table.ISSUE_DELIVERIES, _each(found.states if found else {}))
    yield _family(table.LAST_COMPOSE, _instant(found.composed_at if found else None))
    yield _family(table.LAST_SEND, _instant(found.last_sent_at if found else None))


def _known(found: gauges.Known | None) -> Iterator[Family]:
    yield _family(table.PAPERS, {(): found.papers} if found else {})
    yield _family(table.SUBSCRIBERS, _each(found.subscribers if found else {}))
    none = dict.fromkeys((kind.value for kind in SuppressionKind), 0)
    yield _family(table.SUPPRESSIONS, _each({**none, **found.suppressions} if found else {}))


def _each(numbers: Mapping[Any, int]) -> Values:
    return {(str(name),): number for name, number in numbers.items()}


def _instant(at: datetime | None) -> Values:
    return {} if at is None else {(): at.timestamp()}


def _family(metric: Metric, values: Values) -> Family:
    """A metric with its values; one without any is told all the same, so that it is known of."""
    counts = metric.kind is MetricKind.COUNTER
    made = CounterMetricFamily if counts else GaugeMetricFamily
    family: Family = made(metric.name, metric.says, labels=metric.labels)
    for labels, value in values.items():
        family.add_metric(labels, float(value))
    return family


def may_read(networks: str, client: str | None, *, forwarded: bool) -> bool:
    """Whether who asks is in one of the networks; who is `forwarded` by a stranger may not."""
    try:
        found = ipaddress.ip_address(client or "")
    except ValueError:
        return False
    found = getattr(found, "ipv4_mapped", None) or found
    inside = (ipaddress.ip_network(one) for one in networks.split(", "))
    return not forwarded and any(found in one for one in inside)


def _forwarded(request: Request) -> bool:
    """Whether a proxy sent it on that pages.proxies does not name, for we know not whom.

    Whom one of those names takes the place of the peer, and has no port.
    """
    named = request.client is not None and request.client.port == 0
    return not named and any(name in request.headers for name in FORWARDED)


def router(site: Site, metrics: Metrics) -> APIRouter:
    """The route of it."""
    routes = APIRouter(include_in_schema=False)
    networks = site.app.settings.metrics.networks

    @routes.get("/metrics")
    def show(request: Request) -> Response:
        """All numbers, for who may read them."""
        client = request.client.host if request.client else None
        if not may_read(networks, client, forwarded=_forwarded(request)):
            return _refused(site, request)
        return Response(metrics.text(), media_type=KIND, headers={"Cache-Control": "no-store"})

    return routes


def _refused(site: Site, request: Request) -> HTMLResponse:
    _ = site.language(request).gettext
    values = {"heading": _("That did not work"), "words": _("This page is for operators.")}
    return site.page(request, "failed.html", values, 403)
