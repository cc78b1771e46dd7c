"""What a spam filter's verdict means for an issue. Filters are asked in `spam.py`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from newsletter.preflight.findings import Finding, error, warning

ADVICE = 1.0  # points: a mail of ours scores about 0


@dataclass(frozen=True, kw_only=True)
class Score:
    """A filter's verdict, or why there is none."""

    filter: str
    score: float | None = None
    limit: float | None = None  # from which on it calls a mail spam
    rules: tuple[str, ...] = ()
    trouble: str = ""


def check(score: Score) -> Iterator[Finding]:
    """What a verdict means for the issue."""
    if score.score is None:
        return  # told beside the findings: that a filter did not answer says nothing of the mail
    told = f"{score.filter} gives the median mail {score.score:g} points"
    rules = ", ".join(score.rules[:10])
    do = "Look up the rules it names."
    if score.limit is not None and score.score >= score.limit:
        yield error("spam", f"{told}; from {score.limit:g} on it is spam.", do, rules)
    elif score.score > ADVICE:
        yield warning("spam", f"{told}; {ADVICE:g} is much for a digest.", do, rules)
