"""The table of a case: who may do what when, over its whole product and over whole stories."""

from __future__ import annotations

import dataclasses
import itertools
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from zaigang_collector.cases import replay, states, table, words
from zaigang_collector.cases.model import (
    BY_ITSELF,
    CLOSED,
    CONCLUDED,
    Action,
    Actor,
    Finding,
    Given,
    Proof,
    Ref,
    RefKind,
    Role,
    Standing,
    State,
    Step,
)
from zaigang_collector.cases.policy import default_policy
from zaigang_collector.cases.states import Asked, Refusal, Why
from zaigang_collector.cases.table import TABLE, Move, Need

WANG, ZHANG, LI, ZHAO = "E001", "H001", "H002", "H003"
SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = 1_790_000_000_000
HOUR_MS = 3_600_000
POLICY = default_policy()
ALERT = Ref(RefKind.ALERT, "al-1")
EVERYTHING = Given(
    reason="because",
    attachments=("at-1",),
    refs=(ALERT,),
    proof=Proof("dingtalk", "letter", NOW),
    letter="letter",
    finding=Finding.INCONCLUSIVE,
    until_ms=NOW + HOUR_MS,
)
ACTORS = {
    Role.HR: Actor(Role.HR, LI),
    Role.EMPLOYEE: Actor(Role.EMPLOYEE, WANG),
    Role.SYSTEM: BY_ITSELF,
}


def a_standing(state: State, **changes: object) -> Standing:
    """A case in this state in which nothing but the table can refuse."""
    known = Standing(
        employee_id=WANG,
        state=state,
        steps=5,
        opened_by=ZHANG,
        refs=(ALERT,),
        letter="letter",
        reviewers=(LI,),
        asked_time=True,
    )
    return dataclasses.replace(known, **changes)  # type: ignore[arg-type]  # a test's own words


def asked(standing: Standing, role: Role, given: Given = EVERYTHING, now_ms: int = NOW) -> Asked:
    return Asked(standing, ACTORS[role], given, now_ms, POLICY)


@pytest.mark.parametrize(("state", "action"), list(itertools.product(State, Action)))
def test_each_cell_of_the_product_is_a_move_of_the_table_or_a_sentence(
    state: State, action: Action
) -> None:
    for role in Role:
        standing = a_standing(state)
        decided = states.decide(asked(standing, role), action)
        move = TABLE.get((state, action))
        if move is None or role not in move.by:
            assert isinstance(decided, Refusal)
            assert decided.why in (Why.NOT_NOW, Why.NOT_YOURS)
        if isinstance(decided, Refusal):
            for said in dataclasses.astuple(
                words.refusal(decided, action, role, standing, SHANGHAI)
            ):
                assert len(said) > 10
                assert "{" not in said
                assert "absent" not in said
                assert "缺勤" not in said
                assert "旷工" not in said


@pytest.mark.parametrize(("state", "action"), list(TABLE))
def test_what_is_needed_is_asked_for_by_name(state: State, action: Action) -> None:
    for role, needs in TABLE[state, action].by.items():
        decided = states.decide(asked(a_standing(state), role, Given()), action)
        if not needs:
            continue
        assert decided == Refusal(Why.MISSING, needs=needs)
        said = words.refusal(decided, action, role, a_standing(state), SHANGHAI)
        assert all(words.NEEDS[need].zh in said.zh for need in needs)


def test_nothing_leads_out_of_a_closed_case_and_every_other_state_has_a_way_out() -> None:
    for state in State:
        ways = {move.to for (where, _), move in TABLE.items() if where is state}
        assert (not ways) == (state in CLOSED), state
        assert state in CLOSED or ways - {state}, state


def test_every_state_can_be_reached_and_every_action_done() -> None:
    reached, waiting = {State.OPENED}, [State.OPENED]
    while waiting:
        here = waiting.pop()
        for (where, _), move in TABLE.items():
            if where is here and move.to not in reached:
                reached.add(move.to)
                waiting.append(move.to)
    assert reached == set(State)
    assert {action for _, action in TABLE} == set(Action) - {Action.OPEN}


def test_the_system_concludes_nothing() -> None:
    """But for what a person concluded and nobody appealed against."""
    for (state, action), move in TABLE.items():
        if Role.SYSTEM in move.by and move.to is not state:
            assert move.to not in {*CONCLUDED, State.DISMISSED}
            assert move.to is not State.FINAL or action is Action.LAPSE


