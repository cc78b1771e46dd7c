"""What the mail lab's DNS tells of our sender: its host, SPF, DMARC, and the keys of DKIM."""

from __future__ import annotations

from collections.abc import Mapping

from newsletter.dkim import quoted_strings
from tests.mail.mails import DOMAIN

SENDER_IP = "198.18.0.10"  # for benchmarks (RFC 2544): no filter takes it for a forgery
SENDER_HOST = f"mail.{DOMAIN}"
_SENDER = f"""\
host-record={DOMAIN},{SENDER_IP}
host-record={SENDER_HOST},{SENDER_IP}
mx-host={DOMAIN},{SENDER_HOST},10
txt-record={DOMAIN},"v=spf1 ip4:{SENDER_IP} -all"
txt-record=_dmarc.{DOMAIN},"v=DMARC1; p=quarantine; adkim=s; aspf=r"
ptr-record={".".join(reversed(SENDER_IP.split(".")))}.in-addr.arpa,{SENDER_HOST}
"""


def settings(keys: Mapping[str, str]) -> str:
    """The lines for dnsmasq; `keys` are TXT records by name."""
    quoted = {name: quoted_strings(value).replace('" "', '","') for name, value in keys.items()}
    return _SENDER + "".join(f"txt-record={name},{value}\n" for name, value in quoted.items())
