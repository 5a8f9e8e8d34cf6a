"""What becomes of alerts: one table of moves. Pure, and the same for any order of arrival.

    is          the rule holds, and      the rule does not hold       the subject is not
                nobody else is asked                                  settled, or waits
    nothing     raise                    -                            -
    raised      update, if it says       withdraw                     -
                something else
    withdrawn   raise                    -                            -
    dismissed   -                        -                            -

"Holds" is: the rule is on, its grace is over, no look-alike may be the cause, and not many are concerned
at once. A rule that is off or suspended raises nothing; what it raised is still withdrawn by itself.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from zaigang_collector.matching.model import Text
from zaigang_collector.rules import words
from zaigang_collector.rules.evaluate import Evaluated, Together
from zaigang_collector.rules.model import (
    Alert,
    Answer,
    Content,
    Happened,
    Outcome,
    Rule,
    State,
    Subject,
)

_HOUR_MS = 3_600_000
_ID_BYTES = 10


@dataclass(frozen=True, slots=True)
class Move:
    """One thing to do."""

    happened: Happened
    alert_id: str
    rule: Rule | None
    subject: Subject | None
    together: Together | None
    content: Content | None
    why: Text


def alert_id(rule_id: str, key: str) -> str:
    """The same rule and subject always have the same alert, on any collector."""
    digest = hashlib.sha256(b"zaigang/alert/1\0" + f"{rule_id}\0{key}".encode()).digest()
    return "al-" + base64.b32encode(digest[:_ID_BYTES]).decode("ascii").lower()


def together_key(together: Together) -> str:
    return f"together/{together.site_id}/{together.day}"


def decide(
    evaluated: Evaluated,
    standing: Mapping[str, Alert],
    on: Collection[str],
    now_ms: int,
) -> tuple[Move, ...]:
    """`standing`: alerts by id, of these subjects and all others that are raised; `on`: rules that
    may raise. Alerts of subjects that are not there any more have lost their ground."""
    moves = [
        move
        for outcome in evaluated.outcomes
        if (move := _of_person(evaluated, outcome, standing, on, now_ms)) is not None
    ]
    moves += _of_many(evaluated, standing, on, now_ms)
    seen = {alert_id(one.rule.id, one.subject.key) for one in evaluated.outcomes}
    seen |= {alert_id(one.rule.id, together_key(one)) for one in evaluated.together}
    for name, alert in sorted(standing.items()):
        is_old = alert.employee_id is None and alert.day < evaluated.whole_from
        if alert.state is State.RAISED and name not in seen and not is_old:
            moves.append(_withdraw(alert, words.GONE if alert.employee_id else words.NOT_MANY))
    return tuple(moves)


def _of_person(
    evaluated: Evaluated,
    outcome: Outcome,
    standing: Mapping[str, Alert],
    on: Collection[str],
    now_ms: int,
) -> Move | None:
    rule, subject = outcome.rule, outcome.subject
    name = alert_id(rule.id, subject.key)
    alert = standing.get(name)
    if not subject.settled or (alert is not None and alert.state is State.DISMISSED):
        return None
    together = evaluated.hushed(outcome)
    if outcome.answer is Answer.HOLDS and together is None:
        if alert is not None and alert.state is State.RAISED:
            return _update(alert, rule, subject)
        if subject.day < evaluated.whole_from or rule.id not in on:
            return None
        if now_ms < subject.end_ms + rule.grace_h * _HOUR_MS:
            return None
        content = words.content(rule, subject)
        return Move(Happened.RAISED, name, rule, subject, None, content, content.text)
    if alert is None or alert.state is not State.RAISED:
        return None
    return _withdraw(alert, words.MANY if together is not None else words.no_longer(outcome))


def _update(alert: Alert, rule: Rule, subject: Subject) -> Move | None:
    content = words.content(rule, subject)
    if content == alert.content:
        return None
    return Move(Happened.UPDATED, alert.id, rule, subject, None, content, words.OTHER_NUMBERS)


def _withdraw(alert: Alert, why: Text) -> Move:
    return Move(Happened.WITHDRAWN, alert.id, None, None, None, None, why)


def _of_many(
    evaluated: Evaluated, standing: Mapping[str, Alert], on: Collection[str], now_ms: int
) -> Iterable[Move]:
    """To IT, at once: nothing is held against anybody by it."""
    for one in evaluated.together:
        name = alert_id(one.rule.id, together_key(one))
        alert = standing.get(name)
        if one.rule.id not in on or (alert is not None and alert.state is State.DISMISSED):
            continue
        content = words.content_of_many(one)
        if alert is None or alert.state is State.WITHDRAWN:
            yield Move(Happened.RAISED, name, one.rule, None, one, content, content.text)
        elif content != alert.content:
            yield Move(Happened.UPDATED, name, one.rule, None, one, content, words.OTHER_NUMBERS)


def leaders(alerts: Sequence[Alert], cool_down_days: Mapping[str, int]) -> dict[str, str]:
    """By alert the one with which it is told: itself, or the first of the same rule and person within
    the cool-down. Which were told first decides, so that nobody is told twice; those that were
    withdrawn lead nobody."""
    found: dict[str, str] = {}
    first: dict[tuple[str, str | None], list[Alert]] = {}
    for one in sorted(alerts, key=lambda one: (one.raised_ms, one.day, one.id)):
        mine = first.setdefault((one.rule_id, one.employee_id), [])
        days = cool_down_days.get(one.rule_id, 0)
        leader = next((led for led in mine if _apart(led, one) < days), None)
        found[one.id] = one.id if leader is None else leader.id
        if leader is None and one.state is not State.WITHDRAWN:
            mine.append(one)
    return found


def _apart(one: Alert, other: Alert) -> float:
    return abs(one.start_ms - other.start_ms) / (24 * _HOUR_MS)
