"""Builds the digests of an issue: what readers share is joined once, what is one's own put between.

No template engine and no encoder in this loop but for the few words that are a reader's own.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from functools import lru_cache
from html import escape
from typing import NamedTuple

from newsletter.dkim import MailSigner
from newsletter.issue import Digest
from newsletter.message import Headers, Message, assemble, envelope_sender, fixed_headers, leaving
from newsletter.papers import PaperId
from newsletter.quoted import SOFT_BREAK, encode
from newsletter.selection import Pick
from newsletter.snapshot import Shell, Snapshot

TEXT_WIDTH = 76  # columns of the text part
REASONS_SHOWN = 3  # topics named on a card; more is noise
PREHEADER_TOPICS = 3
GROUPED_FROM = 9  # papers; up to eight are seen at a glance

MOST_READY = 2000  # cards that are kept joined with their reasons, of some 6 KB each

_Pieces = list[bytes]


class _Card(NamedTuple):
    """A paper with its reasons, as all readers with these see it."""

    title: str
    heading: str  # in a long digest
    html: tuple[bytes, ...]  # pieces between which a reader's tokens stand
    text: tuple[bytes, ...]


class Builder:
    """Builds the messages of one issue, signed if asked to; keeps what its readers share."""

    def __init__(self, snapshot: Snapshot, mail_signer: MailSigner | None = None) -> None:
        self._snapshot = snapshot
        self._mail_signer = mail_signer
        self._masthead = snapshot.masthead
        self._fixed = fixed_headers(snapshot.masthead)
        self._travels = snapshot.travels
        self._ready: dict[tuple[PaperId, tuple[str, ...], str], _Card] = {}
        self._headings: dict[tuple[str, str], tuple[bytes, bytes]] = {}

    def build(self, digest: Digest) -> Message:
        """The one mail of a digest: the same bytes whenever it is asked for."""
        masthead = self._masthead
        known = digest.language in self._snapshot.shells
        language = digest.language if known else self._snapshot.language
        shell = self._snapshot.shells[language]
        cards = [self._card(pick, shell, language) for pick in digest.picks]
        titles = tuple([one.title for one in cards])
        html, text = self._parts(digest, cards, shell, language)
        return assemble(
            masthead,
            Headers(
                recipient=digest.address,
                subject=shell.wording.subject(titles, digest.kind),
                at=digest.due_at,
                key=digest.key,
                issue_name=digest.issue_name,
                language=language,
                feedback=f"{digest.issue_name}:{digest.kind}:digest",
                unsubscribe_token=digest.unsubscribe_token,
            ),
            self._fixed,
            html=html,
            text=text,
            sender=envelope_sender(masthead, digest.return_token),
            mail_signer=self._mail_signer,
            vouched=self._travels,
        )

    def _parts(
        self, digest: Digest, cards: list[_Card], shell: Shell, language: str
    ) -> tuple[_Pieces, _Pieces]:
        wording, pages = shell.wording, self._masthead.pages
        html_cards, text_cards = self._cards(digest, cards, shell, language)
        papers = len(digest.picks)
        html_more = text_more = b""
        view = _token(digest.view_token)
        if digest.beyond and pages:
            more = wording.how_many_more(digest.beyond)
            html_more = shell.more.html.fill({"more": _encoded_html(more), "view": view})
            text_more = shell.more.text.fill({"more": _encoded(more), "view": view})
        since, occasion = wording.day(digest.since), wording.occasions[digest.kind]
        count = wording.count(papers)
        leave = leaving(self._masthead, digest.unsubscribe_token)[0]
        preferences = _token(digest.preferences_token)
        html = shell.mail.html.pieces(
            {
                "preheader": _encoded_html(wording.preheader(papers, self._topics(digest))),
                "occasion": _encoded_html(occasion),
                "count": _encoded_html(count),
                "more": html_more,
                "address": encode(escape(digest.address)),
                "since": _encoded_html(since),
                "unsubscribe": encode(escape(leave)),
                "preferences": preferences,
                "view": view,
            },
            between="cards",
        )
        text = shell.mail.text.pieces(
            {
                "occasion": _encoded(occasion),
                "count": _encoded(count),
                "more": text_more,
                "address": encode(digest.address),
                "since": _encoded(since),
                "unsubscribe": encode(leave),
                "preferences": preferences,
                "view": view,
            },
            between="cards",
        )
        return _around(html_cards, html), _around(text_cards, text)

    def _cards(
        self, digest: Digest, cards: list[_Card], shell: Shell, language: str
    ) -> tuple[_Pieces, _Pieces]:
        """Headings and cards, as HTML and as text."""
        tokens = digest.vote_tokens or [""] * len(cards)
        votes = [*map(_token, tokens)]
        htmls: list[bytes] = []
        texts: list[bytes] = []
        for heading, under in self._groups(digest, cards, shell):
            html, text = self._heading(heading, shell, language)
            htmls.append(html)
            texts.append(text)
            for at in under:
                vote, card = votes[at], cards[at]
                htmls.append(vote.join(card.html))
                texts.append(vote.join(card.text))
        return htmls, texts

    def _topics(self, digest: Digest) -> tuple[str, ...]:
        """Those that a preheader names."""
        slugs = dict.fromkeys([slug for pick in digest.picks for slug in pick.reasons[:1]])
        return tuple([self._snapshot.chips[slug].name for slug in [*slugs][:PREHEADER_TOPICS]])

    def _heading(self, heading: str, shell: Shell, language: str) -> tuple[bytes, bytes]:
        ready = self._headings.get((heading, language))
        if ready is None:
            html = shell.heading.html.fill({"heading": _encoded_html(heading)})
            text = shell.heading.text.fill({"heading": _encoded(heading)})
            ready = self._headings[heading, language] = html, text
        return ready

    def _groups(
        self, digest: Digest, cards: list[_Card], shell: Shell
    ) -> Iterable[tuple[str, Iterable[int]]]:
        """Which cards stand under a heading; in a long digest by topic, the best paper's first."""
        headed = bool(shell.heading.html.parts)  # issues of version 0.1 have no headings
        groups: dict[str, list[int]] = {}
        if len(cards) >= GROUPED_FROM and headed:
            for at, card in enumerate(cards):
                groups.setdefault(card.heading, []).append(at)
        if len(groups) > 1:
            return groups.items()
        return [(shell.wording.openings[digest.kind], range(len(cards)))]

    def _card(self, pick: Pick, shell: Shell, language: str) -> _Card:
        key = pick.paper_id, pick.reasons[:REASONS_SHOWN], language
        ready = self._ready.get(key)
        if ready is None:
            if len(self._ready) >= MOST_READY:
                self._ready.clear()
            card = self._snapshot.cards[pick.paper_id]
            face = card.faces[language]
            html, text = self._why(pick, shell)
            ready = self._ready[key] = _Card(
                title=card.title,
                heading=self._topic(pick, shell),
                html=face.html.pieces({"reasons": html}, between="vote"),
                text=face.text.pieces({"reasons": text}, between="vote"),
            )
        return ready

    def _topic(self, pick: Pick, shell: Shell) -> str:
        if self._snapshot.cards[pick.paper_id].pinned:
            return shell.wording.chosen
        if pick.reasons:
            return self._snapshot.chips[pick.reasons[0]].name
        return shell.wording.trending_now

    def _why(self, pick: Pick, shell: Shell) -> tuple[bytes, bytes]:
        chips = [self._snapshot.chips[slug] for slug in pick.reasons[:REASONS_SHOWN]]
        if chips:
            html = shell.because.fill({"topics": b"".join(one.html for one in chips)})
            names = ", ".join(chip.name for chip in chips)
            words = shell.wording.because.replace("{topics}", names)
        elif self._snapshot.cards[pick.paper_id].pinned:
            html, words = shell.chosen, shell.wording.chosen
        else:
            html, words = shell.trending, shell.wording.trending_now
        return html, encode(textwrap.fill(words, TEXT_WIDTH))


def _around(inner: _Pieces, pieces: Sequence[bytes]) -> _Pieces:
    """Pieces with others between each two of them."""
    first, *others = pieces
    found = [first]
    for other in others:
        found += [*inner, other]
    return found


@lru_cache(maxsize=4096)
def _encoded(text: str) -> bytes:
    return encode(text)


@lru_cache(maxsize=16_384)  # preheaders, above all
def _encoded_html(text: str) -> bytes:
    return encode(escape(text))


def _token(token: str) -> bytes:
    """A token of ours in a part, as it is: it holds nothing to encode, and fits a line."""
    return token.encode() + SOFT_BREAK if token else b""
