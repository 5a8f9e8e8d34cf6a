"""The connector: what is asked of Feishu for each kind, in pieces that it answers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from zaigang_collector.connectors import windows
from zaigang_collector.connectors.asking import answered, readable
from zaigang_collector.connectors.contract import Batch, Checked, Kind, Person, Plan, Punch, Window
from zaigang_collector.connectors.feishu import api, approving, checking, records, results
from zaigang_collector.connectors.feishu.api import Api
from zaigang_collector.connectors.feishu.records import Reading
from zaigang_collector.connectors.feishu.results import Results
from zaigang_collector.connectors.feishu.settings import FeishuSettings
from zaigang_collector.connectors.listing import everybody

SOURCE: Final = "feishu"
_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS
_DAY_MS: Final = 24 * _HOUR_MS
_DAY: Final = dt.timedelta(days=1)
# Managers correct punches of the days before. Larger asks for more each time; smaller misses the
# correction that is made on Monday of Friday.
_LATE_EDITS_MS: Final = 72 * _HOUR_MS
# Leave is asked for, and taken back, for days that are over. Larger asks for more rows; smaller leaves
# somebody without the leave that was filed a week later.
_APPROVALS_BACK_MS: Final = 14 * _DAY_MS
# More is refused; less, and leave of tomorrow is known tomorrow.
_APPROVALS_AHEAD_MS: Final = _DAY_MS
_APPROVALS_EVERY_MS: Final = 4 * _HOUR_MS
# A log is of a day. Larger knows of it the day after; smaller spends calls on what changes no verdict
# before the evening.
_WORK_LOGS_EVERY_MS: Final = 4 * _HOUR_MS


class Feishu:
    """One company's Feishu."""

    source = SOURCE

    def __init__(self, settings: FeishuSettings, asked: Api, net_key: bytes) -> None:
        """`net_key`: the company's key, under which networks are hashed."""
        self._settings = settings
        self._api = asked
        self._reading = Reading(net_key, ZoneInfo(settings.time_zone))

    @property
    def plans(self) -> Mapping[Kind, Plan]:
        """The kinds that are set up."""
        settings = self._settings
        every_ms = settings.every_min * _MINUTE_MS
        found = {
            Kind.PEOPLE: Plan(settings.people.every_min * _MINUTE_MS, 0),
            Kind.PUNCHES: Plan(every_ms, _LATE_EDITS_MS),
        }
        if settings.approvals:
            approvals_every_ms = max(every_ms, _APPROVALS_EVERY_MS)
            found[Kind.APPROVALS] = Plan(
                approvals_every_ms, _APPROVALS_BACK_MS, _APPROVALS_AHEAD_MS
            )
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
                # Feishu has no check-ins apart from punches, and leave comes with approvals.
                return iter(())
            case Kind.WORK_LOGS:
                return self._work_logs(window, people)
            case Kind.EVENTS:
                return iter(())  # in no plan of this connector: they are not asked for

    def check(self, now_ms: int, is_ours: Callable[[Person], bool]) -> Iterator[Checked]:
        """Try credentials, permissions and one day's data, each on its own."""
        return checking.check(self, self._settings, now_ms, is_ours)

    def _people(self) -> Iterator[Batch]:
        asked, roots = self._api, self._settings.departments
        return everybody(roots, asked.users, asked.departments, records.person)

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

    def _punches(self, window: Window, people: Sequence[str]) -> Iterator[Batch]:
        for group in windows.groups(people, api.PEOPLE):
            for piece in windows.slices(window, api.PUNCH_SPAN_MS):
                yield self._punches_of(group, piece, self._day(window.to_ms))

    def _punches_of(self, group: Sequence[str], piece: Window, last: dt.date) -> Batch:
        # A shift has one day, and its punches may be on the next or, early, on the one before.
        first = self._day(piece.from_ms) - _DAY
        last = min(self._day(piece.to_ms) + _DAY, last)
        # Before the punches: who is not answered for here has the whole question refused there. What
        # is punched in between waits for the next pass.
        days, unknown = self._api.results(group, first, last)
        rows_of_days, unreadable = readable(days, results.read, "result")
        asked = [one for one in group if one not in unknown]
        rows, more = (
            answered(asked, partial(self._api.punches, window=piece)) if asked else ([], [])
        )
        read = partial(self._punch, made=results.gathered(rows_of_days))
        punches, bad = readable(rows, read, "punches")
        return Batch(
            kind=Kind.PUNCHES,
            window=piece,
            people=group,
            punches=punches,
            unreadable=unreadable + bad,
            unknown_people=unknown + more,
        )

    def _approvals(self, window: Window, people: Sequence[str]) -> Iterator[Batch]:
        for group in windows.groups(people, api.PEOPLE):
            for piece in windows.slices(window, api.APPROVAL_SPAN_MS):
                first, last = self._day(piece.from_ms), self._day(piece.to_ms - 1)
                ask = partial(self._api.approvals, first=first, last=last)
                rows, unknown = answered(group, ask)
                read = partial(
                    approving.absences,
                    outs_are=self._settings.outs_are,
                    zone=self._reading.zone,
                )
                found, unreadable = readable(rows, read, "approvals")
                # A stretch comes with each of its days.
                told = {one.vendor_id: one for some in found for one in some}
                yield Batch(
                    kind=Kind.APPROVALS,
                    window=piece,
                    people=group,
                    absences=list(told.values()),
                    absences_are_all=not unreadable,
                    unreadable=unreadable,
                    unknown_people=unknown,
                )

    def _punch(self, row: object, made: Results) -> Punch:
        return records.punch(row, made, self._reading)

    def _day(self, at_ms: int) -> dt.date:
        return dt.datetime.fromtimestamp(at_ms / 1000, self._reading.zone).date()
