"""Alerts from readings to withdrawal, over a real database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories.directory import stored_employee
from tests.factories.judging import (
    HOME_NET,
    HOUR_MS,
    MINUTE_MS,
    SITE_NET,
    START,
    Office,
    office,
)
from tests.factories.vault import VAULT
from zaigang_collector import db
from zaigang_collector.attendance import exemptions
from zaigang_collector.attendance.model import Direction, ExemptionKind
from zaigang_collector.attendance.service import StoredExemption
from zaigang_collector.bootstrap.alerting import AlertsOfRules
from zaigang_collector.cases.model import Finding
from zaigang_collector.forgetting import service as forgetting
from zaigang_collector.rules import rulebook, service, store
from zaigang_collector.rules.model import Alert, State

END = START + 4 * HOUR_MS
DAY_MS = 24 * HOUR_MS


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Office]:
    with office(tmp_path) as made:
        yield made


def ask(here: Office) -> service.Pass:
    world = here.world
    span = START - 4 * DAY_MS, START + 10 * DAY_MS
    return service.run(world.engine, world.judge, *span, world.clock.utc)


def alerts(here: Office) -> dict[tuple[str, str | None], Alert]:
    with db.reading(here.world.engine) as conn:
        found = store.list_page(conn, VAULT, store.Filter(), None, 100)
    return {(one.rule_id, one.employee_id): one for one in found}


def next_morning(here: Office) -> None:
    here.at(END + 60 * HOUR_MS)


def leaves(here: Office, name: str = "E001") -> None:
    """Twenty minutes at the site, from the second hour on at home, hands on the laptop."""
    here.home(employee_id=name)
    laptop = here.laptop(f"desk-{name}", name)
    laptop.works(START, START + 20 * MINUTE_MS, SITE_NET)
    laptop.works(START + HOUR_MS, END + HOUR_MS // 2, HOME_NET)


def punches(here: Office, name: str = "E001") -> None:
    for direction, at_ms in ((Direction.IN, START), (Direction.OUT, END)):
        here.punch(direction, at_ms, f"{direction.value}-{name}", employee_id=name)


def exempt(here: Office, kind: ExemptionKind, from_ms: int = START, to_ms: int = END) -> None:
    world = here.world
    with db.writing(world.engine) as conn:
        said = StoredExemption("E001", from_ms, to_ms, kind, "test", "1")
        exemptions.record(conn, VAULT, said, world.clock.utc, world.randomness)


def switch_on(here: Office, *names: str) -> None:
    world = here.world
    with db.writing(world.engine) as conn:
        for name in names:
            rulebook.switch(conn, name, "HR", "tried", world.clock.utc, world.randomness, on=True)


def test_who_left_after_an_hour_is_asked_about_the_next_morning_and_not_before(
    here: Office,
) -> None:
    leaves(here)
    punches(here)
    here.at(END + HOUR_MS)
    here.judge()

    assert ask(here).raised == 0  # grace
    next_morning(here)
    here.judge()
    assert ask(here).raised == 1

    alert = alerts(here)["presence_contradicted", "E001"]
    assert alert.state is State.RAISED
    assert "180 分钟" in alert.content.text.zh
    assert "180 min" in alert.content.text.en
    assert alert.content.references[0].endswith("@1")
    assert ask(here).raised == 0  # said once


def test_an_exemption_that_arrives_late_withdraws_the_alert_even_after_weeks(here: Office) -> None:
    leaves(here)
    punches(here)
    next_morning(here)
    here.judge()
    ask(here)
    here.at(END + 40 * DAY_MS)  # far beyond what is judged anew by itself
    exempt(here, ExemptionKind.CLIENT_MEETING)

    world = here.world
    late = service.run(
        world.engine, world.judge, world.clock.utc - 8 * DAY_MS, world.clock.utc, world.clock.utc
    )

    assert late.withdrawn == 1
    assert alerts(here)["presence_contradicted", "E001"].state is State.WITHDRAWN


def test_an_exemption_that_arrives_before_the_pass_lets_nothing_be_raised(here: Office) -> None:
    leaves(here)
    punches(here)
    next_morning(here)
    here.judge()
    exempt(here, ExemptionKind.DEVICE_REPAIR)

    assert ask(here).raised == 0  # it is to be judged anew
    here.judge()
    assert ask(here).raised == 0
    assert alerts(here) == {}


def test_clock_ins_that_are_edited_away_withdraw_it(here: Office) -> None:
    leaves(here)
    punches(here)
    next_morning(here)
    here.judge()
    ask(here)
    for direction in (Direction.IN, Direction.OUT):
        here.punch(direction, START - 6 * DAY_MS, f"{direction.value}-E001")
    here.judge()
    world = here.world
    with db.reading(world.engine) as conn:
        assert not [one for one in here.newest() if one.presence.value == "contradicted"]
        del conn

    assert ask(here).withdrawn == 1
    assert alerts(here)["presence_contradicted", "E001"].state is State.WITHDRAWN


def test_while_a_colleague_is_still_to_be_judged_nobody_at_the_site_is_asked_about(
    here: Office,
) -> None:
    """The first of those who seem absent together is contradicted until the next pass."""
    leaves(here)
    punches(here)
    next_morning(here)
    here.judge()
    punches(here, "E002")  # late: not judged yet

    assert ask(here).raised == 0
    assert alerts(here) == {}
    here.judge()
    assert ask(here).raised == 1


def test_when_all_at_a_site_seem_absent_it_is_told_and_nobody_is_accused(here: Office) -> None:
    names = ["E001", "E002", "E003", "E004"]
    with db.writing(here.world.engine) as conn:
        for name in names[2:]:
            stored_employee(conn, id=name)
    laptops = []
    for name in names:
        here.home(employee_id=name)
        laptops.append(here.laptop(f"desk-{name}", name))
        punches(here, name)
    for at_ms in range(START, END + HOUR_MS // 2, MINUTE_MS):
        for laptop in laptops:
            laptop.works(at_ms, at_ms + MINUTE_MS, HOME_NET)
    next_morning(here)
    here.judge()
    ask(here)
    here.judge()
    ask(here)

    found = alerts(here)
    assert [key for key, one in found.items() if one.state is State.RAISED] == [
        ("presence_contradicted", None)
    ]
    told = found["presence_contradicted", None]
    assert told.site_id == "hq"
    assert "4" in told.content.text.zh
    assert not any(name in told.content.text.zh + told.content.text.en for name in names)


def test_a_laptop_in_repair_raises_nothing(here: Office) -> None:
    """No device, nothing known: all rules are on, none holds."""
    here.laptop()
    punches(here)
    switch_on(
        here, "no_work_trace", "broken_trail", "contradictory_data", "foreign_air", "work_log"
    )
    next_morning(here)
    here.judge()

    assert ask(here).raised == 0


def test_a_dismissed_alert_is_not_raised_again_and_counts_against_its_rule(here: Office) -> None:
    leaves(here)
    punches(here)
    next_morning(here)
    here.judge()
    ask(here)
    (alert,) = alerts(here).values()
    world = here.world
    with db.writing(world.engine) as conn:
        store.dismiss(
            conn, VAULT, alert.id, "HR", "与客户核实过", world.clock.utc, world.randomness
        )

    assert ask(here).raised == 0
    assert alerts(here)["presence_contradicted", "E001"].state is State.DISMISSED
    with db.reading(world.engine) as conn:
        counted = store.counts(conn, "presence_contradicted", 0)
        told = store.history(conn, VAULT, alert.id)
    assert (counted.raised, counted.overturned, counted.upheld) == (1, 1, 0)
    assert [one.happened.value for one in told] == ["raised", "dismissed"]


def test_whoever_is_forgotten_leaves_no_alert(here: Office) -> None:
    leaves(here)
    punches(here)
    next_morning(here)
    here.judge()
    ask(here)
    world = here.world
    with db.writing(world.engine) as conn:
        forgetting.forget(conn, VAULT, "E001", "asked", "HR", world.clock.utc, world.randomness)

    assert alerts(here) == {}
    assert ask(here).raised == 0


def test_cases_ask_whose_an_alert_is_and_tell_what_it_came_to(here: Office) -> None:
    leaves(here)
    punches(here)
    next_morning(here)
    here.judge()
    ask(here)
    (alert,) = alerts(here).values()
    grounds, now_ms = AlertsOfRules(here.world.judge), here.world.clock.utc
    with db.writing(here.world.engine) as conn:
        assert grounds.about(conn, alert.id) == "E001"
        assert not grounds.is_withdrawn(conn, alert.id)
        assert not grounds.is_withdrawn(conn, "al-nothing")
        grounds.concluded(conn, alert.id, Finding.INCONCLUSIVE, "HR", "ca-1", now_ms)
        assert store.counts(conn, alert.rule_id, 0).concluded == 0
        grounds.concluded(conn, alert.id, Finding.UNFOUNDED, "HR", "ca-1", now_ms)
        assert store.counts(conn, alert.rule_id, 0).overturned == 1
        grounds.concluded(conn, alert.id, Finding.SUBSTANTIATED, "HR", "ca-2", now_ms)
        assert store.counts(conn, alert.rule_id, 0).upheld == 1
