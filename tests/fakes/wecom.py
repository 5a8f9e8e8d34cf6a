"""WeCom on a loop-back port, as far as it is documented: what a connector meets in its life.

Tokens belong to one secret and expire by the injected clock, which also opens anew what was asked
too often in a minute. Questions that are too large are refused as a whole. `faults` are answered in
the place of the next calls. Every text that a connector must not keep is `SENTINEL`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from tests.fakes import vendor
from tests.fakes.vendor import Vendor

SENTINEL: Final = vendor.SENTINEL
CORP_ID: Final = "wwfakecorp"
SECRET: Final = "sentinel-wx-secret"
CONTACTS_SECRET: Final = "sentinel-wx-contacts-secret"
APPROVALS_SECRET: Final = "sentinel-wx-approvals-secret"
TOKEN: Final = "/cgi-bin/gettoken"
CHECK_INS: Final = "/cgi-bin/checkin/getcheckindata"
TERMINALS: Final = "/cgi-bin/hardware/get_hardware_checkin_data"
NUMBERS: Final = "/cgi-bin/oa/getapprovalinfo"
DETAIL: Final = "/cgi-bin/oa/getapprovaldetail"
USERS: Final = "/cgi-bin/user/list_id"
DEPARTMENTS: Final = "/cgi-bin/department/simplelist"
WORK_LOGS: Final = "/cgi-bin/oa/journal/get_record_list"
WORK_LOG: Final = "/cgi-bin/oa/journal/get_record_detail"
_ANSWERS: Final = Path(__file__).parent / "wecom_answers"
_DAY_S: Final = 24 * 3600
_SCOPE: Final = {
    CHECK_INS: "check-ins",
    TERMINALS: "check-ins",
    NUMBERS: "approvals",
    DETAIL: "approvals",
    USERS: "contacts",
    DEPARTMENTS: "contacts",
    WORK_LOGS: "check-ins",
    WORK_LOG: "check-ins",
}

Row = vendor.Row


def answer(name: str) -> Any:
    """A documented answer, by the name of its file."""
    return json.loads((_ANSWERS / f"{name}.json").read_text(encoding="utf-8"))


@dataclass
class FakeWeCom(Vendor):
    """The vendor's side. Set what there is and what goes wrong; look at what was asked."""

    users: list[tuple[str, int]] = field(default_factory=list)
    """Who is in which department; somebody may be in several."""
    departments: dict[int, int] = field(default_factory=lambda: {1: 0})
    """Each department and the one above it."""
    check_ins: list[Row] = field(default_factory=list)
    swipes: list[Row] = field(default_factory=list)
    approvals: dict[str, Row] = field(default_factory=dict)
    """By number; `record_type` beside the vendor's own fields."""
    work_logs: dict[str, Row] = field(default_factory=dict)
    """By id."""
    secrets: dict[str, set[str]] = field(
        default_factory=lambda: {
            SECRET: {"check-ins", "approvals"},
            CONTACTS_SECRET: {"contacts"},
            APPROVALS_SECRET: {"approvals"},
        }
    )
    """What each secret may ask for."""
    user_page: int = 10_000
    number_page: int = 100
    calls_a_minute: int = 600
    tokens: dict[str, tuple[int, set[str]]] = field(default_factory=dict)
    """Token to when it ends, by the clock's boot time, and what it may ask."""
    _lately: list[tuple[str, int]] = field(default_factory=list)

    def bodies(self, path: str) -> list[Row]:
        """What was asked there."""
        return [body for one, body in self.asked if one == path]

    def app(self) -> FastAPI:
        app = FastAPI()
        calls: dict[str, Callable[[Row], Row]] = {
            CHECK_INS: self._check_ins,
            TERMINALS: self._terminals,
            NUMBERS: self._numbers,
            DETAIL: self._detail,
            USERS: self._list_id,
            DEPARTMENTS: self._simplelist,
            WORK_LOGS: self._journals,
            WORK_LOG: self._journal,
        }

        async def handle(request: Request) -> Response:
            path = request.url.path
            body = json.loads(await request.body() or b"{}")
            self.asked.append((path, body))
            if self.faults and (fault := self.faults.pop(0)):
                return await run_in_threadpool(self._fault, fault)
            if path == TOKEN:
                return JSONResponse(self._token(dict(request.query_params)))
            said = self._refusal(path, request.query_params.get("access_token", ""))
            return JSONResponse(self.shaped(said or calls[path](body)))

        for path in calls:
            method = "GET" if path == DEPARTMENTS else "POST"
            app.add_api_route(path, handle, methods=[method])
        app.add_api_route(TOKEN, handle, methods=["GET"])
        return app

    def _token(self, query: Row) -> Row:
        if query.get("corpid") != CORP_ID:
            return {"errcode": 40013, "errmsg": f"invalid corpid {SENTINEL}"}
        allowed = self.secrets.get(query.get("corpsecret", ""))
        if allowed is None:
            return {"errcode": 40001, "errmsg": f"invalid credential {SENTINEL}"}
        text = f"sentinel-token-{len(self.tokens) + 1}"
        self.tokens[text] = self.clock.boot_ms() + self.token_lives_s * 1000, allowed
        said: Row = answer("gettoken")
        return said | {"access_token": text, "expires_in": self.token_lives_s}

    def _refusal(self, path: str, token: str) -> Row | None:
        """What the vendor says before it looks at the question."""
        now_ms = self.clock.boot_ms()
        if token not in self.tokens:
            return {"errcode": 40014, "errmsg": f"invalid access_token {SENTINEL}"}
        ends_ms, allowed = self.tokens[token]
        if ends_ms <= now_ms:
            return self._says("err_token")
        if _SCOPE[path] not in allowed:
            return {"errcode": 48002, "errmsg": f"api forbidden {SENTINEL}"}
        if path in self.refused:
            return self.refused[path]
        self._lately = [one for one in self._lately if one[1] > now_ms - 60_000]
        if sum(1 for one, _ in self._lately if one == path) >= self.calls_a_minute:
            return self._says("err_freq")
        self._lately.append((path, now_ms))
        return None

    @staticmethod
    def _says(name: str) -> Row:
        said: Row = answer(name)
        return said | {"errmsg": f"{said['errmsg']} {SENTINEL}"}

    def _fault(self, fault: str) -> Response:
        match fault:
            case "expired":
                return JSONResponse(self._says("err_token"))
            case "throttled":
                return JSONResponse(self._says("err_freq"))
            case "address":
                return JSONResponse(self._says("err_ip"))
            case "busy":
                return JSONResponse({"errcode": -1, "errmsg": SENTINEL})
            case "odd shape":
                odd: Row = {"errcode": 0, "checkindata": {"a": 1}, "dept_user": {"a": 1}}
                return JSONResponse(odd)
        return self.broken(fault)

    def _asked_rows(self, rows: list[Row], body: Row) -> list[Row] | None:
        """Rows of these people between two moments (s, both included); None: too much was asked."""
        people, begin, end = body["useridlist"], body["starttime"], body["endtime"]
        if len(people) > 100 or not 0 <= end - begin <= 30 * _DAY_S:
            return None
        return [
            row
            for row in rows
            if row.get("userid") in people and begin <= int(row.get("checkin_time") or begin) <= end
        ]

    def _check_ins(self, body: Row) -> Row:
        if body["opencheckindatatype"] != 3:
            return {"errcode": 301022, "errmsg": SENTINEL}
        if self.hidden & set(body["useridlist"]):
            return {"errcode": 60011, "errmsg": f"{SENTINEL} {body['useridlist']}"}
        rows = self._asked_rows(self.check_ins, body)
        if rows is None:
            return {"errcode": 301023, "errmsg": SENTINEL}
        return {"errcode": 0, "errmsg": "ok", "checkindata": self.repeated(rows)}

    def _terminals(self, body: Row) -> Row:
        rows = self._asked_rows(self.swipes, body)
        if rows is None:
            return {"errcode": 301023, "errmsg": SENTINEL}
        # Whom it does not know it leaves out here, without a word.
        seen = [row for row in rows if row["userid"] not in self.hidden]
        return {"errcode": 0, "errmsg": "ok", "checkindata": self.repeated(seen)}

    def _numbers(self, body: Row) -> Row:
        begin, end, size = body["starttime"], body["endtime"], body["size"]
        if end - begin > 31 * _DAY_S or not 1 <= size <= 100:
            return {"errcode": 301025, "errmsg": SENTINEL}
        filters = {one["key"]: one["value"] for one in body["filters"]}
        found = [
            number
            for number, one in sorted(self.approvals.items())
            if filters.get("record_type") in (None, str(one["record_type"]))
            and str(one["sp_status"]) == filters["sp_status"]
            and begin <= one["apply_time"] <= end
        ]
        start = int(body["new_cursor"].removeprefix("cursor-") or 0)
        stop = start + min(size, self.number_page)
        onward = f"cursor-{stop}" if stop < len(found) else ""
        numbers = self.repeated(found[start:stop])
        return {"errcode": 0, "errmsg": "ok", "sp_no_list": numbers, "new_next_cursor": onward}

    def _detail(self, body: Row) -> Row:
        one = self.approvals[body["sp_no"]]
        info = {name: value for name, value in one.items() if name != "record_type"}
        return {"errcode": 0, "errmsg": "ok", "info": info}

    def _journals(self, body: Row) -> Row:
        begin, end, start = body["starttime"], body["endtime"], body["cursor"]
        if end - begin > 31 * _DAY_S or not 1 <= body["limit"] <= 100:
            return {"errcode": 301025, "errmsg": SENTINEL}
        found = [
            name
            for name, one in sorted(self.work_logs.items())
            if begin <= one["report_time"] <= end
        ]
        stop = start + min(body["limit"], 2)
        ids = self.repeated(found[start:stop])
        said = {"journaluuid_list": ids, "next_cursor": stop, "endflag": int(stop >= len(found))}
        return {"errcode": 0, "errmsg": "ok", **said}

    def _journal(self, body: Row) -> Row:
        return {"errcode": 0, "errmsg": "ok", "info": self.work_logs[body["journaluuid"]]}

    def _list_id(self, body: Row) -> Row:
        if not 1 <= body["limit"] <= 10_000:
            return {"errcode": 40058, "errmsg": SENTINEL}
        start = int(body.get("cursor") or 0)
        end = start + min(body["limit"], self.user_page)
        rows = [{"userid": who, "department": where} for who, where in self.users[start:end]]
        onward = str(end) if end < len(self.users) else ""
        people = self.repeated(rows)
        return {"errcode": 0, "errmsg": "ok", "next_cursor": onward, "dept_user": people}

    def _simplelist(self, body: Row) -> Row:
        assert body == {}
        rows = [
            {"id": one, "parentid": above, "order": one} for one, above in self.departments.items()
        ]
        return {"errcode": 0, "errmsg": "ok", "department_id": rows}


