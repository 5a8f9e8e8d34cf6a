"""The rotating beacon identifier (protocol.md, "Rotating beacon").

    slot = floor(utc_s / 15);  rid = HMAC-SHA256(K, "zaigang/rid/1" || slot as u64 BE)[:8]

K is known to one node and the collector. Who hears a rid cannot compute the next.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Final

from zaigang_shared.errors import Refusal, WireError

SLOT_MS: Final = 15_000
KEY_BYTES: Final = 32
RID_BYTES: Final = 8
SERVICE_UUID: Final = "8d1f0a5e-7a11-4c3b-9f55-0b2f6d7a6761"
FRAME_BYTES: Final = 10
_VERSION: Final = 1
_CLOCK_SYNCED: Final = 0x01
_RESTARTED: Final = 0x02
_LAPTOP: Final = 0x04


def slot_at(utc_ms: int) -> int:
    """The slot that a UTC time falls into."""
    return utc_ms // SLOT_MS


def slot_start_ms(slot: int) -> int:
    """The UTC time at which a slot begins."""
    return slot * SLOT_MS


def rid(key: bytes, slot: int) -> bytes:
    """The eight bytes that a node with `key` (32 bytes) broadcasts in `slot`. Raises ValueError."""
    if len(key) != KEY_BYTES:
        raise ValueError(f"a beacon key has {KEY_BYTES} bytes, this has {len(key)}")
    if not 0 <= slot < 2**64:
        raise ValueError(f"slot {slot} is before 1970 or beyond 64 bits: the clock is not set")
    message = b"zaigang/rid/1" + slot.to_bytes(8, "big")
    return hmac.digest(key, message, "sha256")[:RID_BYTES]


@dataclass(frozen=True, slots=True)
class Frame:
    """What goes over the air: service data of `SERVICE_UUID`, ten bytes."""

    clock_synced: bool
    restarted: bool
    power_at_1m_dbm: int
    rid: bytes
    laptop: bool = False
    """A laptop sends it: other laptops drop it on the spot."""

    def __post_init__(self) -> None:
        if len(self.rid) != RID_BYTES or not -128 <= self.power_at_1m_dbm <= 127:
            raise ValueError(
                f"a frame has a rid of {RID_BYTES} bytes and a power of -128 to 127 dBm"
            )

    def encode(self) -> bytes:
        flags = _CLOCK_SYNCED * self.clock_synced | _RESTARTED * self.restarted
        flags |= _LAPTOP * self.laptop
        head = bytes([_VERSION << 4 | flags])
        return head + self.power_at_1m_dbm.to_bytes(1, "big", signed=True) + self.rid


def decode_frame(data: bytes) -> Frame:
    """Read ten bytes of service data. Raises WireError(PAYLOAD).

    The flag that version 1 does not use is ignored, so that it can be given a meaning.
    """
    if len(data) != FRAME_BYTES:
        raise WireError(Refusal.PAYLOAD, f"a rid frame has {FRAME_BYTES} bytes, not {len(data)}")
    if data[0] >> 4 != _VERSION:
        raise WireError(Refusal.PAYLOAD, f"rid frame version {data[0] >> 4}, only 1 is known")
    return Frame(
        clock_synced=bool(data[0] & _CLOCK_SYNCED),
        restarted=bool(data[0] & _RESTARTED),
        power_at_1m_dbm=int.from_bytes(data[1:2], "big", signed=True),
        rid=data[2:],
        laptop=bool(data[0] & _LAPTOP),
    )
