"""What arrived, read back. Everything is decoded from the signed bytes; nothing here writes."""

from __future__ import annotations

import functools
import itertools
from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy import Connection, Row

from zaigang_collector.devices import service as devices
from zaigang_collector.ingest import behind, clock_model, windows
from zaigang_collector.ingest.behind import Quoted
from zaigang_collector.ingest.chain import Chain
from zaigang_collector.ingest.clock_model import BootClock, Estimate, Observation
from zaigang_collector.ingest.model import (
    DeviceHealth,
    EventKind,
    IngestEvent,
    RefusalCount,
    StoredEnvelope,
    StoredReading,
    StoredReceipt,
)
from zaigang_collector.ingest.sealing import envelope_context
from zaigang_collector.ingest.tables import (
    ASIDE,
    BOOT,
    CHAIN,
    ENVELOPE,
    EVENT,
    RECEIPT,
    REFUSAL,
    STATE,
)
from zaigang_collector.vault.service import Vault
from zaigang_shared import envelope, readings

# Readings are of the minute before their envelope was sealed; beacons of a few before. Larger
# decodes what is thrown away, and believes what was written down late; smaller loses the readings
# at the edge of an interval.
_SEALED_WITHIN_MS: Final = 10 * 60_000
_PAGE: Final = 500  # digests in one question; SQLite takes some thousands


def envelopes_between(
    conn: Connection,
    vault: Vault,
    device_id: str,
    from_ms: int,
    to_ms: int,
    *,
    shared: bool = False,
) -> tuple[StoredEnvelope, ...]:
    """Envelopes with a reading that may end in [from_ms, to_ms], each with those readings only.

    Ordered by the time of their first reading, then by digest: no order of arrival changes it.
    `shared`: many will ask for the same, one after the other, as for those of a site's node.
    """
    spans, clocks = _reaching(conn, device_id, from_ms, to_ms)
    wanted = [row for several in _adjacent(spans) for row in _rows_of(conn, several)]
    given = _receipt_times(conn, device_id, {row.rcpt for row in wanted if row.rcpt is not None})
    found = [
        _stored(row, data, clocks[row.boot], given.get(row.rcpt), shared=shared)
        for row, data in _opened(conn, vault, wanted)
    ]
    cut = [_within(one, from_ms, to_ms) for one in found]
    return tuple(
        sorted(
            (one for one in cut if one.readings),
            key=lambda one: (one.readings[0].at_ms, one.digest),
        )
    )


def envelopes_known(conn: Connection, device_id: str, from_ms: int, to_ms: int) -> bool:
    """Whether a device said anything in that time."""
    spans, _ = _reaching(conn, device_id, from_ms, to_ms)
    return bool(spans)


def state_between(
    conn: Connection, device_id: str, from_ms: int, to_ms: int
) -> tuple[tuple[Any, ...], ...]:
    """What `envelopes_between` rests on, for little: as long as it is equal, so is that.

    Inside an hour an estimate bends only by that hour's own bounds, so its ends tell of all of it.
    """
    spans, clocks = _reaching(conn, device_id, from_ms, to_ms)
    chain = chain_of(conn, device_id)
    return (
        # An hour tells of what came to it last, or lies at its ends; this, of holes in between.
        (0 if chain is None else chain.missing,),
        *(
            (
                *span,
                *_plain(clocks[span.boot].estimate(span.first_up_ms)),
                *_plain(clocks[span.boot].estimate(span.last_up_ms)),
            )
            for span in spans
        ),
    )


def _plain(one: Estimate) -> tuple[int, int, int]:
    return one.at_ms, one.error_ms, one.offset_ms


def envelope_by_digest(conn: Connection, vault: Vault, digest: bytes) -> StoredEnvelope | None:
    """The envelope that a finding names; None: there is none, or it was deleted on purpose."""
    found = envelopes_by_digest(conn, vault, {digest})
    return found[0] if found else None


