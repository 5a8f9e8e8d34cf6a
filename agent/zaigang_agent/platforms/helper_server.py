"""The service's side of the session helpers: whom it lets in, whom it asks, whom it cuts off.

No thread, no queue: helpers wait in the listener's backlog until a look lets them in, and say
nothing until a look asks. An answer counts for its question alone, so none can be stale. A helper
runs as the person it speaks for, and could be replaced by that person as a mouse mover could: what
it says is worth what input in a session is worth, for the sessions of its own user and no other.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Protocol

from zaigang_agent.errors import AgentError
from zaigang_agent.platforms import helper_line
from zaigang_agent.platforms.base import InSession
from zaigang_agent.platforms.helper_line import LineError, Question
from zaigang_shared.clock import Clock

# A helper needs a few ms. Longer, and one that hangs would hold up the agent's looks noticeably;
# shorter, and a machine under load would lose its looks.
ANSWER_MS: Final = 1_000
# One look lets in so many at most: a flood of connections waits in the backlog, or is refused there.
_ADMITTED_PER_LOOK: Final = 16
# After misbehaviour nobody of that user is let in for so long, twice as long each time: enough that
# a broken helper costs nothing, short enough that an update of it is noticed within the hour.
_BARRED_MS: Final = 10_000
_BARRED_AT_MOST_MS: Final = 3_600_000


class Channel(Protocol):
    """One connected helper."""

    @property
    def owner(self) -> int:
        """Whose it is, by the system's word: uid, or session number on Windows."""
        ...

    def send(self, data: bytes) -> None:
        """Raises OSError; never waits."""
        ...

    def receive(self, most: int, timeout_ms: int) -> bytes:
        """What has come, "" after the other side hung up. Raises TimeoutError, OSError."""
        ...

    def close(self) -> None: ...


class Listener(Protocol):
    """Where helpers connect."""

    def accept(self) -> Channel | None:
        """The next one that waits; None when nobody does. Raises OSError."""
        ...

    def close(self) -> None: ...


@dataclass(slots=True)
class _Record:
    """An owner that misbehaved."""

    barred_until_ms: int
    bar_ms: int


class Helpers:
    """All helpers of this machine, one for each owner."""

    def __init__(self, listener: Listener, clock: Clock, answer_ms: int = ANSWER_MS) -> None:
        self._listener = listener
        self._clock = clock
        self._answer_ms = answer_ms
        self._channels: dict[int, Channel] = {}
        self._records: dict[int, _Record] = {}
        self._serial = 0
        self.problem: str | None = None
        """Why the last helper was cut off; None after one that answered."""

    @property
    def connected(self) -> int:
        return len(self._channels)

    def ask(self, owner: int, owners: Collection[int], names: Collection[str]) -> InSession | None:
        """What the helper of `owner` sees; None when there is none, or it did not answer as one.

        `owners`: everybody who has a session now; helpers of others are not let in, and not kept.
        """
        for gone in self._channels.keys() - set(owners):
            self._close(gone)
        self._admit(owners)
        channel = self._channels.get(owner)
        if channel is None:
            return None
        self._serial = self._serial % 999_999_999 + 1
        asked = Question(self._serial, helper_line.askable(names) or ())
        try:
            seen = self._answer(channel, asked)
        except (LineError, TimeoutError) as error:
            late = "the session helper did not answer in time"
            self.problem = str(error) if isinstance(error, AgentError) else late
            self._bar(owner)
            return None
        except OSError:
            self._close(owner)
            return None
        self._records.pop(owner, None)
        self.problem = None
        # What was not asked for is not known.
        return seen if asked.names or not names else _without_front(seen)

    def close(self) -> None:
        for owner in list(self._channels):
            self._close(owner)
        self._listener.close()

    def _admit(self, owners: Collection[int]) -> None:
        now_ms = self._clock.boot_ms()
        for _ in range(_ADMITTED_PER_LOOK):
            try:
                channel = self._listener.accept()
            except OSError:
                return
            if channel is None:
                return
            record = self._records.get(channel.owner)
            barred = record is not None and now_ms < record.barred_until_ms
            if channel.owner not in owners or barred or self._alive(channel.owner):
                channel.close()
                continue
            self._channels[channel.owner] = channel

    def _alive(self, owner: int) -> bool:
        """Whether the helper that is connected still is, and keeps quiet as it should."""
        channel = self._channels.get(owner)
        if channel is None:
            return False
        try:
            channel.receive(1, 0)
        except TimeoutError:
            return True
        except OSError:
            pass
        self._close(owner)
        return False

    def _answer(self, channel: Channel, asked: Question) -> InSession:
        """Raises LineError, TimeoutError, OSError."""
        try:
            if channel.receive(1, 0):
                raise LineError("the session helper speaks without being asked")
            raise ConnectionResetError
        except TimeoutError:
            pass  # nothing has come: as it should be
        channel.send(helper_line.question(asked))
        until_ms = self._clock.boot_ms() + self._answer_ms
        line = b""
        while b"\n" not in line:
            left_ms = until_ms - self._clock.boot_ms()
            if left_ms <= 0:
                raise TimeoutError
            chunk = channel.receive(helper_line.MAX_ANSWER + 1 - len(line), left_ms)
            if not chunk:
                raise ConnectionResetError
            line += chunk
            if len(line) > helper_line.MAX_ANSWER:
                raise LineError("the session helper says more than an answer")
        return helper_line.read_answer(line, asked)

    def _bar(self, owner: int) -> None:
        self._close(owner)
        record = self._records.get(owner)
        bar_ms = _BARRED_MS if record is None else min(_BARRED_AT_MOST_MS, record.bar_ms * 2)
        self._records[owner] = _Record(self._clock.boot_ms() + bar_ms, bar_ms)

    def _close(self, owner: int) -> None:
        channel = self._channels.pop(owner, None)
        if channel is not None:
            channel.close()


def _without_front(seen: InSession) -> InSession:
    return InSession(seen.idle_ms, seen.idle_step_ms, seen.locked, None, seen.regular, seen.problem)
