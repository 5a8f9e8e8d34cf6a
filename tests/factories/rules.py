"""Rules and subjects out of thin air."""

from __future__ import annotations

import dataclasses
from typing import Any

from zaigang_collector.rules import document
from zaigang_collector.rules.model import Rule, Subject
from zaigang_collector.rules.vocabulary import FACTS, Grain, Kind, Value

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
START = 1_790_038_800_000  # 2026-09-22 09:00 in Shanghai

OWN = """
[own_rule]
grain = "interval"
severity = "notice"
when = "use_min < 10.0"
title.zh = "很少使用"
title.en = "Little use"
reason.zh = "试一试"
reason.en = "A trial"
told.zh = "使用 {use_min}。"
told.en = "Used for {use_min}."
"""


def built_in(name: str) -> Rule:
    return next(one for one in document.built_in_rules() if one.id == name)


def quiet() -> dict[str, Any]:
    """Every fact known, and nothing in it that any rule asks about."""
    facts: dict[str, Any] = {}
    for one in FACTS.values():
        facts[one.name] = {Kind.NUMBER: 0.0, Kind.YES_NO: False, Kind.WORD: "confirmed"}[one.kind]
    return facts | {
        "site_kind": "client",
        "own_word": True,
        "workday": True,
        "work_log_handed_in": True,
        "work_log_names_site": True,
        "task_trace": True,
        "claimed_min": 540.0,
    }


def subject(
    employee_id: str = "E001",
    day: int = 0,
    *,
    grain: Grain = Grain.INTERVAL,
    site_id: str = "hq",
    settled: bool = True,
    version: int = 1,
    **facts: Value,
) -> Subject:
    start_ms = START + day * DAY_MS
    date = f"2026-09-{22 + day:02}"
    name = f"as-{employee_id.lower()}{day}"
    key = name if grain is Grain.INTERVAL else f"{employee_id}/{date}"
    told = {
        name: value
        for name, value in quiet().items()
        if grain is Grain.INTERVAL or FACTS[name].grain is grain
    }
    return Subject(
        key=key,
        grain=grain,
        employee_id=employee_id,
        department="交付部",
        site_id=site_id,
        day=date,
        start_ms=start_ms,
        end_ms=start_ms + 9 * HOUR_MS,
        facts=told | facts,
        references=(f"{name}@{version}",),
        settled=settled,
    )


def without(one: Subject, *names: str) -> Subject:
    """The same with unknown facts."""
    facts = {name: value for name, value in one.facts.items() if name not in names}
    return dataclasses.replace(one, facts=facts)
