"""Run by `make bench`."""

from __future__ import annotations

import pytest

from tests.bench import bench_enrol


@pytest.mark.bench
def test_enrolling_a_fleet_is_measured() -> None:
    measured = bench_enrol.measure(1000, 16)
    print("\n" + bench_enrol.report(measured))
    assert measured.all_s < 600
