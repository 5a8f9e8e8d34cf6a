"""DingTalk on a loop-back port, as far as it is documented: what a connector meets in its life.

Tokens expire by the injected clock. Questions that are too large are refused as a whole. `faults`
are answered in the place of the next calls. Every text that a connector must not keep is `SENTINEL`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from tests.fakes import vendor
from tests.fakes.vendor import Vendor

SENTINEL: Final = vendor.SENTINEL
APP_KEY: Final = "dingfakeappkey"
APP_SECRET: Final = "sentinel-app-secret"
ZONE: Final = ZoneInfo("Asia/Shanghai")
_ANSWERS: Final = Path(__file__).parent / "dingtalk_answers"
_DAY_MS: Final = 24 * 3_600_000
_SIZES: Final = {
    "punch people": 50,
    "leave people": 100,
    "approval people": 10,
    "check-in people": 10,
}

Row = vendor.Row


def answer(name: str) -> Any:
    """A documented answer, by the name of its file."""
    return json.loads((_ANSWERS / f"{name}.json").read_text(encoding="utf-8"))


@dataclass
class FakeDingTalk(Vendor):
    """The vendor's side. Set what there is and what goes wrong; look at what was asked."""

    users: dict[int, list[Row]] = field(default_factory=dict)
    """Rows of user/list by department."""
    departments: dict[int, list[int]] = field(default_factory=dict)
    """Departments under each."""
    punches: list[Row] = field(default_factory=list)
    check_ins: list[Row] = field(default_factory=list)
    leave: list[Row] = field(default_factory=list)
    approvals: dict[str, Row] = field(default_factory=dict)
    """By instance id; `processCode` and `at` (ms) beside the vendor's own fields."""
    work_logs: list[Row] = field(default_factory=list)
    user_page: int = 100
    secret: str = APP_SECRET
    tokens: dict[str, int] = field(default_factory=dict)
    """Token to when it ends, by the clock's boot time."""

    def app(self) -> FastAPI:
        app = FastAPI()
        older: dict[str, Callable[[Row], Row]] = {
            "/topapi/v2/department/listsub": self._listsub,
            "/topapi/v2/user/list": self._user_list,
            "/attendance/listRecord": self._list_record,
            "/topapi/attendance/getleavestatus": self._leave_status,
            "/topapi/report/list": self._report_list,
        }
        newer: dict[str, Callable[[Row], Row]] = {
            "/v1.0/attendance/checkin/records/query": self._check_in_records,
            "/v1.0/workflow/processes/instanceIds/query": self._instance_ids,
            "/v1.0/workflow/processInstances": self._instance,
        }

        async def handle(request: Request) -> Response:
            path = request.url.path
            body = json.loads(await request.body() or b"{}") | (
                {} if path in older else dict(request.query_params)
            )
            self.asked.append((path, body))
            if self.faults and (fault := self.faults.pop(0)):
                return await run_in_threadpool(self._fault, fault, path)
            if path == "/v1.0/oauth2/accessToken":
                return self._token(body)
            given = (
                request.query_params.get("access_token")
                if path in older
                else request.headers.get("x-acs-dingtalk-access-token")
            )
            if self.tokens.get(given or "", 0) <= self.clock.boot_ms():
                return self._bad_token(path in older)
            if path in self.refused:
                status = 200 if path in older else 403
                return JSONResponse(self.refused[path], status_code=status)
            said = (older | newer)[path](body)
            return JSONResponse(self.shaped(said), status_code=400 if "code" in said else 200)

        for path in (*older, *newer, "/v1.0/oauth2/accessToken"):
            app.add_api_route(path, handle, methods=["GET", "POST"])
        return app

    def _token(self, body: Row) -> Response:
        if (body.get("appKey"), body.get("appSecret")) != (APP_KEY, self.secret):
            refusal = {"code": "invalidClientIdOrSecret", "message": SENTINEL, "requestid": "x"}
            return JSONResponse(refusal, status_code=400)
        text = f"sentinel-token-{len(self.tokens) + 1}"
        self.tokens[text] = self.clock.boot_ms() + self.token_lives_s * 1000
        return JSONResponse(
            answer("v1_token") | {"accessToken": text, "expireIn": self.token_lives_s}
        )

    def _bad_token(self, older: bool) -> Response:
        if older:
            return JSONResponse(answer("err_token") | {"errmsg": SENTINEL})
        refusal = {"code": "InvalidAuthentication", "message": SENTINEL, "requestid": "x"}
        return JSONResponse(refusal, status_code=401)

    def _fault(self, fault: str, path: str) -> Response:
        match fault:
            case "expired":
                return self._bad_token(not path.startswith("/v1.0/"))
            case "throttled":
                return JSONResponse({"errcode": 90002, "errmsg": SENTINEL})
            case "busy":
                return JSONResponse({"errcode": -1, "errmsg": SENTINEL})
            case "quota":
                return JSONResponse(answer("err_quota"))
            case "v1 quota":
                return JSONResponse(answer("v1_err"), status_code=403)
            case "banned":
                return JSONResponse(answer("ban_page"))
            case "odd shape":
                return JSONResponse({"errcode": 0, "result": [1, 2], "recordresult": {"a": 1}})
        return self.broken("page" if fault == "banned page" else fault)

    def _refuse(self) -> Row:
        return {"errcode": 40035, "errmsg": f"不合法的参数 {SENTINEL}"}

    def _out_of_scope(self, people: list[str]) -> Row | None:
        if self.hidden & set(people):
            return {"errcode": 50002, "errmsg": f"{SENTINEL} {people}"}
        return None

    def _listsub(self, body: Row) -> Row:
        under = self.departments.get(body["dept_id"], [])
        row = answer("listsub")["result"][0] | {"name": SENTINEL}
        return {"errcode": 0, "errmsg": "ok", "result": [row | {"dept_id": one} for one in under]}

    def _user_list(self, body: Row) -> Row:
        if body["size"] > 100:
            return self._refuse()
        rows, start = self.users.get(body["dept_id"], []), body["cursor"]
        end = start + min(body["size"], self.user_page)
        result: Row = {"has_more": end < len(rows), "list": self.repeated(rows[start:end])}
        if end < len(rows):
            result["next_cursor"] = end
        return {"errcode": 0, "errmsg": "ok", "result": result}

    def _list_record(self, body: Row) -> Row:
        begin, end = (_local_ms(body[name]) for name in ("checkDateFrom", "checkDateTo"))
        people = body["userIds"]
        if len(people) > _SIZES["punch people"] or not 0 <= end - begin <= 7 * _DAY_MS:
            return self._refuse()
        rows = [
            row
            for row in self.punches
            if row.get("userId") in people and begin <= int(row.get("userCheckTime", begin)) <= end
        ]
        good = {"errcode": 0, "errmsg": "ok", "recordresult": self.repeated(rows)}
        return self._out_of_scope(people) or good

    def _leave_status(self, body: Row) -> Row:
        people = body["userid_list"].split(",")
        span_ms = body["end_time"] - body["start_time"]
        if len(people) > _SIZES["leave people"] or span_ms > 180 * _DAY_MS or body["size"] > 20:
            return self._refuse()
        rows = [
            row
            for row in self.leave
            if row["userid"] in people
            and row["start_time"] < body["end_time"]
            and row["end_time"] >= body["start_time"]
        ]
        start, end = body["offset"], body["offset"] + body["size"]
        result = {"has_more": end < len(rows), "leave_status": rows[start:end]}
        good = {"errcode": 0, "errmsg": "ok", "success": True, "result": result}
        return self._out_of_scope(people) or good

    def _report_list(self, body: Row) -> Row:
        if body["size"] > 20:
            return self._refuse()
        begin, end = body["start_time"], body["end_time"]
        rows = [row for row in self.work_logs if begin <= row["create_time"] <= end]
        start, stop = body["cursor"], body["cursor"] + min(body["size"], 2)
        result: Row = {"has_more": stop < len(rows), "size": body["size"]}
        result |= {"data_list": self.repeated(rows[start:stop]), "next_cursor": stop}
        return {"errcode": 0, "errmsg": "ok", "result": result}

    def _check_in_records(self, body: Row) -> Row:
        people = body["userIdList"]
        if len(people) > _SIZES["check-in people"] or body["maxResults"] > 100:
            return {"code": "invalidParameter", "message": SENTINEL}
        rows = [
            row
            for row in self.check_ins
            if row["userId"] in people
            and body["startTime"] <= row["checkinTime"] <= body["endTime"]
        ]
        start = int(body["nextToken"])
        end = start + 2  # more than one page in a test
        onward = end if end < len(rows) else None
        return {"result": {"nextToken": onward, "pageList": self.repeated(rows[start:end])}}

    def _instance_ids(self, body: Row) -> Row:
        if len(body["userIds"]) > _SIZES["approval people"] or body["maxResults"] > 20:
            return {"code": "invalidParameter", "message": SENTINEL}
        found = [
            name
            for name, one in sorted(self.approvals.items())
            if one["processCode"] == body["processCode"]
            and one["originatorUserId"] in body["userIds"]
            and body["startTime"] <= one["at"] < body["endTime"]
        ]
        start = int(body["nextToken"])
        end = start + body["maxResults"]
        result: Row = {"list": found[start:end]}
        if end < len(found):
            result["nextToken"] = str(end)
        return {"success": True, "result": result}

    def _instance(self, body: Row) -> Row:
        return {"success": "true", "result": self.approvals[body["processInstanceId"]]}


