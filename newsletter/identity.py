"""How a work is known: arXiv id without version, DOI, link, and as the last resort its title.

Sources name the same work in many ways; here every way becomes one of four kinds of name. Which
names belong to one work is decided in `merging.py`.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from newsletter.papers import PaperId

LONGEST_NAME = 64  # characters, as the database keeps them; a longer name is cut to its hash
LONGEST_TOLD = 2_000  # characters; what is longer is no id and no address
SCHEMES = ("arxiv", "doi", "link", "title")  # strongest first
_RANKS = {kind: rank for rank, kind in enumerate(SCHEMES)}

# https://info.arxiv.org/help/arxiv_identifier.html: YYMM.NNNN(N) since April 2007, before that
# archive(.XX)/YYMMNNN, where the subject class .XX is no part of the identity.
_NEW = r"(?P<new>\d{2}(?:0[1-9]|1[0-2])\.\d{4,5})"
_OLD = r"(?P<archive>[a-z]+(?:-[a-z]+)?)(?:\.[A-Za-z]{2})?/(?P<old>\d{2}(?:0[1-9]|1[0-2])\d{3})"
_VERSION = r"(?:v(?P<version>[1-9]\d{0,3}))?"
_ARXIV = re.compile(rf"(?:{_NEW}|{_OLD}){_VERSION}", re.ASCII)
# As nearly all are written; the other ways are read in several steps.
_USUAL = re.compile(rf"(?:arxiv:|https?://arxiv\.org/(?:abs|pdf)/)?{_NEW}{_VERSION}", re.ASCII)
_ARXIV_PREFIX = re.compile(r"\A(?:oai:)?arxiv(?:\.org)?:\s*", re.IGNORECASE)
_ARXIV_DOI = re.compile(r"\A10\.48550/arxiv\.", re.IGNORECASE)  # arXiv's own DOIs, since 2022
_ARXIV_PAGES = re.compile(r"/(?:abs|pdf|html|format|src|papers)/(.+?)(?:\.pdf|\.md)?/?")
# Sites that show arXiv's papers under arXiv's ids.
_ARXIV_HOSTS = re.compile(
    r"(?:[a-z]+\.)?(?:arxiv\.org|alphaxiv\.org)|ar5iv\.labs\.arxiv\.org|(?:www\.)?huggingface\.co"
)

# Crossref's own advice for DOIs, https://www.crossref.org/blog/dois-and-matching-regular-expressions
_DOI = re.compile(r"10\.[0-9]{4,9}/[^\s\"<>]+")
_DOI_PREFIX = re.compile(
    r"\A(?:(?:info:)?doi:\s*|https?://(?:dx\.|www\.)?doi\.org/)", re.IGNORECASE
)
# Publishers' pages have it behind such a word; elsewhere 10.2024/x may be a date.
_DOI_IN_PATH = re.compile(
    r"https?://[^/?#]+/(?:[^?#]*/)?(?:doi|abs|full|pdf|epdf|content|articles?|chapter|book|early)/"
    r"(10\.[0-9]{4,9}/[^?#]+)",
    re.IGNORECASE,
)
_PAGE_KIND = re.compile(r"(?:/(?:full|abstract|pdf|epdf|meta|html)|\.(?:full|pdf|abstract))+$")
# bioRxiv and medRxiv put the version and the page's kind behind the DOI in their addresses.
_RXIV_DOI = re.compile(r"(10\.(?:1101|64898)/[\d.]+)(?:v\d+.*)?")

_WORD = re.compile(r"\w+")
_TRACKING = re.compile(r"utm_\w+|fbclid|gclid|ref|rss")


@lru_cache(maxsize=256)  # every reader of a record asks several times
def normalised_title(title: str) -> str:
    """The title's letters and digits in lower case, single-spaced, accents folded away."""
    if title.isascii():
        return " ".join(_WORD.findall(title.lower()))
    folded = unicodedata.normalize("NFKD", title).casefold()
    letters = "".join(c for c in folded if not unicodedata.combining(c))
    return " ".join(_WORD.findall(letters))


def title_id(title: str) -> PaperId:
    """The identity of last resort: works of the same normalised title are the same work."""
    return PaperId(f"title:{_hash(normalised_title(title))}")


