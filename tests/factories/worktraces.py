"""Traces of work with defaults; name only what matters to the test."""

from __future__ import annotations

import datetime as dt
from typing import Any

from zaigang_collector.worktraces.model import EventKind, NewEvent, NewWorkLog, Progress

AT_MS = 1_789_990_000_000  # 2026-09-21 in Shanghai, before FakeClock begins
DAY = dt.date(2026, 9, 21)


def an_event(**changes: Any) -> NewEvent:
    """Somebody approved something."""
    given: dict[str, Any] = {
        "source": "dingtalk",
        "source_id": "proc-1",
        "employee_id": "E1001",
        "kind": EventKind.APPROVAL,
        "happened_ms": AT_MS,
        "received_ms": AT_MS + 500,
        "client": True,
        "site_id": "hq",
        "vendor_record": b'{"id":"proc-1"}',
    }
    return NewEvent(**(given | changes))


def a_work_log(**changes: Any) -> NewWorkLog:
    """Somebody handed in what they did."""
    given: dict[str, Any] = {
        "source": "dingtalk",
        "source_id": "rep-1",
        "employee_id": "E1001",
        "day": DAY,
        "site_id": "hq",
        "handed_in_ms": AT_MS,
        "names_client": True,
        "client_contact_ms": AT_MS - 3_600_000,
        "task_progress": Progress.IN_PROGRESS,
        "vendor_record": b'{"id":"rep-1"}',
    }
    return NewWorkLog(**(given | changes))
