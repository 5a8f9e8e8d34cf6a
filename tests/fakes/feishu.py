"""Feishu on a loop-back port, as far as it is documented: what a connector meets in its life.

Tokens expire by the injected clock. Questions that are too large, too long or about days after
tomorrow are refused as a whole. `faults` are answered in the place of the next calls. Every text that
a connector must not keep is `SENTINEL`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from tests.fakes.dingtalk import ZONE
from tests.fakes.vendor import SENTINEL, Row, Vendor

APP_ID: Final = "cli_fake"
APP_SECRET: Final = "sentinel-app-secret"
TOKEN: Final = "/open-apis/auth/v3/tenant_access_token/internal"
FLOWS: Final = "/open-apis/attendance/v1/user_flows/query"
TASKS: Final = "/open-apis/attendance/v1/user_tasks/query"
APPROVALS: Final = "/open-apis/attendance/v1/user_approvals/query"
USERS: Final = "/open-apis/contact/v3/users/find_by_department"
CHILDREN: Final = "/open-apis/contact/v3/departments/{department_id}/children"
WORK_LOGS: Final = "/open-apis/report/v1/tasks/query"
_ANSWERS: Final = Path(__file__).parent / "feishu_answers"
_PEOPLE_MOST: Final = 50
_DAYS_MOST: Final = 30
_DAY: Final = dt.timedelta(days=1)


def answer(name: str) -> Any:
    """A documented answer, by the name of its file."""
    return json.loads((_ANSWERS / f"{name}.json").read_text(encoding="utf-8"))


class _RefusedError(Exception):
    """A question that is answered with a code."""

    def __init__(self, code: int, status: int = 400, **more: Any) -> None:
        super().__init__(code)
        self.said = {"code": code, "msg": SENTINEL, **more}
        self.status = status


@dataclass
class FakeFeishu(Vendor):
    """The vendor's side. Set what there is and what goes wrong; look at what was asked."""

    users: dict[str, list[Row]] = field(default_factory=dict)
    """Rows of find_by_department by department; a department that is no key is out of scope."""
    departments: dict[str, list[str]] = field(default_factory=dict)
    """Departments right under each."""
    flows: list[Row] = field(default_factory=list)
    """Punches, also those with `"invalid": True`, which are never returned."""
    results: list[Row] = field(default_factory=list)
    approvals: list[Row] = field(default_factory=list)
    """By person and day, as they are answered."""
    work_logs: list[Row] = field(default_factory=list)
    page_rows: int = 50
    secret: str = APP_SECRET
    tokens: dict[str, int] = field(default_factory=dict)
    """Token to when it ends, by the clock's boot time."""

    def app(self) -> FastAPI:
        app = FastAPI()
        answers: dict[str, Callable[[Row], Row]] = {
            FLOWS: self._user_flows,
            TASKS: self._user_tasks,
            APPROVALS: self._user_approvals,
            USERS: self._find_by_department,
            CHILDREN: self._children,
            WORK_LOGS: self._report_tasks,
        }

        async def handle(request: Request) -> Response:
            path = request.scope["route"].path
            given = dict(request.query_params) | dict(request.path_params)
            given |= json.loads(await request.body() or b"{}")
            self.asked.append((path, given))
            if self.faults and (fault := self.faults.pop(0)):
                return await run_in_threadpool(self._fault, fault)
            if path == TOKEN:
                return self._token(given)
            try:
                self._admit(request, path)
                said = answers[path](given)
            except _RefusedError as refused:
                return JSONResponse(refused.said, status_code=refused.status)
            return JSONResponse({"code": 0, "msg": "success", "data": self.shaped(said)})

        for path, method in [(one, "POST") for one in (TOKEN, FLOWS, TASKS, APPROVALS, WORK_LOGS)]:
            app.add_api_route(path, handle, methods=[method])
        for path in (USERS, CHILDREN):
            app.add_api_route(path, handle, methods=["GET"])
        return app

    def _token(self, body: Row) -> Response:
        if (body.get("app_id"), body.get("app_secret")) != (APP_ID, self.secret):
            return JSONResponse({"code": 10014, "msg": f"app secret invalid {SENTINEL}"})
        text = f"t-sentinel-{len(self.tokens) + 1}"
        self.tokens[text] = self.clock.boot_ms() + self.token_lives_s * 1000
        told = {"tenant_access_token": text, "expire": self.token_lives_s}
        return JSONResponse(answer("token") | told)

    def _admit(self, request: Request, path: str) -> None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.tokens.get(token, 0) <= self.clock.boot_ms():
            raise _RefusedError(answer("token_err")["code"])
        if path in self.refused:
            raise _RefusedError(**self.refused[path])

    def _fault(self, fault: str) -> Response:
        match fault:
            case "expired":
                return JSONResponse(answer("token_err") | {"msg": SENTINEL}, status_code=400)
            case "throttled":
                return self._throttled(400)
            case "throttled 429":
                return self._throttled(429)
            case "busy":
                return JSONResponse({"code": 1225000, "msg": SENTINEL}, status_code=500)
            case "odd shape":
                data = {"items": 5, "user_flow_results": {"a": 1}, "user_task_results": [1]}
                return JSONResponse({"code": 0, "msg": SENTINEL, "data": data})
        return self.broken(fault)

    def _throttled(self, status: int) -> Response:
        headers = {"x-ogw-ratelimit-limit": "100", "x-ogw-ratelimit-reset": "7"}
        said = answer("ratelimit") | {"msg": SENTINEL}
        return JSONResponse(said, status_code=status, headers=headers)

    def _people(self, given: Row) -> list[str]:
        people: list[str] = given["user_ids"]
        if given.get("employee_type") != "employee_id" or len(people) > _PEOPLE_MOST:
            raise _RefusedError(1220001)
        return people

    def _shown(self, people: list[str]) -> None:
        if self.hidden & set(people):
            raise _RefusedError(1220004)

    def _user_flows(self, given: Row) -> Row:
        people = self._people(given)
        bounds = given["check_time_from"], given["check_time_to"]
        if not all(isinstance(one, str) and one.isdecimal() for one in bounds):
            raise _RefusedError(1220001)
        begin, end = map(int, bounds)
        if not 0 <= end - begin <= _DAYS_MOST * _DAY.total_seconds():
            raise _RefusedError(1220001)
        self._shown(people)
        rows = [
            row
            for row in self.flows
            if row["user_id"] in people and not row.get("invalid") and _within(row, begin, end)
        ]
        return {"user_flow_results": self.repeated(rows)}

    def _user_tasks(self, given: Row) -> Row:
        people = self._people(given)
        if given.get("ignore_invalid_users") != "true":
            self._shown(people)
        first, last = self._days(given)
        if (last - first) / _DAY > _DAYS_MOST:
            raise _RefusedError(1220001)
        shown = set(people) - self.hidden
        rows = [
            row
            for row in self.results
            if row["user_id"] in shown and _number(first) <= int(row["day"]) <= _number(last)
        ]
        return {
            "invalid_user_ids": [],
            "unauthorized_user_ids": sorted(set(people) & self.hidden),
            "user_task_results": self.repeated(rows),
        }

    def _user_approvals(self, given: Row) -> Row:
        people = self._people(given)
        first, last = self._days(given)
        tomorrow = dt.datetime.fromtimestamp(self.clock.utc / 1000, ZONE).date() + _DAY
        if (last - first) / _DAY > _DAYS_MOST or last > tomorrow:
            raise _RefusedError(1220001)
        if (given.get("status"), given.get("check_date_type")) != (2, "PeriodTime"):
            raise _RefusedError(1220001)
        self._shown(people)
        rows = [
            row
            for row in self.approvals
            if row["user_id"] in people and _number(first) <= int(row["date"]) <= _number(last)
        ]
        return {"user_approvals": self.repeated(rows)}

    def _report_tasks(self, given: Row) -> Row:
        if given["page_size"] > 20 or given.get("user_id_type") != "user_id":
            raise _RefusedError(99992402)
        begin, end = given["commit_start_time"], given["commit_end_time"]
        rows = [row for row in self.work_logs if begin <= row["commit_time"] <= end]
        start = int(given["page_token"].removeprefix("page-") or 0)
        stop = start + 2
        said: Row = {"has_more": stop < len(rows), "items": self.repeated(rows[start:stop])}
        return said | {"page_token": f"page-{stop}" if stop < len(rows) else ""}

    def _days(self, given: Row) -> tuple[dt.date, dt.date]:
        found = [given["check_date_from"], given["check_date_to"]]
        if not all(type(one) is int for one in found):
            raise _RefusedError(1220001)
        first, last = (dt.date.fromisoformat(str(one)) for one in found)
        if first > last:
            raise _RefusedError(1220001)
        return first, last

    def _find_by_department(self, given: Row) -> Row:
        if given.get("user_id_type") != "user_id":
            raise _RefusedError(99992402)
        return self._paged(given, self.users, given["department_id"])

    def _children(self, given: Row) -> Row:
        row = answer("departments")["data"]["items"][0] | {"name": SENTINEL}
        under = {
            parent: [row | {"open_department_id": one} for one in names]
            for parent, names in self.departments.items()
        }
        known: dict[str, list[Row]] = {name: [] for name in self.users} | under
        return self._paged(given, known, given["department_id"])

    def _paged(self, given: Row, rows_of: dict[str, list[Row]], department: str) -> Row:
        if department not in rows_of:
            raise _RefusedError(40004, status=403)
        if int(given["page_size"]) > 50:
            raise _RefusedError(40011)
        start = int(given.get("page_token", "page-0").removeprefix("page-"))
        rows, end = rows_of[department], start + min(int(given["page_size"]), self.page_rows)
        said: Row = {"has_more": end < len(rows), "items": self.repeated(rows[start:end])}
        return said | ({"page_token": f"page-{end}"} if end < len(rows) else {})


