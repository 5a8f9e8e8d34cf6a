"""A look from the command line is a look as well: noted before anything is shown."""

from __future__ import annotations

import argparse
import getpass
from collections.abc import Iterable

from zaigang_collector.bootstrap.data import Opened
from zaigang_collector.vault import access_log


def why_argument(parser: argparse.ArgumentParser) -> None:
    """`--why`, for commands that show somebody's data."""
    parser.add_argument(
        "--why", default="", metavar="TEXT", help="what for; the person concerned sees it"
    )


def looked(
    collector: Opened, args: argparse.Namespace, what: str, employee_ids: Iterable[str]
) -> None:
    """Whoever runs this command is about to see `what` of these people."""
    people = set(employee_ids)
    if not people:
        return
    why = args.why.strip()[: access_log.WHY_MAX] or access_log.NOT_STATED
    looker = access_log.Looker(via(), why)
    with collector.writing() as conn:
        access_log.record(
            conn,
            collector.vault,
            looker,
            what,
            people,
            collector.clock.utc_ms(),
            collector.randomness,
        )


def via() -> str:
    """By which way whoever runs this command came, as records name it."""
    return f"command line, {_user()}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user on this machine, as in some containers
        return "an unknown user"
