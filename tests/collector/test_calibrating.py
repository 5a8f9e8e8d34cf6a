"""What confirmed days teach: a lower bound, from days confirmed otherwise, and never by itself."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import evidence as make
from tests.factories.audited import audited, sequenced
from tests.factories.bundling import exported
from tests.factories.evidence import DAY_MIN, Story, at_home, at_site, honest_day
from tests.factories.judging import (
    HOME_NET,
    HOUR_MS,
    MINUTE_MS,
    SITE_NET,
    START,
    Office,
    Talker,
    office,
)
from tests.factories.vault import VAULT
from zaigang_collector import db
from zaigang_collector.assessment import calibrating, learnt, service
from zaigang_collector.attendance.intervals import Interval
from zaigang_collector.attendance.model import Direction
from zaigang_collector.devices import service as devices
from zaigang_collector.directory import carried
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.carried import Carried
from zaigang_collector.directory.model import Learnt as Stored
from zaigang_collector.directory.tables import LEARNT
from zaigang_collector.errors import UnknownIdError
from zaigang_collector.evidence import recheck
from zaigang_collector.forgetting import service as forgetting
from zaigang_collector.matching import learning
from zaigang_collector.matching.learning import SETTLED_DAYS, Observed, SensorDay
from zaigang_collector.matching.model import Evidence, SensorOffset
from zaigang_collector.matching.policy import default_policy
from zaigang_shared import rid
from zaigang_shared.readings import Advert

POLICY = default_policy()
DAY_MS = 24 * HOUR_MS
NOTHING: frozenset[bytes] = frozenset()


def observe(evidence: Evidence) -> Observed | None:
    return learning.observe(make.claim(), make.site(), evidence, POLICY)


def told(*parts: make.Part, **changes: object) -> Evidence:
    return Story(parts, **changes).evidence()  # type: ignore[arg-type]  # as the story takes them


# ---- pure


def test_a_day_confirmed_by_network_and_hands_teaches_how_often_the_beacon_is_heard() -> None:
    found = observe(
        told(
            at_site(-20, 240),
            at_site(240, 250, active=0),
            at_site(250, DAY_MIN + 15, hears=False),
        )
    )

    assert found is not None
    assert found.listened == (DAY_MIN - 10) // 5
    assert found.heard == 240 // 5


@pytest.mark.parametrize(
    ("days", "settled"),
    [
        ([(True, NOTHING)] * SETTLED_DAYS, (HOME_NET,)),
        ([(True, NOTHING)] * (SETTLED_DAYS - 1) + [(False, NOTHING)] * 9, ()),
        ([(True, NOTHING)] * SETTLED_DAYS + [(False, frozenset({HOME_NET}))], ()),
        ([(True, NOTHING)] * SETTLED_DAYS + [(True, frozenset({SITE_NET}))], (HOME_NET,)),
        ([], ()),
    ],
    ids=["enough days", "too few confirmed", "once at the site", "another was", "no day"],
)
def test_a_home_is_settled_once_enough_confirmed_days_never_showed_it_at_the_site(
    days: list[tuple[bool, frozenset[bytes]]], settled: tuple[bytes, ...]
) -> None:
    assert learning.settled([HOME_NET], days) == settled


def test_a_day_that_only_the_beacon_confirms_teaches_nothing() -> None:
    """Else who relays the beacon home would be heard there ever after."""
    assert observe(told(*honest_day(net=make.CAFE_NET))) is None


def test_a_day_at_home_teaches_nothing() -> None:
    assert observe(told(at_home(-20, DAY_MIN))) is None


def test_deafness_is_not_taken_for_silence() -> None:
    found = observe(told(*honest_day(hears=False, scan_healthy=False)))

    assert found is not None
    assert (found.listened, found.heard) == (0, 0)


def test_a_sensors_offset_is_learnt_and_forgiven() -> None:
    off = (25.0, 57.0)  # about two kelvin of dew point above the node's
    seen = observe(told(*honest_day(air=off), site_air=(25.0, 50.0)))
    assert seen is not None
    (day,) = seen.sensors
    assert day.dew_k == pytest.approx(2.1, abs=0.1)

    learnt = learning.fit([seen] * 3, POLICY)

    (offset,) = learnt.offsets
    assert offset.dew_k == pytest.approx(day.dew_k, abs=0.001)
    assert offset.sd_k >= 0.4


def test_too_few_days_teach_nothing() -> None:
    day = Observed(100, 90, (SensorDay("s", 1.0),))

    assert learning.fit([day] * 2, POLICY) == learning.Learnt(None, 200, 2, ())
    assert learning.fit([Observed(10, 9, ())] * 5, POLICY).coverage is None


@given(st.lists(st.tuples(st.integers(0, 108), st.integers(0, 108)), max_size=20), st.randoms())
def test_the_bound_is_below_the_share_and_the_order_of_days_does_not_matter(
    pairs: list[tuple[int, int]], shuffler: random.Random
) -> None:
    days = [Observed(max(pair), min(pair), ()) for pair in pairs]
    learnt = learning.fit(days, POLICY)
    shuffled = list(days)
    shuffler.shuffle(shuffled)

    assert learning.fit(shuffled, POLICY) == learnt
    if learnt.coverage is not None:
        heard, listened = sum(d.heard for d in days), sum(d.listened for d in days)
        assert 0.0 <= learnt.coverage <= heard / listened + 1e-4


def test_more_days_bring_the_bound_closer() -> None:
    day = Observed(100, 90, ())
    few, many = learning.fit([day] * 3, POLICY), learning.fit([day] * 30, POLICY)

    assert few.coverage is not None
    assert many.coverage is not None
    assert few.coverage < many.coverage < 0.9


# ---- from the store


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as made:
        yield made


@pytest.fixture
def node(here: Office) -> Talker:
    return here.node()


@pytest.fixture
def laptop(here: Office) -> Talker:
    return here.laptop()


@pytest.fixture
def other_node(here: Office) -> Talker:
    return here.node("door-2", site_id="elsewhere")


@pytest.fixture
def other_laptop(here: Office) -> Talker:
    return here.laptop("desk-8", "E002")


@pytest.fixture
def week(here: Office, node: Talker, laptop: Talker) -> Office:
    """Six short days at the site."""
    for day in range(6):
        start = START + day * DAY_MS
        for at_ms in range(start, start + 2 * HOUR_MS, MINUTE_MS):
            node.arrive(node.seal(at_ms + MINUTE_MS, [_advert(at_ms + MINUTE_MS)]), at_ms + 60_300)
            laptop.works(at_ms, at_ms + MINUTE_MS, SITE_NET, heard=[(node.device, 0)], scans=True)
        here.punch(Direction.IN, start, f"in-{day}")
        here.punch(Direction.OUT, start + 2 * HOUR_MS, f"out-{day}")
    here.at(START + 6 * DAY_MS)
    return here


def _advert(at_ms: int) -> Advert:
    last = rid.slot_at(at_ms)
    return Advert(t_ms=at_ms, span_ms=MINUTE_MS, slot_first=last - 4, slot_last=last, ok=True)


def propose(here: Office) -> list[calibrating.Proposal]:
    span = START - DAY_MS, START + 10 * DAY_MS
    with db.reading(here.world.engine) as conn:
        judge, now_ms = here.world.judge, here.world.clock.utc
        return list(calibrating.propose(conn, judge, "E001", *span, now_ms))


def test_a_proposal_changes_nothing_until_it_is_accepted_and_can_be_dropped(week: Office) -> None:
    (proposal,) = propose(week)

    assert proposal.learnt.days == 6
    assert proposal.learnt.coverage is not None
    assert proposal.learnt.coverage > 0.9
    assert proposal.held_out.intervals == 3
    assert proposal.held_out.heard == proposal.held_out.listened > 60
    assert proposal.held_out.changed == ()
    with db.reading(week.world.engine) as conn:
        assert directory.learnt_of(conn, "E001", "hq") == ()

    now_ms, judge = week.world.clock.utc, week.world.judge
    with db.writing(week.world.engine) as conn:
        assert calibrating.accept(conn, judge, proposal, "张经理", now_ms) == 1
        assert calibrating.accept(conn, judge, proposal, "张经理", now_ms) == 0
    with db.reading(week.world.engine) as conn:
        (kept,) = directory.learnt_of(conn, "E001", "hq")
    assert (kept.name, kept.value) == ("coverage", proposal.learnt.coverage)
    assert propose(week) == [proposal]  # what was learnt is not learnt from
    with db.writing(week.world.engine) as conn:
        assert directory.drop_learnt(conn, VAULT, "E001", "hq", now_ms, judge.randomness) == 1


def test_who_is_forgotten_leaves_nothing_that_was_learnt(here: Office) -> None:
    now_ms, randomness = here.world.clock.utc, here.world.randomness
    with db.writing(here.world.engine) as conn:
        learnt = Stored("E001", "hq", "coverage", 0.9, None, 5, 1)
        directory.put_learnt(conn, VAULT, learnt, "HR", now_ms, randomness)
        forgetting.forget(conn, VAULT, "E001", "HR", "asked to", now_ms, randomness)
    with db.reading(here.world.engine) as conn:
        assert directory.learnt_of(conn, "E001", "hq") == ()


@pytest.mark.parametrize(
    "change",
    [sa.update(LEARNT).values(**{name: 1}) for name in ("value", "since_ms", "days")]
    + [sa.update(LEARNT).values(employee_id="E002"), sa.delete(LEARNT)],
)
def test_what_was_learnt_is_what_its_events_say(
    here: Office, change: sa.Update | sa.Delete
) -> None:
    """An employer who raises a coverage makes silence speak louder than it may."""
    here.altered = True
    now_ms, randomness = here.world.clock.utc, here.world.randomness
    with db.writing(here.world.engine) as conn:
        learnt = Stored("E001", "hq", "coverage", 0.6, None, 5, START)
        directory.put_learnt(conn, VAULT, learnt, "HR", now_ms, randomness)
        conn.execute(change)
    sequenced(here.world.engine)
    found = [str(one) for one in audited(here.world.engine).findings]
    assert any(one.startswith("what was learnt of E00") for one in found), found


def test_of_nobody_and_nowhere_nothing_is_kept(here: Office) -> None:
    for whose, where in (("E999", "hq"), ("E001", "nowhere")):
        learnt = Stored(whose, where, "coverage", 0.9, None, 5, 1)
        with db.writing(here.world.engine) as conn, pytest.raises(UnknownIdError):
            directory.put_learnt(conn, VAULT, learnt, "HR", 1, here.world.randomness)


def test_a_sensor_that_is_called_coverage_is_not_one(week: Office) -> None:
    """Its offset of 0.9 K, taken for a share, would let silence speak of who is never heard."""
    (proposal,) = propose(week)
    odd = [SensorOffset(name, 0.9, 0.4) for name in ("coverage", f"travels:{HOME_NET.hex()}", "s1")]
    changed = dataclasses.replace(
        proposal, learnt=dataclasses.replace(proposal.learnt, coverage=None, offsets=tuple(odd))
    )

    assert [one.name for one in changed.values()] == ["s1"]


# ---- what has changed since


def accepted(week: Office) -> None:
    (proposal,) = propose(week)
    with db.writing(week.world.engine) as conn:
        calibrating.accept(conn, week.world.judge, proposal, "HR", week.world.clock.utc)


def a_silent_day(here: Office, node: Talker, laptop: Talker) -> str:
    """Six hours out of reach of the node, behind no network that anybody knows."""
    start = START + 7 * DAY_MS
    for at_ms in range(start - 30 * MINUTE_MS, start + 7 * HOUR_MS, MINUTE_MS):
        node.arrive(node.seal(at_ms + MINUTE_MS, [_advert(at_ms + MINUTE_MS)]), at_ms + 60_300)
        laptop.works(at_ms, at_ms + MINUTE_MS, b"unknown!", scans=True)
    here.punch(Direction.IN, start, "in-last")
    here.punch(Direction.OUT, start + 6 * HOUR_MS, "out-last")
    here.at(start + 8 * HOUR_MS)
    span = start - HOUR_MS, start + HOUR_MS
    service.judge_span(here.world.engine, here.world.judge, *span, here.world.clock.utc)
    (stored,) = [one for one in here.newest() if one.start_ms == start]
    return stored.presence.value


def moved(here: Office, device_id: str, **to: str) -> None:
    """Between the days that taught and the one that is judged."""
    with db.writing(here.world.engine) as conn:
        at_ms, randomness = START + 6 * DAY_MS + HOUR_MS, here.world.randomness
        devices.hand_over(conn, device_id, at_ms, randomness, **to)


def test_silence_speaks_where_it_was_learnt(week: Office, node: Talker, laptop: Talker) -> None:
    accepted(week)

    assert a_silent_day(week, node, laptop) == "contradicted"
    (stored,) = [one for one in week.newest() if one.start_ms == START + 7 * DAY_MS]
    again = recheck.recheck(exported(week.world.engine, stored.id))
    assert (again.problems, again.presence) == ((), "contradicted")


def test_another_node_is_not_known_to_reach_as_far(
    other_node: Talker, week: Office, node: Talker, laptop: Talker
) -> None:
    """The new one stands elsewhere, or has another antenna: its silence accused an honest person."""
    accepted(week)
    moved(week, node.device.id)
    moved(week, other_node.device.id, site_id="hq")

    assert a_silent_day(week, other_node, laptop) != "contradicted"
    assert propose(week)[0].learnt.coverage is None  # and of this one nothing was learnt yet


def test_another_laptop_is_not_known_to_hear_as_well(
    other_laptop: Talker, week: Office, node: Talker, laptop: Talker
) -> None:
    accepted(week)
    moved(week, laptop.device.id)
    moved(week, other_laptop.device.id, employee_id="E001")

    assert a_silent_day(week, node, other_laptop) != "contradicted"


def test_another_sensor_under_the_same_name_has_another_offset(here: Office) -> None:
    randomness = here.world.randomness
    first, second = (Carried("s1", "E001", "ruuvi", bytes(5) + tail, None) for tail in (b"a", b"b"))
    offset = Stored("E001", "hq", "s1", 2.5, 0.5, 5, START)
    with db.writing(here.world.engine) as conn:
        carried.register(conn, VAULT, first, START - HOUR_MS, randomness)
        directory.put_learnt(conn, VAULT, offset, "HR", START + DAY_MS, randomness)
        carried.remove(conn, VAULT, "s1", START + 2 * DAY_MS, randomness)
        carried.register(conn, VAULT, second, START + 2 * DAY_MS, randomness)
        before, after = (
            Interval("hq", at_ms, at_ms + HOUR_MS, True, ())
            for at_ms in (START + DAY_MS, START + 3 * DAY_MS)
        )
        assert learnt.holding(conn, "E001", before) == (offset,)
        assert learnt.holding(conn, "E001", after) == ()


# ---- a hotspot


def a_hotspot_day(here: Office, laptop: Talker, day: int, node: Talker | None) -> str:
    """Four hours on a phone that is registered as the home network; the node is heard, or is not there."""
    start = START + 3 * day * DAY_MS  # the node delivers nothing: it is waited for
    heard = [] if node is None else [(node.device, 0)]
    laptop.works(start - 20 * MINUTE_MS, start + 5 * HOUR_MS, HOME_NET, heard=heard)
    here.punch(Direction.IN, start, f"in-{day}")
    here.punch(Direction.OUT, start + 4 * HOUR_MS, f"out-{day}")
    here.at(start + 60 * HOUR_MS)
    span = start - HOUR_MS, start + HOUR_MS
    service.judge_span(here.world.engine, here.world.judge, *span, here.world.clock.utc)
    (stored,) = [one for one in here.newest() if one.start_ms == start]
    return stored.presence.value


def test_a_home_network_that_was_seen_at_the_site_travels(
    here: Office, node: Talker, laptop: Talker
) -> None:
    here.home()  # five days at the desk had shown no phone
    for day in range(2):  # it could be a beacon that is relayed home as well
        assert a_hotspot_day(here, laptop, day, node) == "unverified"
    assert a_hotspot_day(here, laptop, 2, None) == "contradicted"  # nobody has said yes yet
    accepted(here)

    assert a_hotspot_day(here, laptop, 3, None) == "unverified"


def test_a_home_network_of_which_nothing_is_learnt_yet_accuses_nobody(
    here: Office, laptop: Talker
) -> None:
    here.home(settled=False)
    assert a_hotspot_day(here, laptop, 0, None) == "unverified"


def test_a_home_network_at_home_does_not_travel(here: Office, laptop: Talker) -> None:
    here.home()
    for day in range(2):
        assert a_hotspot_day(here, laptop, day, None) == "contradicted"

    assert [one.values() for one in propose(here)] == [()]
