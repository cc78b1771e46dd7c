"""Signatures, spam filters, accounts and comparisons."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from newsletter import dkim_keys
from newsletter.dkim import MailSigner, Selected, record_name
from newsletter.preflight import accounting, compare, scores, signature, spam
from newsletter.preflight.accounting import Figures, Group, Since
from newsletter.preflight.findings import Level, error, merged, warning
from newsletter.preflight.house import House
from newsletter.preflight.scores import Score
from tests.preflight.clean import checks_of, opened


@pytest.fixture(scope="module")
def keys() -> dict[str, dkim_keys.PrivateKey]:
    """A key of each algorithm, by its selector."""
    return {
        name: dkim_keys.read(dkim_keys.generate(name), name)
        for name in (dkim_keys.RSA, dkim_keys.ED25519)
    }


def test_signatures_are_verified(
    clean: bytes, house: House, keys: dict[str, dkim_keys.PrivateKey]
) -> None:
    """Both hold by another library; one changed letter, another key or none at all is found."""
    signer = MailSigner(
        "example.org", [Selected(selector=name, key=key) for name, key in keys.items()]
    )
    records = {record_name(name, "example.org"): key.record() for name, key in keys.items()}
    signs = replace(house, signs=True)
    signed = signer.sign(clean)
    assert list(signature.check(opened(signed), signs, records)) == []
    for spoiled, known in (
        (signed.replace(b"Alignment", b"Alignmint"), records),
        (signed, dict.fromkeys(records, dkim_keys.read(dkim_keys.generate("rsa"), "").record())),
        (signed, {}),
    ):
        found = merged(signature.check(opened(spoiled), signs, known))
        assert checks_of(found) == {("fatal", "dkim")}
        assert found[0].times == len(keys)
    assert checks_of(signature.check(opened(clean), signs, records)) == {("fatal", "dkim")}
    assert list(signature.check(opened(clean), house, records)) == []


def test_a_signature_covers_how_to_leave(
    clean: bytes, house: House, keys: dict[str, dkim_keys.PrivateKey]
) -> None:
    """RFC 8058 asks for it; and l= is never right."""
    key = Selected(selector="rsa", key=keys["rsa"])
    signed = MailSigner("example.org", [key]).sign(clean)
    records = {record_name("rsa", "example.org"): keys["rsa"].record()}
    bare = signed.replace(b":list-unsubscribe", b":x-other")
    assert ("error", "dkim-fields") in checks_of(signature.check(opened(bare), house, records))
    longer = signed.replace(b" c=relaxed/relaxed;", b" c=relaxed/relaxed; l=10;", 1)
    assert ("error", "dkim-fields") in checks_of(signature.check(opened(longer), house, records))


SPAMASSASSIN = """#!/bin/sh
cat > /dev/null
printf 'X-Spam-Status: Yes, score=6.1 required=5.0 tests=MPART_ALT_DIFF,\\r\\n'
printf '\\tHTML_FONT_LOW_CONTRAST autolearn=no\\r\\n\\r\\nbody\\r\\n'
"""
RSPAMC = """#!/bin/sh
cat > /dev/null
echo 'Results for file: stdin (0.1 seconds)'
echo '{"score": 1.5, "required_score": 15.0,'
echo ' "symbols": {"R_BAD": {"score": 2.0}, "R_OK": {"score": -0.5}}}'
"""


def program(place: Path, name: str, text: str) -> str:
    file = place / name
    file.write_text(text, encoding="utf-8")
    file.chmod(0o755)
    return str(file)


def test_filters_are_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are found on the PATH, their answers read, and what they mean is told."""
    program(tmp_path, "spamassassin", SPAMASSASSIN)
    program(tmp_path, "rspamc", RSPAMC)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert {Path(one).parent for one in spam.filters().values()} == {tmp_path}
    first, second = (spam.ask(*one, b"a mail") for one in spam.filters().items())
    assert (first.score, first.limit) == (6.1, 5.0)
    assert first.rules == ("MPART_ALT_DIFF", "HTML_FONT_LOW_CONTRAST")
    assert (second.score, second.limit, second.rules) == (1.5, 15.0, ("R_BAD",))
    assert [one.level for one in scores.check(first)] == [Level.ERROR]
    assert [one.level for one in scores.check(second)] == [Level.WARNING]
    assert list(scores.check(Score(filter="x", score=-0.1, limit=5))) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("#!/bin/sh\nsleep 20\n", "0.3 seconds"),
        ("#!/bin/sh\necho no such daemon >&2; exit 1\n", "no such daemon"),
        ("#!/bin/sh\n", "nothing"),
        ("#!/nowhere/at/all\n", "did not run"),
    ],
)
def test_a_filter_that_does_not_answer_holds_nothing_up(
    tmp_path: Path, text: str, told: str
) -> None:
    """It has its time; then its trouble is told, and nothing is found of the mail."""
    for name in ("spamassassin", "rspamc"):
        score = spam.ask(name, program(tmp_path, name, text), b"a mail", patience=0.3)
        assert told in score.trouble
        assert list(scores.check(score)) == []


