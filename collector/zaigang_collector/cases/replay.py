"""What the steps of a case add up to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final, TypeVar

from zaigang_collector.cases.model import Action, Role, Standing, Step
from zaigang_collector.cases.table import FINDINGS, TABLE

_T = TypeVar("_T")


def after(standing: Standing, step: Step) -> Standing:
    """The case after one more step, which `decide` allowed or refused."""
    standing = replace(standing, steps=step.number, last_ms=step.at_ms)
    if step.refused:
        return standing
    given, actor = step.given, step.actor
    if step.action is Action.OPEN:
        standing = replace(standing, opened_by=actor.id, opened_ms=step.at_ms)
    else:
        standing = replace(standing, state=TABLE[standing.state, step.action].to)
    standing = replace(
        standing,
        refs=_joined(standing.refs, given.refs),
        attachments=_joined(standing.attachments, given.attachments),
        evidence=_evidence(standing, step),
        letter=given.letter or standing.letter,
    )
    change = _CHANGES.get(step.action)
    standing = standing if change is None else change(standing, step)
    if step.due_ms is not None:
        standing = replace(standing, due_ms=step.due_ms)
    if standing.is_closed and standing.closed_ms is None:
        standing = replace(standing, closed_ms=step.at_ms, clock_ms=None, due_ms=None)
    return standing


def replayed(employee_id: str, steps: Iterable[Step]) -> Standing:
    """What steps add up to."""
    standing = Standing(employee_id=employee_id)
    for step in steps:
        standing = after(standing, step)
    return standing


def _joined(before: tuple[_T, ...], new: tuple[_T, ...]) -> tuple[_T, ...]:
    return (*before, *(one for one in new if one not in before))


def _evidence(standing: Standing, step: Step) -> tuple[str, ...]:
    files = step.given.attachments
    if step.action is Action.ATTACH and step.actor.role is Role.HR:
        return _joined(standing.evidence, files)
    if step.action is Action.DELIVER:
        return tuple(one for one in standing.evidence if one not in files)
    return standing.evidence


def _stopped(standing: Standing, _step: Step) -> Standing:
    return replace(standing, clock_ms=None, due_ms=None, asked_time=False, reminded=False)


def _started(standing: Standing, step: Step) -> Standing:
    return replace(standing, clock_ms=step.at_ms, reminded=False, extensions=0)


def _given_time(standing: Standing, step: Step) -> Standing:
    return replace(standing, extensions=standing.extensions + 1, asked_time=False, reminded=False)


def _reviewing(standing: Standing, step: Step) -> Standing:
    return _stopped(
        replace(standing, reviewers=_joined(standing.reviewers, (step.actor.id,))), step
    )


def _asked_back(standing: Standing, step: Step) -> Standing:
    return _stopped(replace(standing, asked_back=standing.asked_back + 1), step)


def _concluded(standing: Standing, step: Step) -> Standing:
    finding = FINDINGS.get(step.action, step.given.finding)
    return _stopped(replace(standing, finding=finding, proposal=step.given.proposal), step)


_CHANGES: Final[Mapping[Action, Callable[[Standing, Step], Standing]]] = {
    Action.SEND_LETTER: _stopped,
    Action.BOUNCE: _stopped,
    Action.DELIVER: _started,
    Action.REMIND: lambda standing, _: replace(standing, reminded=True),
    Action.ASK_TIME: lambda standing, _: replace(standing, asked_time=True),
    Action.GIVE_TIME: _given_time,
    Action.REFUSE_TIME: lambda standing, _: replace(standing, asked_time=False),
    Action.REPLY: _stopped,
    Action.REVIEW: _reviewing,
    Action.ASK_BACK: _asked_back,
    Action.CONCLUDE_UNFOUNDED: _concluded,
    Action.CONCLUDE_SUBSTANTIATED: _concluded,
    Action.CONCLUDE_INCONCLUSIVE: _concluded,
    Action.APPEAL: _stopped,
    Action.REVIEW_APPEAL: lambda standing, step: replace(standing, second_reviewer=step.actor.id),
    Action.DECIDE_APPEAL: _concluded,
}
