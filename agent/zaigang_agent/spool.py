"""Sealed envelopes until the collector's receipt, and the device's place in its chain. SQLite.

Promises, whatever is killed when:
- An envelope is durable before `seal` returns, and its place in the chain is taken in the same
  transaction: counter and chain cannot fork.
- Only `settle` deletes, and only what a receipt covers whose head is the hash that we have for
  that place. A receipt that does not fit our chain means that this file is an older copy of
  itself; then nothing is sealed under this identity any more.
- A receipt is kept in the transaction that seals the next envelope, so that a card is written once a
  minute. One that a crash takes away is given again for what is then sent again: nothing is lost.
- A spool that was copied to another machine or folder does not open.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from zaigang_agent import spoolfile
from zaigang_agent.errors import IdentityError, SpoolError, SpoolFullError, SpoolRolledBackError
from zaigang_shared import envelope
from zaigang_shared.receipt import Receipt

_MIB: Final = 1 << 20
# Pages (of 4 KiB) that are free in the file before they are given back. Larger keeps the room of an
# outage; smaller writes the file anew for every envelope that comes and goes.
_SHRINK_PAGES: Final = 16
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the next envelope goes."""

    seq: int
    prev: bytes
    rcpt: bytes | None
    """SHA-256 of the newest receipt held."""


@dataclass(frozen=True, slots=True)
class Before:
    """What is known of the time before this start."""

    boot: bytes | None
    """Boot id of the newest envelope; None when there is none."""
    up_ms: int
    stopped: bool
    """Whether the agent was stopped in an orderly way after it."""


