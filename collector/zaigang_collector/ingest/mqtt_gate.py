"""Who may connect to the embedded broker, and what may come in. Knows no broker.

amqtt 0.12.1 looks up, deletes or takes over the session of a client id before it asks who the
client is, lets a returning client id in on the certificate of its previous connection, reads
packets of any size, and never notices a half-open connection. So nothing reaches it that has not
been through here: a CONNECT that names the identity in the certificate, then whole packets of
bounded size.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from zaigang_collector.devices.ca import Peer
from zaigang_collector.devices.model import DeviceKey, DeviceStatus
from zaigang_shared import envelope, topics

# An envelope of the largest size, its topic, and the head. Larger lets a device fill our memory;
# smaller refuses what the protocol allows, and an MQTT client sends it again for ever.
MAX_PACKET_BYTES: Final = envelope.MAX_BYTES + 256
_CONNECT: Final = 1
_PUBLISH: Final = 3
_QOS_2: Final = 0x04
_LENGTH_BYTES: Final = 4
_PROTOCOL_311: Final = 4
_CHUNK: Final = 65_536
_COLLECTOR: Final = "collector"


class PacketError(Exception):
    """Bytes that are not MQTT as we speak it; the connection is closed."""


class Action(enum.Enum):
    """What a client does with a topic."""

    PUBLISH = "publish"
    SUBSCRIBE = "subscribe"
    RECEIVE = "receive"


@dataclass(frozen=True, slots=True)
class Hello:
    """A CONNECT, as far as it is judged before the broker sees it."""

    client_id: str
    will_topic: str | None
    keep_alive_s: int


def packet_length(data: bytes | bytearray) -> int | None:
    """Bytes of the packet that `data` begins with; None: too few to tell. Raises PacketError."""
    length = 0
    for place, byte in enumerate(data[1 : 1 + _LENGTH_BYTES]):
        length |= (byte & 0x7F) << (7 * place)
        if not byte & 0x80:
            return 2 + place + length
    if len(data) > _LENGTH_BYTES:
        raise PacketError("a packet length of more than four bytes")
    return None


def read_connect(packet: bytes) -> Hello:
    """Read a whole CONNECT packet (MQTT 3.1.1 section 3.1). Raises PacketError."""
    if not packet or packet[0] >> 4 != _CONNECT:
        raise PacketError("the first packet is not CONNECT")
    try:
        at = packet.index(b"\x00\x04MQTT", 1, 12) + 6
        level, flags = packet[at], packet[at + 1]
        keep_alive_s = int.from_bytes(packet[at + 2 : at + 4], "big")
        client_id, at = _text(packet, at + 4)
        will_topic = _text(packet, at)[0] if flags & 0x04 else None
    except (ValueError, IndexError) as error:
        raise PacketError("a CONNECT that is not of MQTT 3.1.1") from error
    if level != _PROTOCOL_311:
        raise PacketError(f"protocol level {level}; 4 (MQTT 3.1.1) is spoken here")
    return Hello(client_id, will_topic, keep_alive_s)


def objection(peer: Peer, device: DeviceKey | None, hello: Hello) -> str | None:
    """Why this client may not come in, for the log; None: it may. `device` is what the register
    has under the id in the certificate, whose key decides: the same id over another key is not it.
    """
    if is_collector(peer.id if peer.is_device else hello.client_id) is peer.is_device:
        return "client ids that begin with collector are for collectors, and for them only"
    if not peer.is_device:
        return None
    if hello.client_id != peer.id:
        return f"the client id is not the certificate's device {peer.id}"
    if device is None:
        return f"device {peer.id} is not enrolled"
    if device.public_key != peer.public_key:
        return f"the certificate is not over the key that device {peer.id} is enrolled with"
    if device.status is not DeviceStatus.ACTIVE:
        return f"device {peer.id} is {device.status.value}"
    if hello.will_topic not in (None, topics.state(peer.id)):
        return f"device {peer.id} has a last will on a topic that is not its own"
    return None


def is_collector(client_id: str) -> bool:
    """Whether a client that is in under this id is a collector; `objection` sees to it."""
    return client_id.split("-")[0] == _COLLECTOR


def may(client_id: str, topic: str, action: Action) -> bool:
    """The access list: devices their own three topics, the collector all of them."""
    return (_collector_may if is_collector(client_id) else _device_may)(client_id, topic, action)


def _collector_may(_client_id: str, topic: str, action: Action) -> bool:
    if action is Action.SUBSCRIBE:
        return topic in (topics.ALL_UP, topics.ALL_STATE)
    where = topics.device_of(topic)
    directions = ("down",) if action is Action.PUBLISH else ("up", "state")
    return where is not None and where[0] in directions


def _device_may(client_id: str, topic: str, action: Action) -> bool:
    directions = ("up", "state") if action is Action.PUBLISH else ("down",)
    return topics.device_of(topic) in [(direction, client_id) for direction in directions]


class PacketReader:
    """Hands bytes to the broker packet by packet, each of them whole and of bounded size.

    Whatever is wrong ends the stream: for the broker the client has gone. What amqtt calls a
    ReaderAdapter.
    """

    def __init__(
        self,
        stream: asyncio.StreamReader,
        first: bytes,
        idle_s: float | None,
        room: Callable[[], Awaitable[None]],
    ) -> None:
        """`first` is a packet that was read already; `idle_s` the longest silence, None: any;
        `room` is awaited before each packet, and returns when the broker has room for it."""
        self._stream = stream
        self._idle_s = idle_s
        self._room = room
        self._packet = memoryview(first)
        self._ahead = bytearray()
        self._heard_s = asyncio.get_running_loop().time()
        self._ended = False

    async def read(self, n: int = -1) -> bytes:
        """The next `n` bytes, none at the end of the stream."""
        if not self._packet and not await self._next_packet():
            return b""
        taken = bytes(self._packet[: n if n >= 0 else len(self._packet)])
        self._packet = self._packet[len(taken) :]
        return taken

    def feed_eof(self) -> None:
        """Nothing more is read."""
        self._ended = True

    async def _next_packet(self) -> bool:
        """May be cancelled at any await, and called again: what was read stays in `_ahead`."""
        await self._room()
        while not self._ended:
            try:
                length = packet_length(self._ahead)
                if length is not None and self._is_whole(length):
                    return True
                await self._read_more()
            except (PacketError, OSError, TimeoutError):
                self._ended = True
        return False

    def _is_whole(self, length: int) -> bool:
        if length > MAX_PACKET_BYTES:
            raise PacketError(f"a packet of {length} bytes, at most {MAX_PACKET_BYTES} are taken")
        if self._ahead[0] >> 4 == _PUBLISH and self._ahead[0] & _QOS_2:
            raise PacketError("QoS 2 is not spoken here: it would pile up half-done messages")
        if len(self._ahead) < length:
            return False
        self._packet = memoryview(bytes(self._ahead[:length]))
        del self._ahead[:length]
        return True

    async def _read_more(self) -> None:
        deadline_s = None if self._idle_s is None else self._heard_s + self._idle_s
        async with asyncio.timeout_at(deadline_s):
            chunk = await self._stream.read(_CHUNK)
        if not chunk:
            raise PacketError("the client closed the connection")
        self._heard_s = asyncio.get_running_loop().time()
        self._ahead += chunk


async def read_first(stream: asyncio.StreamReader) -> bytes:
    """The first packet, whole. Raises PacketError, and what the stream raises."""
    head = await stream.readexactly(2)
    while (length := packet_length(head)) is None:
        head += await stream.readexactly(1)
    if head[0] >> 4 != _CONNECT or length > MAX_PACKET_BYTES:
        raise PacketError("the first packet is not CONNECT")
    return head + await stream.readexactly(length - len(head))


def _text(packet: bytes, at: int) -> tuple[str, int]:
    size = int.from_bytes(packet[at : at + 2], "big")
    end = at + 2 + size
    if end > len(packet):
        raise ValueError("cut off")
    return packet[at + 2 : end].decode(), end
