"""The systems from which clock-ins come: who is silent since when, and what is no clock-in."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from zaigang_collector.access.model import Scope
from zaigang_collector.api import values
from zaigang_collector.api.assessments import TextOut
from zaigang_collector.api.deps import Given, Reads, needs
from zaigang_collector.api.problems import responses
from zaigang_collector.connectors import status
from zaigang_collector.connectors.aside import Why
from zaigang_collector.connectors.contract import Kind
from zaigang_collector.connectors.status import KindStatus, SourceStatus

router = APIRouter(
    prefix="/fleet/sources", tags=["fleet"], dependencies=[Depends(needs(Scope.READ_HEALTH))]
)


class KindOut(BaseModel):
    """One kind of what a source is asked for."""

    kind: Kind
    through: datetime | None = Field(description="Everything before this was read; null: nothing.")
    last_success_at: datetime | None
    next_at: datetime = Field(description="When it is asked again.")
    silence: TextOut | None = Field(
        description="Since when nothing comes, and why; null: it is heard.",
        examples=[
            {
                "zh": "钉钉的打卡记录自 10:05 起取不到：本月的调用次数用完了，请升级套餐，或把轮询间隔调大（90020）",
                "en": "DingTalk silent since 10:05 (punches): this month's calls are used up; buy more, or ask less often (90020)",
            }
        ],
    )


class AsideOut(BaseModel):
    """Records that are no clock-in."""

    why: Why
    records: int
    people: int
    newest_at: datetime = Field(description="When the newest of them was punched.")


class SourceOut(BaseModel):
    """One source."""

    source: str = Field(examples=["dingtalk"])
    kinds: list[KindOut]
    unmapped: int = Field(description="People of the source who are nobody of ours.")
    unanswered: list[str] = Field(description="Employees for whom it does not answer.")
    aside: list[AsideOut]
    oddities: list[str] = Field(examples=[["sourceType SELF_SERVICE"]])


class SourcesOut(BaseModel):
    items: list[SourceOut]


@router.get("", responses=responses(401, 403))
def sources(conn: Reads, given: Given) -> SourcesOut:
    """All that were ever asked."""
    found = status.sources(conn, given.clock.utc_ms())
    return SourcesOut(items=[_shown(one) for one in found])


def _shown(one: SourceStatus) -> SourceOut:
    return SourceOut(
        source=one.source,
        kinds=[_kind(kind) for kind in one.kinds],
        unmapped=len(one.unmapped),
        unanswered=list(one.unanswered),
        aside=[
            AsideOut(
                why=count.why,
                records=count.records,
                people=count.people,
                newest_at=values.utc(count.newest_ms),
            )
            for count in one.aside
        ],
        oddities=[what for what, _ in one.oddities],
    )


def _kind(one: KindStatus) -> KindOut:
    silence = one.silence
    return KindOut(
        kind=one.state.kind,
        through=values.utc_or_none(one.state.through_ms),
        last_success_at=values.utc_or_none(one.state.last_success_ms),
        next_at=values.utc(one.state.next_ms),
        silence=None if silence is None else TextOut(zh=silence.zh, en=silence.en),
    )
