"""The collector's own clock is set back: nothing goes backwards, and nobody is blamed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from tests.factories.chains import Talker, arrived
from tests.factories.devices import ed25519_key, stored_laptop
from tests.factories.vault import VAULT
from tests.fakes.clock import FakeClock
from tests.fakes.database import all_tables, in_file
from tests.fakes.randomness import Repeatable
from zaigang_collector import db
from zaigang_collector.ingest import service
from zaigang_collector.ingest.forward import STEP_MS, ClockBehindError
from zaigang_collector.ingest.intake import Intake
from zaigang_collector.ingest.model import Taken
from zaigang_collector.ingest.tables import ENVELOPE
from zaigang_shared import envelope
from zaigang_shared.receipt import open_receipt

all_tables()
RECEIPT_KEY = ed25519_key("receipt")
DAY_MS = 86_400_000


class House:
    """An intake over a database, and one laptop."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.clock = engine, FakeClock()
        with db.writing(engine) as conn:
            stored = stored_laptop(conn, "desk-7", now_ms=self.clock.utc)
        self.talker = Talker(stored.id, stored.key)
        self.start()

    def start(self) -> None:
        self.intake = Intake(self.engine, VAULT, RECEIPT_KEY, self.clock, Repeatable("intake"))

    def take(self) -> Taken:
        """The next envelope, quoting the newest receipt, arrives now."""
        return self.intake.take([arrived(self.talker.id, self.talker.seal(), self.clock.utc)])

    def receipt_ms(self, taken: Taken) -> int:
        data = taken.receipts[self.talker.id]
        self.talker.rcpt = envelope.digest(data)
        return open_receipt(data, RECEIPT_KEY.public_key()).at_ms

    def events(self) -> list[object]:
        with db.reading(self.engine) as conn:
            return list(service.events_between(conn, [self.talker.id], 0, 2**53))

    def arrivals(self) -> list[int]:
        with db.reading(self.engine) as conn:
            return list(conn.scalars(sa.select(ENVELOPE.c.arrived_ms).order_by(ENVELOPE.c.seq)))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(in_file(tmp_path))
    yield made
    made.intake.close()
    made.engine.dispose()


def test_while_a_small_step_back_lasts_time_stands_still(house: House) -> None:
    first = house.receipt_ms(house.take())
    house.clock.utc -= STEP_MS
    assert house.receipt_ms(house.take()) == first
    assert house.arrivals() == [first, first]
    house.clock.utc += 2 * STEP_MS
    assert house.receipt_ms(house.take()) == house.clock.utc
    assert house.events() == []


@pytest.mark.parametrize("restarted", [False, True])
def test_a_day_back_stops_ingest_with_a_sentence_until_the_clock_is_right(
    house: House, restarted: bool
) -> None:
    first = house.receipt_ms(house.take())
    house.clock.utc -= DAY_MS
    if restarted:
        house.intake.close()
        house.start()
    late = [arrived(house.talker.id, house.talker.seal(), house.clock.utc)]
    with pytest.raises(ClockBehindError, match="set the clock"):
        house.intake.take(late)
    assert "set the clock" in (house.intake.problem() or "")
    assert house.arrivals() == [first]
    house.clock.utc += DAY_MS + 5000
    assert house.intake.problem() is None
    # It came while the clock was wrong, so its stamp is; it came after what was stored before.
    assert house.receipt_ms(house.intake.take(late)) == first + 5000
    assert house.arrivals() == [first, first]
    assert house.events() == []


def test_a_database_that_refuses_is_told_until_it_takes_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:

        def full(*_arguments: object) -> None:
            raise OperationalError("INSERT", {}, Exception("database or disk is full"))

        patched.setattr("zaigang_collector.ingest.storing.Writer.store", full)
        with pytest.raises(OperationalError):
            house.take()
        assert "cannot be stored" in (house.intake.problem() or "")
    house.take()
    assert house.intake.problem() is None
