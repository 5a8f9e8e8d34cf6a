"""Facts out of real envelopes: what is known of a laptop, and what is not taken for idleness."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

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
from zaigang_collector.attendance.model import Direction
from zaigang_collector.connectors import people as connected
from zaigang_collector.connectors import state as connecting
from zaigang_collector.connectors.contract import Kind
from zaigang_collector.rules import gathering, service
from zaigang_collector.rules.subjects import Kept, subjects
from zaigang_collector.rules.vocabulary import Grain, Value
from zaigang_collector.rules.work import Day, facts_of
from zaigang_collector.worktraces.model import EventKind, NewEvent, NewWorkLog
from zaigang_collector.worktraces.shelf import Stored
from zaigang_shared.readings import Gap, Session

END = START + 6 * HOUR_MS


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as made:
        yield made


def facts(here: Office, grain: Grain = Grain.INTERVAL) -> dict[str, Value]:
    """Of the only interval, as they are kept and read again."""
    world = here.world
    for direction, at_ms in ((Direction.IN, START), (Direction.OUT, END)):
        here.punch(direction, at_ms)
    here.at(END + 3 * HOUR_MS)
    here.judge()
    span = START - HOUR_MS, START + HOUR_MS
    service.derive(world.engine, world.judge, span, world.clock.utc)
    with db.reading(world.engine) as conn:
        asked = gathering.known(conn, VAULT, span, (), (), world.clock.utc)
    (found,) = [one for one in subjects(asked.known, asked.asked) if one.grain is grain]
    return dict(found.facts)


def yesterday(laptop: Talker) -> None:
    """Before the clock-in, and before what is looked at around it."""
    laptop.works(START - 45 * MINUTE_MS, START - 43 * MINUTE_MS, SITE_NET)


def boots(laptop: Talker, at_ms: int, *more: Gap) -> None:
    laptop.restart(at_ms - 30_000)
    said = Session(t_ms=30_000, span_ms=0, event="boot")
    laptop.arrive(laptop.seal(at_ms, [said, *more]), at_ms + 300)


def test_a_laptop_that_is_switched_on_at_two_from_home_tells_how_late_that_is(here: Office) -> None:
    here.home()
    laptop = here.laptop()
    yesterday(laptop)
    boots(laptop, START + 5 * HOUR_MS)
    laptop.works(START + 5 * HOUR_MS, END + HOUR_MS // 2, HOME_NET)

    told = facts(here)

    assert told["login_gap_min"] == pytest.approx(299.5, abs=1)
    assert told["first_use_min"] == 300.0
    assert told["first_use_home"] is True
    assert told["home_use_min"] == 60.0


def test_a_laptop_that_crashed_may_have_been_used_all_the_time(here: Office) -> None:
    laptop = here.laptop()
    yesterday(laptop)
    before = laptop.boot
    boots(
        laptop,
        START + 5 * HOUR_MS,
        Gap(t_ms=30_000, span_ms=0, reason="crash", from_boot=before),
    )
    laptop.works(START + 5 * HOUR_MS, END + HOUR_MS // 2, SITE_NET)

    told = facts(here)

    assert "login_gap_min" not in told
    assert "first_use_min" not in told
    assert told["agent_gap_min"] == pytest.approx(300, abs=1)


def test_a_laptop_that_is_new_was_not_off_before(here: Office) -> None:
    laptop = here.laptop()
    boots(laptop, START + 5 * HOUR_MS)
    laptop.works(START + 5 * HOUR_MS, END + HOUR_MS // 2, SITE_NET)

    assert "login_gap_min" not in facts(here)


def test_a_hole_in_the_chain_hides_what_was_done_in_it(here: Office) -> None:
    laptop = here.laptop()
    yesterday(laptop)
    laptop.seal(START + HOUR_MS, [Session(t_ms=START + HOUR_MS, span_ms=0, event="login")])  # lost
    boots(laptop, START + 5 * HOUR_MS)
    laptop.works(START + 5 * HOUR_MS, END + HOUR_MS // 2, SITE_NET)

    assert "login_gap_min" not in facts(here)


def test_a_laptop_that_was_never_switched_on_says_nothing(here: Office) -> None:
    yesterday(here.laptop())

    told = facts(here)

    assert told.keys().isdisjoint({"login_gap_min", "first_use_min"})
    assert told.get("use_min", 0.0) == 0.0


def test_a_sleeping_laptop_is_known_to_sleep(here: Office) -> None:
    laptop = here.laptop()
    yesterday(laptop)
    at_ms = START + 3 * HOUR_MS
    slept = Gap(
        t_ms=at_ms,
        span_ms=at_ms - START + 43 * MINUTE_MS,
        reason="suspended",
        from_t=START - 43 * MINUTE_MS,
    )
    woken = Session(t_ms=at_ms, span_ms=0, event="resume")
    laptop.arrive(laptop.seal(at_ms, [slept, woken]), at_ms + 300)
    laptop.works(at_ms, END + HOUR_MS // 2, SITE_NET)

    told = facts(here)

    assert told["login_gap_min"] == 180.0
    assert told["first_use_min"] == 180.0


# ---- work


def kept() -> Kept:
    return Kept("as-1", 1, "E001", "hq", START, END, None)


def event(at_ms: int, *, client: bool | None = None) -> Stored[NewEvent]:
    said = NewEvent(
        source="erp",
        source_id=str(at_ms),
        employee_id="E001",
        kind=EventKind.TASK,
        happened_ms=at_ms,
        client=client,
    )
    return Stored(said.trace_id(), 1, at_ms, said)


def log(site_id: str | None) -> Stored[NewWorkLog]:
    said = NewWorkLog(
        source="erp",
        source_id="1",
        employee_id="E001",
        day=dt.date(2026, 9, 22),
        site_id=site_id,
        handed_in_ms=END,
    )
    return Stored("wl-1", 1, END, said)


def work(
    *events: Stored[NewEvent], logs: tuple[Stored[NewWorkLog], ...] = (), read_ms: int = 0
) -> dict[str, Value]:
    return facts_of(Day(dt.date(2026, 9, 22), [kept()], events, logs), read_ms, read_ms)


def test_no_events_mean_something_only_where_all_were_read() -> None:
    whole = END + 24 * HOUR_MS
    assert work() == {}
    assert work(read_ms=END - 1) == {}
    assert work(read_ms=whole) == {
        "business_events": 0.0,
        "business_delay_min": 360.0,
        "work_log_handed_in": False,
        "task_trace": False,
    }


def test_what_is_there_is_there_whoever_read_what() -> None:
    assert work(event(START + 1), logs=(log("hq"),)) == {
        "work_log_handed_in": True,
        "work_log_names_site": True,
        "task_trace": True,
    }
    assert work(logs=(log("other"),))["work_log_names_site"] is False
    assert "work_log_names_site" not in work(logs=(log(None),))


def test_delays_and_contacts_are_counted_from_the_first_clock_in() -> None:
    told = work(
        event(START - 2 * HOUR_MS, client=True),
        event(START - HOUR_MS, client=None),
        event(START + 90 * MINUTE_MS),
        read_ms=END + 24 * HOUR_MS,
    )

    assert told["business_delay_min"] == 90.0
    assert told["business_events"] == 1.0
    assert told["client_contact_gap_min"] == 120.0


def test_a_connected_source_covers_whom_it_lists_and_answers_for(here: Office) -> None:
    from zaigang_collector.connectors.contract import Person, Plan
    from zaigang_collector.connectors.files import PeopleSettings
    from zaigang_collector.rules import work as working

    with db.writing(here.world.engine) as conn:
        connected.update(conn, "erp", [Person("E001", "E001")], PeopleSettings(), START)
        connecting.succeeded(conn, "erp", Kind.EVENTS, END, Plan(60_000, 60_000), END)
        connected.note_read(conn, "erp", Kind.EVENTS, ["E001"], END)
        assert working.covered(conn).events == {"E001": END}
        connected.note_answers(conn, "erp", [], ["E001"])
        assert working.covered(conn).events == {"E001": 0}
        assert working.covered(conn).logs == {}
