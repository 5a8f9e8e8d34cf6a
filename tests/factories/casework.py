"""A company with people of HR and somebody about whom there is a case; name only what matters."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Engine

from tests.factories.ledger import SIGNER
from tests.factories.vault import VAULT
from tests.fakes import database
from tests.fakes.alerts import FakeAlerts
from tests.fakes.clock import FakeClock
from tests.fakes.messenger import FakeMessenger
from tests.fakes.randomness import Repeatable
from zaigang_collector import db
from zaigang_collector.cases import attachments, due, service, store
from zaigang_collector.cases.attachments import Attached
from zaigang_collector.cases.due import Passed
from zaigang_collector.cases.filetypes import FileKind
from zaigang_collector.cases.inspecting import Inspected
from zaigang_collector.cases.model import (
    BY_ITSELF,
    Action,
    Actor,
    Finding,
    Given,
    Proof,
    Ref,
    RefKind,
    Role,
)
from zaigang_collector.cases.policy import Policy, default_policy
from zaigang_collector.cases.service import Acted, Desk
from zaigang_collector.cases.store import Loaded
from zaigang_collector.cases.tables import LEASE
from zaigang_collector.cases.telling import Fate
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Employee, Language, Site, SiteKind
from zaigang_collector.ledger import sequencer
from zaigang_shared.device_config import Shift

WANG, CHEN = "E001", "E002"
ZHANG, LI, ZHAO = "H001", "H002", "H003"
"""Of HR: who opens, who reviews, who reviews again."""
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
ALERT = Ref(RefKind.ALERT, "al-1")
EMPLOYEE = Actor(Role.EMPLOYEE, WANG, "page")
WEEK = tuple(Shift(day, 540, 1080) for day in range(5))
ZONE = "Asia/Shanghai"


def hr(person: str) -> Actor:
    return Actor(Role.HR, person, "test")


def a_file(data: bytes = b"%PDF-1.7 receipt", looks_like: bytes | None = None) -> Inspected:
    """A file that was looked into."""
    return Inspected(FileKind.PDF, data, False, looks_like, None, None, "1")


@dataclass
class Casework:
    """Everything around cases, on one clock."""

    engine: Engine
    clock: FakeClock = field(default_factory=FakeClock)
    messenger: FakeMessenger = field(default_factory=FakeMessenger)
    policy: Policy = field(default_factory=default_policy)
    random: Repeatable = field(default_factory=lambda: Repeatable("cases"))
    alerts: FakeAlerts | None = None
    holder: str = "first"

    @property
    def desk(self) -> Desk:
        return Desk(VAULT, self.policy, self.random, self.messenger, self.alerts)

    def open(
        self, *refs: Ref, by: str = ZHANG, about: str = WANG, reason: str = "Monday"
    ) -> Loaded:
        with db.writing(self.engine) as conn:
            return service.open_case(
                conn, self.desk, about, refs or (ALERT,), reason, hr(by), self.clock.utc
            )

    def act(self, case: Loaded, action: Action, actor: Actor, given: Given | None = None) -> Acted:
        with db.writing(self.engine) as conn:
            return service.act(
                conn, self.desk, case.id, action, actor, given or Given(), self.clock.utc
            )

    def do(self, case: Loaded, action: Action, actor: Actor, **given: object) -> Loaded:
        """The same, and it has to be possible."""
        acted = self.act(case, action, actor, Given(**given))  # type: ignore[arg-type]
        assert acted.refused is None, acted.refused
        return acted.case

    def attach(
        self, case: Loaded, actor: Actor, file: Inspected | None = None, name: str = "x.pdf"
    ) -> Attached:
        with db.writing(self.engine) as conn:
            return attachments.attach(
                conn, self.desk, case.id, file or a_file(), name, actor, self.clock.utc
            )

    def delivered(self, case: Loaded | None = None) -> Loaded:
        """A case whose letter was proved to have arrived just now."""
        case = self.do(case or self.open(), Action.SEND_LETTER, hr(ZHANG))
        proof = Proof("dingtalk", case.standing.letter, self.clock.utc)
        return self.do(case, Action.DELIVER, BY_ITSELF, proof=proof)

    def arrived(self, case: Loaded) -> None:
        """The channel says that what was sent last has arrived."""
        self.messenger.fates[self.load(case).standing.letter] = Fate("dingtalk", self.clock.utc)

    def reviewed(self) -> Loaded:
        """A case to which the person replied, in the hands of the reviewer."""
        case = self.do(self.delivered(), Action.REPLY, EMPLOYEE, reason="I was at the client's")
        return self.do(case, Action.REVIEW, hr(LI))

    def concluded(self, finding: Finding = Finding.SUBSTANTIATED) -> Loaded:
        return self.do(
            self.reviewed(), Action(f"conclude_{finding.value}"), hr(LI), reason="what there is"
        )

    def load(self, case: Loaded) -> Loaded:
        return self.load_by(case.id)

    def load_by(self, case_id: str) -> Loaded:
        with db.reading(self.engine) as conn:
            return store.load(conn, VAULT, case_id)

    def passes(self, hours: float = 0.0) -> Passed:
        """The collector runs for some time, each minute; stops after the first pass that did anything.
        Most of the passes that do nothing are left out, and noted as if they had been made."""
        end_ms = self.clock.utc + round(hours * HOUR_MS)
        stride_ms = HOUR_MS // 2 if hours < 30 else 12 * HOUR_MS
        while True:
            done = self.one_pass()
            if done.done or self.clock.utc >= end_ms:
                return done
            self.clock.utc = min(end_ms, self.clock.utc + stride_ms)
            self.was_up()

    def was_up(self) -> None:
        """Somebody looked after deadlines a minute ago."""
        with db.writing(self.engine) as conn:
            conn.execute(sa.update(LEASE).values(passed_ms=self.clock.utc - MINUTE_MS))

    def one_pass(self) -> Passed:
        assert due.take_lease(self.engine, self.holder, self.clock.utc)
        passed = due.run(self.engine, self.desk, self.clock.utc)
        assert passed.failed == ()
        return passed


@contextlib.contextmanager
def casework(folder: Path, url: str = "") -> Iterator[Casework]:
    """In a SQLite file, or at `url`."""
    database.all_tables()
    engine = db.open_engine(url or f"sqlite:///{folder / 'cases.db'}")
    made = Casework(engine)
    with db.writing(engine) as conn:
        db.metadata.create_all(conn)
        sequencer.prepare(conn, SIGNER, made.clock.utc)
        site = Site("hq", "陆家嘴客户", SiteKind.CLIENT, ZONE)
        directory.put_site(conn, site, made.clock.utc, made.random)
        for person in (WANG, CHEN, ZHANG, LI, ZHAO):
            employee = Employee(person, person, "交付部", Language.CHINESE, ZONE, WEEK)
            directory.put_employee(conn, VAULT, employee, made.clock.utc, made.random)
    assert due.take_lease(engine, made.holder, made.clock.utc)
    yield made
    engine.dispose()
