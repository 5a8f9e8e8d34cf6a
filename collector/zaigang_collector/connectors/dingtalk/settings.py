"""What can be set in `dingtalk.toml`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

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
from zaigang_collector.directory.datum import Datum
from zaigang_collector.errors import ConfigError
from zaigang_shared.prime import prime

FILE: Final = "dingtalk.toml"
SECRET_VARIABLE: Final = "ZAIGANG_DINGTALK_APP_SECRET"  # noqa: S105  # a name, not the secret


class ApprovalSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One kind of approval that makes a stretch exempt: `[approvals.PROC-…]`."""

    kind: ExemptionKind
    """What it approves."""
    period_field: Name
    """Id of the form's field that holds from and to; no other field is read."""


class DingTalkSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """All of it; docs/connectors.md explains each."""

    app_key: Name
    app_secret_file: Name = "dingtalk.secret"  # noqa: S105  # a file's name
    api_url: Url = "https://api.dingtalk.com"
    oapi_url: Url = "https://oapi.dingtalk.com"
    datum: Datum = Datum.GCJ02
    """In which system DingTalk's coordinates are; undocumented, and GCJ-02 by its maps."""
    time_zone: str = "Asia/Shanghai"
    """Of times that DingTalk writes without a zone."""
    every_min: Minutes = 30
    first_days: Days = 7
    departments: tuple[int, ...] = (1,)
    """Where listing people begins; 1 is the whole company."""
    operator: str = ""
    """User id of somebody who may see everybody's check-ins; empty: check-ins are not asked for."""
    leave: bool = True
    approval_events: tuple[Name, ...] = ()
    """Process codes of approvals in which what people did counts as a trace of work."""
    work_logs: bool = False
    """Whether work logs (日志) are asked for; their text is searched for clients and dropped."""
    people: PeopleSettings = PeopleSettings()
    sites: SiteSettings = SiteSettings()
    approvals: dict[str, ApprovalSettings] = {}
    """By process code."""


prime(DingTalkSettings)


def load(path: Path) -> DingTalkSettings:
    """The settings in a file. Raises ConfigError."""
    settings = files.load(path, DingTalkSettings)
    files.known_zone(path, settings.time_zone)
    if not settings.departments:
        raise ConfigError(f"{path}: departments: expected one at least; [1] is the whole company")
    return settings
