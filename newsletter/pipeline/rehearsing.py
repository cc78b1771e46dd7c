"""Builds what dispatch would send, and sends and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from newsletter.dkim import MailSigner
from newsletter.message import Message
from newsletter.pipeline.digests import Edition
from newsletter.store import issues, ledger
from newsletter.store.database import Database
from subscribers.tokens import Signer


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """A message that would be sent now."""

    address: str
    message: Message


def rehearse(
    database: Database,
    signer: Signer,
    now: datetime,
    *,
    limit: int | None = None,
    subscriber_id: int | None = None,
    early: bool = False,
    mail_signer: MailSigner | None = None,
) -> Iterator[Rehearsed]:
    """Builds what `dispatch` would send now (or `early`: once every hour came); changes nothing."""
    editions: dict[int, Edition] = {}
    with database.read() as connection:
        for entry in ledger.due(
            connection, now, limit=limit, subscriber_id=subscriber_id, early=early
        ):
            if entry.issue_id not in editions:
                issue = issues.by_id(connection, entry.issue_id)
                editions[entry.issue_id] = Edition(issue, signer, mail_signer)
            yield Rehearsed(address=entry.address, message=editions[entry.issue_id].message(entry))
