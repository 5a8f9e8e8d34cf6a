"""The parts of the accuracy benchmark, and a small run of the whole (`make bench`)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench import accuracy_page, accuracy_plots, bench_accuracy
from tests.bench.accuracy_bars import bars
from tests.bench.accuracy_page import Run, page
from tests.bench.accuracy_run import SETS, TAKEN, Inputs, Measured, Size, run_seed
from tests.bench.accuracy_statistics import calibration_error, median, upper_bound
from tests.factories import evidence as make
from zaigang_collector.matching.assess import assess
from zaigang_collector.matching.policy import default_policy
from zaigang_shared.readings import Beacon, Environment, Network, Usage

SMALL = Size(people=6, days=1, sets_each=2)


def test_bounds_are_those_of_the_tables() -> None:
    """The rule of three, and two values of Clopper and Pearson (one-sided 95 %)."""
    assert upper_bound(0, 3000) == pytest.approx(3 / 3000, rel=0.01)
    assert upper_bound(0, 10) == pytest.approx(1 - 0.05**0.1)
    assert upper_bound(1, 10) == pytest.approx(0.3942, abs=1e-4)
    assert upper_bound(10, 10) == 1.0
    assert upper_bound(0, 0) == 1.0


@given(st.integers(0, 60), st.integers(1, 60))
def test_a_bound_is_above_the_share(hits: int, more: int) -> None:
    total = hits + more
    assert hits / total < upper_bound(hits, total) <= 1.0


def test_calibration_is_perfect_or_as_far_off_as_it_is() -> None:
    assert calibration_error([10, 10], [1, 9], [1.0, 9.0]) == 0.0
    assert calibration_error([10, 10], [1, 9], [3.0, 9.0]) == pytest.approx(0.1)
    assert calibration_error([0], [0], [0]) == 0.0


def test_medians() -> None:
    assert median([]) is None
    assert median([3, 1, 2]) == 2
    assert median([4, 1, 2, 3]) == 2.5


def test_plots_are_wellformed_and_hold_their_points() -> None:
    drawn = accuracy_plots.reliability([(0.1, 0.2, 50), (0.9, 0.8, 5000), (0.5, 0.5, 0)])
    root = ET.fromstring(drawn)  # noqa: S314  # our own text
    circles = root.findall("{http://www.w3.org/2000/svg}circle")
    assert len(circles) == 2
    curve = [(0.0, 0.1), (0.001, 0.5), (1.0, 1.0)]
    ET.fromstring(accuracy_plots.trade_off(curve, (0.0, 0.4)))  # noqa: S314


@pytest.mark.parametrize("names", SETS)
def test_what_is_taken_away_is_gone_and_the_rest_stays(names: tuple[str, ...]) -> None:
    given: Inputs = (make.claim(), make.site(), make.Story(make.honest_day()).evidence())
    inputs = given
    for name in names:
        inputs = TAKEN[name](inputs)
    kinds = {type(timed.reading) for device in inputs[2].laptops for timed in device.readings}
    for name, kind in (("beacon", Beacon), ("network", Network), ("device use", Usage)):
        assert (kind in kinds) is (name not in names)
    assert Environment not in kinds
    assert bool(inputs[0].points) is ("position" not in names)
    assert bool(inputs[1].coverage_by_employee) is ("what was learnt" not in names)
    assert assess(*inputs, default_policy()).presence != "contradicted"


@pytest.fixture(scope="module")
def small() -> Measured:
    return run_seed((2, SMALL))


def test_a_seed_gives_the_same_rows_each_time(small: Measured) -> None:
    again = run_seed((2, SMALL))
    assert again.rows == small.rows
    assert again.honest == small.honest


def test_each_interval_is_judged_and_some_signals_are_taken(small: Measured) -> None:
    assert len(small.rows) == SMALL.people * SMALL.days
    for row in small.rows:
        assert 0 <= row.score <= 1
        assert len(row.without) == (SMALL.sets_each if row.truth.honest else 1)
    assert sum(small.honest.slots) + sum(small.cheats.slots) > 100


def test_the_page_names_seeds_policy_and_bars(small: Measured, tmp_path: Path) -> None:
    run = Run((2, 3), SMALL, "abc123", "a machine", "2026-11-27", 1.0)
    bench_accuracy.write(tmp_path, run, small)
    text = (tmp_path / "accuracy.md").read_text(encoding="utf-8")
    assert text == page(run, small)
    assert "`abc123`" in text
    assert "odd seeds are never used for tuning" in text
    for one in bars(small):
        assert one.what in text
    for name in ("reliability", "detection"):
        assert f"accuracy/{name}.svg" in text
        ET.parse(tmp_path / "accuracy" / f"{name}.svg")  # noqa: S314


def test_half_of_the_seeds_are_held_out() -> None:
    held = [seed for seed in range(bench_accuracy.SEEDS) if accuracy_page.held_out(seed)]
    assert len(held) * 2 == bench_accuracy.SEEDS >= 20


@pytest.mark.bench
def test_a_small_company_is_measured(tmp_path: Path) -> None:
    bench_accuracy.main(["--seeds", "4", "--people", "14", "--days", "2", "--out", str(tmp_path)])
    assert (tmp_path / "accuracy.md").exists()
