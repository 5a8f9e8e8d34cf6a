"""Whether the ledger may grow here: not from a copy that is older than what was shown outside.

Two files of the data directory say so. `restored.json` is written by `restore` and stays until
somebody decides. `ledger.high` is what we ourselves wrote last: a database that was put back behind
our back does not reach it. Put back together with the directory, it is as old as the database, and
only devices and witnesses can tell.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from zaigang_collector.config import DataDirectory
from zaigang_collector.errors import ConfigError, LedgerError
from zaigang_collector.ledger import service as ledger
from zaigang_shared.errors import EvidenceError
from zaigang_shared.merkle import HASH_BYTES

_LOG: Final = logging.getLogger(__name__)
_BOTH_WAYS_OUT: Final = (
    "Nothing is added to the ledger meanwhile; what devices send is kept and waits. Stop this "
    "collector, then either put the newer database back{remove}, or continue from here "
    "under a new name: zaigang-collector ledger reopen --by NAME --why TEXT"
)


@dataclass(frozen=True, slots=True)
class Mark:
    """The ledger at a moment."""

    origin: str
    size: int
    root: bytes

    def dump(self) -> bytes:
        """As the file holds it."""
        fields = {"origin": self.origin, "size": self.size, "root": self.root.hex()}
        return json.dumps(fields).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Restored:
    """`restored.json`: which backup this directory was made from."""

    mark: Mark
    backup_ms: int
    """When the backup was made, UTC."""
    restored_ms: int

    def dump(self) -> bytes:
        """As the file holds it."""
        mark = self.mark
        fields = {
            "origin": mark.origin,
            "size": mark.size,
            "root": mark.root.hex(),
            "backup_ms": self.backup_ms,
            "restored_ms": self.restored_ms,
        }
        return json.dumps(fields, indent=2).encode() + b"\n"


def held(conn: Connection, directory: DataDirectory) -> str | None:
    """Why nothing may be added to the ledger, with both ways out; None: nothing speaks against it.

    Raises ConfigError for a file that is not what we wrote.
    """
    restored = read_restored(directory)
    if restored is not None:
        return (
            f"This data directory was restored from a backup of the ledger {restored.mark.origin} "
            f"with {restored.mark.size} entries, and whoever saw a newer one must not be shown "
            "another with the same name. "
            + _BOTH_WAYS_OUT.format(remove=f" and remove {directory.restored.name}")
        )
    mark = read_high(directory)
    if mark is None:
        return None
    wrong = _difference(conn, mark)
    if wrong is None:
        return None
    return (
        f"The database is older than what this collector wrote last, or was altered: {wrong}. "
        + _BOTH_WAYS_OUT.format(remove="")
    )


def newest_mark(conn: Connection, origin: str) -> Mark:
    """The ledger as the database has it. Raises LedgerError without one."""
    newest = ledger.newest_checkpoint(conn)
    if newest is None:
        raise LedgerError("the database has no ledger: run `zaigang-collector upgrade`")
    return Mark(origin, newest.size, newest.root)


def read_high(directory: DataDirectory) -> Mark | None:
    """What we wrote last; None: nothing yet, or a power cut left the file empty."""
    path = directory.ledger_high
    try:
        fields = json.loads(path.read_bytes())
        return _mark(fields)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        # It is not synced to disk: after a power cut it may hold nothing. Refusing to start would
        # punish that, and whoever can write here can also delete it.
        _LOG.warning("%s does not hold what this collector wrote; taken as absent", path.name)
        return None


def write_high(directory: DataDirectory, mark: Mark) -> None:
    """Replace the file whole; after the commit that it tells of, never before it."""
    fresh = directory.ledger_high.with_name(directory.ledger_high.name + ".new")
    _write(fresh, mark.dump(), sync=False)
    fresh.replace(directory.ledger_high)


def read_restored(directory: DataDirectory) -> Restored | None:
    """Which backup the directory was made from; None: it was not, or it was decided. Raises
    ConfigError: what is not readable is no decision."""
    path = directory.restored
    try:
        fields = json.loads(path.read_bytes())
        return Restored(_mark(fields), int(fields["backup_ms"]), int(fields["restored_ms"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path} does not hold what `restore` writes; restore the backup once more into "
            "another directory"
        ) from error


def write_restored(directory: DataDirectory, restored: Restored) -> None:
    """Mark a directory, durably: a mark that a power cut undoes would let the ledger fork."""
    _write(directory.restored, restored.dump(), sync=True)


def decided(directory: DataDirectory, mark: Mark) -> None:
    """The ledger goes on from `mark`, which is committed.

    A crash between the two leaves the directory marked: reopening once more gives the ledger one
    more name, and harms nothing.
    """
    write_high(directory, mark)
    with contextlib.suppress(FileNotFoundError):
        directory.restored.unlink()


def _difference(conn: Connection, mark: Mark) -> str | None:
    newest = ledger.newest_checkpoint(conn)
    size = 0 if newest is None else newest.size
    if size < mark.size:
        return f"its ledger has {size} entries, and had {mark.size}"
    try:
        root = ledger.root_at(conn, mark.size)
    except (LedgerError, EvidenceError) as error:
        return f"its ledger cannot show what it was at {mark.size} entries ({error})"
    if root != mark.root:
        return f"at {mark.size} entries its ledger has another root than it had"
    if mark.origin not in _names(conn):
        return f"its ledger never had the name {mark.origin}"
    return None


def _names(conn: Connection) -> set[str]:
    names = {one.as_origin for one in ledger.continuations(conn)}
    return names | {one.origin for one in ledger.continuations(conn)} | {ledger.origin(conn)}


def _mark(fields: dict[str, object]) -> Mark:
    origin, size, root = fields["origin"], fields["size"], bytes.fromhex(str(fields["root"]))
    if type(origin) is not str or type(size) is not int or size < 0 or len(root) != HASH_BYTES:
        raise ValueError("not a mark")
    return Mark(origin, size, root)


def _write(path: Path, data: bytes, *, sync: bool) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        if sync:
            file.flush()
            os.fsync(file.fileno())
