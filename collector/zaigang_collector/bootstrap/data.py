"""A data directory, made or opened."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine

from zaigang_collector import beacon_ids, config, db, migrations
from zaigang_collector.bootstrap import masters
from zaigang_collector.config import DataDirectory, Settings
from zaigang_collector.db import Randomness
from zaigang_collector.devices import keyring
from zaigang_collector.devices.configuration import INTERVALS, ConfigGrounds
from zaigang_collector.devices.enrolment import Issuer
from zaigang_collector.devices.keyring import Keyring
from zaigang_collector.errors import ConfigError
from zaigang_collector.ledger import sequencer
from zaigang_collector.ledger.sequencer import Signer
from zaigang_collector.vault.service import Vault
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
    vault: Vault

    def reading(self) -> AbstractContextManager[Connection]:
        """A consistent view of the database."""
        return db.reading(self.engine)

    def writing(self) -> AbstractContextManager[Connection]:
        """One transaction."""
        return db.writing(self.engine)

    def signer(self) -> Signer:
        """Who signs this collector's ledger. Raises LedgerError."""
        with self.reading() as conn:
            return sequencer.signer(conn, self.keys.ledger_name, self.keys.ledger_key)

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
                config.work_apps(self.settings.work_apps),
                beacon_ids.prefixes(self.settings.kept_beacons),
                self.randomness,
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
    config.check(settings)
    _refuse_strange(root)
    now_ms = (clock or SystemClock()).utc_ms()
    keys = keyring.create(directory, settings, now_ms, randomness)
    engine = db.open_engine(config.database_url(settings, directory))
    try:
        migrations.upgrade(engine)
        with db.writing(engine) as conn:
            sequencer.prepare(conn, Signer(keys.ledger_name, keys.ledger_key), now_ms)
    finally:
        engine.dispose()
    if directory.database.exists():
        directory.database.chmod(0o600)
    # Last: a directory with settings is a whole one.
    keyring.write_new(directory.settings, config.render(settings).encode())


def upgrade(root: Path) -> None:
    """Bring the database of a data directory to this version's schema. Raises ConfigError."""
    directory = DataDirectory(root)
    keys = keyring.load(directory)
    engine = _engine(config.load(directory), directory)
    try:
        migrations.upgrade(engine)
        with db.writing(engine) as conn:
            signer = Signer(keys.ledger_name, keys.ledger_key)
            sequencer.prepare(conn, signer, SystemClock().utc_ms())
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
    engine = _engine(settings, directory)
    try:
        migrations.check(engine)
        vault = masters.vault(engine, settings, directory, randomness)
        yield Opened(directory, settings, keys, engine, clock or SystemClock(), randomness, vault)
    finally:
        engine.dispose()


def _engine(settings: Settings, directory: DataDirectory) -> Engine:
    """The database that there is: SQLite would make an empty one where it was lost."""
    if not settings.database_url:
        try:
            mode = directory.database.stat().st_mode
        except OSError as error:
            raise ConfigError(
                f"{directory.database} cannot be read ({error.strerror}); restore it from a backup"
            ) from error
        if stat.S_IMODE(mode) & 0o077:
            raise ConfigError(
                f"{directory.database} can be read by others; run: chmod 600 {directory.database}*"
            )
    return db.open_engine(config.database_url(settings, directory))


def _refuse_strange(root: Path) -> None:
    """A data directory is closed to everybody else: nothing that others need may be in it."""
    try:
        strange = sorted({path.name for path in root.iterdir()} - {"lost+found"})
    except OSError:
        return  # there is none yet, or `keyring.create` will say what is wrong with it
    if strange:
        raise ConfigError(
            f"{root} holds other files ({strange[0]}); nothing was changed. A data directory is new "
            "or empty: choose another with --data, or empty this one if `init` was interrupted."
        )
