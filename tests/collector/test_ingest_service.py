"""Batches become durable, and are read back."""

from __future__ import annotations

import contextlib
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.exc import DataError, OperationalError

from tests.factories.chains import MINUTE_MS, Talker, a_health, a_usage, arrived
from tests.factories.devices import ed25519_key, stored_laptop
from tests.factories.vault import VAULT
from tests.fakes import postgres
from tests.fakes.clock import FakeClock
from tests.fakes.database import all_tables, in_file
from tests.fakes.randomness import Repeatable
from zaigang_collector import db
from zaigang_collector.devices import service as devices
from zaigang_collector.devices.model import DeviceStatus
from zaigang_collector.ingest import service
from zaigang_collector.ingest.intake import Intake
from zaigang_collector.ingest.model import INTERNAL_ERROR, EventKind, StoredEnvelope, Taken
from zaigang_collector.ingest.tables import ASIDE, BOOT, ENVELOPE, RECEIPT
from zaigang_collector.ingest.verify import Arrived
from zaigang_collector.ledger import service as ledger
from zaigang_collector.vault.model import Subject, SubjectKind
from zaigang_shared import envelope, topics
from zaigang_shared.receipt import Receipt, open_receipt

all_tables()
RECEIPT_KEY = ed25519_key("receipt")


@dataclass
class House:
    """A collector without a broker."""

    engine: Engine
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.intake = Intake(self.engine, VAULT, RECEIPT_KEY, self.clock, Repeatable("intake"))

    def laptop(self, name: str = "desk-7") -> Talker:
        """An enrolled device."""
        with db.writing(self.engine) as conn:
            stored = stored_laptop(conn, name, now_ms=self.clock.utc)
        return Talker(stored.id, stored.key)

    def take(self, talker: Talker, *data: bytes) -> Taken:
        """As a batch that arrives now."""
        return self.intake.take([arrived(talker.id, one, self.clock.utc) for one in data])

    def receipt(self, taken: Taken, talker: Talker) -> Receipt:
        return open_receipt(taken.receipts[talker.id], RECEIPT_KEY.public_key())

    def count(self, table: sa.Table) -> int:
        with db.reading(self.engine) as conn:
            return int(conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())

    def events(self, talker: Talker) -> list[EventKind]:
        with db.reading(self.engine) as conn:
            return [one.kind for one in service.events_between(conn, [talker.id], 0, 2**53)]

    def refused(self) -> dict[str, int]:
        with db.reading(self.engine) as conn:
            return {one.reason: one.count for one in service.refusals(conn)}

    def status(self, talker: Talker) -> DeviceStatus:
        with db.reading(self.engine) as conn:
            return devices.public_keys(conn)[talker.id].status


@contextlib.contextmanager
def a_house(folder: Path) -> Iterator[House]:
    house = House(in_file(folder))
    try:
        yield house
    finally:
        house.intake.close()
        house.engine.dispose()


NEEDS_POSTGRES = [
    pytest.mark.postgresql,
    pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing()),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Engine]:
    """A PostgreSQL with all tables, for all tests of this module."""
    with postgres.server() as url:
        engine = db.open_engine(url)
        db.metadata.create_all(engine)
        yield engine
        engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=NEEDS_POSTGRES)])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    if request.param == "sqlite":
        with a_house(tmp_path) as house:
            yield house
        return
    engine: Engine = request.getfixturevalue("server")
    house = House(engine)
    yield house
    house.intake.close()
    with db.writing(engine) as conn:
        for table in reversed(db.metadata.sorted_tables):
            conn.execute(sa.delete(table))


def test_a_batch_is_stored_queued_for_the_ledger_and_answered(house: House) -> None:
    talker = house.laptop()
    taken = house.take(talker, *talker.several(20))
    assert (taken.accepted, taken.readings, taken.duplicates) == (20, 20, 0)
    receipt = house.receipt(taken, talker)
    assert (receipt.through, receipt.head) == (20, talker.head)
    assert receipt.at_ms == house.clock.utc
    with db.reading(house.engine) as conn:
        entries = [one for one in ledger.entries(conn) if one.type.value == "envelope"]
        assert [one.body_hash for one in entries] == [envelope.digest(one) for one in talker.sent]
        assert len({one.salt for one in entries}) == 20
        assert entries[4].ref == f"{talker.id}/5"


