"""From the encrypted store to a stored assessment: how many nine-hour intervals a second and core.

    python -m tests.bench.bench_judging [people]

A real SQLite file, the real vault, one site with a node and `people` with a laptop each: an envelope a
minute from every device, sealed, taken in and encrypted as in life, with a thermometer on both sides.
The bar is 40 a second. What is timed is `judge_span`, the worker's own entry, from the clock-ins to the
committed assessments; where the time goes is told by steps, each without those within it. Processor
time, of the rounds the best: a busy machine only ever adds.
"""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any, Final
from unittest import mock

import msgspec
import sqlalchemy as sa

from tests.bench.bench_assess import SITE_AIR, yardstick_ms
from tests.factories import evidence as make
from tests.factories.devices import TestDevice
from tests.factories.directory import stored_employee
from tests.factories.judging import Office, Talker, office
from zaigang_collector import db
from zaigang_collector.assessment import radio, service, store
from zaigang_collector.assessment.tables import ASSESSMENT
from zaigang_collector.attendance.model import Direction
from zaigang_collector.ingest import service as ingest
from zaigang_collector.ingest.verify import Arrived
from zaigang_collector.matching import codec
from zaigang_collector.matching.model import DeviceEvidence, Evidence
from zaigang_collector.vault.service import Vault
from zaigang_shared import envelope, rid, topics
from zaigang_shared.readings import Beacon, Reading

BAR_PER_S: Final = 40
ROUNDS: Final = 3
_END_MS: Final = make.START_MS + make.DAY_MIN * make.MINUTE_MS
STEPS: Final[Mapping[str, tuple[Any, str]]] = {
    "decrypt": (Vault, "open_many"),
    "decode": (ingest, "_content"),
    "decode a node's": (ingest, "_content_of_many"),
    "date": (ingest, "_stored"),
    "read envelopes": (ingest, "envelopes_between"),
    "resolve beacons": (radio, "resolved"),
    "hash the evidence": (codec, "evidence_hash"),
    "gather, the rest": (service, "gather"),
    "what is new": (service, "inputs_hash"),
    "assess": (service, "assess"),
    "store": (store, "keep"),
}
"""By what it is called here: where the function is found that does it."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One store."""

    people: int
    readings: int
    """Of one interval: the laptop's and the node's."""
    seconds: float
    """Processor time of one interval."""
    steps: Mapping[str, float]
    """The same by step, each without those within it; of the round that was the best."""


def measure(people: int = 10, rounds: int = ROUNDS) -> Measured:
    """Fill a store, judge everybody in it anew in each round."""
    with tempfile.TemporaryDirectory() as name, office(Path(name)) as here:
        names = [f"P{number:03}" for number in range(people)]
        count = _fill(here, names)
        _judge(here)  # keys are unwrapped, statements compiled: a worker that runs has both
        best: tuple[float, Mapping[str, float]] | None = None
        for _ in range(rounds):
            _forget_assessments(here)
            with _watched() as steps:
                started = process_time()
                done = _judge(here)
                seconds = process_time() - started
            assert done == people, f"{done} assessments of {people} people"
            if best is None or seconds < best[0]:
                rest = seconds - sum(steps.values())
                best = seconds, {**steps, "transactions, the rest": rest}
    assert best is not None
    each = {step: spent / people for step, spent in best[1].items()}
    return Measured(people, count, best[0] / people, each)


def report(measured: Measured) -> str:
    lines = [
        f"{measured.people} people at one site, {measured.readings} readings each: "
        f"{1 / measured.seconds:.1f} intervals/s, {measured.seconds * 1000:.1f} ms each; bar {BAR_PER_S}/s",
        *(f"  {step:<24}{spent * 1000:8.2f} ms" for step, spent in measured.steps.items()),
        f"a million additions in a loop: {yardstick_ms():.0f} ms",
    ]
    return "\n".join(lines)


