"""The bridge by which an evaluation of selection measures the product's own functions.

`rank(case)` gives one score a candidate, higher is better. A case is an `evallib.Case`: `task`,
`candidates` with an `id` each, `now` (a day), and for T3 `signals`, what was visible of each
candidate at one look. Nothing is decided here: what is measured is what readers get.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from newsletter.papers import Observation, PaperId
from newsletter.trending import trends


def rank(case: Any) -> list[float]:
    """One score for each of `case.candidates`; raises NotImplementedError for T1 and T2."""
    if case.task != "T3":
        raise NotImplementedError(f"{case.task} is not bridged yet; only T3, the trend, is.")
    return _rank_by_trend(case)


def _rank_by_trend(case: Any) -> list[float]:
    """By trend, all candidates as one list, looked at once, when its day had run out."""
    day = date.fromisoformat(case.now[:10])
    at = datetime(day.year, day.month, day.day, 23, 59, tzinfo=UTC)
    names = [PaperId(f"arxiv:{paper.id}") for paper in case.candidates]
    signals = [case.signals[paper.id] for paper in case.candidates]
    found = trends(
        {
            name: [
                Observation(
                    paper_id=name,
                    source="huggingface",
                    at=at,
                    listed=day,
                    votes=int(told["upvotes"]),
                    comments=int(told["comments"] or 0),
                )
            ]
            for name, told in zip(names, signals, strict=True)
        },
        at,
        pictured={name for name, told in zip(names, signals, strict=True) if told["media"]},
    )
    return [found[name].score for name in names]
