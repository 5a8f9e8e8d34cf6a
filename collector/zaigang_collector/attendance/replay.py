"""Calendars, shifts, rosters and exemptions as their events tell them, held against the tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Table

from zaigang_collector.attendance.events import CLEARED, EventKind
from zaigang_collector.attendance.tables import (
    CALENDAR_DAY,
    CALENDAR_YEAR,
    EXEMPTION,
    ROSTER,
    SHIFT,
    SHIFT_ASSIGNMENT,
)
from zaigang_collector.ledger.audit import Finding

_TABLES: Final = {
    EventKind.CALENDAR_DAY: CALENDAR_DAY,
    EventKind.CALENDAR_YEAR: CALENDAR_YEAR,
    EventKind.SHIFT: SHIFT,
    EventKind.SHIFT_ASSIGNMENT: SHIFT_ASSIGNMENT,
    EventKind.ROSTER_DAY: ROSTER,
    EventKind.EXEMPTION: EXEMPTION,
}


@dataclass(slots=True)
class Schedule:
    """What the events so far add up to: of each kind the newest fields by primary key."""

    told: dict[EventKind, dict[tuple[Any, ...], Mapping[str, Any]]] = field(
        default_factory=lambda: {kind: {} for kind in EventKind}
    )

    def add(self, kind: str, fields: Mapping[str, Any]) -> None:
        """Take the next event. Raises KeyError, ValueError for one that is none."""
        of = EventKind(kind)
        key = tuple(fields[name] for name in _keys(_TABLES[of]))
        if fields.get(CLEARED):
            self.told[of].pop(key, None)
        else:
            self.told[of][key] = fields

    def compare(self, conn: Connection) -> Iterator[Finding]:
        """What the tables say otherwise."""
        for kind, table in _TABLES.items():
            names = _keys(table)
            stored = {
                tuple(row._mapping[name] for name in names): row._mapping
                for row in conn.execute(sa.select(table))
            }
            yield from _differences(kind, stored, self.told[kind])


def _keys(table: Table) -> list[str]:
    return [column.name for column in table.primary_key]


def _differences(
    kind: EventKind,
    stored: Mapping[tuple[Any, ...], Mapping[Any, Any]],
    told: Mapping[tuple[Any, ...], Mapping[str, Any]],
) -> Iterator[Finding]:
    for key in sorted(stored.keys() | told.keys()):
        record = f"{kind.value} {' '.join(map(str, key))}"
        if key not in stored:
            yield Finding(record, "was deleted; its events are here")
        elif key not in told:
            yield Finding(record, "is in no event: put in behind the ledger's back")
        else:
            wrong = [name for name, value in told[key].items() if stored[key][name] != value]
            if wrong:
                yield Finding(record, f"has another {wrong[0]} than its events say")
