"""What a preflight of an issue came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from newsletter.doctor.findings import Finding as Examined
from newsletter.preflight.accounting import Accounts, Figures
from newsletter.preflight.findings import Finding, Level
from newsletter.preflight.scores import Score


@dataclass(frozen=True, kw_only=True)
class Built:
    """A mail that was built and judged."""

    reader: str
    why: str  # it was chosen: shortest, longest, median, sample
    octets: int


@dataclass(frozen=True, kw_only=True)
class Report:
    """The findings of an issue, worst first, and the numbers behind them."""

    issue: str
    findings: tuple[Finding, ...]
    mails: tuple[Built, ...]
    accounts: Accounts
    figures: Figures
    before: Figures | None  # of the issue before
    verified: bool  # whether signatures were verified by another library
    scores: tuple[Score, ...] = ()  # of the median mail
    dns: tuple[Examined, ...] = ()  # what the doctor found in the sender's DNS

    @property
    def levels(self) -> Mapping[Level, int]:
        """How many findings of each level there are."""
        found = Counter(one.level for one in self.findings)
        return {level: found[level] for level in Level}

    def passes(self, *, force: bool = False) -> bool:
        """Whether the issue may go out; with `force`, in spite of what may be overridden."""
        return not self.levels[Level.FATAL] and (force or not self.levels[Level.ERROR])

    @property
    def first(self) -> Finding | None:
        """The worst finding that holds the issue up."""
        return next((one for one in self.findings if one.level is not Level.WARNING), None)
