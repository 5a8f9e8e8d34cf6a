"""The webhooks that are set up: by `hooks.toml` in the data directory, if there is one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from zaigang_collector.bootstrap.data import Opened
from zaigang_collector.connectors import files
from zaigang_collector.connectors.hooks import callbacks, settings
from zaigang_collector.connectors.hooks.callbacks import (
    Callback,
    DingTalkCalls,
    Envelope,
    FeishuCalls,
    WeComCalls,
)
from zaigang_collector.connectors.hooks.receiving import Hooks, Signed, Wakes
from zaigang_collector.connectors.hooks.settings import SignedSettings, WakesSettings
from zaigang_collector.errors import ConfigError

# A secret of fewer characters can be tried out; ours are made by `openssl rand -hex 32`.
_SECRET_MIN: Final = 32


def hooks_of(collector: Opened) -> Hooks:
    """All of them, with their secrets. Raises ConfigError."""
    root = collector.directory.root
    path = root / settings.FILE
    if not path.exists():
        return Hooks()
    found = settings.load(path)
    return Hooks(
        {name: _signed(root, name, one) for name, one in found.signed.items()},
        {name: _wakes(collector, root, name, one) for name, one in found.wakes.items()},
    )


def _signed(root: Path, name: str, one: SignedSettings) -> Signed:
    secret = files.secret(root, one.secret_file, _variable(name, "SECRET"))
    if len(secret) < _SECRET_MIN:
        raise ConfigError(
            f"signed.{name}: the secret has fewer than {_SECRET_MIN} characters; make one with "
            "`openssl rand -hex 32`"
        )
    return Signed(one.source or name, secret.encode(), one)


def _wakes(collector: Opened, root: Path, name: str, one: WakesSettings) -> Wakes:
    token = files.secret(root, one.token_file, _variable(name, "TOKEN"))
    key = files.secret(root, one.key_file, _variable(name, "KEY"))
    return Wakes(one.vendor, _callback(collector, name, one, token, key))


def _callback(collector: Opened, name: str, one: WakesSettings, token: str, key: str) -> Callback:
    if one.vendor == "feishu":
        return FeishuCalls(token, key)
    try:
        envelope = Envelope(token, callbacks.aes_key(key), one.owner or "")
    except ValueError:
        raise ConfigError(
            f"wakes.{name}: the key in {one.key_file} is not the 43 characters of {one.vendor}'s "
            "console"
        ) from None
    if one.vendor == "dingtalk":
        return DingTalkCalls(envelope, collector.randomness)
    return WeComCalls(envelope)


def _variable(name: str, what: str) -> str:
    return f"ZAIGANG_HOOK_{name.upper().replace('-', '_')}_{what}"
