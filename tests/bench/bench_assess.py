"""How many nine-hour intervals `assess()` judges per second and core, on decoded readings.

    python tests/bench/bench_assess.py

One envelope a minute from the laptop and from the node, as an agent with default settings makes
them. The bar is 200 per second; processor time is counted, so other programs do not matter.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(_ROOT), *(str(_ROOT / side) for side in ("shared", "collector"))]

from tests.factories import evidence as make  # noqa: E402  # needs the paths above
from zaigang_collector.matching.assess import assess  # noqa: E402
from zaigang_collector.matching.policy import default_policy  # noqa: E402

ROUNDS = 5
PER_ROUND = 40
BAR_PER_S = 200
DAYS = {
    "honest": make.honest_day(),
    "left for home": (make.at_site(-20, 40), make.off(40, 70), make.at_home(70, make.DAY_MIN)),
    "in a café": (make.in_cafe(-20, make.DAY_MIN),),
}


def main() -> None:
    claim, site, policy = make.claim(), make.site(), default_policy()
    print(f"{'day':<16}{'readings':>10}{'intervals/s':>14}{'ms each':>10}   bar {BAR_PER_S}/s")
    for name, parts in DAYS.items():
        evidence = make.Story(parts).evidence()
        readings = sum(len(device.readings) for device in (*evidence.laptops, *evidence.nodes))
        best_s = float("inf")
        for _ in range(ROUNDS):
            started = time.process_time()
            for _ in range(PER_ROUND):
                assess(claim, site, evidence, policy)
            best_s = min(best_s, (time.process_time() - started) / PER_ROUND)
        print(f"{name:<16}{readings:>10}{1 / best_s:>14.0f}{best_s * 1000:>10.2f}")


if __name__ == "__main__":
    main()
