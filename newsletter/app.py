"""Builds everything from the settings, once, each part when it is first asked for."""

from __future__ import annotations

import gc
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from time import monotonic

import newsletter
from newsletter import catalogue, dkim_keys, key_file, roads, sources, transports
from newsletter.calls import Caller
from newsletter.config import SHORTEST_SECRET, Config, leaves
from newsletter.delivery import Policy
from newsletter.dkim import MailSigner, Selected, record_name
from newsletter.dkim_keys import PrivateKey
from newsletter.doctor import sender
from newsletter.doctor.answers import Answer, Ask, Kind
from newsletter.doctor.findings import Finding
from newsletter.embedding import ModelEmbedder
from newsletter.errors import ConfigError, RequestError
from newsletter.issue import Issue
from newsletter.key_file import Keys
from newsletter.look import Look
from newsletter.pacing import DomainLimits
from newsletter.papers import Paper, PaperId
from newsletter.pipeline import late_rules, topics
from newsletter.pipeline.alerts import Watch
from newsletter.pipeline.candidates import Terms
from newsletter.pipeline.connections import Road
from newsletter.pipeline.dispatch import Post
from newsletter.pipeline.embedding import RememberingEmbedder
from newsletter.pipeline.letters import Desk
from newsletter.pipeline.preflight import Means, preflight
from newsletter.pipeline.receipts import FileReceipts
from newsletter.preflight.house import House, hosts_of
from newsletter.preflight.report import Report
from newsletter.rendering.letters import Letters
from newsletter.rendering.renderer import Renderer
from newsletter.rendering.templates import Templates
from newsletter.resources import folder
from newsletter.selection import Weights
from newsletter.snapshot import Masthead
from newsletter.sources import ArxivSource, Fetcher, Http, Limits, Source
from newsletter.stopping import pauses
from newsletter.store import topics as kept_topics
from newsletter.store.database import Connection, Database
from newsletter.store.turns import Turns
from newsletter.text import Embedder
from newsletter.topics import Catalogue, Match
from subscribers.model import parse_zone
from subscribers.tokens import Signer

SECRET_FILE = "secret.key"  # noqa: S105  a file name
DNS_KEPT = 600.0  # seconds; who runs for weeks asks again, for the DNS is mended meanwhile
SHORTEST_OWN = 32  # characters of a key we made, which has 43: a shorter one was cut