def envelopes_by_digest(
    conn: Connection, vault: Vault, digests: Collection[bytes]
) -> tuple[StoredEnvelope, ...]:
    """Those of these envelopes that can still be read, in no order."""
    wanted, found = sorted(digests), []
    for start in range(0, len(wanted), _PAGE):
        query = sa.select(ENVELOPE).where(
            ENVELOPE.c.digest.in_(wanted[start : start + _PAGE]), ENVELOPE.c.data.is_not(None)
        )
        rows = _opened(conn, vault, conn.execute(query).all())
        clocks = {
            device_id: _clocks(
                conn, device_id, {r.boot for r, _ in rows if r.device_id == device_id}
            )
            for device_id in {row.device_id for row, _ in rows}
        }
        given = {
            device_id: _receipt_times(
                conn, device_id, {r.rcpt for r, _ in rows if r.device_id == device_id and r.rcpt}
            )
            for device_id in clocks
        }
        for row, data in rows:
            clock = clocks[row.device_id][row.boot]
            found.append(_stored(row, data, clock, given[row.device_id].get(row.rcpt)))
    return tuple(found)


def complete_to_ms(conn: Connection, device_id: str) -> int | None:
    """Watermark: everything that the device sealed up to then is here; None: nothing known.

    The earliest that it can be: the first envelope of a spool may look as if it was just sealed.
    """
    chain = chain_of(conn, device_id)
    if chain is None or chain.through == 0:
        return None
    query = sa.select(ENVELOPE.c.boot, ENVELOPE.c.up_ms).where(
        ENVELOPE.c.device_id == device_id, ENVELOPE.c.seq == chain.through
    )
    last = conn.execute(query).one()
    clock = _clocks(conn, device_id, {last.boot})[last.boot]
    sealed = clock.estimate(last.up_ms)
    return sealed.at_ms - sealed.error_ms


def chain_of(conn: Connection, device_id: str) -> Chain | None:
    """How far a device's chain is here; None: nothing of it ever arrived."""
    row = conn.execute(sa.select(CHAIN).where(CHAIN.c.device_id == device_id)).one_or_none()
    return None if row is None else _chain(row)


def missing_seqs(conn: Connection, device_id: str, limit: int = 100) -> tuple[tuple[int, int], ...]:
    """The holes in a chain as (first, last) missing seq, the oldest first."""
    chain = chain_of(conn, device_id)
    if chain is None or chain.missing == 0:
        return ()
    before = sa.func.lag(ENVELOPE.c.seq, 1, chain.through).over(order_by=ENVELOPE.c.seq)
    steps = (
        sa.select(ENVELOPE.c.seq, before.label("before"))
        .where(ENVELOPE.c.device_id == device_id, ENVELOPE.c.seq > chain.through)
        .subquery()
    )
    query = sa.select(steps).where(steps.c.seq > steps.c.before + 1).order_by(steps.c.seq)
    return tuple((row.before + 1, row.seq - 1) for row in conn.execute(query.limit(limit)))


def events_between(
    conn: Connection, device_ids: Collection[str], from_ms: int, to_ms: int
) -> tuple[IngestEvent, ...]:
    """What did not fit an honest device and can have happened in [from_ms, to_ms], oldest first.

    By the time of what it is about, and not of when it was noticed: no order of arrival changes it.
    """
    query = (
        sa.select(EVENT)
        .where(EVENT.c.device_id.in_(sorted(device_ids)))
        .order_by(EVENT.c.device_id, EVENT.c.id)
    )
    found: list[IngestEvent] = []
    for device_id, rows in itertools.groupby(conn.execute(query), lambda row: str(row.device_id)):
        told = list(rows)
        for row, (since_ms, until_ms) in zip(told, _when(conn, device_id, told), strict=True):
            if since_ms <= to_ms and until_ms >= from_ms:
                kind = EventKind(row.kind)
                found.append(IngestEvent(device_id, kind, until_ms, row.detail, row.envelope))
    return tuple(sorted(found, key=lambda one: (one.at_ms, one.device_id, one.kind, one.detail)))


def ahead_of_store(conn: Connection) -> frozenset[str]:
    """Devices that quote receipts which an older backup, and nothing about them, explains."""
    before = ENVELOPE.alias("before")
    hole = ~sa.exists().where(
        before.c.device_id == EVENT.c.device_id, before.c.seq == EVENT.c.seq - 1
    )
    query = sa.select(
        EVENT.c.device_id, EVENT.c.at_ms, sa.and_(EVENT.c.seq > 1, hole).label("after_hole")
    ).where(EVENT.c.kind == EventKind.UNKNOWN_RECEIPT.value)
    return behind.explained(
        Quoted(row.device_id, row.at_ms, bool(row.after_hole)) for row in conn.execute(query)
    )


