"""The provider that signs people in, asked over the network."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from typing import Final

import httpx2

from zaigang_collector.access.oidc import Client, Provider, ProviderError
from zaigang_collector.bootstrap.data import Opened
from zaigang_collector.errors import ConfigError

# What a person in front of a browser waits. Larger holds up a thread for longer; smaller gives up on
# a provider that is only slow.
_ANSWER_S: Final = 10.0
# Keys and tokens are some KiB. Larger lets whoever answers fill the memory.
_ANSWER_BYTES: Final = 256 * 1024


def provider(collector: Opened) -> Provider | None:
    """As it was set up; None: it was not. Raises ConfigError for half a set-up."""
    settings = collector.settings
    if not settings.login_issuer:
        return None
    needed = ("login_client_id", "login_secret_file", "login_back_url")
    absent = [name for name in needed if not getattr(settings, name)]
    if absent:
        raise ConfigError(f"login_issuer is set, and {', '.join(absent)} is not; set it as well")
    client = Client(
        settings.login_issuer,
        settings.login_client_id,
        _secret(collector),
        settings.login_back_url,
        settings.login_employee_claim,
    )
    return Provider(client, _ask)


def _secret(collector: Opened) -> str:
    path = collector.directory.root / collector.settings.login_secret_file
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise ConfigError(f"{path} can be read by others; run: chmod 600 {path}")
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"login_secret_file {path} cannot be read: {error}") from error
    if not text:
        raise ConfigError(f"login_secret_file {path} is empty; it holds the client secret")
    return text


def _ask(address: str, form: Mapping[str, str] | None) -> bytes:
    """One question. Redirects are not followed and no proxy is asked: the issuer answers, or nobody."""
    try:
        with (
            httpx2.Client(timeout=_ANSWER_S, follow_redirects=False, trust_env=False) as client,
            client.stream("GET" if form is None else "POST", address, data=form) as answer,
        ):
            body = b""
            for part in answer.iter_bytes():
                body += part
                if len(body) > _ANSWER_BYTES:
                    raise ProviderError("the provider's answer is too long")
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        # Never the address: a code may stand in it.
        raise ProviderError(f"the provider cannot be reached ({type(error).__name__})") from None
    if answer.status_code != httpx2.codes.OK:
        raise ProviderError(f"the provider answered {answer.status_code}")
    return body
