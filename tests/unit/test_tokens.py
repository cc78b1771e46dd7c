"""Who may do what by a link."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.errors import TokenError
from subscribers.tokens import RETURN_LENGTH, Purpose, Signer

SIGNER = Signer(b"one secret")
TOKEN = SIGNER.sign(Purpose.UNSUBSCRIBE, 42)


def test_a_token_is_read_back() -> None:
    """The same subscriber gets the same token, and it names them."""
    assert SIGNER.read(Purpose.UNSUBSCRIBE, f" {TOKEN}\n") == 42
    assert SIGNER.sign(Purpose.UNSUBSCRIBE, 42) == TOKEN


@pytest.mark.parametrize(
    "token", ["", ".", "42", "42.", TOKEN[:-1], TOKEN + "A", TOKEN.replace("42", "43"), "٤٢.x"]
)
def test_an_altered_token_is_refused(token: str) -> None:
    """Cut, lengthened, or with another number."""
    with pytest.raises(TokenError):
        SIGNER.read(Purpose.UNSUBSCRIBE, token)


def test_a_foreign_token_is_refused() -> None:
    """Another secret's signature is worth nothing."""
    with pytest.raises(TokenError):
        Signer(b"another secret").read(Purpose.UNSUBSCRIBE, TOKEN)


def test_a_signature_made_for_another_use_is_refused() -> None:
    """The same secret signs an identity with another key than a link."""
    with pytest.raises(TokenError):
        SIGNER.read(Purpose.UNSUBSCRIBE, f"42.{SIGNER.opaque('42')}")


@given(st.text(max_size=60))
def test_no_text_is_a_token_by_chance(text: str) -> None:
    """Anything but the token is refused in words, never by another error."""
    if text.strip() != TOKEN:
        with pytest.raises(TokenError):
            SIGNER.read(Purpose.UNSUBSCRIBE, text)


VOTES = SIGNER.sign_votes(42, 7, [0, 12])


def test_one_signature_serves_all_votes_of_a_mail() -> None:
    """Each names its paper; those that were signed whole, in mails of old, are read as well."""
    assert [SIGNER.read_vote(f" {one} ") for one in VOTES] == [(42, 7, 0), (42, 7, 12)]
    assert len({one.partition(".")[2] for one in VOTES}) == 1
    assert SIGNER.read_vote(SIGNER.sign(Purpose.VOTE, 42, 7, 3)) == (42, 7, 3)
    rotated = Signer(b"a new secret", [b"one secret"])
    assert rotated.read_vote(VOTES[1]) == (42, 7, 12)


@pytest.mark.parametrize(
    "token",
    [
        "",
        VOTES[0].replace("42-", "43-"),
        VOTES[0].replace("-7-", "-8-"),
        VOTES[0].replace("-0.", "."),
        VOTES[0].replace("-0.", "-0-0."),
        VOTES[0].replace("-0.", "-٠."),
        VOTES[0].replace("-0.", "-1000000000."),
        VOTES[0][:-1],
        SIGNER.sign(Purpose.VIEW, 42, 7),
        SIGNER.sign(Purpose.VIEW, 42, 7, 0),
        SIGNER.sign(Purpose.VOTE, 42, 7),
    ],
)
def test_nobody_elses_vote_is_cast(token: str) -> None:
    """Neither another reader's, nor in another issue, nor by a token for something else."""
    with pytest.raises(TokenError):
        SIGNER.read_vote(token)


RETURN = SIGNER.sign_return(42, 7)


def test_a_returned_token_names_its_delivery() -> None:
    """Some servers change the case of a local part; the longest token fits into one."""
    for seen in (RETURN, RETURN.upper(), f" {RETURN} "):
        assert SIGNER.read_return(seen) == (42, 7)
    longest = SIGNER.sign_return(2**31 - 1, 2**31 - 1)
    assert len(longest) == RETURN_LENGTH
    assert SIGNER.read_return(longest) == (2**31 - 1, 2**31 - 1)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "42-7",
        RETURN[:-1],
        RETURN + "a",
        RETURN.replace("42", "43"),
        f"42-8{RETURN[4:]}",
        "²-7-x",
    ],
)
def test_an_altered_returned_token_is_refused(token: str) -> None:
    """Nobody makes another reader's mail look returned, and no other token will do."""
    for signer, one in ((SIGNER, token), (Signer(b"another secret"), RETURN), (SIGNER, TOKEN)):
        with pytest.raises(TokenError):
            signer.read_return(one)
