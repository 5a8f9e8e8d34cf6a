"""How the sources are, for people: who is silent, and what was found and is no clock-in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from zaigang_collector.connectors import aside, people, state, words
from zaigang_collector.connectors.aside import Count
from zaigang_collector.connectors.contract import Kind
from zaigang_collector.connectors.people import Unmapped
from zaigang_collector.connectors.state import State
from zaigang_collector.matching.model import Text

ZONE: Final = ZoneInfo("Asia/Shanghai")
"""In which times are told when nobody says."""
_DAY_EVERYWHERE: Final = dt.timedelta(hours=36)
"""After its midnight in UTC a day is over in every zone."""


@dataclass(frozen=True, slots=True)
class KindStatus:
    """One kind of one source; `silence` None: it is heard."""

    state: State
    silence: Text | None


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source."""

    source: str
    kinds: tuple[KindStatus, ...]
    unmapped: tuple[Unmapped, ...]
    """Its people who are nobody of ours."""
    unanswered: tuple[str, ...]
    """Employee ids for whom it did not answer."""
    aside: tuple[Count, ...]
    oddities: tuple[tuple[str, int], ...]
    """What was odd, and when last (UTC ms)."""


def sources(conn: Connection, now_ms: int, zone: tzinfo = ZONE) -> tuple[SourceStatus, ...]:
    """All that were ever asked, by name."""
    by_source: dict[str, list[State]] = {}
    for one in state.list_all(conn):
        by_source.setdefault(one.source, []).append(one)
    return tuple(
        SourceStatus(
            source=name,
            kinds=tuple(KindStatus(one, _silence(one, now_ms, zone)) for one in states),
            unmapped=people.unmapped(conn, name),
            unanswered=people.unanswered(conn, name),
            aside=aside.counts(conn, name),
            oddities=state.oddities(conn, name),
        )
        for name, states in sorted(by_source.items())
    )


def notes(
    conn: Connection,
    sources_concerned: Iterable[str],
    employee_id: str,
    end_ms: int,
    now_ms: int,
) -> tuple[Text, ...]:
    """What to say beside an interval of somebody that ends at `end_ms`: what a source of its clock-ins
    can never tell, and that it has not been read to the end, or does not answer for them. What was
    punched since is not here, which says nothing of anybody."""
    found = []
    for source in sorted(sources_concerned):
        if source in words.LIMITS:
            found.append(words.LIMITS[source])
        found += _missing(conn, source, employee_id, end_ms, now_ms)
    return tuple(found)


def missing(conn: Connection, employee_id: str, last: dt.date, now_ms: int) -> tuple[Text, ...]:
    """What to say beside days of somebody until `last`, also those without any clock-in: what of the
    sources that know them has not been read to their end. A source that never told whom it knows may
    know anybody."""
    over = dt.datetime.combine(last, dt.time(), dt.UTC) + _DAY_EVERYWHERE
    end_ms = min(now_ms, round(over.timestamp() * 1000))
    states = state.list_all(conn)
    concerned = set(people.sources_of(conn, employee_id))
    concerned |= {one.source for one in states} - {
        one.source for one in states if one.kind is Kind.PEOPLE and one.last_success_ms is not None
    }
    return tuple(
        said
        for source in sorted(concerned)
        for said in _missing(conn, source, employee_id, end_ms, now_ms)
    )


def _missing(
    conn: Connection, source: str, employee_id: str, end_ms: int, now_ms: int
) -> list[Text]:
    found = []
    for kind, means in _MEANS.items():
        silence = state.silent_since(conn, source, now_ms, kind)
        if silence is not None and (silence.since_ms is None or silence.since_ms < end_ms):
            found.append(means(words.silent(silence, now_ms, ZONE)))
    if employee_id in people.unanswered(conn, source):
        found.append(words.may_be_missing(words.not_shown(source)))
    return found


_MEANS: Final[Mapping[Kind, Callable[[Text], Text]]] = {
    Kind.PUNCHES: words.may_be_missing,
    Kind.CHECK_INS: words.may_be_missing,
    Kind.LEAVE: words.may_be_exempt,
    Kind.APPROVALS: words.may_be_exempt,
}
"""What the silence of a kind means for whoever reads a verdict."""


def _silence(one: State, now_ms: int, zone: tzinfo) -> Text | None:
    silence = state.silence_of(one, now_ms)
    return None if silence is None else words.silent(silence, now_ms, zone)
