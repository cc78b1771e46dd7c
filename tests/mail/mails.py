"""The mails that every check of this folder looks at: one of each kind that we send.

A kind is a line of KINDS: its name, and what makes its message in an office, from DOMAIN and to an
address of its own at READERS. All are real: seeds that are collected, composed and signed as on
any morning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path

from newsletter import catalogue, dkim, dkim_keys, pipeline, sources
from newsletter.editor import Act
from newsletter.look import Look
from newsletter.message import Message
from newsletter.pipeline import Edition, edit
from newsletter.pipeline.candidates import Terms
from newsletter.rendering.letters import Letters
from newsletter.rendering.renderer import Renderer
from newsletter.rendering.templates import Templates
from newsletter.resources import folder
from newsletter.snapshot import Masthead
from newsletter.sources import Source
from newsletter.store import issues, ledger
from newsletter.store.database import Database
from newsletter.store.letters import LetterKind
from subscribers import store
from subscribers.model import LONGEST, Consent, Preferences
from subscribers.tokens import Signer
from tests.golden.test_golden import TERMS, offline
from tests.mail import unkind
from tests.mail.recorded import DAYS, Recorded
from tests.mail.unkind import WORD

HERE = Path(__file__).parent
DOMAIN = "letters.example.org"
READERS = "any.example.net"  # where the mail lab takes mail for whomever
MIDNIGHT = time(0, 0)  # past at any hour, so that no mail is dated in the future
FOLLOWS = frozenset({"alignment", "vision-language", "agents", "reasoning", "robotics"})

TERMS_HERE = replace(
    TERMS,
    masthead=Masthead(
        title="Trending papers",
        from_name="Trending papers",
        from_address=f"daily@{DOMAIN}",
        reply_to=f"daily@{DOMAIN}",
        bounces=f"b@{DOMAIN}",
        list_id=f"daily.{DOMAIN}",
        domain=DOMAIN,
        verp=True,
        pages=f"https://{DOMAIN}",
        feedback_id="letters1",
    ),
    origins=("Hugging Face Papers", "arXiv"),
)
ANYTHING = Preferences()
PAGE = {"path": str(folder("seeds") / "trending-papers.txt")}


class Office:
    """A publisher on the morning of an issue: papers collected, nobody subscribed.

    The clock is real, since spam filters look at a mail's date.
    """

    without_pages: Office  # as a publisher starts out: readers' pages have no address yet
    recorded: Mapping[str, Office]  # of days as they really were, where those were recorded
    unkind: Office  # one whose words are as unwieldy as words come

    def __init__(
        self,
        database: Database,
        papers: Source,
        keys: Mapping[str, dkim_keys.PrivateKey],
        terms: Terms,
        look: Look | None,
    ) -> None:
        self.database = database
        self.now = datetime.now(UTC)
        self.terms = terms
        self.signer = Signer(b"the mail lab")
        self.renderer = Renderer(Templates(HERE / "look", folder("templates"), look=look))
        self.topics = catalogue.load(folder("seeds") / "topics.toml")
        self.mail_signer = dkim.MailSigner(
            DOMAIN, [dkim.Selected(selector=one, key=key) for one, key in keys.items()]
        )
        self.records = {
            dkim.record_name(selector, DOMAIN): key.record() for selector, key in keys.items()
        }
        pipeline.collect(database, offline(), [papers], self.now)
        for code in ("de", "he"):  # the issue speaks what readers speak when it is composed
            self._subscribe(f"first-{code}", Preferences(language=code))

    def _subscribe(self, name: str, wants: Preferences) -> str:
        address = f"{name}@{READERS}"
        consent = Consent(at=self.now - timedelta(days=9), form="test")
        with self.database.write() as connection:
            store.subscribe(connection, address, replace(wants, at=MIDNIGHT), consent)
        return address

    def digest(self, name: str, wants: Preferences) -> Message:
        """What a new reader with these wishes gets of today's issue."""
        address = self._subscribe(name, wants)
        done = pipeline.compose(self.database, self.renderer, self.topics, self.terms, self.now)
        assert done.issue is not None
        with self.database.read() as connection:
            entries = ledger.entries(connection, done.issue.id)
        (entry,) = (one for one in entries if one.address == address)
        return Edition(done.issue, self.signer, self.mail_signer).message(entry)

    def letter(self, kind: LetterKind, name: str = "", language: str = "") -> Message:
        """A letter to a new reader."""
        wants = Preferences(follows=FOLLOWS, language=language)
        address = self._subscribe(name or kind, wants)
        with self.database.read() as connection:
            reader = store.get(connection, address)
        return pipeline.letter_to(self.desk, kind, reader, self.now, first=True)

    @property
    def today(self) -> frozenset[int]:
        """The day of the week, as one of those on which a reader wants mail."""
        return frozenset({self.now.weekday()})

    def report(self) -> Message:
        """How today's issue goes, to the operator."""
        self.digest("reported", Preferences(length=1))
        with self.database.read() as connection:
            day = issues.latest_day(connection)
            assert day is not None
            address = f"report@{READERS}"
            return pipeline.report_of(self.desk, connection, day, address, self.now)

    @property
    def desk(self) -> pipeline.Desk:
        """What letters are written with."""
        masthead = self.terms.masthead
        return pipeline.Desk(
            letters=Letters(self.renderer.templates, masthead, self.terms.imprint),
            masthead=masthead,
            signer=self.signer,
            topics=self.topics,
            language="en",
            mail_signer=self.mail_signer,
        )


