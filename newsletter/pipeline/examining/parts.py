"""What is examined, and how: the parts of an installation, and what an operator asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from newsletter.config import Config
from newsletter.dkim import MailSigner
from newsletter.doctor.findings import Area, Finding, error, placed
from newsletter.errors import ConfigError, NewsletterError
from newsletter.rendering.renderer import Renderer
from newsletter.rendering.templates import Templates
from newsletter.snapshot import Masthead
from newsletter.sources import Source
from newsletter.store.database import Database
from newsletter.transports import STAY


class Installation(Protocol):
    """The parts that are looked at. None of them makes or migrates anything."""

    @property
    def config(self) -> Config:
        """The settings."""

    @property
    def bare_database(self) -> Database:
        """The database as it stands."""

    @property
    def templates(self) -> Templates:
        """The operator's templates, then ours."""

    @property
    def renderer(self) -> Renderer:
        """What draws them."""

    @property
    def masthead(self) -> Masthead:
        """Whom mail is from."""

    @property
    def mail_signer(self) -> MailSigner | None:
        """What signs messages."""

    @property
    def key_file(self) -> Path | None:
        """The file of the key that signs links; None where it is a setting, or has no place."""

    @property
    def receipts_folder(self) -> Path:
        """Where answers are kept that the database cannot take."""

    @property
    def contact(self) -> str | None:
        """Whom upstreams can write to."""

    def sources(self, only: Sequence[str] = ()) -> list[Source]:
        """The sources named."""

    def dns(self, *, anyway: bool = False) -> tuple[Finding, ...]:
        """How the sender's DNS is."""


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How it is examined."""

    now: Callable[[], datetime]
    offline: bool = False  # nothing is asked over the network
    sources: bool = False  # each source is asked
    dns: bool = False  # the DNS is asked also where mail stays on this machine


def tables(one: Installation) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """The kinds and options of delivery.transport's tables that are there, by name."""
    found: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for name in one.config.settings.delivery.transports:
        with suppress(ConfigError):  # told where transports are
            found[name] = one.config.transport(name)[:2]
    return found


def leaves(one: Installation) -> bool:
    """Whether mail leaves this machine."""
    return any(kind not in STAY for kind, _ in tables(one).values())


def key_file(one: Installation) -> Path | None:
    """The file of the key that signs links; None also where the database's address is wrong."""
    with suppress(ConfigError):  # told where the database is
        return one.key_file
    return None


Check = Callable[[], Iterable[Finding]]


def guarded(area: Area, name: str, check: Check) -> tuple[Finding, ...]:
    """The findings of a check; whatever it raises is one of them, so that no other is hidden."""
    try:
        return placed(area, tuple(check()))
    except NewsletterError as problem:
        return placed(area, [error(name, str(problem), "Mend what it says, and look again.")])
    except Exception as problem:  # of whoever's code, an installed package's too
        words = f"This could not be looked at: {type(problem).__name__}: {problem}."
        do = "It may be a mistake in the program: please report it with these words."
        return placed(area, [error(name, words, do)])
