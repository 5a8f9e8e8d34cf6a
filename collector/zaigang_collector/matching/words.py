"""The sentences of findings and verdicts, in Chinese and English, with numbers and units.

Terms are those of the domain vocabulary. The Chinese is not a translation of the English: each says
it the way a person who writes that language would.
"""

from __future__ import annotations

import datetime
import functools
import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from zaigang_collector.matching.model import Presence, Text

_HOUR_MS: Final = 3_600_000
_MINUTE_MS: Final = 60_000

VERDICTS: Final[Mapping[Presence, Text]] = {
    Presence.CONFIRMED: Text("已确认", "confirmed"),
    # The claim and the readings contradict each other: no word on who is right.
    Presence.CONTRADICTED: Text("与读数相矛盾", "contradicted"),
    Presence.UNVERIFIED: Text("无法核实", "unverified"),
    Presence.EXEMPT: Text("免核验", "exempt"),
}
"""What each answer is called, on screens and on paper."""


@dataclass(frozen=True, slots=True)
class Clockface:
    """Tells times as the site's wall clock does; in UTC, and saying so, when the zone is unknown."""

    zone: datetime.tzinfo
    suffix: str = ""

    def span(self, from_ms: int, to_ms: int) -> str:
        """`09:10-11:40`."""
        return f"{self._time(from_ms)}–{self._time(to_ms)}{self.suffix}"

    def _time(self, at_ms: int) -> str:
        moment = datetime.datetime.fromtimestamp(at_ms / 1000, self.zone)
        return f"{moment:%H:%M}"


@functools.lru_cache(maxsize=256)
def clockface(time_zone: str) -> Clockface:
    """The wall clock of an IANA zone."""
    try:
        return Clockface(zoneinfo.ZoneInfo(time_zone))
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return Clockface(datetime.UTC, " UTC")


def length_zh(ms: int) -> str:
    if 0 < ms < _MINUTE_MS // 2:
        return "不到 1 分钟"
    if ms < 2 * _HOUR_MS:
        return f"{round(ms / _MINUTE_MS)} 分钟"
    return f"{ms / _HOUR_MS:.1f} 小时"


def length_en(ms: int) -> str:
    if 0 < ms < _MINUTE_MS // 2:
        return "under 1 min"
    return f"{round(ms / _MINUTE_MS)} min" if ms < 2 * _HOUR_MS else f"{ms / _HOUR_MS:.1f} h"


def chance(probability: float) -> Text:
    """A probability for people, in per cent. Nothing that is estimated is certain: the ends are open."""
    if probability < 0.001:
        return Text("不到 0.1%", "below 0.1%")
    if probability > 0.999:
        return Text("99.9% 以上", "above 99.9%")
    return Text(f"{probability:.1%}", f"{probability:.1%}")


def joined(parts: Sequence[Text]) -> Text:
    """Several clauses as one sentence. Clauses carry no full stop."""
    zh, en = "；".join(part.zh for part in parts), "; ".join(part.en for part in parts)
    return Text(zh + "。", en[:1].upper() + en[1:] + ".")


def _punches(number: int) -> str:
    return f"{number} punch" if number == 1 else f"{number} punches"


def _slots(number: int) -> str:
    return f"{number} slot" if number == 1 else f"{number} slots"


def beacon(
    heard_ms: int, witnessed_ms: int, silent_ms: int, worn_ms: int, coverage: float | None
) -> Text:
    """`coverage`: None when silence says nothing."""
    parts = []
    if heard_ms:
        parts.append(
            Text(
                f"电脑收到驻场地点信标的时段合计 {length_zh(heard_ms)}",
                f"the laptop heard the site's beacon in slots of {length_en(heard_ms)} altogether",
            )
        )
    if witnessed_ms:
        parts.append(
            Text(
                f"现场节点收到该电脑自身信标的时段合计 {length_zh(witnessed_ms)}",
                f"the site's node heard the laptop's own beacon in slots of "
                f"{length_en(witnessed_ms)} altogether",
            )
        )
    if worn_ms:
        parts.append(
            Text(
                f"现场节点收到员工随身信标的时段合计 {length_zh(worn_ms)}",
                f"the site's node heard the carried badge in slots of {length_en(worn_ms)} altogether",
            )
        )
    if silent_ms and coverage is not None:
        parts.append(
            Text(
                f"有 {length_zh(silent_ms)}，电脑扫描正常、节点广播正常，但没有收到信标"
                f"（员工在场时，平时有 {coverage:.0%} 的时段能收到）",
                f"for {length_en(silent_ms)} the laptop heard no beacon, although it scanned well "
                f"and the node was broadcasting (heard {coverage:.0%} of the time when present)",
            )
        )
    if parts:
        return joined(parts)
    return Text("没有可用的信标读数，此项不作判断。", "No usable beacon readings: no opinion.")


