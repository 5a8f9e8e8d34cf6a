"""Feishu's calls, one method each, with their limits.

Sizes are the largest that Feishu answers; more is refused as a whole. Spans are documented of
approvals alone (30 days); of the others the same is assumed.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from zaigang_collector.connectors import fields
from zaigang_collector.connectors.contract import Window
from zaigang_collector.connectors.errors import ConnectorError, Reason
from zaigang_collector.connectors.feishu.settings import DEPARTMENT
from zaigang_collector.connectors.fields import FieldError
from zaigang_collector.connectors.http import Caller, Request

PEOPLE: Final = 50
_DAY_MS: Final = 24 * 3_600_000
# A window of 29 days touches 30 days of the calendar.
APPROVAL_SPAN_MS: Final = 29 * _DAY_MS
# Of days' results one more on either side is asked for.
PUNCH_SPAN_MS: Final = 27 * _DAY_MS
_ROWS: Final = 50
_WORK_LOG_ROWS: Final = 20
WORK_LOG_SPAN_MS: Final = 29 * _DAY_MS
# Pages of one answer. Larger follows a cursor that runs in a circle for longer; smaller cuts off a
# department of 100,000.
_PAGES_MOST: Final = 2_000
# Larger goes on asking with what is no cursor; smaller refuses a long one (the documented is 96).
_CURSOR_MOST: Final = 2_000
_APPROVED: Final = 2
_DEPARTMENT: Final = re.compile(DEPARTMENT)
_CONTACTS: Final = "/open-apis/contact/v3"
_ATTENDANCE: Final = "/open-apis/attendance/v1"


class Api:
    """Asks; every answer is a list of rows that nobody has looked into yet."""

    def __init__(self, caller: Caller, url: str) -> None:
        self._caller = caller
        self._url = url

    def departments(self, parent: str) -> list[str]:
        """Ids of the departments right under one. Not with all below them: of a large company that is
        refused."""
        path = f"{_CONTACTS}/departments/{parent}/children"
        found = []
        for rows in self._pages(path, {"fetch_child": "false"}):
            for row in rows:
                name = row.get("open_department_id") if isinstance(row, dict) else None
                # A list with a hole would be taken for all people there are.
                if not isinstance(name, str) or not _DEPARTMENT.fullmatch(name):
                    raise _garbled(f"GET {path}")
                found.append(name)
        return found

    def users(self, department: str) -> Iterator[list[Any]]:
        """People right in a department, page by page."""
        query = {"department_id": department, "user_id_type": "user_id"}
        return self._pages(f"{_CONTACTS}/users/find_by_department", query)

    def punches(self, people: Sequence[str], window: Window) -> list[Any]:
        """The valid punches of up to `PEOPLE` in up to `PUNCH_SPAN_MS`."""
        body = {
            "user_ids": list(people),
            "check_time_from": str(window.from_ms // 1000),
            "check_time_to": str(-(-window.to_ms // 1000)),
        }
        call, data = self._attendance("user_flows", {}, body)
        return _rows(call, data, "user_flow_results")

    def results(
        self, people: Sequence[str], first: dt.date, last: dt.date
    ) -> tuple[list[Any], list[str]]:
        """What Feishu made of the days of up to `PEOPLE`; and for whom it does not answer."""
        body = _dated(people, first, last) | {"need_overtime_result": True}
        call, data = self._attendance("user_tasks", {"ignore_invalid_users": "true"}, body)
        told = [
            one
            for name in ("invalid_user_ids", "unauthorized_user_ids")
            for one in _rows(call, data, name)
        ]
        return _rows(call, data, "user_task_results"), [one for one in people if one in told]

    def approvals(self, people: Sequence[str], first: dt.date, last: dt.date) -> list[Any]:
        """Approved leave, trips and 外出 of up to `PEOPLE`, a row for each person and day. Days after
        tomorrow are refused."""
        body = _dated(people, first, last)
        body |= {"check_date_type": "PeriodTime", "status": _APPROVED}
        call, data = self._attendance("user_approvals", {}, body)
        return _rows(call, data, "user_approvals")

    def work_logs(self, window: Window) -> Iterator[list[Any]]:
        """Work logs (汇报) of everybody that were handed in within up to `WORK_LOG_SPAN_MS`, page by
        page."""
        path, query, cursor = "/open-apis/report/v1/tasks/query", {"user_id_type": "user_id"}, ""
        seen = {""}
        for _ in range(_PAGES_MOST):
            body = {
                "commit_start_time": window.from_ms // 1000,
                "commit_end_time": -(-window.to_ms // 1000),
                "page_token": cursor,  # needed also where it is empty
                "page_size": _WORK_LOG_ROWS,
            }
            call, data = self._ask(Request("POST", self._url, path, query, body=body))
            yield _rows(call, data, "items")
            if not fields.truth(data, "has_more"):
                return
            cursor = _onward(call, data, seen)
        raise _garbled(f"POST {path}")

    def _attendance(
        self, what: str, query: Mapping[str, str], body: Mapping[str, Any]
    ) -> tuple[str, Mapping[str, Any]]:
        path = f"{_ATTENDANCE}/{what}/query"
        query = {"employee_type": "employee_id", **query}
        return self._ask(Request("POST", self._url, path, query, body=body))

    def _pages(self, path: str, query: Mapping[str, str]) -> Iterator[list[Any]]:
        query = {
            **query,
            "department_id_type": "open_department_id",
            "page_size": str(_ROWS),
        }
        seen = {""}
        for _ in range(_PAGES_MOST):
            call, data = self._ask(Request("GET", self._url, path, query))
            yield _rows(call, data, "items")
            if not fields.truth(data, "has_more"):
                return
            query = {**query, "page_token": _onward(call, data, seen)}
        raise _garbled(f"GET {path}")

    def _ask(self, request: Request) -> tuple[str, Mapping[str, Any]]:
        data = self._caller.call(request).get("data")
        if not isinstance(data, dict):
            raise _garbled(request.call)
        return request.call, data


def _dated(people: Sequence[str], first: dt.date, last: dt.date) -> dict[str, Any]:
    days = {"check_date_from": first, "check_date_to": last}
    numbers = {name: int(day.strftime("%Y%m%d")) for name, day in days.items()}
    return {"user_ids": list(people), **numbers}


def _onward(call: str, data: Mapping[str, Any], seen: set[str]) -> str:
    """The next page's cursor: one that comes again would be followed for ever."""
    cursor = data.get("page_token")
    if not isinstance(cursor, str) or cursor in seen or len(cursor) > _CURSOR_MOST:
        raise _garbled(call)
    seen.add(cursor)
    return cursor


def _rows(call: str, data: Mapping[str, Any], name: str) -> list[Any]:
    try:
        return fields.sequence(data.get(name), name)
    except FieldError:
        raise _garbled(call) from None


def _garbled(call: str) -> ConnectorError:
    return ConnectorError(Reason.GARBLED, call, "unexpected_shape")
