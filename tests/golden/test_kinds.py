"""A mail of every other kind, kept beside this file to be looked at; `make golden` writes them.

Each as its text and its HTML, in English, one of them in German; with readers' pages, which the
digest of `test_golden.py` is without.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from newsletter import alerts, pipeline
from newsletter.alerts import DiskFacts, Facts, IssueFacts, SourceFacts, WebhookFacts
from newsletter.builder import Builder
from newsletter.cli.preview import take_apart
from newsletter.issue import Digest
from newsletter.message import Message
from newsletter.papers import Paper, PaperId
from newsletter.pipeline.letters import letter_to
from newsletter.preflight.findings import error, warning
from newsletter.rendering.faces import Entry
from newsletter.rendering.letter_words import Alarm, Listed, Review, Trouble
from newsletter.rendering.letters import Account, Letters
from newsletter.rendering.renderer import Renderer
from newsletter.rendering.templates import Templates
from newsletter.rendering.tex import to_unicode
from newsletter.resources import folder
from newsletter.selection import Pick
from newsletter.store.letters import LetterKind
from newsletter.topics import Catalogue, Topic
from newsletter.trending import Trend
from newsletter.wording import DigestKind
from subscribers.model import Consent, Preferences, State, Subscriber
from subscribers.tokens import Signer
from tests.golden.test_golden import HERE, NOW, TERMS

MASTHEAD = replace(TERMS.masthead, pages="https://papers.example.org", feedback_id="papers1")
TEMPLATES = Templates(folder("templates"))
TOPIC = Topic(slug="alignment", name="Alignment")
DESK = pipeline.Desk(
    letters=Letters(TEMPLATES, MASTHEAD, TERMS.imprint),
    masthead=MASTHEAD,
    signer=Signer(b"golden"),
    topics=Catalogue([TOPIC]),
    language="en",
)
READER = Subscriber(
    id=7,
    address="asa@example.org",
    state=State.CONFIRMED,
    preferences=Preferences(follows=frozenset({"alignment"}), zone="Europe/Oslo"),
    consent=Consent(at=NOW - timedelta(days=9), form="command line"),
)
PAPERS = (
    Paper(
        id=PaperId("arxiv:2603.00001"),
        title="A Sample: $\\mathcal{O}(n^2)$ & <marks>",
        abstract="Samples matter. We draw one of each kind. It holds.",
        authors=("Ann Author", "Bo Author", "Cy Author"),
        organization="An Institute",
        url="https://arxiv.org/abs/2603.00001",
        pdf_url="https://arxiv.org/pdf/2603.00001",
        code_url="https://github.com/example/sample",
        discussion_url="https://example.org/talk",
    ),
    Paper(
        id=PaperId("arxiv:2603.00002"),
        title="Another one, told by a machine",
        tldr="It is about samples.",
        tldr_model="a model",
        url="https://arxiv.org/abs/2603.00002",
    ),
)


def digest(kind: DigestKind, language: str = "en") -> Message:
    snapshot = Renderer(TEMPLATES).freeze(
        masthead=MASTHEAD,
        imprint=TERMS.imprint,
        day=NOW.date(),
        entries=[
            Entry(
                paper=PAPERS[0],
                trend=Trend(score=1, position=1, of=41, votes=1204, day=NOW.date(), rising=True),
                pinned=True,
                note="Read this one.",
            ),
            Entry(paper=PAPERS[1], trend=Trend(score=0.5, position=2, of=41, votes=1)),
        ],
        topics=[TOPIC],
        languages=["en", "de"],
        origins=("Hugging Face Papers", "arXiv"),
    )
    reasons = (("alignment",), ())
    return Builder(snapshot).build(
        Digest(
            issue_name="2026-03-12",
            kind=kind,
            language=language,
            beyond=3,
            address=READER.address,
            since=READER.consent.at.date(),
            picks=tuple(
                Pick(paper_id=paper.id, score=1, reasons=why)
                for paper, why in zip(PAPERS, reasons, strict=True)
            ),
            due_at=NOW,
            key="golden",
            unsubscribe_token="7.leave",
            return_token="",
            preferences_token="7.change",
            view_token="7-1.look",
            vote_tokens=("7-1-0.vote", "7-1-1.vote"),
        )
    )


def letter(kind: LetterKind, state: State = State.CONFIRMED) -> Message:
    return letter_to(DESK, kind, replace(READER, state=state), NOW, first=True)


def confirmation_by_mail() -> Message:
    """Without pages, in German, to a reader of Mondays and Thursdays."""
    masthead = replace(MASTHEAD, pages="")
    desk = replace(
        DESK, letters=Letters(TEMPLATES, masthead, TERMS.imprint), masthead=masthead, language="de"
    )
    wants = replace(READER.preferences, days=frozenset({0, 3}))
    reader = replace(READER, state=State.PENDING, preferences=wants)
    return letter_to(desk, LetterKind.CONFIRMATION, reader, NOW, first=True)


def report(language: str = "en") -> tuple[str, str]:
    account = Account(
        day=NOW.date(),
        counts=[("sent", 1204), ("failed", 2), ("skipped", 31)],
        reasons={
            "failed": [("refused: 550 5.1.1 no such user", 2)],
            "skipped": [("nothing new matched", 30), ("suppressed: no such mailbox", 1)],
        },
    )
    told = DESK.letters.report(language, account)
    return told.html, told.text


def review(language: str = "en") -> tuple[str, str]:
    """An issue that the preflight refuses, with words from outside that would be mark-up."""
    told = Review(
        day=NOW.date(),
        since=NOW,
        by="newsletter",
        reason="issue.hold is set",
        papers=41,
        readers=1204,
        first_due=NOW + timedelta(minutes=30),
        passes=False,
        findings=[
            error("link", "A link cannot be read.", "Hide the paper.", "asa@example.org: <b>"),
            replace(warning("size", "A mail is large.", "Shorten it.", "bo@example.org"), times=3),
        ],
        top=[
            Listed(
                paper=PAPERS[0], title=title(0), trend=1, pinned=True, topics=["Alignment", "<i>"]
            ),
            Listed(paper=PAPERS[1], title=title(1), trend=0.504, pinned=False, topics=[]),
            Listed(paper=None, title="It was taken away", trend=0.1, pinned=False, topics=["X"]),
        ],
        page="digest-2026-03-12.html",
    )
    letter = DESK.letters.review(language, told)
    return letter.html, letter.text


def title(at: int) -> str:
    return to_unicode(PAPERS[at].title)


def alert(language: str = "en") -> tuple[str, str]:
    """Something new of each kind, something old, something over."""
    day = "2026-03-12"
    late = IssueFacts(
        name=day, composed_at=NOW, sent=90, failed=9, unknown=1, late=204, late_since=NOW
    )
    facts = Facts(
        now=NOW + timedelta(hours=3),
        issues=[late],
        sources=[
            SourceFacts(name="arxiv", failures=6, error="500 <script> " + "too long " * 99),
            SourceFacts(name="lab", stale="its newest entry is of 2026-02-01"),
        ],
        complaints=4,
        bounces=12,
        suppressed=31,
        suppressed_before=14,
        webhooks=[WebhookFacts(id=3, tries=11, lost=0, answer="503 Service Unavailable")],
        receipts_since=NOW - timedelta(days=2),
        disks=[DiskFacts(what="database", free=120 * 2**20, total=2**36)],
        host="mail-1",
        failures={"compose": "Template card.html, line 3: it cannot be read."},
    )
    found = alerts.judge(replace(facts, missing=(NOW.date(), 12)))
    told = DESK.letters.alert(
        language,
        Alarm(
            new=[Trouble(alert=one, since=NOW) for one in found[:-1]],
            still=[Trouble(alert=found[-1], since=NOW - timedelta(days=1))],
            over=[Trouble(alert=found[1], since=NOW - timedelta(days=2), ended_at=NOW)],
        ),
    )
    return told.html, told.text


def parts(message: Message) -> tuple[str, str]:
    found = take_apart(message.content)
    return found.html, found.text


KINDS = {
    "daily": lambda: parts(digest(DigestKind.DAILY)),
    "weekly": lambda: parts(digest(DigestKind.WEEKLY)),
    "catch-up": lambda: parts(digest(DigestKind.CATCH_UP)),
    "daily-de": lambda: parts(digest(DigestKind.DAILY, "de")),
    "confirmation": lambda: parts(letter(LetterKind.CONFIRMATION, State.PENDING)),
    "confirmation-by-mail-de": lambda: parts(confirmation_by_mail()),
    "welcome": lambda: parts(letter(LetterKind.WELCOME)),
    "preferences": lambda: parts(letter(LetterKind.PREFERENCES)),
    "goodbye": lambda: parts(letter(LetterKind.GOODBYE, State.UNSUBSCRIBED)),
    "report": report,
    "report-de": lambda: report("de"),
    "review": review,
    "review-de": lambda: review("de"),
    "alert": alert,
    "alert-de": lambda: alert("de"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_of_each_kind_is_the_one_that_was_looked_at(kind: str, golden_rewrite: bool) -> None:
    """Word for word, in both parts."""
    for ending, told in zip(("html", "txt"), KINDS[kind](), strict=True):
        made = told.replace("\r\n", "\n")
        file: Path = HERE / f"{kind}.{ending}"
        if golden_rewrite:
            file.write_text(made, encoding="utf-8")
        assert file.read_text(encoding="utf-8") == made, f"{file.name} differs; see `make golden`"
