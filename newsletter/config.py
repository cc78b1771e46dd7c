"""Reads the settings: defaults, then newsletter.toml, then NEWSLETTER_* of the environment.

Keeps where each value came from, so that `config show` can tell. What the settings are is
`settings.py`'s; what should be mended before real sending is `config_check.py`'s.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from newsletter import key_file
from newsletter.errors import ConfigError
from newsletter.key_file import Keys
from newsletter.options import WORDS, read_secret
from newsletter.settings import Settings, check_url

FILE = "newsletter.toml"
PREFIX = "NEWSLETTER_"
RESERVED = tuple(
    PREFIX + name for name in ("CONFIG", "WIRE", "MAILLAB", "MODEL", "NPM", "LOG")
)  # read elsewhere
FREE = ("transports", "domains", "sources")  # tables whose keys their own rooms know
DEFAULT = "default"
SHORTEST_SECRET = 16  # characters; 128 bits where they are drawn at random
NEAR = 0.6  # likeness from which on a name may be meant
DERIVED = (("sender", "name"), ("sender", "bounces"), ("sender", "list_id"))  # wrong with another


@dataclass(frozen=True, kw_only=True)
class Config:
    """The settings, and where they came from."""

    settings: Settings
    base: Path  # the folder relative paths count from: the file's, else the working folder
    file: Path | None  # the newsletter.toml that was read
    origins: Mapping[str, str]  # dotted key -> file name or variable; absent: the default

    def secret(self) -> str | None:
        """The key that signs links, None where the operator gave none; raises ConfigError."""
        keys = self.keys()
        return None if keys is None else keys.key

    def keys(self) -> Keys | None:
        """The same with the older keys of `secret_file`, whose format is `key_file.py`'s."""
        file = self.path(self.settings.secret_file)
        if file is not None:
            return key_file.read(file, SHORTEST_SECRET, "secret_file")
        secret = read_secret(self.settings.secret, None, "secret")
        if secret is not None and len(secret) < SHORTEST_SECRET:
            raise ConfigError(f"secret must have at least {SHORTEST_SECRET} characters.")
        return None if secret is None else Keys(key=secret)

    def database_url(self) -> str:
        """The database's URL, a relative SQLite path made absolute; raises ConfigError."""
        database = self.settings.database
        url = read_secret(None, self.path(database.url_file), "database.url") or database.url
        try:
            check_url(url)
        except ValueError as error:
            raise ConfigError(f"database.url_file: the URL {error}.") from None
        prefix = "sqlite:///"
        return f"{prefix}{self.base / url.removeprefix(prefix)}" if url.startswith(prefix) else url

    def transport(self, name: str | None = None) -> tuple[str, dict[str, Any], str]:
        """The kind, options and place of a transport, the first of delivery.transport by default.

        The options are those of its kind and those of `roads.RoadOptions`. Raises ConfigError
        where [transports.NAME] is not there.
        """
        asked = name or self.settings.delivery.transports[0]
        tables = self.settings.transports
        if asked not in tables:
            near = get_close_matches(asked, tables, n=1, cutoff=0.4)
            hint = f" Did you mean {near[0]}?" if near else ""
            used = asked in self.settings.delivery.transports
            said = f"delivery.transport is {asked}, but " if used else ""
            there = f"{said}there is no [transports.{asked}]."
            raise ConfigError(f"{there[0] if used else there[0].upper()}{there[1:]}{hint}")
        options = dict(tables[asked])
        return str(options.pop("kind", asked)), options, f"[transports.{asked}]"

    def path(self, path: Path | None) -> Path | None:
        """A path of the settings, counted from `base`."""
        return None if path is None else self.base / path


def load(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Config:
    """The settings of `path`, else $NEWSLETTER_CONFIG, else ./newsletter.toml; raises ConfigError.

    An empty variable counts as not set.
    """
    file = _file(path, environ)
    values = _read(file) if file else {}
    origins = {key: file.name for key, _ in leaves(values)} if file else {}
    for name, keys, value in _variables(environ, values):
        _put(values, keys, value, origins)
        origins[".".join(keys)] = name
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        wrong = [one for one in error.errors() if one["loc"] not in DERIVED] or error.errors()
        where = file.name if file else FILE
        raise ConfigError(" ".join(_told(one, origins, where) for one in wrong)) from None
    for key in ("secret", "database.url"):
        if key in origins and f"{key}_file" in origins:
            raise ConfigError(f"Set {key} or {key}_file, not both.")
    base = (file.parent if file else Path()).absolute()
    return Config(settings=settings, base=base, file=file, origins=origins)


def changed(
    config: Config, changes: Mapping[str, str], environ: Mapping[str, str] = os.environ
) -> Config:
    """The settings with some of them set otherwise, by dotted key; raises ConfigError."""
    known = {key for key, _ in fields()}
    for key in changes:
        if key not in known and key.partition(".")[0] not in FREE:
            near = get_close_matches(key, known, n=1, cutoff=0.4)
            raise ConfigError(
                f"Unknown setting {key}." + (f" Did you mean {near[0]}?" if near else "")
            )
    try:
        named = {_variable(key): value for key, value in changes.items()}
        return load(config.file, {**environ, **named})
    except ConfigError as error:
        told = str(error)
        for key in changes:
            told = told.replace(_variable(key), key)
        raise ConfigError(told) from None


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is not a table, with its dotted key."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def fields() -> Iterator[tuple[str, Any]]:
    """Every declared setting, with its dotted key and its pydantic field, in order."""
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, BaseModel):
            yield from ((f"{name}.{key}", inner) for key, inner in group.model_fields.items())
        else:
            yield name, field


