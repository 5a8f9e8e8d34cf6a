"""Whether inputs are too regular for a hand. Pure; also for the session helper, which loads little."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Sequence
from typing import Final

# A hand does not repeat twelve pauses within a tenth of a second: for periods of 2 s or more each
# has a chance of one in ten at most. Fewer would hit people, more would need an hour for a
# mouse mover that stirs every five minutes.
_MIN_INTERVALS: Final = 12
_KEPT_INPUTS: Final = 40
_TOLERANCE_MS: Final = 100
_SHORTEST_PERIOD_MS: Final = 2_000
_SAME_INPUT_MS: Final = 500  # one input seen in two looks, with the looks' own jitter


def is_regular(inputs_ms: Sequence[int]) -> bool:
    """Whether the times of inputs, in order, are all steps of one period.

    Not every input is seen, only the last one before each look; so pauses may be any multiple of
    the period. Periods under 2 s cannot be told from work and are not judged.
    """
    pauses_ms = [later - earlier for earlier, later in itertools.pairwise(inputs_ms)]
    if len(pauses_ms) < _MIN_INTERVALS:
        return False
    shortest_ms = min(pauses_ms)
    # The shortest pause seen is itself a small multiple of the period.
    return any(
        _fits(pauses_ms, shortest_ms / parts)
        for parts in range(1, max(1, shortest_ms // _SHORTEST_PERIOD_MS) + 1)
        if shortest_ms / parts >= _SHORTEST_PERIOD_MS
    )


def _fits(pauses_ms: Sequence[int], period_ms: float) -> bool:
    # The first guess carries the jitter of one pause; the sum of all pauses averages it away.
    steps = sum(round(pause / period_ms) for pause in pauses_ms)
    refined_ms = sum(pauses_ms) / steps
    return refined_ms >= _SHORTEST_PERIOD_MS and all(
        abs(pause - round(pause / refined_ms) * refined_ms) <= _TOLERANCE_MS for pause in pauses_ms
    )


class Inputs:
    """The times of the last inputs, as far as looks show them."""

    def __init__(self) -> None:
        self._inputs_ms: deque[int] = deque(maxlen=_KEPT_INPUTS)

    def note(self, look_ms: int, idle_ms: int, step_ms: int) -> None:
        """A look that saw the last input `idle_ms` ago, known to `step_ms`."""
        input_ms = look_ms - idle_ms
        if step_ms > _TOLERANCE_MS:
            self._inputs_ms.clear()  # rounded times are always regular
        elif not self._inputs_ms or input_ms - self._inputs_ms[-1] > _SAME_INPUT_MS:
            self._inputs_ms.append(input_ms)

    def forget(self) -> None:
        self._inputs_ms.clear()

    def regular(self) -> bool:
        return is_regular(self._inputs_ms)
