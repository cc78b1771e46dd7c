"""The clean mail, built once."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.preflight.house import House
from newsletter.store.database import Database
from tests.golden.test_golden import golden_mail
from tests.preflight.clean import house_of


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A digest as the product builds it."""
    place: Path = tmp_path_factory.mktemp("clean")
    database = Database(f"sqlite:///{place}/newsletter.db")
    database.upgrade()
    try:
        return golden_mail(database)
    finally:
        database.close()


@pytest.fixture(scope="session")
def house(clean: bytes) -> House:
    """Whose mail it is."""
    return house_of(clean)
