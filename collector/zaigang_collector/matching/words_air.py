"""The sentences of what the air says; see `matching.words`."""

from __future__ import annotations

from dataclasses import dataclass

from zaigang_collector.matching.model import Text
from zaigang_collector.matching.words import joined, length_en, length_zh


@dataclass(frozen=True, slots=True)
class Differs:
    """How far the air at the person was from that at the site: medians over slots."""

    dew_diff_k: float
    temp_diff_c: float
    sd_k: float


def environment(
    support_ms: int,
    against_ms: int,
    agreeing: Differs | None,
    differing: Differs | None,
    warmed_ms: int,
    missing: Text | None,
) -> Text:
    """`agreeing`, `differing`: of the slots that support and contradict; `warmed_ms`: dew points
    agree but temperatures do not; `missing`: why nothing was compared."""
    parts = []
    if support_ms and agreeing is not None:
        parts.append(
            Text(
                f"随身传感器处的空气与驻场地点相符 {length_zh(support_ms)}"
                f"（露点差 {_signed(agreeing.dew_diff_k)} K，两侧误差合计 ±{agreeing.sd_k:.1f} K）",
                f"the air at the carried sensor agreed with the site's for {length_en(support_ms)} "
                f"(dew points {_signed(agreeing.dew_diff_k)} K apart, ±{agreeing.sd_k:.1f} K by both "
                "sensors)",
            )
        )
    if against_ms and differing is not None:
        parts.append(
            Text(
                f"与驻场地点不符 {length_zh(against_ms)}（露点差 {_signed(differing.dew_diff_k)} K，"
                f"气温差 {_signed(differing.temp_diff_c)} °C，两侧误差合计 ±{differing.sd_k:.1f} K）",
                f"it differed from the site's for {length_en(against_ms)} (dew points "
                f"{_signed(differing.dew_diff_k)} K apart, temperatures "
                f"{_signed(differing.temp_diff_c)} °C, where both sensors together explain "
                f"±{differing.sd_k:.1f} K)",
            )
        )
    if warmed_ms:
        parts.append(
            Text(
                f"另有 {length_zh(warmed_ms)}只有气温不同、露点一致：传感器受热即可解释，不作判断",
                f"for {length_en(warmed_ms)} only the temperature differed and the dew point did "
                "not: a warmed sensor explains it, no opinion",
            )
        )
    if parts:
        return joined(parts)
    return missing or Text(
        "空气读数不足以判断，此项不作判断。", "The readings of the air decide nothing: no opinion."
    )


NO_SENSOR = Text(
    "没有随身传感器的读数，此项不作判断。", "No readings of a carried sensor: no opinion."
)
NO_SITE_AIR = Text(
    "驻场地点没有节点的空气读数，此项不作判断。",
    "No readings of the air at the site: no opinion.",
)


def movement(support_ms: int, against_ms: int) -> Text:
    parts = []
    if support_ms:
        parts.append(
            Text(
                f"随身传感器与驻场节点的气温同升同降 {length_zh(support_ms)}",
                f"temperatures at the carried sensor and at the site rose and fell together for "
                f"{length_en(support_ms)}",
            )
        )
    if against_ms:
        parts.append(
            Text(
                f"两处气温各自起伏、互不相关 {length_zh(against_ms)}，仅供参考，不作为认定依据",
                f"they moved independently for {length_en(against_ms)}, context only, never a "
                "ground for a verdict",
            )
        )
    if parts:
        return joined(parts)
    return Text("没有可以比较的气温起伏。", "No movement of temperatures to compare.")


def _signed(value: float) -> str:
    return f"{value:+.1f}"
