"""Draws samples of every mail, for what is judged of templates and translations."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from newsletter.doctor import drawings
from newsletter.doctor.findings import Finding, error, warning
from newsletter.errors import TemplateError
from newsletter.pipeline.examining.parts import Installation, leaves
from newsletter.pipeline.letter_samples import Judges
from newsletter.pipeline.letter_samples import judge as judge_letters
from newsletter.pipeline.letters import Desk
from newsletter.pipeline.samples import draw_samples
from newsletter.preflight.findings import Level, merged
from newsletter.preflight.house import House, hosts_of
from newsletter.rendering import gaps
from newsletter.rendering.letters import Letters
from newsletter.rendering.templates import TRANSLATIONS
from newsletter.resources import folder
from newsletter.topics import Catalogue
from subscribers.tokens import Signer

SUFFIXES = (".mjml", ".html", ".txt", ".css")
PARTS = "parts/"  # they stand in others, and are read with them


def check(one: Installation, now: datetime) -> Iterator[Finding]:
    """Whether all templates compile and can be filled in, and translations are complete."""
    ours = folder("templates")
    names = _names()
    known = one.templates.known_languages()
    told = [problem for name in names for problem in _compiled(one, name)]
    told += [problem for code in known for problem in _language(one, code)]
    languages = [code for code in known if not list(_language(one, code))]
    if not told:
        told = [problem for code in languages for problem in _drawn(one, now, code)]
    yield from drawings.broken(told)
    if not told:
        own = sum(not one.templates.find(name).is_relative_to(ours) for name in names)
        yield drawings.sound(len(names), own, languages)
        yield from _letters(one, now, languages)
    yield from drawings.strange(_strange(one, names))
    yield from drawings.languages(_gaps(one, languages))
    if one.config.settings.language not in known:
        one.templates.language(one.config.settings.language)  # raises what it is


def _names() -> list[str]:
    """Our templates, those of which the operator may have an own."""
    ours = folder("templates")
    files = (str(file.relative_to(ours)) for file in ours.rglob("*") if file.suffix in SUFFIXES)
    return sorted(files)


def _strange(one: Installation, names: list[str]) -> Iterator[str]:
    own, ours = one.templates.folders[0], folder("templates")
    if own == ours:
        return
    for file in sorted(own.rglob("*")):
        if file.suffix in SUFFIXES and str(file.relative_to(own)) not in names:
            yield str(file)


def _compiled(one: Installation, name: str) -> Iterator[str]:
    if name.startswith(PARTS):
        return
    try:
        one.templates.parse(name)
    except TemplateError as problem:
        yield str(problem)


def _language(one: Installation, code: str) -> Iterator[str]:
    try:
        one.templates.language(code)
    except TemplateError as problem:
        yield str(problem)


def _drawn(one: Installation, now: datetime, code: str) -> Iterator[str]:
    try:
        draw_samples(one.renderer, _desk(one), now, [code])
    except TemplateError as problem:
        yield str(problem)


def _desk(one: Installation) -> Desk:
    """What letters are written with, but that what it signs is good for nothing."""
    settings = one.config.settings
    return Desk(
        letters=Letters(one.templates, one.masthead, settings.sender.postal_address),
        masthead=one.masthead,
        signer=Signer(b"samples of letters are signed with this"),
        topics=Catalogue(()),
        language=settings.language,
    )


def _letters(one: Installation, now: datetime, languages: list[str]) -> Iterator[Finding]:
    """What a preflight would say of letters, as far as templates decide it."""
    masthead, settings = one.masthead, one.config.settings
    house = House(
        address=masthead.from_address,
        reply_to=masthead.reply_to,
        list_id=masthead.list_id,
        domain=masthead.domain,
        postal_address=settings.sender.postal_address,
        web_hosts=hosts_of([settings.pages.url, settings.look.logo]),
        goes_out=leaves(one),
    )
    judges = Judges(house=house, pages_only=True)
    for found in merged(judge_letters(_desk(one), judges, now, languages)):
        what = f"{found.says} ({found.where})" if found.where else found.says
        made = warning if found.level is Level.WARNING else error
        yield made(drawings.LETTERS, what, found.do)


def _gaps(one: Installation, languages: list[str]) -> Iterator[drawings.Gaps]:
    messages = gaps.every()
    own = [place / TRANSLATIONS for place in one.templates.folders]
    for code in languages:
        yield drawings.Gaps(
            code=code,
            missing=tuple(gaps.missing(code, own, messages)),
            of=len(messages),
            configured=code == one.config.settings.language,
        )
