"""An MQTT client for tests: what it was sent can be waited for."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

WAIT_S = 20.0  # only a broken test waits as long


class TestClient:
    """paho, with everything that arrives in `messages` and everything that happens in `log`."""

    __test__ = False

    def __init__(
        self, port: int, tls: ssl.SSLContext, client_id: str, *, clean: bool = False
    ) -> None:
        self.messages: list[tuple[str, bytes]] = []
        self.log: list[str] = []
        self._port = port
        self._changed = threading.Condition()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=clean
        )
        self._client.tls_set_context(tls)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = lambda *_: self._note("disconnected")
        self._client.on_publish = lambda *_: self._note("acknowledged")
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    def will(self, topic: str, data: bytes) -> TestClient:
        """To be said when it disappears."""
        self._client.will_set(topic, data, qos=1, retain=True)
        return self

    def connect(self) -> TestClient:
        """Connect; whether it was let in is in the log."""
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        return self

    def subscribe(self, topic: str) -> TestClient:
        """Returns when the broker has answered."""
        before = self.count("subscribed") + self.count("not subscribed")
        self._client.subscribe(topic, 1)
        self.wait(lambda: self.count("subscribed") + self.count("not subscribed") > before)
        return self

    def publish(self, topic: str, data: bytes, *, retain: bool = False) -> None:
        """Without waiting for anything."""
        self._client.publish(topic, data, qos=1, retain=retain)

    def count(self, what: str) -> int:
        """How often something happened."""
        return self.log.count(what)

    def wait(self, holds: Callable[[], bool], timeout_s: float = WAIT_S) -> bool:
        """Until `holds` does; whether it did."""
        with self._changed:
            return self._changed.wait_for(holds, timeout_s)

    def wait_connected(self) -> TestClient:
        """Raises AssertionError when it is not let in."""
        assert self.wait(lambda: "connected" in self.log), self.log
        return self

    def vanish(self) -> None:
        """Cut the connection without a word."""
        self._client.loop_stop()
        sock = self._client.socket()
        if sock is not None:
            sock.close()

    def close(self) -> None:
        """Say goodbye."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _props: Any) -> None:
        self._note("refused" if reason.is_failure else "connected")

    def _on_subscribe(self, _client: Any, _data: Any, _mid: Any, reasons: Any, _p: Any) -> None:
        for reason in reasons:
            self._note("not subscribed" if reason.is_failure else "subscribed")

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        with self._changed:
            self.messages.append((message.topic, bytes(message.payload)))
            self._changed.notify_all()

    def _note(self, what: str) -> None:
        with self._changed:
            self.log.append(what)
            self._changed.notify_all()
