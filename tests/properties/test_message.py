"""Whatever a title, a name or an address holds, the mail is one mail and says the same."""

from __future__ import annotations

import textwrap
from datetime import UTC, date, datetime
from email import message_from_bytes, policy

from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from newsletter.builder import Builder
from newsletter.dkim import MailSigner
from newsletter.identity import title_id
from newsletter.issue import Digest
from newsletter.message import Message, mailbox
from newsletter.papers import Paper
from newsletter.rendering.faces import Entry, links_of
from newsletter.rendering.gist import gist
from newsletter.rendering.renderer import Renderer
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
    pages="https://papers.example.org",
    feedback_id="papers1",
)
PAGES = MASTHEAD.pages
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
    *("List-Help", "List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID"),
    *("Content-Language", "MIME-Version", "Content-Type"),
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


def built(
    snapshot: Snapshot, paper: Paper, address: str, mail_signer: MailSigner | None = None
) -> Message:
    digest = Digest(
        issue_name="2026-03-12",
        address=address,
        since=date(2026, 3, 1),
        picks=(Pick(paper_id=paper.id, score=1, reasons=("x",)),),
        due_at=datetime(2026, 3, 12, 8, tzinfo=UTC),
        key="abc",
        return_token="",
        unsubscribe_token="1.abc",
        preferences_token="1.p",
        view_token="1.w",
        vote_tokens=("7.v",),
        beyond=3,
    )
    return Builder(snapshot, mail_signer).build(digest)


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
    assert message.vouched
    assert not any(line.startswith(b".") for line in lines)
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


def rendered_whole(paper: Paper, address: str, topic: str, ending: str) -> str:
    """The same mail by Jinja alone: every template with real values where slots would be."""
    page = ending == "html"
    templates = Templates(folder("templates"))
    english = templates.language("en")
    chip = templates.render("digest/chip.html", {"name": topic})
    because = Markup("Because you follow") + " " + Markup(chip)
    told = textwrap.fill(f"Because you follow {topic}", 76)
    links = links_of(paper, english)
    card = {
        "title": to_unicode(paper.title),
        "url": links[0].url,
        "meta": " · ".join(p for p in (to_unicode(paper.authors[0]), "No. 1 of 1 trending") if p),
        "note": "",
        "gist": gist(to_unicode(paper.abstract)),
        "by_machine": "",
        "links": links,
        "reasons": because if page else told,
        "pages": PAGES,
        "vote": "7.v",
    }
    heading = templates.render(f"digest/heading.{ending}", {"heading": "For you today, best first"})
    more = {"pages": PAGES, "view": "1.w", "more": "3 more papers for you"}
    shell = {
        "title": MASTHEAD.title,
        "day": "Thursday 12 March 2026",
        "occasion": "Thursday 12 March 2026",
        "imprint": "1 Example Road",
        "credits": "Nothing in this mail tells anybody that you read it.",
        "preheader": f"1 paper on {topic}, best first.",
        "count": "1 paper",
        "cards": Markup(heading + templates.render(f"digest/card.{ending}", card)),
        "more": Markup(templates.render(f"digest/more.{ending}", more)),
        "address": address,
        "since": "1 March 2026",
        "unsubscribe": f"{PAGES}/u/1.abc",
        "preferences": "1.p",
        "view": "1.w",
        "pages": PAGES,
    }
    return templates.render("digest/shell.mjml" if page else "digest/shell.txt", shell)


@settings(max_examples=30, deadline=None)
@given(WORDS, WORDS, WORDS, st.sampled_from(["a", "a&b"]), st.sampled_from(["A <b>", "Å & 'b'"]))
def test_joined_parts_are_what_the_templates_say(
    title: str, abstract: str, author: str, local: str, topic: str
) -> None:
    """Rendering once and joining gives what rendering the whole mail gives."""
    snapshot, paper = frozen(title, abstract, author, topic)
    address = f"{local}@example.org"
    content = built(snapshot, paper, address).content
    text, html = message_from_bytes(content).get_payload()
    for part, ending in ((text, "txt"), (html, "html")):
        joined = part.get_payload(decode=True).decode().replace("\r\n", "\n")
        whole = rendered_whole(paper, address, topic, ending)
        # html.escape and markupsafe write the quotes differently, and mean the same.
        joined = joined.replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
        assert joined.rstrip("\n") == whole.replace("&quot;", "&#34;").rstrip("\n")


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=120)
)
def test_a_name_of_any_letters_is_a_mailbox(name: str) -> None:
    """No line with an encoded word is over 76 characters, and it reads back as it was."""
    field = b"From: " + mailbox(name, "daily@example.org")
    if not name.isascii():
        assert all(len(line) <= 76 for line in field.split(b"\r\n"))
    mail = message_from_bytes(field + b"\r\n\r\n", policy=policy.default)
    (found,) = mail["From"].addresses
    assert found.addr_spec == "daily@example.org"
    assert "".join(found.display_name.split()) == "".join(name.split())
