"""From claims of a file to clock-ins: who, at which site, when in its time zone. No commits here.

The same row again, from this file or an overlapping one, is the same punch: its id is made of person,
time, direction and device.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from zaigang_collector.attendance.model import Flag, NewClockIn, believable
from zaigang_collector.connectors import importing, people
from zaigang_collector.connectors.files import SiteSettings
from zaigang_collector.connectors.placing import Sites
from zaigang_collector.connectors.sheets import words
from zaigang_collector.connectors.sheets.errors import RowProblem, SheetError
from zaigang_collector.connectors.sheets.headings import Field
from zaigang_collector.connectors.sheets.mapping import ColumnMap
from zaigang_collector.connectors.sheets.rows import Claim
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Site
from zaigang_collector.matching.model import Text

_ID_DIGITS: Final = 24  # 96 bits: two of 2**32 made ids are the same with a chance of 1 in 10**10
_YEARS: Final = range(
    2000, 2200
)  # before nobody punched; after, a zone may leave what Python counts


@dataclass(slots=True)
class Made:
    """What became of the claims of a file."""

    punches: list[NewClockIn] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)
    """Employee ids that are nobody's, and how many rows each has."""
    repeated: int = 0
    """Rows that stand in the file twice, word for word."""


class Directory:
    """Sites, people and assignments, asked once for a file."""

    def __init__(self, conn: Connection, given: ColumnMap) -> None:
        """Raises SheetError when the mapping names a site that there is not."""
        self._conn = conn
        self.sites: Sites = importing.sites(
            conn, SiteSettings(terminal=given.terminals, address=given.addresses)
        )
        self._by_id = _all_sites(conn)
        self._by_name = _unique_names(self._by_id.values())
        self.ours = people.ids_of_ours(conn)
        self._assigned: dict[tuple[str, dt.date], frozenset[str]] = {}
        self._zones: dict[str, ZoneInfo] = {}
        named = {*given.addresses.values(), *given.terminals.values()}
        _refuse_unknown(named | ({given.site} if given.site else set()), self._by_id)

    def named(self, name: str) -> str | None:
        """The site of an id or a name; None: there is none, or several."""
        return name if name in self._by_id else self._by_name.get(name)

    def assigned(self, employee_id: str, day: dt.date) -> frozenset[str]:
        """To which sites somebody is assigned on a day."""
        key = employee_id, day
        if key not in self._assigned:
            self._assigned[key] = frozenset(directory.sites_of(self._conn, employee_id, day))
        return self._assigned[key]

    def zone(self, site_id: str) -> ZoneInfo:
        """The zone in which a site's clocks run."""
        if site_id not in self._zones:
            self._zones[site_id] = ZoneInfo(self._by_id[site_id].time_zone)
        return self._zones[site_id]


def make(
    source: str, claims: Sequence[Claim], given: ColumnMap, where: Directory, now_ms: int
) -> Made:
    """Clock-ins of all claims that can be ones; of the others, why not."""
    made = Made()
    seen: dict[str, NewClockIn] = {}
    for claim in claims:
        if claim.employee not in where.ours:
            made.unknown[claim.employee] += 1
            continue
        new = _punch(source, claim, given, where, now_ms)
        if isinstance(new, RowProblem):
            made.problems.append(new)
            continue
        first = seen.setdefault(new.source_id, new)
        if first is new:
            made.punches.append(new)
        elif first == new:
            made.repeated += 1
        else:
            made.problems.append(RowProblem(claim.row, "", words.REPEATED))
    return made


def _punch(
    source: str, claim: Claim, given: ColumnMap, where: Directory, now_ms: int
) -> NewClockIn | RowProblem:
    if claim.moment.year not in _YEARS:
        return _problem(claim, given, Field.PUNCHED, words.NOT_BELIEVABLE)
    site_id = _site_of(claim, given, where)
    if site_id is None:
        return _problem(
            claim, given, Field.SITE, words.NO_SUCH_SITE if claim.site else words.NO_SITE
        )
    zone = ZoneInfo(given.zone) if given.zone else where.zone(site_id)
    punched_ms = _ms(claim.moment, zone)
    if not believable(punched_ms, now_ms):
        return _problem(claim, given, Field.PUNCHED, words.NOT_BELIEVABLE)
    return NewClockIn(
        source=source,
        source_id=_made_id(claim, punched_ms),
        employee_id=claim.employee,
        site_id=site_id,
        direction=claim.direction,
        punched_ms=punched_ms,
        received_ms=_received_ms(claim.received, zone, now_ms),
        kind=claim.kind,
        point=claim.place.point,
        flags=(Flag.DISCOUNTED,) if claim.discounted else (),
        source_device=claim.device,
        vendor_record=claim.record,
    )


def _site_of(claim: Claim, given: ColumnMap, where: Directory) -> str | None:
    """What the row names, else what was told of the whole file, else what its place tells."""
    if claim.site:
        return where.named(claim.site)
    if given.site:
        return given.site
    return where.sites.site_of(claim.place, where.assigned(claim.employee, claim.moment.date()))


def _ms(moment: dt.datetime, zone: ZoneInfo) -> int:
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
    return round(aware.timestamp() * 1000)


def _received_ms(received: dt.datetime | None, zone: ZoneInfo, now_ms: int) -> int | None:
    """When the platform had it; what cannot be is left out."""
    if received is None or received.year not in _YEARS:
        return None
    found_ms = _ms(received, zone)
    return found_ms if believable(found_ms, now_ms) else None


def _made_id(claim: Claim, punched_ms: int) -> str:
    name = "\0".join((claim.employee, str(punched_ms), claim.direction.value, claim.device or ""))
    return "made-" + hashlib.sha256(b"zaigang/sheet/1\0" + name.encode()).hexdigest()[:_ID_DIGITS]


def _problem(claim: Claim, given: ColumnMap, field_: Field, said: Text) -> RowProblem:
    return RowProblem(claim.row, given.columns.get(field_, ""), said)


def _all_sites(conn: Connection) -> dict[str, Site]:
    found: dict[str, Site] = {}
    after = ""
    while page := directory.list_sites(conn, after):
        found |= {one.id: one for one in page}
        after = page[-1].id
    return found


def _unique_names(sites: Collection[Site]) -> dict[str, str]:
    """Site id by name, of names that one site alone has."""
    times = Counter(one.name for one in sites)
    return {one.name: one.id for one in sites if times[one.name] == 1}


def _refuse_unknown(named: set[str], known: Mapping[str, Site]) -> None:
    missing = sorted(named - known.keys())
    if missing:
        listed = ", ".join(missing)
        raise SheetError(
            Text(
                f"没有这些驻场地点：{listed}。请先导入，sites list 可查看。",
                f"There are no such sites: {listed}. Import them first; `sites list` shows them.",
            )
        )
