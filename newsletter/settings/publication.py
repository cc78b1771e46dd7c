"""Settings of the publication: what is news, what is chosen, how it looks."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from pydantic import Field

from newsletter.look import FONTS, Look
from newsletter.options import Options
from newsletter.settings.types import (
    LONGEST_LINE,
    Colour,
    Dates,
    Days,
    Fonts,
    ImageUrl,
    Zone,
)
from subscribers.model import parse_days

TITLE = "Trending papers"


class IssueSettings(Options):
    """[issue]: what is news, and on which day."""

    zone: Zone = Field(
        default="UTC", description="The IANA time zone that decides an issue's date."
    )
    window_days: int = Field(
        default=7,
        ge=1,
        le=60,
        description="Days a paper stays a candidate: after it was first announced or collected, "
        "after the last day's list it stood in, after the editor pinned it.",
    )
    new_papers: bool = Field(
        default=False,
        description="Whether papers without votes or a place in a list may fill digests, last.",
    )
    news_hours: int = Field(
        default=36,
        ge=1,
        le=168,
        description="Hours after which a delivery still unsent is given up.",
    )
    days: Days = Field(
        default="mon,tue,wed,thu,fri,sat,sun",
        description="The weekdays an issue comes out on, such as weekdays or mon,wed,fri; readers "
        "whose hour comes on another day get the last one, if they had not.",
    )
    holidays: Dates = Field(
        default="",
        description="Dates without an issue, such as 2026-12-25; several are separated by commas.",
    )
    least_papers: int = Field(
        default=0,
        ge=0,
        le=1000,
        description="Papers that no issue had yet and that there must be, or none comes out: they "
        "wait for the next. With 0 what older papers are left makes an issue too.",
    )
    hold: bool = Field(
        default=False,
        description="Whether an issue waits for an editor: `newsletter issues approve` lets it go.",
    )

    @property
    def weekdays(self) -> frozenset[int]:
        """`days`, read; 0 is Monday."""
        return parse_days(self.days)

    @property
    def free_days(self) -> frozenset[date]:
        """`holidays`, read."""
        return frozenset(date.fromisoformat(one) for one in self.holidays.split(",") if one)


class SelectionSettings(Options):
    """[selection]: what else than match and trend decides which papers a reader gets."""

    repeat: float = Field(
        default=0.9,
        gt=0,
        le=1,
        description="What the next paper of the same topic counts; lower, and digests are more "
        "mixed. Try a value by `newsletter evaluate --set selection.repeat=0.8`.",
    )
    fresh: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="How much of a paper's score is for being new; half of it is gone in 2 days.",
    )


class SemanticSettings(Options):
    """[semantic]: an embedding model beside the words of papers and topics; needs fastembed."""

    model: str | None = Field(
        default=None,
        max_length=120,
        description="The model, as fastembed calls it, such as "
        "sentence-transformers/all-MiniLM-L6-v2; without one, words alone are compared.",
    )
    folder: Path | None = Field(
        default=None,
        description="A folder with the model's model.onnx and tokenizer; without one, fastembed "
        "downloads the model when it is first used.",
    )
    threads: int = Field(default=1, ge=1, le=64, description="Threads the model may use.")


def _colour_field(name: str, what: str) -> Any:
    return Field(default=getattr(Look(), name), description=what)


class LookSettings(Options):
    """[look]: how mails and pages look."""

    templates: Path | None = Field(
        default=None,
        description="A folder of your own templates and translations, which go before ours.",
    )
    logo: ImageUrl | None = Field(
        default=None, description="The https URL of an image above the title."
    )
    logo_alt: str = Field(
        default="", max_length=LONGEST_LINE, description="What it says where it is not shown."
    )
    logo_width: int = Field(default=120, ge=16, le=552, description="Its width in pixels.")
    fonts: Fonts = Field(
        default=FONTS, description="The fonts, by order of preference; none is fetched."
    )
    footer: str = Field(
        default="", max_length=500, description="A line of your own at the end of every mail."
    )
    page: Colour = _colour_field("page", "The colour around the sheet.")
    sheet: Colour = _colour_field("sheet", "Behind the papers.")
    ink: Colour = _colour_field("ink", "Of text.")
    soft: Colour = _colour_field("soft", "Of text of second rank.")
    link: Colour = _colour_field("link", "Of links and titles.")
    rule: Colour = _colour_field("rule", "Of lines between papers.")
    chip: Colour = _colour_field("chip", "Behind a topic's name.")
    chip_ink: Colour = _colour_field("chip_ink", "Of a topic's name.")
    note: Colour = _colour_field("note", "Of the bar beside an editor's note.")
    dark_page: Colour = _colour_field("dark_page", "As page, where the reader's screen is dark.")
    dark_sheet: Colour = _colour_field("dark_sheet", "As sheet, in the dark.")
    dark_ink: Colour = _colour_field("dark_ink", "As ink, in the dark.")
    dark_soft: Colour = _colour_field("dark_soft", "As soft, in the dark.")
    dark_link: Colour = _colour_field("dark_link", "As link, in the dark.")
    dark_rule: Colour = _colour_field("dark_rule", "As rule, in the dark.")
    dark_chip: Colour = _colour_field("dark_chip", "As chip, in the dark.")
    dark_chip_ink: Colour = _colour_field("dark_chip_ink", "As chip_ink, in the dark.")
