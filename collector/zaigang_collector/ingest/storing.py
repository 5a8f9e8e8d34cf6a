"""Steps 4, 5 and 7: what a batch changes in the database, inside the caller's transaction.

Statements by batch, not by message: what is new is inserted in one go, what may be there already
is looked up in one go, and in the usual case - each device's next envelope - only its chain is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection

from zaigang_collector import db
from zaigang_collector.db import Randomness
from zaigang_collector.ingest import clones, oddities, sealing, windows
from zaigang_collector.ingest.chain import Chain, Link, added, advance
from zaigang_collector.ingest.model import Taken
from zaigang_collector.ingest.receipts import KnownReceipts
from zaigang_collector.ingest.tables import CHAIN, ENVELOPE, RECEIPT
from zaigang_collector.ingest.verify import Accepted, Duplicate, Fork, Opened, Refused, place
from zaigang_collector.ledger import service as ledger
from zaigang_collector.ledger.model import EntryType
from zaigang_collector.vault.model import ToSeal
from zaigang_collector.vault.service import Vault
from zaigang_shared import envelope
from zaigang_shared.clock import Clock
from zaigang_shared.readings import Health
from zaigang_shared.receipt import LogHead, Receipt, sign_receipt

_WALK: Final = 1000  # envelopes read at a time when a hole was filled and the chain goes on


@dataclass(slots=True)
class _Device:
    """A device's row, and what this batch makes of it."""

    before: Chain
    chain: Chain
    receipt: bytes | None
    seen_ms: int
    agent: str | None
    spooled: int | None
    links: dict[int, Link] = field(default_factory=dict)
    """What this batch adds to its chain."""


@dataclass(slots=True)
class _Judged:
    """A batch after steps 4 and 5, in order of arrival."""

    accepted: list[tuple[Accepted, int]] = field(default_factory=list)
    duplicates: list[tuple[Duplicate, int]] = field(default_factory=list)
    forks: list[tuple[Fork, int]] = field(default_factory=list)


