"""Rules: what there is, what one would raise, and which are on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from zaigang_collector.access.model import Principal, Scope
from zaigang_collector.api import values
from zaigang_collector.api.assessments import TextOut
from zaigang_collector.api.deps import AskedFirst, Given, Looks, Reads, Writes, needs
from zaigang_collector.api.problems import ProblemError, Wrong, not_found, responses
from zaigang_collector.assessment.service import Judge
from zaigang_collector.errors import ConflictError, UnknownIdError
from zaigang_collector.rules import document, rulebook, store, trying
from zaigang_collector.rules.errors import RuleError
from zaigang_collector.rules.model import Rule, Severity
from zaigang_collector.rules.rulebook import Standing
from zaigang_collector.rules.vocabulary import FACTS, Grain

router = APIRouter(prefix="/rules", tags=["rules"], route_class=AskedFirst)

DAYS_MAX = 92
"""Of one trial. Larger keeps a request busy for minutes; smaller cuts a quarter in two."""


class LookAlikeOut(BaseModel):
    name: str
    when: str
    text: TextOut


class RuleOut(BaseModel):
    """One rule, and how its alerts ended since it was switched."""

    id: str = Field(examples=["presence_contradicted"])
    version: int
    built_in: bool
    on: bool
    suspended: bool = Field(description="Too many of its alerts were overturned.")
    since: dt.datetime | None
    by: str
    why: str
    grain: Grain
    severity: Severity
    title: TextOut
    reason: TextOut
    when: str = Field(description="CEL over facts; GET /api/v1/rules/facts lists them.")
    look_alikes: list[LookAlikeOut]
    grace_h: float
    cool_down_days: int
    overturn_share: float
    raised: int
    withdrawn: int
    concluded: int
    overturned: int


class RulesOut(BaseModel):
    items: list[RuleOut]


class FactOut(BaseModel):
    name: str
    grain: Grain
    kind: str
    unit: str
    about: TextOut
    unknown: TextOut


class FactsOut(BaseModel):
    items: list[FactOut]


class RuleIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    document: str = Field(
        min_length=1, max_length=rulebook.DOCUMENT_MAX, description="One rule, as TOML."
    )
    why: str = Field(default="", max_length=rulebook.BY_MAX, pattern=values.WORD)


class SwitchIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    on: bool
    why: str = Field(default="", max_length=rulebook.BY_MAX, pattern=values.WORD)


class TryIn(BaseModel):
    """A rule that there is, or a document of one that there is not yet."""

    model_config = ConfigDict(extra="forbid")
    rule: str | None = Field(default=None, min_length=1, max_length=40, pattern=values.WORD)
    document: str | None = Field(default=None, min_length=1, max_length=rulebook.DOCUMENT_MAX)
    start: values.Time
    end: values.Time


class LineOut(BaseModel):
    employee: str
    site: str
    day: dt.date
    subject: str
    now: bool = Field(description="Whether the version in use holds.")
    tried: bool = Field(description="Whether the tried one does.")
    withdrawn: bool = Field(description="It would have been raised, and withdrawn since.")
    text: TextOut


class TriedOut(BaseModel):
    """What a rule would have raised; nothing was."""

    people: int
    asked: int
    alerts: int
    people_concerned: int
    withdrawn: int
    shared_by_many: int = Field(description="Told to IT instead, and of nobody.")
    excused: dict[str, int] = Field(description="By innocent cause, how often nothing is raised.")
    unknown: dict[str, int] = Field(
        description="By fact that nobody knew, how often it was not asked."
    )
    lines: list[LineOut]


@router.get("", dependencies=[Depends(needs(Scope.READ_RULES))], responses=responses(401, 403, 422))
def listed(conn: Reads) -> RulesOut:
    """All rules, the built-in ones first."""
    book = rulebook.read(conn)
    return RulesOut(items=[_shown(conn, one) for one in book.standings.values()])


@router.get(
    "/facts", dependencies=[Depends(needs(Scope.READ_RULES))], responses=responses(401, 403)
)
def facts() -> FactsOut:
    """What a rule may speak of. One that is unknown lets no rule hold."""
    return FactsOut(
        items=[
            FactOut(
                name=one.name,
                grain=one.grain,
                kind=one.kind.value,
                unit=one.unit,
                about=TextOut(zh=one.about.zh, en=one.about.en),
                unknown=TextOut(zh=one.unknown.zh, en=one.unknown.en),
            )
            for one in FACTS.values()
        ]
    )


@router.get(
    "/{rule_id}",
    dependencies=[Depends(needs(Scope.READ_RULES))],
    responses=responses(401, 403, 404, 422),
)
def get(rule_id: str, conn: Reads) -> RuleOut:
    """One rule."""
    return _shown(conn, _known(conn, rule_id))


@router.post(
    "",
    dependencies=[Depends(needs(Scope.WRITE_RULES))],
    responses=responses(401, 403, 409, 422),
)
def make(body: RuleIn, given: Given, conn: Writes, request: Request) -> RuleOut:
    """Add a rule of the company's own, or a new version of one. It is off until it is switched on."""
    _read(body.document)
    now_ms = given.clock.utc_ms()
    try:
        one = rulebook.make(conn, body.document, _by(request), body.why, now_ms, given.randomness)
    except ConflictError as error:
        wrong = Wrong(where="body.document", expected="a rule of the company's own")
        raise ProblemError(409, f"Nothing was stored: {error}.", [wrong]) from error
    return _shown(conn, one)


