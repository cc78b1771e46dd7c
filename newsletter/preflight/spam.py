"""Asks the spam filters that are installed what they think of a mail.

Not pure: it runs programs found on the PATH. SpamAssassin is asked for its local tests only; what
rspamd asks the network is its own affair. Scores depend on a filter's rules and what it has
learnt: they are a hint from one machine.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess

from newsletter.preflight.scores import Score

PATIENCE = 20.0  # seconds a filter has; SpamAssassin takes about three to start
LONGEST_ANSWER = 200_000  # characters read of what a filter says

_STATUS = re.compile(
    r"^X-Spam-Status: \w+, score=(-?[\d.]+) required=([\d.]+)\s+tests=([\w,\s]*?)(?=\s+\w+=|\Z)",
    re.MULTILINE,
)


def filters() -> dict[str, str]:
    """The filters that are installed: name to program."""
    found = {name: shutil.which(name) for name in ("spamassassin", "rspamc")}
    return {name: path for name, path in found.items() if path}


def ask(name: str, program: str, content: bytes, patience: float = PATIENCE) -> Score:
    """One filter's verdict of a mail; never raises."""
    flags = ("--local", "--test-mode") if name == "spamassassin" else ("--json", "symbols")
    try:
        ran = subprocess.run(
            [program, *flags], input=content, capture_output=True, timeout=patience, check=False
        )
    except subprocess.TimeoutExpired:
        return Score(filter=name, trouble=f"it gave no answer in {patience:g} seconds")
    except OSError as failure:
        return Score(filter=name, trouble=f"it did not run: {failure.strerror}")
    said = ran.stdout.decode("utf-8", "replace")[:LONGEST_ANSWER]
    verdict = _of_spamassassin(said) if name == "spamassassin" else _of_rspamd(said)
    if verdict is not None:
        return verdict
    if name == "rspamc" and b"connection refused" in (ran.stdout + ran.stderr).lower():
        return Score(filter=name, trouble="rspamd is not running; skipped")
    words = ran.stderr.decode("utf-8", "replace") or said
    last = words.strip().splitlines()[-1:] or ["nothing"]
    return Score(filter=name, trouble=f"its answer was: {last[0][:200]}")


def _of_spamassassin(said: str) -> Score | None:
    found = _STATUS.search(said.replace("\r\n", "\n"))
    if found is None:
        return None
    rules = tuple(rule.strip() for rule in found[3].split(",") if rule.strip() not in ("", "none"))
    return Score(filter="spamassassin", score=float(found[1]), limit=float(found[2]), rules=rules)


def _of_rspamd(said: str) -> Score | None:
    try:
        told = json.loads(said[said.index("{") :])
        rules = tuple(
            name
            for name, one in sorted(told.get("symbols", {}).items())
            if float(one.get("score", 0)) > 0
        )
        return Score(
            filter="rspamc",
            score=float(told["score"]),
            limit=float(told["required_score"]),
            rules=rules,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
