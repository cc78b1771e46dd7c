"""Opens the database, keeps its migrations current, and tells its errors in words."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from newsletter.errors import ConfigError, StoreError
from newsletter.log_events import Event
from newsletter.logs import tell
from newsletter.store import copies

HEAD = "0013"  # the newest migration; a test holds it against the folder
BUSY = 30.0  # seconds another writer is waited for: many times the longest transaction of ours
OVERFLOW = 50  # connections beside the five that are kept: as many as pages have threads
# Of PostgreSQL, within a transaction that writes: a client that falls silent loses it, and so its
# locks; whoever waits for a lock for longer than that gives up and says so.
PATIENCE = "SET LOCAL idle_in_transaction_session_timeout = '30s'; SET LOCAL lock_timeout = '60s'"
__all__ = ["HEAD", "Connection", "Database"]
_MIGRATIONS = "newsletter.store:migrations"


class Database:
    """One database: connections to read from, transactions to write in."""

    def __init__(self, url: str) -> None:
        try:
            self._url = make_url(url)
            self.engine = _engine(url)
            self._writing = self.engine.execution_options(immediate=True)
        except (ArgumentError, NoSuchModuleError) as error:
            raise ConfigError(f"The database URL cannot be used: {error}.") from error
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"The database needs the package {error.name}; "
                "install it with: pip install 'trending-papers[postgres]'"
            ) from error

    @property
    def shown(self) -> str:
        """The URL without its password."""
        return self._url.render_as_string(hide_password=True)

    @property
    def address(self) -> str:
        """The URL as PostgreSQL's own library takes it, with the password."""
        return self._url.set(drivername="postgresql").render_as_string(hide_password=False)

    @property
    def embedded(self) -> bool:
        """Whether it is SQLite, ours alone, and migrates by itself."""
        return self.engine.dialect.name == "sqlite"

    @property
    def file(self) -> Path | None:
        """The file of an embedded database."""
        return Path(self._url.database) if self.embedded and self._url.database else None

    @property
    def folder(self) -> Path | None:
        """The folder of that file."""
        return self.file.parent if self.file is not None else None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection with one consistent view; nothing is kept. Raises StoreError."""
        with self._told(), self.engine.connect() as connection:
            if self.embedded:  # whose every transaction has one
                yield connection
            else:
                yield connection.execution_options(isolation_level="REPEATABLE READ")

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: all of it is kept, or after an error nothing. Raises StoreError."""
        with self._told(), self._writing.begin() as connection:
            if not self.embedded:  # a process that was frozen must not hold its rows for ever
                connection.exec_driver_sql(PATIENCE)
            yield connection

    def revision(self) -> str | None:
        """The migration the database stands at; None where it is empty."""
        with self.read() as connection:
            return _revision(connection)

    def prepare(self) -> None:
        """Makes the schema current where it is embedded, else raises StoreError if it is not.

        Where it was older, that is told, with where the copy of before is.
        """
        found = self.revision()
        if found == HEAD:
            return
        _must_not_be_newer(found)
        if not self.embedded:
            raise StoreError(
                f"The database is at schema {found or 'none'}, this version needs {HEAD}. "
                "Run `newsletter db upgrade`."
            )
        copy = self.upgrade()
        if copy is not None:
            tell(Event.DATABASE_UPGRADED, was=found, now=HEAD, copy=copy)

    def upgrade(self) -> Path | None:
        """Runs the migrations that are missing, in one transaction.

        An embedded database is copied before; returns the copy, None where none was needed.
        """
        from alembic import command  # here: most commands find nothing to migrate
        from alembic.config import Config as AlembicConfig

        config = AlembicConfig()
        config.set_main_option("script_location", _MIGRATIONS)
        copy: Path | None = None
        with self.write() as connection:
            found = _revision(connection)  # as it is now that nobody else can change it
            _must_not_be_newer(found)
            if found == HEAD:
                return None
            if found is not None and self.file is not None:
                copy = self.file.with_name(f"{self.file.name}.before-{HEAD}")
                copies.copy(self.file, copy)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        return copy

    def size(self) -> int:
        """The bytes that PostgreSQL keeps for it."""
        with self.read() as connection:
            found: int = connection.execute(
                text("SELECT pg_database_size(current_database())")
            ).scalar_one()
            return found

    def vacuum(self) -> None:
        """Has PostgreSQL find room to use again, and count for its plans; nobody is held up."""
        with self._told(), self.engine.connect() as connection:
            alone = connection.execution_options(isolation_level="AUTOCOMMIT")
            alone.exec_driver_sql("VACUUM (ANALYZE)")

    def close(self) -> None:
        """Closes the pooled connections."""
        self.engine.dispose()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            words = " ".join(str(error.orig).split())
            raise StoreError(
                f"The database {self.shown} failed: {words}.{_advice(words)}"
            ) from error
        except SQLAlchemyError as error:
            raise StoreError(f"The database {self.shown} failed: {error}.") from error


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _must_not_be_newer(found: str | None) -> None:
    if found is not None and found > HEAD:
        raise StoreError(
            f"The database is from a newer version (schema {found}, this is {HEAD}). "
            "Upgrade the program."
        )


def _advice(words: str) -> str:
    if "unable to open database file" in words:
        return " Check that its folder exists and can be written."
    if "readonly" in words or "read-only" in words:
        return " Check that the file and its folder can be written."
    if "database is locked" in words:
        return " Another process holds it; try again when that one is done."
    if "full" in words:
        return " Make room on the disk."
    return ""


def _engine(url: str) -> Engine:
    """Its errors tell no parameters: addresses and tokens are among them."""
    sqlite = make_url(url).get_backend_name() == "sqlite"
    if not sqlite:
        return create_engine(url, pool_pre_ping=True, max_overflow=OVERFLOW, hide_parameters=True)
    engine = create_engine(
        url, connect_args={"timeout": BUSY}, max_overflow=OVERFLOW, hide_parameters=True
    )

    @event.listens_for(engine, "do_connect")
    def _connects(_dialect: Any, _record: Any, place: Sequence[str], _more: Any) -> None:
        # It holds addresses: nobody else is to read it, or the log beside it, which takes after it.
        if place and place[0] not in ("", ":memory:"):
            with suppress(OSError):  # there already, or what connecting will tell better
                os.close(os.open(place[0], os.O_CREAT | os.O_EXCL, 0o600))

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")  # readers do not wait for the writer
        cursor.execute("PRAGMA synchronous = FULL")  # a recorded "sending" survives a power cut
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        # A deferred transaction that writes after it read can fail as "locked" at once; a writer
        # that says so at its start waits its turn.
        immediate = connection.get_execution_options().get("immediate")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    return engine
