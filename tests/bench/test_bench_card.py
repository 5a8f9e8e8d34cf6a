"""Run by `make bench`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import bench_card


@pytest.mark.bench
def test_what_a_node_writes_to_its_card_is_counted(tmp_path: Path) -> None:
    written = bench_card.measure(tmp_path / "state", minutes=60)
    print("\n" + bench_card.report(written, bench_card.syncs(tmp_path)))
    assert written.transactions == written.sealed == 60
