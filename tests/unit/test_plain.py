"""What comes from outside becomes plain text of bounded length."""

from __future__ import annotations

import time
import unicodedata

import pytest

from newsletter import plain

ZWNJ, ZWJ = "\u200c", "\u200d"
PERSIAN = f"می{ZWNJ}خواهم"
FAMILY = f"\U0001f469{ZWJ}\U0001f52c"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("", ""),
        ("A title", "A title"),
        (" two \t words\r\n\x0b\x0c ", "two words"),
        ("non\u00a0breaking\u2003and\u2028lines\u0085", "non breaking and lines"),
        (r"TeX $x^2$ \alpha~stays", r"TeX $x^2$ \alpha~stays"),
        ("<b>tags</b> &amp; stay", "<b>tags</b> &amp; stay"),
        ("nul\x00bell\x07escape\x1b[31m", "nulbellescape[31m"),
        ("del\x7fc1\x9b", "delc1"),
        ("half\ud83d of a pair\ude00", "half of a pair"),
        ("\u202etfel\u202c \u2066x\u2069 \u200ey\u200f \u061cz", "tfel x y z"),
        ("zero\u200bwidth\u2060\ufeff soft\u00adhyphen", "zerowidth softhyphen"),
        ("tag\U000e0041s", "tags"),
        ("e\u0301 e\u200b\u0301 e\u200d\u0301", "é é é"),
        ("Δx → 數學 🙂", "Δx → 數學 🙂"),
    ],
)
def test_a_line_is_one_line_of_what_can_be_seen(text: str, clean: str) -> None:
    """Controls, marks of direction, letters of no width and lone surrogates are gone."""
    assert plain.line(text) == clean
    assert plain.line(clean) == clean


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (PERSIAN, PERSIAN),
        (FAMILY, FAMILY),
        (f"क्{ZWJ}ष क्{ZWNJ}ष", f"क्{ZWJ}ष क्{ZWNJ}ष"),
        (f"pay{ZWNJ}pal pay{ZWJ}pal", "paypal paypal"),
        (f"{ZWJ}x é{ZWJ}é", "x éé"),
        (f"e\u0301{ZWJ}क", "éक"),
        (f"क{ZWJ}x x{ZWJ}क", "कx xक"),
        (f"क{ZWJ}", "क"),
        (f"क {ZWJ} क", "क क"),
        (f"\u3000{ZWJ}क", "क"),
        (f"क{ZWJ}{ZWJ}{ZWNJ}क", f"क{ZWNJ}क"),
        (f"x{ZWJ}{ZWJ}क", "xक"),
        (f"x\u200b{ZWJ}क", "xक"),
    ],
)
def test_joiners_stay_where_letters_need_them(text: str, clean: str) -> None:
    """Between Persian, Indic letters and emoji they are spelling, beside Latin a disguise."""
    assert plain.line(text) == clean
    assert plain.line(clean) == clean


