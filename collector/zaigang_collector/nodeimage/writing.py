"""Where the files of a card are put: onto the card itself, or into a folder that is carried to it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Final

from zaigang_collector.errors import NodeImageError
from zaigang_collector.nodeimage import files, merge
from zaigang_collector.nodeimage.recipe import Recipe

_CONFIG: Final = "config.txt"
_CMDLINE: Final = "cmdline.txt"
_BEFORE: Final = ".before-zaigang"


def shipped() -> dict[str, bytes]:
    """firmware_config/node: beside this module in an installation, in its own folder in a checkout."""
    folder = Path(str(resources.files("zaigang_collector.nodeimage"))) / "node"
    if not folder.is_dir():
        folder = Path(__file__).resolve().parents[3] / "firmware_config" / "node"
    try:
        return {path.name: path.read_bytes() for path in folder.iterdir()}
    except OSError as error:
        raise NodeImageError(
            f"{folder} cannot be read ({error.strerror}): is zaigang installed whole?"
        ) from error


def is_boot_partition(out: Path) -> bool:
    """Whether `out` is the mounted boot partition of a card, or looks like one."""
    return (out / _CONFIG).is_file() and (out / _CMDLINE).is_file()


def write(out: Path, recipe: Recipe) -> list[str]:
    """Add everything to the boot partition `out`, or make the folder `out` for it (0700, files 0600).

    Returns which files of the partition were put aside. Raises NodeImageError; OSError of the disk.
    """
    node = shipped()
    made = files.files(recipe, node)
    words, block = files.cmdline_words(recipe), node[_CONFIG].decode()
    if not is_boot_partition(out):
        made |= {name: node[name] for name in files.APPLY}
        made |= {files.CONFIG_ADD: block.encode(), files.CMDLINE_ADD: f"{words}\n".encode()}
        _make_new(out)
        _write_all(out, made)
        return []
    config = merge.config((out / _CONFIG).read_text(encoding="utf-8"), block)
    cmdline = merge.cmdline((out / _CMDLINE).read_text(encoding="utf-8"), words)
    aside = _put_aside(out, made)
    _remove_stale(out, made)
    _write_all(out, made)
    # Last: until then the card boots as it would have without us.
    _write_all(out, {_CONFIG: config.encode(), _CMDLINE: cmdline.encode()})
    return aside


def _make_new(out: Path) -> None:
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise NodeImageError(
            f"{out} is neither empty nor a boot partition (with {_CONFIG} and {_CMDLINE}): nothing "
            "was written. Give a new folder, or the mounted partition of a freshly written card"
        )
    out.chmod(0o700)


def _put_aside(out: Path, made: Mapping[str, bytes]) -> list[str]:
    """Pi OS brings examples of its own for cloud-init: kept, under another name."""
    if (out / files.FOLDER).exists():  # what is there is ours
        return []
    theirs = [name for name in made if "/" not in name and (out / name).exists()]
    for name in theirs:
        if not (out / f"{name}{_BEFORE}").exists():
            (out / name).rename(out / f"{name}{_BEFORE}")
    return theirs


def _remove_stale(out: Path, made: Mapping[str, bytes]) -> None:
    """A card that is written again holds nothing of the time before: no key of who may log in no
    longer, and no beginning of another release."""
    if not (out / files.FOLDER).exists():
        return
    for name in files.BEGINNINGS:
        if name not in made:
            (out / name).unlink(missing_ok=True)
    for path in (out / files.FOLDER).iterdir():
        if f"{files.FOLDER}/{path.name}" not in made:
            path.unlink()


def _write_all(out: Path, made: Mapping[str, bytes]) -> None:
    for name, data in made.items():
        target = out / name
        target.parent.mkdir(mode=0o700, exist_ok=True)
        new = target.with_name(target.name + ".new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(target)
    with contextlib.suppress(OSError):  # not every file system can
        descriptor = os.open(out, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
