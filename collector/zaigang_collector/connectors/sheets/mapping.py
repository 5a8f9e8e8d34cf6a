"""Which column is what: guessed from names and values, shown, corrected, written down. Pure.

Columns are known by their headings alone, so that their order says nothing. Two columns of the same
heading cannot be told apart: neither is taken.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from zaigang_collector.connectors.sheets import cells, headings, values
from zaigang_collector.connectors.sheets.cells import Cell, Line
from zaigang_collector.connectors.sheets.errors import SheetError
from zaigang_collector.connectors.sheets.headings import Field
from zaigang_collector.directory.datum import Datum
from zaigang_collector.directory.mac import parse_mac
from zaigang_collector.matching.model import Text

SAMPLE_LINES: Final = 50
"""From so many rows it is guessed. Larger is slow to show; smaller sees only one person."""
EXAMPLES: Final = 3
# Of the values such a share has to fit. Larger is put off by a few odd cells; smaller takes a column
# of remarks in which a time stands now and then.
_SHARE: Final = 0.8
_FITS_LEAST: Final = 3
UNSHOWN: Final = frozenset({Field.ADDRESS, Field.DEVICE})
"""What stands in these may be somebody's home, or their name on a phone: it is not shown either."""
_SHOWN_CHARS: Final = 30
_FORM_DIGITS: Final = 16  # 64 bits: two forms of one company are never the same by accident
_DINGTALK: Final = frozenset(map(headings.key, ("考勤日期", "考勤时间", "打卡时间", "打卡结果")))
_TEMPLATE: Final = frozenset(map(headings.key, ("employee_no", "punch_time", "kind")))


class ColumnMap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is taken from where, and what the file itself does not say."""

    columns: dict[Field, str]
    """Headings as the file writes them."""
    zone: str | None = None
    """IANA zone of its times; None: that of each site."""
    datum: Datum | None = None
    """Of coordinates without one of their own."""
    site: str | None = None
    """The site of every row that names none."""
    first_last: bool = False
    """Whether a day's first punch is in and its last one out, where nothing else says so."""
    addresses: dict[str, str] = {}
    """Address as the file writes it to site."""
    terminals: dict[str, str] = {}
    """Name of an attendance machine to site."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One column that is taken, with what stands in its first rows."""

    field: Field
    heading: str
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A mapping as somebody looks at it before saying yes."""

    taken: tuple[Taken, ...]
    dropped: tuple[str, ...]
    """Known, and never taken: names, remarks, pictures."""
    ignored: tuple[str, ...]
    """Not known, or of the same heading as another column."""


def guess(header: Line, sample: Sequence[Line], is_ours: Callable[[str], bool]) -> ColumnMap:
    """The likeliest mapping. `is_ours`: whether there is somebody of this id."""
    columns = _columns(header, sample[:SAMPLE_LINES])
    candidates: dict[Field, list[tuple[float, int, str]]] = {}
    for heading, column in columns.items():
        if (found := headings.ranked(heading)) is not None:
            field, rank = found
            # A company without job numbers has an empty column of them beside its user ids.
            ours = _share(column, is_ours) if field is Field.EMPLOYEE else 0.0
            candidates.setdefault(field, []).append((-ours, rank, heading))
    chosen = {field: min(found)[2] for field, found in candidates.items()}
    unnamed = {
        heading: column
        for heading, column in columns.items()
        if headings.ranked(heading) is None and not headings.is_dropped(heading)
    }
    for field, fits in _by_value(is_ours).items():
        if field not in chosen:
            fitting = [one for one, column in unnamed.items() if _fits(column, fits)]
            if len(fitting) == 1:
                chosen[field] = fitting[0]
    return ColumnMap(_ordered(chosen))


def corrected(given: ColumnMap, pairs: Sequence[str]) -> ColumnMap:
    """With what was told, each `FIELD=HEADING`; nothing behind the mark: not taken. Raises
    SheetError."""
    columns = dict(given.columns)
    for pair in pairs:
        name, mark, heading = pair.partition("=")
        field = next((one for one in Field if one.value == name.strip()), None)
        if not mark or field is None:
            every = ", ".join(Field)
            raise SheetError(
                Text(
                    f"--mapping 要写成“项目=列名”，例如 employee=人员编码。项目可以是：{every}。",
                    f"--mapping is FIELD=HEADING, as employee=人员编码; FIELD is one of {every}.",
                )
            )
        columns.pop(field, None)
        if heading.strip():
            columns = {one: text for one, text in columns.items() if text != heading.strip()}
            columns[field] = heading.strip()
    return msgspec.structs.replace(given, columns=_ordered(columns))


def check(given: ColumnMap, header: Line) -> None:
    """Raise SheetError where a column is not there, or what every row needs is not told."""
    there = Counter(headings.texts(header))
    for field, heading in given.columns.items():
        if there[heading] != 1:
            raise SheetError(
                Text(
                    f"列“{heading}”（{field.value}）在表头里有 {there[heading]} 个，应当正好一个。"
                    f"请改表头，或用 --mapping {field.value}=列名 指明。",
                    f"The header has the column {heading!r} ({field.value}) {there[heading]} times, "
                    f"expected once: change it, or name another with --mapping {field.value}=HEADING.",
                )
            )
    for field, what in _NEEDED.items():
        if field not in given.columns:
            raise SheetError(
                Text(
                    f"找不到{what.zh}是哪一列。请用 --mapping {field.value}=列名 指明。",
                    f"No column of {what.en} was found: name it with --mapping {field.value}=HEADING.",
                )
            )
    if not given.first_last and not _TELLS_DIRECTION & given.columns.keys():
        raise SheetError(
            Text(
                "看不出每次打卡是上班还是下班。请用 --mapping direction=列名 指明；"
                "只有打卡流水的，加 --first-last，取每人每天的首次和末次。",
                "Nothing says whether a punch is in or out: name the column with --mapping "
                "direction=HEADING, or take each day's first and last with --first-last.",
            )
        )


_NEEDED: Final = {
    Field.EMPLOYEE: Text("工号", "employee ids"),
    Field.PUNCHED: Text("打卡时间", "the time of the punch"),
}
_TELLS_DIRECTION: Final = frozenset({Field.DIRECTION, Field.PLANNED, Field.RESULT})


def shown(given: ColumnMap, header: Line, sample: Sequence[Line]) -> Shown:
    """For whoever has to say yes."""
    columns = _columns(header, sample[:EXAMPLES])
    taken = tuple(
        Taken(field, heading, tuple(_shortened(one) for one in columns.get(heading, ())))
        if field not in UNSHOWN
        else Taken(field, heading, ())
        for field, heading in given.columns.items()
    )
    left = [
        one
        for one in dict.fromkeys(headings.texts(header))
        if one and one not in given.columns.values()
    ]
    dropped = tuple(one for one in left if headings.is_dropped(one))
    return Shown(taken, dropped, tuple(one for one in left if one not in dropped))


def form(header: Line) -> str:
    """Which form a file has: the same headings in any order are the same form."""
    names = sorted(headings.key(one) for one in headings.texts(header) if one)
    return hashlib.sha256("\0".join(names).encode()).hexdigest()[:_FORM_DIGITS]


def is_well_known(header: Line) -> bool:
    """Whether this is DingTalk's 原始记录 or our own template, which nobody needs to confirm."""
    names = {headings.key(one) for one in headings.texts(header)}
    return names >= _DINGTALK or names >= _TEMPLATE


