"""What is not as it should be: refusals, forks, broken chains, impossible clocks.

Each is kept or counted, and told once. Nobody is accused: every kind has innocent causes.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from zaigang_collector import db
from zaigang_collector.db import Randomness
from zaigang_collector.devices import service as devices
from zaigang_collector.devices.model import DeviceStatus
from zaigang_collector.errors import ConflictError, UnknownIdError
from zaigang_collector.ingest import clones, sealing
from zaigang_collector.ingest.model import INTERNAL_ERROR, EventKind
from zaigang_collector.ingest.tables import ASIDE, EVENT, REFUSAL, STATE
from zaigang_collector.ingest.verify import UNKNOWN_RECEIPT, Accepted, Arrived, Fork
from zaigang_collector.vault.model import ToSeal
from zaigang_collector.vault.service import Vault
from zaigang_shared import envelope, topics

_LOG: Final = logging.getLogger(__name__)

_UNPROCESSABLE: Final = "unprocessable"
_DETAIL: Final = 300  # as wide as the column; a detail that repeats input could be of any length
_ONLINE: Final = {b"online": True, b"offline": False}


@dataclass(frozen=True, slots=True)
class Event:
    """An event before it is recorded; the same device, kind and subject are told once."""

    device_id: str
    kind: EventKind
    subject: str
    detail: str
    envelope: bytes | None = None
    seq: int | None = None
    """Of the envelope that it is about: says when it happened."""


def broken_chain(device_id: str, seq: int) -> Event:
    """The envelope `seq` does not continue the one before it."""
    return Event(
        device_id,
        EventKind.BROKEN_CHAIN,
        str(seq),
        f"envelope {seq} names another predecessor than the one that arrived: the device's spool "
        "was rewound or edited, or two hosts use its key",
        seq=seq,
    )


def impossible_boot(device_id: str, boot: bytes, hour: int, seq: int) -> Event:
    """The bounds of a boot's clock contradict each other, in the hour that begins with `seq`."""
    return Event(
        device_id,
        EventKind.BOOT_TIME_IMPOSSIBLE,
        f"{boot.hex()}/{hour}",
        "the time since boot does not agree with receipts and arrivals: a paused virtual machine, "
        "or a clock that was pushed",
        seq=seq,
    )


def of_accepted(accepted: Iterable[Accepted]) -> list[Event]:
    """What is odd about envelopes that were stored all the same."""
    return [
        Event(
            one.envelope.seal.device_id,
            EventKind.UNKNOWN_RECEIPT,
            (one.envelope.seal.rcpt or b"").hex(),
            "it quotes a receipt that is not in the store: was an older backup restored?",
            one.envelope.digest,
            one.envelope.seal.seq,
        )
        for one in accepted
        if UNKNOWN_RECEIPT in one.notes
    ]


def record(conn: Connection, events: Iterable[Event], now_ms: int) -> None:
    """Keep what was not told before."""
    rows = [
        {
            "device_id": event.device_id,
            "kind": event.kind.value,
            "subject": event.subject,
            "seq": event.seq,
            "at_ms": now_ms,
            "detail": event.detail,
            "envelope": event.envelope,
        }
        for event in events
    ]
    db.insert_ignore(conn, EVENT, rows)


def keep_forks(
    conn: Connection,
    vault: Vault,
    forks: Sequence[tuple[Fork, int]],
    now_ms: int,
    randomness: Randomness,
) -> frozenset[str]:
    """Keep the other history aside, with when it arrived; returns who is now in quarantine."""
    if not forks:
        return frozenset()
    rows = [_aside_row(fork, arrived_ms) for fork, arrived_ms in forks]
    _set_aside(conn, vault, rows, now_ms)
    record(conn, [_fork_event(fork) for fork, _ in forks], now_ms)
    device_ids = {fork.envelope.seal.device_id for fork, _ in forks}
    return quarantine_all(conn, clones.forked_often(conn, device_ids), now_ms, randomness)


def quarantine_all(
    conn: Connection, device_ids: frozenset[str], now_ms: int, randomness: Randomness
) -> frozenset[str]:
    """Those of whom two histories are written; returns who is in quarantine now."""
    why = "two histories are written under its key"
    return frozenset(
        device_id
        for device_id in sorted(device_ids)
        if quarantine(conn, device_id, why, now_ms, randomness)
    )


