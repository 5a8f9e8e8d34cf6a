"""From what a connector found to clock-ins and exemptions. No commits here.

A record of one of ours becomes a clock-in, or is put aside with the reason; a record of somebody
else is not looked at. The same again changes nothing; a late edit makes a new version.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from zaigang_collector.attendance import exempting, known, service
from zaigang_collector.attendance.model import Direction, Flag, NewClockIn, Outcome, believable
from zaigang_collector.attendance.service import StoredExemption
from zaigang_collector.connectors import aside, people, placing, state, tracing
from zaigang_collector.connectors.aside import Aside, Why
from zaigang_collector.connectors.contract import Batch, Kind, Punch, Standing
from zaigang_collector.connectors.files import SiteSettings
from zaigang_collector.connectors.placing import Fence, Sites
from zaigang_collector.db import Randomness
from zaigang_collector.directory import service as directory
from zaigang_collector.vault.service import Vault
from zaigang_collector.worktraces import service as worktraces
from zaigang_collector.worktraces.clients import Texts

_NO_EXEMPTION: Final = "an absence that ends before it begins, or lasts for years"


@dataclass(slots=True)
class Tally:
    """What became of what was found."""

    added: int = 0
    new_versions: int = 0
    unchanged: int = 0
    exemptions: int = 0
    """Added, changed or ended."""
    aside: Counter[Why] = field(default_factory=Counter)
    no_punch: int = 0
    """The system's own notes, such as that somebody did not punch."""
    unreadable: int = 0
    not_ours: int = 0
    odd: set[str] = field(default_factory=set)

    def count(self, outcomes: Iterable[Outcome]) -> None:
        """Count what recording did."""
        counted = Counter(outcomes)
        self.added += counted[Outcome.ADDED]
        self.new_versions += counted[Outcome.NEW_VERSION]
        self.unchanged += counted[Outcome.UNCHANGED]

    def add(self, other: Tally) -> None:
        """Count these too."""
        self.added += other.added
        self.new_versions += other.new_versions
        self.unchanged += other.unchanged
        self.exemptions += other.exemptions
        self.aside.update(other.aside)
        self.no_punch += other.no_punch
        self.unreadable += other.unreadable
        self.not_ours += other.not_ours
        self.odd |= other.odd


