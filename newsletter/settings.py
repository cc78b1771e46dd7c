"""Every setting there is: its group, type, default, and one sentence on what it does.

Where the values come from is `config.py`'s; the tables of transports and sources are checked by
their own rooms.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from newsletter import plain
from newsletter.look import FONTS, Look
from newsletter.options import Options
from subscribers.addresses import normalise
from subscribers.errors import AddressError, PreferenceError
from subscribers.model import parse_time, parse_zone
from subscribers.tokens import RETURN_LENGTH

TITLE = "Trending papers"
COLOUR = re.compile(r"#[0-9a-f]{6}")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}")
FEEDBACK_ID = re.compile(r"[A-Za-z0-9_.-]{5,15}")
BACKENDS = ("sqlite", "postgresql+psycopg")  # what newsletter/store/ is tested on
LONGEST_LINE = 120  # characters; a name longer than this is cut by every mail client
LONGEST_LOCAL = 64  # octets, RFC 5321 4.5.3.1.1
LIST_ID = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+")  # a dot-atom, as RFC 2919 2 wants it
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*")  # RFC 6376 3.1 and 3.5: what s= and d= may hold


def _line(text: str) -> str:
    clean = text.strip()
    if not clean or len(clean) > LONGEST_LINE or not clean.isprintable():
        raise ValueError(f"must be one line of 1 to {LONGEST_LINE} printable characters")
    return clean


def _names(given: Any) -> Any:
    if isinstance(given, list) and all(isinstance(one, str) for one in given):
        given = ", ".join(given)
    if not isinstance(given, str):
        return given
    names = [one.strip() for one in given.split(",")]
    if not all(names) or len(set(names)) < len(names):
        raise ValueError("must be a name, or different names separated by commas")
    return ", ".join(names)


def _address(text: str) -> str:
    try:
        return normalise(text)
    except AddressError as error:
        raise ValueError(str(error).rstrip(".")) from None


def _zone(name: str) -> str:
    try:
        return parse_zone(name).key
    except PreferenceError as error:
        raise ValueError(str(error).rstrip(".")) from None


def _one_line(text: str) -> str:
    """Lines joined by commas, which stand for the ends of lines in an address."""
    lines = (" ".join(line.split()).rstrip(",") for line in text.splitlines())
    return ", ".join(line for line in lines if line)


def _ascii_line(text: str) -> str:
    if not text.isascii():  # it stands in an HTTP header
        raise ValueError("must be ASCII, such as an address or the URL of a page")
    return _line(text)


def _list_id(text: str) -> str:
    if not LIST_ID.fullmatch(text):
        raise ValueError("must be words joined by dots, such as daily.example.org")
    return text


def _host(text: str) -> str:
    if not HOST.fullmatch(text):
        raise ValueError("must be letters, digits and hyphens joined by dots, as in the DNS")
    return text.lower()


def _addresses(text: str) -> str:
    for one in text.split(", "):
        try:
            ipaddress.ip_address(one)
        except ValueError:
            raise ValueError("must be IP addresses, such as 192.0.2.53") from None
    return text


def _colour(text: str) -> str:
    if not COLOUR.fullmatch(text.lower()):
        raise ValueError("must be a colour such as #0550ae")
    return text.lower()


def _fonts(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9 ,'_-]{1,300}", text):
        raise ValueError("must be names of fonts, separated by commas")
    return text


def _language(text: str) -> str:
    if not LANGUAGE.fullmatch(text):
        raise ValueError("must be a tag such as en, de or pt-BR")
    return text


def _feedback_id(text: str) -> str:
    if not FEEDBACK_ID.fullmatch(text):
        raise ValueError("must be 5 to 15 letters, digits, dots, hyphens or underscores")
    return text


def _pages(text: str) -> str:
    parts = urlsplit(text)
    if plain.url(text) is None or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be the URL of a page, such as https://papers.example.org")
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost"):
        raise ValueError("must begin with https://: RFC 8058 asks for it")
    return text.rstrip("/")


def _image(text: str) -> str:
    if plain.url(text) is None or not text.startswith("https://"):
        raise ValueError("must be the https URL of an image")
    return text


def check_url(url: str) -> str:
    """The URL if it names a database this product keeps its tables in; raises ValueError."""
    backend, colon, rest = url.partition("://")
    if not colon:
        raise ValueError("must be a URL such as sqlite:///newsletter.db")
    if backend in ("postgres", "postgresql"):
        raise ValueError("must begin with postgresql+psycopg:// to name the driver")
    if backend not in BACKENDS:
        raise ValueError(f"must begin with {' or '.join(f'{b}://' for b in BACKENDS)}")
    path = rest.removeprefix("/").partition("?")[0]
    if backend == "sqlite" and (not rest.startswith("/") or path in ("", ":memory:")):
        raise ValueError("must name a file after three slashes: a ledger has to outlive a run")
    try:
        _ = urlsplit(url).port
    except ValueError:
        raise ValueError("has a host or a port that cannot be read") from None
    return url


Line = Annotated[str, AfterValidator(_line)]
Names = Annotated[Line, BeforeValidator(_names)]
Address = Annotated[str, AfterValidator(_address)]
Host = Annotated[str, AfterValidator(_host)]
Tables = dict[str, dict[str, Any]]


def _default_sources() -> Tables:
    return {"huggingface": {}, "arxiv": {}}


class Database(Options):
    """[database]: where papers, readers and the ledger are kept."""

    url: Annotated[str, AfterValidator(check_url)] = Field(
        default="sqlite:///newsletter.db",
        description="The database: sqlite:///PATH, or postgresql+psycopg://USER@HOST/NAME.",
    )
    url_file: Path | None = Field(
        default=None,
        description="A file whose first line is the database URL, to keep its password apart.",
    )


def _domain(data: Mapping[str, Any]) -> str:
    return str(data.get("address", "")).rpartition("@")[2]  # absent where the address was wrong


class Sender(Options):
    """[sender]: whom the mail is from."""

    address: Address = Field(
        default="daily@example.org", description="The mailbox the mail is from."
    )
    name: Line = Field(
        default=TITLE, description="The name beside that mailbox; by default the title."
    )
    reply_to: Address | None = Field(
        default=None, description="The mailbox that answers go to, where it is another one."
    )
    bounces: Address = Field(
        default_factory=lambda data: data.get("address", "bounces@example.org"),
        description="The envelope sender, where bounces go; by default the address.",
    )
    verp: bool = Field(
        default=False,
        description="Whether each mail has an envelope sender of its own, LOCAL+TOKEN@DOMAIN, from "
        "the next issue on; the server of sender.bounces has to take those.",
    )
    postal_address: Annotated[str, AfterValidator(_one_line)] = Field(
        default="",
        description="The sender's postal address, which the law of many countries asks for; "
        "several lines are joined by commas.",
    )
    list_id: Annotated[str, AfterValidator(_list_id)] = Field(
        default_factory=lambda data: f"daily.{_domain(data) or 'example.org'}",
        description="The name mail clients file the list under; by default daily.DOMAIN.",
    )
    feedback_id: Annotated[str, AfterValidator(_feedback_id)] | None = Field(
        default=None,
        description="The sender's part of Feedback-ID, by which Gmail counts complaints.",
    )

    @field_validator("address", "reply_to", "bounces")
    @classmethod
    def _is_ascii(cls, address: str | None) -> str | None:
        if address is not None and not address.isascii():
            raise ValueError("must be ASCII: not every server takes mail from another address")
        return address

    @model_validator(mode="after")
    def _token_fits(self) -> Self:
        local = self.bounces.rpartition("@")[0]
        most = LONGEST_LOCAL - len("+") - RETURN_LENGTH
        if self.verp and len(local.encode()) > most:
            raise ValueError(
                f"with verp the part of sender.bounces before the @ has {most} characters at most, "
                "so that the token beside it fits"
            )
        return self


class IssueSettings(Options):
    """[issue]: what is news, and on which day."""

    zone: Annotated[str, AfterValidator(_zone)] = Field(
        default="UTC", description="The IANA time zone that decides an issue's date."
    )
    window_days: int = Field(
        default=7,
        ge=1,
        le=60,
        description="Days a paper stays a candidate: after it was first announced or collected, "
        "after the last day's list it stood in, after the editor pinned it.",
    )
    new_papers: bool = Field(
        default=False,
        description="Whether papers without votes or a place in a list may fill digests, last.",
    )
    news_hours: int = Field(
        default=36,
        ge=1,
        le=168,
        description="Hours after which a delivery still unsent is given up.",
    )


class SelectionSettings(Options):
    """[selection]: what else than match and trend decides which papers a reader gets."""

    repeat: float = Field(
        default=0.9,
        gt=0,
        le=1,
        description="What the next paper of the same topic counts; lower, and digests are more "
        "mixed. Try a value by `newsletter evaluate --set selection.repeat=0.8`.",
    )
    fresh: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="How much of a paper's score is for being new; half of it is gone in 2 days.",
    )


class SemanticSettings(Options):
    """[semantic]: an embedding model beside the words of papers and topics; needs fastembed."""

    model: str | None = Field(
        default=None,
        max_length=120,
        description="The model, as fastembed calls it, such as "
        "sentence-transformers/all-MiniLM-L6-v2; without one, words alone are compared.",
    )
    folder: Path | None = Field(
        default=None,
        description="A folder with the model's model.onnx and tokenizer; without one, fastembed "
        "downloads the model when it is first used.",
    )
    threads: int = Field(default=1, ge=1, le=64, description="Threads the model may use.")


class PagesSettings(Options):
    """[pages]: where readers find their pages, and what `newsletter serve` lets in."""

    url: Annotated[str, AfterValidator(_pages)] | None = Field(
        default=None,
        description="The public address of readers' pages that you serve, which the links in mails "
        "lead to; without one, mails ask readers to answer instead.",
    )
    bind: Annotated[str, AfterValidator(_addresses)] = Field(
        default="127.0.0.1", description="The address that `newsletter serve` listens on."
    )
    port: int = Field(default=8080, ge=0, le=65_535, description="And its port.")
    hosts: Names | None = Field(
        default=None,
        description="The names by which pages may be asked for, separated by commas; by default "
        "that of pages.url, and this machine's own.",
    )
    proxies: Annotated[Names, AfterValidator(_addresses)] | None = Field(
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


def _time(text: str) -> str:
    try:
        return f"{parse_time(text):%H:%M}"
    except PreferenceError as error:
        raise ValueError(str(error).rstrip(".")) from None


class ScheduleSettings(Options):
    """[schedule]: when `newsletter run` does what."""

    compose_at: Annotated[str, AfterValidator(_time)] = Field(
        default="05:00",
        description="The hour, in issue.zone, from which the day's issue is composed.",
    )
    collect_minutes: int = Field(
        default=60, ge=5, le=1440, description="Minutes between two looks at the sources."
    )
    send_seconds: int = Field(
        default=60, ge=5, le=3600, description="Seconds between two looks for what is due."
    )

    @property
    def compose_time(self) -> time:
        """`compose_at`, read."""
        return parse_time(self.compose_at)


def _colour_field(name: str, what: str) -> Any:
    return Field(default=getattr(Look(), name), description=what)


Colour = Annotated[str, AfterValidator(_colour)]


class ReportSettings(Options):
    """[report]: what the operator is told by mail."""

    to: Address | None = Field(
        default=None,
        description="Who gets a report of each issue, once all its deliveries have ended.",
    )


class LookSettings(Options):
    """[look]: how mails and pages look."""

    templates: Path | None = Field(
        default=None,
        description="A folder of your own templates and translations, which go before ours.",
    )
    logo: Annotated[str, AfterValidator(_image)] | None = Field(
        default=None, description="The https URL of an image above the title."
    )
    logo_alt: str = Field(
        default="", max_length=LONGEST_LINE, description="What it says where it is not shown."
    )
    logo_width: int = Field(default=120, ge=16, le=552, description="Its width in pixels.")
    fonts: Annotated[str, AfterValidator(_fonts)] = Field(
        default=FONTS, description="The fonts, by order of preference; none is fetched."
    )
    footer: str = Field(
        default="", max_length=500, description="A line of your own at the end of every mail."
    )
    page: Colour = _colour_field("page", "The colour around the sheet.")
    sheet: Colour = _colour_field("sheet", "Behind the papers.")
    ink: Colour = _colour_field("ink", "Of text.")
    soft: Colour = _colour_field("soft", "Of text of second rank.")
    link: Colour = _colour_field("link", "Of links and titles.")
    rule: Colour = _colour_field("rule", "Of lines between papers.")
    chip: Colour = _colour_field("chip", "Behind a topic's name.")
    chip_ink: Colour = _colour_field("chip_ink", "Of a topic's name.")
    note: Colour = _colour_field("note", "Of the bar beside an editor's note.")
    dark_page: Colour = _colour_field("dark_page", "As page, where the reader's screen is dark.")
    dark_sheet: Colour = _colour_field("dark_sheet", "As sheet, in the dark.")
    dark_ink: Colour = _colour_field("dark_ink", "As ink, in the dark.")
    dark_soft: Colour = _colour_field("dark_soft", "As soft, in the dark.")
    dark_link: Colour = _colour_field("dark_link", "As link, in the dark.")
    dark_rule: Colour = _colour_field("dark_rule", "As rule, in the dark.")
    dark_chip: Colour = _colour_field("dark_chip", "As chip, in the dark.")
    dark_chip_ink: Colour = _colour_field("dark_chip_ink", "As chip_ink, in the dark.")


class DeliverySettings(Options):
    """[delivery]: how mail is handed over."""

    transport: Names = Field(
        default="maildir",
        description="Which of the [transports.NAME] tables carry the mail: one, or several "
        "separated by commas, which share it by their weights.",
    )
    lease_seconds: int = Field(
        default=900,
        ge=30,
        le=86_400,
        description="Seconds a run may hold the deliveries it claimed.",
    )
    tries: int = Field(
        default=5, ge=1, le=20, description="How many times a delivery is tried before it fails."
    )
    connections: int = Field(
        default=4,
        ge=1,
        le=100,
        description="Connections that one process of `send` opens to each mail server.",
    )
    receipts: Path | None = Field(
        default=None,
        description="The folder for answers of the mail server that the database cannot take; by "
        "default receipts beside the embedded database.",
    )

    @property
    def transports(self) -> tuple[str, ...]:
        """The names of `transport`."""
        return tuple(self.transport.split(", "))


class DkimSettings(Options):
    """[dkim]: what mail is signed with, where the relay does not do it."""

    domain: Host | None = Field(
        default=None, description="The domain that signs; by default that of the sender's address."
    )
    selector: Host | None = Field(
        default=None,
        description="The name under which the DNS tells the public key: "
        "SELECTOR._domainkey.DOMAIN.",
    )
    key_file: Path | None = Field(
        default=None,
        description="The private key, RSA or Ed25519, a PEM file; without one nothing is signed.",
    )
    second_selector: Host | None = Field(
        default=None, description="The name of a second key, of the other algorithm."
    )
    second_key_file: Path | None = Field(
        default=None,
        description="A second private key, so that every mail carries two signatures.",
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        pairs = (
            ("", self.selector, self.key_file),
            ("second_", self.second_selector, self.second_key_file),
        )
        for prefix, selector, file in pairs:
            if file is not None and selector is None:
                raise ValueError(f"has {prefix}key_file without {prefix}selector")
            if selector is not None and file is None:
                raise ValueError(f"has {prefix}selector without {prefix}key_file")
        if self.second_key_file is not None and self.key_file is None:
            raise ValueError("has second_key_file without key_file")
        if self.second_selector is not None and self.second_selector == self.selector:
            raise ValueError("has the same selector twice; each key needs a name of its own")
        return self


class DoctorSettings(Options):
    """[doctor]: what `newsletter doctor` asks, and whom."""

    host: Host | None = Field(
        default=None,
        description="The name of the machine that mail leaves to the world from, where that is "
        "yours; its addresses have to lead back to it.",
    )
    nameservers: Annotated[Names, AfterValidator(_addresses)] | None = Field(
        default=None,
        description="The DNS servers to ask, one address or several separated by commas; by "
        "default the system's.",
    )
    port: int = Field(default=53, ge=1, le=65_535, description="The port of those servers.")
    seconds: float = Field(
        default=5,
        ge=0.5,
        le=60,
        description="Seconds that all questions to the DNS may take together.",
    )


class HttpSettings(Options):
    """[http]: how sources are asked over the network."""

    contact: Annotated[str, AfterValidator(_ascii_line)] | None = Field(
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


class Settings(Options):
    """All of newsletter.toml."""

    title: Line = Field(
        default=TITLE, description="The publication's name, in the header of every mail."
    )
    secret: SecretStr | None = Field(
        default=None,
        description="The key that signs links; by default one is made beside the database.",
    )
    secret_file: Path | None = Field(
        default=None, description="A file whose first line is the key that signs links."
    )
    language: Annotated[str, AfterValidator(_language)] = Field(
        default="en", description="The language of readers who chose none: en, de, or your own."
    )
    topics: Path | None = Field(
        default=None, description="A topic catalogue of your own, in place of the built-in one."
    )
    database: Database = Database()
    sender: Sender = Sender()
    issue: IssueSettings = IssueSettings()
    selection: SelectionSettings = SelectionSettings()
    semantic: SemanticSettings = SemanticSettings()
    pages: PagesSettings = PagesSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    look: LookSettings = LookSettings()
    report: ReportSettings = ReportSettings()
    delivery: DeliverySettings = DeliverySettings()
    dkim: DkimSettings = DkimSettings()
    doctor: DoctorSettings = DoctorSettings()
    http: HttpSettings = HttpSettings()
    webhooks: WebhooksSettings = WebhooksSettings()
    transports: Tables = Field(
        default_factory=lambda: {"maildir": {"path": "mail"}},
        description="One table a transport, [transports.NAME]; its kind is NAME where not given.",
    )
    domains: Tables = Field(
        default_factory=dict,
        description="One table a recipient domain that is sent no more than it says, such as "
        '[domains."example.org"]; [domains."*"] is for each that has none.',
    )
    sources: Tables = Field(
        default_factory=_default_sources,
        description="One table a source, [sources.NAME]; its kind is NAME where not given. "
        "Without any: huggingface and arxiv.",
    )

    @model_validator(mode="before")
    @classmethod
    def _name_is_title(cls, values: dict[str, Any]) -> dict[str, Any]:
        sender = values.get("sender", {})
        if "title" in values and isinstance(sender, dict):
            return values | {"sender": {"name": values["title"]} | sender}
        return values
