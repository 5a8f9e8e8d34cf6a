"""Whose the identifiers are that were heard over the radio, and whose of them matter to one person.

A laptop's hearings are held against nodes, a node's against the person's own laptops and badges: who
else was near is no evidence here, and is left out.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from sqlalchemy import Connection

from zaigang_collector.devices import service as devices
from zaigang_collector.devices.model import Holding
from zaigang_collector.directory.carried import Worn
from zaigang_collector.matching import resolver
from zaigang_collector.matching.beacon_clock import NO_CLOCK, SEARCH_SLOTS, Clock, of_devices
from zaigang_collector.matching.model import BeaconSlot, Claim, DeviceEvidence, TimedReading
from zaigang_shared.readings import Beacon
from zaigang_shared.rid import SLOT_MS


def resolved(
    conn: Connection,
    claim: Claim,
    span: tuple[int, int],
    laptops: Sequence[DeviceEvidence],
    nodes: Sequence[DeviceEvidence],
) -> dict[bytes, BeaconSlot]:
    """Whose each rotating identifier is that a laptop heard, or that a node heard of the laptops.

    Of a laptop's hearings the site's nodes are asked first, and the others about what is left: a
    foreign or a stale one is something that integrity wants to see.
    """
    clocks = dict(of_devices((one.device_id, one.readings) for one in (*laptops, *nodes)))
    wide = span[0] - SEARCH_SLOTS * SLOT_MS, span[1] + SEARCH_SLOTS * SLOT_MS
    standing = functools.cache(lambda: devices.holdings_of_nodes(conn, *wide))

    def far() -> Sequence[resolver.Beacon]:
        elsewhere = [one for one in standing() if one.site_id != claim.site_id]
        return _beacons(conn, elsewhere, wide, clocks)

    found: dict[bytes, BeaconSlot] = {}
    if nodes:
        held = devices.holdings_of_employee(conn, claim.employee_id, *span)
        own = _beacons(conn, held, span, clocks)
        found |= resolver.resolve(own, resolver.nobody, _hearings(nodes))
    if laptops:
        here = devices.holdings_of_site(conn, claim.site_id, *wide)
        near = _beacons(conn, here, wide, clocks)
        found |= resolver.resolve(near, functools.cache(far), _hearings(laptops))
    return found


def of_person(
    nodes: Sequence[DeviceEvidence], beacons: Mapping[bytes, BeaconSlot], worn: Sequence[Worn]
) -> tuple[DeviceEvidence, ...]:
    """The nodes' readings without what they heard of others: of what was heard, a badge counts while
    it was registered to the person, and an identifier where it is of the person's own laptop."""
    badges: dict[bytes, list[Worn]] = {}
    for one in worn:
        badges.setdefault(one.identifier, []).append(one)

    def matters(timed: TimedReading) -> bool:
        heard = timed.reading
        if not isinstance(heard, Beacon):
            return True
        if heard.scheme == "rid":
            source = beacons.get(heard.id)
            return source is not None and not source.site_id
        at_ms = timed.boot_offset_ms + heard.last_t
        return heard.scheme == "badge" and any(
            one.from_ms <= at_ms and (one.to_ms is None or at_ms < one.to_ms)
            for one in badges.get(heard.id, ())
        )

    return tuple(
        dataclasses.replace(node, readings=tuple(filter(matters, node.readings))) for node in nodes
    )


def _hearings(listening: Sequence[DeviceEvidence]) -> Iterator[resolver.Hearing]:
    return (
        resolver.hearing(
            timed.reading.id, timed.boot_offset_ms + timed.reading.first_t, timed.error_ms
        )
        for device in listening
        for timed in device.readings
        if isinstance(timed.reading, Beacon) and timed.reading.scheme == "rid"
    )


def _beacons(
    conn: Connection,
    holdings: Iterable[Holding],
    span: tuple[int, int],
    clocks: Mapping[str, Clock],
) -> tuple[resolver.Beacon, ...]:
    return tuple(_each(conn, list(holdings), span, clocks))


def _each(
    conn: Connection,
    holdings: Sequence[Holding],
    span: tuple[int, int],
    clocks: Mapping[str, Clock],
) -> Iterator[resolver.Beacon]:
    keys = devices.beacon_keys(conn, {one.device_id for one in holdings})
    for one in sorted(holdings, key=lambda one: (one.device_id, one.from_ms)):
        known = keys.get(one.device_id)
        if known is None:
            continue
        # Where it stood then: a node that was moved since is no stranger.
        to_ms = span[1] if one.to_ms is None else min(one.to_ms, span[1])
        if known.revoked_ms is not None:  # and whoever has it since may carry it anywhere
            to_ms = min(to_ms, known.revoked_ms)
        clock = clocks.get(one.device_id, NO_CLOCK)
        yield resolver.Beacon(
            one.device_id, one.site_id or "", known.key, max(one.from_ms, span[0]), to_ms, clock
        )
