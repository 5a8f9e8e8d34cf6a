"""The words of the demo: what it is about to show, the verdicts, and where to look next."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TextIO

from zaigang_collector.bootstrap.run import Ports
from zaigang_collector.demo.answers import Interface
from zaigang_collector.demo.display import table, wrap
from zaigang_collector.demo.staff import ZONE, Day, Member

# What the other columns of the table take, and between what the reasons are readable.
_OTHER_COLUMNS: Final = 62
_REASON_COLUMNS: Final = (36, 62)
_REASONS: Final = 2  # the first says why; a second one is context; more is for the interface


def iso(at_ms: int) -> str:
    """As the interface reads it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat()


def clock_time(at_ms: int) -> str:
    """Wall-clock time at the site."""
    return datetime.fromtimestamp(at_ms / 1000, ZONE).strftime("%H:%M")


def moment(at_ms: int, newest: Mapping[str, Any]) -> str:
    """The progress line."""
    waiting = newest.get("waiting")
    told = "" if waiting is None else f", {waiting} envelopes on their way 在途封包"
    return f"{clock_time(at_ms)} in Shanghai{told}"


def introduction(day: Day, members: Sequence[Member], out: TextIO) -> None:
    """What is simulated, and that it is."""
    out.write(
        f"\nA simulated working day at a client's office in Shanghai, {clock_time(day.shift_from_ms)}"
        f" to {clock_time(day.shift_to_ms)}.\nThe hours are the last nine, whatever time it is now: "
        "the simulated day ends as you watch.\n模拟上海客户驻场的一天（刚刚过去的九小时）：\n"
    )
    out.writelines(
        f"  {member.employee_id} {member.name}  {member.truth_zh} / {member.truth_en}\n"
        for member in members
    )
    out.write("\n")
    out.flush()


def verdicts(api: Interface, members: Sequence[Member], language: str, out: TextIO) -> bool:
    """The table; returns whether all are what the truth calls for."""
    found = api.get("/api/v1/assessments", {"limit": "100"})["items"]
    by_person = {item["employee"]: item for item in found}
    columns = _columns(out)
    rows = [
        _row(member, by_person.get(member.employee_id), language, columns) for member in members
    ]
    out.write("\n")
    header = ("who 员工", "truth 真相", "clocked 打卡", "verdict 结论", "why 依据")
    out.write(table(header, rows) + "\n")
    wrong = [
        member
        for member in members
        if by_person.get(member.employee_id, {}).get("presence") != member.expected
    ]
    for member in wrong:
        got = by_person.get(member.employee_id, {}).get("presence", "nothing")
        out.write(f"WRONG: {member.employee_id} should be {member.expected}, is {got}\n")
    if not wrong:
        out.write("All four verdicts are what the truth calls for. 四项结论均与事实相符。\n")
    out.flush()
    return not wrong


def _row(
    member: Member, item: Mapping[str, Any] | None, language: str, columns: int
) -> tuple[Sequence[str], ...]:
    truth = [member.truth_zh, *wrap(member.truth_en, 18)]
    clocked = [f"{clock_time(member.in_ms)}-{clock_time(member.out_ms)}"]
    if item is None:
        return [member.name], truth, clocked, ["-"], ["not assessed"]
    coverage = {"zh": f"覆盖 {item['coverage']:.0%}", "en": f"coverage {item['coverage']:.0%}"}
    verdict = [*_in_language(item["verdict"], language), *_in_language(coverage, language)]
    reasons = [
        line
        for reason in item["reasons"][:_REASONS]
        for text in _in_language(reason, language)
        for line in wrap(text, columns)
    ]
    return [member.name, member.employee_id], truth, clocked, verdict, reasons


def _columns(out: TextIO) -> int:
    """How wide reasons may be: as the terminal is; a file has no width."""
    least, most = _REASON_COLUMNS
    if not out.isatty():
        return most
    return max(least, min(most, shutil.get_terminal_size().columns - _OTHER_COLUMNS))


def _in_language(text: Mapping[str, str], language: str) -> list[str]:
    return [text["zh"], text["en"]] if language == "both" else [text[language]]


def this_machine(api: Interface, employee_id: str, language: str, out: TextIO) -> None:
    """What was read here, honestly: nobody claims anything about this machine."""
    devices = api.get("/api/v1/devices", {"limit": "100"})["items"]
    (device,) = [one for one in devices if one["employee"] == employee_id]
    now = datetime.fromisoformat(device["created_at"])
    span = {
        "from": (now - timedelta(hours=1)).isoformat(),
        "to": (now + timedelta(hours=1)).isoformat(),
    }
    read = api.get(f"/api/v1/devices/{device['id']}/readings", span)
    kinds: dict[str, int] = {}
    for reading in read["readings"]:
        kinds[reading["kind"]] = kinds.get(reading["kind"], 0) + 1
    told = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items())) or "nothing yet"
    sealed = len(read["envelopes"])
    out.write(
        f"\nThis machine is real ({device['id']}): {sealed} signed envelopes with {told}.\n"
        f"本机是真实设备：{sealed} 个签名封包，共 {len(read['readings'])} 条读数。\n"
    )
    out.writelines(f"  {sentence}\n" for sentence in _sentences(read["readings"]))
    if language != "en":
        out.write("  本机没有打卡记录，因此没有可核验的内容（无结论）。\n")
    if language != "zh":
        out.write("  Nobody clocked in from it, so there is nothing to verify and no verdict.\n")
    out.flush()


def _sentences(readings: Sequence[Mapping[str, Any]]) -> list[str]:
    """The newest reading of each telling kind, in words."""
    newest = {reading["kind"]: reading["content"] for reading in readings}
    said = []
    if network := newest.get("network"):
        gateway = "gateway as a keyed hash" if network["net"] else "no gateway"
        tunnel = "VPN up" if network["vpn"] else "no VPN"
        said.append(f"network 网络: {network['link']}, {gateway}, {tunnel}")
    if usage := newest.get("usage"):
        said.append(f"use 使用: session {usage['session']}, activity {usage['active']} of 0 to 3")
    if health := newest.get("health"):
        said.append(
            f"agent 代理程序: {health['rss_mb']:.0f} MiB of memory, {health['spooled']} envelopes wait"
        )
    if gap := newest.get("gap"):
        said.append(f"gap 空缺: {gap['reason']} (told, not hidden 如实上报)")
    return said


def where_to_look(ports: Ports, root: Path, token: Path, kept: bool, out: TextIO) -> None:
    """What to try next."""
    fate = "" if kept else " (removed at the end; --data DIR keeps it 结束后删除)"
    base = f"http://127.0.0.1:{ports.api}/api/v1"
    out.write(
        f"\nLook next 接下来可以看:\n"
        f"  interface docs 接口文档   {base}/docs\n"
        f"  data directory 数据目录   {root}{fate}\n"
        f"  API token 接口令牌        {token}\n"
        f'  try 试一试                curl -H "Authorization: Bearer $(cat {token})" '
        f"{base}/assessments\n"
    )
    out.flush()
