"""The sheet that is drawn on: where times and rows stand on it, and in which language it speaks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from zaigang_collector.directory.model import Language
from zaigang_collector.drawing import svg
from zaigang_collector.drawing.labels import say
from zaigang_collector.drawing.layout import (
    LABEL_MOST,
    LEFT,
    PLOT,
    PLOT_LEFT,
    RIGHT,
    STATE_MOST,
    Layout,
)
from zaigang_collector.drawing.picture import Picture
from zaigang_collector.drawing.scale import Change, Tick
from zaigang_collector.drawing.svg import Canvas
from zaigang_collector.matching.model import Text

NAME: Final = 12.5
SMALL: Final = 10.5


@dataclass(frozen=True, slots=True)
class Page:
    """What all parts of the drawing share. They add to `canvas`, from the back to the front."""

    seen: Picture
    language: Language
    ticks: list[Tick]
    changes: list[Change]
    at: Layout
    canvas: Canvas = field(default_factory=Canvas)

    def say(self, text: Text) -> str:
        return say(text, self.language)

    def x(self, at_ms: int) -> float:
        """Whole tenths of a pixel, so that no machine rounds otherwise. Clipped to the plot."""
        seen = self.seen
        length_ms = seen.end_ms - seen.start_ms
        inside = min(max(at_ms, seen.start_ms), seen.end_ms) - seen.start_ms
        return (PLOT_LEFT * 10 + inside * PLOT * 10 // length_ms) / 10

    def edge(self, slot: int) -> float:
        return self.x(self.seen.slot_ms(slot))

    def row_name(self, y: float, name: str, right: str = "", *, role: str = "ink") -> None:
        """`y`: the baseline."""
        self.canvas.text(LEFT, y, svg.shortened(name, NAME, LABEL_MOST), size=NAME, role=role)
        if right:
            told = svg.shortened(right, SMALL, STATE_MOST)
            self.canvas.text(RIGHT, y, told, size=SMALL, role="dim")

    def centred(self, left: float, right: float, y: float, choices: list[str]) -> None:
        """The first of the choices that fits; none when none does."""
        for told in choices:
            if told and svg.width(told, 10) <= right - left - 2:
                self.canvas.text((left + right) / 2, y, told, size=10, anchor="middle")
                return
