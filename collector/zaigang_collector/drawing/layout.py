"""Where things stand on the drawing, in pixels of its viewBox. Everything follows from how many rows
there are, so that two drawings of one kind look alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

WIDTH: Final = 960
LEFT: Final = 16
PLOT_LEFT: Final = 136
PLOT_RIGHT: Final = 856
PLOT: Final = PLOT_RIGHT - PLOT_LEFT
RIGHT: Final = PLOT_RIGHT + 8
LABEL_MOST: Final = PLOT_LEFT - LEFT - 8
STATE_MOST: Final = WIDTH - RIGHT - 4
LANE: Final = 26
BAR: Final = 11
"""A bar's height at most, up or down."""
POSTERIOR: Final = 100

_CLAIM_TOP: Final = 64
_CLAIM: Final = 42
_EXEMPT: Final = 20
_COVER: Final = 18
_STRIP: Final = 32
_LEGEND_ROW: Final = 18


@dataclass(frozen=True, slots=True)
class Layout:
    """The upper edge of each row."""

    claim: int
    exempt: int
    lanes: int
    cover: int
    posterior: int
    strip: int
    axis: int
    legend: int
    foot: int
    height: int

    def lane(self, number: int) -> int:
        """The line in the middle of a lane."""
        return self.lanes + number * LANE + LANE // 2

    def posterior_y(self, probability: float) -> float:
        return self.posterior + POSTERIOR * (1.0 - probability)


def laid_out(
    lanes: int, *, has_exemptions: bool, axis_rows: int, legend_rows: int, foot_rows: int
) -> Layout:
    """`axis_rows`: lines of text under the axis."""
    claim = _CLAIM_TOP
    exempt = claim + _CLAIM
    first = exempt + (_EXEMPT if has_exemptions else 0)
    cover = first + lanes * LANE
    posterior = cover + _COVER + 12
    strip = posterior + POSTERIOR + 10
    axis = strip + _STRIP
    legend = axis + 8 + axis_rows * 13 + 12
    foot = legend + legend_rows * _LEGEND_ROW + 6
    height = foot + foot_rows * 14 + 6
    return Layout(claim, exempt, first, cover, posterior, strip, axis, legend, foot, height)


LEGEND_ROW: Final = _LEGEND_ROW
