"""docs/access.md shows the permission matrix as it is."""

from __future__ import annotations

from pathlib import Path

from zaigang_collector.access import links, passwords, sessions, throttle, totp
from zaigang_collector.access.matrix import PUBLIC, RULES, Rule, Whose
from zaigang_collector.access.roles import Reach, Role

PAGE = (Path(__file__).parents[2] / "docs" / "access.md").read_text(encoding="utf-8")


def table() -> list[str]:
    """The matrix as the page has it."""
    head = ["route", "whose", "token", *(role.value for role in Role)]
    return [_row(head), _row(["---"] * len(head)), *(_row(_cells(one)) for one in RULES)]


def _cells(one: Rule) -> list[str]:
    scope = "" if one.scope is None else f"`{one.scope.value}`"
    reaches = [one.reach.get(role, Reach.NOBODY) for role in Role]
    told = ["" if reach is Reach.NOBODY else reach.value for reach in reaches]
    return [f"`{one.method} {one.path}`", one.whose.value, scope, *told]


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def test_the_page_has_the_matrix() -> None:
    rows = [
        line for line in PAGE.splitlines() if line.startswith(("| `GET", "| `PO", "| `PU", "| `DE"))
    ]
    assert rows == table()[2:], "put this on the page:\n" + "\n".join(table())


def test_the_page_names_what_is_open_to_everybody() -> None:
    section = PAGE.split("Open to everybody", 1)[1].split("\n\n", 2)[1]
    assert {one for one in PUBLIC if f"`{one}`" in section} == PUBLIC


def test_the_page_says_what_each_whose_means() -> None:
    for one in Whose:
        assert f"*{one.value}*" in PAGE


def test_the_numbers_on_the_page_are_those_in_force() -> None:
    minutes = 60_000
    for told in (
        f"{passwords.LENGTH_MIN} characters",
        f"m = {passwords.MEMORY_KIB // 1024} MiB, t = {passwords.TIME_COST}, p = {passwords.LANES}",
        f"{throttle.FREE} tries",
        f"{throttle.LONGEST_WAIT_MS // minutes} minutes",
        f"{sessions.IDLE_MS // minutes} minutes",
        f"{sessions.LONGEST_MS // 3_600_000} hours",
        f"{totp.STEP_S} seconds",
        f"{links.TRIES_MOST} wrong codes",
        f"{links.CODES_MOST} codes",
    ):
        assert told in PAGE, told
