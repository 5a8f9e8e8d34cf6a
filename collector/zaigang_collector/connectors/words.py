"""What is said of connectors to people, in Chinese and in English.

Each says it the way a person who writes that language would. Nothing personal, no address, and of
the vendor's own words the code alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Final

from zaigang_collector.connectors.contract import Kind
from zaigang_collector.connectors.errors import ConnectorError, Reason
from zaigang_collector.connectors.state import Silence
from zaigang_collector.matching.model import Text

TITLES: Final[Mapping[str, Text]] = {
    "dingtalk": Text("钉钉", "DingTalk"),
    "wecom": Text("企业微信", "WeCom"),
    "feishu": Text("飞书", "Feishu"),
    "git": Text("Git 提交", "Git"),
}
"""What people call each source."""
LIMITS: Final[Mapping[str, Text]] = {
    "feishu": Text(
        "飞书不提供打卡坐标，也不返回被它判为无效的打卡：没有坐标、看不到无效打卡，都不说明员工有什么问题。",
        "Feishu gives no coordinates of punches, and returns none that it judged invalid: that there "
        "are no coordinates and no invalid punches here says nothing of anybody.",
    ),
    "wecom": Text(
        "企业微信不说明定位有多准、何时收到打卡，也不返回没有采用的打卡：这里看不到这些，不说明员工有什么问题。",
        "WeCom tells neither how exact a position is nor when it received a punch, and returns none that "
        "it did not accept: that these are missing here says nothing of anybody.",
    ),
    "git": Text(
        "提交里的两个时间都由作者自己的电脑写入，可以随意改；能够证明的只有本系统最早看到它的时间。"
        "没有提交不说明没有工作。",
        "Both times of a commit are written by its author's own machine, which can choose them freely; "
        "only when it was first seen here can be proved. That there are no commits says nothing.",
    ),
}
"""What a source can never tell, to be read wherever its clock-ins are judged."""
KINDS: Final[Mapping[Kind, Text]] = {
    Kind.PEOPLE: Text("人员", "people"),
    Kind.PUNCHES: Text("打卡记录", "punches"),
    Kind.CHECK_INS: Text("签到记录", "check-ins"),
    Kind.LEAVE: Text("请假", "leave"),
    Kind.APPROVALS: Text("审批", "approvals"),
    Kind.EVENTS: Text("业务行为", "business events"),
    Kind.WORK_LOGS: Text("工作日志", "work logs"),
}
"""What each kind is called in sentences."""

_WHY: Final[Mapping[Reason, Text]] = {
    Reason.UNREACHABLE: Text(
        "连不上，请检查本机网络、防火墙和配置里的地址",
        "it cannot be reached; look at this machine's network, the firewall and the address that "
        "is configured",
    ),
    Reason.TIMEOUT: Text(
        "迟迟不应答，过一会儿会再试", "it does not answer in time; it will be asked again"
    ),
    Reason.BROKEN: Text(
        "对方系统繁忙或出错，过一会儿会再试", "it says that it is not well; it will be asked again"
    ),
    Reason.GARBLED: Text(
        "应答读不懂，像是被截断，或被代理、登录页顶替，过一会儿会再试",
        "its answers cannot be read, as if cut off, or as if something in between answered in its "
        "place; it will be asked again",
    ),
    Reason.THROTTLED: Text(
        "调用太频繁被限流，过一会儿会再试",
        "it is asked too often and holds us back; it will be asked again",
    ),
    Reason.BANNED: Text(
        "本机地址被临时封禁，几分钟后会再试；若一直如此，请查一查是不是代理拦下了请求",
        "it has shut out our address for some minutes, or a proxy in between answers in its place; "
        "it will be asked again",
    ),
    Reason.QUOTA: Text(
        "本月的调用次数用完了，请升级套餐，或把轮询间隔调大",
        "this month's calls are used up; buy more, or ask less often",
    ),
    Reason.TOKEN: Text(
        "刚取得的访问凭证也被拒绝，请看应用是否已停用",
        "it refuses even a new access token; see whether the application was disabled",
    ),
    Reason.CREDENTIALS: Text(
        "应用的 key 或 secret 不对，请对照开放平台后台重新填写",
        "key or secret of the application are wrong; copy them again from the vendor's console",
    ),
    Reason.SECRET: Text(
        "这一项用的 secret 不对，各应用的 secret 不同，请对照管理后台重新填写",
        "the secret for this is wrong; each application has its own, copy it again from the "
        "vendor's console",
    ),
    Reason.ADDRESS: Text(
        "本机的出口 IP 不在允许的名单里，请在管理后台加进去",
        "it does not let itself be asked from our address; add this machine's public address to "
        "the list in the vendor's console",
    ),
    Reason.PERMISSION: Text(
        "应用没有这项权限，请在开放平台后台申请开通",
        "the application may not do this; ask for the permission in the vendor's console",
    ),
    Reason.SCOPE: Text(
        "有人不在应用的可见范围里，请在开放平台后台扩大范围",
        "somebody is not among those whom the application may see; widen its scope in the console",
    ),
    Reason.MISSING: Text(
        "配置里写的路径或文件夹找不到，或没有读取权限，请核对配置和权限",
        "what the settings name is not there, or may not be read; look at the settings and at who may "
        "read it",
    ),
    Reason.REFUSED: Text(
        "请求被拒绝，请按错误码查阅对方文档", "it refuses; look its code up in the documentation"
    ),
    Reason.STOPPED: Text("采集程序正在停止", "we were told to stop"),
}


def why(reason: Reason, code: str = "", permission: str = "") -> Text:
    """Why it does not work, with the vendor's code and the permission that is missing."""
    said = _WHY[reason]
    named = [one for one in (permission, code) if one]
    if not named:
        return said
    return Text(f"{said.zh}（{'，'.join(named)}）", f"{said.en} ({', '.join(named)})")