def _local_ms(text: str) -> int:
    moment = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZONE)
    return round(moment.timestamp() * 1000)


def user(userid: str, job_number: str, **changes: Any) -> Row:
    """A row of user/list with a sentinel in everything that is not to be kept."""
    row: Row = answer("user_list")["result"]["list"][0]
    texts = dict.fromkeys(("name", "title", "mobile", "email", "unionid"), SENTINEL)
    return row | texts | {"userid": userid, "job_number": job_number} | changes


def punch(number: int, **changes: Any) -> Row:
    """One of the documented punches (0 by map, 1 by Wi-Fi, 2 invalid, 3 by a manager, 4 by a
    machine), with a sentinel in every text that is not to be kept."""
    row: Row = answer("listRecord")["recordresult"][number]
    texts = dict.fromkeys(
        ("userAddress", "outsideRemark", "baseSsid", "extension", "managerRemark"), SENTINEL
    )
    if "userSsid" in row:
        texts["userSsid"] = f"{SENTINEL}-ssid"
    if "invalidRecordMsg" in row:
        texts["invalidRecordMsg"] = f"{SENTINEL} 需要二次确认"
    return row | texts | changes


def work_log(**changes: Any) -> Row:
    """A documented work log with a sentinel in every text."""
    row: Row = answer("report_list")["result"]["data_list"][0]
    texts = dict.fromkeys(("template_name", "creator_name", "dept_name", "remark"), SENTINEL)
    content = {"key": SENTINEL, "value": f"{SENTINEL} 拜访客户", "type": "1", "sort": "0"}
    return row | texts | {"images": [SENTINEL], "contents": [content]} | changes


def check_in(**changes: Any) -> Row:
    """A documented check-in, with sentinels."""
    row: Row = answer("checkin_records")["result"]["pageList"][0]
    texts = dict.fromkeys(("place", "detailPlace", "remark", "visitUser"), SENTINEL)
    return row | texts | {"imageList": [SENTINEL], "customDataList": [{"v": SENTINEL}]} | changes


def approval(code: str, who: str, at_ms: int, period: list[str], **changes: Any) -> Row:
    """A documented approval whose field `f1` holds from and to, with sentinels."""
    row: Row = answer("instance")["result"]
    form = [
        {
            "id": "f1",
            "name": SENTINEL,
            "value": json.dumps(period),
            "componentType": "DDDateRangeField",
        },
        {"id": "f2", "name": SENTINEL, "value": SENTINEL, "componentType": "TextareaField"},
    ]
    mine = {"title": SENTINEL, "originatorUserId": who, "formComponentValues": form}
    return row | mine | {"processCode": code, "at": at_ms} | changes
