"""The month of `dingtalk_month`, as the same company would have it in Feishu."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.fakes import dingtalk
from tests.fakes.clock import FakeClock
from tests.fakes.dingtalk_month import BSSID, SERIAL, month, person
from tests.fakes.feishu import FakeFeishu, flow, result, user
from tests.fakes.vendor import Row

GROUP: Final = "6737202939523236110"
LOCATION: Final = "西湖示例大厦"
_TYPES: Final = {"USER": 0, "ATM": 5, "BOSS": 1, "SYSTEM": 4, "SELF_SERVICE": 9}


def company(clock: FakeClock, people: int = 20) -> FakeFeishu:
    """Everybody in two departments, some in both, one stranger, and a month of punches."""
    rows = [user(person(number), f"E{1001 + number}") for number in range(people)]
    made = FakeFeishu(clock, departments={"0": ["od-11", "od-12"]}, page_rows=7)
    made.users = {
        "0": [],
        "od-11": rows[: people // 2 + 2],
        "od-12": [*rows[people // 2 :], user("stranger", "X9")],
    }
    fill(made, {row["id"]: [row] for row in month(people)})
    return made


def fill(vendor: FakeFeishu, history: Mapping[int, Sequence[dingtalk.Row]]) -> None:
    """All that Feishu has of the punches whose versions these are, in the place of what it had, and
    what it makes of their days: a correction is a punch of its own, which is named in the place of
    the other one; and of several one is named, the first in and the last out."""
    vendor.flows = []
    named: dict[tuple[str, dt.date], dict[str, tuple[int, str]]] = {}
    for versions in history.values():
        flows = _flows(versions)
        vendor.flows += flows
        row, one = versions[-1], flows[-1]
        if one.get("invalid"):
            continue
        at_ms = row["userCheckTime"]
        day = dt.datetime.fromtimestamp(at_ms / 1000, dingtalk.ZONE).date()
        sides = named.setdefault((row["userId"], day), {})
        if row["sourceType"] != "SYSTEM":
            side, choose = ("came", min) if row["checkType"] == "OnDuty" else ("went", max)
            mine = at_ms, one["record_id"]
            sides[side] = choose(sides.get(side, mine), mine)
    nothing = 0, ""
    vendor.results = [
        result(
            who, day, sides.get("came", nothing)[1], sides.get("went", nothing)[1], **_lack(sides)
        )
        for (who, day), sides in named.items()
    ]


def _flows(versions: Sequence[dingtalk.Row]) -> list[Row]:
    """What was punched, and what somebody made of it later."""
    first, newest = versions[0], versions[-1]
    made = [_flow(first)]
    if newest["sourceType"] == "BOSS" and len(versions) > 1:
        made.append(_flow(newest) | {"record_id": f"{newest['id']}-corrected"})
    return made


def _flow(row: dingtalk.Row) -> Row:
    made: Row = {
        "user_id": row["userId"],
        "record_id": str(row["id"]),
        "check_time": str(row["userCheckTime"] // 1000),
        "type": _TYPES.get(row["sourceType"], 0),
        "creator_id": row["userId"],
    }
    if "invalidRecordType" in row:
        return flow(0, **made, invalid=True)
    if row["sourceType"] == "BOSS":
        return flow(2, **made | {"creator_id": "4bb6c1aa"})
    if row["sourceType"] == "ATM":
        return flow(2, **made, device_id=SERIAL)
    if "userMacAddr" in row:
        return flow(0, **made, bssid=BSSID)
    by_gps = {"ssid": "", "bssid": "", "is_wifi": False, "location_name": LOCATION}
    return flow(0, **made | by_gps, device_id=row["deviceId"])


def _lack(sides: Mapping[str, object]) -> dict[str, Any]:
    return {} if "went" in sides else {"check_out_result": "Lack"}