@dataclass(frozen=True, slots=True)
class Importer:
    """What storing needs besides the database, for one pass over one source."""

    source: str
    vault: Vault
    sites: Sites
    ours: dict[str, str]
    """Vendor id to employee id."""
    now_ms: int
    randomness: Randomness
    texts: Texts = field(default_factory=Texts)
    """What becomes of texts in which a client may be named."""

    def take(self, conn: Connection, batch: Batch) -> Tally:
        """Store one batch."""
        tally = Tally(unreadable=len(batch.unreadable))
        self._take_punches(conn, batch, tally)
        if batch.kind in (Kind.LEAVE, Kind.APPROVALS):
            self._take_absences(conn, batch, tally)
        self._take_traces(conn, batch, tally)
        tally.odd.update(batch.unreadable)
        for what in sorted(tally.odd):
            state.note_oddity(conn, self.source, what, self.now_ms)
        unknown = set(batch.unknown_people)
        people.note_answers(conn, self.source, set(batch.people) - unknown, unknown)
        return tally

    def _take_punches(self, conn: Connection, batch: Batch, tally: Tally) -> None:
        wanted: dict[str, Punch] = {}
        for punch in batch.punches:
            tally.odd.update(punch.odd)
            if punch.person in self.ours:
                wanted[punch.vendor_id] = punch  # a page that comes twice brings it twice
            else:
                tally.not_ours += 1
        stored = known.record_hashes(conn, self.source, sorted(wanted)).keys()
        days = _Days(conn)
        put_aside, clock_ins = [], []
        for punch in wanted.values():
            if punch.standing is Standing.NO_PUNCH and punch.vendor_id not in stored:
                tally.no_punch += 1
                continue
            made = self._made(conn, days, punch, punch.vendor_id in stored)
            if isinstance(made, Why):
                put_aside.append(Aside(punch, self.ours[punch.person], made))
                tally.aside[made] += 1
                continue
            clock_ins.append(made)
        self._record(conn, clock_ins, tally)
        aside.keep(conn, self.vault, self.source, put_aside, self.now_ms)
        aside.drop(conn, self.source, [one.source_id for one in clock_ins])

    def _made(self, conn: Connection, days: _Days, punch: Punch, stored: bool) -> NewClockIn | Why:
        """The clock-in that a record is, or why it is none."""
        if not believable(punch.punched_ms, self.now_ms):
            return Why.NO_TIME
        employee_id = self.ours[punch.person]
        direction, site_id = punch.direction, None
        if direction is not None:
            assigned = days.assigned(employee_id, punch.punched_ms)
            site_id = self.sites.site_of(punch.place, assigned)
        if stored and (direction is None or site_id is None):
            # It was a clock-in before: what it loses by an edit, its earlier version knows.
            before = known.newest(conn, self.vault, self.source, punch.vendor_id)
            if before is not None:
                direction = direction or before.content.direction
                site_id = site_id or before.content.site_id
        if direction is None:
            discounted = punch.standing is Standing.DISCOUNTED
            return Why.DISCOUNTED if discounted else Why.NO_DIRECTION
        return Why.NO_SITE if site_id is None else self._new(punch, direction, site_id)

    def _new(self, punch: Punch, direction: Direction, site_id: str) -> NewClockIn:
        flags = set(punch.flags)
        if punch.standing is not Standing.COUNTS:
            # Also what was a punch and is none any more, as when a correction was taken back.
            flags.add(Flag.DISCOUNTED)
        received_ms = punch.received_ms
        if received_ms is not None and not believable(received_ms, self.now_ms):
            received_ms = None
        return NewClockIn(
            source=self.source,
            source_id=punch.vendor_id,
            employee_id=self.ours[punch.person],
            site_id=site_id,
            direction=direction,
            punched_ms=punch.punched_ms,
            received_ms=received_ms,
            kind=punch.word,
            point=punch.place.point,
            flags=tuple(sorted(flags)),
            source_device=punch.device,
            vendor_record=punch.record,
        )

    def _record(self, conn: Connection, clock_ins: Sequence[NewClockIn], tally: Tally) -> None:
        recorded = service.record_all(conn, self.vault, clock_ins, self.now_ms, self.randomness)
        tally.count(one.outcome for one in recorded)

    def _take_traces(self, conn: Connection, batch: Batch, tally: Tally) -> None:
        if not (batch.events or batch.work_logs):
            return
        taken = tracing.read(conn, batch, self.source, self.ours, self.texts, self.now_ms)
        tally.not_ours += taken.not_ours
        tally.unreadable += taken.refused
        if taken.refused:
            tally.odd.add(tracing.NO_TIME)
        how = self.now_ms, self.randomness
        recorded = worktraces.record_events(conn, self.vault, taken.events, *how)
        tally.count(one.outcome for one in recorded)
        logs = worktraces.record_work_logs(conn, self.vault, taken.work_logs, *how)
        tally.count(one.outcome for one in logs)

    def _take_absences(self, conn: Connection, batch: Batch, tally: Tally) -> None:
        # Leave and approvals of one system are told apart: what the one does not tell is not gone
        # from the other.
        name = f"{self.source}/{batch.kind.value}"
        told = [
            StoredExemption(
                self.ours[one.person], one.from_ms, one.to_ms, one.why, name, one.vendor_id
            )
            for one in batch.absences
            if one.person in self.ours
        ]
        tally.not_ours += sum(1 for one in batch.absences if one.person not in self.ours)
        answered = set(batch.people) - set(batch.unknown_people) if batch.absences_are_all else ()
        whole = sorted({self.ours[one] for one in answered if one in self.ours})
        span = batch.window.from_ms, batch.window.to_ms
        taken = exempting.take(
            conn, self.vault, name, told, whole, span, self.now_ms, self.randomness
        )
        tally.exemptions += taken.changed
        if taken.refused:
            tally.odd.add(_NO_EXEMPTION)
        tally.exemptions += exempting.end(
            conn, self.vault, name, batch.ended, self.now_ms, self.randomness
        )


class _Days:
    """Assignments, asked once for each person and day of a batch."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn
        self._zones: dict[str, ZoneInfo] = {}
        self._found: dict[tuple[str, dt.date], frozenset[str]] = {}

    def assigned(self, employee_id: str, at_ms: int) -> frozenset[str]:
        """To which sites somebody is assigned on the day of `at_ms`, as their own clock has it."""
        day = dt.datetime.fromtimestamp(at_ms / 1000, self._zone(employee_id)).date()
        key = employee_id, day
        if key not in self._found:
            self._found[key] = frozenset(directory.sites_of(self._conn, employee_id, day))
        return self._found[key]

    def _zone(self, employee_id: str) -> ZoneInfo:
        if employee_id not in self._zones:
            found = directory.get_employee(self._conn, employee_id)
            self._zones[employee_id] = ZoneInfo("UTC" if found is None else found.time_zone)
        return self._zones[employee_id]


def sites(conn: Connection, settings: SiteSettings) -> Sites:
    """All sites as they are now."""
    fences: list[Fence] = []
    by_network: dict[bytes, set[str]] = {}
    ids: set[str] = set()
    after = ""
    while page := directory.list_sites(conn, after):
        for one in page:
            ids.add(one.id)
            if one.latitude is not None and one.longitude is not None and one.radius_m is not None:
                fences.append(Fence(one.id, one.latitude, one.longitude, one.radius_m))
            for network in directory.networks_of_site(conn, one.id).networks:
                by_network.setdefault(network, set()).add(one.id)
        after = page[-1].id
    frozen = {network: frozenset(there) for network, there in by_network.items()}
    return Sites(frozenset(ids), tuple(fences), frozen, settings)


def unknown_sites(found: Sites) -> list[str]:
    """Sites that the settings name and the directory does not know, sorted."""
    named = {
        site_id
        for what in (placing.TERMINAL, placing.ADDRESS, placing.GROUP)
        for site_id in getattr(found.settings, what).values()
    }
    return sorted(named - found.ids)
