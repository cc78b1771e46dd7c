"""What the JSON API takes and gives, as OpenAPI describes it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from subscribers.model import LONGEST, Preferences, State, Subscriber, parse_days, parse_time

Slug = Annotated[str, Field(max_length=48)]


class Model(BaseModel):
    """Nothing is taken that is not named."""

    model_config = ConfigDict(extra="forbid")


class Failed(Model):
    """What was wrong, in words."""

    error: str


class Health(Model):
    """How it is."""

    papers: int
    newest_issue: date | None
    composed_at: datetime | None
    deliveries: dict[str, int] = Field(description="Of the newest issue, by state.")
    subscribers: dict[str, int] = Field(description="By state.")
    sources: dict[str, datetime | None] = Field(description="When each last succeeded.")
    open_deliveries: int


class TopicOut(Model):
    """A topic that can be followed."""

    slug: str
    name: str
    description: str
    finds: str
    papers_a_week: float


class PaperOut(Model):
    """A paper."""

    id: str
    title: str
    authors: list[str]
    abstract: str
    classes: list[str]
    published: date | None
    url: str | None
    pdf_url: str | None
    code_url: str | None
    votes: int | None
    trend: float | None = Field(description="In (0, 1], among today's papers; else null.")
    topics: dict[str, float] = Field(description="Topics with the strength of each match.")


class IssueOut(Model):
    """An issue."""

    day: date
    composed_at: datetime
    papers: list[str] = Field(description="Ids, the most trending first.")


class IssueRow(Model):
    """An issue in a list."""

    day: date
    composed_at: datetime
    papers: int


class PreferencesIn(Model):
    """What a reader wants; what is left out stays as it was, or is as by default."""

    topics: list[Slug] | None = Field(default=None, max_length=200)
    mutes: list[Slug] | None = Field(default=None, max_length=200)
    phrases: list[Annotated[str, Field(max_length=200)]] = Field(default=[], max_length=10)
    authors: list[Annotated[str, Field(max_length=200)]] = Field(default=[], max_length=10)
    at: str | None = Field(default=None, max_length=5, examples=["08:00"])
    zone: str | None = Field(default=None, max_length=64, examples=["Europe/Oslo"])
    days: str | None = Field(default=None, max_length=40, examples=["daily", "mon,wed,fri"])
    length: int | None = Field(default=None, ge=1, le=LONGEST)
    language: str | None = Field(default=None, max_length=16)
    discover: bool | None = None
    learn: bool | None = None
    clicks: bool | None = None
    paused_until: date | None = None

    def onto(self, before: Preferences, own: frozenset[str]) -> Preferences:
        """These wishes in place of those before; raises PreferenceError."""
        told = {
            name: value
            for name in ("zone", "length", "language", "discover", "learn", "clicks")
            if (value := getattr(self, name)) is not None
        }
        if self.topics is not None or own:
            kept = before.follows if self.topics is None else frozenset(self.topics)
            told["follows"] = kept | own
        if self.mutes is not None:
            told["mutes"] = frozenset(self.mutes)
        if self.at is not None:
            told["at"] = parse_time(self.at)
        if self.days is not None:
            told["days"] = parse_days(self.days)
        if "paused_until" in self.model_fields_set:
            told["paused_until"] = self.paused_until
        return Preferences(**(vars(before) | told))


class SubscribeIn(Model):
    """Somebody who asked for mail."""

    address: str = Field(max_length=320)
    preferences: PreferencesIn = PreferencesIn()


class Accepted(Model):
    """The owner of the address is asked, whether it was known here or not."""

    accepted: bool = True


class SubscriberOut(Model):
    """A subscriber."""

    id: int
    address: str
    state: State
    topics: list[str]
    mutes: list[str]
    at: str
    zone: str
    days: list[int] = Field(description="0 is Monday.")
    length: int
    language: str
    discover: bool
    learn: bool
    clicks: bool
    paused_until: date | None
    consent_at: datetime
    consent_form: str

    @classmethod
    def of(cls, one: Subscriber) -> SubscriberOut:
        """As the API tells one."""
        wants = one.preferences
        return cls(
            id=one.id,
            address=one.address,
            state=one.state,
            topics=sorted(wants.follows),
            mutes=sorted(wants.mutes),
            at=f"{wants.at:%H:%M}",
            zone=wants.zone,
            days=sorted(wants.days),
            length=wants.length,
            language=wants.language,
            discover=wants.discover,
            learn=wants.learn,
            clicks=wants.clicks,
            paused_until=wants.paused_until,
            consent_at=one.consent.at,
            consent_form=one.consent.form,
        )


class DeliveryOut(Model):
    """What became of one reader's digest."""

    id: int
    subscriber_id: int
    state: str
    reason: str
    papers: int
    due_at: datetime
    sent_at: datetime | None


class EventOut(Model):
    """Something that happened to a subscription."""

    id: int
    subscriber_id: int
    kind: str
    at: datetime
    by: str
