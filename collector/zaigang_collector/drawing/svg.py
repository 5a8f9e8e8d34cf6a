"""The little of SVG that a drawing needs: text that cannot break out, shapes, and how wide text is.

Colours are presentation attributes, which every renderer knows, paper too. A browser puts CSS
variables over them, so that a page can give its own colours, and dark ones where it is dark.
Hatching is drawn line by line: patterns have ids, which clash when a page holds several drawings,
and many PDF renderers leave them out.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from zaigang_collector.directory.model import Language

# Names only: nothing is fetched, and what is not there is passed over. Chinese ones first where the
# drawing is Chinese: some renderers know no other than the first, and draw boxes for its missing signs.
_CHINESE: Final = "Noto Sans CJK SC,Source Han Sans SC,PingFang SC,Microsoft YaHei"
_LATIN: Final = "Helvetica Neue,Helvetica,Arial"
FONTS: Final[Mapping[Language, str]] = {
    Language.CHINESE: f"{_CHINESE},{_LATIN},sans-serif",
    Language.ENGLISH: f"{_LATIN},{_CHINESE},sans-serif",
}
# Role: light, dark. The blue and the vermilion are of Okabe and Ito's palette, which people with
# any of the common colour blindnesses tell apart; shape and hatching say the same in grey.
COLOURS: Final[Mapping[str, tuple[str, str]]] = {
    "paper": ("#ffffff", "#14171c"),
    "ink": ("#1b1f24", "#e6eaef"),
    "dim": ("#57606a", "#a3adb8"),
    "line": ("#d0d7de", "#3a424c"),
    "shade": ("#eceff2", "#23282f"),
    "hatch": ("#a5adb6", "#59626d"),
    "support": ("#0072b2", "#5cb3ea"),
    "against": ("#d55e00", "#ff9a52"),
}


def style() -> str:
    """CSS over the attributes, for renderers that know variables; others skip all of it."""
    light = "".join(_rules(name, pair[0]) for name, pair in COLOURS.items())
    dark = "".join(_rules(name, pair[1]) for name, pair in COLOURS.items())
    return (
        "<style>@supports (fill:var(--x)){"
        + light
        + "@media screen and (prefers-color-scheme:dark){"
        + dark
        + "}}</style>"
    )


def _rules(name: str, colour: str) -> str:
    value = f"var(--zg-{name},{colour})"
    return f".zg-f-{name}{{fill:{value}}}.zg-s-{name}{{stroke:{value}}}"


def fill(name: str) -> str:
    """Attributes that fill with a role's colour."""
    return f'fill="{COLOURS[name][0]}" class="zg-f-{name}"'


def stroke(name: str, width: str = "1") -> str:
    """Attributes that draw a line in a role's colour."""
    return f'fill="none" stroke="{COLOURS[name][0]}" stroke-width="{width}" class="zg-s-{name}"'


def printable(text: str) -> str:
    """Without what XML does not take, or what turns the direction of what follows."""
    return "".join(one if one.isprintable() else "\ufffd" for one in text)


def safe(text: str) -> str:
    """As the content of an element."""
    return escape(printable(text))


def attribute(text: str) -> str:
    """As the value of an attribute, with its quotes."""
    return quoteattr(printable(text))


def number(value: float) -> str:
    """To a tenth of a pixel, as short as it goes."""
    text = f"{value:.1f}"
    return text.removesuffix(".0")


def width(text: str, size: float) -> float:
    """At most how wide text is, in pixels: no font is asked, as none is known."""
    return size * sum(_em(one) for one in text)


def _em(one: str) -> float:
    if unicodedata.east_asian_width(one) in "WF":
        return 1.0
    if unicodedata.combining(one):
        return 0.0
    if not one.isascii():
        return 1.0  # an unknown script or a dash: rather too wide
    if one in " .,:;!|()[]'il":
        return 0.34
    if one in "%@MW":
        return 0.95
    return 0.74 if one.isupper() or one in "mw&" else 0.58


def shortened(text: str, size: float, most: float) -> str:
    """Cut, with an ellipsis, to a width in pixels."""
    text = printable(text)
    if width(text, size) <= most:
        return text
    kept = text
    while kept and width(kept, size) + size > most:
        kept = kept[:-1]
    return kept + "…"


@dataclass(slots=True)
class Canvas:
    """Collects elements; nothing is ever taken back."""

    parts: list[str] = field(default_factory=list)

    def add(self, *parts: str) -> None:
        self.parts.extend(parts)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float,
        role: str = "ink",
        anchor: str = "start",
        bold: bool = False,
    ) -> None:
        """`y` is the baseline."""
        more = "" if anchor == "start" else f' text-anchor="{anchor}"'
        more += ' font-weight="600"' if bold else ""
        self.add(
            f'<text x="{number(x)}" y="{number(y)}" font-size="{number(size)}" {fill(role)}{more}>'
            f"{safe(text)}</text>"
        )

    def rect(self, x: float, y: float, w: float, h: float, attributes: str) -> None:
        self.add(
            f'<rect x="{number(x)}" y="{number(y)}" width="{number(w)}" height="{number(h)}" '
            f"{attributes}/>"
        )

    def path(self, steps: Iterable[str], attributes: str) -> None:
        """Nothing, when there are no steps."""
        drawn = "".join(steps)
        if drawn:
            self.add(f'<path d="{drawn}" {attributes}/>')


def hatch(x0: float, y0: float, x1: float, y1: float, gap: int) -> str:
    """Diagonals, lower left to upper right, that fill a rectangle: steps of a path. Neighbours
    that touch continue each other's lines."""
    steps = []
    # A line x + y = c crosses the rectangle for c between the sums at two of its corners.
    for c in range(math.ceil((x0 + y0) / gap) * gap, math.floor(x1 + y1) + 1, gap):
        left, right = max(x0, c - y1), min(x1, c - y0)
        across = number(right - left)
        if across != "0" and right > left:
            steps.append(f"M{number(left)} {number(c - left)}l{across}-{across}")
    return "".join(steps)
