"""The whole story over HTTP, on real envelopes: from three days of clock-ins to a bundle that anybody
can verify; and its innocent twin, of which nothing remains."""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from tests.collector.test_api_cases import a_pdf
from tests.factories.bundling import ROOT
from tests.factories.judging import HOME_NET, HOUR_MS, START, Office, office
from tests.factories.routes import PREFIX
from tests.factories.vault import VAULT
from zaigang_collector import db
from zaigang_collector.access.model import Scope
from zaigang_collector.api.cases import desk
from zaigang_collector.assessment.service import judge_span
from zaigang_collector.attendance import exemptions
from zaigang_collector.attendance.model import Direction, ExemptionKind
from zaigang_collector.attendance.service import StoredExemption
from zaigang_collector.bootstrap.alerting import AlertsOfRules
from zaigang_collector.cases import due
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Employee, Language
from zaigang_collector.rules import service
from zaigang_shared import bundle_check
from zaigang_shared.bundle_case import Named
from zaigang_shared.bundle_report import Answer

DAY_MS = 24 * HOUR_MS
DAYS = (0, 1, 2)
CLOCK_IN_MS = START - HOUR_MS  # 08:00
OPENER, REVIEWER, SECOND = "H001", "H002", "H003"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as made:
        with db.writing(made.world.engine) as conn:
            for name in (OPENER, REVIEWER, SECOND):
                one = Employee(name, name, "人事", Language.CHINESE, "Asia/Shanghai", ())
                now_ms, randomness = made.world.clock.utc, made.world.randomness
                directory.put_employee(conn, VAULT, one, now_ms, randomness)
        state = made.world.app.state
        state.services = dataclasses.replace(state.services, alerts=AlertsOfRules(made.world.judge))
        yield made


class Http:
    """Whoever asks over HTTP."""

    def __init__(self, here: Office, *scopes: Scope) -> None:
        self._client, self._headers = here.world.client, here.world.token(*scopes)

    def get(self, path: str) -> Any:
        answer = self._client.get(f"{PREFIX}{path}", headers=self._headers)
        assert answer.status_code == 200, answer.text
        return answer

    def post(self, path: str, json: object = None, content: bytes | None = None) -> Any:
        answer = self._client.post(
            f"{PREFIX}{path}", headers=self._headers, json=json, content=content
        )
        assert answer.status_code in (200, 201), answer.text
        return answer.json()


def three_days(here: Office) -> None:
    """In at 08:00 at the client's; the laptop is first used at 14:00, at home."""
    here.home()
    laptop = here.laptop()
    for number in DAYS:
        at_ms = CLOCK_IN_MS + number * DAY_MS
        here.punch(Direction.IN, at_ms, f"in-{number}")
        laptop.works(at_ms + 6 * HOUR_MS, at_ms + 10 * HOUR_MS, HOME_NET)
        here.punch(Direction.OUT, at_ms + 10 * HOUR_MS, f"out-{number}")
    # On the fourth it is on once more: until then it may still deliver, and nothing is held against
    # anybody.
    fourth_ms = CLOCK_IN_MS + len(DAYS) * DAY_MS
    laptop.works(fourth_ms, fourth_ms + HOUR_MS, HOME_NET)
    here.at(CLOCK_IN_MS + 4 * DAY_MS + 6 * HOUR_MS)


def pass_(here: Office) -> service.Pass:
    world, span = here.world, (START - 4 * DAY_MS, START + 10 * DAY_MS)
    judge_span(world.engine, world.judge, *span, world.clock.utc)
    return service.run(world.engine, world.judge, *span, world.clock.utc)


