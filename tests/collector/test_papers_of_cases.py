"""A case's letter and report: from what was found and done, for and against."""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pypdf import PdfReader

from tests.factories.judging import HOME_NET, HOUR_MS, START, Office, office
from tests.factories.vault import VAULT
from tests.fakes.messenger import FakeMessenger
from zaigang_collector import db
from zaigang_collector.cases import service
from zaigang_collector.cases.model import (
    BY_ITSELF,
    Action,
    Actor,
    Given,
    Proof,
    Proposal,
    Ref,
    RefKind,
    Role,
)
from zaigang_collector.cases.policy import default_policy
from zaigang_collector.cases.service import Desk as CaseDesk
from zaigang_collector.cases.store import Loaded
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Employee, Language
from zaigang_collector.errors import ConfigError, ConflictError
from zaigang_collector.reports import of_case, settings
from zaigang_collector.reports.model import Conclusion
from zaigang_collector.reports.settings import PaperSettings
from zaigang_collector.reports.typesetting import Press

HR, REVIEWER = Actor(Role.HR, "E002", "test"), Actor(Role.HR, "E003", "test")
EMPLOYEE = Actor(Role.EMPLOYEE, "E001", "page")
SETTINGS = PaperSettings("示例公司", "王芳 hr@zaigang.example", None, "https://zaigang.example/r/")


@dataclasses.dataclass
class Desk:
    """An office in which somebody works on a case."""

    office: Office
    case: Loaded

    def do(self, action: Action, actor: Actor, **given: object) -> None:
        with db.writing(self.office.world.engine) as conn:
            done = service.act(
                conn, self._desk(), self.case.id, action, actor,
                Given(**given), self.office.world.clock.utc,  # type: ignore[arg-type]
            )  # fmt: skip
        assert done.refused is None, done.refused
        self.case = done.case

    def _desk(self) -> CaseDesk:
        return CaseDesk(VAULT, default_policy(), self.office.world.randomness, FakeMessenger())

    def desk(self, language: Language | None = None) -> of_case.Desk:
        return of_case.Desk(VAULT, SETTINGS, self.office.world.clock.utc, language)

    @classmethod
    def opened(cls, here: Office, *refs: Ref) -> Desk:
        made = cls(here, None)  # type: ignore[arg-type]
        with db.writing(here.world.engine) as conn:
            made.case = service.open_case(
                conn, made._desk(), "E001", refs, "三天没有在现场见到人", HR, here.world.clock.utc
            )
        return made


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Office]:
    """Somebody claims four hours at the site, and their laptop was at home all the time."""
    with office(tmp_path) as made:
        made.home()
        laptop = made.laptop()
        laptop.works(START - HOUR_MS // 2, START + 5 * HOUR_MS, HOME_NET)
        made.a_day()
        made.judge()
        with db.writing(made.world.engine) as conn:
            reviewer = Employee("E003", "李雷", "人事", Language.CHINESE, "Asia/Shanghai", ())
            directory.put_employee(
                conn, VAULT, reviewer, made.world.clock.utc, made.world.randomness
            )
        yield made


@pytest.fixture
def case(here: Office) -> Desk:
    (stored,) = here.newest()
    return Desk.opened(here, Ref(RefKind.ASSESSMENT, stored.id))


def text(pdf: bytes) -> str:
    found = "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    return re.sub(r"\s+", "", found)


def test_a_letter_lists_what_was_found_for_and_against(
    here: Office, case: Desk, tmp_path: Path
) -> None:
    (stored,) = here.newest()
    with db.writing(here.world.engine) as conn:
        letter = of_case.letter_of(conn, case.desk(), case.case)
    (row,) = letter.anomalies
    assert row.reference == f"{stored.id}@{stored.version}"
    assert row.claim.zh == "打卡 09:00–13:00"
    assert "家庭网络" in row.device_record.zh
    assert row.business_record.zh == "没有可比对的业务记录"
    assert all(number.value.endswith("%") for number in row.numbers)
    assert letter.reply_url == f"https://zaigang.example/r/{case.case.id}"
    assert letter.due_ms is None
    assert letter.time_zone == "Asia/Shanghai"
    printed = text(Press(tmp_path / "none").letter(letter))
    assert "示例公司" in printed
    assert case.case.id in printed
    assert row.reference in printed


def test_the_hour_stands_on_the_letter_once_delivery_is_proved(here: Office, case: Desk) -> None:
    case.do(Action.SEND_LETTER, HR)
    proof = Proof("dingtalk", case.case.standing.letter, here.world.clock.utc)
    case.do(Action.DELIVER, BY_ITSELF, proof=proof)
    with db.writing(here.world.engine) as conn:
        letter = of_case.letter_of(conn, case.desk(), case.case)
    assert letter.due_ms == case.case.standing.due_ms is not None


def test_a_letter_is_in_the_persons_language_or_the_asked_one(here: Office, case: Desk) -> None:
    with db.writing(here.world.engine) as conn:
        own = of_case.letter_of(conn, case.desk(), case.case)
        asked = of_case.letter_of(conn, case.desk(Language.ENGLISH), case.case)
    assert (own.language, asked.language) == (Language.CHINESE, Language.ENGLISH)


def test_a_case_that_rests_on_nothing_listable_has_no_letter(here: Office) -> None:
    case = Desk.opened(here, Ref(RefKind.ALERT, "al-1"))
    with db.writing(here.world.engine) as conn, pytest.raises(ConflictError, match="link the"):
        of_case.letter_of(conn, case.desk(), case.case)


def test_a_report_holds_what_was_said_done_and_concluded(
    here: Office, case: Desk, tmp_path: Path
) -> None:
    with db.writing(here.world.engine) as conn, pytest.raises(ConflictError, match="no report yet"):
        of_case.report_of(conn, case.desk(), case.case)
    case.do(Action.SEND_LETTER, HR)
    proof = Proof("dingtalk", case.case.standing.letter, here.world.clock.utc)
    case.do(Action.DELIVER, BY_ITSELF, proof=proof)
    case.do(Action.REPLY, EMPLOYEE, reason="下午在客户会议室，电脑留在家里。")
    case.do(Action.REVIEW, REVIEWER)
    case.do(
        Action.CONCLUDE_SUBSTANTIATED,
        REVIEWER,
        reason="客户前台没有来访登记。",
        proposal=Proposal.WARNING,
    )
    with db.writing(here.world.engine) as conn:
        report = of_case.report_of(conn, case.desk(), case.case)
    assert report.explanation == "下午在客户会议室，电脑留在家里。"
    assert report.conclusion is Conclusion.SUBSTANTIATED
    assert report.concluded_by.endswith("(E003)")
    assert not report.final
    assert report.proposal is not None
    assert len(report.steps) == len(case.case.steps)
    printed = text(Press(tmp_path / "none").report(report))
    for part in ("异常属实", "客户前台没有来访登记", "警告", "不会自动执行", "7日内申诉"):
        assert part in printed


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        ('compny = "x"', "compny"),
        ('verify_url = "ftp://x"', "verify_url"),
        ("company = 1", "company"),
    ],
)
def test_settings_that_are_wrong_are_told_with_their_place(
    tmp_path: Path, toml: str, told: str
) -> None:
    (tmp_path / settings.FILE).write_text(toml)
    with pytest.raises(ConfigError, match=told):
        settings.read(tmp_path)
    assert settings.read(tmp_path / "without") == PaperSettings()
