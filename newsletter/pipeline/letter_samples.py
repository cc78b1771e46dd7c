"""Writes a letter of every kind to a made-up reader, and has it judged as an issue's mails are.

Templates that hold in digests may be broken in letters, and nobody sees it before a reader does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from newsletter.errors import TemplateError
from newsletter.message import Message
from newsletter.pipeline import sample_words
from newsletter.pipeline.letters import CONFIRM_WITHIN, Desk, letter_to, mail_of, state_for
from newsletter.preflight import checks
from newsletter.preflight.findings import Finding, Level, fatal
from newsletter.preflight.house import House
from newsletter.preflight.mail import Mail
from newsletter.rendering.letters import Account, Letter
from newsletter.store.letters import LetterKind, Waiting
from subscribers.model import Consent, Preferences, Subscriber
from subscribers.tokens import Purpose

CHECK = "letter"
ADDRESS = "reader@example.org"
WITH_PAGES = (LetterKind.PREFERENCES, LetterKind.CHANGE)  # their link leads to readers' pages
_COUNTS = (("sent", 1000), ("failed", 1))
_REASONS = {"failed": [("refused: 550 no", 1)]}


@dataclass(frozen=True, kw_only=True)
class Judges:
    """What letters are judged by."""

    house: House
    records: Mapping[str, str] = field(default_factory=dict)  # of our DKIM keys, by their names
    pages_only: bool = False  # what templates decide, and nothing else


def judge(desk: Desk, judges: Judges, now: datetime, languages: Sequence[str]) -> Iterator[Finding]:
    """What is wrong with letters; one that cannot be written is a finding with file and line."""
    mails = []
    for code in languages:
        for kind in LetterKind:
            if kind in WITH_PAGES and not desk.masthead.pages:
                continue  # there is none then
            name = f"{kind} in {code}"
            try:
                content = _written(desk, kind, code, now).content
            except TemplateError as error:
                yield fatal(CHECK, str(error), "`newsletter templates check` tells more.", name)
                continue
            mails.append(Mail(content=content, recipient=ADDRESS, reader=name))
    if judges.pages_only:
        yield from checks.of_pages(mails, judges.house)
    else:
        yield from checks.of_letters(mails, judges.house, judges.records, now)


def _written(desk: Desk, kind: LetterKind, code: str, now: datetime) -> Message:
    if kind is LetterKind.REPORT:
        account = Account(day=now.date(), counts=_COUNTS, reasons=_REASONS)
        return _sample(desk, kind, desk.letters.report(code, account), now)
    if kind is LetterKind.REVIEW:
        return _sample(desk, kind, desk.letters.review(code, sample_words.review(now)), now)
    if kind is LetterKind.ALERT:
        return _sample(desk, kind, desk.letters.alert(code, sample_words.alarm(now)), now)
    if kind is LetterKind.CHANGE:
        ends = int((now + CONFIRM_WITHIN).timestamp())
        url = f"{desk.masthead.pages}/change/{desk.signer.sign(Purpose.CHANGE, 0, 0, ends)}"
        return _sample(desk, kind, desk.letters.change(code, url, CONFIRM_WITHIN.days), now)
    reader = Subscriber(
        id=0,
        address=ADDRESS,
        state=state_for(kind),
        preferences=Preferences(language=code),
        consent=Consent(at=now, form="sample"),
    )
    return letter_to(desk, kind, reader, now, first=True)


def _sample(desk: Desk, kind: LetterKind, letter: Letter, now: datetime) -> Message:
    waiting = Waiting(
        id=0,
        key=f"{kind}/sample",
        kind=kind,
        subscriber_id=None,
        address=ADDRESS,
        queued_at=now,
        tries=0,
    )
    return mail_of(desk, waiting, letter, ADDRESS, "")


def beside(found: Sequence[Finding], letters: Iterator[Finding]) -> Iterator[Finding]:
    """The findings of letters that say more than those of an issue, which they do not hold up."""
    known = {(one.check, one.says) for one in found}
    for one in letters:
        if (one.check, one.says) not in known:
            yield replace(one, level=Level.WARNING)
