"""Checks an address and gives it the one form it is kept under."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email

from subscribers.errors import AddressError


def normalise(text: str) -> str:
    """The address as mail is sent to it: domain in lower-case ASCII (RFC 5891), parts trimmed.

    Raises AddressError. Whether the domain exists is not asked: that takes a network.
    """
    try:
        valid = validate_email(
            text.strip(), check_deliverability=False, strict=True, test_environment=True
        )
    except EmailNotValidError as error:
        raise AddressError(f"{shown(text)!r} is not an e-mail address: {error}") from None
    return f"{valid.local_part}@{valid.ascii_domain}"


def key(address: str) -> str:
    """What makes two normalised addresses the same subscriber: their letters, case aside.

    RFC 5321 2.4 lets a host tell "Asa" from "asa"; none that people use does, and the same
    person twice is the commoner mistake.
    """
    return address.casefold()


def domain(address: str) -> str:
    """The domain of a normalised address, in lower case; a quoted local part may hold an @."""
    return address.rpartition("@")[2].lower()


def shown(text: str, most: int = 80) -> str:
    """A text from outside, bounded and without control characters, for an error message."""
    clean = "".join(c if c.isprintable() else "?" for c in text)
    return clean if len(clean) <= most else clean[: most - 1] + "…"
