"""A report as people read it, at a labour arbitration for example: what was asked, what was found,
what it means, and what it does not prove."""

from __future__ import annotations

from typing import Any, Final

from zaigang_shared.bundle_case import moment
from zaigang_shared.bundle_report import Answer, Link, Report, Said, State

_STATE: Final = {
    State.HOLDS: Said("成立", "holds"),
    State.BROKEN: Said("不成立", "BROKEN"),
    State.NOT_NAMED: Said("自身成立", "in itself"),
    State.NOT_CHECKED: Said("未核对", "unchecked"),
}
_ANSWER: Final = {
    Answer.HOLDS: Said(
        "结论：成立。包内全部记录自签名和入账之后没有被改动，且出自您指定的信任根。",
        "ANSWER: it holds. Nothing in it was changed since it was signed and entered, and it comes "
        "from the trust root that you named.",
    ),
    Answer.BROKEN: Said(
        "结论：不成立。第一处不成立的环节是第 {number} 项，记录：{record}\n      {why}",
        "ANSWER: it does NOT hold. The first broken link is number {number}, record: {record}\n"
        "        {why}",
    ),
    Answer.UNREADABLE: Said(
        "结论：这不是可以核对的证据包。\n      {why}",
        "ANSWER: this is no evidence bundle that can be checked.\n        {why}",
    ),
    Answer.HOLDS_IN_ITSELF: Said(
        "结论：自身成立，但尚不足为证！未指定信任根，任何人都可以用自己的密钥制作这样一个文件。\n"
        "      请把上面的信任根指纹与纸面上的逐组比对，或用 --root 重新核对。",
        "ANSWER: it holds IN ITSELF, which is not enough! No trust root was named, and anybody can\n"
        "        make such a file with keys of their own. COMPARE the root fingerprint above with "
        "the\n        one on paper, or check again with --root.",
    ),
    Answer.NOT_COMPARED: Said(
        "结论：成立，但能否与另一证据包并存尚无法判断：还需要一致性证明（--consistency）。",
        "ANSWER: it holds. Whether it fits the other bundle cannot be said without --consistency.",
    ),
}
_PROVES: Final = Said(
    """\
这说明什么
  - 每个签名封包由所列设备签署，此后一个字节也没有改动；其生成时间不早于所引用的回执，
    不晚于送达时间。
  - 打卡、核验结论和判定规则在所列时间已经入账，此后没有改动。
这不说明什么
  - 不说明当时是谁在使用设备，也不说明设备所记录的就是全部事实。
  - 不说明核验结论判断正确：可用 zaigang-collector recheck 由同样的读数重新计算。
  - 没有记录不等于没有到岗；无法核实不应作为对员工不利的依据。
  - 没有外部见证或时间戳时，不能排除收集端连同账本整体重写过。
""",
    """\
What this means
  - Each envelope was signed by the device that is named, and not a byte was changed since; it was
    made after the receipt that it quotes and before it arrived.
  - Clock-ins, assessment and policy were entered at the times given, and not changed since.
What it does not prove
  - Who was using a device, nor that what a device recorded is all that happened.
  - That the assessment judges rightly: zaigang-collector recheck computes it again from the same
    readings.
  - No record is not absence; what is unverified must not be held against anybody.
  - Without an outside witness or time stamp: that the collector did not write its whole ledger anew.
""",
)


def told(report: Report, language: str) -> str:
    """The whole answer, in "zh" or "en"."""
    lines = _heading(report, language)
    lines += [_line(link, language) for link in report.links]
    if report.fingerprint is not None:
        label = Said("信任根指纹：", "Root fingerprint:")[language]
        half = len(report.fingerprint) // 2
        first, second = report.fingerprint[:half].strip(), report.fingerprint[half:].strip()
        lines += ["", label, f"    {first}", f"    {second}"]
    if report.notes:
        lines += ["", Said("说明", "Notes")[language]]
        lines += [f"  - {_plain(note[language])}" for note in report.notes]
    lines += ["", _answer(report, language)]
    if report.broken is None:
        lines += ["", _PROVES[language].rstrip("\n")]
    return "\n".join(lines) + "\n"


def _heading(report: Report, language: str) -> list[str]:
    subject: dict[str, Any] | None = report.facts.get("subject")
    if subject is None:
        return []
    begin, end = moment(subject["start_ms"])[language], moment(subject["end_ms"])[language]
    end = end.removeprefix("北京时间 ")  # said once
    name, version = _plain(subject["assessment"]), subject["version"]
    employee, site = _plain(subject["employee"]), _plain(subject["site"])
    purpose = _plain(report.facts["purpose"])
    heading = Said(
        f"证据包：核验结论 {name}（第 {version} 版）\n"
        f"  员工 {employee}，驻场地点 {site}，{begin} 至 {end}\n  用途（制作者所写，未经核对）：{purpose}\n",
        f"Evidence bundle: assessment {name}, version {version}\n"
        f"  employee {employee} at site {site}, {begin} to {end}\n  purpose, in the words of who made it, unchecked: {purpose}\n",
    )
    return [heading[language]]


def _line(link: Link, language: str) -> str:
    detail = _plain(link.detail[language])
    if link.state is State.BROKEN:
        detail = f"{_plain(link.record or '')}: {detail}"
    state, what = _STATE[link.state][language], link.what[language]
    colon = Said("：", ": ")[language] if detail else ""
    return f"{link.number:3} [{state}] {what}{colon}{detail}"


def _answer(report: Report, language: str) -> str:
    broken = report.broken
    text = _ANSWER[report.answer][language]
    if broken is None:
        return text
    return text.format(
        number=broken.number,
        record=_plain(broken.record or ""),
        why=_plain(broken.detail[language]),
    )


def _plain(text: str) -> str:
    """What a bundle says of itself must not steer the terminal, nor look like our own lines."""
    return "".join(one if one.isprintable() else "\ufffd" for one in text)
