"""What the commands' arguments have in common."""

from __future__ import annotations

import argparse
import datetime as dt
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from zaigang_collector.directory.csv_reader import Column

if TYPE_CHECKING:
    # argparse keeps the type of its sub-parsers to itself.
    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Commands = object


HOURS_MAX: Final = 90 * 24
"""For which an enrolment token is good at most, as the setting token_h."""


def group(commands: Commands, name: str, about: str) -> Commands:
    """A command with commands of its own: `sites list`."""
    inner = commands.add_parser(name, help=about, description=about)
    return inner.add_subparsers(metavar="COMMAND", required=True)


def count(most: int) -> Callable[[str], int]:
    """A whole number from 1 to `most`, for argparse."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {most}")
        return int(text)

    return parse


def columns_told(columns: Sequence[Column]) -> str:
    """The columns of a CSV file, for help; those that may be absent in brackets."""
    names = (one.name if one.required else f"[{one.name}]" for one in columns)
    return "columns: " + ", ".join(names)


def zone(text: str) -> ZoneInfo:
    """An IANA time zone, for argparse."""
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time zone; expected a name like Asia/Shanghai"
        ) from None


def day(text: str) -> dt.date:
    """A day in ISO 8601, for argparse."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a day; expected one as 2026-10-12"
        ) from None


def moment(text: str) -> int:
    """ISO 8601 with its offset to UTC milliseconds, for argparse."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a time with its offset; expected 2026-09-21T09:00:00+08:00"
        )
    return round(parsed.timestamp() * 1000)


def zone_argument(parser: argparse.ArgumentParser) -> None:
    """Times are shown in this zone."""
    parser.add_argument(
        "--zone",
        type=zone,
        default=ZoneInfo("Asia/Shanghai"),
        metavar="ZONE",
        help="time zone of what is shown (default: Asia/Shanghai)",
    )


def span_arguments(parser: argparse.ArgumentParser) -> None:
    """`--from` and `--to`."""
    example = "ISO 8601 with offset, as 2026-09-21T00:00:00+08:00"
    parser.add_argument("--from", dest="from_ms", type=moment, metavar="TIME", help=example)
    parser.add_argument("--to", dest="to_ms", type=moment, metavar="TIME", help="before this")