class Spool:
    """One device's spool. Use as a context manager, or `close`."""

    def __init__(self, state_dir: Path, db: sqlite3.Connection, lock: int | None) -> None:
        """Use `create`, `open` or `peek`."""
        self._state_dir = state_dir
        self._db = db
        self._lock = lock
        self._waiting: int
        self._bytes: int
        self._waiting, self._bytes = db.execute(
            "SELECT count(*), coalesce(sum(length(data)), 0) FROM envelope"
        ).fetchone()
        self._through: int = db.execute("SELECT through FROM chain").fetchone()[0]
        self._held: tuple[Receipt, bytes] | None = None
        self._kept_one = False

    @classmethod
    def create(cls, state_dir: Path, device_id: str) -> None:
        """A new chain for a device that was just enrolled. Raises SpoolError."""
        spoolfile.create(state_dir, device_id)

    @classmethod
    def open(cls, state_dir: Path, device_id: str) -> Spool:
        """The spool for the one agent that may write to it.

        Raises IdentityError when it is not this device's or not in its place any more,
        SpoolError when another agent has it or it cannot be read.
        """
        lock = spoolfile.take_lock(state_dir)
        try:
            spool = cls(state_dir, spoolfile.connect(state_dir), lock)
        except BaseException:
            os.close(lock)
            raise
        try:
            spool._check(device_id)
        except BaseException:
            spool.close()
            raise
        spoolfile.make_reserve(state_dir)
        return spool

    @classmethod
    def peek(cls, state_dir: Path) -> Spool:
        """The spool for looking only, beside a running agent. Raises IdentityError, SpoolError."""
        return cls(state_dir, spoolfile.connect(state_dir), None)

    def close(self) -> None:
        """Let go of file and lock. May be called again."""
        self._db.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- what is in it

    @property
    def waiting(self) -> int:
        """Envelopes without a receipt."""
        return self._waiting

    @property
    def through(self) -> int:
        """The last seq that a receipt covers; 0 when none."""
        return self._through

    @property
    def last_seq(self) -> int:
        """The newest seq; 0 when nothing was sealed yet."""
        seq: int = self._db.execute("SELECT last_seq FROM chain").fetchone()[0]
        return seq

    @property
    def holds_receipt(self) -> bool:
        """Whether a receipt waits for `seal` or `keep_receipt` to make it durable."""
        return self._held is not None

    def receipt(self) -> bytes | None:
        """The newest receipt held, as it came; None: none yet."""
        if self._held is not None:
            return self._held[1]
        data: bytes | None = self._db.execute("SELECT receipt FROM chain").fetchone()[0]
        return data

    def fill(self, max_mb: int) -> float:
        """How much of a budget of `max_mb` MiB the waiting envelopes take; 1 is all of it."""
        return self._bytes / (max_mb * _MIB)

    def before(self) -> Before:
        """How the chain was left when the spool was used last."""
        boot, up_ms, stopped = self._db.execute(
            "SELECT last_boot, last_up_ms, stopped FROM chain"
        ).fetchone()
        return Before(boot, up_ms, bool(stopped))

    def written_ms(self) -> int | None:
        """When an envelope was kept last, UTC, by the file's own time; None when none ever was."""
        return None if self.last_seq == 0 else spoolfile.written_ms(self._state_dir)

    def broken(self) -> str | None:
        """Why nothing may be sealed any more; None when all is well."""
        why: str | None = self._db.execute("SELECT broken FROM chain").fetchone()[0]
        return why

    def after(self, seq: int, limit: int) -> list[tuple[int, bytes]]:
        """At most `limit` waiting envelopes behind `seq`, in order. Raises SpoolError."""
        try:
            return self._db.execute(
                "SELECT seq, data FROM envelope WHERE seq > ? ORDER BY seq LIMIT ?",
                (max(seq, self._through), limit),
            ).fetchall()
        except sqlite3.Error as error:
            raise spoolfile.explained(error, self._state_dir) from error

    # ---- what changes it

    def seal(
        self, make: Callable[[Place], bytes], boot: bytes, up_ms: int, *, reserve: bool = False
    ) -> int:
        """Let `make` sign the next envelope and keep it; returns its seq when it is durable.

        `reserve`: small and worth the room that is kept for such a moment. Raises SpoolFullError,
        SpoolError, and what `make` raises; then nothing has changed.
        """

        def write() -> tuple[int, int]:
            self._write_receipt()
            last_seq, prev, receipt, broken = self._db.execute(
                "SELECT last_seq, last_digest, receipt, broken FROM chain"
            ).fetchone()
            if broken is not None:
                raise SpoolRolledBackError(broken)
            rcpt = None if receipt is None else envelope.digest(receipt)
            seq = last_seq + 1
            data = make(Place(seq, prev, rcpt))
            self._db.execute("INSERT INTO envelope VALUES (?, ?)", (seq, data))
            self._db.execute(
                "UPDATE chain SET last_seq = ?, last_digest = ?, last_boot = ?, last_up_ms = ?,"
                " stopped = 0",
                (seq, envelope.digest(data), boot, up_ms),
            )
            return seq, len(data)

        try:
            seq, size = self._in_transaction(write, reserve=reserve)
        except SpoolFullError:
            if self._held is None:
                raise
            self.keep_receipt()  # which makes room
            seq, size = self._in_transaction(write, reserve=reserve)
        self._waiting += 1
        self._bytes += size
        self._receipt_is_kept()
        return seq

    def settle(self, receipt: Receipt, data: bytes) -> int:
        """Count as delivered what `receipt`, verified by the caller from `data`, covers; returns how
        much that is. It is deleted with the next `seal`, or by `keep_receipt`.

        A receipt that says less than one before changes nothing. Raises SpoolRolledBackError when it
        does not fit this chain, SpoolError.
        """
        try:
            known = self._digest(receipt.through)
            count, size = self._db.execute(
                "SELECT count(*), coalesce(sum(length(data)), 0) FROM envelope"
                " WHERE seq > ? AND seq <= ?",
                (self._through, receipt.through),
            ).fetchone()
        except sqlite3.Error as error:
            raise spoolfile.explained(error, self._state_dir) from error
        if known is not None and known != receipt.head:
            why = _rolled_back(receipt)
            self._in_transaction(
                lambda: self._db.execute("UPDATE chain SET broken = ?", (why,)), reserve=True
            )
            raise SpoolRolledBackError(why)
        if receipt.through <= self._through:
            return 0
        self._held = (receipt, data)
        self._through = receipt.through
        self._waiting -= count
        self._bytes -= size
        if not self._kept_one:
            # The first since the start ends the doubt about what the last run left: kept at once.
            with contextlib.suppress(SpoolFullError):
                self.keep_receipt()
        return int(count)

    def keep_receipt(self) -> None:
        """Make the receipt that is held durable, and delete what it covers. Raises SpoolError."""
        if self._held is not None:
            self._in_transaction(self._write_receipt, reserve=True)
            self._receipt_is_kept()

    def mark_stopped(self) -> None:
        """Note an orderly stop, so that the next start does not speak of a crash."""
        with contextlib.suppress(SpoolError):  # then the next start speaks of one: harmless
            self.keep_receipt()
            self._in_transaction(
                lambda: self._db.execute("UPDATE chain SET stopped = 1"), reserve=True
            )

    # ---- inside

    def _write_receipt(self) -> None:
        """Within a transaction: what `settle` has taken."""
        if self._held is None:
            return
        receipt, data = self._held
        self._db.execute("DELETE FROM envelope WHERE seq <= ?", (receipt.through,))
        self._db.execute(
            "UPDATE chain SET receipt = ?, through = ?, head = ?",
            (data, receipt.through, receipt.head),
        )

    def _receipt_is_kept(self) -> None:
        if self._held is not None:
            self._held = None
            self._kept_one = True
            self._shrink()

    def _digest(self, seq: int) -> bytes | None:
        """The hash that our chain has at `seq`: empty when it does not reach there, None when it
        was settled and forgotten long ago."""
        through, head = self._db.execute("SELECT through, head FROM chain").fetchone()
        if self._held is not None:
            through, head = self._held[0].through, self._held[0].head
        if seq == through:
            return bytes(head)
        row = self._db.execute("SELECT data FROM envelope WHERE seq = ?", (seq,)).fetchone()
        if row is not None:
            return envelope.digest(row[0])
        return None if seq < through else b""

    def _check(self, device_id: str) -> None:
        owner, marker, broken = self._db.execute(
            "SELECT device_id, marker, broken FROM chain"
        ).fetchone()
        if owner != device_id:
            raise IdentityError(
                f"the spool in {self._state_dir} belongs to device {owner}, the keys to "
                f"{device_id}: files were mixed; enrol this device again"
            )
        if broken is not None:
            raise SpoolRolledBackError(broken)
        if marker != spoolfile.marker(self._state_dir):
            raise IdentityError(
                f"{self._state_dir} was copied here from another machine or folder, or put back "
                f"from a backup; two agents must not sign as device {device_id}. Enrol this "
                "machine as a device of its own: zaigang-agent enrol --again URL TOKEN"
            )

    def _in_transaction(self, write: Callable[[], _T], *, reserve: bool) -> _T:
        try:
            return self._attempt(write)
        except SpoolFullError:
            if not reserve or not spoolfile.release_reserve(self._state_dir):
                raise
        return self._attempt(write)

    def _attempt(self, write: Callable[[], _T]) -> _T:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            result = write()
            self._db.execute("COMMIT")
        except BaseException as error:
            # After a failed COMMIT the transaction may be open or rolled back already. What was
            # not reported as durable is never sent, so whichever it is, no fork can come of it.
            with contextlib.suppress(sqlite3.Error):
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise spoolfile.explained(error, self._state_dir) from error
            raise
        return result

    def _shrink(self) -> None:
        """Give back the room of an outage, and make the reserve anew."""
        with contextlib.suppress(sqlite3.Error):
            if self._db.execute("PRAGMA freelist_count").fetchone()[0] >= _SHRINK_PAGES:
                # Gives back one page a step, and `execute` takes one step.
                self._db.executescript("PRAGMA incremental_vacuum;")
        spoolfile.make_reserve(self._state_dir)


def _rolled_back(receipt: Receipt) -> str:
    return (
        f"the collector has envelope {receipt.through} of this device, and it is not the one that "
        "is remembered here: the state folder is an older copy, or another machine signs with the "
        "same key. Nothing is signed any more; enrol again: zaigang-agent enrol --again URL TOKEN"
    )


def iterate(spool: Spool, batch: int = 64) -> Iterator[tuple[int, bytes]]:
    """All waiting envelopes in order, a few at a time in memory."""
    seq = 0
    while rows := spool.after(seq, batch):
        yield from rows
        seq = rows[-1][0]
