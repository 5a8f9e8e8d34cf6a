"""Makes the golden drawings: `python -m tests.golden.make` from the repository's root.

A test draws them again and compares byte for byte. Look at them in a browser before you commit new
ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.factories.drawings import BOUNDS, SUBJECT, a_full_one
from zaigang_collector.directory.model import Language
from zaigang_collector.drawing.timeline import timeline_svg

FOLDER: Final = Path(__file__).parent


def drawings() -> dict[str, str]:
    """File name -> what is in it."""
    return {
        f"timeline.{language.value}.svg": timeline_svg(a_full_one(), SUBJECT, language, BOUNDS)
        for language in Language
    }


if __name__ == "__main__":
    for name, drawing in drawings().items():
        (FOLDER / name).write_text(drawing, encoding="utf-8")
