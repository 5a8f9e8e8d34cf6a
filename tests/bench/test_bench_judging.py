"""Run by `make bench`."""

from __future__ import annotations

import pytest

from tests.bench import bench_judging


@pytest.mark.bench
def test_the_way_from_the_store_to_an_assessment_is_measured() -> None:
    measured = bench_judging.measure(people=3, rounds=1)
    print("\n" + bench_judging.report(measured))
    assert {*bench_judging.STEPS} < {*measured.steps}
    assert all(spent > 0 for spent in measured.steps.values())