def warnings(conn: Connection) -> tuple[str, ...]:
    """What speaks against this database as a whole, in sentences."""
    told = behind.warning(ahead_of_store(conn))
    return () if told is None else (told,)


def refusals(conn: Connection, since_day: str = "") -> tuple[RefusalCount, ...]:
    """What was refused, from `since_day` (UTC, YYYY-MM-DD) on, the newest first."""
    query = (
        sa.select(REFUSAL)
        .where(REFUSAL.c.day >= since_day)
        .order_by(REFUSAL.c.last_ms.desc(), REFUSAL.c.reason, REFUSAL.c.device_id)
    )
    return tuple(
        RefusalCount(
            row.reason,
            row.device_id or None,
            row.day,
            row._mapping["count"],
            row.last_detail,
            row.last_ms,
        )
        for row in conn.execute(query)
    )


def health(conn: Connection, device_ids: Sequence[str]) -> tuple[DeviceHealth, ...]:
    """Delivery of these devices, in the given order."""
    chains = _by_device(conn, sa.select(CHAIN).where(CHAIN.c.device_id.in_(device_ids)))
    states = _by_device(conn, sa.select(STATE).where(STATE.c.device_id.in_(device_ids)))
    aside = _by_device(
        conn,
        sa.select(ASIDE.c.device_id, sa.func.count().label("number"))
        .where(ASIDE.c.device_id.in_(device_ids))
        .group_by(ASIDE.c.device_id),
    )
    return tuple(
        _health(name, chains.get(name), states.get(name), aside.get(name)) for name in device_ids
    )


def receipts_of(conn: Connection, device_id: str, from_seq: int = 0) -> tuple[StoredReceipt, ...]:
    """The receipts that a device was given for `from_seq` or later, for a bundle."""
    query = (
        sa.select(RECEIPT)
        .where(RECEIPT.c.device_id == device_id, RECEIPT.c.through >= from_seq)
        .order_by(RECEIPT.c.through)
    )
    return tuple(_receipt(row) for row in conn.execute(query))


def receipts_named(
    conn: Connection, device_id: str, digests: Collection[bytes]
) -> tuple[StoredReceipt, ...]:
    """Those of these receipts that this device was given, for a bundle."""
    wanted, found = sorted(digests), []
    for start in range(0, len(wanted), _PAGE):
        query = sa.select(RECEIPT).where(
            RECEIPT.c.device_id == device_id, RECEIPT.c.digest.in_(wanted[start : start + _PAGE])
        )
        found += [_receipt(row) for row in conn.execute(query)]
    return tuple(found)


def _receipt(row: Row[Any]) -> StoredReceipt:
    return StoredReceipt(row.digest, row.device_id, row.through, row.head, row.at_ms, row.data)


def _reaching(
    conn: Connection, device_id: str, from_ms: int, to_ms: int
) -> tuple[list[Row[Any]], dict[bytes, BootClock]]:
    """Windows that can reach into [from_ms, to_ms], in order, and the clocks of their boots."""
    earliest_ms = BOOT.c.first_up_ms + BOOT.c.low_ms - clock_model.WINDOW_MS
    query = (
        sa.select(BOOT)
        # Nothing arrives before it is sealed. The rest spares the clock model the windows that are
        # later for certain: bounds of other hours can only make `low_ms` larger, but for drift.
        .where(BOOT.c.device_id == device_id, BOOT.c.arrived_ms >= from_ms)
        .where(sa.or_(BOOT.c.low_ms.is_(None), earliest_ms <= to_ms))
        .order_by(BOOT.c.boot, BOOT.c.hour)
    )
    spans = conn.execute(query).all()
    clocks = _clocks(conn, device_id, {span.boot for span in spans})
    reaching = []
    for span in spans:
        since_ms, until_ms = _extent(span, clocks[span.boot])
        if since_ms - _SEALED_WITHIN_MS <= to_ms and until_ms >= from_ms:
            reaching.append(span)
    return reaching, clocks


def _extent(span: Row[Any], clock: BootClock) -> tuple[int, int]:
    """When the envelopes of a window were sealed, at the earliest and at the latest."""
    first, last = clock.estimate(span.first_up_ms), clock.estimate(span.last_up_ms)
    return first.at_ms - first.error_ms, last.at_ms + last.error_ms


