"""What confirmed days teach of each person at each site, and what using it would change.

Reads only; `accept` stores what somebody has said yes to.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from zaigang_collector.assessment.gather import Gathered, claimed_intervals, gather
from zaigang_collector.assessment.learnt import COVERAGE, STAYS, TRAVELS, is_sensor
from zaigang_collector.assessment.service import Judge
from zaigang_collector.devices import service as devices
from zaigang_collector.directory import carried
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Change
from zaigang_collector.directory.model import Learnt as Stored
from zaigang_collector.matching import learning
from zaigang_collector.matching.assess import assess
from zaigang_collector.matching.errors import ClaimError
from zaigang_collector.matching.learning import Learnt, Observed
from zaigang_collector.matching.model import Presence


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What the half of the days that was not learnt from says of it."""

    intervals: int
    listened: int
    heard: int
    before: Mapping[Presence, int]
    after: Mapping[Presence, int]
    changed: tuple[tuple[int, Presence, Presence], ...]
    """Start (UTC ms), verdict before, verdict after."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One person at one site."""

    employee_id: str
    site_id: str
    learnt: Learnt
    """From all days: what would be stored."""
    tried: Learnt
    """From half of the days: what was tried on the other half."""
    held_out: HeldOut
    since_ms: int
    """When the first day began that counts."""
    travels: tuple[bytes, ...]
    """Registered home networks that were seen at the site, on all days."""
    stays: tuple[bytes, ...]
    """Those that were not, on confirmed days enough."""

    def values(self) -> tuple[Stored, ...]:
        """As the directory keeps them."""
        whose, rests_on = (self.employee_id, self.site_id), (self.learnt.days, self.since_ms)
        offsets = [
            Stored(*whose, one.sensor, one.dew_k, one.sd_k, *rests_on)
            for one in self.learnt.offsets
            if is_sensor(one.sensor)
        ]
        offsets += [
            Stored(*whose, f"{kind}{net.hex()}", 1.0, None, *rests_on)
            for kind, nets in ((TRAVELS, self.travels), (STAYS, self.stays))
            for net in nets
        ]
        if self.learnt.coverage is None:
            return tuple(offsets)
        return (Stored(*whose, COVERAGE, self.learnt.coverage, None, *rests_on), *offsets)


@dataclass(frozen=True, slots=True)
class _Day:
    gathered: Gathered
    observed: Observed | None
    travelling: frozenset[bytes]


def propose(
    conn: Connection, judge: Judge, employee_id: str, from_ms: int, to_ms: int, now_ms: int
) -> Iterator[Proposal]:
    """What this person's intervals that begin in [from_ms, to_ms) and are over teach, by site.

    Only those since the last laptop of theirs or node there came or went: others taught of another.
    """
    by_site: dict[str, list[_Day]] = {}
    for claimed in claimed_intervals(conn, judge.vault, employee_id, from_ms, to_ms):
        interval = claimed.interval
        changes = devices.changes_around(conn, employee_id, interval.site_id)
        if interval.end_ms >= now_ms or any(interval.start_ms < ms <= now_ms for ms in changes):
            continue
        gathered = gather(conn, judge.vault, claimed, now_ms, judge.collector_key, judge.policy)
        given = gathered.claim, gathered.site, gathered.evidence, judge.policy
        try:
            observed, travelling = learning.observe(*given), learning.travelling(*given)
        except ClaimError:
            continue
        if observed is not None:
            observed = _of_present_sensors(conn, observed, interval.start_ms)
        by_site.setdefault(gathered.site.site_id, []).append(_Day(gathered, observed, travelling))
    for site_id, days in sorted(by_site.items()):
        yield _proposal(judge, employee_id, site_id, days)


def accept(
    conn: Connection, judge: Judge, proposal: Proposal, accepted_by: str, now_ms: int
) -> int:
    """Store a proposal; returns how many values changed."""
    changes = [
        directory.put_learnt(conn, judge.vault, one, accepted_by, now_ms, judge.randomness)
        for one in proposal.values()
    ]
    return sum(change is not Change.UNCHANGED for change in changes)


def _of_present_sensors(conn: Connection, observed: Observed, start_ms: int) -> Observed:
    """Without sensors under whose name another one was registered since."""
    kept = tuple(
        one
        for one in observed.sensors
        if all(ms <= start_ms for ms in carried.began_ms(conn, one.sensor))
    )
    return dataclasses.replace(observed, sensors=kept)


def _proposal(judge: Judge, employee_id: str, site_id: str, days: Sequence[_Day]) -> Proposal:
    # Every other interval, so that both halves see the same weeks.
    half, rest = days[::2], days[1::2]
    tried = learning.fit(_observed(half), judge.policy)
    return Proposal(
        employee_id,
        site_id,
        learning.fit(_observed(days), judge.policy),
        tried,
        _held_out(judge, employee_id, tried, half, rest),
        min(day.gathered.claim.start_ms for day in days),
        _often(days),
        _settled(days),
    )


def _observed(days: Sequence[_Day]) -> list[Observed]:
    return [day.observed for day in days if day.observed is not None]


def _often(days: Sequence[_Day]) -> tuple[bytes, ...]:
    return learning.often(day.travelling for day in days)


def _settled(days: Sequence[_Day]) -> tuple[bytes, ...]:
    homes = days[-1].gathered.claim.home_networks  # the same on all: as registered now
    return learning.settled(homes, ((day.observed is not None, day.travelling) for day in days))


def _held_out(
    judge: Judge, employee_id: str, tried: Learnt, half: Sequence[_Day], days: Sequence[_Day]
) -> HeldOut:
    """`half`: the days that `tried` was learnt from; `days`: the others."""
    before: Counter[Presence] = Counter()
    after: Counter[Presence] = Counter()
    changed = []
    for day in days:
        given = day.gathered
        coverage = {} if tried.coverage is None else {employee_id: tried.coverage}
        site = dataclasses.replace(given.site, coverage_by_employee=coverage)
        claim = dataclasses.replace(
            given.claim,
            sensor_offsets=tried.offsets,
            travelling_networks=frozenset(_often(half)),
            settled_networks=frozenset(_settled(half)),
        )
        was = assess(given.claim, given.site, given.evidence, judge.policy).presence
        becomes = assess(claim, site, given.evidence, judge.policy).presence
        before[was] += 1
        after[becomes] += 1
        if was is not becomes:
            changed.append((given.claim.start_ms, was, becomes))
    seen = _observed(days)
    return HeldOut(
        intervals=len(days),
        listened=sum(one.listened for one in seen),
        heard=sum(one.heard for one in seen),
        before=dict(before),
        after=dict(after),
        changed=tuple(changed),
    )
