"""Whatever is made of a token, only the token itself opens anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.errors import TokenError
from subscribers.tokens import Purpose, Signer

PURPOSES = st.sampled_from(Purpose)
NUMBERS = st.lists(st.integers(0, 10**18 - 1), min_size=1, max_size=3)
KEYS = st.lists(st.binary(min_size=16, max_size=48), min_size=1, max_size=4, unique=True)
SIGNS = st.characters(min_codepoint=33, max_codepoint=126)


def signed(signer: Signer, purpose: Purpose, numbers: list[int]) -> str:
    return signer.sign(purpose, numbers[0], *numbers[1:])


@given(KEYS, PURPOSES, NUMBERS)
def test_every_key_that_counts_reads_what_it_signed(
    keys: list[bytes], purpose: Purpose, numbers: list[int]
) -> None:
    """Today's and all older ones; what is signed is signed by today's."""
    today = Signer(keys[0], keys[1:])
    assert signed(today, purpose, numbers) == signed(Signer(keys[0]), purpose, numbers)
    for key in keys:
        token = signed(Signer(key), purpose, numbers)
        assert today.read_all(purpose, token, len(numbers)) == tuple(numbers)
        assert Signer(key).opaque(token) in today.every_opaque(token)
        subscriber, issue = numbers[0] % 10**10, numbers[-1] % 10**10
        back = Signer(key).sign_return(subscriber, issue)
        assert today.read_return(back.upper()) == (subscriber, issue)


@given(KEYS, st.binary(min_size=16, max_size=48), PURPOSES, PURPOSES, NUMBERS)
def test_no_other_key_and_no_other_purpose_opens_anything(
    keys: list[bytes], foreign: bytes, purpose: Purpose, other: Purpose, numbers: list[int]
) -> None:
    """A key that does not count any more is as foreign as any."""
    signer = Signer(keys[0], keys[1:])
    if foreign not in keys:
        token = signed(Signer(foreign), purpose, numbers)
        with pytest.raises(TokenError):
            signer.read_all(purpose, token, len(numbers))
        with pytest.raises(TokenError):
            signer.read_return(Signer(foreign).sign_return(numbers[0] % 10**10, 1))
    if other is not purpose:
        for key in keys:
            with pytest.raises(TokenError):
                signer.read_all(other, signed(Signer(key), purpose, numbers), len(numbers))


@given(KEYS, PURPOSES, NUMBERS, st.integers(0, 100), SIGNS, st.sampled_from(["put", "cut", "swap"]))
def test_an_altered_token_opens_nothing(
    keys: list[bytes], purpose: Purpose, numbers: list[int], place: int, sign: str, how: str
) -> None:
    """A sign added, taken out or exchanged anywhere, by whichever key it was signed."""
    signer = Signer(keys[0], keys[1:])
    token = signed(Signer(keys[-1]), purpose, numbers)
    at = place % len(token)
    altered = token[:at] + ("" if how == "cut" else sign) + token[at + (how != "put") :]
    if altered != token:
        with pytest.raises(TokenError):
            signer.read_all(purpose, altered, len(numbers))


@given(KEYS, PURPOSES, NUMBERS, st.integers(1, 4))
def test_a_token_of_as_many_numbers_is_wanted(
    keys: list[bytes], purpose: Purpose, numbers: list[int], many: int
) -> None:
    """One for a reader is none for a reader's issue, nor the other way round."""
    signer = Signer(keys[0], keys[1:])
    if many != len(numbers):
        with pytest.raises(TokenError):
            signer.read_all(purpose, signed(signer, purpose, numbers), many)


@given(KEYS, st.integers(1, 10**6))
def test_a_webhooks_secret_is_its_own(keys: list[bytes], number: int) -> None:
    """One by each key, today's first; no other webhook's, and no name or token is made with it."""
    signer = Signer(keys[0], keys[1:])
    secrets = signer.webhook_secrets(number)
    assert secrets[0] == Signer(keys[0]).webhook_secrets(number)[0]
    assert len({*secrets, *signer.webhook_secrets(number + 1), *keys}) == 3 * len(keys)
