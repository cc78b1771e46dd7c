"""An operator's own templates, by the real command: exported, changed, broken, watched."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from newsletter.resources import folder
from tests import commands

SETTINGS = """
[look]
templates = "mine"
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "newsletter.toml").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "mine").mkdir()
    return tmp_path


def run(place: Path, *words: str) -> tuple[int, str]:
    done = commands.run(place, words)
    assert "Traceback" not in done.stderr
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def test_templates_are_exported_and_then_count(place: Path) -> None:
    """All or one, never over what is there; what is yours is listed as yours."""
    assert run(place, "templates", "export", "mine", "digest/card.html")[0] == 0
    mine = place / "mine" / "digest" / "card.html"
    mine.write_text("<p>{{ title }} is mine</p>{{ reasons }}", encoding="utf-8")
    code, told = run(place, "templates", "export", "mine")
    assert code == 0
    assert "Left alone" in told
    assert mine.read_text(encoding="utf-8").startswith("<p>")
    assert re.search(r"digest/card.html \W* yours", run(place, "templates", "list")[1])
    good = "All mails can be drawn and all pages read, in en, de."
    assert run(place, "templates", "check") == (0, good)
    assert run(place, "templates", "export", "mine", "no-such")[0] == 2


@pytest.mark.parametrize(
    ("name", "find", "put", "words"),
    [
        ("digest/card.html", "{{ title }}", "{{ title }", r"card\.html, line 2: "),
        ("digest/card.html", "{{ meta }}", "{{ metta }}", r"card\.html, line 3: 'metta'"),
        ("digest/card.txt", "{{ reasons }}", "{% if %}", r"card\.txt, line \d+: "),
        ("digest/shell.mjml", "{{ count }}", "{{ coun }}", r"shell\.mjml, line 1\d: 'coun'"),
        ("digest/shell.mjml", "</mj-body>", "", r"shell\.mjml: "),
        ("digest/shell.mjml", "{{ cards }}", '<link href="x">', r"shell\.mjml: '<link' must not"),
        ("digest/card.html", "{{ meta }}", "<script>", r"card\.html, line 3: '<script' must not"),
        ("digest/shell.mjml", "{{ cards }}", "", r"shell\.mjml: \{\{ cards \}\} must stand in it"),
        ("digest/shell.txt", "{{ unsubscribe }}", "", r"shell\.txt: \{\{ unsubscribe \}\} must"),
        (
            "digest/shell.mjml",
            "parts/head",
            "parts/hat",
            r"line 4: there is no .*hat\.mjml",
        ),
        (
            "digest/card.html",
            "{{ meta }}",
            "{% include 'x' %}",
            r"line 3: there is no template",
        ),
        (
            "parts/head.mjml",
            "{{ look.dark_rule }}",
            "{{ look.dark_rule }",
            r"head\.mjml, line \d+: ",
        ),
        ("parts/head.mjml", "look.dark_link", "look.drk", r"head\.mjml, line 22: .* 'drk'"),
        ("letters/frame.mjml", "{{ why }}", "{{ wy }}", r"frame\.mjml, line \d+: 'wy'"),
        ("letters/frame.txt", "{{ note | wrap }}", "{{ not | wrap }}", r"frame\.txt, line \d+: "),
        ("letters/frame.txt", "{{ url }}", "", r"frame\.txt: \{\{ url \}\} must stand in it"),
        ("letters/frame.mjml", "{{ leave }}", "", r"frame\.mjml: \{\{ leave \}\} must stand in it"),
        (
            "letters/frame.mjml",
            "{{ why }}",
            "<iframe></iframe>",
            r"There is an <iframe> in the mail",
        ),
        ("pages/vote.html", "{% endblock %}", "{% endblok %}", r"vote\.html, line \d+: "),
        ("letters/frame.mjml", ';color:{{ look.ink }}">{{ para', ';color:#ccc">{{ para', "#cccccc"),
    ],
)
def test_a_broken_template_is_told_with_file_and_line(
    place: Path, name: str, find: str, put: str, words: str
) -> None:
    """By `templates check`, with the exit code of templates."""
    mine = place / "mine" / name
    mine.parent.mkdir(parents=True)
    ours = (folder("templates") / name).read_text(encoding="utf-8")
    assert find in ours
    mine.write_text(ours.replace(find, put), encoding="utf-8")
    code, told = run(place, "templates", "check")
    assert code == 7
    assert re.search(words, told), told


