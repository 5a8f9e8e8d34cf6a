"""A file of clock-ins, from its bytes to what is stored: looked at, shown, confirmed, imported.

looked = look(conn, data, options)    # what would be taken from where
if looked.agreed or somebody said yes:
    report = take(engine, looked, ground)
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import msgspec
from sqlalchemy import Connection, Engine

from zaigang_collector import db
from zaigang_collector.attendance import known as stored
from zaigang_collector.attendance import service as attendance
from zaigang_collector.attendance.model import NewClockIn, Outcome
from zaigang_collector.connectors import people
from zaigang_collector.connectors.sheets import headings, mapping, reading, remembered, rows, taking
from zaigang_collector.connectors.sheets.cells import Line, Sheet
from zaigang_collector.connectors.sheets.errors import RowProblem, SheetError
from zaigang_collector.connectors.sheets.mapping import ColumnMap, Shown
from zaigang_collector.connectors.sheets.words import NO_HEADER
from zaigang_collector.db import Randomness
from zaigang_collector.directory.datum import Datum
from zaigang_collector.matching.model import Text
from zaigang_collector.vault.service import Vault

SOURCE: Final = "file"
"""What a source is called when nobody names it."""
# So many clock-ins in one transaction. Larger keeps everybody else from writing for seconds; smaller
# waits for the disk more often.
_BATCH: Final = 2_000
_ID: Final = re.compile(r"[A-Za-z0-9._@-]{1,64}")


@dataclass(frozen=True, slots=True)
class Options:
    """What was told beside the file."""

    source: str = SOURCE
    sheet: str | None = None
    columns: tuple[str, ...] = ()
    """`FIELD=HEADING`, each a correction of what is guessed."""
    zone: str | None = None
    datum: Datum | None = None
    site: str | None = None
    first_last: bool | None = None
    addresses: tuple[tuple[str, str], ...] = ()
    terminals: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Looked:
    """A file and how it would be read."""

    source: str
    sheet: Sheet
    header: Line
    given: ColumnMap
    shown: Shown
    agreed: bool
    """Whether nobody needs to be asked: a form that is well known, or was confirmed before."""

    @property
    def body(self) -> tuple[Line, ...]:
        """The rows below the header."""
        return tuple(one for one in self.sheet.lines if one.number > self.header.number)


@dataclass(frozen=True, slots=True)
class Ground:
    """What storing needs besides the database."""

    vault: Vault
    net_key: bytes
    now_ms: int
    randomness: Randomness


@dataclass(slots=True)
class Report:
    """What an import did, or would do."""

    added: int = 0
    new_versions: int = 0
    unchanged: int = 0
    """Known already, or twice in the file."""
    no_punch: int = 0
    totals: int = 0
    between: int = 0
    odd_results: int = 0
    problems: list[RowProblem] = field(default_factory=list)
    """In order of rows."""
    unknown: Counter[str] = field(default_factory=Counter)
    """Employee ids that are nobody's, and how many rows each has."""
    employees: set[str] = field(default_factory=set)
    """Whose intervals may have changed: the next pass of the assessment judges them."""

    @property
    def unknown_ids(self) -> list[str]:
        """Those of the unknown that look like ids, sorted: a column of names or remarks may have been
        taken for one of ids, and is not repeated."""
        return sorted(one for one in self.unknown if _ID.fullmatch(one))

    @property
    def is_whole(self) -> bool:
        """Whether every row was understood."""
        return not self.problems and not self.unknown


def look(conn: Connection, data: bytes, options: Options) -> Looked:
    """How a file would be read: as it was confirmed, else as it is guessed, corrected by what is
    told. Raises SheetError."""
    ours = people.ids_of_ours(conn)
    name, header = _chosen(data, options)
    sheet = reading.whole(data, name)
    sample = [one for one in sheet.lines if one.number > header.number][: mapping.SAMPLE_LINES]
    known = remembered.find(conn, options.source, mapping.form(header))
    given = mapping.guess(header, sample, ours.__contains__) if known is None else known
    given = _told(mapping.corrected(given, options.columns), options)
    mapping.check(given, header)
    agreed = known is not None or mapping.is_well_known(header)
    return Looked(
        source=options.source,
        sheet=sheet,
        header=header,
        given=given,
        shown=mapping.shown(given, header, sample),
        agreed=agreed and not options.columns,
    )


