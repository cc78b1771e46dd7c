"""Runs the tools that judge a mail; skips where one is not installed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NPM = Path(os.environ.get("NEWSLETTER_NPM") or ROOT / ".npm-tools")
PATIENCE = 120  # seconds for a tool and all mails; the slowest takes ten

# What becomes of a mail must not depend on who was mailed before, nor on the machine's resolver.
_SPAMASSASSIN = (
    "use_bayes 0",
    "use_learner 0",
    "report_safe 0",
    "fold_headers 0",
    "clear_headers",
    "add_header all Rules _TESTSSCORES(,)_",
)
_RULES = re.compile(r"^X-Spam-Rules: (.*)$", re.MULTILINE)


def need(tool: str) -> str:
    """Where a program is; skips the test where it is not."""
    found = shutil.which(tool)
    if found is None:
        pytest.skip(f"{tool} is not installed; .ci/run tells what is.")
    return found


def node(script: str, folder: Path, *more: str) -> Any:
    """What a script of this folder answers about the mails of `folder`."""
    program = need("node")
    if not (NPM / "node_modules").is_dir():
        pytest.skip("npm's tools are not installed: `make mailtools` does it, or NEWSLETTER_NPM.")
    done = subprocess.run(
        [program, str(HERE / f"{script}.mjs"), str(NPM), str(folder), *more],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / f"{script}.json").read_text(encoding="utf-8"))


def spamassassin(mails: Sequence[Path], *flags: str) -> dict[str, dict[str, float]]:
    """The rules that SpamAssassin finds each mail to meet, with their scores."""
    settings = [f"--cf={line}" for line in _SPAMASSASSIN]
    with tempfile.TemporaryDirectory(prefix="papers-spamassassin-") as home:
        done = subprocess.run(
            ["spamassassin", "-x", *settings, *flags, *map(str, mails)],
            env=os.environ | {"HOME": home},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    found = _RULES.findall(done.stdout)
    assert len(found) == len(mails), done.stderr
    return {mail.stem: _scores(rules) for mail, rules in zip(mails, found, strict=True)}


def _scores(rules: str) -> dict[str, float]:
    pairs = (rule.partition("=") for rule in rules.split(",") if "=" in rule)
    return {name: float(score) for name, _, score in pairs}
