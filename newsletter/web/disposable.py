"""Addresses at domains that throw mail away, where the operator keeps a list of them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from newsletter.app import App
from newsletter.errors import ConfigError
from newsletter.language import Language
from subscribers import addresses


def problem(app: App, address: str, language: Language) -> dict[str, str]:
    """What is wrong with the domain of an address, by field; raises ConfigError."""
    file = app.config.path(app.settings.pages.disposable)
    if file is None:
        return {}
    domain = addresses.domain(address)
    parts = domain.split(".")
    names = {".".join(parts[at:]) for at in range(len(parts) - 1)}
    if not names & _domains(file):
        return {}
    told = language.gettext("Mail to {domain} is thrown away; write another address.")
    return {"address": told.format(domain=domain)}


@lru_cache(maxsize=1)
def _domains(file: Path) -> frozenset[str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"pages.disposable: {file} cannot be read: {error}.") from error
    return frozenset(line.strip().lower() for line in lines if line.strip() and line[0] != "#")