def quarantine(
    conn: Connection, device_id: str, why: str, now_ms: int, randomness: Randomness
) -> bool:
    """Two hosts use one key: listen to neither until IT decides. False: it was revoked meanwhile,
    or does not exist, and nothing is left to do."""
    event = Event(device_id, EventKind.TWO_HOSTS, str(now_ms), f"{why}: two hosts seem to have it")
    try:
        devices.set_status(conn, device_id, DeviceStatus.QUARANTINED, why, now_ms, randomness)
    except (ConflictError, UnknownIdError):
        return False
    record(conn, [event], now_ms)
    _LOG.warning("device %s is in quarantine: %s", device_id, why)
    return True


def count_refusals(
    conn: Connection, refusals: Iterable[tuple[str, str | None, str]], now_ms: int
) -> None:
    """Add (reason, device id, detail) to the counts of today."""
    day = dt.datetime.fromtimestamp(now_ms / 1000, dt.UTC).strftime("%Y-%m-%d")
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for reason, device_id, detail in refusals:
        key = (reason, device_id or "")
        count = rows[key]["count"] + 1 if key in rows else 1
        rows[key] = {
            "reason": reason,
            "device_id": device_id or "",
            "day": day,
            "count": count,
            "last_detail": detail[:_DETAIL],
            "last_ms": now_ms,
        }
    if rows:
        insert = (sqlite if conn.dialect.name == "sqlite" else postgresql).insert(REFUSAL)
        new = insert.excluded
        merged = {
            "count": REFUSAL.c.count + new["count"],
            "last_detail": new.last_detail,
            "last_ms": new.last_ms,
        }
        keys = [REFUSAL.c.reason, REFUSAL.c.device_id, REFUSAL.c.day]
        conn.execute(
            insert.on_conflict_do_update(index_elements=keys, set_=merged), list(rows.values())
        )


def keep_unprocessable(
    conn: Connection, vault: Vault, message: Arrived, error: str, now_ms: int
) -> None:
    """A message that we could not process: kept byte for byte, counted, and out of the way."""
    where = topics.device_of(message.topic)
    device_id = "" if where is None else where[1]
    row = {
        "digest": envelope.digest(message.data),
        "device_id": device_id,
        "kind": _UNPROCESSABLE,
        "seq": None,
        "stored_digest": None,
        "data": message.data,
        "arrived_ms": message.arrived_ms,
    }
    _set_aside(conn, vault, [row], now_ms)
    detail = f"{error} while storing; the bytes are kept aside, please report this"
    count_refusals(conn, [(INTERNAL_ERROR, device_id, detail)], now_ms)


def keep_states(conn: Connection, messages: Iterable[Arrived]) -> None:
    """Online and offline, for operators; anything else on these topics says nothing."""
    rows = {}
    for message in messages:
        where, online = topics.device_of(message.topic), _ONLINE.get(message.data)
        if where is not None and online is not None:
            rows[where[1]] = {
                "device_id": where[1],
                "online": online,
                "changed_ms": message.arrived_ms,
            }
    db.upsert(conn, STATE, list(rows.values()))


def _set_aside(conn: Connection, vault: Vault, rows: Sequence[dict[str, Any]], now_ms: int) -> None:
    """Sealed like what was taken in; whose it is, the time of arrival tells."""
    whose = sealing.subjects(conn, [(row["device_id"], row["arrived_ms"]) for row in rows])
    items = [
        ToSeal(subject, row["data"], sealing.aside_context(row["digest"]))
        for row, subject in zip(rows, whose, strict=True)
    ]
    sealed = vault.seal_many(conn, items, now_ms)
    db.insert_ignore(
        conn, ASIDE, [row | {"data": data} for row, data in zip(rows, sealed, strict=True)]
    )


def _fork_event(fork: Fork) -> Event:
    seal = fork.envelope.seal
    return Event(
        seal.device_id,
        EventKind.FORK,
        fork.envelope.digest.hex(),
        f"a second, different envelope {seal.seq} arrived; it is kept aside: the device was put "
        "back to an older copy, or two hosts use its key",
        fork.envelope.digest,
        seal.seq,
    )


def _aside_row(fork: Fork, arrived_ms: int) -> dict[str, Any]:
    return {
        "digest": fork.envelope.digest,
        "device_id": fork.envelope.seal.device_id,
        "kind": clones.FORK,
        "seq": fork.envelope.seal.seq,
        "stored_digest": fork.stored_digest,
        "data": fork.envelope.data,
        "arrived_ms": arrived_ms,
    }