def take(engine: Engine, looked: Looked, ground: Ground, *, dry_run: bool = False) -> Report:
    """Store what can be stored and tell of the rest. `dry_run`: store nothing, and tell the same.
    A mapping is remembered once a file was imported by it. Raises SheetError."""
    found = rows.read(looked.body, _index(looked), looked.given, ground.net_key)
    with db.reading(engine) as conn:
        where = taking.Directory(conn, looked.given)
        made = taking.make(looked.source, found.claims, looked.given, where, ground.now_ms)
    report = Report(
        unchanged=made.repeated,
        no_punch=found.no_punch,
        totals=found.totals,
        between=found.between,
        odd_results=found.odd_results,
        problems=sorted((*found.problems, *made.problems), key=lambda one: one.row),
        unknown=made.unknown,
    )
    if dry_run:
        with db.reading(engine) as conn:
            _count(report, made.punches, stored.outcomes(conn, looked.source, made.punches))
        return report
    for start in range(0, len(made.punches), _BATCH):
        _store(engine, looked.source, made.punches[start : start + _BATCH], ground, report)
    with db.writing(engine) as conn:
        form = mapping.form(looked.header)
        remembered.keep(conn, looked.source, form, looked.given, ground.now_ms)
    return report


def _store(
    engine: Engine, source: str, batch: list[NewClockIn], ground: Ground, report: Report
) -> None:
    with db.writing(engine) as conn:
        # Who was forgotten since the file was looked at must not come back with it.
        ours = people.ids_of_ours(conn)
        kept = [one for one in batch if one.employee_id in ours]
        recorded = attendance.record_all(conn, ground.vault, kept, ground.now_ms, ground.randomness)
    report.unknown.update(one.employee_id for one in batch if one.employee_id not in ours)
    _count(report, kept, [one.outcome for one in recorded])


def _count(report: Report, punches: list[NewClockIn], outcomes: list[Outcome]) -> None:
    times = Counter(outcomes)
    report.added += times[Outcome.ADDED]
    report.new_versions += times[Outcome.NEW_VERSION]
    report.unchanged += times[Outcome.UNCHANGED]
    changed = zip(punches, outcomes, strict=True)
    report.employees |= {one.employee_id for one, what in changed if what is not Outcome.UNCHANGED}


def _index(looked: Looked) -> dict[headings.Field, int]:
    return dict(mapping.index(looked.given, looked.header))


def _chosen(data: bytes, options: Options) -> tuple[str, Line]:
    """The sheet from which most can be taken, of several the first; and its header."""
    wanted = [pair.partition("=")[2].strip() for pair in options.columns]
    candidates = []
    heads = reading.heads(data)
    for sheet in heads:
        if options.sheet is not None and sheet.name != options.sheet:
            continue
        header = headings.find(sheet.lines)
        if header is None and any(wanted):
            header = headings.find(sheet.lines, [one for one in wanted if one])
        if header is not None:
            candidates.append((sheet.name, header))
    if options.sheet is not None and options.sheet not in [one.name for one in heads]:
        raise _no_sheet(options.sheet, heads)
    if not candidates:
        raise SheetError(NO_HEADER)
    return max(candidates, key=lambda one: _worth(one[1]))


def _worth(header: Line) -> tuple[bool, bool, int]:
    """DingTalk's file has four sheets of known names; one of them has the punches themselves."""
    guessed = mapping.guess(header, (), lambda _: False).columns
    needed = {headings.Field.EMPLOYEE, headings.Field.PUNCHED}
    return mapping.is_well_known(header), needed <= guessed.keys(), len(guessed)


def _no_sheet(name: str, heads: tuple[Sheet, ...]) -> SheetError:
    there = "、".join(one.name for one in heads if one.name)
    return SheetError(
        Text(
            f"文件里没有工作表“{name}”。有：{there or '（CSV 没有工作表名）'}。",
            f"The file has no sheet {name!r}. It has: {there or '(CSV has no sheets)'}.",
        )
    )


def _told(given: ColumnMap, options: Options) -> ColumnMap:
    changes: dict[str, object] = {
        "addresses": given.addresses | dict(options.addresses),
        "terminals": given.terminals | dict(options.terminals),
    }
    for name in ("zone", "datum", "site", "first_last"):
        if (value := getattr(options, name)) is not None:
            changes[name] = value
    return msgspec.structs.replace(given, **changes)
