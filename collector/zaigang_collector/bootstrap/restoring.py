"""A data directory from a backup: only where there is none, and marked as what it is."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from zaigang_collector.bootstrap import archive, standing
from zaigang_collector.bootstrap.archive import Manifest
from zaigang_collector.bootstrap.standing import Mark, Restored
from zaigang_collector.config import DataDirectory
from zaigang_collector.errors import ConfigError
from zaigang_shared.errors import ZaigangError


def verify_only(file: Path) -> Manifest:
    """Take a backup apart in a temporary folder, compare everything, and leave nothing. Raises
    ConfigError, LedgerError, SchemaError."""
    _require(file)
    with tempfile.TemporaryDirectory(prefix="zaigang-") as folder:
        return archive.verify(file, Path(folder) / "check")


def restore(file: Path, root: Path, now_ms: int) -> Manifest:
    """Make the data directory `root`, new or empty, from a backup. Raises ConfigError, LedgerError,
    SchemaError; then nothing is left in `root`."""
    _require(file)
    _refuse_used(root)
    archive.unpack(file, None)  # not a byte is written for a file that does not hold
    directory = DataDirectory(root)
    _make_private(root)
    try:
        manifest = _fill(file, directory, now_ms)
    except (ZaigangError, OSError):
        _empty(root)
        raise
    _sync(root)
    return manifest


def _fill(file: Path, directory: DataDirectory, now_ms: int) -> Manifest:
    # A crash anywhere here leaves a directory without settings, which no command opens: they have
    # another name until everything else is there.
    manifest = archive.unpack(file, directory.root, _parked(directory))
    mark = Mark(manifest.origin, manifest.size, bytes.fromhex(manifest.root))
    standing.write_restored(directory, Restored(mark, manifest.at_ms, now_ms))
    archive.check(manifest, directory.root)
    _parked_settings(directory).replace(directory.settings)
    return manifest


def _parked(directory: DataDirectory) -> Callable[[str], str]:
    parked = _parked_settings(directory).name
    return lambda name: parked if name == directory.settings.name else name


def _parked_settings(directory: DataDirectory) -> Path:
    return directory.settings.with_name(directory.settings.name + ".new")


def _require(file: Path) -> None:
    if not file.is_file():
        raise ConfigError(f"{file} is not there; name the file that `backup` made")


def _refuse_used(root: Path) -> None:
    try:
        found = sorted({path.name for path in root.iterdir()} - {"lost+found"})
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigError(f"{root} cannot be used ({error.strerror}); choose another") from error
    if found:
        raise ConfigError(
            f"{root} is not empty ({found[0]}); nothing was changed. A backup is restored into a new "
            "or empty directory: name another with --data, or empty this one if an earlier "
            "`restore` was interrupted"
        )


def _make_private(root: Path) -> None:
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        root.chmod(0o700)
    except OSError as error:
        raise ConfigError(
            f"{root} cannot be made ({error.strerror}); choose another directory with --data"
        ) from error


def _empty(root: Path) -> None:
    """It was empty, so everything in it is ours."""
    for path in root.iterdir():
        if path.is_file():
            with contextlib.suppress(OSError):
                path.unlink()


def _sync(root: Path) -> None:
    descriptor = os.open(root, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