def _file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    named = environ.get("NEWSLETTER_CONFIG")
    if path is None and not named:
        return Path(FILE) if Path(FILE).exists() else None
    file = path or Path(str(named))
    if not file.exists():
        said = "" if path else ", which NEWSLETTER_CONFIG names"
        raise ConfigError(f"There is no settings file {file}{said}.")
    return file


def _read(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8-sig")
        return tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{file}, line {line}: this is not UTF-8 text.") from error
    except tomllib.TOMLDecodeError as error:
        reason, _, place = str(error).partition(" (at ")
        found = re.search(r"line (\d+)", place)
        line = int(found[1]) if found else max(1, len(text.splitlines()))
        raise ConfigError(f"{file}, line {line}: this is not TOML: {reason}.") from error


def _variables(
    environ: Mapping[str, str], values: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[str, ...], str]]:
    known = {_variable(key): tuple(key.split(".")) for key, _ in fields() if key not in FREE}
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in RESERVED:
            continue
        keys = known.get(name) or _free(name, values)
        if keys is None:
            asked = name.removeprefix(PREFIX).lower().replace("__", ".")
            hint = _nearest(asked, [".".join(one) for one in known.values()], _variable)
            raise ConfigError(f"Unknown setting {name} in the environment.{hint}")
        if environ[name]:
            yield name, keys, environ[name]


def _variable(key: str) -> str:
    return PREFIX + key.upper().replace(".", "__")


def _free(name: str, values: Mapping[str, Any]) -> tuple[str, ...] | None:
    room, _, rest = name.removeprefix(PREFIX).lower().partition("__")
    table, _, key = rest.partition("__")
    if room not in FREE or not table or not key or name != name.upper():
        return None
    # A variable cannot hold the dash, dot or capital that [transports.My-Relay] may have.
    written = values.get(room) if isinstance(values.get(room), dict) else {}
    same = (
        own for own in written or {} if own.lower().replace("-", "_").replace(".", "_") == table
    )
    return room, next(same, table), key


def _put(
    values: dict[str, Any], keys: tuple[str, ...], value: str, origins: dict[str, str]
) -> None:
    """Sets a value; a variable also replaces the _FILE twin that the file gave, or is one of."""
    *tables, last = keys
    at = values
    for depth, key in enumerate(tables):
        if depth == 0 and key in FREE and key not in at:
            at[key] = Settings().model_dump()[key]  # a variable adds to the default tables
        at = at.setdefault(key, {})
        if not isinstance(at, dict):
            raise ConfigError(f"{'.'.join(tables)} in the settings file must be a table.")
    twin = last.removesuffix("_file") if last.endswith("_file") else f"{last}_file"
    dotted = ".".join([*tables, twin])
    if not origins.get(dotted, "").startswith(PREFIX):
        at.pop(twin, None)
        origins.pop(dotted, None)
    at[last] = value


def _nearest(key: str, known: Sequence[str], write: Callable[[str], str]) -> str:
    """Says which setting a wrong name may mean; in a table that is there, one of its own."""
    table, _, name = key.rpartition(".")
    own = {one.rpartition(".")[2]: one for one in known if one.rpartition(".")[0] == table}
    if not table or not own:
        near = get_close_matches(key, known, n=1, cutoff=NEAR)
        return f" Did you mean {write(near[0])}?" if near else ""
    near = get_close_matches(name, own, n=1, cutoff=NEAR)
    if near:
        return f" Did you mean {write(own[near[0]])}?"
    return f" Known in [{table}]: {', '.join(own)}."


def _told(error: Any, origins: Mapping[str, str], file: str) -> str:
    path = [str(part) for part in error["loc"]]
    key = ".".join(path)
    origin = origins.get(key, file)
    name = origin if origin.startswith(PREFIX) else f"{key} in {origin}"
    if error["type"] == "extra_forbidden":
        known = [*Settings.model_fields, *(one for one, _ in fields())]
        return f"Unknown setting {name}.{_nearest(key, known, str)}"
    if error["type"] in WORDS:
        return f"{name} {WORDS[error['type']].format(**error.get('ctx', {}))}."
    reason = str(error["msg"]).removeprefix("Value error, ")
    return f"{name} {reason}." if reason.startswith(("must", "has")) else f"{name}: {reason}."
