"""A data directory, made or opened."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine

from zaigang_collector import config, db, migrations
from zaigang_collector.config import DataDirectory, Settings
from zaigang_collector.db import Randomness
from zaigang_collector.devices import keyring
from zaigang_collector.devices.configuration import INTERVALS, ConfigGrounds
from zaigang_collector.devices.enrolment import Issuer
from zaigang_collector.devices.keyring import Keyring
from zaigang_collector.errors import ConfigError
from zaigang_shared.clock import Clock, SystemClock


@dataclass(frozen=True)
class Opened:
    """Everything that commands and servers work with."""

    directory: DataDirectory
    settings: Settings
    keys: Keyring
    engine: Engine
    clock: Clock
    randomness: Randomness

    def reading(self) -> AbstractContextManager[Connection]:
        """A consistent view of the database."""
        return db.reading(self.engine)

    def writing(self) -> AbstractContextManager[Connection]:
        """One transaction."""
        return db.writing(self.engine)

    @property
    def issuer(self) -> Issuer:
        """What certificates and device configurations are made with."""
        return Issuer(
            self.keys.authority,
            ConfigGrounds(
                self.keys.receipt_key,
                self.keys.net_key,
                self.settings.margin_min,
                {name: getattr(self.settings, name) for name in INTERVALS},
            ),
            self.settings.certificate_days,
            self.randomness,
        )


def init(
    root: Path,
    settings: Settings,
    clock: Clock | None = None,
    randomness: Randomness = os.urandom,
) -> None:
    """Make a data directory: settings, keys (0600), database. Raises ConfigError when there is one
    already: keys are never overwritten."""
    directory = DataDirectory(root)
    if directory.settings.exists():
        raise ConfigError(
            f"{root} is a data directory already; nothing was changed. Choose another with --data."
        )
    now_ms = (clock or SystemClock()).utc_ms()
    keyring.create(directory, settings, now_ms, randomness)
    engine = db.open_engine(config.database_url(settings, directory))
    try:
        migrations.upgrade(engine)
    finally:
        engine.dispose()
    if directory.database.exists():
        directory.database.chmod(0o600)
    # Last: a directory with settings is a whole one.
    keyring.write_new(directory.settings, config.render(settings).encode())


def upgrade(root: Path) -> None:
    """Bring the database of a data directory to this version's schema."""
    directory = DataDirectory(root)
    engine = db.open_engine(config.database_url(config.load(directory), directory))
    try:
        migrations.upgrade(engine)
    finally:
        engine.dispose()


@contextlib.contextmanager
def opened(
    root: Path, clock: Clock | None = None, randomness: Randomness = os.urandom
) -> Iterator[Opened]:
    """Open a data directory. Raises ConfigError and SchemaError."""
    directory = DataDirectory(root)
    settings = config.load(directory)
    keys = keyring.load(directory)
    engine = db.open_engine(config.database_url(settings, directory))
    try:
        migrations.check(engine)
        yield Opened(directory, settings, keys, engine, clock or SystemClock(), randomness)
    finally:
        engine.dispose()
