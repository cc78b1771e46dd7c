"""Asks the mail servers of delivery.transport, and readers' pages as the world finds them."""

from __future__ import annotations

from collections.abc import Iterator

import newsletter
from newsletter import calls, roads, transports
from newsletter.doctor import mail_servers, web_pages
from newsletter.doctor.clocks import Apart
from newsletter.doctor.findings import Finding, ok, skipped
from newsletter.key_file import read
from newsletter.kinds import read_options
from newsletter.pipeline.examining.parts import Installation, Manner, key_file
from newsletter.pipeline.examining.upstreams import clock_of
from newsletter.transports import STAY, TransportUnavailable, smtp_look
from newsletter.transports.smtp_options import SmtpOptions
from subscribers.tokens import Purpose, Signer

STEP = 4.0  # seconds of one step of a dialogue, and of one page
MAIL, PAGES = 12.0, 10.0  # seconds of all of one


def transport(one: Installation, name: str, manner: Manner) -> Iterator[Finding]:
    """Whether a transport can be used; a mail server is spoken to as far as the login."""
    kind, table, where = one.config.transport(name)
    common, own = roads.split(table, where)
    base = one.config.base
    transports.build(kind, own, where, base, also=roads.RoadOptions.model_fields)
    common.limits()
    if kind in STAY:
        yield ok(
            mail_servers.SERVER, f"{name} leaves mail on this machine; there is no login to try."
        )
        return
    if kind != "smtp":
        yield skipped(
            mail_servers.SERVER,
            f"{name} is of the kind {kind}, of which is not known how to look without sending.",
        )
        return
    if manner.offline:
        yield skipped(mail_servers.SERVER, f"{name} was not asked (--offline).")
        return
    options = read_options(SmtpOptions, own, where, base)
    assert isinstance(options, SmtpOptions)  # noqa: S101  for the type checker
    try:
        seen = smtp_look.look(options, where, STEP)
    except TransportUnavailable as problem:
        table_name = f"transports.{name}"
        yield mail_servers.failed(table_name, smtp_look.trouble(problem), str(problem))
        return
    yield from mail_servers.check(f"transports.{name}", seen, manner.now())


def pages(one: Installation, manner: Manner, clocks: list[Apart]) -> Iterator[Finding]:
    """Whether pages.url answers, and is this installation; adds its clock to `clocks`."""
    url = one.config.settings.pages.url
    if url is None:
        yield web_pages.unset()
        return
    if manner.offline:
        yield skipped(web_pages.ANSWERS, f"{url} was not asked (--offline).")
        return
    agent = f"trending-papers/{newsletter.__version__} (doctor)"
    health = calls.look(f"{url}/healthz", agent, STEP)
    apart = clock_of(f"that of {url}", health.date, manner.now())
    if apart is not None:
        clocks.append(apart)
    key = None
    signer = _signer(one, manner)
    if health.status == 200 and signer is not None:
        # A link to a change that nobody asked for, and whose time was over long ago: whoever knows
        # the key says so, whoever does not says that it is not valid.
        token = signer.sign(Purpose.CHANGE, 0, 0, 0)
        key = calls.look(f"{url}/change/{token}", agent, STEP)
    yield from web_pages.check(url, health, key, manner.now())


def _signer(one: Installation, manner: Manner) -> Signer | None:
    """What signs links; None where there is no key yet, for none is made."""
    keys = one.config.keys()
    file = key_file(one)
    if keys is None and file is not None and file.exists():
        keys = read(file, 1)
    if keys is None:
        return None
    secret, *older = keys.valid(manner.now().date())
    return Signer(secret, older)
