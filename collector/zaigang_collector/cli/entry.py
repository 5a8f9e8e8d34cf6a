"""The parser, and the one place where errors become sentences and exit codes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DatabaseError, OperationalError

from zaigang_collector.cli import (
    airing,
    alerting,
    attending,
    calendars,
    calibrating,
    casing,
    claims,
    connect,
    devices,
    directory,
    importing,
    keeping,
    ledger,
    nodes,
    papers,
    policies,
    ruling,
    running,
    scheduling,
    simulating,
    tokens,
    tracing,
    users,
    vault,
)
from zaigang_collector.cli.console import EXIT_CODES, Exit, complain
from zaigang_collector.errors import (
    CollectorError,
    ConfigError,
    CsvError,
    LedgerError,
    SchemaError,
    UnknownIdError,
)
from zaigang_shared import __version__
from zaigang_shared.errors import EvidenceError

_DATA: Final = "zaigang-data"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    args = parser().parse_args(argv)
    if (odd := _not_text(args)) is not None:
        complain(f"{odd!r} is not UTF-8 text; is this terminal set to another encoding?")
        return Exit.USAGE
    try:
        return int(args.run(args))
    except CsvError as error:
        complain(f"{args.file}: {error}")
        return Exit.BAD_INPUT
    except (ConfigError, LedgerError, SchemaError) as error:
        complain(str(error))
        return Exit.CONFIG
    except UnknownIdError as error:
        complain(f"{error}; the `list` command shows what there is")
        return Exit.UNKNOWN_ID
    except (CollectorError, EvidenceError) as error:
        complain(str(error))
        return Exit.FAILED
    except OperationalError as error:
        complain(f"the database cannot be used: {error.orig}")
        return Exit.CONFIG
    except DatabaseError as error:
        if type(error) is not DatabaseError:  # its subclasses are mistakes of ours
            raise
        complain(f"the database is damaged ({error.orig}); restore it from a backup")
        return Exit.CONFIG
    except BrokenPipeError:
        # `| head` went away: no traceback, and none at interpreter shutdown either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except OSError as error:
        complain(f"{error.filename or 'a file'} cannot be used: {error.strerror or error}")
        return Exit.CONFIG
    except KeyboardInterrupt:
        return Exit.FAILED


def _not_text(args: argparse.Namespace) -> str | None:
    """An argument that is no text: Python carries its bytes on, and no database takes them."""
    texts = (value for value in vars(args).values() if isinstance(value, str))
    return next((text for text in texts if not _is_text(text)), None)


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def parser() -> argparse.ArgumentParser:
    """All commands. Each sets `run`, a function from its arguments to an exit code."""
    root = argparse.ArgumentParser(
        prog="zaigang-collector",
        description="Collects signed readings, judges clock-ins against them, and answers HR.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="version", version=f"zaigang {__version__}")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("ZAIGANG_DATA", _DATA)),
        metavar="DIR",
        help=f"data directory (default: $ZAIGANG_DATA or ./{_DATA})",
    )
    commands = root.add_subparsers(metavar="COMMAND", required=True)
    rooms = (
        running,
        keeping,
        tokens,
        users,
        directory,
        devices,
        nodes,
        claims,
        importing,
        tracing,
        calendars,
        scheduling,
        attending,
        connect,
        calibrating,
        casing,
        policies,
        ruling,
        alerting,
        ledger,
        vault,
        papers,
        simulating,
        airing,
    )
    for room in rooms:
        room.add(commands, common)
    return root
