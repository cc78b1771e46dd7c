"""The one form an address is kept under."""

from __future__ import annotations

import pytest

from subscribers.addresses import key, normalise, shown
from subscribers.errors import AddressError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("asa@example.org", "asa@example.org"),
        ("  Asa@EXAMPLE.org\n", "Asa@example.org"),
        ("o'brien+papers@example.test", "o'brien+papers@example.test"),
        ("åsa@example.org", "åsa@example.org"),
        ("asa@bücher.example.org", "asa@xn--bcher-kva.example.org"),
    ],
)
def test_an_address_has_one_form(text: str, address: str) -> None:
    """The domain is lower-case ASCII, and the form of a form is itself."""
    assert normalise(text) == address
    assert normalise(address) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "asa",
        "@example.org",
        "asa@",
        "a b@example.org",
        "a@b@example.org",
        "asa@example.org\r\nBcc: all@example.org",
        "asa@example.org, bo@example.org",
        "Asa <asa@example.org>",
        "<asa@example.org>",
        "asa@[127.0.0.1]",
        "a\0@example.org",
        "x" * 65 + "@example.org",
    ],
)
def test_what_is_not_one_address_is_refused_in_words(text: str) -> None:
    """Lists, names, line ends and control characters never become an address."""
    with pytest.raises(AddressError, match="is not an e-mail address: ") as told:
        normalise(text)
    assert str(told.value).isprintable()


def test_case_makes_no_second_subscriber() -> None:
    """Addresses that differ in case alone have one key, others have not."""
    assert key("Asa@example.org") == key("asa@example.org") != key("asa@example.test")


def test_a_text_from_outside_is_shown_bounded() -> None:
    """An error message holds no control character and no endless text."""
    assert shown("a\x1b[2Jb") == "a?[2Jb"
    assert (len(shown("x" * 80)), shown("x" * 81)) == (80, "x" * 79 + "…")
