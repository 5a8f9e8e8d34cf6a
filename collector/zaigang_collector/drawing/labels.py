"""What stands on a drawing, in Chinese and English. Short: space is what a drawing has least of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from zaigang_collector.directory.model import Language
from zaigang_collector.matching.model import Direction, Presence, Text, Work
from zaigang_collector.matching.words import VERDICTS

SIGNALS: Final[Mapping[str, Text]] = {
    "beacon": Text("信标", "Beacon"),
    "network": Text("网络", "Network"),
    "network_context": Text("网络旁证", "Network context"),
    "hands": Text("本地操作", "Local input"),
    "environment": Text("环境空气", "Air"),
    "air_movement": Text("气温起伏", "Air movement"),
    "geofence": Text("电子围栏", "Geofence"),
    "travel": Text("行程", "Travel"),
    "business": Text("业务行为", "Business events"),
    "work_log": Text("工作日志", "Work log"),
    "integrity": Text("完整性", "Integrity"),
}
"""A signal that is not here is called what the code calls it."""

DIRECTIONS: Final[Mapping[Direction, Text]] = {
    Direction.SUPPORTS: Text("支持在场", "for presence"),
    Direction.CONTRADICTS: Text("不支持在场", "against"),
    Direction.SILENT: Text("不作判断", "no opinion"),
}
MOSTLY: Final[Mapping[Direction, Text]] = {
    Direction.SUPPORTS: Text("总体支持", "mostly for"),
    Direction.CONTRADICTS: Text("总体不支持", "mostly against"),
    Direction.SILENT: Text("互相抵消", "for and against"),
}
"""Where some slots say the one and some the other."""
STRETCH_NAMES: Final[Mapping[Presence, Text]] = {
    Presence.CONFIRMED: Text("很可能在场", "likely present"),
    Presence.CONTRADICTED: Text("与打卡相矛盾", "contradicts the claim"),
    Presence.UNVERIFIED: Text("无法判断", "not known"),
    Presence.EXEMPT: Text("免核验", "exempt"),
}
"""Of a part. The whole can be unverified although all of its parts are likely, so it has other words."""
IN_DOUBT: Final = Text("有疑点", "in doubt")
NOTHING_ODD: Final = Text("无异常", "nothing odd")
"""Integrity says what evidence is worth, not where somebody was."""

WORK_TITLE: Final = Text("设备使用", "Device use")
WORK: Final[Mapping[Work, Text]] = {
    Work.ACTIVE: Text("有操作", "active"),
    Work.IDLE: Text("空闲", "idle"),
    Work.UNVERIFIED: Text("无法核实", "unverified"),
}
EXEMPTIONS: Final[Mapping[str, Text]] = {
    "leave": Text("请假", "leave"),
    "business_trip": Text("出差", "business trip"),
    "home_working": Text("居家办公", "home working"),
    "client_meeting": Text("客户会议", "client meeting"),
    "device_repair": Text("设备维修", "device repair"),
}

TITLE: Final = Text("出勤核验时间线", "Attendance time line")
PROVISIONAL: Final = Text("（暂定）", " (provisional)")
CLAIM: Final = Text("打卡", "Claim")
PUNCH_IN: Final = Text("上班打卡", "clocked in")
PUNCH_OUT: Final = Text("下班打卡", "clocked out")
SHIFT_END: Final = Text("班次结束，无下班打卡", "end of shift, no clock-out")
EXEMPT: Final = Text("免核验", "Exempt")
COVER: Final = Text("证据覆盖", "Evidence")
POSTERIOR: Final = Text("在场概率", "Probability")
POSTERIOR_MORE: Final = Text("（推算）", "of presence")
STRETCHES: Final = Text("分段结果", "By stretch")
CONFIRM_BOUND: Final = Text("确认线", "confirm")
CONTRADICT_BOUND: Final = Text("矛盾线", "contradict")
FROM: Final = Text("开始", "from")
TO: Final = Text("结束", "to")
STRETCH: Final = Text("结果", "result")
COVERED: Final = Text("有证据", "evidence")
YES: Final = Text("是", "yes")
NO: Final = Text("否", "no")
FOOT: Final = Text(
    "本图由读数推算而来，不是对任何人下的结论；结论只能由人作出，并须先听取员工本人的说明。",
    "Computed from readings; not a decision about anybody. A person concludes, and hears the "
    "employee first.",
)
POLICY: Final = Text("参数版本", "policy")

LEGEND: Final[Mapping[str, Text]] = {
    "support": Text("支持在场（向上，实心）", "for presence (up, solid)"),
    "against": Text("不支持在场（向下，斜线）", "against (down, hatched)"),
    "silent": Text("不作判断", "no opinion"),
    "punch": Text("打卡", "punch"),
    "point": Text("带坐标", "with coordinates"),
    "mock": Text("模拟定位标记", "flagged as mock location"),
    "uncovered": Text("没有证据，不等于不在", "no evidence, which is not absence"),
    "exempt": Text("免核验时段", "exempt"),
    "guess": Text("没有证据时的推算", "estimate without evidence"),
}


def say(text: Text, language: Language) -> str:
    """The one or the other."""
    return text.zh if language is Language.CHINESE else text.en


def pair(name: Text, value: Text, language: Language) -> str:
    """`name: value`, with the colon of the language."""
    colon = "：" if language is Language.CHINESE else ": "
    return say(name, language) + colon + say(value, language)


def bracketed(text: str, inside: str, language: Language) -> str:
    """`text (inside)`."""
    return f"{text}（{inside}）" if language is Language.CHINESE else f"{text} ({inside})"


def verdict_name(presence: Presence) -> Text:
    """As screens and paper call it; for stretches too."""
    return VERDICTS[presence]


def signal_name(signal: str) -> Text:
    return SIGNALS.get(signal, Text(signal, signal))


def exemption_name(kind: str) -> Text:
    return EXEMPTIONS.get(kind, Text("其他事由", kind.replace("_", " ")))
