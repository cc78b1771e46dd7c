"""How a group of settings is declared, and how a wrong one is told.

A group is an `Options` subclass whose fields carry a description; `config.py` and the transports
declare theirs. Unknown keys are refused with the nearest known one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from newsletter.errors import ConfigError

T = TypeVar("T", bound="Options")

# pydantic's kinds of error in the words of the person who wrote the file.
WORDS = {
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "string_type": "must be text, in quotes",
    "path_type": "must be a path, in quotes",
    "dict_type": "must be a table of settings",
    "model_type": "must be a table of settings",
    "model_attributes_type": "must be a table of settings",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "tuple_type": "must be a list, in square brackets",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}


class Options(BaseModel):
    """A frozen group of settings that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    @classmethod
    def read(cls, values: Mapping[str, Any], where: str, also: Iterable[str] = ()) -> Self:
        """Checks `values`, told as `where` ("[sender] in newsletter.toml"); raises ConfigError.

        `also` are names that may stand there, too, and are read by others.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise ConfigError(
                "; ".join(_told(cls, one, where, also) for one in error.errors())
            ) from None


def _told(options: type[BaseModel], error: Any, where: str, also: Iterable[str]) -> str:
    path = [str(part) for part in error["loc"]]
    name = _name(error["loc"])
    if error["type"] == "extra_forbidden":
        return f"Unknown setting {name} in {where}. {_nearest(options, path, also)}".rstrip()
    if error["type"] == "missing":
        return f"Setting {name} is missing in {where}."
    if error["type"] in WORDS:
        return f"Setting {name} in {where} {WORDS[error['type']].format(**error.get('ctx', {}))}."
    reason = str(error["msg"]).removeprefix("Value error, ")
    return f"Setting {name} in {where}: {reason[:1].lower()}{reason[1:]}."


def _name(path: Sequence[str | int]) -> str:
    """Where it is wrong, as people count: "classes (number 1)"."""
    name = ""
    for part in path:
        name += f" (number {part + 1})" if isinstance(part, int) else f".{part}"
    return name.removeprefix(".") or "?"


def _nearest(options: type[BaseModel], path: list[str], also: Iterable[str]) -> str:
    model: Any = options
    for part in path[:-1]:
        field = getattr(model, "model_fields", {}).get(part)
        model = field.annotation if field else None
    known = [*getattr(model, "model_fields", {}), *(also if len(path) == 1 else ())]
    close = get_close_matches(path[-1], known, n=1, cutoff=0.4)
    if close:
        return f"Did you mean {'.'.join([*path[:-1], close[0]])}?"
    return f"Known here: {', '.join(known)}." if known else ""


def read_secret(value: SecretStr | None, file: Path | None, name: str) -> str | None:
    """The secret itself, from the setting or the file it names; raises ConfigError.

    Of the file the first line counts, so that a trailing newline does no harm.
    """
    if value is not None and file is not None:
        raise ConfigError(f"Set {name} or {name}_file, not both.")
    if file is None:
        return value.get_secret_value() if value is not None else None
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        raise ConfigError(f"{name}_file: cannot read {file}: {reason}.") from error
    if not lines or not lines[0].strip():
        raise ConfigError(f"{name}_file: {file} is empty.")
    return lines[0].strip()
