"""Business events and work logs: stored once, sealed, audited, forgotten."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from tests.factories.audited import assert_clean, audited, sequenced
from tests.factories.directory import NOW_MS, stored_employee
from tests.factories.vault import VAULT
from tests.factories.worktraces import AT_MS, DAY, a_work_log, an_event
from tests.fakes import database, postgres
from tests.fakes.randomness import Repeatable
from zaigang_collector import db
from zaigang_collector.attendance.model import Outcome
from zaigang_collector.forgetting import retention
from zaigang_collector.forgetting import service as forgetting
from zaigang_collector.ledger import service as ledger
from zaigang_collector.ledger.model import EntryType
from zaigang_collector.worktraces import erasing, service
from zaigang_collector.worktraces.model import EventKind, NewEvent, NewWorkLog
from zaigang_collector.worktraces.tables import EVENT, LOG

RANDOM = Repeatable("worktraces")
DAY_MS = 24 * 3_600_000
NEEDS_POSTGRES = (
    pytest.mark.postgresql,
    pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing()),
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=NEEDS_POSTGRES)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    database.all_tables()
    if request.param == "sqlite":
        made = database.in_file(tmp_path)
        yield made
        made.dispose()
        return
    with postgres.server() as url:
        made = db.open_engine(url)
        db.metadata.create_all(made)
        yield made
        made.dispose()


def put(engine: Engine, *traces: NewEvent | NewWorkLog, now_ms: int = NOW_MS) -> list[Outcome]:
    """Record these at once; what it did, events first."""
    events = [one for one in traces if isinstance(one, NewEvent)]
    logs = [one for one in traces if isinstance(one, NewWorkLog)]
    with db.writing(engine) as conn:
        told = service.record_events(conn, VAULT, events, now_ms, RANDOM)
        also = service.record_work_logs(conn, VAULT, logs, now_ms, RANDOM)
    return [one.outcome for one in told] + [one.outcome for one in also]


def entries(engine: Engine) -> list[tuple[EntryType, str, bytes | None]]:
    with db.reading(engine) as conn:
        return [
            (one.type, one.ref, one.body_hash)
            for one in ledger.entries(conn)
            if one.type in (EntryType.BUSINESS_EVENT, EntryType.WORK_LOG)
        ]


def test_the_same_again_changes_nothing_and_an_edit_is_a_version_beside_it(engine: Engine) -> None:
    event, log = an_event(), a_work_log()
    assert put(engine, event, log) == [Outcome.ADDED, Outcome.ADDED]
    assert put(engine, event, log, now_ms=NOW_MS + 1) == [Outcome.UNCHANGED, Outcome.UNCHANGED]
    assert len(entries(engine)) == 2
    edits = dataclasses.replace(event, client=False), dataclasses.replace(log, names_client=None)
    assert put(engine, *edits, now_ms=NOW_MS + 2) == [Outcome.NEW_VERSION, Outcome.NEW_VERSION]
    with db.reading(engine) as conn:
        (newest,) = service.events_of(conn, VAULT, "E1001", AT_MS, AT_MS + 1)
        assert (newest.version, newest.stored_ms, newest.content) == (2, NOW_MS + 2, edits[0])
        told = service.versions_of_event(conn, VAULT, event.trace_id())
        assert [one.content for one in told] == [event, edits[0]]
        (kept,) = service.work_logs_of(conn, VAULT, "E1001", DAY, DAY)
        assert kept.content == edits[1]
        logs = service.versions_of_work_log(conn, VAULT, log.trace_id())
        assert [one.content for one in logs] == [log, edits[1]]
    assert len(entries(engine)) == 4
    assert_clean(engine)


def test_many_at_once_keep_their_order_and_one_twice_is_an_edit_of_itself(engine: Engine) -> None:
    many = [an_event(source_id=str(number), happened_ms=AT_MS + number) for number in range(501)]
    twice = dataclasses.replace(many[3], kind=EventKind.TASK)
    told = put(engine, *many, twice)
    assert told == [Outcome.ADDED] * 501 + [Outcome.NEW_VERSION]
    with db.reading(engine) as conn:
        found = service.events_of(conn, VAULT, "E1001", AT_MS, AT_MS + 4)
    assert [one.content for one in found] == [*many[:3], twice]
    assert_clean(engine)


def test_asking_is_by_person_and_time(engine: Engine) -> None:
    theirs = an_event(employee_id="E2", source_id="2")
    later = an_event(source_id="3", happened_ms=AT_MS + DAY_MS)
    tomorrow = a_work_log(source_id="2", day=DAY + dt.timedelta(days=1))
    put(engine, an_event(), theirs, later, a_work_log(), tomorrow)
    with db.reading(engine) as conn:
        found = service.events_of(conn, VAULT, "E1001", AT_MS, AT_MS + DAY_MS)
        assert [one.content.source_id for one in found] == ["proc-1"]
        span = DAY, DAY + dt.timedelta(days=1)
        both = service.work_logs_of(conn, VAULT, "E1001", *span)
        assert [one.content.source_id for one in both] == ["rep-1", "2"]
        assert service.work_logs_of(conn, VAULT, "E2", *span) == ()


@pytest.mark.parametrize("received", [None, AT_MS])
@pytest.mark.parametrize("client", [None, True, False])
def test_a_body_says_all_of_it(received: int | None, client: bool | None) -> None:
    event = an_event(received_ms=received, client=client, site_id=None)
    assert NewEvent.from_body(event.body()) == event
    log = a_work_log(names_client=client, client_contact_ms=received, text="做了什么")
    assert NewWorkLog.from_body(log.body()) == log
    bare = a_work_log(site_id=None, task_progress=None)
    assert NewWorkLog.from_body(bare.body()) == bare
    assert (log.text_kept, bare.text_kept) == (True, False)
    assert "做了什么" not in repr(log)


def test_what_was_done_lies_on_the_disk_sealed(tmp_path: Path) -> None:
    database.all_tables()
    engine = database.in_file(tmp_path)
    secrets = b"sentinel-of-the-vendor", "哨兵日志".encode(), b"sentinel-site"
    event = an_event(vendor_record=secrets[0], site_id="sentinel-site")
    put(engine, event, a_work_log(vendor_record=secrets[0], text="哨兵日志"))
    files = list(tmp_path.glob("zaigang.db*"))
    raw = b"".join(one.read_bytes() for one in files)
    engine.dispose()
    assert b"proc-1" in raw
    assert not [one for one in secrets if one in raw]


def test_an_audit_names_what_was_altered_deleted_or_put_in(engine: Engine) -> None:
    put(engine, an_event(), an_event(source_id="2"), a_work_log(), a_work_log(source_id="2"))
    sequenced(engine)
    event, log = an_event().trace_id(), a_work_log().trace_id()
    with engine.begin() as conn:
        earlier = sa.update(EVENT).where(EVENT.c.id == event)
        conn.execute(earlier.values(happened_ms=AT_MS - 3_600_000))
        conn.execute(sa.delete(LOG).where(LOG.c.id == log))
        conn.execute(sa.update(LOG).values(newest=False))
    found = [str(one) for one in audited(engine).findings]
    assert any(f"business_event {event}@1: was changed: happened_ms" in one for one in found)
    assert any(one.startswith(f"work_log {log}@1: was deleted") for one in found)
    assert any("another than the last is shown" in one for one in found)


def test_whoever_is_forgotten_leaves_leaf_hashes(engine: Engine) -> None:
    theirs = an_event(employee_id="E2", source_id="2")
    with db.writing(engine) as conn:
        stored_employee(conn, id="E1001")
        stored_employee(conn, id="E2")
    put(engine, an_event(), theirs, a_work_log())
    put(engine, a_work_log(names_client=False))
    with db.writing(engine) as conn:
        told = forgetting.forget(conn, VAULT, "E1001", "asked for it", "HR", NOW_MS, RANDOM)
    assert (told.counts["business_events"], told.counts["work_logs"]) == (1, 2)
    left = [(one, digest is None) for one, _, digest in entries(engine)]
    assert left.count((EntryType.WORK_LOG, True)) == 2
    assert left.count((EntryType.BUSINESS_EVENT, True)) == 1
    assert left.count((EntryType.BUSINESS_EVENT, False)) == 1
    with db.reading(engine) as conn:
        assert service.events_of(conn, VAULT, "E1001", 0, NOW_MS) == ()
    assert_clean(engine)


def test_what_is_old_goes_but_for_people_under_hold(engine: Engine) -> None:
    old = NOW_MS - 800 * DAY_MS
    put(
        engine,
        an_event(happened_ms=old),
        an_event(source_id="2", happened_ms=old, employee_id="E2"),
        an_event(source_id="3"),
        a_work_log(handed_in_ms=old),
        a_work_log(source_id="2"),
    )
    with db.writing(engine) as conn:
        stored_employee(conn, id="E2")
        forgetting.hold(conn, "E2", "lawsuit", "legal", NOW_MS, RANDOM)
    terms = retention.Terms(0, 730)
    with db.reading(engine) as conn:
        preview = retention.preview(conn, terms, NOW_MS)
    told = retention.run(engine, terms, NOW_MS, RANDOM)
    for counts in (preview, told.counts):
        assert (counts["business_events"], counts["work_logs"]) == (1, 1)
    with db.reading(engine) as conn:
        assert erasing.count_retired(conn, NOW_MS, ()) == {"business_events": 2, "work_logs": 1}
    assert_clean(engine)
