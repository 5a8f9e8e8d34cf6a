"""The connector: what is asked of DingTalk for each kind, in pieces that it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

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
    Window,
)
from zaigang_collector.connectors.dingtalk import acting, api, approving, checking, records
from zaigang_collector.connectors.dingtalk.api import Api
from zaigang_collector.connectors.dingtalk.records import Reading
from zaigang_collector.connectors.dingtalk.settings import DingTalkSettings
from zaigang_collector.connectors.fields import FieldError
from zaigang_collector.connectors.listing import everybody

SOURCE: Final = "dingtalk"
_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS
_DAY_MS: Final = 24 * _HOUR_MS
# Managers correct punches of the days before. Larger asks for more each time; smaller misses the
# correction that is made on Monday of Friday.
_LATE_EDITS_MS: Final = 72 * _HOUR_MS
# Leave is asked for, and taken back, for days that are over and days to come. Larger asks for more
# pages; smaller leaves somebody without the leave that was filed a week later.
_LEAVE_BACK_MS: Final = 14 * _DAY_MS
_LEAVE_AHEAD_MS: Final = 30 * _DAY_MS
_LEAVE_EVERY_MS: Final = 4 * _HOUR_MS
# An approval is found by when it was asked for, and may be long in coming. Larger reads more forms
# again; smaller misses the one that lay on a desk for a month.
_APPROVALS_BACK_MS: Final = 45 * _DAY_MS
_APPROVALS_EVERY_MS: Final = 12 * _HOUR_MS
# An approval is found by when it was asked for. Larger reads more again; smaller misses the word of
# whoever takes longer.
_EVENTS_BACK_MS: Final = 14 * _DAY_MS
# What was read of approvals is remembered, some 300 bytes each. Larger fills the memory; smaller asks
# for the same ones again.
_ACTED_MOST: Final = 50_000
# A log is of a day. Larger knows of it the day after; smaller spends calls on what changes no verdict
# before the evening.
_WORK_LOGS_EVERY_MS: Final = 4 * _HOUR_MS


class DingTalk:
    """One company's DingTalk."""

    source = SOURCE

    def __init__(self, settings: DingTalkSettings, asked: Api, net_key: bytes) -> None:
        """`net_key`: the company's key, under which networks are hashed."""
        self._settings = settings
        self._api = asked
        self._reading = Reading(settings.datum, net_key, ZoneInfo(settings.time_zone))
        self._read_approvals: set[str] = set()
        """Those that are stored: a completed one does not change, and each costs a call."""
        self._acted: dict[str, list[Event]] = {}
        """What was done in each that was read for that."""

    @property
    def plans(self) -> Mapping[Kind, Plan]:
        """The kinds that are set up."""
        settings = self._settings
        every_ms = settings.every_min * _MINUTE_MS
        found = {
            Kind.PEOPLE: Plan(settings.people.every_min * _MINUTE_MS, 0),
            Kind.PUNCHES: Plan(every_ms, _LATE_EDITS_MS),
        }
        if settings.operator:
            found[Kind.CHECK_INS] = Plan(every_ms, _LATE_EDITS_MS)
        if settings.leave:
            found[Kind.LEAVE] = Plan(
                max(every_ms, _LEAVE_EVERY_MS), _LEAVE_BACK_MS, _LEAVE_AHEAD_MS
            )
        if settings.approvals:
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
            case Kind.CHECK_INS:
                return self._check_ins(window, people)
            case Kind.LEAVE:
                return self._leave(window, people)
            case Kind.APPROVALS:
                return self._approvals(window, people)
            case Kind.WORK_LOGS:
                return self._work_logs(window, people)
            case Kind.EVENTS:
                return self._events(window, people)

    def check(self, now_ms: int, is_ours: Callable[[Person], bool]) -> Iterator[Checked]:
        """Try credentials, permissions and one day's data, each on its own."""
        return checking.check(self, self._settings, now_ms, is_ours)

    def _people(self) -> Iterator[Batch]:
        asked, roots = self._api, self._settings.departments
        return everybody(roots, asked.users, asked.departments, records.person)

    def _punches(self, window: Window, people: Sequence[str]) -> Iterator[Batch]:
        for group in windows.groups(people, api.PUNCH_PEOPLE):
            for piece in windows.slices(window, api.PUNCH_SPAN_MS):
                ask = partial(self._api.punches, window=piece)
                yield self._batch(Kind.PUNCHES, piece, group, ask, self._punch)

    def _check_ins(self, window: Window, people: Sequence[str]) -> Iterator[Batch]:
        for group in windows.groups(people, api.CHECK_IN_PEOPLE):
            for piece in windows.slices(window, api.CHECK_IN_SPAN_MS):
                ask = partial(self._all_check_ins, window=piece)
                yield self._batch(Kind.CHECK_INS, piece, group, ask, self._check_in)

    def _batch(
        self,
        kind: Kind,
        window: Window,
        people: Sequence[str],
        ask: Callable[[Sequence[str]], list[Any]],
        read: Callable[[object], Punch],
    ) -> Batch:
        rows, unknown = answered(people, ask)
        punches, unreadable = readable(rows, read, kind.value)
        return Batch(
            kind=kind,
            window=window,
            people=people,
            punches=punches,
            unreadable=unreadable,
            unknown_people=unknown,
        )

    def _leave(self, window: Window, people: Sequence[str]) -> Iterator[Batch]:
        for group in windows.groups(people, api.LEAVE_PEOPLE):
            for piece in windows.slices(window, api.LEAVE_SPAN_MS):
                rows, unknown = answered(group, partial(self._all_leave, window=piece))
                absences, unreadable = readable(rows, self._absence, "leave")
                yield Batch(
                    kind=Kind.LEAVE,
                    window=piece,
                    people=group,
                    absences=absences,  # what touches two pieces comes with both
                    absences_are_all=True,
                    unreadable=unreadable,
                    unknown_people=unknown,
                )

    def _all_check_ins(self, people: Sequence[str], window: Window) -> list[Any]:
        pages = self._api.check_ins(self._settings.operator, people, window)
        return [row for page in pages for row in page]

    def _all_leave(self, people: Sequence[str], window: Window) -> list[Any]:
        return [row for page in self._api.leave(people, window) for row in page]

    def _approvals(self, window: Window, people: Sequence[str]) -> Iterator[Batch]:
        for group in windows.groups(people, api.APPROVAL_PEOPLE):
            for piece in windows.slices(window, api.APPROVAL_SPAN_MS):
                absences: list[Absence] = []
                unreadable: list[str] = []
                read: set[str] = set()
                for process_code in self._settings.approvals:
                    for ids in self._api.approvals(process_code, group, piece):
                        fresh = [one for one in ids if one not in self._read_approvals]
                        found, bad = self._approved(process_code, fresh)
                        absences += found
                        unreadable += bad
                        read.update(map(str, fresh))
                yield Batch(
                    kind=Kind.APPROVALS,
                    window=piece,  # of when they were asked for, not of what they are about
                    people=group,
                    absences=absences,
                    unreadable=unreadable,
                )
                self._read_approvals |= read  # whoever asks for the next has stored this one

    def _approved(self, process_code: str, ids: Sequence[Any]) -> tuple[list[Absence], list[str]]:
        settings, zone = self._settings.approvals[process_code], self._reading.zone
        found, unreadable = [], []
        for one in ids:
            try:
                name = fields.needed_identifier({"id": one}, "id")
                made = approving.absence(name, self._api.approval(name), settings, zone)
            except FieldError as error:
                unreadable.append(f"approvals {error}")
                continue
            if made is not None:
                found.append(made)
        return found, unreadable

    def _events(self, window: Window, people: Sequence[str]) -> Iterator[Batch]:
        for group in windows.groups(people, api.APPROVAL_PEOPLE):
            for piece in windows.slices(window, api.APPROVAL_SPAN_MS):
                events: list[Event] = []
                unreadable: list[str] = []
                for process_code in self._settings.approval_events:
                    for ids in self._api.approvals(process_code, group, piece):
                        found, bad = readable(ids, self._acted_in, "approval")
                        events += [event for some in found for event in some]
                        unreadable += bad
                wanted = frozenset(
                    people
                )  # also who agreed to what somebody of the group asked for
                yield Batch(
                    kind=Kind.EVENTS,
                    window=piece,
                    people=group,
                    events=[one for one in events if one.person in wanted],
                    unreadable=unreadable,
                )
        while len(self._acted) > _ACTED_MOST:
            del self._acted[next(iter(self._acted))]

    def _acted_in(self, given: object) -> list[Event]:
        name = fields.needed_identifier({"id": given}, "id")
        if name not in self._acted:
            self._acted[name] = acting.events(name, self._api.approval(name))
        return self._acted[name]

    def _work_logs(self, window: Window, people: Sequence[str]) -> Iterator[Batch]:
        wanted = frozenset(people)  # it is asked about the whole company, or about one person
        for piece in windows.slices(window, api.WORK_LOG_SPAN_MS):
            rows = [row for page in self._api.work_logs(piece) for row in page]
            logs, unreadable = readable(rows, records.work_log, "work log")
            yield Batch(
                kind=Kind.WORK_LOGS,
                window=piece,
                people=people,
                work_logs=[one for one in logs if one.person in wanted],
                unreadable=unreadable,
            )

    def _punch(self, row: object) -> Punch:
        return records.punch(row, self._reading)

    def _check_in(self, row: object) -> Punch:
        return records.check_in(row, self._reading)

    def _absence(self, row: object) -> Absence:
        return records.leave(row, self._reading)
