"""A letter or a report as the data that its template gets: strings in one language, times in the
site's zone, nothing to compute. Pure.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

import segno

from zaigang_collector.directory.model import Language
from zaigang_collector.drawing.labels import say
from zaigang_collector.drawing.svg import printable
from zaigang_collector.matching.model import Text
from zaigang_collector.reports import wording
from zaigang_collector.reports.model import Anomaly, Letter, Number, Paper, Report

_DATE: Final = {
    Language.CHINESE: "{0.year}年{0.month}月{0.day}日",
    Language.ENGLISH: "{0:%d %B %Y}",
}


def letter_data(letter: Letter) -> dict[str, Any]:
    """What `letter.typ` gets."""
    language = letter.language
    due = None if letter.due_ms is None else _time(letter.due_ms, letter)
    return _printable(
        _common(letter, wording.LETTER)
        | {
            "due": say(wording.due(letter.reply_hours, due), language),
            "silence": say(wording.silence(letter.published_rule), language),
            "appeal": say(wording.appeal(letter.appeal_days), language),
            "reply_url": letter.reply_url,
            "reply_qr": _qr(letter.reply_url),
            "contact": letter.contact,
        }
    )


def report_data(report: Report) -> dict[str, Any]:
    """What `report.typ` gets."""
    language = report.language
    until = report.appeal_until_ms
    told = wording.appeal(report.appeal_days)
    if until is not None:
        told = wording.appeal_until(_time(until, report))
    return _printable(
        _common(report, wording.REPORT)
        | {
            "steps": [
                {
                    "time": _time(step.at_ms, report),
                    "what": say(step.what, language),
                    "who": step.who,
                }
                for step in report.steps
            ],
            "explanation": report.explanation,
            "attachments": [
                {"name": one.name, "sha256": one.sha256.hex(), "bytes": one.size_bytes}
                for one in report.attachments
            ],
            "conclusion": say(wording.CONCLUSIONS[report.conclusion], language),
            "reasons": report.reasons,
            "concluded_by": report.concluded_by,
            "concluded": _time(report.concluded_ms, report),
            "proposal": None if report.proposal is None else say(report.proposal, language),
            "appeal": say(told, language),
            "final": report.final,
        }
    )


def _printable(data: dict[str, Any]) -> dict[str, Any]:
    """Without control signs and what turns the direction of a line: text shall read as it is."""

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            return "\n".join(map(printable, value.splitlines()))
        if isinstance(value, list):
            return [clean(one) for one in value]
        if isinstance(value, dict):
            return {key: clean(one) for key, one in value.items()}
        return value

    return {key: clean(value) for key, value in data.items()}


def _common(paper: Paper, own: Mapping[str, Text]) -> dict[str, Any]:
    language = paper.language
    days = [_date(day, language) for day in (paper.first_day, paper.last_day)]
    between = " 至 " if language is Language.CHINESE else " to "
    point = paper.checkpoint
    return {
        "lang": language.value,
        "words": {key: say(text, language) for key, text in {**wording.COMMON, **own}.items()},
        "company": paper.company,
        "case": paper.case_id,
        "person": {
            "name": paper.person.name,
            "id": paper.person.employee_id,
            "department": paper.person.department,
        },
        "zone": paper.time_zone,
        "made": _time(paper.made_ms, paper),
        "period": days[0] if days[0] == days[1] else between.join(days),
        "anomalies": [_anomaly(one, language) for one in paper.anomalies],
        "drawings": [
            {"title": one.title, "svg": one.svg, "told": one.told} for one in paper.drawings
        ],
        "checkpoint": point
        and {
            "origin": point.origin,
            "size": point.size,
            "root": point.root.hex(),
            "time": _time(point.at_ms, paper),
        },
        "verify_url": paper.verify_url,
        "verify_qr": _qr(paper.verify_url),
    }


def _anomaly(one: Anomaly, language: Language) -> dict[str, Any]:
    return {
        "day": one.day.isoformat(),
        "claim": say(one.claim, language),
        "place": one.place,
        "device": say(one.device_record, language),
        "business": say(one.business_record, language),
        "finding": say(one.finding, language),
        "numbers": [_number(number, language) for number in one.numbers],
        "reference": one.reference,
    }


def _number(number: Number, language: Language) -> str:
    if not number.value:
        return say(number.name, language)
    colon = "：" if language is Language.CHINESE else ": "
    unit = f" {number.unit}" if number.unit else ""
    return f"{say(number.name, language)}{colon}{number.value}{unit}"


def _time(at_ms: int, paper: Paper) -> str:
    """On the wall clock of the paper's zone; the zone is printed once, on top."""
    moment = dt.datetime.fromtimestamp(at_ms / 1000, ZoneInfo(paper.time_zone))
    return f"{_date(moment.date(), paper.language)} {moment:%H:%M}"


def _date(day: dt.date, language: Language) -> str:
    return _DATE[language].format(day).lstrip("0")


def _qr(url: str) -> str:
    """SVG; empty without an address. Level M: a fold or a stain of a seventh may be missing."""
    if not url:
        return ""
    out = io.BytesIO()
    segno.make(url, error="m", micro=False).save(out, kind="svg", border=2)
    return out.getvalue().decode("utf-8")
