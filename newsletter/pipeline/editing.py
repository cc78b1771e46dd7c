"""The editor's verbs: add a paper by hand, pin, hide, remark. Each is kept with who and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from newsletter import plain
from newsletter.editor import NO_HAND, Act, Entry, Hand, hand
from newsletter.errors import RequestError, SourceError
from newsletter.identity import arxiv_id, doi_id, identify, parse, scheme
from newsletter.papers import Paper, PaperId
from newsletter.sources import NEWS, ArxivSource, CitationSource, Fetcher, Source
from newsletter.store import editor_acts, locks, papers
from newsletter.store.database import Connection, Database
from newsletter.store.withdrawals import Withdrawn, withdraw

EDITOR = "editor"  # the source of what a person typed
TRUST = 90  # a person looked; see merging.py
LONGEST_NOTE = 500  # characters: a line to readers, not a column


@dataclass(frozen=True, kw_only=True)
class Edited:
    """What an act did."""

    paper: Paper
    before: Hand = NO_HAND  # what acts before this one came to
    is_new: bool = False  # whether the paper was not here before
    withdrawn: Withdrawn | None = None  # from deliveries composed before


@dataclass(frozen=True, kw_only=True)
class Typed:
    """What a person says of a paper, instead of asking for it."""

    title: str = ""
    abstract: str = ""
    authors: tuple[str, ...] = ()


def edit(
    database: Database, name: str, act: Act, *, by: str, now: datetime, words: str = ""
) -> Edited:
    """Does one act to a paper that is here; raises RequestError."""
    note = plain.line(words, LONGEST_NOTE)
    if len(words) > LONGEST_NOTE:
        raise RequestError(f"A note has at most {LONGEST_NOTE} characters.")
    with database.write() as connection:
        locks.papers_change(connection)
        paper_id = papers.find(connection, name)
        before = hand(editor_acts.of(connection, paper_id))
        _record(connection, paper_id, act, note, by, now)
        gone = withdraw(connection, paper_id) if act is Act.HIDE else None
        kept = papers.get(connection, paper_id).paper
        return Edited(paper=kept, before=before, withdrawn=gone)


def add(
    database: Database,
    fetcher: Fetcher,
    arxiv: ArxivSource,
    target: str,
    typed: Typed,
    *,
    by: str,
    now: datetime,
) -> Edited:
    """Adds the paper of an arXiv id, DOI or address, as told by its page or as typed.

    Raises RequestError for what names no paper, SourceError where its page does not tell.
    """
    named = parse(target)
    if named is None:
        raise RequestError(
            f"{target!r} names no paper; give an arXiv id such as 2403.01234, a DOI, or the "
            "address of its page."
        )
    if plain.line(typed.title):
        source, trust, paper = EDITOR, TRUST, _typed(target, typed)
    else:
        chosen, paper = _asked(fetcher, arxiv, target, named, now)
        source, trust = chosen.name, chosen.trust
    with database.write() as connection:
        put = papers.put(connection, [paper], now, source=source, trust=trust)
        paper_id = put.ids[paper.id]
        before = hand(editor_acts.of(connection, paper_id))
        _record(connection, paper_id, Act.ADD, "", by, now)
        kept = papers.get(connection, paper_id).paper
    return Edited(paper=kept, before=before, is_new=put.new == 1)


def _asked(
    fetcher: Fetcher, arxiv: ArxivSource, target: str, named: PaperId, now: datetime
) -> tuple[Source, Paper]:
    """What arXiv, or the paper's own page, tells of it."""
    if scheme(named) == "arxiv":
        source: Source = arxiv
        requests = [arxiv.one(named.removeprefix("arxiv:"))]
    else:
        address = plain.url(target) or f"https://doi.org/{_bare_doi(target)}"
        source = CitationSource(address)
        requests = list(source.requests(NEWS, {}, now))
    told = ""
    while requests:
        request = requests.pop(0)
        with fetcher.open(request) as answer:
            for harvest in source.read(request, answer, now):
                if harvest.papers:
                    return source, harvest.papers[0]
                requests += harvest.more
                told = next(iter(harvest.refused), told)
    raise SourceError(f"no such paper ({told or 'an empty answer'}).", where=target)


def _typed(target: str, typed: Typed) -> Paper:
    title = plain.line(typed.title)
    names = identify(arxiv=target, doi=target, link=target, title=title)
    arxiv = arxiv_id(target)
    page = f"https://arxiv.org/abs/{arxiv.removeprefix('arxiv:')}" if arxiv else plain.url(target)
    if page is None and doi_id(target) is not None:
        page = f"https://doi.org/{_bare_doi(target)}"
    return Paper(
        id=names[0],
        aliases=names[1:],
        title=title,
        abstract=plain.line(typed.abstract, plain.LONGEST_TEXT),
        authors=tuple(plain.line(name, plain.LONGEST_NAME) for name in typed.authors),
        url=page,
    )


def _bare_doi(target: str) -> str:
    """A DOI as it was typed, without what may stand before it."""
    return target[target.index("10.") :].strip()


def _record(
    connection: Connection, paper_id: PaperId, act: Act, words: str, by: str, now: datetime
) -> None:
    editor_acts.record(
        connection, Entry(paper_id=paper_id, act=act, words=words, by=by[:64], at=now)
    )