def test_no_conclusion_is_reached_without_a_delivery() -> None:
    """HR that skips it finds no way: without `deliver` nothing leads further than the letter."""
    reached, waiting = {State.OPENED}, [State.OPENED]
    while waiting:
        here = waiting.pop()
        for (where, action), move in TABLE.items():
            if where is here and action is not Action.DELIVER and move.to not in reached:
                reached.add(move.to)
                waiting.append(move.to)
    assert reached == {State.OPENED, State.LETTER_SENT, State.DISMISSED, State.WITHDRAWN}


def test_hr_cannot_say_that_a_letter_arrived_and_bring_nothing() -> None:
    case = a_standing(State.LETTER_SENT)
    decided = states.decide(asked(case, Role.HR, Given(reason="gave it to him")), Action.DELIVER)
    assert decided == Refusal(Why.MISSING, needs=frozenset({Need.ATTACHMENT}))


@pytest.mark.parametrize(
    "proof", [Proof("dingtalk", "another", NOW), Proof("dingtalk", "letter", NOW + 1)]
)
def test_a_channels_word_counts_for_what_was_sent_and_not_for_times_to_come(proof: Proof) -> None:
    given = dataclasses.replace(EVERYTHING, proof=proof)
    decided = states.decide(
        asked(a_standing(State.LETTER_SENT), Role.SYSTEM, given), Action.DELIVER
    )
    assert decided == Refusal(Why.NO_SUCH_PROOF)


def test_a_second_delivery_starts_no_second_clock() -> None:
    case = a_standing(State.ASKED_BACK, clock_ms=NOW - HOUR_MS, due_ms=NOW + HOUR_MS)
    for role in (Role.HR, Role.SYSTEM):
        assert states.decide(asked(case, role), Action.DELIVER) == Refusal(Why.WAS_DELIVERED)


def test_every_reason_has_its_sentence() -> None:
    for why in Why:
        refusal = Refusal(why, limit_ms=NOW, limit=3)
        said = words.refusal(refusal, Action.APPEAL, Role.HR, a_standing(State.FINAL), SHANGHAI)
        assert said.zh
        assert said.en


def test_somebody_of_hr_has_no_hand_in_the_case_about_themselves() -> None:
    for state, action in TABLE:
        myself = Asked(a_standing(state), Actor(Role.HR, WANG), EVERYTHING, NOW, POLICY)
        assert states.decide(myself, action) == Refusal(Why.OWN_CASE)
        other = Asked(a_standing(state), Actor(Role.EMPLOYEE, LI), EVERYTHING, NOW, POLICY)
        assert states.decide(other, action) == Refusal(Why.OTHERS_CASE)


def test_who_opened_a_case_does_not_find_it_substantiated_alone_where_four_eyes_are_asked() -> None:
    alone = a_standing(State.UNDER_REVIEW, opened_by=LI)
    one = asked(alone, Role.HR)
    substantiated = Action.CONCLUDE_SUBSTANTIATED
    assert states.decide(one, substantiated) == Refusal(Why.FOUR_EYES)
    assert isinstance(states.decide(one, Action.CONCLUDE_UNFOUNDED), Move)
    two = dataclasses.replace(POLICY, four_eyes=False)
    assert isinstance(states.decide(dataclasses.replace(one, policy=two), substantiated), Move)


def test_who_did_not_review_does_not_conclude() -> None:
    case = a_standing(State.UNDER_REVIEW, reviewers=(ZHAO,))
    for action in table.FINDINGS:
        assert states.decide(asked(case, Role.HR), action) == Refusal(Why.NOT_THE_REVIEWER)


def test_the_second_reviewer_is_another_person_also_when_deciding() -> None:
    first = a_standing(State.APPEALED, reviewers=(ZHANG, LI))
    assert states.decide(asked(first, Role.HR), Action.REVIEW_APPEAL) == Refusal(Why.SAME_REVIEWER)
    forced = a_standing(State.SECOND_REVIEW, reviewers=(LI,), second_reviewer=LI)
    assert states.decide(asked(forced, Role.HR), Action.DECIDE_APPEAL) == Refusal(Why.SAME_REVIEWER)


def test_a_clue_alone_substantiates_nothing() -> None:
    clue = a_standing(State.UNDER_REVIEW, refs=(Ref(RefKind.CLUE, "cl-1"),))
    one = asked(clue, Role.HR)
    assert states.decide(one, Action.CONCLUDE_SUBSTANTIATED) == Refusal(Why.NO_GROUND)
    assert isinstance(states.decide(one, Action.CONCLUDE_INCONCLUSIVE), Move)


