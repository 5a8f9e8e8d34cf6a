"""What the service and a session helper say to each other: one line each, ASCII but for names.

    service:  ZS1? SERIAL <tab> NAME <tab> NAME ... <newline>
    helper:   ZS1= SERIAL IDLE REGULAR LOCK FRONT WHY <newline>

The helper speaks only when asked, so it looks only when the service may look (working hours, no
pause). IDLE is the number of a step in `IDLE_STEPS_MS`, REGULAR and LOCK are 0 or 1, FRONT is the
number of one of the names in the question, 0 for another program or none; "-" is "not told". WHY is
a word of `WHY`. Nothing else fits through: no title, no other program's name, no time of an input.

Pure: any bytes give a value or LineError.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from zaigang_agent.errors import AgentError
from zaigang_agent.platforms.base import InSession

# A look comes every 10 s and an input counts for one look at most, so steps of 1 s below that lose
# little (rounded down, in favour of the person); above, of a third. Finer steps would hand out the
# times of single inputs.
IDLE_STEPS_MS: Final = (
    *range(0, 10_000, 1_000),
    *(10_000, 15_000, 20_000, 30_000, 45_000, 60_000, 90_000, 120_000, 180_000),
    *(300_000, 450_000, 600_000, 900_000),
)
WHY: Final = {
    "ok": None,
    "wayland": "this Wayland desktop tells programs neither how long it has been idle nor what is "
    "in front: activity stays unknown there; GNOME, or a session on X11, does tell",
    "display": "the session helper reaches no desktop: it has to be started by the desktop session "
    "(systemctl --user status zaigang-session)",
    "refused": "the system refuses the session helper the time since the last input",
}
"""Why something is not told. Words of a newer helper count as "refused"."""
MAX_QUESTION: Final = 16_384
MAX_ANSWER: Final = 64
_MAX_NAMES: Final = 400
_MAX_NAME: Final = 64
_QUESTION: Final = re.compile(rb"ZS1\? (\d{1,9})((?:\t[^\t\n]{1,256})*)\n")
_ANSWER: Final = re.compile(
    rb"ZS1= (\d{1,9}) (-|\d{1,2}) ([01]) ([01-]) (-|\d{1,3}) ([a-z]{1,12})\n"
)
_OTHER_VERSION: Final = re.compile(rb"ZS\d{1,4}[?=!][^\n]*\n")
OTHER_VERSION: Final = b"ZS1!\n"
"""What a helper says to a question that it cannot read."""


class LineError(AgentError):
    """A line that is not of this protocol, or of another version of it."""


@dataclass(frozen=True, slots=True)
class Question:
    """`names` may be empty: then only idle time and lock are asked for."""

    serial: int
    names: tuple[str, ...]


def askable(names: Collection[str]) -> tuple[str, ...] | None:
    """Names in a fixed order; None when a list does not fit into a question."""
    fit = all(0 < len(n) <= _MAX_NAME and n.isprintable() for n in names)
    chosen = tuple(sorted(names))
    total = sum(len(name.encode("utf-8", "replace")) + 1 for name in chosen)
    return chosen if fit and len(chosen) <= _MAX_NAMES and total < MAX_QUESTION - 32 else None


def question(asked: Question) -> bytes:
    """`asked.names` from `askable`."""
    names = "".join(f"\t{name}" for name in asked.names)
    return f"ZS1? {asked.serial}{names}\n".encode("utf-8", "replace")


def read_question(line: bytes) -> Question:
    """Raises LineError."""
    match = _QUESTION.fullmatch(line) if len(line) <= MAX_QUESTION else None
    if match is None:
        raise LineError("the service asks in another version: update agent and helper together")
    try:
        names = tuple(match[2].decode().split("\t")[1:])
    except UnicodeDecodeError:
        raise LineError("a question that is not UTF-8") from None
    return Question(int(match[1]), names)


def answer(serial: int, seen: InSession, names: tuple[str, ...], why: str) -> bytes:
    """`seen` in the steps of the protocol; `why`: a word of `WHY`."""
    front = "-" if seen.front is None else "0"
    if seen.front:
        front = str(names.index(seen.front) + 1) if seen.front in names else "0"
    lock = {None: "-", False: "0", True: "1"}[seen.locked]
    idle = "-" if seen.idle_ms is None else str(_step(seen.idle_ms))
    return f"ZS1= {serial} {idle} {int(bool(seen.regular))} {lock} {front} {why}\n".encode()


def _step(idle_ms: int) -> int:
    return max(
        (n for n, bound_ms in enumerate(IDLE_STEPS_MS) if bound_ms <= max(0, idle_ms)), default=0
    )


def read_answer(line: bytes, asked: Question) -> InSession:
    """The answer to this very question. Raises LineError for everything else."""
    match = _ANSWER.fullmatch(line)
    if match is None:
        if _OTHER_VERSION.fullmatch(line):
            raise LineError(
                "the session helper speaks another version: update the agent, then log in again"
            )
        raise LineError("the session helper does not speak as one")
    idle, lock, front, why = match[2], match[4], match[5], match[6].decode()
    if int(match[1]) != asked.serial:
        raise LineError("the session helper answers something that was not asked")
    if (idle != b"-" and int(idle) >= len(IDLE_STEPS_MS)) or (
        front != b"-" and int(front) > len(asked.names)
    ):
        raise LineError("the session helper names a step or a program that does not exist")
    return InSession(
        idle_ms=None if idle == b"-" else IDLE_STEPS_MS[int(idle)],
        idle_step_ms=1_000,
        locked=None if lock == b"-" else lock == b"1",
        front=None if front == b"-" else ("", *asked.names)[int(front)],
        regular=match[3] == b"1",
        problem=WHY.get(why, WHY["refused"]),
    )