def _when(conn: Connection, device_id: str, events: Sequence[Row[Any]]) -> list[tuple[int, int]]:
    """When each of a device's events happened, at the earliest and at the latest."""
    seqs = {seq for row in events if row.seq is not None for seq in (row.seq - 1, row.seq)}
    sealed = _sealed(conn, device_id, seqs)
    found = []
    for row in events:
        # What breaks a chain happened between an envelope and the one before it.
        near = [] if row.seq is None else [*sealed.get(row.seq - 1, ()), *sealed.get(row.seq, ())]
        found.append((min(near, default=row.at_ms), max(near, default=row.at_ms)))
    forks = [when[0] for when, row in zip(found, events, strict=True) if row.kind == EventKind.FORK]
    return [
        # The second host was there from the first fork on, long before anybody noticed.
        (min([when[0], *forks]), when[1]) if row.kind == EventKind.TWO_HOSTS else when
        for when, row in zip(found, events, strict=True)
    ]


def _sealed(conn: Connection, device_id: str, seqs: set[int]) -> dict[int, tuple[int, int]]:
    """When these envelopes were sealed, at the earliest and at the latest, by seq."""
    rows: list[Row[Any]] = []
    wanted = sorted(seqs)
    for start in range(0, len(wanted), 1000):
        query = sa.select(ENVELOPE.c.seq, ENVELOPE.c.boot, ENVELOPE.c.up_ms).where(
            ENVELOPE.c.device_id == device_id, ENVELOPE.c.seq.in_(wanted[start : start + 1000])
        )
        rows += conn.execute(query)
    clocks = _clocks(conn, device_id, {row.boot for row in rows})
    found = {}
    for row in rows:
        estimate = clocks[row.boot].estimate(row.up_ms)
        found[row.seq] = estimate.at_ms - estimate.error_ms, estimate.at_ms + estimate.error_ms
    return found


def _clocks(conn: Connection, device_id: str, boots: Collection[bytes]) -> dict[bytes, BootClock]:
    """The clocks of whole boots: what is spooled is told by what came live."""
    device = devices.get(conn, device_id)
    floor_ms = None if device is None else device.created_ms
    query = (
        sa.select(BOOT)
        .where(BOOT.c.device_id == device_id, BOOT.c.boot.in_(sorted(boots)))
        .order_by(BOOT.c.boot, BOOT.c.hour)
    )
    found = defaultdict(list)
    for row in conn.execute(query).all():
        found[row.boot].append(row)
    return {boot: _clock(tuple(rows), floor_ms) for boot, rows in found.items()}


# A dozen sites' nodes and the devices of the people at work there. What it gives follows from what it
# is asked with alone, and remembers its estimates: all people at a site ask for those of its node.
# Larger keeps windows that have grown since; smaller computes the same for each person.
@functools.lru_cache(maxsize=64)
def _clock(rows: tuple[Row[Any], ...], floor_ms: int | None) -> BootClock:
    return BootClock(
        tuple(map(windows.from_row, rows)),
        floor_ms,
        clock_model.overtaken_hours((row.hour, row.first_seq, row.last_seq) for row in rows),
    )


def _adjacent(spans: Sequence[Row[Any]]) -> list[list[Row[Any]]]:
    """Windows in order, an hour of a boot with the next: one question for a day, not one an hour."""
    found: list[list[Row[Any]]] = []
    for span in spans:
        last = found[-1][-1] if found else None
        if last is not None and span.boot == last.boot and span.hour == last.hour + 1:
            found[-1].append(span)
        else:
            found.append([span])
    return found


def _rows_of(conn: Connection, spans: Sequence[Row[Any]]) -> list[Row[Any]]:
    first, last = spans[0], spans[-1]
    query = sa.select(ENVELOPE).where(
        ENVELOPE.c.device_id == first.device_id,
        ENVELOPE.c.seq >= min(span.first_seq for span in spans),
        ENVELOPE.c.seq <= max(span.last_seq for span in spans),
        # A device that forks or lies may have other boots in between.
        ENVELOPE.c.boot == first.boot,
        ENVELOPE.c.up_ms >= first.first_up_ms,
        ENVELOPE.c.up_ms <= last.last_up_ms,
        ENVELOPE.c.data.is_not(None),  # forgotten, or older than readings are kept
    )
    return list(conn.execute(query).all())  # iterating asks the driver for one row at a time