def check_in(number: int, **changes: Any) -> Row:
    """One of the documented check-ins (0 in by Wi-Fi and map, 1 in elsewhere and late, 2 one that
    nobody made, 3 outside), with a sentinel in every text that is not to be kept."""
    row: Row = answer("getcheckindata")["checkindata"][number]
    texts: Row = dict.fromkeys(("groupname", "location_title", "location_detail"), SENTINEL)
    texts |= {"notes": SENTINEL, "mediaids": [SENTINEL], "wifiname": f"{SENTINEL}-ssid"}
    return row | texts | changes


def swipe(**changes: Any) -> Row:
    """A documented record of an attendance machine, with a sentinel."""
    row: Row = answer("get_hardware_checkin_data")["checkindata"][0]
    return row | {"device_name": SENTINEL} | changes


def approval(number: str, who: str, record_type: int, **changes: Any) -> Row:
    """A documented approval with sentinels, whose form has what `form` says."""
    row: Row = answer("getapprovaldetail")["info"]
    remark = {"control": "Textarea", "id": "Textarea-1", "value": {"text": SENTINEL}}
    form = changes.pop("form", [])
    mine = {
        "sp_no": number,
        "sp_name": SENTINEL,
        "applyer": {"userid": who, "partyid": "1001"},
        "apply_data": {"contents": [remark, *form]},
        "comments": [{"commentContent": SENTINEL}],
        "record_type": record_type,
    }
    row["sp_record"][0]["details"][0]["speech"] = SENTINEL
    return row | mine | changes


