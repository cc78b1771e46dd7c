"""Every setting there is: its group, type, default, and one sentence on what it does.

Where the values come from is `config.py`'s; the tables of transports and sources are checked by
their own rooms.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, model_validator

from newsletter.options import Options
from newsletter.settings.publication import (
    TITLE,
    IssueSettings,
    LookSettings,
    SelectionSettings,
    SemanticSettings,
)
from newsletter.settings.sending import DeliverySettings, DkimSettings, DoctorSettings, Sender
from newsletter.settings.service import (
    Database,
    HttpSettings,
    LogSettings,
    MetricsSettings,
    PagesSettings,
    ReportSettings,
    RetentionSettings,
    ScheduleSettings,
    WebhooksSettings,
)
from newsletter.settings.types import HOST, Language, Line, check_url

__all__ = ["HOST", "Settings", "check_url"]


Tables = dict[str, dict[str, Any]]


def _default_sources() -> Tables:
    return {"huggingface": {}, "arxiv": {}}


class Settings(Options):
    """All of newsletter.toml."""

    title: Line = Field(
        default=TITLE, description="The publication's name, in the header of every mail."
    )
    secret: SecretStr | None = Field(
        default=None,
        description="The key that signs links; by default one is made beside the database.",
    )
    secret_file: Path | None = Field(
        default=None, description="A file whose first line is the key that signs links."
    )
    language: Language = Field(
        default="en", description="The language of readers who chose none: en, de, or your own."
    )
    topics: Path | None = Field(
        default=None, description="A topic catalogue of your own, in place of the built-in one."
    )
    database: Database = Database()
    sender: Sender = Sender()
    issue: IssueSettings = IssueSettings()
    selection: SelectionSettings = SelectionSettings()
    semantic: SemanticSettings = SemanticSettings()
    pages: PagesSettings = PagesSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    look: LookSettings = LookSettings()
    report: ReportSettings = ReportSettings()
    delivery: DeliverySettings = DeliverySettings()
    dkim: DkimSettings = DkimSettings()
    doctor: DoctorSettings = DoctorSettings()
    http: HttpSettings = HttpSettings()
    webhooks: WebhooksSettings = WebhooksSettings()
    retention: RetentionSettings = RetentionSettings()
    log: LogSettings = LogSettings()
    metrics: MetricsSettings = MetricsSettings()
    transports: Tables = Field(
        default_factory=lambda: {"maildir": {"path": "mail"}},
        description="One table a transport, [transports.NAME]; its kind is NAME where not given.",
    )
    domains: Tables = Field(
        default_factory=dict,
        description="One table a recipient domain that is sent no more than it says, such as "
        '[domains."example.org"]; [domains."*"] is for each that has none.',
    )
    sources: Tables = Field(
        default_factory=_default_sources,
        description="One table a source, [sources.NAME]; its kind is NAME where not given. "
        "Without any: huggingface and arxiv.",
    )

    @model_validator(mode="before")
    @classmethod
    def _name_is_title(cls, values: dict[str, Any]) -> dict[str, Any]:
        sender = values.get("sender", {})
        if "title" in values and isinstance(sender, dict):
            return values | {"sender": {"name": values["title"]} | sender}
        return values
