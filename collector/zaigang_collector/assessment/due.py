"""Who may have something new to be judged, by what came since the last look.

`service.people_due` makes everybody's intervals anew and compares all that they rest on: seconds for
1,000 people, whether anything came or not. `Watch` asks a few questions about everybody at once, and
names whomever `people_due` would name, and now and then somebody more, of whom judging finds nothing
new. It looks at everybody when it begins, and every `EVERYBODY_MS`. Whoever lets an assessment rest on
something more (`gather.inputs_hash`) lets it be told of here, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from sqlalchemy import Connection

from zaigang_collector.assessment import service, store
from zaigang_collector.assessment.gather import MARGIN_MS, claimed_intervals
from zaigang_collector.assessment.model import Judged
from zaigang_collector.assessment.service import Judge
from zaigang_collector.attendance import events, known
from zaigang_collector.attendance.claiming import PAIRED_FROM_MS
from zaigang_collector.db import Tail
from zaigang_collector.devices import service as devices
from zaigang_collector.directory import service as directory
from zaigang_collector.ingest.news import News
from zaigang_collector.ledger import service as ledger
from zaigang_collector.ledger.service import EntryType
from zaigang_collector.worktraces import service as worktraces

_HOUR_MS: Final = 3_600_000
# A cause that is not listed here is found by then. Larger leaves it standing for longer; smaller spends
# seconds for each 1,000 people on finding nothing.
EVERYBODY_MS: Final = _HOUR_MS

PUNCH: Final = EntryType.CLOCK_IN
SAID: Final = EntryType.ATTENDANCE_EVENT
PLACE: Final = EntryType.DIRECTORY_EVENT
DEVICE: Final = EntryType.DEVICE_EVENT
TRACE: Final = EntryType.BUSINESS_EVENT
LOG: Final = EntryType.WORK_LOG
TYPES: Final = (PUNCH, SAID, PLACE, DEVICE, TRACE, LOG)

_Stretch: TypeAlias = tuple[str, int]
"""An interval's site, and when it ends (UTC ms)."""


@dataclass(frozen=True, slots=True)
class _Looked:
    """What the last look at somebody found."""

    sites: frozenset[str]
    over_ms: int
    """When the last of the intervals that are over has ended, with the margin around it; 0: none is."""
    again_ms: int | None
    """When the next thing happens by itself: an interval is over, or has waited long enough."""


