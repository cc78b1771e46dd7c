"""A world on each database for all rounds of a run, and what was played there, told at the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.crash.rounds import Tally
from tests.crash.test_crash import SEED, Stage
from tests.crash.troubles import Held, Postgres, has_postgres, own_postgres
from tests.crash.world import Composing, Crashing


@pytest.fixture(scope="session")
def crash_postgres() -> Iterator[Postgres]:
    """A server that these tests may kill; nobody else's."""
    with own_postgres(Postgres) as server:
        yield server


@pytest.fixture(scope="session")
def stages(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Stage]]:
    """For each database the world of senders, that of composers, and what was played there."""
    made: dict[str, Stage] = {}
    with ExitStack() as ends:

        def world(kind: type[Crashing], server: Postgres | None) -> Crashing:
            place = tmp_path_factory.mktemp("crash")
            file = place / "newsletter.db"
            url = server.create() if server else f"sqlite:///{file}"
            one = kind(url, place, server or Held(file))
            ends.callback(one.database.close)
            return one

        servers: dict[str, Postgres | None] = {"sqlite": None}
        if has_postgres():
            servers["postgresql"] = request.getfixturevalue("crash_postgres")
        for name, server in servers.items():
            sending, composing = world(Crashing, server), world(Composing, server)
            assert isinstance(composing, Composing)
            made[name] = Stage(name=name, sending=sending, composing=composing, tally=Tally())
        yield made
    capture = request.config.pluginmanager.getplugin("capturemanager")
    assert capture is not None
    with capture.global_and_fixture_disabled():
        for stage in made.values():
            print(f"\n{stage.name}, seed {SEED}: {stage.tally}")
