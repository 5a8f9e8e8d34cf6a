"""What is said of alerts, in both languages, with numbers and units. Pure."""

from __future__ import annotations

import re
from typing import Final

from zaigang_collector.matching.model import Text
from zaigang_collector.rules.evaluate import COMPANY, Together
from zaigang_collector.rules.model import Answer, Content, Item, Outcome, Rule, Subject
from zaigang_collector.rules.vocabulary import FACTS, Fact, Value

GONE: Final = Text(
    "所依据的出勤区间已不存在（打卡被修改或撤回）",
    "the interval that it rests on is no more: its clock-ins were edited or taken back",
)
MANY: Final = Text(
    "同一时间多数人都是如此：先查设施，不针对任何个人",
    "the same holds for many at once: the infrastructure is looked at first, and nobody in person",
)
NOT_MANY: Final = Text("不再是多数人同时如此", "it holds for many at once no longer")
OTHER_NUMBERS: Final = Text("补到的数据改变了数字", "later data changed the numbers")

_UNITS_ZH: Final = {
    "min": "分钟",
    "people": "人",
    "sites": "个地点",
    "events": "次",
    "nodes": "个节点",
    "devices": "台",
    "working days": "个工作日",
    "days": "天",
    "1": "",
    "": "",
}
_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")


def content(rule: Rule, subject: Subject) -> Content:
    """The alert of a rule that holds, with its list of anomalous data."""
    names = {name for name in rule.when.names if name in subject.facts}
    names |= {name for name in _placeholders(rule.told) if name in subject.facts}
    items = tuple(_item(FACTS[name], subject.facts[name]) for name in sorted(names))
    return Content(
        rule.reference,
        rule.title,
        Text(_filled(rule.told.zh, subject, zh=True), _filled(rule.told.en, subject, zh=False)),
        items,
        subject.references,
        tuple(alike.text for alike in rule.look_alikes),
    )


def content_of_many(together: Together) -> Content:
    """The alert to IT: how many, where, of which rule. Nobody is named."""
    where_zh = "全公司" if together.site_id == COMPANY else f"驻场地点 {together.site_id}"
    where_en = "in the whole company" if together.site_id == COMPANY else f"at {together.site_id}"
    title = together.rule.title
    share = together.people / together.of
    return Content(
        together.rule.reference,
        Text(f"多数人同时：{title.zh}", f"Many at once: {title.en}"),
        Text(
            f"{together.day} {where_zh}：{together.of} 人中有 {together.people} 人（{share:.0%}）同时符合"
            f"“{title.zh}”。请先检查现场节点、网络、采集程序的更新和打卡系统；不针对任何个人。",
            f"{together.day} {where_en}: \u201c{title.en}\u201d holds for {together.people} of "
            f"{together.of} people ({share:.0%}) at once. Look at nodes, network, updates of the agent "
            "and the clock-in system first; it is about nobody in person.",
        ),
        (),
        (),
        (),
    )


def no_longer(outcome: Outcome) -> Text:
    """Why an alert that was raised is withdrawn."""
    if outcome.because is not None:
        return outcome.because
    if outcome.answer is Answer.OUT_OF_SCOPE:
        return Text("规则的适用范围已不包括此人", "the rule is not about this person any more")
    if outcome.answer is Answer.CLEARED:
        return Text("解除条件已满足", "its clear condition holds")
    return Text(
        "按现有数据，规则的条件不再成立", "by the data there are now its condition holds no longer"
    )


def told(fact: Fact, value: Value) -> Text:
    """A value with its unit."""
    if isinstance(value, bool):
        return Text("是" if value else "否", "yes" if value else "no")
    if isinstance(value, str):
        return Text(value, value)
    number = f"{value:.2f}".rstrip("0").rstrip(".")
    unit_zh = _UNITS_ZH.get(fact.unit, fact.unit)
    unit_en = "" if fact.unit == "1" else fact.unit
    if value == 1 and unit_en.endswith("s"):
        unit_en = unit_en[:-1]
    if fact.unit == "people" and value == 1:
        unit_en = "person"
    return Text(f"{number} {unit_zh}".strip(), f"{number} {unit_en}".strip())


def _item(fact: Fact, value: Value) -> Item:
    said = told(fact, value)
    return Item(
        fact.name,
        value,
        fact.unit,
        Text(f"{fact.about.zh}：{said.zh}", f"{fact.about.en}: {said.en}"),
    )


def _placeholders(text: Text) -> list[str]:
    return _PLACEHOLDER.findall(text.zh) + _PLACEHOLDER.findall(text.en)


def _filled(template: str, subject: Subject, *, zh: bool) -> str:
    def put(found: re.Match[str]) -> str:
        name = found.group(1)
        if name not in subject.facts:
            return "（未知）" if zh else "(unknown)"
        said = told(FACTS[name], subject.facts[name])
        return said.zh if zh else said.en

    return _PLACEHOLDER.sub(put, template)