def test_what_is_stored_is_what_was_sent_byte_for_byte(house: House) -> None:
    talker = house.laptop()
    house.take(talker, *talker.several(3))
    with db.reading(house.engine) as conn:
        for data in talker.sent:
            stored = service.envelope_by_digest(conn, VAULT, envelope.digest(data))
            assert stored is not None
            assert stored.data == data


def test_a_replay_changes_nothing_and_gets_the_receipt_again(house: House) -> None:
    talker = house.laptop()
    first = house.take(talker, *talker.several(3))
    house.clock.advance(MINUTE_MS)
    again = house.take(talker, *talker.sent)
    assert (again.accepted, again.duplicates) == (0, 3)
    assert again.receipts == first.receipts
    assert house.count(ENVELOPE) == 3
    assert house.count(RECEIPT) == 1


def test_a_message_twice_in_one_batch_is_stored_once(house: House) -> None:
    talker = house.laptop()
    data = talker.seal()
    taken = house.take(talker, data, data)
    assert (taken.accepted, taken.duplicates) == (1, 1)


def test_a_hole_is_noted_holds_the_receipt_and_is_filled_when_the_missing_one_comes(
    house: House,
) -> None:
    talker = house.laptop()
    one, two, three, four = talker.several(4)
    assert house.receipt(house.take(talker, one, three, four), talker).through == 1
    with db.reading(house.engine) as conn:
        assert service.missing_seqs(conn, talker.id) == ((2, 2),)
        chain = service.chain_of(conn, talker.id)
        assert chain is not None
        assert chain.missing == 1
    assert house.receipt(house.take(talker, two), talker).through == 4
    with db.reading(house.engine) as conn:
        assert service.missing_seqs(conn, talker.id) == ()


def test_no_receipt_is_given_before_the_first_envelope_is_here(house: House) -> None:
    talker = house.laptop()
    _, two = talker.several(2)
    assert house.take(talker, two).receipts == {}


def test_a_long_wait_behind_a_hole_is_caught_up_in_one_go(house: House) -> None:
    talker = house.laptop()
    first, *rest = talker.several(2500)
    for start in range(0, len(rest), 500):
        house.take(talker, *rest[start : start + 500])
    assert house.receipt(house.take(talker, first), talker).through == 2500


def test_a_fork_is_kept_aside_and_told_and_the_stored_one_stays(house: House) -> None:
    talker = house.laptop()
    house.take(talker, talker.seal())
    other = talker.fork()
    house.take(talker, talker.seal())
    forged = other.seal(readings=[a_usage(other.up_ms, active=0)])
    taken = house.take(talker, forged, forged)
    assert (taken.accepted, taken.forks) == (0, 2)
    assert house.receipt(taken, talker).head == talker.head
    assert house.events(talker) == [EventKind.FORK]
    assert house.count(ASIDE) == 1
    assert house.status(talker) is DeviceStatus.ACTIVE


def test_two_hosts_that_both_go_on_under_one_key_are_quarantined_and_lose_nothing(
    house: House,
) -> None:
    talker = house.laptop()
    house.take(talker, talker.seal())
    clone = talker.fork()
    house.take(talker, *talker.several(2))
    taken = house.take(talker, *clone.several(2))
    assert taken.quarantined == {talker.id}
    assert EventKind.TWO_HOSTS in house.events(talker)
    assert house.status(talker) is DeviceStatus.QUARANTINED
    refused = house.take(talker, talker.seal())
    assert refused.refused == {"quarantined_device": 1}
    assert refused.receipts == {}  # so the device keeps it
    with db.writing(house.engine) as conn:
        devices.set_status(
            conn, talker.id, DeviceStatus.ACTIVE, "looked at", house.clock.utc, Repeatable()
        )
    assert house.receipt(house.take(talker, talker.sent[-1]), talker).through == 4


