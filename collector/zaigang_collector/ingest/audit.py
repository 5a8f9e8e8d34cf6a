"""Envelopes, chains, receipts and boot clocks, derived anew from the signed bytes."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, Row

from zaigang_collector.ingest import clock_model, windows
from zaigang_collector.ingest.chain import Chain, Link, added, advance
from zaigang_collector.ingest.clock_model import Observation, Window
from zaigang_collector.ingest.model import EventKind
from zaigang_collector.ingest.sealing import envelope_context
from zaigang_collector.ingest.tables import BOOT, CHAIN, ENVELOPE, EVENT, RECEIPT
from zaigang_collector.ledger.audit import Body, Finding, numbers, pages
from zaigang_collector.ledger.model import EntryType
from zaigang_collector.vault.audit import opened
from zaigang_collector.vault.service import Vault
from zaigang_shared import cose, envelope
from zaigang_shared import receipt as receipts
from zaigang_shared.errors import WireError

_COLUMNS: Final = ("device_id", "seq", "prev", "boot", "up_ms", "wall_ms", "sync", "rcpt")


@dataclass(slots=True)
class Counted:
    """What a walk came to, besides its findings."""

    envelopes: int = 0
    without_content: int = 0
    receipts: int = 0


def envelopes(
    conn: Connection, vault: Vault, keys: Mapping[str, bytes], counted: Counted
) -> Iterator[Body | Finding]:
    """Each envelope as a body, and what is wrong with it. `keys`: raw public keys by device."""
    for rows in pages(conn, ENVELOPE):
        sealed = [(row.data, envelope_context(row.digest)) for row in rows]
        for row, data in zip(rows, opened(conn, vault, sealed), strict=True):
            counted.envelopes += 1
            reference = f"{row.device_id}/{row.seq}"
            digest = row.digest
            if isinstance(data, str):
                yield Finding(f"envelope {reference}", data)
            elif data is None:
                counted.without_content += 1
            else:
                digest = hashlib.sha256(data).digest()
                yield from _signed(f"envelope {reference}", row, data, keys.get(row.device_id))
            yield Body(EntryType.ENVELOPE, reference, row.arrived_ms, digest)


def known_envelopes(conn: Connection, refs: Sequence[str]) -> set[str]:
    """Which of these are stored."""
    parts = (ref.rpartition("/") for ref in refs)
    wanted = [(name, seq) for name, _, text in parts for seq in numbers([text])]
    query = sa.select(ENVELOPE.c.device_id, ENVELOPE.c.seq).where(
        sa.tuple_(ENVELOPE.c.device_id, ENVELOPE.c.seq).in_(wanted)
    )
    return {f"{row.device_id}/{row.seq}" for row in conn.execute(query)}


def chains(conn: Connection) -> Iterator[Finding]:
    """Each device's chain and its boots' clocks, as its envelopes give them."""
    stored = {row.device_id: row for row in conn.execute(sa.select(CHAIN))}
    devices = set(conn.scalars(sa.select(ENVELOPE.c.device_id).distinct()))
    for device_id in sorted(devices | stored.keys()):
        derived = _derive(conn, device_id)
        yield from _chain(device_id, stored.get(device_id), derived.chain)
        yield from _clocks(conn, device_id, derived.windows)
        yield from _quoted(conn, device_id, derived.unknown)


def given_receipts(
    conn: Connection, collector_key: Ed25519PublicKey, counted: Counted
) -> Iterator[Finding]:
    """Each receipt says what is true of the envelopes that are here."""
    for rows in pages(conn, RECEIPT):
        for row in rows:
            counted.receipts += 1
            yield from _receipt(conn, row, collector_key)


@dataclass(slots=True)
class _Derived:
    chain: Chain = field(default_factory=Chain)
    windows: dict[tuple[bytes, int], Window] = field(default_factory=dict)
    unknown: dict[bytes, int] = field(default_factory=dict)
    """Receipts that are quoted and not here, with the envelope that quotes them."""


def _signed(
    record: str, row: Row[*tuple[Any, ...]], data: bytes, key: bytes | None
) -> Iterator[Finding]:
    """The bytes were signed by the device, and the columns say what they say."""
    if key is None:
        yield Finding(record, "is of a device that is not registered")
        return
    try:
        signed = envelope.open_sealed(data, cose.load_public_key(key))
    except WireError as error:
        yield Finding(record, f"is not what its device signed: {error.detail}")
        return
    if signed.digest != row.digest:
        yield Finding(record, "hashes to something else than is written beside it")
    told = {name: getattr(signed.seal, name) for name in _COLUMNS}
    wrong = [name for name in _COLUMNS if told[name] != getattr(row, name)]
    if wrong:
        yield Finding(record, f"says {wrong[0]} = {told[wrong[0]]!r}, the column is another")


def _derive(conn: Connection, device_id: str) -> _Derived:
    derived = _Derived()
    query = sa.select(RECEIPT.c.digest, RECEIPT.c.at_ms).where(RECEIPT.c.device_id == device_id)
    given = {row.digest: row.at_ms for row in conn.execute(query)}
    for row in itertools.chain.from_iterable(
        pages(conn, ENVELOPE, ENVELOPE.c.device_id == device_id)
    ):
        link = {row.seq: Link(row.digest, row.prev)}
        derived.chain = advance(added(derived.chain, link), link)
        place = row.boot, clock_model.window_index(row.up_ms)
        quoted = None if row.rcpt is None else given.get(row.rcpt)
        if row.rcpt is not None and quoted is None:
            derived.unknown.setdefault(row.rcpt, row.seq)
        seen = clock_model.window_of([Observation(row.up_ms, row.arrived_ms, quoted)])
        known = derived.windows.get(place)
        derived.windows[place] = seen if known is None else clock_model.merge(known, seen)
    return derived


def _chain(
    device_id: str, stored: Row[*tuple[Any, ...]] | None, derived: Chain
) -> Iterator[Finding]:
    record = f"chain {device_id}"
    if stored is None:
        yield Finding(record, "is missing, and its envelopes are here")
        return
    told = Chain(stored.through, stored.head, stored.max_seq, stored.stored, stored.broken_seq)
    if told != derived:
        yield Finding(
            record,
            f"says {told.stored} envelopes up to {told.max_seq}, whole up to {told.through}; the "
            f"envelopes give {derived.stored} up to {derived.max_seq}, whole up to {derived.through}",
        )


def _clocks(
    conn: Connection, device_id: str, derived: Mapping[tuple[bytes, int], Window]
) -> Iterator[Finding]:
    """Duplicates that arrived earlier may have narrowed a stored window; nothing may widen it."""
    rows = conn.execute(sa.select(BOOT).where(BOOT.c.device_id == device_id)).all()
    stored = {(row.boot, row.hour): windows.from_row(row) for row in rows}
    for boot, hour in sorted(stored.keys() ^ derived.keys()):
        yield Finding(
            f"boot clock {device_id} {boot.hex()[:8]} hour {hour}", "is not what the envelopes give"
        )
    for place in sorted(stored.keys() & derived.keys()):
        if clock_model.merge(stored[place], derived[place]) != stored[place]:
            boot, hour = place
            yield Finding(
                f"boot clock {device_id} {boot.hex()[:8]} hour {hour}",
                "is wider than its envelopes' receipts and arrivals allow",
            )


def _quoted(conn: Connection, device_id: str, unknown: Mapping[bytes, int]) -> Iterator[Finding]:
    """A receipt that was never here was told when it was first quoted."""
    told = set(
        conn.scalars(
            sa.select(EVENT.c.subject).where(
                EVENT.c.device_id == device_id, EVENT.c.kind == EventKind.UNKNOWN_RECEIPT.value
            )
        )
    )
    for digest, seq in unknown.items():
        if digest.hex() not in told:
            yield Finding(
                f"receipt {digest.hex()[:16]} of {device_id}",
                f"was deleted: envelope {seq} quotes it, and it was known when that came",
            )


def _receipt(
    conn: Connection, row: Row[*tuple[Any, ...]], collector_key: Ed25519PublicKey
) -> Iterator[Finding]:
    record = f"receipt {row.digest.hex()[:16]} of {row.device_id} through {row.through}"
    if hashlib.sha256(row.data).digest() != row.digest:
        yield Finding(record, "hashes to something else than is written beside it")
    try:
        said = receipts.open_receipt(row.data, collector_key)
    except WireError as error:
        yield Finding(record, f"was not signed by this collector: {error.detail}")
        return
    if (said.device_id, said.through, said.head, said.at_ms) != (
        row.device_id,
        row.through,
        row.head,
        row.at_ms,
    ):
        yield Finding(
            record, f"was given to {said.device_id} through {said.through}: moved or replayed"
        )
    query = sa.select(ENVELOPE.c.digest).where(
        ENVELOPE.c.device_id == said.device_id, ENVELOPE.c.seq == said.through
    )
    if conn.execute(query).scalar_one_or_none() != said.head:
        yield Finding(
            f"envelope {said.device_id}/{said.through}",
            f"is not the one that a receipt of ours covers ({said.head.hex()[:16]}…): deleted or "
            "replaced",
        )
