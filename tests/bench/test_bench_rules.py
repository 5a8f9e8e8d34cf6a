"""Run by `make bench`."""

from __future__ import annotations

import pytest

from tests.bench import bench_rules


@pytest.mark.bench
def test_asking_all_rules_of_a_day_is_measured() -> None:
    measured = bench_rules.measure(people=300, rounds=1)
    print("\n" + bench_rules.report(measured))
    assert measured.subjects == 600
    assert measured.raised == 3
