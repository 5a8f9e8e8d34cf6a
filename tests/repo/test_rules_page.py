"""docs/rules.md says of facts and rules what the code says."""

from __future__ import annotations

from pathlib import Path

from zaigang_collector.rules import document
from zaigang_collector.rules.vocabulary import FACTS

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"


def fact_lines() -> list[str]:
    return [
        f"| `{one.name}` | {one.grain.value} | {one.unit or one.kind.value} | {one.about.zh}；"
        f"{one.about.en} | {one.unknown.zh}；{one.unknown.en} |"
        for one in FACTS.values()
    ]


def rule_lines() -> list[str]:
    return [
        f"| `{one.id}` | {one.title.zh}；{one.title.en} | `{' '.join(one.when.source.split()).replace('|', chr(92) + '|')}` | "
        f"{', '.join(alike.name for alike in one.look_alikes)} | {one.severity.value} | "
        f"{one.grace_h:g} h | {'on' if one.on_by_default else 'off'} |"
        for one in document.built_in_rules()
    ]


def test_the_page_lists_every_fact_and_every_rule_as_the_code_has_them() -> None:
    page = PAGE.read_text(encoding="utf-8").splitlines()
    for line in (*fact_lines(), *rule_lines()):
        assert line in page, line
    told = sum(line.startswith("| `") for line in page)
    assert told == len(FACTS) + len(document.built_in_rules())


if __name__ == "__main__":
    print("\n".join(fact_lines()), "\n\n", "\n".join(rule_lines()))  # noqa: T201  # to paste
