"""Simulated envelopes go through the real ingest, and simulated files through the real imports."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.factories.devices import ed25519_key, stored_laptop
from tests.factories.simulated import a_simulation
from tests.factories.vault import VAULT
from tests.fakes.clock import FakeClock
from tests.fakes.database import all_tables, in_file
from tests.fakes.randomness import Repeatable
from zaigang_collector import db
from zaigang_collector.cli import main
from zaigang_collector.cli.console import Exit
from zaigang_collector.ingest import service as ingest
from zaigang_collector.ingest.intake import Intake
from zaigang_collector.ingest.verify import Arrived
from zaigang_collector.simulation import delivery
from zaigang_collector.simulation.sealed import Sealer
from zaigang_shared import envelope, topics
from zaigang_shared.readings import Reading

all_tables()
DAY_MS = 86_400_000
COUNT = 90
"""Envelopes of the slice: an hour and a half of a day."""


class Timed(Protocol):
    @property
    def at_ms(self) -> int: ...

    @property
    def error_ms(self) -> int: ...

    @property
    def index(self) -> int: ...

    @property
    def reading(self) -> Reading | None: ...


T = TypeVar("T", bound=Timed)


def test_a_morning_is_taken_and_timed_as_the_simulation_says(tmp_path: Path) -> None:
    simulation, clock = a_simulation(), FakeClock()
    days = [simulation.told(person, 0) for person in simulation.company.people[:5]]
    told = max(days, key=lambda one: len(one.sent))
    part = told.sent[:COUNT]
    clock.utc = told.script.base_ms - DAY_MS
    engine = in_file(tmp_path)
    intake = Intake(engine, VAULT, ed25519_key("receipt"), clock, Repeatable("intake"))
    with db.writing(engine) as conn:
        device = stored_laptop(conn, "simulated", now_ms=clock.utc)
    sealer = Sealer(device.id, device.key)
    for one in part:
        assert one.arrived_ms is not None
        clock.utc = one.arrived_ms
        data = sealer.seal(one.batch)
        taken = intake.take([Arrived(topics.up(device.id), data, one.arrived_ms)])
        assert taken.accepted == 1, taken
        sealer.rcpt = envelope.digest(taken.receipts[device.id])
    with db.reading(engine) as conn:
        stored = ingest.envelopes_between(conn, VAULT, device.id, 0, 2**53)
        events = ingest.events_between(conn, [device.id], 0, 2**53)
    intake.close()
    engine.dispose()
    assert [one.seq for one in stored] == list(range(1, len(part) + 1))
    assert not events
    values = delivery.receive(device.id, part, 2**52).readings
    real = [one for each in stored for one in each.readings]
    assert len(real) == len(values)
    for ours, theirs in zip(_by_time(values), _by_time(real), strict=True):
        assert abs(ours.at_ms - theirs.at_ms) <= 1000
        assert abs(ours.error_ms - theirs.error_ms) <= 2000
    assert {type(one.reading) for one in real} == {type(one.reading) for one in values}


def _by_time(timed: Iterable[T]) -> list[T]:
    return sorted(timed, key=lambda one: (one.at_ms, one.index))


def test_the_files_are_what_the_imports_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, data = tmp_path / "company", tmp_path / "data"
    wanted = ["simulate", "--seed", "4", "--people", "5", "--days", "1", "--out", str(out)]
    assert main(wanted) == Exit.OK
    assert "5 intervals" in capsys.readouterr().out
    assert main(["init", "--data", str(data)]) == Exit.OK
    for command in (
        ["sites", "import", "sites.csv"],
        ["people", "import", "people.csv"],
        ["sites", "import-networks", "networks.csv"],
        ["people", "import-assignments", "assignments.csv"],
        ["clock-ins", "import", "clock-ins.csv"],
    ):
        assert main([*command[:2], str(out / command[2]), "--data", str(data)]) == Exit.OK
    with (out / "truth.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 5


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    texts = []
    for name in ("one", "two"):
        out = tmp_path / name
        wanted = ["simulate", "--seed", "8", "--people", "2", "--days", "1", "--envelopes"]
        assert main([*wanted, "--out", str(out)]) == Exit.OK
        texts.append({p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()})
    assert texts[0] == texts[1]
    assert any(path.suffix == ".cbor" for path in texts[0])


def test_written_envelopes_verify_with_the_keys_beside_them(tmp_path: Path) -> None:
    wanted = ["simulate", "--seed", "8", "--people", "2", "--days", "1", "--envelopes"]
    assert main([*wanted, "--out", str(tmp_path)]) == Exit.OK
    with (tmp_path / "envelopes" / "devices.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert any(int(row["envelopes"]) > 100 for row in rows)
    for row in rows:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(row["public_key"]))
        data = (tmp_path / "envelopes" / f"{row['device_id']}.cbor").read_bytes()
        heads = [envelope.FIRST_PREV]
        for arrived_ms, sealed in _sequence(data):
            opened = envelope.open_sealed(sealed, key)
            assert opened.seal.prev == heads[-1]
            assert arrived_ms is None or arrived_ms > 1_700_000_000_000
            heads.append(opened.digest)
        assert len(heads) == int(row["envelopes"]) + 1


def _sequence(data: bytes) -> Iterator[tuple[int | None, bytes]]:
    stream = io.BytesIO(data)
    decoder = cbor2.CBORDecoder(stream)
    while stream.tell() < len(data):
        arrived_ms, sealed = decoder.decode()
        yield arrived_ms, sealed


@pytest.mark.parametrize("share", ["-1", "2", "many"])
def test_a_share_is_a_share(share: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["simulate", "--out", "x", "--cheats", share])
    assert "is not a share from 0 to 1" in capsys.readouterr().err
