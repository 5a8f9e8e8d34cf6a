"""docs/accuracy.md from what was measured."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench.accuracy_bars import LIFE_SHARE, Bar, bars, known, percent, seen
from tests.bench.accuracy_run import BINS, SETS, Measured, Row, Size
from tests.bench.accuracy_statistics import upper_bound
from zaigang_collector.matching.model import Presence
from zaigang_collector.simulation import cheats, nuisances, siteday


@dataclass(frozen=True, slots=True)
class Run:
    """How it was measured."""

    seeds: tuple[int, ...]
    size: Size
    policy_hash: str
    machine: str
    date: str
    minutes: float


def held_out(seed: int) -> bool:
    """Odd seeds are never looked at while anything is tuned, for ever."""
    return seed % 2 == 1


def page(run: Run, measured: Measured) -> str:
    honest = [row for row in measured.rows if row.truth.honest]
    cheating = [row for row in measured.rows if not row.truth.honest]
    parts = [
        _head(run, honest, cheating),
        "## Bars\n\n" + _bars(bars(measured)) + "\n" + _why(),
        "Of the same, the people of whom there were days to learn from:\n\n"
        + _bars(known(measured)),
        _halves(measured),
        "## Honest people, by what life did to them\n\n" + _by_nuisance(honest),
        "## Cheats, by kind\n\n" + _by_kind(cheating) + "\n" + _unverified_kinds(),
        "## With signals taken away\n\n" + _by_set(honest, cheating),
        _plots(measured),
        _limits(),
    ]
    return "\n".join(parts)


def _head(run: Run, honest: Sequence[Row], cheating: Sequence[Row]) -> str:
    text = f"""\
        # Accuracy: what a verdict is worth

        Written by `make bench-accuracy`; do not edit. A workforce whose truth is known is simulated
        (`collector/zaigang_collector/simulation`) and judged by `matching.assess` with the built-in
        policy. The simulation does not know how it will be judged: an import contract allows it the
        values of `matching` and nothing else, and its parameters come from the literature, datasheets
        and everyday experience: [simulation.md](simulation.md) says which.

        | | |
        | --- | --- |
        | intervals | {len(honest)} honest, {len(cheating)} cheating |
        | seeds | {_ranges(run.seeds)}; each draws a company anew: {run.size.people} people, {run.size.days} days |
        | held out | odd seeds are never used for tuning, for ever; even seeds may be |
        | policy | `{run.policy_hash}` |
        | machine | {run.machine} |
        | date | {run.date} |
        | took | {run.minutes:.0f} min on two processes |

        Upper bounds are Clopper-Pearson, one-sided, 95 %. A verdict that was provisional is judged
        again 80 h after the end, with what has arrived by then, and counted as it is then. Nuisances
        and cheats are far more frequent than in life, so that each is measured: shares of a whole
        company follow from the lines below, not from their sum. The rule "everybody at once" is left
        out (`together` is never set), since a third of the people here cheat: it can only make fewer
        accusations.
        """
    return "\n".join(line.strip() for line in text.splitlines()) + "\n"


def _bars(found: Iterable[Bar]) -> str:
    heads = ("what", "bar", "measured", "held")
    return _table(heads, ([one.what, one.bar, one.measured, mark(one.held)] for one in found))


def _why() -> str:
    text = """\
        What is not held, and why it is left so:

        - **At home, and with a faked position.** A phone is registered as home as well as a router is,
          and comes along to work: network and hands then rest on one registration. Until five confirmed
          days never showed the network at the site, and somebody accepted that, it stands behind a
          contradiction only where silence, air or the home's own address agrees. One person in eight
          here has no such days yet, and is not accused; the second table leaves them out. Of the others,
          on even seeds, those who are missed had readings that are left out (a boot clock that stood
          still), no clock-out, no hands at home, or less than 90 min on that network.
        - **In a café.** Only the beacon's silence speaks there, and only for people who are usually
          heard; it needs 210 min, since half a day in a room out of reach looks the same.
        - **Confirmed though away.** A colleague who works on the laptop and carries the badge leaves
          nothing; neither does a beacon that is relayed live to a network that nobody knows.
        - **All kinds that leave a trace.** The traces of nine kinds tell of tampering or of another
          hand, not of a place; see the reasons below the table of kinds.
        - **Calibration where a third cheats.** Half of those cheats leave the laptop at the site on
          purpose; a posterior that is right for them would doubt everybody who goes for lunch.
        """
    return textwrap.dedent(text)


_REASONS: Final = {
    "laptop_left": "an idle laptop and a badge out of hearing are also a meeting without either",
    "given_to_colleague": "a badge that is not heard may lie at home; it keeps the day from being "
    "confirmed",
    "withheld": "a hole in the chain is a full disk or a restored image as well; nothing is left of "
    "the hours away",
    "edited": "as withheld; a fork says that the chain was copied, not where anybody was",
    "back_dated": "readings without a time bracket may be of any day; those of an impossible boot are "
    "left out",
    "cloned": "one key on two hosts: nobody knows which is the laptop, so neither counts",
    "remote_control": "a remote session on a laptop at the site may come from the next room",
    "jiggler": "a machine's input is not counted; that says nothing of the owner",
    "relayed": "the beacon at home on a registered network may be a phone's hotspot at work; "
    "nobody can tell",
}
"""Kinds that are never contradicted, or hardly ever, though they leave a trace."""


def _unverified_kinds() -> str:
    rows = ([name, reason] for name, reason in _REASONS.items())
    return "Not contradicted, since it would not be fair:\n\n" + _table(("kind", "why"), rows)


def _halves(measured: Measured) -> str:
    rows = []
    for name, out in (("tuning (even)", False), ("held out (odd)", True)):
        part = [row for row in measured.rows if held_out(row.seed) is out]
        honest = [row for row in part if row.truth.honest]
        found = [row for row in part if not row.truth.honest and seen(row) and row.truth.trace]
        hits = _count(honest, Presence.CONTRADICTED)
        rows.append(
            [
                name,
                f"{hits} of {len(honest)}",
                f"{1000 * upper_bound(hits, len(honest)):.2f} in 1,000",
                percent(_count(found, Presence.CONTRADICTED), len(found)),
            ]
        )
    heads = ("seeds", "honest contradicted", "upper bound", "cheats with a trace contradicted")
    return "## Both halves of the seeds\n\n" + _table(heads, rows)


def _by_nuisance(honest: Sequence[Row]) -> str:
    tags = ["night_shift", "time_zone", "daylight_saving", "guest_network"]
    names = [*nuisances.ALL, *siteday.RATES, *tags]
    rows = [
        _honest_line(name, [row for row in honest if name in row.truth.nuisances]) for name in names
    ]
    rows.append(_honest_line("none of these", [row for row in honest if not row.truth.nuisances]))
    many = [row for row in honest if len(row.truth.nuisances) >= 4]
    rows.append(_honest_line("four or more at once", many))
    rows.append(_honest_line("all", list(honest)))
    heads = ("nuisance", "intervals", "contradicted", "upper bound", "unverified", "confirmed")
    return _table(heads, rows)


def _honest_line(name: str, rows: Sequence[Row]) -> list[str]:
    hits = _count(rows, Presence.CONTRADICTED)
    return [
        name,
        str(len(rows)),
        str(hits),
        f"{1000 * upper_bound(hits, len(rows)):.2f} in 1,000" if rows else "no case",
        _share(rows, Presence.UNVERIFIED),
        _share(rows, Presence.CONFIRMED),
    ]


def _by_kind(cheating: Sequence[Row]) -> str:
    lines = []
    for name in (*cheats.ALL, "all"):
        rows = [row for row in cheating if name in ("all", row.truth.kind)]
        able = [row for row in rows if seen(row)]
        traces = sorted({trace for row in rows for trace in row.truth.trace})
        lines.append(
            [
                name,
                "" if name == "all" else ", ".join(traces) or "none",
                str(len(rows)),
                _share(rows, Presence.CONTRADICTED),
                _share(rows, Presence.UNVERIFIED),
                _share(rows, Presence.CONFIRMED),
                percent(_count(able, Presence.CONTRADICTED), len(able)),
            ]
        )
    heads = (
        "kind", "trace", "intervals", "contradicted", "unverified", "confirmed",
        "contradicted, node healthy and laptop on or badge carried",
    )  # fmt: skip
    return _table(heads, lines)


def _by_set(honest: Sequence[Row], cheating: Sequence[Row]) -> str:
    able = [row for row in cheating if seen(row) and row.truth.trace]
    lines = []
    for names in SETS:
        own = [verdict for row in honest for taken, verdict in row.without if taken == names]
        theirs = [verdict for row in able for taken, verdict in row.without if taken == names]
        hits = sum(one is Presence.CONTRADICTED for one in own)
        found = sum(one is Presence.CONTRADICTED for one in theirs)
        lines.append(
            [
                " and ".join(names),
                f"{hits} of {len(own)}",
                f"{1000 * upper_bound(hits, len(own)):.2f} in 1,000" if own else "no case",
                percent(found, len(theirs)),
            ]
        )
    heads = ("without", "honest contradicted", "upper bound", "cheats with a trace contradicted")
    return _table(heads, lines)


def _plots(measured: Measured) -> str:
    bins = combined_bins(measured)
    rows = [
        [f"{low / BINS:.2f} to {(low + 1) / BINS:.2f}", str(count), f"{said:.3f}", f"{so:.3f}"]
        for low, (said, so, count) in enumerate(bins)
    ]
    return (
        "## Plots\n\n![Reliability](accuracy/reliability.svg)\n\n"
        "![Detection against false accusation](accuracy/detection.svg)\n\n"
        f"Posteriors of covered slots, as simulated (with {100 * LIFE_SHARE:g} % cheats the low bins "
        "hold fewer, and more of those are honest):\n\n"
        + _table(("posterior", "slots", "mean posterior", "share really present"), rows)
    )


def _limits() -> str:
    text = """\
        ## What this does not say

        - A simulation is not an office. It has the nuisances that somebody thought of, at rates that
          somebody chose; a pilot with people who agreed to it is what comes next.
        - Cheats are as clever as `simulation/cheats.py` makes them. `given_to_colleague`, `laptop_left`
          and a live relay heard without another signal leave nothing that a careful employer may
          accuse of; the table says so.
        - Here phones that are registered as home come to work on one day in twenty-five. Where
          somebody works over one every day, it is learnt to travel, or no day is confirmed.
        - A person's learnt coverage and offsets come from days drawn like the judged one, without
          cheating in them. A person who cheated on every day would teach the system wrongly.
        - Integrity events are what ingest raises; how well ingest raises them is tested elsewhere.
        """
    return textwrap.dedent(text)


def combined_bins(measured: Measured) -> list[tuple[float, float, int]]:
    """Mean posterior, share present and number of slots for each bin, over all intervals."""
    found = []
    for index in range(BINS):
        count = measured.honest.slots[index] + measured.cheats.slots[index]
        total = measured.honest.total[index] + measured.cheats.total[index]
        present = measured.honest.present[index] + measured.cheats.present[index]
        found.append((total / max(1, count), present / max(1, count), count))
    return found


def curve(measured: Measured) -> list[tuple[float, float]]:
    """Shares of honest intervals and of cheats with a trace that reach a score, by falling score."""
    honest = sorted((row.score for row in measured.rows if row.truth.honest), reverse=True)
    found = sorted(
        (row.score for row in measured.rows if not row.truth.honest and row.truth.trace),
        reverse=True,
    )
    points = []
    taken = 0
    for limit in sorted({round(score, 4) for score in (*honest, *found)}, reverse=True):
        while taken < len(honest) and honest[taken] >= limit:
            taken += 1
        reached = _reaching(found, limit)
        points.append((taken / max(1, len(honest)), reached / max(1, len(found))))
    return points


def operating_point(measured: Measured) -> tuple[float, float]:
    """What the verdict itself does, on the same two axes."""
    honest = [row for row in measured.rows if row.truth.honest]
    found = [row for row in measured.rows if not row.truth.honest and row.truth.trace]
    return (
        _count(honest, Presence.CONTRADICTED) / max(1, len(honest)),
        _count(found, Presence.CONTRADICTED) / max(1, len(found)),
    )


def _reaching(falling: Sequence[float], limit: float) -> int:
    low, high = 0, len(falling)
    while low < high:
        middle = (low + high) // 2
        if falling[middle] >= limit:
            low = middle + 1
        else:
            high = middle
    return low


def _count(rows: Iterable[Row], verdict: Presence) -> int:
    return sum(row.verdict is verdict for row in rows)


def _share(rows: Sequence[Row], verdict: Presence) -> str:
    return f"{100 * _count(rows, verdict) / len(rows):.1f} %" if rows else "no case"


def mark(held: bool | None) -> str:
    return {True: "yes", False: "**no**", None: "not measured"}[held]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "| " + " | ".join("---" for _ in heads) + " |"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _ranges(seeds: Sequence[int]) -> str:
    if seeds == tuple(range(min(seeds), max(seeds) + 1)) and len(seeds) > 1:
        return f"{min(seeds)} to {max(seeds)}"
    return ", ".join(map(str, seeds))
