"""The picks that were looked at by eye: which papers, in which order, and why.

Of the 70 saved papers they stand in `picks.json` with titles. Of recorded days, which are measured
with but never committed, what stands there is a hash of each paper's id.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from newsletter import catalogue
from newsletter.papers import Observation, Paper
from newsletter.pipeline.candidates import Terms, ranked
from newsletter.rendering.tex import to_unicode
from newsletter.resources import folder
from newsletter.selection import Field, Wishes
from newsletter.snapshot import Masthead
from newsletter.sources.port import Answer, Ask
from newsletter.store.papers import Kept
from newsletter.topics import Catalogue
from tests.mail.recorded import DAYS, Recorded
from tests.seed_papers import ANY_DAY, seed_papers

HERE = Path(__file__).parent
READERS = {
    "alignment": ("alignment", "preference-optimisation", "rlhf"),
    "vision": ("vision-language", "video-understanding", "3d-vision"),
    "agents": ("agents", "code-generation"),
    "two interests": ("robotics", "speech-and-audio"),
    "small budgets": ("low-rank-adaptation", "parameter-efficient-tuning", "efficient-training"),
    "images": ("diffusion", "image-generation"),
    "whatever is trending": (),
}


@pytest.fixture(scope="module")
def topics() -> Catalogue:
    return catalogue.load(folder("seeds") / "topics.toml")


def terms() -> Terms:
    masthead = Masthead(
        title="T",
        from_name="T",
        from_address="t@example.org",
        reply_to="t@example.org",
        bounces="t@example.org",
        list_id="t.example.org",
        domain="example.org",
    )
    return Terms(masthead=masthead, imprint="", zone=ZoneInfo("UTC"), window=timedelta(days=7))


def chosen(kept: list[Kept], older: list[Paper], topics: Catalogue, now: datetime) -> Any:
    """The digests of READERS: each paper's title and the topics it was picked for."""
    found = ranked(kept, {}, topics, older, terms(), now)
    titles = {one.paper.id: to_unicode(one.paper.title) for one in found}
    field = Field([one.candidate for one in found], now.date())
    selections = field.select([Wishes(follows=frozenset(one)) for one in READERS.values()])
    return {
        name: [[pick.paper_id, titles[pick.paper_id], list(pick.reasons)] for pick in one.picks]
        for name, one in zip(READERS, selections, strict=True)
    }


def seeds(topics: Catalogue) -> Any:
    now = ANY_DAY + timedelta(hours=6)
    kept = [
        Kept(
            paper=paper,
            first_seen_at=ANY_DAY,
            observations=(
                Observation(
                    paper_id=paper.id, source="page", at=ANY_DAY, position=at, of=len(seed_papers())
                ),
            ),
        )
        for at, paper in enumerate(seed_papers(), start=1)
    ]
    return {
        name: [[title, reasons] for _, title, reasons in picks]
        for name, picks in chosen(kept, [], topics, now).items()
    }


def recorded() -> Iterator[Kept]:
    """The papers of three days, each seen in the list of its day the evening before the next."""
    for day in DAYS:
        source = Recorded(day)
        at = datetime.combine(date.fromisoformat(day), time(22), UTC)
        ask = Ask(since=date.fromisoformat(day), until=date.fromisoformat(day))
        for request in source.requests(ask, {}, at):
            with Path(request.location).open("rb") as body:
                for harvest in source.read(request, Answer(where=request.location, body=body), at):
                    seen = {one.paper_id: one for one in harvest.observations}
                    for paper in harvest.papers:
                        yield Kept(paper=paper, first_seen_at=at, observations=(seen[paper.id],))


def hashed(digests: Any) -> Any:
    return {
        name: [[sha256(paper.encode()).hexdigest()[:12], reasons] for paper, _, reasons in picks]
        for name, picks in digests.items()
    }


def test_the_picks_of_the_saved_page_are_those_looked_at(
    topics: Catalogue, golden_rewrite: bool
) -> None:
    """With the reason of each."""
    compare("seeds", seeds(topics), rewrite=golden_rewrite)


@pytest.mark.skipif(not DAYS, reason="NEWSLETTER_WIRE names no folder of recorded answers.")
@pytest.mark.parametrize("day", DAYS)
def test_the_picks_of_recorded_days_are_those_looked_at(
    topics: Catalogue, golden_rewrite: bool, day: str
) -> None:
    """As of the morning after, of that day and those before it."""
    now = datetime.combine(date.fromisoformat(day) + timedelta(days=1), time(6), UTC)
    kept = [one for one in recorded() if one.first_seen_at <= now]
    compare(day, hashed(chosen(kept, [], topics, now)), rewrite=golden_rewrite)


def compare(name: str, digests: Any, *, rewrite: bool) -> None:
    file = HERE / "picks.json"
    golden = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    if rewrite:
        golden[name] = digests
        text = json.dumps(golden, indent=1, ensure_ascii=False, sort_keys=True)
        file.write_text(f"{text}\n", encoding="utf-8")
    assert golden[name] == digests
