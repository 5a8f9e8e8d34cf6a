"""A file and what became of it, as lines for people, in Chinese and in English."""

from __future__ import annotations

from typing import Final

from zaigang_collector.connectors.sheets.mapping import UNSHOWN, Taken
from zaigang_collector.connectors.sheets.service import Looked, Report
from zaigang_collector.connectors.sheets.words import FIELDS
from zaigang_collector.matching.model import Text

LISTED_MOST: Final = 100
"""Who has more than this to correct reads the first hundred."""

NOT_CONFIRMED: Final = Text(
    "还没有导入。请核对上面的对应关系：对的话加 --yes 再运行一次，以后同样格式的文件不再询问；"
    "不对的话用 --mapping 项目=列名 改。",
    "Nothing was imported yet. Look at what is taken from where: run it again with --yes when it is "
    "right, and files of this form are not asked about any more; else correct it with --mapping "
    "FIELD=HEADING.",
)


def looked(one: Looked) -> list[Text]:
    """What is taken from which column, with examples, and what is not."""
    sheet, row, rows = one.sheet.name, one.header.number, len(one.body)
    lines = [
        Text(
            (f"工作表“{sheet}”，" if sheet else "") + f"表头在第 {row} 行，下面有 {rows} 行。",
            (f"Sheet {sheet!r}, " if sheet else "") + f"header in row {row}, {rows} rows below it.",
        ),
        Text("取这些列：", "Taken:"),
    ]
    lines += [_taken(taken) for taken in one.shown.taken]
    lines += _left(one)
    return lines + _assumed(one)


def _taken(one: Taken) -> Text:
    name = FIELDS[one.field]
    if one.field in UNSHOWN:
        return Text(
            f"  {name.zh}：列“{one.heading}”（内容不显示）",
            f"  {name.en}: {one.heading!r} (not shown)",
        )
    examples = [example for example in one.examples if example]
    zh, en = "、".join(examples) or "（前几行是空的）", ", ".join(examples) or "(empty at first)"
    return Text(
        f"  {name.zh}：列“{one.heading}”，例如 {zh}", f"  {name.en}: {one.heading!r}, as {en}"
    )


def _left(one: Looked) -> list[Text]:
    lines = []
    if one.shown.dropped:
        zh, en = "、".join(one.shown.dropped), ", ".join(one.shown.dropped)
        lines.append(Text(f"不取，也不保存：{zh}", f"Never taken: {en}"))
    if one.shown.ignored:
        zh, en = "、".join(one.shown.ignored), ", ".join(one.shown.ignored)
        lines.append(Text(f"不认得，略过：{zh}", f"Not known, left out: {en}"))
    return lines


def _assumed(one: Looked) -> list[Text]:
    given = one.given
    zone_zh, zone_en = given.zone or "各驻场地点的时区", given.zone or "those of each site"
    lines = [Text(f"时区：{zone_zh}", f"Time zone: {zone_en}")]
    if given.datum is not None:
        lines.append(
            Text(f"未注明的坐标按 {given.datum}", f"Coordinates without a datum: {given.datum}")
        )
    if given.site is not None:
        lines.append(Text(f"未写地点的行算作 {given.site}", f"Rows without a site: {given.site}"))
    if given.first_last:
        lines.append(
            Text(
                "没写上下班的，取每人每天的首次和末次；文件里最后一天可能还没完，等下次再取。",
                "Where nothing says in or out, a day's first and last punch; the file's newest day "
                "waits for the next file.",
            )
        )
    return lines


def done(report: Report, *, dry_run: bool) -> list[Text]:
    """How many of what."""
    new, edited, same = report.added, report.new_versions, report.unchanged
    people = len(report.employees)
    lines = [
        Text(
            f"试运行，没有保存：将新增 {new} 条，更新 {edited} 条，{same} 条已有；涉及 {people} 人。",
            f"Dry run, nothing was stored: {new} new, {edited} edited, {same} known already, of "
            f"{people} people.",
        )
        if dry_run
        else Text(
            f"新增 {new} 条，更新 {edited} 条，{same} 条已有；涉及 {people} 人，下一轮核验会处理。",
            f"{new} new, {edited} edited, {same} known already; {people} people wait for the next "
            "assessment.",
        )
    ]
    return lines + _counted(report)


def _counted(report: Report) -> list[Text]:
    counted = (
        (report.no_punch, "{n} 行是缺卡，不算打卡。", "{n} rows say that nobody punched."),
        (
            report.totals,
            "{n} 行没有工号和时间（合计、签字等），略过。",
            "{n} rows of nobody: totals.",
        ),
        (
            report.between,
            "{n} 行既不是当天首次也不是末次，或那一天还没完，没有导入。",
            "{n} rows are neither a day's first nor its last, or of a day that may not be over: not "
            "imported.",
        ),
        (
            report.odd_results,
            "{n} 行的打卡结果没见过，已导入，但不算本人打卡。请告诉我们是哪些写法。",
            "{n} rows have a result that we do not know: imported, and nobody's own word.",
        ),
    )
    return [Text(zh.format(n=n), en.format(n=n)) for n, zh, en in counted if n]


def problems(one: Looked, report: Report) -> list[Text]:
    """Which rows were not taken, and what to do."""
    lines = []
    for problem in report.problems[:LISTED_MOST]:
        zh = f"第 {problem.row} 行" + (f"“{problem.column}”" if problem.column else "")
        en = f"row {problem.row}" + (f", {problem.column!r}" if problem.column else "")
        lines.append(Text(f"{zh}：{problem.said.zh}", f"{en}: {problem.said.en}"))
    more = len(report.problems) - LISTED_MOST
    if more > 0:
        lines.append(Text(f"还有 {more} 行有问题，没有列出。", f"{more} more rows are not listed."))
    if report.unknown:
        lines.append(_unknown(report))
    return lines


def _unknown(report: Report) -> Text:
    count, rows = len(report.unknown), report.unknown.total()
    listed = report.unknown_ids[:LISTED_MOST]
    zh, en = "、".join(listed), ", ".join(listed)
    if count > len(listed):
        zh, en = f"{zh} 等（不像工号的没有列出）", f"{en} … (what looks like no id is not listed)"
    return Text(
        f"{count} 个工号对不上员工，共 {rows} 行没有导入：{zh}。请先用 "
        "people import 导入这些人再导一次；Excel 会吃掉工号开头的 0，那一列要设成文本。",
        f"{count} ids are nobody's, {rows} rows were not imported: {en}. "
        "Import these people first (`people import`), then this file again; Excel drops leading "
        "zeros unless the column is text.",
    )
