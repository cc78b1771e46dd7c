"""How large the HTML is: Gmail shows about the first 102 kB of a mail, and hides the rest."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.preflight.findings import Finding, error, warning
from newsletter.preflight.mail import Mail

ROOM = 90_000  # octets; the clip is measured now on the encoded, now on the decoded size
CLIP = 102_400  # octets

_DO = "Shorten the template, or the length of readers' digests."


def check(mail: Mail) -> Iterator[Finding]:
    """Whether the HTML part fits, as it is encoded, which is the larger of its sizes."""
    size = octets(mail)
    if size > CLIP:
        yield error(
            "size",
            f"HTML has more than {CLIP:,} octets; Gmail hides the end of it.",
            _DO,
            mail.at(f"{size:,} octets"),
        )
    elif size > ROOM:
        yield warning(
            "size",
            f"HTML has more than {ROOM:,} octets; Gmail hides what is beyond {CLIP:,}.",
            _DO,
            mail.at(f"{size:,} octets"),
        )


def octets(mail: Mail) -> int:
    """How many the HTML part has, encoded; 0 where there is none."""
    html = [part for part in mail.parts if part.get_content_type() == "text/html"]
    return len(str(html[0].get_payload())) if html else 0
