"""Tells the settings: what they are, where they come from, what to mend before real sending.

Secrets are never shown. What only a transport knows (its options, its login) it checks itself.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from newsletter.config import DEFAULT, FREE, Config, fields, leaves
from newsletter.errors import ConfigError
from newsletter.masking import MASK, masked
from newsletter.options import read_secret

_SECRET_KEY = re.compile(r"(.*[_-])?(password|passphrase|secret|token|key)", re.IGNORECASE)
# RFC 2606 and RFC 6761: domains that no mail leaves from.
_RESERVED = re.compile(r"(.*\.)?(example(\.(com|net|org))?|test|invalid|localhost)")
_TYPES = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    Path: "path",
    SecretStr: "secret",
    dict: "table",
}


def shown(config: Config) -> list[tuple[str, str, str]]:
    """Every setting as (key, value, origin), secrets masked; "" is a setting that has no value."""
    values = config.settings.model_dump()
    return [
        (key, _masked(key, value), config.origins.get(key, DEFAULT))
        for key, value in leaves(values)
        if not (key in FREE and not value)
    ]


def reference() -> list[tuple[str, str, str, str]]:
    """Every setting there is as (key, type in words, default, description), in order."""
    rows = []
    for key, field in fields():
        default = "" if key in FREE else field.get_default(call_default_factory=False)
        words = "" if default in (None, PydanticUndefined) else str(default)
        name = f"{key}.NAME" if key in FREE else key
        rows.append((name, _type(field), words, str(field.description)))
    return rows


def check(config: Config) -> list[str]:
    """What an operator should mend before real sending, a sentence each; nothing is raised."""
    sender = config.settings.sender
    tables = {}
    kinds = set()
    try:
        for name in config.settings.delivery.transports:
            kind, tables[name], _ = config.transport(name)
            kinds.add(kind)
    except ConfigError as error:
        return [str(error), *_unreadable(config, {})]
    problems = []
    if "smtp" in kinds:
        domain = sender.address.rpartition("@")[2]
        if _RESERVED.fullmatch(domain):
            problems.append(
                f"sender.address is at {domain}, a domain that no mail can come from; "
                "set the address your readers know you by."
            )
        if not sender.postal_address.strip():
            problems.append(
                "sender.postal_address is empty; bulk mail must carry one in the "
                "United States (15 U.S.C. 7704(a)(5)) and elsewhere."
            )
    signs = config.settings.dkim.domain
    domain = sender.address.rpartition("@")[2]
    # The last two labels stand for the organisation: DMARC's relaxed alignment, RFC 9989, takes
    # a list of all registries for that, and without it "co.uk" is one to us. Better too mild.
    if signs is not None and signs.split(".")[-2:] != domain.split(".")[-2:]:
        problems.append(
            f"dkim.domain is {signs}, but mail is from {domain}; DMARC counts only a signature of "
            "the sender's own domain."
        )
    return problems + _unreadable(config, tables)


def _unreadable(config: Config, tables: Mapping[str, Mapping[str, Any]]) -> list[str]:
    settings = config.settings
    files: dict[str, Path] = {}
    for name, table in tables.items():
        for key, value in table.items():
            if key.endswith("_file") and isinstance(value, str):
                files[f"transports.{name}.{key}"] = Path(value)
    problems = []
    reads: list[Callable[[], str | None]] = [config.secret, config.database_url]
    reads += [
        partial(read_secret, None, config.path(file), key.removesuffix("_file"))
        for key, file in files.items()
    ]
    for read in reads:
        try:
            read()
        except ConfigError as error:
            problems.append(str(error))
    topics = config.path(settings.topics)
    if topics is not None and not topics.is_file():
        problems.append(f"topics: there is no file {topics}.")
    return problems


def _masked(key: str, value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, SecretStr) or _SECRET_KEY.fullmatch(key.rpartition(".")[2]):
        return MASK
    return masked(str(value))


def _type(field: Any) -> str:
    kinds = get_args(field.annotation) if _is_union(field.annotation) else (field.annotation,)
    kind = next(one for one in kinds if one is not types.NoneType)
    kind = get_args(kind)[0] if hasattr(kind, "__metadata__") else kind
    words = _TYPES.get(getattr(kind, "__origin__", kind), "text")
    bounds = {
        name: getattr(one, name)
        for one in field.metadata
        for name in ("ge", "le")
        if hasattr(one, name)
    }
    return f"{words}, {bounds['ge']} to {bounds['le']}" if len(bounds) == 2 else words


def _is_union(annotation: Any) -> bool:
    return isinstance(annotation, types.UnionType)
