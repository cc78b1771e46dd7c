"""Where papers come from: one port, one file a source, one line here for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from newsletter.errors import ConfigError
from newsletter.sources.fetch import fetch
from newsletter.sources.page import PageOptions, PageSource
from newsletter.sources.port import Harvest, Request, Source

__all__ = ["Harvest", "Request", "Source", "build", "fetch", "known"]


def _page(name: str, values: Mapping[str, Any], where: str, base: Path) -> Source:
    options = PageOptions.read(values, where)
    if str(options.path) != "-":
        options = options.model_copy(update={"path": base / options.path})
    return PageSource(name, options)


_KINDS: Mapping[str, Callable[[str, Mapping[str, Any], str, Path], Source]] = {"page": _page}


def known() -> tuple[str, ...]:
    """The kinds of source there are."""
    return tuple(_KINDS)


def build(name: str, values: Mapping[str, Any], base: Path) -> Source:
    """The source a [sources.NAME] describes; `kind` is its NAME where not given.

    Relative paths count from `base`. Raises ConfigError.
    """
    where = f"[sources.{name}]"
    settings = dict(values)
    kind = str(settings.pop("kind", name))
    if kind not in _KINDS:
        nearest = get_close_matches(kind, _KINDS, n=1) or list(_KINDS)
        raise ConfigError(f"{where}: there is no source {kind!r}; did you mean {nearest[0]}?")
    return _KINDS[kind](name, settings, where, base)
