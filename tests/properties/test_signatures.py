"""Whatever a digest holds, its signatures hold, and break when a byte of it is changed.

Two verifiers that share no code with us nor with each other judge: dkimpy, and OpenDKIM's library.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dkim
import pytest
from dkim.canonicalization import Relaxed
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter import dkim_keys
from newsletter.dkim import (
    OVERSIGNED,
    MailSigner,
    Selected,
    record_name,
    relaxed_body,
    relaxed_field,
)
from tests.opendkim import OpenDkim, opendkim
from tests.properties.test_message import WORDS, built, frozen

DOMAIN = "example.org"
KEYS = [
    Selected(selector=name, key=dkim_keys.read(dkim_keys.generate(name), name))
    for name in ("rsa", "ed25519")
]
RECORDS = {record_name(one.selector, DOMAIN): one.key.record() for one in KEYS}  # type: ignore[attr-defined]
SIGNER = MailSigner(DOMAIN, KEYS)
BOTH, NEITHER = [True, True], [False, False]
ADDED = sorted(OVERSIGNED)
BLANK = st.text(" \tab.=", max_size=6).map(str.encode)
ADDRESSES = st.sampled_from(["a", "o'brien+x", "å"]).map(lambda local: f"{local}@{DOMAIN}")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenDkim]:
    """OpenDKIM, which finds our keys."""
    folder: Path = tmp_path_factory.mktemp("opendkim")
    with opendkim(folder, RECORDS) as verifier:
        yield verifier


def by_dkimpy(content: bytes) -> list[bool]:
    """dkimpy's verdict on each signature."""

    def answer(name: bytes, timeout: int = 5) -> bytes:
        return RECORDS[name.decode().rstrip(".")].encode()

    def holds(at: int) -> bool:
        try:
            return bool(dkim.DKIM(content).verify(at, dnsfunc=answer))
        except dkim.DKIMException:
            return False

    return [holds(at) for at in range(len(KEYS))]


def signed(title: str, abstract: str, address: str) -> tuple[bytes, int]:
    """A digest's mail, and where in it what was signed begins."""
    snapshot, paper = frozen(title, abstract, "An Author", "A topic")
    plain = built(snapshot, paper, address).content
    content = built(snapshot, paper, address, SIGNER).content
    assert content.endswith(plain)
    return content, len(content) - len(plain)


@settings(max_examples=40, deadline=None)
@given(WORDS, WORDS, ADDRESSES)
def test_any_digest_verifies(library: OpenDkim, title: str, abstract: str, address: str) -> None:
    """Both signatures, by both verifiers, also after a relay put its own lines on top."""
    content, _ = signed(title, abstract, address)
    assert by_dkimpy(content) == BOTH
    assert library.verdicts(content) == BOTH
    relayed = b"Received: from a by b;\r\n\tThu, 12 Mar 2026 08:00:01 +0000\r\n" + content
    assert by_dkimpy(relayed) == BOTH
    assert library.verdicts(relayed) == BOTH


@settings(max_examples=60, deadline=None)
@given(WORDS, st.floats(0, 1, exclude_max=True), st.booleans())
def test_a_changed_byte_breaks_both(
    library: OpenDkim, title: str, where: float, in_head: bool
) -> None:
    """Any byte of header or body, another letter in its place: all our fields are signed."""
    content, start = signed(title, "An abstract.", f"asa@{DOMAIN}")
    body = content.index(b"\r\n\r\n") + 4
    first, last = (start, body - 4) if in_head else (body, len(content))
    at = first + int(where * (last - first))
    other = b"x" if content[at : at + 1] not in b"xX" else b"y"
    changed = content[:at] + other + content[at + 1 :]
    assert by_dkimpy(changed) == NEITHER
    assert not any(library.verdicts(changed))


@pytest.mark.parametrize("name", ADDED)
@pytest.mark.parametrize("on_top", [True, False], ids=["on-top", "below"])
def test_a_second_field_breaks_both(library: OpenDkim, name: str, on_top: bool) -> None:
    """What is oversigned cannot be added, wherever: a client might show the added one."""
    content, start = signed("A title", "An abstract.", f"asa@{DOMAIN}")
    added = f"{name}: <mailto:mallory@example.net>\r\n".encode()
    at = start if on_top else content.index(b"\r\n\r\n") + 2
    changed = content[:at] + added + content[at:]
    assert by_dkimpy(changed) == NEITHER
    assert not any(library.verdicts(changed))


def test_text_added_at_the_end_breaks_both(library: OpenDkim) -> None:
    """There is no l= that would let it pass; empty lines alone do no harm."""
    content, _ = signed("A title", "An abstract.", f"asa@{DOMAIN}")
    assert by_dkimpy(content + b"\r\n\r\n") == BOTH
    assert by_dkimpy(content + b"More.\r\n") == NEITHER
    assert library.verdicts(content + b"\r\n\r\n") == BOTH
    assert library.verdicts(content + b"More.\r\n") == NEITHER


def test_another_key_verifies_nothing(tmp_path: Path) -> None:
    """The verifiers do look at the published key."""
    content, _ = signed("A title", "An abstract.", f"asa@{DOMAIN}")
    others = {
        record_name(name, DOMAIN): dkim_keys.read(dkim_keys.generate(name), name).record()
        for name in ("rsa", "ed25519")
    }
    with opendkim(tmp_path, others) as verifier:
        assert verifier.verdicts(content) == NEITHER


@settings(max_examples=300)
@given(st.lists(BLANK.map(lambda line: line + b"\r\n"), max_size=8).map(b"".join))
def test_bodies_are_canonical_as_dkimpy_has_them(body: bytes) -> None:
    """White space at the most awkward places, and none."""
    assert relaxed_body(body) == Relaxed.canonicalize_body(body)
    assert relaxed_body(relaxed_body(body)) == relaxed_body(body)


@settings(max_examples=300)
@given(st.lists(BLANK, max_size=4).map(b"\r\n ".join))
def test_fields_are_canonical_as_dkimpy_has_them(value: bytes) -> None:
    """The same for header fields, folded anywhere."""
    ((name, canonical),) = Relaxed.canonicalize_headers([(b"X-Name \t", value + b"\r\n")])
    assert relaxed_field(b"X-Name \t:" + value) == ("x-name", name + b":" + canonical.rstrip())
