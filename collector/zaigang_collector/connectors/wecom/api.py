"""WeCom's calls, one method each, with their limits.

Sizes are the largest that WeCom answers; more is refused as a whole. All times are seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from zaigang_collector.connectors import fields
from zaigang_collector.connectors.contract import Window
from zaigang_collector.connectors.errors import ConnectorError, Reason
from zaigang_collector.connectors.fields import FieldError
from zaigang_collector.connectors.http import Caller, Request

_DAY_MS: Final = 24 * 3_600_000
PUNCH_PEOPLE: Final = 100
# Two seconds less: what is asked for is widened to whole seconds at both ends.
PUNCH_SPAN_MS: Final = 30 * _DAY_MS - 2000
APPROVAL_SPAN_MS: Final = 31 * _DAY_MS - 2000
_APPROVAL_ROWS: Final = 100
_USER_ROWS: Final = 10_000
# "Within a month"; the shortest has 28 days.
WORK_LOG_SPAN_MS: Final = 28 * _DAY_MS - 2000
_WORK_LOG_ROWS: Final = 100
_EVERY_CHECK_IN: Final = 3  # on duty, off duty and outside
_BY_TIME: Final = 1  # of punching, not of when the machine handed it over
# Pages of one answer. Larger follows a cursor that runs in a circle for longer; smaller cuts off a
# company of 100,000.
_PAGES_MOST: Final = 2_000


@dataclass(frozen=True, slots=True)
class Callers:
    """One for each secret: what one of them may ask, another may not."""

    check_ins: Caller
    contacts: Caller
    approvals: Caller


class Api:
    """Asks; every answer is a list of rows that nobody has looked into yet."""

    def __init__(self, callers: Callers, base_url: str) -> None:
        self._callers = callers
        self._base_url = base_url

    def departments(self) -> list[tuple[int, int]]:
        """Every department with the one right above it, 0 at the top."""
        request = Request("GET", self._base_url, "/cgi-bin/department/simplelist")
        said = self._callers.contacts.call(request)
        found = []
        for row in _rows(request.call, said, "department_id"):
            try:
                one = fields.mapping(row, "department_id")
                found.append(
                    (fields.needed_integer(one, "id"), fields.integer(one, "parentid") or 0)
                )
            except FieldError:  # one that is left out would take its people off the list
                raise _garbled(request.call) from None
        return found

    def users(self) -> Iterator[list[Any]]:
        """People by department, page by page; who is in two comes twice."""

        def page(cursor: str) -> _Page:
            body: dict[str, Any] = {"limit": _USER_ROWS}
            if cursor:
                body["cursor"] = cursor
            call, said = self._post(self._callers.contacts, "user/list_id", body)
            return _Page(call, _rows(call, said, "dept_user"), _cursor(call, said, "next_cursor"))

        return _pages(page)

    def check_ins(self, people: Sequence[str], window: Window) -> list[Any]:
        """Every check-in of up to `PUNCH_PEOPLE` in up to `PUNCH_SPAN_MS`, also those that nobody
        made."""
        body = {"opencheckindatatype": _EVERY_CHECK_IN, **_span(window), "useridlist": [*people]}
        call, said = self._post(self._callers.check_ins, "checkin/getcheckindata", body)
        return _rows(call, said, "checkindata")

    def terminal_records(self, people: Sequence[str], window: Window) -> list[Any]:
        """What attendance machines recorded, within the same limits."""
        body = {"filter_type": _BY_TIME, **_span(window), "useridlist": [*people]}
        call, said = self._post(self._callers.check_ins, "hardware/get_hardware_checkin_data", body)
        return _rows(call, said, "checkindata")

    def approvals(self, record_type: int | None, status: int, window: Window) -> list[str]:
        """Numbers of all approvals of one type (None: of any) and state that were asked for in up to
        `APPROVAL_SPAN_MS`."""
        filters = [{"key": "sp_status", "value": str(status)}]
        if record_type is not None:
            filters.append({"key": "record_type", "value": str(record_type)})

        def page(cursor: str) -> _Page:
            body = {
                **_span(window),
                "new_cursor": cursor,
                "size": _APPROVAL_ROWS,
                "filters": filters,
            }
            call, said = self._post(self._callers.approvals, "oa/getapprovalinfo", body)
            numbers = [_number(call, one) for one in _rows(call, said, "sp_no_list")]
            return _Page(call, numbers, _cursor(call, said, "new_next_cursor"))

        # A page that comes twice brings them twice.
        return list(dict.fromkeys(number for rows in _pages(page) for number in rows))

    def approval(self, number: str) -> Mapping[str, Any]:
        """One approval, with its form."""
        body = {"sp_no": number}
        call, said = self._post(self._callers.approvals, "oa/getapprovaldetail", body)
        try:
            return fields.mapping(said.get("info"), "info")
        except FieldError:
            raise _garbled(call) from None

    def work_logs(self, window: Window) -> list[str]:
        """Ids of everybody's work logs (汇报) that were handed in within up to `WORK_LOG_SPAN_MS`."""

        def page(cursor: str) -> _Page:
            body = {**_span(window), "cursor": int(cursor or 0), "limit": _WORK_LOG_ROWS}
            call, said = self._post(self._callers.check_ins, "oa/journal/get_record_list", body)
            ids = [_number(call, one) for one in _rows(call, said, "journaluuid_list")]
            ended = fields.truth(said, "endflag")
            return _Page(call, ids, "" if ended else _digits(call, said, "next_cursor"))

        return list(dict.fromkeys(one for rows in _pages(page) for one in rows))

    def work_log(self, uuid: str) -> Mapping[str, Any]:
        """One work log, with its text."""
        body = {"journaluuid": uuid}
        call, said = self._post(self._callers.check_ins, "oa/journal/get_record_detail", body)
        try:
            return fields.mapping(said.get("info"), "info")
        except FieldError:
            raise _garbled(call) from None

    def _post(
        self, caller: Caller, path: str, body: Mapping[str, Any]
    ) -> tuple[str, Mapping[str, Any]]:
        request = Request("POST", self._base_url, f"/cgi-bin/{path}", body=body)
        return request.call, caller.call(request)


