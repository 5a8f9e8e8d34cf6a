"""The master key of a data directory: which there is, which is in use, and changing it.

Rotation in steps, each of which may be the last before a crash:

1. `master.key.new` is written, durably. A crash leaves a key that wraps nothing; the next rotation
   makes another.
2. In one transaction all keys are wrapped anew, and the database names the new master key. A crash
   leaves the one in use in `master.key.new`: it is found there.
3. `master.key` becomes `master.key.OLD.old`, and `master.key.new` becomes `master.key`. A crash in
   between leaves the one in use in `master.key.new`: it is found there.
4. `master.key.OLD.old` is removed. A crash leaves it, to be removed by the next rotation.

So every start looks at all of these files and takes the key that the database names.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from zaigang_collector import config, db
from zaigang_collector.config import DataDirectory, Settings
from zaigang_collector.db import Randomness
from zaigang_collector.devices import keyring
from zaigang_collector.errors import ConflictError
from zaigang_collector.vault import service
from zaigang_collector.vault.master import (
    COMMAND_PREFIX,
    MASTER_BYTES,
    CommandMaster,
    FileMaster,
    Master,
    read_file,
)
from zaigang_collector.vault.service import Vault

_NEW: Final = ".new"
_OLD: Final = ".old"


def vault(
    engine: Engine, settings: Settings, directory: DataDirectory, randomness: Randomness
) -> Vault:
    """The vault over a database, with every master key that is at hand. Raises ConfigError when the
    one in use is not."""
    with db.reading(engine) as conn:
        needed = service.masters_used(conn)
        made = Vault(_at_hand(settings, directory, needed), randomness)
        made.check(conn)
    return made


def rotate(
    engine: Engine,
    settings: Settings,
    directory: DataDirectory,
    randomness: Randomness,
    failpoint: Callable[[str], None] = lambda step: None,
) -> tuple[int, str]:
    """Wrap all keys with another master key: a new file, or what the command's settings name.
    Returns how many, and the id of the master key that is in use now.

    The caller keeps other collectors away. `failpoint` is told each step that is done.
    """
    made = vault(engine, settings, directory, randomness)
    path = config.master_key_path(settings, directory)
    if settings.master_key_command:
        to: Master = _command(settings, settings.master_key_id)
        with db.reading(engine) as conn:
            if service.current_master(conn) == to.id:
                raise ConflictError(
                    f"the master key {to.id} is in use already; set master_key_id to the name of "
                    "another key first, or rotate it within the KMS"
                )
        with db.writing(engine) as conn:
            count = made.rewrap(conn, to)
        return count, to.id
    _settle(path, _in_use(engine), failpoint)
    secret = randomness(MASTER_BYTES)
    fresh = _beside(path, _NEW)
    fresh.unlink(missing_ok=True)  # of a rotation that did not come to its transaction
    keyring.write_new(fresh, secret)
    _sync(path.parent)
    failpoint("written")
    to = FileMaster(secret)
    with db.writing(engine) as conn:
        count = made.rewrap(conn, to)
        failpoint("rewrapped")
    failpoint("committed")
    _settle(path, to.id, failpoint)
    db.scrub(engine)  # the old wrappings
    return count, to.id


def _settle(path: Path, in_use: str | None, failpoint: Callable[[str], None]) -> None:
    """Bring the file of the master key in use to its place, and remove those that wrap nothing."""
    fresh = _beside(path, _NEW)
    if fresh.exists() and in_use is not None and read_file(fresh).id == in_use:
        if path.exists():
            old = read_file(path).id.partition("/")[2]
            path.replace(_beside(path, f".{old}{_OLD}"))
            _sync(path.parent)
            failpoint("aside")
        fresh.replace(path)
        _sync(path.parent)
        failpoint("in place")
    if path.exists() and (in_use is None or read_file(path).id == in_use):
        for old_path in _old_files(path):
            old_path.unlink()
        _sync(path.parent)


def _at_hand(
    settings: Settings, directory: DataDirectory, needed: frozenset[str]
) -> Sequence[Master]:
    """First the one that the settings ask for."""
    path = config.master_key_path(settings, directory)
    files = [path, _beside(path, _NEW), *_old_files(path)]
    found: list[Master] = [read_file(one) for one in files if one.exists()]
    if not settings.master_key_command:
        if not found:
            read_file(path)  # raises, and says what to do
        return found
    names = [settings.master_key_id]
    names += sorted(
        one.removeprefix(COMMAND_PREFIX) for one in needed if one.startswith(COMMAND_PREFIX)
    )
    return [*(_command(settings, name) for name in dict.fromkeys(names)), *found]


def _command(settings: Settings, name: str) -> CommandMaster:
    return CommandMaster(config.command(settings.master_key_command), name)


def _in_use(engine: Engine) -> str | None:
    with db.reading(engine) as conn:
        return service.current_master(conn)


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _old_files(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.*{_OLD}"))


def _sync(folder: Path) -> None:
    """Make renames durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