def why_not(error: ConnectorError) -> Text:
    """The same for an error."""
    return why(error.reason, error.code, error.permission)


def clock(at_ms: int, now_ms: int, zone: tzinfo) -> str:
    """A time as it is said on the day itself, `10:05`; of another day, with the day."""
    moment, now = (datetime.fromtimestamp(one / 1000, zone) for one in (at_ms, now_ms))
    form = "%H:%M" if moment.date() == now.date() else "%Y-%m-%d %H:%M"
    return moment.strftime(form)


def title(source: str) -> Text:
    """What people call a source."""
    return TITLES.get(source, Text(source, source))


def silent(silence: Silence, now_ms: int, zone: tzinfo) -> Text:
    """That nothing comes of a source, since when, and why: `DingTalk silent since 10:05 …`."""
    name, what = title(silence.source), KINDS[silence.kind]
    since = None if silence.since_ms is None else clock(silence.since_ms, now_ms, zone)
    zh = f"{name.zh}的{what.zh}" + (f"自 {since} 起取不到" if since else "从未取到过")
    en = f"{name.en} " + (f"silent since {since}" if since else "never answered") + f" ({what.en})"
    because = _NOT_ASKED
    if silence.reason is not None:
        because = why(silence.reason, silence.code, silence.permission)
    return Text(f"{zh}：{because.zh}", f"{en}: {because.en}")


_NOT_ASKED: Final = Text(
    "到点没有去取，请看采集程序是否在运行",
    "it was not asked when it was due: is the collector running?",
)


def not_shown(source: str) -> Text:
    """That a source does not answer for the person concerned."""
    name = title(source)
    return Text(
        f"{name.zh}没有把此人列入应用的可见范围，取不到打卡",
        f"{name.en} does not answer for this person, who is not in the application's scope",
    )


def may_be_missing(because: Text) -> Text:
    """What that means for whoever reads a verdict. Never: that somebody was absent."""
    return Text(
        f"{because.zh}。这段时间的打卡可能还没有传到，不能据此认为没有打卡。",
        f"{because.en}. Clock-ins of this time may not have come yet: that none is here says "
        "nothing.",
    )


def may_be_exempt(because: Text) -> Text:
    """The same where leave, trips, outings or corrections come from there."""
    return Text(
        f"{because.zh}。这段时间的请假、出差、外出或补卡可能还没有传到，不能据此认为没有。",
        f"{because.en}. Leave, trips, outings or corrections of this time may not have come yet: that "
        "none is here says nothing.",
    )