def test_a_broken_template_stops_composing_before_anything_is_kept(place: Path) -> None:
    """Nobody has a delivery of an issue that cannot be drawn."""
    card = place / "mine" / "digest" / "card.html"
    card.parent.mkdir()
    card.write_text("{{ nothing }}", encoding="utf-8")
    page = str(folder("seeds") / "trending-papers.txt")
    assert run(place, "collect", page)[0] == 0
    assert run(place, "subscribe", "asa@example.org")[0] == 0
    code, told = run(place, "compose")
    assert code == 7
    assert "card.html, line 1: 'nothing' is undefined" in told
    assert "No issue" in run(place, "issues", "show")[1]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('[look]\ntemplates = "none"', "there is no folder"),
        ('[look]\nlink = "blue"', "must be a colour"),
        ('[look]\nlogo = "http://example.org/x.png"', "must be the https URL"),
        ('[look]\nfonts = "x; color: red"', "must be names of fonts"),
        ('language = "xx"', "no translation into 'xx'"),
        ('[pages]\nurl = "http://example.org"', "must begin with https"),
        ('[sender]\nfeedback_id = "x"', "must be 5 to 15"),
    ],
)
def test_a_wrong_look_is_told(place: Path, settings: str, words: str) -> None:
    """In a sentence that names the setting, before anything is drawn."""
    (place / "newsletter.toml").write_text(settings, encoding="utf-8")
    code, told = run(place, "templates", "check")
    assert code in (3, 7)
    assert words in told


def test_the_settings_are_checked_for_their_look(place: Path) -> None:
    """A folder that is not there and a language nobody wrote are told before they stop an issue."""
    told = {'[look]\ntemplates = "none"': "there is no folder", 'language = "xx"': "into 'xx'"}
    for settings, words in told.items():
        (place / "newsletter.toml").write_text(settings, encoding="utf-8")
        code, said = run(place, "config", "check")
        assert code == 3
        assert words in said


def fetched(url: str, host: str = "") -> str:
    request = urllib.request.Request(url, headers={"Host": host} if host else {})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.read().decode())


def test_a_preview_is_drawn_anew_when_a_template_changes(place: Path) -> None:
    """Served to this machine alone; a broken template is shown as such and can be mended."""
    page = str(folder("seeds") / "trending-papers.txt")
    for words in (["collect", page], ["compose"]):
        assert run(place, *words)[0] == 0
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "newsletter", "preview", "--watch", "--port", "0"],
        cwd=place,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(
            signal.SIGINT, signal.SIG_DFL
        ),  # a background job's is not
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split()[0]
        before = fetched(url + "version")
        assert "Trending papers" in fetched(url)
        heading = place / "mine" / "digest" / "heading.html"
        heading.parent.mkdir()
        heading.write_text("<h2>Mine</h2>", encoding="utf-8")
        assert fetched(url + "version") != before
        assert "<h2>Mine</h2>" in fetched(url)
        heading.write_text("{{ broken", encoding="utf-8")
        assert "heading.html, line 1" in fetched(url)
        assert "== For you today" in fetched(url + "text") or "heading.html" in fetched(url)
        with pytest.raises(urllib.error.HTTPError, match="403"):
            fetched(url, host="elsewhere.example.org")
    finally:
        os.kill(process.pid, signal.SIGINT)
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()
    assert process.returncode == 0


def test_what_a_logo_says_is_read_in_the_dark_where_it_is_not_shown(place: Path) -> None:
    """Its words have the colour of text, which the dark rules change, and a line's height."""
    look = '[look]\nlogo = "https://papers.example.org/logo.png"\nlogo_alt = "An Institute"\n'
    (place / "newsletter.toml").write_text(look, encoding="utf-8")
    page = str(folder("seeds") / "trending-papers.txt")
    for words in (
        ("collect", page),
        ("subscribe", "asa@example.org"),
        ("compose",),
        ("preview", "asa@example.org", "--out", "seen"),
        ("letters", "show", "welcome", "asa@example.org", "--out", "seen"),
    ):
        assert run(place, *words)[0] == 0
    for name in ("asa@example.org.html", "welcome-asa@example.org.html"):
        html = (place / "seen" / name).read_text(encoding="utf-8")
        assert re.search(
            r'<p class="ink"[^>]*color:#1f2328"><img [^>]*alt="An Institute"[^>]*line-height', html
        )
