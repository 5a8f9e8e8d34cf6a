"""Assessments as plain values for storage and API and back, and the hash of evidence.

`decode(encode(a)) == a`, and any input of `decode` gives an assessment or a CodecError.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from zaigang_collector.matching.errors import CodecError
from zaigang_collector.matching.model import (
    Assessment,
    Claim,
    DeviceEvidence,
    Evidence,
    SiteFacts,
    TimedReading,
)
from zaigang_shared.prime import prime

VERSION: Final = 1
_BYTES: Final = frozenset(
    {"envelope", "networks", "home_networks", "travelling_networks", "settled_networks", "badges"}
)
_FLOATS: Final = frozenset({"latitude", "longitude", "accuracy_m", "radius_m"})


def encode(assessment: Assessment) -> dict[str, Any]:
    """Text, numbers, lists and maps only; bytes as hex, sets in order, NaN as text: JSON has
    none of the three."""
    return {"v": VERSION, **_plain(msgspec.to_builtins(assessment, builtin_types=(bytes,)))}


def decode(raw: object) -> Assessment:
    """Read what `encode` made, from JSON or not. Raises CodecError with the field that is wrong."""
    if not isinstance(raw, Mapping) or raw.get("v") != VERSION:
        raise CodecError(f"expected an assessment with v = {VERSION}")
    rest = {key: value for key, value in raw.items() if key != "v"}
    try:
        return msgspec.convert(_rich(rest), Assessment, builtin_types=(bytes,))
    except (msgspec.ValidationError, TypeError, ValueError, RecursionError) as error:
        raise CodecError(f"not an assessment: {error}") from error


def evidence_hash(claim: Claim, site: SiteFacts, evidence: Evidence) -> bytes:
    """SHA-256 over all that an assessment of this interval rests on, whatever its order.

    A reading is named by its envelope's hash and place, which fix its content. `known_to_ms` is
    left out: it grows while nothing new arrives, and whether the waiting time was over is part of
    the assessment.
    """
    parts = {
        "claim": _plain(msgspec.to_builtins(claim, builtin_types=(bytes,))),
        "site": _plain(msgspec.to_builtins(site, builtin_types=(bytes,))),
        "laptops": _devices(evidence.laptops),
        "nodes": _devices(evidence.nodes),
        "beacons": sorted(
            [key.hex(), slot.node_id, slot.site_id, slot.slot]
            for key, slot in evidence.beacons.items()
        ),
        "vantages": sorted(
            [key.hex(), seen.address, seen.at_ms] for key, seen in evidence.vantages.items()
        ),
        "integrity": sorted(
            [
                event.at_ms,
                event.device_id,
                event.kind,
                event.detail,
                "" if event.envelope is None else event.envelope.hex(),
            ]
            for event in evidence.integrity
        ),
    }
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    # A lone surrogate in somebody's detail is no reason to fail.
    data = text.encode("utf-8", "backslashreplace")
    return hashlib.sha256(b"zaigang/evidence/1\0" + data).digest()


def _devices(found: Iterable[DeviceEvidence]) -> list[list[Any]]:
    """Per device its watermark and one hash over its readings in order."""
    readings: dict[str, set[str]] = {}
    marks: dict[str, list[int]] = {}
    for device in found:
        readings.setdefault(device.device_id, set()).update(_names(device.readings))
        mark = -1 if device.complete_to_ms is None else device.complete_to_ms
        marks.setdefault(device.device_id, []).append(mark)
    return [
        [
            device_id,
            min(marks[device_id]),
            hashlib.sha256("\n".join(sorted(readings[device_id])).encode()).hexdigest(),
        ]
        for device_id in sorted(readings)
    ]


def _names(readings: Iterable[TimedReading]) -> Iterator[str]:
    last, name = b"", ""
    for timed in readings:
        if timed.envelope is not last:  # several of an envelope come one after the other
            last, name = timed.envelope, timed.envelope.hex()
        yield (f"{name} {timed.index} {timed.at_ms} {timed.error_ms} {timed.boot_offset_ms}")


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {
            key: sorted(map(_plain, item)) if key in _BYTES and _is_list(item) else _plain(item)
            for key, item in value.items()
        }
    if _is_list(value):
        return [_plain(item) for item in value]
    return value


def _rich(value: Any, key: str = "") -> Any:
    if isinstance(value, str) and key in _BYTES:
        return bytes.fromhex(value)
    if isinstance(value, str) and key in _FLOATS:
        return float(value)
    if isinstance(value, Mapping):
        return {name: _rich(item, str(name)) for name, item in value.items()}
    if _is_list(value):
        return [_rich(item, key) for item in value]
    return value


def _is_list(value: object) -> bool:
    return isinstance(value, (list, tuple, set, frozenset))


prime(Assessment)
