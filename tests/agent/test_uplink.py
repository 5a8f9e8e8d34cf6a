"""The uplink against a real broker: everything arrives, whatever breaks in between."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.agent import BOOT, COLLECTOR, DEVICE_ID, Store, a_usage, enrolled
from tests.fakes.clock import FakeClock
from tests.fakes.collector_https import Authority, the_authority
from tests.fakes.device_broker import BrokerSide, Mosquitto, broker, free_port
from zaigang_agent import keys, uplink
from zaigang_agent.keys import Identity
from zaigang_agent.sealing import Buffer, Sealer, Stamp
from zaigang_agent.spool import Spool
from zaigang_agent.uplink import MqttUplink, Route
from zaigang_shared import receipt
from zaigang_shared.clock import SystemClock

pytestmark = [
    pytest.mark.mosquitto,
    # paho leaves the socket of a failed handshake to the garbage collector.
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
    ),
]


class Device:
    """A spool and an uplink, pumped by hand."""

    def __init__(self, identity: Identity, port: int, **route: int) -> None:
        self.identity = identity
        self.spool = Spool.open(identity.state_dir, identity.device_id)
        self.wake = threading.Event()
        self.uplink = MqttUplink(
            Route(host="127.0.0.1", port=port, device_id=identity.device_id, **route),
            identity.tls,
            SystemClock(),
            lambda: 0.1,
            self.wake,
        )

    def seal(self, count: int) -> None:
        sealer = Sealer(self.spool, self.identity.key, self.identity.device_id)
        for _ in range(count):
            buffer = Buffer()
            buffer.add(a_usage(1000))
            sealer.seal(buffer, Stamp(BOOT, 1000, 1_790_000_000_000, True))

    def pump_until(self, condition: Callable[[], bool], seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"not in time; problem: {self.uplink.problem}"
            self.wake.clear()
            for data in self.uplink.received():
                word = receipt.open_receipt(data, COLLECTOR.public_key())
                self.spool.settle(word, data)
            self.uplink.pump(self.spool)
            self.wake.wait(min(self.uplink.due_ms(self.spool) / 1000, 0.2))

    def stop(self) -> None:
        self.uplink.stop()
        self.spool.close()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    with broker(tmp_path, the_authority()) as running:
        yield running


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    made = enrolled(tmp_path / "state")
    certify(made, the_authority())
    return made


def certify(identity: Identity, authority: Authority) -> None:
    keys.write(identity.state_dir / keys.CA, the_authority().pem)
    keys.write(identity.state_dir / keys.CERTIFICATE, authority.device(identity.key))


@pytest.fixture
def device(identity: Identity, mosquitto: Mosquitto) -> Iterator[Device]:
    made = Device(identity, mosquitto.port, window=8, resend_ms=300)
    yield made
    made.stop()


@pytest.fixture
def collector(tmp_path: Path, mosquitto: Mosquitto, identity: Identity) -> Iterator[BrokerSide]:
    store = Store(identity.key.public_key())
    made = BrokerSide(tmp_path, the_authority(), mosquitto.port, store)
    made.start()
    yield made
    made.stop()


def test_everything_arrives_and_is_deleted_on_receipt(
    device: Device, collector: BrokerSide
) -> None:
    device.seal(50)
    device.pump_until(lambda: device.spool.waiting == 0)
    collector.store.check_chain()
    assert collector.store.through == 50


def test_birth_and_goodbye_are_told_for_operators(device: Device, collector: BrokerSide) -> None:
    device.pump_until(lambda: device.uplink.connected)
    collector.wait_for(lambda: collector.states == [b"online"])
    device.uplink.stop()
    collector.wait_for(lambda: collector.states == [b"online", b"offline"])


def test_a_quiet_line_does_not_wake_the_processor_every_second(
    device: Device, collector: BrokerSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    really = select.select

    def noted(*what: Any) -> Any:
        if threading.current_thread().name.startswith("paho-mqtt-client-" + DEVICE_ID):
            waits.append(what[3])
        return really(*what)

    monkeypatch.setattr(select, "select", noted)
    device.seal(1)
    device.pump_until(lambda: device.spool.waiting == 0)
    assert waits  # and none was the reason of a delay: what is said or heard ends it
    assert set(waits) <= {0.0, uplink._LOOK_S}
    assert uplink._KEEPALIVE_S + uplink._LOOK_S < 1.5 * uplink._KEEPALIVE_S


def test_what_has_no_receipt_is_sent_again_until_it_has_one(
    device: Device, collector: BrokerSide
) -> None:
    collector.answering = False
    device.seal(5)
    device.pump_until(lambda: collector.messages >= 10)
    assert device.spool.waiting == 5
    collector.answering = True
    device.pump_until(lambda: device.spool.waiting == 0)
    assert collector.store.through == 5


def test_a_collector_that_missed_one_gets_it_as_soon_as_it_speaks_again(
    device: Device, collector: BrokerSide
) -> None:
    device.seal(1)
    device.pump_until(lambda: device.spool.waiting == 0)
    collector.answering = False
    device.seal(2)
    device.pump_until(lambda: collector.messages >= 3)
    missed = collector.store.envelopes.pop(2)
    device.uplink._resend_ms = 900_000  # after hours of silence
    collector.answering = True
    device.seal(1)  # arrives; all that its receipt can say is 1, once more
    device.pump_until(lambda: device.spool.waiting == 0)
    assert collector.store.envelopes[2].data == missed.data


def test_no_more_than_the_window_is_under_way(device: Device, collector: BrokerSide) -> None:
    collector.answering = False
    device.seal(30)
    device.pump_until(lambda: collector.messages >= 16)
    assert max(collector.store.envelopes) == 8


def test_a_broker_that_dies_and_comes_back_loses_nothing(
    device: Device, collector: BrokerSide, mosquitto: Mosquitto
) -> None:
    device.seal(20)
    device.pump_until(lambda: device.spool.waiting <= 12)
    mosquitto.stop()
    device.seal(10)
    device.pump_until(lambda: device.uplink.problem is not None)
    mosquitto.start()
    device.pump_until(lambda: device.spool.waiting == 0)
    collector.store.check_chain()
    assert collector.store.through == 30


def test_without_a_broker_the_problem_is_told_in_words(identity: Identity) -> None:
    device = Device(identity, free_port())
    device.pump_until(lambda: device.uplink.problem is not None)
    assert "nothing listens at the broker" in str(device.uplink.problem)
    device.stop()


def test_a_certificate_by_a_stranger_is_refused_and_the_sentence_says_ask_it(
    identity: Identity, mosquitto: Mosquitto
) -> None:
    certify(identity, Authority("stranger"))
    device = Device(identity, mosquitto.port)
    device.pump_until(lambda: device.uplink.problem is not None)
    assert "ask IT whether" in str(device.uplink.problem)
    assert not device.uplink.connected
    device.stop()


def test_a_broker_that_says_nothing_is_given_up_after_a_while(identity: Identity) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        device = Device(identity, silent.getsockname()[1], connect_timeout_ms=200)
        device.pump_until(lambda: device.uplink.problem is not None)
        assert "does not answer" in str(device.uplink.problem)
        device.stop()


def test_a_broker_of_another_company_gets_nothing(tmp_path: Path, identity: Identity) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    with broker(folder, Authority("other company")) as other:
        device = Device(identity, other.port)
        device.pump_until(lambda: device.uplink.problem is not None)
        assert "not the collector that this device trusts" in str(device.uplink.problem)
        device.stop()


class _NeverConnects(MqttUplink):
    """Fails at once, so that only the waiting is seen."""

    def _connect(self, now_ms: int) -> None:
        self._began_ms = now_ms
        self._failed("made up", now_ms)


def test_the_wait_doubles_up_to_five_minutes_and_is_spread_out(tmp_path: Path) -> None:
    spread = iter([0.999, 0.999, 0.5, 0.0] + [0.999] * 20)
    clock = FakeClock()
    route = Route(host="h", port=1, device_id=DEVICE_ID)
    uplink = _NeverConnects(
        route, lambda: pytest.fail("no TLS here"), clock, lambda: next(spread), threading.Event()
    )
    spool = _Nothing()
    waits = []
    for _ in range(12):
        uplink.pump(spool)
        waits.append(uplink.due_ms(spool))
        clock.advance(waits[-1])
    assert waits[:4] == [1998, 3996, 4000, 0]
    assert max(waits) < 300_000
    assert waits[-1] > 290_000


class _Nothing:
    through = 0

    def after(self, seq: int, limit: int) -> list[tuple[int, bytes]]:
        return []


def test_a_message_that_is_too_large_is_never_sent(device: Device, collector: BrokerSide) -> None:
    device.spool._db.execute("INSERT INTO envelope VALUES (1, zeroblob(70000))")
    device.spool._db.execute("UPDATE chain SET last_seq = 1, last_digest = zeroblob(32)")
    device.pump_until(lambda: device.uplink.connected)
    for _ in range(5):
        device.uplink.pump(device.spool)
    assert collector.messages == 0
    assert device.uplink.connected


def test_a_new_certificate_is_taken_up(device: Device, identity: Identity) -> None:
    device.pump_until(lambda: device.uplink.connected)
    certify(identity, the_authority())
    device.uplink.reconnect("127.0.0.1", device.uplink.route.port)
    assert not device.uplink.connected
    device.pump_until(lambda: device.uplink.connected)
