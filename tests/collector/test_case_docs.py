"""docs/cases.md says of the table of a case what the code says."""

from __future__ import annotations

from tests.repo import checks
from tests.repo.checks import ROOT
from zaigang_collector.cases import table, words
from zaigang_collector.cases.model import Action, Role
from zaigang_collector.cases.states import Why
from zaigang_collector.cases.table import TABLE

_PAGE = (ROOT / "docs" / "cases.md").read_text(encoding="utf-8")


def documented(action: Action) -> tuple[str, ...]:
    """An action's row."""
    cells = [(state, move) for (state, one), move in TABLE.items() if one is action]
    who = [
        f"{role.value}: {', '.join(sorted(table.needs_of(action, role))) or 'nothing'}"
        for role in Role
        if role in table.roles_of(action)
    ]
    leads = dict.fromkeys("stays" if move.to is state else move.to for state, move in cells)
    return (
        action.value,
        words.ACTIONS[action].zh,
        "; ".join(who),
        ", ".join(state for state, _ in cells),
        ", ".join(leads),
    )


def test_the_page_has_the_whole_table() -> None:
    rows = checks.table_rows(_PAGE, "## What can be done when")
    told = [documented(one) for one in Action if one is not Action.OPEN]
    assert rows[: len(told)] == told, "\n".join(
        f"| `{one[0]}` | {' | '.join(one[1:])} |" for one in told
    )


def test_the_reasons_of_refusals_on_the_page_are_those_of_the_code() -> None:
    rows = checks.table_rows(_PAGE, "## What can be done when")
    at = next(number for number, row in enumerate(rows) if row[0].startswith("rule"))
    named = {name for row in rows[at + 2 :] for name in row[-1].split(", ")}
    assert named
    assert named <= {why.value for why in Why}
