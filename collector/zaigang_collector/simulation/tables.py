"""The files of a simulated company, in the formats that `sites import` and its sisters read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from zaigang_collector.simulation.company import Company
from zaigang_collector.simulation.emit import Told
from zaigang_collector.simulation.people import Person
from zaigang_collector.simulation.script import Script

Row = Mapping[str, str]


def text_of(rows: Sequence[Row]) -> str:
    """CSV with a heading; at least one row."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def sites(company: Company) -> list[Row]:
    return [
        {
            "id": one.site_id,
            "name": one.name,
            "kind": "client",
            "time_zone": one.time_zone,
            "latitude": f"{one.latitude:.6f}",
            "longitude": f"{one.longitude:.6f}",
            "datum": "WGS-84",
            "radius_m": f"{one.radius_m:.0f}",
            "indoors": "yes",
            "air_conditioned": "no" if one.rooms[0].air.cooling == "none" else "yes",
        }
        for one in company.sites
    ]


def people(company: Company) -> list[Row]:
    return [
        {
            "id": one.employee_id,
            "name": one.name,
            "department": one.role,
            "language": "en",
            "time_zone": company.site(one.site_id).time_zone,
            "shift": f"Mon-Sun {_clock(one.shift_from_min)}-{_clock(one.shift_to_min)}",
        }
        for one in company.people
    ]


def networks(company: Company) -> list[Row]:
    """What the company and its people registered; gateways by their (made-up) hardware address."""
    rows: list[Row] = []
    for site in company.sites:
        rows += [_network(site.site_id, "", gateway_mac=_mac(mac)) for mac in site.gateways]
        rows.append(_network(site.site_id, "", egress=site.egress))
    for person in company.people:
        rows += _homes(person)
    return rows


def assignments(company: Company) -> list[Row]:
    first = company.first_day.isoformat()
    return [
        {"employee_id": one.employee_id, "site_id": one.site_id, "from_day": first, "to_day": ""}
        for one in company.people
    ]


def clock_ins(script: Script) -> list[Row]:
    """A person's punches of one day."""
    return [
        {
            "employee": script.person.employee_id,
            "site": script.person.site_id,
            "direction": punch.direction,
            "punched_at": _iso(script.utc_ms(punch.minute)),
            "source": "simulation",
            "source_id": f"{script.person.employee_id}-{script.day}-{punch.direction}",
            "latitude": "" if punch.latitude is None else f"{punch.latitude:.6f}",
            "longitude": "" if punch.longitude is None else f"{punch.longitude:.6f}",
            "datum": "" if punch.latitude is None else "WGS-84",
            "accuracy_m": "" if punch.accuracy_m is None else f"{punch.accuracy_m:.0f}",
            "flags": "mock_location" if punch.mock else "",
        }
        for punch in script.punches
    ]


def truth(told: Told) -> Row:
    """What nobody but the simulation knows."""
    script, known = told.script, told.truth
    return {
        "employee": script.person.employee_id,
        "site": script.person.site_id,
        "day": script.date.isoformat(),
        "start": _iso(script.utc_ms(script.start_min)),
        "end": _iso(script.utc_ms(script.end_min)),
        "kind": known.kind,
        "nuisances": " ".join(known.nuisances),
        "really_there": " ".join(f"{_iso(low)}/{_iso(high)}" for low, high in known.at_site_ms),
        "left": "" if known.left_ms is None else _iso(known.left_ms),
        "place": known.place,
        "trace": " ".join(sorted(known.trace)),
        "node": known.node,
    }


def _homes(person: Person) -> Iterable[Row]:
    if person.home_registered:
        yield _network("", person.employee_id, gateway_mac=_mac(person.home_gateway))
        if person.hotspot_at_home:
            yield _network("", person.employee_id, gateway_mac=_mac(person.hotspot_gateway))
    if person.home_egress_registered:
        yield _network("", person.employee_id, egress=f"{person.home_address}/32")


def _network(site_id: str, employee_id: str, gateway_mac: str = "", egress: str = "") -> Row:
    return {
        "site_id": site_id,
        "employee_id": employee_id,
        "gateway_mac": gateway_mac,
        "egress": egress,
    }


def _mac(address: bytes) -> str:
    return ":".join(f"{byte:02x}" for byte in address)


def _clock(minute: int) -> str:
    return f"{minute // 60 % 24:02}:{minute % 60:02}"


def _iso(utc_ms: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=utc_ms)
    return moment.isoformat(timespec="seconds")
