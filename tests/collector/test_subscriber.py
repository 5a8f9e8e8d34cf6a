"""From a broker into the database and back: real TLS, both brokers, the same suite."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from tests.factories.chains import Talker
from tests.factories.devices import ed25519_key, stored_laptop
from tests.factories.vault import VAULT
from tests.fakes import embedded, mosquitto
from tests.fakes.database import all_tables, in_file
from tests.fakes.embedded import Embedded
from tests.fakes.mosquitto import Mosquitto
from tests.fakes.mqtt_client import WAIT_S, TestClient
from tests.fakes.pki import Pki
from tests.fakes.randomness import Repeatable
from zaigang_collector import db
from zaigang_collector.devices import service as devices
from zaigang_collector.devices.model import DeviceStatus
from zaigang_collector.ingest import service
from zaigang_collector.ingest.intake import Intake
from zaigang_collector.ingest.model import Taken
from zaigang_collector.ingest.subscriber import Link, Subscriber
from zaigang_collector.ingest.tables import ENVELOPE
from zaigang_collector.ingest.verify import Arrived
from zaigang_shared import topics
from zaigang_shared.clock import SystemClock
from zaigang_shared.receipt import open_receipt

all_tables()
RECEIPT_KEY = ed25519_key("receipt")
BOTH = [
    "embedded",
    pytest.param(
        "mosquitto",
        marks=[
            pytest.mark.mosquitto,
            pytest.mark.skipif(mosquitto.program() is None, reason="mosquitto is not installed"),
        ],
    ),
]


class Flaky:
    """An intake that fails as told: before it commits, or between commit and acknowledgement."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self.before: list[Exception] = []
        self.hang = threading.Event()
        self.committed = threading.Event()
        self.hangs = False

    def take(self, batch: Sequence[Arrived]) -> Taken:
        if self.before:
            raise self.before.pop()
        taken = self.intake.take(batch)
        self.committed.set()
        if self.hangs:
            self.hang.wait(WAIT_S)
            raise OperationalError("COMMIT", {}, Exception("did it, and said it did not"))
        return taken


class Collector:
    """Broker, database, intake and subscriber, each of which can be stopped."""

    def __init__(self, broker: Embedded | Mosquitto, pki: Pki, folder: Path) -> None:
        self.broker = broker
        self.pki = pki
        self.engine: Engine = in_file(folder)
        self.clock = SystemClock()
        self.flaky = Flaky(Intake(self.engine, VAULT, RECEIPT_KEY, self.clock, Repeatable()))
        self.quarantined: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.states: queue.SimpleQueue[tuple[str, bool] | None] = queue.SimpleQueue()
        self.subscriber = self._make()
        self._stack = contextlib.ExitStack()

    def _make(self) -> Subscriber:
        link = Link("127.0.0.1", self.broker.port, self.pki.collector(), "collector")
        return Subscriber(
            link,
            self.flaky,
            self.clock,
            batch=50,
            wait_ms=5,
            on_quarantine=lambda device_id: self.quarantined.put(device_id),
            on_state=lambda device_id, online: self.states.put((device_id, online)),
            on_connected=lambda: self.states.put(None),
        )

    def start(self) -> None:
        self.subscriber.start()
        assert self.subscriber.wait_subscribed(WAIT_S)

    def restart(self) -> None:
        """As after its process ended."""
        self.subscriber.stop()
        self.subscriber = self._make()
        self.start()

    def device(self, name: str = "desk-7") -> tuple[Talker, TestClient]:
        """Enrolled, connected and listening."""
        with db.writing(self.engine) as conn:
            stored = stored_laptop(conn, name, now_ms=self.clock.utc_ms())
        if isinstance(self.broker, Embedded):
            self.broker.statuses[stored.id] = DeviceStatus.ACTIVE
            self.broker.keys[stored.id] = stored.device.public_key
        tls = self.pki.device(stored.id, stored.key)
        client = TestClient(self.broker.port, tls, stored.id)
        self._stack.callback(client.close)
        client.connect().wait_connected().subscribe(topics.down(stored.id))
        return Talker(stored.id, stored.key), client

    def stored(self) -> int:
        with db.reading(self.engine) as conn:
            return int(conn.execute(sa.select(sa.func.count()).select_from(ENVELOPE)).scalar_one())

    def refused(self) -> dict[str, int]:
        with db.reading(self.engine) as conn:
            return {one.reason: one.count for one in service.refusals(conn)}

    def close(self) -> None:
        self.flaky.hang.set()
        self.subscriber.stop()
        self._stack.close()
        self.flaky.intake.close()
        self.engine.dispose()


@pytest.fixture(params=BOTH)
def collector(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Collector]:
    pki = Pki.create(tmp_path / "pki")
    own = request.param == "embedded"
    with embedded.running(pki) if own else mosquitto.running(tmp_path, pki) as broker:
        made = Collector(broker, pki, tmp_path)
        made.start()
        yield made
        made.close()


