"""Run by `make bench`."""

from __future__ import annotations

import pytest

from tests.bench import bench_assess


@pytest.mark.bench
def test_a_nine_hour_interval_is_judged_in_milliseconds() -> None:
    measured = bench_assess.measure()
    print("\n" + bench_assess.report(measured))
    assert measured.keys() == bench_assess.DAYS.keys()
