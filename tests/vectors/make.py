"""Makes the golden vectors: `python -m tests.vectors.make` from the repository's root, and with
`--freeze` those of this release, which stay as they are for as long as its devices may speak.

Everything in them follows from the keys of RFC 8032 and the values below, so a test makes them
again and compares byte for byte. Who writes another agent or verifier starts from these files.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

import cbor2

from tests.vectors import keys, refusals
from zaigang_shared import (
    __version__,
    device_config,
    envelope,
    identifiers,
    readings,
    receipt,
    rid,
)

FOLDER: Final = Path(__file__).parent
BOOT: Final = bytes(range(16))
UTC_MS: Final = 1_790_000_000_000
# Refusals are not frozen: what a release refused, a later one may take.
FROZEN: Final = (
    "keys.json",
    "readings.json",
    "envelopes.json",
    "collector.json",
    "rid.json",
    "tokens.json",
)
_T: Final = 120_000


def vantage() -> bytes:
    """A vantage token for the device of the vectors."""
    said = receipt.Vantage(keys.DEVICE_ID, "203.0.113.7", UTC_MS)
    return receipt.sign_vantage(keys.COLLECTOR, said)


def all_readings() -> dict[str, readings.Reading]:
    """One reading of every kind, and a second where a kind has two faces."""
    at: dict[str, Any] = {"t_ms": _T, "span_ms": 60_000}
    now: dict[str, Any] = {"t_ms": _T, "span_ms": 0}
    return {
        "usage": readings.Usage(
            **at,
            active=2,
            regular=False,
            session="local",
            locked=False,
            apps={"editor": 3, "邮件": 1},
            touched={"project": 4},
        ),
        "usage, nobody": readings.Usage(**at, active=0, regular=False, session="none", locked=True),
        "session": readings.Session(**now, event="unlock"),
        "network": readings.Network(
            **now, link="wifi", vpn=True, net=bytes.fromhex("0102030405060708"), vantage=vantage()
        ),
        "network, none": readings.Network(**now, link="none", vpn=False, net=None, vantage=None),
        "environment": readings.Environment(
            **at,
            sensor="i2c-1-44",
            model="sht31",
            temp_c=21.5,
            rh_pct=45.3,
            via="i2c",
            pressure_hpa=1013.25,
            co2_ppm=612,
            temp_acc_c=0.2,
            rh_acc_pct=2.0,
            self_heat_c=1.4,
        ),
        "beacon": readings.Beacon(
            **at,
            scheme="rid",
            id=rid.rid(bytes(32), 0),
            n=17,
            rssi_max=-61,
            rssi_med=-70,
            first_t=61_000,
            last_t=119_000,
        ),
        "scan": readings.Scan(**at, adverts=1234, devices=40, healthy=True, restarts=0),
        "advert": readings.Advert(**at, slot_first=119_333_333, slot_last=119_333_336, ok=True),
        "health": readings.Health(
            **now,
            agent="0.1.0",
            spooled=3,
            rss_mb=33.5,
            cpu_pct=0.03,
            disk_free_mb=50_000,
            battery_pct=87.0,
            errors={"sensor.crc": 2},
        ),
        "gap of this boot": readings.Gap(**at, reason="paused", from_t=60_000),
        "gap since an earlier boot": readings.Gap(
            t_ms=1000, span_ms=0, reason="crash", from_boot=bytes(16)
        ),
    }


def chain() -> list[bytes]:
    """Three envelopes of one device, the last with every kind of reading and a receipt."""
    known = all_readings()
    first = _seal(1, envelope.FIRST_PREV, None, [readings.encode(known["session"])])
    later = {"k": "later-kind", "t": _T, "span": 0, "new": [1, -2.5, {"deep": b"\x01"}]}
    second = _seal(
        2, envelope.digest(first), None, [readings.encode(known["usage, nobody"]), later]
    )
    third = _seal(
        3,
        envelope.digest(second),
        envelope.digest(signed_receipt(first)),
        [readings.encode(reading) for reading in known.values()],
    )
    return [first, second, third]


def _seal(seq: int, prev: bytes, rcpt: bytes | None, raws: list[dict[str, Any]]) -> bytes:
    seal = envelope.Seal(
        keys.DEVICE_ID, seq, prev, BOOT, _T + seq * 60_000, UTC_MS + seq * 60_000, True, rcpt
    )
    return envelope.seal(keys.DEVICE, seal, raws)


def signed_receipt(first: bytes) -> bytes:
    """The collector's receipt for the first envelope."""
    said = receipt.Receipt(
        keys.DEVICE_ID,
        1,
        envelope.digest(first),
        UTC_MS + 61_000,
        receipt.LogHead(7, bytes(range(32))),
    )
    return receipt.sign_receipt(keys.COLLECTOR, said)


