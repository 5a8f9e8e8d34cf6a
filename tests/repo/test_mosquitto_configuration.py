"""firmware_config/mosquitto, run by a real Mosquitto with real certificates."""

from __future__ import annotations

import os
import queue
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import paho.mqtt.client as mqtt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import Certificate
from paho.mqtt.enums import CallbackAPIVersion

from tests.repo.checks import ROOT
from zaigang_collector.devices import ca
from zaigang_shared import topics
from zaigang_shared.clock import SystemClock

pytestmark = pytest.mark.mosquitto

_FOLDER: Final = ROOT / "firmware_config" / "mosquitto"
_PROGRAM: Final = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin") or "mosquitto"
_PATIENCE_S: Final = 10


@dataclass(frozen=True)
class Broker:
    """A running broker, and the folder with its certificates and those of its clients."""

    port: int
    folder: Path

    def client(self, name: str) -> tuple[mqtt.Client, queue.Queue[mqtt.MQTTMessage]]:
        """A connected client with the certificate of `name`, and what it receives."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name)
        received: queue.Queue[mqtt.MQTTMessage] = queue.Queue()
        ready: queue.Queue[str] = queue.Queue()
        client.on_connect = lambda *_: ready.put("connected")
        client.on_subscribe = lambda *_: ready.put("subscribed")
        client.on_message = lambda _client, _data, message: received.put(message)
        client.tls_set(
            str(self.folder / "ca.crt"),
            str(self.folder / f"{name}.crt"),
            str(self.folder / f"{name}.key"),
            tls_version=ssl.PROTOCOL_TLS_CLIENT,
        )
        client.connect("localhost", self.port)
        client.loop_start()
        assert ready.get(timeout=_PATIENCE_S) == "connected"
        client.subscribe("zaigang/1/#", qos=1)
        assert ready.get(timeout=_PATIENCE_S) == "subscribed"
        return client, received


def _write(folder: Path, name: str, key: PrivateKeyTypes, certificate: Certificate) -> None:
    (folder / f"{name}.crt").write_text(ca.pem(certificate))
    raw = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / f"{name}.key").write_bytes(raw)


def _certificates(folder: Path) -> None:
    now_ms = SystemClock().utc_ms()
    authority = ca.make_ca(generate_private_key(SECP256R1()), "test", now_ms)
    (folder / "ca.crt").write_text(ca.pem(authority.certificate))
    key = generate_private_key(SECP256R1())
    _write(
        folder, "server", key, ca.issue_server(authority, key.public_key(), ["localhost"], now_ms)
    )
    key = generate_private_key(SECP256R1())
    _write(folder, "collector", key, ca.issue_collector(authority, key.public_key(), now_ms))
    for name in ("node-a", "node-b"):
        own = Ed25519PrivateKey.generate()
        raw = own.public_key().public_bytes_raw()
        _write(folder, name, own, ca.issue_device(authority, name, raw, now_ms, 1))


def _configuration(folder: Path, port: int) -> Path:
    """Ours, with this test's port and folder, included by a file like that of Debian's package."""
    shutil.copy(_FOLDER / "zaigang.acl", folder)
    (folder / "zaigang.acl").chmod(0o600)
    text = (_FOLDER / "zaigang.conf").read_text(encoding="utf-8")
    text = text.replace("/etc/mosquitto/zaigang/", f"{folder}/")
    text = text.replace("listener 8883\n", f"listener {port} localhost\n")
    (folder / "conf.d").mkdir()
    (folder / "conf.d" / "zaigang.conf").write_text(text, encoding="utf-8")
    path = folder / "mosquitto.conf"
    path.write_text(
        "user root\npersistence true\n"
        f"persistence_location {folder}/\ninclude_dir {folder}/conf.d\n",
        encoding="utf-8",
    )
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """Mosquitto with our configuration."""
    _certificates(tmp_path)
    port = _free_port()
    process = subprocess.Popen(
        [_PROGRAM, "-c", _configuration(tmp_path, port)], stderr=subprocess.PIPE, text=True
    )
    try:
        _wait_for(process, port)
        yield Broker(port, tmp_path)
    finally:
        process.terminate()
        process.communicate()


def _wait_for(process: subprocess.Popen[str], port: int) -> None:
    give_up_s = time.monotonic() + _PATIENCE_S
    while True:
        assert process.poll() is None, process.communicate()[1]
        try:
            socket.create_connection(("localhost", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < give_up_s
            time.sleep(0.01)
        else:
            return


def test_a_device_speaks_and_listens_under_its_own_id_only(broker: Broker) -> None:
    collector, at_collector = broker.client("collector")
    node, at_node = broker.client("node-a")

    node.publish(topics.up("node-b"), b"as another", qos=1)
    node.publish(topics.up("node-a"), b"as itself", qos=1)  # refused ones would have come before
    first = at_collector.get(timeout=_PATIENCE_S)
    assert (first.topic, first.payload) == (topics.up("node-a"), b"as itself")

    collector.publish(topics.down("node-b"), b"for another", qos=1)
    collector.publish(topics.down("node-a"), b"for it", qos=1)
    first = at_node.get(timeout=_PATIENCE_S)
    assert (first.topic, first.payload) == (topics.down("node-a"), b"for it")

    for client in (collector, node):
        client.disconnect()
        client.loop_stop()


def _answer(broker: Broker, certificate: str | None) -> bytes:
    """What comes back for an MQTT CONNECT; nothing when the connection is refused."""
    context = ssl.create_default_context(cafile=str(broker.folder / "ca.crt"))
    if certificate:
        folder = broker.folder
        context.load_cert_chain(folder / f"{certificate}.crt", folder / f"{certificate}.key")
    with (
        socket.create_connection(("localhost", broker.port), timeout=_PATIENCE_S) as raw,
        context.wrap_socket(raw, server_hostname="localhost") as connection,
    ):
        try:
            connection.sendall(b"\x10\x12\x00\x04MQTT\x04\x02\x00\x3c\x00\x06node-a")
            return connection.recv(4)
        except (ssl.SSLError, ConnectionError):  # TLS 1.3: a refusal arrives with the first read
            return b""


def test_without_a_certificate_nobody_gets_in(broker: Broker) -> None:
    assert _answer(broker, "node-a") == b"\x20\x02\x00\x00"
    assert _answer(broker, None) == b""


def test_a_misspelt_setting_would_be_noticed(tmp_path: Path) -> None:
    _certificates(tmp_path)
    path = _configuration(tmp_path, _free_port())
    ours = tmp_path / "conf.d" / "zaigang.conf"
    ours.write_text(ours.read_text().replace("require_certificate", "requires_certificate"))
    run = subprocess.run(
        [_PROGRAM, "-c", path], check=False, capture_output=True, text=True, timeout=_PATIENCE_S
    )
    assert run.returncode != 0
    assert "requires_certificate" in run.stderr
