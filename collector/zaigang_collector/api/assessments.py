"""What was found of each attendance interval, with its evidence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from zaigang_collector.access.model import Scope
from zaigang_collector.api import values
from zaigang_collector.api.deps import AskedFirst, Given, Looks, Opens, Reads, Seen, needs
from zaigang_collector.api.languages import Spoken
from zaigang_collector.api.problems import not_found, responses
from zaigang_collector.assessment import drawn, notes, service, store
from zaigang_collector.assessment.model import Outcome, StoredAssessment
from zaigang_collector.matching.model import Direction, Family, Presence, Text, Work
from zaigang_collector.matching.words import VERDICTS

router = APIRouter(prefix="/assessments", tags=["assessments"], route_class=AskedFirst)


class TextOut(BaseModel):
    zh: str = Field(examples=["电脑接入驻场地点网络 7.5 小时。"])
    en: str = Field(examples=["The laptop was on the site's network for 7.5 h."])


class ReferenceOut(BaseModel):
    """A reading that a finding rests on: GET /api/v1/envelopes/{envelope} has its bytes."""

    envelope: str = Field(description="SHA-256 of the signed envelope, hex.")
    index: int = Field(description="Place among the envelope's readings.")


class FindingOut(BaseModel):
    """What one signal says."""

    signal: str = Field(examples=["beacon"])
    family: Family
    direction: Direction
    llr: float = Field(
        description="log P(seen | at site) - log P(seen | away), tempered; natural logarithm."
    )
    text: TextOut
    references: list[ReferenceOut]


class StretchOut(BaseModel):
    start: datetime
    end: datetime
    presence: Presence
    posterior: float = Field(description="Mean probability of having been at the site.")


class SlotOut(BaseModel):
    start: datetime
    posterior: float
    covered: bool = Field(description="Whether any evidence covers this slot.")


class AssessmentOut(BaseModel):
    """The newest answer on one interval. It is a finding, never a decision about a person."""

    id: str = Field(examples=["as-mfrggzdfmztwq2lk"])
    version: int
    employee: str
    site: str
    start: datetime
    end: datetime
    end_is_claimed: bool = Field(
        description="False: nobody clocked out; the shift's end stands in."
    )
    clock_ins: list[str] = Field(examples=[["ci-mfrggzdfmztwq2lk@1"]])
    presence: Presence
    verdict: TextOut = Field(
        description="`presence` as people call it.",
        examples=[{"zh": "已确认", "en": "confirmed"}],
    )
    work: Work
    coverage: float = Field(description="Share of the interval that evidence covers, 0 to 1.")
    present_share: float | None = Field(description="Share of the covered part spent at the site.")
    provisional: bool = Field(
        description="True: a device may still deliver; not held against anybody."
    )
    reasons: list[TextOut]
    created_at: datetime


class AssessmentDetail(AssessmentOut):
    """With all its evidence."""

    notes: list[TextOut] = Field(
        description="What is true of the collector now and was not judged: a silent source of "
        "clock-ins, of which some may be missing here."
    )
    findings: list[FindingOut]
    stretches: list[StretchOut]
    slots: list[SlotOut]
    policy_sha256: str
    evidence_sha256: str
    body_sha256: str = Field(description="What the ledger commits to.")
    withdrawn_at: datetime | None


class VersionsOut(BaseModel):
    versions: list[AssessmentOut]


class RunIn(BaseModel):
    """Which stretch to judge again."""

    model_config = ConfigDict(extra="forbid")
    start: values.Time
    end: values.Time
    employee: str | None = Field(default=None, description="One person only.")


class RunOut(BaseModel):
    outcomes: dict[Outcome, int] = Field(examples=[{"added": 3, "unchanged": 12}])


@router.get(
    "",
    dependencies=[Depends(needs(Scope.READ_ASSESSMENTS))],
    responses=responses(401, 403, 422),
)
def list_(
    conn: Reads,
    vault: Opens,
    looks: Looks,
    seen: Seen,
    employee: str | None = None,
    site: str | None = None,
    presence: Presence | None = None,
    from_: values.From = None,
    to: values.To = None,
    limit: values.Limit = values.LIMIT_DEFAULT,
    cursor: values.Cursor = None,
) -> values.Page[AssessmentOut]:
    """Newest versions, by start of the interval."""
    wanted = store.Filter(
        employee, site, presence, values.to_ms_or_none(from_), values.to_ms_or_none(to), seen
    )
    found = store.list_page(conn, vault, wanted, values.time_cursor(cursor), limit + 1)
    listed = values.page(found, limit, lambda one: (one.start_ms, one.id))
    looks.at("a list of assessments", [one.employee_id for one in listed.items])
    return values.Page(items=[shown(one) for one in listed.items], next=listed.next)


@router.post(
    "/run",
    dependencies=[Depends(needs(Scope.WRITE_ASSESSMENTS))],
    responses=responses(401, 403, 422),
)
def run(body: RunIn, given: Given) -> RunOut:
    """Judge all intervals that begin in a stretch, now. The same evidence makes no new version."""
    judge = service.Judge(given.policy, given.collector_key, given.randomness, given.vault)
    judged = service.judge_span(
        given.engine,
        judge,
        values.to_ms(body.start),
        values.to_ms(body.end),
        given.clock.utc_ms(),
        employee_id=body.employee,
    )
    outcomes: dict[Outcome, int] = {}
    for one in judged:
        outcomes[one.outcome] = outcomes.get(one.outcome, 0) + 1
    return RunOut(outcomes=outcomes)


@router.get(
    "/{assessment_id}",
    response_model=AssessmentDetail,
    dependencies=[Depends(needs(Scope.READ_ASSESSMENTS))],
    responses=responses(401, 403, 404),
)
def get(
    assessment_id: str, conn: Reads, vault: Opens, looks: Looks, request: Request, given: Given
) -> Response:
    """The newest version with findings, references and time line."""
    found = store.get(conn, vault, assessment_id)
    if found is None:
        raise not_found("assessment", "/api/v1/assessments")
    looks.at(f"assessment {assessment_id}", [found.employee_id])
    told = notes.notes(conn, found, given.clock.utc_ms())
    return values.tagged(request, detail(found, told))


@router.get(
    "/{assessment_id}/timeline.svg",
    response_class=Response,
    dependencies=[Depends(needs(Scope.READ_ASSESSMENTS))],
    responses={
        200: {"content": {"image/svg+xml": {}}, "description": "The picture"},
        **responses(401, 403, 404, 422),
    },
)
def timeline(
    assessment_id: str,
    conn: Reads,
    vault: Opens,
    looks: Looks,
    request: Request,
    language: Spoken,
) -> Response:
    """The newest version as a picture: the claim, a lane for each signal, the probability of presence."""
    found = store.get(conn, vault, assessment_id)
    if found is None:
        raise not_found("assessment", "/api/v1/assessments")
    looks.at(f"time line of assessment {assessment_id}", [found.employee_id])
    content = drawn.timeline(conn, found, language).encode()
    # Opened by itself it can load nothing and run nothing, whatever somebody is called.
    more = {
        "content-language": language.value,
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        "vary": "accept-language",
        "x-content-type-options": "nosniff",
    }
    return values.tagged_bytes(request, content, "image/svg+xml", more)


@router.get(
    "/{assessment_id}/versions",
    dependencies=[Depends(needs(Scope.READ_ASSESSMENTS))],
    responses=responses(401, 403, 404),
)
def versions(assessment_id: str, conn: Reads, vault: Opens, looks: Looks) -> VersionsOut:
    """All versions, the oldest first."""
    found = store.versions(conn, vault, assessment_id)
    if not found:
        raise not_found("assessment", "/api/v1/assessments")
    looks.at(f"all versions of assessment {assessment_id}", [found[0].employee_id])
    return VersionsOut(versions=[shown(one) for one in found])


def shown(stored: StoredAssessment) -> AssessmentOut:
    """As lists write it."""
    return AssessmentOut(**_summary(stored, json.loads(stored.body)))


def detail(stored: StoredAssessment, told: Sequence[Text]) -> AssessmentDetail:
    """With everything behind it."""
    body = json.loads(stored.body)
    slot_ms = body["slot_ms"]
    slots = zip(body["posteriors"], body["covered"], strict=True)
    return AssessmentDetail(
        **_summary(stored, body),
        notes=[TextOut(zh=one.zh, en=one.en) for one in told],
        findings=[
            FindingOut.model_validate(finding | {"llr": round(finding["llr"], 3)})
            for finding in body["findings"]
        ],
        stretches=[
            StretchOut(
                start=values.utc(stretch["from_ms"]),
                end=values.utc(stretch["to_ms"]),
                presence=stretch["presence"],
                posterior=stretch["posterior"],
            )
            for stretch in body["stretches"]
        ],
        slots=[
            SlotOut(
                start=values.utc(stored.start_ms + number * slot_ms),
                posterior=posterior,
                covered=covered,
            )
            for number, (posterior, covered) in enumerate(slots)
        ],
        policy_sha256=stored.policy_hash,
        evidence_sha256=stored.evidence_hash.hex(),
        body_sha256=stored.body_hash.hex(),
        withdrawn_at=values.utc_or_none(stored.withdrawn_ms),
    )


def _summary(stored: StoredAssessment, body: dict[str, Any]) -> dict[str, Any]:
    verdict = VERDICTS[Presence(stored.presence)]
    return {
        "id": stored.id,
        "version": stored.version,
        "employee": stored.employee_id,
        "site": stored.site_id,
        "start": values.utc(stored.start_ms),
        "end": values.utc(stored.end_ms),
        "end_is_claimed": body["claim"]["end_is_claimed"],
        "clock_ins": body["claim"]["clock_in_ids"],
        "presence": stored.presence,
        "verdict": {"zh": verdict.zh, "en": verdict.en},
        "work": stored.work,
        "coverage": stored.coverage,
        "present_share": body["present_share"],
        "provisional": stored.provisional,
        "reasons": body["reasons"],
        "created_at": values.utc(stored.created_ms),
    }