def _within(row: Row, begin: int, end: int) -> bool:
    try:
        return begin <= int(row["check_time"]) <= end
    except ValueError:
        return True  # a row that cannot be read comes with all others


def _number(day: dt.date) -> int:
    return int(day.strftime("%Y%m%d"))


def denied(permission: str) -> Row:
    """A refusal for want of a permission."""
    violation = {"type": "action_scope_required", "subject": permission}
    return {"code": 99991672, "error": {"permission_violations": [violation]}}


def user(user_id: str, employee_no: str, **changes: Any) -> Row:
    """A row of find_by_department with a sentinel in everything that is not to be kept."""
    row: Row = answer("users")["data"]["items"][0]
    texts = dict.fromkeys(("name", "open_id", "union_id", "mobile", "email"), SENTINEL)
    return row | texts | {"user_id": user_id, "employee_no": employee_no} | changes


def flow(number: int, **changes: Any) -> Row:
    """One of the documented punches (0 over Wi-Fi, 1 外勤, 2 by a manager), with a sentinel in every
    text that is not to be kept."""
    row: Row = answer("user_flows")["data"]["user_flow_results"][number]
    texts: Row = dict.fromkeys(
        ("comment", "external_id", "idempotent_id", "check_result"), SENTINEL
    )
    if row["location_name"]:
        texts["location_name"] = f"{SENTINEL} 示例大厦"
    if row["ssid"]:
        texts["ssid"] = f"{SENTINEL}-ssid"
    return row | texts | {"photo_urls": [SENTINEL]} | changes


