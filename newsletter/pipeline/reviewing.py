"""What an editor is told of an issue that waits for approval, and the digest beside it."""

from __future__ import annotations

from newsletter.delivery import WAITING
from newsletter.issue import Issue
from newsletter.message import Attached
from newsletter.papers import PaperId
from newsletter.pipeline.digests import Edition
from newsletter.preflight.mail import Mail
from newsletter.preflight.report import Report
from newsletter.rendering.letter_words import Listed, Review
from newsletter.selection import Candidate
from newsletter.store import editor_acts, issue_acts, ledger, papers
from newsletter.store.database import Connection
from newsletter.store.issue_acts import IssueAct
from newsletter.topics import Catalogue
from subscribers.tokens import Signer

SHOWN = 15  # papers in the letter: the attached digest and `newsletter preview` have the rest
TOPICS = 3  # of a paper


def review(
    connection: Connection,
    issue: Issue,
    topics: Catalogue,
    report: Report | None,
    page: str,
) -> Review:
    """What the letter to the editor tells of a held issue; `page` is what is attached."""
    held = issue_acts.standing(connection, issue.id).last(IssueAct.HOLD)
    counts = ledger.count(connection, issue.id)
    hidden = editor_acts.hidden(connection, issue)
    offered = [one for one in issue.candidates if one.paper_id not in hidden]
    return Review(
        day=issue.day,
        since=held.at if held is not None else issue.composed_at,
        by=held.by if held is not None else "",
        reason=held.why if held is not None else "",
        papers=len(offered),
        readers=sum(number for state, number in counts.items() if state in WAITING),
        first_due=ledger.first_due(connection, issue.id),
        passes=None if report is None else report.passes(),
        findings=() if report is None else report.findings,
        top=_listed(connection, issue, topics, offered[:SHOWN]),
        page=page,
    )


def digest(connection: Connection, issue: Issue, signer: Signer, address: str) -> Attached:
    """The digest of a reader who follows no topic, as a page.

    Its links are nobody's: who tries them ends no subscription and votes for no reader.
    """
    hidden = editor_acts.hidden(connection, issue)
    message = Edition(issue, signer).general(address, hidden)
    html = Mail(content=message.content, recipient=address).html
    return Attached(name=f"digest-{issue.name}.html", html=html)


def _listed(
    connection: Connection, issue: Issue, topics: Catalogue, found: list[Candidate]
) -> list[Listed]:
    kept = papers.kept(connection, [one.paper_id for one in found])
    return [
        Listed(
            paper=kept[one.paper_id].paper if one.paper_id in kept else None,
            title=issue.snapshot.cards[PaperId(one.paper_id)].title,
            trend=one.trend,
            pinned=one.pinned,
            topics=_topics(topics, one),
        )
        for one in found
    ]


def _topics(topics: Catalogue, one: Candidate) -> list[str]:
    """The topics that it is surest of, but no reader's own rule."""
    known = topics.topics
    slugs = [slug for slug in one.matches if slug in known and not known[slug].own]
    slugs.sort(key=lambda slug: -one.matches[slug])
    return [known[slug].name for slug in slugs[:TOPICS]]
