"""Turns ledger rows into finished messages: the one way, for preview and for sending."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from newsletter.builder import Builder
from newsletter.dkim import MailSigner
from newsletter.issue import Digest, Issue
from newsletter.message import Message, called
from newsletter.papers import PaperId
from newsletter.selection import Field, Pick, Wishes
from newsletter.store.claiming import Claimed
from newsletter.store.ledger import Entry, read_picks
from newsletter.wording import DigestKind
from subscribers.model import Preferences
from subscribers.tokens import Purpose, Signer

NOBODY = 0  # no subscriber has this number


class Edition:
    """One issue, ready to build the message of any of its deliveries.

    `signer` signs links, `mail_signer` whole messages, where the settings ask for DKIM.
    """

    def __init__(self, issue: Issue, signer: Signer, mail_signer: MailSigner | None = None) -> None:
        self.issue = issue
        self._signer = signer
        self._builder = Builder(issue.snapshot, mail_signer)
        self._position = issue.position

    def message(self, delivery: Claimed | Entry) -> Message:
        """The mail of a delivery, the same bytes whenever it is asked for."""
        digest = self._digest(
            delivery.subscriber_id,
            delivery.address,
            delivery.since,
            read_picks(delivery.picks, self.issue),
            delivery.due_at,
            kind=DigestKind(delivery.kind),
            language=delivery.language,
            beyond=delivery.beyond,
        )
        return self._builder.build(digest)

    def message_id(self, subscriber_id: int) -> str:
        """The Message-ID of a subscriber's mail, whether one is there or not."""
        return self.message_ids(subscriber_id)[0]

    def message_ids(self, subscriber_id: int) -> tuple[str, ...]:
        """Those it may have gone out with: before a rotation the key was another. Today's first."""
        domain = self.issue.snapshot.masthead.domain
        keys = digest_keys(self._signer, self.issue.name, subscriber_id)
        return tuple(called(self.issue.name, key, domain) for key in keys)

    def general(
        self, address: str, hidden: Collection[PaperId], length: int | None = None
    ) -> Message:
        """The mail of a reader who follows nothing and so gets whatever is trending."""
        field = Field(self.issue.candidates, self.issue.day, hidden)
        (chosen,) = field.select([Wishes(length=length or Preferences().length)])
        at = self.issue.composed_at
        return self._builder.build(
            self._digest(NOBODY, address, at, chosen.picks, at, beyond=chosen.beyond)
        )

    def _digest(
        self,
        subscriber_id: int,
        address: str,
        since: datetime,
        picks: tuple[Pick, ...],
        due_at: datetime,
        *,
        kind: DigestKind = DigestKind.DAILY,
        language: str = "",
        beyond: int = 0,
    ) -> Digest:
        return Digest(
            issue_name=self.issue.name,
            kind=kind,
            language=language,
            beyond=beyond,
            address=address,
            since=since.date(),
            picks=picks,
            due_at=due_at,
            key=self._signer.opaque(_named(self.issue.name, subscriber_id)),
            unsubscribe_token=self._signer.sign(Purpose.UNSUBSCRIBE, subscriber_id),
            return_token=self._return_token(subscriber_id),
            **self._page_tokens(subscriber_id, picks),
        )

    def _page_tokens(self, subscriber_id: int, picks: tuple[Pick, ...]) -> dict[str, Any]:
        if not self.issue.snapshot.masthead.pages:
            return {}
        sign, issue_id = self._signer.sign, self.issue.id
        return {
            "preferences_token": sign(Purpose.PREFERENCES, subscriber_id),
            "view_token": sign(Purpose.VIEW, subscriber_id, issue_id),
            "vote_tokens": self._signer.sign_votes(
                subscriber_id, issue_id, [self._position[pick.paper_id] for pick in picks]
            ),
        }

    def _return_token(self, subscriber_id: int) -> str:
        if not self.issue.snapshot.masthead.verp:
            return ""
        return self._signer.sign_return(subscriber_id, self.issue.id)


def digest_keys(signer: Signer, issue_name: str, subscriber_id: int) -> tuple[str, ...]:
    """What the Message-ID of a digest is made of: only who has the secret can tell whose it is.

    By today's key first, which new mails go out with, then by those before it.
    """
    return signer.every_opaque(_named(issue_name, subscriber_id))


def _named(issue_name: str, subscriber_id: int) -> str:
    return f"{issue_name}/{subscriber_id}"
