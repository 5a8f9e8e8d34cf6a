"""Rules as they are written (TOML): read, checked as a whole, compiled. Pure.

Like `matching/policy.toml`: each number with its reason and what breaks when it is larger or smaller.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.resources
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from zaigang_collector.matching.model import Text
from zaigang_collector.rules.errors import RuleError
from zaigang_collector.rules.expression import compile_condition
from zaigang_collector.rules.model import LookAlike, Rule, Scope, Severity
from zaigang_collector.rules.vocabulary import Grain, usable

_Alikes: TypeAlias = Mapping[str, tuple[str, Text, bool]]
"""By name: condition, sentence, and whether it can be one cause for many."""
_ID: Final = re.compile(r"[a-z][a-z0-9_]{2,39}")
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_KEYS: Final = frozenset(
    {"grain", "severity", "when", "clear", "grace_h", "cool_down_days", "overturn_share", "on"}
    | {"title", "reason", "told", "sites", "departments", "people", "look_alike"}
)
_NEEDED: Final = ("grain", "severity", "when", "title", "reason", "told")
TEXT_MAX: Final = 500
GRACE_MAX_H: Final = 14 * 24
COOL_DOWN_MAX_DAYS: Final = 90
DEFAULTS: Final[Mapping[str, Any]] = {"grace_h": 12.0, "cool_down_days": 7, "overturn_share": 0.3}


def read(text: str, *, built_in: bool = False, version: int = 1) -> tuple[Rule, ...]:
    """All rules of a document, in its order. Raises RuleError with what is wrong first."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RuleError("document", Text(f"不是 TOML：{error}", f"not TOML: {error}")) from None
    alike = _look_alikes(raw.pop("look_alike", {}))
    raw.pop("version", None)
    if not raw:
        raise RuleError(
            "document", Text("没有规则；应有 [规则名] 一节", "no rule; expected a section [name]")
        )
    return tuple(
        _rule(name, entry, alike, text, built_in=built_in, version=version)
        for name, entry in raw.items()
    )


@functools.cache
def built_in_rules() -> tuple[Rule, ...]:
    """Those that come with the program."""
    version = tomllib.loads(document())["version"]
    return read(document(), built_in=True, version=version)


def document() -> str:
    """The same as it is written, with reasons."""
    file = importlib.resources.files(__package__).joinpath("rules.toml")
    return file.read_text(encoding="utf-8")


@functools.cache
def shared_look_alikes() -> _Alikes:
    """Those of the built-in document, which other rules may name as well."""
    return _look_alikes(tomllib.loads(document())["look_alike"])


def _look_alikes(raw: object) -> _Alikes:
    found = {}
    for name, entry in _table(raw, "look_alike").items():
        where = f"look_alike.{name}"
        fields = _table(entry, where)
        shared = fields.get("shared", False) is True
        found[name] = _source(fields, "when", where), _text(fields, "told", where), shared
    return found


def _rule(
    name: str,
    entry: object,
    own: _Alikes,
    document_text: str,
    *,
    built_in: bool,
    version: int,
) -> Rule:
    fields = _table(entry, name)
    if not _ID.fullmatch(name):
        raise RuleError(
            name,
            Text(
                "规则名应为 3 到 40 个小写字母、数字或下划线，以字母开头",
                "the name of a rule has 3 to 40 small letters, digits or underscores, a letter first",
            ),
        )
    strange = sorted(fields.keys() - _KEYS)
    missing = [key for key in _NEEDED if key not in fields]
    if strange or missing:
        raise RuleError(
            name,
            Text(
                f"缺少：{'、'.join(missing) or '无'}；不认识：{'、'.join(strange) or '无'}",
                f"missing: {', '.join(missing) or 'none'}; unknown: {', '.join(strange) or 'none'}",
            ),
        )
    grain = _choice(Grain, fields["grain"], f"{name}.grain")
    told = _text(fields, "told", name)
    _check_placeholders(told, grain, f"{name}.told")
    clear = _source(fields, "clear", name) if "clear" in fields else None
    return Rule(
        id=name,
        version=version,
        grain=grain,
        severity=_choice(Severity, fields["severity"], f"{name}.severity"),
        title=_text(fields, "title", name),
        reason=_text(fields, "reason", name),
        when=compile_condition(_source(fields, "when", name), grain, f"{name}.when"),
        look_alikes=_named(fields.get("look_alike", []), own, grain, f"{name}.look_alike"),
        clear=None if clear is None else compile_condition(clear, grain, f"{name}.clear"),
        told=told,
        grace_h=_number(fields, "grace_h", name, GRACE_MAX_H),
        cool_down_days=int(_number(fields, "cool_down_days", name, COOL_DOWN_MAX_DAYS, whole=True)),
        overturn_share=_number(fields, "overturn_share", name, 1.0),
        scope=_scope(fields, name),
        on_by_default=built_in and fields.get("on", False) is True,
        built_in=built_in,
        digest=hashlib.sha256(document_text.encode()).hexdigest(),
    )


