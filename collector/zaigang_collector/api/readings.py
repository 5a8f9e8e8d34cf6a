"""The signed readings of an interval, decoded from the envelopes that are kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query, Response
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import Connection

from zaigang_collector.access.model import Scope
from zaigang_collector.api import values
from zaigang_collector.api.deps import Given, Looks, Opens, Reads, needs
from zaigang_collector.api.problems import ProblemError, Wrong, not_found, responses
from zaigang_collector.assessment import store
from zaigang_collector.devices import service as devices
from zaigang_collector.directory import carried
from zaigang_collector.directory.carried import Worn
from zaigang_collector.errors import ConflictError
from zaigang_collector.ingest import service
from zaigang_collector.ingest.model import StoredEnvelope
from zaigang_collector.vault.service import Vault

router = APIRouter(tags=["readings"], dependencies=[Depends(needs(Scope.READ_READINGS))])

SPAN_MAX_MS = 7 * 24 * 3_600_000  # decoding a week of one device takes about a second

_Start = Annotated[AwareDatetime, Query(alias="from", examples=["2026-09-21T09:00:00+08:00"])]
_End = Annotated[AwareDatetime, Query(examples=["2026-09-21T18:00:00+08:00"])]


class ReadingOut(BaseModel):
    """One observation. Bytes are written in hex."""

    envelope: str = Field(description="SHA-256 of the envelope that holds it, hex.")
    index: int = Field(description="Its place among the envelope's readings.")
    at: datetime = Field(description="Its end, on the collector's time line.")
    error_ms: int = Field(description="The truth lies in at ± error_ms.")
    kind: str | None = Field(description="null: of a later version, kept and skipped.")
    content: dict[str, Any] | None = Field(
        examples=[{"active": 3, "locked": False, "session": "local"}]
    )


class EnvelopeOut(BaseModel):
    """The time bracket of an envelope, and where its bytes are."""

    sha256: str
    seq: int
    not_before: datetime | None = Field(description="Time of the receipt that it quotes.")
    arrived: datetime
    reconstructed: bool = Field(description="It waited on the device; its time is derived.")


class ReadingsOut(BaseModel):
    device: str
    envelopes: list[EnvelopeOut]
    readings: list[ReadingOut]


class EvidenceOut(BaseModel):
    """One entry for each stretch in which a device was the person's, or stood at the site."""

    devices: list[ReadingsOut]


@router.get("/devices/{device_id}/readings", responses=responses(401, 403, 404, 422))
def of_device(
    device_id: str, conn: Reads, vault: Opens, looks: Looks, from_: _Start, to: _End
) -> ReadingsOut:
    """All readings of a device in a stretch of at most seven days."""
    from_ms, to_ms = values.to_ms(from_), values.to_ms(to)
    if not 0 < to_ms - from_ms <= SPAN_MAX_MS:
        wrong = Wrong(where="query.to", expected="after `from`, by seven days at most")
        raise ProblemError(422, "This stretch cannot be read.", [wrong])
    if devices.get(conn, device_id) is None:
        raise not_found("device", "/api/v1/devices")
    found = _of_stretch(conn, vault, device_id, from_ms, to_ms)
    whose = {
        *_whose(conn, device_id, from_ms, to_ms),
        *carried.wearers(conn, _badges(found.readings), from_ms, to_ms),
    }
    looks.at(f"readings of {device_id}, {from_.isoformat()} to {to.isoformat()}", whose)
    return found


def _badges(readings: Iterable[ReadingOut]) -> set[bytes]:
    """Identifiers of the badges that were heard: each is somebody's."""
    return {badge for one in readings if (badge := _badge(one)) is not None}


def _badge(one: ReadingOut) -> bytes | None:
    content = one.content or {}
    return bytes.fromhex(content["id"]) if content.get("scheme") == "badge" else None


def _whose(conn: Connection, device_id: str, from_ms: int, to_ms: int) -> list[str]:
    """Whose laptop it was in the stretch; nobody's for a node."""
    return [
        one.employee_id
        for one in devices.holdings_of_devices(conn, [device_id])
        if one.employee_id is not None
        and one.from_ms < to_ms
        and (one.to_ms is None or one.to_ms > from_ms)
    ]


def _of_stretch(
    conn: Connection, vault: Vault, device_id: str, from_ms: int, to_ms: int
) -> ReadingsOut:
    envelopes = service.envelopes_between(conn, vault, device_id, from_ms, to_ms)
    readings = [
        one
        for envelope in envelopes
        for one in _readings(envelope)
        if from_ms <= values.to_ms(one.at) < to_ms
    ]
    return ReadingsOut(
        device=device_id,
        envelopes=[_envelope(one) for one in envelopes],
        readings=sorted(readings, key=lambda one: (one.at, one.envelope, one.index)),
    )


