"""Cases for everybody else: open, act, look. No commits here.

An action that may not be done raises nothing: it is recorded as refused, and the answer says why.
Whoever calls commits either way. What is no action at all (an id that nobody has, words that
cannot be kept) raises, and leaves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection

from zaigang_collector.assessment import store as assessments
from zaigang_collector.cases import clock, replay, states, store, table, telling, words
from zaigang_collector.cases.bodies import Written
from zaigang_collector.cases.grounds import Alerts
from zaigang_collector.cases.model import (
    BY_ITSELF,
    Action,
    Actor,
    Given,
    Ref,
    RefKind,
    Role,
    Standing,
    State,
    Step,
)
from zaigang_collector.cases.policy import Policy
from zaigang_collector.cases.states import Asked, Refusal
from zaigang_collector.cases.store import Loaded
from zaigang_collector.cases.table import Move
from zaigang_collector.cases.telling import Message, Messenger
from zaigang_collector.db import Randomness
from zaigang_collector.directory import service as directory
from zaigang_collector.errors import ConflictError, UnknownIdError
from zaigang_collector.ledger import service as ledger
from zaigang_collector.matching.model import Text
from zaigang_collector.vault.service import Vault

# An explanation of several pages. Larger lets somebody paste a book into the ledger's bodies;
# smaller cuts off who has much to explain, and sends them to attachments.
WORDS_MAX: Final = 10_000
REFS_MAX: Final = 100
# Of people: what time does by itself goes on. Larger lets somebody fill the ledger by replying again
# and again; smaller ends a long exchange.
STEPS_MAX: Final = 500
_REF_MAX: Final = 80


@dataclass(frozen=True, slots=True)
class Desk:
    """What work on cases needs besides the database."""

    vault: Vault
    policy: Policy
    """Under which new cases are opened."""
    randomness: Randomness
    messenger: Messenger | None = None
    """None: nothing goes out by itself, and letters are printed."""
    alerts: Alerts | None = None
    """None: alerts are taken by their id, and nothing is asked or told of them."""


@dataclass(frozen=True, slots=True)
class Acted:
    """What came of an action."""

    case: Loaded
    refused: Text | None = None
    """Why it was not done; None: it was."""


def open_case(
    conn: Connection,
    desk: Desk,
    employee_id: str,
    refs: Sequence[Ref],
    reason: str,
    actor: Actor,
    now_ms: int,
) -> Loaded:
    """Open a case about a person from alerts, a clue or assessments. Raises UnknownIdError, and
    ConflictError for a case about oneself, without a ground, or about what another open case is
    about already."""
    if directory.get_employee(conn, employee_id) is None:
        raise UnknownIdError("employee", employee_id)
    _refuse_unknown_actor(conn, actor)
    if actor.role is not Role.HR or actor.id == employee_id:
        raise ConflictError(
            f"{actor.id} cannot open a case about {employee_id}: expected somebody of HR whom it is "
            "not about"
        )
    if not refs:
        raise ConflictError(
            "a case needs a ground: give the id of an alert, a clue or an assessment"
        )
    given = Given(reason=_kept(reason), refs=tuple(dict.fromkeys(refs)))
    _refuse_wrong_refs(conn, desk, employee_id, given.refs)
    for ref in given.refs:
        others = store.cases_of(conn, ref, open_only=True)
        if ref.kind is RefKind.ALERT and others:
            raise ConflictError(
                f"alert {ref.id} is looked into in case {others[0]} already; link what is new there"
            )
    case_id = store.new_id("ca-", desk.randomness)
    step = Step(1, now_ms, Action.OPEN, actor, given)
    written = Written(case_id, employee_id, step, _checkpoint(conn), policy=desk.policy.values())
    store.create(conn, desk.vault, written, desk.randomness)
    return store.load(conn, desk.vault, case_id)


def act(
    conn: Connection,
    desk: Desk,
    case_id: str,
    action: Action,
    actor: Actor,
    given: Given,
    now_ms: int,
) -> Acted:
    """Do something in a case, or record that it was refused. Raises UnknownIdError, and
    ConflictError for what cannot be kept."""
    case = store.load(conn, desk.vault, case_id, lock=True)
    _refuse_unknown_actor(conn, actor)
    if actor.role is not Role.SYSTEM and case.standing.steps >= STEPS_MAX:
        raise ConflictError(
            f"case {case_id} has {STEPS_MAX} steps already and takes no more from people; conclude, or "
            "withdraw it and open another"
        )
    given = replace(given, reason=_kept(given.reason))
    files = store.attachment_hashes(conn, case_id, given.attachments)
    _refuse_wrong_refs(conn, desk, case.standing.employee_id, given.refs)
    number = case.standing.steps + 1
    if action in table.SENDS:
        given = replace(given, letter=f"{case_id}/{number}")
    decided = states.decide(Asked(case.standing, actor, given, now_ms, case.policy), action)
    if isinstance(decided, Refusal):
        return _refused(conn, desk, case, Step(number, now_ms, action, actor, given), decided)
    step = Step(
        number,
        now_ms,
        action,
        actor,
        given,
        _due(conn, case, action, given, now_ms, decided),
        late=_is_late(case.standing, action, now_ms),
    )
    return Acted(_keep(conn, desk, case, step, files))


def ground_gone(
    conn: Connection, desk: Desk, ref: Ref, reason: str, now_ms: int
) -> tuple[str, ...]:
    """An alert was withdrawn by itself: cases that rest on nothing else are withdrawn as long as
    nobody has concluded. Returns which."""
    gone = []
    for case_id in store.cases_of(conn, ref, open_only=True):
        case = store.load(conn, desk.vault, case_id, lock=True)
        may = Action.WITHDRAW in table.possible(case.standing.state, Role.SYSTEM)
        if not may or _rests_on_more(conn, desk, case.standing, ref):
            continue
        done = act(conn, desk, case_id, Action.WITHDRAW, BY_ITSELF, Given(reason=reason), now_ms)
        if done.refused is None:
            gone.append(case_id)
    return tuple(gone)


def _rests_on_more(conn: Connection, desk: Desk, standing: Standing, gone: Ref) -> bool:
    def holds(one: Ref) -> bool:
        if one == gone or one.kind is RefKind.CLUE:
            return False
        is_alert = one.kind is RefKind.ALERT and desk.alerts is not None
        return not (is_alert and desk.alerts and desk.alerts.is_withdrawn(conn, one.id))

    return bool(standing.evidence) or any(holds(one) for one in standing.refs)


def _keep(
    conn: Connection, desk: Desk, case: Loaded, step: Step, files: dict[str, bytes]
) -> Loaded:
    written = Written(case.id, case.standing.employee_id, step, _checkpoint(conn), files)
    standing = replay.after(case.standing, step)
    store.add(conn, desk.vault, standing, written, desk.randomness)
    kept = replace(case, standing=standing, steps=(*case.steps, written))
    if step.refused:
        return kept
    if desk.messenger is not None:
        for message in _messages(conn, case.standing, kept, step):
            desk.messenger.send(conn, message, step.at_ms)
    if desk.alerts is not None and standing.state is State.FINAL and standing.finding is not None:
        by = standing.second_reviewer or standing.reviewers[-1]
        for ref in standing.refs:
            if ref.kind is RefKind.ALERT:
                desk.alerts.concluded(conn, ref.id, standing.finding, by, case.id, step.at_ms)
    return kept


def _refused(conn: Connection, desk: Desk, case: Loaded, step: Step, refusal: Refusal) -> Acted:
    """Recorded once: whoever tries again and again fills nothing."""
    last = case.steps[-1].step
    zone = clock.zone_of(conn, case.standing.employee_id)
    said = words.refusal(refusal, step.action, step.actor.role, case.standing, zone)
    again = (last.action, last.actor, last.refused) == (
        step.action,
        step.actor,
        refusal.why.value,
    )
    if again:
        return Acted(case, said)
    # What was brought along is not kept: it was not accepted. That it was tried is.
    tried = replace(step, given=Given(), refused=refusal.why.value)
    return Acted(_keep(conn, desk, case, tried, {}), said)


def _due(
    conn: Connection, case: Loaded, action: Action, given: Given, now_ms: int, move: Move
) -> int | None:
    """The deadline that holds after this."""
    if action in (Action.GIVE_TIME, Action.MOVE_DEADLINE):
        return given.until_ms
    if action is not Action.DELIVER:
        return None
    # From when it is on record, not from an earlier time: who learns late of a delivery gives time
    # rather than takes it.
    return clock.due_from(conn, replace(case.standing, state=move.to), case.policy, now_ms)


def _is_late(standing: Standing, action: Action, now_ms: int) -> bool:
    return action is Action.REPLY and standing.due_ms is not None and now_ms > standing.due_ms


def _messages(conn: Connection, before: Standing, case: Loaded, step: Step) -> list[Message]:
    standing, policy = case.standing, case.policy
    newest = ledger.newest_checkpoint(conn)
    zone = clock.zone_of(conn, standing.employee_id)
    due = "" if standing.due_ms is None else words.moment(standing.due_ms, zone)
    fill = {
        "case": case.id,
        "hours": policy.reply_h,
        "appeal": policy.appeal_h,
        "due": due,
    }
    found = []
    for role, kind, text in telling.texts(step.action, was_sent=bool(before.letter)):
        is_employee = role is Role.EMPLOYEE
        key = f"{case.id}/{step.number}" + ("" if is_employee else "/hr")
        people = [standing.employee_id] if is_employee else [_hr_of(standing)]
        said = Text(text.zh.format(**fill), text.en.format(**fill))
        note = newest.note if is_employee and newest is not None else ""
        found += [Message(key, one, kind, case.id, said, note) for one in people]
    return found


def _hr_of(standing: Standing) -> str:
    """Who of HR is told: whoever has it in hand."""
    return standing.second_reviewer or (
        standing.reviewers[-1] if standing.reviewers else standing.opened_by
    )


def _checkpoint(conn: Connection) -> tuple[int, bytes] | None:
    newest = ledger.newest_checkpoint(conn)
    return None if newest is None else (newest.size, newest.root)


def _kept(text: str) -> str:
    text = text.strip()
    odd = [one for one in text if not (one.isprintable() or one in "\n\t")]
    if len(text) > WORDS_MAX or odd:
        raise ConflictError(
            f"the words were refused: expected up to {WORDS_MAX} characters of text, without control "
            "characters; attach a file for more"
        )
    return text


def _refuse_unknown_actor(conn: Connection, actor: Actor) -> None:
    """A person is named by an id, so that nobody is two people by spelling themselves twice."""
    if actor.role is not Role.SYSTEM and directory.get_employee(conn, actor.id) is None:
        raise UnknownIdError("employee", actor.id)


def _refuse_wrong_refs(conn: Connection, desk: Desk, employee_id: str, refs: Sequence[Ref]) -> None:
    if len(refs) > REFS_MAX:
        raise ConflictError(f"{len(refs)} references at once; expected {REFS_MAX} at most")
    for ref in refs:
        whose = _whose(conn, desk, ref, employee_id)
        if whose != employee_id:
            raise ConflictError(
                f"{ref.kind.value} {ref.id} is about {'nobody' if whose is None else 'somebody else'}; "
                "a case is about one person"
            )


def _whose(conn: Connection, desk: Desk, ref: Ref, employee_id: str) -> str | None:
    """About whom it is; an alert of which nobody can be asked is taken at its word."""
    if ref.kind is RefKind.CLUE:
        return store.get_clue(conn, desk.vault, ref.id).employee_id
    if ref.kind is RefKind.ASSESSMENT:
        found = assessments.get(conn, desk.vault, ref.id)
        if found is None:
            raise UnknownIdError("assessment", ref.id)
        return found.employee_id
    if not ref.id or len(ref.id) > _REF_MAX or not ref.id.isprintable():
        raise ConflictError(f"{ref.id[:_REF_MAX]!r} is no alert's id")
    return employee_id if desk.alerts is None else desk.alerts.about(conn, ref.id)
