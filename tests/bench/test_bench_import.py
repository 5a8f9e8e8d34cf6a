"""Run by `make bench`."""

from __future__ import annotations

import pytest

from tests.bench import bench_import


@pytest.mark.bench
def test_a_days_file_is_measured() -> None:
    measured = bench_import.measure()
    print("\n" + bench_import.report(measured))
    assert {one.rows for one in measured} == {20_000}
