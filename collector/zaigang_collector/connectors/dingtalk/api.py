"""DingTalk's calls, one method each, with their limits.

Sizes are the largest that DingTalk answers; more is refused as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from zaigang_collector.connectors import fields
from zaigang_collector.connectors.contract import Window
from zaigang_collector.connectors.errors import ConnectorError, Reason
from zaigang_collector.connectors.fields import FieldError
from zaigang_collector.connectors.http import Caller, Request

_DAY_MS: Final = 24 * 3_600_000
PUNCH_PEOPLE: Final = 50
# A second less: what is asked for is widened to whole seconds at both ends.
PUNCH_SPAN_MS: Final = 7 * _DAY_MS - 1000
LEAVE_PEOPLE: Final = 100
LEAVE_SPAN_MS: Final = 180 * _DAY_MS
_LEAVE_ROWS: Final = 20
USER_ROWS: Final = 100
# Of check-ins no limits are documented: those of the neighbouring calls, and fewer people.
CHECK_IN_PEOPLE: Final = 10
CHECK_IN_SPAN_MS: Final = 7 * _DAY_MS
_CHECK_IN_ROWS: Final = 100
APPROVAL_PEOPLE: Final = 10
# Of work logs no span is documented: that of punches.
WORK_LOG_SPAN_MS: Final = 7 * _DAY_MS
_WORK_LOG_ROWS: Final = 20
APPROVAL_SPAN_MS: Final = 120 * _DAY_MS
_APPROVAL_ROWS: Final = 20
# Pages of one answer. Larger follows a cursor that runs in a circle for longer; smaller cuts off a
# company of 100,000.
_PAGES_MOST: Final = 2_000


class Api:
    """Asks; every answer is a list of rows that nobody has looked into yet."""

    def __init__(self, caller: Caller, api_url: str, oapi_url: str, zone: ZoneInfo) -> None:
        self._caller = caller
        self._api_url = api_url
        self._oapi_url = oapi_url
        self._zone = zone

    def departments(self, parent: int) -> list[int]:
        """Ids of the departments right under one."""
        call, said = self._older("/topapi/v2/department/listsub", {"dept_id": parent})
        found = []
        for row in _rows(call, said, "result"):
            try:
                found.append(fields.needed_integer(fields.mapping(row, "result"), "dept_id"))
            except FieldError:
                raise _garbled(call) from None
        return found

    def users(self, department: int) -> Iterator[list[Any]]:
        """People right in a department, page by page."""

        def page(cursor: int) -> _Page:
            body = {"dept_id": department, "cursor": cursor, "size": USER_ROWS}
            call, said = self._older("/topapi/v2/user/list", body)
            result = _object(call, said, "result")
            more = fields.truth(result, "has_more")
            onward = _onward(call, result, "next_cursor", cursor) if more else None
            return _Page(call, _rows(call, result, "list"), onward)

        return _pages(page)

    def punches(self, people: Sequence[str], window: Window) -> list[Any]:
        """Every punch of up to `PUNCH_PEOPLE` in up to `PUNCH_SPAN_MS`, valid or not."""
        body = {
            "userIds": list(people),
            "checkDateFrom": self._local(window.from_ms),
            # To the second: what is cut off here would be asked for by nobody.
            "checkDateTo": self._local(window.to_ms + 999),
            "isI18n": "false",
        }
        call, said = self._older("/attendance/listRecord", body)
        return _rows(call, said, "recordresult")

    def check_ins(
        self, operator: str, people: Sequence[str], window: Window
    ) -> Iterator[list[Any]]:
        """Check-ins (签到) of up to `CHECK_IN_PEOPLE`, page by page."""

        def page(token: int) -> _Page:
            body = {
                "operatorUserId": operator,
                "userIdList": list(people),
                "startTime": window.from_ms,
                "endTime": window.to_ms,
                "nextToken": token,
                "maxResults": _CHECK_IN_ROWS,
            }
            call, said = self._newer("POST", "/v1.0/attendance/checkin/records/query", body)
            result = _object(call, said, "result")
            return _Page(call, _rows(call, result, "pageList"), _next_token(call, result, token))

        return _pages(page)

    def leave(self, people: Sequence[str], window: Window) -> Iterator[list[Any]]:
        """Leave of up to `LEAVE_PEOPLE` in up to `LEAVE_SPAN_MS`, page by page."""

        def page(offset: int) -> _Page:
            body = {
                "userid_list": ",".join(people),
                "start_time": window.from_ms,
                "end_time": window.to_ms,
                "offset": offset,
                "size": _LEAVE_ROWS,
            }
            call, said = self._older("/topapi/attendance/getleavestatus", body)
            result = _object(call, said, "result")
            rows = _rows(call, result, "leave_status")
            more = fields.truth(result, "has_more")
            if more and not rows:
                raise _garbled(call)
            return _Page(call, rows, offset + len(rows) if more else None)

        return _pages(page)

    def work_logs(self, window: Window) -> Iterator[list[Any]]:
        """Work logs (日志) of everybody that were handed in within up to `WORK_LOG_SPAN_MS`, page by
        page."""

        def page(cursor: int) -> _Page:
            body = {
                "start_time": window.from_ms,
                "end_time": window.to_ms,
                "cursor": cursor,
                "size": _WORK_LOG_ROWS,
            }
            call, said = self._older("/topapi/report/list", body)
            result = _object(call, said, "result")
            more = fields.truth(result, "has_more")
            onward = _onward(call, result, "next_cursor", cursor) if more else None
            return _Page(call, _rows(call, result, "data_list"), onward)

        return _pages(page)

    def approvals(
        self, process_code: str, people: Sequence[str], window: Window
    ) -> Iterator[list[Any]]:
        """Ids of approvals that up to `APPROVAL_PEOPLE` asked for in up to `APPROVAL_SPAN_MS`."""

        def page(token: int) -> _Page:
            body = {
                "processCode": process_code,
                "startTime": window.from_ms,
                "endTime": window.to_ms,
                "nextToken": token,
                "maxResults": _APPROVAL_ROWS,
                "userIds": list(people),
                "statuses": ["COMPLETED"],
            }
            call, said = self._newer("POST", "/v1.0/workflow/processes/instanceIds/query", body)
            result = _object(call, said, "result")
            return _Page(call, _rows(call, result, "list"), _next_token(call, result, token))

        return _pages(page)

    def approval(self, instance_id: str) -> Mapping[str, Any]:
        """One approval, with its form."""
        query = {"processInstanceId": instance_id}
        call, said = self._newer("GET", "/v1.0/workflow/processInstances", None, query)
        return _object(call, said, "result")

    def _older(self, path: str, body: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        request = Request("POST", self._oapi_url, path, body=body)
        return request.call, self._caller.call(request)

    def _newer(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        query: Mapping[str, str] | None = None,
    ) -> tuple[str, Mapping[str, Any]]:
        request = Request(method, self._api_url, path, query or {}, body=body)
        return request.call, self._caller.call(request)

    def _local(self, at_ms: int) -> str:
        moment = datetime.fromtimestamp(at_ms // 1000, self._zone)
        return moment.strftime("%Y-%m-%d %H:%M:%S")


@dataclass(frozen=True, slots=True)
class _Page:
    call: str
    rows: list[Any]
    onward: int | None
    """Where the next page begins; None: this was the last."""


def _pages(fetch: Callable[[int], _Page]) -> Iterator[list[Any]]:
    """Rows page by page, from 0."""
    page = fetch(0)
    for _ in range(_PAGES_MOST):
        yield page.rows
        if page.onward is None:
            return
        page = fetch(page.onward)
    raise _garbled(page.call)


def _next_token(call: str, result: Mapping[str, Any], before: int) -> int | None:
    """An integer in the question, a string in the answer, absent on the last page."""
    if result.get("nextToken") in (None, ""):
        return None
    return _onward(call, result, "nextToken", before)


def _object(call: str, said: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    try:
        return fields.mapping(said.get(name), name)
    except FieldError:
        raise _garbled(call) from None


def _rows(call: str, said: Mapping[str, Any], name: str) -> list[Any]:
    try:
        return fields.sequence(said.get(name), name)
    except FieldError:
        raise _garbled(call) from None


def _onward(call: str, said: Mapping[str, Any], name: str, before: int) -> int:
    """The next cursor, which goes on: one that stands still would be followed for ever."""
    try:
        found = fields.needed_integer(said, name)
    except FieldError:
        raise _garbled(call) from None
    if found <= before:
        raise _garbled(call)
    return found


def _garbled(call: str) -> ConnectorError:
    return ConnectorError(Reason.GARBLED, call, "unexpected_shape")
