"""What an issue looked like when it was composed: every slot and card, rendered and encoded.

A digest is a pure function of (snapshot, picks, subscriber), so any mail can be built again to
the byte, whatever happens to templates and settings later. Rendering makes a snapshot, the store
keeps it as JSON, `message.py` joins it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

from newsletter.papers import PaperId
from newsletter.quoted import encode, travels
from newsletter.wording import Wording

BUDGET = 90_000  # bytes of HTML, encoded: Gmail clips at 102,400, and its count is not ours
SLACK = 6_000  # of it, for what is a reader's own: tokens, headings, reasons of 50 cards or fewer


@dataclass(frozen=True)
class Slot:
    """A named hole between two literals."""

    name: str


@dataclass(frozen=True)
class Slotted:
    """Encoded literals with holes for what differs from reader to reader."""

    parts: tuple[bytes | Slot, ...]

    def fill(self, values: Mapping[str, bytes]) -> bytes:
        """The literals with `values` (encoded) in their holes; KeyError names a missing one."""
        (whole,) = self.pieces(values)
        return whole

    def pieces(self, values: Mapping[str, bytes], between: str = "") -> tuple[bytes, ...]:
        """The same but for the holes of one name, which stand between the pieces."""
        found = []
        piece: list[bytes] = []
        for part in self._named:
            if part.__class__ is bytes:
                piece.append(part)
            elif part == between:
                found.append(b"".join(piece))
                piece = []
            else:
                piece.append(values[part])
        found.append(b"".join(piece))
        return tuple(found)

    @cached_property
    def _named(self) -> tuple[Any, ...]:
        """Literals, and the names of holes."""
        return tuple([part if isinstance(part, bytes) else part.name for part in self.parts])

    @property
    def travels(self) -> bool:
        """Whether every literal can go over the line to a server as it is."""
        return all(isinstance(part, Slot) or travels(part) for part in self.parts)

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts if isinstance(part, bytes))

    def to_json(self) -> list[str | dict[str, str]]:
        """Literals as strings (quoted-printable is ASCII), holes as {"slot": name}."""
        return [
            {"slot": part.name} if isinstance(part, Slot) else part.decode("ascii")
            for part in self.parts
        ]

    @classmethod
    def from_json(cls, parts: list[str | dict[str, str]]) -> Slotted:
        """What `to_json` wrote."""
        return cls(
            tuple(
                Slot(part["slot"]) if isinstance(part, dict) else part.encode("ascii")
                for part in parts
            )
        )


@dataclass(frozen=True, kw_only=True)
class Both:
    """The same as HTML and as text."""

    html: Slotted
    text: Slotted

    @property
    def travels(self) -> bool:
        """Whether both do."""
        return self.html.travels and self.text.travels

    def to_json(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {"html": self.html.to_json(), "text": self.text.to_json()}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """What `to_json` wrote."""
        return cls(html=Slotted.from_json(kept["html"]), text=Slotted.from_json(kept["text"]))


@dataclass(frozen=True, kw_only=True)
class Masthead:
    """What all mails of an issue say of their sender."""

    title: str  # of the publication
    from_name: str
    from_address: str
    reply_to: str
    bounces: str  # envelope sender
    list_id: str  # RFC 2919, without angle brackets
    domain: str  # right-hand side of Message-IDs
    verp: bool = False  # whether the envelope sender carries a token
    pages: str = ""  # where readers' pages are, without a slash at its end; empty: there are none
    feedback_id: str = ""  # the sender's part of Feedback-ID; empty: the field is left out


@dataclass(frozen=True, kw_only=True)
class Card:
    """A paper as every reader of the issue sees it."""

    paper_id: PaperId
    title: str  # Unicode, for subjects
    pinned: bool = False  # by the editor
    faces: Mapping[str, Both]  # by language; slots: reasons, vote


@dataclass(frozen=True, kw_only=True)
class Shell:
    """What stands around the cards in one language."""

    mail: Both  # slots: those of rendering.renderer.SHELL_SLOTS
    heading: Both  # above a group of cards; slot: heading
    more: Both  # that there is more on the web; slots: more, view
    because: Slotted  # HTML; slot: topics
    trending: bytes  # HTML, in place of `because` for readers who follow nothing
    chosen: bytes  # HTML, the same for what the editor pinned
    wording: Wording

    @property
    def travels(self) -> bool:
        """Whether all of it does."""
        around = self.mail.travels and self.heading.travels and self.more.travels
        why = self.because.travels and travels(self.trending) and travels(self.chosen)
        return around and why

    def to_json(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {
            "mail": self.mail.to_json(),
            "heading": self.heading.to_json(),
            "more": self.more.to_json(),
            "because": self.because.to_json(),
            "trending": self.trending.decode("ascii"),
            "chosen": self.chosen.decode("ascii"),
            "wording": self.wording.to_json(),
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """What `to_json` wrote."""
        return cls(
            mail=Both.from_json(kept["mail"]),
            heading=Both.from_json(kept["heading"]),
            more=Both.from_json(kept["more"]),
            because=Slotted.from_json(kept["because"]),
            trending=kept["trending"].encode("ascii"),
            chosen=kept["chosen"].encode("ascii"),
            wording=Wording.from_json(kept["wording"]),
        )


@dataclass(frozen=True, kw_only=True)
class Chip:
    """A topic as a reason names it."""

    name: str
    html: bytes  # encoded, with the space before it


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Everything of an issue that its digests are joined from."""

    masthead: Masthead
    language: str  # of readers who chose none, or one that is not here
    shells: Mapping[str, Shell]  # by language
    cards: Mapping[PaperId, Card]
    chips: Mapping[str, Chip]  # by topic slug
    weights: Mapping[str, float] = field(default_factory=dict)  # selection.Weights

    @property
    def room(self) -> int:
        """Bytes of HTML that the cards of one digest may have, so that no client clips it."""
        return BUDGET - SLACK - max(len(shell.mail.html) for shell in self.shells.values())

    @property
    def sizes(self) -> dict[PaperId, int]:
        """Bytes of HTML that each card has, in the language that needs the most."""
        return {
            name: max(len(face.html) for face in card.faces.values())
            for name, card in self.cards.items()
        }

    @property
    def travels(self) -> bool:
        """Whether all that digests are joined from can go over the line to a server as it is."""
        faces = (face for card in self.cards.values() for face in card.faces.values())
        return (
            all(shell.travels for shell in self.shells.values())
            and all(travels(chip.html) for chip in self.chips.values())
            and all(face.travels for face in faces)
        )

    def to_json(self) -> dict[str, Any]:
        """All but the cards, which the store keeps beside their papers."""
        return {
            "masthead": vars(self.masthead),
            "language": self.language,
            "weights": dict(self.weights),
            "shells": {code: shell.to_json() for code, shell in self.shells.items()},
            "chips": {
                slug: {"name": chip.name, "html": chip.html.decode("ascii")}
                for slug, chip in self.chips.items()
            },
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any], cards: Mapping[PaperId, Card]) -> Snapshot:
        """What `to_json` wrote, with its cards."""
        return cls(
            masthead=Masthead(**kept["masthead"]),
            language=kept["language"],
            weights=kept.get("weights", {}),
            shells={code: Shell.from_json(one) for code, one in kept["shells"].items()},
            cards=cards,
            chips={
                slug: Chip(name=chip["name"], html=chip["html"].encode("ascii"))
                for slug, chip in kept["chips"].items()
            },
        )


def slotted(literals: list[str], slots: list[str]) -> Slotted:
    """Encodes texts that alternate with holes: literals[0], slots[0], literals[1], ..."""
    parts: list[bytes | Slot] = []
    for index, literal in enumerate(literals):
        if literal:
            parts.append(encode(literal))
        if index < len(slots):
            parts.append(Slot(slots[index]))
    return Slotted(tuple(parts))
