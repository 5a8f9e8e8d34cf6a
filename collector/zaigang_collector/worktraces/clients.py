"""Which names are those of clients, and whether a text names one. Pure.

A text is searched in memory; what is kept is yes or no, or that there was nothing to search by.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from zaigang_collector.errors import ConfigError

# One character stands in half of all texts, so that each would name the client.
NAME_MIN: Final = 2
NAME_MAX: Final = 100
# Larger makes the searching of a month's logs slow; smaller refuses a company with many clients.
NAMES_MOST: Final = 2_000
# A blank says nothing beside a character that is written without blanks between words.
_IDLE_BLANK: Final = re.compile(r"(?<=[^\x00-\u02ff]) | (?=[^\x00-\u02ff])")
_HOW: Final = 'expected everywhere = ["name", …] and [sites] with SITE = ["name", …]'


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a text after it was searched."""

    names_client: bool | None
    """None: there was no text, or no name to look for."""
    kept: str | None
    """The text itself, where the company keeps it."""


@dataclass(frozen=True, slots=True)
class Texts:
    """What becomes of the text of a log. Names are as `normal` writes them."""

    everywhere: Sequence[str] = ()
    """Names of the company's clients."""
    by_site: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Names that mean the client of one site."""
    keep: bool = False

    def searched(self, text: str | None, site_id: str | None) -> Found:
        """Whether the text names a client: of the site it is about, or, where it is about none, any.
        Blank text is none: nothing was written, and nothing is held against anybody."""
        if text is None or not text.strip():
            return Found(None, None)
        kept = text if self.keep else None
        names = self._names(site_id)
        if not names:
            return Found(None, kept)
        plain = normal(text)
        return Found(any(_stands_in(one, plain) for one in names), kept)

    def _names(self, site_id: str | None) -> list[str]:
        sites = self.by_site if site_id is None else (site_id,)
        return [*self.everywhere, *(one for site in sites for one in self.by_site.get(site, ()))]


def parse(text: str, source: str) -> Texts:
    """The names in `clients.toml`, ready to be looked for. Raises ConfigError that names `source`."""
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source} is not TOML: {error}") from error
    unknown = sorted(given.keys() - {"everywhere", "sites"})
    sites = given.get("sites", {})
    if unknown or not isinstance(sites, dict):
        raise ConfigError(f"{source}: {unknown[0] if unknown else 'sites'}: {_HOW}")
    everywhere = _names(given.get("everywhere", []), "everywhere", source)
    by_site = {one: _names(names, f"sites.{one}", source) for one, names in sites.items()}
    if len(everywhere) + sum(map(len, by_site.values())) > NAMES_MOST:
        raise ConfigError(f"{source}: more than {NAMES_MOST} names; name those that people write")
    return Texts(everywhere, by_site)


def normal(text: str) -> str:
    """Text as it is compared: without difference of width and case, and of blanks between Chinese
    characters."""
    blanks = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return _IDLE_BLANK.sub("", blanks)


def _names(given: Any, where: str, source: str) -> tuple[str, ...]:
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise ConfigError(f"{source}: {where}: {_HOW}")
    names = []
    for number, one in enumerate(given, 1):
        name = normal(one)
        if not NAME_MIN <= len(name) <= NAME_MAX:
            raise ConfigError(
                f"{source}: {where}, name {number}: expected {NAME_MIN} to {NAME_MAX} characters"
            )
        names.append(name)
    return tuple(names)


def _stands_in(name: str, text: str) -> bool:
    """Latin names as whole words: `UPS` is not in `groups`. Chinese has no words to see."""
    at = text.find(name)
    while at >= 0:
        end = at + len(name)
        before, after = text[at - 1 : at] if at else "", text[end : end + 1]
        if not (_same_word(before, name[0]) or _same_word(name[-1], after)):
            return True
        at = text.find(name, at + 1)
    return False


def _same_word(left: str, right: str) -> bool:
    return all(one.isalnum() and one < "\u0300" for one in (left or " ", right or " "))
