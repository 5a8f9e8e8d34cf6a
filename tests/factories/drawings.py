"""Assessments made by hand, and how texts stand on their drawing. Nothing here depends on a policy."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

from tests.factories import evidence as make
from zaigang_collector.drawing import svg
from zaigang_collector.drawing.picture import Bounds, Subject
from zaigang_collector.matching.model import (
    Assessment,
    Direction,
    Exemption,
    Family,
    Finding,
    Presence,
    Stretch,
    Text,
    Work,
)

SLOT_MS = 300_000
SUBJECT = Subject("王晓梅", "陆家嘴客户办公室", "Asia/Shanghai")
BOUNDS = Bounds(0.9, 0.05)
SVG = "{http://www.w3.org/2000/svg}"


def at(text: str, zone: str) -> int:
    """A local time as UTC ms."""
    local = dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return round(local.timestamp() * 1000)


def finding(signal: str, slots: Sequence[float], **changes: Any) -> Finding:
    total = sum(slots)
    values: dict[str, Any] = {
        "signal": signal,
        "family": Family.RADIO,
        "direction": Direction.SUPPORTS if total > 0 else Direction.CONTRADICTS,
        "llr": total,
        "text": Text(f"{signal} 的说明。", f"What {signal} says."),
        "slots": tuple(slots),
    }
    return Finding(**{**values, **changes})


def assessment(
    slots: Sequence[float], *, start_ms: int = make.START_MS, **changes: Any
) -> Assessment:
    """One signal, slot by slot; where it is silent nothing is known."""
    end_ms = start_ms + len(slots) * SLOT_MS
    posteriors = [0.999 if llr > 0 else 0.001 if llr < 0 else 0.4 for llr in slots]
    values: dict[str, Any] = {
        "claim": make.claim(start_ms=start_ms, end_ms=end_ms, points=()),
        "presence": Presence.UNVERIFIED,
        "work": Work.ACTIVE,
        "coverage": sum(map(bool, slots)) / len(slots),
        "present_share": None,
        "slot_ms": SLOT_MS,
        "posteriors": tuple(posteriors),
        "covered": tuple(map(bool, slots)),
        "stretches": stretches(start_ms, slots),
        "findings": (finding("beacon", slots),),
        "reasons": (Text("证据不足。", "Not enough evidence."),),
        "provisional": False,
        "policy_hash": "0123456789abcdef" * 4,
    }
    return Assessment(**{**values, **changes})


def stretches(start_ms: int, slots: Sequence[float]) -> tuple[Stretch, ...]:
    found = []
    for presence, group in itertools.groupby(enumerate(slots), lambda item: _presence(item[1])):
        run = [slot for slot, _ in group]
        from_ms, to_ms = start_ms + run[0] * SLOT_MS, start_ms + (run[-1] + 1) * SLOT_MS
        found.append(Stretch(from_ms, to_ms, presence, 0.5))
    return tuple(found)


def _presence(llr: float) -> Presence:
    if llr > 0:
        return Presence.CONFIRMED
    return Presence.CONTRADICTED if llr < 0 else Presence.UNVERIFIED


def a_full_one() -> Assessment:
    """Everything that a drawing can show, over midnight: the golden drawing's."""
    zone = "Asia/Shanghai"
    start_ms = at("2026-09-22T20:00", zone)
    beacon = [1.4] * 18 + [0.0] * 12 + [-0.8] * 36 + [0.0] * 6 + [1.4] * 24
    hands = [1.5] * 18 + [0.0] * 12 + [-1.5] * 36 + [0.0] * 6 + [0.02] * 12 + [3.5] * 12
    minute = make.MINUTE_MS
    exempt = Exemption(start_ms + 330 * minute, start_ms + 360 * minute, "client_meeting")
    parts = list(stretches(start_ms, beacon))
    parts[3] = Stretch(parts[3].from_ms, parts[3].to_ms, Presence.EXEMPT, 0.5)
    claim = make.claim(
        start_ms=start_ms,
        end_ms=start_ms + len(beacon) * SLOT_MS,
        points=(make.point(0, at_ms=start_ms, mock_location=True),),
        exemptions=(exempt,),
        end_is_claimed=False,
    )
    odd = Text("打卡来源标记了模拟定位。", "The source flagged a mock location.")
    return assessment(
        beacon,
        start_ms=start_ms,
        claim=claim,
        presence=Presence.CONTRADICTED,
        stretches=tuple(parts),
        findings=(
            finding("beacon", beacon),
            finding("hands", hands, family=Family.HANDS),
            finding("geofence", [0.0] * 96, direction=Direction.SILENT),
            finding(
                "integrity", (), family=Family.INTEGRITY, direction=Direction.CONTRADICTS, text=odd
            ),
        ),
    )


@dataclass(frozen=True)
class Box:
    """Where a text stands, at most: its width is an upper estimate."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    def touches(self, other: Box) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


def parsed(drawing: str) -> ET.Element:
    """Raises ParseError for what is not well-formed."""
    return ET.fromstring(drawing)  # noqa: S314  # our own


def texts(drawing: str) -> list[Box]:
    """All that is written on a drawing."""
    found = []
    for element in parsed(drawing).iter(SVG + "text"):
        size, written = float(element.attrib["font-size"]), element.text or ""
        wide, x = svg.width(written, size), float(element.attrib["x"])
        anchor = element.get("text-anchor", "start")
        left = x - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
        baseline = float(element.attrib["y"])
        found.append(Box(written, left, baseline - size * 0.8, left + wide, baseline + size * 0.2))
    return found


def view(drawing: str) -> Box:
    """The edges of the drawing."""
    left, top, right, bottom = map(float, parsed(drawing).attrib["viewBox"].split())
    return Box("", left, top, right, bottom)
