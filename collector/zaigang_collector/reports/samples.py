"""A letter and a report about somebody who does not exist, to see what a template makes of them."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any, Final

from zaigang_collector.directory.model import Language
from zaigang_collector.drawing.labels import say
from zaigang_collector.matching.model import Text
from zaigang_collector.reports.model import (
    Anomaly,
    Attachment,
    Checkpoint,
    Conclusion,
    Drawing,
    Letter,
    Number,
    Person,
    Report,
    Step,
)

_MADE_MS: Final = 1_794_276_000_000  # 2026-11-10 10:00 in Shanghai
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_DAYS: Final = (dt.date(2026, 11, 4), dt.date(2026, 11, 5), dt.date(2026, 11, 6))
_PICTURE: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 60">'
    '<rect x="60" y="12" width="600" height="14" fill="#eceff2"/>'
    '<rect x="360" y="34" width="300" height="14" fill="#d55e00"/></svg>'
)


def letter(language: Language) -> Letter:
    """A letter with three days, as it would be sent."""
    return Letter(
        **_common(language),
        reply_url="https://zaigang.example/r/sample",
        contact="hr@zaigang.example",
        reply_hours=24,
        due_ms=None,
        appeal_days=7,
        published_rule="异地员工考勤管理办法"
        if language is Language.CHINESE
        else "Attendance rule",
    )


def report(language: Language) -> Report:
    """The report on the same days."""
    return Report(
        **_common(language),
        steps=(
            Step(_MADE_MS, Text("立案", "case opened"), "HR"),
            Step(_MADE_MS + _HOUR_MS, Text("确认函送达", "letter delivered"), "zaigang"),
            Step(_MADE_MS + 5 * _HOUR_MS, Text("员工回复", "reply handed in"), "E000"),
        ),
        explanation=say(
            Text(
                "三天都在客户会议室，电脑没有打开。",
                "I was in the client's meeting room all three days.",
            ),
            language,
        ),
        attachments=(Attachment("certificate.pdf", hashlib.sha256(b"sample").digest(), 48_200),),
        conclusion=Conclusion.INCONCLUSIVE,
        reasons=say(
            Text(
                "客户证明与访客登记不一致，无法认定。", "Certificate and visitors' book disagree."
            ),
            language,
        ),
        concluded_by=say(Text("李四", "Li Si"), language),
        concluded_ms=_MADE_MS + 2 * _DAY_MS,
        proposal=None,
        appeal_until_ms=_MADE_MS + 9 * _DAY_MS,
        appeal_days=7,
    )


def _common(language: Language) -> dict[str, Any]:
    return {
        "language": language,
        "company": say(Text("示例科技有限公司", "Example Ltd."), language),
        "case_id": "SAMPLE",
        "person": Person(
            say(Text("张三", "Zhang San"), language),
            "E000",
            say(Text("项目交付部", "Delivery"), language),
        ),
        "time_zone": "Asia/Shanghai",
        "made_ms": _MADE_MS,
        "first_day": _DAYS[0],
        "last_day": _DAYS[-1],
        "anomalies": tuple(_anomaly(day, language) for day in _DAYS),
        "drawings": (
            Drawing(_DAYS[0].isoformat(), _PICTURE, say(Text("时间线", "time line"), language)),
        ),
        "checkpoint": Checkpoint(
            "zaigang.example/log", 1234, hashlib.sha256(b"sample").digest(), _MADE_MS
        ),
        "verify_url": "https://zaigang.example/verify",
    }


def _anomaly(day: dt.date, language: Language) -> Anomaly:
    return Anomaly(
        day=day,
        claim=Text("08:00 上班打卡，无下班卡", "in at 08:00, no clock-out"),
        place=say(Text("客户甲", "Client A"), language),
        device_record=Text(
            "电脑 14:02 首次使用，接入本人登记的家庭网络",
            "laptop first used at 14:02, on the registered home network",
        ),
        business_record=Text("12:00 前没有任务更新", "no task update before 12:00"),
        finding=Text("与读数相矛盾", "contradicted"),
        numbers=(
            Number(Text("首次使用延迟", "first use after"), "362", "min"),
            Number(Text("在岗占比", "share present"), "0", "%"),
        ),
        reference="as-sample@1",
    )
