"""Rules asked of subjects. Pure: the same facts give the same answers, in any order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from zaigang_collector.matching.model import Text
from zaigang_collector.rules.expression import Truth
from zaigang_collector.rules.model import Answer, Outcome, Rule, Subject
from zaigang_collector.rules.vocabulary import FACTS

TOGETHER_PEOPLE: Final = 3
"""So many people of one site at once before its infrastructure is the suspect: as
`policy.together_people`. Larger: a broken network at a small site accuses everybody there; smaller: two
friends who leave together are both excused."""
TOGETHER_SHARE: Final = 0.5
"""And they are so large a part of those of whom the rule could be asked. Larger: trouble in one wing
accuses everybody in it; smaller: at a large site a few true ones excuse each other."""
COMPANY: Final = ""
"""In the place of a site: the whole company at once."""


@dataclass(frozen=True, slots=True)
class Together:
    """A rule that holds for many at once on one day: the infrastructure is asked, nobody else."""

    rule: Rule
    site_id: str
    """`COMPANY`: everywhere."""
    day: str
    people: int
    of: int


@dataclass(frozen=True, slots=True)
class Evaluated:
    """All rules asked of all subjects."""

    outcomes: tuple[Outcome, ...]
    together: tuple[Together, ...]
    whole_from: str
    """Before this day nothing is raised: others who share it may be missing here."""

    def hushed(self, outcome: Outcome) -> Together | None:
        """Whether an outcome is that of many at once, and of whom."""
        return next((one for one in self.together if _concerns(one, outcome)), None)


def evaluate(rules: Sequence[Rule], subjects: Iterable[Subject], whole_from: str) -> Evaluated:
    """Each rule of each subject of its grain; what many share is told of no person. `whole_from`: the
    first day (ISO 8601) of which everybody is here; of earlier ones nobody knows what many share."""
    ordered = sorted(subjects, key=lambda one: (one.day, one.site_id, one.employee_id, one.key))
    outcomes = tuple(
        ask(rule, subject) for subject in ordered for rule in rules if rule.grain is subject.grain
    )
    whole = [one for one in outcomes if one.subject.day >= whole_from]
    return Evaluated(outcomes, tuple(_together(whole)), whole_from)


def ask(rule: Rule, subject: Subject) -> Outcome:
    """One rule of one subject. Look-alikes first: while one holds, or may, it does not hold."""
    if not rule.scope.holds(subject.site_id, subject.department, subject.employee_id):
        return Outcome(rule, subject, Answer.OUT_OF_SCOPE)
    facts = subject.facts
    held = rule.when.holds(facts)
    if held is Truth.NO:
        return Outcome(rule, subject, Answer.NO)
    if held is Truth.UNKNOWN:
        missing = rule.when.missing(facts)
        return Outcome(rule, subject, Answer.UNKNOWN, _unknown(missing), missing)
    for alike in rule.look_alikes:
        may = alike.when.holds(facts)
        if may is Truth.YES:
            return Outcome(rule, subject, Answer.EXCUSED, alike.text, may_be_shared=alike.shared)
        if may is Truth.UNKNOWN:
            missing = alike.when.missing(facts)
            return Outcome(rule, subject, Answer.UNKNOWN, _open(alike.text), missing)
    if rule.clear is not None and rule.clear.holds(facts) is Truth.YES:
        return Outcome(rule, subject, Answer.CLEARED)
    return Outcome(rule, subject, Answer.HOLDS)


def _together(outcomes: Iterable[Outcome]) -> Iterator[Together]:
    """Per rule and day at each site, and in the whole company where several sites are concerned. Who
    is excused by what can be one cause for many counts with those for whom it holds."""
    asked: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    held: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    sites: dict[tuple[str, str], set[str]] = defaultdict(set)
    rules: dict[str, Rule] = {}
    for one in outcomes:
        concerned = one.answer is Answer.HOLDS or one.may_be_shared
        if not concerned and one.answer is not Answer.NO:
            continue
        rules[one.rule.id] = one.rule
        for site_id in (one.subject.site_id, COMPANY):
            key = one.rule.id, one.subject.day, site_id
            asked[key].add(one.subject.employee_id)
            if concerned:
                held[key].add(one.subject.employee_id)
                sites[key[:2]].add(one.subject.site_id)
    for key, people in sorted(held.items()):
        rule_id, day, site_id = key
        several = site_id != COMPANY or len(sites[rule_id, day]) > 1
        if several and _is_many(len(people), len(asked[key])):
            yield Together(rules[rule_id], site_id, day, len(people), len(asked[key]))


def _is_many(people: int, of: int) -> bool:
    return people >= TOGETHER_PEOPLE and people >= TOGETHER_SHARE * of


def _concerns(together: Together, outcome: Outcome) -> bool:
    return (
        together.rule.id == outcome.rule.id
        and together.day == outcome.subject.day
        and together.site_id in (outcome.subject.site_id, COMPANY)
    )


def _unknown(names: Sequence[str]) -> Text:
    told = [(name, FACTS[name].unknown) for name in names]
    return Text(
        "缺少事实，不作判断：" + "；".join(f"{name}（{text.zh}）" for name, text in told),
        "not asked, as facts are unknown: "
        + "; ".join(f"{name} ({text.en})" for name, text in told),
    )


def _open(text: Text) -> Text:
    return Text(f"不能排除相似情形：{text.zh}", f"an innocent cause cannot be excluded: {text.en}")


def by_rule(outcomes: Iterable[Outcome]) -> Mapping[str, list[Outcome]]:
    """The same, by rule."""
    found: dict[str, list[Outcome]] = {}
    for one in outcomes:
        found.setdefault(one.rule.id, []).append(one)
    return found
