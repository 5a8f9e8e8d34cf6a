"""Letter and report of a case as it stands: its steps, and the assessments that it rests on.

What was found is read from the very version that was there when the paper was made, and its id and
version stand beside it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from zaigang_collector.assessment import drawn, store
from zaigang_collector.assessment.model import StoredAssessment
from zaigang_collector.cases import attachments, words
from zaigang_collector.cases.model import Action, Finding, RefKind, Role, Step
from zaigang_collector.cases.store import Loaded, steps_of
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Employee, Language
from zaigang_collector.drawing.labels import say
from zaigang_collector.errors import ConflictError, ForgottenError, UnknownIdError
from zaigang_collector.ledger import service as ledger
from zaigang_collector.matching import codec
from zaigang_collector.matching.model import Assessment, Direction, Text
from zaigang_collector.matching.words import VERDICTS, clockface
from zaigang_collector.reports.model import (
    Anomaly,
    Attachment,
    Checkpoint,
    Conclusion,
    Drawing,
    Letter,
    Number,
    Person,
    Report,
)
from zaigang_collector.reports.model import Step as Told
from zaigang_collector.reports.settings import PaperSettings
from zaigang_collector.rules import store as alerts
from zaigang_collector.rules.model import Alert
from zaigang_collector.vault.service import Vault

# Findings of these signals stand in the column of business records, all others in that of devices.
_BUSINESS: Final = frozenset({"business", "work_log"})
_NO_DEVICE: Final = Text(
    "没有设备记录；没有记录不等于不在岗", "no device record, which does not mean absent"
)
_NO_BUSINESS: Final = Text("没有可比对的业务记录", "no business record to compare with")
_TIMELINE: Final = Text("时间线", "time line")
_HOURS_A_DAY: Final = 24
_CONCLUDING: Final = frozenset(
    {
        Action.CONCLUDE_UNFOUNDED,
        Action.CONCLUDE_SUBSTANTIATED,
        Action.CONCLUDE_INCONCLUSIVE,
        Action.DECIDE_APPEAL,
    }
)
_HEARD: Final = frozenset({Action.REPLY, Action.APPEAL})


@dataclass(frozen=True, slots=True)
class Desk:
    """What papers are made with."""

    vault: Vault
    settings: PaperSettings
    now_ms: int
    language: Language | None = None
    """None: the person's own."""


def letter_of(conn: Connection, desk: Desk, case: Loaded) -> Letter:
    """Raises ConflictError where the case rests on nothing that can be listed."""
    common = _common(conn, desk, case)
    policy, settings = case.policy, desk.settings
    reply = settings.reply_url
    return Letter(
        **common,
        reply_url=f"{reply.rstrip('/')}/{case.id}" if reply else "",
        contact=settings.contact,
        reply_hours=policy.reply_h,
        due_ms=case.standing.due_ms,
        appeal_days=policy.appeal_h // _HOURS_A_DAY,
        published_rule=policy.published_rule if policy.no_reply_is_default else "",
    )


def report_of(conn: Connection, desk: Desk, case: Loaded) -> Report:
    """Raises ConflictError while nobody has concluded, or where there is nothing to list."""
    done = [one for one in steps_of(case) if not one.refused]
    concluding = [one for one in done if one.action in _CONCLUDING]
    finding = case.standing.finding
    if not concluding or finding is None:
        raise ConflictError(
            f"case {case.id} has no report yet: expected a case that somebody has concluded; "
            f"it is {case.standing.state.value}"
        )
    common = _common(conn, desk, case)
    files = attachments.list_of(conn, desk.vault, case.id)
    last = concluding[-1]
    is_final = last.action is Action.DECIDE_APPEAL or case.standing.is_closed
    return Report(
        **common,
        steps=tuple(Told(one.at_ms, words.ACTIONS[one.action], _who(conn, one)) for one in done),
        explanation=_explanation(done, common["language"]),
        attachments=tuple(Attachment(one.name, one.sha256, one.size) for one in files),
        conclusion=Conclusion(finding.value),
        reasons=last.given.reason,
        concluded_by=_who(conn, last),
        concluded_ms=last.at_ms,
        proposal=words.proposal(case.standing.proposal, case.policy)
        if finding is Finding.SUBSTANTIATED
        else None,
        appeal_until_ms=None if is_final else case.standing.due_ms,
        appeal_days=case.policy.appeal_h // _HOURS_A_DAY,
        final=is_final,
    )


def _common(conn: Connection, desk: Desk, case: Loaded) -> dict[str, Any]:
    who = directory.get_employee(conn, case.standing.employee_id)
    language = desk.language or (Language.CHINESE if who is None else who.language)
    raised = _alerts(conn, desk.vault, case)
    found = _assessments(conn, desk.vault, case, raised)
    zones = {one.id: _zone(conn, one, who) for one in found}
    listed = [_anomaly(conn, one, zones[one.id], raised) for one in found]
    days = [one.day for one in listed]
    return {
        "language": language,
        "company": desk.settings.company,
        "case_id": case.id,
        "person": _person(case, who),
        "time_zone": zones[found[0].id],
        "made_ms": desk.now_ms,
        "first_day": min(days),
        "last_day": max(days),
        "anomalies": tuple(listed),
        "drawings": tuple(_drawing(conn, one, zones[one.id], language) for one in found),
        "checkpoint": _checkpoint(conn),
        "verify_url": desk.settings.verify_url or "",
    }


