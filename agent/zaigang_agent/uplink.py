"""The way to the broker: MQTT 3.1.1 over mutual TLS 1.3.

The spool is the truth. Envelopes are under way in a window and go out again, from the first without
a receipt, when none has come for a while; a broker's acknowledgement means nothing here. Each
connection is a client of its own, so that nothing of an old one is ever sent by a new one.

The network has its own thread (paho's); everything else happens in `pump`, on the caller's.
"""

from __future__ import annotations

import contextlib
import dataclasses
import queue
import ssl
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from zaigang_agent.errors import IdentityError
from zaigang_agent.reasons import why_not_connected
from zaigang_shared import topics
from zaigang_shared.clock import Clock
from zaigang_shared.envelope import MAX_BYTES

# Short enough for a laptop that comes back from sleep, long enough for a router to forget nothing.
_KEEPALIVE_S: Final = 60
# How often paho looks whether a ping is due; whatever is sent or comes wakes it at once. paho's own
# second wakes the processor 3,600 times an hour for nothing. A ping is late by as much: with the
# keep-alive it must stay below one and a half keep-alives, after which a broker hangs up
# (MQTT 3.1.1, 3.1.2.10).
_LOOK_S: Final = 15.0
# Full jitter: each attempt waits a random part of the ceiling, which doubles. Without it a whole
# company reconnects in the same second after an outage.
_FIRST_WAIT_MS: Final = 2_000
_LONGEST_WAIT_MS: Final = 300_000
# A connection that lasted so long was a good one: the next failure starts from the beginning.
_GOOD_MS: Final = 60_000
_LONGEST_RESEND_MS: Final = 900_000
_STOP_S: Final = 3.0
# Receipts and configuration of a busy second; a broker that sends more is not ours.
_MAX_RECEIVED: Final = 256

TlsSource = Callable[[], ssl.SSLContext]


