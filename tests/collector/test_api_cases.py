"""Cases over the REST interface: who may do what by token, what is refused, and who looked."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfWriter

from tests.factories.api_world import WEEK, ZONE, ApiWorld, api_world
from tests.factories.audited import assert_clean
from tests.factories.ledger import SIGNER
from tests.factories.vault import VAULT
from tests.fakes import database
from zaigang_collector import db
from zaigang_collector.access.model import Scope
from zaigang_collector.cases.model import BY_ITSELF, Action, Given, Proof
from zaigang_collector.cases.policy import default_policy
from zaigang_collector.cases.service import Desk, act
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Employee, Language
from zaigang_collector.vault import access_log
from zaigang_collector.worktraces import service as worktraces
from zaigang_collector.worktraces.model import EventKind, NewEvent

URL = "/api/v1/cases"
ALERT = {"kind": "alert", "id": "al-1"}
OPEN = {"employee": "E001", "by": "H001", "refs": [ALERT], "reason": "周一"}


def a_pdf(pages: int = 1) -> bytes:
    writer, file = PdfWriter(), io.BytesIO()
    for _ in range(pages):
        writer.add_blank_page(9, 9)
    writer.write(file)
    return file.getvalue()


PDF = a_pdf()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[ApiWorld]:
    database.all_tables()
    with api_world(tmp_path) as made:
        with db.writing(made.engine) as conn:
            for person in ("H001", "H002"):
                employee = Employee(person, person, "人事", Language.CHINESE, ZONE, WEEK)
                directory.put_employee(conn, VAULT, employee, made.clock.utc, made.randomness)
        yield made


@pytest.fixture
def hr(world: ApiWorld) -> dict[str, str]:
    return world.token(Scope.READ_CASES, Scope.WRITE_CASES)


@pytest.fixture
def page(world: ApiWorld) -> dict[str, str]:
    """The page on which the person concerned acts."""
    return world.token(Scope.REPLY_CASES)


def opened(world: ApiWorld, hr: dict[str, str], **changes: Any) -> dict[str, Any]:
    answer = world.client.post(URL, json={**OPEN, **changes}, headers=hr)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def step(
    world: ApiWorld, headers: dict[str, str], case: str, action: str, **more: Any
) -> dict[str, Any]:
    answer = world.client.post(
        f"{URL}/{case}/steps", json={"action": action, "by": "H002", **more}, headers=headers
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def delivered(world: ApiWorld, hr: dict[str, str]) -> str:
    case: str = opened(world, hr)["id"]
    step(world, hr, case, "send_letter")
    desk = Desk(VAULT, default_policy(), world.randomness)
    with db.writing(world.engine) as conn:
        proof = Proof("dingtalk", f"{case}/2", world.clock.utc)
        given = Given(proof=proof)
        acted = act(conn, desk, case, Action.DELIVER, BY_ITSELF, given, world.clock.utc)
        assert acted.refused is None
    return case


def looks(world: ApiWorld, person: str = "E001") -> list[str]:
    with db.reading(world.engine) as conn:
        return [one.what for one in access_log.of_person(conn, VAULT, person)]


def test_a_case_goes_from_letter_to_conclusion_and_the_person_sees_what_hr_sees(
    world: ApiWorld, hr: dict[str, str], page: dict[str, str]
) -> None:
    case = delivered(world, hr)
    taken = world.client.post(
        f"{URL}/{case}/own-files?employee=E001&name=签字单.pdf", content=PDF, headers=page
    )
    assert taken.status_code == 201, taken.text
    file = taken.json()["id"]
    replied = world.client.post(
        f"{URL}/{case}/own-steps",
        json={"action": "reply", "employee": "E001", "reason": "在客户处", "files": [file]},
        headers=page,
    )
    assert replied.json()["called"] == {
        "zh": "员工已回复，等待审查",
        "en": "replied; waiting for review",
    }
    step(world, hr, case, "review")
    done = step(
        world,
        hr,
        case,
        "conclude_substantiated",
        reason="没有任何痕迹",
        proposal="performance_pay",
    )
    assert done["finding"] == "substantiated"
    assert done["proposal"]["zh"] == "建议：扣减当月绩效工资的 10%"
    assert done["possible_for_employee"] == ["attach", "appeal"]
    assert [one["number"] for one in done["steps"]] == list(range(1, 8))
    theirs = world.client.get(f"{URL}/{case}/own?employee=E001", headers=page).json()
    assert theirs["steps"] == done["steps"]
    assert theirs["files"][0]["seen_before"] is None
    assert done["files"][0]["seen_before"] == []
    assert theirs["checkpoint"].startswith(SIGNER.origin)
    for path in (f"files/{file}", f"own-files/{file}?employee=E001"):
        got = world.client.get(f"{URL}/{case}/{path}", headers=page if "own" in path else hr)
        assert got.content == PDF
        assert got.headers["content-type"] == "application/pdf"
        assert got.headers["x-content-type-options"] == "nosniff"
        assert got.headers["content-disposition"].startswith("attachment")
    assert f"case {case}, file {file}" in looks(world)
    assert f"case {case}, on their own page" in looks(world)
    assert_clean(world.engine)


def test_hr_that_skips_the_delivery_is_refused_in_both_languages_and_on_record(
    world: ApiWorld, hr: dict[str, str]
) -> None:
    case = opened(world, hr)["id"]
    body = {"action": "conclude_substantiated", "by": "H001", "reason": "surely"}
    answer = world.client.post(f"{URL}/{case}/steps", json=body, headers=hr)
    assert answer.status_code == 409
    assert "案件现在是“已立案，确认函未发”" in answer.json()["detail"]
    assert 'The case is "opened; no letter has gone out"' in answer.json()["detail"]
    shown = world.client.get(f"{URL}/{case}", headers=hr).json()
    assert [one["refused"] for one in shown["steps"]] == ["", "not_now"]
    assert shown["state"] == "opened"
    nothing = {"action": "deliver", "by": "H001", "reason": "gave it to him"}
    step(world, hr, case, "send_letter")
    assert world.client.post(f"{URL}/{case}/steps", json=nothing, headers=hr).status_code == 409


def test_hr_cannot_reply_in_the_persons_place_nor_the_page_act_as_hr(
    world: ApiWorld, hr: dict[str, str], page: dict[str, str]
) -> None:
    case = delivered(world, hr)
    reply = {"action": "reply", "employee": "E001", "reason": "I admit it"}
    assert world.client.post(f"{URL}/{case}/own-steps", json=reply, headers=hr).status_code == 403
    as_hr = {"action": "reply", "by": "H001", "reason": "he admits it"}
    assert world.client.post(f"{URL}/{case}/steps", json=as_hr, headers=hr).status_code == 409
    as_person = {"action": "review", "employee": "E001"}
    own = world.client.post(f"{URL}/{case}/own-steps", json=as_person, headers=page)
    assert own.status_code == 409
    assert world.client.get(f"{URL}/{case}", headers=page).status_code == 403


def test_somebody_elses_case_is_not_found_on_ones_own_page(
    world: ApiWorld, hr: dict[str, str], page: dict[str, str]
) -> None:
    case = delivered(world, hr)
    file = world.client.post(f"{URL}/{case}/files?by=H001&name=x", content=PDF, headers=hr).json()[
        "id"
    ]
    reply = {"action": "reply", "employee": "E002", "reason": "hello"}
    for answer in (
        world.client.get(f"{URL}/{case}/own?employee=E002", headers=page),
        world.client.get(f"{URL}/ca-none/own?employee=E002", headers=page),
        world.client.get(f"{URL}/{case}/own-files/{file}?employee=E002", headers=page),
        world.client.post(f"{URL}/{case}/own-steps", json=reply, headers=page),
        world.client.post(
            f"{URL}/{case}/own-files?employee=E002&name=x", content=PDF, headers=page
        ),
    ):
        assert answer.status_code == 404
        assert "E001" not in answer.text


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"employee": "E999"}, "there is no employee 'E999'"),
        ({"by": "H999"}, "there is no employee 'H999'"),
        ({"by": "E001"}, "whom it is not about"),
        ({"refs": [{"kind": "clue", "id": "cl-1"}]}, "there is no clue 'cl-1'"),
        ({"refs": [{"kind": "assessment", "id": "as-1"}]}, "there is no assessment 'as-1'"),
        ({"refs": []}, ""),
        ({"reason": "x" * 10_001}, ""),
        ({"reason": "a\u0000b"}, "words were refused"),
        ({"colour": "red"}, ""),
    ],
)
def test_a_case_that_cannot_be_one_is_refused_and_nothing_is_opened(
    world: ApiWorld, hr: dict[str, str], change: dict[str, Any], says: str
) -> None:
    answer = world.client.post(URL, json={**OPEN, **change}, headers=hr)
    assert answer.status_code == 422
    assert says in answer.text
    assert world.client.get(URL, headers=hr).json()["items"] == []


def test_what_is_no_file_that_is_taken_is_refused_in_words(
    world: ApiWorld, hr: dict[str, str]
) -> None:
    case = opened(world, hr)["id"]
    answer = world.client.post(f"{URL}/{case}/files?by=H001&name=x.pdf", content=b"MZ", headers=hr)
    assert answer.status_code == 422
    assert "请提交 PDF、PNG、JPEG、HEIC 或 XLSX" in answer.json()["detail"]
    assert world.client.get(f"{URL}/{case}", headers=hr).json()["files"] == []
    none = world.client.post(f"{URL}/ca-x/files?by=H001&name=x.pdf", content=b"MZ", headers=hr)
    assert none.status_code == 404


def test_cases_are_listed_page_by_page_and_the_listing_is_a_look(
    world: ApiWorld, hr: dict[str, str]
) -> None:
    made = []
    for number in range(5):
        world.clock.utc += 1
        made.append(opened(world, hr, refs=[{"kind": "alert", "id": f"al-{number}"}])["id"])
    step(world, hr, made[0], "dismiss", reason="node was down")
    seen, cursor = [], None
    while True:
        query: dict[str, Any] = {"limit": 2} | ({} if cursor is None else {"cursor": cursor})
        answer = world.client.get(URL, params=query, headers=hr).json()
        seen += [one["id"] for one in answer["items"]]
        cursor = answer["next"]
        if cursor is None:
            break
    assert seen == made[::-1]
    still = world.client.get(URL, params={"open": "true", "employee": "E001"}, headers=hr).json()
    assert made[0] not in [one["id"] for one in still["items"]]
    assert len(still["items"]) == 4
    assert "cases, listed" in looks(world)


def test_a_clue_is_written_by_a_manager_and_read_with_exactly_its_dates_beside_it(
    world: ApiWorld, hr: dict[str, str]
) -> None:
    manager = world.token(Scope.WRITE_CLUES)
    clue = {
        "employee": "E001",
        "site": "hq",
        "first_day": "2026-09-16",
        "last_day": "2026-09-18",
        "words": "客户说这几天很少见到人",
        "by": "E002",
    }
    noon_ms, day_ms = world.clock.utc - 4 * 24 * 3_600_000, 24 * 3_600_000  # the 17th
    with db.writing(world.engine) as conn:
        events = [
            NewEvent(
                source="erp",
                source_id=str(number),
                employee_id="E001",
                kind=EventKind.TASK,
                happened_ms=noon_ms + number * day_ms,
            )
            for number in (-2, 0, 2)
        ]
        worktraces.record_events(conn, VAULT, events, world.clock.utc, world.randomness)
    written = world.client.post("/api/v1/clues", json=clue, headers=manager)
    assert written.status_code == 201
    name = written.json()["id"]
    assert list(written.json()) == ["id"]  # whoever writes it is shown nothing
    assert world.client.get(f"/api/v1/clues/{name}", headers=manager).status_code == 403
    found = world.client.get(f"/api/v1/clues/{name}", headers=hr).json()
    assert [one["day"] for one in found["days"]] == ["2026-09-16", "2026-09-17", "2026-09-18"]
    assert {one["standing"] for one in found["days"]} == {"no_claim"}
    assert "没有记录不等于缺勤" in found["days"][0]["told"]["zh"]
    assert [one["kind"] for one in found["business_events"]] == ["task"]  # of these days alone
    assert found["words"] == clue["words"]
    assert f"clue {name} and its days" in looks(world)
    case = opened(world, hr, refs=[{"kind": "clue", "id": name}])
    assert case["refs"] == [{"kind": "clue", "id": name}]
    other = world.client.post(
        URL, json={**OPEN, "employee": "E002", "refs": [{"kind": "clue", "id": name}]}, headers=hr
    )
    assert "is about somebody else" in other.json()["detail"]
    for change in (
        {"by": "E001"},
        {"last_day": "2026-09-15"},
        {"last_day": "2026-12-15"},
        {"site": "x"},
        {"words": "\u202e"},
    ):
        wrong = world.client.post("/api/v1/clues", json={**clue, **change}, headers=manager)
        assert wrong.status_code == 422, change
    assert_clean(world.engine)
