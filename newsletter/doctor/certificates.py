"""How long a server's certificate is still valid."""

from __future__ import annotations

from datetime import datetime

from newsletter.doctor.findings import Finding, error, ok, warning

SOON, NOW = 21, 3  # days left: of 90-day certificates, renewed at 30, and too few to wait


def check(name: str, whose: str, ends: datetime, now: datetime) -> Finding:
    """Whether it is renewed in time; `whose` is the server as people are told it."""
    days = (ends - now).days
    left = f"{days} {'day' if days == 1 else 'days'}"
    what = f"The certificate of {whose} is valid for {left} more, until {ends:%Y-%m-%d %H:%M} UTC."
    if days < NOW:
        return error(name, what, "Renew it now: nobody connects once it has expired.")
    if days < SOON:
        return warning(name, what, "Renew it, and see why that does not happen by itself.")
    return ok(name, what)
