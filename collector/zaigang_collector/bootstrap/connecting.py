"""Asks the systems where people clock in, in a thread of its own.

A system is asked when the data directory has its settings, `NAME.toml`. That one of them is
silent is told where clock-ins are looked at, and does not make this collector unready: another start
would not help it.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from sqlalchemy.exc import SQLAlchemyError

from zaigang_collector.bootstrap.data import Opened
from zaigang_collector.bootstrap.texts import texts_of
from zaigang_collector.connectors import erasing, files, http
from zaigang_collector.connectors.backoff import Rhythm
from zaigang_collector.connectors.dingtalk import connector as dingtalk
from zaigang_collector.connectors.dingtalk import settings as dingtalk_settings
from zaigang_collector.connectors.dingtalk import wire
from zaigang_collector.connectors.dingtalk.api import Api
from zaigang_collector.connectors.feishu import api as feishu_api
from zaigang_collector.connectors.feishu import connector as feishu
from zaigang_collector.connectors.feishu import settings as feishu_settings
from zaigang_collector.connectors.feishu import wire as feishu_wire
from zaigang_collector.connectors.git import connector as git
from zaigang_collector.connectors.git import settings as git_settings
from zaigang_collector.connectors.http import Caller, Dialect, Http
from zaigang_collector.connectors.polling import Passed, Poller, Source
from zaigang_collector.connectors.tokens import Token, TokenCache
from zaigang_collector.connectors.wecom import api as wecom_api
from zaigang_collector.connectors.wecom import connector as wecom
from zaigang_collector.connectors.wecom import settings as wecom_settings
from zaigang_collector.connectors.wecom import wire as wecom_wire
from zaigang_collector.errors import ConfigError
from zaigang_collector.worktraces.clients import Texts

_LOG: Final = logging.getLogger(__name__)

# How often it is looked what is due. Larger asks later than was set; smaller asks the database about
# nothing new.
EVERY_S: Final = 20.0
# After a fault of ours. Larger leaves it standing for longer; smaller asks the source the same again
# and again, until its calls are used up.
_FAULT_S: Final = 300.0
_JITTER_BYTES: Final = 4

Pause: TypeAlias = Callable[[float], bool]
"""Waits some seconds; True: stop."""
Build: TypeAlias = Callable[[Opened, Http, Pause], Source]


def _dingtalk(collector: Opened, client: Http, pause: Pause) -> Source:
    root = collector.directory.root
    settings = dingtalk_settings.load(root / dingtalk_settings.FILE)
    secret = files.secret(root, settings.app_secret_file, dingtalk_settings.SECRET_VARIABLE)
    fetch = partial(wire.fetch_token, client, settings.api_url, settings.app_key, secret)
    caller = _caller(collector, client, pause, wire.Wire(), fetch)
    api = Api(caller, settings.api_url, settings.oapi_url, ZoneInfo(settings.time_zone))
    made = dingtalk.DingTalk(settings, api, collector.keys.net_key)
    return Source(made, settings)


def _wecom(collector: Opened, client: Http, pause: Pause) -> Source:
    root = collector.directory.root
    settings = wecom_settings.load(root / wecom_settings.FILE)

    def caller(file_name: str, variable: str) -> Caller:
        secret = files.secret(root, file_name, variable)
        fetch = partial(wecom_wire.fetch_token, client, settings.api_url, settings.corp_id, secret)
        return _caller(collector, client, pause, wecom_wire.Wire(), fetch)

    check_ins = caller(settings.secret_file, wecom_settings.SECRET_VARIABLE)
    contacts = caller(settings.contacts_secret_file, wecom_settings.CONTACTS_VARIABLE)
    approvals = check_ins
    if settings.approvals_secret_file:
        approvals = caller(settings.approvals_secret_file, wecom_settings.APPROVALS_VARIABLE)
    callers = wecom_api.Callers(check_ins, contacts, approvals)
    asked = wecom_api.Api(callers, settings.api_url)
    return Source(wecom.WeCom(settings, asked, collector.keys.net_key), settings)


def _feishu(collector: Opened, client: Http, pause: Pause) -> Source:
    root = collector.directory.root
    settings = feishu_settings.load(root / feishu_settings.FILE)
    secret = files.secret(root, settings.app_secret_file, feishu_settings.SECRET_VARIABLE)
    fetch = partial(feishu_wire.fetch_token, client, settings.url, settings.app_id, secret)
    caller = _caller(collector, client, pause, feishu_wire.Wire(), fetch)
    asked = feishu_api.Api(caller, settings.url)
    return Source(feishu.Feishu(settings, asked, collector.keys.net_key), settings)


def _git(collector: Opened, client: Http, pause: Pause) -> Source:
    # Nothing is asked over the network: the repositories are on this machine.
    settings = git_settings.load(collector.directory.root / git_settings.FILE)
    return Source(git.Git(settings), settings)


def _caller(
    collector: Opened,
    client: Http,
    pause: Pause,
    dialect: Dialect,
    fetch_token: Callable[[], Token],
) -> Caller:
    """Calls with a token of their own, which is fetched when it is needed."""
    tokens = TokenCache(fetch_token, collector.clock)
    return Caller(client, tokens, dialect, Rhythm(lambda: _jitter(collector)), pause)


BUILDERS: Final[Mapping[str, Build]] = {
    dingtalk.SOURCE: _dingtalk,
    wecom.SOURCE: _wecom,
    feishu.SOURCE: _feishu,
    git.SOURCE: _git,
}
"""Every system that can be asked, by its name; its settings are in NAME.toml."""


def source(collector: Opened, name: str, client: Http, pause: Pause) -> Source:
    """One that is set up. Raises ConfigError."""
    path = collector.directory.root / f"{name}.toml"
    if not path.exists():
        raise ConfigError(
            f"{path} does not exist: {name} is not set up; docs/connectors.md says what goes in there"
        )
    return BUILDERS[name](collector, client, pause)


@contextlib.contextmanager
def opened(collector: Opened, name: str) -> Iterator[Source]:
    """The same, for a command that waits as long as it takes. Raises ConfigError."""
    stop = threading.Event()
    with http.opened(collector.clock) as client:
        yield source(collector, name, client, stop.wait)


def run_once(collector: Opened, one: Source, from_ms: int | None = None) -> Passed:
    """Ask one source for everything now; `from_ms`: read everybody again from then on. Raises
    ConfigError."""
    return _poller(collector, one, texts_of(collector)).run(
        collector.clock.utc_ms(), everything=True, from_ms=from_ms
    )


class Connecting:
    """One pass over all sources every `EVERY_S`, until stopped."""

    def __init__(self, collector: Opened) -> None:
        """Raises ConfigError."""
        self._collector = collector
        self._texts = texts_of(collector)
        self._stop = threading.Event()
        self._client = Http(collector.clock)
        self._thread = threading.Thread(target=self._run, name="connectors", daemon=True)
        self._sources = tuple(
            source(collector, name, self._client, self._stop.wait)
            for name in sorted(BUILDERS)
            if (collector.directory.root / f"{name}.toml").exists()
        )
        self.problem: str | None = None
        """What of ours does not work; None: nothing. What a source refuses is told elsewhere."""

    def start(self) -> None:
        """Raises what the database raises."""
        with self._collector.writing() as conn:
            erasing.disconnect(conn, [one.name for one in self._sources])
        if self._sources:
            self._thread.start()

    def stop(self) -> None:
        """Returns when the call at hand is over."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._client.close()

    def run_once(self) -> None:
        """Ask every source for what is due."""
        for one in self._sources:
            if self._stop.is_set():
                return
            _poller(self._collector, one, self._texts).run(self._collector.clock.utc_ms())

    def _run(self) -> None:
        wait_s = EVERY_S
        while not self._stop.wait(wait_s):
            wait_s = self.attempt()

    def attempt(self) -> float:
        """One pass, whatever comes of it; returns in how many seconds to make another."""
        try:
            self.run_once()
        except SQLAlchemyError as error:
            # The next pass finds the same to do: nothing is lost but time.
            self.problem = "Clock-ins are not being fetched: the database refuses."
            _LOG.error("fetching clock-ins failed: %s", type(error).__name__)
        except Exception as error:  # noqa: BLE001  # it has to try again, whatever it was
            self.problem = "Clock-ins are not being fetched; the log says why."
            _LOG.error("fetching clock-ins failed: %s in %s", type(error).__name__, _place(error))
        else:
            self.problem = None
            return EVERY_S
        return _FAULT_S


def _place(error: Exception) -> str:
    """Where it was raised. No traceback is logged: its last line may say what a vendor wrote."""
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    return "?" if where is None else f"{where.tb_frame.f_code.co_name}:{where.tb_lineno}"


def _poller(collector: Opened, one: Source, texts: Texts) -> Poller:
    return Poller(collector.engine, collector.vault, collector.randomness, one, texts)


def _jitter(collector: Opened) -> float:
    """0 to 1."""
    return int.from_bytes(collector.randomness(_JITTER_BYTES)) / float(1 << 8 * _JITTER_BYTES)
