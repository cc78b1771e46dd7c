"""preflight: builds a sample of an issue's mails as `send` would, and has them judged.

Gathers only: what is right and wrong stands in `newsletter.preflight`. Nothing is sent or changed.
`clear` is what `send` asks: it judges an issue once, before the first mail of it leaves.
"""

from __future__ import annotations

import json
import random
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from newsletter.dkim import MailSigner
from newsletter.doctor.findings import Finding as Examined
from newsletter.issue import Issue
from newsletter.papers import PaperId
from newsletter.pipeline import letter_samples
from newsletter.pipeline.digests import Edition
from newsletter.pipeline.letters import Desk
from newsletter.preflight import accounting, checks, compare, dns, scores, sender, signature, spam
from newsletter.preflight.accounting import Accounts, Figures, Group, Since
from newsletter.preflight.findings import Finding, fatal, merged
from newsletter.preflight.house import House, host_of, hosts_of
from newsletter.preflight.mail import Mail
from newsletter.preflight.report import Built, Report
from newsletter.store import issues, ledger, papers, preflights
from newsletter.store.database import Connection, Database
from newsletter.store.ledger import Cleared, Entry
from newsletter.store.operator_acts import NOTHING
from newsletter.store.preflights import Alike
from subscribers.addresses import shown
from subscribers.tokens import Signer

SAMPLE = 100  # readers chosen at random, besides the shortest, the longest and the median mail
LONGEST_READER = 40  # characters of an address in a finding


@dataclass(frozen=True, kw_only=True)
class Means:
    """What a preflight works with, as the settings have it."""

    signer: Signer  # of links
    house: House
    mail_signer: MailSigner | None = None
    records: Mapping[str, str] = field(default_factory=dict)  # of our DKIM keys, by their names
    filters: Mapping[str, str] = field(default_factory=dict)  # spam.filters(), where asked for
    dns: Callable[[], tuple[Examined, ...]] = tuple  # asks about the sender, once a process
    desk: Desk | None = None  # what letters are written with, which are judged, too


def preflight(database: Database, means: Means, issue: Issue, now: datetime) -> Report:
    """Judges an issue; the same sample whenever it is asked for."""
    with database.read() as connection:
        house = _house(connection, means.house, issue)
        since = Since(
            not_due=preflights.not_due(connection, issue.id),
            left=preflights.left(connection, issue.id),
            suppressed=ledger.count_silenced(connection, issue.id, now),
        )
        accounts, typical = _account(connection, issue, since)
        sample = _sample(connection, issue, typical)
        earlier = issues.before(connection, issue)
        readers = [entry.subscriber_id for _, entry in sample]
        before = None if earlier is None else _figures_of(connection, means, earlier, readers)
    edition = Edition(issue, means.signer, means.mail_signer)
    found: list[Finding] = [*sender.check(house), *accounting.check(accounts, issue.name)]
    mails = list(_mails(edition, sample, found))
    found += checks.of_mails(
        (mail for _, mail, _ in mails), house, means.records, issue.composed_at, now
    )
    found += _letters(means, issue, found, now)
    median = next((mail for why, mail, _ in mails if why == "median"), None)
    figures = _figures(issue, accounts, mails)
    if before is not None:
        found += compare.check(figures, before)
    verdicts = [
        spam.ask(name, program, median.content)
        for name, program in means.filters.items()
        if median is not None
    ]
    found += [one for verdict in verdicts for one in scores.check(verdict)]
    examined = means.dns()
    found += dns.check(examined)
    return Report(
        issue=issue.name,
        findings=merged(found),
        mails=tuple(
            Built(reader=mail.reader, why=why, octets=len(mail.content)) for why, mail, _ in mails
        ),
        accounts=accounts,
        figures=figures,
        before=before,
        verified=signature.VERIFIES and means.mail_signer is not None,
        scores=tuple(verdicts),
        dns=examined,
    )


@dataclass(frozen=True, kw_only=True)
class Clearance:
    """Which issues may go now, and what was found of those that were judged."""

    passed: tuple[Report, ...]
    refused: tuple[Report, ...]
    cleared: Cleared


def clear(
    database: Database,
    judge: Callable[[Issue], Report],
    now: datetime,
    *,
    subscriber_id: int | None = None,
    early: bool = False,
    force: bool = False,
) -> Clearance:
    """Judges every issue that something is due of (or `early`, waits) and nothing was sent of.

    So an issue is judged once, however often `send` is run; with `force`, what may be overridden
    refuses none. Issues composed after this are not cleared.
    """
    with database.read() as connection:
        up_to = issues.newest_id(connection)
        waiting = preflights.unbegun(connection, now, subscriber_id=subscriber_id, early=early)
        chosen = [issues.by_id(connection, one) for one in waiting]
    reports = [(issue, judge(issue)) for issue in chosen]
    refused = [(issue, one) for issue, one in reports if not one.passes(force=force)]
    return Clearance(
        passed=tuple(one for _, one in reports if one.passes(force=force)),
        refused=tuple(one for _, one in refused),
        cleared=Cleared(up_to=up_to, without=frozenset(issue.id for issue, _ in refused)),
    )


def _letters(means: Means, issue: Issue, found: list[Finding], now: datetime) -> list[Finding]:
    """What is wrong with letters in the issue's languages, where nothing like it was found yet."""
    if means.desk is None:
        return []
    known = means.desk.letters.languages()
    languages = [code for code in issue.snapshot.shells if code in known]
    judges = letter_samples.Judges(house=means.house, records=means.records)
    return list(
        letter_samples.beside(found, letter_samples.judge(means.desk, judges, now, languages))
    )


