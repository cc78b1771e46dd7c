"""Links, what is fetched, lint and contrast: each seeded defect is found, a clean mail has none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.preflight import colours, css, links, lint, page, remote
from newsletter.preflight.contrast import Contrast
from newsletter.preflight.house import House, host_of
from tests.preflight.clean import checks_of, opened, stranger, with_element, with_html, with_part

BOTH = "https://github.com/x/y"


def linked(clean: bytes, url: str) -> bytes:
    """The mail with one more link, in both parts."""
    html = with_element(clean, f'<p><a href="{url}" style="color:#0550ae">more</a></p>')
    return with_part(html, "text/plain", lambda text: f"{text}\nmore: {url}\n")


@pytest.mark.parametrize(
    ("url", "level", "check"),
    [
        ("/relative", "error", "link"),
        ("#top", "error", "link"),
        ("ftp://github.com/x", "error", "link"),
        ("https:///nowhere", "error", "link"),
        ("http://[::1", "error", "link"),
        ("javascript:alert(1)", "fatal", "link"),
        ("data:text/html,x", "fatal", "link"),
        ("mailto:mallory@example.net", "error", "link"),
        ("https://evil.example/", "error", "host"),
        ("https://github.com.evil.example/", "error", "host"),
        ("https://github.com@evil.example/", "error", "link-login"),
        ("https://github.com/r?u=https%3A%2F%2Fevil.example", "error", "redirect"),
        ("https://github.com/x?utm_source=digest", "warning", "link-tracking"),
    ],
)
def test_a_link_that_is_wrong_is_found(
    clean: bytes, house: House, url: str, level: str, check: str
) -> None:
    """Wherever it leads that nobody named, and whatever it is that a link should not be."""
    assert (level, check) in checks_of(links.check(opened(linked(clean, url)), house))


def test_links_of_papers_and_settings_are_right(clean: bytes, house: House) -> None:
    """A host is known by a paper or by a setting, with "www." or without; else it is told with
    the paper it stands under.
    """
    ours = replace(house, web_hosts=frozenset({"papers.example.org"}))
    for url in (
        BOTH,
        "https://www.github.com/x",
        "https://papers.example.org/w",
        "HTTP://ARXIV.ORG/x",
    ):
        assert list(links.check(opened(linked(clean, url)), ours)) == [], url
    found = list(links.check(opened(clean), stranger(house)))
    assert {one.check for one in found} == {"host"}
    assert all(one.where.startswith("asa@example.org: ") for one in found)


def test_both_parts_lead_to_the_same_places(clean: bytes, house: House) -> None:
    """A link of one part only is found; an address that both spell out is no link missing."""
    anchor = f'<p><a href="{BOTH}" style="color:#0550ae">more</a></p>'
    only_html = with_element(clean, anchor)
    only_text = with_part(clean, "text/plain", lambda text: f"{text}\nsee {BOTH}.\n")
    for content in (only_html, only_text):
        assert checks_of(links.check(opened(content), house)) == {("error", "link-parity")}
    spelt = with_element(only_text, f"<p>see {BOTH}.</p>")
    assert list(links.check(opened(spelt), house)) == []


@pytest.mark.parametrize(
    ("html", "check"),
    [
        ('<img src="https://papers.example.org/i.png" alt="" width="1" height="1">', "pixel"),
        ('<img src="https://papers.example.org/i.png" alt="" style="width:1px">', "pixel"),
        ('<img src="https://evil.example/i.png" alt="">', "remote-image"),
        ('<img src="/i.png" alt="">', "remote-image"),
        ('<img alt="" srcset="https://evil.example/i.png 2x">', "remote-image"),
        ('<table background="https://evil.example/i.png"></table>', "remote-image"),
        ('<p style="background:URL (https://evil.example/i.png)">x</p>', "remote-style"),
        ("<style>@import 'https://evil.example/x.css';</style>", "remote-style"),
        ("<style>@font-face { src: local(x) }</style>", "remote-style"),
        ('<link rel="stylesheet" href="https://evil.example/x.css">', "remote-style"),
    ],
)
def test_what_a_mail_would_fetch_is_found(
    clean: bytes, house: House, html: str, check: str
) -> None:
    """Pixels, fonts, style sheets, and images of strangers."""
    ours = replace(house, web_hosts=frozenset({"papers.example.org"}))
    assert ("error", check) in checks_of(remote.check(opened(with_element(clean, html)), ours))


def test_images_come_from_where_a_setting_says(clean: bytes, house: House) -> None:
    """From a host that settings name, or out of the mail itself."""
    ours = replace(house, web_hosts=frozenset({"papers.example.org"}))
    assert list(remote.check(opened(clean), ours)) == []
    for source in ("https://papers.example.org/i.png", "cid:logo"):
        image = f'<img src="{source}" alt="" width="120" height="40">'
        assert list(remote.check(opened(with_element(clean, image)), ours)) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('<html lang="en"', "<html", "<html> says no lang."),
        (' lang="en" dir="ltr" style', " style", "Nothing right inside <body> says lang."),
        ('<html lang="en"', '<html lang="und"', "The language is said to be unknown (und)."),
        ("<title>", "<title></title><i>", "There is not one <title> with words in it."),
        ("</body>", '<img src="cid:a"></body>', "An image has no alt."),
        ("</body>", "<table></table></body>", "A table that lays out has no role=presentation."),
        ("</body>", "<mj-text>x</mj-text></body>", "<mj-text> was left by the compiler."),
        ("</body>", '<a href="https://arxiv.org/"> </a></body>', "A link has no words."),
        ("</body>", '<p id="a">x</p><p id="a">y</p></body>', "The id 'a' stands 2 times."),
        ("</body>", "<h1>x</h1></body>", "There are 2 <h1>; one is right."),
        ("<h2", "<h4>x</h4><h2", "<h4> follows <h1> and leaves one out."),
        ("</body>", "<h2></h2></body>", "An <h2> is empty."),
        ("</body>", "<p>x</body>", "<p> is not closed before </body>."),
        ("</body>", "</section></body>", "</section> closes nothing."),
        ("</body>", "<div/></body>", "<div/> does not close itself."),
        ("</body>", '<p class="a" class="b">x</p></body>', "<p> has the attribute class twice."),
        ("</body>", "<!--[if mso]></body>", "Not every <!--[if has its <![endif]."),
    ],
)
def test_html_that_is_wrong_is_found(clean: bytes, old: str, new: str, says: str) -> None:
    """Each rule has a page that breaks it."""
    spoiled = with_html(clean, lambda html: html.replace(old, new, 1))
    assert says in [one.says for one in lint.check(opened(spoiled))]


@pytest.mark.parametrize(
    "html",
    [
        "<script>1</script>",
        "<form></form>",
        '<iframe src="x"></iframe>',
        '<p onclick="x()">y</p>',
        '<meta http-equiv="Refresh" content="0">',
    ],
)
def test_what_runs_is_fatal(clean: bytes, html: str) -> None:
    """Nothing that runs, asks or frames leaves, not even by force."""
    found = checks_of(lint.check(opened(with_element(clean, html))))
    assert ("fatal", "html-active") in found


def judged(content: bytes) -> list[str]:
    return [one.says for one in Contrast().check(opened(content))]


def coloured(clean: bytes, style: str, html: str) -> bytes:
    """The mail with a style element and a paragraph more."""
    return with_html(
        clean,
        lambda text: text.replace("</head>", f"<style>{style}</style></head>").replace(
            "</body>", f"{html}</body>"
        ),
    )


@pytest.mark.parametrize(
    ("style", "html", "found"),
    [
        ("", '<p style="color:#bbb;background:#fff">x</p>', ["light", "dark"]),
        ("", '<p style="color:#000;background:#fff">x</p>', []),
        (".q { color: #bbb; background: #fff }", '<p class="q">x</p>', ["light", "dark"]),
        (
            "@media (prefers-color-scheme: dark) { .q { color: #333 !important } }",
            '<p class="q" style="color:#000;background:#fff">x</p>',
            [],
        ),
        (
            "@media (prefers-color-scheme: dark) { .q { background: #111 !important } }",
            '<p class="q" style="color:#000;background:#fff">x</p>',
            ["dark"],
        ),
        (  # without !important an inline style is the stronger word
            "@media (prefers-color-scheme: dark) { .q { background: #111 } }",
            '<p class="q" style="color:#000;background:#fff">x</p>',
            [],
        ),
        (  # the trap of email.md: links without a colour of their own, on a card kept light
            ".q { background: #f4f4f5 }",
            '<div class="q" style="color:#000"><a href="https://arxiv.org/">x</a></div>',
            ["dark"],
        ),
        (".a > .c { color: #fff }", '<b class="a"><i><u class="c">x</u></i></b>', []),
        (
            ".a .c { color: #ffffff; background: #fefefe }",
            '<b class="a"><i><u class="c">x</u></i></b>',
            ["light", "dark"],
        ),
        ("p.q[dir] { color: #fff; background: #fff }", '<p class="q">x</p>', []),
        (  # more classes win, wherever they stand
            ".q.q2 { color: #000 } .q { color: #fff }",
            '<p class="q q2" style="background:#fff">x</p>',
            [],
        ),
        ("", '<p style="color:#fff;background:#fff;display:none">x</p>', []),
        ("", '<p style="color:#fff;background:#fff">\u200b\u034f&nbsp;</p>', []),
        (
            "",
            '<table role="presentation" bgcolor="#ffffff"><tr><td style="color:#eee">x</td></tr>'
            "</table>",
            ["light", "dark"],
        ),
        ("", '<p style="color:rgba(0,0,0,.3);background:#fff">x</p>', ["light", "dark"]),
        ("", '<p style="color:rgb(0 0 0);background:rgba(255,255,255,1) none">x</p>', []),
    ],
)
def test_words_that_can_hardly_be_read_are_found(
    clean: bytes, style: str, html: str, found: list[str]
) -> None:
    """The cascade decides as a client would: classes, dark rules, !important, inheritance."""
    told = judged(coloured(clean, style, html))
    assert [one.split(" in ")[1].split(" mode")[0] for one in told] == found, told


def test_a_colour_that_cannot_be_read_is_told(clean: bytes) -> None:
    """What this does not know it says, instead of passing it."""
    told = judged(coloured(clean, "", '<p style="color:hsl(0 0% 90%)">x</p>'))
    assert told
    assert all("hsl(0 0% 90%)" in one for one in told)


def test_the_ratio_is_that_of_the_standard() -> None:
    """Black on white is 21, the trap of email.md 2.17, and grey #767676 just readable."""

    def ratio(one: str, other: str) -> float:
        first, second = colours.parse(one), colours.parse(other)
        assert first is not None
        assert second is not None
        return round(colours.contrast(first, second), 2)

    assert ratio("black", "#fff") == 21
    assert ratio("#9e9eff", "#f4f4f5") == 2.17
    assert ratio("#767676", "white") == 4.54


CHANNEL = st.integers(0, 255)


@given(one=st.tuples(CHANNEL, CHANNEL, CHANNEL), other=st.tuples(CHANNEL, CHANNEL, CHANNEL))
def test_contrast_lies_between_1_and_21_both_ways(
    one: tuple[int, int, int], other: tuple[int, int, int]
) -> None:
    """And a colour is read again as it is shown."""
    first, second = (*one, 1.0), (*other, 1.0)
    ratio = colours.contrast(first, second)
    assert 1 <= ratio <= 21.0001
    assert ratio == colours.contrast(second, first)
    assert colours.parse(colours.shown(first)) == first


@given(text=st.text() | st.text("<>/=\"' abdiv!-[]{}:;.#@&", max_size=200))
def test_any_text_is_read_as_some_page(text: str) -> None:
    """Neither HTML nor CSS that is broken breaks the reader, and what it yields is in order."""
    read = page.parse(text)
    assert all(one.parent is None or one.parent in read.elements for one in read.elements)
    assert all(rule.path for rule in css.rules(text))
    host_of(text)
