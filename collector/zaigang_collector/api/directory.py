"""Sites and people."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from zaigang_collector import beacon_ids
from zaigang_collector.access.model import Scope
from zaigang_collector.api import values
from zaigang_collector.api.deps import Looks, Reads, Seen, needs
from zaigang_collector.api.problems import not_found, responses
from zaigang_collector.devices import service as devices
from zaigang_collector.directory import carried, service
from zaigang_collector.directory.model import Employee, Language, Site, SiteKind

sites = APIRouter(
    prefix="/sites", tags=["sites"], dependencies=[Depends(needs(Scope.READ_DIRECTORY))]
)
people = APIRouter(
    prefix="/people", tags=["people"], dependencies=[Depends(needs(Scope.READ_DIRECTORY))]
)


class SiteOut(BaseModel):
    """A place where people clock in."""

    id: str = Field(examples=["lujiazui"])
    name: str = Field(examples=["陆家嘴客户办公室"])
    kind: SiteKind
    time_zone: str = Field(examples=["Asia/Shanghai"])
    latitude: float | None = Field(description="WGS-84 degrees.", examples=[31.2397])
    longitude: float | None = Field(description="WGS-84 degrees.", examples=[121.4998])
    radius_m: float | None = Field(description="Of the geofence.", examples=[150])
    indoors: bool
    air_conditioned: bool


class SiteDetail(SiteOut):
    networks: list[str] = Field(description="Keyed hashes of its gateways, hex.")
    egress: list[str] = Field(description="Address ranges from which it is seen, CIDR.")
    nodes: list[str] = Field(description="Ids of its site nodes.")


class ShiftOut(BaseModel):
    weekday: int = Field(description="0 Monday to 6 Sunday.")
    from_min: int = Field(description="Minutes after local midnight.", examples=[540])
    to_min: int = Field(description="The same; over 1440 ends on the next day.", examples=[1080])


class PersonOut(BaseModel):
    """A person whose clock-ins are checked."""

    id: str = Field(examples=["E001"])
    name: str = Field(examples=["王晓梅"])
    department: str
    language: Language
    time_zone: str = Field(description="Of the shift.", examples=["Asia/Shanghai"])
    shift: list[ShiftOut]


class AssignmentOut(BaseModel):
    site: str
    from_day: str = Field(examples=["2026-09-21"])
    to_day: str | None = Field(description="Last day; null: until further notice.")


class CarriedOut(BaseModel):
    """A Bluetooth badge or thermometer."""

    id: str = Field(examples=["badge-17"])
    format: str = Field(description="ibeacon, altbeacon, eddystone; bthome, ruuvi, atc.")
    identifier: str = Field(examples=["54:48:E6:8F:80:A5"])


class PersonDetail(PersonOut):
    assignments: list[AssignmentOut]
    home_networks_registered: int = Field(description="How many; a home is never named.")
    carried: list[CarriedOut] = Field(description="What is registered to the person now.")


@sites.get("", responses=responses(401, 403, 422))
def list_sites(
    conn: Reads,
    request: Request,
    limit: values.Limit = values.LIMIT_DEFAULT,
    cursor: values.Cursor = None,
) -> values.Page[SiteOut]:
    """Sites by id."""
    found = service.list_sites(conn, values.id_cursor(cursor) or "", limit + 1)
    listed = values.page(found, limit, lambda one: (one.id,))
    return values.Page(items=[_site(one) for one in listed.items], next=listed.next)


@sites.get("/{site_id}", response_model=SiteDetail, responses=responses(401, 403, 404))
def get_site(site_id: str, conn: Reads, request: Request) -> Response:
    """One site with its networks and nodes."""
    site = service.get_site(conn, site_id)
    if site is None:
        raise not_found("site", "/api/v1/sites")
    return values.tagged(request, _site_detail(conn, site))


@people.get("", responses=responses(401, 403, 422))
def list_people(
    conn: Reads,
    looks: Looks,
    seen: Seen,
    limit: values.Limit = values.LIMIT_DEFAULT,
    cursor: values.Cursor = None,
) -> values.Page[PersonOut]:
    """People by id."""
    found = service.list_employees(conn, values.id_cursor(cursor) or "", limit + 1, seen)
    listed = values.page(found, limit, lambda one: (one.id,))
    looks.at("the list of people", [one.id for one in listed.items])
    return values.Page(items=[_person(one) for one in listed.items], next=listed.next)


@people.get("/{person_id}", response_model=PersonDetail, responses=responses(401, 403, 404))
def get_person(person_id: str, conn: Reads, looks: Looks, request: Request) -> Response:
    """One person with their assignments."""
    employee = service.get_employee(conn, person_id)
    if employee is None:
        raise not_found("person", "/api/v1/people")
    homes = service.home_places(conn, person_id)
    answer = PersonDetail(
        **_person(employee).model_dump(),
        assignments=[
            AssignmentOut(
                site=one.site_id,
                from_day=one.from_day.isoformat(),
                to_day=None if one.to_day is None else one.to_day.isoformat(),
            )
            for one in service.assignments_of(conn, person_id)
        ],
        home_networks_registered=len(homes.networks) + len(homes.egress),
        carried=[
            CarriedOut(
                id=one.id,
                format=one.format,
                identifier=beacon_ids.written(one.format, one.identifier),
            )
            for one in carried.of_employee(conn, person_id)
        ],
    )
    looks.at("directory entry and assignments", [person_id])
    return values.tagged(request, answer)


def _site(site: Site) -> SiteOut:
    return SiteOut(
        id=site.id,
        name=site.name,
        kind=site.kind,
        time_zone=site.time_zone,
        latitude=site.latitude,
        longitude=site.longitude,
        radius_m=site.radius_m,
        indoors=site.indoors,
        air_conditioned=site.air_conditioned,
    )


def _site_detail(conn: Connection, site: Site) -> SiteDetail:
    known = service.networks_of_site(conn, site.id)
    return SiteDetail(
        **_site(site).model_dump(),
        networks=sorted(network.hex() for network in known.networks),
        egress=list(known.egress),
        nodes=[node.id for node in devices.nodes_of_site(conn, site.id)],
    )


def _person(employee: Employee) -> PersonOut:
    return PersonOut(
        id=employee.id,
        name=employee.name,
        department=employee.department,
        language=employee.language,
        time_zone=employee.time_zone,
        shift=[
            ShiftOut(weekday=one.weekday, from_min=one.from_min, to_min=one.to_min)
            for one in employee.shift
        ],
    )
