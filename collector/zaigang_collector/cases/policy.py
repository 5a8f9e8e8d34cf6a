"""How cases are conducted: deadlines, appeals, four eyes. The document is `policy.toml`.

Each entry stands there with its unit, its reason and what breaks when it is larger or smaller. A
case carries the hash of what it was opened under, and the values themselves.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.resources
import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from zaigang_collector.errors import ConfigError

_WORDS: Final = ("unit", "reason", "larger", "smaller")
_TITLE_MAX: Final = 100
_YEAR_H: Final = 366 * 24
_PCT_MOST: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What each is for, and why it is what it is: `policy.toml`."""

    version: int
    reply_h: int
    working_hours_only: bool
    skip_rest_days: bool
    reminder_h: int
    extensions_most: int
    extension_most_h: int
    ask_back_most: int
    appeal_h: int
    four_eyes: bool
    no_reply_is_default: bool
    published_rule: str
    pay_share_pct: int

    def hash(self) -> str:
        """SHA-256 (hex) of names and values; a reworded reason does not change it."""
        text = json.dumps(self.values(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(b"zaigang/case-policy/1\0" + text.encode()).hexdigest()

    def values(self) -> dict[str, Any]:
        """By name, as a case keeps them."""
        return asdict(self)


def restored(values: Mapping[str, Any]) -> Policy:
    """The policy that a case kept. Raises TypeError where it kept none of ours."""
    return Policy(**values)


@functools.cache
def default_policy() -> Policy:
    """The policy that comes with the program."""
    return load_policy(document(), "policy.toml")


def document() -> str:
    """The same as it is written, with reasons (TOML)."""
    file = importlib.resources.files(__package__).joinpath("policy.toml")
    return file.read_text(encoding="utf-8")


def load_policy(text: str, source: str) -> Policy:
    """Read a policy document. Raises ConfigError that names `source` and what is wrong."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source} is not TOML: {error}") from error
    names = {field.name for field in fields(Policy)}
    unknown, missing = sorted(raw.keys() - names), sorted(names - raw.keys())
    if unknown or missing:
        raise ConfigError(
            f"{source} must name every entry once; missing: {', '.join(missing) or 'none'}; "
            f"unknown: {', '.join(unknown) or 'none'}. `zaigang-collector cases policy` prints a "
            "whole one"
        )
    values = {name: _value(name, raw[name], source) for name in sorted(names)}
    policy = Policy(**values)
    _check_together(policy, source)
    return policy


def _whole(low: int, high: int) -> tuple[Callable[[Any], bool], str]:
    return (
        lambda value: type(value) is int and low <= value <= high,
        f"a whole number from {low} to {high}",
    )


_YES_NO: Final = (lambda value: type(value) is bool, "true or false")
_TITLE: Final = (
    lambda value: type(value) is str and len(value) <= _TITLE_MAX and value.isprintable(),
    f"one line of up to {_TITLE_MAX} characters",
)
_RULES: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "version": _whole(1, 1_000_000),
    "reply_h": _whole(1, _YEAR_H),
    "reminder_h": _whole(0, _YEAR_H),
    "extensions_most": _whole(0, 100),
    "extension_most_h": _whole(1, _YEAR_H),
    "ask_back_most": _whole(0, 10),
    "appeal_h": _whole(1, _YEAR_H),
    "pay_share_pct": _whole(0, _PCT_MOST),
    "working_hours_only": _YES_NO,
    "skip_rest_days": _YES_NO,
    "four_eyes": _YES_NO,
    "no_reply_is_default": _YES_NO,
    "published_rule": _TITLE,
}


def _value(name: str, entry: object, source: str) -> Any:
    value = entry
    if name != "version":
        if not isinstance(entry, dict) or entry.keys() != {"value", *_WORDS}:
            raise ConfigError(f"{source}: {name}: expected a table with value, {', '.join(_WORDS)}")
        for word in _WORDS:
            if not isinstance(entry[word], str) or not entry[word].strip():
                raise ConfigError(f"{source}: {name}: {word} is empty; say it in words")
        value = entry["value"]
    holds, expected = _RULES[name]
    if not holds(value):
        raise ConfigError(f"{source}: {name}: expected {expected}, not {value!r}")
    return value


def _check_together(policy: Policy, source: str) -> None:
    if policy.no_reply_is_default and not policy.published_rule.strip():
        raise ConfigError(
            f"{source}: no_reply_is_default needs published_rule, the title of the rule that the "
            "company has published and that says so"
        )
    if policy.reminder_h >= policy.reply_h:
        raise ConfigError(
            f"{source}: reminder_h is {policy.reminder_h} and reply_h {policy.reply_h}; expected a "
            "reminder after the letter, so fewer hours"
        )
