"""A device keeps what proves that the collector's ledger was put back or rewritten."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.fakes.agent import COLLECTOR, DEVICE_ID
from zaigang_agent.ledgerwatch import EARLIER, LATER, LedgerWatch
from zaigang_shared import receipt
from zaigang_shared.receipt import LogHead, Receipt

MINUTE_MS = 60_000


class Told:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: dict[str, str] = {}
        self.errors: Counter[str] = Counter()
        self.watch = LedgerWatch(folder, self.problems, self.errors)

    def compare(self, before: Receipt, now: Receipt) -> None:
        self.watch.compare(before, signed(before), now, signed(now))


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path)


def word(log: LogHead | None, at_ms: int = 0, through: int = 1) -> Receipt:
    return Receipt(DEVICE_ID, through, bytes(32), at_ms, log)


def signed(one: Receipt) -> bytes:
    return receipt.sign_receipt(COLLECTOR, one)


def head(size: int, root: int = 1) -> LogHead:
    return LogHead(size, bytes([root]) * 32)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (word(head(5)), word(head(5), MINUTE_MS)),
        (word(head(5)), word(head(9, 2), MINUTE_MS)),
        (word(head(9)), word(head(5, 2), MINUTE_MS)),  # two collectors in a rush
        (word(head(9), 9 * MINUTE_MS), word(head(5, 2))),  # an older receipt, delivered again
        (word(None), word(head(5), MINUTE_MS)),
        (word(head(5)), word(None, MINUTE_MS)),
    ],
)
def test_a_ledger_that_grows_is_nothing_to_tell(told: Told, before: Receipt, now: Receipt) -> None:
    told.compare(before, now)
    assert (told.problems, told.errors) == ({}, Counter())
    assert list(told.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (word(head(5)), word(head(5, 2), MINUTE_MS)),
        (word(head(5), MINUTE_MS), word(head(5, 2))),
        (word(head(9)), word(head(5), MINUTE_MS + 1)),
    ],
)
def test_a_ledger_that_shrank_or_changed_is_told_and_both_receipts_are_kept(
    told: Told, before: Receipt, now: Receipt
) -> None:
    told.compare(before, now)
    assert "tell IT" in told.problems["ledger"]
    assert told.errors["ledger_went_back"] == 1
    kept = [(told.folder / name).read_bytes() for name in (EARLIER, LATER)]
    assert kept == [signed(before), signed(now)]
    assert (told.folder / LATER).stat().st_mode & 0o777 == 0o600


def test_the_first_pair_stays_and_is_told_again_after_a_restart(told: Told) -> None:
    told.compare(word(head(5)), word(head(5, 2)))
    told.compare(word(head(7)), word(head(7, 3)))
    assert (told.folder / EARLIER).read_bytes() == signed(word(head(5)))
    again = Told(told.folder)
    assert "tell IT" in again.problems["ledger"]
