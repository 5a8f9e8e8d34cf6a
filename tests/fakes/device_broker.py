"""Mosquitto with mutual TLS for devices, and a collector behind it that stores and gives receipts."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from paho.mqtt.enums import CallbackAPIVersion

from tests.fakes.agent import Store, key_named
from tests.fakes.collector_https import Authority
from zaigang_shared import topics

_ACL = "pattern write zaigang/1/up/%u\npattern write zaigang/1/state/%u\npattern read zaigang/1/down/%u\n"
_ACL += "user collector\ntopic readwrite zaigang/1/#\n"


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


class Mosquitto:
    """The real broker; `stop` and `start` for an outage."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.port = free_port()
        self._folder = folder
        certificate, key = authority.server_files(folder)
        (folder / "ca.crt").write_bytes(authority.pem)
        (folder / "acl").write_text(_ACL)
        (folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\ncafile {folder}/ca.crt\ncertfile {certificate}\n"
            f"keyfile {key}\nrequire_certificate true\nuse_identity_as_username true\n"
            f"tls_version tlsv1.3\nacl_file {folder}/acl\nallow_anonymous false\n"
            f"set_tcp_nodelay true\npersistence false\nuser root\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
        assert program, "install mosquitto: make system"
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, "-c", str(self._folder / "mosquitto.conf")], stdout=log, stderr=log
            )
        for _ in range(200):
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), 0.1),
            ):
                return
            assert self._process.poll() is None, (self._folder / "mosquitto.log").read_text()
            threading.Event().wait(0.02)
        raise AssertionError("mosquitto does not listen")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class BrokerSide:
    """A collector's client: stores what comes, answers with receipts while `answering`."""

    def __init__(self, folder: Path, authority: Authority, port: int, *stores: Store) -> None:
        key = key_named("collector mqtt")
        (folder / "collector.crt").write_bytes(
            authority.issue(
                key.public_key(),
                [x509.UniformResourceIdentifier("zaigang:collector:main")],
                name="collector",
            )
        )
        (folder / "collector.key").write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
        context.load_cert_chain(folder / "collector.crt", folder / "collector.key")
        self.store = stores[0]
        self._stores = {store.device_id: store for store in stores}
        self.answering = True
        self.messages = 0
        self.states: list[bytes] = []
        self.changed = threading.Condition()
        self._port = port
        self._subscribed = threading.Event()
        client = mqtt.Client(CallbackAPIVersion.VERSION2, "collector-1", clean_session=True)
        client.tls_set_context(context)
        client.reconnect_delay_set(1, 1)
        client.on_connect = lambda c, *_: c.subscribe([(topics.ALL_UP, 1), (topics.ALL_STATE, 1)])
        client.on_subscribe = lambda *_: self._subscribed.set()
        client.on_message = self._on_message
        self.client = client

    def start(self) -> None:
        self.client.connect("127.0.0.1", self._port)
        self.client.loop_start()
        assert self._subscribed.wait(10)

    def stop(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def wait_for(self, condition: Any, seconds: float = 15.0) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, seconds), "it did not happen in time"

    def _on_message(self, client: mqtt.Client, _: Any, message: mqtt.MQTTMessage) -> None:
        with self.changed:
            if message.topic.startswith("zaigang/1/state/"):
                self.states.append(bytes(message.payload))
            else:
                self.messages += 1
                store = self._stores[message.topic.rpartition("/")[2]]
                store.take(bytes(message.payload))
                if self.answering and store.through:
                    client.publish(topics.down(store.device_id), store.receipt(), qos=1)
            self.changed.notify_all()


@contextlib.contextmanager
def broker(folder: Path, authority: Authority) -> Iterator[Mosquitto]:
    running = Mosquitto(folder, authority)
    running.start()
    try:
        yield running
    finally:
        running.stop()
