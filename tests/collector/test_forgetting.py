"""Forgetting, legal hold and retention: what goes, what stays, and what holds all the same."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from tests.factories.audited import assert_clean
from tests.factories.devices import an_issuer
from tests.factories.judging import HOUR_MS, MINUTE_MS, SITE_NET, START, Office, Talker, office
from tests.factories.vault import MASTER, VAULT, a_vault
from tests.fakes import postgres
from zaigang_collector import db
from zaigang_collector.access.model import Scope
from zaigang_collector.assessment import store
from zaigang_collector.assessment.model import Outcome
from zaigang_collector.assessment.tables import ASSESSMENT, CHECKED
from zaigang_collector.attendance import exemptions
from zaigang_collector.attendance import service as attendance
from zaigang_collector.attendance.model import Direction, ExemptionKind
from zaigang_collector.attendance.service import StoredExemption
from zaigang_collector.attendance.tables import CLOCK_IN, EXEMPTION
from zaigang_collector.cases import service as cases
from zaigang_collector.cases.model import Action, Actor, Given, Ref, RefKind, Role
from zaigang_collector.cases.policy import default_policy
from zaigang_collector.cases.service import Desk
from zaigang_collector.devices import configuration
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Assignment
from zaigang_collector.directory.tables import EVENT
from zaigang_collector.errors import ConflictError, ForgottenError, UnknownIdError
from zaigang_collector.forgetting import retention, service
from zaigang_collector.forgetting.retention import Terms
from zaigang_collector.ingest import service as ingest
from zaigang_collector.ingest.sealing import envelope_context
from zaigang_collector.ingest.tables import ASIDE, ENVELOPE
from zaigang_collector.ledger import service as ledger
from zaigang_collector.vault import record
from zaigang_collector.vault.model import Tombstone, TombstoneKind
from zaigang_collector.vault.tables import KEY
from zaigang_shared import cbor, device_config, envelope
from zaigang_shared.readings import Usage

WANG, LI = "E001", "E002"
DAY_MS = 24 * HOUR_MS
NEEDS_POSTGRES = (
    pytest.mark.postgresql,
    pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing()),
)


BOTH = pytest.mark.parametrize(
    "here", ["sqlite", pytest.param("postgresql", marks=NEEDS_POSTGRES)], indirect=True
)


@pytest.fixture
def here(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    if getattr(request, "param", "sqlite") == "sqlite":
        with office(tmp_path) as made:
            yield made
        return
    with postgres.server() as url, office(tmp_path, url) as made:
        yield made


@dataclasses.dataclass
class Worked:
    """Two people and a node of whom everything is held."""

    here: Office
    laptop: Talker
    theirs: Talker
    node: Talker

    def forget(self, employee_id: str = WANG) -> Tombstone:
        with self.write() as conn:
            return service.forget(
                conn,
                VAULT,
                employee_id,
                "asked for it",
                "Zhang of HR",
                self.here.world.clock.utc,
                self.here.world.randomness,
            )

    def retire(self, terms: Terms, days: int) -> Tombstone:
        now_ms = START + days * DAY_MS
        self.here.at(now_ms)
        return retention.run(self.here.world.engine, terms, now_ms, self.here.world.randomness)

    def write(self) -> AbstractContextManager[Connection]:
        return db.writing(self.here.world.engine)

    def read(self) -> AbstractContextManager[Connection]:
        return db.reading(self.here.world.engine)

    def count(self, table: sa.Table, *which: sa.ColumnElement[bool]) -> int:
        with self.read() as conn:
            query = sa.select(sa.func.count()).select_from(table).where(*which)
            return int(conn.execute(query).scalar_one())

    def kept(self, talker: Talker) -> int:
        return self.count(
            ENVELOPE, ENVELOPE.c.device_id == talker.device.id, ENVELOPE.c.data.is_not(None)
        )

    def hold(self, employee_id: str = WANG) -> None:
        with self.write() as conn:
            now_ms = self.here.world.clock.utc
            random = self.here.world.randomness
            service.hold(conn, employee_id, "lawsuit 17", "Zhang of legal", now_ms, random)

    def release(self, employee_id: str = WANG) -> None:
        with self.write() as conn:
            now_ms = self.here.world.clock.utc
            record.lift(conn, employee_id, "settled", "Zhang", now_ms, self.here.world.randomness)


@pytest.fixture
def worked(here: Office) -> Worked:
    made = Worked(here, here.laptop("desk-7", WANG), here.laptop("desk-8", LI), here.node())
    here.home()
    fork = dataclasses.replace(made.laptop)
    for talker in (made.laptop, made.theirs, made.node):
        talker.works(START, START + 20 * MINUTE_MS, SITE_NET, spool=True)
    for talker in (made.laptop, made.theirs, made.node):
        talker.deliver_spool(START + 21 * MINUTE_MS)
    fork.arrive(_other(fork), START + HOUR_MS)
    for who in (WANG, LI):
        here.punch(Direction.IN, START, f"{who} in", employee_id=who)
        here.punch(Direction.OUT, START + HOUR_MS, f"{who} out", employee_id=who)
    with made.write() as conn:
        world = here.world
        day = dt.date(2026, 9, 22)
        directory.put_assignment(
            conn, VAULT, Assignment(WANG, "hq", day), world.clock.utc, world.randomness
        )
        leave = StoredExemption(WANG, START, START + 1, ExemptionKind.LEAVE, "test", "leave")
        exemptions.record(conn, VAULT, leave, world.clock.utc, world.randomness)
    here.at(START + 3 * HOUR_MS)
    assert here.judge() == [Outcome.ADDED, Outcome.ADDED]
    return made


def _other(talker: Talker) -> bytes:
    """A first envelope that is not the stored one."""
    said = Usage(t_ms=1, span_ms=0, active=3, regular=False, session="local", locked=False)
    return talker.seal(START + 30 * MINUTE_MS, [said])


def leaves(conn: Connection) -> dict[int, bytes]:
    """What the Merkle tree is made of, whatever of it was destroyed since."""
    return {one.queue_id: one.leaf for one in ledger.entries(conn, limit=10_000)}


@BOTH
def test_forgetting_deletes_all_bodies_of_one_person_and_of_nobody_else(worked: Worked) -> None:
    told = worked.forget()
    assert told.counts == {
        "keys": 1,
        "envelopes": 20,
        "set_aside": 1,
        "alerts": 0,
        "alert_events": 0,
        "assessments": 1,
        "clock_ins": 2,
        "exemptions": 1,
        "attendance_events": 1,
        "records_aside": 0,
        "business_events": 0,
        "work_logs": 0,
        "homes": 1,
        "assignments": 1,
        "carried": 0,
        "directory_events": 4,
        "looks": 0,
        "cases": 0,
        "case_events": 0,
        "case_files": 0,
        "accounts": 0,
        "links": 0,
    }
    assert (worked.kept(worked.laptop), worked.kept(worked.theirs), worked.kept(worked.node)) == (
        0,
        20,
        20,
    )
    assert worked.count(CLOCK_IN) == 2
    assert worked.count(ASSESSMENT) == worked.count(CHECKED) == 1
    assert worked.count(EXEMPTION) == worked.count(ASIDE, ASIDE.c.data.is_not(None)) == 0
    with worked.read() as conn:
        forgotten = directory.get_employee(conn, WANG)
        assert forgotten is not None
        assert (forgotten.name, forgotten.department, forgotten.shift) == ("", "", ())
        assert directory.home_places(conn, WANG).networks == frozenset()
        assert directory.assignments_of(conn, WANG) == ()
        (claim, _) = attendance.list_page(conn, VAULT, attendance.Filter(), None, 10)
        assert claim.content.employee_id == LI
        (stored,) = store.list_page(conn, VAULT, store.Filter(), None, 10)
        assert hashlib.sha256(stored.body).digest() == stored.body_hash


@BOTH
def test_the_tree_is_made_of_the_same_leaves_afterwards(worked: Worked) -> None:
    with worked.read() as conn:
        before = leaves(conn)
    worked.forget()
    with worked.read() as conn:
        after = leaves(conn)
        entries = ledger.entries(conn, limit=10_000)
        events = {row.id: row for row in conn.execute(sa.select(EVENT))}
    assert before.items() <= after.items()
    blind = [one for one in entries if one.salt is None]
    assert {one.type for one in blind} == {
        ledger.EntryType.CLOCK_IN,
        ledger.EntryType.ASSESSMENT,
        ledger.EntryType.DIRECTORY_EVENT,
        ledger.EntryType.ATTENDANCE_EVENT,
    }
    assert all(one.salt is None and one.body_hash is None for one in blind)
    for one in blind:
        if one.type is ledger.EntryType.DIRECTORY_EVENT:
            assert events[int(one.ref)].subject_id == WANG
    # Nobody guesses an envelope: it has a signature in it.
    of_envelopes = [one for one in entries if one.type is ledger.EntryType.ENVELOPE]
    assert all(one.salt is not None for one in of_envelopes)


def test_chains_receipts_and_duplicates_go_on_without_the_bodies(worked: Worked) -> None:
    with worked.read() as conn:
        old = [
            VAULT.open(conn, row.data, envelope_context(row.digest))
            for row in conn.execute(
                sa.select(ENVELOPE)
                .where(ENVELOPE.c.device_id == worked.laptop.device.id)
                .order_by(ENVELOPE.c.seq)
            )
        ]
    worked.forget()
    here, laptop = worked.here, worked.laptop
    with worked.read() as conn:
        rows = conn.execute(
            sa.select(ENVELOPE)
            .where(ENVELOPE.c.device_id == laptop.device.id)
            .order_by(ENVELOPE.c.seq)
        ).all()
        assert [row.digest for row in rows] == [envelope.digest(one) for one in old]
        heads = [envelope.FIRST_PREV, *(row.digest for row in rows)]
        assert [row.prev for row in rows] == heads[:-1]
        (health,) = ingest.health(conn, [laptop.device.id])
        assert (health.chain.through, health.chain.missing) == (20, 0)
        span = START - DAY_MS, START + DAY_MS
        assert ingest.envelopes_between(conn, VAULT, laptop.device.id, *span) == ()
        assert ingest.envelope_by_digest(conn, VAULT, rows[0].digest) is None
        assert ingest.complete_to_ms(conn, laptop.device.id) is not None
    assert laptop.arrive(old, START + 5 * HOUR_MS) == 0  # known, every one of them
    assert worked.kept(laptop) == 0
    laptop.works(START + 5 * HOUR_MS, START + 5 * HOUR_MS + 2 * MINUTE_MS, SITE_NET)
    with worked.read() as conn:
        (health,) = ingest.health(conn, [laptop.device.id])
        assert health.chain.through == 22
        span = START + 4 * HOUR_MS, START + 6 * HOUR_MS
        assert len(ingest.envelopes_between(conn, VAULT, laptop.device.id, *span)) == 2
    assert here.judge() == [Outcome.UNCHANGED]  # of the colleague; there is no claim of Wang's


def test_a_copy_of_the_ciphertext_and_the_master_key_open_nothing_any_more(
    worked: Worked,
) -> None:
    with worked.read() as conn:
        copies = [
            (bytes(row.data), envelope_context(row.digest))
            for row in conn.execute(
                sa.select(ENVELOPE).where(ENVELOPE.c.device_id == worked.laptop.device.id)
            )
        ]
        wrapped = conn.execute(
            sa.select(KEY.c.wrapped).where(KEY.c.subject_id == WANG)
        ).scalar_one()
        key = MASTER.unwrap(wrapped)
    worked.forget()
    for vault in (VAULT, a_vault()):
        with worked.read() as conn:
            assert vault.open_many(conn, copies) == [None] * 20
            with pytest.raises(ForgottenError):
                vault.open(conn, *copies[0])
    engine = worked.here.world.engine
    if engine.dialect.name == "sqlite":
        assert db.scrub(engine)
        database = Path(str(engine.url.database))
        for path in database.parent.glob(database.name + "*"):
            for secret in (wrapped, key, copies[0][0], "王晓梅".encode()):
                assert secret not in path.read_bytes(), path.name


def test_the_tombstone_says_when_by_whom_and_on_what_ground(worked: Worked) -> None:
    told = worked.forget()
    with worked.read() as conn:
        assert record.tombstones(conn, TombstoneKind.FORGOTTEN) == (told,)
        (entry,) = ledger.entries_of(conn, ledger.EntryType.ERASURE, str(told.id))
    assert (told.employee_id, told.by, told.ground) == (WANG, "Zhang of HR", "asked for it")
    body = cbor.dumps(
        {
            "event": "forgotten",
            "person": WANG,
            "at": told.at_ms,
            "by": told.by,
            "ground": told.ground,
            "counts": told.counts,
        }
    )
    assert entry.body_hash == hashlib.sha256(body).digest()


def test_forgetting_twice_finds_only_what_came_since(worked: Worked) -> None:
    worked.forget(LI)
    again = worked.forget(LI)
    assert set(again.counts.values()) == {0}
    worked.theirs.works(START + 5 * HOUR_MS, START + 5 * HOUR_MS + 3 * MINUTE_MS, SITE_NET)
    assert worked.forget(LI).counts["envelopes"] == 3


def test_the_directory_is_looked_at_anew_by_whoever_follows_it(worked: Worked) -> None:
    with worked.read() as conn:
        before = directory.last_event_id(conn)
    worked.forget()
    with worked.read() as conn:
        assert directory.last_event_id(conn) > before


def test_the_interface_goes_on_answering_about_somebody_forgotten(worked: Worked) -> None:
    worked.forget()
    world = worked.here.world
    headers = world.token(*Scope)
    for path, status in (
        ("people", 200),
        (f"people/{WANG}", 200),
        (f"clock-ins?employee={WANG}", 200),
        ("assessments", 200),
        (f"devices/{worked.laptop.device.id}", 200),
        (
            f"devices/{worked.laptop.device.id}/readings"
            "?from=2026-09-22T00:00:00Z&to=2026-09-23T00:00:00Z",
            200,
        ),
        (f"envelopes/{worked.laptop.prev.hex()}", 404),
    ):
        answer = world.client.get(f"/api/v1/{path}", headers=headers)
        assert answer.status_code == status, (path, answer.text)
        assert "王晓梅" not in answer.text


def test_a_laptop_that_is_still_theirs_looks_at_nothing(worked: Worked) -> None:
    worked.forget()
    grounds = an_issuer().grounds
    with worked.write() as conn:
        (handout,) = configuration.handouts(
            conn, grounds, [worked.laptop.device.id], worked.here.world.clock.utc
        )
    hours = device_config.open_config(handout.data, grounds.receipt_key.public_key()).config.hours
    assert hours is not None
    assert hours.shifts == ()


def test_nobody_who_is_unknown_is_forgotten_or_held(worked: Worked) -> None:
    with pytest.raises(UnknownIdError):
        worked.forget("E999")
    with pytest.raises(UnknownIdError):
        worked.hold("E999")
    with pytest.raises(ConflictError, match="not under legal hold"):
        worked.release(WANG)


@pytest.mark.parametrize("words", ["", "   ", "x" * 501, "two\nlines"])
def test_words_that_say_nothing_or_too_much_forget_nothing(worked: Worked, words: str) -> None:
    random = worked.here.world.randomness
    with pytest.raises(ConflictError, match="1 to 500 printable"), worked.write() as conn:
        service.forget(conn, VAULT, WANG, words, "Zhang", 1, random)
    assert worked.kept(worked.laptop) == 20


def test_a_legal_hold_stops_forgetting_until_it_is_lifted(worked: Worked) -> None:
    worked.hold()
    with pytest.raises(ConflictError, match=r"under legal hold: lawsuit 17 \(Zhang of legal\)"):
        worked.forget()
    with pytest.raises(ConflictError, match="under legal hold already"):
        worked.hold()
    assert worked.kept(worked.laptop) == 20
    worked.release()
    assert worked.forget().counts["envelopes"] == 20
    with worked.read() as conn:
        told = [one.kind.value for one in record.tombstones(conn)]
        entries = [
            one
            for one in ledger.entries(conn, limit=10_000)
            if one.type is ledger.EntryType.ERASURE
        ]
    assert told == ["forgotten", "hold_lifted", "hold"]
    assert len(entries) == 3


def test_retention_deletes_readings_first_and_claims_later(worked: Worked) -> None:
    terms = Terms(90, 730)
    assert set(worked.retire(terms, 89).counts.values()) == {0}
    assert worked.kept(worked.laptop) == 20
    told = worked.retire(terms, 91)
    assert told.counts == {
        "envelopes": 60,
        "set_aside": 1,
        "alerts": 0,
        "alert_events": 0,
        "assessments": 0,
        "clock_ins": 0,
        "exemptions": 0,
        "attendance_events": 0,
        "records_aside": 0,
        "cases": 0,
        "case_events": 0,
        "case_files": 0,
        "business_events": 0,
        "work_logs": 0,
    }
    assert told.ground == "keep_readings_days 90, keep_claims_days 730, keep_cases_days 0"
    later = worked.retire(terms, 731)
    assert later.counts == {
        "envelopes": 0,
        "set_aside": 0,
        "alerts": 0,
        "alert_events": 0,
        "assessments": 2,
        "clock_ins": 4,
        "exemptions": 1,
        "attendance_events": 1,
        "records_aside": 0,
        "cases": 0,
        "case_events": 0,
        "case_files": 0,
        "business_events": 0,
        "work_logs": 0,
    }
    assert worked.count(CLOCK_IN) == worked.count(ASSESSMENT) == worked.count(CHECKED) == 0
    with worked.read() as conn:
        assert retention.last(conn) == later


def test_retention_says_beforehand_what_it_would_do_and_does_it(worked: Worked) -> None:
    for days in (89, 91, 731):
        with worked.read() as conn:
            now_ms = START + days * DAY_MS
            before = retention.preview(conn, Terms(90, 730), now_ms)
            assert retention.preview(conn, Terms(90, 730), now_ms) == before
        assert worked.retire(Terms(90, 730), days).counts == before


@BOTH
def test_retention_leaves_people_under_hold_alone(worked: Worked) -> None:
    worked.hold()
    told = worked.retire(Terms(90, 730), 731)
    assert (told.counts["envelopes"], told.counts["set_aside"]) == (40, 0)
    assert (told.counts["clock_ins"], told.counts["assessments"]) == (2, 1)
    assert (worked.kept(worked.laptop), worked.kept(worked.theirs)) == (20, 0)
    with worked.read() as conn:
        claims = attendance.list_page(conn, VAULT, attendance.Filter(), None, 10)
        assert {one.content.employee_id for one in claims} == {WANG}
    worked.release()
    assert worked.retire(Terms(90, 730), 732).counts["envelopes"] == 20


def test_what_an_open_case_is_about_stays_until_it_is_closed(worked: Worked) -> None:
    """And nobody is forgotten before they were heard."""
    clock = worked.here.world.clock
    desk = Desk(VAULT, default_policy(), worked.here.world.randomness)
    hr, ref = Actor(Role.HR, LI), Ref(RefKind.ALERT, "al-1")
    with worked.write() as conn:
        case = cases.open_case(conn, desk, WANG, [ref], "", hr, clock.utc)
    told = worked.retire(Terms(90, 730, 730), 731)
    assert told.counts["envelopes"] == 40
    assert (worked.kept(worked.laptop), worked.kept(worked.theirs)) == (20, 0)
    with pytest.raises(ConflictError, match=case.id):
        worked.forget()
    with worked.write() as conn:
        given = Given(reason="node was down")
        cases.act(conn, desk, case.id, Action.DISMISS, hr, given, clock.utc)
    told = worked.retire(Terms(90, 730, 730), 732)
    assert (told.counts["envelopes"], told.counts["cases"]) == (20, 0)
    later = worked.retire(Terms(90, 730, 730), 731 + 731)
    assert (later.counts["cases"], later.counts["case_events"]) == (1, 2)
    worked.forget()
    assert_clean(worked.here.world.engine)


def test_zero_days_keep_for_ever(worked: Worked) -> None:
    assert set(worked.retire(Terms(0, 0), 36_500).counts.values()) == {0}
    assert worked.kept(worked.laptop) == 20


def test_the_tree_is_made_of_the_same_leaves_after_retention(worked: Worked) -> None:
    with worked.read() as conn:
        before = leaves(conn)
    worked.retire(Terms(90, 730), 731)
    with worked.read() as conn:
        assert before.items() <= leaves(conn).items()


def test_old_readings_go_in_portions(worked: Worked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_AT_ONCE", 7)
    assert worked.retire(Terms(90, 0), 91).counts["envelopes"] == 60


def test_readings_are_under_the_key_of_who_held_the_laptop_then(worked: Worked) -> None:
    with worked.read() as conn:
        for talker, kind, subject_id in (
            (worked.laptop, "person", WANG),
            (worked.theirs, "person", LI),
            (worked.node, "site", "hq"),
        ):
            sealed = conn.scalars(
                sa.select(ENVELOPE.c.data).where(ENVELOPE.c.device_id == talker.device.id)
            ).all()
            (key_id,) = {bytes(one[1:17]) for one in sealed}
            row = conn.execute(sa.select(KEY).where(KEY.c.id == key_id)).one()
            assert (row.subject_kind, row.subject_id) == (kind, subject_id)


def test_a_run_that_was_killed_is_told_of_by_the_next(
    worked: Worked, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> Tombstone:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(record, "bury", dies)
        with pytest.raises(KeyboardInterrupt):
            worked.retire(Terms(90, 0), 91)
    assert worked.kept(worked.laptop) == 0
    assert_clean(worked.here.world.engine)  # what is gone is on record, told or not
    assert worked.retire(Terms(90, 0), 91).counts["envelopes"] == 60
    with worked.read() as conn:
        assert record.pending(conn) == {}