def work_log(uuid: str, who: str, at_s: int) -> Row:
    """A documented work log with a sentinel in every text."""
    row: Row = answer("journal_detail")["info"]
    text = {"control": "Textarea", "id": "Textarea-1", "value": {"text": f"{SENTINEL} 拜访客户"}}
    mine = {"journal_uuid": uuid, "submitter": {"userid": who}, "report_time": at_s}
    told = {"template_name": SENTINEL, "comments": [{"content": SENTINEL}]}
    return row | mine | told | {"apply_data": {"contents": [text]}}


def stretch(record_type: int, begin_s: int, end_s: int, kind: str = "hour") -> Row:
    """The control of leave (1), a trip (3) or an outing (4), from and to."""
    span = {"type": kind, "new_begin": begin_s, "new_end": end_s, "new_duration": end_s - begin_s}
    attendance = {"date_range": span, "type": record_type}
    title = [{"text": SENTINEL, "lang": "zh_CN"}]
    if record_type != 1:
        return {"control": "Attendance", "title": title, "value": {"attendance": attendance}}
    selector = {"type": "single", "options": [{"key": "1", "value": title}]}
    value = {"vacation": {"selector": selector, "attendance": attendance}}
    return {"control": "Vacation", "title": title, "value": value}


def corrected(at_s: int, state: str) -> Row:
    """The control of a correction."""
    value = {"punch_correction": {"state": f"{state} {SENTINEL}", "time": at_s, "version": 1}}
    return {"control": "PunchCorrection", "value": value}
