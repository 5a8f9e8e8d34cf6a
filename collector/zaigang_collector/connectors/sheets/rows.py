"""Rows to claims, by an allow-list. Pure.

Kept of a row are ids, times, words of our own lists, coordinates, and hashes of access points and of
phones' names. Never kept, nor repeated in an error, is what somebody wrote: names, remarks, reasons,
addresses. An address or a machine's name tells the site, where somebody has told which, and is gone.
"""

from __future__ import annotations

import datetime as dt
import enum
import hashlib
import hmac
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from zaigang_collector.attendance.model import Direction, Kind, Point
from zaigang_collector.connectors import networks, placing
from zaigang_collector.connectors.contract import Place
from zaigang_collector.connectors.sheets import cells, slots, values, words
from zaigang_collector.connectors.sheets.cells import Line
from zaigang_collector.connectors.sheets.errors import RowProblem
from zaigang_collector.connectors.sheets.headings import Field
from zaigang_collector.connectors.sheets.mapping import ColumnMap
from zaigang_collector.connectors.sheets.slots import Day
from zaigang_collector.connectors.sheets.values import Result, Standing
from zaigang_collector.directory import datum
from zaigang_collector.directory.datum import Datum
from zaigang_collector.matching.model import Text

T = TypeVar("T")

_ID_MAX: Final = 64
_DEVICE_MAX: Final = 100
_ACCURACY_MOST_M: Final = 100_000.0
_HASH_BYTES: Final = 8
_TOTALS: Final = ("合计", "总计", "小计", "共计", "total")


class How(enum.StrEnum):
    """How it is known whether a punch was in or out."""

    COLUMN = "column"
    RESULT = "result"
    SCHEDULE = "schedule"
    FIRST_LAST = "first_last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One punch of a file."""

    row: int
    employee: str
    moment: dt.datetime
    """Without a zone: as the clock of the site shows it."""
    direction: Direction
    kind: Kind
    discounted: bool
    received: dt.datetime | None
    site: str
    """As the file names it; "" for none."""
    place: Place
    device: str | None
    record: bytes
    """What is kept of the row: the same row always gives the same bytes."""


@dataclass(slots=True)
class Rows:
    """What stands in a file."""

    claims: list[Claim] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    no_punch: int = 0
    """Rows that say that somebody did not punch."""
    totals: int = 0
    """Rows of nobody at no time: totals, signatures."""
    between: int = 0
    """Neither the first nor the last of a day, where only these count."""
    odd_results: int = 0
    """Rows with a result that we do not know: nobody's word until we do."""


@dataclass(slots=True)
class _Draft:
    """One row before it is known whether in or out."""

    row: int
    employee: str
    moment: dt.datetime
    day: Day
    planned: dt.datetime | None
    result: Result
    direction: Direction | None
    kind: Kind | None
    place: Place
    device: str | None
    kept: dict[str, Any]
    received: dt.datetime | None
    site: str


def read(lines: Iterable[Line], at: Mapping[Field, int], given: ColumnMap, net_key: bytes) -> Rows:
    """Every row below the header."""
    rows = Rows()
    reader = _Reader(at, given, net_key, rows)
    drafts, planned = [], []
    for line in lines:
        draft = reader.draft(line)
        planned += reader.planned
        if draft is not None:
            drafts.append(draft)
    by_schedule = slots.by_schedule(planned)
    by_order: Mapping[tuple[Day, dt.datetime], Direction] = {}
    if given.first_last:
        by_order = slots.first_and_last((one.day, one.moment) for one in drafts)
    for draft in drafts:
        _decide(draft, by_schedule, by_order, given, rows)
    return rows


