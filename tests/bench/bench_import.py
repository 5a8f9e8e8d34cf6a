"""What a day's file costs: 1,000 people with 20 punches each, from the file to stored and due.

    python -m tests.bench.bench_import [--people 1000] [--punches 20] [--sites 20] [--due]

Over a SQLite file as `init` makes it. What is stored is queued: the next pass of the assessment finds
whoever has something new. With `--due` that question, of a collector that has run before, is measured by
itself, and its answer has to be everybody.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from tests.factories import sheets
from tests.factories.api_world import NET_KEY, WEEK
from tests.factories.vault import a_vault
from tests.fakes.randomness import Repeatable
from zaigang_collector import db, migrations
from zaigang_collector.assessment.due import Watch
from zaigang_collector.assessment.service import Judge
from zaigang_collector.connectors.sheets import service
from zaigang_collector.connectors.sheets.service import Ground, Options
from zaigang_collector.directory import service as directory
from zaigang_collector.directory.model import Assignment, Employee, Language, Site, SiteKind
from zaigang_collector.matching.policy import default_policy
from zaigang_collector.vault.service import Vault

BAR_S: Final = 20.0
ZONE: Final = "Asia/Shanghai"
NOW_MS: Final = 1_790_100_000_000  # 2026-09-22 in the evening
DAY: Final = "2026-09-21"
DAY_MS: Final = 86_400_000


@dataclass(frozen=True)
class Measured:
    """Wall-clock seconds of one run on one machine."""

    form: str
    rows: int
    bytes: int
    look_s: float
    store_s: float
    due_s: float | None
    """Of the assessment's question who is due; None: it was not asked."""
    cpu_s: float
    """Processor time of looking and storing: on a busy machine the wall clock measures the others."""
    again_s: float
    """The same file once more."""

    @property
    def whole_s(self) -> float:
        """From the file to stored, and so queued."""
        return self.look_s + self.store_s


def measure(
    people: int = 1000, punches: int = 20, sites: int = 20, *, due: bool = False
) -> list[Measured]:
    """One run each with CSV and XLSX, over a database of its own."""
    rows = [sheets.TEMPLATE, *_punches(people, punches, sites)]
    return [
        _measured(form, data, (people, punches, sites), due=due)
        for form, data in (
            ("CSV, GB18030", sheets.delimited(rows, "gb18030")),
            ("XLSX", sheets.xlsx({"打卡": rows})),
        )
    ]


def report(all_measured: list[Measured]) -> str:
    """A table, with the bar."""
    lines = [
        f"{'file':<14}{'rows':>8}{'MB':>7}{'look s':>9}{'store s':>9}{'whole s':>9}{'cpu s':>8}"
        f"{'again s':>9}{'due s':>8}   bar {BAR_S:.0f} s"
    ]
    lines += [
        f"{one.form:<14}{one.rows:>8}{one.bytes / 1e6:>7.2f}{one.look_s:>9.2f}{one.store_s:>9.2f}"
        f"{one.whole_s:>9.2f}{one.cpu_s:>8.2f}{one.again_s:>9.2f}"
        f"{'-' if one.due_s is None else format(one.due_s, '.1f'):>8}"
        for one in all_measured
    ]
    return "\n".join(lines)


def _measured(form: str, data: bytes, size: tuple[int, int, int], *, due: bool) -> Measured:
    people, punches, sites = size
    random, vault = Repeatable("bench"), a_vault()
    with tempfile.TemporaryDirectory() as folder:
        engine = db.open_engine(f"sqlite:///{Path(folder) / 'zaigang.db'}")
        migrations.upgrade(engine)
        _prepare(engine, vault, random, people, sites)
        watch = _watch(engine, vault)
        ground = Ground(vault, NET_KEY, NOW_MS, random)
        began, cpu = time.perf_counter(), time.process_time()
        with db.reading(engine) as conn:
            looked = service.look(conn, data, Options())
        seen = time.perf_counter()
        done = service.take(engine, looked, ground)
        stored, cpu_s = time.perf_counter(), time.process_time() - cpu
        again = service.take(engine, looked, ground)
        ended = time.perf_counter()
        due_s = _due_s(engine, watch, people) if due else None
        engine.dispose()
    assert (done.added, done.is_whole, len(done.employees)) == (people * punches, True, people)
    assert (again.added, again.unchanged) == (0, people * punches)
    return Measured(
        form=form,
        rows=people * punches,
        bytes=len(data),
        look_s=seen - began,
        store_s=stored - seen,
        due_s=due_s,
        cpu_s=cpu_s,
        again_s=ended - stored,
    )


def _watch(engine: Engine, vault: Vault) -> Watch:
    """The running collector's, which has looked at everybody before the file comes."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    watch = Watch(Judge(default_policy(), key, Repeatable("judge"), vault))
    with db.reading(engine) as conn:
        assert watch.due(conn, NOW_MS - 8 * DAY_MS, NOW_MS, NOW_MS) == []
    return watch


def _due_s(engine: Engine, watch: Watch, people: int) -> float:
    began = time.perf_counter()
    with db.reading(engine) as conn:
        found = watch.due(conn, NOW_MS - 8 * DAY_MS, NOW_MS, NOW_MS)
    took_s = time.perf_counter() - began
    assert len(found) == people
    return took_s


def _prepare(engine: Engine, vault: Vault, random: Repeatable, people: int, sites: int) -> None:
    """Sites in a row along the same parallel, so that no fence is left out by its latitude."""
    with db.writing(engine) as conn:
        for number in range(sites):
            where = 31.2397, _longitude(number)
            site = Site(f"s{number}", f"地点{number}", SiteKind.CLIENT, ZONE, *where, 200.0)
            directory.put_site(conn, site, NOW_MS, random)
        for number in range(people):
            name = f"E{number:05}"
            employee = Employee(name, f"员工{number}", "", Language.CHINESE, ZONE, WEEK)
            directory.put_employee(conn, vault, employee, NOW_MS, random)
            assignment = Assignment(name, f"s{number % sites}", dt.date(2026, 1, 1))
            directory.put_assignment(conn, vault, assignment, NOW_MS, random)


def _longitude(site: int) -> float:
    return 121.0 + site * 0.02


def _punches(people: int, punches: int, sites: int) -> list[list[object]]:
    """In and out in turn through the day, each with coordinates and a device."""
    rows: list[list[object]] = []
    for number in range(people):
        for turn in range(punches):
            minute = 8 * 60 + turn * 30
            rows.append(
                [
                    f"E{number:05}", f"员工{number}", f"{DAY} {minute // 60:02}:{minute % 60:02}:07",
                    "out" if turn % 2 else "in", "上海市某路某号", 31.2397,
                    _longitude(number % sites), "WGS-84", "", f"phone-{number}", "备注",
                ]
            )  # fmt: skip
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--punches", type=int, default=20)
    parser.add_argument("--sites", type=int, default=20)
    parser.add_argument("--due", action="store_true")
    args = parser.parse_args()
    sys.stdout.write(report(measure(args.people, args.punches, args.sites, due=args.due)) + "\n")
