"""Sentences for what was expected, claimed and left over, in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from zaigang_collector.attendance.calendars import Meaning, Origin
from zaigang_collector.attendance.days import Standing
from zaigang_collector.attendance.intervals import Ended, Role, Why
from zaigang_collector.attendance.model import ExemptionKind
from zaigang_collector.attendance.planning import Because, PlannedDay


@dataclass(frozen=True, slots=True)
class Words:
    """The same in both languages."""

    zh: str
    en: str


ROLES: Final[Mapping[Role, Words]] = {
    Role.OPENED: Words("上班卡，出勤区间由此开始", "opens the interval"),
    Role.REPEATED: Words(
        "重复的上班卡，归入同一区间", "punched in again: part of the same interval"
    ),
    Role.LEFT: Words("下班卡，出勤区间到此结束", "ends the interval"),
    Role.LEFT_EARLIER: Words(
        "几分钟内又打了下班卡，以最后一次为准",
        "punched out again within minutes: the later punch holds",
    ),
    Role.REPLACED: Words(
        "已被补卡替代，仍作为当时所在位置的依据",
        "a correction stands in for it; it still tells where the person was",
    ),
}

ENDED: Final[Mapping[Ended, Words]] = {
    Ended.OUT: Words("以下班卡为准", "ended by the out-punch"),
    Ended.SHIFT: Words(
        "没有下班卡，按班次的结束时间计", "no out-punch: taken to end with the shift"
    ),
    Ended.MOVED_ON: Words(
        "没有下班卡，到下一次上班卡为止",
        "no out-punch: taken to end with the next in-punch",
    ),
}

WHY: Final[Mapping[Why, Words]] = {
    Why.NO_IN: Words("之前没有上班卡，无法组成区间", "there is no in-punch before it"),
    Why.TOO_LATE: Words(
        "距上一次上班卡太久，不能算作那一次的下班卡",
        "too long after the last in-punch to belong to it",
    ),
    Why.NO_SHIFT: Words(
        "没有下班卡，当天也没有班次可以推知结束时间，不作猜测",
        "no out-punch, and no shift that tells when it ended: not guessed",
    ),
    Why.REPLACED: Words("已被补卡替代", "a correction stands in for it"),
}

STANDINGS: Final[Mapping[Standing, Words]] = {
    Standing.ONGOING: Words("当天尚未结束，暂不判断", "not over yet: nothing is said of it"),
    Standing.EXEMPT: Words("应出勤的时段均已豁免", "exempt for all expected hours"),
    Standing.CLAIMED: Words("有打卡记录", "claimed"),
    Standing.PARTLY_CLAIMED: Words(
        "有打卡记录，另有应出勤的时段没有打卡", "claimed in part: some expected hours are not"
    ),
    Standing.OFF: Words("休息日，也没有打卡记录", "no work expected, none claimed"),
    Standing.NO_CLAIM: Words(
        "应出勤，但没有打卡记录；没有记录不等于缺勤",
        "work was expected and there is no claim; a missing record is not an absence",
    ),
    Standing.UNKNOWN: Words(
        "无法得知当天是否应出勤，也没有打卡记录",
        "whether work was expected is not known, and there is no claim",
    ),
}

EXEMPTIONS: Final[Mapping[ExemptionKind, Words]] = {
    ExemptionKind.LEAVE: Words("请假", "leave"),
    ExemptionKind.BUSINESS_TRIP: Words("出差", "business trip"),
    ExemptionKind.HOME_WORKING: Words("居家办公", "home working"),
    ExemptionKind.CLIENT_MEETING: Words("已申报的客户会议", "declared client meeting"),
    ExemptionKind.DEVICE_REPAIR: Words("设备送修", "device in repair"),
}

_BECAUSE: Final[Mapping[Because, Words]] = {
    Because.ROSTER: Words("排班表安排了班次", "the roster has a shift"),
    Because.ROSTER_OFF: Words("排班表安排了休息", "the roster says off"),
    Because.NO_HOURS: Words("没有适用的班次", "no shift holds for this person"),
    Because.WHOSE_DAY: Words(
        "当天是补班日，但此人的班次不是周一至周五，无法得知是否轮到；请用排班表写明",
        "a make-up workday, and the person's week is not Monday to Friday: whether it is theirs "
        "is not known; say it in a roster",
    ),
    Because.SITES_DISAGREE: Words(
        "当天分派了多个地点，各地点是否上班不一致；请用排班表写明",
        "several sites on this day, and not all of them work; say it in a roster",
    ),
}


def expected(planned: PlannedDay) -> Words:
    """Why work was, was not, or may have been expected."""
    match planned.because:
        case Because.CALENDAR:
            return _calendar(planned)
        case Because.WEEK:
            return _week(planned)
        case Because.NO_CALENDAR:
            return no_calendar(planned)
        case _:
            return _BECAUSE[planned.because]


def no_calendar(planned: PlannedDay) -> Words:
    """Said loudly: without holidays nobody can say whose day it is."""
    year = planned.day.year
    if planned.calendar.origin is Origin.NO_DATA_FOR_YEAR:
        return Words(
            f"没有 {year} 年的节假日数据：请导入公司的日历，或更新程序",
            f"no holiday data for {year}: import the company's calendar or update",
        )
    zone = planned.calendar.reason_en
    return Words(
        f"没有 {zone} 时区所在地 {year} 年的节假日数据：请导入该地点的日历",
        f"no holiday data for {year} in {zone}: import the site's calendar",
    )


def _calendar(planned: PlannedDay) -> Words:
    said = planned.calendar
    is_off = said.meaning is Meaning.DAY_OFF
    if said.origin is Origin.STATUTORY:
        if is_off:
            return Words(
                f"法定节假日安排：{said.reason_zh}", f"statutory holiday: {said.reason_en}"
            )
        return Words(f"调休补班：{said.reason_zh}", f"make-up workday for {said.reason_en}")
    whose = _whose(said.origin)
    zh, en = ("休息日", "day off") if is_off else ("工作日", "workday")
    because = f"（{said.reason_zh}）" if said.reason_zh else ""
    why = f" ({said.reason_en})" if said.reason_en else ""
    return Words(f"{whose.zh}：{zh}{because}", f"{whose.en}: {en}{why}")


def _week(planned: PlannedDay) -> Words:
    if planned.stretches:
        return Words("按每周班次应出勤", "a working day of the weekly hours")
    return Words("按每周班次休息", "no working day of the weekly hours")


def _whose(origin: Origin) -> Words:
    if origin is Origin.SITE:
        return Words("地点日历", "the site's calendar")
    return Words("公司日历", "the company's calendar")