def test_a_receipt_and_what_the_person_hands_in_are_no_ground_to_find_anything() -> None:
    clue = Ref(RefKind.CLUE, "cl-1")
    hr, person = ACTORS[Role.HR], ACTORS[Role.EMPLOYEE]
    story = [
        (Action.OPEN, Actor(Role.HR, ZHANG), Given(refs=(clue,))),
        (Action.SEND_LETTER, hr, Given(letter="letter")),
        (Action.ATTACH, hr, Given(attachments=("receipt",))),
        (Action.DELIVER, hr, Given(reason="signed", attachments=("receipt",))),
        (Action.ATTACH, person, Given(attachments=("photo",))),
        (Action.REPLY, person, Given(reason="I was there", attachments=("photo",))),
        (Action.REVIEW, hr, Given()),
    ]
    steps = [Step(number, NOW, *one) for number, one in enumerate(story, 1)]
    standing = replay.replayed(WANG, steps)
    one = asked(standing, Role.HR)
    assert states.decide(one, Action.CONCLUDE_SUBSTANTIATED) == Refusal(Why.NO_GROUND)
    brought = Step(8, NOW, Action.ATTACH, hr, Given(attachments=("gate log",)))
    standing = replay.after(standing, brought)
    assert standing.evidence == ("gate log",)
    assert isinstance(states.decide(asked(standing, Role.HR), Action.CONCLUDE_SUBSTANTIATED), Move)


@pytest.mark.parametrize("first", Finding)
def test_an_appeal_does_not_end_worse_than_it_began(first: Finding) -> None:
    case = a_standing(State.SECOND_REVIEW, reviewers=(ZHAO,), second_reviewer=LI, finding=first)
    for second in Finding:
        given = dataclasses.replace(EVERYTHING, finding=second)
        decided = states.decide(asked(case, Role.HR, given), Action.DECIDE_APPEAL)
        is_worse = second is Finding.SUBSTANTIATED and first is not Finding.SUBSTANTIATED
        assert (decided == Refusal(Why.NOT_WORSE)) == is_worse


@pytest.mark.parametrize("late_by_ms", [-1000, -1, 0, 1, 1000])
def test_a_deadline_is_missed_after_its_last_millisecond_and_no_sooner(late_by_ms: int) -> None:
    case = a_standing(State.DELIVERED, clock_ms=NOW - HOUR_MS, due_ms=NOW)
    missed = states.decide(asked(case, Role.SYSTEM, now_ms=NOW + late_by_ms), Action.MISS)
    assert isinstance(missed, Move) == (late_by_ms > 0)
    replied = states.decide(asked(case, Role.EMPLOYEE, now_ms=NOW + late_by_ms), Action.REPLY)
    assert isinstance(replied, Move)  # whoever is late is heard all the same


def test_nobody_misses_a_deadline_that_never_began() -> None:
    for state in (State.DELIVERED, State.ASKED_BACK):
        decided = states.decide(asked(a_standing(state), Role.SYSTEM), Action.MISS)
        assert decided == Refusal(Why.NO_CLOCK)


def test_an_appeal_is_in_time_as_long_as_the_conclusions_delivery_is_not_proved() -> None:
    for state in (State.SUBSTANTIATED, State.INCONCLUSIVE):
        open_ = asked(a_standing(state), Role.EMPLOYEE, now_ms=NOW * 2)
        assert isinstance(states.decide(open_, Action.APPEAL), Move)
        lapse = asked(a_standing(state), Role.SYSTEM, now_ms=NOW * 2)
        assert states.decide(lapse, Action.LAPSE) == Refusal(Why.NO_CLOCK)
        over = a_standing(state, clock_ms=NOW - 9, due_ms=NOW - 1)
        assert states.decide(asked(over, Role.EMPLOYEE), Action.APPEAL) == Refusal(
            Why.TOO_LATE, limit_ms=NOW - 1
        )


@given(st.sampled_from(list(TABLE)), st.sampled_from(Role), st.text(max_size=20))
def test_who_may_not_learns_nothing_of_where_the_case_stands(
    cell: tuple[State, Action], role: Role, stranger: str
) -> None:
    if stranger in (WANG, ""):
        return
    standing = a_standing(cell[0])
    one = Asked(standing, Actor(Role.EMPLOYEE, stranger), EVERYTHING, NOW, POLICY)
    decided = states.decide(one, cell[1])
    assert isinstance(decided, Refusal)
    said = words.refusal(decided, cell[1], Role.EMPLOYEE, standing, SHANGHAI)
    assert words.STATES[cell[0]].zh not in said.zh


def test_silence_is_called_a_default_only_where_a_published_rule_says_so() -> None:
    case = a_standing(State.NO_REPLY)
    assert words.state(case, POLICY).zh == "逾期未回复"
    ruled = dataclasses.replace(
        POLICY, no_reply_is_default=True, published_rule="异地员工考勤管理办法"
    )
    assert (
        words.state(case, ruled).zh
        == "逾期未回复（按《异地员工考勤管理办法》视为默认异常，不等于结论）"
    )


