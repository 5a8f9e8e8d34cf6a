"""A person with sites, hours and punches, for tests of attendance; name only what matters."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from tests.factories.directory import stored_employee, stored_site
from tests.factories.vault import VAULT
from tests.fakes.randomness import Repeatable
from zaigang_collector.attendance import (
    calendar_store,
    exemptions,
    patterns,
    schedules,
    service,
    statuses,
)
from zaigang_collector.attendance.calendars import Rule, SetDay
from zaigang_collector.attendance.days import DayStatus
from zaigang_collector.attendance.model import Direction, ExemptionKind, Kind, NewClockIn
from zaigang_collector.attendance.planning import Stretch, stretches_on
from zaigang_collector.attendance.schedules import Scope, ShiftAssignment
from zaigang_collector.attendance.service import StoredExemption
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Assignment
from zaigang_shared.device_config import Shift

NOW_MS = 1_790_000_000_000
ZONES = {"hq": ZoneInfo("Asia/Shanghai"), "berlin": ZoneInfo("Europe/Berlin")}
PERSON = "E001"


def moment_ms(text: str, zone: ZoneInfo = ZONES["hq"]) -> int:
    """`2026-09-21 09:00` on the wall clock of a zone."""
    moment = dt.datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=zone)
    return int(moment.timestamp() * 1000)


def office_hours(first: dt.date, days: int, zone: ZoneInfo = ZONES["hq"]) -> list[Stretch]:
    """Monday to Friday from nine to six, whatever is a holiday."""
    return [
        stretch
        for day in (first + dt.timedelta(days=number) for number in range(days))
        if day.weekday() < 5
        for stretch in stretches_on(day, [Shift(day.weekday(), 9 * 60, 18 * 60)], zone)
    ]


@dataclass
class Attending:
    """E001 works Monday to Friday from nine to six at `hq` in Shanghai; there is a site in Berlin."""

    conn: Connection
    site: str = "hq"
    random: Repeatable = field(default_factory=lambda: Repeatable("attending"))

    def __post_init__(self) -> None:
        for site_id, zone in ZONES.items():
            stored_site(self.conn, id=site_id, time_zone=zone.key)
        stored_employee(self.conn, id=PERSON)
        self.works_at(self.site)

    def works_at(self, site_id: str) -> None:
        """From now on and ever, besides where E001 works already."""
        self.site = site_id
        since = Assignment(PERSON, site_id, dt.date(2020, 1, 1))
        directory.put_assignment(self.conn, VAULT, since, NOW_MS, self.random)

    def leaves(self, site_id: str) -> None:
        """E001 was there for one day, long ago."""
        first = dt.date(2020, 1, 1)
        over = Assignment(PERSON, site_id, first, first)
        directory.put_assignment(self.conn, VAULT, over, NOW_MS, self.random)

    def shift(self, name: str, hours: str, scope: Scope = Scope.PERSON, subject: str = "") -> None:
        """Hours that hold for E001 (or for whom `scope` and `subject` name) from 2020 on."""
        pattern = patterns.parse(hours)
        schedules.put_shift(self.conn, name, pattern, NOW_MS, self.random)
        new = ShiftAssignment(scope, subject or PERSON, dt.date(2020, 1, 1), None, name)
        schedules.assign(self.conn, VAULT, new, NOW_MS, self.random)

    def rostered(self, day: str, shift_id: str | None) -> None:
        schedules.put_roster_day(
            self.conn, VAULT, PERSON, dt.date.fromisoformat(day), shift_id, NOW_MS, self.random
        )

    def calendar(self, day: str, rule: Rule, site_id: str = "", reason: str = "") -> None:
        calendar_store.set_day(
            self.conn,
            site_id,
            dt.date.fromisoformat(day),
            SetDay(rule, reason),
            NOW_MS,
            self.random,
        )

    def punch(self, *texts: str, kind: Kind = Kind.OWN) -> None:
        """`in 2026-09-21 09:00` at the site where E001 works, on its wall clock."""
        for text in texts:
            direction, _, at = text.partition(" ")
            new = NewClockIn(
                source="test",
                source_id=f"{self.site} {text}",
                employee_id=PERSON,
                site_id=self.site,
                direction=Direction(direction),
                punched_ms=moment_ms(at, ZONES[self.site]),
                received_ms=None,
                kind=kind,
            )
            service.record(self.conn, VAULT, new, NOW_MS, self.random)

    def exempt(
        self, first: str, last: str, kind: ExemptionKind = ExemptionKind.LEAVE, name: str = "1"
    ) -> StoredExemption:
        """Between two times on the wall clock of E001's site."""
        zone = ZONES[self.site]
        new = StoredExemption(
            PERSON, moment_ms(first, zone), moment_ms(last, zone), kind, "test", name
        )
        exemptions.record(self.conn, VAULT, new, NOW_MS, self.random)
        return new

    def day(self, day: str, now: str = "2027-12-31 00:00") -> DayStatus:
        """How a day stands at `now`, Shanghai time."""
        on = dt.date.fromisoformat(day)
        (status,) = statuses.statuses_of(self.conn, VAULT, PERSON, on, on, moment_ms(now))
        return status


def shown(status: DayStatus, zone: ZoneInfo) -> list[str]:
    """Intervals of a day on the wall clock of a zone: `hq 21 09:00 - 21 18:00 out`."""

    def local(at_ms: int) -> str:
        return dt.datetime.fromtimestamp(at_ms / 1000, zone).strftime("%d %H:%M")

    return [
        f"{one.site_id} {local(one.start_ms)} - {local(one.end_ms)} {one.ended.value}"
        for one in status.intervals
    ]
