"""What the settings say of the sender, which no single mail shows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from newsletter.preflight.findings import Finding, Level, warning
from newsletter.preflight.house import House
from newsletter.preflight.mail import Mail

_NO_REPLY = re.compile(r"(?:no|do-?not)[-_.]?reply", re.IGNORECASE)
# RFC 2606 and RFC 6761: domains that no mail leaves from.
_RESERVED = re.compile(r"(?:.*\.)?(?:example(?:\.(?:com|net|org))?|test|invalid|localhost)")


def check(house: House) -> Iterator[Finding]:
    """What should be set otherwise before mail leaves."""
    if not house.postal_address.strip():
        # Where mail stays on this machine, no law is broken by trying things out.
        yield Finding(
            level=Level.ERROR if house.goes_out else Level.WARNING,
            check="postal-address",
            says="No postal address is set; bulk mail must carry one in the United States "
            "(15 U.S.C. 7704(a)(5)) and elsewhere.",
            do="Set sender.postal_address; issues composed from then on carry it.",
        )
    if _NO_REPLY.search(house.reply_to.rpartition("@")[0]):
        yield warning(
            "reply-to",
            f"Answers go to {house.reply_to}, which says that nobody reads them.",
            "Set sender.reply_to to a mailbox that is read; readers unsubscribe by answering.",
        )
    domain = house.address.rpartition("@")[2].lower()
    if _RESERVED.fullmatch(domain):
        yield warning(
            "sender-domain",
            f"Mail is from {domain}, a domain that no mail can come from.",
            "Set sender.address to the address your readers know you by.",
        )


def imprint(mail: Mail, house: House) -> Iterator[Finding]:
    """Whether a mail carries the postal address that is set."""
    wanted = _bare(house.postal_address)
    if wanted and mail.text and wanted not in _bare(mail.text):
        yield Finding(
            level=Level.ERROR if house.goes_out else Level.WARNING,
            check="postal-address",
            says="The mail does not carry the postal address that is set now.",
            do="It was composed before that was set: the next issue carries it. A template of your "
            "own has to show it.",
            where=mail.at(),
        )


def _bare(text: str) -> str:
    """Without what stands between the lines of an address."""
    return "".join(text.replace(",", " ").split())


def one_click(mail: Mail, house: House) -> Iterator[Finding]:
    """Whether readers can leave by one click, which large providers ask of bulk senders."""
    if house.goes_out and mail.raw("list-unsubscribe") and b"<https:" not in mail.head:
        yield warning(
            "one-click",
            "There is no https address to unsubscribe by one click (RFC 8058); Gmail asks for it "
            "from 5,000 mails a day on.",
            "Give readers a web address, or send fewer.",
        )
