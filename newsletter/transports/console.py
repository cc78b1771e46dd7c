"""Prints messages instead of sending them, for people who try things out."""

from __future__ import annotations

import sys
from email import message_from_bytes, policy
from typing import TextIO

from pydantic import Field

from newsletter.options import Options
from newsletter.transports.port import Envelope, Reply


class ConsoleOptions(Options):
    """The settings of a transport of kind "console"."""

    lines: int = Field(default=40, ge=0, le=1000, description="Lines of the text part to print.")


class ConsoleTransport:
    """Standard output, or the stream it is given."""

    def __init__(self, options: ConsoleOptions, stream: TextIO | None = None) -> None:
        self._lines = options.lines
        self._stream = stream

    def open(self) -> None:
        """Nothing to open."""

    def send(self, envelope: Envelope, message: bytes) -> Reply:
        """Prints envelope, subject and the beginning of the text part."""
        mail = message_from_bytes(message, policy=policy.default)
        part = mail.get_body(("plain",))
        text = str(part.get_content()) if part else ""
        head = [f"{envelope.sender} -> {envelope.recipient}", f"Subject: {mail['Subject']}", ""]
        shown = [*head, *text.splitlines()[: self._lines], "=" * 76]
        out = self._stream or sys.stdout
        for line in shown:
            out.write("".join(c if c.isprintable() else "?" for c in line) + "\n")
        return Reply(code=250, text="printed")

    def close(self) -> None:
        """Nothing to close."""