def network(site_ms: int, home_ms: int) -> Text:
    parts = []
    if site_ms:
        parts.append(
            Text(
                f"电脑接入驻场地点网络 {length_zh(site_ms)}",
                f"the laptop was on the site's network for {length_en(site_ms)}",
            )
        )
    if home_ms:
        parts.append(
            Text(
                f"电脑接入本人登记的家庭网络 {length_zh(home_ms)}",
                f"the laptop was on the employee's registered home network for "
                f"{length_en(home_ms)}",
            )
        )
    if parts:
        return joined(parts)
    return Text(
        "没有接入已知网络的读数，此项不作判断。", "No readings on a known network: no opinion."
    )


def network_context(support_ms: int, against_ms: int) -> Text:
    parts = []
    if support_ms:
        parts.append(
            Text(
                f"出口地址属于驻场地点的时段 {length_zh(support_ms)}，仅供参考",
                f"egress address of the site for {length_en(support_ms)}, context only",
            )
        )
    if against_ms:
        parts.append(
            Text(
                f"处于未登记网络或家庭出口地址的时段 {length_zh(against_ms)}，仅供参考，"
                "不作为认定依据",
                f"on an unknown network or a home egress address for {length_en(against_ms)}, "
                "context only, never a ground for a verdict",
            )
        )
    if parts:
        return joined(parts)
    return Text("没有网络旁证。", "No further network context.")


def hands(site_ms: int, away_ms: int, unplaced_ms: int, remote_ms: int, regular_ms: int) -> Text:
    told: Sequence[tuple[int, str, str]] = (
        (
            site_ms,
            "电脑位于驻场地点且有本地操作 {zh}",
            "local input while the laptop was at the site for {en}",
        ),
        (
            away_ms,
            "电脑位于别处且有本地操作 {zh}",
            "local input while the laptop was elsewhere for {en}",
        ),
        (
            unplaced_ms,
            "电脑位置不明但有本地操作 {zh}",
            "local input for {en} while the laptop's place is not known",
        ),
        (
            remote_ms,
            "通过远程控制进行的操作 {zh}，不能据此判断本人在哪里",
            "input through a remote-control session for {en}, which places nobody",
        ),
        (
            regular_ms,
            "有 {zh}的输入过于规律，无法确认是人工操作，未计入",
            "input too regular to be sure of a hand for {en}, not counted",
        ),
    )
    parts = [
        Text(zh.format(zh=length_zh(ms)), en.format(en=length_en(ms))) for ms, zh, en in told if ms
    ]
    if parts:
        return joined(parts)
    return Text(
        "没有本地操作的记录；空闲不说明人在哪里。",
        "No local input recorded; idle does not say where a person is.",
    )


def geofence(
    *,
    inside: int,
    outside: Sequence[float],
    nearest_m: float | None,
    useless: int,
    mocked: int,
    fence: bool,
) -> Text:
    """`outside`: metres beyond the fence, accuracy included."""
    parts = []
    if inside:
        parts.append(
            Text(
                f"{inside} 次打卡坐标在围栏内（距中心最近 {nearest_m:.0f} 米）",
                f"{_punches(inside)} inside the fence (nearest {nearest_m:.0f} m from its centre)",
            )
        )
    if outside:
        parts.append(
            Text(
                f"{len(outside)} 次打卡坐标在围栏外，计入定位误差后仍超出 {max(outside):.0f} 米",
                f"{_punches(len(outside))} outside the fence, by {max(outside):.0f} m more than the "
                "accuracy allows",
            )
        )
    if mocked:
        parts.append(
            Text(
                f"{mocked} 次打卡被打卡系统标记为模拟定位，坐标未采用",
                f"{_punches(mocked)} flagged as mock location, not counted",
            )
        )
    if useless and fence:
        parts.append(
            Text(f"{useless} 次打卡坐标无法使用", f"{_punches(useless)} without usable coordinates")
        )
    if not fence:
        parts.append(Text("驻场地点没有可用的电子围栏", "the site has no usable geofence"))
    if parts:
        return joined(parts)
    return Text("打卡没有坐标，此项不作判断。", "No coordinates came with the punches.")


