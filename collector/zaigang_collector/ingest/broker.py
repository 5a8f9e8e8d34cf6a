"""The embedded MQTT broker: amqtt behind a gate of ours (`mqtt_gate`).

TLS 1.3 with client certificates; a device's identity is its certificate's, and the register of
devices is asked at each connection. Only what amqtt 0.12.1 does well is left to it: sessions,
packets, acknowledgements (`amqtt_core`).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from zaigang_collector.devices import ca
from zaigang_collector.devices.ca import Peer
from zaigang_collector.devices.model import DeviceKey
from zaigang_collector.errors import CertificateError
from zaigang_collector.ingest.amqtt_core import Core
from zaigang_collector.ingest.mqtt_gate import (
    Hello,
    PacketError,
    PacketReader,
    objection,
    read_connect,
    read_first,
)
from zaigang_collector.ingest.takeovers import Takeovers
from zaigang_shared.clock import Clock

_LOG: Final = logging.getLogger(__name__)

_CONNECT_S: Final = (
    10.0  # a handshake over a bad link takes seconds; longer holds a place for nobody
)
_IDLE_FACTOR: Final = 1.5  # MQTT 3.1.1 section 3.1.2.10
_REFUSED: Final = b"\x20\x02\x00\x05"  # CONNACK, not authorised


@dataclass(frozen=True, slots=True)
class BrokerFiles:
    """What the listener is made of (PEM)."""

    server_certificate: str
    server_key: str
    ca_certificate: str


@dataclass(slots=True)
class _Connection:
    """A client that is in."""

    peer: Peer
    address: str
    writer: asyncio.StreamWriter
    gone: asyncio.Event = field(default_factory=asyncio.Event)


class EmbeddedBroker:
    """Runs in the event loop between `start` and `stop`."""

    def __init__(
        self,
        files: BrokerFiles,
        known: Callable[[str], DeviceKey | None],
        clock: Clock,
        on_two_hosts: Callable[[str], None] = lambda device_id: None,
    ) -> None:
        """`known` asks the register, in a thread; `on_two_hosts` is told, in a thread, of a
        device whose key two hosts connect with."""
        self._tls = _tls(files)
        self._known = known
        self._clock = clock
        self._on_two_hosts = on_two_hosts
        self._takeovers = Takeovers()
        self._connections: dict[str, _Connection] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._broker: Core | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port, which the system chooses when `port` is 0."""
        self._loop = asyncio.get_running_loop()
        self._broker = Core()
        await self._broker.start()
        self._server = await asyncio.start_server(
            self._accept, host, port, ssl=self._tls, ssl_handshake_timeout=_CONNECT_S
        )
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close every connection and the listener. Sessions are not kept: devices hold what has
        no receipt."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections.values()):
            connection.writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._broker is not None:
            await self._broker.shutdown()

    def disconnect(self, device_id: str) -> None:
        """Cut a device's live connection, from any thread: it is not listened to any more."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._cut, device_id)

    @property
    def connected(self) -> frozenset[str]:
        """Client ids that are in now."""
        return frozenset(self._connections)

    def _cut(self, client_id: str) -> None:
        connection = self._connections.get(client_id)
        if connection is not None:
            connection.writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # the stream protocol runs this in a task
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, ssl.SSLError, asyncio.CancelledError):
            pass  # the client has gone, or we stop
        except Exception:  # noqa: BLE001  # one client's connection must not end the broker
            _LOG.exception("a connection ended in an error of the broker")
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = str(writer.get_extra_info("peername")[0])
        try:
            peer = ca.read_peer(_certificate(writer))
            async with asyncio.timeout(_CONNECT_S):
                first = await read_first(reader)
            hello = read_connect(first)
        except (PacketError, CertificateError, TimeoutError, asyncio.IncompleteReadError) as error:
            _LOG.info("a connection was refused: %s", error)
            return
        device = await asyncio.to_thread(self._known, peer.id) if peer.is_device else None
        refused = objection(peer, device, hello)
        if refused is not None:
            _LOG.warning("a connection was refused: %s", refused)
            writer.write(_REFUSED)
            await writer.drain()
            return
        if await self._displace(hello.client_id, address):
            _LOG.warning("two hosts seem to connect as %s; neither comes in", hello.client_id)
            return
        connection = _Connection(peer, address, writer)
        self._connections[hello.client_id] = connection
        try:
            await self._hand_over(reader, writer, first, hello)
        finally:
            if self._connections.get(hello.client_id) is connection:
                del self._connections[hello.client_id]
            connection.gone.set()

    async def _hand_over(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        first: bytes,
        hello: Hello,
    ) -> None:
        broker = self._broker
        if broker is None:
            return
        idle_s = hello.keep_alive_s * _IDLE_FACTOR or None
        packets = PacketReader(reader, first, idle_s, broker.room)
        await broker.serve(packets, writer)

    async def _displace(self, client_id: str, address: str) -> bool:
        """A client that is in under this id gives way first, and entirely: when amqtt itself does
        the take-over, the old connection's end marks the new one as away, and it hears nothing.

        Whether two hosts are taking the connection from each other.
        """
        suspect = False
        while (old := self._connections.get(client_id)) is not None:
            if old.peer.is_device and self._takeovers.displaced(
                client_id, address, self._clock.utc_ms()
            ):
                suspect = True
                self._takeovers.forget(client_id)
                await asyncio.to_thread(self._on_two_hosts, client_id)
            old.writer.transport.abort()
            await old.gone.wait()
        return suspect


def _tls(files: BrokerFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(files.server_certificate, files.server_key)
    context.load_verify_locations(files.ca_certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _certificate(writer: asyncio.StreamWriter) -> bytes:
    connection = writer.get_extra_info("ssl_object")
    der = None if connection is None else connection.getpeercert(binary_form=True)
    if not isinstance(der, bytes):
        raise CertificateError("the client showed no certificate")
    return der
