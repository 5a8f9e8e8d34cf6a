"""The fixed words of letter and report, by name. Templates say where they stand; a company that
replaces a template keeps or drops them, and finds each in `words`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from zaigang_collector.matching.model import Text
from zaigang_collector.reports.model import Conclusion

COMMON: Final[Mapping[str, Text]] = {
    "number": Text("编号", "Case"),
    "date": Text("出具时间", "Made"),
    "zone": Text("本文件中的时间均为", "All times on this paper are in"),
    "person": Text("员工", "Employee"),
    "department": Text("部门", "Department"),
    "period": Text("涉及日期", "Days concerned"),
    "list": Text("异常数据清单", "List of anomalous data"),
    "day": Text("日期", "Day"),
    "claim": Text("打卡", "Claim"),
    "place": Text("地点", "Place"),
    "device": Text("设备记录", "Device record"),
    "business": Text("业务记录", "Business record"),
    "finding": Text("核验发现", "Finding"),
    "timeline": Text("时间线", "Time line"),
    "checking": Text("如何核验", "How to verify"),
    "checkpoint": Text("账本检查点", "Ledger checkpoint"),
    "checkpoint_why": Text(
        "出具本文件时，公司的存证账本到此为止。此前的记录一经改动，检查点就对不上。请保留本文件。",
        "The company's ledger as it stood when this paper was made. If anything before it were "
        "changed, this would no longer fit. Keep this paper.",
    ),
    "no_checkpoint": Text(
        "存证账本尚无检查点，本文件暂时无法凭账本核验。",
        "The ledger has no checkpoint yet: this paper cannot be held against it.",
    ),
    "entries": Text("条记录", "entries"),
    "root": Text("根哈希", "root"),
    "scan": Text("扫码打开核验页面", "Scan to open the verification page"),
    "sign_date": Text("日期", "Date"),
    "page": Text("第", "Page"),
    "of": Text("页，共", "of"),
    "pages": Text("页", ""),
    "colon": Text("：", ": "),
}

LETTER: Final[Mapping[str, Text]] = {
    "title": Text("考勤异常确认函", "Attendance anomaly confirmation letter"),
    "to": Text("致", "To"),
    "opening": Text(
        "核对考勤时，我们发现下列打卡与其他记录对不上，想请您说明情况。这封函是询问，不是结论：在听取您的"
        "说明之前，公司不会作出任何认定。系统只提出疑问，结论由具名的审核人作出。",
        "When attendance was checked, the clock-ins below did not agree with other records, and we ask "
        "you to explain. This letter is a question and no finding: nothing is concluded before you "
        "have been heard. Software raises questions; a named person concludes.",
    ),
    "how": Text("请您这样回复", "How to reply"),
    "same_evidence": Text(
        "您在回复页面看到的证据，与人事看到的完全相同。",
        "On the reply page you see the same evidence that HR sees.",
    ),
    "attach": Text(
        "可附证明材料，例如客户签字、照片、聊天记录导出（PDF、PNG、JPEG、HEIC、XLSX）。",
        "You may attach proof, such as a client's signature, a photo, an exported chat "
        "(PDF, PNG, JPEG, HEIC, XLSX).",
    ),
    "more_time": Text(
        "时间不够可以申请延期；请假期间不计时。",
        "If you need more time, ask for it; while you are on leave the clock stands still.",
    ),
    "by_link": Text(
        "回复链接（仅限您本人使用，请勿转发）",
        "Your personal link (do not pass it on)",
    ),
    "by_paper": Text("请书面回复，交给", "Please reply in writing, to"),
    "scan_reply": Text("扫码回复", "Scan to reply"),
    "rights": Text("您的权利", "Your rights"),
    "see_all": Text(
        "您可以查看公司持有的关于您的全部数据，以及谁看过这些数据。",
        "You can see everything that is held about you, and who has looked at it.",
    ),
    "questions": Text("有疑问请联系", "Questions go to"),
    "received": Text(
        "签收（仅表示收到，不表示认可）", "Received (this confirms receipt, and nothing else)"
    ),
}

REPORT: Final[Mapping[str, Text]] = {
    "title": Text("考勤异常报告", "Attendance anomaly report"),
    "steps": Text("经过", "What happened"),
    "who": Text("经办", "By"),
    "what": Text("事项", "Step"),
    "time": Text("时间", "Time"),
    "explanation": Text("员工说明", "The employee's explanation"),
    "no_reply": Text(
        "期限内未收到说明。未回复不等于承认，结论不得仅以此为依据。",
        "No explanation came within the time. Silence is no admission, and no ground by itself.",
    ),
    "attachments": Text("随附材料", "Attached"),
    "none": Text("无", "none"),
    "conclusion": Text("查证结论", "Conclusion"),
    "reasons": Text("理由", "Reasons"),
    "by": Text("审核人", "Reviewer"),
    "proposal": Text("处理建议", "Proposal"),
    "proposal_why": Text(
        "这是按公司制度提出的建议，不会自动执行。",
        "By the company's policy. It is a proposal: nothing is done by itself.",
    ),
    "no_proposal": Text("不建议任何处理。", "Nothing is proposed."),
    "appeal": Text("申诉", "Appeal"),
    "final": Text("本结论为最终结论。", "This conclusion is final."),
    "reviewer_signs": Text("审核人签名", "Reviewer's signature"),
    "employee_signs": Text("员工签名（仅表示收到）", "Employee's signature (receipt only)"),
}

CONCLUSIONS: Final[Mapping[Conclusion, Text]] = {
    Conclusion.UNFOUNDED: Text("异常不成立", "unfounded"),
    Conclusion.SUBSTANTIATED: Text("异常属实", "substantiated"),
    Conclusion.INCONCLUSIVE: Text("无法认定", "inconclusive"),
}


def due(hours: int, by: str | None) -> Text:
    """Until when; `by` is the time as printed, None while delivery is not proved."""
    if by is None:
        return Text(
            f"请在收到本函后 {hours} 小时内回复。期限自确认送达时起算。",
            f"Please reply within {hours} hours of receiving this letter. The time runs from proven "
            "delivery.",
        )
    return Text(
        f"请在 {by} 之前回复（自确认送达起 {hours} 小时）。",
        f"Please reply before {by} ({hours} hours from proven delivery).",
    )


def silence(rule: str) -> Text:
    """What becomes of no reply."""
    if rule:
        return Text(
            f"逾期未回复，按公司已公布的《{rule}》登记为“视为默认异常”，并通知人事。这只是状态，不是结论。",
            f"Without a reply in time the case is marked as the published rule “{rule}” has it, and HR "
            "is told. That is a status and no finding.",
        )
    return Text(
        "逾期未回复，案件登记为“未回复”并通知人事，不会因此认定任何事实。",
        "Without a reply in time the case is marked “no reply” and HR is told; nothing is concluded "
        "from it.",
    )


def appeal(days: int) -> Text:
    """What a letter says of appeals."""
    return Text(
        f"对结论不服，可在结论送达后 {days} 日内申诉，由另一位审核人复核。",
        f"You can appeal within {days} days of the conclusion; somebody else will review it.",
    )


def appeal_until(by: str) -> Text:
    """What a report says of it."""
    return Text(
        f"对结论不服，可在 {by} 之前申诉，由另一位审核人复核，并可提交新的材料。",
        f"An appeal is possible until {by}, with new material; somebody else will review it.",
    )
