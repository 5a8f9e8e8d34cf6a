"""The bars of the issue, held against what was measured. Each says how it was counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench.accuracy_run import SETS, Measured, Row
from tests.bench.accuracy_statistics import calibration_error, median, upper_bound
from zaigang_collector.matching.model import Presence

TWO_HOURS_MS: Final = 2 * 3_600_000
_AT_HOME: Final = ("left_for_home", "left_early", "never_there_home")
_FAKED: Final = ("never_there_home", "never_there_cafe", "never_there_unknown")
LIFE_SHARE: Final = 0.02
"""Share of cheats that a company may really have; the simulation has many more, to measure them."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of the table of bars."""

    what: str
    bar: str
    measured: str
    held: bool | None
    """None: nothing to measure."""


def share_of(rows: Sequence[Row], verdict: Presence) -> tuple[int, int]:
    return sum(row.verdict is verdict for row in rows), len(rows)


def seen(row: Row) -> bool:
    """A device or a badge that could have told: a healthy node, laptop on or badge carried."""
    return row.truth.node == "healthy" and (
        row.truth.laptop_on_share >= 0.5 or row.truth.carries_badge
    )


def bars(measured: Measured) -> list[Bar]:
    honest = [row for row in measured.rows if row.truth.honest]
    cheats = [row for row in measured.rows if not row.truth.honest]
    away = [row for row in cheats if row.truth.away_ms >= TWO_HOURS_MS]
    healthy = [row for row in away if row.truth.node == "healthy"]
    without = [row for row in away if row.truth.node != "healthy"]
    return [
        _accused("honest intervals contradicted, all nuisances", honest),
        _ablated(honest),
        _ablated_together(honest),
        _at_most("away 2 h or more, confirmed; node healthy", healthy, Presence.CONFIRMED, 0.01),
        _at_most("the same without a healthy node", without, Presence.CONFIRMED, 0.05),
        *_detected([row for row in away if seen(row)]),
        _at_least(
            "no node, no carried sensor: at home with a faked position, contradicted",
            [
                row
                for row in away
                if row.truth.node == "none"
                and not row.truth.carries_sensor
                and row.truth.kind == "never_there_home"
            ],
            0.60,
        ),
        _leaving(cheats),
        *_calibrated(measured),
    ]


def known(measured: Measured) -> list[Bar]:
    """The bars on detection once more, of people of whom there were days to learn from."""
    away = [
        row
        for row in measured.rows
        if not row.truth.honest and row.truth.away_ms >= TWO_HOURS_MS and row.truth.known_person
    ]
    return _detected([row for row in away if seen(row)])


def _detected(rows: Sequence[Row]) -> list[Bar]:
    def chosen(holds: Callable[[Row], bool]) -> list[Row]:
        return [row for row in rows if holds(row)]

    return [
        _at_least(
            "at home on a registered network, contradicted",
            chosen(lambda row: row.truth.kind in _AT_HOME and row.truth.home_registered),
            0.95,
        ),
        _at_least(
            "in a café or another unknown place, contradicted",
            chosen(
                lambda row: (
                    row.truth.kind in ("left_for_cafe", "never_there_cafe", "never_there_unknown")
                    or (row.truth.kind in _AT_HOME and not row.truth.home_registered)
                )
            ),
            0.80,
        ),
        _at_least(
            "never there with a faked position, contradicted",
            chosen(lambda row: row.truth.kind in _FAKED),
            0.90,
        ),
        _at_least(
            "all kinds that leave a trace, contradicted",
            chosen(lambda row: bool(row.truth.trace)),
            0.80,
        ),
        _never("laptop off all day, confirmed", chosen(lambda row: row.truth.kind == "laptop_off")),
    ]


def _accused(what: str, rows: Sequence[Row]) -> Bar:
    hits, total = share_of(rows, Presence.CONTRADICTED)
    upper = upper_bound(hits, total)
    words = (
        f"{hits} of {total} = {_per_mille(hits, total)}, upper bound {1000 * upper:.2f} in 1,000"
    )
    held = total > 0 and hits / total <= 0.001 and upper < 0.002
    return Bar(what, "at most 1 in 1,000, upper bound below 2", words, held)


