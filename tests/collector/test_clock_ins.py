"""Recording claims: once, verbatim, with every version kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from tests.factories.vault import VAULT
from zaigang_collector import db
from zaigang_collector.attendance import service
from zaigang_collector.attendance.model import (
    Direction,
    Flag,
    Kind,
    NewClockIn,
    Outcome,
    Point,
    Recorded,
)
from zaigang_collector.attendance.service import Filter
from zaigang_collector.ledger import service as ledger

NOW = 1_790_000_000_000


@pytest.fixture
def conn() -> Iterator[Connection]:
    engine = db.open_engine("sqlite://")
    with db.writing(engine) as connection:
        db.metadata.create_all(connection)
        yield connection
    engine.dispose()


def punch(**changes: object) -> NewClockIn:
    base = NewClockIn(
        source="dingtalk",
        source_id="88123456",
        employee_id="E001",
        site_id="hq",
        direction=Direction.IN,
        punched_ms=NOW - 60_000,
        received_ms=NOW - 59_000,
        point=Point(31.2, 121.5, "GCJ-02", 15.0),
        flags=(Flag.MOCK_LOCATION,),
        source_device="phone-7",
        vendor_record=b'{"id": 88123456}',
    )
    return dataclasses.replace(base, **changes)  # type: ignore[arg-type]  # one test, one field


def record(conn: Connection, new: NewClockIn, now_ms: int = NOW) -> Recorded:
    return service.record(conn, VAULT, new, now_ms, lambda size: bytes(size))


def test_what_was_recorded_reads_back_field_by_field(conn: Connection) -> None:
    recorded = record(conn, punch())
    assert recorded.outcome is Outcome.ADDED
    stored = service.get(conn, VAULT, recorded.clock_in.id)
    assert stored is not None
    assert stored.content == punch()
    assert (stored.version, stored.stored_ms) == (1, NOW)


def test_the_same_punch_again_changes_nothing(conn: Connection) -> None:
    first = record(conn, punch())
    again = record(conn, punch(), NOW + 5_000)
    assert again.outcome is Outcome.UNCHANGED
    assert again.clock_in == first.clock_in
    assert len(ledger.entries(conn)) == 1


def test_a_late_edit_makes_a_new_version_and_keeps_the_old_one(conn: Connection) -> None:
    first = record(conn, punch())
    edited = record(conn, punch(kind=Kind.CORRECTED_MANAGER, punched_ms=NOW - 120_000), NOW + 1)
    assert edited.outcome is Outcome.NEW_VERSION
    assert edited.clock_in.id == first.clock_in.id
    kept = service.versions(conn, VAULT, first.clock_in.id)
    assert [one.version for one in kept] == [1, 2]
    assert kept[0].content == punch()
    listed = service.of_employee(conn, VAULT, "E001", 0, NOW)
    assert [one.reference for one in listed] == [f"{first.clock_in.id}@2"]


def test_an_edit_back_to_the_first_content_is_a_third_version(conn: Connection) -> None:
    record(conn, punch())
    record(conn, punch(site_id="other"))
    assert record(conn, punch()).clock_in.version == 3


def test_the_ledger_commits_to_exactly_the_stored_content(conn: Connection) -> None:
    stored = record(conn, punch()).clock_in
    (entry,) = ledger.entries_of(conn, ledger.EntryType.CLOCK_IN, stored.reference)
    assert entry.body_hash == stored.content.record_hash()


@pytest.mark.parametrize(
    "change",
    [
        {"employee_id": "E002"},
        {"site_id": "x"},
        {"direction": Direction.OUT},
        {"punched_ms": 1},
        {"received_ms": None},
        {"kind": Kind.TERMINAL},
        {"point": None},
        {"point": Point(31.2, 121.5, "WGS-84", 15.0)},
        {"flags": ()},
        {"source_device": None},
        {"vendor_record": b""},
    ],
    ids=lambda change: next(iter(change)),
)
def test_no_field_can_change_without_changing_the_hash(change: dict[str, object]) -> None:
    assert punch(**change).record_hash() != punch().record_hash()


def test_two_sources_may_use_the_same_id(conn: Connection) -> None:
    ids = {record(conn, punch(source=name)).clock_in.id for name in ("dingtalk", "wecom")}
    assert len(ids) == 2


def test_pages_follow_each_other_without_loss_also_at_equal_times(conn: Connection) -> None:
    for number in range(7):
        record(conn, punch(source_id=str(number), punched_ms=NOW + number // 3))
    seen: list[str] = []
    after = None
    while page := service.list_page(conn, VAULT, Filter(), after, 2):
        seen += [one.id for one in page]
        after = (page[-1].content.punched_ms, page[-1].id)
    assert len(seen) == len(set(seen)) == 7


def test_a_listing_can_be_narrowed(conn: Connection) -> None:
    record(conn, punch(source_id="1", punched_ms=10))
    record(conn, punch(source_id="2", punched_ms=20, employee_id="E002"))
    record(conn, punch(source_id="3", punched_ms=30, site_id="b"))
    for wanted, expected in (
        (Filter(employee_id="E002"), ["2"]),
        (Filter(site_id="b"), ["3"]),
        (Filter(from_ms=20), ["2", "3"]),
        (Filter(to_ms=20), ["1"]),
    ):
        found = service.list_page(conn, VAULT, wanted, None, 10)
        assert [one.content.source_id for one in found] == expected
    assert service.employees_with_punches(conn, 15, 25) == ("E002",)


def test_many_are_recorded_as_each_would_be_by_itself(conn: Connection) -> None:
    """More than one portion, one late edit of what was stored, and one within the same batch."""
    record(conn, punch(source_id="7"))
    news = [punch(source_id=str(number), punched_ms=number) for number in range(1200)]
    news.append(punch(source_id="9", site_id="b"))
    recorded = service.record_all(conn, VAULT, news, NOW, lambda size: bytes(size))
    assert [one.clock_in.content for one in recorded] == news
    versions = {one.clock_in.reference for one in recorded if one.clock_in.version > 1}
    of = {number: news[number].clock_in_id() for number in (7, 9)}
    assert versions == {f"{of[7]}@2", f"{of[9]}@2"}
    again = service.record_all(conn, VAULT, news[10:], NOW + 5, lambda size: bytes(size))
    outcomes = {one.outcome for one in again[:-1]}
    assert outcomes == {Outcome.UNCHANGED}
    refs = [one.ref for one in ledger.entries(conn, limit=2000)]
    assert refs[1:] == [one.clock_in.reference for one in recorded]
    newest = service.versions(conn, VAULT, of[9])
    assert [one.content.site_id for one in newest] == ["hq", "b"]