PEOPLE = [Actor(Role.HR, one) for one in (ZHANG, LI, ZHAO, WANG)]
PEOPLE += [Actor(Role.EMPLOYEE, one) for one in (WANG, LI)] + [BY_ITSELF]


class Story(RuleBasedStateMachine):
    """Anybody tries anything at any time; what must never be is never."""

    actors = Bundle("actors")

    @initialize()
    def opened(self) -> None:
        self.now_ms = NOW
        first = Step(1, NOW, Action.OPEN, Actor(Role.HR, ZHANG), Given(refs=(ALERT,)))
        self.steps = [first]
        self.standing = replay.replayed(WANG, self.steps)

    @rule(ms=st.sampled_from([0, 1, HOUR_MS, 23 * HOUR_MS, 200 * HOUR_MS]))
    def time_passes(self, ms: int) -> None:
        self.now_ms += ms

    @rule(
        action=st.sampled_from(Action),
        actor=st.sampled_from(PEOPLE),
        reason=st.sampled_from(["", "because"]),
        files=st.sampled_from([(), ("at-1",)]),
        finding=st.sampled_from([None, *Finding]),
        hours=st.sampled_from([None, -1, 1, 30, 10_000]),
    )
    def somebody_tries(
        self,
        action: Action,
        actor: Actor,
        reason: str,
        files: tuple[str, ...],
        finding: Finding | None,
        hours: int | None,
    ) -> None:
        number, before = len(self.steps) + 1, self.standing
        given = Given(
            reason=reason,
            attachments=files,
            refs=(ALERT,),
            proof=Proof("x", before.letter, self.now_ms),
            letter=str(number) if action in table.SENDS else "",
            finding=finding,
            until_ms=None if hours is None else self.now_ms + hours * HOUR_MS,
        )
        decided = states.decide(Asked(before, actor, given, self.now_ms, POLICY), action)
        refused = decided.why.value if isinstance(decided, Refusal) else ""
        due_ms = None
        if not refused and action is Action.DELIVER:
            due_ms = self.now_ms + POLICY.reply_h * HOUR_MS
        elif not refused and action in (Action.GIVE_TIME, Action.MOVE_DEADLINE):
            due_ms = given.until_ms
        step = Step(number, self.now_ms, action, actor, given, due_ms, refused)
        self.steps.append(step)
        self.standing = replay.after(before, step)
        if refused:
            assert (
                dataclasses.replace(self.standing, steps=before.steps, last_ms=before.last_ms)
                == before
            )
        elif before.clock_ms is not None and self.standing.clock_ms == before.clock_ms:
            assert self.standing.due_ms is not None
            assert before.due_ms is None or self.standing.due_ms >= before.due_ms

    @invariant()
    def what_is_written_adds_up(self) -> None:
        assert replay.replayed(WANG, self.steps) == self.standing
        assert self.standing.steps == len(self.steps)

    @invariant()
    def no_hand_in_ones_own_case(self) -> None:
        for step in self.done():
            assert step.actor.role is not Role.HR or step.actor.id != WANG
            assert step.actor.role is not Role.EMPLOYEE or step.actor.id == WANG

    @invariant()
    def nobody_is_concluded_about_unheard(self) -> None:
        done = [step.action for step in self.done()]
        for at, action in enumerate(done):
            if action in table.FINDINGS:
                assert Action.DELIVER in done[:at]
                assert {Action.REPLY, Action.MISS} & set(done[:at])

    @invariant()
    def the_first_and_the_second_reviewer_are_two(self) -> None:
        standing = self.standing
        assert standing.second_reviewer not in standing.reviewers or not standing.second_reviewer
        if standing.finding is Finding.SUBSTANTIATED and not standing.second_reviewer:
            concluded = [s for s in self.done() if s.action is Action.CONCLUDE_SUBSTANTIATED]
            assert concluded[-1].actor.id not in (ZHANG, WANG)

    @invariant()
    def findings_are_by_named_people(self) -> None:
        for step in self.done():
            if step.action in {*table.FINDINGS, Action.DECIDE_APPEAL}:
                assert step.actor.role is Role.HR
                assert step.given.reason

    @invariant()
    def a_closed_case_stays_closed(self) -> None:
        closed = [step for step in self.done() if replay.replayed(WANG, self.until(step)).is_closed]
        assert len(closed) <= 1

    def done(self) -> list[Step]:
        return [step for step in self.steps if not step.refused]

    def until(self, step: Step) -> list[Step]:
        return self.steps[: step.number]


TestStory = Story.TestCase
TestStory.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
