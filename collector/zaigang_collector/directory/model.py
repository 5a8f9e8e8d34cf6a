"""The values of the directory. Coordinates are WGS-84 degrees, days are local to the site."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass

from zaigang_shared.device_config import Shift


class SiteKind(enum.StrEnum):
    """What a place is to the company."""

    CLIENT = "client"
    BRANCH = "branch"
    HOME = "home"


class Language(enum.StrEnum):
    """In which a person is written to."""

    CHINESE = "zh"
    ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Site:
    """A place where people clock in."""

    id: str
    name: str
    kind: SiteKind
    time_zone: str
    """IANA name."""
    latitude: float | None = None
    longitude: float | None = None
    radius_m: float | None = None
    indoors: bool = True
    air_conditioned: bool = False


class NetworkKind(enum.StrEnum):
    """How a network is recognised."""

    GATEWAY = "gateway"
    """Keyed hash of the gateway's or the access point's MAC."""
    EGRESS = "egress"
    """Range of addresses from which the collector sees devices."""


@dataclass(frozen=True, slots=True)
class Network:
    """One way to recognise a network: `hash` for a gateway, `cidr` for an egress range."""

    kind: NetworkKind
    hash: bytes | None = None
    cidr: str | None = None

    @property
    def value(self) -> str:
        """As it is stored and written in CSV: hex digits or the range."""
        return self.hash.hex() if self.hash is not None else (self.cidr or "")


@dataclass(frozen=True, slots=True)
class Employee:
    """A person whose clock-ins are checked."""

    id: str
    name: str
    department: str
    language: Language
    time_zone: str
    """IANA name: of the shift and of the person's days."""
    shift: tuple[Shift, ...]
    """Working stretches of a week; minutes after local midnight."""


@dataclass(frozen=True, slots=True)
class KnownNetworks:
    """How a site, or a person's home as they registered it, is recognised."""

    networks: frozenset[bytes] = frozenset()
    """Keyed hashes."""
    egress: tuple[str, ...] = ()
    """Address ranges (CIDR), sorted."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """This person works at this site on these days, both included; `to_day` None: until further
    notice."""

    employee_id: str
    site_id: str
    from_day: dt.date
    to_day: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Learnt:
    """What confirmed days taught of a person at a site, and somebody accepted."""

    employee_id: str
    site_id: str
    name: str
    """`coverage`: share of a present person's slots in which the beacon is heard; `travels:` and a
    keyed hash: a registered home network that was seen at the site, value 1; `stays:`: one that
    never was; else a carried sensor: by how many K its dew point is above the site's."""
    value: float
    sd: float | None
    """Of a sensor's offset."""
    days: int
    """How many it rests on."""
    since_ms: int
    """When the first of these began, UTC: it was learnt with the devices of that time."""


class Change(enum.StrEnum):
    """What putting a value did."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
