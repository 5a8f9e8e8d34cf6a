"""Settings: what the programs know and what docs/operations.md says are the same."""

from __future__ import annotations

import zaigang_agent.config
import zaigang_collector.config
from tests.repo import checks
from tests.repo.checks import ROOT

_PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def test_the_collectors_settings_are_documented() -> None:
    settings = zaigang_collector.config.SETTINGS
    rows = checks.table_rows(_PAGE, "### Settings of the collector")
    assert rows == checks.settings_rows(settings), checks.settings_table(settings)


def test_the_agents_settings_are_documented() -> None:
    settings = zaigang_agent.config.SETTINGS
    rows = checks.table_rows(_PAGE, "### Settings of the agent")
    assert rows == checks.settings_rows(settings), checks.settings_table(settings)
