"""Answers of servers that the database could not take: written beside it, replayed later.

A 250 that cannot be committed would leave a delivery in doubt that is not. So it is appended to a
file, flushed to the disk, and the next run tells it to the ledger before anything else. One file a
run, so that two runs never write in one; a file is removed once all of it is recorded.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

from newsletter.delivery import DeliveryState
from newsletter.errors import StoreError
from newsletter.store import claiming
from newsletter.store.claiming import Finished, Receipt
from newsletter.store.database import Database

KNOWN = (DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.DEFERRED)
"""States that say what became of the content; `unknown` needs no receipt."""


class Receipts(Protocol):
    """Where answers are kept that cannot be recorded."""

    def keep(self, results: Sequence[Finished], now: datetime) -> None:
        """Keeps them until `replay`; raises StoreError where not even that can be done."""

    def replay(self, database: Database) -> int:
        """Records what was kept; returns how many deliveries that settled."""


class _NoReceipts:
    def keep(self, results: Sequence[Finished], now: datetime) -> None:
        """Nowhere: what is not recorded becomes unknown when its lease ends."""

    def replay(self, database: Database) -> int:
        """Nothing."""
        return 0


NO_RECEIPTS: Receipts = _NoReceipts()


class FileReceipts:
    """Receipts in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def folder(self) -> Path:
        """Where they are."""
        return self._folder

    def keep(self, results: Sequence[Finished], now: datetime) -> None:
        """Appends a line each, and waits until they are on the disk."""
        lines = [
            json.dumps(
                {
                    "delivery": one.claim.id,
                    "attempt": one.claim.attempt,
                    "state": one.decision.state.value,
                    "reason": one.decision.reason,
                    "transport": one.transport,
                    "at": now.isoformat(),
                    "next_at": one.decision.next_at and one.decision.next_at.isoformat(),
                    "charged": one.decision.charged,
                    "reply": one.reply,
                }
            )
            for one in results
            if one.decision.state in KNOWN
        ]
        if not lines:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}.jsonl"
            draft = path.with_suffix(".tmp")  # whole or not there: a run may be replaying
            with draft.open("x", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise StoreError(
                f"Neither the database nor {self._folder} can be written: {error.strerror}. "
                f"{len(lines)} answers of the mail server are lost; their deliveries become "
                "unknown when the lease ends."
            ) from error

    def replay(self, database: Database) -> int:
        """Tells the ledger what was kept, file by file."""
        settled = 0
        for path in sorted(self._folder.glob("*.jsonl")) if self._folder.is_dir() else []:
            try:
                rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
                found = [_receipt(row) for row in rows]
            except FileNotFoundError:
                continue  # another run was quicker
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise StoreError(
                    f"The receipts in {path} cannot be read: {error}. Move the file away to go on; "
                    "its deliveries become unknown when their lease ends."
                ) from error
            with database.write() as connection:
                settled += claiming.replay(connection, found)
            path.unlink(missing_ok=True)
        return settled


def _receipt(row: dict[str, object]) -> Receipt:
    return Receipt(
        delivery_id=int(str(row["delivery"])),
        attempt=int(str(row["attempt"])),
        state=DeliveryState(str(row["state"])),
        reason=str(row["reason"]),
        transport=str(row["transport"]),
        at=datetime.fromisoformat(str(row["at"])),
        next_at=datetime.fromisoformat(str(row["next_at"])) if row["next_at"] else None,
        charged=bool(row["charged"]),
        reply=str(row.get("reply", "")),  # version 0.1 and its like kept none
    )
