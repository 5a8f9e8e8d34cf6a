"""Why a verdict is what it is: one sentence each, the most important first."""

from __future__ import annotations

from zaigang_collector.matching.model import Family, Text
from zaigang_collector.matching.words import chance, claim_flag, event, length_en, length_zh

_GAPS_ZH = {
    "off_hours": "不在采集时段",
    "paused": "员工暂停了采集",
    "suspended": "电脑休眠",
    "crash": "采集程序异常退出",
    "disk_full": "磁盘已满",
    "sensor_failed": "传感器故障",
    "permission": "缺少系统权限",
}
_GAPS_EN = {
    "off_hours": "outside sampling hours",
    "paused": "paused by the employee",
    "suspended": "laptop asleep",
    "crash": "agent crashed",
    "disk_full": "disk full",
    "sensor_failed": "sensor failed",
    "permission": "permission missing",
}
_FAMILIES_ZH = {Family.RADIO: "设备位置", Family.HANDS: "设备上的本地操作", Family.AIR: "环境空气"}
_FAMILIES_EN = {
    Family.RADIO: "where the device was",
    Family.HANDS: "local input on it",
    Family.AIR: "the air",
}


def exempt(kinds: list[str]) -> Text:
    names_zh = {
        "leave": "请假",
        "business_trip": "出差",
        "home_working": "居家办公",
        "client_meeting": "客户会议",
        "device_repair": "设备维修",
    }
    zh = "、".join(names_zh.get(kind, "其他事由") for kind in kinds)
    en = ", ".join(kind.replace("_", " ") for kind in kinds)
    return Text(f"该出勤区间已获批准（{zh}），无需核验。", f"Nothing to assess: approved {en}.")


def contradicted(span: str, ms: int, posterior: float, families: list[Family]) -> Text:
    zh = "、".join(_FAMILIES_ZH.get(family, family.value) for family in families)
    en = " and ".join(_FAMILIES_EN.get(family, family.value) for family in families)
    likely = chance(posterior)
    return Text(
        f"{span}（{length_zh(ms)}）的读数与打卡相矛盾。由读数推算的平均在场概率：{likely.zh}；"
        f"相互独立的依据：{zh}。",
        f"The readings of {span} ({length_en(ms)}) contradict the clock-in: the mean probability of "
        f"presence by them is {likely.en}; independent grounds: {en}.",
    )


def incomplete(device_ids: list[str], waited_h: float) -> Text:
    names = _few(device_ids)
    return Text(
        f"等待 {waited_h:g} 小时后仍未收齐设备 {names.zh} 的读数，以上按已有证据核验。",
        f"After {waited_h:g} h of waiting the readings of {names.en} are still not complete; "
        "concluded from what there is.",
    )


def held_back(device_ids: list[str], waiting_h: float) -> Text:
    names = _few(device_ids)
    return Text(
        f"设备 {names.zh} 的读数尚未收齐，最多等待 {waiting_h:g} 小时；在此之前不作不利认定。",
        f"The readings of {names.en} are not complete yet; nothing is held against anybody before "
        f"they are, or {waiting_h:g} h have passed.",
    )


def confirmed(share: float, person_ms: int, coverage: float) -> Text:
    return Text(
        f"有证据的时间里 {share:.0%} 在驻场地点，其中有本人操作或随身信标 "
        f"{length_zh(person_ms)}；证据覆盖出勤区间的 {coverage:.0%}。",
        f"At the site for {share:.0%} of the time with evidence, with {length_en(person_ms)} of "
        f"the person's own traces there; evidence covers {coverage:.0%} of the interval.",
    )


def no_device() -> Text:
    return Text(
        "没有员工设备的任何读数：可能未分配设备、设备关机，或读数尚未送达。这不说明人不在。",
        "No readings of any device of this employee: none assigned, switched off, or not arrived. "
        "That is not absence.",
    )


def not_heard(spans: list[tuple[str, str | None]], coverage: float) -> Text:
    """`spans`: times without evidence, each with the agent's own reason where it gave one."""
    zh = "、".join(s if gap is None else f"{s}（{_GAPS_ZH.get(gap, gap)}）" for s, gap in spans)
    en = ", ".join(s if gap is None else f"{s} ({_GAPS_EN.get(gap, gap)})" for s, gap in spans)
    return Text(
        f"证据只覆盖出勤区间的 {coverage:.0%}；没有可用证据的时段：{zh}。",
        f"Evidence covers {coverage:.0%} of the interval; none for {en}.",
    )


def nobody_at_laptop(person_ms: int) -> Text:
    traces_zh = f"本人操作或随身信标合计只有 {length_zh(person_ms)}"
    traces_en = f"the person's own traces come to {length_en(person_ms)} only"
    if not person_ms:
        traces_zh = "没有本人操作或随身信标的读数"
        traces_en = "there are no traces of the person's own"
    return Text(
        f"电脑在驻场地点，但{traces_zh}：电脑在，不等于人在；没有操作，也不等于人不在。",
        f"The laptop was at the site, but {traces_en}: a laptop at a place is not its owner, and an "
        "idle one is not their absence.",
    )


