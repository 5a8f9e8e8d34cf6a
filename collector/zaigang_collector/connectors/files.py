"""A connector's settings: `NAME.toml` in the data directory, and its secret beside it or in the
environment."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from zaigang_collector.errors import ConfigError
from zaigang_shared.prime import prime

T = TypeVar("T", bound=msgspec.Struct)

Minutes = Annotated[int, msgspec.Meta(ge=1, le=24 * 60)]
Days = Annotated[int, msgspec.Meta(ge=0, le=180)]
Url = Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s?#@]+$", max_length=200)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]

# What is wrong comes with the place of it, as `$.sites.address`.
_AT: Final = re.compile(r" - at `\$\.?([^`]*)`$")


class PeopleSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How the system's people are told to be ours: `[people]`."""

    by: Annotated[str, msgspec.Meta(pattern="^(job_number|userid)$")] = "job_number"
    """What is the same as our employee id: the job number (工号), or the system's user id."""
    ids: dict[str, str] = {}
    """User ids that are somebody else's employee id than `by` says; it goes before."""
    every_min: Minutes = 24 * 60
    """Minutes between two looks at who there is."""


class SiteSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Which site is meant: `[sites.terminal]`, `[sites.address]`, `[sites.group]`."""

    terminal: dict[str, str] = {}
    """Serial number of an attendance machine to site."""
    address: dict[str, str] = {}
    """Address of a clock-in rule, as it stands there, to site."""
    group: dict[str, str] = {}
    """Id of an attendance group to site."""
    assigned_when_elsewhere: bool = False
    """Whether a punch that lies in no site's fence is a claim to be at the person's one assigned
    site. Then the fence speaks against it; else it is kept aside and told."""


prime(PeopleSettings, SiteSettings)


def load(path: Path, kind: type[T], page: str = "docs/connectors.md") -> T:
    """The settings in a file, which `page` explains. Raises ConfigError that says where it is wrong, and what was
    expected."""
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        said = str(error)
        where = _AT.search(said)
        place = f"{where[1] or 'the file'}: " if where else ""
        raise ConfigError(
            f"{path}: {place}{_AT.sub('', said)}; {page} lists what can be set"
        ) from None


def known_zone(path: Path, name: str) -> None:
    """Raises ConfigError where `time_zone` names no zone."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigError(
            f"{path}: time_zone: expected a name like Asia/Shanghai, not {name!r}"
        ) from None


def secret(
    root: Path, file_name: str, variable: str, environment: Mapping[str, str] = os.environ
) -> str:
    """A secret: from the environment, else from a file that only we can read (a relative name
    begins in the data directory). Raises ConfigError, without the secret."""
    if given := environment.get(variable, "").strip():
        return given
    path = root / file_name
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"there is no secret: {path} cannot be read ({type(error).__name__}) and {variable} is "
            "not set; put the application's secret in that file, chmod 600"
        ) from None
    if stat.S_IMODE(mode) & 0o077:
        raise ConfigError(f"{path} can be read by others; run: chmod 600 {path}")
    if not text or not text.isprintable() or " " in text:
        raise ConfigError(f"{path} holds no secret: expected one line without blanks")
    return text