def _house(connection: Connection, house: House, issue: Issue) -> House:
    """The house as the issue has it, with the hosts of its papers."""
    masthead = issue.snapshot.masthead
    names = issues.names_of(connection, issue)
    known = papers.of(connection, {*map(PaperId, names), *names.values()})
    return replace(
        house,
        address=masthead.from_address,
        reply_to=masthead.reply_to,
        list_id=masthead.list_id,
        domain=masthead.domain,
        pages_host=host_of(masthead.pages),
        paper_hosts=hosts_of(
            url
            for paper in known
            for url in (
                *(paper.url, paper.pdf_url, paper.code_url, paper.project_url),
                *(paper.discussion_url, paper.thumbnail_url, *paper.media_urls),
            )
        ),
    )


def _account(
    connection: Connection, issue: Issue, since: Since | None = None
) -> tuple[Accounts, _Typical]:
    """Counts an issue's deliveries and weighs their mails, in one pass that holds none of them."""
    typical = _Typical(preflights.weights(connection, issue.id), issue)

    def groups() -> Iterator[Group]:
        for one in preflights.alike(connection, issue.id):
            picks = json.loads(one.picks)
            typical.add(one, picks)
            topics = tuple([tuple(slugs) for _, _, slugs in picks])
            yield Group(readers=one.number, topics=topics, reason=one.reason)

    return accounting.account(groups(), since or Since()), typical


class _Typical:
    """Finds the median, shortest and longest mail, by what papers and reasons weigh."""

    def __init__(self, weights: Mapping[int, int], issue: Issue) -> None:
        self._weights = weights
        self._chips = {slug: len(chip.html) for slug, chip in issue.snapshot.chips.items()}
        self._kept = tuple(array("q") for _ in range(3))  # number, example, weight

    def add(self, one: Alike, picks: Iterable[tuple[int, float, Collection[str]]]) -> None:
        """Takes in some deliveries that are alike."""
        if one.picks == NOTHING:
            return
        weight = sum(
            self._weights.get(place, 0) + sum([self._chips.get(slug, 0) for slug in slugs])
            for place, _, slugs in picks
        )
        for column, value in zip(self._kept, (one.number, one.example, weight), strict=True):
            column.append(value)

    @property
    def readers(self) -> int:
        """How many have papers."""
        return sum(self._kept[0])

    def found(self) -> tuple[int | None, int | None, int | None]:
        """The deliveries of the median, shortest and longest mail."""
        number, example, weight = (np.frombuffer(column, np.int64) for column in self._kept)
        if not len(number):
            return None, None, None
        order = np.lexsort((number, example, weight))
        reached = np.cumsum(number[order])
        middle = int(np.searchsorted(2 * reached, reached[-1]))
        median, shortest, longest = (int(example[order[at]]) for at in (middle, 0, -1))
        return median, shortest, longest


def _sample(connection: Connection, issue: Issue, typical: _Typical) -> list[tuple[str, Entry]]:
    """Why each was chosen, and the delivery; each delivery once."""
    median, *ends = typical.found()
    if median is None:
        return []
    chosen = {median: "median"}  # with few readers it may be the shortest or the longest too
    for why, one in zip(("shortest", "longest"), ends, strict=True):
        if one is not None:
            chosen.setdefault(one, why)
    for one in _drawn(connection, issue, typical.readers):
        chosen.setdefault(one, "sample")
    return [(chosen[one.id], one) for one in ledger.by_ids(connection, list(chosen))]


def _drawn(connection: Connection, issue: Issue, readers: int) -> list[int]:
    """Some deliveries by chance, the same whenever it is asked."""
    chance = random.Random(f"preflight of {issue.name}")  # noqa: S311  no secret: a fair sample
    places = chance.sample(range(readers), min(SAMPLE, readers))
    wanted = set(places)
    found = {
        at: one
        for at, one in enumerate(preflights.with_picks(connection, issue.id))
        if at in wanted
    }
    return [found[at] for at in places]


Chosen = tuple[str, Mail, str]  # why, the mail, its subject


def _mails(
    edition: Edition, sample: Iterable[tuple[str, Entry]], found: list[Finding]
) -> Iterator[Chosen]:
    """The mails of a sample; one that cannot be built becomes a finding."""
    for why, entry in sample:
        reader = shown(entry.address, LONGEST_READER)
        try:
            message = edition.message(entry)
        except Exception as failure:
            found.append(
                fatal(
                    "build",
                    f"A mail cannot be built: {type(failure).__name__}: {failure}.",
                    "Report it; the issue's frozen cards do not fit this version.",
                    reader,
                )
            )
            continue
        mail = Mail(content=message.content, recipient=message.recipient, reader=reader)
        yield why, mail, message.subject


def _figures_of(
    connection: Connection, means: Means, issue: Issue, readers: Collection[int]
) -> Figures:
    """The figures of an earlier issue, and what these readers' mails of it were called."""
    accounts, typical = _account(connection, issue)
    median, *_ = typical.found()
    same = preflights.of_readers(connection, issue.id, readers)
    ids = [*([median] if median is not None else []), *(one for one in same if one != median)]
    sample = [
        ("median" if one.id == median else "sample", one) for one in ledger.by_ids(connection, ids)
    ]
    mails = list(_mails(Edition(issue, means.signer, means.mail_signer), sample, []))
    return _figures(issue, accounts, mails)


def _figures(issue: Issue, accounts: Accounts, mails: Collection[Chosen]) -> Figures:
    return Figures(
        issue=issue.name,
        readers=accounts.readers,
        reached=accounts.reached,
        mean=accounts.mean,
        octets=next((len(mail.content) for why, mail, _ in mails if why == "median"), 0),
        subjects=frozenset((mail.recipient, subject) for _, mail, subject in mails),
    )
