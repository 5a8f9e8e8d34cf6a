"""Who may do what at a broker: one suite for the embedded one and for Mosquitto as we ship it."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories.devices import ed25519_key
from tests.fakes import embedded, mosquitto
from tests.fakes.embedded import Embedded
from tests.fakes.mosquitto import Mosquitto
from tests.fakes.mqtt_client import TestClient
from tests.fakes.pki import Pki
from zaigang_collector.devices.model import DeviceStatus
from zaigang_collector.ingest.takeovers import DISPLACEMENTS
from zaigang_shared import topics

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


class Net:
    """A broker and those who connect to it."""

    def __init__(self, broker: Embedded | Mosquitto, pki: Pki) -> None:
        self.broker = broker
        self.pki = pki
        self._stack = contextlib.ExitStack()

    def client(self, client_id: str, tls: ssl.SSLContext, *, clean: bool = False) -> TestClient:
        made = TestClient(self.broker.port, tls, client_id, clean=clean)
        self._stack.callback(made.close)
        return made

    def device(self, device_id: str) -> TestClient:
        """Enrolled, and not connected yet."""
        if isinstance(self.broker, Embedded):
            self.broker.statuses.setdefault(device_id, DeviceStatus.ACTIVE)
        return self.client(device_id, self.pki.device(device_id))

    def collector(self) -> TestClient:
        """Connected, and listening to everything."""
        client = self.client("collector", self.pki.collector()).connect().wait_connected()
        return client.subscribe(topics.ALL_UP).subscribe(topics.ALL_STATE)

    def close(self) -> None:
        self._stack.close()


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    return Pki.create(tmp_path / "pki")


@pytest.fixture(params=BOTH)
def net(request: pytest.FixtureRequest, tmp_path: Path, pki: Pki) -> Iterator[Net]:
    module = embedded if request.param == "embedded" else None
    with module.running(pki) if module else mosquitto.running(tmp_path, pki) as broker:
        net = Net(broker, pki)
        yield net
        net.close()


@pytest.fixture
def own(pki: Pki) -> Iterator[Net]:
    """The embedded broker, for what only it can do."""
    with embedded.running(pki) as broker:
        net = Net(broker, pki)
        yield net
        net.close()


def test_an_envelope_reaches_the_collector_and_a_receipt_the_device(net: Net) -> None:
    collector = net.collector()
    device = net.device("lap-1").connect().wait_connected().subscribe(topics.down("lap-1"))
    device.publish(topics.up("lap-1"), b"envelope")
    assert collector.wait(lambda: (topics.up("lap-1"), b"envelope") in collector.messages)
    collector.publish(topics.down("lap-1"), b"receipt")
    assert device.wait(lambda: (topics.down("lap-1"), b"receipt") in device.messages)


def test_a_device_publishes_under_its_own_id_only(net: Net) -> None:
    collector = net.collector()
    device = net.device("lap-1").connect().wait_connected()
    for topic in (topics.up("lap-2"), topics.state("lap-2"), topics.down("lap-1"), "else"):
        device.publish(topic, b"forged")
    device.publish(topics.up("lap-1"), b"last")
    assert collector.wait(lambda: (topics.up("lap-1"), b"last") in collector.messages)
    assert [data for _, data in collector.messages] == [b"last"]


def test_a_device_hears_nothing_that_is_for_another(net: Net) -> None:
    collector = net.collector()
    spy = net.device("lap-1").connect().wait_connected()
    for topic in ("#", topics.down("lap-2"), topics.ALL_UP, topics.ALL_STATE, topics.down("lap-1")):
        spy.subscribe(topic)
    other = net.device("lap-2").connect().wait_connected()
    other.publish(topics.state("lap-2"), b"online", retain=True)
    other.publish(topics.up("lap-2"), b"envelope")
    assert collector.wait(lambda: len(collector.messages) == 2)
    collector.publish(topics.down("lap-2"), b"for lap-2")
    collector.publish(topics.down("lap-1"), b"for lap-1")
    assert spy.wait(lambda: bool(spy.messages))
    assert spy.messages == [(topics.down("lap-1"), b"for lap-1")]


def test_without_a_certificate_nobody_comes_in(net: Net) -> None:
    client = net.client("lap-1", net.pki.client(None))
    with contextlib.suppress(OSError, ssl.SSLError):
        client.connect()
    assert client.wait(lambda: "disconnected" in client.log or not client.log, 2)
    assert "connected" not in client.log


def test_a_certificate_of_another_authority_does_not_come_in(net: Net, tmp_path: Path) -> None:
    stranger = Pki.create(tmp_path / "stranger", "another CA")
    stranger.device("lap-1")
    tls = net.pki.client(None)
    tls.load_cert_chain(stranger.folder / "lap-1.crt", stranger.folder / "lap-1.key")
    client = net.client("lap-1", tls)
    with contextlib.suppress(OSError, ssl.SSLError):
        client.connect()
    assert client.wait(lambda: "disconnected" in client.log, 5) or "connected" not in client.log
    assert "connected" not in client.log


def test_a_device_does_not_talk_to_a_broker_of_another_authority(net: Net, tmp_path: Path) -> None:
    tls = Pki.create(tmp_path / "stranger", "another CA").device("lap-1")
    with (
        socket.create_connection(("127.0.0.1", net.broker.port)) as raw,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        tls.wrap_socket(raw, server_hostname="localhost")


def test_tls_below_1_3_is_refused(net: Net) -> None:
    tls = net.pki.device("lap-1")
    tls.minimum_version = tls.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection(("127.0.0.1", net.broker.port)) as raw,
        pytest.raises((ssl.SSLError, ConnectionResetError)),
    ):
        tls.wrap_socket(raw, server_hostname="localhost")


def test_a_last_will_says_that_a_device_is_offline(net: Net) -> None:
    collector = net.collector()
    device = net.device("lap-1").will(topics.state("lap-1"), b"offline")
    device.connect().wait_connected()
    device.publish(topics.state("lap-1"), b"online", retain=True)
    assert collector.wait(lambda: (topics.state("lap-1"), b"online") in collector.messages)
    device.vanish()
    assert collector.wait(lambda: (topics.state("lap-1"), b"offline") in collector.messages)


def test_what_the_collector_missed_is_there_when_it_comes_back(net: Net) -> None:
    net.collector().close()
    device = net.device("lap-1").connect().wait_connected()
    device.publish(topics.up("lap-1"), b"while away")
    assert device.wait(lambda: "acknowledged" in device.log)
    again = net.client("collector", net.pki.collector()).connect()
    assert again.wait(lambda: (topics.up("lap-1"), b"while away") in again.messages)


def test_a_device_that_comes_back_on_a_new_connection_is_heard_and_hears(net: Net) -> None:
    collector = net.collector()
    net.device("lap-1").connect().wait_connected().subscribe(topics.down("lap-1"))
    for turn in (b"1", b"2", b"3"):  # the one before is still in, as after a change of network
        device = net.device("lap-1").connect().wait_connected()
        device.publish(topics.up("lap-1"), turn)
        assert _heard(collector, topics.up("lap-1"), turn)
        collector.publish(topics.down("lap-1"), turn)
        assert _heard(device, topics.down("lap-1"), turn)
        device.vanish()


def _heard(client: TestClient, topic: str, data: bytes) -> bool:
    return client.wait(lambda: (topic, data) in client.messages)


def test_an_oversize_packet_costs_only_its_own_connection(net: Net) -> None:
    collector = net.collector()
    device = net.device("lap-1").connect().wait_connected()
    device.publish(topics.up("lap-1"), bytes(200_000))
    assert device.wait(lambda: "disconnected" in device.log)
    device.close()
    other = net.device("lap-2").connect().wait_connected()
    other.publish(topics.up("lap-2"), b"still served")
    assert collector.wait(lambda: (topics.up("lap-2"), b"still served") in collector.messages)
    assert len(collector.messages) == 1


# What only the embedded broker does.


def _embedded(net: Net) -> Embedded:
    assert isinstance(net.broker, Embedded)
    return net.broker


@pytest.mark.parametrize("status", [*DeviceStatus], ids=str)
def test_only_an_active_device_comes_in(own: Net, status: DeviceStatus) -> None:
    _embedded(own).statuses["lap-1"] = status
    client = own.device("lap-1").connect()
    expected = "connected" if status is DeviceStatus.ACTIVE else "refused"
    assert client.wait(lambda: expected in client.log), client.log


def test_a_device_that_is_not_enrolled_does_not_come_in(own: Net) -> None:
    client = own.client("lap-9", own.pki.device("lap-9")).connect()
    assert client.wait(lambda: "refused" in client.log)


def test_a_certificate_that_another_key_has_taken_the_place_of_does_not_come_in(own: Net) -> None:
    _embedded(own).statuses["lap-1"] = DeviceStatus.ACTIVE
    new = ed25519_key("lap-1 enrolled anew")
    _embedded(own).keys["lap-1"] = new.public_key().public_bytes_raw()
    superseded = own.device("lap-1").connect()
    assert superseded.wait(lambda: "refused" in superseded.log)
    present = own.client("lap-1", own.pki.device("lap-1", new)).connect()
    assert present.wait(lambda: "connected" in present.log)


def test_a_revoked_device_is_cut_off_at_once_and_stays_out(own: Net) -> None:
    device = own.device("lap-1").connect().wait_connected()
    _embedded(own).statuses["lap-1"] = DeviceStatus.REVOKED
    _embedded(own).broker.disconnect("lap-1")
    assert device.wait(lambda: "disconnected" in device.log)
    assert device.wait(lambda: "refused" in device.log)


@pytest.mark.parametrize("client_id", ["lap-2", "collector", "collector-1"])
@pytest.mark.parametrize("clean", [True, False])
def test_a_device_cannot_come_in_under_another_name_nor_disturb_its_owner(
    own: Net, client_id: str, clean: bool
) -> None:
    collector, other = own.collector(), own.device("lap-2").connect().wait_connected()
    _embedded(own).statuses["lap-1"] = DeviceStatus.ACTIVE
    intruder = own.client(client_id, own.pki.device("lap-1"), clean=clean).connect()
    assert intruder.wait(lambda: "refused" in intruder.log)
    other.publish(topics.up("lap-2"), b"undisturbed")
    assert collector.wait(lambda: bool(collector.messages))
    assert "disconnected" not in other.log + collector.log


def test_a_device_whose_id_looks_like_the_collectors_gets_none_of_its_rights(own: Net) -> None:
    _embedded(own).statuses["collector-1"] = DeviceStatus.ACTIVE
    client = own.client("collector-1", own.pki.device("collector-1")).connect()
    assert client.wait(lambda: "refused" in client.log)


def test_a_last_will_on_a_foreign_topic_is_refused_at_the_door(own: Net) -> None:
    client = own.device("lap-1").will(topics.state("lap-2"), b"offline").connect()
    assert client.wait(lambda: "refused" in client.log)


def test_two_hosts_that_throw_each_other_out_are_noticed(own: Net) -> None:
    broker = _embedded(own)
    broker.statuses["lap-1"] = DeviceStatus.ACTIVE
    tls = own.pki.device("lap-1", ed25519_key("lap-1"))
    let_in = [
        _connect_from(f"127.0.0.{2 + turn % 2}", broker.port, tls)
        for turn in range(DISPLACEMENTS + 1)
    ]
    assert let_in == [True] * DISPLACEMENTS + [False]
    assert broker.two_hosts == ["lap-1"]


def _connect_from(address: str, port: int, tls: ssl.SSLContext) -> bool:
    """A bare CONNECT from another address of loopback, left open; whether it is let in."""
    raw = socket.create_connection(("127.0.0.1", port), source_address=(address, 0))
    connection = tls.wrap_socket(raw, server_hostname="localhost")
    name = b"lap-1"
    body = b"\x00\x04MQTT\x04\x00\x00\x3c" + len(name).to_bytes(2, "big") + name
    _OPEN.append(connection)
    connection.sendall(bytes([0x10, len(body)]) + body)
    with contextlib.suppress(ConnectionResetError, ssl.SSLError):
        return connection.recv(4)[3:] == b"\x00"  # CONNACK, accepted
    return False


_OPEN: list[ssl.SSLSocket] = []


@pytest.fixture(autouse=True)
def _nothing_stays_open() -> Iterator[None]:
    yield
    for connection in _OPEN:
        connection.close()
    _OPEN.clear()


def test_garbage_instead_of_a_first_packet_is_closed(own: Net) -> None:
    tls = own.pki.device("lap-1")
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\x10\xff\xff\xff\xff\xff", b"\x10\x04\x00\x04MQ"):
        raw = socket.create_connection(("127.0.0.1", own.broker.port))
        with tls.wrap_socket(raw, server_hostname="localhost") as connection:
            connection.sendall(garbage)
            connection.settimeout(15)
            with contextlib.suppress(ConnectionResetError, ssl.SSLError):
                assert connection.recv(10) == b""
