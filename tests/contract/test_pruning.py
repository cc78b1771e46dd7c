"""What is forgotten changes nothing that anybody is sent, on both databases."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from newsletter.delivery import RECEIVED, DeliveryState
from newsletter.papers import PaperId
from newsletter.pipeline import pruning
from newsletter.pipeline.pruning import Retention
from newsletter.pipeline.selecting import Selector
from newsletter.selection import Wishes
from newsletter.settings.publication import IssueSettings
from newsletter.settings.service import RetentionSettings
from newsletter.store import deliveries, events, pruning_memory
from newsletter.store.pruning import ENDED
from newsletter.trending import Trend
from subscribers import store
from subscribers.model import Consent, Preferences
from subscribers.schema import metadata
from subscribers.suppression import Fact
from tests.past import NOW, Past, standing

SHORT = Retention.of(
    RetentionSettings(deliveries_days=90, events_days=30, observations_days=90, erased_days=30)
)
SEEDS = (1, 2)


@pytest.fixture
def drawn(database_url: str) -> Iterator[Callable[[int], Past]]:
    """Draws the past of a number in an empty database."""
    with ExitStack() as ends:

        def draw(seed: int) -> Past:
            past = Past(database_url, seed)
            ends.callback(past.database.close)
            return past

        yield draw


@dataclass(frozen=True)
class Look:
    """What decides who gets what, and what nobody may lose."""

    wishes: list[Wishes]  # of every reader, erased ones but for their past
    standing: dict[PaperId, Trend]
    spoken: set[tuple[str, str]]  # which sources spoke of which papers
    facts: list[list[Fact]]  # of readers whose address rests
    unsettled: list[tuple[object, ...]]  # or tried again of late
    untold: list[tuple[object, ...]]


def look(past: Past) -> Look:
    """How things stand."""
    with past.database.read() as connection:
        alive = [
            one
            for one in (_reader(connection, number) for number in past.readers)
            if one is not None and not store.is_erased(one)
        ]
        wishes = Selector(past.today, NOW, learn=False).wishes(connection, alive)
        resting = connection.scalars(
            text(
                "SELECT s.id FROM subscribers s JOIN suppressions p ON p.address_key = "
                "s.address_key ORDER BY s.id"
            )
        ).all()
        unsettled = connection.execute(
            text(
                "SELECT d.* FROM deliveries d JOIN subscribers s ON s.id = d.subscriber_id WHERE "
                "d.state NOT IN ('sent', 'failed', 'skipped') OR "
                "(d.retried_at IS NOT NULL AND s.domain <> 'erased.invalid') ORDER BY d.id"
            )
        )
        untold = connection.execute(
            text(
                "SELECT * FROM subscriber_events WHERE id > (SELECT cursor FROM webhooks) "
                "ORDER BY id"
            )
        )
        spoken = connection.execute(text("SELECT paper_id, source FROM observations"))
        return Look(
            wishes=wishes,
            standing=standing(connection),
            spoken={(row[0], row[1]) for row in spoken},
            facts=[events.facts(connection, one, None) for one in resting],
            unsettled=[tuple(row) for row in unsettled],
            untold=[tuple(row) for row in untold],
        )


def _reader(connection: store.Connection, number: int) -> store.Subscriber | None:
    try:
        return store.by_id(connection, number)
    except store.UnknownSubscriber:
        return None


def had(past: Past) -> set[tuple[int, int, PaperId]]:
    """Reader, issue and paper of all that readers who are still here had or may yet get."""
    with past.database.read() as connection:
        places = {
            (row.issue_id, row.place): PaperId(row.paper_id)
            for row in connection.execute(text("SELECT * FROM issue_papers"))
        }
        rows = connection.execute(
            text(
                "SELECT d.* FROM deliveries d JOIN subscribers s ON s.id = d.subscriber_id "
                "WHERE s.domain <> 'erased.invalid'"
            )
        )
        return {
            (row.subscriber_id, row.issue_id, places[row.issue_id, pick[0]])
            for row in rows
            if row.state in RECEIVED
            for pick in json.loads(row.picks)
        }


def dangling(past: Past) -> int:
    """Rows that refer to what is not there, found by hand: every foreign key is looked at."""
    found = 0
    with past.database.read() as connection:
        for table in inspect(connection).get_table_names():
            for key in inspect(connection).get_foreign_keys(table):
                (column,), (other,) = key["constrained_columns"], key["referred_columns"]
                found += connection.scalar(
                    text(
                        f'SELECT count(*) FROM {table} WHERE "{column}" IS NOT NULL AND '
                        f'"{column}" NOT IN (SELECT "{other}" FROM {key["referred_table"]})'
                    )
                )
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_selection_is_as_it_was(drawn: Callable[[int], Past], seed: int) -> None:
    """Every reader is chosen for as before; of what is forgotten enough is known for later."""
    past = drawn(seed)
    before, known = look(past), had(past)
    foreseen = pruning.foresee(past.database, SHORT, NOW)
    done = pruning.prune(past.database, SHORT, NOW, batch=20)
    assert {name: many for name, many in foreseen.rows.items() if many} == {
        name: many for name, many in done.rows.items() if many
    }
    for name in ("deliveries", "observations", "subscriber_events", "letters", "subscribers"):
        assert done.rows[name] > 0, name
    assert done.rows["topics"] == 1
    assert look(past) == before
    assert dangling(past) == 0
    lost = known - had(past)
    assert lost
    assert {(reader, name) for reader, _, name in lost} <= _presumed(past)
    assert pruning.prune(past.database, SHORT, NOW).total == 0


def _presumed(past: Past) -> set[tuple[int, PaperId]]:
    with past.database.read() as connection:
        rows = connection.execute(text("SELECT issue_id, place, paper_id FROM issue_papers"))
        places = {(row[0], row[1]): PaperId(row[2]) for row in rows}
        found = pruning_memory.presumed(connection, past.today, places, range(1, 10_001))
    return {(reader, name) for reader, names in found.items() for name in names}


def test_what_comes_back_after_years_comes_to_nobody_twice(drawn: Callable[[int], Past]) -> None:
    """Whoever had a paper of a forgotten issue has had it; who came since has not."""
    past = drawn(7)
    known = had(past)
    pruning.prune(past.database, SHORT, NOW)
    lost = known - had(past)
    issue = past.bring_back({name for _, _, name in lost})
    with past.database.write() as connection:
        consent = Consent(at=NOW, form="test")
        new = store.subscribe(connection, "new@example.org", Preferences(), consent).subscriber.id
        assert new > max(past.readers)
        found = deliveries.had(connection, issue, range(1, new + 1))
    assert lost
    assert all(name in found[reader] for reader, _, name in lost)
    assert new not in found


def test_a_run_that_was_cut_short_is_finished_by_the_next(
    drawn: Callable[[int], Past], tmp_path: Path
) -> None:
    """After every batch something may end it; what is there in the end is the same."""
    past = drawn(4)
    chance = random.Random(4)

    class Killed(BaseException):
        pass

    def maybe(_: int) -> None:
        if chance.random() < 0.3:
            raise Killed

    before, cuts = look(past), 0
    while True:
        try:
            pruning.prune(past.database, SHORT, NOW, maybe, batch=7)
            break
        except Killed:
            cuts += 1
            assert dangling(past) == 0
            assert look(past) == before
    assert cuts > 3
    assert past.rows(*metadata.sorted_tables) == _in_one_go(tmp_path, 4)


def _in_one_go(folder: Path, seed: int) -> list[list[tuple[object, ...]]]:
    whole = Past(f"sqlite:///{folder}/whole.db", seed)
    pruning.prune(whole.database, SHORT, NOW)
    rows = whole.rows(*metadata.sorted_tables)
    whole.database.close()
    return rows


def test_what_is_young_stays(drawn: Callable[[int], Past]) -> None:
    """With long terms nothing goes but what nobody comes back to."""
    past = drawn(5)
    ages = RetentionSettings(
        deliveries_days=3650, events_days=3650, observations_days=3650, erased_days=3650
    )
    done = pruning.prune(past.database, Retention.of(ages), NOW)
    assert {name for name, many in done.rows.items() if many} <= {"address_changes", "topics"}


def test_no_window_is_longer_than_what_is_kept_for_it() -> None:
    """Whatever `issue.window_days` is set to tomorrow, its papers' deliveries are there."""
    (longest,) = (
        one.le for one in IssueSettings.model_fields["window_days"].metadata if hasattr(one, "le")
    )
    assert timedelta(days=longest) < pruning.WINDOW
    assert DeliveryState.UNKNOWN not in ENDED
