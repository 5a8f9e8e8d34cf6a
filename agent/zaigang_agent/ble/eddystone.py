"""Eddystone, UID and EID frames (Eddystone Protocol Specification; EID: "Eddystone-EID
Specification", "EID computation"). Pure.

An EID changes every 2^K seconds and says nothing to whoever lacks its key. A device's configuration
names beacons by a beginning of their identifier, which an EID does not have: it is read here, and
never kept.
"""

from __future__ import annotations

from typing import Final

SERVICE_UUID: Final = "0000feaa-0000-1000-8000-00805f9b34fb"
_UID: Final = 0x00
_UID_BYTES: Final = (18, 20)  # two reserved bytes at the end, which some beacons leave out
_EID: Final = 0x30
_EID_BYTES: Final = 10
# At 0 m a beacon is that much stronger than at 1 m (the specification's own figure).
POWER_0M_TO_1M_DB: Final = 41
_KEY_BYTES: Final = 16
_MAX_EXPONENT: Final = 15


def uid(data: bytes) -> bytes | None:
    """Namespace (10 bytes) and instance (6) of a UID frame."""
    if len(data) not in _UID_BYTES or data[0] != _UID:
        return None
    return data[2:18]


def eid(data: bytes) -> bytes | None:
    """The eight bytes of an EID frame."""
    if len(data) != _EID_BYTES or data[0] != _EID:
        return None
    return data[2:]


def power_at_1m_dbm(data: bytes) -> int:
    """The strength at one metre that a UID or EID frame claims; it gives the one at 0 m."""
    return int.from_bytes(data[1:2], "big", signed=True) - POWER_0M_TO_1M_DB


def eid_at(key: bytes, exponent: int, beacon_s: int) -> bytes:
    """What a beacon with the identity key (16 bytes) sends while its counter shows `beacon_s`.

    `exponent`: K, 0 to 15; the identifier changes every 2^K seconds. Raises ValueError.
    """
    if len(key) != _KEY_BYTES or not 0 <= exponent <= _MAX_EXPONENT or not 0 <= beacon_s < 2**32:
        raise ValueError(
            f"an EID needs a key of {_KEY_BYTES} bytes, an exponent of 0 to {_MAX_EXPONENT} and a "
            "counter of 32 bits"
        )
    zeros = bytes(11)
    temporary = _aes(key, zeros + b"\xff\0\0" + (beacon_s >> 16).to_bytes(2, "big"))
    begun = beacon_s >> exponent << exponent
    return _aes(temporary, zeros + bytes([exponent]) + begun.to_bytes(4, "big"))[:8]


def identity_key(shared: bytes, service_public: bytes, beacon_public: bytes) -> bytes:
    """The identity key that registrar and beacon agree on. `shared`: their X25519 secret."""
    # Imported here, as in `_aes`: no agent needs it to run.
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    derive = HKDF(SHA256(), _KEY_BYTES, salt=service_public + beacon_public, info=b"")
    return derive.derive(shared)


def _aes(key: bytes, block: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    # One block by itself, as the specification has it: there is nothing that ECB could give away.
    encryptor = Cipher(algorithms.AES128(key), modes.ECB()).encryptor()  # noqa: S305  # see above
    return encryptor.update(block) + encryptor.finalize()
