"""Selection once more, for one reader in plain Python: the oracle of `newsletter.selection`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date

from newsletter.papers import PaperId
from newsletter.selection import Candidate, Weights, Wishes
from newsletter.selection.batch import SPARE, WHOLE
from newsletter.selection.field import fresh


def picks(
    candidates: Sequence[Candidate],
    day: date,
    reader: Wishes,
    longest: int,
    hidden: Collection[PaperId] = (),
    sizes: Mapping[PaperId, int] | None = None,
    room: int = 0,
    weights: Weights = Weights(),  # noqa: B008  frozen
) -> list[PaperId]:
    """The papers of a digest, in its order; `longest` is the longest digest of the batch."""
    shown = [one for one in candidates if one.paper_id not in hidden]
    slugs = sorted({slug for one in shown for slug in one.matches})
    whole = [
        {slug: max(1, round(share * WHOLE)) for slug, share in one.matches.items()} for one in shown
    ]
    weight = [
        max(1, round(one.trend * fresh((day - one.seen).days, weights.fresh) * WHOLE))
        for one in shown
    ]
    muted = [not reader.mutes.isdisjoint(one.matches) for one in shown]
    had = [one.paper_id in reader.had for one in shown]

    def best_topic(at: int) -> tuple[int, str]:
        mine = [slug for slug in slugs if slug in whole[at]]
        if reader.follows:
            mine = [slug for slug in mine if slug in reader.follows]
        return max(
            ((whole[at][slug], slug) for slug in mine), key=lambda one: one[0], default=(0, "")
        )

    match = [best_topic(at)[0] if reader.follows else WHOLE for at in range(len(shown))]
    fits = [(match[at] > 0 or shown[at].pinned) and not muted[at] for at in range(len(shown))]
    score = []
    for at, one in enumerate(shown):
        sure = WHOLE if one.pinned else match[at]
        found = sure * weight[at] if fits[at] else 0
        if found and one.paper_id in reader.fit:
            found = max(1, round(found * reader.fit[one.paper_id]))
        score.append(found)
    free = [at for at in range(len(shown)) if fits[at] and not had[at]]
    forced = set()
    for slug in reader.starved:
        mine = [at for at in free if slug in whole[at]]
        if mine:
            forced.add(max(mine, key=lambda at: (score[at], -at)))

    def by_score(at: int) -> tuple[bool, int, int]:
        return not shown[at].pinned, -score[at], at

    forced = {at for at in forced if not shown[at].pinned}
    free.sort(key=lambda at: (at not in forced, *by_score(at)))
    listed = sorted(free[: longest + SPARE], key=by_score)
    said: Counter[str] = Counter()
    worth: dict[int, float] = {}
    for at in listed:
        topic = "" if shown[at].pinned else best_topic(at)[1]
        worth[at] = score[at] * weights.repeat ** said[topic] if topic else float(score[at])
        said[topic] += bool(topic)

    def by_worth(at: int) -> tuple[bool, float, int]:
        return not shown[at].pinned, -worth[at], listed.index(at)

    chosen = sorted(listed, key=lambda at: (not shown[at].pinned, at not in forced, *by_worth(at)))
    chosen = sorted(chosen[: reader.length], key=by_worth)
    if reader.discover and reader.follows:
        other = [at for at in range(len(shown)) if not (fits[at] or muted[at] or had[at])]
        if other:
            new = max(other, key=lambda at: (weight[at], -at))
            if len(chosen) < reader.length:
                chosen = [*chosen, new]
            elif reader.length > 1 and not (shown[chosen[-1]].pinned or chosen[-1] in forced):
                chosen[-1] = new
    if sizes is not None:
        total, kept = 0, 0
        for at in chosen:
            total += sizes[shown[at].paper_id]
            if total > room:
                break
            kept += 1
        chosen = chosen[: max(1, kept)]
    return [shown[at].paper_id for at in chosen]
