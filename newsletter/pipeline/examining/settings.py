"""Gathers what is judged of the settings and the files they name."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from newsletter import catalogue, roads, sources
from newsletter.config_told import check as problems_of
from newsletter.doctor import files, installation
from newsletter.doctor.findings import Area, Finding, error, ok, skipped
from newsletter.key_file import read
from newsletter.pipeline.examining.parts import Installation, guarded, key_file, leaves
from newsletter.resources import folder
from newsletter.sources import is_address

KEY = "key"
AT_HOME = ("jsonl", "bibtex", "page")  # kinds of sources that read files


def check(one: Installation, today: date) -> Iterator[Finding]:
    """What the settings are, whether what they name can be read, and whether it is safe."""
    area = Area.CONFIGURATION
    yield from guarded(area, "settings", lambda: installation.check(_facts(one), today))
    yield from guarded(area, KEY, lambda: _key(one))
    yield from guarded(area, "topics", lambda: _topics(one))
    yield from guarded(area, "domains", lambda: _domains(one))
    yield from guarded(area, "files", lambda: _others(one))
    yield from guarded(area, files.SECRECY, lambda: files.secrets(_secrets(one)))


def _facts(one: Installation) -> installation.Settings:
    settings, pages = one.config.settings, one.config.settings.pages
    secret = settings.secret.get_secret_value() if settings.secret is not None else ""
    return installation.Settings(
        file=one.config.file.name if one.config.file else "",
        given=len(one.config.origins),
        leaves=leaves(one),
        sender=settings.sender.address,
        postal_address=settings.sender.postal_address,
        pages=pages.url or "",
        pages_hosts=tuple(pages.hosts.split(", ")) if pages.hosts else (),
        proxies=pages.proxies is not None,
        hsts_seconds=pages.hsts_seconds,
        report_to=settings.report.to or "",
        editor=settings.report.editor or "",
        hold=settings.issue.hold,
        metrics=tuple(settings.metrics.networks.split(", ")),
        contact=one.contact is not None,
        asks_network=any(
            table.get("kind", name) not in AT_HOME or is_address(str(table.get("path", "")))
            for name, table in settings.sources.items()
        ),
        secret_length=len(secret),
        older_keys_until=_older(one),
    )


def _older(one: Installation) -> tuple[date, ...]:
    """The last days of keys that were replaced; a file that cannot be read is told by `_key`."""
    file = key_file(one)
    if file is None or not os.access(file, os.R_OK):
        return ()
    return tuple(older.until for older in read(file, 1).older)


def _key(one: Installation) -> Iterator[Finding]:
    file = one.key_file
    if one.config.keys() is not None:
        yield ok(KEY, "The key that signs links can be read.")
    elif file is None:
        yield error(
            KEY,
            "There is no key to sign links with: beside a database server none is made.",
            "Set secret_file to a file that every machine has; `python -c 'import secrets; "
            "print(secrets.token_urlsafe(32))'` makes a key.",
        )
    elif not file.exists():
        yield skipped(KEY, f"There is no key yet; {file} is made when links are first signed.")
    else:
        read(file, installation.SHORT_SECRET)
        yield ok(KEY, "The key that signs links can be read.")


def _topics(one: Installation) -> Iterator[Finding]:
    own = one.config.path(one.config.settings.topics)
    offered = catalogue.load(own or folder("seeds") / "topics.toml")
    yield ok("topics", f"The catalogue has {len(offered.topics)} topics.")


def _domains(one: Installation) -> Iterator[Finding]:
    roads.domains(one.config.settings.domains)
    sources.reliability(one.config.settings.sources)
    return iter(())


def _others(one: Installation) -> Iterator[Finding]:
    """What no other check reads."""
    for problem in problems_of(one.config):
        if problem.startswith("dkim.domain"):
            yield error("dkim", problem, "Correct dkim.domain, or leave it out.")
    disposable = one.config.path(one.config.settings.pages.disposable)
    if disposable is not None and not os.access(disposable, os.R_OK):
        yield error(
            "files",
            f"pages.disposable: {disposable} is not there, or cannot be read.",
            "Correct the setting, or leave it out.",
        )


def _secrets(one: Installation) -> Iterator[files.Secret]:
    """The files with secrets that are there."""
    config = one.config
    settings = config.settings
    named: dict[str, Path | None] = {
        "database.url_file": config.path(settings.database.url_file),
        "dkim.key_file": config.path(settings.dkim.key_file),
        "dkim.second_key_file": config.path(settings.dkim.second_key_file),
        "the key that signs links": key_file(one),
    }
    for name, table in settings.transports.items():
        if table.get("password_file"):
            named[f"transports.{name}.password_file"] = config.base / str(table["password_file"])
    if config.file is not None and _holds_secret(one):
        named["a secret is in it"] = config.base / config.file.name
    for whose, file in named.items():
        if file is not None and file.is_file():
            mode = file.stat().st_mode
            yield files.Secret(
                whose=whose,
                path=str(file),
                others_read=bool(mode & stat.S_IROTH),
                others_write=bool(mode & stat.S_IWOTH),
            )


def _holds_secret(one: Installation) -> bool:
    """Whether the settings file itself has a secret."""
    config = one.config
    name = config.file.name if config.file else ""
    told = (key for key, origin in config.origins.items() if origin == name)
    return any(key == "secret" or key.rpartition(".")[2] == "password" for key in told)
