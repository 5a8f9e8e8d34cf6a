"""Run by `make bench`."""

from __future__ import annotations

import pytest

from tests.bench import bench_agent

# Enough for one envelope of each kind; what docs/operations.md says was watched for longer.
_SECONDS = 90


@pytest.mark.bench
def test_an_agent_at_rest_is_measured_while_it_works() -> None:
    measured = bench_agent.measure(_SECONDS)
    print("\n" + bench_agent.report(measured))
    assert measured.sealed > 0
    assert measured.agent.rss_mib > measured.bare.rss_mib