def long_gap(span: str, ms: int) -> Text:
    return Text(
        f"{span}（{length_zh(ms)}）没有本人操作或随身信标的读数，无法核实这段时间。",
        f"No readings of the person's own input or badge {span} ({length_en(ms)}): that time is not "
        "known.",
    )


def together() -> Text:
    return Text(
        "同一时段此驻场地点多数人的读数都显示不在场：首先怀疑现场节点、网络等设施出了问题，"
        "不对任何个人作不利结论，请 IT 先行排查。",
        "Most people who claim these hours at this site seem absent by their readings: its node, its "
        "network or the like is the first suspect, nothing is held against anybody, and IT is to "
        "look first.",
    )


def home_beside_beacon(ms: int) -> Text:
    return Text(
        f"有 {length_zh(ms)}电脑连着登记的家庭网络，同时收到驻场信标：可能是把手机热点登记成了家庭网络，"
        "也可能是信标被转发，无法分辨。如果是热点，请本人从家庭网络中去掉它。",
        f"For {length_en(ms)} the laptop heard the site's beacon while it was on the registered home "
        "network: a phone's hotspot that is registered as home, or a beacon that is relayed; nobody "
        "can tell. If it is a hotspot, take it off the registered homes.",
    )


def home_unsettled(ms: int) -> Text:
    return Text(
        f"有 {length_zh(ms)}电脑连着登记的家庭网络，但还没有足够的已确认出勤日表明它只在家里出现"
        "（登记的也可能是手机热点，会随身带到现场），也没有其他独立依据，不作不利认定。",
        f"For {length_en(ms)} the laptop was on the registered home network, but confirmed days are too "
        "few to show that it stays at home (a phone's hotspot comes along to work), and nothing of "
        "another kind says so; not held against anybody.",
    )


def forgotten(ms: int) -> Text:
    return Text(
        f"电脑在别处闲置 {length_zh(ms)}，无人操作：可能只是忘带电脑，不作不利认定。",
        f"The laptop lay idle elsewhere for {length_en(ms)} with nobody at it: forgotten, "
        "perhaps; not held against anybody.",
    )


def one_family(span: str, families: list[Family]) -> Text:
    zh = "、".join(_FAMILIES_ZH.get(family, family.value) for family in families) or "无"
    en = " and ".join(_FAMILIES_EN.get(family, family.value) for family in families) or "none"
    return Text(
        f"{span} 的读数偏向不在驻场地点，但独立依据不足两类（现有：{zh}），不作不利认定。",
        f"The readings of {span} lean towards absence, but on fewer than two independent grounds "
        f"(only: {en}); not held against anybody.",
    )


def short_absence(span: str, ms: int, least_min: float) -> Text:
    return Text(
        f"{span}（{length_zh(ms)}）可能不在驻场地点；不足 {least_min:g} 分钟，不影响核验结果。",
        f"Away {span}, perhaps ({length_en(ms)}): shorter than the {least_min:g} min that would "
        "count.",
    )


def no_clock_out(span: str) -> Text:
    return Text(
        f"{span} 的读数偏向不在驻场地点，但此前在场，也没有下班打卡：员工并未声称留到班次结束，不作不利认定。",
        f"The readings of {span} lean towards absence, after presence, and there is no clock-out: "
        "nobody claimed to have stayed until the end of the shift; not held against anybody.",
    )


def low_share(share: float, least: float) -> Text:
    return Text(
        f"有证据的时间里，可以认定在场的占 {share:.0%}；达到 {least:.0%} 才作确认。",
        f"Presence is likely enough for {share:.0%} of the time with evidence; to confirm takes "
        f"{least:.0%}.",
    )


def no_place() -> Text:
    return Text(
        "有操作记录，但无法确定电脑位置：没有收到信标，也不在已知网络上。",
        "The laptop was in use, but its place is not known: no beacon, no known network.",
    )


def node_quiet(ms: int) -> Text:
    return Text(
        f"有 {length_zh(ms)}没有现场节点正常广播的记录；这段时间收不到信标，不说明人不在。",
        f"No node of the site is known to have broadcast for {length_en(ms)}; not hearing it then "
        "says nothing.",
    )


def remote(ms: int) -> Text:
    return Text(
        f"电脑有 {length_zh(ms)}通过远程控制操作，不能据此判断本人在哪里。",
        f"The laptop was used through a remote-control session for {length_en(ms)}; that places "
        "nobody.",
    )


def regular(ms: int) -> Text:
    return Text(
        f"有 {length_zh(ms)}的输入过于规律，无法确认是人工操作，未计入；这不说明人不在。",
        f"Input over {length_en(ms)} was too regular to be sure of a hand and is not counted; that is "
        "not absence.",
    )


