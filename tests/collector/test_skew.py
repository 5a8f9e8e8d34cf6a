"""A collector between releases: what devices of the release before send is taken, stored and read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa

from tests.factories.chains import Talker, a_usage, arrived
from tests.factories.devices import ed25519_key, stored_laptop
from tests.factories.vault import VAULT
from tests.fakes.clock import FakeClock
from tests.fakes.database import all_tables, in_file
from tests.fakes.randomness import Repeatable
from tests.vectors import keys, make
from zaigang_collector import db
from zaigang_collector.devices.tables import CERTIFICATE, DEVICE, EVENT, HOLDING
from zaigang_collector.ingest import service
from zaigang_collector.ingest.intake import Intake
from zaigang_collector.ingest.model import Taken
from zaigang_collector.ingest.verify import Arrived
from zaigang_shared import envelope, topics
from zaigang_shared.receipt import open_receipt

all_tables()
RECEIPT_KEY: Final = ed25519_key("receipt")
RELEASES: Final = sorted(path for path in make.FOLDER.iterdir() if (path / "keys.json").is_file())


def _enrolled_vectors_device(conn: sa.Connection, now_ms: int) -> None:
    """The device of the vectors, under its own id and key."""
    stored = stored_laptop(conn, now_ms=now_ms)
    row = conn.execute(sa.select(DEVICE).where(DEVICE.c.id == stored.id)).one()._asdict()
    key = keys.DEVICE.public_key().public_bytes_raw()
    conn.execute(sa.insert(DEVICE).values(**row | {"id": keys.DEVICE_ID, "public_key": key}))
    for table in (HOLDING, CERTIFICATE, EVENT):
        whose = table.c.device_id == stored.id
        conn.execute(sa.update(table).where(whose).values(device_id=keys.DEVICE_ID))


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.name)
def test_the_envelopes_of_a_release_are_taken_and_answered(release: Path, tmp_path: Path) -> None:
    text = (release / "envelopes.json").read_text(encoding="utf-8")
    sent = [bytes.fromhex(vector["hex"]) for vector in json.loads(text)]
    engine, clock = in_file(tmp_path), FakeClock(utc=make.UTC_MS + 600_000)
    with db.writing(engine) as conn:
        _enrolled_vectors_device(conn, make.UTC_MS - 86_400_000)
    intake = Intake(engine, VAULT, RECEIPT_KEY, clock, Repeatable("intake"))
    up = topics.up(keys.DEVICE_ID)
    taken = intake.take([Arrived(up, data, clock.utc) for data in sent])
    intake.close()
    assert (taken.accepted, taken.refused) == (len(sent), {})
    word = open_receipt(taken.receipts[keys.DEVICE_ID], RECEIPT_KEY.public_key())
    assert (word.through, word.head) == (len(sent), envelope.digest(sent[-1]))
    with db.reading(engine) as conn:
        stored = service.envelopes_by_digest(conn, VAULT, [envelope.digest(one) for one in sent])
    assert {one.digest for one in stored} == {envelope.digest(one) for one in sent}
    assert sum(len(one.readings) for one in stored) >= 10
    engine.dispose()


def _taken(tmp_path: Path, reading: dict[str, Any]) -> Taken:
    engine, clock = in_file(tmp_path), FakeClock()
    with db.writing(engine) as conn:
        stored = stored_laptop(conn, now_ms=clock.utc)
    talker = Talker(stored.id, stored.key)
    intake = Intake(engine, VAULT, RECEIPT_KEY, clock, Repeatable("intake"))
    data = talker.seal(readings=[a_usage(talker.up_ms), reading])
    taken = intake.take([arrived(talker.id, data, clock.utc)])
    intake.close()
    engine.dispose()
    return taken


def test_a_kind_of_reading_from_a_later_agent_is_stored_beside_the_known(tmp_path: Path) -> None:
    taken = _taken(tmp_path, {"k": "later-kind", "t": 60_000, "span": 0, "new": [1, "two"]})
    assert (taken.accepted, taken.refused) == (1, {})


def test_a_known_kind_with_a_field_from_a_later_agent_waits_for_the_newer_collector(
    tmp_path: Path,
) -> None:
    """Why the collector is brought up to date first: what it refuses, the device keeps."""
    taken = _taken(tmp_path, a_usage(60_000) | {"later": 1})
    assert (taken.accepted, taken.refused, taken.receipts) == (0, {"reading": 1}, {})
