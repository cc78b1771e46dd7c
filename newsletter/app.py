"""Builds everything from the settings, once, each part when it is first asked for."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from newsletter import catalogue, sources, transports
from newsletter.config import Config
from newsletter.delivery import Policy
from newsletter.errors import ConfigError
from newsletter.pipeline.compose import Terms
from newsletter.rendering.renderer import Renderer
from newsletter.rendering.templates import Templates
from newsletter.resources import folder
from newsletter.snapshot import Masthead
from newsletter.store.database import Database
from newsletter.topics import Catalogue
from subscribers.model import parse_zone
from subscribers.tokens import Signer

SECRET_FILE = "secret.key"  # noqa: S105  a file name


class App:
    """The parts of one installation, as its settings describe them."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.settings = config.settings

    @cached_property
    def database(self) -> Database:
        """The database, its schema current; raises StoreError."""
        database = self.bare_database
        database.prepare()
        return database

    @cached_property
    def bare_database(self) -> Database:
        """The database as it stands, for the command that upgrades it."""
        return Database(self.config.database_url())

    @cached_property
    def catalogue(self) -> Catalogue:
        """The topics readers can follow."""
        own = self.config.path(self.settings.topics)
        return catalogue.load(own or folder("seeds") / "topics.toml")

    @cached_property
    def renderer(self) -> Renderer:
        """The renderer of the templates that ship with the code."""
        return Renderer(Templates(folder("templates")))

    @cached_property
    def terms(self) -> Terms:
        """What the operator settled for every issue."""
        sender, issue = self.settings.sender, self.settings.issue
        return Terms(
            masthead=Masthead(
                title=self.settings.title,
                from_name=sender.name,
                from_address=sender.address,
                reply_to=sender.reply_to or sender.address,
                bounces=sender.bounces,
                list_id=sender.list_id,
                domain=sender.address.rpartition("@")[2],
            ),
            imprint=sender.postal_address,
            zone=parse_zone(issue.zone),
            window=timedelta(days=issue.window_days),
        )

    @cached_property
    def policy(self) -> Policy:
        """How long, and how often, a delivery is worth trying."""
        return Policy(
            tries=self.settings.delivery.tries,
            news=timedelta(hours=self.settings.issue.news_hours),
        )

    @property
    def lease(self) -> timedelta:
        """How long a sender holds what it claimed."""
        return timedelta(seconds=self.settings.delivery.lease_seconds)

    def close(self) -> None:
        """Closes the database, if it was opened."""
        if "bare_database" in self.__dict__:
            self.bare_database.close()

    def transport(self) -> transports.Transport:
        """The transport the settings choose, closed; raises ConfigError."""
        kind, options, where = self.config.transport()
        return transports.build(kind, options, where, self.config.base)

    def sources(self, only: str | None = None) -> list[sources.Source]:
        """The configured sources, or the one of that name; raises ConfigError."""
        tables: Mapping[str, Mapping[str, object]] = self.settings.sources
        if only is not None and only not in tables:
            known = ", ".join(tables) or "none is"
            raise ConfigError(f"There is no [sources.{only}]; configured: {known}.")
        if not tables:
            raise ConfigError(
                "No source is configured. Name a saved page, `newsletter collect FILE`, or add "
                "[sources.page] with its path to newsletter.toml."
            )
        chosen = tables if only is None else {only: tables[only]}
        return [sources.build(name, table, self.config.base) for name, table in chosen.items()]

    @cached_property
    def signer(self) -> Signer:
        """Signs with the configured secret, or with one made beside the embedded database."""
        secret = self.config.secret()
        return Signer(secret.encode() if secret is not None else self._own_secret())

    def _own_secret(self) -> bytes:
        beside = self.bare_database.folder
        if beside is None:
            raise ConfigError(
                "Set `secret` or `secret_file`: machines that share a database share the key too."
            )
        path = beside / SECRET_FILE
        if not path.exists():
            draft = path.with_name(f"{SECRET_FILE}.{os.getpid()}")
            try:
                draft.touch(mode=0o600)
                draft.write_text(secrets.token_urlsafe(32) + "\n", encoding="ascii")
                with suppress(FileExistsError):  # another process was quicker: its key counts
                    os.link(draft, path)
                draft.unlink()
            except OSError as error:
                raise ConfigError(f"The key {path} cannot be made: {error.strerror}.") from error
        return self._read_secret(path)

    @staticmethod
    def _read_secret(path: Path) -> bytes:
        try:
            secret = path.read_bytes().strip()
        except OSError as error:
            raise ConfigError(f"The key {path} cannot be read: {error.strerror}.") from error
        if len(secret) < 32:  # ours have 43 characters: a shorter one was cut
            raise ConfigError(
                f"The key {path} is cut. Restore it, or remove it to make a new one; links in "
                "mails already sent stop working then."
            )
        return secret
