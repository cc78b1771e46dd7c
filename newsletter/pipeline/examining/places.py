"""Gathers what is judged of the database, the folders, and this machine's clock."""

from __future__ import annotations

import os
import shutil
import zoneinfo
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from importlib import import_module
from pathlib import Path

from newsletter.doctor import clocks, databases, files
from newsletter.doctor.findings import Finding
from newsletter.errors import ConfigError, StoreError
from newsletter.pipeline.examining.parts import Installation, Manner, tables
from newsletter.store import health
from newsletter.store.database import HEAD

DATABASE = 15.0  # seconds in which a server has to answer
INTEGRITY = 5.0  # seconds; `newsletter db check` takes what it takes


def database(one: Installation) -> Iterator[Finding]:
    """How the database is."""
    try:
        found = health.look(one.bare_database, INTEGRITY)
    except StoreError as problem:
        yield databases.unreachable(str(problem), embedded=one.bare_database.embedded)
        return
    yield from databases.check(
        databases.Facts(
            shown=one.bare_database.shown,
            embedded=one.bare_database.embedded,
            there=found.there,
            revision=found.revision,
            head=HEAD,
            read_only=found.read_only,
            writable=found.writable,
            broken=found.broken,
            unchecked=found.unchecked,
            size=found.size,
            free=found.free,
        )
    )


def folders(one: Installation) -> Iterator[Finding]:
    """How the folders are that settings name."""
    return files.folders(_folders(one))


def _folders(one: Installation) -> Iterator[files.Folder]:
    config, settings = one.config, one.config.settings
    with suppress(ConfigError):  # of the database's address, told where that is
        if one.bare_database.folder is not None:
            yield _folder("the database (database.url)", one.bare_database.folder)
        yield _folder("receipts (delivery.receipts)", one.receipts_folder)
    for name, (kind, table) in tables(one).items():
        if kind in ("maildir", "file") and isinstance(table.get("path"), str):
            yield _folder(f"mail (transports.{name}.path)", config.base / table["path"])
    own, model = config.path(settings.look.templates), config.path(settings.semantic.folder)
    if own is not None:
        yield _folder("your templates (look.templates)", own, written=False)
    if model is not None and settings.semantic.model is not None:
        yield _folder("the model (semantic.folder)", model, written=False)


def _folder(whose: str, path: Path, *, written: bool = True) -> files.Folder:
    nearest = next(one for one in (path, *path.absolute().parents) if one.exists())
    return files.Folder(
        whose=whose,
        path=str(path),
        there=path.exists(),
        is_folder=nearest.is_dir(),
        writable=os.access(nearest, os.W_OK | os.X_OK),
        readable=os.access(nearest, os.R_OK | os.X_OK),
        written=written,
        free=shutil.disk_usage(nearest).free,
    )


def zones(one: Installation, now: datetime) -> Iterator[Finding]:
    """What is known of time zones."""
    zone = one.config.settings.issue.zone
    try:
        zoneinfo.ZoneInfo.no_cache(zone)
        known = True
    except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError):
        known = False
    where, version = _zone_data(zone)
    facts = clocks.Zones(zone=zone, known=known, version=version, where=where)
    yield clocks.zones(facts, now.date())


def _zone_data(zone: str) -> tuple[str, str]:
    """Whose time zones count, and their version; the system's go before the package's."""
    for folder in map(Path, zoneinfo.TZPATH):
        if not (folder / zone).is_file():
            continue
        for name, prefix in (("tzdata.zi", "# version "), ("+VERSION", "")):
            if (folder / name).is_file():
                with (folder / name).open(encoding="utf-8", errors="replace") as file:
                    first = file.readline().strip()
                if first.startswith(prefix):
                    return str(folder), first.removeprefix(prefix)[:10]
        return str(folder), ""
    try:
        return "the package tzdata", str(import_module("tzdata").IANA_VERSION)
    except (ImportError, AttributeError):
        return "the system", ""


def database_clock(one: Installation, manner: Manner) -> clocks.Apart | None:
    """The database server's clock; None where it is a file, or tells none. Raises StoreError."""
    before = manner.now()
    told = health.clock(one.bare_database)
    after = manner.now()
    if told is None:
        return None
    middle = before + (after - before) / 2
    return clocks.Apart(
        whose="the database server's", ahead=told - middle, vague=(after - before) / 2
    )
