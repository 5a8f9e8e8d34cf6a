"""What can be set in `feishu.toml`."""

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
from zaigang_collector.errors import ConfigError
from zaigang_shared.prime import prime

FILE: Final = "feishu.toml"
SECRET_VARIABLE: Final = "ZAIGANG_FEISHU_APP_SECRET"  # noqa: S105  # a name, not the secret
DEPARTMENT: Final = r"[A-Za-z0-9][A-Za-z0-9_@.-]{0,63}"
"""An id of a department, as Feishu's documentation has it."""

Department = Annotated[str, msgspec.Meta(pattern=f"^{DEPARTMENT}$")]


class FeishuSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """All of it; docs/connectors.md explains each."""

    app_id: Name
    app_secret_file: Name = "feishu.secret"  # noqa: S105  # a file's name
    url: Url = "https://open.feishu.cn"
    """Of Lark: https://open.larksuite.com."""
    time_zone: str = "Asia/Shanghai"
    """Of days, and of times that Feishu writes without telling the zone."""
    every_min: Minutes = 30
    first_days: Days = 7
    departments: tuple[Department, ...] = ("0",)
    """Where listing people begins; 0 is the whole company."""
    approvals: bool = True
    """Whether leave, trips and 外出 exempt."""
    outs_are: ExemptionKind = ExemptionKind.BUSINESS_TRIP
    """What 外出 is in this company."""
    work_logs: bool = False
    """Whether work logs (汇报) are asked for; their text is searched for clients and dropped."""
    people: PeopleSettings = PeopleSettings()
    sites: SiteSettings = SiteSettings()


prime(FeishuSettings)


def load(path: Path) -> FeishuSettings:
    """The settings in a file. Raises ConfigError."""
    settings = files.load(path, FeishuSettings)
    files.known_zone(path, settings.time_zone)
    if not settings.departments:
        raise ConfigError(f'{path}: departments: expected one at least; ["0"] is the whole company')
    return settings