@dataclass(slots=True)
class Watch:
    """Of one process. `due` names people; whoever was judged is told to `judged`, and all others are
    named again."""

    judge: Judge
    _everybody_ms: int | None = None
    """When everybody is looked at again; None: nobody was."""
    _looked: dict[str, _Looked] = field(default_factory=dict)
    _waiting: set[str] = field(default_factory=set)
    """Named, and not judged yet."""
    _ledger: Tail = field(default_factory=Tail)
    _absences: dict[str, frozenset[tuple[object, ...]]] = field(default_factory=dict)
    _news: News = field(default_factory=News)

    def due(self, conn: Connection, from_ms: int, to_ms: int, now_ms: int) -> list[str]:
        """Who is to be judged for [from_ms, to_ms) (UTC ms), sorted by id."""
        again_ms, self._everybody_ms = (
            self._everybody_ms,
            None,
        )  # should it end here, all is asked anew
        fresh = self._fresh(conn, from_ms, to_ms, now_ms)
        if again_ms is None or now_ms >= again_ms:
            fresh = self._of_everybody(conn, from_ms, to_ms, now_ms)
            again_ms = now_ms + EVERYBODY_MS
        self._everybody_ms = again_ms
        self._waiting |= fresh
        return sorted(self._waiting)

    def judged(self, employee_id: str, judged: Iterable[Judged], now_ms: int) -> None:
        """This is what judging somebody came to at `now_ms`."""
        stretches = [(one.site_id, one.end_ms) for one in judged]
        self._looked[employee_id] = self._summary(stretches, now_ms)
        self._waiting.discard(employee_id)

    def _of_everybody(self, conn: Connection, from_ms: int, to_ms: int, now_ms: int) -> set[str]:
        standing = store.standing(conn, from_ms, to_ms)
        found = set()
        for person in service.people_concerned(conn, from_ms, to_ms):
            claimed = claimed_intervals(conn, self.judge.vault, person, from_ms, to_ms)
            stretches = [(one.interval.site_id, one.interval.end_ms) for one in claimed]
            self._looked[person] = self._summary(stretches, now_ms)
            holding = standing.get(person, frozenset())
            if service.is_due(conn, self.judge, claimed, holding, now_ms):
                found.add(person)
        return found

    def _summary(self, stretches: Sequence[_Stretch], now_ms: int) -> _Looked:
        waiting_ms = self.judge.policy.waiting_h * _HOUR_MS
        times = [ms for _, end in stretches for ms in (end + 1, round(end + waiting_ms))]
        over = [end + MARGIN_MS for _, end in stretches if end < now_ms]
        return _Looked(
            frozenset(site for site, _ in stretches),
            max(over, default=0),
            min((ms for ms in times if ms > now_ms), default=None),
        )

    def _fresh(self, conn: Connection, from_ms: int, to_ms: int, now_ms: int) -> set[str]:
        """Whom anything concerns that is new since the last time. Each question is asked each time, as
        it is also what the next time is compared with."""
        told = self._told(conn)
        numbers = {one: [int(ref) for ref in told[one]] for one in (SAID, PLACE, DEVICE)}
        changed = set(known.people_of(conn, told[PUNCH]))
        changed |= worktraces.people_of(conn, (*told[TRACE], *told[LOG]))
        changed |= self._said_of(
            events.subjects(conn, numbers[SAID]) | directory.subjects(conn, numbers[PLACE])
        )
        devices_changed = devices.of_events(conn, numbers[DEVICE])
        changed |= self._with_evidence(conn, devices_changed, from_ms, now_ms)
        changed |= self._beside_absences(conn, from_ms, to_ms)
        for person, looked in self._looked.items():
            if looked.again_ms is not None and looked.again_ms <= now_ms:
                changed.add(person)
        return changed

    def _told(self, conn: Connection) -> dict[EntryType, list[str]]:
        """What the ledger has of what an assessment rests on, by type, that is new in it."""
        found: dict[EntryType, list[str]] = {one: [] for one in TYPES}
        for entry_type, ref in ledger.appended(conn, self._ledger, found.keys()):
            found[entry_type].append(ref)
        return found

    def _said_of(self, subjects: frozenset[str | None]) -> set[str]:
        """Of whom directory or attendance say something else."""
        found = {one for one in subjects if one is not None}
        return found | self._looked.keys() if None in subjects else found

    def _with_evidence(
        self, conn: Connection, changed: frozenset[str], from_ms: int, now_ms: int
    ) -> set[str]:
        """Of whom a device tells otherwise than before, of a time that is over. `changed`: of which
        something else is on record."""
        held = devices.holdings_between(conn, from_ms - PAIRED_FROM_MS, now_ms)
        touched = self._news.touched(conn, {one.device_id for one in held})
        touched |= dict.fromkeys(changed, 0)
        people: dict[str, int] = {}
        sites: dict[str, int] = {}
        for one in (*held, *devices.holdings_of_devices(conn, changed)):
            since_ms = touched.get(one.device_id)
            if since_ms is None:
                continue
            for where, name in ((people, one.employee_id), (sites, one.site_id)):
                if name is not None:
                    where[name] = min(since_ms, where.get(name, since_ms))
        found = set()
        for person, looked in self._looked.items():
            told = [sites[one] for one in looked.sites & sites.keys()]
            told += [people[person]] if person in people else []
            if told and min(told) <= looked.over_ms:
                found.add(person)
        return found

    def _beside_absences(self, conn: Connection, from_ms: int, to_ms: int) -> set[str]:
        """Who is at a site at which others seem absent otherwise than before: of how many there are
        depends whether the site is the suspect."""
        least = self.judge.policy.together_people - 1
        absences = store.beside_absences(conn, from_ms, to_ms, round(least))
        sites = absences.keys() | self._absences.keys()
        other = {one for one in sites if absences.get(one) != self._absences.get(one)}
        self._absences = absences
        return {name for name, one in self._looked.items() if one.sites & other}
