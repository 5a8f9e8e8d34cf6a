"""A month of a company in the fake DingTalk, always the same, with what goes on in a real one."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from tests.fakes.clock import FakeClock
from tests.fakes.dingtalk import ZONE, FakeDingTalk, Row, punch, user

BSSID: Final = "02:11:22:33:44:55"
SERIAL: Final = "FAKE-SN-0001"
GROUP: Final = 600001
FIRST: Final = dt.date(2026, 9, 1)
DAYS: Final = 30
_HOUR_MS: Final = 3_600_000
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
    came = at_ms(day, 8, 40 + number % 20, number % 60)
    went = at_ms(day, 18, number % 30, number % 60)
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


@dataclass(frozen=True, slots=True)
class Told:
    """One version of a row, and from when on it is told (UTC ms)."""

    from_ms: int
    row: Row


def story(people: int) -> list[Told]:
    """The month as it comes about: each row from when it is told, and what is made of it later, as
    far as each system knows a way to tell it. A later version of an id takes the place of the earlier
    one."""
    made: list[Told] = []
    rows = month(people)
    for index, row in enumerate(rows):
        hours = (
            40 if index % 23 == 7 and _is_own(row) else 0
        )  # the phone had no network until the day after
        made.append(Told(row["gmtCreate"] + hours * _HOUR_MS, row))
        later = _later(index, row)
        made += [Told(at_ms, newer) for at_ms, newer in later]
        if index % 17 == 3 and not later and _is_own(row) and row["checkType"] == "OffDuty":
            again = row["userCheckTime"] + 4 * 60_000  # was not sure, and punched out once more
            more = {"id": row["id"] + 50_000_000, "userCheckTime": again, "gmtCreate": again}
            made.append(Told(again, row | more))
    return sorted(made, key=lambda one: (one.from_ms, one.row["id"]))


def as_of(told: list[Told], now_ms: int) -> dict[int, list[Row]]:
    """By id the versions that were told until now, the newest last."""
    found: dict[int, list[Row]] = {}
    for one in told:
        if one.from_ms <= now_ms:
            found.setdefault(one.row["id"], []).append(one.row)
    return found


def _later(index: int, row: Row) -> list[tuple[int, Row]]:
    """What becomes of a row after a day or two."""
    ms = row["userCheckTime"]
    if "invalidRecordType" in row:
        return []
    if row["sourceType"] == "SYSTEM" and index % 2:  # forgot, and had it put right
        return [(ms + 30 * _HOUR_MS, _by_manager(row, ms + 7 * 60_000, ms + 30 * _HOUR_MS))]
    if row["sourceType"] == "BOSS" and index % 4 == 1:  # that was a mistake
        gone = {"sourceType": "SYSTEM", "timeResult": "NotSigned"}
        return [(ms + 50 * _HOUR_MS, row | gone | {"gmtModified": ms + 50 * _HOUR_MS})]
    if _is_own(row) and index % 19 == 5:  # the manager says so as well
        return [(ms + 60 * _HOUR_MS, _by_manager(row, ms, ms + 60 * _HOUR_MS))]
    return []


def _by_manager(row: Row, at_ms: int, told_ms: int) -> Row:
    kept = {name: row[name] for name in ("id", "userId", "groupId", "workDate", "checkType")}
    return punch(3, **kept, userCheckTime=at_ms, gmtCreate=row["gmtCreate"], gmtModified=told_ms)


def _is_own(row: Row) -> bool:
    return "invalidRecordType" not in row and row["sourceType"] == "USER"
