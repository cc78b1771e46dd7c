"""The noun templates: what mails are drawn with, and an operator's own in their place."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from newsletter import pipeline
from newsletter.app import App
from newsletter.cli.options import pass_app
from newsletter.cli.show import as_json, counted, dump, say, table
from newsletter.errors import RequestError, TemplateError
from newsletter.preflight.findings import Level, merged
from newsletter.rendering.templates import PAGES
from newsletter.resources import folder

SUFFIXES = (".mjml", ".html", ".txt", ".css")


@click.group()
def templates() -> None:
    """What mails are drawn with; look.templates names a folder of your own."""


@templates.command("list", epilog="Example: newsletter templates list")
@as_json
@pass_app
def list_(app: App, as_json: bool) -> None:
    """List templates and languages, and whose of each counts."""
    ours = folder("templates")
    rows = []
    for name in _names(ours):
        found = app.templates.find(name)
        rows.append({"template": name, "yours": not found.is_relative_to(ours), "file": str(found)})
    if as_json:
        dump({"templates": rows, "languages": app.templates.known_languages()})
        return
    table(
        ["Template", "Whose"],
        [[row["template"], "yours" if row["yours"] else "ours"] for row in rows],
    )
    say(f"Languages: {', '.join(app.templates.known_languages())}.")


@templates.command(epilog="Example: newsletter templates export mine digest/card.html")
@click.argument("place", metavar="FOLDER", type=click.Path(path_type=Path, file_okay=False))
@click.argument("names", metavar="[TEMPLATE]...", nargs=-1)
def export(place: Path, names: tuple[str, ...]) -> None:
    """Copy our templates into FOLDER to be changed, all or those named; no file is overwritten."""
    ours = folder("templates")
    known = _names(ours)
    for name in names:
        if name not in known:
            raise RequestError(
                f"There is no template {name!r}. `newsletter templates list` shows all."
            )
    written = 0
    for name in names or known:
        target = place / name
        if target.exists():
            say(f"Left alone: {target} is there already.")
            continue
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ours / name).read_bytes())
        except OSError as error:
            raise RequestError(f"{target} cannot be written: {error.strerror}.") from error
        written += 1
    say(f"Wrote {counted(written, 'template')} into {place}. Set look.templates to that folder.")


@templates.command(epilog="Example: newsletter templates check")
@pass_app
def check(app: App) -> None:
    """Draw every mail in every language, and tell the first mistake with file and line.

    Letters are judged as a preflight judges an issue: links, HTML, contrast, size.
    """
    app.templates.language(app.settings.language)
    languages = app.templates.known_languages()
    own = app.templates.folders[0]
    strange = sorted(
        str(file.relative_to(own))
        for file in own.rglob("*")
        if file.suffix in SUFFIXES and str(file.relative_to(own)) not in _names(folder("templates"))
    )
    now = datetime.now(UTC)
    pipeline.draw_samples(app.renderer, app.desk, now, languages)
    judges = pipeline.Judges(house=app.means().house, pages_only=True)
    found = merged(pipeline.judge_letters(app.desk, judges, now, languages))
    wrong = [one for one in found if one.level is not Level.WARNING]
    for one in found:
        if one not in wrong[:1]:
            say(f"{one.level.capitalize()}: {one.says} ({one.where})")
    if wrong:
        first, frame = wrong[0], app.templates.find("letters/frame.mjml")
        raise TemplateError(f"Template {frame}: {first.says} ({first.where}) {first.do}")
    for name in _names(folder("templates")):
        if name.startswith(PAGES):
            app.templates.parse(name)
    for name in strange:
        say(f"Not used: {own / name} overrides none of our templates.")
    say(f"All mails can be drawn and all pages read, in {', '.join(languages)}.")


def _names(ours: Path) -> list[str]:
    return sorted(
        str(file.relative_to(ours)) for file in ours.rglob("*") if file.suffix in SUFFIXES
    )