@pytest.mark.parametrize(
    ("text", "longest", "cut"),
    [
        ("abcde", 5, "abcde"),
        ("abcdef", 5, "abcd…"),
        ("abc def", 5, "abc…"),
        ("  abcde  ", 5, "abcde"),
        ("a" * 10**7, 5, "aaaa…"),
        ("ä" * 10**7, 5, "ääää…"),
    ],
)
def test_a_long_line_is_cut_with_an_ellipsis(text: str, longest: int, cut: str) -> None:
    """The ellipsis counts among the characters."""
    assert plain.line(text, longest) == cut
    assert plain.unmarked(text, longest) == cut


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("A <b>bold</b> <i class='x'>claim</i>", "A bold claim"),
        ("H<sub>2</sub>O and x<SUP>2</SUP>", "H2O and x2"),
        ("<p>One.</p><p>Two.</p>", "One. Two."),
        ("one<br>two<br/>three<br />four", "one two three four"),
        ("<div><h2>Aim</h2>We aim.</div>", "Aim We aim."),
        ('<a href="https://example.org/?a=1&amp;b=2">here</a>', "here"),
        ("<jats:title>Abstract</jats:title><jats:p>We show.</jats:p>", "Abstract We show."),
        ("<jats:sec><jats:italic>E. coli</jats:italic></jats:sec>", "E. coli"),
        ("<mml:math><mml:mi>x</mml:mi><mml:mo>+</mml:mo><mml:mn>1</mml:mn></mml:math>", "x+1"),
        (
            '<inline-formula><math xmlns="m"><msup><mi>x</mi><mn>2</mn></msup></math>'
            "</inline-formula>",
            "x2",
        ),
        ("Rock &amp; roll &lt;3 &#8211; &eacute;", "Rock & roll <3 – é"),
        ("&lt;p&gt;Twice&lt;/p&gt; &lt;i&gt;escaped&lt;/i&gt;", "Twice escaped"),
        ("a<!-- a\nremark -->b", "ab"),
        ("a<script>alert('<b>x</b>')</script>b", "a b"),
        ("a<SCRIPT type='x'>1 < 2</script >b<style>p {}</style>c", "a b c"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;b", "b"),
        ("a<script>one</script>b<script>two</script>c", "a b c"),
        ("a<script>never closed", "anever closed"),
        ("&#0;&#8238;&#x202e;&#x200b;x", "\ufffdx"),
        (f"&#{'9' * 5_000};x", "\ufffdx"),
        ("x < y and y > z", "x < y and y > z"),
        ("List<int> and Map<string, int>", "List<int> and Map<string, int>"),
        ("p<0.05, q>1, a<->b", "p<0.05, q>1, a<->b"),
        ("<image> tokens, <think> and <unk>", "<image> tokens, <think> and <unk>"),
        ("x &lt; y &gt; z", "x < y > z"),
        (r"$a < b$ \& c", r"$a < b$ \& c"),
    ],
)
def test_mark_up_is_gone_and_what_only_looks_like_it_stays(text: str, clean: str) -> None:
    """HTML, JATS and MathML are read, once escaped or not; comparisons and types are text."""
    assert plain.unmarked(text, plain.LONGEST_TEXT) == clean


@pytest.mark.parametrize(
    "text",
    [
        "<" * 200_000,
        "<a " * 100_000,
        "<p " + "x" * 200_000,
        "</" * 100_000,
        "<!--" * 50_000,
        "<script>" * 40_000,
        "<script>" * 20_000 + "</script " * 20_000,
        "<script><style>" * 20_000,
        "&lt;script&gt;" * 20_000,
        "&" * 200_000,
        "&#" + "9" * 200_000,
        " " * 200_000,
        "a" + "\u0301\u0323" * 100_000,
        "क" + ZWJ * 200_000 + "क",
    ],
    ids=lambda text: text[:12].encode("unicode_escape").decode(),
)
def test_hostile_text_takes_no_longer_than_other_text(text: str) -> None:
    """What was written to keep a reader busy is bounded, and done in a moment."""
    started = time.process_time()
    assert len(plain.unmarked(text, plain.LONGEST_TEXT)) <= plain.LONGEST_TEXT
    assert time.process_time() - started < 3  # seconds; it takes some tenths, and took ten


def test_a_heap_of_marks_on_a_letter_is_cleared_away() -> None:
    """A few accents are spelling, more than thirty are noise."""
    assert plain.line("a\u0323\u0302\u0301") == unicodedata.normalize("NFC", "a\u0323\u0302\u0301")
    assert plain.line("a" + "\u0336\u0323" * 30 + "b") == "ab"
    assert plain.line("…" * 40) == "…" * 40


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://example.org/a?b=c&d=%20#e", "https://example.org/a?b=c&d=%20#e"),
        (" http://example.org\n", "http://example.org"),
        ("HTTPS://example.org/~ann/(1)", "HTTPS://example.org/~ann/(1)"),
        ("https://example.org/" + "a" * 480, "https://example.org/" + "a" * 480),
        ("https://example.org/" + "a" * 481, None),
        ("", None),
        ("https://", None),
        ("example.org/a", None),
        ("//example.org/a", None),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("ftp://example.org/a", None),
        ("xhttps://example.org", None),
        ("https://example.org/a b", None),
        ("https://example.org/a\nb", None),
        ("https://example.org/\x00", None),
        ("https://bücher.example/", None),
        ("https://example.org/\u212a", None),
        ("https://ann@example.org/", None),
        ("https://example.org/\u202e", None),
        ('https://example.org/"onload=x', None),
        ("https://example.org/<b>", None),
        ("https://example.org/{{x}}", None),
        ("https://example.org/a\\b", None),
        (None, None),
        (7, None),
        (["https://example.org/"], None),
    ],
)
def test_an_address_is_http_printable_and_bounded(text: object, url: str | None) -> None:
    """What is anything else is none."""
    assert plain.url(text) == url