def through(client: TestClient, seq: int) -> Callable[[], bool]:
    """Whether a receipt for `seq` or later is there."""
    key = RECEIPT_KEY.public_key()
    return lambda: any(open_receipt(data, key).through >= seq for _, data in client.messages)


def test_who_comes_and_goes_is_told_after_the_connection_that_it_was_heard_on(
    collector: Collector,
) -> None:
    talker, client = collector.device()
    for said in (b"online", b"maybe", b"offline"):
        client.publish(topics.state(talker.id), said)
    heard = [collector.states.get(timeout=WAIT_S) for _ in range(3)]
    assert heard == [None, (talker.id, True), (talker.id, False)]


def test_every_envelope_is_stored_and_answered(collector: Collector) -> None:
    talker, client = collector.device()
    for data in talker.several(300):
        client.publish(topics.up(talker.id), data)
    assert client.wait(through(client, 300))
    assert collector.stored() == 300
    progress = collector.subscriber.progress
    assert (progress.accepted, progress.readings) == (300, 300)
    assert collector.subscriber.is_healthy


def test_a_poisonous_message_is_acknowledged_counted_and_blocks_nobody(
    collector: Collector,
) -> None:
    talker, client = collector.device()
    for data in (b"", b"garbage", bytes(60_000), talker.seal()[:-1], *talker.sent):
        client.publish(topics.up(talker.id), data)
    assert client.wait(through(client, 1))
    assert sum(collector.refused().values()) == 4
    collector.restart()  # nothing comes again
    client.publish(topics.up(talker.id), talker.seal())
    assert client.wait(through(client, 2))
    assert sum(collector.refused().values()) == 4


def test_a_database_error_is_not_acknowledged_and_the_batch_is_tried_again(
    collector: Collector,
) -> None:
    talker, client = collector.device()
    collector.flaky.before = [OperationalError("INSERT", {}, Exception("disk full"))] * 2
    client.publish(topics.up(talker.id), talker.seal())
    assert client.wait(through(client, 1))
    assert collector.subscriber.progress.database_errors == 2
    assert collector.subscriber.progress.last_error == "OperationalError"


def test_a_crash_between_commit_and_acknowledgement_makes_duplicates_only(
    collector: Collector,
) -> None:
    talker, client = collector.device()
    collector.flaky.hangs = True
    for data in talker.several(5):
        client.publish(topics.up(talker.id), data)
    assert collector.flaky.committed.wait(WAIT_S)
    threading.Timer(0.1, collector.flaky.hang.set).start()
    collector.subscriber.stop()  # nothing was acknowledged
    collector.flaky.hangs = False
    collector.restart()
    for data in talker.sent:  # and the device, without a receipt, sends again
        client.publish(topics.up(talker.id), data)
    assert client.wait(through(client, 5))
    assert collector.stored() == 5
    assert collector.subscriber.progress.duplicates > 0


def test_a_broker_that_went_away_and_came_back_loses_nothing(collector: Collector) -> None:
    talker, client = collector.device()
    client.publish(topics.up(talker.id), talker.seal())
    assert client.wait(through(client, 1))
    collector.broker.kill()
    assert client.wait(lambda: "disconnected" in client.log)
    collector.broker.start()
    assert client.wait(lambda: client.count("connected") == 2)
    assert collector.subscriber.wait_subscribed(WAIT_S)
    client.subscribe(topics.down(talker.id))
    for data in (*talker.sent, talker.seal()):
        client.publish(topics.up(talker.id), data)
    assert client.wait(through(client, 2))
    assert collector.stored() == 2


def test_a_receipt_is_given_again_to_whoever_sends_again(collector: Collector) -> None:
    talker, client = collector.device()
    client.publish(topics.up(talker.id), talker.seal())
    assert client.wait(through(client, 1))
    client.publish(topics.up(talker.id), talker.sent[0])
    assert client.wait(lambda: len(client.messages) == 2)
    assert client.messages[0] == client.messages[1]


def test_two_hosts_with_one_key_end_in_quarantine(collector: Collector) -> None:
    talker, client = collector.device()
    clone = talker.fork()
    for data in (*talker.several(2), *clone.several(2)):
        client.publish(topics.up(talker.id), data)
    assert client.wait(through(client, 2))
    assert collector.quarantined.get(timeout=WAIT_S) == talker.id
    with db.reading(collector.engine) as conn:
        assert devices.public_keys(conn)[talker.id].status is DeviceStatus.QUARANTINED
    assert collector.stored() == 2


def test_online_and_offline_reach_the_operators(collector: Collector) -> None:
    talker, client = collector.device()
    client.publish(topics.state(talker.id), b"online", retain=True)
    client.publish(topics.up(talker.id), talker.seal())
    assert client.wait(through(client, 1))
    with db.reading(collector.engine) as conn:
        (health,) = service.health(conn, [talker.id])
    assert health.online
    assert health.chain.through == 1


def test_configuration_can_be_sent_down(collector: Collector) -> None:
    talker, client = collector.device()
    assert collector.subscriber.send_down(talker.id, b"configuration")
    assert client.wait(lambda: (topics.down(talker.id), b"configuration") in client.messages)
