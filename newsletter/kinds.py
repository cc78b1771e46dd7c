"""Finds the kinds of a thing that the settings name: the built-in ones, and installed packages'.

Sources and transports are found alike. A package adds a kind by an entry point; a broken package
harms only itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Generic, TypeVar

from newsletter.errors import ConfigError
from newsletter.options import Options

K = TypeVar("K")


class Kinds(Generic[K]):
    """The kinds of one thing, by name."""

    def __init__(self, what: str, group: str, kind: type[K], built_in: Mapping[str, K]) -> None:
        self._what = what  # "transport", for people
        self._group = group  # of entry points
        self._kind = kind
        self._built_in = built_in

    def known(self) -> dict[str, K]:
        """Every kind there is, the built-in ones first: those names are theirs.

        Raises ConfigError where a package's cannot be loaded.
        """
        kinds = dict(self._built_in)
        for name, point in self._installed().items():
            kinds.setdefault(name, self._load(point))
        return kinds

    def find(self, name: str, where: str) -> K:
        """The kind of a name that was read `where`; raises ConfigError with the nearest one."""
        if name in self._built_in:  # without a look at what is installed
            return self._built_in[name]
        installed = self._installed()
        if name in installed:
            return self._load(installed[name])
        names = [*self._built_in, *installed]
        near = get_close_matches(name, names, n=1, cutoff=0.4)
        hint = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(names)}."
        raise ConfigError(f"{where}: there is no {self._what} {name!r}. {hint}")

    def _installed(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self._group)}

    def _load(self, point: EntryPoint) -> K:
        told = f"The {self._what} {point.name}"
        try:
            kind = point.load()
        except Exception as error:  # whatever a package does while it is imported
            raise ConfigError(f"{told} cannot be loaded: {error}.") from error
        if not isinstance(kind, self._kind):
            raise ConfigError(f"{told} is no Kind: {point.value}.")
        return kind


def read_options(
    options: type[Options],
    values: Mapping[str, Any],
    where: str,
    base: Path,
    also: Iterable[str] = (),
) -> Options:
    """The options of a table of settings, its relative paths counted from `base`.

    `also` are names that others read from it.
    """
    read = options.read(values, where, also)
    paths = {
        name: base / value
        for name in type(read).model_fields
        if isinstance(value := getattr(read, name), Path) and str(value) != STANDARD_INPUT
    }
    return read.model_copy(update=paths)


STANDARD_INPUT = "-"
