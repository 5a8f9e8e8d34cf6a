"""How the sources are, for people: who is silent, and what was found and is no clock-in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from zaigang_collector.connectors import aside, people, state, words
from zaigang_collector.connectors.aside import Count
from zaigang_collector.connectors.people import Unmapped
from zaigang_collector.connectors.state import State
from zaigang_collector.matching.model import Text

ZONE: Final = ZoneInfo("Asia/Shanghai")
"""In which times are told when nobody says."""


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
        silence = state.silent_since(conn, source, now_ms)
        if silence is not None and (silence.since_ms is None or silence.since_ms < end_ms):
            found.append(words.may_be_missing(words.silent(silence, now_ms, ZONE)))
        if employee_id in people.unanswered(conn, source):
            found.append(words.may_be_missing(words.not_shown(source)))
    return tuple(found)


def _silence(one: State, now_ms: int, zone: tzinfo) -> Text | None:
    silence = state.silence_of(one, now_ms)
    return None if silence is None else words.silent(silence, now_ms, zone)
