"""Writing to people: lines, tables, files and the exit codes."""

from __future__ import annotations

import argparse
import csv
import enum
import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from zaigang_collector.drawing.table import Table, inert
from zaigang_collector.errors import ConfigError


class Exit(enum.IntEnum):
    """What a command's exit code means; printed by `zaigang-collector --help`."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CONFIG = 3
    BAD_INPUT = 4
    UNKNOWN_ID = 5


EXIT_CODES = """exit codes:
  0  done
  1  it did not work, or (demo) a verdict is wrong
  2  the command line is not right
  3  a setting, the data directory or the database: the message says which
  4  the input was refused as a whole; every problem is listed
  5  there is nothing with this id
"""


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=_HasId)


def every(fetch: Callable[[Connection, str], Sequence[T]], conn: Connection) -> Iterator[T]:
    """All pages of a listing by id."""
    after = ""
    while found := fetch(conn, after):
        yield from found
        after = found[-1].id


def say(text: str = "") -> None:
    """One line to standard output."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """One line to standard error."""
    sys.stderr.write(text + "\n")


def rows(header: Sequence[str], lines: Sequence[Sequence[object]]) -> None:
    """Columns separated by tabs: readable for people and for `cut`."""
    say("\t".join(header))
    for line in lines:
        say("\t".join("" if value is None else _printable(str(value)) for value in line))


def _printable(text: str) -> str:
    """What somebody else wrote can neither move the cursor nor make another line or column."""
    return "".join(one if one.isprintable() else "\ufffd" for one in text)


def local(at_ms: int | None, zone: ZoneInfo) -> str:
    """A time as people of a zone write it."""
    if at_ms is None:
        return ""
    return datetime.fromtimestamp(at_ms / 1000, zone).strftime("%Y-%m-%d %H:%M:%S%z")


def read_file(path: Path) -> bytes:
    """A file that was named on the command line. Raises ConfigError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error


def write_private(path: Path, data: bytes) -> None:
    """A new file that only its owner reads: it holds somebody's data. Raises FileExistsError."""
    with path.open("xb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(data)


def csv_text(table: Table) -> str:
    """For spreadsheets: with a mark, by which they know UTF-8. Text that a spreadsheet would compute
    stays text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.header)
    writer.writerows([inert(cell) for cell in row] for row in table.rows)
    return "\ufeff" + text.getvalue()


def asks_right(args: argparse.Namespace, nothing: str) -> bool:
    """Whether `--from`, `--to` and `--out` of a trial over past days fit; says why not, and that
    `nothing` was done. Raises FileExistsError."""
    if args.from_ms >= args.to_ms:
        complain(f"--from is not before --to; {nothing}")
        return False
    if args.out is not None and args.out.suffix not in (".csv", ".json"):
        complain(f"{args.out}: expected a name that ends in .csv or .json; {nothing}")
        return False
    if args.out is not None and args.out.exists():
        raise FileExistsError(17, "exists already", str(args.out))
    return True