def signed_config() -> bytes:
    """A laptop's configuration."""
    config = device_config.DeviceConfig(
        hours=device_config.Hours(
            tz="Asia/Shanghai",
            shifts=(device_config.Shift(0, 540, 1080), device_config.Shift(4, 1320, 1800)),
            margin_min=30,
        ),
        net_key=bytes(range(32)),
        apps={"editor": ["code", "vim"]},
        kept=(device_config.Kept("ibeacon", bytes(range(16)), badge=True),),
        carried=(
            device_config.Carried(
                "desk", "bthome", bytes.fromhex("5448e68f80a5"), key=bytes(range(16))
            ),
        ),
    )
    said = device_config.SignedConfig(keys.DEVICE_ID, 3, UTC_MS, config)
    return device_config.sign_config(keys.COLLECTOR, said)


def meaning(value: Any) -> Any:
    """A decoded value in JSON: bytes become {"hex": ...}."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, dict):
        return {str(key): meaning(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [meaning(inner) for inner in value]
    return value


def _signed(data: bytes) -> dict[str, Any]:
    protected, _unprotected, payload, signature = cbor2.loads(data).value
    return {
        "hex": data.hex(),
        "sha256": envelope.digest(data).hex(),
        "protected": protected.hex(),
        "payload": meaning(cbor2.loads(payload)),
        "signature": signature.hex(),
    }


def _rid_vectors() -> list[dict[str, Any]]:
    cases = [(bytes(32), 0), (bytes(range(32)), 120_000_000), (bytes(range(32)), 2**64 - 1)]
    return [{"key": k.hex(), "slot": s, "rid": rid.rid(k, s).hex()} for k, s in cases]


def _frames() -> list[dict[str, Any]]:
    frames = [
        rid.Frame(True, False, -59, rid.rid(bytes(32), 0)),
        rid.Frame(False, True, 4, rid.rid(bytes(range(32)), 120_000_000)),
        rid.Frame(True, False, -59, rid.rid(bytes(32), 0), laptop=True),
    ]
    return [
        {
            "hex": frame.encode().hex(),
            "clock_synced": frame.clock_synced,
            "restarted": frame.restarted,
            "power_at_1m_dbm": frame.power_at_1m_dbm,
            "laptop": frame.laptop,
            "rid": frame.rid.hex(),
        }
        for frame in frames
    ]


def _tokens() -> dict[str, Any]:
    print_ = identifiers.ca_fingerprint(b"the DER of a certificate")
    token = identifiers.EnrolmentToken("k3v9x2ab", "abcdefghijklmnopqrstuvwxyz"[:26], print_)
    good = str(token)
    return {
        "good": [
            {
                "text": good,
                "id": token.id,
                "secret": token.secret,
                "ca_fingerprint": token.ca_fingerprint.hex(),
            }
        ],
        "bad": [
            {"name": "nothing", "text": ""},
            {"name": "another product", "text": good.replace("zg1", "zg2")},
            {"name": "cut off", "text": good[:-1]},
            {"name": "a part is missing", "text": good.rsplit("-", 1)[0]},
            {"name": "capitals", "text": good.upper()},
            {"name": "a digit that base32 does not have", "text": good.replace("abcdef", "abcde0")},
            {"name": "space within", "text": good.replace("-", " - ", 2)},
            {"name": "two at once", "text": good + good},
        ],
    }


def files() -> dict[str, str]:
    """File name to content of every vector file."""
    first, second, third = chain()
    contents: dict[str, Any] = {
        "keys.json": {
            "device": {
                "id": keys.DEVICE_ID,
                "seed": keys.DEVICE_SEED,
                "public": keys.DEVICE.public_key().public_bytes_raw().hex(),
            },
            "collector": {
                "kid": receipt.collector_kid(keys.COLLECTOR.public_key()).hex(),
                "seed": keys.COLLECTOR_SEED,
                "public": keys.COLLECTOR.public_key().public_bytes_raw().hex(),
            },
        },
        "readings.json": [
            {"name": name, "hex": cbor2.dumps(raw, canonical=True).hex(), "means": meaning(raw)}
            for name, reading in all_readings().items()
            for raw in [readings.encode(reading)]
        ],
        "envelopes.json": [_signed(data) for data in (first, second, third)],
        "collector.json": {
            "receipt": _signed(signed_receipt(first)),
            "vantage": _signed(vantage()),
            "config": _signed(signed_config()),
        },
        "rid.json": {"rid": _rid_vectors(), "frames": _frames()},
        "tokens.json": _tokens(),
        "refusals.json": refusals.as_json(),
    }
    return {
        name: json.dumps(content, ensure_ascii=False, indent=1) + "\n"
        for name, content in contents.items()
    }


def main() -> None:
    """Write the files beside this script; with `--freeze`, into the folder of this release."""
    made, folder = files(), FOLDER
    if sys.argv[1:] == ["--freeze"]:
        made = {name: made[name] for name in FROZEN}
        folder = FOLDER / __version__.rpartition(".")[0]
        folder.mkdir(exist_ok=True)
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
