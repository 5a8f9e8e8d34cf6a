"""Whose a rotating identifier is, and for which slot it was made. Pure.

    found = resolve(near, far, heard)       # {identifier: BeaconSlot}

Whoever has the key of a beacon makes again what it broadcast. Which slots to try is told by the
times at which identifiers were heard, by the beacon's clock as far as that is known
(`beacon_clock`), and where its clock is not known by an hour to either side. Nothing is judged here:
what was recorded and played back is found as well, and whether it was heard in its time, matching
sees. What nobody's key makes is not in the answer.

A pure function of all that is known of an interval: no order of arrival, and nothing that was looked
at before, changes the answer.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from zaigang_collector.matching.beacon_clock import (
    NO_CLOCK,
    RIGHT,
    SEARCH_SLOTS,
    Clock,
    Span,
    merge,
)
from zaigang_collector.matching.model import BeaconSlot
from zaigang_shared import rid
from zaigang_shared.rid import RID_BYTES, SLOT_MS

# Around the time of hearing that is tried first: one slot, as frames arrive late. Larger hashes
# more for every beacon; smaller finds an honest frame in the second, wide search only.
_NEAR_MS: Final = SLOT_MS
_WIDE_MS: Final = SEARCH_SLOTS * SLOT_MS
# What is dated worse than this cannot be placed in any slot, and counts nowhere. Larger lets one
# envelope without a receipt cost a day of hashes for each beacon; smaller leaves foreign ones unseen.
_ERROR_MOST_MS: Final = 2 * 3_600_000
# A beacon that was set more often than this in an interval has no clock. Larger lets a device that
# invents statements on itself cost an hour of hashes for each; smaller loses an honest one that
# restarts without a network a few times a day.
_CLOCKS_MOST: Final = 8
# Made in pieces of so many slots. Larger hashes slots that nobody asks for; smaller remembers more
# pieces for the same time.
_BLOCK: Final = 8
# And remembered: all people at a site are asked about the same slots of a day. These are a day of a
# hundred beacons, in about 12 MiB. Larger takes memory; smaller hashes again.
_BLOCKS_KEPT: Final = 65_536

_Unknown: TypeAlias = dict[bytes, Span]
"""Identifiers, and in which slots of our own clock each was heard first and last."""


@dataclass(frozen=True, slots=True)
class Beacon:
    """A key, and from when until before when (UTC ms) what it makes was at one place."""

    device_id: str
    site_id: str
    """Empty: a laptop, which is wherever its owner is."""
    key: bytes = field(repr=False)
    from_ms: int
    to_ms: int
    clock: Clock = NO_CLOCK


class Hearing(NamedTuple):
    """An identifier, and between which times (collector UTC ms) it was heard."""

    id: bytes
    from_ms: int
    to_ms: int


def hearing(id_: bytes, heard_ms: int, error_ms: int) -> Hearing:
    """What was heard at `heard_ms` ± `error_ms`."""
    error_ms = min(max(0, error_ms), _ERROR_MOST_MS)
    return Hearing(id_, heard_ms - error_ms, heard_ms + error_ms)


def nobody() -> Sequence[Beacon]:
    """For `far` where there are no others."""
    return ()


def resolve(
    near: Sequence[Beacon], far: Callable[[], Sequence[Beacon]], heard: Iterable[Hearing]
) -> dict[bytes, BeaconSlot]:
    """`near`: the beacons that are expected, which are asked first; `far`: gives all others, who are
    asked about what is left. Both in an order that does not depend on arrival."""
    unknown: _Unknown = {}
    for name, from_ms, to_ms in heard:  # a day in a busy room is a hundred thousand
        first, last = from_ms // SLOT_MS, to_ms // SLOT_MS
        known = unknown.get(name)
        unknown[name] = (
            (first, last) if known is None else (min(first, known[0]), max(last, known[1]))
        )
    found: dict[bytes, BeaconSlot] = {}
    for around_ms in (_NEAR_MS, _WIDE_MS):
        for expected in (True, False):
            if not unknown:
                return found
            beacons = near if expected else far()
            times = _times(unknown, around_ms) if beacons else ()
            for beacon in beacons:
                _ask(beacon, times, unknown, found)
    return found


def _times(unknown: _Unknown, around_ms: int) -> tuple[Span, ...]:
    """When what is unknown was heard, so much wider."""
    return merge(
        (first * SLOT_MS - around_ms, (last + 1) * SLOT_MS - 1 + around_ms)
        for first, last in set(unknown.values())
    )


def _ask(
    beacon: Beacon,
    times: Sequence[Span],
    unknown: _Unknown,
    found: dict[bytes, BeaconSlot],
) -> None:
    for first, last in merge(_slots(beacon, times)):
        for slot, made in _made_between(beacon.key, first, last):
            if made in unknown:
                found[made] = BeaconSlot(beacon.device_id, beacon.site_id, slot)
                del unknown[made]


def _slots(beacon: Beacon, times: Sequence[Span]) -> Iterator[Span]:
    """Which slots the beacon can have sent at these times, by its clock, while it stood there."""
    for low_ms, high_ms in times:
        known = beacon.clock.between(low_ms, high_ms, _CLOCKS_MOST)
        for least_ms, most_ms in known or (RIGHT,):
            first_ms = max(low_ms, beacon.from_ms) - most_ms
            last_ms = min(high_ms, beacon.to_ms - 1) - least_ms
            if last_ms >= max(0, first_ms):
                yield rid.slot_at(max(0, first_ms)), rid.slot_at(last_ms)


def _made_between(key: bytes, first: int, last: int) -> Iterator[tuple[int, bytes]]:
    for block in range(first // _BLOCK, last // _BLOCK + 1):
        begins = block * _BLOCK
        made = _made(key, block)
        for slot in range(max(first, begins), min(last, begins + _BLOCK - 1) + 1):
            place = (slot - begins) * RID_BYTES
            yield slot, made[place : place + RID_BYTES]


@functools.lru_cache(maxsize=_BLOCKS_KEPT)
def _made(key: bytes, block: int) -> bytes:
    """The identifiers of one block of slots, one after the other."""
    begins = block * _BLOCK
    return b"".join(rid.rid(key, slot) for slot in range(begins, begins + _BLOCK))