def test_a_filter_that_does_not_run_is_skipped(tmp_path: Path) -> None:
    """Where rspamc is installed and its server does not run, that is said, and no more."""
    text = "#!/bin/sh\ncat > /dev/null; echo IO write error: Connection refused >&2; exit 1\n"
    score = spam.ask("rspamc", program(tmp_path, "rspamc", text), b"a mail")
    assert score.trouble == "rspamd is not running; skipped"
    assert list(scores.check(score)) == []


def test_readers_are_counted() -> None:
    """By papers, by topics, and by why there is nothing."""
    accounts = accounting.account(
        [
            Group(readers=5, topics=(("a",), ("a", "b"))),
            Group(readers=2, topics=(("b",), ())),
            Group(readers=3, reason="nothing new matched (3 off topic)"),
            Group(readers=1, reason="nothing new matched (2 muted)"),
            Group(readers=1, reason="suppressed: it bounced"),
        ],
        Since(not_due=4),
    )
    assert accounts.by_papers == {0: 5, 2: 7}
    assert accounts.nothing == {"nothing new matched": 4, "suppressed: it bounced": 1}
    assert accounts.by_topic == {"b": 7, "a": 5}
    assert (accounts.readers, accounts.reached, accounts.mean) == (12, 7, 2.0)
    assert (accounts.untopical, accounts.not_due) == (2, 4)
    assert list(accounting.check(accounts, "2026-03-12")) == []
    nobody = accounting.account([])
    assert checks_of(accounting.check(nobody, "2026-03-12")) == {("error", "accounts")}
    empty = accounting.account([Group(readers=3, reason="x")])
    assert checks_of(accounting.check(empty, "2026-03-12")) == {("warning", "accounts")}


DAY = Figures(
    issue="2026-03-11",
    readers=100,
    reached=90,
    mean=8.0,
    octets=30_000,
    subjects=frozenset({("a", "s")}),
)
NEXT = replace(DAY, issue="2026-03-12", subjects=frozenset({("a", "t"), ("b", "s")}))


@pytest.mark.parametrize(
    ("now", "before", "found"),
    [
        (NEXT, DAY, []),
        (replace(NEXT, readers=115, reached=105), DAY, []),
        (replace(NEXT, readers=130, reached=117), DAY, ["difference-readers"]),
        (replace(NEXT, readers=3, reached=3), DAY, ["difference-readers"]),
        (replace(NEXT, readers=3, reached=3), replace(DAY, readers=6, reached=1), []),
        (replace(NEXT, mean=3.0), DAY, ["difference-picks"]),
        (replace(NEXT, reached=70), DAY, ["difference-empty"]),
        (replace(NEXT, octets=50_000), DAY, ["difference-size"]),
        (replace(NEXT, octets=15_000), DAY, ["difference-size"]),
        (replace(NEXT, subjects=frozenset({("a", "s"), ("b", "t")})), DAY, ["difference-subject"]),
        (
            replace(NEXT, readers=0, reached=0, mean=0, octets=0),
            replace(DAY, octets=0),
            ["difference-readers"],
        ),
    ],
)
def test_jumps_are_told_with_both_numbers(now: Figures, before: Figures, found: list[str]) -> None:
    """Of few readers no share is told, since chance makes it."""
    told = list(compare.check(now, before))
    assert [one.check for one in told] == found
    for one in told:
        assert one.level is Level.WARNING
        assert before.issue in one.says


def test_findings_that_say_the_same_are_one() -> None:
    """The worst come first, and how many mails have each is counted."""
    found = merged(
        [
            warning("a", "x", "do", "one"),
            error("b", "y", "do", "two"),
            warning("a", "x", "do", "three"),
        ]
    )
    assert [(one.check, one.where, one.times) for one in found] == [
        ("b", "two", 1),
        ("a", "one", 2),
    ]
