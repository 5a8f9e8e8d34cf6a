"""Messages that must be refused, each wrong in one thing only, and the refusal each one earns.

Every signature is good unless the signature is what is wrong: what is refused here is the laxity.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import cbor2

from tests.vectors import keys
from zaigang_shared import cose, device_config, receipt
from zaigang_shared.errors import Refusal

_KID: Final = keys.DEVICE_ID.encode()
_HEADER: Final = cbor2.dumps({1: -19, 4: _KID})
_UP: Final = 600_000
_SESSION: Final = {"k": "session", "t": 1000, "span": 0, "event": "unlock"}
_ORDER_OF_CURVE: Final = 2**252 + 27742317777372353535851937790883648493
_AT_MS: Final = 1_790_000_000_000


@dataclass(frozen=True)
class Case:
    """`opens` names the parser; `zeros_after` zero bytes follow `data` (not worth writing out)."""

    name: str
    opens: str
    data: bytes
    refusal: Refusal
    zeros_after: int = 0

    @property
    def message(self) -> bytes:
        return self.data + bytes(self.zeros_after)


def all_cases() -> list[Case]:
    """Every case, with names that occur once."""
    cases = [
        *_outside(),
        *_headers(),
        *_signatures(),
        *_encodings(),
        *_payloads(),
        *_readings(),
        *_receipts(),
        *_vantages(),
        *_configs(),
        Case("a frame of nine bytes", "frame", bytes([0x10] * 9), Refusal.PAYLOAD),
        Case("a frame of version 2", "frame", bytes([0x20] * 10), Refusal.PAYLOAD),
    ]
    names = [case.name for case in cases]
    assert len(names) == len(set(names))
    return cases


def as_json() -> list[dict[str, Any]]:
    """The cases as they are in refusals.json."""
    return [
        {
            "name": case.name,
            "opens": case.opens,
            "hex": case.data.hex(),
            **({"zeros_after": case.zeros_after} if case.zeros_after else {}),
            "refusal": case.refusal.value,
        }
        for case in all_cases()
    ]


# --- building blocks ---------------------------------------------------------------------------


def _body(**changes: Any) -> dict[str, Any]:
    fields = {
        "v": 1,
        "seq": 2,
        "prev": bytes([7]) * 32,
        "boot": bytes(range(16)),
        "up": _UP,
        "wall": _AT_MS,
        "sync": True,
        "rcpt": None,
        "readings": [_SESSION],
    }
    return {**fields, **changes}


def _without(name: str) -> dict[str, Any]:
    return {key: value for key, value in _body().items() if key != name}


def _encode(value: Any) -> bytes:
    return cbor2.dumps(value, canonical=True)


def _signature(protected: bytes, payload: bytes) -> bytes:
    return keys.DEVICE.sign(cbor2.dumps(["Signature1", protected, b"", payload]))


def _message(payload: bytes, protected: bytes = _HEADER) -> bytes:
    """A well-formed COSE_Sign1 over any bytes, made without the code under test."""
    parts = [protected, {}, payload, _signature(protected, payload)]
    return cbor2.dumps(cbor2.CBORTag(18, parts))


_PAYLOAD: Final = _encode(_body())
_GOOD: Final = _message(_PAYLOAD)
_SIGNATURE: Final = _signature(_HEADER, _PAYLOAD)


def _envelope(name: str, refusal: Refusal, **changes: Any) -> Case:
    return Case(name, "envelope", _message(_encode(_body(**changes))), refusal)


def _bytes(name: str, refusal: Refusal, payload: bytes) -> Case:
    return Case(name, "envelope", _message(payload), refusal)


def _replaced(old: bytes, new: bytes) -> bytes:
    assert _PAYLOAD.count(old) == 1
    return _PAYLOAD.replace(old, new)


def _text(text: str) -> bytes:
    return cbor2.dumps(text)


# --- envelopes ---------------------------------------------------------------------------------


def _outside() -> Iterator[Case]:
    head = b"\xd2\x84" + cbor2.dumps(_HEADER)
    payload, signature = cbor2.dumps(_PAYLOAD), cbor2.dumps(_SIGNATURE)
    size = len(_PAYLOAD)
    assert head + b"\xa0" + payload + signature == _GOOD
    wrong = {
        "nothing at all": (b"", Refusal.NOT_COSE),
        "not CBOR": (b"hello", Refusal.NOT_COSE),
        "tag stripped": (_GOOD[1:], Refusal.NOT_COSE),
        "tag 98, COSE_Sign": (b"\xd8\x62" + _GOOD[1:], Refusal.NOT_COSE),
        "tag 18 in long form": (b"\xd8\x12" + _GOOD[1:], Refusal.NOT_COSE),
        "array of indefinite length": (b"\xd2\x9f" + _GOOD[2:] + b"\xff", Refusal.NOT_COSE),
        "array of five": (b"\xd2\x85" + _GOOD[2:] + b"\x00", Refusal.NOT_COSE),
        "cut off after the payload": (head + b"\xa0" + payload, Refusal.NOT_COSE),
        "cut off in the signature": (_GOOD[:-1], Refusal.NOT_COSE),
        "one byte after the end": (_GOOD + b"\x00", Refusal.NOT_CANONICAL),
        "twice in a row": (_GOOD * 2, Refusal.NOT_CANONICAL),
        "an unprotected header added": (
            head + cbor2.dumps({5: b"\x00"}) + payload + signature,
            Refusal.NOT_CANONICAL,
        ),
        "the unprotected map of indefinite length": (
            head + b"\xbf\xff" + payload + signature,
            Refusal.NOT_CANONICAL,
        ),
        "no unprotected map": (head + b"\xf6" + payload + signature, Refusal.NOT_COSE),
        "payload of indefinite length": (
            head + b"\xa0\x5f" + payload + b"\xff" + signature,
            Refusal.NOT_CANONICAL,
        ),
        "payload length in long form": (
            head + b"\xa0\x5a" + struct.pack(">I", size) + _PAYLOAD + signature,
            Refusal.NOT_CANONICAL,
        ),
        "payload length in longest form": (
            head + b"\xa0\x5b" + struct.pack(">Q", size) + _PAYLOAD + signature,
            Refusal.NOT_CANONICAL,
        ),
        "payload length beyond the message": (
            head + b"\xa0\x5b" + struct.pack(">Q", 2**63) + _PAYLOAD + signature,
            Refusal.NOT_COSE,
        ),
        "signature length in long form": (
            head + b"\xa0" + payload + b"\x59\x00\x40" + _SIGNATURE,
            Refusal.NOT_CANONICAL,
        ),
        "signature of 63 bytes": (
            head + b"\xa0" + payload + cbor2.dumps(_SIGNATURE[:63]),
            Refusal.NOT_COSE,
        ),
        "payload detached": (head + b"\xa0\xf6" + signature, Refusal.NOT_COSE),
        "payload as text": (head + b"\xa0\x61\x61" + signature, Refusal.NOT_COSE),
    }
    for name, (data, refusal) in wrong.items():
        yield Case(name, "envelope", data, refusal)
    yield Case(
        "one byte more than 64 KiB", "envelope", _GOOD, Refusal.OVERSIZE, 65_537 - len(_GOOD)
    )


def _headers() -> Iterator[Case]:
    wrong = {
        "algorithm -8, EdDSA": ({1: -8, 4: _KID}, Refusal.ALGORITHM),
        "algorithm -7, ES256": ({1: -7, 4: _KID}, Refusal.ALGORITHM),
        "algorithm in text": ({1: "Ed25519", 4: _KID}, Refusal.ALGORITHM),
        "no key id": ({1: -19}, Refusal.HEADER),
        "no algorithm": ({4: _KID}, Refusal.HEADER),
        "a content type as well": ({1: -19, 3: 0, 4: _KID}, Refusal.HEADER),
        "a critical header": ({1: -19, 2: [4], 4: _KID}, Refusal.HEADER),
        "key id in text": ({1: -19, 4: keys.DEVICE_ID}, Refusal.HEADER),
        "key id empty": ({1: -19, 4: b""}, Refusal.HEADER),
        "key id of 65 bytes": ({1: -19, 4: b"a" * 65}, Refusal.HEADER),
        "key id of two bytes is no device": ({1: -19, 4: b"ab"}, Refusal.HEADER),
        "key id of 41 bytes is no device": ({1: -19, 4: b"a" * 41}, Refusal.HEADER),
        "key id in capitals is no device": ({1: -19, 4: b"LAP-0001"}, Refusal.HEADER),
        "key id with a line end is no device": ({1: -19, 4: b"lap-0001\n"}, Refusal.HEADER),
        "key id not UTF-8": ({1: -19, 4: b"lap-\xff"}, Refusal.HEADER),
        "header is an array": ([1, -19, 4, _KID], Refusal.HEADER),
    }
    for name, (header, refusal) in wrong.items():
        yield Case(name, "envelope", _message(_PAYLOAD, cbor2.dumps(header)), refusal)
    kid = cbor2.dumps(_KID)
    raw = {
        "header empty": b"",
        "header out of order": b"\xa2\x04" + kid + b"\x01\x32",
        "header of indefinite length": b"\xbf\x01\x32\x04" + kid + b"\xff",
        "key id of indefinite length": b"\xa2\x01\x32\x04\x5f" + kid + b"\xff",
        "key id length in long form": b"\xa2\x01\x32\x04\x58\x08" + _KID,
        "bytes after the header": _HEADER + b"\x00",
        "header cut off": _HEADER[:-1],
    }
    for name, protected in raw.items():
        yield Case(name, "envelope", _message(_PAYLOAD, protected), Refusal.HEADER)


def _signatures() -> Iterator[Case]:
    def with_signature(signature: bytes) -> bytes:
        return _GOOD[:-64] + signature

    s = int.from_bytes(_SIGNATURE[32:], "little") + _ORDER_OF_CURVE
    stranger = cose.sign1(keys.STRANGER, _PAYLOAD, _KID)
    wrong = {
        "signed by another key": stranger,
        "a bit of the payload flipped": _GOOD[:-80] + bytes([_GOOD[-80] ^ 1]) + _GOOD[-79:],
        "a bit of the signature flipped": with_signature(
            bytes([_SIGNATURE[0] ^ 1]) + _SIGNATURE[1:]
        ),
        "signature of zeros": with_signature(bytes(64)),
        "s plus the group order": with_signature(_SIGNATURE[:32] + s.to_bytes(32, "little")),
        "signed without the context string": with_signature(keys.DEVICE.sign(_PAYLOAD)),
    }
    for name, data in wrong.items():
        yield Case(name, "envelope", data, Refusal.SIGNATURE)


def _encodings() -> Iterator[Case]:
    """The payload is another encoding of good fields, or has what our data does not have."""
    other, payload = Refusal.NOT_CANONICAL, Refusal.PAYLOAD
    seq, boot = _text("seq") + b"\x02", bytes(range(16))
    assert _PAYLOAD[:1] == b"\xa9"
    yield _bytes("map of indefinite length", payload, b"\xbf" + _PAYLOAD[1:] + b"\xff")
    yield _bytes("map length in long form", other, b"\xb8\x09" + _PAYLOAD[1:])
    yield _bytes("bytes after the payload", other, _PAYLOAD + b"\x00")
    yield _bytes("payload cut off", payload, _PAYLOAD[:-1])
    yield _bytes("integer in long form", other, _replaced(seq, _text("seq") + b"\x18\x02"))
    yield _bytes(
        "byte string length in long form", other, _replaced(b"\x50" + boot, b"\x58\x10" + boot)
    )
    yield _bytes("key length in long form", other, _replaced(seq, b"\x78\x03seq\x02"))
    yield _bytes("duplicate key", payload, b"\xaa" + _PAYLOAD[1:].replace(seq, seq * 2))
    yield _bytes("keys out of order", other, cbor2.dumps(dict(reversed(_body().items()))))
    swapped = {**_SESSION, "span": 0}
    swapped["t"] = swapped.pop("t")
    raw = cbor2.dumps(swapped)
    yield _bytes("keys of a reading out of order", other, _replaced(_encode(_SESSION), raw))
    for tag in (0, 1, 2, 6, 18, 24, 28, 35, 36, 37, 258, 1004, 55_799, 65_000):
        value = {1: 5, 2: b"\x01", 258: [1], 28: [1]}.get(tag, "a")
        tagged = {**_SESSION, "k": "later-kind", "x": cbor2.CBORTag(tag, value)}
        yield _envelope(f"tag {tag} in a reading", payload, readings=[tagged])
    regex = _replaced(seq, _text("seq") + b"\xd8\x23\x63a+b")
    yield _bytes("tag 35, a regular expression, for seq", payload, regex)
    for name, number in (("NaN", math.nan), ("infinity", math.inf), ("less than all", -math.inf)):
        later = {**_SESSION, "k": "later-kind", "x": number}
        yield _envelope(f"{name} in a later kind", payload, readings=[later])
        yield _envelope(f"{name} for up", payload, up=number)
    double = b"\xfb" + struct.pack(">d", 1.5)
    short_float = _encode({**_SESSION, "k": "later-kind", "x": 1.5})
    long_float = short_float.replace(b"\xf9\x3e\x00", double)
    assert long_float != short_float
    yield _bytes("float in long form", other, _replaced(_encode(_SESSION), long_float))
    for name, value in (
        ("undefined", cbor2.undefined),
        ("simple value", cbor2.CBORSimpleValue(99)),
    ):
        later_kind = {**_SESSION, "k": "later-kind", "x": value}
        yield _envelope(f"{name} in a reading", payload, readings=[later_kind])
    yield _envelope("a number as key", payload, readings=[{**_SESSION, "k": "later-kind", 1: 2}])
    yield _envelope("bytes as key", payload, readings=[{**_SESSION, "k": "later-kind", b"x": 2}])
    broken = _replaced(_text("unlock"), b"\x66\xff\xfe\xfd\xfc\xfb\xfa")
    yield _bytes("text not UTF-8", payload, broken)
    deep = {**_SESSION, "k": "later-kind", "x": [[[[1]]]]}
    yield _envelope("too deep", payload, readings=[deep])
    yield _bytes("payload empty", payload, b"")
    yield _bytes("payload is a list", payload, _encode([1, 2]))
    yield _bytes("payload is a number", payload, b"\x01")


def _payloads() -> Iterator[Case]:
    """The payload is well encoded, and a field of it is wrong."""
    refusal = Refusal.PAYLOAD
    for name in _body():
        yield Case(f"{name} is missing", "envelope", _message(_encode(_without(name))), refusal)
    yield _envelope("a field more", refusal, extra=1)
    wrong: dict[str, dict[str, Any]] = {
        "version 2": {"v": 2},
        "version true": {"v": True},
        "version 1.0": {"v": 1.0},
        "seq 0": {"seq": 0},
        "seq negative": {"seq": -1},
        "seq 2^63": {"seq": 2**63},
        "seq true": {"seq": True},
        "seq 2.0": {"seq": 2.0},
        "seq in text": {"seq": "2"},
        "prev of zeros later in the chain": {"prev": bytes(32)},
        "prev not zeros in the first": {"seq": 1},
        "prev of 31 bytes": {"prev": bytes([7]) * 31},
        "prev in text": {"prev": "7" * 32},
        "prev null": {"prev": None},
        "boot of 15 bytes": {"boot": bytes(15)},
        "up negative": {"up": -1},
        "up beyond 2^53": {"up": 2**53 + 1},
        "up false": {"up": False},
        "wall beyond 2^53": {"wall": 2**53 + 1},
        "wall before -2^53": {"wall": -(2**53) - 1},
        "wall with a fraction": {"wall": 0.5},
        "wall null": {"wall": None},
        "sync 1": {"sync": 1},
        "sync null": {"sync": None},
        "receipt reference of 31 bytes": {"rcpt": bytes(31)},
        "receipt reference empty": {"rcpt": b""},
        "receipt reference false": {"rcpt": False},
        "no reading": {"readings": []},
        "513 readings": {"readings": [{"k": "x", "t": 0, "span": 0}] * 513},
        "readings in a map": {"readings": {"0": _SESSION}},
    }
    for name, changes in wrong.items():
        yield _envelope(name, refusal, **changes)
    for name, reading in (
        ("a reading that is a number", 1),
        ("a reading without a kind", {"t": 0, "span": 0}),
        ("a reading whose kind is a number", {"k": 1, "t": 0, "span": 0}),
    ):
        yield _envelope(name, Refusal.READING, readings=[reading])


_USAGE: Final = {
    "k": "usage",
    "t": 1000,
    "span": 0,
    "active": 1,
    "regular": False,
    "session": "local",
    "locked": False,
}
_NETWORK: Final = {
    "k": "network",
    "t": 1000,
    "span": 0,
    "link": "wifi",
    "vpn": False,
    "net": bytes(8),
    "vantage": None,
}
_AIR: Final = {
    "k": "environment",
    "t": 1000,
    "span": 0,
    "sensor": "s",
    "model": "sht31",
    "temp_c": 21.5,
    "rh_pct": 50,
    "via": "i2c",
}
_BEACON: Final = {
    "k": "beacon",
    "t": 1000,
    "span": 1000,
    "scheme": "rid",
    "id": bytes(8),
    "n": 1,
    "rssi_max": -60,
    "rssi_med": -70,
    "first_t": 1,
    "last_t": 2,
}
_ADVERT: Final = {"k": "advert", "t": 1000, "span": 0, "slot_first": 1, "slot_last": 2, "ok": True}
_HEALTH: Final = {
    "k": "health",
    "t": 1000,
    "span": 0,
    "agent": "0.1.0",
    "spooled": 0,
    "rss_mb": 30,
    "cpu_pct": 0.5,
    "disk_free_mb": 1,
}
_GAP: Final = {"k": "gap", "t": 1000, "span": 0, "reason": "paused"}


def _readings() -> Iterator[Case]:
    wrong: dict[str, dict[str, Any]] = {
        "t after up": {**_SESSION, "t": _UP + 1},
        "t true": {**_SESSION, "t": True},
        "t negative": {**_SESSION, "t": -1},
        "t 1000.0": {**_SESSION, "t": 1000.0},
        "span before the boot": {**_SESSION, "span": 1001},
        "span missing": {"k": "session", "t": 1, "event": "lock"},
        "an event that is none": {**_SESSION, "event": "dance"},
        "a field that the kind does not have": {**_SESSION, "user": "zhang"},
        "activity 4": {**_USAGE, "active": 4},
        "activity true": {**_USAGE, "active": True},
        "regular 0": {**_USAGE, "regular": 0},
        "an application with an empty label": {**_USAGE, "apps": {"": 1}},
        "a label of 65 characters": {**_USAGE, "apps": {"a" * 65: 1}},
        "a label with NUL": {**_USAGE, "touched": {"a\0": 1}},
        "an application's level 4": {**_USAGE, "apps": {"a": 4}},
        "touched files negative": {**_USAGE, "touched": {"a": -1}},
        "network hash of seven bytes": {**_NETWORK, "net": bytes(7)},
        "network hash in text": {**_NETWORK, "net": "AAAAAAAAAAA="},
        "network hash missing": {key: v for key, v in _NETWORK.items() if key != "net"},
        "vantage token empty": {**_NETWORK, "vantage": b""},
        "vantage token of 513 bytes": {**_NETWORK, "vantage": bytes(513)},
        "temperature in text": {**_AIR, "temp_c": "21"},
        "temperature true": {**_AIR, "temp_c": True},
        "temperature 131": {**_AIR, "temp_c": 131},
        "humidity 100.5": {**_AIR, "rh_pct": 100.5},
        "pressure of another planet": {**_AIR, "pressure_hpa": 92_000},
        "carbon dioxide 612.5": {**_AIR, "co2_ppm": 612.5},
        "a sensor named with an escape": {**_AIR, "sensor": "\x1b[2J"},
        "a beacon seen last before first": {**_BEACON, "first_t": 3},
        "a beacon seen after the reading": {**_BEACON, "last_t": 1001},
        "a beacon's id of three bytes": {**_BEACON, "id": bytes(3)},
        "a beacon seen never": {**_BEACON, "n": 0},
        "a beacon louder than 20 dBm": {**_BEACON, "rssi_max": 21},
        "advert slots in reverse": {**_ADVERT, "slot_first": 3},
        "an agent's version in bytes": {**_HEALTH, "agent": b"0.1.0"},
        "an error code with a line end": {**_HEALTH, "errors": {"a\n": 1}},
        "processor below zero": {**_HEALTH, "cpu_pct": -0.5},
        "a gap since nothing": _GAP,
        "a gap since two things": {**_GAP, "from_t": 1, "from_boot": bytes(16)},
        "a gap that begins after its end": {**_GAP, "from_t": 1001},
        "a later kind without t": {"k": "later-kind", "span": 0},
        "a later kind with an empty name": {"k": "", "t": 0, "span": 0},
        "a later kind with t in text": {"k": "later-kind", "t": "0", "span": 0},
        "a later kind after up": {"k": "later-kind", "t": _UP + 1, "span": 0},
    }
    for name, reading in wrong.items():
        yield _envelope(name, Refusal.READING, readings=[_SESSION, reading])


# --- the collector's messages ------------------------------------------------------------------


def _by_collector(fields: Any) -> bytes:
    kid = receipt.collector_kid(keys.COLLECTOR.public_key())
    return cose.sign1(keys.COLLECTOR, _encode(fields), kid)


_RECEIPT: Final = {
    "v": 1,
    "dev": keys.DEVICE_ID,
    "through": 5,
    "head": bytes(32),
    "at": _AT_MS,
    "log": None,
}
_VANTAGE: Final = {"dev": keys.DEVICE_ID, "addr": "203.0.113.7", "at": _AT_MS}
_CONFIG: Final = {
    "v": 1,
    "dev": keys.DEVICE_ID,
    "version": 1,
    "at": _AT_MS,
    "config": {"hours": None, "net_key": bytes(32)},
}


def _receipts() -> Iterator[Case]:
    wrong: dict[str, Any] = {
        "receipt: a vantage token": _VANTAGE,
        "receipt: a configuration": _CONFIG,
        "receipt: version 2": {**_RECEIPT, "v": 2},
        "receipt: version true": {**_RECEIPT, "v": True},
        "receipt: through 0": {**_RECEIPT, "through": 0},
        "receipt: through true": {**_RECEIPT, "through": True},
        "receipt: head of 31 bytes": {**_RECEIPT, "head": bytes(31)},
        "receipt: at negative": {**_RECEIPT, "at": -1},
        "receipt: no device id": {**_RECEIPT, "dev": "Lap"},
        "receipt: without log": {key: value for key, value in _RECEIPT.items() if key != "log"},
        "receipt: log of one part": {**_RECEIPT, "log": [7]},
        "receipt: log size true": {**_RECEIPT, "log": [True, bytes(32)]},
        "receipt: log size negative": {**_RECEIPT, "log": [-1, bytes(32)]},
        "receipt: log root of 31 bytes": {**_RECEIPT, "log": [7, bytes(31)]},
        "receipt: a list": [1],
    }
    for name, fields in wrong.items():
        yield Case(name, "receipt", _by_collector(fields), Refusal.PAYLOAD)
    stranger = receipt.sign_receipt(keys.STRANGER, receipt.Receipt("lap-0001", 1, bytes(32), 0))
    yield Case("receipt: of another collector", "receipt", stranger, Refusal.HEADER)
    kid = receipt.collector_kid(keys.COLLECTOR.public_key())
    forged = cose.sign1(keys.STRANGER, _encode(_RECEIPT), kid)
    yield Case("receipt: forged", "receipt", forged, Refusal.SIGNATURE)
    yield Case("receipt: an envelope", "receipt", _GOOD, Refusal.HEADER)
    good = _by_collector(_RECEIPT)
    yield Case("receipt: oversize", "receipt", good, Refusal.OVERSIZE, 513 - len(good))


def _vantages() -> Iterator[Case]:
    wrong: dict[str, Any] = {
        "vantage: a receipt": _RECEIPT,
        "vantage: address is a name": {**_VANTAGE, "addr": "office.example"},
        "vantage: address with leading zeros": {**_VANTAGE, "addr": "203.0.113.007"},
        "vantage: address is a number": {**_VANTAGE, "addr": 3_405_803_783},
        "vantage: at in text": {**_VANTAGE, "at": "now"},
    }
    for name, fields in wrong.items():
        yield Case(name, "vantage", _by_collector(fields), Refusal.PAYLOAD)


def _configs() -> Iterator[Case]:
    settings: dict[str, Any] = {"hours": None, "net_key": bytes(32)}
    shift = {"weekday": 0, "from_min": 540, "to_min": 1080}

    def hours(**changes: Any) -> dict[str, Any]:
        shifts = [{**shift, **changes}]
        return {**settings, "hours": {"tz": "Asia/Shanghai", "shifts": shifts, "margin_min": 30}}

    wrong: dict[str, Any] = {
        "config: a receipt": _RECEIPT,
        "config: version true": {**_CONFIG, "v": True},
        "config: version 1.0": {**_CONFIG, "v": 1.0},
        "config: older than the first": {**_CONFIG, "version": 0},
        "config: device id with a line end": {**_CONFIG, "dev": "lap-0001\n"},
        "config: no network key": {**_CONFIG, "config": {"hours": None}},
        "config: network key of 31 bytes": {
            **_CONFIG,
            "config": {**settings, "net_key": bytes(31)},
        },
        "config: a field beside it that is none": {**_CONFIG, "only": "lap-0002"},
        "config: hours with a field that is none": {
            **_CONFIG,
            "config": {**settings, "hours": {**hours()["hours"], "holidays": []}},
        },
        "config: a shift with a field that is none": {**_CONFIG, "config": hours(until=1)},
        "config: a known setting beside a later one is out of range": {
            **_CONFIG,
            "config": {**settings, "later": True, "usage_s": 0},
        },
        "config: a kept beacon of a known kind with a prefix of 3 bytes": {
            **_CONFIG,
            "config": {**settings, "kept": [{"format": "ibeacon", "prefix": b"abc"}]},
        },
        "config: an interval of 0": {**_CONFIG, "config": {**settings, "usage_s": 0}},
        "config: an eighth day": {**_CONFIG, "config": hours(weekday=7)},
        "config: a shift that ends before it begins": {**_CONFIG, "config": hours(to_min=539)},
        "config: a shift of more than a day": {**_CONFIG, "config": hours(to_min=1981)},
    }
    for name, fields in wrong.items():
        yield Case(name, "config", _by_collector(fields), Refusal.PAYLOAD)
    good = _by_collector(_CONFIG)
    too_long = device_config.MAX_BYTES + 1 - len(good)
    yield Case("config: oversize", "config", good, Refusal.OVERSIZE, too_long)
