"""The benchmarks run: who doubts a figure can measure it again."""

from __future__ import annotations

import pytest

from benchmarks import digests, dkim


@pytest.mark.parametrize(
    ("program", "told"),
    [(digests, "RSA-2048 "), (dkim, "dkimpy RSA-2048")],
    ids=["digests", "dkim"],
)
def test_a_benchmark_prints_its_figures(
    program: object, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Small, so that it costs a second; the figures of so few mails say nothing."""
    program.main(["--readers", "5", "--rounds", "1"])  # type: ignore[attr-defined]
    assert told in capsys.readouterr().out
