"""The file that `backup` writes and `restore` reads: what is in it, and whether it holds."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import sqlite3
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Final

from sqlalchemy import Connection, Engine

from zaigang_collector import db, migrations
from zaigang_collector.config import DataDirectory
from zaigang_collector.devices import keyring
from zaigang_collector.errors import ConfigError
from zaigang_collector.ledger import sequencer
from zaigang_collector.ledger import service as ledger
from zaigang_shared.merkle import Frontier

MANIFEST: Final = "manifest.json"
DATABASE: Final = "zaigang.db"
_FORMAT: Final = "zaigang-backup/1"
# A settings file and a key are a few KiB. Larger lets a file that is not ours fill the memory;
# smaller refuses a long list of members.
_MANIFEST_MAX: Final = 1 << 20
_CHUNK: Final = 1 << 20
_PAGE: Final = 10_000  # entries read at a time while the root is made again
# One plain name each: nothing of an archive may be written anywhere else than in its directory.
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}")
_NOT_OURS: Final = "is not a backup that `zaigang-collector backup` made, or was damaged"


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a backup."""

    size: int
    sha256: str
    """Hex."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds, and which ledger."""

    version: str
    """Of the program that made it."""
    at_ms: int
    """When, UTC."""
    origin: str
    size: int
    """Entries in the ledger's tree."""
    root: str
    """Of that tree, hex."""
    checkpoint: str
    """C2SP signed note."""
    has_database: bool
    members: Mapping[str, Member]

    def dump(self) -> bytes:
        """JSON."""
        return json.dumps({"format": _FORMAT, **asdict(self)}, indent=2).encode() + b"\n"


def read_manifest(data: bytes, file: Path) -> Manifest:
    """Read what `dump` made. Raises ConfigError that names `file`."""
    try:
        fields: Any = json.loads(data)
        if fields.pop("format") != _FORMAT:
            raise ValueError("another format")
        members = {name: Member(**member) for name, member in fields.pop("members").items()}
        manifest = Manifest(members=members, **fields)
        whole = all(
            _NAME.fullmatch(name) and type(member.size) is int and type(member.sha256) is str
            for name, member in members.items()
        )
        texts = (manifest.version, manifest.origin, manifest.checkpoint)
        numbers = (manifest.at_ms, manifest.size)
        if not whole or MANIFEST in members or (DATABASE in members) != manifest.has_database:
            raise ValueError("members that cannot be")
        if len(bytes.fromhex(manifest.root)) != 32 or any(type(one) is not int for one in numbers):
            raise ValueError("a ledger that cannot be")
        if any(type(one) is not str for one in texts):
            raise ValueError("texts that are none")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(f"{file} {_NOT_OURS}: its manifest cannot be read ({error})") from error
    return manifest


def verify(file: Path, room: Path) -> Manifest:
    """Take the backup apart into the new folder `room` and compare everything with everything.
    Raises ConfigError, LedgerError, SchemaError."""
    room.mkdir(mode=0o700)
    manifest = unpack(file, room)
    check(manifest, room)
    return manifest


def unpack(
    file: Path, into: Path | None, named: Callable[[str], str] = lambda name: name
) -> Manifest:
    """Compare every byte with the manifest; write the members into a folder, unless that is None,
    each under the name that `named` gives it. Raises ConfigError."""
    try:
        with tarfile.open(file, "r:") as tar:
            first = tar.next()
            if first is None or first.name != MANIFEST or first.size > _MANIFEST_MAX:
                raise ConfigError(f"{file} {_NOT_OURS}: it does not begin with {MANIFEST}")
            manifest = read_manifest(_opened(tar, first, file).read(), file)
            left = dict(manifest.members)
            while (info := tar.next()) is not None:
                expected = left.pop(info.name, None)
                if expected is None:
                    raise ConfigError(f"{file} {_NOT_OURS}: {info.name!r} is not in its manifest")
                found = _take(
                    _opened(tar, info, file), None if into is None else into / named(info.name)
                )
                if found != expected:
                    raise ConfigError(f"{file} {_NOT_OURS}: {info.name} is not as it was packed")
    except (tarfile.TarError, EOFError) as error:
        raise ConfigError(f"{file} {_NOT_OURS}: {error}") from error
    if left:
        raise ConfigError(f"{file} {_NOT_OURS}: {min(left)} is missing")
    return manifest


def check(manifest: Manifest, folder: Path) -> None:
    """Whether the members in `folder` work together: keys, database, ledger. Raises ConfigError,
    LedgerError, SchemaError."""
    keys = keyring.load(DataDirectory(folder))
    if not manifest.has_database:
        return
    _check_database(folder / DATABASE)
    with ledger_of(folder / DATABASE, None) as conn:
        signer = sequencer.signer(conn, keys.ledger_name, keys.ledger_key)
        newest = sequencer.check(conn, signer)
        root = _root_again(conn)
    told = manifest.origin, manifest.size, manifest.root
    if (signer.origin, newest.size, newest.root.hex()) != told:
        raise ConfigError("the backup's database holds another ledger than its manifest says")
    if root != newest.root:
        raise ConfigError(
            "the entries in the backup do not give the root that was signed: the database was "
            "altered before; `zaigang-collector audit` on it names where"
        )


@contextlib.contextmanager
def ledger_of(copy: Path | None, engine: Engine | None) -> Iterator[Connection]:
    """A view of a copy of the database or, without one, of the database itself."""
    if copy is None:
        assert engine is not None  # noqa: S101  # one of the two is given
        with db.reading(engine) as conn:
            yield conn
        return
    own = db.open_engine(f"sqlite:///{copy.absolute()}")
    try:
        migrations.check(own)
        with db.reading(own) as conn:
            yield conn
    finally:
        own.dispose()
        # The copy is packed as one file: what WAL mode put beside it is empty, and goes.
        _close_wal(copy)


def write_private(path: Path, data: bytes) -> None:
    """A new file, 0600, durable."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sha256_of(path: Path) -> str:
    """Hex, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _opened(tar: tarfile.TarFile, info: tarfile.TarInfo, file: Path) -> IO[bytes]:
    member = tar.extractfile(info) if info.isreg() else None
    if member is None or not _NAME.fullmatch(info.name):
        raise ConfigError(f"{file} {_NOT_OURS}: {info.name!r} is not a plain file")
    return member


def _take(member: IO[bytes], target: Path | None) -> Member:
    """Read a member to its end, and keep it, 0600 and durable, where there is a target."""
    digest, size = hashlib.sha256(), 0
    with contextlib.ExitStack() as stack:
        out = None
        if target is not None:
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            out = stack.enter_context(os.fdopen(descriptor, "wb"))
        while chunk := member.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            if out is not None:
                out.write(chunk)
        if out is not None:
            out.flush()
            os.fsync(out.fileno())
    return Member(size, digest.hexdigest())


def _check_database(copy: Path) -> None:
    try:
        with contextlib.closing(sqlite3.connect(copy)) as conn:
            (told,) = conn.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        told = str(error)
    if told != "ok":
        raise ConfigError(f"the database in the backup is damaged: {told}")


def _root_again(conn: Connection) -> bytes:
    """The root over all entries, made from nothing but them."""
    edge = Frontier()
    while found := ledger.sequenced(conn, edge.size, _PAGE):
        for entry in found:
            edge.append(entry.leaf)
    return edge.root()


def _close_wal(copy: Path) -> None:
    with contextlib.closing(sqlite3.connect(copy)) as conn:
        conn.execute("PRAGMA journal_mode = DELETE").fetchone()
