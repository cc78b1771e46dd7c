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

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
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
from newsletter.transports.smtp import SmtpTransport
from newsletter.transports.smtp_options import SmtpOptions

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
    make: Callable[[Any], Transport]  # given an instance of `options`; may raise ConfigError


_BUILT_IN: Mapping[str, Kind] = {
    "smtp": Kind(options=SmtpOptions, make=SmtpTransport),
    "maildir": Kind(options=FolderOptions, make=MaildirTransport),
    "file": Kind(options=FolderOptions, make=FileTransport),
    "console": Kind(options=ConsoleOptions, make=ConsoleTransport),
    "memory": Kind(options=MemoryOptions, make=MemoryTransport),
}


def known() -> dict[str, Kind]:
    """Every kind there is: the built-in ones, whose names are theirs, then installed packages'.

    Raises ConfigError where a package's cannot be loaded.
    """
    kinds = dict(_BUILT_IN)
    for name, point in _installed().items():
        kinds.setdefault(name, _load(point))
    return kinds


def build(kind: str, values: Mapping[str, Any], where: str, base: Path) -> Transport:
    """The transport a table of settings describes, closed; raises ConfigError.

    `where` names the table in errors; relative paths among the settings count from `base`.
    """
    chosen = _kind(kind, where)
    options = chosen.options.read(values, where)
    paths = {
        name: base / value
        for name in type(options).model_fields
        if isinstance(value := getattr(options, name), Path)
    }
    try:
        return chosen.make(options.model_copy(update=paths))
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def _kind(kind: str, where: str) -> Kind:
    if kind in _BUILT_IN:  # without looking at what is installed: a broken package harms nobody
        return _BUILT_IN[kind]
    installed = _installed()
    if kind in installed:
        return _load(installed[kind])
    names = [*_BUILT_IN, *installed]
    near = get_close_matches(kind, names, n=1, cutoff=0.4)
    hint = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(names)}."
    raise ConfigError(f"{where}: there is no transport {kind!r}. {hint}")


def _installed() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def _load(point: EntryPoint) -> Kind:
    try:
        kind = point.load()
    except Exception as error:  # whatever a package does while it is imported
        raise ConfigError(f"The transport {point.name} cannot be loaded: {error}.") from error
    if not isinstance(kind, Kind):
        raise ConfigError(f"The transport {point.name} is no Kind: {point.value}.")
    return kind
