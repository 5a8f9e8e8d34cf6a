"""`zaigang-agent session-helper`: runs in a person's session and answers the service's questions.

Holds no key, no file and no memory beyond the times of the last inputs, which never leave it. It
looks only when the service asks, and the service asks only inside working hours and while not
paused. What it says: `platforms.helper_line`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final

from zaigang_agent.platforms import helper_line
from zaigang_agent.platforms.base import InSession, Inside, Wire
from zaigang_agent.platforms.helper_line import LineError
from zaigang_agent.regularity import Inputs
from zaigang_shared.clock import Clock

# The service refuses a second helper, and one that it cut off, for a while; it may also not run yet.
_RETRY_S: Final = (5, 10, 30, 60)
# Looks come every 10 s. After a longer silence (off hours, pause, sleep) inputs are judged afresh.
_SILENCE_MS: Final = 60_000


class Answerer:
    """Turns questions into answers."""

    def __init__(self, inside: Inside, clock: Clock) -> None:
        self._inside = inside
        self._clock = clock
        self._inputs = Inputs()
        self._asked_ms = 0

    def now_ms(self) -> int:
        return self._clock.boot_ms()

    def answer(self, line: bytes) -> bytes:
        """The line to send back. Raises LineError for a question that cannot be read."""
        asked = helper_line.read_question(line)
        seen = self._inside.look(asked.names)
        now_ms = self._clock.boot_ms()
        if now_ms - self._asked_ms > _SILENCE_MS:
            self._inputs.forget()
        self._asked_ms = now_ms
        if seen.idle_ms is not None:
            self._inputs.note(now_ms, seen.idle_ms, seen.idle_step_ms)
        judged = InSession(
            seen.idle_ms, seen.idle_step_ms, seen.locked, seen.front, self._inputs.regular()
        )
        return helper_line.answer(asked.serial, judged, asked.names, _word(seen.problem))


def _word(problem: str | None) -> str:
    return next((word for word, why in helper_line.WHY.items() if why == problem), "refused")


def serve(wire: Wire, answerer: Answerer) -> None:
    """Answer until the service hangs up. Raises LineError, OSError."""
    waiting = b""
    while True:
        end = waiting.find(b"\n") + 1
        if end == 0 and len(waiting) <= helper_line.MAX_QUESTION:
            chunk = wire.recv(4096)
            if not chunk:
                return
            waiting += chunk
            continue
        line, waiting = waiting[:end], waiting[end:]
        try:
            wire.sendall(answerer.answer(line))
        except LineError:
            wire.sendall(helper_line.OTHER_VERSION)
            raise


def run(connect: Callable[[], Wire], answerer: Answerer, pause: Callable[[float], bool]) -> None:
    """Connect, answer, connect again, until `pause(seconds)` says to stop."""
    tries, told = 0, False
    while True:
        try:
            wire = connect()
        except OSError as error:
            if not told:  # once, not every minute until Monday
                _say(f"no agent to be found ({error}): trying again; zaigang-agent doctor")
            told = True
        else:
            told = False
            began_ms = answerer.now_ms()
            try:
                serve(wire, answerer)
            except LineError as error:
                _say(str(error))
            except OSError:
                pass  # it went away
            finally:
                wire.close()
            if answerer.now_ms() - began_ms > _SILENCE_MS:
                tries = 0
        if pause(_RETRY_S[min(tries, len(_RETRY_S) - 1)]):
            return
        tries += 1


def _say(sentence: str) -> None:
    sys.stderr.write(f"zaigang-agent session-helper: {sentence}\n")


def main(place: str | None, clock: Clock) -> int:
    """In the session of whoever runs it, until SIGTERM. Raises AgentError on other systems."""
    import signal
    import threading

    from zaigang_agent.platforms.selection import open_inside, open_wire

    stop = threading.Event()

    def on_signal(*_: object) -> None:
        # The thread may be in recv(), which a handler that returns would only resume.
        stop.set()
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, on_signal)
    run(lambda: open_wire(place), Answerer(open_inside(clock), clock), stop.wait)
    return 0