def arxiv_id(text: str) -> PaperId | None:
    """The name behind an arXiv id, its DOI, or the address of a page about it; else None."""
    found = _arxiv(text)
    if found is None:
        return None
    return PaperId("arxiv:" + (found["new"] or f"{found['archive']}/{found['old']}"))


def arxiv_version(text: str) -> int | None:
    """The version that an arXiv id or address names: 3 for "2403.01234v3"."""
    found = _arxiv(text)
    return int(found["version"]) if found and found["version"] else None


def doi_id(text: str) -> PaperId | None:
    """The name behind a DOI, bare, with "doi:" or as an address; None where there is none.

    DOIs know no case (ISO 26324); arXiv's own are arXiv ids.
    """
    if len(text) > LONGEST_TOLD or ("10." not in text and "%" not in text):
        return None
    bare = _DOI_PREFIX.sub("", unquote(text.strip())).strip().rstrip(".,;")
    if page := _DOI_IN_PATH.match(bare):
        bare = _PAGE_KIND.sub("", page[1].rstrip("/"))
    if not _DOI.fullmatch(bare) or _ARXIV_DOI.match(bare) or not _is_told(bare):
        return None
    rxiv = _RXIV_DOI.fullmatch(bare)
    return _named("doi", (rxiv[1] if rxiv else bare).casefold())


def link_id(url: str) -> PaperId | None:
    """The name behind a page's address: host, path and query, without what only tracks."""
    bare = url.strip()
    try:
        parts = urlsplit(bare)
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or not _is_told(bare):
        return None
    query = [pair for pair in parse_qsl(parts.query) if not _TRACKING.fullmatch(pair[0])]
    tail = f"?{urlencode(query)}" if query else ""
    if not parts.path.strip("/") and not tail:
        return None  # a bare host is no paper
    return _named("link", f"{host.removeprefix('www.')}{parts.path.rstrip('/')}{tail}")


def identify(
    *, arxiv: str | None = None, doi: str | None = None, link: str | None = None, title: str = ""
) -> tuple[PaperId, ...]:
    """Every name that what a source tells gives a work, strongest first; () where it is nothing.

    Each argument may hold a stronger name than it says: an arXiv page as the link, say. A link
    is a name only where there is neither an arXiv id nor a DOI.
    """
    told = [text for text in (arxiv, doi, link) if text]
    names = [name for text in told if (name := arxiv_id(text))][:1]
    names += [name for text in told if (name := doi_id(text))][:1]
    if link and not names and (name := link_id(link)):
        names.append(name)
    if normalised_title(title):
        names.append(title_id(title))
    return tuple(names)


def parse(text: str) -> PaperId | None:
    """The strong name that a person typed or pasted: an id, a DOI, an address."""
    return arxiv_id(text) or doi_id(text) or link_id(text)


def scheme(name: PaperId) -> str:
    """What kind of name it is: one of SCHEMES."""
    return name.partition(":")[0]


def strength(name: PaperId) -> tuple[int, str]:
    """Sorts names, the strongest first, and equally strong ones always alike."""
    return _RANKS.get(name.partition(":")[0], len(SCHEMES)), name


def _arxiv(text: str) -> re.Match[str] | None:
    if usual := _USUAL.fullmatch(text):
        return usual
    bare = text.strip()
    if bare[:8].lower().startswith(("http://", "https://")):
        bare = _ARXIV_DOI.sub("", _DOI_PREFIX.sub("", bare)) if "doi.org/" in bare else _page(bare)
    bare = _ARXIV_DOI.sub("", _ARXIV_PREFIX.sub("", _DOI_PREFIX.sub("", bare)))
    return _ARXIV.fullmatch(bare)


def _is_told(text: str) -> bool:
    """Whether it can be kept and seen: bounded, no space, no NUL, no half of a surrogate pair."""
    return len(text) <= LONGEST_TOLD and text.isprintable() and " " not in text


def _page(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return ""
    found = _ARXIV_PAGES.fullmatch(parts.path)
    return found[1] if found and _ARXIV_HOSTS.fullmatch(host) else ""


def _named(kind: str, rest: str) -> PaperId:
    name = f"{kind}:{rest}"
    return PaperId(name if len(name) <= LONGEST_NAME else f"{kind}:{_hash(rest)}")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
