"""How right verdicts are: `make bench-accuracy`, or `python -m tests.bench.bench_accuracy`.

Takes the better part of an hour on two cores that have nothing else to do. Writes docs/accuracy.md
and its plots; `--out` writes elsewhere, for trying.
"""

from __future__ import annotations

import argparse
import multiprocessing
import platform
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Final

from tests.bench import accuracy_page, accuracy_plots
from tests.bench.accuracy_bars import bars
from tests.bench.accuracy_page import Run, page
from tests.bench.accuracy_run import Measured, Size, run_seed
from zaigang_collector.matching.policy import default_policy
from zaigang_shared.clock import SystemClock

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
SEEDS: Final = 24
"""From 0. Odd ones are held out (`accuracy_page.held_out`)."""
FULL: Final = Size(people=72, days=18, sets_each=3)
"""24 times 72 times 18 are 31,104 intervals: some 20,300 honest and 10,800 cheating."""
PROCESSES: Final = 2


def measure(
    seeds: Sequence[int], size: Size, processes: int = PROCESSES
) -> Iterator[tuple[tuple[int, ...], Measured]]:
    """What is known after each seed: which are in it, and the sum, in order of seeds."""
    whole = Measured()
    done: list[int] = []
    for seed, part in _parts(seeds, size, processes):
        whole.merge(part)
        whole.rows.sort(key=lambda row: row.seed)
        done.append(seed)
        print(f"  {len(done)} of {len(seeds)} seeds, {len(whole.rows)} intervals", flush=True)
        yield tuple(sorted(done)), whole


def _parts(seeds: Sequence[int], size: Size, processes: int) -> Iterator[tuple[int, Measured]]:
    jobs = [(seed, size) for seed in seeds]
    if processes == 1:
        yield from map(_numbered, jobs)
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap_unordered(_numbered, jobs)


def _numbered(job: tuple[int, Size]) -> tuple[int, Measured]:
    return job[0], run_seed(job)


def write(folder: Path, run: Run, measured: Measured) -> None:
    """The page and its plots."""
    plots = folder / "accuracy"
    plots.mkdir(parents=True, exist_ok=True)
    (folder / "accuracy.md").write_text(page(run, measured), encoding="utf-8")
    bins = accuracy_page.combined_bins(measured)
    (plots / "reliability.svg").write_text(accuracy_plots.reliability(bins), encoding="utf-8")
    drawn = accuracy_plots.trade_off(
        accuracy_page.curve(measured), accuracy_page.operating_point(measured)
    )
    (plots / "detection.svg").write_text(drawn, encoding="utf-8")


def machine() -> str:
    """What kind of machine, without its name."""
    model = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.partition(":")[2].strip()
            for line in info.read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ]
        model = f"{len(names)} x {names[0]}" if names else model
    return f"{model}, {platform.python_implementation()} {platform.python_version()}"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--people", type=int, default=FULL.people)
    parser.add_argument("--days", type=int, default=FULL.days)
    parser.add_argument("--sets", type=int, default=FULL.sets_each)
    parser.add_argument("--tuning-only", action="store_true", help="even seeds only")
    parser.add_argument("--out", type=Path, default=DOCS)
    args = parser.parse_args(argv)
    seeds = tuple(
        seed
        for seed in range(args.seeds)
        if not (args.tuning_only and accuracy_page.held_out(seed))
    )
    size = Size(args.people, args.days, args.sets)
    started = monotonic()
    date = datetime.fromtimestamp(SystemClock().utc_ms() / 1000, UTC).date().isoformat()
    measured = Measured()
    for done, measured in measure(seeds, size):
        # After each seed, so that a run that is broken off has measured what it has measured.
        minutes = (monotonic() - started) / 60
        run = Run(done, size, default_policy().hash(), machine(), date, minutes)
        write(args.out, run, measured)
    for one in bars(measured):
        print(f"{accuracy_page.mark(one.held):<13} {one.what}: {one.measured} (bar: {one.bar})")


if __name__ == "__main__":
    main()
