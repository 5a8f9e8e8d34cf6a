"""What the ledger says of the devices of a bundle: who had them, since when, and what became of them.

Part of step 9: only bodies whose entries have been checked are read. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from zaigang_shared import cbor
from zaigang_shared.bundle_case import Case, Item, moment
from zaigang_shared.bundle_report import BrokenError, Said
from zaigang_shared.errors import WireError
from zaigang_shared.ledger_entry import EntryType

_EVENTS: Final = {
    "enrolled": Said("登记入网", "enrolled"),
    "renewed": Said("更换证书", "got a new certificate"),
    "beacon_key": Said("获得信标密钥", "got a beacon key"),
    "handed_over": Said("交接", "handed over"),
    "status": Said("状态变更", "status"),
    "setting": Said("个别设置变更", "its own setting changed"),
}
_STATUS: Final = {
    "active": Said("正常", "active"),
    "lost": Said("遗失", "lost"),
    "revoked": Said("吊销", "revoked"),
    "quarantined": Said("隔离", "quarantined"),
}


def tell(case: Case) -> None:
    """A note for each event; the key that was enrolled must be the one that signs."""
    vouched: set[str] = set()
    for item, body in case.bodies(EntryType.DEVICE_EVENT):
        try:
            event = cbor.loads(body, "device event")
        except WireError:
            continue  # of a later version: it was entered, and what it says is not ours to guess
        device_id = event.get("device") if isinstance(event, dict) else None
        if not isinstance(device_id, str) or device_id not in case.keys:
            continue
        fields = event.get("fields")
        if isinstance(fields, dict):
            if _check_key(case, item, device_id, fields):
                vouched.add(device_id)
            case.notes.append(_note(item, event, fields))
    for device_id in sorted(case.keys.keys() - vouched):
        raise BrokenError(
            f"devices/{device_id}.pem",
            f"包内没有设备 {device_id} 登记入网的账本记录：证书中的公钥是否就是当时登记的，无从核对",
            f"that device {device_id} enrolled with this key is in no entry of the bundle: left out, "
            "or replaced",
        )


def _check_key(case: Case, item: Item, device_id: str, fields: Mapping[str, Any]) -> bool:
    """A certificate over another key would hold: whoever has the CA's key can make one. What was
    entered when the device enrolled cannot be made again."""
    entered = fields.get("key")
    if type(entered) is bytes and entered != case.keys[device_id].public_bytes_raw():
        raise BrokenError(
            f"devices/{device_id}.pem",
            f"证书中的公钥不是设备 {device_id} 登记时入账的公钥（{item.record}）：证书被替换",
            f"its key is not the one that was entered when device {device_id} enrolled "
            f"({item.record}): replaced",
        )
    return type(entered) is bytes


def _note(item: Item, event: Mapping[str, Any], fields: Mapping[str, Any]) -> Said:
    name = str(event.get("event"))
    what = _EVENTS.get(name, Said(name, name))
    zh, en = what.zh, what.en
    status, owner = fields.get("status"), fields.get("employee") or fields.get("site")
    if isinstance(status, str):
        word = _STATUS.get(status, Said(status, status))
        zh, en = f"{zh}：{word.zh}", f"{en}: {word.en}"
    if isinstance(owner, str):
        zh, en = f"{zh}，归属 {owner}", f"{en}, to {owner}"
    elif name == "handed_over":
        zh, en = f"{zh}：收回入库", f"{en}: into store"
    if type(fields.get("from")) is int:
        since = moment(fields["from"])
        zh, en = f"{zh}，自{since.zh} 起不再可信", f"{en}, not trusted since {since.en}"
    at = moment(item.leaf.at_ms if item.leaf is not None else 0)
    return Said(f"{at.zh}，设备 {event['device']} {zh}", f"{at.en}: device {event['device']} {en}")
