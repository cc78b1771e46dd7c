"""What a single setting may be: lines, names, addresses, hosts, colours.

Each check raises ValueError with what it must be; `config.py` says where it stood.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import date
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator

from newsletter import plain
from subscribers.addresses import normalise
from subscribers.errors import AddressError, PreferenceError
from subscribers.model import WEEKDAYS, parse_days, parse_time, parse_zone

COLOUR = re.compile(r"#[0-9a-f]{6}")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}")
FEEDBACK_ID = re.compile(r"[A-Za-z0-9_.-]{5,15}")
BACKENDS = ("sqlite", "postgresql+psycopg")  # what newsletter/store/ is tested on
LONGEST_LINE = 120  # characters; a name longer than this is cut by every mail client
LIST_ID = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+")  # a dot-atom, as RFC 2919 2 wants it
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*")  # RFC 6376 3.1 and 3.5: what s= and d= may hold


def _line(text: str) -> str:
    clean = text.strip()
    if not clean or len(clean) > LONGEST_LINE or not clean.isprintable():
        raise ValueError(f"must be one line of 1 to {LONGEST_LINE} printable characters")
    return clean


def _names(given: Any) -> Any:
    if isinstance(given, list) and all(isinstance(one, str) for one in given):
        given = ", ".join(given)
    if not isinstance(given, str):
        return given
    names = [one.strip() for one in given.split(",")]
    if not all(names) or len(set(names)) < len(names):
        raise ValueError("must be a name, or different names separated by commas")
    return ", ".join(names)


def _address(text: str) -> str:
    try:
        return normalise(text)
    except AddressError as error:
        raise ValueError(str(error).rstrip(".")) from None


def _zone(name: str) -> str:
    try:
        return parse_zone(name).key
    except PreferenceError as error:
        raise ValueError(str(error).rstrip(".")) from None


def _one_line(text: str) -> str:
    """Lines joined by commas, which stand for the ends of lines in an address."""
    lines = (" ".join(line.split()).rstrip(",") for line in text.splitlines())
    return ", ".join(line for line in lines if line)


def _ascii_line(text: str) -> str:
    if not text.isascii():  # it stands in an HTTP header
        raise ValueError("must be ASCII, such as an address or the URL of a page")
    return _line(text)


def _list_id(text: str) -> str:
    if not LIST_ID.fullmatch(text):
        raise ValueError("must be words joined by dots, such as daily.example.org")
    return text


def _host(text: str) -> str:
    if not HOST.fullmatch(text):
        raise ValueError("must be letters, digits and hyphens joined by dots, as in the DNS")
    return text.lower()


def _addresses(text: str) -> str:
    for one in text.split(", "):
        try:
            ipaddress.ip_address(one)
        except ValueError:
            raise ValueError("must be IP addresses, such as 192.0.2.53") from None
    return text


def _networks(text: str) -> str:
    for one in text.split(", "):
        try:
            ipaddress.ip_network(one)
        except ValueError:
            raise ValueError("must be networks, such as 10.0.0.0/8 or 192.0.2.53") from None
    return text


def _colour(text: str) -> str:
    if not COLOUR.fullmatch(text.lower()):
        raise ValueError("must be a colour such as #0550ae")
    return text.lower()


def _fonts(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9 ,'_-]{1,300}", text):
        raise ValueError("must be names of fonts, separated by commas")
    return text


def _language(text: str) -> str:
    if not LANGUAGE.fullmatch(text):
        raise ValueError("must be a tag such as en, de or pt-BR")
    return text


def _feedback_id(text: str) -> str:
    if not FEEDBACK_ID.fullmatch(text):
        raise ValueError("must be 5 to 15 letters, digits, dots, hyphens or underscores")
    return text


def _pages(text: str) -> str:
    parts = urlsplit(text)
    if plain.url(text) is None or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be the URL of a page, such as https://papers.example.org")
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost"):
        raise ValueError("must begin with https://: RFC 8058 asks for it")
    return text.rstrip("/")


def _image(text: str) -> str:
    if plain.url(text) is None or not text.startswith("https://"):
        raise ValueError("must be the https URL of an image")
    return text


def check_url(url: str) -> str:
    """The URL if it names a database this product keeps its tables in; raises ValueError."""
    backend, colon, rest = url.partition("://")
    if not colon:
        raise ValueError("must be a URL such as sqlite:///newsletter.db")
    if backend in ("postgres", "postgresql"):
        raise ValueError("must begin with postgresql+psycopg:// to name the driver")
    if backend not in BACKENDS:
        raise ValueError(f"must begin with {' or '.join(f'{b}://' for b in BACKENDS)}")
    path = rest.removeprefix("/").partition("?")[0]
    if backend == "sqlite" and (not rest.startswith("/") or path in ("", ":memory:")):
        raise ValueError("must name a file after three slashes: a ledger has to outlive a run")
    try:
        _ = urlsplit(url).port
    except ValueError:
        raise ValueError("has a host or a port that cannot be read") from None
    return url


def _time(text: str) -> str:
    try:
        return f"{parse_time(text):%H:%M}"
    except PreferenceError as error:
        raise ValueError(str(error).rstrip(".")) from None


def _days(given: Any) -> Any:
    if isinstance(given, list) and all(isinstance(one, str) for one in given):
        given = ",".join(given)
    if not isinstance(given, str):
        return given
    try:
        days = parse_days(given)
    except PreferenceError as error:
        raise ValueError(str(error).rstrip(".")) from None
    return ",".join(WEEKDAYS[day] for day in sorted(days))


def _dates(given: Any) -> Any:
    if isinstance(given, list):
        given = ",".join(map(str, given))
    if not isinstance(given, str):
        return given
    try:
        found = {date.fromisoformat(one.strip()) for one in given.split(",") if one.strip()}
    except ValueError:
        raise ValueError("must be dates such as 2026-12-25, separated by commas") from None
    return ",".join(map(str, sorted(found)))


Line = Annotated[str, AfterValidator(_line)]
Names = Annotated[Line, BeforeValidator(_names)]
Address = Annotated[str, AfterValidator(_address)]
Host = Annotated[str, AfterValidator(_host)]
IpAddresses = Annotated[Names, AfterValidator(_addresses)]
IpNetworks = Annotated[Names, AfterValidator(_networks)]
IpAddress = Annotated[str, AfterValidator(_addresses)]
Days = Annotated[str, BeforeValidator(_days)]
Dates = Annotated[str, BeforeValidator(_dates)]
Zone = Annotated[str, AfterValidator(_zone)]
Lines = Annotated[str, AfterValidator(_one_line)]
AsciiLine = Annotated[str, AfterValidator(_ascii_line)]
ListId = Annotated[str, AfterValidator(_list_id)]
Colour = Annotated[str, AfterValidator(_colour)]
Fonts = Annotated[str, AfterValidator(_fonts)]
Language = Annotated[str, AfterValidator(_language)]
FeedbackId = Annotated[str, AfterValidator(_feedback_id)]
PageUrl = Annotated[str, AfterValidator(_pages)]
ImageUrl = Annotated[str, AfterValidator(_image)]
DatabaseUrl = Annotated[str, AfterValidator(check_url)]
TimeOfDay = Annotated[str, AfterValidator(_time)]
