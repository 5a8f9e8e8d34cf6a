"""The collector's MQTT client: from the broker into `Intake`, and receipts back.

One thread of paho's reads the socket and fills a bounded queue; two of ours empty it batch by
batch, so that signatures of the next are checked while the disk is waited for. At each effect, what a crash there leaves:

    read from the socket     the broker still holds it unacknowledged, and sends it again
    committed                stored, unacknowledged: it comes again, and is met as a duplicate
    acknowledged             the device has no receipt: it sends again, and is met as a duplicate
    receipt published        done; should the receipt be lost, the device asks by sending again

The same code serves the embedded broker and any other.
"""

from __future__ import annotations

import logging
import queue
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from zaigang_collector.ingest.model import Taken
from zaigang_collector.ingest.verify import Arrived
from zaigang_shared import topics
from zaigang_shared.clock import Clock

_LOG: Final = logging.getLogger(__name__)

_QOS: Final = 1
_KEEPALIVE_S: Final = 60
# Two batches of the largest size. Larger only moves the backlog from the broker into our memory
# (64 KiB each at worst); smaller leaves the consumer waiting for the network.
_QUEUE_BATCHES: Final = 4
# paho's default of 20 would make each batch's receipts wait for the broker, 20 at a time.
_RECEIPTS_IN_FLIGHT: Final = 2_000
# The database is back in seconds, or it is a longer outage and nobody minds half a minute.
_RETRY_S: Final = (0.2, 1.0, 5.0, 15.0, 30.0)
# While one waits for the disk the other checks signatures. A third would find nothing to do.
CONSUMERS: Final = ("ingest-0", "ingest-1")
_STATES: Final = {b"online": True, b"offline": False}
_TICK_S: Final = 0.5  # how soon a waiting thread notices that it is to stop


class Taker(Protocol):
    """`Intake`, or a test's."""

    def take(self, batch: Sequence[Arrived]) -> Taken:
        """Returns once the batch is durable; raises when it is not."""
        ...


@dataclass(frozen=True, slots=True)
class Link:
    """Where the broker is and how to get in."""

    host: str
    port: int
    tls: ssl.SSLContext
    client_id: str
    shared: bool = False
    """Whether other collectors take from the same subscription."""


@dataclass(slots=True)
class Progress:
    """What has been done since the start, for metrics."""

    connected: bool = False
    connections: int = 0
    batches: int = 0
    database_errors: int = 0
    last_error: str = ""
    accepted: int = 0
    readings: int = 0
    duplicates: int = 0
    forks: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """By reason."""

    def add(self, taken: Taken) -> None:
        """One more batch is durable."""
        self.batches += 1
        self.accepted += taken.accepted
        self.readings += taken.readings
        self.duplicates += taken.duplicates
        self.forks += taken.forks
        self.refused.update(taken.refused)


@dataclass(frozen=True, slots=True)
class _Held:
    """A message that the broker waits for us to acknowledge."""

    connection: int
    mid: int
    qos: int
    message: Arrived


