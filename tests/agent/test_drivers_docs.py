"""docs/sensors.md says what the program says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from zaigang_agent.drivers.catalog import DRIVERS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "sensors.md").read_text(encoding="utf-8")
AGENT = ROOT / "agent" / "zaigang_agent"


def rows(heading: str) -> Iterator[list[str]]:
    """The cells of the table whose first column has this heading."""
    lines = iter(PAGE.splitlines())
    for line in lines:
        if line.startswith(f"| {heading} |"):
            break
    next(lines)
    for line in lines:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split(" | ")]


def test_the_table_of_sensors_is_that_of_the_drivers() -> None:
    table = {row[0].strip("`"): row for row in rows("model in settings")}
    assert table.keys() == DRIVERS.keys()
    for model, driver in DRIVERS.items():
        _, _, where, degrees, humidity, *_ = table[model]
        assert [int(a, 16) for a in re.findall(r"0x[0-9a-f]+", where)] == list(driver.addresses)
        assert float(degrees) == driver.temp_accuracy_c
        assert float(humidity.removesuffix(" %")) == driver.rh_accuracy_pct


def said() -> str:
    """The texts of the program, with those put together that stand on several lines."""
    folders = (AGENT / "drivers", AGENT / "samplers")
    source = "".join(p.read_text(encoding="utf-8") for f in folders for p in f.glob("*.py"))
    return re.sub(r'"\s*\n\s*f?"', "", source)


@pytest.mark.parametrize("cell", [row[0] for row in rows("sentence")])
def test_each_sentence_in_the_table_of_troubles_is_one_that_is_said(cell: str) -> None:
    sentences = re.findall(r"`([^`]+)`", cell)
    assert sentences
    text = said()
    for sentence in sentences:
        assert all(part.strip() in text for part in sentence.split("…"))
