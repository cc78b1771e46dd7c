"""The keys that DKIM signs with: reads, makes and publishes them.

The one file that knows `cryptography`, which only those who sign have to install. Files are the
caller's: PEM comes in and goes out.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from newsletter.errors import ConfigError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

RSA = "rsa"  # as k= of the DNS record names it, and as the command line does
ED25519 = "ed25519"
RSA_BITS = 2048  # of a new key; more does not fit the packet that some resolvers take
RSA_LEAST, RSA_MOST = 2048, 4096  # signers SHOULD have 2048, verifiers MUST take 4096: RFC 8301 3.2


class RsaKey:
    """Signs by RSASSA-PKCS1-v1_5, which gives the same bytes every time (RFC 6376 3.3.1)."""

    algorithm = "rsa-sha256"

    def __init__(self, key: RSAPrivateKey) -> None:
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
        from cryptography.hazmat.primitives.hashes import SHA256

        self._key = key
        self._how = PKCS1v15(), Prehashed(SHA256())

    def sign(self, digest: bytes) -> bytes:
        """The signature of a SHA-256 digest."""
        return self._key.sign(digest, *self._how)

    def record(self) -> str:
        """The TXT record: a SubjectPublicKeyInfo (RFC 6376 3.6.1)."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        return _record(RSA, self._key.public_key().public_bytes(*form))


class Ed25519Key:
    """Signs by PureEdDSA over the digest (RFC 8463 3)."""

    algorithm = "ed25519-sha256"

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    def sign(self, digest: bytes) -> bytes:
        """The signature of a SHA-256 digest."""
        return self._key.sign(digest)

    def record(self) -> str:
        """The TXT record: the bare 32 octets of the key (RFC 8463 4)."""
        return _record(ED25519, self._key.public_key().public_bytes_raw())


PrivateKey = RsaKey | Ed25519Key


def read(pem: bytes, told: str) -> PrivateKey:
    """The key of a PEM file; raises ConfigError, with `told` as its subject and no word of it."""
    _need()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise ConfigError(f"{told} is encrypted; nobody is there to type its password.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigError(f"{told} is not a private key in PEM.") from None
    if isinstance(key, Ed25519PrivateKey):
        return Ed25519Key(key)
    if not isinstance(key, RSAPrivateKey):
        raise ConfigError(f"{told} is neither an RSA nor an Ed25519 key; DKIM knows no other.")
    if not RSA_LEAST <= key.key_size <= RSA_MOST:
        raise ConfigError(
            f"{told} has {key.key_size} bits; RSA keys for DKIM have {RSA_LEAST} to {RSA_MOST}."
        )
    return RsaKey(key)


def generate(algorithm: str) -> bytes:
    """A new private key as PEM (PKCS #8); raises ConfigError where the package is missing."""
    _need()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    form = Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    if algorithm == ED25519:
        return Ed25519PrivateKey.generate().private_bytes(*form)
    return generate_private_key(65537, RSA_BITS).private_bytes(*form)


def _record(kind: str, public: bytes) -> str:
    return f"v=DKIM1; k={kind}; p={b64encode(public).decode()}"


def _need() -> None:
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "DKIM needs a package that is not installed: pip install 'trending-papers[dkim]'."
        ) from error
