"""Which slots were on the air. Pure; safe for any thread.

A slot counts as sent when its frame was on the air for a part of it at least. A slot in which the
radio could not send is told as not sent; one in which the machine slept is not told at all.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from zaigang_agent.ble.air import Broadcast
from zaigang_shared import rid

# Slots that wait to be told: half an hour. More would tell of times that no reading else covers.
_MAX_WAITING: Final = 120


@dataclass(slots=True)
class _Slot:
    slot: int
    from_ms: int
    """CLOCK_BOOTTIME at which it was entered."""
    ok: bool
    problem: str | None


class Sent:
    """The slots of a broadcast, until they are told."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots: list[_Slot] = []

    def note(self, slot: int, boot_ms: int, problem: str | None) -> None:
        """The machine's clock is in `slot`, and its frame is on the air, or is not because of
        `problem`. Once it was on the air in a slot, that stays so."""
        with self._lock:
            if self._slots and self._slots[-1].slot == slot:
                last = self._slots[-1]
                last.ok |= problem is None
                last.problem = None if last.ok else problem
                return
            self._slots.append(_Slot(slot, boot_ms, problem is None, problem))
            del self._slots[:-_MAX_WAITING]

    def clear(self) -> None:
        with self._lock:
            self._slots.clear()

    def take(self, utc_ms: int, boot_ms: int) -> Sequence[Broadcast]:
        """What was sent since the last time, in order: one for each run of slots that were sent or
        were not. The two times are of this moment."""
        with self._lock:
            if not self._slots:
                return []
            last = self._slots[-1]
            end_ms = _end_ms(last, utc_ms, boot_ms)
            told = [
                Broadcast(run[0].from_ms, until_ms, run[0].slot, run[-1].slot, run[0].ok, problem)
                for run, until_ms, problem in _runs(self._slots, end_ms)
                if until_ms >= run[0].from_ms
            ]
            self._slots.clear()
            if end_ms == boot_ms:  # still in it: what comes of it is told the next time
                self._slots.append(_Slot(last.slot, boot_ms, last.ok, last.problem))
            return told


def _end_ms(last: _Slot, utc_ms: int, boot_ms: int) -> int:
    """CLOCK_BOOTTIME at which the newest slot ended: this moment while it lasts."""
    over_ms = utc_ms - rid.slot_start_ms(last.slot + 1)
    return boot_ms if over_ms < 0 else max(last.from_ms, boot_ms - over_ms - 1)


def _runs(slots: Sequence[_Slot], end_ms: int) -> list[tuple[Sequence[_Slot], int, str | None]]:
    """Neighbours that fared alike and follow each other, each with its end and its problem."""
    starts = [
        at
        for at, slot in enumerate(slots)
        if at == 0 or slot.ok != slots[at - 1].ok or slot.slot != slots[at - 1].slot + 1
    ]
    runs = []
    for start, stop in zip(starts, [*starts[1:], len(slots)], strict=True):
        run = slots[start:stop]
        until_ms = end_ms
        if stop < len(slots):
            follows = slots[stop].slot == run[-1].slot + 1
            # With a sleep or a new time in between, its last slot is known by its beginning alone.
            until_ms = slots[stop].from_ms - 1 if follows else run[-1].from_ms
        runs.append((run, until_ms, run[-1].problem))
    return runs