@router.post(
    "/try",
    dependencies=[Depends(needs(Scope.READ_ALERTS))],
    responses=responses(401, 403, 404, 422),
)
def try_(body: TryIn, given: Given, conn: Reads, looks: Looks) -> TriedOut:
    """Ask a rule of past days. Raises nothing; everybody who was asked about can see the look."""
    rule = _candidate(conn, body)
    span = values.to_ms(body.start), values.to_ms(body.end)
    if not 0 < span[1] - span[0] <= DAYS_MAX * 86_400_000:
        wrong = Wrong(where="body.end", expected=f"a time after start, at most {DAYS_MAX} days")
        raise ProblemError(422, "These days cannot be tried.", [wrong])
    judge = Judge(given.policy, given.collector_key, given.randomness, given.vault)
    tried = trying.attempt(given.engine, judge, rule, span, given.clock.utc_ms())
    looks.at(f"trial of rule {rule.id}", tried.people)
    return TriedOut(
        people=len(tried.people),
        asked=tried.subjects,
        alerts=tried.alerts,
        people_concerned=tried.people_concerned,
        withdrawn=tried.withdrawn,
        shared_by_many=tried.hushed,
        excused=_counts(tried.excused),
        unknown=_counts(tried.unknown),
        lines=[
            LineOut(
                employee=one.employee_id,
                site=one.site_id,
                day=dt.date.fromisoformat(one.day),
                subject=one.subject,
                now=one.now,
                tried=one.then,
                withdrawn=one.withdrawn,
                text=TextOut(zh=one.text.zh, en=one.text.en),
            )
            for one in tried.lines
        ],
    )


@router.post(
    "/{rule_id}/state",
    dependencies=[Depends(needs(Scope.WRITE_RULES))],
    responses=responses(401, 403, 404, 422),
)
def switch(rule_id: str, body: SwitchIn, given: Given, conn: Writes, request: Request) -> RuleOut:
    """Switch a rule on or off, at once and without a restart; on also ends a suspension."""
    _known(conn, rule_id)
    now_ms, by = given.clock.utc_ms(), _by(request)
    one = rulebook.switch(conn, rule_id, by, body.why, now_ms, given.randomness, on=body.on)
    return _shown(conn, one)


def _candidate(conn: Connection, body: TryIn) -> Rule:
    if (body.rule is None) == (body.document is None):
        wrong = Wrong(where="body", expected="either rule or document")
        raise ProblemError(422, "Nothing was tried.", [wrong])
    if body.rule is not None:
        return _known(conn, body.rule).rule
    return _read(body.document or "")


def _read(text: str) -> Rule:
    try:
        found = document.read(text)
    except RuleError as error:
        wrong = Wrong(where=f"body.document.{error.where}", expected=error.text.en)
        detail = f"This is no rule: {error.text.en}. {error.text.zh}。"
        raise ProblemError(422, detail, [wrong]) from error
    if len(found) != 1:
        wrong = Wrong(where="body.document", expected="exactly one rule")
        raise ProblemError(422, "Nothing was done.", [wrong])
    return found[0]


def _known(conn: Connection, rule_id: str) -> Standing:
    try:
        return rulebook.read(conn).get(rule_id)
    except UnknownIdError as error:
        raise not_found("rule", "/api/v1/rules") from error


def _by(request: Request) -> str:
    principal = request.state.principal
    assert isinstance(principal, Principal)  # noqa: S101  # `needs` has set it
    return f"API token {principal.name} ({principal.token_id})"


def _counts(counted: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])))


def _shown(conn: Connection, one: Standing) -> RuleOut:
    rule = one.rule
    counted = store.counts(conn, rule.id, one.since_ms or 0)
    return RuleOut(
        id=rule.id,
        version=rule.version,
        built_in=rule.built_in,
        on=one.on,
        suspended=one.suspended,
        since=values.utc_or_none(one.since_ms),
        by=one.by,
        why=one.why,
        grain=rule.grain,
        severity=rule.severity,
        title=TextOut(zh=rule.title.zh, en=rule.title.en),
        reason=TextOut(zh=rule.reason.zh, en=rule.reason.en),
        when=rule.when.source,
        look_alikes=[
            LookAlikeOut(
                name=alike.name,
                when=alike.when.source,
                text=TextOut(zh=alike.text.zh, en=alike.text.en),
            )
            for alike in rule.look_alikes
        ],
        grace_h=rule.grace_h,
        cool_down_days=rule.cool_down_days,
        overturn_share=rule.overturn_share,
        raised=counted.raised,
        withdrawn=counted.withdrawn,
        concluded=counted.concluded,
        overturned=counted.overturned,
    )
