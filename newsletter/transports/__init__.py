"""Carries messages away: one port, one file a kind, one line here for each.

A third party adds a kind by an entry point of the group "newsletter.transports" that names a
`Kind`::

    # pigeon_post.py
    class PigeonOptions(Options):
        loft: Path = Field(description="Where the pigeons live.")

    class PigeonTransport:  # open, send, close: newsletter.transports.Transport
        def __init__(self, options: PigeonOptions) -> None: ...

    KIND = Kind(options=PigeonOptions, make=PigeonTransport)

    # its pyproject.toml
    [project.entry-points."newsletter.transports"]
    pigeon = "pigeon_post:KIND"

    # newsletter.toml
    [transports.pigeon]
    loft = "loft"  # `make` gets it counted from the folder of newsletter.toml
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from newsletter.errors import ConfigError
from newsletter.kinds import Kinds, read_options
from newsletter.options import Options
from newsletter.transports.console import ConsoleOptions, ConsoleTransport
from newsletter.transports.folders import FileTransport, FolderOptions, MaildirTransport
from newsletter.transports.memory import MemoryOptions, MemoryTransport
from newsletter.transports.port import (
    Envelope,
    HungUp,
    Refused,
    Reply,
    Talker,
    Transport,
    TransportError,
    TransportUnavailable,
)
from newsletter.transports.smtp import SmtpTransport
from newsletter.transports.smtp_options import SmtpOptions

__all__ = [
    "STAY",
    "Envelope",
    "HungUp",
    "Kind",
    "Refused",
    "Reply",
    "Talker",
    "Transport",
    "TransportError",
    "TransportUnavailable",
    "build",
    "known",
]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of transport: the settings it has, and how one is made from them."""

    options: type[Options]
    make: Callable[[Any], Transport]  # given an instance of `options`; may raise ConfigError


_BUILT_IN: Mapping[str, Kind] = {
    "smtp": Kind(options=SmtpOptions, make=SmtpTransport),
    "maildir": Kind(options=FolderOptions, make=MaildirTransport),
    "file": Kind(options=FolderOptions, make=FileTransport),
    "console": Kind(options=ConsoleOptions, make=ConsoleTransport),
    "memory": Kind(options=MemoryOptions, make=MemoryTransport),
}


# Kinds whose mail stays on this machine.
STAY = frozenset({"maildir", "file", "console", "memory"})

_KINDS = Kinds(what="transport", group="newsletter.transports", kind=Kind, built_in=_BUILT_IN)


def known() -> dict[str, Kind]:
    """Every kind there is; raises ConfigError where an installed package's cannot be loaded."""
    return _KINDS.known()


def build(
    kind: str, values: Mapping[str, Any], where: str, base: Path, also: Iterable[str] = ()
) -> Transport:
    """The transport a table of settings describes, closed; raises ConfigError.

    `where` names the table in errors; relative paths among the settings count from `base`;
    `also` are names that others read from the table.
    """
    chosen = _KINDS.find(kind, where)
    options = read_options(chosen.options, values, where, base, also)
    try:
        return chosen.make(options)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
