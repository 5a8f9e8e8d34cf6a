"""A month of a company in the fake DingTalk, always the same, with what goes on in a real one."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from tests.fakes.clock import FakeClock
from tests.fakes.dingtalk import ZONE, FakeDingTalk, Row, punch, user

BSSID: Final = "02:11:22:33:44:55"
SERIAL: Final = "FAKE-SN-0001"
GROUP: Final = 600001
FIRST: Final = dt.date(2026, 9, 1)
DAYS: Final = 30
# GCJ-02 of 30.274085, 120.155070
SITE_GCJ: Final = (30.2717563, 120.1597646)


def at_ms(day: dt.date, hour: int, minute: int = 0, second: int = 0) -> int:
    """A time of the day in Shanghai, UTC ms."""
    moment = dt.datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=ZONE)
    return round(moment.timestamp() * 1000)


def workdays() -> list[dt.date]:
    """Mondays to Fridays of the month."""
    days = [FIRST + dt.timedelta(days=number) for number in range(DAYS)]
    return [day for day in days if day.weekday() < 5]


def person(number: int) -> str:
    """The user id of somebody; their job number is E and the number, from 1001."""
    return f"user{number:02}"


def company(clock: FakeClock, people: int = 20) -> FakeDingTalk:
    """Everybody in two departments, some in both, one stranger, and a month of punches."""
    rows = [user(person(number), f"E{1001 + number}") for number in range(people)]
    stranger = user("stranger", "X9")
    return FakeDingTalk(
        clock,
        departments={1: [11, 12]},
        users={11: rows[: people // 2 + 2], 12: [*rows[people // 2 :], stranger]},
        punches=month(people),
        user_page=7,
    )


def month(people: int) -> list[Row]:
    """In at nine and out at six, by map, Wi-Fi or machine; now and then something else."""
    rows: list[Row] = []
    for day in workdays():
        for number in range(people):
            rows += day_of(number, day, len(rows) + 1)
    return rows


def day_of(number: int, day: dt.date, first_id: int) -> list[Row]:
    """One person's punches of a day."""
    who, odd = person(number), (number + day.day) % 10
    came = at_ms(day, 8, 40 + number % 20, number)
    went = at_ms(day, 18, number % 30, number)
    common: dict[str, Any] = {"userId": who, "groupId": GROUP, "workDate": at_ms(day, 0)}
    arriving = common | _times(came, first_id)
    leaving = common | _times(went, first_id + 1)
    ins = by_map(number, **arriving, checkType="OnDuty")
    outs = by_wifi(**leaving, checkType="OffDuty")
    match odd:
        case 1:  # a machine at the door
            outs = punch(4, **leaving, deviceSN=SERIAL)
        case 2:  # forgot, and the manager put it right
            outs = punch(3, **leaving, checkType="OffDuty")
        case 3:  # punched twice in the morning: the first was not accepted
            extra = punch(2, **common | _times(came - 60_000, first_id + 2))
            return [ins, outs, extra]
        case 4:  # did not leave by any punch
            missing = common | _times(at_ms(day, 18), first_id + 1)
            outs = by_wifi(
                **missing, checkType="OffDuty", timeResult="NotSigned", sourceType="SYSTEM"
            )
        case 5:  # a way of punching that did not exist when this was written
            outs["sourceType"] = "SELF_SERVICE"
    return [ins, outs]


def by_map(number: int, **changes: Any) -> Row:
    """Within a few metres of the site."""
    latitude, longitude = SITE_GCJ
    moved = {"userLatitude": latitude + number * 1e-5, "userLongitude": longitude}
    return punch(0, **moved | {"deviceId": f"phone-{number}"} | changes)


def by_wifi(**changes: Any) -> Row:
    """On the site's access point."""
    return punch(1, **{"userMacAddr": BSSID} | changes)


def _times(ms: int, row_id: int) -> dict[str, int]:
    return {
        "id": 900_000_000_000 + row_id,
        "userCheckTime": ms,
        "gmtCreate": ms + 1000,
        "gmtModified": ms + 1000,
    }
