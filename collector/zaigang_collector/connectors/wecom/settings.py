"""What can be set in `wecom.toml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec

from zaigang_collector.attendance.model import ExemptionKind
from zaigang_collector.connectors import files
from zaigang_collector.connectors.files import (
    Days,
    Minutes,
    Name,
    PeopleSettings,
    SiteSettings,
    Url,
)
from zaigang_shared.prime import prime

FILE: Final = "wecom.toml"
SECRET_VARIABLE: Final = "ZAIGANG_WECOM_SECRET"  # noqa: S105  # a name, not the secret
CONTACTS_VARIABLE: Final = "ZAIGANG_WECOM_CONTACTS_SECRET"
APPROVALS_VARIABLE: Final = "ZAIGANG_WECOM_APPROVALS_SECRET"


class WeComPeople(PeopleSettings, forbid_unknown_fields=True, frozen=True):
    """How WeCom's people are told to be ours: it tells their user ids and nothing else."""

    by: Annotated[str, msgspec.Meta(pattern="^userid$")] = "userid"


class ApprovalSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Which approvals are asked for: `[approvals]`."""

    leave: bool = True
    """请假."""
    trip: bool = True
    """出差."""
    outing: ExemptionKind | None = None
    """外出: as what it exempts; without it, not at all, and a punch on the way is judged."""
    correction: bool = True
    """补卡: a clock-in by the word of an approval."""


class WeComSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """All of it; docs/connectors.md explains each."""

    corp_id: Name
    secret_file: Name = "wecom.secret"  # noqa: S105  # a file's name
    """Of the application that may ask for check-ins."""
    contacts_secret_file: Name = "wecom-contacts.secret"  # noqa: S105  # a file's name
    """Of 通讯录同步, with which alone people are listed."""
    approvals_secret_file: str = ""
    """Where approvals have a secret of their own; empty: that of check-ins."""
    api_url: Url = "https://qyapi.weixin.qq.com"
    every_min: Minutes = 30
    first_days: Days = 7
    departments: tuple[int, ...] = ()
    """Whose people are read, and who is below; empty: everybody."""
    terminals: bool = False
    """Whether attendance machines are asked for as well."""
    approval_events: bool = False
    """Whether what people did in approvals of any kind counts as a trace of work."""
    work_logs: bool = False
    """Whether work logs (汇报) are asked for; their text is searched for clients and dropped."""
    people: WeComPeople = WeComPeople()
    sites: SiteSettings = SiteSettings()
    approvals: ApprovalSettings = ApprovalSettings()


prime(WeComSettings)


def load(path: Path) -> WeComSettings:
    """The settings in a file. Raises ConfigError."""
    return files.load(path, WeComSettings)