@dataclass(frozen=True, slots=True)
class _Page:
    call: str
    rows: list[Any]
    onward: str
    """Where the next page begins; "": this was the last."""


def _pages(fetch: Callable[[str], _Page]) -> Iterator[list[Any]]:
    """Rows page by page. A cursor that comes again would be followed for ever."""
    page = fetch("")
    seen = {""}
    while True:
        yield page.rows
        if not page.onward:
            return
        if page.onward in seen or len(seen) > _PAGES_MOST:
            raise _garbled(page.call)
        seen.add(page.onward)
        page = fetch(page.onward)


def _span(window: Window) -> dict[str, int]:
    """The window in whole seconds: what is cut off here would be asked for by nobody."""
    return {"starttime": window.from_ms // 1000, "endtime": -(-window.to_ms // 1000)}


def _rows(call: str, said: Mapping[str, Any], name: str) -> list[Any]:
    try:
        return fields.sequence(said.get(name), name)
    except FieldError:
        raise _garbled(call) from None


def _cursor(call: str, said: Mapping[str, Any], name: str) -> str:
    try:
        return fields.identifier(said, name) or ""
    except FieldError:
        raise _garbled(call) from None


def _digits(call: str, said: Mapping[str, Any], name: str) -> str:
    try:
        return str(fields.needed_integer(said, name))
    except FieldError:
        raise _garbled(call) from None


def _number(call: str, given: object) -> str:
    try:
        return fields.needed_identifier({"sp_no": given}, "sp_no")
    except FieldError:
        raise _garbled(call) from None


def _garbled(call: str) -> ConnectorError:
    return ConnectorError(Reason.GARBLED, call, "unexpected_shape")
