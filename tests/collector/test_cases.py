"""Cases as they are kept: whole stories, deadlines in time, refusals on record, proof, forgetting."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.factories.audited import assert_clean, audited, sequenced
from tests.factories.casework import (
    ALERT,
    CHEN,
    EMPLOYEE,
    HOUR_MS,
    LI,
    MINUTE_MS,
    WANG,
    ZHANG,
    ZHAO,
    Casework,
    a_file,
    casework,
    hr,
)
from tests.factories.vault import VAULT
from tests.fakes import postgres
from tests.fakes.alerts import FakeAlerts
from zaigang_collector import db
from zaigang_collector.attendance import calendar_store, exemptions
from zaigang_collector.attendance.model import ExemptionKind
from zaigang_collector.attendance.service import StoredExemption
from zaigang_collector.cases import bodies, due, erasing, service, store
from zaigang_collector.cases.model import (
    BY_ITSELF,
    Action,
    Finding,
    Given,
    Proof,
    Ref,
    RefKind,
    State,
)
from zaigang_collector.cases.store import Loaded
from zaigang_collector.cases.tables import ATTACHMENT, CASE, CLUE, LINK, STEP
from zaigang_collector.cases.telling import Fate
from zaigang_collector.errors import ConflictError, UnknownIdError
from zaigang_collector.ledger import service as ledger

NEEDS_POSTGRES = (
    pytest.mark.postgresql,
    pytest.mark.skipif(bool(postgres.missing()), reason=postgres.missing()),
)
BOTH = pytest.mark.parametrize(
    "here", ["sqlite", pytest.param("postgresql", marks=NEEDS_POSTGRES)], indirect=True
)


@pytest.fixture
def here(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Casework]:
    if getattr(request, "param", "sqlite") == "sqlite":
        with casework(tmp_path) as made:
            yield made
        return
    with postgres.server() as url, casework(tmp_path, url) as made:
        yield made


def leave(here: Casework, from_ms: int, to_ms: int) -> None:
    with db.writing(here.engine) as conn:
        said = StoredExemption(WANG, from_ms, to_ms, ExemptionKind.LEAVE, "test", "leave")
        exemptions.record(conn, VAULT, said, here.clock.utc, here.random)


@BOTH
def test_a_whole_case_from_alert_to_final_decision_on_appeal(here: Casework) -> None:
    case = here.do(here.open(), Action.SEND_LETTER, hr(ZHANG))
    assert here.messenger.to(WANG) == ["letter"]
    here.clock.utc += HOUR_MS
    here.arrived(case)
    assert here.one_pass().done[Action.DELIVER] == 1
    here.clock.utc += HOUR_MS
    proof = here.attach(case, EMPLOYEE, name="签字单.pdf")
    here.do(
        case,
        Action.REPLY,
        EMPLOYEE,
        reason="客户现场断网\n附签字单",
        attachments=(proof.attachment_id,),
    )
    here.do(case, Action.REVIEW, hr(LI))
    here.do(case, Action.ASK_BACK, hr(LI), reason="Which room?")
    here.arrived(case)
    assert here.one_pass().done[Action.DELIVER] == 1
    here.do(case, Action.REPLY, EMPLOYEE, reason="302")
    here.do(case, Action.CONCLUDE_SUBSTANTIATED, hr(LI), reason="no trace of it")
    here.arrived(case)
    here.one_pass()
    here.do(case, Action.APPEAL, EMPLOYEE, reason="the client certifies it")
    here.do(case, Action.REVIEW_APPEAL, hr(ZHAO))
    end = here.do(
        case, Action.DECIDE_APPEAL, hr(ZHAO), reason="certificate", finding=Finding.UNFOUNDED
    )
    assert (end.standing.state, end.standing.finding) == (State.FINAL, Finding.UNFOUNDED)
    assert end.standing.closed_ms == here.clock.utc
    assert here.load(case) == end
    assert here.messenger.to(WANG) == ["letter", "question", "conclusion", "conclusion"]
    assert_clean(here.engine)


def test_each_step_is_a_ledger_entry_and_holds_the_ledger_to_its_newest_checkpoint(
    here: Casework,
) -> None:
    first = here.open()
    sequenced(here.engine)
    case = here.do(first, Action.SEND_LETTER, hr(ZHANG))
    with db.reading(here.engine) as conn:
        newest = ledger.newest_checkpoint(conn)
        refs = [f"{case.id}/{number}" for number in (1, 2)]
        entries = ledger.entries_of(conn, ledger.EntryType.CASE_EVENT, *refs)
    assert newest is not None
    assert newest.size > 0
    hashes = [hashlib.sha256(bodies.encode(one)).digest() for one in case.steps]
    assert [one.body_hash for one in entries] == hashes
    assert case.steps[-1].checkpoint == (newest.size, newest.root)
    (letter,) = here.messenger.sent
    assert letter.checkpoint == newest.note  # handed to the person with the letter
    for number in range(3):
        here.open(Ref(RefKind.ALERT, f"another-{number}"))
        sequenced(here.engine)
    with db.reading(here.engine) as conn:
        assert ledger.checkpoint_at(conn, newest.size) is not None  # kept for good


def test_what_may_not_be_done_is_refused_with_a_sentence_and_on_record_once(
    here: Casework,
) -> None:
    case = here.open()
    for _ in range(3):
        acted = here.act(
            case, Action.CONCLUDE_SUBSTANTIATED, hr(LI), Given(reason="surely guilty of it")
        )
        assert acted.refused is not None
        assert "已立案，确认函未发" in acted.refused.zh
        assert "no letter has gone out" in acted.refused.en
    steps = store.steps_of(here.load(case))
    assert [(one.action, one.refused) for one in steps] == [
        (Action.OPEN, ""),
        (Action.CONCLUDE_SUBSTANTIATED, "not_now"),
    ]
    assert steps[1].given == Given()  # what was not accepted is not kept
    assert here.load(case).standing.state is State.OPENED
    assert_clean(here.engine)


def test_the_clock_starts_at_proven_delivery_and_not_at_sending(here: Casework) -> None:
    case = here.do(here.open(), Action.SEND_LETTER, hr(ZHANG))
    here.passes(hours=100)
    standing = here.load(case).standing
    assert (standing.state, standing.due_ms) == (State.LETTER_SENT, None)
    here.arrived(case)
    here.one_pass()
    assert here.load(case).standing.due_ms == here.clock.utc + 24 * HOUR_MS


def test_a_delivery_that_is_learnt_of_late_takes_no_time_from_anybody(here: Casework) -> None:
    case = here.do(here.open(), Action.SEND_LETTER, hr(ZHANG))
    here.arrived(case)
    here.passes(hours=0)
    sent = here.load(case)
    assert sent.standing.due_ms == here.clock.utc + 24 * HOUR_MS
    other = here.do(here.open(Ref(RefKind.ALERT, "al-2")), Action.SEND_LETTER, hr(ZHANG))
    here.arrived(other)
    here.clock.utc += 30 * HOUR_MS
    here.one_pass()
    assert here.load(other).standing.due_ms == here.clock.utc + 24 * HOUR_MS


def test_a_letter_that_no_channel_delivers_comes_back_to_hr_to_be_printed(here: Casework) -> None:
    case = here.do(here.open(), Action.SEND_LETTER, hr(ZHANG))
    here.messenger.fates[case.standing.letter] = Fate("mail", None, failed=True)
    here.one_pass()
    assert here.load(case).standing.state is State.OPENED
    assert here.messenger.to(ZHANG) == ["notice"]
    here.do(case, Action.SEND_LETTER, hr(ZHANG))
    nothing = here.act(case, Action.DELIVER, hr(ZHANG), Given(reason="gave it to him"))
    assert nothing.refused is not None
    receipt = here.attach(case, hr(ZHANG)).attachment_id
    assert receipt is not None
    done = here.do(case, Action.DELIVER, hr(ZHANG), reason="signed for it", attachments=(receipt,))
    assert done.standing.due_ms == here.clock.utc + 24 * HOUR_MS


def test_nobody_is_reminded_twice_and_no_reply_concludes_nothing(here: Casework) -> None:
    case = here.delivered()
    assert here.passes(hours=19.9).done == {}
    assert here.passes(hours=1).done == {Action.REMIND: 1}
    assert here.passes(hours=3).done == {}
    assert here.passes(hours=1).done == {Action.MISS: 1}
    missed = here.load(case).standing
    assert (missed.state, missed.finding) == (State.NO_REPLY, None)
    assert here.messenger.to(WANG) == ["letter", "reminder", "deadline"]
    assert here.messenger.to(ZHANG) == ["notice"]  # HR is told
    assert here.passes(hours=500).done == {}  # and nothing more happens by itself
    assert here.load(case).standing.state is State.NO_REPLY


@pytest.mark.parametrize(("by_ms", "is_late"), [(-1000, False), (0, False), (1000, True)])
def test_a_reply_in_the_last_second_is_in_time_and_one_after_it_is_heard_all_the_same(
    here: Casework, by_ms: int, is_late: bool
) -> None:
    case = here.delivered()
    due_ms = case.standing.due_ms
    assert due_ms is not None
    here.passes(hours=21)
    here.clock.utc = due_ms + by_ms
    here.was_up()
    here.one_pass()
    assert (here.load(case).standing.state is State.NO_REPLY) == is_late
    replied = here.do(case, Action.REPLY, EMPLOYEE, reason="I was there")
    assert replied.standing.state is State.REPLIED
    assert replied.steps[-1].step.late == is_late


def test_time_in_which_the_collector_stood_still_counts_against_nobody(here: Casework) -> None:
    case = here.delivered()
    here.passes(hours=20)
    before = here.load(case).standing.due_ms
    assert before is not None
    here.clock.utc += 48 * HOUR_MS  # off for two days
    moved = here.one_pass()
    assert moved.done[Action.MOVE_DEADLINE] == 1
    assert moved.done[Action.MISS] == 0
    after = here.load(case).standing.due_ms
    assert after is not None
    assert after == before + 48 * HOUR_MS
    assert here.messenger.to(WANG)[-1] == "deadline"


def test_a_clock_that_jumps_ahead_or_back_lets_nobody_miss_anything(here: Casework) -> None:
    case = here.delivered()
    here.one_pass()
    here.clock.utc += 365 * 24 * HOUR_MS
    here.one_pass()
    assert here.load(case).standing.state is State.DELIVERED
    here.clock.utc -= 365 * 24 * HOUR_MS
    here.holder = "started anew"
    here.passes(hours=2)
    assert here.load(case).standing.state is State.DELIVERED
    replied = here.do(case, Action.REPLY, EMPLOYEE, reason="I was there")
    assert not replied.steps[-1].step.late


def test_a_calendar_that_is_missing_lets_nobody_miss_anything_until_it_is_there(
    here: Casework,
) -> None:
    """A Monday of 2031: the State Council has said nothing of that year yet."""
    here.clock.utc = 1_930_096_800_000
    here.was_up()
    here.policy = dataclasses.replace(here.policy, skip_rest_days=True)
    case = here.delivered()
    assert case.standing.due_ms is None
    assert here.passes(hours=500).done == {}
    assert here.load(case).standing.state is State.DELIVERED
    with db.writing(here.engine) as conn:
        calendar_store.declare_whole(conn, "", 2031, here.clock.utc, here.random)
    assert here.passes().done == {Action.MOVE_DEADLINE: 1}
    moved = here.load(case).standing.due_ms
    assert moved is not None
    assert moved >= here.clock.utc + 24 * HOUR_MS  # from when the person can be told


def test_a_restart_in_between_repeats_nothing(here: Casework) -> None:
    here.delivered()
    for holder in ("second", "third", "fourth"):
        here.passes(hours=7)
        due.give_back_lease(here.engine, here.holder)
        here.holder = holder
    here.passes(hours=7)
    assert here.messenger.to(WANG) == ["letter", "reminder", "deadline"]


def test_of_two_collectors_one_looks_after_deadlines(here: Casework) -> None:
    here.one_pass()
    assert not due.take_lease(here.engine, "second", here.clock.utc + MINUTE_MS)
    assert due.take_lease(here.engine, "second", here.clock.utc + due.LEASE_MS + MINUTE_MS)
    assert not due.take_lease(here.engine, here.holder, here.clock.utc + due.LEASE_MS + MINUTE_MS)


def test_leave_that_is_approved_later_moves_the_deadline_and_its_withdrawal_takes_nothing_back(
    here: Casework,
) -> None:
    case = here.delivered()
    start = here.clock.utc
    leave(here, start + 10 * HOUR_MS, start + 34 * HOUR_MS)
    assert here.passes().done == {Action.MOVE_DEADLINE: 1}
    assert here.load(case).standing.due_ms == start + 48 * HOUR_MS
    with db.writing(here.engine) as conn:
        exemptions.withdraw(conn, VAULT, "test", "leave", here.clock.utc, here.random)
    assert here.passes().done == {}
    assert here.load(case).standing.due_ms == start + 48 * HOUR_MS


def test_more_time_is_asked_for_given_within_bounds_and_told(here: Casework) -> None:
    case = here.delivered()
    here.do(case, Action.ASK_TIME, EMPLOYEE, reason="the client is away until Thursday")
    assert here.messenger.to(ZHANG) == ["notice"]
    far = Given(reason="fine", until_ms=here.clock.utc + 400 * HOUR_MS)
    assert here.act(case, Action.GIVE_TIME, hr(ZHANG), far).refused is not None
    sooner = Given(reason="no", until_ms=here.clock.utc + HOUR_MS)
    refused = here.act(case, Action.GIVE_TIME, hr(ZHANG), sooner).refused
    assert refused is not None
    assert "期限只能延后，不能提前" in refused.zh
    until_ms = here.clock.utc + 72 * HOUR_MS
    given = here.do(case, Action.GIVE_TIME, hr(ZHANG), reason="fine", until_ms=until_ms)
    assert given.standing.due_ms == until_ms
    assert not given.standing.asked_time
    here.passes()
    here.clock.utc += 10 * HOUR_MS  # stands still
    here.one_pass()
    assert here.load(case).standing.due_ms == until_ms + 10 * HOUR_MS


def test_after_a_missed_deadline_more_time_can_still_be_given(here: Casework) -> None:
    case = here.delivered()
    here.passes(hours=21)
    here.passes(hours=5)
    assert here.load(case).standing.state is State.NO_REPLY
    until_ms = here.clock.utc + 24 * HOUR_MS
    again = here.do(case, Action.GIVE_TIME, hr(ZHANG), reason="ill", until_ms=until_ms)
    assert (again.standing.state, again.standing.due_ms) == (State.DELIVERED, until_ms)
    replied = here.do(case, Action.REPLY, EMPLOYEE, reason="hospital")
    assert not replied.steps[-1].step.late


def test_a_conclusion_becomes_final_only_once_its_delivery_was_proved_and_nobody_appealed(
    here: Casework,
) -> None:
    case = here.concluded()
    assert here.passes(hours=500).done == {}
    assert here.load(case).standing.state is State.SUBSTANTIATED
    here.arrived(case)
    here.passes()
    assert here.passes(hours=167.9).done == {}
    assert here.passes(hours=1).done == {Action.LAPSE: 1}
    end = here.load(case).standing
    assert (end.state, end.finding) == (State.FINAL, Finding.SUBSTANTIATED)
    late = here.act(case, Action.APPEAL, EMPLOYEE, Given(reason="no")).refused
    assert late is not None


def test_what_was_unfounded_is_final_at_once(here: Casework) -> None:
    case = here.concluded(Finding.UNFOUNDED)
    assert here.passes().done == {Action.LAPSE: 1}
    assert here.load(case).standing.finding is Finding.UNFOUNDED


def test_the_first_reviewer_does_not_review_the_appeal(here: Casework) -> None:
    case = here.do(here.concluded(), Action.APPEAL, EMPLOYEE, reason="the client certifies it")
    refused = here.act(case, Action.REVIEW_APPEAL, hr(LI)).refused
    assert refused is not None
    assert "须由没有办理过原结论的人复核" in refused.zh
    here.do(case, Action.REVIEW_APPEAL, hr(ZHAO))


def test_a_case_keeps_the_policy_under_which_it_was_opened(here: Casework) -> None:
    case = here.open()
    here.policy = dataclasses.replace(here.policy, reply_h=2, reminder_h=1)
    delivered = here.delivered(case)
    assert delivered.standing.due_ms == here.clock.utc + 24 * HOUR_MS
    newer = here.delivered(here.open(Ref(RefKind.ALERT, "al-2")))
    assert newer.standing.due_ms == here.clock.utc + 2 * HOUR_MS


def test_a_case_about_oneself_without_ground_or_twice_is_not_opened(here: Casework) -> None:
    with pytest.raises(ConflictError, match="whom it is not about"):
        here.open(about=ZHANG)
    with pytest.raises(UnknownIdError):
        here.open(about="E999")
    with pytest.raises(UnknownIdError):
        here.open(by="H999")
    first = here.open()
    with pytest.raises(ConflictError, match=first.id):
        here.open()
    here.do(first, Action.DISMISS, hr(ZHANG), reason="node was down")
    here.open()


def test_references_to_what_is_not_there_or_about_somebody_else_are_refused(
    here: Casework,
) -> None:
    for ref in (Ref(RefKind.CLUE, "cl-x"), Ref(RefKind.ASSESSMENT, "as-x")):
        with pytest.raises(UnknownIdError):
            here.open(ref)
    one, other = here.open(), here.open(Ref(RefKind.ALERT, "al-2"), about=CHEN)
    file = here.attach(other, hr(ZHANG)).attachment_id
    assert file is not None
    with pytest.raises(UnknownIdError):
        here.act(one, Action.SEND_LETTER, hr(ZHANG), Given(attachments=(file,)))


def test_a_case_whose_only_ground_is_gone_is_withdrawn_and_the_person_is_told(
    here: Casework,
) -> None:
    case, kept = here.delivered(), here.open(Ref(RefKind.ALERT, "al-2"))
    here.do(kept, Action.LINK, hr(ZHANG), refs=(Ref(RefKind.ALERT, "al-3"),))
    with db.writing(here.engine) as conn:
        for ref in (ALERT, Ref(RefKind.ALERT, "al-2"), Ref(RefKind.ALERT, "nobody's")):
            gone = service.ground_gone(conn, here.desk, ref, "late evidence", here.clock.utc)
            assert gone == ((case.id,) if ref == ALERT else ())
    assert here.load(case).standing.state is State.WITHDRAWN
    assert here.load(kept).standing.state is State.OPENED
    assert here.messenger.to(WANG) == ["letter", "notice"]


def test_an_alert_has_to_be_there_and_about_the_person(here: Casework) -> None:
    here.alerts = FakeAlerts({"al-2": CHEN, "al-3": None})
    with pytest.raises(UnknownIdError):
        here.open(ALERT)
    with pytest.raises(ConflictError, match="is about somebody else"):
        here.open(Ref(RefKind.ALERT, "al-2"))
    with pytest.raises(ConflictError, match="is about nobody"):
        here.open(Ref(RefKind.ALERT, "al-3"))


def test_a_pass_withdraws_a_case_when_all_its_alerts_were_and_leaves_conclusions_alone(
    here: Casework,
) -> None:
    second = Ref(RefKind.ALERT, "al-2")
    here.alerts = FakeAlerts({"al-1": WANG, "al-2": WANG, "al-4": WANG})
    concluded = here.concluded()  # of al-1
    both = here.delivered(here.open(second, Ref(RefKind.ALERT, "al-4")))
    here.alerts.withdrawn = {"al-1", "al-2"}
    assert here.one_pass().done == {}
    here.alerts.withdrawn.add("al-4")
    assert here.one_pass().done == {Action.WITHDRAW: 1}
    assert here.load(both).standing.state is State.WITHDRAWN
    assert here.load(concluded).standing.state is State.SUBSTANTIATED
    assert here.one_pass().done == {}


def test_what_a_case_came_to_is_told_of_its_alerts_once_it_is_final(here: Casework) -> None:
    here.alerts = FakeAlerts({"al-1": WANG})
    case = here.do(here.concluded(), Action.APPEAL, EMPLOYEE, reason="the client certifies it")
    here.do(case, Action.REVIEW_APPEAL, hr(ZHAO))
    assert here.alerts.came_to == []
    here.do(case, Action.DECIDE_APPEAL, hr(ZHAO), reason="it does", finding=Finding.UNFOUNDED)
    assert here.alerts.came_to == [("al-1", Finding.UNFOUNDED, ZHAO)]


def test_words_that_cannot_be_kept_change_nothing(here: Casework) -> None:
    case = here.delivered()
    for words in ("a\0b", "x" * (service.WORDS_MAX + 1), "\u202etxt"):
        with pytest.raises(ConflictError, match="words were refused"):
            here.act(case, Action.REPLY, EMPLOYEE, Given(reason=words))
    assert here.load(case) == case


def test_a_case_takes_only_so_many_steps_from_people(
    here: Casework, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "STEPS_MAX", 4)
    case = here.do(here.delivered(), Action.REPLY, EMPLOYEE, reason="I was there")
    with pytest.raises(ConflictError, match="4 steps already"):
        here.act(case, Action.REPLY, EMPLOYEE, Given(reason="again"))
    assert here.load(case) == case


@BOTH
def test_cases_are_listed_the_newest_first(here: Casework) -> None:
    made = [here.open(Ref(RefKind.ALERT, f"al-{number}")).id for number in range(4)]
    here.do(here.load_by(made[0]), Action.DISMISS, hr(ZHANG), reason="nothing in it")
    with db.reading(here.engine) as conn:
        whole = store.list_page(conn, store.Filter(), None, 10)
        assert {one.id for one in whole} == set(made)
        assert list(whole) == sorted(whole, key=lambda one: (one.opened_ms, one.id), reverse=True)
        after = (whole[1].opened_ms, whole[1].id)
        assert store.list_page(conn, store.Filter(), after, 10) == whole[2:]
        still = store.list_page(conn, store.Filter(employee_id=WANG, is_open=True), None, 10)
        assert {one.id for one in still} == set(made[1:])
        closed = store.list_page(conn, store.Filter(state=State.DISMISSED), None, 10)
        assert [one.id for one in closed] == made[:1]


def test_a_proof_of_another_letter_proves_nothing(here: Casework) -> None:
    case = here.do(here.open(), Action.SEND_LETTER, hr(ZHANG))
    old = Proof("dingtalk", case.standing.letter, here.clock.utc)
    here.do(case, Action.SEND_LETTER, hr(ZHANG))
    assert here.act(case, Action.DELIVER, BY_ITSELF, Given(proof=old)).refused is not None


def test_one_case_that_cannot_be_read_keeps_no_other_deadline_back(here: Casework) -> None:
    broken, case = here.delivered(), here.delivered(here.open(Ref(RefKind.ALERT, "al-2")))
    with db.writing(here.engine) as conn:
        conn.execute(sa.update(STEP).where(STEP.c.case_id == broken.id).values(body=b"x"))
    here.clock.utc += MINUTE_MS
    leave(here, here.clock.utc, here.clock.utc + HOUR_MS)
    assert due.take_lease(here.engine, here.holder, here.clock.utc)
    passed = due.run(here.engine, here.desk, here.clock.utc)
    assert passed.failed == (broken.id,)
    assert passed.done == {Action.MOVE_DEADLINE: 1}
    assert here.load(case).standing.due_ms is not None


def a_closed_case(here: Casework) -> Loaded:
    case = here.open()
    here.attach(case, hr(ZHANG))
    return here.do(case, Action.DISMISS, hr(ZHANG), reason="node was down")


def rows(here: Casework) -> dict[str, int]:
    with db.reading(here.engine) as conn:
        return {
            table.name: int(
                conn.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            )
            for table in (CASE, STEP, LINK, CLUE, ATTACHMENT)
        }


@BOTH
def test_forgetting_waits_for_open_cases_and_then_leaves_leaf_hashes_alone(
    here: Casework,
) -> None:
    open_ = here.open(Ref(RefKind.ALERT, "al-2"))
    with db.writing(here.engine) as conn, pytest.raises(ConflictError, match=open_.id):
        erasing.refuse_open(conn, WANG)
    here.do(open_, Action.DISMISS, hr(ZHANG), reason="nothing in it")
    a_closed_case(here)
    with db.writing(here.engine) as conn:
        erasing.refuse_open(conn, WANG)
        gone = erasing.forget(conn, WANG)
    assert gone == {"cases": 2, "case_events": 5, "case_files": 1}
    assert set(rows(here).values()) == {0}
    with db.reading(here.engine) as conn:
        entries = [one for one in ledger.entries(conn) if one.type is ledger.EntryType.CASE_EVENT]
    assert len(entries) == 5
    assert all(one.body_hash is None and one.salt is None for one in entries)


def test_cases_are_kept_for_their_time_after_they_closed_but_for_people_under_hold(
    here: Casework,
) -> None:
    a_closed_case(here)
    open_ = here.open(Ref(RefKind.ALERT, "al-2"))
    later_ms = here.clock.utc + 1
    with db.writing(here.engine) as conn:
        assert erasing.retire(conn, here.clock.utc, ())["cases"] == 0
        assert erasing.retire(conn, later_ms, {WANG})["cases"] == 0
        told = erasing.count_retired(conn, later_ms, ())
        assert erasing.retire(conn, later_ms, ()) == told
        assert told == {"cases": 1, "case_events": 3, "case_files": 1}
    assert here.load(open_).standing.state is State.OPENED


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (sa.update(CASE).values(state="no_reply"), "state is 'replied' by its steps"),
        (sa.update(CASE).values(opened_by=LI), "opened_by is 'H001' by its steps"),
        (sa.update(CASE).values(employee_id=CHEN), "employee_id is 'E001'"),
        (sa.delete(STEP).where(STEP.c.number == 5), "has steps missing"),
        (sa.delete(LINK), "alert al-1 was unlinked off the record"),
        (sa.delete(ATTACHMENT), "was deleted from case"),
        (sa.update(ATTACHMENT).values(sha256=bytes(32)), "its row is not what"),
    ],
)
def test_what_is_changed_behind_the_ledgers_back_is_found_in_cases(
    here: Casework, change: sa.Update | sa.Delete, told: str
) -> None:
    case = here.delivered()
    file = here.attach(case, EMPLOYEE).attachment_id
    here.do(case, Action.REPLY, EMPLOYEE, reason="I was there", attachments=(file,))
    assert_clean(here.engine)
    with db.writing(here.engine) as conn:
        if "number" in str(change):  # one in the middle
            change = sa.delete(STEP).where(STEP.c.case_id == case.id, STEP.c.number == 4)
        conn.execute(change)
    found = [str(one) for one in audited(here.engine).findings]
    assert any(told in one for one in found), found


def test_nothing_of_a_case_is_in_the_clear(here: Casework) -> None:
    case = here.delivered()
    file = here.attach(case, EMPLOYEE, a_file(b"%PDF-sentinel-of-a-file"), "sentinel-name.pdf")
    here.do(case, Action.REPLY, EMPLOYEE, reason="哨兵解释", attachments=(file.attachment_id,))
    database = Path(str(here.engine.url.database))
    raw = b"".join(one.read_bytes() for one in database.parent.glob(database.name + "*"))
    assert case.id.encode() in raw
    for secret in ("哨兵解释", "sentinel-of-a-file", "sentinel-name"):
        assert secret.encode() not in raw