class Writer:
    """Writes batches; holds what it needs for that, and no connection."""

    def __init__(
        self, vault: Vault, receipt_key: Ed25519PrivateKey, clock: Clock, randomness: Randomness
    ) -> None:
        self._vault = vault
        self._receipt_key = receipt_key
        self._clock = clock
        self._randomness = randomness
        self._receipts = KnownReceipts()

    def store(self, conn: Connection, examined: Sequence[Opened | Refused]) -> Taken:
        """Place every message, and write what came of it. Call `committed` after the commit."""
        self._receipts.begin()
        now_ms = self._clock.utc_ms()
        opened = [one for one in examined if isinstance(one, Opened)]
        refused = [one for one in examined if isinstance(one, Refused)]
        known = _locked(conn, {one.envelope.seal.device_id for one in opened})
        quoted = self._receipts.look_up(
            conn,
            {
                (one.envelope.seal.device_id, one.envelope.seal.rcpt)
                for one in opened
                if one.envelope.seal.rcpt is not None
            },
        )
        judged = _place_all(opened, _stored_digests(conn, opened, known), quoted)
        self._write_envelopes(conn, judged, quoted, now_ms)
        _note_arrivals(opened, judged, known)
        events = oddities.of_accepted(one for one, _ in judged.accepted)
        events += _extend_chains(conn, known)
        events += windows.write(conn, _observations(judged, quoted))
        quarantined = oddities.keep_forks(conn, self._vault, judged.forks, now_ms, self._randomness)
        going_on = clones.both_go_on(conn, _sealed_after(judged, known, quoted))
        quarantined |= oddities.quarantine_all(conn, going_on, now_ms, self._randomness)
        oddities.record(conn, events, now_ms)
        oddities.count_refusals(
            conn, ((r.reason.value, r.device_id, r.detail) for r in refused), now_ms
        )
        receipts = self._give_receipts(conn, known, now_ms)
        _write_chains(conn, known)
        return Taken(
            receipts=receipts,
            accepted=len(judged.accepted),
            readings=sum(len(one.readings) for one, _ in judged.accepted),
            duplicates=len(judged.duplicates),
            forks=len(judged.forks),
            refused=Counter(one.reason.value for one in refused),
            quarantined=quarantined,
        )

    def committed(self) -> None:
        """What `store` gave has been given."""
        self._receipts.settle()

    def _write_envelopes(
        self,
        conn: Connection,
        judged: _Judged,
        quoted: Mapping[tuple[str, bytes], int],
        now_ms: int,
    ) -> None:
        if not judged.accepted:
            return
        sealed = self._sealed(conn, judged, quoted, now_ms)
        rows = [
            _row(one, arrived_ms, data)
            for (one, arrived_ms), data in zip(judged.accepted, sealed, strict=True)
        ]
        conn.execute(sa.insert(ENVELOPE), rows)
        size = ledger.SALT_BYTES
        salts = self._randomness(size * len(rows))
        ledger.append_all(
            conn,
            (
                (
                    EntryType.ENVELOPE,
                    row["arrived_ms"],
                    row["digest"],
                    salts[index * size : (index + 1) * size],
                    f"{row['device_id']}/{row['seq']}",
                )
                for index, row in enumerate(rows)
            ),
        )

    def _sealed(
        self,
        conn: Connection,
        judged: _Judged,
        quoted: Mapping[tuple[str, bytes], int],
        now_ms: int,
    ) -> list[bytes]:
        """Under the key of whoever held the device when it was given the receipt that the envelope
        quotes, as it was sealed soon after; what quotes none that is known, when it arrived."""
        moments = []
        for one, arrived_ms in judged.accepted:
            seal = one.envelope.seal
            at_ms = None if seal.rcpt is None else quoted.get((seal.device_id, seal.rcpt))
            moments.append((seal.device_id, arrived_ms if at_ms is None else at_ms))
        whose = sealing.subjects(conn, moments)
        items = [
            ToSeal(subject, one.envelope.data, sealing.envelope_context(one.envelope.digest))
            for (one, _), subject in zip(judged.accepted, whose, strict=True)
        ]
        return self._vault.seal_many(conn, items, now_ms)

    def _give_receipts(
        self, conn: Connection, known: Mapping[str, _Device], now_ms: int
    ) -> dict[str, bytes]:
        """One for every device that was heard: new where its chain went on, the last one again
        where it did not; none as long as its first envelope is not here."""
        rows = []
        newest = ledger.newest_checkpoint(conn)
        log = None if newest is None else LogHead(newest.size, newest.root)
        for device_id, device in known.items():
            if device.chain.through > device.before.through:
                chain = device.chain
                receipt = Receipt(device_id, chain.through, chain.head, now_ms, log)
                device.receipt = sign_receipt(self._receipt_key, receipt)
                digest = envelope.digest(device.receipt)
                self._receipts.give((device_id, digest), now_ms)
                rows.append(
                    {
                        "digest": digest,
                        "device_id": device_id,
                        "through": receipt.through,
                        "head": receipt.head,
                        "at_ms": now_ms,
                        "data": device.receipt,
                    }
                )
        if rows:
            conn.execute(sa.insert(RECEIPT), rows)
        return {
            device_id: device.receipt
            for device_id, device in known.items()
            if device.receipt is not None
        }


def newest_ms(conn: Connection) -> int:
    """UTC ms of the newest arrival of all; 0: there was none."""
    query = sa.select(sa.func.coalesce(sa.func.max(CHAIN.c.seen_ms), 0))
    return int(conn.execute(query).scalar_one())


