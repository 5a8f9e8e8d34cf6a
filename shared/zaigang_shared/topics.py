"""The three MQTT topics of a device (protocol.md, MQTT)."""

from __future__ import annotations

from typing import Final

from zaigang_shared.identifiers import is_device_id

_ROOT: Final = "zaigang/1"
ALL_UP: Final = f"{_ROOT}/up/+"
ALL_STATE: Final = f"{_ROOT}/state/+"
SHARED_UP: Final = f"$share/collector/{ALL_UP}"


def up(device_id: str) -> str:
    """Device to collector: one envelope a message."""
    return f"{_ROOT}/up/{device_id}"


def down(device_id: str) -> str:
    """Collector to device: receipts and signed configuration."""
    return f"{_ROOT}/down/{device_id}"


def state(device_id: str) -> str:
    """Retained online/offline, for operators; never evidence."""
    return f"{_ROOT}/state/{device_id}"


def device_of(topic: str) -> tuple[str, str] | None:
    """(direction, device id) of one of our topics, or None for anything else."""
    parts = topic.split("/")
    if len(parts) != 4 or parts[:2] != ["zaigang", "1"]:
        return None
    direction, device_id = parts[2], parts[3]
    if direction not in ("up", "down", "state") or not is_device_id(device_id):
        return None
    return direction, device_id
