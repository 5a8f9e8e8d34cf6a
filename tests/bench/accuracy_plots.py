"""Two plots as SVG, written by hand: no library draws a dozen lines better than a dozen lines do."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final
from xml.sax.saxutils import escape

WIDTH: Final = 480
HEIGHT: Final = 360
_LEFT, _TOP, _RIGHT, _BOTTOM = 56, 28, 16, 48
Point = tuple[float, float]
_INK, _FAINT, _BLUE, _RED = "#222", "#ddd", "#1f6fb2", "#b2341f"


class Plot:
    """Axes from 0 to 1 unless scaled; points are in the axes' units."""

    def __init__(self, title: str, x_label: str, y_label: str) -> None:
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'font-family="sans-serif" font-size="12" fill="{_INK}" role="img">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
            f'<text x="{WIDTH / 2}" y="18" text-anchor="middle" font-size="14">{escape(title)}</text>',
            f'<text x="{(_LEFT + WIDTH - _RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">'
            f"{escape(x_label)}</text>",
            f'<text x="14" y="{HEIGHT / 2}" text-anchor="middle" '
            f'transform="rotate(-90 14 {HEIGHT / 2})">{escape(y_label)}</text>',
        ]
        self.x: Callable[[float], float] = lambda value: value
        self.y: Callable[[float], float] = lambda value: value

    def ticks(self, xs: Sequence[tuple[float, str]], ys: Sequence[tuple[float, str]]) -> None:
        """Grid lines with their words."""
        for value, word in xs:
            at = self._x(value)
            self._line((at, _TOP), (at, HEIGHT - _BOTTOM), _FAINT)
            self._word(at, HEIGHT - _BOTTOM + 16, word, "middle")
        for value, word in ys:
            at = self._y(value)
            self._line((_LEFT, at), (WIDTH - _RIGHT, at), _FAINT)
            self._word(_LEFT - 6, at + 4, word, "end")

    def line(self, points: Sequence[Point], colour: str = _BLUE, dashed: bool = False) -> None:
        """Through the points, in order."""
        at = " ".join(f"{self._x(x):.1f},{self._y(y):.1f}" for x, y in points)
        dash = ' stroke-dasharray="4 4"' if dashed else ""
        self._parts.append(
            f'<polyline points="{at}" fill="none" stroke="{colour}" stroke-width="1.5"{dash}/>'
        )

    def dot(self, point: Point, radius: float, colour: str = _BLUE, word: str = "") -> None:
        x, y = self._x(point[0]), self._y(point[1])
        self._parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{colour}"/>')
        if word:
            self._word(x + 8, y + 4, word, "start")

    def svg(self) -> str:
        return "\n".join([*self._parts, "</svg>", ""])

    def _x(self, value: float) -> float:
        return _LEFT + self.x(value) * (WIDTH - _LEFT - _RIGHT)

    def _y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - self.y(value) * (HEIGHT - _TOP - _BOTTOM)

    def _line(self, a: Point, b: Point, colour: str) -> None:
        self._parts.append(
            f'<line x1="{a[0]:.1f}" y1="{a[1]:.1f}" x2="{b[0]:.1f}" y2="{b[1]:.1f}" '
            f'stroke="{colour}"/>'
        )

    def _word(self, x: float, y: float, word: str, anchor: str) -> None:
        self._parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(word)}</text>'
        )


_TENTHS: Final = tuple((step / 5, f"{step / 5:.1f}") for step in range(6))


def reliability(bins: Sequence[tuple[float, float, int]]) -> str:
    """`bins`: what was said, what was so, and how many slots; areas go with the logarithm."""
    plot = Plot("Reliability of the posterior", "posterior of presence", "share really present")
    plot.ticks(_TENTHS, _TENTHS)
    plot.line([(0, 0), (1, 1)], "#888", dashed=True)
    filled = [one for one in bins if one[2]]
    plot.line([(said, so) for said, so, _ in filled])
    for said, so, count in filled:
        plot.dot((said, so), 1 + math.log10(count))
    return plot.svg()


def trade_off(curve: Sequence[Point], verdict: Point, floor: float = 1e-5) -> str:
    """Detection against false accusation over all thresholds on one score, and what the verdict
    does. x is logarithmic; shares below `floor` (also none at all) stand at its left edge."""
    plot = Plot(
        "Detection against false accusation",
        "share of honest intervals accused (logarithmic)",
        "share of cheats found",
    )
    span = -math.log10(floor)
    plot.x = lambda value: 1 + math.log10(max(floor, value)) / span
    powers = [10.0**-power for power in range(round(span), -1, -1)]
    plot.ticks([(one, f"{one:g}") for one in powers], _TENTHS)
    plot.line(curve)
    plot.line([(1e-3, 0), (1e-3, 1)], _RED, dashed=True)
    plot.dot(verdict, 5, _RED, "the verdict")
    return plot.svg()