class Waiting(Protocol):
    """The part of the spool that an uplink needs."""

    @property
    def through(self) -> int: ...

    def after(self, seq: int, limit: int) -> list[tuple[int, bytes]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where to, as whom, how patiently."""

    host: str
    port: int
    device_id: str
    window: int = 64
    resend_ms: int = 30_000
    connect_timeout_ms: int = 15_000


class _Client(mqtt.Client):
    """paho's thread, which sleeps for as long as nothing is due."""

    def loop_forever(
        self, timeout: float = _LOOK_S, retry_first_connection: bool = False
    ) -> MQTTErrorCode:
        return super().loop_forever(timeout, retry_first_connection)


class _Connection:
    """One attempt and what comes of it. Its callbacks run on paho's thread and only take notes."""

    def __init__(self, route: Route, tls: ssl.SSLContext, wake: threading.Event) -> None:
        self.ready = threading.Event()
        self.over = threading.Event()
        self.reason: str | None = None
        self.received: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._route = route
        self._wake = wake
        client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id=route.device_id,
            clean_session=False,
            protocol=mqtt.MQTTv311,
            reconnect_on_failure=False,
        )
        client.tls_set_context(tls)
        client.connect_timeout = route.connect_timeout_ms / 1000
        client.max_inflight_messages_set(route.window)
        client.max_queued_messages_set(2 * route.window)
        client.will_set(topics.state(route.device_id), b"offline", qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        self._client = client

    def start(self) -> None:
        self._client.connect_async(self._route.host, self._route.port, _KEEPALIVE_S)
        self._client.loop_start()

    def publish(self, data: bytes) -> bool:
        """Whether paho took it; no when the line is slower than we are, or gone."""
        topic = topics.up(self._route.device_id)
        return self._client.publish(topic, data, qos=1).rc == mqtt.MQTT_ERR_SUCCESS

    def stop(self) -> None:
        """Say goodbye as far as anybody listens."""
        if self.ready.is_set() and not self.over.is_set():
            said = self._client.publish(
                topics.state(self._route.device_id), b"offline", qos=1, retain=True
            )
            if said.rc == mqtt.MQTT_ERR_SUCCESS:
                with contextlib.suppress(RuntimeError, ValueError):  # the line broke meanwhile
                    said.wait_for_publish(_STOP_S)
        if self._client.disconnect() == mqtt.MQTT_ERR_NO_CONN:
            self._end(None)
        self.over.wait(_STOP_S)
        self.release()

    def release(self) -> None:
        """Let go without waiting; the thread ends by itself, and with it goes all that it held.

        Client and callbacks refer to each other; left so, each attempt of a long outage would keep
        its sockets until the next full garbage collection.
        """
        client = self._client
        client.on_connect = client.on_connect_fail = client.on_subscribe = None
        client.on_message = client.on_disconnect = None
        client.disconnect()

    def _on_connect(self, client: mqtt.Client, _u: Any, _f: Any, code: Any, _p: Any) -> None:
        if code.is_failure:
            self._end(
                f"the broker refuses this device ({code}): ask IT whether {self._route.device_id} "
                "was revoked"
            )
            return
        client.subscribe(topics.down(self._route.device_id), qos=1)

    def _on_subscribe(self, client: mqtt.Client, _u: Any, _m: int, codes: Any, _p: Any) -> None:
        if any(code.is_failure for code in codes):
            self.reason = "the broker does not let this device receive its receipts: tell IT"
            client.disconnect()
            return
        client.publish(topics.state(self._route.device_id), b"online", qos=1, retain=True)
        self.ready.set()
        self._wake.set()

    def _on_message(self, _c: mqtt.Client, _u: Any, message: mqtt.MQTTMessage) -> None:
        if self.received.qsize() < _MAX_RECEIVED:
            self.received.put(bytes(message.payload))
        self._wake.set()

    def _on_connect_fail(self, client: mqtt.Client, _u: Any) -> None:
        error = sys.exc_info()[1]  # paho calls this from its except clause and tells nothing itself
        where = f"the broker at {self._route.host}:{self._route.port}"
        told = isinstance(error, Exception)
        self._end(why_not_connected(error, where) if told else f"{where} cannot be reached")  # type: ignore[arg-type]  # `told` is the check
        client.disconnect()  # so that paho does not try again by itself

    def _on_disconnect(self, _c: mqtt.Client, _u: Any, _f: Any, code: Any, _p: Any) -> None:
        if self.ready.is_set():
            self._end(f"the connection to the broker was lost ({code})")
        else:  # TLS 1.3 tells a client only afterwards that its certificate was refused
            self._end(
                f"the broker at {self._route.host}:{self._route.port} closed the connection before "
                f"it was open ({code}): ask IT whether device {self._route.device_id} was revoked "
                "or its certificate has run out"
            )

    def _end(self, reason: str | None) -> None:
        self.reason = self.reason or reason
        self.over.set()
        self._wake.set()


class MqttUplink:
    """Keeps a connection and sends what the spool holds."""

    def __init__(
        self,
        route: Route,
        tls: TlsSource,
        clock: Clock,
        random: Callable[[], float],
        wake: threading.Event,
    ) -> None:
        """`clock`: the real one, whatever the samplers are shown. `random`: from 0 up to 1.
        `wake` is set when something happened that `pump` or `received` should look at."""
        self.route = route
        self.problem: str | None = None
        """Why there is no connection, in a sentence; None when there is, or none was tried."""
        self._tls = tls
        self._clock = clock
        self._random = random
        self._wake = wake
        self._connection: _Connection | None = None
        self._began_ms = 0
        self._retry_ms = 0
        self._failures = 0
        self._sent = 0
        self._through = 0
        self._moved_ms = 0
        self._resend_ms = route.resend_ms

    @property
    def connected(self) -> bool:
        connection = self._connection
        return connection is not None and connection.ready.is_set() and not connection.over.is_set()

    def pump(self, spool: Waiting) -> int:
        """Connect when it is time, send what the window allows; returns how many were sent."""
        now_ms = self._clock.boot_ms()
        self._look_after_connection(now_ms)
        connection = self._connection
        if connection is None or not self.connected:
            return 0
        self._note_progress(spool.through, now_ms)
        if self._sent > self._through and now_ms - self._moved_ms >= self._resend_ms:
            self._sent = self._through  # go back: something on the way was lost
            self._resend_ms = min(2 * self._resend_ms, _LONGEST_RESEND_MS)
        return self._send(connection, spool, now_ms)

    def received(self) -> list[bytes]:
        """What came on our own topic since the last call."""
        messages: list[bytes] = []
        if self._connection is not None:
            while not self._connection.received.empty():
                messages.append(self._connection.received.get())
        if messages:  # the collector lives: what it misses need not wait for the longest patience
            self._resend_ms = self.route.resend_ms
        return messages

    def due_ms(self, spool: Waiting) -> int:
        """In how many real ms `pump` has something to do, unless `wake` is set before."""
        now_ms = self._clock.boot_ms()
        if self._connection is None:
            return max(0, self._retry_ms - now_ms)
        if not self.connected:
            return max(0, self._deadline_ms() - now_ms)
        if self._sent > spool.through:
            return max(0, self._moved_ms + self._resend_ms - now_ms)
        return _LONGEST_WAIT_MS

    def reconnect(self, host: str, port: int) -> None:
        """Take up a new certificate, at the broker's present address."""
        self.route = dataclasses.replace(self.route, host=host, port=port)
        if self._connection is not None:
            self._connection.stop()
            self._connection = None
        self._retry_ms = self._clock.boot_ms()

    def stop(self) -> None:
        """Say goodbye and disconnect; a few seconds at most."""
        if self._connection is not None:
            self._connection.stop()
            self._connection = None

    def _look_after_connection(self, now_ms: int) -> None:
        connection = self._connection
        if connection is None:
            if now_ms >= self._retry_ms:
                self._connect(now_ms)
            return
        if connection.over.is_set():
            self._failed(connection.reason, now_ms)
        elif connection.ready.is_set():
            self.problem = None
        elif now_ms >= self._deadline_ms():
            host, port = self.route.host, self.route.port
            self._failed(
                f"the broker at {host}:{port} does not answer: check network, VPN and firewall",
                now_ms,
            )

    def _deadline_ms(self) -> int:
        # TCP, TLS and MQTT each take at most one timeout.
        return self._began_ms + 3 * self.route.connect_timeout_ms

    def _connect(self, now_ms: int) -> None:
        self._began_ms = now_ms
        self._sent = 0
        self._resend_ms = self.route.resend_ms
        try:
            connection = _Connection(self.route, self._tls(), self._wake)
        except IdentityError as error:
            self._failed(str(error), now_ms)
            return
        self._connection = connection
        connection.start()

    def _failed(self, reason: str | None, now_ms: int) -> None:
        if self._connection is not None:
            if now_ms - self._began_ms >= _GOOD_MS:
                self._failures = 0
            self._connection.release()
        self._connection = None
        self.problem = reason
        ceiling_ms = min(_FIRST_WAIT_MS << min(self._failures, 16), _LONGEST_WAIT_MS)
        self._failures += 1
        self._retry_ms = now_ms + int(ceiling_ms * self._random())

    def _note_progress(self, through: int, now_ms: int) -> None:
        if through != self._through:
            self._through = through
            self._moved_ms = now_ms
            self._resend_ms = self.route.resend_ms
        self._sent = max(self._sent, through)

    def _send(self, connection: _Connection, spool: Waiting, now_ms: int) -> int:
        room = self.route.window - (self._sent - self._through)
        if room <= 0:
            return 0
        count = 0
        for seq, data in spool.after(self._sent, room):
            # A broker answers an oversized message by hanging up, and the next connection would
            # send it again, for ever. `seal` makes none; a damaged spool might hold one.
            if len(data) <= MAX_BYTES and not connection.publish(data):
                break
            if self._sent <= self._through:
                self._moved_ms = now_ms  # the first under way: patience starts now
            self._sent = seq
            count += 1
        return count