def combined(parts: Iterable[Taken]) -> Taken:
    """What several batches came to; of two receipts for a device the later holds."""
    whole = Taken()
    for part in parts:
        whole = Taken(
            receipts={**whole.receipts, **part.receipts},
            accepted=whole.accepted + part.accepted,
            readings=whole.readings + part.readings,
            duplicates=whole.duplicates + part.duplicates,
            forks=whole.forks + part.forks,
            refused=Counter(whole.refused) + Counter(part.refused),
            quarantined=whole.quarantined | part.quarantined,
        )
    return whole


def _locked(conn: Connection, device_ids: set[str]) -> dict[str, _Device]:
    """The chains of these devices, for this transaction alone: replicas take turns by device."""
    if not device_ids:
        return {}
    query = sa.select(CHAIN).where(CHAIN.c.device_id.in_(sorted(device_ids)))
    # In one order everywhere, or two replicas could wait for each other.
    rows = list(conn.execute(query.order_by(CHAIN.c.device_id).with_for_update()))
    new = sorted(device_ids - {row.device_id for row in rows})
    if new:
        db.insert_ignore(conn, CHAIN, [_chain_row(name, _fresh()) for name in new])
        rows = list(conn.execute(query.order_by(CHAIN.c.device_id).with_for_update()))
    found = {}
    for row in rows:
        chain = Chain(row.through, row.head, row.max_seq, row.stored, row.broken_seq)
        found[row.device_id] = _Device(
            chain, chain, row.receipt, row.seen_ms, row.agent, row.spooled
        )
    return found


def _fresh() -> _Device:
    return _Device(Chain(), Chain(), None, 0, None, None)


def _stored_digests(
    conn: Connection, opened: Sequence[Opened], known: Mapping[str, _Device]
) -> dict[tuple[str, int], bytes]:
    """What is stored under the same device and seq. A seq beyond the largest needs no look-up."""
    seals = [one.envelope.seal for one in opened]
    old = [seal for seal in seals if seal.seq <= known[seal.device_id].chain.max_seq]
    if not old:
        return {}
    again = {one.envelope.digest for one in opened}
    columns = sa.select(ENVELOPE.c.device_id, ENVELOPE.c.seq, ENVELOPE.c.digest)
    found = {
        (row.device_id, row.seq): row.digest
        for row in conn.execute(columns.where(ENVELOPE.c.digest.in_(sorted(again))))
    }
    # What is left fills a hole, or is a fork.
    for device_id in sorted({seal.device_id for seal in old}):
        seqs = sorted(
            {s.seq for s in old if s.device_id == device_id and (device_id, s.seq) not in found}
        )
        where = (ENVELOPE.c.device_id == device_id) & ENVELOPE.c.seq.in_(seqs)
        if seqs:
            found |= {(r.device_id, r.seq): r.digest for r in conn.execute(columns.where(where))}
    return found


def _place_all(
    opened: Sequence[Opened],
    stored: dict[tuple[str, int], bytes],
    quoted: Mapping[tuple[str, bytes], int],
) -> _Judged:
    """Steps 4 and 5, in order of arrival: the batch may hold a message twice, or both forks."""
    judged = _Judged()
    for one in opened:
        seal = one.envelope.seal
        key = (seal.device_id, seal.seq)
        receipt_known = seal.rcpt is None or (seal.device_id, seal.rcpt) in quoted
        verdict = place(one, stored.get(key), receipt_known)
        if isinstance(verdict, Accepted):
            stored[key] = one.envelope.digest
            judged.accepted.append((verdict, one.arrived_ms))
        elif isinstance(verdict, Duplicate):
            judged.duplicates.append((verdict, one.arrived_ms))
        else:
            judged.forks.append((verdict, one.arrived_ms))
    return judged


