"""What the collector signs for devices: receipts, vantage tokens (protocol.md)."""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from zaigang_shared import cbor, cose
from zaigang_shared.errors import Refusal, WireError
from zaigang_shared.identifiers import is_device_id

VERSION: Final = 1
MAX_BYTES: Final = 512  # a receipt has about 200; more is not a receipt
_MAX_MS: Final = 2**53


@dataclass(frozen=True, slots=True)
class LogHead:
    """How large the ledger was, and its root: what the collector cannot take back any more."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """The collector's word that everything up to `through` is durable."""

    device_id: str
    through: int
    """The last seq before the first hole; never runs past a gap."""
    head: bytes
    """SHA-256 of envelope `through`."""
    at_ms: int
    """Collector UTC."""
    log: LogHead | None = None
    """The newest checkpoint of the ledger then; None before there was one."""


@dataclass(frozen=True, slots=True)
class Vantage:
    """The collector's word on the address from which it saw a device."""

    device_id: str
    address: str
    at_ms: int


def collector_kid(public_key: Ed25519PublicKey) -> bytes:
    """The key id in what a collector signs: the first 16 bytes of the key's SHA-256."""
    return hashlib.sha256(public_key.public_bytes_raw()).digest()[:16]


def sign_receipt(key: Ed25519PrivateKey, receipt: Receipt) -> bytes:
    """The receipt as it is published on the device's down topic.

    Raises WireError when no device would accept it.
    """
    fields = {
        "v": VERSION,
        "dev": receipt.device_id,
        "through": receipt.through,
        "head": receipt.head,
        "at": receipt.at_ms,
        "log": None if receipt.log is None else [receipt.log.size, receipt.log.root],
    }
    _receipt(fields)
    return _sign(key, fields)


def open_receipt(data: bytes, collector_key: Ed25519PublicKey) -> Receipt:
    """Verify and read. Raises WireError."""
    return _receipt(open_collector_map(data, collector_key, MAX_BYTES))


def _receipt(fields: dict[str, Any]) -> Receipt:
    _expect(fields, {"v", "dev", "through", "head", "at", "log"}, "receipt")
    through, head = fields["through"], fields["head"]
    if fields["v"] != VERSION or type(fields["v"]) is not int:
        raise WireError(Refusal.PAYLOAD, f"receipt version {fields['v']!r}, only 1 is known")
    if type(through) is not int or not 1 <= through < 2**63:
        raise WireError(Refusal.PAYLOAD, "through must be a sequence number")
    if type(head) is not bytes or len(head) != 32:
        raise WireError(Refusal.PAYLOAD, "head must be 32 bytes")
    return Receipt(_device(fields), through, head, _at(fields), _log(fields["log"]))


def _log(value: object) -> LogHead | None:
    if value is None:
        return None
    if type(value) is list and len(value) == 2:
        size, root = value
        if type(size) is int and 0 <= size < 2**63 and type(root) is bytes and len(root) == 32:
            return LogHead(size, root)
    raise WireError(Refusal.PAYLOAD, "log must be null, or size and root of the ledger")


def sign_vantage(key: Ed25519PrivateKey, vantage: Vantage) -> bytes:
    """The token that a device quotes in its network readings. Raises WireError."""
    fields = {"dev": vantage.device_id, "addr": vantage.address, "at": vantage.at_ms}
    _vantage(fields)
    return _sign(key, fields)


def open_vantage(data: bytes, collector_key: Ed25519PublicKey) -> Vantage:
    """Verify and read. Raises WireError."""
    return _vantage(open_collector_map(data, collector_key, MAX_BYTES))


def _vantage(fields: dict[str, Any]) -> Vantage:
    _expect(fields, {"dev", "addr", "at"}, "vantage token")
    address = fields["addr"]
    try:
        if type(address) is not str:
            raise ValueError("not text")
        ipaddress.ip_address(address)
    except ValueError as error:
        raise WireError(Refusal.PAYLOAD, f"addr must be an IP address: {error}") from error
    return Vantage(_device(fields), address, _at(fields))


def open_collector_map(
    data: bytes, collector_key: Ed25519PublicKey, max_bytes: int
) -> dict[str, Any]:
    """The map in anything that the collector signed, after checking who signed it."""
    signed = cose.decode(data, max_bytes)
    if signed.kid != collector_kid(collector_key):
        raise WireError(Refusal.HEADER, "signed by another key than this collector's")
    signed.verify(collector_key)
    fields = cbor.loads(signed.payload, "collector's message")
    if type(fields) is not dict:
        raise WireError(Refusal.PAYLOAD, "the collector's message must be a map")
    return fields


def _sign(key: Ed25519PrivateKey, fields: dict[str, Any]) -> bytes:
    return cose.sign1(key, cbor.dumps(fields), collector_kid(key.public_key()))


def _expect(fields: dict[str, Any], names: set[str], what: str) -> None:
    if fields.keys() != names:
        raise WireError(Refusal.PAYLOAD, f"a {what} must be a map of {sorted(names)}")


def _device(fields: dict[str, Any]) -> str:
    device_id = fields["dev"]
    if type(device_id) is not str or not is_device_id(device_id):
        raise WireError(Refusal.PAYLOAD, "dev must be a device id")
    return device_id


def _at(fields: dict[str, Any]) -> int:
    at_ms = fields["at"]
    if type(at_ms) is not int or not 0 <= at_ms <= _MAX_MS:
        raise WireError(Refusal.PAYLOAD, "at must be UTC milliseconds")
    return at_ms
