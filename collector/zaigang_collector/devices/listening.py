"""Which beacons and thermometers a device is told to listen to, beside the rotating ones.

A laptop: its owner's badges and thermometers. A node: the badges of who is assigned to its site. Both:
the company's own site beacons (setting `kept_beacons`). Everything else a device drops where it hears it.

A device takes 100 entries at most. Where a site has more badges than fit, those that share the part
that is bought once (an iBeacon's UUID, an AltBeacon's first 16 bytes, an Eddystone namespace) become one
entry: the node then hears that whole series, and the collector leaves out what is registered to nobody
here. Where even these do not fit, the node is told no badge at all, loudly: a list that was cut would
be held against those who are missing from it.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from typing import Final, TypeAlias

from sqlalchemy import Connection

from zaigang_collector.directory import carried as register
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.carried import Carried
from zaigang_collector.errors import ConflictError
from zaigang_shared import device_config
from zaigang_shared.device_config import Kept

_LOG: Final = logging.getLogger(__name__)
KEPT_MOST: Final = 100  # as `device_config.DeviceConfig.kept`; agents refuse more
_SERIES_BYTES: Final = {"ibeacon": 16, "altbeacon": 16, "eddystone": 10}
# Days before and after the present one in UTC of which the assignments count: with them a site's day
# has begun in every time zone, and a node that is offline over night knows who comes. Larger has nodes
# listen for people who are not there; smaller misses the first morning.
_DAYS_AROUND: Final = 1

Prefixes: TypeAlias = Sequence[tuple[str, bytes]]
"""Formats and beginnings, of the setting `kept_beacons`."""


def of_owner(conn: Connection, employee_id: str, prefixes: Prefixes) -> tuple[Kept, ...]:
    """What the laptop of this person listens to."""
    badges = [one for one in register.of_employee(conn, employee_id) if one.is_badge]
    return fitting(badges, prefixes)


def sensors_of(conn: Connection, employee_id: str) -> tuple[device_config.Carried, ...]:
    """The thermometers that this person carries, with their keys."""
    return tuple(
        device_config.Carried(one.id, one.format, one.identifier, one.key)  # type: ignore[arg-type]  # one of the three: it is no badge
        for one in register.of_employee(conn, employee_id)
        if not one.is_badge
    )


def at_site(conn: Connection, site_id: str, prefixes: Prefixes, now_ms: int) -> tuple[Kept, ...]:
    """What the nodes of this site listen to."""
    try:
        return fitting(_badges(conn, site_id, now_ms), prefixes)
    except ConflictError as error:
        _LOG.error("the nodes of site %s hear no badge: %s", site_id, error)
        return fitting((), prefixes)


def check_sites_of(conn: Connection, employee_id: str, prefixes: Prefixes, now_ms: int) -> None:
    """Raise ConflictError where what is registered does not fit the nodes of a site any more."""
    for site_id in sorted({one.site_id for one in directory.assignments_of(conn, employee_id)}):
        try:
            fitting(_badges(conn, site_id, now_ms), prefixes)
        except ConflictError as error:
            raise ConflictError(f"site {site_id}: {error}") from error


def fitting(badges: Sequence[Carried], prefixes: Prefixes) -> tuple[Kept, ...]:
    """Badges and company prefixes as entries, badges first. Raises ConflictError when they do not
    fit, not even by series."""
    whole = {(one.format, one.identifier) for one in badges}
    series = {(format_, name[: _SERIES_BYTES[format_]]) for format_, name in whole}
    room = KEPT_MOST - len(prefixes)
    told = whole if len(whole) <= room else series
    if len(told) > room:
        raise ConflictError(
            f"{len(whole)} badges of {len(series)} series, and a device takes {room} beside the "
            f"{len(prefixes)} prefixes of `kept_beacons`; use badges that share a UUID or namespace"
        )
    return (
        *(Kept(format_, name, badge=True) for format_, name in sorted(told)),  # type: ignore[arg-type]  # formats of badges
        *(Kept(format_, begins) for format_, begins in prefixes),  # type: ignore[arg-type]  # the setting was checked
    )


def _badges(conn: Connection, site_id: str, now_ms: int) -> tuple[Carried, ...]:
    today = dt.datetime.fromtimestamp(now_ms / 1000, dt.UTC).date()
    around = dt.timedelta(days=_DAYS_AROUND)
    return register.badges_at(
        conn, site_id, (today - around).isoformat(), (today + around).isoformat()
    )
