"""Whatever a title, a name or an address holds, the mail is one mail and says the same."""

from __future__ import annotations

from datetime import UTC, date, datetime
from email import message_from_bytes, policy

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.issue import Digest
from newsletter.message import Builder, Message
from newsletter.papers import Paper, title_id
from newsletter.rendering.renderer import Entry, Renderer
from newsletter.rendering.templates import Templates
from newsletter.rendering.tex import to_unicode
from newsletter.resources import folder
from newsletter.selection import Pick
from newsletter.snapshot import Masthead, Snapshot
from newsletter.topics import Topic
from newsletter.trending import Trend

RENDERER = Renderer(Templates(folder("templates")))
MASTHEAD = Masthead(
    title="Trending papers",
    from_name="Trending papers",
    from_address="daily@example.org",
    reply_to="daily@example.org",
    bounces="bounces@example.org",
    list_id="daily.example.org",
    domain="example.org",
)
HOSTILE = [
    "<script>alert(1)</script>",
    "\r\nBcc: everybody@example.org\r\n\r\n",
    "\0address\0 {{ 7*7 }} {% raw %}",
    "\u202eright to left\u2066 \u200b",
    "</p></div></body> & \"quoted\" 'too'",
    "=?utf-8?q?=42?= =_boundary --",
    ".\r\n.\r\nFrom the start",
    "x" * 2000,
    "日本語と emoji 🧪 and é",
    r"$\mathcal{O}(n)$ 78\% ``q''",
]
WORDS = st.sampled_from(HOSTILE) | st.text(max_size=120)
HEADERS = (
    *("From", "Reply-To", "List-Id", "Auto-Submitted", "To", "Subject", "Date", "Message-ID"),
    *("List-Unsubscribe", "MIME-Version", "Content-Type"),
)


def frozen(title: str, abstract: str, author: str, topic: str) -> tuple[Snapshot, Paper]:
    paper = Paper(
        id=title_id(title), title=title, abstract=abstract, authors=(author,), code_url=abstract
    )
    snapshot = RENDERER.freeze(
        masthead=MASTHEAD,
        imprint="1 Example Road",
        day=date(2026, 3, 12),
        entries=[Entry(paper=paper, trend=Trend(score=1, position=1, of=1))],
        topics=[Topic(slug="x", name=topic)],
    )
    return snapshot, paper


def built(snapshot: Snapshot, paper: Paper, address: str) -> Message:
    digest = Digest(
        issue_name="2026-03-12",
        address=address,
        since=date(2026, 3, 1),
        picks=(Pick(paper_id=paper.id, score=1, reasons=("x",)),),
        due_at=datetime(2026, 3, 12, 8, tzinfo=UTC),
        key="abc",
        unsubscribe_token="1.abc",
    )
    return Builder(snapshot).build(digest)


@settings(max_examples=60, deadline=None)
@given(WORDS, WORDS, WORDS, st.sampled_from(["a", "o'brien+x", "å", "a&b"]))
def test_a_hostile_paper_makes_an_honest_mail(
    title: str, abstract: str, author: str, local: str
) -> None:
    """One of each header, both parts as meant, no tag that is not ours, the same bytes again."""
    snapshot, paper = frozen(title, abstract, author, "A <b>topic</b>")
    address = f"{local}@example.org"
    message = built(snapshot, paper, address)
    assert built(snapshot, paper, address).content == message.content
    lines = message.content.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    mail = message_from_bytes(message.content, policy=policy.default)
    assert sorted(mail.keys()) == sorted(HEADERS)
    assert not mail.defects
    assert mail["To"] == address or not local.isascii()
    assert " ".join(str(mail["Subject"]).split()) == " ".join(message.subject.split())
    text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    shown = to_unicode(title)
    assert "".join(shown.split()) in "".join(text.split())
    assert "<script" not in html
    assert "<b>" not in html
    assert "7*7" in html or "7*7" not in title
    assert html.count("</body>") == 1
    assert html.count("</html>") == 1
    assert text.count(address) == 1 + abstract.count(address) + title.count(address)
