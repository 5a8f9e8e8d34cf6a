"""Run by `make bench`."""

from __future__ import annotations

import pytest

from tests.bench import bench_connect


@pytest.mark.bench
def test_a_day_of_a_thousand_people_is_measured() -> None:
    measured = bench_connect.measure(1000, 20)
    print("\n" + bench_connect.report(measured))
    assert measured.clock_ins == 20_000
