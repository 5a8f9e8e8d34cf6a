"""Events and logs that a connector found: stored once, of ours alone, and without their texts."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.factories.audited import assert_clean
from tests.factories.connecting import ground
from tests.factories.vault import VAULT
from tests.fakes.randomness import Repeatable
from zaigang_collector import db
from zaigang_collector.connectors import state, trying
from zaigang_collector.connectors.contract import (
    Batch,
    Checked,
    Event,
    Kind,
    Log,
    Person,
    Plan,
    Window,
)
from zaigang_collector.connectors.files import PeopleSettings, SiteSettings
from zaigang_collector.connectors.importing import Tally
from zaigang_collector.connectors.polling import Passed, Poller, Source, told
from zaigang_collector.matching.model import Text
from zaigang_collector.worktraces import service
from zaigang_collector.worktraces.clients import Texts
from zaigang_collector.worktraces.model import EventKind, NewEvent, NewWorkLog, Progress

NOW = 1_790_000_000_000  # 2026-09-21 22:13:20 in Shanghai
HOUR_MS = 3_600_000
DAY = dt.date(2026, 9, 21)
NAMES = ("华远集团",)
SENTINEL = "哨兵正文七七八八"
PLANS = {kind: Plan(HOUR_MS, 72 * HOUR_MS) for kind in (Kind.PEOPLE, Kind.EVENTS, Kind.WORK_LOGS)}


@dataclass
class Scripted:
    """A source that tells what it is given."""

    events: list[Event] = field(default_factory=list)
    work_logs: list[Log] = field(default_factory=list)
    source: str = "scripted"
    plans: Mapping[Kind, Plan] = field(default_factory=lambda: PLANS)

    def fetch(self, kind: Kind, window: Window, people: Sequence[str]) -> Iterator[Batch]:
        if kind is Kind.PEOPLE:
            persons = [Person("u1", "E1001"), Person("u2", "E1002"), Person("u9", "E9")]
            yield Batch(kind=kind, window=window, people=(), persons=persons)
        elif kind is Kind.EVENTS:
            yield Batch(kind=kind, window=window, people=people, events=self.events)
        else:
            yield Batch(kind=kind, window=window, people=people, work_logs=self.work_logs)

    def check(self, now_ms: int, is_ours: Any) -> Iterator[Checked]:
        texts = Text("日志", "logs")
        manner = trying.Manner("id", dict.fromkeys(Kind, texts), dict.fromkeys(Kind, 5))
        yield from trying.basics(self, manner, PeopleSettings(), now_ms, is_ours)


@dataclass(frozen=True)
class Settings:
    people: PeopleSettings = field(default_factory=PeopleSettings)
    sites: SiteSettings = field(default_factory=SiteSettings)
    first_days: int = 7


@dataclass
class Company:
    engine: Engine
    system: Scripted
    texts: Texts = field(default_factory=lambda: Texts(NAMES))

    def poll(self, now_ms: int = NOW) -> Passed:
        source = Source(self.system, Settings())
        poller = Poller(self.engine, VAULT, Repeatable("tracing"), source, self.texts)
        return poller.run(now_ms, everything=True)

    def events(self, employee_id: str = "E1001") -> list[NewEvent]:
        with db.reading(self.engine) as conn:
            found = service.events_of(conn, VAULT, employee_id, 0, NOW + HOUR_MS)
        return [one.content for one in found]

    def logs(self, employee_id: str = "E1001") -> list[NewWorkLog]:
        with db.reading(self.engine) as conn:
            found = service.work_logs_of(conn, VAULT, employee_id, dt.date.min, dt.date.max)
        return [one.content for one in found]

    def everything_in(self) -> bytes:
        """All files of the database, and all that is sealed in it, opened."""
        path = Path(str(self.engine.url.database))
        raw = b"".join(one.read_bytes() for one in path.parent.glob(path.name + "*"))
        bodies = [one.body() for one in self.events()] + [one.body() for one in self.logs()]
        assert bodies
        return raw + b"".join(bodies)


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    made = Company(ground(tmp_path, NOW, 2), Scripted())
    yield made
    made.engine.dispose()


def an_event(vendor_id: str = "e1", **changes: Any) -> Event:
    base = Event(vendor_id=vendor_id, person="u1", kind=EventKind.TASK, happened_ms=NOW - HOUR_MS)
    return dataclasses.replace(base, **changes)


def a_log(vendor_id: str = "l1", **changes: Any) -> Log:
    base = Log(vendor_id=vendor_id, person="u1", handed_in_ms=NOW - HOUR_MS)
    return dataclasses.replace(base, **changes)


def test_what_a_source_tells_twice_is_stored_once(company: Company) -> None:
    company.system.events = [an_event(received_ms=NOW - 5, record=b'{"id":"e1"}')]
    company.system.work_logs = [a_log(task_progress=Progress.DONE, client_contact_ms=NOW - 9)]
    first = company.poll()
    assert not first.failures
    assert (first.tallies[Kind.EVENTS].added, first.tallies[Kind.WORK_LOGS].added) == (1, 1)
    again = company.poll(NOW + HOUR_MS)
    assert again.tallies[Kind.EVENTS] == Tally(unchanged=1)
    assert again.tallies[Kind.WORK_LOGS] == Tally(unchanged=1)
    (event,), (log,) = company.events(), company.logs()
    assert (event.source, event.source_id, event.kind) == ("scripted", "e1", EventKind.TASK)
    assert (event.received_ms, event.client, event.site_id) == (NOW - 5, None, None)
    assert (log.day, log.task_progress, log.names_client) == (DAY, Progress.DONE, None)
    company.system.work_logs = [a_log(task_progress=Progress.DONE, text="在华远集团验收")]
    assert company.poll(NOW + 2 * HOUR_MS).tallies[Kind.WORK_LOGS].new_versions == 1
    assert company.logs()[0].names_client is True
    assert_clean(company.engine)


def test_of_people_who_are_nobody_of_ours_nothing_is_stored(company: Company) -> None:
    company.system.events = [an_event(person="u9"), an_event("e2", person="u2")]
    company.system.work_logs = [a_log(person="u9", text=f"华远集团 {SENTINEL}")]
    passed = company.poll()
    assert passed.tallies[Kind.EVENTS] == Tally(added=1, not_ours=1)
    assert passed.tallies[Kind.WORK_LOGS] == Tally(not_ours=1)
    assert (company.events(), len(company.events("E1002")), company.logs("E9")) == ([], 1, [])


def test_a_text_is_searched_and_reaches_neither_store_nor_log_nor_error(
    company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    named, unnamed = f"在华远集团：{SENTINEL}", f"在家办公：{SENTINEL}"
    company.system.events = [
        an_event("e1", text=named, happened_ms=NOW - 2),
        an_event("e2", text=unnamed, happened_ms=NOW - 1),
    ]
    company.system.work_logs = [
        a_log("l1", text=named, handed_in_ms=NOW - 2),
        a_log("l2", text=unnamed, handed_in_ms=NOW - 1),
        a_log("l3", text=named, handed_in_ms=NOW + 30 * HOUR_MS),
    ]
    passed = company.poll()
    assert [one.client for one in company.events()] == [True, False]
    assert [one.names_client for one in company.logs()] == [True, False]
    said = caplog.text + repr(passed) + repr(company.system) + told(Tally()).zh
    assert SENTINEL not in said
    for form in (SENTINEL.encode(), SENTINEL.encode("utf-16-le"), "华远".encode()):
        assert form not in company.everything_in()


def test_a_company_that_keeps_logs_keeps_them_sealed(company: Company) -> None:
    company.texts = Texts(NAMES, keep=True)
    company.system.events = [an_event(text=f"华远集团 {SENTINEL}")]
    company.system.work_logs = [a_log(text=SENTINEL)]
    company.poll()
    (log,) = company.logs()
    assert (log.text, log.names_client) == (SENTINEL, False)
    assert SENTINEL.encode() not in company.events()[0].body()
    path = Path(str(company.engine.url.database))
    raw = b"".join(one.read_bytes() for one in path.parent.glob(path.name + "*"))
    assert SENTINEL.encode() not in raw


def test_a_time_that_cannot_be_is_told_and_not_stored(company: Company) -> None:
    wrong = an_event("e2", happened_ms=5)
    company.system.events = [an_event(received_ms=NOW + 30 * HOUR_MS), wrong]
    tally = company.poll().tallies[Kind.EVENTS]
    assert (tally.added, tally.unreadable) == (1, 1)
    assert company.events()[0].received_ms is None
    with db.reading(company.engine) as conn:
        odd = [what for what, _ in state.oddities(conn, "scripted")]
    assert odd == ["a trace of work from before the year 2000, or from the future"]


@pytest.mark.parametrize(
    ("hour", "day"), [(0, DAY), (3, DAY), (4, DAY + dt.timedelta(days=1)), (-1, DAY)]
)
def test_a_log_written_at_night_is_about_the_day_that_ends(
    company: Company, hour: int, day: dt.date
) -> None:
    midnight = dt.datetime(2026, 9, 22, tzinfo=dt.timezone(dt.timedelta(hours=8)))
    at_ms = int(midnight.timestamp() * 1000) + hour * HOUR_MS
    company.system.work_logs = [a_log(handed_in_ms=at_ms), a_log("l2", day=dt.date(2026, 9, 1))]
    company.poll(NOW + 12 * HOUR_MS)
    assert [one.day for one in company.logs()] == [dt.date(2026, 9, 1), day]


def test_trying_a_source_counts_what_it_has(company: Company) -> None:
    company.system.events = [an_event(), an_event("e2")]
    said = [one.said.en for one in company.system.check(NOW, lambda _: True)]
    assert any("works; 2 of the last day" in one for one in said)