def test_from_three_days_to_a_verified_bundle(here: Office) -> None:
    three_days(here)
    pass_(here)
    hr = Http(here, Scope.READ_ALERTS, Scope.READ_CASES, Scope.WRITE_CASES, Scope.READ_READINGS)
    person = Http(here, Scope.REPLY_CASES)
    raised = [one["id"] for one in hr.get("/alerts?employee=E001").json()["items"]]
    assert len(raised) == len(DAYS)
    listed = hr.get(f"/alerts/{raised[0]}").json()
    assert listed["items"]
    assert listed["references"]
    assert listed["look_alikes"]

    refs = [{"kind": "alert", "id": one} for one in raised]
    opening = {"employee": "E001", "by": OPENER, "refs": refs, "reason": "客户反映三天没见到人"}
    case = f"/cases/{hr.post('/cases', opening)['id']}"
    hr.post(f"{case}/steps", {"action": "send_letter", "by": OPENER})
    letter = text(person.get(f"{case}/own-letter?employee=E001").content)
    for part in ("2026-09-22", "2026-09-23", "2026-09-24", "家庭网络", "不是结论"):
        assert part in letter
    receipt = hr.post(f"{case}/files?by={OPENER}&name=receipt.pdf", content=a_pdf())["id"]
    delivered = {"action": "deliver", "by": OPENER, "reason": "当面签收", "files": [receipt]}
    assert hr.post(f"{case}/steps", delivered)["state"] == "delivered"

    here.at(here.world.clock.utc + 5 * HOUR_MS)
    mine = person.post(f"{case}/own-files?employee=E001&name=photo.pdf", content=a_pdf(2))["id"]
    reply = {"action": "reply", "employee": "E001", "reason": "上午在客户会议室。", "files": [mine]}
    assert person.post(f"{case}/own-steps", reply)["state"] == "replied"
    hr.post(f"{case}/steps", {"action": "review", "by": REVIEWER})
    concluding = {
        "action": "conclude_substantiated",
        "by": REVIEWER,
        "reason": "客户前台三天均无来访登记。",
        "proposal": "warning",
    }
    assert hr.post(f"{case}/steps", concluding)["state"] == "substantiated"
    report = text(person.get(f"{case}/own-report?employee=E001").content)
    for part in ("异常属实", "上午在客户会议室", "客户前台三天均无来访登记", "不会自动执行"):
        assert part in report
    handed = {"action": "deliver", "by": OPENER, "reason": "当面签收", "files": [receipt]}
    hr.post(f"{case}/steps", handed)

    here.at(here.world.clock.utc + DAY_MS)
    proof = person.post(f"{case}/own-files?employee=E001&name=client.pdf", content=a_pdf(3))["id"]
    appeal = {
        "action": "appeal",
        "employee": "E001",
        "reason": "客户出具了证明。",
        "files": [proof],
    }
    assert person.post(f"{case}/own-steps", appeal)["state"] == "appealed"
    assert refused(here, f"{case}/steps", {"action": "review_appeal", "by": REVIEWER})
    hr.post(f"{case}/steps", {"action": "review_appeal", "by": SECOND})
    deciding = {
        "action": "decide_appeal",
        "by": SECOND,
        "finding": "unfounded",
        "reason": "客户证明属实，员工在场。",
    }
    assert hr.post(f"{case}/steps", deciding)["state"] == "final"
    final = text(person.get(f"{case}/own-report?employee=E001").content)
    for part in ("异常不成立", "本结论为最终结论", "客户证明属实"):
        assert part in final
    told = [one["happened"] for one in hr.get(f"/alerts/{raised[0]}").json()["events"]]
    assert told == ["raised", "concluded"]  # once, when the case is final

    name = here.newest()[0].id
    bundle = hr.get(f"/assessments/{name}/bundle").content
    assert bundle_check.check(bundle, Named(root=ROOT)).answer is Answer.HOLDS
    spoilt = bundle[:2_000] + bytes([bundle[2_000] ^ 1]) + bundle[2_001:]
    assert bundle_check.check(spoilt, Named(root=ROOT)).answer is not Answer.HOLDS


def exempt(here: Office, kind: ExemptionKind, number: int) -> None:
    """All of one day, as HR declares it."""
    from_ms = CLOCK_IN_MS + number * DAY_MS
    said = StoredExemption("E001", from_ms, from_ms + 10 * HOUR_MS, kind, "hr", str(number))
    with db.writing(here.world.engine) as conn:
        exemptions.record(conn, VAULT, said, here.world.clock.utc, here.world.randomness)


def test_the_innocent_twin_ends_without_an_alert(here: Office) -> None:
    """The same three clock-ins: the node is down, then the laptop is in repair, then there is a
    meeting at the client's that was declared."""
    laptop = here.laptop()
    here.node()  # and it says nothing: it is down
    for number in DAYS:
        at_ms = CLOCK_IN_MS + number * DAY_MS
        here.punch(Direction.IN, at_ms, f"in-{number}")
        if number == 0:
            laptop.works(at_ms + 6 * HOUR_MS, at_ms + 10 * HOUR_MS, b"unknown!")
        here.punch(Direction.OUT, at_ms + 10 * HOUR_MS, f"out-{number}")
    exempt(here, ExemptionKind.DEVICE_REPAIR, 1)
    exempt(here, ExemptionKind.CLIENT_MEETING, 2)
    here.at(CLOCK_IN_MS + 4 * DAY_MS + 6 * HOUR_MS)
    pass_(here)
    hr = Http(here, Scope.READ_ALERTS, Scope.READ_ASSESSMENTS)
    assert hr.get("/alerts").json()["items"] == []
    found = [one["presence"] for one in hr.get("/assessments").json()["items"]]
    assert found == ["unverified", "exempt", "exempt"]


def test_a_meeting_that_is_declared_too_late_withdraws_alert_and_case(here: Office) -> None:
    three_days(here)
    pass_(here)
    hr = Http(here, Scope.READ_ALERTS, Scope.READ_CASES, Scope.WRITE_CASES)
    raised = [one["id"] for one in hr.get("/alerts").json()["items"]]
    refs = [{"kind": "alert", "id": one} for one in raised]
    opening = {"employee": "E001", "by": OPENER, "refs": refs, "reason": "三天"}
    case = f"/cases/{hr.post('/cases', opening)['id']}"
    for number in DAYS:
        exempt(here, ExemptionKind.CLIENT_MEETING, number)
    here.at(here.world.clock.utc + HOUR_MS)
    assert pass_(here).withdrawn == len(DAYS)
    assert {one["state"] for one in hr.get("/alerts").json()["items"]} == {"withdrawn"}
    services = here.world.app.state.services
    assert due.take_lease(here.world.engine, "test", here.world.clock.utc)
    due.run(here.world.engine, desk(services), here.world.clock.utc)
    assert hr.get(case).json()["state"] == "withdrawn"


def refused(here: Office, path: str, json: object) -> bool:
    headers = here.world.token(Scope.WRITE_CASES)
    answer = here.world.client.post(f"{PREFIX}{path}", headers=headers, json=json)
    return answer.status_code == 409 and "没有办理过原结论" in answer.text


def text(pdf: bytes) -> str:
    found = "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    return re.sub(r"\s+", "", found)
