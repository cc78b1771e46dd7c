"""Settings of mail: whom it is from, how it is handed over, signed, and examined."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from newsletter.options import Options
from newsletter.settings.publication import TITLE
from newsletter.settings.types import (
    Address,
    FeedbackId,
    Host,
    IpAddresses,
    Line,
    Lines,
    ListId,
    Names,
)
from subscribers.tokens import RETURN_LENGTH

LONGEST_LOCAL = 64  # octets, RFC 5321 4.5.3.1.1


def _domain(data: Mapping[str, Any]) -> str:
    return str(data.get("address", "")).rpartition("@")[2]  # absent where the address was wrong


class Sender(Options):
    """[sender]: whom the mail is from."""

    address: Address = Field(
        default="daily@example.org", description="The mailbox the mail is from."
    )
    name: Line = Field(
        default=TITLE, description="The name beside that mailbox; by default the title."
    )
    reply_to: Address | None = Field(
        default=None, description="The mailbox that answers go to, where it is another one."
    )
    bounces: Address = Field(
        default_factory=lambda data: data.get("address", "bounces@example.org"),
        description="The envelope sender, where bounces go; by default the address.",
    )
    verp: bool = Field(
        default=False,
        description="Whether each mail has an envelope sender of its own, LOCAL+TOKEN@DOMAIN, from "
        "the next issue on; the server of sender.bounces has to take those.",
    )
    postal_address: Lines = Field(
        default="",
        description="The sender's postal address, which the law of many countries asks for; "
        "several lines are joined by commas.",
    )
    list_id: ListId = Field(
        default_factory=lambda data: f"daily.{_domain(data) or 'example.org'}",
        description="The name mail clients file the list under; by default daily.DOMAIN.",
    )
    feedback_id: FeedbackId | None = Field(
        default=None,
        description="The sender's part of Feedback-ID, by which Gmail counts complaints.",
    )

    @field_validator("address", "reply_to", "bounces")
    @classmethod
    def _is_ascii(cls, address: str | None) -> str | None:
        if address is not None and not address.isascii():
            raise ValueError("must be ASCII: not every server takes mail from another address")
        return address

    @model_validator(mode="after")
    def _token_fits(self) -> Self:
        local = self.bounces.rpartition("@")[0]
        most = LONGEST_LOCAL - len("+") - RETURN_LENGTH
        if self.verp and len(local.encode()) > most:
            raise ValueError(
                f"with verp the part of sender.bounces before the @ has {most} characters at most, "
                "so that the token beside it fits"
            )
        return self


class DeliverySettings(Options):
    """[delivery]: how mail is handed over."""

    transport: Names = Field(
        default="maildir",
        description="Which of the [transports.NAME] tables carry the mail: one, or several "
        "separated by commas, which share it by their weights.",
    )
    lease_seconds: int = Field(
        default=900,
        ge=30,
        le=86_400,
        description="Seconds a run may hold the deliveries it claimed.",
    )
    tries: int = Field(
        default=5, ge=1, le=20, description="How many times a delivery is tried before it fails."
    )
    connections: int = Field(
        default=4,
        ge=1,
        le=100,
        description="Connections that one process of `send` opens to each mail server.",
    )
    receipts: Path | None = Field(
        default=None,
        description="The folder for answers of the mail server that the database cannot take; by "
        "default receipts beside the embedded database.",
    )

    @property
    def transports(self) -> tuple[str, ...]:
        """The names of `transport`."""
        return tuple(self.transport.split(", "))


class DkimSettings(Options):
    """[dkim]: what mail is signed with, where the relay does not do it."""

    domain: Host | None = Field(
        default=None, description="The domain that signs; by default that of the sender's address."
    )
    selector: Host | None = Field(
        default=None,
        description="The name under which the DNS tells the public key: "
        "SELECTOR._domainkey.DOMAIN.",
    )
    key_file: Path | None = Field(
        default=None,
        description="The private key, RSA or Ed25519, a PEM file; without one nothing is signed.",
    )
    second_selector: Host | None = Field(
        default=None, description="The name of a second key, of the other algorithm."
    )
    second_key_file: Path | None = Field(
        default=None,
        description="A second private key, so that every mail carries two signatures.",
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        pairs = (
            ("", self.selector, self.key_file),
            ("second_", self.second_selector, self.second_key_file),
        )
        for prefix, selector, file in pairs:
            if file is not None and selector is None:
                raise ValueError(f"has {prefix}key_file without {prefix}selector")
            if selector is not None and file is None:
                raise ValueError(f"has {prefix}selector without {prefix}key_file")
        if self.second_key_file is not None and self.key_file is None:
            raise ValueError("has second_key_file without key_file")
        if self.second_selector is not None and self.second_selector == self.selector:
            raise ValueError("has the same selector twice; each key needs a name of its own")
        return self


class DoctorSettings(Options):
    """[doctor]: what `newsletter doctor` asks, and whom."""

    host: Host | None = Field(
        default=None,
        description="The name of the machine that mail leaves to the world from, where that is "
        "yours; its addresses have to lead back to it.",
    )
    nameservers: IpAddresses | None = Field(
        default=None,
        description="The DNS servers to ask, one address or several separated by commas; by "
        "default the system's.",
    )
    port: int = Field(default=53, ge=1, le=65_535, description="The port of those servers.")
    seconds: float = Field(
        default=5,
        ge=0.5,
        le=60,
        description="Seconds that all questions to the DNS may take together.",
    )
