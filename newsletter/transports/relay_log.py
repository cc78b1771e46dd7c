"""Reads from a Postfix log what became of messages whose answer was lost.

The log names a message twice: `QUEUEID: message-id=<...>` when it was taken, and `QUEUEID: ...
status=sent (250 ...)` or `status=bounced` when it was passed on. Lines of other programs are
passed over; the file is read line by line, whatever its size.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from newsletter.errors import RequestError

LONGEST_LINE = 4096  # characters looked at; Postfix cuts its own lines at about 2,000

_MESSAGE = re.compile(r"\b([0-9A-Za-z]{6,20}): message-id=<([^<>\s]{1,400})>")
_STATUS = re.compile(r"\b([0-9A-Za-z]{6,20}): to=<.*\bstatus=(sent|bounced|expired)\b ?(.{0,300})")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the relay says of one message."""

    taken: bool
    words: str


def read(path: Path, message_ids: Collection[str]) -> dict[str, Verdict]:
    """The verdicts on those of these messages the log speaks of; raises RequestError."""
    queue: dict[str, str] = {}
    found: dict[str, Verdict] = {}
    try:
        with path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                part = line[:LONGEST_LINE]
                named = _MESSAGE.search(part)
                if named and named[2] in message_ids:
                    queue[named[1]] = named[2]
                    continue
                told = _STATUS.search(part)
                if told and told[1] in queue:
                    words = f"{told[2]} {told[3]}".strip()
                    found[queue[told[1]]] = Verdict(taken=told[2] == "sent", words=words)
    except OSError as error:
        raise RequestError(f"The log {path} cannot be read: {error.strerror}.") from error
    return found
