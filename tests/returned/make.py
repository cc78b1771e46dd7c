"""Mail as it comes back, in the shapes of the servers that people use.

Written for these tests after the standards and the manner of each server; copied from nobody.
`mail(name, ...)` fills in what joins it to a delivery of ours.
"""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob("*.eml"))
TOKEN = "42-7-abcdefghijklmnop"
MESSAGE_ID = "2026-03-12.AAAAAAAAAAAAAAAAAAAAAA@example.org"
UNSUBSCRIBE = "42.BBBBBBBBBBBBBBBBBBBBBB"
CONFIRM = "7-1773552600." + "A" * 22


def mail(
    name: str,
    *,
    bounces: str = f"bounces+{TOKEN}@example.org",
    message_id: str = MESSAGE_ID,
    unsubscribe: str = UNSUBSCRIBE,
    confirm: str = CONFIRM,
    reader: str = "asa@example.test",
) -> bytes:
    """The message of that name, come back to `bounces`, about the mail with `message_id`."""
    text = (HERE / f"{name}.eml").read_text(encoding="utf-8")
    for mark, value in (
        ("@BOUNCES@", bounces),
        ("@MESSAGE_ID@", message_id),
        ("@UNSUBSCRIBE@", unsubscribe),
        ("@CONFIRM@", confirm),
        ("@READER@", reader),
    ):
        text = text.replace(mark, value)
    return text.encode()
