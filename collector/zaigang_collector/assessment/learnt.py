"""What was learnt of a person at a site, as far as it holds in one interval.

How far a beacon reaches is of this laptop and of where these nodes stand; what a sensor is off by is of
this sensor, beside those of these nodes. Where any of them came or went between the days that taught
and the interval, nothing is known: the silence of a node that was moved would accuse everybody who is
still where they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import Connection

from zaigang_collector.attendance.intervals import Interval
from zaigang_collector.devices import service as devices
from zaigang_collector.directory import carried
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Learnt
from zaigang_collector.matching.model import SensorOffset

COVERAGE: Final = "coverage"
"""The name of a learnt coverage."""
TRAVELS: Final = "travels:"
"""Begins the name of a network that locates nobody."""
STAYS: Final = "stays:"
"""Begins the name of a registered home that confirmed days never showed at the site; all other names
are sensors."""
_NETWORKS: Final = (TRAVELS, STAYS)


def holding(conn: Connection, employee_id: str, interval: Interval) -> tuple[Learnt, ...]:
    """Coverage and offsets that were accepted and hold in this interval, by name."""
    accepted = directory.learnt_of(conn, employee_id, interval.site_id)
    if not accepted:
        return ()
    changes = devices.changes_around(conn, employee_id, interval.site_id)
    return tuple(
        one
        for one in accepted
        if not one.name.startswith(_NETWORKS)
        and not _changed(one, interval, changes)
        and not (one.name != COVERAGE and _changed(one, interval, carried.began_ms(conn, one.name)))
    )


def is_sensor(name: str) -> bool:
    """Whether an offset can be kept under this name of a sensor: what a sensor is called, people and
    devices choose."""
    return name != COVERAGE and not name.startswith(_NETWORKS)


def travelling(conn: Connection, employee_id: str) -> frozenset[bytes]:
    """Networks that travel with this person, wherever that was seen."""
    return _networks(conn, employee_id, TRAVELS)


def settled(conn: Connection, employee_id: str) -> frozenset[bytes]:
    """Registered homes of this person that stay at home, unless they were seen to travel since."""
    return _networks(conn, employee_id, STAYS) - travelling(conn, employee_id)


def _networks(conn: Connection, employee_id: str, kind: str) -> frozenset[bytes]:
    names = directory.learnt_names(conn, employee_id, kind)
    return frozenset(bytes.fromhex(name.removeprefix(kind)) for name in names)


def coverage_of(learnt: Iterable[Learnt]) -> float | None:
    """The share of slots in which the beacon is heard; None: not known."""
    return next((one.value for one in learnt if one.name == COVERAGE), None)


def offsets_of(learnt: Iterable[Learnt]) -> tuple[SensorOffset, ...]:
    """What carried sensors are off by."""
    return tuple(
        SensorOffset(one.name, one.value, one.sd)
        for one in learnt
        if one.name != COVERAGE and one.sd is not None
    )


def _changed(one: Learnt, interval: Interval, changes: Sequence[int]) -> bool:
    first_ms, last_ms = min(one.since_ms, interval.start_ms), max(one.since_ms, interval.end_ms)
    return any(first_ms < ms <= last_ms for ms in changes)
