"""amqtt without its listeners, its retained messages and its routing.

What is overridden are methods that amqtt 0.12.1 names as private; its version is pinned, and
`tests/collector/test_broker.py` holds what is relied on. Each says why.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any, Final

from amqtt.adapters import StreamWriterAdapter  # type: ignore[import-untyped]  # no py.typed
from amqtt.broker import Broker, RetainedApplicationMessage  # type: ignore[import-untyped]  # no py.typed
from amqtt.contexts import Action as AmqttAction  # type: ignore[import-untyped]  # no py.typed
from amqtt.contexts import BrokerConfig, ListenerConfig, ListenerType
from amqtt.errors import AMQTTError  # type: ignore[import-untyped]  # no py.typed
from amqtt.session import Session  # type: ignore[import-untyped]  # no py.typed

from zaigang_collector.ingest.mqtt_gate import Action, PacketReader, may
from zaigang_shared import topics

_LOG: Final = logging.getLogger(__name__)

_LISTENER: Final = "default"
# Messages on their way to a client. Larger fills our memory (64 KiB each at worst) while the
# collector is busy; smaller stops devices while it merely takes a breath.
_IN_FLIGHT: Final = 2_000
_ROOM_CHECK_S: Final = 0.01
# What waits for a client that is away: receipts for a device, of which only the newest counts;
# envelopes for the collector, which devices still hold. Larger fills our memory for nothing.
_WAITING: Final = 1_000
_SESSION_S: Final = 14 * 86_400  # a holiday; after that a device simply subscribes again


class Core(Broker):  # type: ignore[misc]  # amqtt has no type information
    """amqtt without its listeners, its retained messages and its routing."""

    def __init__(self) -> None:
        super().__init__(
            BrokerConfig(
                listeners={_LISTENER: ListenerConfig(type=ListenerType.EXTERNAL, bind="gate")},
                session_expiry_interval=_SESSION_S,
                plugins={},
            )
        )
        self._outgoing: set[asyncio.Task[Any]] = set()
        self._has_room = asyncio.Event()
        self._has_room.set()

    async def serve(self, packets: PacketReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client, whom the gate let in, until it has gone."""
        with contextlib.suppress(AMQTTError):
            await self.external_connected(packets, StreamWriterAdapter(writer), _LISTENER)

    async def room(self) -> None:
        """Returns when there is room for one more message: this is what slows devices down."""
        await self._has_room.wait()

    async def _authenticate(self, session: Session, _: ListenerConfig) -> bool:
        """The gate has: whatever comes this far shows the certificate of its client id."""
        return session.client_id is not None

    async def _topic_filtering(self, session: Session, topic: str, action: AmqttAction) -> bool:
        """The access list. Not as a plugin: amqtt awaits plugins while it walks its table of
        subscriptions, and loses the message when somebody subscribes in between."""
        return may(session.client_id or "", topic, Action(action.value))

    async def retain_message(
        self,
        source_session: Session | None,
        topic_name: str | None,
        data: bytes | bytearray | None,
        qos: int | None = None,
    ) -> None:
        """Retains nothing: amqtt would send every retained state to every client that connects.
        The collector hears states as they are said, and keeps them itself."""

    async def _run_broadcast(self, running_tasks: object) -> None:
        """One message to whom it concerns. amqtt would compare it with every subscription, and
        start a delivery per message without bound."""
        message = await self._broadcast_queue.get()
        self._count()
        for topic_filter in _filters(message["topic"]):
            for session, qos in list(self._subscriptions.get(topic_filter, ())):
                if may(session.client_id or "", message["topic"], Action.RECEIVE):
                    self._deliver(session, message["topic"], message["data"], qos)

    def _deliver(self, session: Session, topic: str, data: bytes, qos: int) -> None:
        handler = self._get_handler(session)
        if session.transitions.state == "connected" and handler is not None:
            task = asyncio.ensure_future(handler.mqtt_publish(topic, data, qos, retain=False))
            self._outgoing.add(task)
            self._count()
            task.add_done_callback(self._delivered)
        elif not session.clean_session and qos:
            if session.retained_messages.qsize() >= _WAITING:
                session.retained_messages.get_nowait()  # the oldest; its sender still has it
            session.retained_messages.put_nowait(RetainedApplicationMessage(None, topic, data, qos))

    def _delivered(self, task: asyncio.Task[Any]) -> None:
        self._outgoing.discard(task)
        self._count()
        if not task.cancelled() and (error := task.exception()) is not None:
            # amqtt gives up five seconds after it sent; whoever has no receipt sends again.
            _LOG.debug("a message was not acknowledged: %s", type(error).__name__)

    async def _broadcast_message(
        self,
        session: Session | None,
        topic: str | None,
        data: bytes | bytearray | None,
        force_qos: int | None = None,
    ) -> None:
        await super()._broadcast_message(session, topic, data, force_qos)
        self._count()

    def _count(self) -> None:
        if len(self._outgoing) + self._broadcast_queue.qsize() < _IN_FLIGHT:
            self._has_room.set()
        else:
            self._has_room.clear()


def _filters(topic: str) -> tuple[str, ...]:
    """The subscriptions that a message on one of our topics can match; `may` grants no others."""
    where = topics.device_of(topic)
    wildcard = {"up": topics.ALL_UP, "state": topics.ALL_STATE}.get(where[0] if where else "")
    return (topic,) if wildcard is None else (wildcard,)
