"""What the shapes mean: a swatch and a few words each, in as many lines as it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from zaigang_collector.directory.model import Language
from zaigang_collector.drawing import labels, svg
from zaigang_collector.drawing.labels import say
from zaigang_collector.drawing.layout import LEFT, LEGEND_ROW, WIDTH
from zaigang_collector.drawing.svg import Canvas, fill, number, stroke

SIZE: Final = 11
_SWATCH: Final = 24
_GAP: Final = 18


def rows(keys: Sequence[str], language: Language) -> list[list[tuple[str, float]]]:
    """Lines of (key, x)."""
    found: list[list[tuple[str, float]]] = [[]]
    x = float(LEFT)
    for key in keys:
        wide = _SWATCH + 6 + svg.width(say(labels.LEGEND[key], language), SIZE)
        if found[-1] and x + wide > WIDTH - LEFT:
            found.append([])
            x = float(LEFT)
        found[-1].append((key, x))
        x += wide + _GAP
    return found


def draw(
    canvas: Canvas, top: int, lines: Sequence[Sequence[tuple[str, float]]], lang: Language
) -> None:
    """`lines`: what `rows` gave."""
    for line_number, line in enumerate(lines):
        y = top + line_number * LEGEND_ROW
        for key, x in line:
            _swatch(canvas, key, x, y)
            told = say(labels.LEGEND[key], lang)
            canvas.text(x + _SWATCH + 6, y + 10, told, size=SIZE, role="dim")


def _swatch(canvas: Canvas, key: str, x: float, y: int) -> None:
    middle = x + _SWATCH / 2
    if key == "support":
        canvas.rect(x, y, _SWATCH, 11, fill("support"))
    elif key == "against":
        canvas.rect(x, y, _SWATCH, 11, stroke("against"))
        canvas.path([svg.hatch(x, y, x + _SWATCH, y + 11, 4)], stroke("against", "1.2"))
    elif key == "silent":
        canvas.path([f"M{number(x)} {y + 6}h{_SWATCH}"], stroke("dim"))
    elif key == "uncovered":
        canvas.rect(x, y, _SWATCH, 11, fill("shade"))
    elif key == "exempt":
        canvas.path([svg.hatch(x, y, x + _SWATCH, y + 11, 8)], stroke("hatch"))
    elif key == "guess":
        canvas.path([f"M{number(x)} {y + 6}h{_SWATCH}"], stroke("ink", "1.5") + DOTTED)
    elif key == "punch":
        canvas.path([triangle(middle, y + 10)], fill("ink"))
    else:
        ring(canvas, middle, y + 6, mocked=key == "mock")


DOTTED: Final = ' stroke-dasharray="1.5 3"'


def triangle(x: float, y: float) -> str:
    """Points down, to (x, y)."""
    return f"M{number(x)} {number(y)}l-5 -8h10z"


def ring(canvas: Canvas, x: float, y: float, *, mocked: bool) -> None:
    """A punch's coordinates; crossed out when the source itself says that they are faked."""
    canvas.add(f'<circle cx="{number(x)}" cy="{number(y)}" r="4" {stroke("ink", "1.3")}/>')
    if mocked:
        left, right = number(x - 5), number(x + 5)
        low, high = number(y + 5), number(y - 5)
        steps = [f"M{left} {low}L{right} {high}M{left} {high}L{right} {low}"]
        canvas.path(steps, stroke("ink", "1.3"))
