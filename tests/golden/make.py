"""Makes the golden drawings and assessments: `python -m tests.golden.make` from the repository's root.

A test makes them again and compares byte for byte. Look at the drawings in a browser before you
commit new ones. Assessments change with every number of the policy, and with every sentence: read
the difference, it has to be the one that was meant; after work on speed there is none.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from tests.factories import golden_days
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


def assessments() -> str:
    """One line for each field that `golden_days.judged` tells of a day."""
    days = [
        f"  {json.dumps(day, ensure_ascii=False)}: {{\n"
        + ",\n".join(
            f"    {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"
            for name, value in golden_days.judged(day).items()
        )
        + "\n  }"
        for day in golden_days.DAYS
    ]
    return "{\n" + ",\n".join(days) + "\n}\n"


if __name__ == "__main__":
    for name, drawing in drawings().items():
        (FOLDER / name).write_text(drawing, encoding="utf-8")
    (FOLDER / "assessments.json").write_text(assessments(), encoding="utf-8")
