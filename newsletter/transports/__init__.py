"""Carries messages away: one port, one file a kind, one line here for each.

A third party adds a kind by an entry point of the group "newsletter.transports" that names a
`Kind`::

    [project.entry-points."newsletter.transports"]
    pigeon = "pigeon_post:KIND"          # KIND = Kind(options=PigeonOptions, make=PigeonTransport)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from newsletter.errors import ConfigError
from newsletter.options import Options
from newsletter.transports.console import ConsoleOptions, ConsoleTransport
from newsletter.transports.folders import FileTransport, FolderOptions, MaildirTransport
from newsletter.transports.memory import MemoryOptions, MemoryTransport
from newsletter.transports.port import (
    Envelope,
    Refused,
    Reply,
    Transport,
    TransportError,
    TransportUnavailable,
)
from newsletter.transports.smtp import SmtpOptions, SmtpTransport

__all__ = [
    "Envelope",
    "Kind",
    "Refused",
    "Reply",
    "Transport",
    "TransportError",
    "TransportUnavailable",
    "build",
    "known",
]

GROUP = "newsletter.transports"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of transport: the settings it has, and how one is made from them."""

    options: type[Options]
    make: Callable[[Any], Transport]


_BUILT_IN: Mapping[str, Kind] = {
    "smtp": Kind(options=SmtpOptions, make=SmtpTransport),
    "maildir": Kind(options=FolderOptions, make=MaildirTransport),
    "file": Kind(options=FolderOptions, make=FileTransport),
    "console": Kind(options=ConsoleOptions, make=ConsoleTransport),
    "memory": Kind(options=MemoryOptions, make=MemoryTransport),
}


def known() -> dict[str, Kind]:
    """Every kind there is: the built-in ones, then those of installed packages."""
    kinds = dict(_BUILT_IN)
    for point in entry_points(group=GROUP):
        kinds.setdefault(point.name, point.load())
    return kinds


def build(kind: str, values: Mapping[str, Any], where: str, base: Path) -> Transport:
    """The transport a table of settings describes, closed; raises ConfigError.

    `where` names the table in errors; relative paths count from `base`.
    """
    kinds = _BUILT_IN if kind in _BUILT_IN else known()
    if kind not in kinds:
        near = get_close_matches(kind, kinds, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(kinds)}."
        raise ConfigError(f"{where}: there is no transport {kind!r}. {hint}")
    chosen = kinds[kind]
    options = chosen.options.read(values, where)
    paths = {
        name: base / value
        for name in type(options).model_fields
        if isinstance(value := getattr(options, name), Path)
    }
    return chosen.make(options.model_copy(update=paths))