class Subscriber:
    """Runs between `start` and `stop`, in threads of its own."""

    def __init__(
        self,
        link: Link,
        intake: Taker,
        clock: Clock,
        *,
        batch: int,
        wait_ms: int,
        on_quarantine: Callable[[str], None] = lambda device_id: None,
        on_state: Callable[[str, bool], None] = lambda device_id, online: None,
        on_connected: Callable[[], None] = lambda: None,
        got_on: Callable[[str], None] = lambda consumer: None,
    ) -> None:
        """`batch` messages at most are stored at once, and `wait_ms` waited for the batch to fill.

        `on_quarantine` is called, in a thread of ours, with each device that is not listened
        to any more, so that its connection can be cut; `on_state` with each device that came
        online (True) or went, after `on_connected`, which tells of each connection to the broker;
        `got_on` with one of `CONSUMERS` after each batch, each failed attempt at one, and each
        moment without any.
        """
        self._link = link
        self._intake = intake
        self._clock = clock
        self._batch = batch
        self._wait_s = wait_ms / 1000
        self._on_quarantine = on_quarantine
        self._on_state = on_state
        self._on_connected = on_connected
        self._got_on = got_on
        self._arrived: queue.Queue[_Held] = queue.Queue(batch * _QUEUE_BATCHES)
        self._stopping = threading.Event()
        self._subscribed = threading.Event()
        self._filling = threading.Lock()
        self._counting = threading.Lock()
        self._consumers = [
            threading.Thread(target=self._consume, args=(name,), name=name, daemon=True)
            for name in CONSUMERS
        ]
        self._client = self._make_client()
        self.progress = Progress()

    def start(self) -> None:
        """Connect, and keep connecting whenever the broker is gone."""
        for consumer in self._consumers:
            consumer.start()
        self._client.connect_async(self._link.host, self._link.port, _KEEPALIVE_S)
        self._client.loop_start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Finish the batch at hand, acknowledge it, and leave. What waits comes again later."""
        self._stopping.set()
        for consumer in self._consumers:
            if consumer.is_alive():
                consumer.join(timeout_s)
        self._client.disconnect()
        self._client.loop_stop()

    def wait_subscribed(self, timeout_s: float) -> bool:
        """Whether the broker has granted the subscriptions by then."""
        return self._subscribed.wait(timeout_s)

    @property
    def is_healthy(self) -> bool:
        """Subscribed, and all threads are alive."""
        return self._subscribed.is_set() and all(one.is_alive() for one in self._consumers)

    def send_down(self, device_id: str, data: bytes) -> bool:
        """Publish on a device's down topic: receipts, signed configuration. False: not connected."""
        if not self.progress.connected:
            return False  # paho would queue without bound; a device asks again by sending again
        sent = self._client.publish(topics.down(device_id), data, qos=_QOS)
        return sent.rc == mqtt.MQTT_ERR_SUCCESS

    # paho's thread.

    def _make_client(self) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._link.client_id,
            # A fixed client's session keeps what arrives while it is away. A dead member of a
            # shared subscription would keep its share from the living: they start clean.
            clean_session=self._link.shared,
            protocol=MQTTProtocolVersion.MQTTv311,
            manual_ack=True,
        )
        client.tls_set_context(self._link.tls)
        client.max_inflight_messages_set(_RECEIPTS_IN_FLIGHT)
        client.reconnect_delay_set(min_delay=1, max_delay=15)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _on_connect(
        self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        if reason.is_failure:
            _LOG.error("the MQTT broker refuses the collector: %s", reason)
            return
        self.progress.connections += 1
        self.progress.connected = True
        self._on_connected()
        up = topics.SHARED_UP if self._link.shared else topics.ALL_UP
        client.subscribe([(up, _QOS), (topics.ALL_STATE, _QOS)])

    def _on_subscribe(
        self, _client: mqtt.Client, _data: Any, _mid: int, reasons: Any, _properties: Any
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            _LOG.error("the MQTT broker refuses the collector's subscription: check its ACL")
            return
        self._subscribed.set()

    def _on_disconnect(
        self, _client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        self.progress.connected = False
        self._subscribed.clear()
        if not self._stopping.is_set():
            _LOG.warning("connection to the MQTT broker lost (%s); connecting again", reason)

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        held = _Held(
            self.progress.connections,
            message.mid,
            message.qos,
            Arrived(message.topic, bytes(message.payload), self._clock.utc_ms()),
        )
        # A full queue stops the reading of the socket, and thereby the broker, and thereby devices.
        while not self._stopping.is_set():
            try:
                self._arrived.put(held, timeout=_TICK_S)
            except queue.Full:
                continue
            return

    # Our threads.

    def _consume(self, name: str) -> None:
        while not self._stopping.is_set():
            with self._filling:  # neighbours in a chain stay neighbours in a batch
                batch = self._next_batch()
            if batch:
                self._settle(batch, name)
            self._got_on(name)

    def _next_batch(self) -> list[_Held]:
        try:
            batch = [self._arrived.get(timeout=_TICK_S)]
        except queue.Empty:
            return []
        deadline_ms = self._clock.boot_ms() + self._wait_s * 1000
        while len(batch) < self._batch:
            left_s = (deadline_ms - self._clock.boot_ms()) / 1000
            try:
                batch.append(
                    self._arrived.get(timeout=left_s) if left_s > 0 else self._arrived.get_nowait()
                )
            except queue.Empty:
                break
        return batch

    def _settle(self, batch: Sequence[_Held], consumer: str) -> None:
        taken = self._take([held.message for held in batch], consumer)
        if taken is None:
            return  # stopping: unacknowledged, so it comes again
        self._acknowledge(batch)
        for device_id, receipt in taken.receipts.items():
            self.send_down(device_id, receipt)
        for device_id in taken.quarantined:
            self._on_quarantine(device_id)
        for held in batch:
            self._tell_state(held.message)
        with self._counting:
            self.progress.add(taken)

    def _tell_state(self, message: Arrived) -> None:
        online = _STATES.get(message.data)
        where = None if online is None else topics.device_of(message.topic)
        if online is not None and where is not None and where[0] == "state":
            self._on_state(where[1], online)

    def _take(self, batch: Sequence[Arrived], consumer: str) -> Taken | None:
        """Until it is durable: what the database refuses today it takes tomorrow."""
        attempt = 0
        while True:
            try:
                return self._intake.take(batch)
            except Exception as error:  # noqa: BLE001  # whatever it is, nothing may be acknowledged
                self.progress.database_errors += 1
                self.progress.last_error = type(error).__name__
                _LOG.exception("a batch of %d could not be stored; trying again", len(batch))
            self._got_on(consumer)
            if self._stopping.wait(_RETRY_S[min(attempt, len(_RETRY_S) - 1)]):
                return None
            attempt += 1

    def _acknowledge(self, batch: Sequence[_Held]) -> None:
        for held in batch:
            # After a reconnection the broker gives the same packet ids to other messages.
            if held.connection == self.progress.connections:
                self._client.ack(held.mid, held.qos)