def test_a_chain_that_does_not_continue_is_told_once_and_goes_no_further(house: House) -> None:
    talker = house.laptop()
    house.take(talker, talker.seal())
    talker.head = b"x" * 32
    assert house.receipt(house.take(talker, talker.seal()), talker).through == 1
    assert house.receipt(house.take(talker, talker.seal()), talker).through == 1
    assert house.events(talker) == [EventKind.BROKEN_CHAIN]


def test_refusals_are_counted_by_day_reason_and_device_with_the_last_detail(house: House) -> None:
    talker, stranger = house.laptop(), Talker.named("lap-unknown")
    house.take(talker, b"garbage", b"more garbage")
    house.take(stranger, stranger.seal())
    house.intake.take([Arrived(topics.up("lap-else"), talker.seal(), house.clock.utc)])
    assert house.refused() == {"not_cose": 2, "unknown_device": 1, "wrong_topic": 1}
    with db.reading(house.engine) as conn:
        unknown = [one for one in service.refusals(conn) if one.reason == "unknown_device"]
    assert unknown[0].device_id is None
    assert "lap-unknown" in unknown[0].last_detail
    assert unknown[0].day == "2026-09-21"


def test_garbage_among_good_messages_stops_none_of_them(house: House) -> None:
    talker = house.laptop()
    good = talker.several(40)
    mixed = [one for data in good for one in (data, b"\xd2\x84garbage", data[:-1])]
    taken = house.take(talker, *mixed)
    assert taken.accepted == 40
    assert sum(taken.refused.values()) == 80
    assert house.receipt(taken, talker).through == 40


def test_a_revoked_device_is_refused_from_the_next_batch_on(house: House) -> None:
    talker = house.laptop()
    house.take(talker, talker.seal())
    with db.writing(house.engine) as conn:
        devices.revoke(conn, talker.id, "stolen", house.clock.utc, Repeatable())
    assert house.take(talker, talker.seal()).refused == {"revoked_device": 1}


def test_a_receipt_that_was_never_given_is_told_and_bounds_nothing(house: House) -> None:
    talker = house.laptop()
    talker.rcpt = b"r" * 32
    data = talker.seal()
    house.take(talker, data)
    assert house.events(talker) == [EventKind.UNKNOWN_RECEIPT]
    with db.reading(house.engine) as conn:
        stored = service.envelope_by_digest(conn, VAULT, envelope.digest(data))
    assert stored is not None
    assert stored.not_before_ms is None


def test_a_receipt_of_another_device_is_as_good_as_none(house: House) -> None:
    honest, thief = house.laptop("desk-7"), house.laptop("desk-8")
    thief.rcpt = envelope.digest(house.take(honest, honest.seal()).receipts[honest.id])
    house.take(thief, thief.seal())
    assert house.events(thief) == [EventKind.UNKNOWN_RECEIPT]


