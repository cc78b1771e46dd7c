"""Settings of the service: its database, pages, clock, log, and whom it tells."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field

from newsletter.options import Options
from newsletter.settings.types import (
    Address,
    AsciiLine,
    DatabaseUrl,
    IpAddress,
    IpAddresses,
    IpNetworks,
    Names,
    PageUrl,
    TimeOfDay,
)
from subscribers.model import parse_time


class Database(Options):
    """[database]: where papers, readers and the ledger are kept."""

    url: DatabaseUrl = Field(
        default="sqlite:///newsletter.db",
        description="The database: sqlite:///PATH, or postgresql+psycopg://USER@HOST/NAME.",
    )
    url_file: Path | None = Field(
        default=None,
        description="A file whose first line is the database URL, to keep its password apart.",
    )


class PagesSettings(Options):
    """[pages]: where readers find their pages, and what `newsletter serve` lets in."""

    url: PageUrl | None = Field(
        default=None,
        description="The public address of readers' pages that you serve, which the links in mails "
        "lead to; without one, mails ask readers to answer instead.",
    )
    bind: IpAddress = Field(
        default="127.0.0.1", description="The address that `newsletter serve` listens on."
    )
    port: int = Field(default=8080, ge=0, le=65_535, description="And its port.")
    hosts: Names | None = Field(
        default=None,
        description="The names by which pages may be asked for, separated by commas; by default "
        "that of pages.url, and this machine's own.",
    )
    proxies: IpAddresses | None = Field(
        default=None,
        description="The addresses of proxies in front, separated by commas; whom they name in "
        "X-Forwarded-For is believed, nobody else.",
    )
    hsts_seconds: int = Field(
        default=0,
        ge=0,
        le=63_072_000,
        description="How long browsers are to ask for these pages by https only (HSTS).",
    )
    origins: str = Field(
        default="",
        max_length=2000,
        description="Sites whose pages may call the JSON API from a browser (CORS), such as "
        "https://lab.example.org; several are separated by commas.",
    )
    keep_network: bool = Field(
        default=False,
        description="Whether the IP address that a consent came from is kept with it.",
    )
    asks_per_network: int = Field(
        default=20,
        ge=1,
        le=100_000,
        description="Confirmations and links that one network can ask for in an hour.",
    )
    asks_per_address: int = Field(
        default=3, ge=1, le=100, description="And for one address in a day."
    )
    asks_per_domain: int = Field(
        default=500, ge=1, le=1_000_000, description="And for all addresses of a domain in an hour."
    )
    least_seconds: float = Field(
        default=2,
        ge=0,
        le=60,
        description="A form that is sent sooner than this after it was shown is asked for again: "
        "people take longer.",
    )
    work_bits: int = Field(
        default=0,
        ge=0,
        le=24,
        description="Proof of work: how many bits a browser has to find before a subscription is "
        "asked for, 16 take it a second or two. It needs JavaScript then; 0 asks for none.",
    )
    disposable: Path | None = Field(
        default=None,
        description="A file of domains, one a line, whose addresses are refused: those that throw "
        "mail away.",
    )


class ScheduleSettings(Options):
    """[schedule]: when `newsletter run` does what."""

    compose_at: TimeOfDay = Field(
        default="05:00",
        description="The hour, in issue.zone, from which the day's issue is composed.",
    )
    collect_minutes: int = Field(
        default=60, ge=5, le=1440, description="Minutes between two looks at the sources."
    )
    send_seconds: int = Field(
        default=60, ge=5, le=3600, description="Seconds between two looks for what is due."
    )
    engine: Literal["embedded", "procrastinate"] = Field(
        default="embedded",
        description="Where the work is done: embedded in `newsletter run` itself; procrastinate by "
        "`newsletter worker` on any number of machines, which share a PostgreSQL database.",
    )

    catch_up_hours: int = Field(
        default=6,
        ge=1,
        le=24,
        description="Hours after a reader's hour within which a digest that was missed is still "
        "sent; later, its papers wait for the next one.",
    )

    @property
    def catch_up(self) -> timedelta:
        """`catch_up_hours`, read."""
        return timedelta(hours=self.catch_up_hours)

    @property
    def compose_time(self) -> time:
        """`compose_at`, read."""
        return parse_time(self.compose_at)


class ReportSettings(Options):
    """[report]: what the operator is told by mail."""

    to: Address | None = Field(
        default=None,
        description="Who gets a report of each issue, once all its deliveries have ended.",
    )
    editor: Address | None = Field(
        default=None,
        description="Who is written to when an issue waits for approval; by default report.to.",
    )
    alerts: bool = Field(
        default=True,
        description="Whether report.to is also written to when something needs a hand: an issue "
        "that fails, a source gone stale, complaints, a jump of suppressions.",
    )


class HttpSettings(Options):
    """[http]: how sources are asked over the network."""

    contact: AsciiLine | None = Field(
        default=None,
        description="Whom upstreams can write to, an address or a page, told in the User-Agent; "
        "by default the sender's address, where that is set.",
    )
    connect_seconds: float = Field(
        default=10, gt=0, le=120, description="Seconds to wait for a connection."
    )
    read_seconds: float = Field(
        default=30, gt=0, le=600, description="Seconds to wait without a byte coming in."
    )
    total_seconds: float = Field(
        default=120, gt=0, le=240, description="Seconds that one answer may take in all."
    )
    largest_mb: int = Field(
        default=64, ge=1, le=64, description="MiB that one answer may have, unpacked."
    )
    tries: int = Field(
        default=4, ge=1, le=10, description="How many times a request is tried that may pass."
    )
    allow_private: bool = Field(
        default=False,
        description="Whether a redirect may lead to a private address, such as a mirror's.",
    )


class WebhooksSettings(Options):
    """[webhooks]: who is told what happens to subscriptions."""

    allow_private: bool = Field(
        default=False,
        description="Whether a webhook may be at a private address, and without TLS on this "
        "machine.",
    )


class RetentionSettings(Options):
    """[retention]: how long what happened is kept. `newsletter run` removes the rest each day."""

    deliveries_days: int = Field(
        default=400,
        ge=90,
        le=3650,
        description="Days an ended delivery is kept, with what came back of it.",
    )
    events_days: int = Field(
        default=400,
        ge=30,
        le=3650,
        description="Days what happened to subscriptions is kept, and letters that were sent.",
    )
    observations_days: int = Field(
        default=400,
        ge=90,
        le=3650,
        description="Days the votes of papers are kept, which trends are worked out from.",
    )
    erased_days: int = Field(
        default=30,
        ge=0,
        le=3650,
        description="Days the empty row of a reader who had themselves erased is kept.",
    )


class LogSettings(Options):
    """[log]: what `run`, `serve` and `send` tell while they work."""

    format: Literal["auto", "console", "json"] = Field(
        default="auto",
        description="console for people, json a line for machines; auto is console on a terminal.",
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least grave event that is told."
    )


class MetricsSettings(Options):
    """[metrics]: who may read /metrics, which counts but names nobody."""

    networks: IpNetworks = Field(
        default="127.0.0.0/8, ::1/128",
        description="The networks that /metrics is answered to, separated by commas.",
    )
