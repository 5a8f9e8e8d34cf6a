"""How many nine-hour intervals `assess()` judges per second and core, on decoded readings.

`python -m tests.bench.bench_assess` from the repository's root. One envelope a minute from the
laptop and from the node, as agents with default settings make them. The bar is 200 per second.
Processor time counts, and of the rounds the best: a busy machine only ever adds. What is left of it,
and how the Python was built, shows beside it in a loop of a million additions: that ratio travels to
other machines, the numbers do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import process_time
from typing import Final

from tests.factories import evidence as make
from zaigang_collector.matching.assess import assess
from zaigang_collector.matching.policy import default_policy

BAR_PER_S: Final = 200
ROUNDS: Final = 8
CALLS: Final = 25
DAYS: Final[Mapping[str, tuple[make.Part, ...]]] = {
    "honest": make.honest_day(),
    "left for home": (
        make.at_site(-20, 40),
        make.off(40, 70),
        make.at_home(70, make.DAY_MIN),
    ),
    "in a café": (make.in_cafe(-20, make.DAY_MIN),),
    "honest, sensors": make.honest_day(air=(25.3, 49.0), swing_c=0.5),
}
SITE_AIR: Final = (25.0, 50.0)


@dataclass(frozen=True, slots=True)
class Measured:
    """One kind of day."""

    readings: int
    seconds: float
    """Processor time of one assessment."""


def measure() -> dict[str, Measured]:
    """The best round of each kind of day."""
    claim, site, policy = make.claim(), make.site(), default_policy()
    result = {}
    for name, parts in DAYS.items():
        has_air = any(part.air is not None for part in parts)
        story = make.Story(parts, site_air=SITE_AIR if has_air else None, site_swing_c=0.5)
        evidence = story.evidence()
        rounds = []
        for _ in range(ROUNDS):
            started = process_time()
            for _ in range(CALLS):
                assess(claim, site, evidence, policy)
            rounds.append((process_time() - started) / CALLS)
        count = sum(len(device.readings) for device in (*evidence.laptops, *evidence.nodes))
        result[name] = Measured(count, min(rounds))
    return result


def yardstick_ms() -> float:
    """What a million additions in a loop take here, at best."""

    def once() -> float:
        started, total = process_time(), 0
        for number in range(1_000_000):
            total += number
        return process_time() - started

    return min(once() for _ in range(ROUNDS)) * 1000


def report(measured: Mapping[str, Measured]) -> str:
    lines = [f"{'day':<16}{'readings':>10}{'intervals/s':>14}{'ms each':>10}   bar {BAR_PER_S}/s"]
    lines += [
        f"{name:<16}{day.readings:>10}{1 / day.seconds:>14.0f}{day.seconds * 1000:>10.2f}"
        for name, day in measured.items()
    ]
    lines.append(f"a million additions in a loop: {yardstick_ms():.0f} ms")
    return "\n".join(lines)


if __name__ == "__main__":
    print(report(measure()))
