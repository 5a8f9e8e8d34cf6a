"""The networks of a life: the site's, the guests', a phone's, home's, a café's, and tunnels."""

from __future__ import annotations

import dataclasses

from zaigang_collector.simulation.company import Company
from zaigang_collector.simulation.people import Person, gateway
from zaigang_collector.simulation.places import SiteSpec
from zaigang_collector.simulation.plan import Link
from zaigang_collector.simulation.streams import Stream, secret


def site(person: Person, spec: SiteSpec, draw: Stream) -> Link:
    """Cable or Wi-Fi at the desk; some sit in the guests' network."""
    if person.guest:
        return Link("wifi", spec.guest_gateway, egress_of(spec))
    return Link("ethernet" if person.wired else "wifi", draw.choice(spec.gateways), egress_of(spec))


def egress_of(spec: SiteSpec) -> str:
    """One address of the site's range."""
    head, _, last = spec.egress.partition("/")[0].rpartition(".")
    return f"{head}.{int(last) + 2}"


def home(person: Person) -> Link:
    """The router at home, or the phone where that is all there is."""
    if person.hotspot_at_home:
        return hotspot(person)
    return Link("wifi", person.home_gateway, person.home_address)


def hotspot(person: Person) -> Link:
    """The phone as seen by the laptop: Wi-Fi, with a carrier's address."""
    number = secret(0, "carrier", person.employee_id)[0]
    return Link("wifi", person.hotspot_gateway, f"100.64.{number}.{number % 200 + 2}")


def cafe(company: Company, draw: Stream) -> Link:
    """Any of a city's cafés: a network that nobody registered."""
    number = draw.randint(0, 999)
    return Link("wifi", gateway(company.seed, "cafe", str(number)), f"198.18.0.{number % 250 + 1}")


def elsewhere(company: Company, draw: Stream) -> Link:
    """A flat of friends, another client, a hotel."""
    number = draw.randint(0, 9999)
    return Link(
        "wifi", gateway(company.seed, "elsewhere", str(number)), f"198.19.0.{number % 250 + 1}"
    )


def tunnelled(link: Link, company: Company) -> Link:
    """Through the company's VPN: the gateway is still the one next to the laptop."""
    return dataclasses.replace(link, vpn=True, egress=company.vpn_egress)


def bridged(spec: SiteSpec, draw: Stream) -> Link:
    """A tunnel into the office that shows the office's own gateway, as layer-2 tunnels do."""
    return Link("wifi", draw.choice(spec.gateways), egress_of(spec), vpn=True)
