"""The connector: what is asked of WeCom for each kind, in pieces that it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar, cast

from zaigang_collector.attendance.model import ExemptionKind
from zaigang_collector.connectors import fields, windows
from zaigang_collector.connectors.asking import answered, readable
from zaigang_collector.connectors.contract import (
    Absence,
    Batch,
    Checked,
    Event,
    Kind,
    Person,
    Plan,
    Punch,
    Standing,
    Window,
)
from zaigang_collector.connectors.wecom import acting, api, approving, checking, records
from zaigang_collector.connectors.wecom.api import Api
from zaigang_collector.connectors.wecom.records import Swipe
from zaigang_collector.connectors.wecom.settings import WeComSettings

SOURCE: Final = records.SOURCE
_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS
# Machines hand over late, and what was unusual is explained days after. Larger asks for more each
# time; smaller misses the machine that was offline over a weekend.
_LATE_EDITS_MS: Final = 72 * _HOUR_MS
# An approval is found by when it was asked for, and may be long in coming, or taken back long after.
# Larger reads more forms again; smaller misses the one that lay on a desk for a month.
_APPROVALS_BACK_MS: Final = 45 * 24 * _HOUR_MS
_APPROVALS_EVERY_MS: Final = 12 * _HOUR_MS
# An approval is found by when it was asked for. Larger reads more again; smaller misses the word of
# whoever takes longer.
_EVENTS_BACK_MS: Final = 14 * 24 * _HOUR_MS
# What was read of approvals is remembered, some 300 bytes each. Larger fills the memory; smaller asks
# for the same ones again.
_ACTED_MOST: Final = 50_000
# A log is of a day, and each costs a call. Larger knows of it the day after; smaller asks for the same
# texts again and again.
_WORK_LOGS_EVERY_MS: Final = 4 * _HOUR_MS
# Forms of 45 days that are remembered, some 300 bytes each. Larger fills the memory; smaller asks a
# company of 10,000 for the same forms again each time.
_FORMS_MOST: Final = 50_000

T = TypeVar("T", Absence, Punch)


class WeCom:
    """One company's WeCom."""

    source = SOURCE

    def __init__(self, settings: WeComSettings, asked: Api, net_key: bytes) -> None:
        """`net_key`: the company's key, under which networks are hashed."""
        self._settings = settings
        self._api = asked
        self._net_key = net_key
        self._read_forms: dict[tuple[int, int, str], Absence | Punch | None] = {}
        """By type, state and number what an approval came to; None: nothing."""
        self._acted: dict[tuple[int, str], list[Event]] = {}
        """By state and number what was done in an approval."""

    @property
    def plans(self) -> Mapping[Kind, Plan]:
        """The kinds that are set up."""
        settings = self._settings
        every_ms = settings.every_min * _MINUTE_MS
        found = {
            Kind.PEOPLE: Plan(settings.people.every_min * _MINUTE_MS, 0),
            Kind.PUNCHES: Plan(every_ms, _LATE_EDITS_MS),
        }
        if self._exempting() or settings.approvals.correction:
            found[Kind.APPROVALS] = Plan(max(every_ms, _APPROVALS_EVERY_MS), _APPROVALS_BACK_MS)
        if settings.approval_events:
            found[Kind.EVENTS] = Plan(max(every_ms, _APPROVALS_EVERY_MS), _EVENTS_BACK_MS)
        if settings.work_logs:
            found[Kind.WORK_LOGS] = Plan(max(every_ms, _WORK_LOGS_EVERY_MS), _LATE_EDITS_MS)
        return found

    def fetch(self, kind: Kind, window: Window, people: Sequence[str]) -> Iterator[Batch]:
        """Ask for one kind."""
        match kind:
            case Kind.PEOPLE:
                return self._people()
            case Kind.PUNCHES:
                return self._punches(window, people)
            case Kind.APPROVALS:
                return self._approvals(window, people)
            case Kind.CHECK_INS | Kind.LEAVE:
                return iter(())  # among punches, and among approvals
            case Kind.WORK_LOGS:
                return self._work_logs(window, people)
            case Kind.EVENTS:
                return self._events(window, people)

    def check(self, now_ms: int, is_ours: Callable[[Person], bool]) -> Iterator[Checked]:
        """Try credentials, permissions and one day's data, each on its own."""
        return checking.check(self, self._settings, now_ms, is_ours)

    def _people(self) -> Iterator[Batch]:
        wanted = self._departments()
        for rows in self._api.users():
            found, unreadable = readable(rows, records.person, "user")
            persons = {one for one, where in found if wanted is None or where in wanted}
            yield Batch(
                kind=Kind.PEOPLE,
                window=Window(0, 0),
                people=(),
                persons=sorted(persons, key=lambda one: one.vendor_id),
                unreadable=unreadable,
            )

    def _departments(self) -> frozenset[int] | None:
        """Those whose people are read, with all that are below; None: every one."""
        if not self._settings.departments:
            return None
        below: dict[int, list[int]] = {}
        for one, parent in self._api.departments():
            below.setdefault(parent, []).append(one)
        wanted: set[int] = set()
        waiting = list(self._settings.departments)
        while waiting:
            one = waiting.pop()
            if one not in wanted:  # departments in a circle
                wanted.add(one)
                waiting += below.get(one, ())
        return frozenset(wanted)

    def _punches(self, window: Window, people: Sequence[str]) -> Iterator[Batch]:
        for group in windows.groups(people, api.PUNCH_PEOPLE):
            for piece in windows.slices(window, api.PUNCH_SPAN_MS):
                yield self._punches_of(group, piece)

    def _punches_of(self, people: Sequence[str], window: Window) -> Batch:
        swipes, unreadable = self._swipes(people, window)
        rows, unknown = answered(people, partial(self._api.check_ins, window=window))
        read = partial(records.check_in, net_key=self._net_key, swipes=swipes)
        punches, bad = readable(rows, read, "punches")
        counting = (one for one in punches if one.standing is Standing.COUNTS)
        made = {(one.person, one.punched_ms // 1000) for one in counting}
        alone = [records.at_terminal(one) for key, one in swipes.items() if key not in made]
        return Batch(
            kind=Kind.PUNCHES,
            window=window,
            people=people,
            punches=punches + alone,
            unreadable=unreadable + bad,
            unknown_people=unknown,
        )

    def _swipes(
        self, people: Sequence[str], window: Window
    ) -> tuple[dict[tuple[str, int], Swipe], list[str]]:
        if not self._settings.terminals:
            return {}, []
        # WeCom leaves out here whom it does not know; for the others it is said with the check-ins.
        rows, _ = answered(people, partial(self._api.terminal_records, window=window))
        found, unreadable = readable(rows, records.swipe, "terminals")
        return {one.key: one for one in found}, unreadable

    def _exempting(self) -> dict[int, ExemptionKind]:
        """Types of approvals that exempt, and as what."""
        settings = self._settings.approvals
        found = {}
        if settings.leave:
            found[approving.LEAVE] = ExemptionKind.LEAVE
        if settings.trip:
            found[approving.TRIP] = ExemptionKind.BUSINESS_TRIP
        if settings.outing is not None:
            found[approving.OUTING] = settings.outing
        return found

    def _approvals(self, window: Window, people: Sequence[str]) -> Iterator[Batch]:
        for piece in windows.slices(window, api.APPROVAL_SPAN_MS):
            absences: list[Absence] = []
            ended: list[str] = []
            unreadable: list[str] = []
            for record_type, why in self._exempting().items():
                read = partial(_absence, why=why)
                found, bad = self._forms(record_type, approving.APPROVED, piece, read)
                absences += found
                unreadable += bad
                ended += self._api.approvals(record_type, approving.TAKEN_BACK, piece)
            punches, bad = self._corrections(piece)
            wanted = frozenset(people)  # it is asked about the whole company, or not at all
            yield Batch(
                kind=Kind.APPROVALS,
                window=piece,  # of when they were asked for, not of what they are about
                people=people,
                punches=[one for one in punches if one.person in wanted],
                absences=[one for one in absences if one.person in wanted],
                ended=ended,
                unreadable=unreadable + bad,
            )

    def _events(self, window: Window, people: Sequence[str]) -> Iterator[Batch]:
        wanted = frozenset(people)  # it is asked about the whole company, or not at all
        for piece in windows.slices(window, api.APPROVAL_SPAN_MS):
            events: list[Event] = []
            unreadable: list[str] = []
            for status in (approving.APPROVED, approving.REFUSED):
                for number in self._api.approvals(None, status, piece):
                    key = status, number
                    if key not in self._acted:
                        read, bad = readable(
                            [self._api.approval(number)], acting.events, "approval"
                        )
                        unreadable += bad
                        self._acted[key] = read[0] if read else []
                    events += self._acted[key]
            yield Batch(
                kind=Kind.EVENTS,
                window=piece,
                people=people,
                events=[one for one in events if one.person in wanted],
                unreadable=unreadable,
            )
        while len(self._acted) > _ACTED_MOST:
            del self._acted[next(iter(self._acted))]

    def _work_logs(self, window: Window, people: Sequence[str]) -> Iterator[Batch]:
        wanted = frozenset(people)  # it is asked about the whole company, or not at all
        for piece in windows.slices(window, api.WORK_LOG_SPAN_MS):
            asked = [self._api.work_log(one) for one in self._api.work_logs(piece)]
            logs, unreadable = readable(asked, records.work_log, "work log")
            yield Batch(
                kind=Kind.WORK_LOGS,
                window=piece,
                people=people,
                work_logs=[one for one in logs if one.person in wanted],
                unreadable=unreadable,
            )

    def _corrections(self, window: Window) -> tuple[list[Punch], list[str]]:
        found: list[Punch] = []
        unreadable: list[str] = []
        if self._settings.approvals.correction:
            for status in (approving.APPROVED, approving.TAKEN_BACK):
                punches, bad = self._forms(approving.CORRECTION, status, window, _correction)
                found += punches
                unreadable += bad
        return found, unreadable

    def _forms(
        self, record_type: int, status: int, window: Window, read: Callable[[object], T | None]
    ) -> tuple[list[T], list[str]]:
        """What can be read of these approvals, and what was wrong with others. In one state a form does
        not change, and each costs a call: what was read of it is remembered, the form is not."""
        found: list[T] = []
        unreadable: list[str] = []
        for number in self._api.approvals(record_type, status, window):
            key = record_type, status, number
            if key not in self._read_forms:
                made, bad = readable([self._api.approval(number)], read, "approvals")
                unreadable += bad
                if bad:
                    continue
                self._read_forms[key] = made[0]
            # As it was put in by this very method.
            one = cast("T | None", self._read_forms[key])
            if one is not None:
                found.append(one)
        while len(self._read_forms) > _FORMS_MOST:
            del self._read_forms[next(iter(self._read_forms))]
        return found, unreadable


def _absence(info: object, why: ExemptionKind) -> Absence | None:
    return approving.absence(fields.mapping(info, "info"), why)


def _correction(info: object) -> Punch | None:
    return approving.correction(fields.mapping(info, "info"))