def _ablated(honest: Sequence[Row]) -> Bar:
    """The worst of all sets of one or two signals taken away."""
    worst: tuple[float, int, int, tuple[str, ...]] | None = None
    for names in SETS:
        found = [verdict for row in honest for taken, verdict in row.without if taken == names]
        hits = sum(one is Presence.CONTRADICTED for one in found)
        if found and (worst is None or hits / len(found) > worst[0]):
            worst = hits / len(found), hits, len(found), names
    what = "the same with any one or two signals taken away, the worst"
    bar = "at most 1 in 1,000, upper bound below 2"
    if worst is None:
        return Bar(what, bar, "not measured", None)
    share, hits, total, names = worst
    upper = upper_bound(hits, total)
    words = (
        f"without {' and '.join(names)}: {hits} of {total} = {_per_mille(hits, total)}, "
        f"upper bound {1000 * upper:.2f} in 1,000"
    )
    return Bar(what, bar, words, share <= 0.001 and upper < 0.002)


def _ablated_together(honest: Sequence[Row]) -> Bar:
    """All those sets as one: a single set has too few intervals for its bound to be low."""
    found = [verdict for row in honest for _, verdict in row.without]
    hits, total = sum(one is Presence.CONTRADICTED for one in found), len(found)
    what = "the same over all sets of one or two signals together"
    bar = "at most 1 in 1,000, upper bound below 2"
    if not found:
        return Bar(what, bar, "not measured", None)
    upper = upper_bound(hits, total)
    words = (
        f"{hits} of {total} = {_per_mille(hits, total)}, upper bound {1000 * upper:.2f} in 1,000"
    )
    return Bar(what, bar, words, hits / total <= 0.001 and upper < 0.002)


def _at_most(what: str, rows: Sequence[Row], verdict: Presence, most: float) -> Bar:
    hits, total = share_of(rows, verdict)
    return Bar(
        what,
        f"at most {100 * most:g} %",
        percent(hits, total),
        hits / total <= most if total else None,
    )


def _at_least(what: str, rows: Sequence[Row], least: float) -> Bar:
    hits, total = share_of(rows, Presence.CONTRADICTED)
    return Bar(
        what,
        f"at least {100 * least:g} %",
        percent(hits, total),
        hits / total >= least if total else None,
    )


def _never(what: str, rows: Sequence[Row]) -> Bar:
    hits, total = share_of(rows, Presence.CONFIRMED)
    return Bar(what, "never", percent(hits, total), hits == 0 if total else None)


def _leaving(cheats: Sequence[Row]) -> Bar:
    errors = [row.leaving_error_min for row in cheats if row.leaving_error_min is not None]
    middle = median([abs(one) for one in errors])
    words = "nothing to measure" if middle is None else f"{middle:.1f} min ({len(errors)} cheats)"
    held = None if middle is None else middle <= 10
    return Bar("time of leaving, median error", "at most 10 min", words, held)


def _calibrated(measured: Measured) -> list[Bar]:
    """Where a third cheats, no posterior can be right that is right where one in fifty does."""
    raw, life = errors(measured)
    what, bar = "expected calibration error of the posterior", "at most 0.03"
    return [
        Bar(f"{what}, with {100 * LIFE_SHARE:g} % cheats", bar, f"{life:.4f}", life <= 0.03),
        Bar(f"{what}, as simulated (35 % cheats)", bar, f"{raw:.4f}", raw <= 0.03),
    ]


def errors(measured: Measured) -> tuple[float, float]:
    """Calibration error over all covered slots: as simulated, and weighted as in life."""
    honest, cheats = measured.honest, measured.cheats
    counted = max(1, sum(honest.slots)), max(1, sum(cheats.slots))
    weights = (1 - LIFE_SHARE) / counted[0], LIFE_SHARE / counted[1]
    mixed = [
        [weights[0] * a + weights[1] * b for a, b in zip(one, other, strict=True)]
        for one, other in (
            (honest.slots, cheats.slots),
            (honest.present, cheats.present),
            (honest.total, cheats.total),
        )
    ]
    plain = [
        [float(a + b) for a, b in zip(one, other, strict=True)]
        for one, other in (
            (honest.slots, cheats.slots),
            (honest.present, cheats.present),
            (honest.total, cheats.total),
        )
    ]
    return calibration_error(*plain), calibration_error(*mixed)


def percent(hits: int, total: int) -> str:
    return f"{100 * hits / total:.1f} % ({hits} of {total})" if total else "no case"


def _per_mille(hits: int, total: int) -> str:
    return f"{1000 * hits / total:.2f} in 1,000" if total else "no case"