def _named(names: object, own: _Alikes, grain: Grain, where: str) -> tuple[LookAlike, ...]:
    known = own or shared_look_alikes()
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
        raise RuleError(where, Text("应为名称的列表", "expected a list of names"))
    found = []
    for name in names:
        if name not in known:
            raise RuleError(
                where,
                Text(
                    f"没有名为 {name} 的相似情形；可用：{'、'.join(known)}",
                    f"there is no look-alike {name}; expected one of {', '.join(known)}",
                ),
            )
        source, text, shared = known[name]
        found.append(LookAlike(name, compile_condition(source, grain, where), text, shared))
    return tuple(found)


def _check_placeholders(told: Text, grain: Grain, where: str) -> None:
    for language in (told.zh, told.en):
        for name in _PLACEHOLDER.findall(language):
            if name not in usable(grain):
                raise RuleError(
                    where,
                    Text(f"{{{name}}} 不是可用的事实", f"{{{name}}} is no fact of this grain"),
                )


def _table(raw: object, where: str) -> Mapping[str, Any]:
    if not isinstance(raw, dict):
        raise RuleError(where, Text("应为一节", "expected a table"))
    return raw


def _source(fields: Mapping[str, Any], key: str, where: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str):
        raise RuleError(
            f"{where}.{key}", Text("应为文字写成的条件", "expected a condition as text")
        )
    return value


def _text(fields: Mapping[str, Any], key: str, where: str) -> Text:
    value = fields.get(key)
    if (
        not isinstance(value, dict)
        or value.keys() != {"zh", "en"}
        or not all(
            isinstance(one, str) and 0 < len(one.strip()) <= TEXT_MAX for one in value.values()
        )
    ):
        raise RuleError(
            f"{where}.{key}",
            Text(
                f"应有 zh 和 en 两句话，各不超过 {TEXT_MAX} 字",
                f"expected the sentences zh and en, of at most {TEXT_MAX} characters each",
            ),
        )
    return Text(value["zh"].strip(), value["en"].strip())


def _number(
    fields: Mapping[str, Any], key: str, where: str, most: float, *, whole: bool = False
) -> float:
    value = fields.get(key, DEFAULTS[key])
    fits = type(value) is int or (type(value) is float and not whole)
    if not fits or not 0 <= value <= most:
        raise RuleError(
            f"{where}.{key}",
            Text(
                f"应为 0 到 {most:g} 的数",
                f"expected a {'whole ' if whole else ''}number from 0 to {most:g}",
            ),
        )
    return float(value)


def _scope(fields: Mapping[str, Any], where: str) -> Scope:
    return Scope(
        *(_ids(fields.get(key, []), f"{where}.{key}") for key in ("sites", "departments", "people"))
    )


def _ids(value: object, where: str) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise RuleError(where, Text("应为编号的列表", "expected a list of ids"))
    return frozenset(value)


def _choice(kind: Any, value: object, where: str) -> Any:
    names: Sequence[str] = [one.value for one in kind]
    if value not in names:
        raise RuleError(
            where, Text(f"应为 {'、'.join(names)} 之一", f"expected one of {', '.join(names)}")
        )
    return kind(value)
