"""The migrations make the schema the code believes in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import newsletter.store.schema  # noqa: F401  the tables register themselves
from newsletter.errors import StoreError
from newsletter.store.database import HEAD, Database
from subscribers.schema import metadata


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    yield made
    made.close()


def test_migrating_makes_the_tables_of_the_code(database: Database) -> None:
    """After all migrations, nothing differs; running them again changes nothing."""
    assert database.revision() is None
    database.upgrade()
    database.upgrade()
    assert database.revision() == HEAD
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_only_the_embedded_database_migrates_by_itself(database: Database) -> None:
    """Elsewhere an operator is asked to run the upgrade."""
    if database.embedded:
        database.prepare()
        assert database.revision() == HEAD
    else:
        with pytest.raises(StoreError, match="newsletter db upgrade"):
            database.prepare()
        assert database.revision() is None


def test_the_head_is_the_newest_script() -> None:
    """The number in the code is the last migration's."""
    config = Config()
    config.set_main_option("script_location", "newsletter.store:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD
