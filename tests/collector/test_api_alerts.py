"""Alerts and rules over the interface and from the command line: tried, switched on, raised, dismissed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.factories.judging import HOME_NET, HOUR_MS, MINUTE_MS, SITE_NET, START, Office, office
from tests.factories.rules import OWN
from tests.factories.vault import VAULT
from zaigang_collector import db
from zaigang_collector.access.model import Scope
from zaigang_collector.attendance.model import Direction
from zaigang_collector.rules import rulebook, service, store
from zaigang_collector.vault import access_log

END = START + 4 * HOUR_MS
DAY_MS = 24 * HOUR_MS
ALL = (Scope.READ_ALERTS, Scope.WRITE_ALERTS, Scope.READ_RULES, Scope.WRITE_RULES)
OWN_USE = OWN.replace("use_min < 10.0", "use_min > 10.0")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Office]:
    """One who left after twenty minutes, on the next days."""
    with office(tmp_path) as made:
        made.home()
        laptop = made.laptop()
        laptop.works(START, START + 20 * MINUTE_MS, SITE_NET)
        laptop.works(START + HOUR_MS, END + HOUR_MS // 2, HOME_NET)
        for direction, at_ms in ((Direction.IN, START), (Direction.OUT, END)):
            made.punch(direction, at_ms)
        made.at(END + 60 * HOUR_MS)
        made.judge()
        yield made


def ask(here: Office) -> service.Pass:
    world = here.world
    span = START - 4 * DAY_MS, START + 10 * DAY_MS
    return service.run(world.engine, world.judge, *span, world.clock.utc)


def get(here: Office, path: str, *scopes: Scope) -> Any:
    answer = here.world.client.get(f"/api/v1{path}", headers=here.world.token(*(scopes or ALL)))
    assert answer.status_code == 200, answer.text
    return answer.json()


def post(here: Office, path: str, body: dict[str, Any], *scopes: Scope, status: int = 200) -> Any:
    headers = here.world.token(*(scopes or ALL))
    answer = here.world.client.post(f"/api/v1{path}", json=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


SPAN = {"start": "2026-09-18T00:00:00+08:00", "end": "2026-10-01T00:00:00+08:00"}


def test_a_rule_is_made_tried_switched_on_and_raises_without_a_restart(here: Office) -> None:
    tried = post(here, "/rules/try", {"document": OWN_USE} | SPAN)
    assert (tried["alerts"], tried["people_concerned"], tried["people"]) == (1, 1, 1)
    assert tried["lines"][0]["now"] is False
    assert ask(here).raised == 1  # the built-in one about presence alone

    made = post(here, "/rules", {"document": OWN_USE, "why": "试一季度"})
    assert (made["on"], made["version"]) == (False, 1)
    assert ask(here).raised == 0
    on = post(here, "/rules/own_rule/state", {"on": True, "why": "试过了"})
    assert (on["on"], on["why"]) == (True, "试过了")
    assert ask(here).raised == 1

    found = get(here, "/alerts?rule=own_rule")["items"]
    assert [one["employee"] for one in found] == ["E001"]
    again = post(here, "/rules", {"document": OWN_USE.replace("> 10.0", "> 1000.0")})
    assert (again["on"], again["version"]) == (True, 2)
    assert ask(here).withdrawn == 1


def test_an_alert_shows_its_list_what_it_rests_on_and_its_history(here: Office) -> None:
    ask(here)
    (one,) = get(here, "/alerts")["items"]

    told = get(here, f"/alerts/{one['id']}")

    assert {item["name"] for item in told["items"]} >= {"absence_min", "presence"}
    assert told["references"][0].startswith("as-")
    assert len(told["references"]) == 3  # the assessment and both punches, with their versions
    assert [event["happened"] for event in told["events"]] == ["raised"]
    assert told["look_alikes"]


def test_each_look_at_an_alert_is_on_record_for_the_person(here: Office) -> None:
    ask(here)
    (one,) = get(here, "/alerts")["items"]
    get(here, f"/alerts/{one['id']}")
    post(here, "/rules/try", {"rule": "presence_contradicted"} | SPAN)

    with db.reading(here.world.engine) as conn:
        looks = [look.what for look in access_log.of_person(conn, VAULT, "E001")]
    assert looks[:3] == [
        "trial of rule presence_contradicted",
        f"alert {one['id']}",
        "a list of alerts",
    ]


def test_it_sees_the_infrastructure_and_nobody(here: Office) -> None:
    ask(here)

    assert get(here, "/alerts/infrastructure", Scope.READ_HEALTH)["items"] == []
    headers = here.world.token(Scope.READ_HEALTH)
    assert here.world.client.get("/api/v1/alerts", headers=headers).status_code == 403


def test_dismissals_suspend_a_rule_that_is_mostly_wrong(here: Office) -> None:
    ask(here)
    (one,) = get(here, "/alerts")["items"]
    world = here.world
    with db.writing(world.engine) as conn:
        for number in range(service.LEAST_CONCLUDED - 1):
            store.conclude(
                conn, VAULT, one["id"], "HR", f"case {number}", world.clock.utc, world.randomness,
                upheld=True,
            )  # fmt: skip
    dismissed = post(here, f"/alerts/{one['id']}/dismissal", {"reason": "客户证明其在场"})

    assert dismissed["state"] == "dismissed"
    assert get(here, "/rules/presence_contradicted")["suspended"] is False  # one alert says little
    post(here, f"/alerts/{one['id']}/dismissal", {"reason": "again"}, status=409)


def test_the_bound_of_overturned_alerts_suspends_and_switching_on_ends_it(here: Office) -> None:
    world = here.world
    counted = store.Counts(raised=9, withdrawn=0, upheld=3, overturned=2)
    assert counted.overturned_share == 0.4
    with db.writing(world.engine) as conn:
        _made_up_alerts(here, conn, upheld=3, overturned=2)
        assert service.suspend_overturned(
            conn, "presence_contradicted", world.judge, world.clock.utc
        )
    assert ask(here).raised == 0
    told = get(here, "/rules/presence_contradicted")
    assert (told["on"], told["suspended"]) == (True, True)
    assert "2 of 5" in told["why"]
    world.clock.utc += 1000

    on = post(here, "/rules/presence_contradicted/state", {"on": True, "why": "阈值已改"})

    assert (on["suspended"], on["concluded"]) == (False, 0)
    assert ask(here).raised == 1
    here.altered = True  # alerts that never were


def _made_up_alerts(here: Office, conn: Any, upheld: int, overturned: int) -> None:
    import sqlalchemy as sa

    from zaigang_collector.rules.tables import ALERT

    for number, said in enumerate([store.UPHELD] * upheld + [store.OVERTURNED] * overturned):
        conn.execute(
            sa.insert(ALERT).values(
                id=f"al-{number}",
                rule_id="presence_contradicted",
                severity="serious",
                state="dismissed",
                conclusion=said,
                employee_id="E002",
                site_id="hq",
                day="2026-09-20",
                subject=f"as-{number}",
                start_ms=START,
                end_ms=END,
                raised_ms=START,
                changed_ms=START,
                event_id=0,
            )
        )


def test_what_would_have_been_withdrawn_since_is_told_in_a_trial(here: Office) -> None:
    """Judged before the exemption came in, and again after it."""
    from zaigang_collector.attendance import exemptions
    from zaigang_collector.attendance.model import ExemptionKind
    from zaigang_collector.attendance.service import StoredExemption

    world = here.world
    with db.writing(world.engine) as conn:
        said = StoredExemption("E001", START, END, ExemptionKind.CLIENT_MEETING, "test", "1")
        exemptions.record(conn, VAULT, said, world.clock.utc, world.randomness)
    here.judge()

    tried = post(here, "/rules/try", {"rule": "presence_contradicted"} | SPAN)

    assert (tried["alerts"], tried["withdrawn"]) == (0, 1)


@pytest.mark.parametrize(
    ("body", "where", "told"),
    [
        ({"document": OWN.replace("10.0", "10")}, "body.document.own_rule.when", "decimal point"),
        ({"document": "nonsense"}, "body.document.document", "not TOML"),
        ({}, "body", "either rule or document"),
    ],
)
def test_what_cannot_be_tried_says_where_and_what_was_expected(
    here: Office, body: dict[str, Any], where: str, told: str
) -> None:
    problem = post(here, "/rules/try", body | SPAN, status=422)

    assert problem["errors"][0]["where"] == where
    assert told in problem["errors"][0]["expected"]


def test_a_built_in_rule_is_not_replaced_and_an_unknown_one_is_not_switched(here: Office) -> None:
    document = OWN.replace("[own_rule]", "[integrity]")

    assert "built in" in post(here, "/rules", {"document": document}, status=409)["detail"]
    post(here, "/rules/nothing/state", {"on": True}, status=404)


def test_facts_are_listed_with_units_and_when_they_are_unknown(here: Office) -> None:
    found = {one["name"]: one for one in get(here, "/rules/facts")["items"]}

    assert found["first_use_min"]["unit"] == "min"
    assert found["first_use_min"]["unknown"]["zh"]


def test_what_was_said_of_rules_is_in_the_ledger_and_survives(here: Office) -> None:
    post(here, "/rules", {"document": OWN_USE})
    post(here, "/rules/own_rule/state", {"on": True})

    with db.reading(here.world.engine) as conn:
        book = rulebook.read(conn)
    assert "own_rule" in book.on
    assert not book.get("own_rule").rule.built_in
