"""Keeps what was looked at: readings wait, are sealed when it is time, and give way when room is short.

Nothing is given up in silence: one gap tells when that began, and one when it ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from zaigang_agent import sealing
from zaigang_agent.errors import SpoolError, SpoolFullError
from zaigang_agent.platforms.base import Platform
from zaigang_agent.sealing import Buffer, Sealer, Stamp
from zaigang_agent.spool import Spool
from zaigang_shared.clock import Clock
from zaigang_shared.errors import WireError
from zaigang_shared.readings import Gap, GapReason, Reading, encode

# A stretch of giving up readings is told at its end; a long one also in between, so that a later
# crash cannot hide more than an hour of it.
_SHED_TOLD_MS: Final = 3_600_000
# A receipt waits for the next envelope, which comes within a minute where there is something to say.
# Larger sends more again after a power cut; smaller writes twice where envelopes are rarer.
_HELD_MS: Final = 90_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Where readings go and by whom they are signed."""

    spool: Spool
    max_mb: int
    """Room for envelopes without a receipt, MiB."""
    key: Ed25519PrivateKey
    device_id: str
    clock: Clock
    platform: Platform
    errors: Counter[str]
    problems: MutableMapping[str, str]
    """What does not work now, in words, by part."""


class Keeper:
    """What waits to be sealed for one device. Not safe for use from several threads."""

    def __init__(self, store: Store, boot: bytes, buffer: Buffer) -> None:
        self._store = store
        self._boot = boot
        self._sealer = Sealer(store.spool, store.key, store.device_id)
        self._buffer = buffer
        self._sealed_ms = store.clock.boot_ms()
        self._shed_since_ms: int | None = None
        self._shed_told_ms = 0
        self._no_room = False
        self._reserve_used = False
        self.sealed = 0
        """Envelopes sealed since the start."""

    def __len__(self) -> int:
        """Readings that are not sealed yet."""
        return len(self._buffer)

    @property
    def shedding(self) -> bool:
        """Whether readings are being given up for want of room."""
        return self._shed_since_ms is not None

    def due_ms(self, seal_s: int) -> int:
        """When what waits is sealed at the latest, by the clock of `Now.boot_ms`."""
        return self._sealed_ms + seal_s * 1000

    def add(self, reading: Reading) -> None:
        """Take a reading; one that could not be read back is dropped, and said."""
        try:
            encode(reading)
        except WireError as error:  # signed, it would only be refused
            self._store.errors["reading_refused"] += 1
            self._store.problems["readings"] = (
                f"a reading was out of bounds and dropped: {error.detail}"
            )
            return
        gone = self._buffer.add(reading)
        if gone is not None:
            self._gave_up(gone)

    def seal(self, seal_s: int, *, at_once: bool = False) -> None:
        """Seal what waits when it is time, every `seal_s`, or now. Raises IdentityError."""
        # Read anew: no reading may be younger than its envelope, and looking took a while.
        store = self._store
        now_ms, utc_ms = store.clock.boot_ms(), store.clock.utc_ms()
        self._shed(now_ms)
        is_due = at_once or self._buffer.urgent or now_ms >= self.due_ms(seal_s)
        if not len(self._buffer) or not is_due:
            self._keep_receipt(now_ms)
            return
        self._sealed_ms = now_ms
        stamp = Stamp(self._boot, now_ms, utc_ms, store.platform.clock_synced())
        try:
            self._seal_all(stamp)
        except SpoolFullError as error:
            store.errors["disk_full"] += 1
            store.problems["spool"] = str(error)
            self._no_room = True
            self._say_no_room(stamp)
        except SpoolError as error:
            store.errors["spool"] += 1
            store.problems["spool"] = str(error)
        else:
            store.problems.pop("spool", None)
            self._no_room = self._reserve_used = False
        self._buffer.urgent = False  # after a failure: at the next minute, not at every step

    def _keep_receipt(self, now_ms: int) -> None:
        if not self._store.spool.holds_receipt or now_ms - self._sealed_ms < _HELD_MS:
            return
        try:
            self._store.spool.keep_receipt()
        except SpoolError as error:
            self._store.problems["spool"] = str(error)

    def _seal_all(self, stamp: Stamp) -> None:
        while len(self._buffer):
            try:
                self._sealer.seal(self._buffer, stamp)
                self.sealed += 1
            except WireError as error:
                self._store.errors["reading_refused"] += 1
                self._store.problems["readings"] = f"a reading was dropped: {error.detail}"

    def _shed(self, now_ms: int) -> None:
        """Give up what a spool that is so full does not take, and say when that began and ended."""
        fill = self._store.spool.fill(self._store.max_mb)
        given_up = self._buffer.thin(fill)
        if given_up:
            self._gave_up(given_up[0], len(given_up))
        since_ms = self._shed_since_ms
        if since_ms is None:
            return
        if fill < sealing.FULL_FROM and not self._no_room:
            self._shed_since_ms = None
            self._buffer.add(gap("disk_full", now_ms, since_ms))
        elif now_ms - self._shed_told_ms >= _SHED_TOLD_MS:
            self._shed_told_ms = now_ms
            self._buffer.add(gap("disk_full", now_ms, since_ms))

    def _gave_up(self, oldest: Reading, count: int = 1) -> None:
        self._store.errors["given_up"] += count
        if self._shed_since_ms is not None:
            return
        now_ms = self._store.clock.boot_ms()
        self._shed_since_ms = oldest.t_ms - oldest.span_ms
        self._shed_told_ms = now_ms
        self._buffer.add(gap("disk_full", now_ms, self._shed_since_ms))

    def _say_no_room(self, stamp: Stamp) -> None:
        """The disk takes nothing and readings are lost: say so with the room that is kept for it."""
        if self._shed_since_ms is None or self._reserve_used:
            return
        self._reserve_used = True
        word = Buffer()
        word.add(gap("disk_full", stamp.up_ms, self._shed_since_ms))
        try:
            self._sealer.seal(word, stamp, reserve=True)
            self.sealed += 1
        except SpoolError:  # not even that: the gap at the end of the outage says it
            return


def gap(reason: GapReason, t_ms: int, from_t: int) -> Gap:
    """Nothing was seen from `from_t` to `t_ms`, both CLOCK_BOOTTIME, and why."""
    return Gap(t_ms=t_ms, span_ms=t_ms - from_t, reason=reason, from_t=from_t)