def index(given: ColumnMap, header: Line) -> Mapping[Field, int]:
    """At which place each column stands, from 0."""
    there = headings.texts(header)
    return {field: there.index(heading) for field, heading in given.columns.items()}


def _columns(header: Line, sample: Sequence[Line]) -> dict[str, list[Cell]]:
    """What stands under each heading that is there once."""
    there = headings.texts(header)
    once = Counter(there)
    return {
        heading: [one.cell(at) for one in sample]
        for at, heading in enumerate(there)
        if heading and once[heading] == 1
    }


def _by_value(is_ours: Callable[[str], bool]) -> dict[Field, Callable[[Cell], bool]]:
    return {
        Field.EMPLOYEE: lambda cell: is_ours(cells.text(cell)),
        # Not of numbers: a column of amounts may look like Excel's days.
        Field.PUNCHED: lambda cell: (
            not isinstance(cell, (int, float)) and bool(values.moment(cell))
        ),
        Field.DIRECTION: lambda cell: values.direction(cells.text(cell)) is not None,
        Field.BSSID: _is_mac,
    }


def _is_mac(cell: Cell) -> bool:
    try:
        parse_mac(cells.text(cell))
    except ValueError:
        return False
    return True


def _fits(column: Sequence[Cell], fits: Callable[[Cell], bool]) -> bool:
    there = [cell for cell in column if cell is not None]
    good = sum(1 for cell in there if fits(cell))
    return good >= _FITS_LEAST and good >= _SHARE * len(there)


def _share(column: Sequence[Cell], fits: Callable[[str], bool]) -> float:
    return sum(1 for cell in column if fits(cells.text(cell))) / max(1, len(column))


def _ordered(columns: Mapping[Field, str]) -> dict[Field, str]:
    return {field: columns[field] for field in Field if field in columns}


def _shortened(cell: Cell) -> str:
    text = "".join(char if char.isprintable() else " " for char in cells.text(cell))
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…"
