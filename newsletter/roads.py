"""The settings that every transport has beside those of its kind, and those of recipient domains.

What they mean is `pacing.py`'s; where they stand in the file is `config.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from newsletter.errors import ConfigError
from newsletter.options import Options
from newsletter.pacing import DomainLimits, Rate, RoadLimits, WarmUp, per_hour, per_second
from newsletter.settings import HOST

MOST = 1_000_000_000  # a message rate; more is a slip of the keyboard
LEAST = 0.0001  # messages a second: one in some three hours


def _numbers(given: Any) -> Any:
    if isinstance(given, str):  # of an environment variable
        return [part.strip() for part in given.split(",")]
    return given


class RoadOptions(Options):
    """What every table [transports.NAME] may say besides."""

    weight: int = Field(
        default=1,
        ge=0,
        le=1000,
        description="Its share of the mail beside the other transports of delivery.transport; "
        "0 is a spare, used while no other is open.",
    )
    connections: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="Connections that one process opens; by default delivery.connections.",
    )
    per_second: float | None = Field(
        default=None,
        ge=LEAST,
        le=MOST,
        description="Messages a second at most, by all processes and machines together.",
    )
    per_hour: int | None = Field(
        default=None, ge=1, le=MOST, description="Messages in any hour at most, likewise."
    )
    warm_up: Annotated[tuple[Annotated[int, Field(ge=1)], ...], BeforeValidator(_numbers)] = Field(
        default=(),
        max_length=366,
        description="Messages at most on its first day, its second, and so on (UTC), for an "
        "address or a machine that is new to the world, such as [50, 100, 300, 1000, 3000].",
    )
    warm_up_from: date | None = Field(
        default=None, description="The first day of warm_up, such as 2026-03-01."
    )

    def limits(self) -> RoadLimits:
        """What it may carry."""
        warm_up = None
        if self.warm_up_from is not None and self.warm_up:
            warm_up = WarmUp(since=self.warm_up_from, days=self.warm_up)
        return RoadLimits(rates=_rates(self.per_second, self.per_hour), warm_up=warm_up)


class DomainOptions(Options):
    """What a table [domains.NAME] may say of the mail to a recipient domain."""

    connections: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="Messages to it under way at once at most, by all processes together; one that "
        "has to wait is reckoned to wait a second for each.",
    )
    per_second: float | None = Field(
        default=None, ge=LEAST, le=MOST, description="Messages a second to it at most."
    )
    per_hour: int | None = Field(
        default=None, ge=1, le=MOST, description="Messages to it in any hour at most."
    )


def split(table: Mapping[str, Any], where: str) -> tuple[RoadOptions, dict[str, Any]]:
    """The options every transport has, and those of its kind; raises ConfigError."""
    common = {key: table[key] for key in RoadOptions.model_fields if key in table}
    road = RoadOptions.read(common, where)
    if bool(road.warm_up) != (road.warm_up_from is not None):
        raise ConfigError(f"{where}: warm_up and warm_up_from are set together or not at all.")
    return road, {key: value for key, value in table.items() if key not in common}


def domains(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, DomainLimits]:
    """The limits of [domains.NAME], by name in lower case; raises ConfigError."""
    found = {}
    for name, table in tables.items():
        where = f'[domains."{name}"]'
        if name != "*" and not HOST.fullmatch(name):
            raise ConfigError(f"{where} names no domain; write one such as example.org, or *.")
        read = DomainOptions.read(table, where)
        found[name.lower()] = DomainLimits(
            rates=_rates(read.per_second, read.per_hour), connections=read.connections
        )
    return found


def _rates(second: float | None, hour: int | None) -> tuple[Rate, ...]:
    rates = []
    if second is not None:
        rates.append(per_second(second))
    if hour is not None:
        rates.append(per_hour(hour))
    return tuple(rates)
