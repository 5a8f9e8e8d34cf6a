"""The facts that a rule may speak of: name, type, unit, meaning, and when one is unknown. Pure.

docs/rules.md has this table; a test holds the two against each other.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from zaigang_collector.matching.model import Text

Value: TypeAlias = bool | float | str
Facts: TypeAlias = Mapping[str, Value]
"""By name; one that is not in it is unknown."""


class Kind(enum.StrEnum):
    """What a fact is."""

    NUMBER = "number"
    YES_NO = "yes/no"
    WORD = "word"


class Grain(enum.StrEnum):
    """Of what a fact is, and once for what a rule is asked."""

    INTERVAL = "interval"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Fact:
    """One of them."""

    name: str
    grain: Grain
    kind: Kind
    unit: str
    about: Text
    unknown: Text
    """When nobody knows it."""


_NEVER: Final = Text("总是已知", "always known")
_NO_READINGS: Final = Text(
    "读数已按期删除、正在重新核验，或员工没有设备",
    "the readings are deleted by age, it is being judged anew, or the person has no device",
)
_NOT_TOLD: Final = Text("电脑状态不完全清楚", "what the laptop did is not known throughout")
_NO_SOURCE: Final = Text(
    "没有接入能回答此人业务行为的系统", "no source of business events answers for this person"
)
_NO_LOGS: Final = Text("没有接入工作日志", "no source of work logs answers for this person")


def _fact(
    name: str, grain: Grain, kind: Kind, unit: str, zh: str, en: str, unknown: Text = _NEVER
) -> Fact:
    return Fact(name, grain, kind, unit, Text(zh, en), unknown)


def _minutes(name: str, zh: str, en: str, unknown: Text = _NO_READINGS) -> Fact:
    return _fact(name, Grain.INTERVAL, Kind.NUMBER, "min", zh, en, unknown)


def _yes(name: str, zh: str, en: str, unknown: Text = _NEVER) -> Fact:
    return _fact(name, Grain.INTERVAL, Kind.YES_NO, "", zh, en, unknown)


_CLAIM: Final = (
    _fact(
        "site_kind", Grain.INTERVAL, Kind.WORD, "",
        "打卡地点的类型：client 客户、branch 分支、home 居家",
        "the kind of the claimed site: client, branch, home",
        Text("地点已删除", "the site is deleted"),
    ),
    _minutes("claimed_min", "出勤区间的长度", "the length of the interval", _NEVER),
    _yes("own_word", "上班打卡是本人或考勤机打的，不是主管或审批补的",
         "the clock-in is the person's own or a terminal's, not a correction by others"),
    _yes("terminal", "上班打卡来自考勤机", "the clock-in was made at a terminal"),
    _yes("mock_location", "来源系统标记了虚拟定位", "the source flags a mock location"),
    _yes("duplicate_device", "来源系统标记了同一设备多人打卡",
         "the source flags one device that punches for several people"),
    _fact("device_people", Grain.INTERVAL, Kind.NUMBER, "people",
          "当天用同一部手机打卡的人数（含本人）",
          "how many people, this one among them, punched with this phone on this day",
          Text("来源系统不提供设备编号", "the source does not tell the device")),
    _fact("spot_sites", Grain.INTERVAL, Kind.NUMBER, "sites",
          "10 分钟内、在 100 米范围内打卡所声称的不同驻场地点数（取最大值）",
          "the most different sites claimed within 10 min from within 100 m",
          Text("打卡没有可用的坐标", "the punches have no usable position")),
    _fact("exempt_min", Grain.INTERVAL, Kind.NUMBER, "min",
          "区间内已获批准的请假、出差、居家、客户会议、设备维修",
          "approved leave, trips, home working, client meetings and repairs within the interval"),
    _yes("source_silent", "打卡来源系统可能漏报（失联或不回答此人）",
         "a source of these clock-ins is silent, or does not answer for this person"),
)  # fmt: skip
_ASSESSED: Final = (
    _fact("presence", Grain.INTERVAL, Kind.WORD, "",
          "在场结论：confirmed、contradicted、unverified、exempt",
          "the answer about presence: confirmed, contradicted, unverified, exempt",
          Text("审批在核验之后有变化，正在重新核验", "exemptions changed since; it is being judged anew")),
    _yes("provisional", "结论还在等待设备补传", "the answer waits for devices to deliver"),
    _yes("held_together", "同一地点多数人同时显示不在场", "many at the site seem absent at once"),
    _fact("coverage_share", Grain.INTERVAL, Kind.NUMBER, "1",
          "证据覆盖出勤区间的比例", "share of the interval that evidence covers"),
    _fact("presence_share", Grain.INTERVAL, Kind.NUMBER, "1",
          "有证据的时间里可认定在场的比例", "share of the covered time in which presence counts as likely",
          Text("没有任何证据", "no evidence at all")),
    _minutes("absence_min", "与打卡相矛盾的时长合计", "the time that contradicts the claim, in all", _NEVER),
    _minutes("longest_absence_min", "与打卡相矛盾的最长一段", "the longest stretch of it", _NEVER),
    _minutes("present_before_min", "首段矛盾之前可认定在场的时长",
             "likely presence before the first such stretch", _NEVER),
    _yes("travel_impossible", "两次打卡之间的速度不可能", "two punches are an impossible step apart"),
    _yes("outside_fence", "打卡坐标（计入精度）在围栏之外",
         "the punches' positions are outside the fence, their accuracy considered",
         Text("没有可用坐标，或地点没有围栏", "no usable position, or no fence")),
)  # fmt: skip
_DEVICES: Final = (
    _minutes("first_use_min", "打卡到首次使用电脑（5 分钟粒度，全程未用则为区间长度）",
             "from clock-in to the first use of a laptop, in steps of 5 min; the whole interval where there was none",
             _NOT_TOLD),
    _minutes("login_gap_min", "打卡到首次开机、登录、解锁、唤醒或使用电脑",
             "from clock-in to the first boot, login, unlock, resume or use of a laptop", _NOT_TOLD),
    _minutes("use_min", "有人操作电脑的时长（含远程）", "time with input on a laptop, also from afar"),
    _minutes("remote_min", "通过远程控制操作的时长", "time of input through a remote-control session"),
    _minutes("regular_min", "输入过于规律的时长", "time of input too regular for a hand"),
    _minutes("tireless_min", "操作从未间断的最长一段", "the longest stretch with input in every 5 min"),
    _minutes("home_use_min", "在确认固定于家中的网络上有本机操作的时长",
             "local input on a home network that is known to stay at home"),
    _yes("first_use_home", "首次使用电脑时连着确认固定于家中的网络",
         "the first use was on a home network that is known to stay at home", _NOT_TOLD),
    _minutes("egress_home_min", "出口地址属于登记的家庭网段的时长",
             "time with an egress address in the registered home's ranges"),
    _minutes("site_network_min", "电脑连着驻场地点网络的时长", "time on the site's network"),
    _minutes("air_against_min", "随身空气与现场空气不一致的时长（露点为准）",
             "time in which the air at the person does not match the site's, by dew point"),
    _fact("dewpoint_diff_k", Grain.INTERVAL, Kind.NUMBER, "K",
          "不一致时段的露点差中位数（随身减现场）",
          "median difference of dew points in that time, carried minus site",
          Text("没有随身传感器或现场节点，或从未不一致", "no carried sensor or node, or no difference")),
    _fact("temp_diff_c", Grain.INTERVAL, Kind.NUMBER, "°C",
          "不一致时段的温度差中位数（随身减现场）",
          "median difference of temperatures in that time, carried minus site",
          Text("同上", "as above")),
    _fact("warmed_min", Grain.INTERVAL, Kind.NUMBER, "min",
          "只有温度不同、露点一致（传感器被捂热）的时长",
          "time in which only the temperatures differ: a warmed sensor", _NO_READINGS),
    _fact("integrity_events", Grain.INTERVAL, Kind.NUMBER, "events",
          "员工设备的完整性事件（分叉、断链、信标重放、双主机等，不含采集端自身原因）",
          "integrity events of the person's devices; the collector's own losses are none", _NO_READINGS),
    _yes("replayed_beacon", "听到的信标是重放的", "a replayed beacon was heard", _NO_READINGS),
)  # fmt: skip
_ALIKE: Final = (
    _minutes("agent_gap_min", "采集程序未运行、缺权限、传感器故障或磁盘满的时长",
             "time in which the agent did not run, lacked a permission, a sensor or disk space"),
    _minutes("paused_min", "员工暂停采集的时长", "time in which the person had paused sampling"),
    _minutes("off_hours_min", "不在采集时段的时长", "time outside sampling hours"),
    _fact("site_nodes", Grain.INTERVAL, Kind.NUMBER, "nodes", "现场节点数", "the site's nodes", _NO_READINGS),
    _minutes("node_quiet_min", "没有现场节点正常广播的时长", "time in which no node of the site is known to broadcast"),
    _minutes("radio_deaf_min", "现场节点在广播而电脑没有正常扫描的时长",
             "time in which a node broadcast and the laptop did not scan well"),
    _minutes("unsettled_min", "家庭网络尚未确认固定于家中（可能是手机热点）的时长",
             "time on a home network that may be a phone's hotspot"),
    _fact("laptops", Grain.INTERVAL, Kind.NUMBER, "devices", "有读数的员工电脑数",
          "the person's laptops with readings", _NO_READINGS),
    _yes("devices_left_out", "有设备因完整性异常或密钥吊销而未采用",
         "a device is left out after an integrity event or a revoked key", _NO_READINGS),
    _yes("network_seen_by_nobody", "地点登记了网络，当天却没有任何人的电脑见到它（网络可能已更换）",
         "the site's networks are registered and nobody's laptop saw one of them that day",
         Text("地点没有登记网络，或当天没有其他人", "no network is registered, or nobody else was there")),
)  # fmt: skip
_DAY: Final = (
    _fact("workday", Grain.DAY, Kind.YES_NO, "", "当天应出勤", "work was expected on this day",
          Text("没有当年日历，或各地点不一致", "no calendar of that year, or the sites disagree")),
    _fact("day_exempt_min", Grain.DAY, Kind.NUMBER, "min", "当天已获批准的时长", "what is approved of this day"),
    _fact("days_outside_known_places", Grain.DAY, Kind.NUMBER, "working days",
          "截至当天，连续多少个工作日的打卡坐标都不在所声称地点的围栏内（已登记的居家、分支也算已知地点）",
          "for how many working days in a row, up to this one, all positions were outside the claimed sites",
          Text("当天的打卡没有可用坐标", "the day's punches have no usable position")),
    _fact("identical_punch_days", Grain.DAY, Kind.NUMBER, "days",
          "截至当天，连续多少个出勤日的上班打卡时刻精确到秒都相同",
          "for how many days with claims in a row the first clock-in was at the same second of the day",
          Text("来源只精确到分钟，或打卡是补的", "the source tells minutes only, or the punch is a correction")),
    _fact("business_events", Grain.DAY, Kind.NUMBER, "events", "当天的业务行为数", "business events of the day", _NO_SOURCE),
    _fact("business_delay_min", Grain.DAY, Kind.NUMBER, "min",
          "当天首次打卡到首次业务行为（打卡前的也算 0；全天没有则到区间结束）",
          "from the day's first clock-in to the first business event; to the end where there was none", _NO_SOURCE),
    _fact("client_contact_gap_min", Grain.DAY, Kind.NUMBER, "min",
          "当天首次打卡之前，距最近一次客户联系多久",
          "how long before the day's first clock-in the client was last in contact", _NO_SOURCE),
    _fact("task_trace", Grain.DAY, Kind.YES_NO, "",
          "当天有任务的痕迹：日志、客户联系或任务更新",
          "there is a trace of the task: a log, client contact or a task update",
          Text("没有同时接入业务行为与工作日志", "business events and work logs are not both connected")),
    _fact("work_log_handed_in", Grain.DAY, Kind.YES_NO, "", "当天提交了工作日志", "a work log of the day was handed in", _NO_LOGS),
    _fact("work_log_names_site", Grain.DAY, Kind.YES_NO, "",
          "工作日志写的地点与打卡地点一致", "the work log names the claimed site",
          Text("没有日志，或日志没有写地点", "no log, or it names no place")),
)  # fmt: skip

FACTS: Final[Mapping[str, Fact]] = MappingProxyType(
    {one.name: one for one in (*_CLAIM, *_ASSESSED, *_DEVICES, *_ALIKE, *_DAY)}
)


def usable(grain: Grain) -> Mapping[str, Fact]:
    """What a rule that is asked once for each of these may speak of: an interval's rule of its day
    as well."""
    if grain is Grain.INTERVAL:
        return FACTS
    return {name: one for name, one in FACTS.items() if one.grain is Grain.DAY}
