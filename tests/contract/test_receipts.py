"""What a server said while the database could not be written is not lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from newsletter import pipeline
from newsletter.delivery import Decision, DeliveryState, Policy
from newsletter.errors import StoreError
from newsletter.pipeline.receipts import FileReceipts
from newsletter.store.claiming import Finished
from newsletter.transports.memory import MemoryTransport
from tests.contract.test_belt import NOON, SIGNER, issue_id
from tests.world import LEASE, Ledger

SENT = Decision(state=DeliveryState.SENT, reason="")
LATER = Decision(state=DeliveryState.DEFERRED, reason="later", next_at=NOON)


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    made = Ledger(database_url)
    yield made
    made.database.close()


def post(ledger: Ledger, receipts: FileReceipts, transport: MemoryTransport) -> pipeline.Post:
    return pipeline.Post(
        roads=[pipeline.Road(name="memory", transports=[transport])],
        owner="two",
        policy=Policy(tries=3, news=timedelta(hours=36)),
        lease=LEASE,
        clock=lambda: NOON + 2 * LEASE,
        receipts=receipts,
    )


def test_an_answer_that_could_not_be_recorded_is_told_by_the_next_run(
    ledger: Ledger, tmp_path: Path
) -> None:
    """The delivery is sent, not unknown, although its lease has ended; the receipt is gone."""
    done = ledger.compose()
    receipts = FileReceipts(tmp_path / "receipts")
    (claim,) = ledger.claim("one")
    ledger.begin("one", [claim])
    receipts.keep([Finished(claim=claim, decision=SENT, transport="memory")], NOON)
    assert len(list((tmp_path / "receipts").iterdir())) == 1
    sink = MemoryTransport()
    result = pipeline.dispatch(ledger.database, SIGNER, post(ledger, receipts, sink))
    assert result.lost == 0
    assert claim.address not in [envelope.recipient for envelope, _ in sink.messages]
    entry = ledger.entries(issue_id(done))[claim.address]
    assert (entry.state, entry.sent_at) == (DeliveryState.SENT, NOON)
    assert list((tmp_path / "receipts").iterdir()) == []


def test_a_receipt_settles_what_became_unknown_meanwhile_and_nothing_else(
    ledger: Ledger, tmp_path: Path
) -> None:
    """Not what another attempt ended, and not what an operator settled."""
    done = ledger.compose()
    receipts = FileReceipts(tmp_path)
    (claim,) = ledger.claim("one")
    ledger.begin("one", [claim])
    receipts.keep([Finished(claim=claim, decision=SENT, transport="memory")], NOON)
    assert ledger.settle(NOON + 2 * LEASE) == 1
    assert receipts.replay(ledger.database) == 1
    assert ledger.entries(issue_id(done))[claim.address].state is DeliveryState.SENT
    receipts.keep([Finished(claim=claim, decision=SENT, transport="memory")], NOON)
    assert receipts.replay(ledger.database) == 0


def test_what_was_not_taken_is_tried_again(ledger: Ledger, tmp_path: Path) -> None:
    """A 4yz that could not be recorded leaves nothing in doubt, and is charged."""
    done = ledger.compose()
    receipts = FileReceipts(tmp_path)
    (claim,) = ledger.claim("one")
    ledger.begin("one", [claim])
    receipts.keep([Finished(claim=claim, decision=LATER, transport="memory")], NOON)
    assert receipts.replay(ledger.database) == 1
    entry = ledger.entries(issue_id(done))[claim.address]
    assert (entry.state, entry.next_at) == (DeliveryState.DEFERRED, NOON)
    (again,) = [one for one in ledger.claim("two", limit=9) if one.id == claim.id]
    assert again.tries == 1


def test_what_is_in_doubt_needs_no_receipt(ledger: Ledger, tmp_path: Path) -> None:
    """Nobody said anything that could be kept."""
    ledger.compose()
    (claim,) = ledger.claim("one")
    doubt = Decision(state=DeliveryState.UNKNOWN, reason="no answer")
    FileReceipts(tmp_path / "x").keep(
        [Finished(claim=claim, decision=doubt, transport="memory")], NOON
    )
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"delivery": 1}', "\0"])
def test_a_receipt_that_cannot_be_read_is_told_and_kept(
    ledger: Ledger, tmp_path: Path, text: str
) -> None:
    """Nothing is sent before an operator has looked at it."""
    (tmp_path / "bad.jsonl").write_text(text)
    with pytest.raises(StoreError, match="bad.jsonl cannot be read"):
        FileReceipts(tmp_path).replay(ledger.database)
    assert (tmp_path / "bad.jsonl").exists()
