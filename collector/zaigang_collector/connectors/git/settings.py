"""What can be set in `git.toml`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Final

import msgspec

from zaigang_collector.connectors import files
from zaigang_collector.connectors.files import Days, Minutes, Name, PeopleSettings, SiteSettings
from zaigang_collector.errors import ConfigError
from zaigang_shared.prime import prime

FILE: Final = "git.toml"

Repository = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")]
"""What a repository is called in sentences."""
Mail = Annotated[str, msgspec.Meta(pattern=r"^[^\s@]+@[^\s@]+$", max_length=254)]
# Larger lets a repository on a dead network drive hold up all sources; smaller gives up one of a
# million commits on a slow disk, which takes some ten seconds.
Seconds = Annotated[int, msgspec.Meta(ge=1, le=600)]


class GitSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """All of it; docs/connectors.md explains each."""

    repositories: dict[Repository, Name]
    """Name to folder, on this machine."""
    authors: dict[Mail, Name]
    """Mail address of an author to employee id."""
    program: Name = "/usr/bin/git"
    every_min: Minutes = 30
    first_days: Days = 14
    timeout_s: Seconds = 60

    @property
    def people(self) -> PeopleSettings:
        """Authors are told to be ours here, by employee id: no address is kept as an id."""
        return PeopleSettings(by="userid")

    @property
    def sites(self) -> SiteSettings:
        """A commit is made nowhere in particular."""
        return SiteSettings()

    def by_mail(self) -> dict[str, str]:
        """Employee id of each address, which is compared without regard to case."""
        return {mail.casefold(): employee_id for mail, employee_id in self.authors.items()}


prime(GitSettings)


def load(path: Path) -> GitSettings:
    """The settings in a file. Raises ConfigError."""
    settings = files.load(path, GitSettings)
    if not settings.repositories:
        raise ConfigError(f'{path}: repositories: expected one at least, as NAME = "/folder"')
    for name, folder in settings.repositories.items():
        if not Path(folder).is_absolute():
            raise ConfigError(
                f"{path}: repositories.{name}: expected a folder from the root on, not {folder!r}"
            )
    if not Path(settings.program).is_absolute():
        raise ConfigError(f"{path}: program: expected the program's whole path, as /usr/bin/git")
    twice = [one for one, n in Counter(m.casefold() for m in settings.authors).items() if n > 1]
    if twice:
        raise ConfigError(f"{path}: authors: {twice[0]} is there twice, in other capitals")
    return settings