@router.get("/assessments/{assessment_id}/readings", responses=responses(401, 403, 404))
def of_assessment(assessment_id: str, conn: Reads, vault: Opens, looks: Looks) -> EvidenceOut:
    """All readings of the person's laptops and of the site's nodes in an assessed interval, but for
    the badges of others, which nodes hear as well."""
    found = store.get(conn, vault, assessment_id)
    if found is None:
        raise not_found("assessment", "/api/v1/assessments")
    looks.at(f"readings behind assessment {assessment_id}", [found.employee_id])
    span = found.start_ms, found.end_ms
    holdings = (
        *devices.holdings_of_employee(conn, found.employee_id, *span),
        *devices.holdings_of_site(conn, found.site_id, *span),
    )
    worn = carried.badges_worn(conn, found.employee_id, *span)
    stretches = [
        _of_stretch(
            conn,
            vault,
            one.device_id,
            max(one.from_ms, span[0]),
            min(one.to_ms or span[1], span[1]),
        )
        for one in holdings
    ]
    for stretch in stretches:
        stretch.readings = [one for one in stretch.readings if _is_theirs(one, worn)]
    return EvidenceOut(devices=stretches)


def _is_theirs(reading: ReadingOut, worn: Sequence[Worn]) -> bool:
    """Whether it is no badge, or was one of the person's when it was heard."""
    badge, at_ms = _badge(reading), values.to_ms(reading.at)
    return badge is None or any(
        one.identifier == badge
        and one.from_ms <= at_ms
        and (one.to_ms is None or at_ms < one.to_ms)
        for one in worn
    )


@router.get(
    "/envelopes/{sha256}",
    response_class=Response,
    responses={
        200: {"content": {"application/cose": {}}, "description": "The signed bytes, as received"},
        **responses(401, 403, 404, 422),
    },
)
def envelope_bytes(sha256: values.Sha256, conn: Reads, vault: Opens, looks: Looks) -> Response:
    """One envelope, byte for byte as the device signed it: verify it yourself."""
    envelope = service.envelope_by_digest(conn, vault, bytes.fromhex(sha256))
    if envelope is None:
        raise not_found("envelope", "/api/v1/devices/{device}/readings")
    # Sealed before it arrived, and not before the receipt that it quotes.
    span = envelope.not_before_ms or 0, envelope.arrived_ms + 1
    whose = {
        *_whose(conn, envelope.device_id, *span),
        *carried.wearers(conn, _badges(_readings(envelope)), *span),
    }
    looks.at(f"envelope {envelope.seq} of {envelope.device_id}", whose)
    headers = {"etag": f'"{sha256}"', "cache-control": "private, immutable"}
    return Response(envelope.data, media_type="application/cose", headers=headers)


@router.get(
    "/assessments/{assessment_id}/bundle",
    response_class=Response,
    responses={
        200: {"content": {"application/zip": {}}, "description": "For zaigang-verify"},
        **responses(401, 403, 404, 409),
    },
)
def bundle(assessment_id: str, given: Given, conn: Reads, vault: Opens, looks: Looks) -> Response:
    """An assessment with all its evidence in one file that anybody can check offline."""
    found = store.get(conn, vault, assessment_id)
    if found is None:
        raise not_found("assessment", "/api/v1/assessments")
    looks.at(f"evidence bundle of assessment {assessment_id}", [found.employee_id])
    try:
        data = given.bundle(assessment_id, looks.why)
    except ConflictError as error:
        raise ProblemError(409, f"{error}.") from error
    name = f'attachment; filename="{assessment_id}.zip"'
    return Response(data, media_type="application/zip", headers={"content-disposition": name})


def _readings(envelope: StoredEnvelope) -> list[ReadingOut]:
    return [
        ReadingOut(
            envelope=envelope.digest.hex(),
            index=one.index,
            at=values.utc(one.at_ms),
            error_ms=one.error_ms,
            kind=None if one.reading is None else str(one.reading.__struct_config__.tag),
            content=None if one.reading is None else _content(one.reading),
        )
        for one in envelope.readings
    ]


def _content(reading: msgspec.Struct) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(reading, builtin_types=(bytes,))
    return {
        name: value.hex() if isinstance(value, bytes) else value
        for name, value in fields.items()
        if name != "k"
    }


def _envelope(one: StoredEnvelope) -> EnvelopeOut:
    return EnvelopeOut(
        sha256=one.digest.hex(),
        seq=one.seq,
        not_before=values.utc_or_none(one.not_before_ms),
        arrived=values.utc(one.arrived_ms),
        reconstructed=one.reconstructed,
    )
