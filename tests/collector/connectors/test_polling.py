"""A pass over a source: what is read again, what is not, and what is told. Any connector will do."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from tests.factories.directory import stored_employee, stored_site
from tests.factories.vault import VAULT
from tests.fakes import database
from tests.fakes.randomness import Repeatable
from zaigang_collector import db
from zaigang_collector.attendance import known
from zaigang_collector.attendance import service as attendance
from zaigang_collector.attendance.model import Direction, ExemptionKind
from zaigang_collector.attendance.model import Kind as Word
from zaigang_collector.connectors import aside, erasing, people, state
from zaigang_collector.connectors.aside import Why
from zaigang_collector.connectors.contract import (
    Absence,
    Batch,
    Checked,
    Kind,
    Person,
    Place,
    Plan,
    Punch,
    Standing,
    Window,
)
from zaigang_collector.connectors.errors import ConnectorError, Reason
from zaigang_collector.connectors.files import PeopleSettings, SiteSettings
from zaigang_collector.connectors.polling import Passed, Poller, Source
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Assignment

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NOW = 1_790_000_000_000
BACK_MS = 3 * DAY_MS


@dataclass
class Scripted:
    """A connector that answers as it is told, and writes down what it was asked."""

    persons: list[Person] = field(default_factory=lambda: [Person("a", "E1"), Person("b", "E2")])
    punches: list[Punch] = field(default_factory=list)
    absences: list[Absence] = field(default_factory=list)
    failing: dict[Kind, Reason] = field(default_factory=dict)
    fails_after: int = 0
    """How many batches come before the failure."""
    asked: list[tuple[Kind, Window, tuple[str, ...]]] = field(default_factory=list)
    source: str = "scripted"
    plans: Mapping[Kind, Plan] = field(
        default_factory=lambda: {
            Kind.LEAVE: Plan(HOUR_MS, BACK_MS, DAY_MS),
            Kind.PUNCHES: Plan(HOUR_MS, BACK_MS),
            Kind.PEOPLE: Plan(DAY_MS, 0),
        }
    )

    def fetch(self, kind: Kind, window: Window, people: Sequence[str]) -> Iterator[Batch]:
        self.asked.append((kind, window, tuple(people)))
        if kind is Kind.PEOPLE:
            self._fail(kind)
            yield Batch(kind=kind, window=window, people=(), persons=self.persons)
            return
        for number, one in enumerate(people):  # a batch for each
            if number >= self.fails_after:
                self._fail(kind)
            yield Batch(
                kind=kind,
                window=window,
                people=[one],
                punches=[punch for punch in self.punches if punch.person == one],
                absences=[leave for leave in self.absences if leave.person == one],
                absences_are_all=True,
            )

    def check(self, now_ms: int, is_ours: Callable[[Person], bool]) -> Iterator[Checked]:
        return iter(())

    def _fail(self, kind: Kind) -> None:
        if kind in self.failing:
            raise ConnectorError(self.failing[kind], "GET /x")


@dataclass(frozen=True)
class Plain:
    people: PeopleSettings = field(default_factory=PeopleSettings)
    sites: SiteSettings = field(default_factory=lambda: SiteSettings(terminal={"door": "hq"}))
    first_days: int = 10


@dataclass
class Here:
    engine: Engine
    connector: Scripted = field(default_factory=Scripted)

    def poll(self, now_ms: int = NOW, from_ms: int | None = None) -> Passed:
        source = Source(self.connector, Plain())
        poller = Poller(self.engine, VAULT, Repeatable(f"poll/{now_ms}"), source)
        return poller.run(now_ms, from_ms=from_ms)

    def asked(self, kind: Kind) -> list[tuple[int, int, tuple[str, ...]]]:
        """Windows as hours from NOW, and who; forgotten afterwards."""
        found = [
            ((window.from_ms - NOW) // HOUR_MS, (window.to_ms - NOW) // HOUR_MS, who)
            for one, window, who in self.connector.asked
            if one is kind
        ]
        self.connector.asked.clear()
        return found

    def state(self, kind: Kind) -> state.State:
        with db.reading(self.engine) as conn:
            found = state.get(conn, "scripted", kind)
        assert found is not None
        return found


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    with ground(tmp_path) as made:
        yield made


@contextlib.contextmanager
def ground(folder: Path) -> Iterator[Here]:
    """A directory with three people, and a connector that is asked for them."""
    database.all_tables()
    engine = database.in_file(folder)
    with db.writing(engine) as conn:
        stored_site(conn, id="hq")
        for name in ("E1", "E2", "E3"):
            stored_employee(conn, id=name)
    yield Here(engine)
    engine.dispose()


def punch(person: str = "a", at_ms: int = NOW - HOUR_MS, **changes: Any) -> Punch:
    base: dict[str, Any] = {
        "vendor_id": f"{person}-{at_ms}",
        "person": person,
        "direction": Direction.IN,
        "punched_ms": at_ms,
        "word": Word.TERMINAL,
        "place": Place(names=(("terminal", "door"),)),
        "record": b"{}",
    }
    return Punch(**(base | changes))


def clock_ins(here: Here) -> list[str]:
    with db.reading(here.engine) as conn:
        found = attendance.list_page(conn, VAULT, attendance.Filter(), None, 100)
    return [one.content.source_id for one in found]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("punch"), st.sampled_from("ab"), st.integers(0, 40)),
        st.tuples(st.just("edit"), st.integers(0, 9), st.sampled_from([*Word])),
        st.tuples(st.just("discount"), st.integers(0, 9), st.booleans()),
        st.tuples(st.just("pass"), st.sampled_from([None, *Reason]), st.integers(0, 2)),
    ),
    max_size=14,
)


@settings(max_examples=25)
@given(STEPS)
def test_whatever_happens_on_the_way_in_the_end_there_is_what_the_source_says(
    steps: list[tuple[Any, ...]],
) -> None:
    with tempfile.TemporaryDirectory() as folder, ground(Path(folder)) as here:
        told: dict[str, Punch] = {}
        now_ms = NOW
        for name, first, second in steps:
            now_ms += HOUR_MS
            if name == "punch":
                made = punch(first, NOW - second * HOUR_MS)
                told.setdefault(made.vendor_id, made)
            elif name == "pass":
                failing = {} if first is None else {Kind.PUNCHES: first}
                here.connector.failing, here.connector.fails_after = failing, second
                here.poll(now_ms)
            elif first < len(told):
                which = sorted(told)[first]
                standing = Standing.DISCOUNTED if second else Standing.COUNTS
                change = {"word": second} if name == "edit" else {"standing": standing}
                told[which] = dataclasses.replace(told[which], **change)
            here.connector.punches = list(told.values())
        here.connector.failing = {}
        here.poll(now_ms + 7 * HOUR_MS)
        expected = {
            (one.vendor_id, one.word, one.standing is Standing.COUNTS) for one in told.values()
        }
        assert stored_of(here) == expected
        tally = here.poll(now_ms + 14 * HOUR_MS).tallies[Kind.PUNCHES]
        assert (tally.added, tally.new_versions, tally.unchanged) == (0, 0, len(told))


def stored_of(here: Here) -> set[tuple[str, Word, bool]]:
    """Id, whose word and whether it counts, of every clock-in."""
    with db.reading(here.engine) as conn:
        found = attendance.list_page(conn, VAULT, attendance.Filter(), None, 100)
    return {(one.content.source_id, one.content.kind, one.content.counts) for one in found}


def test_people_come_first_and_everybody_is_read_from_the_first_days_on(here: Here) -> None:
    here.poll()
    kinds = [kind for kind, _, _ in here.connector.asked]
    assert kinds == [Kind.PEOPLE, Kind.PUNCHES, Kind.LEAVE]
    assert here.asked(Kind.PUNCHES) == [(-240, 0, ("a", "b"))]


def test_a_later_pass_reads_the_time_before_the_last_one_again(here: Here) -> None:
    here.poll()
    here.connector.asked.clear()
    here.poll(NOW + HOUR_MS)
    assert here.asked(Kind.PUNCHES) == [(-72, 1, ("a", "b"))]
    here.poll(NOW + 2 * HOUR_MS)
    assert here.asked(Kind.LEAVE) == [(-71, 26, ("a", "b"))]


def test_after_a_long_silence_all_of_it_is_read(here: Here) -> None:
    here.poll()
    here.connector.asked.clear()
    here.poll(NOW + 20 * DAY_MS)
    assert here.asked(Kind.PUNCHES) == [(-72, 480, ("a", "b"))]


def test_a_pass_that_fails_half_way_reads_the_rest_from_where_it_was(here: Here) -> None:
    here.poll()
    here.connector.failing, here.connector.fails_after = {Kind.PUNCHES: Reason.BROKEN}, 1
    failed = here.poll(NOW + 10 * HOUR_MS)
    assert list(failed.failures) == [Kind.PUNCHES]
    assert here.state(Kind.PUNCHES).through_ms == NOW
    here.connector.failing = {}
    here.connector.asked.clear()
    here.poll(NOW + 20 * HOUR_MS)
    # "a" was read to the end the last time, "b" was not.
    assert here.asked(Kind.PUNCHES) == [(-72, 20, ("b",)), (-62, 20, ("a",))]


def test_somebody_new_has_a_past_of_their_own_to_be_read(here: Here) -> None:
    here.poll()
    here.connector.persons.append(Person("c", "E3"))
    here.connector.asked.clear()
    here.poll(NOW + DAY_MS)
    assert here.asked(Kind.PUNCHES) == [(-216, 24, ("c",)), (-72, 24, ("a", "b"))]


def test_what_is_asked_for_from_a_day_on_is_read_for_everybody(here: Here) -> None:
    here.poll()
    here.connector.asked.clear()
    here.poll(NOW + DAY_MS, from_ms=NOW - 30 * DAY_MS)
    assert here.asked(Kind.PUNCHES) == [(-720, 24, ("a", "b"))]


def test_who_has_left_is_asked_about_for_two_weeks_more(here: Here) -> None:
    here.poll()
    here.connector.persons.pop()
    here.connector.asked.clear()
    here.poll(NOW + 14 * DAY_MS)
    assert here.asked(Kind.PUNCHES)[0][2] == ("a", "b")
    here.poll(NOW + 15 * DAY_MS)
    assert here.asked(Kind.PUNCHES)[0][2] == ("a",)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"punched_ms": NOW + DAY_MS}, Why.NO_TIME),
        ({"punched_ms": 1000}, Why.NO_TIME),
        ({"direction": None}, Why.NO_DIRECTION),
        ({"place": Place(names=(("terminal", "other"),))}, Why.NO_SITE),
    ],
)
def test_what_is_no_clock_in_is_put_aside_once_with_its_reason(
    here: Here, changes: dict[str, Any], why: Why
) -> None:
    here.connector.punches = [punch(**changes)]
    assert here.poll().tallies[Kind.PUNCHES].aside == {why: 1}
    here.poll(NOW + HOUR_MS)
    with db.reading(here.engine) as conn:
        (count,) = aside.counts(conn, "scripted")
    assert (count.why, count.records) == (why, 1)
    assert clock_ins(here) == []
    # As soon as it can be one it is one.
    here.connector.punches = [punch(vendor_id=here.connector.punches[0].vendor_id)]
    here.poll(NOW + 2 * HOUR_MS)
    assert clock_ins(here) == [here.connector.punches[0].vendor_id]
    with db.reading(here.engine) as conn:
        assert aside.counts(conn, "scripted") == ()


def test_what_a_command_stored_meanwhile_is_seen_at_a_second_look(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.connector.punches = [punch("a"), punch("b")]
    here.poll()
    honest, looks = known.record_hashes, []

    def blind_at_first(conn: Connection, source: str, ids: Sequence[str]) -> dict[str, bytes]:
        looks.append(ids)
        return {} if len(looks) == 1 else honest(conn, source, ids)

    monkeypatch.setattr(known, "record_hashes", blind_at_first)
    tally = here.poll(NOW + HOUR_MS).tallies[Kind.PUNCHES]
    assert (tally.added, tally.unchanged) == (0, 2)


def test_when_the_platform_received_it_is_kept_only_where_it_can_be(here: Here) -> None:
    received = [None, NOW - 1, NOW + DAY_MS]
    here.connector.punches = [
        punch(at_ms=NOW - number * HOUR_MS, received_ms=ms)
        for number, ms in enumerate(received, start=1)
    ]
    here.poll()
    with db.reading(here.engine) as conn:
        found = attendance.of_employee(conn, VAULT, "E1", 0, NOW)
    assert [one.content.received_ms for one in found] == [None, NOW - 1, None]


def test_records_that_were_put_aside_are_deleted_when_they_are_old(here: Here) -> None:
    here.connector.punches = [punch("a", direction=None), punch("b", direction=None)]
    here.poll()
    with db.writing(here.engine) as conn:
        assert erasing.count_retired(conn, NOW, ["E2"]) == {"records_aside": 1}
        assert erasing.retire(conn, NOW - 2 * HOUR_MS, []) == {"records_aside": 0}
        assert erasing.retire(conn, NOW, ["E2"]) == {"records_aside": 1}
        (count,) = aside.counts(conn, "scripted")
    assert count.people == 1


def test_forgetting_leaves_nothing_of_a_person(here: Here) -> None:
    here.connector.punches = [punch("a", direction=None)]
    here.poll()
    with db.writing(here.engine) as conn:
        assert erasing.forget(conn, "E1") == {"records_aside": 1}
    with db.reading(here.engine) as conn:
        for table in ("person", "read", "aside"):
            rows = conn.execute(sa.text(f"SELECT * FROM connectors_{table}")).mappings().all()  # noqa: S608  # our own names
            assert [row for row in rows if row["vendor_id"] == "a"] == []
        assert people.mapped(conn, "scripted") == {"b": "E2"}


def leave(person: str, from_ms: int, name: str = "1") -> Absence:
    return Absence(
        vendor_id=f"{person}{name}",
        person=person,
        from_ms=from_ms,
        to_ms=from_ms + HOUR_MS,
        why=ExemptionKind.LEAVE,
    )


def test_leave_of_one_that_is_told_no_more_ends_and_of_nobody_else(here: Here) -> None:
    here.connector.absences = [leave("a", NOW), leave("b", NOW), leave("a", NOW + DAY_MS, "2")]
    assert here.poll().tallies[Kind.LEAVE].exemptions == 3
    here.connector.absences = [leave("b", NOW + 1)]  # a's is taken back, b's is moved
    here.connector.failing, here.connector.fails_after = {Kind.LEAVE: Reason.BROKEN}, 1
    here.poll(NOW + HOUR_MS)
    with db.reading(here.engine) as conn:
        found = {name: attendance.exemptions_of(conn, name, 0, 2**52) for name in ("E1", "E2")}
    assert found["E1"] == []
    assert [one.from_ms for one in found["E2"]] == [NOW]  # nobody got to them yet
    here.connector.failing = {}
    here.poll(NOW + 2 * HOUR_MS)
    with db.reading(here.engine) as conn:
        assert [one.from_ms for one in attendance.exemptions_of(conn, "E2", 0, 2**52)] == [NOW + 1]


@pytest.mark.parametrize(
    ("reason", "waits"),
    [
        (Reason.BROKEN, [2, 4, 8, 16, 32, 60, 60]),
        (Reason.BANNED, [6, 6, 6]),
        (Reason.QUOTA, [360, 360]),
        (Reason.CREDENTIALS, [15, 15]),
    ],
)
def test_how_long_a_source_that_fails_is_left_alone(
    here: Here, reason: Reason, waits: list[int]
) -> None:
    here.poll()
    here.connector.failing = {Kind.PUNCHES: reason}
    now_ms, found = NOW + HOUR_MS, []
    for _ in waits:
        here.poll(now_ms)
        after = here.state(Kind.PUNCHES)
        found.append((after.next_ms - now_ms) // 60_000)
        now_ms = after.next_ms
    assert found == waits
    assert here.state(Kind.PUNCHES).failing_since_ms == NOW + HOUR_MS
    assert here.state(Kind.PUNCHES).last_success_ms == NOW


def test_a_source_that_is_gone_is_not_asked_for_the_rest(here: Here) -> None:
    here.connector.failing = {Kind.PEOPLE: Reason.UNREACHABLE}
    passed = here.poll()
    assert [kind for kind, _, _ in here.connector.asked] == [Kind.PEOPLE]
    assert set(passed.failures) == set(here.connector.plans)
    with db.reading(here.engine) as conn:
        silence = state.silent_since(conn, "scripted", NOW)
    assert silence is not None
    assert (silence.since_ms, silence.reason) == (None, Reason.UNREACHABLE)


def test_being_stopped_is_no_failure_of_the_source(here: Here) -> None:
    here.poll()
    here.connector.failing = {Kind.PUNCHES: Reason.STOPPED}
    passed = here.poll(NOW + HOUR_MS)
    assert (passed.tallies, passed.failures) == ({}, {})
    assert here.state(Kind.PUNCHES).reason is None
    assert here.state(Kind.PUNCHES).through_ms == NOW


def test_where_nobody_could_be_listed_yet_nothing_is_called_read(here: Here) -> None:
    here.connector.failing = {Kind.PEOPLE: Reason.PERMISSION}
    assert here.poll().tallies == {}
    assert here.state(Kind.PUNCHES).reason is Reason.PERMISSION
    assert here.state(Kind.PUNCHES).through_ms is None
    here.connector.failing = {}
    here.poll(NOW + HOUR_MS)
    here.connector.failing = {Kind.PEOPLE: Reason.PERMISSION}
    later = here.poll(NOW + DAY_MS + HOUR_MS)  # whom it knows it goes on asking about
    assert set(later.tallies) == {Kind.PUNCHES, Kind.LEAVE}


def test_two_people_who_are_one_of_ours_are_told(here: Here) -> None:
    here.connector.persons.append(Person("a-too", "E1"))
    here.poll()
    with db.reading(here.engine) as conn:
        ((what, _),) = state.oddities(conn, "scripted")
    assert what == "people: several user ids are one employee id"


def test_leave_that_reaches_out_of_the_window_is_not_ended_by_a_source_that_leaves_it_out(
    here: Here,
) -> None:
    long = leave("a", NOW - 4 * DAY_MS)
    here.connector.absences = [dataclasses.replace(long, to_ms=NOW + HOUR_MS)]
    here.poll()
    here.connector.absences = []
    here.poll(NOW + HOUR_MS)  # the window begins three days back
    with db.reading(here.engine) as conn:
        assert len(attendance.exemptions_of(conn, "E1", 0, 2**52)) == 1


def test_an_oddity_is_noted_once_and_dated_anew(here: Here) -> None:
    here.connector.punches = [punch(odd=("sourceType CARD",))]
    here.poll()
    here.poll(NOW + HOUR_MS)
    with db.reading(here.engine) as conn:
        assert state.oddities(conn, "scripted") == (("sourceType CARD", NOW + HOUR_MS),)


def test_the_day_of_an_assignment_is_the_persons_own(here: Here) -> None:
    day = dt.date(2026, 9, 22)
    midnight = round(dt.datetime(2026, 9, 21, 16, tzinfo=dt.UTC).timestamp() * 1000)
    with db.writing(here.engine) as conn:
        directory.put_assignment(
            conn, VAULT, Assignment("E1", "hq", day, day), NOW, Repeatable("assigned")
        )
    nowhere = Place()
    times = [midnight - 1, midnight, midnight + DAY_MS - 1, midnight + DAY_MS]
    here.connector.punches = [punch(at_ms=one, place=nowhere) for one in times]
    here.poll(NOW + 2 * DAY_MS)
    assert clock_ins(here) == [f"a-{one}" for one in times[1:3]]