def _note_arrivals(opened: Sequence[Opened], judged: _Judged, known: Mapping[str, _Device]) -> None:
    for one in opened:
        device = known[one.envelope.seal.device_id]
        device.seen_ms = max(device.seen_ms, one.arrived_ms)
    for accepted, _ in judged.accepted:
        seal = accepted.envelope.seal
        device = known[seal.device_id]
        newest = seal.seq > max(device.links, default=device.before.max_seq)
        device.links[seal.seq] = Link(accepted.envelope.digest, seal.prev)
        health = [one for one in accepted.readings if type(one) is Health]
        if newest and health:
            device.agent, device.spooled = health[-1].agent, health[-1].spooled


def _extend_chains(conn: Connection, known: Mapping[str, _Device]) -> list[oddities.Event]:
    events = []
    for device_id, device in known.items():
        chain = advance(added(device.chain, device.links), device.links)
        # What the batch reached may have been waited for by envelopes that came earlier.
        while device.chain.through < chain.through < chain.max_seq and chain.broken_seq is None:
            longer = advance(chain, _links_after(conn, device_id, chain.through))
            if longer == chain:
                break
            chain = longer
        if chain.broken_seq is not None and device.before.broken_seq is None:
            events.append(oddities.broken_chain(device_id, chain.broken_seq))
        device.chain = chain
    return events


def _links_after(conn: Connection, device_id: str, seq: int) -> dict[int, Link]:
    query = (
        sa.select(ENVELOPE.c.seq, ENVELOPE.c.digest, ENVELOPE.c.prev)
        .where(ENVELOPE.c.device_id == device_id, ENVELOPE.c.seq > seq)
        .order_by(ENVELOPE.c.seq)
        .limit(_WALK)
    )
    return {row.seq: Link(row.digest, row.prev) for row in conn.execute(query)}


def _observations(judged: _Judged, quoted: Mapping[tuple[str, bytes], int]) -> list[windows.Seen]:
    """Also of duplicates: whichever copy arrived first bounds best, in any order of judging."""
    stored: list[tuple[Accepted | Duplicate, int]] = [*judged.accepted, *judged.duplicates]
    seen = []
    for verdict, arrived_ms in stored:
        seal = verdict.envelope.seal
        at_ms = None if seal.rcpt is None else quoted.get((seal.device_id, seal.rcpt))
        seen.append(windows.Seen(seal, arrived_ms, at_ms))
    return seen


def _sealed_after(
    judged: _Judged, known: Mapping[str, _Device], quoted: Mapping[tuple[str, bytes], int]
) -> dict[str, int]:
    """By device, the newest receipt quoted by an envelope of this batch that continues its chain."""
    found: dict[str, int] = {}
    for one, _ in judged.accepted:
        seal = one.envelope.seal
        if seal.rcpt is None or seal.seq > known[seal.device_id].chain.through:
            continue
        at_ms = quoted.get((seal.device_id, seal.rcpt), -1)
        found[seal.device_id] = max(at_ms, found.get(seal.device_id, -1))
    return found


def _row(one: Accepted, arrived_ms: int, sealed: bytes) -> dict[str, Any]:
    seal = one.envelope.seal
    return {
        "device_id": seal.device_id,
        "seq": seal.seq,
        "digest": one.envelope.digest,
        "prev": seal.prev,
        "boot": seal.boot,
        "up_ms": seal.up_ms,
        "wall_ms": seal.wall_ms,
        "sync": seal.sync,
        "rcpt": seal.rcpt,
        "arrived_ms": arrived_ms,
        "data": sealed,
    }


def _chain_row(device_id: str, device: _Device) -> dict[str, Any]:
    return {
        "device_id": device_id,
        "through": device.chain.through,
        "head": device.chain.head,
        "max_seq": device.chain.max_seq,
        "stored": device.chain.stored,
        "broken_seq": device.chain.broken_seq,
        "receipt": device.receipt,
        "seen_ms": device.seen_ms,
        "agent": device.agent,
        "spooled": device.spooled,
    }


def _write_chains(conn: Connection, known: Mapping[str, _Device]) -> None:
    db.upsert(conn, CHAIN, [_chain_row(name, device) for name, device in known.items()])
