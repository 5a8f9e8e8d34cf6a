"""The journey of envelopes, and the times that ingest then gives their readings.

The times are not made up: each batch leaves when the laptop is online, takes a while, and brings a
receipt back that the next one quotes; `ingest.clock_model` then says when it was and how sure that is,
as it does for real envelopes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from zaigang_collector.ingest.clock_model import BootClock, Observation, window_index, window_of
from zaigang_collector.matching.model import TimedReading
from zaigang_collector.simulation.batches import Batch, Sent
from zaigang_collector.simulation.streams import Stream
from zaigang_shared.readings import Reading

_SPOOL_STEP_MS = 30
"""A spool is sent as fast as the line takes it."""
_PATIENCE_MS = 60_000
"""How long after the line is back an agent has noticed."""


def send(
    batches: Sequence[Batch],
    latency_ms: float,
    back_ms: int | None,
    draw: Stream,
    receipts: bool = True,
) -> list[Sent]:
    """Each with its arrival and the receipt it quotes. `back_ms`: when a device that went offline for
    good is online again; None: with its next online batch, or never."""
    arrivals = _arrivals(batches, latency_ms, back_ms, draw)
    sent: list[Sent] = []
    waiting: list[tuple[int, int]] = []  # receipts on their way: when they reach it, what they say
    newest: int | None = None
    for batch, arrived_ms in zip(batches, arrivals, strict=True):
        while waiting and waiting[0][0] <= batch.sealed_ms:
            newest = waiting.pop(0)[1]
        sent.append(Sent(batch, arrived_ms, newest if receipts else None))
        if arrived_ms is not None:
            given = arrived_ms + 50
            waiting.append((round(given + draw.uniform(0.3, 1.0) * latency_ms), given))
            waiting.sort()
    return sent


def _arrivals(
    batches: Sequence[Batch], latency_ms: float, back_ms: int | None, draw: Stream
) -> list[int | None]:
    found: list[int | None] = [None] * len(batches)
    release: int | None = back_ms
    for index in range(len(batches) - 1, -1, -1):
        batch = batches[index]
        if batch.online:
            release = batch.sealed_ms
        if batch.lost or release is None:
            continue
        travel = 120 + draw.expovariate(1 / latency_ms)
        if batch.online:
            found[index] = round(batch.sealed_ms + travel)
        else:
            queue = _SPOOL_STEP_MS * (index % 512)
            found[index] = round(release + draw.uniform(0.1, 1) * _PATIENCE_MS + queue + travel)
    return found


@dataclass(frozen=True, slots=True)
class Delivered:
    """One device's readings as the collector has them."""

    readings: tuple[TimedReading, ...]
    complete_to_ms: int | None


def receive(device_id: str, sent: Sequence[Sent], known_to_ms: int) -> Delivered:
    """What is there by `known_to_ms`, timed as ingest times it, ordered as `gather` orders it."""
    here = [one for one in sent if one.arrived_ms is not None and one.arrived_ms <= known_to_ms]
    clocks = _clocks(here)
    found: list[TimedReading] = []
    for one in here:
        up_ms = one.batch.boot.up_ms(one.batch.sealed_ms)
        seen = clocks[one.batch.boot.id].estimate(up_ms)
        digest = envelope_name(device_id, one.batch)
        found += [
            TimedReading(digest, index, t.t_ms + seen.offset_ms, seen.error_ms, seen.offset_ms, t)
            for index, t in enumerate(one.batch.readings)
        ]
    found.sort(key=lambda timed: (timed.at_ms, timed.envelope, timed.index))
    return Delivered(tuple(found), _complete(sent, known_to_ms, clocks))


def with_more(
    device_id: str, delivered: Delivered, sent: Sequence[Sent], more: Iterable[tuple[int, Reading]]
) -> Delivered:
    """The same device having said some readings more, in the envelopes of `sent` by index."""
    offsets = {timed.envelope: timed for timed in delivered.readings}
    added = []
    for number, (index, reading) in enumerate(more):
        name = envelope_name(device_id, sent[index].batch)
        like = offsets.get(name)
        if like is not None:
            at_ms = reading.t_ms + like.boot_offset_ms
            added.append(
                TimedReading(name, 100 + number, at_ms, like.error_ms, like.boot_offset_ms, reading)
            )
    ordered = sorted(
        (*delivered.readings, *added), key=lambda timed: (timed.at_ms, timed.envelope, timed.index)
    )
    return Delivered(tuple(ordered), delivered.complete_to_ms)


def envelope_name(device_id: str, batch: Batch) -> bytes:
    """Stands for the SHA-256 of an envelope that is not made here (`sealed` makes real ones)."""
    return hashlib.sha256(b"%s %d" % (device_id.encode(), batch.sealed_ms)).digest()


def _clocks(here: Sequence[Sent]) -> dict[bytes, BootClock]:
    """By boot; what is seen in one hour of a boot is one window, as ingest keeps them."""
    hours: dict[bytes, dict[int, list[Observation]]] = {}
    for one in here:
        up_ms = one.batch.boot.up_ms(one.batch.sealed_ms)
        seen = Observation(up_ms, one.arrived_ms or 0, one.receipt_at_ms)
        boot = hours.setdefault(one.batch.boot.id, {})
        boot.setdefault(window_index(up_ms), []).append(seen)
    return {
        name: BootClock(tuple(window_of(seen) for _, seen in sorted(boot.items())))
        for name, boot in hours.items()
    }


def _complete(sent: Sequence[Sent], known_to_ms: int, clocks: dict[bytes, BootClock]) -> int | None:
    """Up to where the chain has no hole: the earliest that the last envelope before it can be."""
    last: Sent | None = None
    for one in sent:
        if one.arrived_ms is None or one.arrived_ms > known_to_ms:
            break
        last = one
    if last is None:
        return None
    up_ms = last.batch.boot.up_ms(last.batch.sealed_ms)
    seen = clocks[last.batch.boot.id].estimate(up_ms)
    return seen.at_ms - seen.error_ms
