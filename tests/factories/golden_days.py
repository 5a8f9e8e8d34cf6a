"""Days whose assessments are kept in `tests/golden`, so that work on speed cannot change an answer.

Between them every signal speaks: for, against, and not at all.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from tests.factories import evidence as make
from tests.factories.evidence import (
    DAY_MIN,
    HOME_NET,
    START_MS,
    Story,
    at_home,
    at_site,
    in_cafe,
    off,
)
from zaigang_collector.matching.assess import assess
from zaigang_collector.matching.codec import encode
from zaigang_collector.matching.model import (
    Claim,
    Evidence,
    Exemption,
    IntegrityEvent,
    SensorOffset,
    SiteFacts,
    VantageSeen,
)
from zaigang_collector.matching.policy import default_policy

Inputs: TypeAlias = tuple[Claim, SiteFacts, Evidence]
_AIR: Final = (25.0, 50.0)
_BADGE: Final = b"badge-01"
HOUR_MS: Final = 3_600_000


def _told(*parts: make.Part, **changes: Any) -> Inputs:
    return make.claim(), make.site(), Story(parts, **changes).evidence()


def _in_other_air() -> Inputs:
    parts = (at_site(-20, 120, air=(25.3, 49.0)), at_home(150, DAY_MIN, air=(30.0, 50.0)))
    return _told(*parts, site_air=_AIR, site_swing_c=0.5, self_heat_c=1.5)


def _beside_the_site() -> Inputs:
    claim, site, evidence = _told(
        *make.honest_day(air=(25.9, 47.0), swing_c=0.5, swing_s=30.0),
        site_air=_AIR,
        site_swing_c=0.5,
    )
    return (
        dataclasses.replace(claim, sensor_offsets=(SensorOffset("carried", 0.3, 0.2),)),
        site,
        evidence,
    )


def _two_laptops() -> Inputs:
    other = Story((at_home(60, 300, link="ethernet"),), device_id="lap-2", error_ms=90_000)
    return _told(*make.honest_day(regular=False), more=(other,))


def _odd_beacons() -> Inputs:
    parts = (
        at_site(-20, 90, beacon_late_ms=600_000),
        at_site(90, 200, net=HOME_NET),
        at_site(200, 320, vpn=True, vantage=b"token", session="remote"),
        at_site(320, DAY_MIN, regular=True, scan_healthy=False, net=None, vantage=b"token"),
    )
    seen = {b"token": VantageSeen("203.0.113.7", START_MS + 330 * make.MINUTE_MS)}
    claim, site, evidence = _told(*parts, node_behind_ms=300_000, vantages=seen)
    return claim, dataclasses.replace(site, egress=("203.0.113.0/24",)), evidence


def _badge_and_events() -> Inputs:
    claim, site, evidence = _told(
        in_cafe(-20, 240), off(240, 300), at_site(300, DAY_MIN, active=1), complete_to_min=200,
        integrity=(IntegrityEvent("lap-1", "fork", START_MS, "two successors of one envelope"),),
    )  # fmt: skip
    away = make.point(-60, latitude=22.5431, longitude=114.0579)
    claim = dataclasses.replace(
        claim,
        badges=frozenset({_BADGE}),
        points=(make.point(0, latitude=31.0), make.point(DAY_MIN, mock_location=True)),
        flags=("duplicate_device",),
        elsewhere=(away,),
        elsewhere_ids=("out-0",),
        exemptions=(Exemption(START_MS + HOUR_MS, START_MS + 2 * HOUR_MS, "client_meeting"),),
    )
    node = make.with_badge(evidence.nodes[0], _BADGE)
    return claim, site, dataclasses.replace(evidence, nodes=(node,))


DAYS: Final[Mapping[str, Callable[[], Inputs]]] = {
    "honest": lambda: _told(*make.honest_day()),
    "left for home": lambda: _told(at_site(-20, 40), off(40, 70), at_home(70, DAY_MIN)),
    "in a café": lambda: _told(in_cafe(-20, DAY_MIN)),
    "in other air": _in_other_air,
    "beside the site, offset learnt": _beside_the_site,
    "two laptops": _two_laptops,
    "odd beacons": _odd_beacons,
    "badge and events": _badge_and_events,
    "badly dated": lambda: _told(*make.honest_day(), error_ms=200_000),
    "nothing": lambda: (make.claim(), make.site(), Evidence(known_to_ms=START_MS)),
}


def judged(day: str) -> dict[str, Any]:
    """What was answered, for people; and, for the last bit, the hash of all of it."""
    found = encode(assess(*DAYS[day](), default_policy()))
    whole = json.dumps(found, sort_keys=True, ensure_ascii=False).encode()
    return {
        "presence": found["presence"],
        "work": found["work"],
        "coverage": found["coverage"],
        "present_share": found["present_share"],
        "posteriors": found["posteriors"],
        "llr": {one["signal"]: one["llr"] for one in found["findings"]},
        "references": {one["signal"]: len(one["references"]) for one in found["findings"]},
        "reasons": [one["en"] for one in found["reasons"]],
        "sha256": hashlib.sha256(whole).hexdigest(),
    }