_EVENTS: Final[Mapping[str, tuple[str, str]]] = {
    "fork": ("同一序号下有两份内容不同的封包", "two different envelopes under one number"),
    "broken_chain": ("封包链前后不衔接", "a chain that does not continue itself"),
    "two_hosts": ("同一设备密钥出现在两台主机上", "one device key on two hosts"),
    "boot_time_impossible": ("设备开机时间自相矛盾", "a boot time that contradicts itself"),
    "unknown_receipt": ("封包引用了未知的回执", "an envelope that quotes an unknown receipt"),
    "collector_behind": (
        "封包引用的回执在采集端数据库中已不存在（可能恢复过较早的备份），与设备和员工无关",
        "a receipt that the collector's database no longer knows, which may have been restored from "
        "an older backup; it says nothing of the device or its owner",
    ),
    "revoked_key": (
        "设备密钥已吊销，吊销生效后可能由他人封装的读数未采用，也不据此作不利认定",
        "a revoked key: readings that somebody else can have sealed since are left out, and it is "
        "not held against anybody",
    ),
    "refused_signature": ("封包签名无效", "an envelope with a bad signature"),
    "replayed_beacon": ("收到的信标可能是重放的", "a beacon that looks replayed"),
}


def event(kind: str) -> Text:
    """An integrity event, named. Every one of them has innocent causes."""
    return Text(*_EVENTS.get(kind, ("其他完整性异常", "another integrity event")))


def integrity_event(kind: str, count: int, left_out: bool) -> Text:
    told = event(kind)
    times = "once" if count == 1 else f"{count} times"
    tail_zh = "，该设备读数不用于判断，也不据此作不利认定" if left_out else ""
    tail_en = "; its readings are left out, and it is not held against anybody" if left_out else ""
    return Text(f"{told.zh}（{count} 次）{tail_zh}", f"{told.en}, {times}{tail_en}")


def misheard(kind: str, slots: int, worst_s: float) -> Text:
    if kind == "foreign":
        return Text(
            f"{slots} 个时段收到其他地点的信标",
            f"another site's beacon was heard in {_slots(slots)}",
        )
    if kind == "unsettled":
        return Text(
            f"{slots} 个时段收到的信标与时间不符（最多差 {worst_s:.0f} 秒），而节点尚未说明自身时钟，"
            "暂不采信，也不作为疑点",
            f"a beacon out of its time was heard in {_slots(slots)}, by up to {worst_s:.0f} s, and its "
            "node has not said what its clock was: not counted, and nothing is held against anyone",
        )
    if kind == "copied":
        return Text(
            f"{slots} 个时段现场节点收到该电脑的信标，而电脑当时接入家庭网络、扫描正常却未收到现场信标："
            "信标密钥可能被复制，或家庭网络登记有误",
            f"in {_slots(slots)} the site's node heard the laptop's beacon while the laptop was on the "
            "home network, scanned well and heard none of the site's: its key may have been copied, or "
            "the home network is registered wrongly",
        )
    if kind == "stale":
        return Text(
            f"{slots} 个时段收到已过期的信标（最多迟 {worst_s:.0f} 秒），"
            "可能是录制重放，也可能是节点或电脑时钟有误",
            f"a beacon past its time was heard in {_slots(slots)}, up to {worst_s:.0f} s late: "
            "replayed, or a wrong clock at the node or the laptop",
        )
    return Text(
        f"{slots} 个时段收到尚未到时的信标（最多早 {worst_s:.0f} 秒），可能是节点或电脑时钟有误",
        f"a beacon was heard before its time in {_slots(slots)}, up to {worst_s:.0f} s early: a "
        "wrong clock at the node or the laptop",
    )


def claim_flag(flag: str) -> Text:
    if flag == "mock_location":
        return Text("打卡系统标记了模拟定位", "the source flagged a mock location")
    return Text(
        "打卡系统标记了多人共用一台打卡设备",
        "the source flagged one clock-in device for several people",
    )


def two_places(ms: int) -> Text:
    return Text(
        f"员工的两台设备（或电脑与工牌）有 {length_zh(ms)}同时在两处使用，其中一个可能由他人使用",
        "two of the employee's devices, or a laptop and the badge, were in use at different places "
        f"for {length_en(ms)}: one of them, perhaps, by somebody else",
    )


def integrity_quiet() -> Text:
    return Text("未发现完整性异常。", "No integrity anomaly found.")