def _receipt_times(conn: Connection, device_id: str, digests: set[bytes]) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    wanted = sorted(digests)
    for start in range(0, len(wanted), 1000):
        query = sa.select(RECEIPT.c.digest, RECEIPT.c.at_ms).where(
            RECEIPT.c.device_id == device_id,
            RECEIPT.c.digest.in_(wanted[start : start + 1000]),
        )
        found |= {row.digest: row.at_ms for row in conn.execute(query).all()}
    return found


def _opened(
    conn: Connection, vault: Vault, rows: Sequence[Row[Any]]
) -> list[tuple[Row[Any], bytes]]:
    """The rows whose bytes can still be read, with them."""
    bytes_of = vault.open_many(conn, [(row.data, envelope_context(row.digest)) for row in rows])
    return [(row, data) for row, data in zip(rows, bytes_of, strict=True) if data is not None]


def _content(data: bytes, digest: bytes) -> tuple[tuple[int, readings.Reading | None], ...]:
    """Each reading with the end that it tells of itself."""
    # It was checked before it was stored, and the vault opens only what was sealed under this digest;
    # who doubts the store uses the verifier.
    opened = envelope.open_again(data, digest)
    values = readings.decode_again(opened.readings, opened.seal.up_ms)
    return tuple((raw["t"], value) for raw, value in zip(opened.readings, values, strict=True))


# A day of six nodes. Larger takes memory (some 2 KiB each); smaller decodes the same again for each
# person at a site. It is asked with the bytes that the vault has just opened: what was forgotten
# cannot be asked for.
_content_of_many: Final = functools.lru_cache(maxsize=4096)(_content)


def _stored(
    row: Row[Any],
    data: bytes,
    clock: BootClock,
    receipt_at_ms: int | None,
    *,
    shared: bool = False,
) -> StoredEnvelope:
    content = (_content_of_many if shared else _content)(data, row.digest)
    sealed = clock.estimate(row.up_ms)
    seen = Observation(row.up_ms, row.arrived_ms, receipt_at_ms)
    return StoredEnvelope(
        device_id=row.device_id,
        seq=row.seq,
        digest=row.digest,
        boot=row.boot,
        not_before_ms=receipt_at_ms,
        arrived_ms=row.arrived_ms,
        boot_offset_ms=sealed.offset_ms,
        reconstructed=clock_model.is_reconstructed(seen, clock),
        readings=tuple(
            [
                # Nearly all of them end as the envelope is sealed.
                StoredReading(index, sealed.at_ms, sealed.error_ms, value)
                if t_ms == row.up_ms
                else _timed(index, t_ms, row.up_ms, value, clock)
                for index, (t_ms, value) in enumerate(content)
            ]
        ),
        data=data,
    )


def _timed(
    index: int, t_ms: int, sealed_up_ms: int, value: readings.Reading | None, clock: BootClock
) -> StoredReading:
    estimate, waited_ms = clock.estimate(t_ms), sealed_up_ms - t_ms
    # The chain vouches for when it was sealed; for a time long before that, only the device's word.
    error_ms = (
        estimate.error_ms if waited_ms <= _SEALED_WITHIN_MS else estimate.error_ms + waited_ms
    )
    return StoredReading(index, estimate.at_ms, error_ms, value)


def _within(one: StoredEnvelope, from_ms: int, to_ms: int) -> StoredEnvelope:
    inside = [
        timed
        for timed in one.readings
        if timed.at_ms + timed.error_ms >= from_ms and timed.at_ms - timed.error_ms <= to_ms
    ]
    if len(inside) == len(one.readings):  # all but those at the ends
        return one
    return msgspec.structs.replace(one, readings=tuple(inside))


def _chain(row: Row[Any]) -> Chain:
    return Chain(row.through, row.head, row.max_seq, row.stored, row.broken_seq)


def _by_device(conn: Connection, query: sa.Select[Any]) -> dict[str, Row[Any]]:
    return {row.device_id: row for row in conn.execute(query)}


def _health(
    device_id: str, chain: Row[Any] | None, state: Row[Any] | None, aside: Row[Any] | None
) -> DeviceHealth:
    return DeviceHealth(
        device_id=device_id,
        chain=Chain() if chain is None else _chain(chain),
        seen_ms=None if chain is None else chain.seen_ms,
        online=None if state is None else state.online,
        changed_ms=None if state is None else state.changed_ms,
        agent=None if chain is None else chain.agent,
        spooled=None if chain is None else chain.spooled,
        aside=0 if aside is None else aside.number,
    )