class _Reader:
    """Reads one line after the other."""

    def __init__(
        self, at: Mapping[Field, int], given: ColumnMap, net_key: bytes, rows: Rows
    ) -> None:
        self._at, self._given, self._net_key, self._rows = at, given, net_key, rows
        self._line = Line(0, ())
        self._bad = False
        self.planned: list[tuple[Day, dt.datetime]] = []
        """Of the line that was just read: when a punch was wanted, whether or not there is one."""

    def draft(self, line: Line) -> _Draft | None:
        """What a line says; None: no punch, or a problem was noted."""
        self._line, self._bad, self.planned = line, False, []
        employee = self._text(Field.EMPLOYEE)
        blank = not self._text(Field.PUNCHED)
        if (not employee and blank) or employee.lower().startswith(_TOTALS):
            self._rows.totals += 1
            return None
        if not 0 < len(employee) <= _ID_MAX or not employee.isprintable():
            self._wrong(Field.EMPLOYEE, words.EMPLOYEE)
        planned = self._maybe(Field.PLANNED, self._moment, words.MOMENT)
        day = self._maybe(Field.DAY, lambda: values.day(self._cell(Field.DAY)), words.DAY)
        if planned is not None:
            self.planned = [((employee, day or planned.date()), planned)]
        result = values.result(self._text(Field.RESULT))
        tells_missed = Field.PLANNED in self._at or Field.RESULT in self._at
        if result.standing is Standing.MISSED or (blank and tells_missed and not self._bad):
            self._rows.no_punch += 1
            return None
        moment = self._punched(day)
        if moment is None or self._bad:
            return None
        return self._whole(employee, moment, day, planned, result)

    def _whole(
        self,
        employee: str,
        moment: dt.datetime,
        day: dt.date | None,
        planned: dt.datetime | None,
        result: Result,
    ) -> _Draft | None:
        direction = self._maybe(
            Field.DIRECTION, lambda: values.direction(self._text(Field.DIRECTION)), words.DIRECTION
        )
        kind = self._maybe(Field.WORD, lambda: values.word(self._text(Field.WORD)), words.WORD)
        received = self._maybe(Field.RECEIVED, self._received, words.MOMENT)
        device, names = self._device()
        kept: dict[str, Any] = {}
        point, network = self._point(kept), self._network(kept)
        if self._bad:
            return None
        if kind is None and names and values.is_terminal(self._text(Field.DEVICE)):
            kind = Kind.TERMINAL
        if address := self._text(Field.ADDRESS):
            names = (*names, (placing.ADDRESS, address))
        return _Draft(
            row=self._line.number,
            employee=employee,
            moment=moment,
            day=(employee, day or (planned or moment).date()),
            planned=planned,
            result=result,
            direction=direction,
            kind=kind,
            place=Place(point, network, names),
            device=device,
            kept=kept,
            received=received,
            site=self._text(Field.SITE),
        )

    def _cell(self, field_: Field) -> cells.Cell:
        at = self._at.get(field_)
        return None if at is None else self._line.cell(at)

    def _text(self, field_: Field) -> str:
        return cells.text(self._cell(field_))

    def _wrong(self, field_: Field, said: Text) -> None:
        self._bad = True
        if self._text(field_).startswith("="):
            said = words.FORMULA
        heading = self._given.columns.get(field_, "")
        self._rows.problems.append(RowProblem(self._line.number, heading, said))

    def _maybe(self, field_: Field, parse: Callable[[], T | None], said: Text) -> T | None:
        """The value; None for an empty cell, or after noting a problem."""
        if not self._text(field_):
            return None
        found = parse()
        if found is None:
            self._wrong(field_, said)
        return found

    def _moment(self) -> dt.datetime | None:
        return values.moment(self._cell(Field.PLANNED))

    def _received(self) -> dt.datetime | None:
        return values.moment(self._cell(Field.RECEIVED))

    def _punched(self, day: dt.date | None) -> dt.datetime | None:
        """When: a time with its day, or one that stands beside its day."""
        cell = self._cell(Field.PUNCHED)
        found = values.moment(cell)
        if found is None:
            date = values.day(self._cell(Field.DATE)) or day
            found = None if date is None else values.time_of(date, cell)
        if found is None:
            self._wrong(Field.PUNCHED, words.MOMENT)
        return found

    def _device(self) -> tuple[str | None, tuple[tuple[str, str], ...]]:
        """What is kept of a device, and by which name a machine may tell the site. A phone's name
        may be its owner's: it is kept as a hash, which tells whether two punches name the same."""
        name = self._text(Field.DEVICE)
        if not name or values.is_generic(name) or len(name) > _DEVICE_MAX:
            return None, ()
        names = ((placing.TERMINAL, name),)
        if values.is_terminal(name) and name.isprintable():
            return name, names
        label = b"zaigang/device/1" + name.encode("utf-8", "surrogatepass")
        return "h:" + hmac.digest(self._net_key, label, hashlib.sha256)[:_HASH_BYTES].hex(), names

    def _number(self, field_: Field, most: float, least: float) -> float | None:
        def parse() -> float | None:
            try:
                found = float(self._text(field_))
            except ValueError:
                return None
            return found if math.isfinite(found) and least <= found <= most else None

        return self._maybe(field_, parse, words.NUMBER)

    def _point(self, kept: dict[str, Any]) -> Point | None:
        latitude = self._number(Field.LATITUDE, 90, -90)
        longitude = self._number(Field.LONGITUDE, 180, -180)
        accuracy_m = self._number(Field.ACCURACY_M, _ACCURACY_MOST_M, 0)
        if self._bad or (latitude is None and longitude is None):
            return None
        if latitude is None or longitude is None:
            missing = Field.LATITUDE if latitude is None else Field.LONGITUDE
            self._wrong(missing, words.BOTH_COORDINATES)
            return None
        system = self._maybe(Field.DATUM, self._datum, words.DATUM) or self._given.datum
        if system is None:
            if not self._bad:
                self._wrong(Field.DATUM, words.DATUM)
            return None
        kept |= {"latitude": latitude, "longitude": longitude, "datum": system.value}
        return Point(*datum.to_wgs84(latitude, longitude, system), system.value, accuracy_m)

    def _datum(self) -> Datum | None:
        try:
            return datum.parse(self._text(Field.DATUM))
        except ValueError:
            return None

    def _network(self, kept: dict[str, Any]) -> bytes | None:
        def parse() -> bytes | None:
            return networks.access_point(self._net_key, self._text(Field.BSSID))

        found = self._maybe(Field.BSSID, parse, words.BSSID)
        if found is not None:
            kept["bssidHash"] = found.hex()
        return found


