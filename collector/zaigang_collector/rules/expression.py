"""Conditions in CEL, the part of it in which nothing can take long. Pure.

Google's own implementation checks types and evaluates. What it cannot bound is not let in: there are
no calls, no macros (`all`, `exists`, `map`, ...), no fields and no maps, so that each part of a
condition is evaluated once at most, and its length bounds the steps and the time.

A fact that is unknown is an error in CEL, which `&&` and `||` absorb only where the other side decides
alone: `false && unknown` is false, `true || unknown` is true, everything else is unknown. It is never
taken for false.
"""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cel_expr_python import cel

from zaigang_collector.matching.model import Text
from zaigang_collector.rules.errors import RuleError
from zaigang_collector.rules.vocabulary import FACTS, Facts, Grain, Kind, usable

LENGTH_MAX: Final = 1_000
"""Characters. Larger lets somebody keep a pass waiting (2,400 of them take 7 ms a time); smaller
refuses a condition with ten facts."""
PARTS_MAX: Final = 250
"""Tokens, which bound the steps: each is evaluated once at most."""
_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<number>[0-9]+(?:\.[0-9]+)?(?![\w.]))
    | (?P<string>"[^"\\\n]*"|'[^'\\\n]*')
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:(),\[\]])
    )""",
    re.VERBOSE,
)
_WORDS: Final = frozenset({"true", "false", "in"})
_PLACE: Final = re.compile(r"<input>:(-?\d+):(-?\d+): (.*)")


class Truth(enum.StrEnum):
    """What a condition comes to."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Condition:
    """One that was compiled."""

    source: str
    names: tuple[str, ...]
    """The facts that it speaks of, sorted."""
    _compiled: Any

    def holds(self, facts: Facts) -> Truth:
        """Asked of the facts of one person's interval or day."""
        # Only what is asked for is converted.
        data = {name: facts[name] for name in self.names if name in facts}
        value = self._compiled.eval(data=data).value()
        if value is True:
            return Truth.YES
        return Truth.NO if value is False else Truth.UNKNOWN

    def missing(self, facts: Facts) -> tuple[str, ...]:
        """Which of its facts are unknown."""
        return tuple(name for name in self.names if name not in facts)


@functools.lru_cache(maxsize=1024)
def compile_condition(source: str, grain: Grain, where: str = "when") -> Condition:
    """Read a condition. Raises RuleError with the place and what was expected there."""
    names = _names(source, where)
    known = usable(grain)
    for name, column in names.items():
        if name not in known:
            raise RuleError(where, _strange(name, column, known))
    try:
        compiled = _environment(grain).compile(source)
    except RuntimeError as error:
        raise RuleError(where, _told(str(error))) from None
    if compiled.return_type().name() != "BOOL":
        raise RuleError(
            where,
            Text(
                "条件的结果应为是或否，例如 first_use_min > 60.0",
                "a condition is true or false, as first_use_min > 60.0",
            ),
        )
    return Condition(source, tuple(sorted(names)), compiled)


def _names(source: str, where: str) -> dict[str, int]:
    """The names in it with their first columns; refuses what is outside the language."""
    if not 0 < len(source) <= LENGTH_MAX:
        raise RuleError(
            where,
            Text(
                f"条件应为 1 到 {LENGTH_MAX} 个字符，现为 {len(source)} 个",
                f"a condition has 1 to {LENGTH_MAX} characters, not {len(source)}",
            ),
        )
    names: dict[str, int] = {}
    at = parts = 0
    before = ""
    while source[at:].strip():
        found = _TOKEN.match(source, at)
        parts += 1
        if found is None or parts > PARTS_MAX:
            raise RuleError(where, _refused(source, at, parts))
        kind = str(found.lastgroup)
        word = found.group(kind)
        if word == "(" and before == "name":
            raise RuleError(where, _no_calls(found.start(kind)))
        if kind == "name" and word not in _WORDS:
            names.setdefault(word, found.start(kind))
        before = "word" if word in _WORDS else kind
        at = found.end()
    return names


def _refused(source: str, at: int, parts: int) -> Text:
    if parts > PARTS_MAX:
        return Text(
            f"条件太长：最多 {PARTS_MAX} 个词", f"too long: at most {PARTS_MAX} words and signs"
        )
    column = at + len(source[at:]) - len(source[at:].lstrip()) + 1
    return Text(
        f"第 {column} 列的 {source[column - 1]!r} 不能用：只能用事实名、数字、文字、比较、&&、||、! 和括号",
        f"column {column}: {source[column - 1]!r} cannot stand here; expected names of facts, numbers, "
        "texts, comparisons, &&, ||, ! and brackets",
    )


def _no_calls(at: int) -> Text:
    return Text(
        f"第 {at + 1} 列：条件里没有函数，只能用事实名、比较、&&、|| 和 !",
        f"column {at + 1}: there are no functions in a condition; expected a comparison, &&, || or !",
    )


def _strange(name: str, column: int, known: Mapping[str, object]) -> Text:
    if name in FACTS:
        return Text(
            f"第 {column + 1} 列：{name} 是出勤区间的事实，按天的规则不能用；把 grain 改为 interval",
            f"column {column + 1}: {name} is a fact of an interval; a rule about days cannot use it, set "
            'grain = "interval"',
        )
    near = _nearest(name, known)
    return Text(
        f"第 {column + 1} 列：没有名为 {name} 的事实；是不是 {near}？",
        f"column {column + 1}: there is no fact {name}; did you mean {near}?",
    )


def _nearest(name: str, known: Mapping[str, object]) -> str:
    import difflib  # needed only by who mistypes

    found = difflib.get_close_matches(name, known, 1, 0.0)
    return found[0]


def _told(said: str) -> Text:
    found = _PLACE.search(said)
    if found is None:
        return Text(
            "条件嵌套太深：最多 32 层括号或加减", "nested too deep: at most 32 brackets or sums"
        )
    _, column, what = found.groups()
    hint_zh = hint_en = ""
    if "double" in what and "int" in what:
        hint_zh, hint_en = "；数字要带小数点，例如 60.0", "; numbers have a decimal point, as 60.0"
    elif "no matching overload" in what:
        hint_zh = "；两边的类型应相同（数字、文字、是否）"
        hint_en = "; both sides have to be of one type (number, text, yes or no)"
    what = what.replace(" (in container '')", "")
    return Text(
        f"第 {column} 列：语法或类型不对{hint_zh}（{what}）", f"column {column}: {what}{hint_en}"
    )


@functools.cache
def _environment(grain: Grain) -> Any:
    types = {
        Kind.NUMBER: cel.Type.DOUBLE,
        Kind.YES_NO: cel.Type.BOOL,
        Kind.WORD: cel.Type.STRING,
    }
    return cel.NewEnv(variables={name: types[one.kind] for name, one in usable(grain).items()})
