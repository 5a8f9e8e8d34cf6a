"""Run by `make bench`."""

from __future__ import annotations

import pytest

from tests.bench import bench_verify


@pytest.mark.bench
def test_a_working_day_is_verified_in_less_than_two_seconds() -> None:
    found = bench_verify.measure()
    print("\n" + bench_verify.report(found))
    assert found["whole command"] < bench_verify.LIMIT_S
