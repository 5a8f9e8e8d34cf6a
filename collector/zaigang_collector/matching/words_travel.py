"""The sentences of the travel signal; see `matching.words`."""

from __future__ import annotations

from collections.abc import Sequence

from zaigang_collector.matching.model import Text
from zaigang_collector.matching.words import clockface, joined


def travel(steps: Sequence[tuple[int, int, float, float]], time_zone: str, located: int) -> Text:
    """`steps`: the times of two punches (UTC ms), metres between them, and the speed (km/h) that
    they need at least."""
    face = clockface(time_zone)
    parts = []
    for from_ms, to_ms, apart_m, kmh in steps:
        span = face.span(from_ms, to_ms)
        parts.append(
            Text(
                f"{span} 两次打卡相距至少 {apart_m / 1000:.1f} 公里，需要每小时 {kmh:.0f} 公里以上，"
                "两次打卡不可能都是本人在当地所打",
                f"two punches of {span} are at least {apart_m / 1000:.1f} km apart, which takes "
                f"more than {kmh:.0f} km/h: they cannot both be the same person's on the spot",
            )
        )
    if parts:
        return joined(parts)
    if located >= 2:
        return Text(
            "前后打卡的位置在时间上走得通。", "The way between the punches can be made in time."
        )
    return Text(
        "没有前后两次带坐标的打卡，此项不作判断。",
        "No two punches with coordinates: no opinion.",
    )