class BadLuck:
    """A database that fails in the middle of the next statements on a table."""

    def __init__(self, engine: Engine, error: type[Exception], table: str, times: int) -> None:
        self.left = times

        def fail(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
            # Engines outlive tests: without `left` it does nothing any more.
            if self.left and statement.startswith(f"INSERT INTO {table}"):
                self.left -= 1
                raise error(statement, {}, Exception("as the test wants"))

        sa.event.listen(engine, "before_cursor_execute", fail)


def test_a_database_error_stores_nothing_and_the_same_batch_works_later(house: House) -> None:
    talker = house.laptop()
    batch = talker.several(3)
    luck = BadLuck(house.engine, OperationalError, "ingest_receipt", 1)
    with pytest.raises(OperationalError):
        house.take(talker, *batch)
    assert luck.left == 0
    assert house.count(ENVELOPE) == house.count(RECEIPT) == 0
    assert house.receipt(house.take(talker, *batch), talker).through == 3


def test_a_message_that_cannot_be_stored_is_kept_aside_and_blocks_nobody(house: House) -> None:
    talker = house.laptop()
    batch = talker.several(4)
    BadLuck(house.engine, DataError, "ingest_envelope", 2)  # the batch, then the first alone
    taken = house.take(talker, *batch)
    assert taken.accepted == 3
    assert taken.refused == {INTERNAL_ERROR: 1}
    assert house.refused() == {INTERNAL_ERROR: 1}
    assert house.count(ASIDE) == 1
    assert house.receipt(house.take(talker, batch[0]), talker).through == 4  # healed when resent


# Time.


def read(house: House, talker: Talker, from_ms: int, to_ms: int) -> list[StoredEnvelope]:
    with db.reading(house.engine) as conn:
        return list(service.envelopes_between(conn, VAULT, talker.id, from_ms, to_ms))


def test_a_device_that_boots_in_1970_and_syncs_two_hours_later_comes_out_right(
    house: House,
) -> None:
    talker = house.laptop()
    booted_ms = house.clock.utc
    spooled = [talker.seal(minute * MINUTE_MS, wall_ms=minute) for minute in range(1, 120)]
    house.clock.advance(120 * MINUTE_MS)
    house.take(talker, *spooled)
    house.take(talker, talker.seal(120 * MINUTE_MS, wall_ms=house.clock.utc))
    found = read(house, talker, booted_ms, house.clock.utc)
    assert len(found) == 120
    for number, one in enumerate(found, 1):
        assert abs(one.readings[0].at_ms - (booted_ms + number * MINUTE_MS)) <= 2_000
    assert [one.reconstructed for one in found[:100]] == [True] * 100
    assert not found[-1].reconstructed


def test_a_quoted_receipt_narrows_the_bracket(house: House) -> None:
    talker = house.laptop()
    house.clock.advance(60 * MINUTE_MS)
    first = house.take(talker, talker.seal(60 * MINUTE_MS))
    given_ms = house.clock.utc
    house.clock.advance(MINUTE_MS)
    talker.rcpt = envelope.digest(first.receipts[talker.id])
    house.take(talker, talker.seal(61 * MINUTE_MS))
    last = read(house, talker, 0, 2**53)[-1]
    assert (last.not_before_ms, last.arrived_ms) == (given_ms, house.clock.utc)
    assert last.readings[0].error_ms == pytest.approx(MINUTE_MS, abs=100)  # drift


def test_only_the_readings_of_the_interval_are_given(house: House) -> None:
    talker = house.laptop()
    booted_ms = house.clock.utc
    for minute in range(1, 61):
        house.clock.utc = booted_ms + minute * MINUTE_MS
        taken = house.take(talker, talker.seal(minute * MINUTE_MS))
        talker.rcpt = envelope.digest(taken.receipts[talker.id])
    found = read(house, talker, booted_ms + 20 * MINUTE_MS, booted_ms + 30 * MINUTE_MS)
    assert 11 <= len(found) <= 13  # the error of a minute either side
    assert house.count(BOOT) == 2  # by hour of its boot


def test_what_many_ask_for_is_the_same_and_is_forgotten_with_its_key(house: House) -> None:
    talker = house.laptop()
    booted_ms = house.clock.utc
    for minute in range(1, 181):  # three hours of a boot, asked for at once
        house.clock.utc = booted_ms + minute * MINUTE_MS
        house.take(talker, talker.seal(minute * MINUTE_MS))
    alone = read(house, talker, booted_ms, house.clock.utc)
    assert len(alone) == 180
    for _ in range(2):  # decoded, and remembered
        with db.reading(house.engine) as conn:
            again = service.envelopes_between(
                conn, VAULT, talker.id, booted_ms, house.clock.utc, shared=True
            )
        assert list(again) == alone
    with db.writing(house.engine) as conn:
        assert VAULT.destroy(conn, Subject(SubjectKind.PERSON, "e001"), house.clock.utc) == 1
    with db.reading(house.engine) as conn:
        assert not service.envelopes_between(
            conn, VAULT, talker.id, booted_ms, house.clock.utc, shared=True
        )


def test_a_boot_whose_clock_stood_still_is_told(house: House) -> None:
    talker = house.laptop()
    for up_ms in (MINUTE_MS, 2 * MINUTE_MS):
        taken = house.take(talker, talker.seal(up_ms))
        talker.rcpt = envelope.digest(taken.receipts[talker.id])
        house.clock.advance(600 * MINUTE_MS)
    taken = house.take(talker, talker.seal(3 * MINUTE_MS))
    assert EventKind.BOOT_TIME_IMPOSSIBLE in house.events(talker)


def test_the_watermark_is_the_end_of_the_unbroken_chain(house: House) -> None:
    talker = house.laptop()
    with db.reading(house.engine) as conn:
        assert service.complete_to_ms(conn, talker.id) is None
    one, _, three = talker.several(3)
    house.take(talker, one, three)
    with db.reading(house.engine) as conn:
        complete_ms = service.complete_to_ms(conn, talker.id)
    # It may have lain in a spool since it was enrolled.
    assert complete_ms is not None
    assert complete_ms <= house.clock.utc - 2 * MINUTE_MS


def test_the_watermark_of_a_live_device_lags_by_a_round_trip(house: House) -> None:
    talker = house.laptop()
    for up_ms in range(MINUTE_MS, 10 * MINUTE_MS, MINUTE_MS):
        taken = house.take(talker, talker.seal(up_ms))
        talker.rcpt = envelope.digest(taken.receipts[talker.id])
        house.clock.advance(MINUTE_MS)
    sealed_ms = house.clock.utc - MINUTE_MS
    with db.reading(house.engine) as conn:
        complete_ms = service.complete_to_ms(conn, talker.id)
    assert complete_ms is not None
    assert sealed_ms - 2 * MINUTE_MS <= complete_ms <= sealed_ms


def test_fleet_health_says_what_was_last_heard(house: House) -> None:
    talker = house.laptop()
    house.take(talker, talker.seal(readings=[a_health(5, spooled=7)]))
    house.intake.take([Arrived(topics.state(talker.id), b"online", house.clock.utc)])
    house.intake.take([Arrived(topics.state(talker.id), b"nonsense", house.clock.utc)])
    with db.reading(house.engine) as conn:
        silent, heard = service.health(conn, ["lap-silent", talker.id])
    assert (silent.seen_ms, silent.online, silent.chain.through) == (None, None, 0)
    assert (heard.agent, heard.spooled, heard.online) == ("0.1.0", 7, True)
    assert heard.seen_ms == house.clock.utc


# Any order.


def outcome(house: House, talker: Talker) -> object:
    """All that may depend on what arrived, and must not on when."""
    columns = (ENVELOPE.c.seq, ENVELOPE.c.digest)
    with db.reading(house.engine) as conn:
        rows = conn.execute(sa.select(*columns).order_by(ENVELOPE.c.seq))
        boots = conn.execute(sa.select(BOOT).order_by(BOOT.c.boot, BOOT.c.hour))
        return (
            [tuple(row) for row in rows],
            service.chain_of(conn, talker.id),
            [tuple(row) for row in boots],
            set(house.events(talker)),
        )


def played(order: random.Random, *, broken: bool, hole: bool) -> object:
    with tempfile.TemporaryDirectory() as folder, a_house(Path(folder)) as house:
        talker = house.laptop()
        if broken:
            talker.several(3)
            talker.head = b"x" * 32
        talker.several(7)
        arrivals = [
            arrived(talker.id, data, house.clock.utc + number * 1_000)
            for number, data in enumerate([*talker.sent, *talker.sent[2:5]])
            if number != 1 or not hole
        ]
        order.shuffle(arrivals)
        while arrivals:
            size = order.randint(1, 4)
            house.intake.take(arrivals[:size])
            del arrivals[:size]
        return outcome(house, talker)


@settings(max_examples=8)
@given(st.randoms(use_true_random=False), st.booleans(), st.booleans())
def test_any_order_of_the_same_arrivals_gives_the_same_store_chain_and_clocks(
    order: random.Random, broken: bool, hole: bool
) -> None:
    usual = played(random.Random(1), broken=broken, hole=hole)
    assert played(order, broken=broken, hole=hole) == usual
