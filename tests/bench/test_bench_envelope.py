"""Run by `make bench`."""

from __future__ import annotations

import pytest

from tests.bench import bench_envelope


@pytest.mark.bench
def test_an_envelope_costs_little_more_than_its_signature() -> None:
    best = bench_envelope.measure()
    print("\n" + bench_envelope.report(best))
    assert len(best) == len(bench_envelope.jobs())