KINDS: Mapping[str, Callable[[Office], Message]] = {
    "topics": lambda office: office.digest("topics", Preferences(follows=FOLLOWS)),
    "general": lambda office: office.digest("general", Preferences()),
    "one-paper": lambda office: office.digest("one-paper", Preferences(length=1)),
    "german": lambda office: office.digest("german", Preferences(language="de", length=5)),
    "weekly": lambda office: office.digest("weekly", Preferences(days=office.today, length=5)),
    "hebrew": lambda office: office.digest("hebrew", Preferences(language="he", length=5)),
    "confirmation": lambda office: office.letter(LetterKind.CONFIRMATION),
    "welcome": lambda office: office.letter(LetterKind.WELCOME),
    "preferences": lambda office: office.letter(LetterKind.PREFERENCES),
    "goodbye": lambda office: office.letter(LetterKind.GOODBYE),
    "report": lambda office: office.report(),
    "long": lambda office: office.digest("long", Preferences(length=LONGEST)),
    "hebrew-letter": lambda office: office.letter(LetterKind.WELCOME, "hebrew-letter", "he"),
    "without-pages": lambda office: office.without_pages.digest("without-pages", Preferences()),
    "confirmation-without-pages": lambda office: office.without_pages.letter(
        LetterKind.CONFIRMATION, "confirmation-without-pages"
    ),
    "unkind": lambda office: office.unkind.digest(unkind.READER, Preferences()),
    "unkind-letter": lambda office: office.unkind.letter(LetterKind.WELCOME, "unkind-letter"),
} | {
    f"recorded-{one}": partial(lambda day, office: office.recorded[day].digest(day, ANYTHING), one)
    for one in DAYS
}


@contextmanager
def office(place: Path) -> Iterator[Office]:
    """An office, and those that it knows, each with a database of its own in that folder."""
    seeds = sources.build("page", PAGE, folder("seeds"))
    made = {"rsa": dkim_keys.RSA, "ed": dkim_keys.ED25519}
    keys = {name: dkim_keys.read(dkim_keys.generate(kind), name) for name, kind in made.items()}
    masthead = TERMS_HERE.masthead
    bare = replace(TERMS_HERE, masthead=replace(masthead, pages="", feedback_id=""))
    long = replace(TERMS_HERE, masthead=replace(masthead, title=WORD), imprint=WORD * 3)
    with ExitStack() as stack:

        def opened(name: str, papers: Source, terms: Terms, look: Look | None = None) -> Office:
            database = Database(f"sqlite:///{place}/{name}.db")
            stack.callback(database.close)
            database.upgrade()
            return Office(database, papers, keys, terms, look)

        one = opened("office", seeds, TERMS_HERE)
        one.without_pages = opened("without-pages", seeds, bare)
        old = replace(TERMS_HERE, window=timedelta(days=9999))
        one.recorded = {day: opened(day, Recorded(day), old) for day in DAYS}
        one.unkind = opened("unkind", unkind.papers(place), long, Look(footer=f"{WORD * 2} <b>"))
        edit(one.unkind.database, unkind.NOTED, Act.NOTE, by="x", now=one.now, words=unkind.NOTE)
        yield one