def work_log(task_id: str, who: str, at_s: int) -> Row:
    """A documented work log with a sentinel in every text."""
    row: Row = answer("report_tasks")["data"]["items"][0]
    form = [{"field_id": "f1", "field_name": SENTINEL, "field_value": f"{SENTINEL} 拜访客户"}]
    texts = dict.fromkeys(("rule_name", "from_user_name", "department_name"), SENTINEL)
    named = {"task_id": task_id, "from_user_id": who, "commit_time": at_s}
    return row | texts | named | {"form_contents": form}


def result(who: str, day: dt.date, came: str = "", went: str = "", **changes: Any) -> Row:
    """What was made of a day from nine to six: the ids of the two punches that count."""
    nine, six = (dt.datetime(day.year, day.month, day.day, hour, tzinfo=ZONE) for hour in (9, 18))
    row: Row = answer("user_tasks")["data"]["user_task_results"][0]
    record = row["records"][0] | {
        "check_in_record_id": came,
        "check_out_record_id": went,
        "check_in_shift_time": str(round(nine.timestamp())),
        "check_out_shift_time": str(round(six.timestamp())),
        "check_out_result_supplement": "None",
        "check_in_record": {"location_name": SENTINEL, "comment": SENTINEL},
    }
    named = {"user_id": who, "day": _number(day), "employee_name": SENTINEL}
    return row | named | {"records": [record | changes]}


def approved(who: str, day: dt.date, kind: str, begin: str, end: str, **changes: Any) -> Row:
    """A day of one approval of `kind`: leaves, trips, outs or overtime_works."""
    row: Row = answer("user_approvals")["data"]["user_approvals"][0]
    one = row["leaves"][0] | {"start_time": begin, "end_time": end, "reason": SENTINEL}
    one |= {"i18n_names": {"ch": SENTINEL}, "remarks": SENTINEL, "destinations": [SENTINEL]}
    named = {"user_id": who, "date": str(_number(day)), "leaves": [], kind: [one]}
    return row | named | {"time_zone": "Asia/Shanghai"} | changes
