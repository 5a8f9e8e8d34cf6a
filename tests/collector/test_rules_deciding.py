"""Alerts as a state machine: look-alikes first, many at once, any order of arrival."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories.rules import DAY_MS, HOUR_MS, OWN, START, built_in, quiet, subject, without
from zaigang_collector.rules import document
from zaigang_collector.rules.deciding import alert_id, decide, leaders
from zaigang_collector.rules.errors import RuleError
from zaigang_collector.rules.evaluate import ask, evaluate
from zaigang_collector.rules.model import Alert, Answer, Happened, Rule, State, Subject
from zaigang_collector.rules.vocabulary import FACTS, Grain, Kind

RULES = document.built_in_rules()
PRESENCE = built_in("presence_contradicted")
LATER = START + 30 * DAY_MS
AWAY: Mapping[str, Any] = {
    "presence": "contradicted",
    "absence_min": 180.0,
    "home_use_min": 100.0,
}
# What makes each built-in rule hold, where nothing else is odd.
HOLDING: Mapping[str, Mapping[str, Any]] = {
    "no_work_trace": {"first_use_min": 61.0, "business_delay_min": 300.0},
    "outside_known_places": {"days_outside_known_places": 3.0},
    "broken_trail": {"login_gap_min": 121.0},
    "contradictory_data": {"presence": "unverified", "first_use_home": True, "home_use_min": 15.0},
    "foreign_air": {"presence": "unverified", "air_against_min": 60.0, "dewpoint_diff_k": -4.0},
    "presence_contradicted": AWAY,
    "no_task_trace": {"task_trace": False},
    "work_log": {"work_log_handed_in": False},
    "integrity": {"integrity_events": 1.0},
    "impossible_travel": {"travel_impossible": True},
    "presence_by_proxy": {"regular_min": 60.0},
}


def of(rule: Rule, **more: Any) -> Subject:
    return subject(grain=rule.grain, **{**HOLDING[rule.id], **more})


def test_there_are_eleven_and_each_holds_for_what_it_is_about() -> None:
    assert len(RULES) == 11
    for rule in RULES:
        assert ask(rule, of(rule)).answer is Answer.HOLDS, rule.id
        assert ask(rule, subject(grain=rule.grain)).answer is Answer.NO, rule.id


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_no_built_in_rule_holds_without_a_fact_it_needs(rule: Rule) -> None:
    """Whichever fact is taken away: it may still hold by another ground, never by what is missing."""
    nothing = without(of(rule), *FACTS)
    assert ask(rule, nothing).answer is Answer.UNKNOWN
    assert ask(rule, nothing).missing
    for alike in rule.look_alikes:
        blind = without(of(rule), *alike.when.names)
        assert ask(rule, blind).answer is not Answer.HOLDS or (
            alike.when.holds(blind.facts).value == "no"
        ), alike.name


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_each_look_alike_of_each_rule_lets_nothing_be_raised(rule: Rule) -> None:
    causes: Mapping[str, Mapping[str, Any]] = {
        "exempt": {"exempt_min": 30.0},
        "agent_gap": {"agent_gap_min": 15.0},
        "paused": {"paused_min": 1.0},
        "off_hours": {"off_hours_min": 1.0},
        "device_left_out": {"devices_left_out": True},
        "node_down": {"site_nodes": 1.0, "node_quiet_min": 30.0, "home_use_min": 0.0},
        "radio_deaf": {"radio_deaf_min": 60.0, "home_use_min": 0.0},
        "network_replaced": {"network_seen_by_nobody": True, "home_use_min": 0.0},
        "hotspot": {"unsettled_min": 5.0},
        "warmed_sensor": {"warmed_min": 5.0},
        "source_silent": {"source_silent": True},
        "corrected": {"own_word": False},
        "held_together": {"held_together": True},
        "terminal": {"terminal": True},
        "day_exempt": {"day_exempt_min": 30.0},
    }
    assert rule.look_alikes
    for alike in rule.look_alikes:
        said = ask(rule, of(rule, **causes[alike.name]))
        assert said.answer is Answer.EXCUSED, alike.name
        assert said.because == alike.text


def test_every_alert_says_its_numbers_with_units_in_both_languages() -> None:
    for rule in RULES:
        moves = decide(evaluate([rule], [of(rule)], ""), {}, {rule.id}, LATER)
        (move,) = moves
        assert move.content is not None
        for text in (move.content.text.zh, move.content.text.en):
            assert "{" not in text
            assert "unknown" not in text
        assert move.content.items, rule.id
        assert all(len(item.text.zh) > 3 for item in move.content.items)


# ---- many at once


def test_many_at_one_site_become_one_alert_to_it_and_none_about_anybody() -> None:
    here = [subject(f"E{n}", **AWAY) for n in range(3)] + [subject("E9", site_id="other")]

    moves = decide(evaluate([PRESENCE], here, ""), {}, {PRESENCE.id}, START)

    (move,) = moves
    assert move.together is not None
    assert (move.together.people, move.together.of, move.together.site_id) == (3, 3, "hq")
    assert move.content is not None
    assert "E0" not in move.content.text.zh + move.content.text.en
    assert move.content.references == ()


def test_many_in_the_whole_company_at_small_sites_are_a_broken_update_and_not_idlers() -> None:
    rule = built_in("broken_trail")
    here = [subject(f"E{n}", site_id=f"s{n}", **HOLDING[rule.id]) for n in range(3)]

    moves = decide(evaluate([rule], here, ""), {}, {rule.id}, LATER)

    assert [move.subject for move in moves] == [None]


def test_whom_a_broken_node_excuses_counts_with_the_others() -> None:
    node_down = {**AWAY, "home_use_min": 0.0, "site_nodes": 1.0, "node_quiet_min": 300.0}
    here = [subject("E1", **AWAY), subject("E2", **node_down), subject("E3", **node_down)]

    moves = decide(evaluate([PRESENCE], here, ""), {}, {PRESENCE.id}, LATER)

    assert [move.subject for move in moves] == [None]


def test_who_is_on_leave_neither_excuses_nor_accuses_the_others() -> None:
    rule = built_in("broken_trail")
    away = HOLDING[rule.id]
    here = [subject("E1", **away)]
    here += [subject(f"E{n}", **{**away, "exempt_min": 540.0}) for n in range(2, 6)]

    evaluated = evaluate([rule], here, "")

    assert evaluated.together == ()


def test_of_a_day_of_which_not_everybody_is_here_nothing_is_raised() -> None:
    evaluated = evaluate([PRESENCE], [subject(**AWAY)], "2026-09-23")

    assert decide(evaluated, {}, {PRESENCE.id}, LATER) == ()


# ---- the state machine


def apply(alerts: dict[str, Alert], moves: Sequence[object], now_ms: int) -> dict[str, Alert]:
    """As `store.apply` does, in memory."""
    import dataclasses

    from zaigang_collector.rules.deciding import Move

    done = dict(alerts)
    for move in moves:
        assert isinstance(move, Move)
        if move.happened is Happened.WITHDRAWN:
            done[move.alert_id] = dataclasses.replace(done[move.alert_id], state=State.WITHDRAWN)
            continue
        assert move.rule is not None
        assert move.content is not None
        one = move.subject
        before = done.get(move.alert_id)
        is_new = before is None or move.happened is Happened.RAISED
        done[move.alert_id] = Alert(
            id=move.alert_id,
            rule_id=move.rule.id,
            severity=move.rule.severity,
            state=State.RAISED,
            employee_id=None if one is None else one.employee_id,
            site_id="" if one is None else one.site_id,
            day="" if one is None else one.day,
            subject="" if one is None else one.key,
            start_ms=0 if one is None else one.start_ms,
            end_ms=0 if one is None else one.end_ms,
            raised_ms=now_ms if is_new or before is None else before.raised_ms,
            changed_ms=now_ms,
            content=move.content,
        )
    return done


def step(
    alerts: dict[str, Alert], subjects: Sequence[Subject], now_ms: int = LATER, *, on: bool = True
) -> dict[str, Alert]:
    evaluated = evaluate([PRESENCE], subjects, "")
    moves = decide(evaluated, alerts, {PRESENCE.id} if on else (), now_ms)
    return apply(alerts, moves, now_ms)


NAME = alert_id(PRESENCE.id, "as-e0010")


def test_grace_an_unsettled_subject_and_a_rule_that_is_off_raise_nothing() -> None:
    one = subject(**AWAY)
    end_ms = one.end_ms

    assert step({}, [one], end_ms + 12 * HOUR_MS - 1) == {}
    assert step({}, [one], end_ms + 12 * HOUR_MS).keys() == {NAME}
    assert step({}, [subject(settled=False, **AWAY)]) == {}
    assert step({}, [one], on=False) == {}


def test_an_alert_goes_with_its_ground_and_comes_back_with_it() -> None:
    raised = step({}, [subject(**AWAY)])
    gone = step(raised, [subject(version=2)])
    again = step(gone, [subject(version=3, **AWAY)])

    assert [x[NAME].state for x in (raised, gone, again)] == [
        State.RAISED,
        State.WITHDRAWN,
        State.RAISED,
    ]


def test_a_rule_that_was_switched_off_still_withdraws_what_it_raised() -> None:
    raised = step({}, [subject(**AWAY)])

    assert step(raised, [subject()], on=False)[NAME].state is State.WITHDRAWN


def test_an_alert_without_a_subject_any_more_is_withdrawn() -> None:
    assert step(step({}, [subject(**AWAY)]), [])[NAME].state is State.WITHDRAWN


def test_a_fact_that_becomes_unknown_withdraws() -> None:
    raised = step({}, [subject(**AWAY)])

    assert step(raised, [without(subject(**AWAY), "presence")])[NAME].state is State.WITHDRAWN


def test_when_it_turns_out_that_all_are_concerned_a_raised_alert_is_withdrawn() -> None:
    raised = step({}, [subject(**AWAY), subject("E5")])
    everybody = [subject(**AWAY), subject("E5", **AWAY), subject("E6", **AWAY)]

    after = step(raised, everybody)

    assert after[NAME].state is State.WITHDRAWN
    assert [one.employee_id for one in after.values() if one.state is State.RAISED] == [None]


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_any_order_of_arrival_and_any_restart_end_in_the_same_alerts(data: st.DataObject) -> None:
    """What came in between, and how often rules were asked, leaves no trace in where alerts stand."""
    people = ["E001", "E002", "E003", "E004"]
    final = {
        name: subject(name, day, settled=True, **(AWAY if data.draw(st.booleans()) else {}))
        for name in people
        for day in [data.draw(st.integers(0, 2))]
    }
    expected = step({}, list(final.values()))
    alerts: dict[str, Alert] = {}
    for _ in range(data.draw(st.integers(0, 5))):
        some = data.draw(st.lists(st.sampled_from(people), unique=True))
        now = [
            subject(
                name,
                (final[name].start_ms - START) // DAY_MS,
                settled=data.draw(st.booleans()),
                version=2,
                **(AWAY if data.draw(st.booleans()) else {}),
            )
            for name in some
        ]
        alerts = step(alerts, now)
    alerts = step(alerts, data.draw(st.permutations(list(final.values()))))

    def standing(found: Mapping[str, Alert]) -> set[str]:
        return {name for name, one in found.items() if one.state is State.RAISED}

    assert standing(alerts) == standing(expected)
    assert step(alerts, list(final.values())) == alerts  # said once


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_nobody_is_ever_accused_while_a_look_alike_may_be_the_cause(data: st.DataObject) -> None:
    facts = quiet()
    for one in FACTS.values():
        if data.draw(st.booleans(), label=one.name):
            facts[one.name] = {
                Kind.NUMBER: 1000.0,
                Kind.YES_NO: True,
                Kind.WORD: data.draw(st.sampled_from(("contradicted", "client", "unverified"))),
            }[one.kind]
    missing = data.draw(st.sets(st.sampled_from(sorted(FACTS))))
    for rule in RULES:
        if rule.grain is Grain.INTERVAL:
            said = ask(rule, without(subject(**facts), *missing))
            if said.answer is Answer.HOLDS:
                told = said.subject.facts
                assert all(alike.when.holds(told).value == "no" for alike in rule.look_alikes)


# ---- cool-down


def test_within_the_cool_down_the_first_alert_tells_for_those_after_it() -> None:
    alerts: dict[str, Alert] = {}
    for day in range(5):
        alerts = step(alerts, [subject(day=one, **AWAY) for one in range(day + 1)], LATER + day)
    days = {PRESENCE.id: 3}

    told = leaders(list(alerts.values()), days)

    by_day = {one.id: one.day for one in alerts.values()}
    assert {by_day[name]: by_day[leader] for name, leader in told.items()} == {
        "2026-09-22": "2026-09-22",
        "2026-09-23": "2026-09-22",
        "2026-09-24": "2026-09-22",
        "2026-09-25": "2026-09-25",
        "2026-09-26": "2026-09-25",
    }


# ---- documents


def test_a_rule_of_the_companys_own_may_name_the_shared_look_alikes() -> None:
    (rule,) = document.read(OWN + 'look_alike = ["exempt"]\n')

    assert [one.name for one in rule.look_alikes] == ["exempt"]
    assert not rule.on_by_default
    assert rule.grace_h == 12.0


@pytest.mark.parametrize(
    ("before", "after", "where"),
    [
        ('severity = "notice"', 'severity = "fatal"', "own_rule.severity"),
        ('when = "use_min < 10.0"', "when = 3", "own_rule.when"),
        ('when = "use_min < 10.0"', 'when = "use_min < 10.0"\nif = 1', "own_rule"),
        ('title.en = "Little use"\n', "", "own_rule.title"),
        ("{use_min}。", "{used}。", "own_rule.told"),
        ('reason.zh = "试一试"', 'reason.zh = "试一试"\ngrace_h = -1', "own_rule.grace_h"),
        (
            'reason.zh = "试一试"',
            'reason.zh = "试一试"\ncool_down_days = 1.5',
            "own_rule.cool_down_days",
        ),
        (
            'reason.zh = "试一试"',
            'reason.zh = "试一试"\nlook_alike = ["luck"]',
            "own_rule.look_alike",
        ),
        ("[own_rule]", "[Own]", "Own"),
        ("[own_rule]", "[own_rule", "document"),
    ],
)
def test_a_document_that_does_not_hold_says_where_and_what_was_expected(
    before: str, after: str, where: str
) -> None:
    assert before in OWN
    with pytest.raises(RuleError) as caught:
        document.read(OWN.replace(before, after))

    assert caught.value.where == where
    assert caught.value.text.zh


def test_a_scope_is_about_those_alone() -> None:
    (rule,) = document.read(OWN + 'departments = ["交付部"]\nsites = ["hq"]\n')

    assert ask(rule, subject(use_min=1.0)).answer is Answer.HOLDS
    assert ask(rule, subject(site_id="other", use_min=1.0)).answer is Answer.OUT_OF_SCOPE


def test_a_clear_condition_lets_an_alert_go() -> None:
    (rule,) = document.read(
        OWN.replace("title.zh", 'clear = "presence == \\"confirmed\\""\ntitle.zh', 1)
    )

    assert ask(rule, subject(use_min=1.0)).answer is Answer.CLEARED
    assert ask(rule, subject(use_min=1.0, presence="unverified")).answer is Answer.HOLDS
