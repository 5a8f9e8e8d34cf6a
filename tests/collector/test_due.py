"""Whoever has something new is named, whatever it is, and nobody is asked about for nothing."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import Connection

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
from zaigang_collector.assessment import due, service
from zaigang_collector.assessment.due import Watch
from zaigang_collector.attendance import calendar_store, exemptions, patterns, schedules
from zaigang_collector.attendance.calendars import Rule, SetDay
from zaigang_collector.attendance.model import Direction, ExemptionKind
from zaigang_collector.attendance.schedules import Scope, ShiftAssignment
from zaigang_collector.attendance.service import StoredExemption
from zaigang_collector.devices import service as devices
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Learnt, Network, NetworkKind
from zaigang_collector.worktraces import service as worktraces
from zaigang_collector.worktraces.model import EventKind, NewEvent, NewWorkLog

DAY_MS = 24 * HOUR_MS
PEOPLE = ("E001", "E002")


@dataclass
class Watched:
    """An office, and whoever watches it; each step asks both ways who is due."""

    here: Office
    chance: random.Random
    laptops: dict[str, Talker] = field(default_factory=dict)
    node: Talker | None = None
    number: int = 0

    def __post_init__(self) -> None:
        self.watch = Watch(self.here.world.judge)
        self.laptops = {who: self.here.laptop(f"desk-{who}", who) for who in PEOPLE}
        self.node = self.here.node()

    @property
    def now(self) -> int:
        return self.here.world.clock.utc

    @property
    def span(self) -> tuple[int, int]:
        return self.now - 8 * DAY_MS, self.now

    def asked(self) -> tuple[list[str], list[str]]:
        """Whom the watch names, and who is due."""
        with db.reading(self.here.world.engine) as conn:
            exact = service.people_due(conn, self.here.world.judge, *self.span, self.now)
            return self.watch.due(conn, *self.span, self.now), exact

    def judge(self, people: list[str]) -> None:
        world = self.here.world
        for who in people:
            judged = service.judge_person(world.engine, world.judge, who, *self.span, self.now)
            self.watch.judged(who, judged, self.now)

    def settle(self) -> None:
        """Judge until nothing is new; what one is found to be may be new for another."""
        for _ in range(5):
            named, exact = self.asked()
            assert set(exact) <= set(named)
            if not named:
                return
            self.judge(named)
        raise AssertionError("there is always something new")

    def write(self, act: Callable[[Connection], object]) -> None:
        with db.writing(self.here.world.engine) as conn:
            act(conn)

    def who(self) -> str:
        return self.chance.choice(PEOPLE)


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    monkeypatch.setattr(due, "EVERYBODY_MS", 10**15)  # nothing is found by that alone
    with office(tmp_path) as here:
        yield Watched(here, random.Random(7))


def worked(one: Watched, who: str = "E001", hours: int = 4) -> None:
    """A day at the site, over for two hours; E001 with a laptop."""
    if who == "E001":  # what arrives does so in order
        one.laptops[who].works(START, START + hours * HOUR_MS, SITE_NET)
    for direction, at_ms in ((Direction.IN, START), (Direction.OUT, START + hours * HOUR_MS)):
        one.here.punch(direction, at_ms, f"{direction}-{who}", employee_id=who)
    one.here.at(START + (hours + 2) * HOUR_MS)


def test_who_was_never_looked_at_is_named_once(watched: Watched) -> None:
    worked(watched)
    assert watched.asked() == (["E001"], ["E001"])
    watched.judge(["E001"])
    assert watched.asked() == ([], [])


def test_who_was_named_and_not_judged_is_named_again(watched: Watched) -> None:
    worked(watched)
    assert watched.asked()[0] == ["E001"]
    assert watched.asked()[0] == ["E001"]


def test_one_persons_punch_asks_about_nobody_else(watched: Watched) -> None:
    for who in PEOPLE:
        worked(watched, who)
    watched.settle()
    watched.here.punch(Direction.OUT, START + 5 * HOUR_MS, "out-E002", employee_id="E002")
    assert watched.asked()[0] == ["E002"]


def test_an_interval_is_due_when_it_is_over_and_when_it_has_waited(watched: Watched) -> None:
    watched.here.punch(Direction.IN, START)
    watched.here.punch(Direction.OUT, START + 4 * HOUR_MS)
    watched.here.at(START + 3 * HOUR_MS)
    watched.settle()
    watched.here.at(START + 4 * HOUR_MS)
    assert watched.asked() == ([], [])
    watched.here.at(START + 4 * HOUR_MS + 1)
    assert watched.asked() == (["E001"], ["E001"])
    watched.settle()
    waiting_ms = round(watched.here.world.judge.policy.waiting_h * HOUR_MS)
    watched.here.at(START + 4 * HOUR_MS + waiting_ms - 1)
    assert watched.asked() == ([], [])
    watched.here.at(START + 4 * HOUR_MS + waiting_ms)
    assert watched.asked() == (["E001"], ["E001"])


def test_what_a_laptop_goes_on_to_say_concerns_no_day_that_is_over(watched: Watched) -> None:
    worked(watched)
    laptop = watched.laptops["E001"]
    laptop.restart(START + 20 * HOUR_MS)
    laptop.works(START + 20 * HOUR_MS, START + 20 * HOUR_MS + 30 * MINUTE_MS, SITE_NET)
    watched.here.at(START + 20 * HOUR_MS + 30 * MINUTE_MS)
    watched.settle()
    for minute in range(30, 60):
        at_ms = START + 20 * HOUR_MS + minute * MINUTE_MS
        laptop.works(at_ms, at_ms + MINUTE_MS, SITE_NET)
        watched.here.at(at_ms + MINUTE_MS)
        assert watched.asked() == ([], [])


def test_a_spool_that_comes_the_next_day_concerns_the_day_of_which_it_tells(
    watched: Watched,
) -> None:
    laptop = watched.laptops["E001"]
    laptop.works(START - 5 * MINUTE_MS, START, SITE_NET)
    laptop.works(START, START + 4 * HOUR_MS, SITE_NET, spool=True)
    worked(watched, "E002")
    watched.here.punch(Direction.IN, START)
    watched.here.punch(Direction.OUT, START + 4 * HOUR_MS)
    watched.settle()
    laptop.deliver_spool(START + 20 * HOUR_MS)
    watched.here.at(START + 20 * HOUR_MS + 1)
    assert watched.asked() == (["E001"], ["E001"])


def test_an_assessment_whose_punches_are_gone_is_found(watched: Watched) -> None:
    worked(watched)
    watched.settle()
    for direction in (Direction.IN, Direction.OUT):  # it was the other one
        hours = 0 if direction is Direction.IN else 4
        at_ms = START + hours * HOUR_MS
        watched.here.punch(direction, at_ms, f"{direction}-E001", employee_id="E002")
    assert watched.asked() == (["E001", "E002"], ["E001", "E002"])


def test_a_trace_of_work_has_its_person_looked_at(watched: Watched) -> None:
    for who in PEOPLE:
        worked(watched, who)
    watched.settle()
    random_ = watched.here.world.randomness
    event = NewEvent(
        source="erp",
        source_id="1",
        employee_id="E002",
        kind=EventKind.APPROVAL,
        happened_ms=START + HOUR_MS,
    )
    log = NewWorkLog(
        source="erp",
        source_id="1",
        employee_id="E001",
        day=dt.date(2026, 9, 22),
        handed_in_ms=START + HOUR_MS,
    )
    watched.write(lambda conn: worktraces.record_events(conn, VAULT, [event], watched.now, random_))
    assert watched.asked()[0] == ["E002"]
    watched.judge(["E002"])
    watched.write(
        lambda conn: worktraces.record_work_logs(conn, VAULT, [log], watched.now, random_)
    )
    assert watched.asked()[0] == ["E001"]


def test_everybody_is_looked_at_now_and_then(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "EVERYBODY_MS", HOUR_MS)
    worked(watched)
    watched.settle()
    # Something that no mark tells of.
    watched.write(lambda conn: conn.exec_driver_sql("DELETE FROM assessment_checked"))
    assert watched.asked() == ([], ["E001"])
    watched.here.at(watched.now + HOUR_MS)
    assert watched.asked() == (["E001"], ["E001"])


def test_whatever_happens_whoever_is_due_is_named(watched: Watched) -> None:
    """Through all that an assessment can rest on. Each step makes
    somebody due."""
    for who in PEOPLE:
        worked(watched, who)
    watched.settle()
    for turn, act in enumerate(STEPS):
        watched.number = turn
        act(watched)
        named, exact = watched.asked()
        assert exact, f"{act.__name__} makes nobody due"
        assert set(exact) <= set(named), act.__name__
        watched.settle()


def punch(one: Watched) -> None:
    """The day was longer."""
    one.here.punch(Direction.OUT, START + 5 * HOUR_MS, "stayed", employee_id="E001")


def leave(one: Watched) -> None:
    span = one.now - 2 * DAY_MS, one.now
    new = StoredExemption(one.who(), *span, ExemptionKind.LEAVE, "test", str(one.number))
    world = one.here.world
    one.write(lambda conn: exemptions.record(conn, VAULT, new, one.now, world.randomness))


def network(one: Watched) -> None:
    new = Network(NetworkKind.GATEWAY, hash=one.number.to_bytes(8, "big"))
    random_ = one.here.world.randomness
    one.write(lambda conn: directory.add_site_network(conn, "hq", new, one.now, random_))


def home(one: Watched) -> None:
    one.here.home(HOME_NET[:-1] + one.number.to_bytes(1, "big"), one.who(), settled=False)


def learnt(one: Watched) -> None:
    value = one.chance.random()
    new = Learnt(one.who(), "hq", "coverage", value, None, 5, one.now)
    random_ = one.here.world.randomness
    one.write(lambda conn: directory.put_learnt(conn, VAULT, new, "HR", one.now, random_))


def shift(one: Watched) -> None:
    """Hours of a day with a forgotten out: its end is another one."""
    who, random_ = one.who(), one.here.world.randomness
    day = dt.datetime.fromtimestamp(one.now / 1000, dt.timezone(dt.timedelta(hours=8))).date()
    hour = one.chance.randrange(10, 22)
    one.here.punch(Direction.IN, one.now - 30 * HOUR_MS, f"forgot-{one.number}", employee_id=who)
    one.settle()

    def put(conn: Connection) -> None:
        name = f"s{one.number}"
        pattern = patterns.parse(f"06:00-{hour}:{one.number % 60:02}")
        schedules.put_shift(conn, name, pattern, one.now, random_)
        for back in range(3):
            on = day - dt.timedelta(days=back)
            schedules.put_roster_day(conn, VAULT, who, on, name, one.now, random_)

    one.write(put)


def everybodys_shift(one: Watched) -> None:
    random_ = one.here.world.randomness
    for who in PEOPLE:
        at_ms = one.now - 30 * HOUR_MS
        one.here.punch(Direction.IN, at_ms, f"again-{one.number}-{who}", employee_id=who)
    one.settle()

    def put(conn: Connection) -> None:
        name = f"e{one.number}"
        pattern = patterns.parse(f"Mon-Sun 05:00-23:{one.number % 60:02}")
        schedules.put_shift(conn, name, pattern, one.now, random_)
        first = dt.date(2026, 1, 1) + dt.timedelta(days=one.number)
        new = ShiftAssignment(Scope.DEPARTMENT, "交付部", first, None, name)
        schedules.assign(conn, VAULT, new, one.now, random_)

    one.write(put)


def holiday(one: Watched) -> None:
    """Whoever came and did not leave has no shift to end with any more."""
    random_, zone = one.here.world.randomness, dt.timezone(dt.timedelta(hours=8))
    at_ms = one.now - 100 * HOUR_MS
    one.here.punch(Direction.IN, at_ms, f"came-{one.number}", employee_id="E001")
    one.settle()
    first = dt.datetime.fromtimestamp(at_ms / 1000, zone).date()

    def put(conn: Connection) -> None:
        for more in range(2):
            day, said = first + dt.timedelta(days=more), SetDay(Rule.DAY_OFF, "x")
            calendar_store.set_day(conn, "", day, said, one.now, random_)

    one.write(put)


def live(one: Watched) -> None:
    """Some minutes that begin where a claim ends."""
    who = one.who()
    begin = one.now
    one.here.punch(Direction.IN, begin - HOUR_MS, f"live-in-{one.number}", employee_id=who)
    one.here.punch(Direction.OUT, begin - MINUTE_MS, f"live-out-{one.number}", employee_id=who)
    one.settle()
    one.laptops[who].works(begin, begin + 5 * MINUTE_MS, SITE_NET)
    one.here.at(begin + 6 * MINUTE_MS)


def spool(one: Watched) -> None:
    """Two hours offline, claimed and judged; then all of it arrives."""
    who, begin = one.who(), one.now
    laptop = one.laptops[who]
    if one.chance.random() < 0.5:
        laptop.restart(begin)
    laptop.works(begin, begin + 30 * MINUTE_MS, SITE_NET, spool=True)
    one.here.punch(Direction.IN, begin, f"spool-in-{one.number}", employee_id=who)
    one.here.punch(
        Direction.OUT, begin + 30 * MINUTE_MS, f"spool-out-{one.number}", employee_id=who
    )
    one.here.at(begin + 3 * HOUR_MS)
    one.settle()
    laptop.deliver_spool(one.now + one.chance.randrange(20) * HOUR_MS)
    one.here.at(one.now + 1)


def nodes_spool(one: Watched) -> None:
    node, begin = one.node, one.now
    assert node is not None
    node.works(begin, begin + 20 * MINUTE_MS, None, spool=True)
    for who in PEOPLE:
        one.here.punch(Direction.IN, begin, f"n-in-{one.number}-{who}", employee_id=who)
        out_ms = begin + 20 * MINUTE_MS
        one.here.punch(Direction.OUT, out_ms, f"n-out-{one.number}-{who}", employee_id=who)
    one.here.at(begin + 2 * HOUR_MS)
    one.settle()
    node.deliver_spool(one.now)
    one.here.at(one.now + 1)


def clone(one: Watched) -> None:
    """Two envelopes of one number: noticed, and told of."""
    who, begin = one.who(), one.now
    laptop = one.laptops[who]
    laptop.works(begin, begin + 10 * MINUTE_MS, SITE_NET)
    one.here.punch(Direction.IN, begin, f"c-in-{one.number}", employee_id=who)
    one.here.punch(Direction.OUT, begin + 9 * MINUTE_MS, f"c-out-{one.number}", employee_id=who)
    one.here.at(begin + HOUR_MS)
    one.settle()
    laptop.seq -= 1
    laptop.works(one.now, one.now + 2 * MINUTE_MS, HOME_NET)


def hand_over(one: Watched) -> None:
    """Right after a claim, within what is looked at around it."""
    who, random_ = one.who(), one.here.world.randomness
    one.here.punch(Direction.IN, one.now - HOUR_MS, f"h-in-{one.number}", employee_id=who)
    one.here.punch(Direction.OUT, one.now - MINUTE_MS, f"h-out-{one.number}", employee_id=who)
    one.settle()
    name, held = one.laptops["E001"].device.id, one.number % 2 == 0
    to = None if held else who
    one.write(lambda conn: devices.hand_over(conn, name, one.now, random_, employee_id=to))


def later(one: Watched) -> None:
    """A claim that goes on is over."""
    who = one.who()
    one.here.punch(Direction.IN, one.now - HOUR_MS, f"l-in-{one.number}", employee_id=who)
    one.settle()
    one.here.at(one.now + 26 * HOUR_MS)


STEPS: tuple[Callable[[Watched], None], ...] = (
    shift,
    everybodys_shift,
    holiday,
    punch,
    leave,
    network,
    home,
    learnt,
    live,
    spool,
    nodes_spool,
    clone,
    hand_over,
    later,
)