def _decide(
    draft: _Draft,
    by_schedule: Mapping[tuple[Day, dt.datetime], Direction],
    by_order: Mapping[tuple[Day, dt.datetime], Direction],
    given: ColumnMap,
    rows: Rows,
) -> None:
    """In or out, by the surest that says so; then the row is a claim."""
    planned = None if draft.planned is None else by_schedule.get((draft.day, draft.planned))
    answers = (
        (How.COLUMN, draft.direction),
        (How.RESULT, draft.result.direction),
        (How.SCHEDULE, planned),
        (How.FIRST_LAST, by_order.get((draft.day, draft.moment))),
    )
    found = next(((how, one) for how, one in answers if one is not None), None)
    if found is None:
        if given.first_last:
            rows.between += 1
        else:
            heading = given.columns.get(Field.DIRECTION, "")
            rows.problems.append(RowProblem(draft.row, heading, words.NO_DIRECTION))
        return
    kind = _kind(draft)
    rows.odd_results += kind is Kind.UNKNOWN
    rows.claims.append(_claim(draft, *found, kind))


def _kind(draft: _Draft) -> Kind:
    """A correction is a correction, whatever device the row names."""
    if draft.result.word in (Kind.CORRECTED_APPROVAL, Kind.CORRECTED_MANAGER):
        return draft.result.word
    return draft.kind or draft.result.word or Kind.OWN


def _claim(draft: _Draft, how: How, direction: Direction, kind: Kind) -> Claim:
    kept = draft.kept | {
        "employee": draft.employee,
        "punched": draft.moment.isoformat(),
        "direction": direction.value,
        "directionBy": how.value,
        "kind": kind.value,
        "standing": draft.result.standing.value,
    }
    if draft.planned is not None:
        kept["planned"] = draft.planned.isoformat()
    if draft.device is not None:
        kept["device"] = draft.device
    record = json.dumps(kept, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    return Claim(
        row=draft.row,
        employee=draft.employee,
        moment=draft.moment,
        direction=direction,
        kind=kind,
        discounted=draft.result.standing is Standing.DISCOUNTED,
        received=draft.received,
        site=draft.site,
        place=draft.place,
        device=draft.device,
        record=record,
    )
