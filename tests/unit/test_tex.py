"""What a reader sees of TeX."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.rendering.prose import shorten
from newsletter.rendering.tex import to_unicode
from newsletter.resources import folder

TABLE = [
    # what titles of the saved page and of arXiv hold
    ("Align^2LLaVA: Cascaded", "Align²LLaVA: Cascaded"),
    (r"I-SHEEP gains 78.2\%", "I-SHEEP gains 78.2%"),
    ("(D^2O)", "(D²O)"),
    ("COCO is \"ALL'' You Need", "COCO is “ALL” You Need"),
    ("COCO is \"ALL\\'\\' You Need", "COCO is “ALL” You Need"),
    (r"$\mathcal{O}(n\log n)$ with $\ell_2$", "O(n log n) with ℓ₂"),
    (r"Nystr\"om-Initiated", "Nyström-Initiated"),
    (r"Andr\'e and Fran\c{c}ois", "André and François"),
    ("user_name, github.com/a_b", "user_name, github.com/a_b"),
    (r"unknown \method{abc}, C:\new", r"unknown \method{abc}, C:\new"),
    (r"C:\times\new and D:\to", r"C:\times\new and D:\to"),
    ("two\n  lines", "two lines"),
    ("a\0b\x07c\u202ed\u200be", "a b cde"),
    ("a \ud800 b", "a \ufffd b"),
    ("", ""),
    # links
    (r"\href{https://a.test/c_d}{here}", "here"),
    (r"\href{https://a.test/c_d}{\textbf{\texttt{the}} code}", "the code"),
    (r"at \href{https://a.test/c_d}", "at https://a.test/c_d"),
    (r"see (\url{https://a.test/a_z})", "see (https://a.test/a_z)"),
    (r"see \url{a.test/a_z^2/~x}.", "see a.test/a_z^2/~x."),
    (r"\textit{https://a.test/a\_b}", "https://a.test/a_b"),
    ("https://a.test/~x/a--b/$c$_{d}", "https://a.test/~x/a--b/$c$_{d}"),
    # money, percent, less than
    ("costs $5 and $10", "costs $5 and $10"),
    ("from $5 for gpt_4 to 10$, or 7$", "from $5 for gpt_4 to 10$, or 7$"),
    (r"\$5 of $x_1$ for $7, and $\alpha$", "$5 of x₁ for $7, and α"),
    ("at $.06 each, $10M/US$2B", "at $.06 each, $10M/US$2B"),
    ("a 50% gain", "a 50% gain"),
    ("of 5 % and $p<5%$ more", "of 5 % and p<5% more"),
    ("$a<b$ <script>", "a<b <script>"),
    ("$ $ $", "$ $ $"),
    # formulas
    (r"$\beta_{\text{max}}$ and $x^{2}$", "βₘₐₓ and x²"),
    (r"$x^{a+Q}$ and \(y_{ab}\) or \[z\]", "x^(a+Q) and y_(ab) or z"),
    (r"$\sim$12\% and $3\times$4", "∼12% and 3×4"),
    (r"a 360$^\circ$ view, 20 $^{\circ}$C", "a 360° view, 20 °C"),
    (r"$\tilde{O}(\sqrt{T})$, $\frac{1}{n^2}$", "Õ(√(T)), 1/n²"),
    (r"$\left(\frac{a+1}{b}\right)$", "((a+1)/b)"),
    (r"$\mathbb{E}\mathbf{x}\in\mathbb{R}^{d}$", "Ex∈Rᵈ"),
    (r"$\nabla\mathbf{x}$, $A^\top$, $p^*$", "∇x, Aᵀ, p*"),
    (r"up to $\method$ of $x_{\ours}$", r"up to $\method$ of $x_{\ours}$"),
    ("𝒪(n) and 𝐌𝐨𝐝𝐞𝐥", "O(n) and Model"),
    # mathematics without its dollars
    (r"LiPO-{\lambda} e.g.\ this", "LiPO-λ e.g. this"),
    (r"2.8\times faster, \sim 3\pm1, a \leq b \to \infty", "2.8× faster, ∼ 3±1, a ≤ b → ∞"),
    (r"x \geq 2 \approx y \cdot z \in Z", "x ≥ 2 ≈ y · z ∈ Z"),
    (r"O(n \log n), Ω(\sqrt{T})", "O(n log n), Ω(√T)"),
    ("256^3, 10^-5, O(m^{1/2}), pass^k, H^+", "256³, 10⁻⁵, O(m^(1/2)), passᵏ, H⁺"),
    (r"A\textsuperscript{2}FM, ||M||_{\infty}", "A²FM, ||M||_∞"),
    (r"360^circ, 360{\deg}, 300\,k, 14{,}000", "360°, 360°, 300 k, 14,000"),
    # commands in prose
    (r"\textbf{a \emph{b}} \textsc{c} \texttt{d} {\em e} {\small\it f}", "a b c d e f"),
    (r"\textcolor{red}{Warning}: \underline{S}emantic", "Warning: Semantic"),
    (r"tools (\eg, this; \ie that) of Ek \etal.", "tools (e.g., this; i.e. that) of Ek et al."),
    (r"as known~\cite{a,b} \citep[see][]{c}, by Theorem~\ref{t}.", "as known, by Theorem."),
    (
        r"it ends.\footnote{Code at \url{https://a.test/b_c}.}",
        "it ends. (Code at https://a.test/b_c.)",
    ),
    (r"generation$\unicode{x2014}$such as", "generation—such as"),
    # quotes, dashes, ties
    ("``lite'' -- weight", "“lite” – weight"),
    ("``lite-weight\" and `don't stop' it's", "“lite-weight” and ‘don't stop’ it's"),
    ("Model--a novel, pages 3--5, so---or --flag", "Model–a novel, pages 3–5, so—or --flag"),
    ("Figure~3, by 10~ms, 3~5 times, ~10", "Figure 3, by 10 ms, 3~5 times, ~10"),
    (r"(20\%~$\to$~45\%), $n \geq 1$, $4 \pm 0.1$", "(20% → 45%), n ≥ 1, 4 ± 0.1"),
]


@pytest.mark.parametrize(("raw", "shown"), TABLE)
def test_tex_is_shown_as_people_write_it(raw: str, shown: str) -> None:
    """Known TeX becomes Unicode, everything else stays."""
    assert to_unicode(raw) == shown


def test_nothing_of_the_saved_page_makes_a_reader_stumble() -> None:
    """After conversion no TeX is left in the 70 titles and abstracts."""
    text = (folder("seeds") / "trending-papers.txt").read_text(encoding="utf-8")
    left = re.compile(r"\\[A-Za-z%]|\$[^$]+\$|[\^_]\{|``|''")
    found = [left.search(to_unicode(block)) for block in text.split("\n\n")[5:]]
    assert [one[0] for one in found if one] == []


PLAIN = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="\\$^~`{}_'-"))
TEXISH = st.lists(
    st.sampled_from(
        [
            *("$x^", r"\frac", r"\emph{", r"\href{", r"\url{", "https://a.b/", r"\alpha", r"\ours"),
            *(r"\cite{", r"\sqrt", r"{\em ", r"\(", r"\)", r"\unicode{x", "202e}"),
            *"\\${}^_ab'`~\"(1 \n%",
        ]
    ),
    max_size=40,
).map("".join)
OVERRIDES = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@given(st.text(st.characters(exclude_categories=[]), max_size=300) | TEXISH)
def test_anything_becomes_one_clean_line(text: str) -> None:
    """No input raises, and no output has a control, a turned line or a second one."""
    shown = to_unicode(text)
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in shown)
    assert not OVERRIDES & set(shown)
    assert shown == " ".join(shown.split())
    assert len(shown) <= 4 * len(text) + 10


@given(st.lists(PLAIN.filter(lambda t: unicodedata.normalize("NFKC", t) == t), max_size=20))
def test_text_without_signs_stays(words: list[str]) -> None:
    """Where there is no TeX nothing changes but white space."""
    assert to_unicode(" \n".join(words)) == " ".join(" ".join(words).split())


HOSTILE = [
    "$",
    "{",
    "\\",
    "^",
    "`",
    "$a",
    "\\emph{",
    "\\href{",
    "^{",
    "~",
    "\\\\",
    "\\cite{",
    "$\\",
]
HOSTILE += ["{\\em ", "_{", "``", "`a", "\\(", "a~", "1^", "\\emph{}", "\\frac", "\\frac{a}", "($"]


@pytest.mark.parametrize("sign", HOSTILE)
@pytest.mark.parametrize("count", [500, 20_000, 200_000])
def test_a_hostile_length_is_borne(sign: str, count: int) -> None:
    """Hundreds of thousands of signs of TeX come to an end."""
    assert to_unicode(sign * count) is not None


def test_a_long_text_keeps_its_words() -> None:
    """Beyond what is read as TeX the text goes on, word for word."""
    text = r"78\% of it " * 4_000
    shown = to_unicode(text)
    assert shown.startswith("78% of it 78% of")
    assert shown.replace("\\", "") == text.replace("\\", "").strip()


def test_a_converted_text_is_cut_after_conversion() -> None:
    """The limit counts what the reader sees, and no word or letter of it is torn."""
    shown = to_unicode(r"\textbf{Nystr\"om} $\mathcal{O}(n)$ methods")
    assert shorten(shown, 13) == "Nyström O(n)…"
