"""Run by `make bench`."""

from __future__ import annotations

import pytest

from tests.bench import bench_ledger

# What docs/operations.md says was measured on ten times as many.
_LEAVES = 1_000_000


@pytest.mark.bench
def test_the_ledger_is_measured() -> None:
    measured = bench_ledger.measure(_LEAVES)
    print("\n" + bench_ledger.report(measured))
    assert measured.inclusion_ms > 0
