"""Posts to webhooks: the one place that opens sockets to addresses an operator's customers give.

Bounded in time and size, TLS verified, no redirect followed, no proxy used. A name is looked up
here, its addresses checked, and connected to as checked, so that it cannot change its mind in
between; a private one is refused unless the operator allows it. What is posted is `webhooks.py`'s.
The doctor's look at the operator's own pages is bounded in the same way.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from http import HTTPStatus

import httpx

from newsletter import plain
from newsletter.doctor.web_pages import Answer, Trouble
from newsletter.sources.deadline import Deadline
from newsletter.sources.http import is_public, told
from newsletter.webhooks import LONGEST_ANSWER, Answered

SECONDS = 10.0  # of one POST, answer and all
EXPIRED = 10  # OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED
LONGEST_BODY = 4096  # bytes of an answer that are read: a line of it is shown
ALLOWED = "webhooks.allow_private = true would allow it"


def problem(url: str, *, allow_private: bool) -> str | None:
    """Why no webhook can be there, as far as its address tells; None if one can be."""
    try:
        parsed = httpx.URL(plain.url(url) or "")
        host = parsed.raw_host.decode("ascii")
    except (httpx.InvalidURL, UnicodeError) as error:
        return f"it is no address that can be asked: {error}"
    if not host or parsed.fragment or not _is_port(parsed.port):
        return "it must be an https address without a login or a fragment"
    addresses = _numeric(host)
    local = bool(addresses) and all(_is_loopback(one) for one in addresses)
    if parsed.scheme != "https" and not (allow_private and local):
        own = f" ({ALLOWED})" if local else ""
        return f"it must begin with https://, except on this machine{own}"
    return _private(addresses, allow_private=allow_private)


class Caller:
    """Posts, from several threads if need be; nothing is kept between two of them."""

    def __init__(
        self, agent: str, *, allow_private: bool = False, seconds: float = SECONDS
    ) -> None:
        self._agent = agent
        self._allow_private = allow_private
        self._seconds = seconds

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answered:
        """What came of it, whatever that was; raises nothing."""
        wrong = problem(url, allow_private=self._allow_private)
        if wrong:
            return _failed(wrong)
        target = httpx.URL(url)
        try:
            addresses = _look_up(target)
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            return _failed(f"{target.host} cannot be found: {reason}")
        wrong = _private(addresses, allow_private=self._allow_private)
        if wrong:
            return _failed(wrong)
        return self._post(target, addresses, headers, body)

    def _post(
        self, url: httpx.URL, addresses: list[str], headers: Mapping[str, str], body: bytes
    ) -> Answered:
        """Tries one address after the other, as long as none can be connected to."""
        ends_at = time.monotonic() + self._seconds
        deadline = Deadline(self._seconds)
        failed = _failed("no connection in time")
        with deadline.running() as over:
            for address in addresses:
                left = ends_at - time.monotonic()
                if left <= 0:
                    break
                try:
                    return self._once(url, address, headers, body, left, deadline)
                except httpx.TransportError as error:
                    late = f"no answer in {self._seconds:g} seconds"
                    failed = _failed(late if over.is_set() else told(error))
                    if not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
                        break
        return failed

    def _once(
        self,
        url: httpx.URL,
        address: str,
        headers: Mapping[str, str],
        body: bytes,
        seconds: float,
        deadline: Deadline,
    ) -> Answered:
        own = {
            "Host": url.netloc.decode("ascii"),
            "User-Agent": self._agent,
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        named = {"sni_hostname": url.raw_host.decode("ascii"), "trace": deadline.trace}
        with (
            httpx.Client(verify=self._tls, timeout=seconds, trust_env=False) as client,
            client.stream(
                "POST",
                url.copy_with(host=address),
                headers={**headers, **own},
                content=body,
                extensions=named,  # the name whose certificate it has to show
            ) as response,
        ):
            return Answered(status=response.status_code, words=_words(response))

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return httpx.create_ssl_context()  # SSL_CERT_FILE and SSL_CERT_DIR count


def look(url: str, agent: str, seconds: float) -> Answer:
    """What a GET of an address of the operator's own brings, whatever that is; raises nothing.

    A private address may be asked: the operator named it.
    """
    deadline = Deadline(seconds)
    headers = {"User-Agent": agent, "Accept-Encoding": "identity", "Connection": "close"}
    try:
        with (
            deadline.running() as over,
            httpx.Client(
                verify=httpx.create_ssl_context(), timeout=seconds, trust_env=False
            ) as client,
            client.stream(
                "GET", url, headers=headers, extensions={"trace": deadline.trace}
            ) as response,
        ):
            ends = _certificate_ends(response)  # before the body's end closes the connection
            return Answer(
                status=response.status_code,
                body=_beginning(response).decode("utf-8", errors="replace"),
                location=response.headers.get("location", "")
                if response.has_redirect_location
                else "",
                date="" if "age" in response.headers else response.headers.get("date", ""),
                certificate_ends=ends,
            )
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, OSError) as error:
        if over.is_set():
            return Answer(words=f"no answer in {seconds:g} seconds", trouble=Trouble.SILENT)
        words = told(error) if isinstance(error, httpx.TransportError) else str(error)
        return Answer(words=plain.line(words, LONGEST_ANSWER), trouble=_trouble(error))


def _trouble(error: BaseException) -> Trouble:
    if isinstance(error, httpx.TimeoutException):
        return Trouble.SILENT
    cause: BaseException | None = error
    while cause is not None:
        match cause:
            case ssl.SSLCertVerificationError(verify_code=code):
                return Trouble.EXPIRED if code == EXPIRED else Trouble.CERTIFICATE
            case socket.gaierror():
                return Trouble.NAME
            case ConnectionRefusedError():
                return Trouble.CLOSED
        cause = cause.__cause__ or cause.__context__
    return Trouble.OTHER


def _certificate_ends(response: httpx.Response) -> datetime | None:
    stream = response.extensions.get("network_stream")
    tls = stream.get_extra_info("ssl_object") if stream is not None else None
    ends = (tls.getpeercert() or {}).get("notAfter") if tls is not None else None
    return None if ends is None else datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)


def _is_port(port: int | None) -> bool:
    return port is None or 0 < port < 2**16


def _numeric(host: str) -> list[str]:
    """The addresses that a host says by itself; none for a name."""
    if host.rstrip(".") == "localhost" or host.rstrip(".").endswith(".localhost"):
        return ["127.0.0.1"]  # for everybody, RFC 6761 6.3
    try:
        return [str(ipaddress.ip_address(host.strip("[]")))]
    except ValueError:
        return []


def _look_up(url: httpx.URL) -> list[str]:
    """The addresses of a host, those to prefer first; raises OSError."""
    port = url.port or (443 if url.scheme == "https" else 80)
    host = url.raw_host.decode("ascii")
    found = _numeric(host) or [
        str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    ]
    return list(dict.fromkeys(found))


def _private(addresses: list[str], *, allow_private: bool) -> str | None:
    wrong = [one for one in addresses if not is_public(one)]
    if wrong and not allow_private:
        return f"it is at the private address {wrong[0]}; {ALLOWED}"
    return None


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address).is_loopback


def _words(response: httpx.Response) -> str:
    """The status, and the first line of what is said with it, as far as that comes."""
    try:
        phrase = HTTPStatus(response.status_code).phrase
    except ValueError:
        phrase = ""
    said = f"{response.status_code} {phrase}".strip()
    if response.has_redirect_location:
        return f"{said}; redirects are not followed"
    text = _beginning(response).decode("utf-8", errors="replace")
    line = "" if "html" in response.headers.get("content-type", "") else plain.line(text)
    return plain.line(f"{said}: {line}" if line else said, LONGEST_ANSWER)


def _beginning(response: httpx.Response) -> bytes:
    """The first bytes of a body, as far as they come."""
    body = b""
    with suppress(httpx.TransportError, httpx.StreamError):
        for raw in response.iter_raw():
            body += raw
            if len(body) >= LONGEST_BODY:
                break
    return body[:LONGEST_BODY]


def _failed(words: str) -> Answered:
    return Answered(status=None, words=plain.line(words, LONGEST_ANSWER))
