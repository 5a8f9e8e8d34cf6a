"""What can be set in `hooks.toml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from zaigang_collector.connectors import files
from zaigang_collector.connectors.files import Name
from zaigang_collector.errors import ConfigError
from zaigang_collector.worktraces.model import EventKind
from zaigang_shared.prime import prime

FILE: Final = "hooks.toml"
_VENDORS: Final = frozenset({"dingtalk", "wecom", "feishu", "git"})

HookName = Annotated[str, msgspec.Meta(pattern="^[a-z0-9-]{1,40}$")]
"""Part of an address, and of the name of an environment variable."""
FieldPath = Annotated[str, msgspec.Meta(pattern=r"^[^.\s]+(\.[^.\s]+){0,7}$", max_length=200)]
"""Names of fields from the outside in, with points between: `data.task.id`."""


class FieldSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Where in the JSON is what: `[signed.NAME.fields]`. Nothing else is looked at."""

    items: FieldPath | None = None
    """The list of events; None: the body is one event."""
    id: FieldPath
    person: FieldPath
    """Of whom: our employee id (工号)."""
    happened: FieldPath
    received: FieldPath | None = None
    kind: FieldPath | None = None
    client_text: FieldPath | None = None
    """Where a client may be named: searched in memory, never kept."""


class SignedSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A system of the company's own that signs what it sends: `[signed.NAME]`."""

    secret_file: Name
    source: Annotated[str, msgspec.Meta(pattern=r"^[\w.-]{1,40}$")] | None = None
    """What its events are called as to where they come from; None: the hook's name."""
    times: Literal["iso", "s", "ms"] = "iso"
    """How it writes times: ISO 8601 with offset, or UTC seconds or milliseconds since 1970."""
    kind: EventKind = EventKind.OTHER
    """Of events whose kind is not told, or not in `kinds`."""
    kinds: dict[str, EventKind] = {}
    """Its own words for kinds."""
    fields: FieldSettings


class WakesSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A vendor's event subscription, which only wakes the poll: `[wakes.NAME]`."""

    vendor: Literal["dingtalk", "wecom", "feishu"]
    token_file: Name
    """Token of the subscription: 签名 Token, Token, Verification Token."""
    key_file: Name
    """Key that it is encrypted with: aes_key, EncodingAESKey, Encrypt Key."""
    owner: Name | None = None
    """For whom it has to be: DingTalk's AppKey, WeCom's corp id; Feishu has none."""


class HookSettings(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """All of it; docs/worktraces.md explains each."""

    signed: dict[HookName, SignedSettings] = {}
    wakes: dict[HookName, WakesSettings] = {}


prime(HookSettings)


def load(path: Path) -> HookSettings:
    """The settings in a file. Raises ConfigError."""
    found = files.load(path, HookSettings, "docs/worktraces.md")
    for name in sorted(found.signed.keys() & found.wakes.keys()):
        raise ConfigError(f"{path}: {name} is in [signed] and in [wakes]; each hook has one name")
    for name, one in found.signed.items():
        if (one.source or name) in _VENDORS:
            raise ConfigError(
                f"{path}: signed.{name}: expected another source than {one.source or name}: that is "
                "what the system itself says, and nobody else"
            )
    for name, wakes in found.wakes.items():
        if (wakes.owner is None) != (wakes.vendor == "feishu"):
            what = "no owner" if wakes.vendor == "feishu" else "owner: the AppKey or the corp id"
            raise ConfigError(f"{path}: wakes.{name}: expected {what} for {wakes.vendor}")
    return found
