"""What the doctor found in the sender's DNS, as a preflight tells it.

Only a DKIM record that does not tell our key holds an issue up: every mail of it would be worse
than unsigned. The rest may be so by intent, or mends itself while mail waits, and so warns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from newsletter.doctor import dkim_records
from newsletter.doctor.findings import Finding as Examined
from newsletter.doctor.findings import State
from newsletter.preflight.findings import Finding, Level

CHECK = "sender-dns"


def check(found: Iterable[Examined]) -> Iterator[Finding]:
    """What of it should be told; what is well or was not looked at is not."""
    for one in found:
        if one.state not in (State.WARNING, State.ERROR):
            continue
        holds = one.state is State.ERROR and one.check == dkim_records.CHECK
        level = Level.ERROR if holds else Level.WARNING
        yield Finding(level=level, check=CHECK, says=one.what, do=one.do, where=one.check)
