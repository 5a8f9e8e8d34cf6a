"""What laptops did, slot by slot, and where nobody knows. Pure.

A laptop that tells nothing is off, or broken, or taken apart: only where it says itself that it slept,
or begins anew after an orderly stop with nothing missing in its chain, it is known to have been off.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from zaigang_collector.matching.model import TimedReading
from zaigang_collector.matching.presence import Looked, Seen
from zaigang_collector.matching.timeline import Device, Scene, order
from zaigang_shared.readings import Gap, Session

_BEGINS: Final = frozenset({"boot", "login", "unlock", "resume"})
FAULTS: Final = frozenset({"crash", "permission", "sensor_failed", "disk_full"})
"""Reasons of gaps that are nobody's doing."""
# Readings come every minute. Larger takes a minute without the agent for being off; smaller takes a
# late one for it.
_QUIET_MS: Final = 5 * 60_000
# After a boot the agent speaks within a minute or two. Larger takes an agent that was started by hand at
# noon for a laptop that was off all morning; smaller loses slow starts, of which nothing is known then.
_START_MS: Final = 10 * 60_000


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time (UTC ms), and why there is nothing."""

    from_ms: int
    to_ms: int
    why: str


@dataclass(frozen=True, slots=True)
class States:
    """All laptops of a person in one interval."""

    known: Sequence[bool]
    """Slots in which it is known of every laptop whether it was used."""
    used: Sequence[bool]
    begun_ms: int | None
    """The first boot, login, unlock, resume or use, from half an hour before the interval on."""


def states_of(scene: Scene, looked: Looked, spoken: Collection[str]) -> States:
    """Laid on the grid. Without a laptop nothing is known. `spoken`: devices that told something before
    the interval; one that is new was not off until then, it was not there."""
    count = scene.grid.count
    if not looked.laptops:
        return States([False] * count, [False] * count, None)
    known = map(all, zip(*(_known(scene, seen, spoken) for seen in looked.laptops), strict=True))
    used = map(any, zip(*(seen.use.worked for seen in looked.laptops), strict=True))
    used_slots = list(used)
    return States(list(known), used_slots, _begun_ms(scene, looked, used_slots))


def gaps(device: Device) -> Iterator[Span]:
    """What the agent itself says of times without readings."""
    for timed in sorted(device.of(Gap), key=order):
        said = timed.reading
        if isinstance(said, Gap) and said.from_t is not None:
            yield Span(timed.boot_offset_ms + said.from_t, timed.at_ms, said.reason)
        elif isinstance(said, Gap):  # since some moment of an earlier boot: since its last reading
            earlier = [one.at_ms for one in _told(device) if one.at_ms < timed.at_ms]
            yield Span(max(earlier, default=0), timed.at_ms, said.reason)


def covered_ms(scene: Scene, spans: Iterable[Span], reasons: frozenset[str] | None = None) -> int:
    """How much of the interval such gaps cover; overlapping ones once."""
    grid = scene.grid
    total = until = 0
    for one in sorted(spans, key=lambda span: (span.from_ms, span.to_ms)):
        if reasons is not None and one.why not in reasons:
            continue
        from_ms = max(one.from_ms, grid.start_ms, until)
        to_ms = min(one.to_ms, grid.end_ms)
        if to_ms > from_ms:
            total += to_ms - from_ms
            until = to_ms
    return total


def _known(scene: Scene, seen: Seen, spoken: Collection[str]) -> list[bool]:
    grid = scene.grid
    off = [*_asleep(seen.device), *_off(seen.device, spoken)]
    said = list(gaps(seen.device))
    blind = [one for one in said if one.why != "suspended"]
    found = []
    for slot in range(grid.count):
        from_ms, to_ms = grid.from_ms(slot), grid.to_ms(slot)
        is_off = any(one.from_ms <= from_ms and to_ms <= one.to_ms + _QUIET_MS for one in off)
        is_blind = any(one.from_ms < to_ms and from_ms < one.to_ms for one in blind)
        found.append((seen.use.seen[slot] or is_off) and not is_blind)
    return found


def _asleep(device: Device) -> Iterator[Span]:
    return (one for one in gaps(device) if one.why == "suspended")


def _off(device: Device, spoken: Collection[str]) -> Iterator[Span]:
    """Up to the boot with which a laptop begins anew: its agent started soon after, says nothing of a
    crash, and nothing is missing in its chain. Before the first reading that is here it was off too."""
    excused = list(gaps(device))
    before_ms, boot = 0, None
    is_new_device = device.device_id not in spoken
    for timed in _told(device):
        booted_ms = timed.boot_offset_ms
        is_new = boot is None or booted_ms - boot > _QUIET_MS
        whole = device.complete_to_ms is not None and device.complete_to_ms >= timed.at_ms
        if (
            is_new
            and not (is_new_device and boot is None)
            and whole
            and 0 <= timed.at_ms - booted_ms <= _START_MS
            and not any(one.from_ms < timed.at_ms and before_ms < one.to_ms for one in excused)
        ):
            yield Span(before_ms, booted_ms, "off")
        boot = booted_ms if is_new else boot
        before_ms = timed.at_ms


def _told(device: Device) -> list[TimedReading]:
    every = (
        timed for kind, several in device.kinds.items() if kind is not Gap for timed in several
    )
    return sorted(every, key=order)


def _begun_ms(scene: Scene, looked: Looked, used: Sequence[bool]) -> int | None:
    events = [
        timed.at_ms
        for seen in looked.laptops
        for timed in seen.device.of(Session)
        if isinstance(timed.reading, Session) and timed.reading.event in _BEGINS
    ]
    if any(used):
        events.append(scene.grid.from_ms(list(used).index(True)))
    return min(events, default=None)
