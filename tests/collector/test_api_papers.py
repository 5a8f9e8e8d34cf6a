"""Papers over REST: whole files, on record as looks, and clear where there is none yet."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest

from tests.factories.judging import HOME_NET, HOUR_MS, START, Office, office
from tests.factories.routes import PREFIX
from zaigang_collector.access.model import Scope

DAYS = "from_day=2026-09-22&to_day=2026-09-22"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as made:
        made.home()
        laptop = made.laptop()
        laptop.works(START - HOUR_MS // 2, START + 5 * HOUR_MS, HOME_NET)
        made.a_day()
        made.judge()
        yield made


@pytest.fixture
def case(here: Office) -> str:
    (stored,) = here.newest()
    opening = {
        "employee": "E001",
        "by": "E002",
        "refs": [{"kind": "assessment", "id": stored.id}],
        "reason": "周二没有见到人",
    }
    headers = here.world.token(Scope.WRITE_CASES)
    answer = here.world.client.post(f"{PREFIX}/cases", json=opening, headers=headers)
    return str(answer.json()["id"])


def looks(here: Office) -> str:
    headers = here.world.token(Scope.READ_LOOKS)
    return here.world.client.get(f"{PREFIX}/people/E001/looks", headers=headers).text


def test_a_letter_is_a_pdf_and_its_reading_is_on_record(here: Office, case: str) -> None:
    headers = here.world.token(Scope.READ_CASES)
    answer = here.world.client.get(f"{PREFIX}/cases/{case}/letter", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(b"%PDF-1.7")
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == f'attachment; filename="letter-{case}.pdf"'
    assert answer.headers["cache-control"] == "no-store"
    assert f"letter of case {case}" in looks(here)


def test_there_is_no_report_before_somebody_concluded(here: Office, case: str) -> None:
    headers = here.world.token(Scope.READ_CASES)
    answer = here.world.client.get(f"{PREFIX}/cases/{case}/report", headers=headers)
    assert answer.status_code == 409
    assert "has no report yet" in answer.json()["detail"]


def test_the_employee_gets_their_own_letter_and_nobody_elses(here: Office, case: str) -> None:
    headers = here.world.token(Scope.REPLY_CASES)
    own = f"{PREFIX}/cases/{case}/own-letter"
    assert here.world.client.get(f"{own}?employee=E001", headers=headers).status_code == 200
    assert here.world.client.get(f"{own}?employee=E002", headers=headers).status_code == 404
    assert "on their own page" in looks(here)


def test_the_worklist_comes_as_a_workbook_with_the_question_on_top(here: Office) -> None:
    headers = here.world.token(Scope.READ_ASSESSMENTS) | {"accept-language": "zh"}
    answer = here.world.client.get(f"{PREFIX}/worklist?{DAYS}&format=xlsx", headers=headers)
    assert answer.status_code == 200, answer.text
    table = list(openpyxl.load_workbook(io.BytesIO(answer.content)).active.values)
    assert table[1][1] == "E001"
    assert table[1][8] == "与读数相矛盾"
    assert "the worklist" in looks(here)


def test_too_many_days_are_refused_with_what_was_expected(here: Office) -> None:
    headers = here.world.token(Scope.READ_ASSESSMENTS)
    url = f"{PREFIX}/worklist?from_day=2026-01-01&to_day=2026-12-31"
    answer = here.world.client.get(url, headers=headers)
    assert answer.status_code == 422
    assert "at most 62 days" in answer.json()["detail"]
