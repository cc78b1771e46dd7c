"""Draws one mail of every kind from made-up papers, to see whether templates and languages hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from newsletter.builder import Builder
from newsletter.issue import Digest
from newsletter.papers import Paper, PaperId
from newsletter.pipeline import sample_words
from newsletter.pipeline.letters import Desk
from newsletter.rendering.faces import Entry
from newsletter.rendering.letters import Account, Wishes
from newsletter.rendering.renderer import Renderer
from newsletter.selection import Pick
from newsletter.topics import Topic
from newsletter.trending import Trend
from newsletter.wording import DigestKind

_FULL = Paper(
    id=PaperId("arxiv:2603.00001"),
    title="A Sample: with $\\mathcal{O}(n^2)$ & <marks>",
    abstract="Samples matter. We draw one of each kind. It holds.",
    authors=("A. Author", "B. Author", "C. Author"),
    organization="An Institute",
    url="https://arxiv.org/abs/2603.00001",
    pdf_url="https://arxiv.org/pdf/2603.00001",
    code_url="https://github.com/example/sample",
    project_url="https://example.org/sample",
    discussion_url="https://example.org/talk",
    tldr="A machine's summary.",
    tldr_model="a model",
)
_BARE = Paper(id=PaperId("title:0011223344556677"), title="A paper with a title only")
_TOKEN = "1.sample"  # noqa: S105  it opens nothing
_TOPIC = Topic(slug="sample", name="Samples & <topics>")


def draw_samples(renderer: Renderer, desk: Desk, now: datetime, languages: Sequence[str]) -> None:
    """Draws digests of each kind and every letter in each language; raises TemplateError."""
    entries = [
        Entry(
            paper=_FULL,
            trend=Trend(score=1, position=1, of=2, votes=1204, day=now.date(), rising=True),
            pinned=True,
            note="Read this one.",
        ),
        Entry(paper=_BARE, trend=Trend(score=0.5)),
    ]
    for pages in ("", "https://papers.example.org"):
        snapshot = renderer.freeze(
            masthead=replace(desk.masthead, pages=pages),
            imprint="",
            day=now.date(),
            entries=entries,
            topics=[_TOPIC],
            languages=languages,
            origins=("one", "two"),
        )
        builder = Builder(snapshot)
        picks = (
            Pick(paper_id=_FULL.id, score=1, reasons=(_TOPIC.slug,)),
            Pick(paper_id=_BARE.id, score=0.5, reasons=()),
        )
        for language in languages:
            for kind in DigestKind:
                builder.build(
                    Digest(
                        issue_name=now.date().isoformat(),
                        kind=kind,
                        language=language,
                        beyond=3,
                        address="a@example.org",
                        since=now.date() - timedelta(days=40),
                        picks=picks,
                        due_at=now,
                        key="sample",
                        unsubscribe_token=_TOKEN,
                        return_token="",
                        vote_tokens=("1", "2"),
                        preferences_token=_TOKEN,
                        view_token=_TOKEN,
                    )
                )
    for code in languages:
        _letters(desk, code, now)


def _letters(desk: Desk, code: str, now: datetime) -> None:
    letters, url = desk.letters, "https://papers.example.org/x"
    for wishes in (Wishes(), Wishes(topics=(_TOPIC.name,))):
        letters.confirmation(code, wishes, url, 3)
        letters.welcome(code, wishes, leave=url, first=True, url=url)
    letters.welcome(code, Wishes(), leave=url, first=False, url="")
    letters.preferences(code, url=url, leave=url)
    letters.goodbye(code, url="")
    counts = [("sent", 1000), ("failed", 1)]
    reasons = {"failed": [("550 no", 1)]}
    letters.review(code, sample_words.review(now))
    letters.alert(code, sample_words.alarm(now))
    letters.report(code, Account(day=now.date(), counts=counts, reasons=reasons))
