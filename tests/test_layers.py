"""The one-way rule and the libraries' rooms hold, and a breach of each is noticed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# One breach of every contract: the file that is added to, and the import it must not hold.
BREACHES = {
    "one-way": ("newsletter/errors.py", "newsletter.papers"),
    "subscribers": ("subscribers/model.py", "newsletter.quoted"),
    "pure": ("newsletter/papers.py", "random"),
    "database": ("newsletter/papers.py", "sqlalchemy"),
    "templates": ("newsletter/message.py", "jinja2"),
    "tex": ("newsletter/papers.py", "pylatexenc"),
    "terminal": ("newsletter/papers.py", "rich"),
    "smtp": ("newsletter/papers.py", "smtplib"),
    "imap": ("newsletter/papers.py", "imaplib"),
    "http": ("newsletter/papers.py", "httpx"),
    "web": ("newsletter/papers.py", "fastapi"),
    "queue": ("newsletter/papers.py", "procrastinate"),
    "clock": ("newsletter/papers.py", "apscheduler"),
    "formats": ("newsletter/papers.py", "feedparser"),
    "dkim": ("newsletter/papers.py", "cryptography"),
    "signatures": ("newsletter/papers.py", "dkim"),
    "dns": ("newsletter/papers.py", "dns"),
    "addresses": ("newsletter/papers.py", "email_validator"),
    "options": ("newsletter/papers.py", "pydantic"),
    "logs": ("newsletter/papers.py", "structlog"),
    "metrics": ("newsletter/papers.py", "prometheus_client"),
    "models": ("newsletter/papers.py", "fastembed"),
}


def contracts() -> dict[str, str]:
    """The name of every contract by its id."""
    file = ConfigParser()
    file.read(ROOT / ".importlinter", encoding="utf-8")
    head = "importlinter:contract:"
    return {one.removeprefix(head): file[one]["name"] for one in file if one.startswith(head)}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs import-linter on the packages in `folder`."""
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=folder,
        env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of both packages to plant things in."""
    shutil.copy(ROOT / ".importlinter", tmp_path)
    for package in ("newsletter", "subscribers"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    return tmp_path


def test_imports_keep_to_the_rule():
    """No room imports what stands above or beside it, nor another room's library."""
    ran = lint(ROOT)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_breach_is_noticed(copy: Path):
    """An import that breaks a contract is reported under that contract's name."""
    assert set(BREACHES) == set(contracts())
    for file, module in BREACHES.values():
        with (copy / file).open("a", encoding="utf-8") as source:
            source.write(f"\nimport {module}\n")
    told = lint(copy).stdout
    for name in contracts().values():
        assert f"{name} BROKEN" in told, told


def test_a_new_room_has_to_be_given_its_place(copy: Path):
    """A module that stands nowhere in the one-way rule is reported."""
    (copy / "newsletter" / "stray.py").write_text('"""Nowhere."""\n', encoding="utf-8")
    told = lint(copy).stdout
    assert "- newsletter.stray" in told
