"""Papers whose words are unwieldy: too long for a line, no English, or markup to whoever trusts.

What is written here by strangers has to stay words, and inside of the mail.
"""

from __future__ import annotations

import json
from pathlib import Path

from newsletter import sources
from newsletter.sources import Source

WORD = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenkunde"
READER = "a-reader-whose-address-is-as-long-before-its-at-as-any-may-be"
NOTED = "arxiv:2603.00001"
NOTE = f"{WORD * 2}: example.com/{'z' * 120} <b>read it</b>"
PAPERS = (
    {
        "id": NOTED,
        "title": f"{WORD}: {'-'.join([WORD] * 2)}/{WORD * 3}",
        "authors": [WORD * 2, "Ж. Ж. Руссо"],
        "organization": WORD * 2,
        "tldr": f"See example.com/{'z' * 150}, {WORD * 2}, and {'$x_{i}$' * 30}.",
        "code_url": "https://github.com/letters/code",
        "code_guessed": True,
        "project_url": f"https://example.com/{'z' * 200}",
    },
    {
        "id": "arxiv:2603.00002",
        "title": "<h1 onclick='x()'>Bold</h2> & {{ 7 * 7 }} {% raw %} &amp; <!-- $a<b$",
        "authors": ["</td></table>", 'O\'Neil "Q" <q@example.com>'],
        "abstract": "It holds </div><script>alert(1)</script><style>*{display:none}</style>. Yes.",
    },
    {
        "id": "arxiv:2603.00003",
        "title": "التعلم العميق (Deep Learning) 2026",
        "authors": ["محمد", "李明", "😀 Ångström"],
        "abstract": "يقدم هذا البحث نموذجا. 这是一个没有空格的很长的句子" + "深度学习" * 40 + "。",
    },
)


def papers(place: Path) -> Source:
    """They as a source, in a file of that folder."""
    rows = ({**paper, "observations": [{"votes": 1234567}]} for paper in PAPERS)
    file = place / "unkind.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return sources.build("jsonl", {"path": str(file)}, place)
