"""The device as a witness: each receipt names what the collector's ledger was, and a ledger only grows.

What two receipts say that cannot both be true is kept on this machine, signed by the collector
itself: whoever wants to deny it has to deny their own signature.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import MutableMapping
from pathlib import Path
from typing import Final

from zaigang_shared.receipt import Receipt

EARLIER: Final = "ledger-earlier.receipt"
LATER: Final = "ledger-later.receipt"
# Collectors side by side may stamp receipts in another order than they read the ledger. Larger
# overlooks a ledger that was put back within that time; smaller takes their rush for a lie.
_SLACK_MS: Final = 60_000


class LedgerWatch:
    """Compares receipts of one collector; says in `problems` what does not fit."""

    def __init__(
        self, state_dir: Path, problems: MutableMapping[str, str], errors: Counter[str]
    ) -> None:
        self._state_dir = state_dir
        self._problems = problems
        self._errors = errors
        if (state_dir / LATER).exists():
            self._tell()

    def compare(self, before: Receipt, before_data: bytes, now: Receipt, data: bytes) -> None:
        """`before`: the newest receipt held until now. Both are verified, and `*_data` are their bytes."""
        if before.log is None or now.log is None:
            return
        is_other = now.log.size == before.log.size and now.log.root != before.log.root
        is_smaller = now.log.size < before.log.size and now.at_ms > before.at_ms + _SLACK_MS
        if not (is_other or is_smaller):
            return
        self._errors["ledger_went_back"] += 1
        self._tell()
        if (self._state_dir / LATER).exists():  # the first pair is the telling one
            return
        with contextlib.suppress(OSError):  # a full disk: it is told all the same
            _write(self._state_dir / EARLIER, before_data)
            _write(self._state_dir / LATER, data)

    def _tell(self) -> None:
        self._problems["ledger"] = (
            "the collector's ledger is not the one that it was: restored from an older backup, or "
            f"altered. Two receipts that prove it are in {self._state_dir} ({EARLIER}, {LATER}): "
            "tell IT, and keep them"
        )


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
