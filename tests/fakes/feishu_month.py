"""The month of `dingtalk_month`, as the same company would have it in Feishu."""

from __future__ import annotations

import datetime as dt
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
    made.flows, made.results = told(month(people))
    return made


def told(rows: list[dingtalk.Row]) -> tuple[list[Row], list[Row]]:
    """The same punches as Feishu has them, and what it makes of their days."""
    flows: list[Row] = []
    named: dict[tuple[str, dt.date], dict[str, str]] = {}
    for row in rows:
        one = _flow(row)
        flows.append(one)
        if one.get("invalid"):
            continue
        day = dt.datetime.fromtimestamp(row["userCheckTime"] / 1000, dingtalk.ZONE).date()
        sides = named.setdefault((row["userId"], day), {})
        if one["type"] != 4:
            sides[_side(row)] = one["record_id"]
    results = [
        result(who, day, sides.get("came", ""), sides.get("went", ""), **_lack(sides))
        for (who, day), sides in named.items()
    ]
    return flows, results


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


def _side(row: dingtalk.Row) -> str:
    return "came" if row["checkType"] == "OnDuty" else "went"


def _lack(sides: dict[str, str]) -> dict[str, Any]:
    return {} if "went" in sides else {"check_out_result": "Lack"}
