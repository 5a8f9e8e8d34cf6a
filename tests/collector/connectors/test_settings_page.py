"""What docs/connectors.md says of the settings is what the program knows."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from tests.repo.checks import ROOT
from zaigang_collector.connectors.dingtalk.settings import ApprovalSettings, DingTalkSettings
from zaigang_collector.connectors.feishu.settings import FeishuSettings
from zaigang_collector.connectors.files import PeopleSettings, SiteSettings
from zaigang_collector.connectors.git.settings import GitSettings
from zaigang_collector.connectors.wecom import settings as wecom

_PAGE = (ROOT / "docs" / "connectors.md").read_text(encoding="utf-8")
_NONE = "none"


def table(heading: str) -> dict[str, str]:
    """Name and default of each row of the table that begins so."""
    _, found, rest = _PAGE.partition(f"| {heading} | default | meaning |\n")
    assert found, heading
    rows = rest.partition("\n\n")[0].splitlines()[1:]
    cells = [[cell.strip().strip("`") for cell in row.strip("|").split(" | ")] for row in rows]
    return {name: default for name, default, _ in cells}


def written(default: Any) -> str:
    """A default as the page writes it; tables of their own, and what must be given, have none."""
    if default in (msgspec.NODEFAULT, None) or isinstance(default, (msgspec.Struct, dict)):
        return _NONE
    value = list(default) if isinstance(default, tuple) else default
    return json.dumps(value)


@pytest.mark.parametrize(
    ("heading", "settings"),
    [
        ("setting", DingTalkSettings),
        ("in `[people]`", PeopleSettings),
        ("in `[sites]`", SiteSettings),
        ("in `[approvals.CODE]`", ApprovalSettings),
        ("setting of WeCom", wecom.WeComSettings),
        ("in WeCom's `[people]`", wecom.WeComPeople),
        ("in WeCom's `[approvals]`", wecom.ApprovalSettings),
        ("setting of Git", GitSettings),
        ("setting of Feishu", FeishuSettings),
    ],
)
def test_every_setting_is_on_the_page_with_its_default(
    heading: str, settings: type[msgspec.Struct]
) -> None:
    known = {
        one.name: written({} if one.default_factory is dict else one.default)
        for one in msgspec.structs.fields(settings)
    }
    assert table(heading) == known
