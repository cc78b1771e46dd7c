"""DKIM: what is signed, in which form, and how the signature is written."""

from __future__ import annotations

import re
import sys
from base64 import b64decode, b64encode
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from newsletter import dkim_keys
from newsletter.dkim import (
    OVERSIGNED,
    SIGNED,
    MailSigner,
    Selected,
    chosen,
    quoted_strings,
    record_name,
    relaxed_body,
    relaxed_field,
)
from newsletter.errors import ConfigError

ED25519 = dkim_keys.read(dkim_keys.generate("ed25519"), "a new key")
RSA = dkim_keys.read(dkim_keys.generate("rsa"), "a new key")
MAIL = b"From: a@example.org\r\nSubject: Hello\r\n\r\nHello.\r\n"

# RFC 8463, Appendix A.
RFC_8463_SEED = b64decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
RFC_8463_PUBLIC = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
RFC_8463_HEAD = (
    b"From: Joe SixPack <joe@football.example.com>\r\n"
    b"To: Suzie Q <suzie@shopping.example.net>\r\n"
    b"Subject: Is dinner ready?\r\n"
    b"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
    b"Message-ID: <20030712040037.46341.5F8J@football.example.com>"
)
RFC_8463_BODY = b"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n"
RFC_8463_SIGNATURE = (
    b"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
    b" d=football.example.com; i=@football.example.com;\r\n"
    b" q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
    b" subject : date : message-id : from : subject : date;\r\n"
    b" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    b" b="
)
RFC_8463_B = (
    b"/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw=="
)


def signer(*keys: dkim_keys.PrivateKey, domain: str = "example.org") -> MailSigner:
    found = [Selected(selector=f"s{at}", key=key) for at, key in enumerate(keys, start=1)]
    return MailSigner(domain, found)


def tags(field: bytes) -> dict[str, str]:
    """The tags of a signature, folding white space taken out (RFC 6376 3.2)."""
    value = re.sub(r"\s+", "", field.decode().partition(":")[2])
    return dict(tag.split("=", 1) for tag in value.split(";"))


def signatures(content: bytes) -> list[bytes]:
    head = content.partition(b"\r\n\r\n")[0]
    return re.findall(rb"(?:^|\r\n)(DKIM-Signature:(?:[^\r\n]|\r\n )*)", head)


def test_the_example_of_rfc_6376_3_4_5():
    """Names are lowered, lines unfolded, white space reduced, empty lines at the end ignored."""
    assert relaxed_field(b"A: X") == ("a", b"a:X")
    assert relaxed_field(b"B : Y\t\r\n\tZ  ") == ("b", b"b:Y Z")
    assert relaxed_body(b" C \r\nD \t E\r\n\r\n\r\n") == b" C\r\nD E\r\n"


def test_the_example_of_rfc_8463_a_3():
    """The published key gives the published body hash and signature over our canonical form."""
    key = dkim_keys.Ed25519Key(Ed25519PrivateKey.from_private_bytes(RFC_8463_SEED))
    assert key.record() == f"v=DKIM1; k=ed25519; p={RFC_8463_PUBLIC}"
    body_hash = b64encode(sha256(relaxed_body(RFC_8463_BODY)).digest())
    assert b"bh=" + body_hash + b";" in RFC_8463_SIGNATURE
    fields = [relaxed_field(field)[1] for field in RFC_8463_HEAD.split(b"\r\n")]
    canonical = b"\r\n".join([*fields, relaxed_field(RFC_8463_SIGNATURE)[1]])
    assert b64encode(key.sign(sha256(canonical).digest())) == RFC_8463_B


@pytest.mark.parametrize(
    ("body", "canonical"),
    [
        (b"", b""),
        (b"\r\n", b""),
        (b"\r\n\r\n", b""),
        (b" \t\r\n \r\n", b""),
        (b" ", b""),
        (b"a", b"a\r\n"),
        (b"a \t", b"a\r\n"),
        (b"a\r\n\r\n", b"a\r\n"),
        (b"\r\n\r\na\r\n", b"\r\n\r\na\r\n"),
        (b"a   b\t\tc \r\n", b"a b c\r\n"),
        (b"   a\r\n", b" a\r\n"),
        (b"a\r\n  \r\nb\r\n", b"a\r\n\r\nb\r\n"),
    ],
)
def test_relaxed_bodies(body: bytes, canonical: bytes):
    """Bodies at the edges of RFC 6376 3.4.4."""
    assert relaxed_body(body) == canonical


def test_a_canonical_body_is_not_copied():
    """What is canonical already is handed back as it is."""
    body = b"One line.\r\n\r\nAnother =\r\nline.\r\n"
    assert relaxed_body(body) is body


