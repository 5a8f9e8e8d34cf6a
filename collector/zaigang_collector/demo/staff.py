"""Who works at the simulated client, and what really happened to each of them. Pure.

The laptops' stories are scripts for `zaigang-agent simulate` (the collector never imports the
agent); the clock-ins are what the employees claim. Times are UTC ms, minutes are of the day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
ZONE: Final = ZoneInfo("Asia/Shanghai")

SITE_ID: Final = "lujiazui"
SITE_LATITUDE: Final = 31.2397  # Lujiazui, Shanghai, WGS-84
SITE_LONGITUDE: Final = 121.4998
SITE_GATEWAY: Final = "02:00:5e:10:00:01"
THIS_MACHINE: Final = "E100"
_PLACE: Final = "lujiazui-21f"  # the node's and the visitors' piece of loop-back air


@dataclass(frozen=True, slots=True)
class Day:
    """The simulated working day. It has just ended: hours are chosen backwards from now."""

    began_ms: int
    """Where the simulated time begins: the node is on, nobody is at work yet."""
    shift_from_ms: int
    shift_to_ms: int
    ends_ms: int
    """Where the simulated time has become the real one."""

    def minute_of_day(self, at_ms: int) -> int:
        """Minutes after local midnight at the site."""
        local = datetime.fromtimestamp(at_ms / 1000, ZONE)
        return local.hour * 60 + local.minute

    def shift(self) -> tuple[int, int]:
        """From and to in minutes after local midnight; overnight ends after 1440."""
        start = self.minute_of_day(self.shift_from_ms)
        return start, start + (self.shift_to_ms - self.shift_from_ms) // MINUTE_MS


@dataclass(frozen=True, slots=True)
class Member:
    """One of the simulated staff, with the truth about the day and the answer that it calls for."""

    employee_id: str
    name: str
    truth_zh: str
    truth_en: str
    expected: str
    home_gateway: str
    script: dict[str, Any]
    in_ms: int
    out_ms: int


def the_day(now_ms: int, lead_ms: int, pass_ms: int) -> Day:
    """A day that is over at now + `pass_ms`, after `lead_ms` of simulated time for enrolment."""
    ends_ms = now_ms + pass_ms
    shift_to_ms = (ends_ms - 10 * MINUTE_MS) // MINUTE_MS * MINUTE_MS
    shift_from_ms = shift_to_ms - 9 * HOUR_MS
    return Day(shift_from_ms - 20 * MINUTE_MS - lead_ms, shift_from_ms, shift_to_ms, ends_ms)


def staff(day: Day) -> tuple[Member, ...]:
    """Four people, one of each kind."""
    arrive, leave = day.shift_from_ms - 4 * MINUTE_MS, day.shift_to_ms + 2 * MINUTE_MS
    noon = day.shift_from_ms + 3 * HOUR_MS
    gone = arrive + 40 * MINUTE_MS
    homes = [f"02:00:5e:20:00:{number:02x}" for number in range(1, 5)]
    honest = [
        _segment(day.began_ms, arrive, suspended=True),
        _at_site(arrive, noon, active=3),
        _at_site(noon, noon + HOUR_MS, locked=True),  # lunch: the laptop stays
        _at_site(noon + HOUR_MS, leave, active=3),
    ]
    left = [
        _segment(day.began_ms, arrive, suspended=True),
        _at_site(arrive, gone, active=2),
        _segment(gone, gone + 30 * MINUTE_MS, suspended=True),  # on the way
    ]
    return (
        Member(
            "E001",
            "王晓梅",
            "全天在岗",
            "at the client all day",
            "confirmed",
            homes[0],
            {"seed": 1, "segments": honest, "always": _at_home(homes[0], active=0)},
            arrive + 3 * MINUTE_MS,
            leave - MINUTE_MS,
        ),
        Member(
            "E002",
            "李建国",
            "打卡后离岗",
            "left after clocking in",
            "contradicted",
            homes[1],
            {"seed": 2, "segments": left, "always": _at_home(homes[1], active=3)},
            arrive + 4 * MINUTE_MS,
            leave - 3 * MINUTE_MS,
        ),
        Member(
            "E003",
            "赵敏",
            "从未到场（定位造假）",
            "never there (faked position)",
            "contradicted",
            homes[2],
            {"seed": 3, "always": _at_home(homes[2], active=3)},
            arrive + 2 * MINUTE_MS,
            leave - 2 * MINUTE_MS,
        ),
        Member(
            "E004",
            "陈涛",
            "电脑全天关机",
            "laptop was off",
            "unverified",
            homes[3],
            {"seed": 4, "always": {"off": True}},
            arrive + 6 * MINUTE_MS,
            leave - 4 * MINUTE_MS,
        ),
    )


def node_script() -> dict[str, Any]:
    """The site node: always on, in its room's air."""
    state = {"link": "ethernet", "gateway_mac": SITE_GATEWAY, "hears": [_PLACE]}
    return {"seed": 9, "always": state}


def clock_in_rows(members: Sequence[Member]) -> list[dict[str, str]]:
    """What the staff's phones say: every one of them was there, in and out."""
    rows = []
    for number, member in enumerate(members):
        for direction, at_ms in (("in", member.in_ms), ("out", member.out_ms)):
            rows.append(
                {
                    "source_id": f"demo-{member.employee_id}-{direction}",
                    "employee": member.employee_id,
                    "site": SITE_ID,
                    "direction": direction,
                    "punched_at": datetime.fromtimestamp(at_ms / 1000, ZONE).isoformat(),
                    "latitude": f"{SITE_LATITUDE + 0.0001 * number:.6f}",
                    "longitude": f"{SITE_LONGITUDE - 0.0001 * number:.6f}",
                    "datum": "wgs84",
                    "accuracy_m": "15",
                }
            )
    return rows


def _at_site(from_ms: int, to_ms: int, *, active: int = 0, locked: bool = False) -> dict[str, Any]:
    return _segment(
        from_ms,
        to_ms,
        session="local",
        active=active,
        locked=locked,
        link="wifi",
        gateway_mac=SITE_GATEWAY,
        hears=[_PLACE],
    )


def _at_home(gateway: str, *, active: int) -> dict[str, Any]:
    return {
        "session": "local",
        "active": active,
        "locked": active == 0,
        "link": "wifi",
        "gateway_mac": gateway,
    }


def _segment(from_ms: int, to_ms: int, **state: Any) -> dict[str, Any]:
    return {"from_utc_ms": from_ms, "to_utc_ms": to_ms, **state}
