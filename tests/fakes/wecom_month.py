"""The month of `dingtalk_month` as the same company would have it in WeCom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.fakes import dingtalk_month
from tests.fakes.clock import FakeClock
from tests.fakes.dingtalk_month import BSSID, SITE_GCJ, person
from tests.fakes.wecom import SENTINEL, FakeWeCom, Row, approval, check_in, corrected, swipe

GROUP: Final = 11
APPROVED: Final = 2
TAKEN_BACK: Final = 6
_TYPES: Final = {"OnDuty": "上班打卡", "OffDuty": "下班打卡"}


def company(clock: FakeClock, people: int = 20) -> FakeWeCom:
    """Everybody in two departments, some in both, one stranger, and the same month of punches."""
    users = [(person(number), 11) for number in range(people // 2 + 2)]
    users += [(person(number), 12) for number in range(people // 2, people)]
    made = FakeWeCom(
        clock,
        users=[*users, ("stranger", 12)],
        departments={1: 0, 11: 1, 12: 1},
        user_page=7,
        number_page=9,
    )
    fill(made, {row["id"]: [row] for row in dingtalk_month.month(people)})
    return made


def fill(vendor: FakeWeCom, history: Mapping[int, Sequence[Row]]) -> None:
    """All that WeCom has of the punches whose versions these are, in the place of what it had."""
    vendor.check_ins, vendor.swipes, vendor.approvals = [], [], {}
    for versions in history.values():
        add(vendor, versions)


def add(vendor: FakeWeCom, versions: Sequence[Row]) -> None:
    """What WeCom has of one of DingTalk's rows. It keeps no punches that it does not accept; the first
    word of a check-in stays; and who forgot one has it approved, until the approval is taken back."""
    row = versions[-1]
    if "invalidRecordType" in row:
        return
    approved = [one for one in versions if one["sourceType"] == "BOSS"]
    own = [one for one in versions if one["sourceType"] not in ("BOSS", "SYSTEM")]
    if approved and not own:
        state = APPROVED if row["sourceType"] == "BOSS" else TAKEN_BACK
        at_s, number = approved[0]["userCheckTime"] // 1000, f"2026{row['id'] % 10**8:08}"
        form = [corrected(at_s, "下班缺卡")]
        asked_s = approved[0]["gmtModified"] // 1000
        made = approval(number, row["userId"], 2, apply_time=asked_s, form=form, sp_status=state)
        vendor.approvals[number] = made
        return
    first = own[0] if own else row
    who, at_s = first["userId"], first["userCheckTime"] // 1000
    common = {"userid": who, "checkin_time": at_s, "checkin_type": _TYPES[first["checkType"]]}
    if first["sourceType"] == "SYSTEM":
        vendor.check_ins.append(nobody(**common, sch_checkin_time=at_s))
    elif first.get("deviceSN"):
        vendor.swipes.append(swipe(userid=who, checkin_time=at_s))
        vendor.check_ins.append(by_group(**common))
    elif first.get("userMacAddr"):
        vendor.check_ins.append(by_wifi(**common))
    else:
        vendor.check_ins.append(by_map(**common, deviceid=first["deviceId"]))


def by_map(**changes: Any) -> Row:
    """At the site, without a network."""
    latitude, longitude = SITE_GCJ
    place = {"lat": round(latitude * 1e6), "lng": round(longitude * 1e6)}
    return check_in(0, **place | {"groupid": GROUP, "wifimac": "", "wifiname": ""} | changes)


def by_wifi(**changes: Any) -> Row:
    """On the site's access point, without coordinates."""
    return check_in(0, **{"lat": 0, "lng": 0, "groupid": GROUP, "wifimac": BSSID} | changes)


def by_group(**changes: Any) -> Row:
    """By the rule's group alone, as where a machine handed it over."""
    bare = {"lat": 0, "lng": 0, "wifimac": "", "wifiname": "", "deviceid": ""}
    return check_in(0, **bare | {"groupid": GROUP} | changes)


def nobody(**changes: Any) -> Row:
    """The row that says that nobody punched."""
    return check_in(2, **{"groupid": GROUP, "notes": SENTINEL} | changes)