def test_which_fields_are_signed():
    """Every field that matters where it is there, and nothing that relays add or change."""
    head = b"\r\n".join(name.title().encode() + b": x" for name in (*SIGNED, "received", "x-own"))
    names, fields = chosen(head)
    assert set(SIGNED) > OVERSIGNED
    assert set(names) == set(SIGNED)
    assert fields == b"".join(name.encode() + b":x\r\n" for name in SIGNED)


def test_oversigned_fields_are_named_once_more_than_they_occur():
    """Also where they do not occur at all."""
    names, _ = chosen(b"From: a\r\nSubject: b\r\nDate: c\r\nList-Unsubscribe: d")
    assert {name: names.count(name) for name in names} == {
        "from": 2,
        "to": 1,
        "cc": 1,
        "subject": 2,
        "date": 2,
        "reply-to": 1,
        "list-unsubscribe": 2,
        "list-unsubscribe-post": 1,
        "mime-version": 1,
        "content-type": 1,
    }
    assert names.count("message-id") == 0


def test_of_equal_names_the_lowest_comes_first():
    """As RFC 6376 5.4.2 has them chosen."""
    names, fields = chosen(b"To: one\r\nFrom: a\r\nTo: two\r\n folded")
    assert names.count("to") == 3  # and once more than it occurs
    assert fields == b"from:a\r\nto:two folded\r\nto:one\r\n"


def test_how_a_signature_is_written():
    """It comes first, names its algorithm, and depends on no clock."""
    content = signer(RSA, ED25519).sign(MAIL)
    assert content.endswith(MAIL)
    first, second = (tags(field) for field in signatures(content))
    assert [first["a"], second["a"]] == ["rsa-sha256", "ed25519-sha256"]
    assert [first["s"], second["s"]] == ["s1", "s2"]
    for one in (first, second):
        assert set(one) == {"v", "a", "c", "d", "s", "h", "bh", "b"}
        assert (one["v"], one["c"], one["d"]) == ("1", "relaxed/relaxed", "example.org")
    assert signer(RSA, ED25519).sign(MAIL) == content


@pytest.mark.parametrize("domain", ["example.org", f"{'long-' * 12}.example.org"])
def test_no_line_of_a_signature_is_over_78(domain: str):
    """Whatever is signed, its lines are as short as RFC 5322 2.1.1 asks for."""
    head = b"\r\n".join(name.encode() + b": x" for name in SIGNED * 3)
    content = signer(RSA, ED25519, domain=domain).sign(head + b"\r\n\r\nx\r\n")
    ours = content.partition(head)[0]
    assert max(map(len, ours.split(b"\r\n"))) <= 78
    assert all(tags(field)["h"].count("from") == 4 for field in signatures(content))


def test_what_is_no_message_is_refused():
    """Bytes without an end of the header are not signed as if they were all header."""
    with pytest.raises(ValueError, match="empty line"):
        signer(ED25519).sign(b"From: a@example.org\r\n")


def test_records_for_the_dns():
    """A long record is cut into strings of 255 octets, which the DNS joins again."""
    assert record_name("s1", "example.org") == "s1._domainkey.example.org"
    assert quoted_strings(ED25519.record()) == f'"{ED25519.record()}"'
    strings = re.findall(r'"([^"]*)"', quoted_strings(RSA.record()))
    assert [len(one) for one in strings] == [255, len(RSA.record()) - 255]
    assert "".join(strings) == RSA.record()
    assert RSA.record().startswith("v=DKIM1; k=rsa; p=MII")


def pem(key: object, password: bytes | None = None) -> bytes:
    kept = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, kept)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", "The key is not a private key in PEM."),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "not a private key"),
        (pem(rsa.generate_private_key(65537, 1024)), "has 1024 bits"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "neither an RSA nor an Ed25519 key"),
        (pem(Ed25519PrivateKey.generate(), b"pw"), "is encrypted"),
    ],
)
def test_keys_that_cannot_sign(text: bytes, told: str):
    """Each is told in words, none of which are the key's."""
    with pytest.raises(ConfigError) as caught:
        dkim_keys.read(text, "The key")
    assert told in str(caught.value)
    assert "AAAA" not in str(caught.value)


def test_traditional_pem_is_read_too():
    """What `openssl genrsa -traditional` writes."""
    key = rsa.generate_private_key(65537, 2048)
    text = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    assert dkim_keys.read(text, "x").algorithm == "rsa-sha256"


def test_without_the_package(monkeypatch: pytest.MonkeyPatch):
    """Who signs without `cryptography` is told how to install it."""
    monkeypatch.setitem(sys.modules, "cryptography", None)
    for act in (lambda: dkim_keys.generate("rsa"), lambda: dkim_keys.read(b"", "x")):
        with pytest.raises(ConfigError, match=r"pip install 'trending-papers\[dkim\]'"):
            act()