def _alerts(conn: Connection, vault: Vault, case: Loaded) -> list[Alert]:
    """Those that the case rests on, as they stand; of one that is gone, nothing."""
    names = [ref.id for ref in case.standing.refs if ref.kind is RefKind.ALERT]
    found = []
    for name in dict.fromkeys(names):
        with contextlib.suppress(UnknownIdError, ForgottenError):
            found.append(alerts.get(conn, vault, name))
    return found


def _assessments(
    conn: Connection, vault: Vault, case: Loaded, raised: Iterable[Alert]
) -> list[StoredAssessment]:
    """The newest version of each that the case or one of its alerts names, in order of time."""
    names = [ref.id for ref in case.standing.refs if ref.kind is RefKind.ASSESSMENT]
    names += [_named(one) for alert in raised for one in alert.content.references]
    read = (store.get(conn, vault, name) for name in dict.fromkeys(names))
    found = [one for one in read if one is not None]
    if not found:
        raise ConflictError(
            f"case {case.id} has nothing that a paper can list: link the assessments that it is "
            "about (cases do CASE link --assessment ID)"
        )
    return sorted(found, key=lambda one: (one.start_ms, one.id))


def _named(reference: str) -> str:
    """The assessment of a version, as `as-…@2`."""
    return reference.partition("@")[0]


def _anomaly(
    conn: Connection, stored: StoredAssessment, zone: str, raised: Iterable[Alert]
) -> Anomaly:
    read = codec.decode(json.loads(stored.body))
    site = directory.get_site(conn, stored.site_id)
    begins = dt.datetime.fromtimestamp(stored.start_ms / 1000, ZoneInfo(zone))
    verdict = VERDICTS[stored.presence]
    asking = [one for one in raised if stored.id in map(_named, one.content.references)]
    return Anomaly(
        day=begins.date(),
        claim=_claim(read, zone),
        place=stored.site_id if site is None else site.name,
        device_record=_record(read, _NO_DEVICE, business=False),
        business_record=_record(read, _NO_BUSINESS, business=True),
        finding=_joined((verdict, *read.reasons, *(one.content.text for one in asking))),
        numbers=tuple(_numbers(stored, read, asking)),
        reference=f"{stored.id}@{stored.version}",
    )


def _claim(read: Assessment, zone: str) -> Text:
    span = clockface(zone).span(read.claim.start_ms, read.claim.end_ms)
    if read.claim.end_is_claimed:
        return Text(f"打卡 {span}", f"clocked in and out, {span}")
    return Text(
        f"打卡 {span}，无下班卡，按班次结束时间计", f"clocked in, not out: {span} by the shift"
    )


def _record(read: Assessment, none: Text, *, business: bool) -> Text:
    """What speaks for the person as well as what speaks against: a paper that left one out would
    accuse."""
    told = [
        finding.text
        for finding in read.findings
        if (finding.signal in _BUSINESS) is business and finding.direction is not Direction.SILENT
    ]
    return _joined(told) if told else none


def _joined(texts: Iterable[Text]) -> Text:
    kept = [one for one in texts if one.zh]
    ends = "。！？；"
    zh = "".join(one.zh if one.zh.endswith(tuple(ends)) else one.zh + "。" for one in kept)
    en = " ".join(one.en if one.en.endswith(".") else one.en + "." for one in kept)
    return Text(zh, en)


def _numbers(
    stored: StoredAssessment, read: Assessment, asking: Iterable[Alert]
) -> Iterable[Number]:
    yield Number(Text("证据覆盖", "covered by evidence"), f"{stored.coverage:.0%}")
    if read.present_share is not None:
        yield Number(Text("在岗占比", "share present"), f"{read.present_share:.0%}")
    items = {item.name: item for one in asking for item in one.content.items}
    for item in items.values():
        if type(item.value) is float:
            yield Number(item.text)


def _drawing(conn: Connection, one: StoredAssessment, zone: str, language: Language) -> Drawing:
    day = dt.datetime.fromtimestamp(one.start_ms / 1000, ZoneInfo(zone)).date()
    return Drawing(
        day.isoformat(),
        drawn.timeline(conn, one, language),
        f"{say(_TIMELINE, language)} {day.isoformat()}: {say(VERDICTS[one.presence], language)}",
    )


def _explanation(done: Sequence[Step], language: Language) -> str | None:
    """What the person said, in their order; late replies are read like any other."""
    said = [one.given.reason for one in done if one.action in _HEARD and one.given.reason]
    return "\n\n".join(said) if said else None


def _who(conn: Connection, step: Step) -> str:
    if step.actor.role is Role.SYSTEM:
        return step.actor.id
    who = directory.get_employee(conn, step.actor.id)
    return step.actor.id if who is None else f"{who.name} ({who.id})"


def _person(case: Loaded, who: Employee | None) -> Person:
    if who is None:
        return Person(case.standing.employee_id, case.standing.employee_id)
    return Person(who.name, who.id, who.department)


def _zone(conn: Connection, stored: StoredAssessment, who: Employee | None) -> str:
    site = directory.get_site(conn, stored.site_id)
    if site is not None:
        return site.time_zone
    return "UTC" if who is None else who.time_zone


def _checkpoint(conn: Connection) -> Checkpoint | None:
    found = ledger.newest_checkpoint(conn)
    if found is None:
        return None
    ledger.pin(conn, found.size)  # somebody outside will hold it
    return Checkpoint(ledger.origin(conn), found.size, found.root, found.at_ms)