def doubted(kinds: list[str]) -> Text:
    told = [event(kind) for kind in kinds]
    return Text(
        f"设备的封包链有疑点（{'、'.join(text.zh for text in told)}），暂不确认，请 IT 先核查设备；这不说明员工有任何问题。",
        f"The chain of a device is in doubt ({', '.join(text.en for text in told)}): not confirmed before IT has looked "
        "at the device; it says nothing of the employee.",
    )


def two_places(ms: int) -> Text:
    return Text(
        f"员工的两台设备（或电脑与工牌）有 {length_zh(ms)}同时在两地使用，无法判断哪一个在本人手中。",
        "Two of this employee's devices, or a laptop and the badge, were in use at two places at once "
        f"for {length_en(ms)}; which of them by the employee is not known.",
    )


def badge_missing() -> Text:
    return Text(
        "电脑在驻场地点有人操作，现场节点也正常，却始终没有听到本人的工牌：可能忘带或没电，也可能是他人在用电脑，"
        "无法分辨，暂不确认。",
        "The laptop was in use at the site and its nodes were well, yet the employee's badge was never "
        "heard: forgotten, its battery empty, or somebody else at the laptop; nobody can tell.",
    )


def tireless(span: str, ms: int) -> Text:
    return Text(
        f"{span}（{length_zh(ms)}）操作从未中断：人会停下来休息，鼠标晃动器不会；暂不确认，这不说明人不在。",
        f"Input never paused {span} ({length_en(ms)}): people pause, mouse movers do not; not confirmed, "
        "which is not absence.",
    )


def flagged(flags: list[str]) -> Text:
    told = [claim_flag(flag) for flag in flags]
    return Text(
        f"{'；'.join(text.zh for text in told)}：在向本人了解之前不作确认，也不据此认定不在场。",
        f"{'; '.join(text.en for text in told)}: not confirmed before the employee was asked, and "
        "no absence by itself.",
    )


def badge_alone() -> Text:
    return Text(
        "现场只听到工牌，没有本人的其他设备：工牌可以出借，无法判断由谁佩戴。",
        "At the site only the badge was heard, and no device of the employee's: a badge can be lent, and "
        "who wore it is not known.",
    )


def badly_dated(error_ms: int) -> Text:
    return Text(
        f"多数读数的时间只能确定到 ±{length_zh(abs(error_ms))}（电脑重启或长时间离线），"
        "证据力弱，不据此作不利认定。",
        f"Most readings are dated to ±{length_en(abs(error_ms))} only (restart, or long offline): "
        "weak evidence, not held against anybody.",
    )


def left_out(device_ids: list[str]) -> Text:
    names = _few(device_ids)
    return Text(
        f"设备 {names.zh} 因完整性异常，读数未采用，也不据此作不利认定。",
        f"The readings of {names.en} are left out after an integrity event; not held against anybody.",
    )


def revoked(device_ids: list[str]) -> Text:
    names = _few(device_ids)
    return Text(
        f"设备 {names.zh} 的密钥已吊销，吊销生效后的读数可能出自他人之手，未采用，也不据此作不利认定。",
        f"The key of {names.en} was revoked; readings that somebody else can have sealed since are left "
        "out, and not held against anybody.",
    )


def not_enough() -> Text:
    return Text(
        "现有证据既不足以确认在场，也不足以说明不在场。",
        "The evidence neither confirms nor contradicts.",
    )


def _few(names: list[str], most: int = 3) -> Text:
    shown = names[:most]
    more = len(names) > most
    return Text(
        "、".join(shown) + (f" 等 {len(names)} 台" if more else ""),
        ", ".join(shown) + (f" and {len(names) - most} more" if more else ""),
    )


def work_active(ms: int, known_ms: int) -> Text:
    return Text(
        f"设备使用：有读数的 {length_zh(known_ms)}中，有操作的时段共 {length_zh(ms)}。",
        f"Device use: input in {length_en(ms)} of the {length_en(known_ms)} with readings.",
    )


def work_idle(ms: int, known_ms: int) -> Text:
    some_zh = f"有操作的时段共 {length_zh(ms)}" if ms else "没有操作"
    some_en = f"input in {length_en(ms)}" if ms else "no input in any"
    return Text(
        f"设备使用：有读数的 {length_zh(known_ms)}中，{some_zh}；"
        "电脑空闲，不说明人在哪里、在做什么。",
        f"Device use: {some_en} of the {length_en(known_ms)} with readings; an idle laptop does not "
        "say where the person was, or what they did.",
    )


def work_unknown(known_ms: int) -> Text:
    if not known_ms:
        return Text(
            "没有设备使用的读数，不判断工作状态。", "No readings of device use: work is not judged."
        )
    return Text(
        f"设备使用的读数只有 {length_zh(known_ms)}，不判断工作状态。",
        f"Readings of device use cover {length_en(known_ms)} only; work is not judged.",
    )