class App:
    """The parts of one installation, as its settings describe them."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.settings = config.settings
        # Batches are thousands of small values that all live to their end: looking through them for
        # cycles at every 700th costs a fifth of composing.
        gc.set_threshold(20_000, 20, 50)
        self._dns: dict[bool, tuple[Finding, ...]] = {}
        self._dns_since = monotonic()

    @cached_property
    def database(self) -> Database:
        """The database, its schema current; raises StoreError."""
        database = self.bare_database
        database.prepare()
        return database

    @cached_property
    def bare_database(self) -> Database:
        """The database as it stands, for the command that upgrades it."""
        return Database(self.config.database_url())

    @cached_property
    def catalogue(self) -> Catalogue:
        """The topics readers can follow, and readers' own rules."""
        return self.offer.catalogue

    @cached_property
    def offer(self) -> topics.Offer:
        """The same, and what is kept of topics that cannot be read."""
        own = self.config.path(self.settings.topics)
        file = catalogue.load(own or folder("seeds") / "topics.toml")
        with self.database.read() as connection:
            return topics.offer(file, kept_topics.every(connection))

    def matches(
        self, connection: Connection, found: Sequence[Paper], *, own: bool = False
    ) -> dict[PaperId, tuple[Match, ...]]:
        """The topics of papers, surest first; with `own`, readers' own rules too."""
        offered = self.catalogue if own else Catalogue(self.catalogue.shown)
        return topics.matches(connection, offered, found, self.embedder)

    @cached_property
    def renderer(self) -> Renderer:
        """The renderer of the operator's templates, and of ours where there are none."""
        return Renderer(self.templates)

    @cached_property
    def templates(self) -> Templates:
        """The operator's templates and translations, then those that ship with the code."""
        look = self.settings.look
        own = self.config.path(look.templates)
        if own is not None and not own.is_dir():
            raise ConfigError(f"look.templates: there is no folder {own}.")
        told = look.model_dump(exclude={"templates"}) | {"logo": look.logo or ""}
        folders = [one for one in (own, folder("templates")) if one is not None]
        return Templates(*folders, look=Look(**told))

    @cached_property
    def desk(self) -> Desk:
        """What letters are written with."""
        masthead = self.terms.masthead
        return Desk(
            letters=Letters(self.templates, masthead, self.terms.imprint),
            masthead=masthead,
            signer=self.signer,
            topics=self.catalogue,
            language=self.settings.language,
            mail_signer=self.mail_signer,
            judge=self.judge,
        )

    def judge(self, issue: Issue, now: datetime) -> Report:
        """What the preflight finds in an issue, as the settings are; spam filters are not asked."""
        return preflight(self.database, self.means(), issue, now)

    def watch(self, failures: Mapping[str, str], refused: Mapping[str, str]) -> Watch:
        """What alerts are judged by: the settings, and what the clock's ticks told here.

        `failures` by tick, `refused` the preflight's first word by issue.
        """
        folders = {"receipts": self.receipts.folder}
        if self.bare_database.folder is not None:
            folders["database"] = self.bare_database.folder
        return Watch(
            terms=self.terms,
            sources=tuple(self.settings.sources),
            folders=folders,
            receipts=self.receipts.folder,
            host=socket.gethostname()[:32],
            failures=failures,
            refused=refused,
        )

    @cached_property
    def masthead(self) -> Masthead:
        """Whom mail is from."""
        sender = self.settings.sender
        return Masthead(
            title=self.settings.title,
            from_name=sender.name,
            from_address=sender.address,
            reply_to=sender.reply_to or sender.address,
            bounces=sender.bounces,
            list_id=sender.list_id,
            domain=sender.address.rpartition("@")[2],
            verp=sender.verp,
            pages=self.settings.pages.url or "",
            feedback_id=sender.feedback_id or "",
        )

    @cached_property
    def terms(self) -> Terms:
        """What the operator settled for every issue."""
        issue = self.settings.issue
        return Terms(
            masthead=self.masthead,
            imprint=self.settings.sender.postal_address,
            zone=parse_zone(issue.zone),
            window=timedelta(days=issue.window_days),
            new_papers=issue.new_papers,
            language=self.settings.language,
            origins=self._origins(),
            embedder=self.embedder,
            weights=Weights(**self.settings.selection.model_dump()),
            reliability=sources.reliability(self.settings.sources),
            compose_at=self.settings.schedule.compose_time,
            weekdays=issue.weekdays,
            holidays=issue.free_days,
            least_papers=issue.least_papers,
            hold=issue.hold,
            editor=self.settings.report.editor or self.settings.report.to,
        )

    @cached_property
    def embedder(self) -> Embedder | None:
        """The model of [semantic], which remembers; None where none is named."""
        semantic = self.settings.semantic
        if semantic.model is None:
            return None
        model = ModelEmbedder(semantic.model, self.config.path(semantic.folder), semantic.threads)
        return RememberingEmbedder(model, model.signature, self.database)

    def _origins(self) -> tuple[str, ...]:
        """Where the papers are from, as their sources want to be named."""
        kinds = (table.get("kind", name) for name, table in self.settings.sources.items())
        return tuple(sources.CREDITS[kind] for kind in kinds if kind in sources.CREDITS)

    @cached_property
    def policy(self) -> Policy:
        """How long, and how often, a delivery is worth trying."""
        return Policy(
            tries=self.settings.delivery.tries,
            news=timedelta(hours=self.settings.issue.news_hours),
        )

    @property
    def lease(self) -> timedelta:
        """How long a sender holds what it claimed."""
        return timedelta(seconds=self.settings.delivery.lease_seconds)

    def admit(self, slugs: Iterable[str], now: datetime) -> None:
        """Has today's issue know rules that came after it, so that a first digest has them."""
        day = now.astimezone(self.terms.zone).date()
        late_rules.admit(self.database, self.renderer, day, slugs, self.embedder)

    def renew(self) -> None:
        """Forgets what topics and keys there are, so that those made since are found."""
        for name in ("offer", "catalogue", "signer", "desk"):
            self.__dict__.pop(name, None)

    def close(self) -> None:
        """Closes what was opened."""
        if "fetcher" in self.__dict__:
            self.fetcher.close()
        if "bare_database" in self.__dict__:
            self.bare_database.close()

    @cached_property
    def domains(self) -> dict[str, DomainLimits]:
        """What recipient domains are sent at most; raises ConfigError."""
        return roads.domains(self.settings.domains)

    def roads(self) -> list[Road]:
        """The transports of delivery.transport with their connections, all closed.

        Only a mail server is talked to over several. Raises ConfigError.
        """
        return [self._road(name) for name in self.settings.delivery.transports]

    def _road(self, name: str) -> Road:
        kind, table, where = self.config.transport(name)
        common, own = roads.split(table, where)
        wanted = common.connections or self.settings.delivery.connections
        number = wanted if kind == "smtp" else 1
        return Road(
            name=name,
            transports=[
                transports.build(
                    kind, own, where, self.config.base, also=roads.RoadOptions.model_fields
                )
                for _ in range(number)
            ],
            weight=common.weight,
            limits=common.limits(),
        )

    def post(self, owner: str, clock: Callable[[], datetime]) -> Post:
        """What a run of dispatch works with, as the settings have it; raises ConfigError."""
        return Post(
            roads=self.roads(),
            domains=self.domains,
            owner=owner,
            policy=self.policy,
            lease=self.lease,
            clock=clock,
            mail_signer=self.mail_signer,
            receipts=self.receipts,
        )

    @cached_property
    def receipts(self) -> FileReceipts:
        """Where answers are kept that the database cannot take."""
        return FileReceipts(self.receipts_folder)

    @property
    def receipts_folder(self) -> Path:
        """The folder of those."""
        own = self.config.path(self.settings.delivery.receipts)
        return own or (self.bare_database.folder or self.config.base) / "receipts"

    def sources(self, only: Sequence[str] = ()) -> list[Source]:
        """The configured sources, or those named; raises ConfigError, or RequestError for a name.

        A kind that needs no settings can be named without a table.
        """
        tables: Mapping[str, Mapping[str, object]] = self.settings.sources
        chosen: dict[str, Mapping[str, object]] = {}
        for name in only or tables:
            table = tables.get(name, {})
            if name not in tables and name not in sources.known():
                near = get_close_matches(name, {*tables, *sources.known()}, n=1, cutoff=0.4)
                hint = f" Did you mean {near[0]}?" if near else ""
                configured = ", ".join(tables) or "none is"
                raise RequestError(f"There is no [sources.{name}]; configured: {configured}.{hint}")
            chosen[name] = table
        return [sources.build(name, table, self.config.base) for name, table in chosen.items()]

    def arxiv(self) -> ArxivSource:
        """arXiv as configured, or as it is by default, to ask about single papers."""
        tables = self.settings.sources.items()
        table = next((one for name, one in tables if one.get("kind", name) == "arxiv"), {})
        found = sources.build("arxiv", table, self.config.base)
        assert isinstance(found, ArxivSource)  # noqa: S101  for the type checker
        return found

    @property
    def contact(self) -> str | None:
        """Whom upstreams can write to; None where nobody was named."""
        sender = self.settings.sender
        mailbox = sender.reply_to or sender.address
        named = "sender.address" in self.config.origins or sender.reply_to
        usable = named and mailbox.isascii()  # it stands in an HTTP header
        return self.settings.http.contact or (mailbox if usable else None)

    @cached_property
    def fetcher(self) -> Fetcher:
        """Opens what sources ask for, by the manners of [http]."""
        return self.fetching(lambda: False)

    def fetching(self, stopped: Callable[[], bool]) -> Fetcher:
        """The same, to be closed; where it would wait, it raises Stopped once `stopped` says so."""
        http, pause = self.settings.http, pauses(stopped)
        told = f" (+{self.contact})" if self.contact else ""
        limits = Limits(
            agent=f"trending-papers/{newsletter.__version__}{told}",
            connect=http.connect_seconds,
            read=http.read_seconds,
            total=http.total_seconds,
            largest=http.largest_mb * 2**20,
            tries=http.tries,
            allow_private=http.allow_private,
        )
        turns = Turns(self.database, sleep=pause)
        return Fetcher(Http(limits, turns, sleep=pause))

    @cached_property
    def caller(self) -> Caller:
        """Posts to webhooks, by the manners of [webhooks]."""
        agent = f"trending-papers/{newsletter.__version__}"
        return Caller(agent, allow_private=self.settings.webhooks.allow_private)

    @cached_property
    def signer(self) -> Signer:
        """Signs with the configured secret, or with one made beside the embedded database."""
        keys = self.config.keys() or self._own_keys()
        secret, *older = keys.valid(datetime.now(UTC).date())
        return Signer(secret, older)

    @cached_property
    def mail_signer(self) -> MailSigner | None:
        """Signs messages with the keys of [dkim]; None where none is set. Raises ConfigError."""
        keys = [Selected(selector=selector, key=key) for selector, key in self.signing_keys]
        return MailSigner(self.dkim_domain, keys) if keys else None

    def means(self, filters: Mapping[str, str] | None = None) -> Means:
        """What a preflight works with; spam filters are asked where they are named."""
        masthead = self.terms.masthead
        named = leaves(self.settings.model_dump(mode="json"))
        own = (str(value) for key, value in named if not key.startswith("sources."))
        kinds = {self.config.transport(name)[0] for name in self.settings.delivery.transports}
        return Means(
            signer=self.signer,
            house=House(
                address=masthead.from_address,
                reply_to=masthead.reply_to,
                list_id=masthead.list_id,
                domain=masthead.domain,
                postal_address=self.terms.imprint,
                web_hosts=hosts_of(own),
                goes_out=not kinds <= transports.STAY,
                signs=self.mail_signer is not None,
            ),
            mail_signer=self.mail_signer,
            records=self._dkim_records(),
            filters=filters or {},
            dns=self.dns,
            desk=self.desk,
        )

    def dns(self, *, anyway: bool = False) -> tuple[Finding, ...]:
        """How the sender's DNS is, as it was within DNS_KEPT.

        It is asked `anyway` also where mail stays on this machine.
        """
        if monotonic() - self._dns_since >= DNS_KEPT:
            self._dns.clear()
            self.__dict__.pop("_resolver", None)
            self._dns_since = monotonic()
        if anyway not in self._dns:
            self._dns[anyway] = tuple(sender.check(self._dns_sender(), self._ask, anyway=anyway))
        return self._dns[anyway]

    def _ask(self, name: str, kind: Kind) -> Answer:
        """The answer of the DNS, within the seconds of [doctor] for all questions together."""
        return self._resolver(name, kind)

    @cached_property
    def _resolver(self) -> Ask:
        from newsletter.doctor.resolver import Resolver  # here: it takes a tenth of a second

        own = self.settings.doctor
        servers = own.nameservers.split(", ") if own.nameservers else ()
        return Resolver(servers, own.port, own.seconds)

    def _dns_sender(self) -> sender.Sender:
        settings = self.settings.sender
        tables = [self.config.transport(name) for name in self.settings.delivery.transports]
        away = (table.get("host", kind) for kind, table, _ in tables if kind not in transports.STAY)
        return sender.Sender(
            address=settings.address,
            reply_to=settings.reply_to or settings.address,
            bounces=settings.bounces,
            signs_as=self.dkim_domain if self.mail_signer is not None else "",
            records=self._dkim_records(),
            relays=tuple(dict.fromkeys(map(str, away))),
            host=self.settings.doctor.host,
        )

    def _dkim_records(self) -> dict[str, str]:
        """The TXT records of our keys, by their names."""
        return {
            record_name(selector, self.dkim_domain): key.record()
            for selector, key in self.signing_keys
        }

    @property
    def dkim_domain(self) -> str:
        """The domain that answers for the mail."""
        return self.settings.dkim.domain or self.settings.sender.address.rpartition("@")[2]

    @cached_property
    def signing_keys(self) -> tuple[tuple[str, PrivateKey], ...]:
        """The keys of [dkim] with their selectors, at most two; raises ConfigError."""
        dkim = self.settings.dkim
        files = (
            ("key_file", dkim.selector, dkim.key_file),
            ("second_key_file", dkim.second_selector, dkim.second_key_file),
        )
        found = tuple(
            (selector, self._dkim_key(setting, self.config.base / file))
            for setting, selector, file in files
            if selector is not None and file is not None
        )
        if len({key.algorithm for _, key in found}) < len(found):
            raise ConfigError(
                f"dkim.second_key_file: both keys are {found[0][1].algorithm}; the second is for "
                "the other algorithm."
            )
        return found

    @staticmethod
    def _dkim_key(setting: str, file: Path) -> PrivateKey:
        try:
            pem = file.read_bytes()
        except OSError as error:
            raise ConfigError(f"dkim.{setting}: cannot read {file}: {error.strerror}.") from error
        return dkim_keys.read(pem, f"dkim.{setting}: the key in {file}")

    @property
    def key_file(self) -> Path | None:
        """The file of the key that signs links; None where the key stands in none."""
        if self.settings.secret is not None:
            return None
        own = self.bare_database.folder
        named = self.config.path(self.settings.secret_file)
        return named or (own / SECRET_FILE if own is not None else None)

    def _own_keys(self) -> Keys:
        path = self._own_key_file()
        if not path.exists():
            key_file.make(path)
        return key_file.read(path, SHORTEST_OWN)

    def _own_key_file(self) -> Path:
        beside = self.bare_database.folder
        if beside is None:
            raise ConfigError(
                "Set `secret` or `secret_file`: machines that share a database share the key too."
            )
        return beside / SECRET_FILE

    def rotate(self, until: date | None, today: date) -> tuple[Path, Keys]:
        """Signs with a new key from now on; what the one before signed is taken up to `until`.

        None takes nothing of it. Returns the file and what it holds now. Raises RequestError where
        the key stands in no file.
        """
        if self.settings.secret is not None:
            where = self.config.origins.get("secret", "the settings")
            raise RequestError(
                f"The key is given as `secret` ({where}), where no command writes. Put it into a "
                "file that you alone can read, set `secret_file` in place of `secret`, and rotate "
                "then."
            )
        _ = self.signer  # makes a first key where there is none, and tells what is wrong with one
        named = self.config.path(self.settings.secret_file)
        file = named or self._own_key_file()
        shortest, setting = (SHORTEST_SECRET, "secret_file") if named else (SHORTEST_OWN, "")
        keys = key_file.rotate(file, shortest, until, today, setting)
        del self.signer
        return file, keys
