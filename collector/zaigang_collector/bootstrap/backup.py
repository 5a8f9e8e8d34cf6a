"""A data directory as one file: made while the collector works, and read back before it counts.

The file is a tar of `manifest.json` and what that names: the database as of one moment (SQLite's
VACUUM INTO, in one read transaction; never a copy of the file, which a writer would tear), and all
files of the data directory's root. Until the file is whole and was verified it has another name.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from zaigang_collector.bootstrap import archive
from zaigang_collector.bootstrap.archive import Manifest, Member
from zaigang_collector.bootstrap.data import Opened
from zaigang_collector.config import DataDirectory
from zaigang_collector.errors import ConfigError
from zaigang_collector.ledger import service as ledger
from zaigang_shared import __version__

# The database, its side files, and what is true of one directory only.
_LEFT_OUT: Final = frozenset({"zaigang.db", "zaigang.db-wal", "zaigang.db-shm", "restored.json"})
# Somebody who exchanges a key during a backup does so once. More waits for a directory that never
# rests; fewer gives up for one certificate that was renewed just then.
_ATTEMPTS: Final = 3


def make(collector: Opened, file: Path, *, files_only: bool = False) -> Manifest:
    """Write and verify the backup `file`, which must not exist. Raises ConfigError, LedgerError.

    `files_only`: everything but the database, for one that is elsewhere.
    """
    _refuse_place(collector.directory, file)
    if not files_only:
        _refuse_database(collector)
    with _workshop(file) as room:
        manifest = _snapshot(collector, room, files_only=files_only)
        packed = room / "whole.tar"
        _pack(packed, manifest, room)
        archive.verify(packed, room / "check")
        # Killed before this: `file` does not exist. After it: it is whole, and was verified.
        packed.replace(file)
        _sync_directory(file.parent)
    return manifest


def _refuse_place(directory: DataDirectory, file: Path) -> None:
    if file.exists():
        raise ConfigError(f"{file} exists already and is not overwritten; choose another name")
    if not file.parent.is_dir():
        raise ConfigError(f"{file.parent} is not a directory; make it, or choose another")
    if file.parent.resolve().is_relative_to(directory.root.resolve()):
        raise ConfigError(
            f"{file} would be inside of the data directory and lost with it; choose another place, "
            "best on another machine"
        )


def _refuse_database(collector: Opened) -> None:
    if not collector.settings.database_url:
        return
    if collector.engine.dialect.name == "postgresql":
        raise ConfigError(
            "the database is PostgreSQL: back it up with pg_dump, and the keys and settings of this "
            "directory with `zaigang-collector backup FILE --files-only`"
        )
    raise ConfigError(
        "database_url names a file outside of the data directory: back that up with "
        '`sqlite3 FILE ".backup COPY"`, and the rest with `zaigang-collector backup FILE --files-only`'
    )


@contextlib.contextmanager
def _workshop(file: Path) -> Iterator[Path]:
    """A folder beside `file`, 0700, removed at the end; one that a killed run left is removed
    first."""
    room = file.with_name(file.name + ".partial")
    shutil.rmtree(room, ignore_errors=True)
    room.mkdir(mode=0o700)
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _snapshot(collector: Opened, room: Path, *, files_only: bool) -> Manifest:
    """Database and files of one moment: a key that was exchanged in between would not fit."""
    for _ in range(_ATTEMPTS):
        files = _files(collector.directory)
        copy = None if files_only else _copy_database(collector.directory.database, room)
        if _fixed(_files(collector.directory)) == _fixed(files):
            break
    else:
        raise ConfigError("keys or settings keep changing; back up when nobody changes them")
    for name, data in files.items():
        archive.write_private(room / name, data)
    with archive.ledger_of(copy, collector.engine) as conn:
        newest = ledger.newest_checkpoint(conn)
        origin = ledger.origin(conn)
    members = {
        name: Member(len(data), hashlib.sha256(data).hexdigest()) for name, data in files.items()
    }
    if copy is not None:  # not before its last reader is gone: opening it writes to it
        members[copy.name] = Member(copy.stat().st_size, archive.sha256_of(copy))
    if newest is None:
        raise ConfigError("the database has no ledger: run `zaigang-collector upgrade`")
    return Manifest(
        version=__version__,
        at_ms=collector.clock.utc_ms(),
        origin=origin,
        size=newest.size,
        root=newest.root.hex(),
        checkpoint=newest.note,
        has_database=copy is not None,
        members=members,
    )


def _files(directory: DataDirectory) -> dict[str, bytes]:
    """Every file of the root: also those that a later version puts there."""
    found = sorted(directory.root.iterdir())
    return {
        path.name: path.read_bytes()
        for path in found
        if path.is_file()
        and not path.is_symlink()
        and path.name not in _LEFT_OUT
        and path.suffix != ".new"  # half of a replacement
    }


def _fixed(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if name != "ledger.high"}


def _copy_database(database: Path, room: Path) -> Path:
    """As of one moment, while others write. Without the free pages, in which what was deleted
    would still be."""
    copy = room / archive.DATABASE
    copy.unlink(missing_ok=True)
    archive.write_private(copy, b"")  # 0600 before anything is in it
    with contextlib.closing(sqlite3.connect(database)) as source:
        source.execute("VACUUM INTO ?", (str(copy),))
    return copy


def _pack(packed: Path, manifest: Manifest, room: Path) -> None:
    """Move what is in `room` into one file."""
    archive.write_private(room / archive.MANIFEST, manifest.dump())
    descriptor = os.open(packed, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name in (archive.MANIFEST, *sorted(manifest.members)):
                with (room / name).open("rb") as member:
                    info = tarfile.TarInfo(name)
                    info.size = (room / name).stat().st_size
                    info.mode, info.mtime = 0o600, manifest.at_ms / 1000
                    tar.addfile(info, member)
                (room / name).unlink()  # the disk holds the database twice already
        out.flush()
        os.fsync(out.fileno())


def _sync_directory(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