def _judge(here: Office) -> int:
    return len(
        service.judge_span(
            here.world.engine,
            here.world.judge,
            make.START_MS - make.MINUTE_MS,
            make.START_MS + make.MINUTE_MS,
            here.world.clock.utc,
        )
    )


def _forget_assessments(here: Office) -> None:
    """As if nobody had been judged: the next round finds everything new."""
    with db.writing(here.world.engine) as conn:
        for table in reversed(ASSESSMENT.metadata.sorted_tables):
            if table.name.startswith("assessment"):
                conn.execute(sa.delete(table))


@contextmanager
def _watched() -> Iterator[dict[str, float]]:
    """Seconds by step while the steps' functions are wrapped."""
    spent: defaultdict[str, float] = defaultdict(float)
    within = [0.0]

    def timed(step: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            within.append(0.0)
            started = process_time()
            try:
                return work(*args, **kwargs)
            finally:
                took = process_time() - started
                spent[step] += took - within.pop()
                within[-1] += took

        return wrapped

    with ExitStack() as stack:
        for step, (owner, name) in STEPS.items():
            stack.enter_context(mock.patch.object(owner, name, timed(step, getattr(owner, name))))
        result: dict[str, float] = {}
        yield result
        result |= {step: spent[step] for step in STEPS}


def _fill(here: Office, names: list[str]) -> int:
    """Everybody's day, as it would have arrived; returns how many readings one interval has."""
    here.altered = True  # assessments are deleted between the rounds
    node = here.node("door-1")
    laptops = []
    for name in names:
        with db.writing(here.world.engine) as conn:
            stored_employee(conn, id=name)
        laptops.append(here.laptop(f"desk-{name}", name))
        for direction, at_ms in ((Direction.IN, make.START_MS), (Direction.OUT, _END_MS)):
            here.punch(direction, at_ms, f"{name}-{direction.value}", employee_id=name)
    parts = make.honest_day(air=(25.3, 49.0), swing_c=0.5)
    told = make.Story(parts, site_air=SITE_AIR, site_swing_c=0.5).evidence()
    minutes = (
        _minutes(told, told.laptops[0], node.device),
        _minutes(told, told.nodes[0], node.device),
    )
    for talker in (node, *laptops):
        talker.booted_ms = make.BOOT_MS
    for at_ms in sorted({*minutes[0], *minutes[1]}):
        said = [(node, minutes[1].get(at_ms)), *((one, minutes[0].get(at_ms)) for one in laptops)]
        _arrive(here, at_ms, [(talker, readings) for talker, readings in said if readings])
    here.at(_END_MS + 2 * 3_600_000)
    return sum(len(one.readings) for one in (*told.laptops, *told.nodes))


def _minutes(told: Evidence, device: DeviceEvidence, node: TestDevice) -> dict[int, list[Reading]]:
    """What a device says by the minute, with the identifiers that this node really makes."""
    key = node.device.rid_key
    assert key is not None
    minutes: dict[int, list[Reading]] = {}
    for timed in device.readings:
        reading = timed.reading
        if isinstance(reading, Beacon):
            made = rid.rid(key, told.beacons[reading.id].slot)
            reading = msgspec.structs.replace(reading, id=made)
        minutes.setdefault(timed.at_ms, []).append(reading)
    return minutes


def _arrive(here: Office, at_ms: int, said: list[tuple[Talker, list[Reading]]]) -> None:
    """One envelope of each device in one batch, receipts back."""
    batch = [
        Arrived(topics.up(talker.device.id), talker.seal(at_ms, readings), at_ms + 300)
        for talker, readings in said
    ]
    here.world.clock.utc = max(here.world.clock.utc, at_ms + 300)
    taken = here.intake.take(batch)
    assert taken.accepted == len(batch)
    for talker, _ in said:
        talker.rcpt = envelope.digest(taken.receipts[talker.device.id])


if __name__ == "__main__":
    print(report(measure(*(int(one) for one in sys.argv[1:]))))
