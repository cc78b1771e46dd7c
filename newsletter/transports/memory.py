"""Keeps messages in a list, for tests and rehearsals."""

from __future__ import annotations

from newsletter.options import Options
from newsletter.transports.port import Envelope, Reply


class MemoryOptions(Options):
    """A transport of kind "memory" has no settings."""


class MemoryTransport:
    """The list is `messages`."""

    def __init__(self, options: MemoryOptions | None = None) -> None:
        self.options = options or MemoryOptions()
        self.messages: list[tuple[Envelope, bytes]] = []

    def open(self) -> None:
        """Nothing to open."""

    def send(self, envelope: Envelope, message: bytes) -> Reply:
        """Keeps one message."""
        self.messages.append((envelope, message))
        return Reply(code=250, text="kept")

    def close(self) -> None:
        """Nothing to close."""
