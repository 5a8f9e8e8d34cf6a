"""The file under the spool: how it is made and opened, who has it, what its errors mean, and the room
that is kept for when the disk is full.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import sqlite3
from pathlib import Path
from typing import Final

from zaigang_agent.errors import IdentityError, SpoolError, SpoolFullError
from zaigang_shared.envelope import FIRST_PREV

FILE: Final = "spool.db"
RESERVE: Final = "reserve"
_LOCK: Final = "lock"
# Room for a gap and for settling a receipt on a full disk: some pages of the write-ahead log.
# Larger is wasted, smaller may not hold the log's first growth (one page of 4 KiB per change).
_RESERVE_BYTES: Final = 256 * 1024
# Pages in the log before they are moved into the file. SQLite's own 1000 let the log grow to 4 MB.
_CHECKPOINT_PAGES: Final = 128
_CACHE_KIB: Final = 256
_BUSY_MS: Final = 10_000  # `status` and `doctor` read for moments only
_MACHINE_IDS: Final = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
# The board's own number, where everybody may read it (a Raspberry Pi): an SD card that was copied
# whole brings its machine id and its inodes along, and this it does not.
_BOARD: Final = Path("/sys/firmware/devicetree/base/serial-number")

_SCHEMA: Final = """
CREATE TABLE envelope (seq INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
CREATE TABLE chain (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    device_id TEXT NOT NULL,
    marker BLOB NOT NULL,
    last_seq INTEGER NOT NULL,
    last_digest BLOB NOT NULL,
    last_boot BLOB,
    last_up_ms INTEGER NOT NULL,
    stopped INTEGER NOT NULL,
    receipt BLOB,
    through INTEGER NOT NULL,
    head BLOB NOT NULL,
    broken TEXT
) STRICT;
"""


def create(state_dir: Path, device_id: str) -> None:
    """A new file with an empty chain of this device. Raises SpoolError."""
    path = state_dir / FILE
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with contextlib.closing(_connected(path)) as db:
            db.execute("PRAGMA auto_vacuum = INCREMENTAL")
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(_SCHEMA)
            db.execute(
                "INSERT INTO chain VALUES (1, ?, ?, 0, ?, NULL, 0, 1, NULL, 0, ?, NULL)",
                (device_id, marker(state_dir), FIRST_PREV, FIRST_PREV),
            )
    except (OSError, sqlite3.Error) as error:
        raise SpoolError(f"{path}: the spool cannot be made: {error}") from error
    make_reserve(state_dir)


def connect(state_dir: Path) -> sqlite3.Connection:
    """The file of a device that was enrolled. Raises IdentityError when it is gone, SpoolError."""
    path = state_dir / FILE
    if not path.is_file():
        raise IdentityError(
            f"{path} is gone, and with it this device's place in its chain: "
            "enrol again: zaigang-agent enrol --again URL TOKEN"
        )
    try:
        db = _connected(path)
    except sqlite3.Error as error:
        raise explained(error, state_dir) from error
    try:
        if db.execute("SELECT count(*) FROM chain").fetchone()[0] != 1:
            raise sqlite3.DatabaseError("its one line is missing")
        db.execute("SELECT max(seq) FROM envelope").fetchone()
    except sqlite3.Error as error:
        db.close()
        raise explained(error, state_dir) from error
    return db


def explained(error: sqlite3.Error, state_dir: Path) -> SpoolError:
    """What SQLite means, and what to do about it."""
    code = getattr(error, "sqlite_errorcode", None)
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE):
        return SpoolFullError(f"there is no room left on the disk of {state_dir}: make some")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return SpoolError(f"{state_dir / FILE} is kept busy by another program: close it")
    if isinstance(error, sqlite3.OperationalError) and code != sqlite3.SQLITE_ERROR:
        return SpoolError(f"{state_dir / FILE} cannot be read or written: {error}")
    return SpoolError(
        f"{state_dir / FILE} is damaged ({error}); keep it for the record and enrol again: "
        "zaigang-agent enrol --again URL TOKEN"
    )


def take_lock(state_dir: Path) -> int:
    """A descriptor to keep open: the kernel holds the lock for as long as the process lives, and there
    is nothing to clean up after a kill. Raises SpoolError."""
    try:
        lock = os.open(state_dir / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SpoolError(f"{state_dir} cannot be written: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise SpoolError(f"another agent is running with {state_dir}: stop it first") from None
    return lock


def written_ms(state_dir: Path) -> int | None:
    """When the file was last written to, UTC. Opening it makes an empty log, which says nothing."""
    found = []
    for name in (FILE, f"{FILE}-wal"):
        with contextlib.suppress(OSError):
            file = (state_dir / name).stat()
            found += [file.st_mtime_ns // 1_000_000] if file.st_size else []
    return max(found, default=None)


def marker(state_dir: Path) -> bytes:
    """What a copy does not have: this machine's id and board, and this folder's inode.

    Not the device number of the file system, which changes from boot to boot on some.
    """
    machine = b""
    for path in _MACHINE_IDS:
        with contextlib.suppress(OSError):
            machine = path.read_bytes().strip()
            break
    with contextlib.suppress(OSError):
        machine += b"/" + _BOARD.read_bytes().strip(b"\0\n")
    inode = state_dir.stat().st_ino
    return hashlib.sha256(b"zaigang/marker/1" + machine + inode.to_bytes(8, "big")).digest()


def make_reserve(state_dir: Path) -> None:
    """Keep some room for a disk that is full, where there is none kept yet."""
    path = state_dir / RESERVE
    if path.exists():
        return
    with contextlib.suppress(OSError):  # a full disk: without a reserve, then
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, _RESERVE_BYTES)
        except OSError:
            path.unlink()
        finally:
            os.close(descriptor)


def release_reserve(state_dir: Path) -> bool:
    """Give that room back to the disk; False when there was none."""
    try:
        (state_dir / RESERVE).unlink()
    except OSError:
        return False
    return True


def _connected(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_BUSY_MS / 1000, isolation_level=None)
    db.execute("PRAGMA synchronous = FULL")
    db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    db.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    return db
